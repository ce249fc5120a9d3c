// Settings as a text, as an owner puts them in: looked at, refused line by line, taken over after a question.
// Without `ROOMBOX_SHOTS` one picture is judged: the empty card is on the page of settings, which `looks` judges.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText, until } from './waiting.mjs';

const SERVER = `client:
  port: 8080
  secret: "canary4711"
  webhook_conf:
    url: "https://hooks.example.org"
room_default_settings:
  max_participants: 40
  max_duration: 0
livekit_info:
  host: "http://10.0.0.2:7880"
nats_info:
  nats_urls:
    - "nats://10.0.0.2:4222"
recorder_info:
  recording_files_path: "/srv/recordings"
weather:
  sun: true
`;
const FAULTS = '[recording]\nkeep_days = 30\nlayouts = "auto"\n[meeting]\nempty_timeout_s = 0\n';

const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
const table = (page, name) => page.getByRole('table', { name });

/** `panel` is the page of an owner. */
export async function settingsText(steps, panel) {
  const settings = async () => (await panel.request.get('/api/v1/settings')).json();
  const field = () => panel.getByRole('textbox', { name: 'The text' });
  const apply = () => panel.getByRole('button', { name: 'Take over', exact: true });

  const taken = 'an owner takes the settings along, changes them and puts them in';
  await steps.run(taken, async () => {
    await panel.goto('/panel/settings');
    const download = panel.waitForEvent('download');
    await panel.getByRole('link', { name: 'Take the settings along' }).click();
    const text = await readFile(await (await download).path(), 'utf8');
    assert.equal((await download).suggestedFilename(), 'roombox-settings.toml');
    await field().fill(text);
    await panel.getByRole('button', { name: 'See what would change' }).click();
    await expectText(panel, 'Nothing would change');
    assert.equal(await apply().count(), 0);
    await field().fill(text.replace('keep_days = 0', 'keep_days = 30'));
    assert.equal(await panel.getByText('Nothing would change').count(), 0, 'what was said is of another text');
    await panel.getByRole('button', { name: 'See what would change' }).click();
    await table(panel, 'This would change').getByRole('row').filter({ hasText: '30' }).waitFor();
    await apply().click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByText('1 setting changes at once').waitFor();
    assert.equal((await settings()).recording.keep_days, 0, 'nothing yet');
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await expectText(panel, 'The settings were taken over');
    assert.equal((await settings()).recording.keep_days, 30);
    assert.equal(await field().inputValue(), '');
  });

  await steps.run('what will not do is said by its lines, and nothing is taken over', async () => {
    const before = await settings();
    await panel.locator('input[accept*=".toml"]').setInputFiles(file('faults.toml', FAULTS.replace('30', '31')));
    const faults = table(panel, 'This will not do');
    await faults.getByRole('row', { name: /^3 recording\.layouts .*did you mean layout/ }).waitFor();
    await faults.getByRole('row', { name: /^5 meeting\.empty_timeout_s is between/ }).waitFor();
    assert.ok(await apply().isDisabled());
    if (process.env.ROOMBOX_SHOTS) await looksRight(panel, 'settings-text-faults', 'en');
    await panel.locator('input[accept*=".toml"]').setInputFiles(file('film.toml', '#'.repeat(300_000)));
    await expectText(panel, 'This file is too large');
    assert.deepEqual(await settings(), before);
  }, { needs: [taken] });

  await steps.run("a plugnmeet-server's file says of each key what becomes of it", async () => {
    const put = () => panel.locator('input[accept*=".toml"]').setInputFiles(file('config.yaml', SERVER));
    await put();
    await table(panel, 'Needs your hand').getByRole('row', { name: /livekit_info\.host This box is that server/ }).waitFor();
    await table(panel, 'Taken over').getByRole('row', { name: /^7 .*taken over as: People in a room/ }).waitFor();
    await table(panel, 'Unknown').getByRole('row', { name: /^17 weather\.sun/ }).waitFor();
    await panel.getByRole('button', { name: /^Show \d+ lines$/ }).click();
    await table(panel, 'Has no meaning here').getByRole('row', { name: /nats_info\.nats_urls/ }).waitFor();
    assert.ok(!(await panel.locator('main').innerText()).includes('canary4711'), 'values stay in the field');
    if (process.env.ROOMBOX_SHOTS) {
      await looksRightInAll(panel, 'settings-text', async (page) => {
        await page.locator('input[accept*=".toml"]').waitFor({ state: 'attached' });
        await put();
        await page.getByRole('table').nth(2).waitFor();
      });
      await put();
    }
    // Somebody else is quicker.
    await apply().waitFor();
    const patch = { meeting: { departure_timeout_s: 33 } };
    assert.equal((await panel.request.patch('/api/v1/settings', { data: patch })).status(), 200);
    await apply().click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await expectText(dialog, 'Somebody changed settings in the meantime');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const seen = panel.waitForResponse(/previews$/);
    await panel.getByRole('button', { name: 'See what would change' }).click();
    await seen;
    await apply().click();
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await until('it was taken over', async () => (await settings()).meeting.max_participants === 40);
    assert.equal((await settings()).meeting.departure_timeout_s, 33, 'what the file does not name stays');
  }, { needs: [taken], expects: [/^409 \/api\/v1\/settings\/text$/] });
}
