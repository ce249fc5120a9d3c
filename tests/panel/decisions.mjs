// What the owner of a box is asked before much changes: a file of settings, the factory reset.

import assert from 'node:assert/strict';
import { looksRightInAll } from './looks.mjs';

/** A name, a number, a choice, and an owner: that one stays. */
const FILE = `
[box]
name = "Council chamber, second floor"
language = "de"
[owner]
name = "Grace"
password = "another horse battery"
[recording]
encoder = "openh264"
reserve_bytes = 5_000_000_000
[meeting]
max_participants = 40
`;

const WORDS = {
  en: { look: 'Look at them', erase: 'Erase this box' },
  de: { look: 'Ansehen', erase: 'Diese Box löschen' },
};

export async function decisions(steps, { machine, browser, page, needs, expects }) {
  const dialog = page.getByRole('dialog');
  const press = (word) => async (page, language) => {
    await page.getByRole('button', { name: WORDS[language][word] }).click();
    await dialog.getByRole('button').nth(1).waitFor();
  };

  const asked = 'a file of settings for a box with an owner is shown before it changes anything';
  await steps.run(asked, async () => {
    await page.goto('about:blank');
    await machine.call('halt');
    await machine.call('provide', FILE);
    await machine.call('run');
    const { http } = await machine.call('where');
    browser.box.http = http;
    await page.goto(`${http}/panel/rooms`);
    await looksRightInAll(page, 'provisioning-notice', (page, language) =>
      page.getByRole('button', { name: WORDS[language].look }).waitFor());
    await looksRightInAll(page, 'provisioning', press('look'));
    await press('look')(page, 'en');
    const text = (await dialog.innerText()).replace(/\s/g, ' ');
    for (const told of ['Council chamber, second floor', 'Deutsch', '1 GB', '5 GB', 'no limit', '40']) {
      assert.ok(text.includes(told), `${told}: ${text}`);
    }
    // Neither a secret nor the file's own language.
    for (const hidden of ['horse', 'reserve_bytes', '"']) assert.ok(!text.includes(hidden), text);
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await machine.call('ask', 'GET', '/box')).name, 'Council chamber, second floor');
  }, { needs, expects });

  await steps.run('the factory reset asks for the name and the password', async () => {
    await page.goto(`${browser.box.http}/panel/settings`);
    await looksRightInAll(page, 'reset', press('erase'));
    await press('erase')(page, 'en');
    const erase = dialog.getByRole('button', { name: WORDS.en.erase });
    assert.ok(await erase.isDisabled());
    await dialog.getByLabel('Type the name of this box').fill('Council chamber, second floor');
    await dialog.getByLabel('Your password').fill('no horse battery');
    await erase.click();
    await dialog.getByRole('alert').waitFor();
    await looksRightInAll(page, 'reset-refused', async (page, language) => {
      await press('erase')(page, language);
      await dialog.locator('input').first().fill('Council chamber, second floor');
      await dialog.locator('input[type=password]').fill('no horse battery');
      await dialog.getByRole('button', { name: WORDS[language].erase }).click();
      await dialog.getByRole('alert').waitFor();
    });
  }, { needs: [asked], expects: [/^401 \/api\/v1\/box\/reset$/] });
}
