// Keys for OBS and for players, on the room's page.

import assert from 'node:assert/strict';
import { looksRightInAll } from './looks.mjs';
import { expectText, until } from './waiting.mjs';

export const KEY_MADE = 'a key for OBS is shown once, with what OBS asks for';
const WORDS = {
  en: { make: 'New key to send', name: 'Name', create: 'Create', token: 'Bearer Token', key: 'Camera' },
  de: { make: 'Neuer Schlüssel zum Senden', name: 'Name', create: 'Anlegen', token: 'Bearer-Token', key: 'Kamera' },
};

async function make(page, language) {
  const words = WORDS[language];
  await page.getByRole('button', { name: words.make }).click();
  await page.getByRole('dialog').getByLabel(words.name).fill(words.key);
  await page.getByRole('dialog').getByRole('button', { name: words.create }).click();
  await page.getByLabel(words.token, { exact: true }).waitFor();
}

/** `needs` is the step that made the room. */
export async function whip(steps, world, needs) {
  const { box } = world;

  await steps.run(KEY_MADE, async () => {
    const page = world.panel;
    await page.goto(`/panel/rooms/${world.room}`);
    await expectText(page, 'No keys yet. Make one to send from OBS');
    await make(page, 'en');
    assert.equal(await page.getByLabel('Server', { exact: true }).inputValue(), `${box.http}/whip`);
    world.token = await page.getByLabel('Bearer Token', { exact: true }).inputValue();
    assert.match(world.token, /^rbw_.{40,}$/);
    await page.getByRole('img', { name: 'QR code with address and token of Camera' }).waitFor();
    await expectText(page, 'Service: WHIP.');
    // It opens the door: what is refused is the offer that is none.
    assert.equal(await knock(box, world.token), 400);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByLabel('Bearer Token', { exact: true }).waitFor({ state: 'detached' });
    await page.reload();
    await expectText(page, 'last used');
    assert.ok(!(await page.content()).includes(world.token), 'the token can be seen again');
  }, { needs: [needs] });

  await steps.run('two keys of one name would be one participant, and are refused', async () => {
    const page = world.panel;
    await page.getByRole('button', { name: 'New key to watch' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Camera');
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    await expectText(page, 'This room already has a key of this name.');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  }, { needs: [KEY_MADE], expects: [/^409 .*\/whip-keys$/] });

  await steps.run('a key is revoked only after a question', async () => {
    const page = world.panel;
    const revoke = page.getByRole('button', { name: 'Revoke Camera' });
    await revoke.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await knock(box, world.token), 400);
    await revoke.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await revoke.waitFor({ state: 'detached' });
    await until('the token is refused', async () => (await knock(box, world.token)) === 401);
  }, { needs: [KEY_MADE] });

  await steps.run('a new key can be read on every window', async () => {
    const page = world.panel;
    await page.goto(`/panel/rooms/${world.room}`);
    await looksRightInAll(page, 'whip-key', make);
  }, { needs: [KEY_MADE] });
}

/** The status that an offer which is none gets with this token. */
async function knock(box, token) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' };
  return (await fetch(`${box.http}/whip`, { method: 'POST', headers, body: 'hello' })).status;
}
