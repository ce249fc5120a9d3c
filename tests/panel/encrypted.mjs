// A box as it ships: plain HTTP leads to its own HTTPS, where it is claimed and two people meet.
// Chromium is told to take the certificate as a device does that trusts it; what such a device
// checks, curl, openssl and the SDKs check in the daemon's tests and in tests/e2e.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expectText, seesVideoOf, until } from './waiting.mjs';
import { Browser } from './browser.mjs';

const PASSWORD = 'correct horse battery';

const STARTED = 'a box as it ships shows its address and a way to trust it';
const CLAIMED = 'plain HTTP leads a device that trusts the box to HTTPS, where it is claimed';

export class ShippedBox {
  async start() {
    this.folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-shipped-'));
    const screen = path.join(this.folder, 'console.txt');
    const roomboxd = path.join(process.env.ROOMBOX_BIN, 'roomboxd');
    const where = ['--data', path.join(this.folder, 'data'), '--udp', '0', '--tcp', '0', '--console', screen];
    const doors = ['--http', '127.0.0.1:0', '--https', '127.0.0.1:0', '--address', '127.0.0.1'];
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', roomboxd, ...where, ...doors], {
      stdio: 'ignore',
    });
    this.exited = once(this.process, 'exit');
    await until('the screen', async () => {
      this.screen = await readFile(screen, 'utf8').catch(() => '');
      return this.screen.includes('Trust');
    });
    this.http = this.screen.match(/listens on (\S+)/)[1];
    this.plain = this.screen.match(/(http:\S+)\/ says how/)[1];
    this.code = this.screen.match(/claim#(\S+)/)[1];
  }

  async end() {
    this.process.kill('SIGTERM');
    const [code] = await this.exited;
    await rm(this.folder, { recursive: true, force: true });
    return code;
  }
}

/** With a box of its own. */
export async function encrypted(steps) {
  const box = new ShippedBox();
  await box.start();
  const browser = await Browser.start(box);
  const before = steps.browser;
  steps.browser = browser;
  const person = () => browser.person({ ignoreHTTPSErrors: true });
  let owner, room;

  await steps.run(STARTED, async () => {
    const stranger = await browser.person();
    const page = await stranger.newPage();
    await page.goto(`${box.plain}/#${box.code}`);
    await expectText(page, 'Download the certificate');
    const shown = (await page.getByRole('code').textContent()).trim();
    assert.ok(box.screen.replace(/\s/g, '').includes(shown), 'the screen shows another SHA-256');
    await stranger.close();
  }, { expects: [/asked elsewhere/, /ERR_CERT_AUTHORITY_INVALID/] });

  await steps.run(CLAIMED, async () => {
    owner = await person();
    const page = await owner.newPage();
    await page.goto(`${box.plain}/`);
    await page.waitForURL(`${box.http}/panel/**`);
    await page.goto(`/panel/claim#${box.code}`);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('textbox', { name: "Owner's password" }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByRole('button', { name: 'Open the panel' }).click();
    const [cookie] = await owner.cookies();
    assert.equal(cookie.name, '__Host-roombox_session');
    assert.ok(cookie.secure, 'the session would go without encryption, too');
    await page.getByRole('button', { name: 'New room' }).first().click();
    await page.getByLabel('Name of the room').fill('Library');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Library', level: 1 }).waitFor();
    room = await page.getByRole('textbox', { name: 'Invite link' }).inputValue();
    assert.ok(room.startsWith(`${box.http}/meet/`), room);
  }, { expects: [/^401 \/api\/v1\/session$/, /asked elsewhere/], needs: [STARTED] });

  await steps.run('two people meet over HTTPS', async () => {
    const pages = [];
    for (const name of ['Grace', 'Ada']) {
      const page = await (await person()).newPage();
      await page.goto(room);
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('button', { name: 'Join' }).click();
      pages.push(page);
    }
    await Promise.all([seesVideoOf(pages[1], 'Grace'), seesVideoOf(pages[0], 'Ada')]);
  }, { needs: [CLAIMED] });

  await browser.close();
  steps.browser = before;
  assert.equal(await box.end(), 0);
}
