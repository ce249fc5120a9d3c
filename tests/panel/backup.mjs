// Backups in the panel: made, taken along, tried, restored, taken back.
//
//   python3 run.py --only backup

import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const PASSPHRASE = 'canary horse battery staple';
const NOBODY = /^401 \/api\/v1\/session$/;
/** While the box starts anew nobody answers. */
const AWAY = [NOBODY, /api\/v1\/(box|events|backups|session|network)/, /WebSocket/, /ERR_CONNECTION/];

async function signIn(page) {
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** With a box of its own. */
export async function backup(steps) {
  const before = steps.browser;
  const box = await Box.start();
  // It starts anew by itself, on the port that it was told.
  await box.stop();
  await box.run();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const body = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: body })).status(), 201);
  await owner.request.post('/api/v1/rooms', { data: { name: 'Library' } });
  const panel = await owner.newPage();
  const dialog = panel.getByRole('dialog');
  const mine = (where) => where.getByRole('textbox', { name: 'Your password' });
  const phrases = () => panel.getByRole('textbox', { name: /^Passphrase/ });
  let file;

  const made = 'the owner makes a backup and takes it along';
  await steps.run(made, async () => {
    await panel.goto('/panel/settings/backup');
    await looksRightInAll(panel, 'backup', (page) => page.locator('h2').first().waitFor());
    const run = panel.getByRole('button', { name: 'Make a backup' });
    await phrases().nth(0).fill('too short');
    await phrases().nth(1).fill('too short');
    assert.ok(await run.isDisabled());
    await phrases().nth(0).fill(PASSPHRASE);
    await phrases().nth(1).fill('another one');
    await expectText(panel, 'The two are not the same.');
    assert.ok(await run.isDisabled());
    await phrases().nth(1).fill(PASSPHRASE);
    assert.ok(await run.isDisabled(), 'anybody at an open page could take everything along');
    await mine(panel).fill('not this one');
    await run.click();
    await expectText(panel, 'This password is wrong.');
    await mine(panel).fill(PASSWORD);
    await run.click();
    await expectText(panel, 'The backup is ready');
    const download = panel.waitForEvent('download');
    await panel.getByRole('link', { name: 'Download' }).click();
    file = await (await download).path();
    const bytes = await readFile(file);
    assert.ok(bytes.subarray(0, 21).toString().startsWith('age-encryption.org/v1'), 'it is an age file');
  }, { expects: [/^401 \/api\/v1\/backups$/] });

  await steps.run('one that is cancelled leaves the one before', async () => {
    const kept = async () => (await (await owner.request.get('/api/v1/backups')).json()).made;
    const older = await kept();
    await phrases().nth(0).fill(PASSPHRASE);
    await phrases().nth(1).fill(PASSPHRASE);
    await mine(panel).fill(PASSWORD);
    await panel.getByRole('button', { name: 'Make a new one' }).click();
    await panel.getByRole('progressbar', { name: 'The backup is being made' }).waitFor();
    await panel.getByRole('button', { name: 'Cancel', exact: true }).click();
    await expectText(panel, 'The backup was cancelled.');
    await panel.getByRole('link', { name: 'Download' }).waitFor();
    assert.ok(older.at && older.bytes);
    assert.deepEqual(await kept(), older);
    await looksRight(panel, 'backup-cancelled', 'en');
  }, { needs: [made] });

  const planned = 'the box makes backups by itself, once the owner has said where to';
  await steps.run(planned, async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-planned-'));
    const place = { kind: 'folder', path: folder, mounted: false };
    const added = await owner.request.post('/api/v1/targets', { data: { name: 'Cupboard', place } });
    assert.equal(added.status(), 201);
    await panel.goto('/panel/settings/backup');
    await panel.getByRole('button', { name: 'Set it up' }).click();
    const save = panel.getByRole('button', { name: 'Save', exact: true });
    await panel.getByText('Weekly').click();
    await panel.getByRole('checkbox', { name: 'Cupboard' }).check();
    await phrases().nth(0).fill(PASSPHRASE);
    await phrases().nth(1).fill(PASSPHRASE);
    assert.ok(await save.isDisabled());
    await mine(panel).nth(0).fill(PASSWORD);
    await looksRight(panel, 'backup-plan-form', 'en');
    await save.click();
    await expectText(panel, 'at Cupboard');
    await panel.getByText(/^Last good backup/).waitFor();
    await looksRightInAll(panel, 'backup-planned', (page) => page.getByText('Cupboard').first().waitFor());
    const kept = await readdir(folder, { recursive: true });
    assert.equal(kept.filter((name) => name.endsWith('-1.age')).length, 1, `${kept}`);
    await panel.getByRole('button', { name: 'Make one now' }).click();
    await panel.getByText(/^2 are there/).waitFor();
    await panel.getByRole('button', { name: 'Make one now' }).click();
    await panel.getByRole('button', { name: 'Cancel this one' }).click();
    await expectText(panel, 'The last one was cancelled: not every target has it.');
    await looksRight(panel, 'backup-called-off', 'en');
    await panel.getByRole('button', { name: 'End it' }).click();
    await dialog.getByRole('button', { name: 'End it' }).click();
    await panel.getByRole('button', { name: 'Set it up' }).waitFor();
    assert.equal((await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.age')).length, 2);
    await rm(folder, { recursive: true });
    const [target] = (await (await owner.request.get('/api/v1/targets')).json()).items;
    await owner.request.delete(`/api/v1/targets/${target.id}`);
  }, { needs: [made] });

  const tried = 'a trial says what the backup would bring, and a wrong passphrase opens nothing';
  await steps.run(tried, async () => {
    await owner.request.post('/api/v1/rooms', { data: { name: 'Cellar' } });
    const send = () => panel.locator('input[type=file]').setInputFiles(file);
    const uploaded = panel.getByRole('radio', { name: /^The one uploaded here/ });
    await send();
    await uploaded.waitFor();
    await panel.getByRole('button', { name: 'Delete it here' }).nth(1).click();
    await dialog.getByRole('button', { name: 'Delete it here' }).click();
    await uploaded.waitFor({ state: 'detached' });
    await send();
    await uploaded.waitFor();
    await phrases().nth(2).fill('wrong horse battery staple');
    await panel.getByRole('button', { name: 'Try it' }).click();
    await expectText(panel, 'This passphrase does not open the backup.');
    await phrases().nth(2).fill(PASSPHRASE);
    await panel.getByRole('button', { name: 'Try it' }).click();
    await expectText(panel, 'It can be restored');
    await looksRight(panel, 'backup-drilled', 'en');
  }, { needs: [made], expects: [/^422 \/api\/v1\/backups\/drill$/] });

  const restored = 'it is restored once the name is typed, and the page comes back by itself';
  await steps.run(restored, async () => {
    await panel.getByRole('button', { name: 'Restore it' }).click();
    const run = dialog.getByRole('button', { name: 'Restore and restart' });
    const name = dialog.getByRole('textbox', { name: /^Type / });
    await name.fill('Roombox');
    assert.ok(await run.isDisabled(), 'nobody has said whose box it is then');
    await dialog.getByRole('radio', { name: 'It stays itself' }).check();
    await mine(dialog).fill(PASSWORD);
    await name.fill('Roombo');
    assert.ok(await run.isDisabled());
    await name.fill('Roombox');
    await looksRight(panel, 'backup-restore', 'en');
    await run.click();
    await signIn(panel);
    await panel.getByRole('link', { name: 'Rooms', exact: true }).first().click();
    await expectText(panel, 'Library');
    assert.equal(await panel.getByText('Cellar').count(), 0);
  }, { needs: [tried], expects: AWAY });

  await steps.run('what was before comes back', async () => {
    await panel.goto('/panel/settings/backup');
    await expectText(panel, 'A backup was restored');
    await looksRight(panel, 'backup-restored', 'en');
    await panel.getByRole('button', { name: 'Go back to before' }).click();
    const back = dialog.getByRole('button', { name: 'Go back to before' });
    assert.ok(await back.isDisabled());
    await mine(dialog).fill(PASSWORD);
    await back.click();
    // This session was begun after the restore: the box of before does not know it.
    await signIn(panel);
    await expectText(panel, 'A restore was taken back');
    const rooms = await owner.request.get('/api/v1/rooms');
    assert.ok((await rooms.text()).includes('Cellar'));
  }, { needs: [restored], expects: AWAY });

  await steps.run('a box without an owner takes a backup, by its code', async () => {
    const other = await Box.start();
    await other.stop();
    await other.run();
    const visitors = await Browser.start(other);
    const visitor = await visitors.person();
    const page = await visitor.newPage();
    await page.goto(other.claimLink);
    await page.getByRole('button', { name: 'Restore a backup instead' }).click();
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('textbox', { name: 'Passphrase' }).fill(PASSPHRASE);
    await page.getByRole('radio', { name: 'It stays itself' }).check();
    await looksRight(page, 'claim-restore', 'en');
    await page.getByRole('button', { name: 'Restore and restart' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await visitors.close();
    await other.remove();
  }, { needs: [made], expects: AWAY });

  await browser.close();
  assert.ok(!(await box.log()).includes('panicked'));
  await box.remove();
  steps.browser = before;
}
