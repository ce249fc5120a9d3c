// Updates of a box with two sides, as its owner sees them. RAUC is a double on a real bus.
//
//   python3 run.py --only updates

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Browser } from './browser.mjs';
import { decisions } from './decisions.mjs';
import { looksRightInAll } from './looks.mjs';

const BUNDLE = { compatible: 'roombox-test', version: '0.3' };
const WHY = 'no room could be recorded (the encoder did not start)';

/** A machine that starts, and starts again; Python has it. */
class Machine {
  static async start() {
    const machine = new Machine();
    const script = fileURLToPath(new URL('machine.py', import.meta.url));
    machine.process = spawn('setpriv', ['--pdeathsig', 'TERM', process.env.ROOMBOX_PYTHON, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    machine.lines = readline.createInterface({ input: machine.process.stdout });
    machine.answers = machine.lines[Symbol.asyncIterator]();
    Object.assign(machine, await machine.#answer());
    return machine;
  }

  async #answer() {
    const { value, done } = await this.answers.next();
    if (done) throw new Error('the machine has gone: see above');
    return JSON.parse(value);
  }

  async call(...words) {
    this.process.stdin.write(`${JSON.stringify(words)}\n`);
    return await this.#answer();
  }

  async stop() {
    this.process.stdin.end();
    await once(this.process, 'exit');
  }
}

const file = (bundle) => ({
  name: 'roombox-0.3.raucb',
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(JSON.stringify(bundle)),
});

const heading = (page) => page.getByRole('heading', { level: 1 }).waitFor();
const says = (text) => (page) => page.getByText(text).first().waitFor();

/** What a browser says of a box that restarts. */
const LOST = [/ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/, /Failed to fetch/];

export async function updates(steps) {
  const machine = await Machine.start();
  const browser = await Browser.start({ http: machine.http });
  const before = steps.browser;
  steps.browser = browser;
  const owner = await browser.person();
  const page = await owner.newPage();
  const choose = (bundle) => page.locator('input[type=file]').setInputFiles(file(bundle));

  const none = 'a box without an updater says so';
  await steps.run(none, async () => {
    await page.goto('/panel/settings/updates');
    await page.getByLabel("Owner's password").fill(machine.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await says('This box cannot update itself')(page);
    await looksRightInAll(page, 'updates-none', heading);
  }, { expects: [/^401 \/api\/v1\/session$/] });

  const fresh = 'the two sides of a fresh box look right everywhere';
  await steps.run(fresh, async () => {
    await machine.call('start_updater');
    await machine.call('stick', BUNDLE);
    await page.goto('/panel/settings');
    await page.getByRole('link', { name: 'Updates' }).click();
    await says('Nothing is installed')(page);
    await says('sda1/new.raucb')(page);
    await looksRightInAll(page, 'updates', (page) => page.locator('form').nth(1).waitFor());
  }, { needs: [none] });

  await steps.run('a bundle for another board is refused in words', async () => {
    await choose({ ...BUNDLE, compatible: 'roombox-other' });
    await says('This bundle is made for another board')(page);
    await looksRightInAll(page, 'updates-failed', (page) => page.getByRole('alert').waitFor());
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
  }, { needs: [fresh] });

  const installed = 'an uploaded bundle is installed, and its progress is seen';
  await steps.run(installed, async () => {
    await choose({ ...BUNDLE, hold: 70 });
    await says('Version 0.3 is being installed')(page);
    await says(/70.?%/)(page);
    await looksRightInAll(page, 'updates-installing', (page) =>
      page.getByRole('progressbar').waitFor());
    await machine.call('updater.go');
    await says('Version 0.3 is ready')(page);
    await looksRightInAll(page, 'updates-ready', says('0.3'));
  }, { needs: [fresh] });

  const waits = 'an update that would disturb a recording waits, and says for whom';
  await steps.run(waits, async () => {
    const room = await machine.call('ask', 'POST', '/rooms', { name: 'Library' });
    const guest = await browser.person();
    const meeting = await guest.newPage();
    await meeting.goto(`/meet/${room.id}#invite=${room.invite}`);
    await meeting.getByLabel('Your name').fill('Grace');
    await meeting.getByRole('button', { name: 'Join' }).click();
    await meeting.getByText('You are the first.').waitFor();
    await machine.call('ask', 'POST', `/rooms/${room.id}/recording`, {});
    await page.getByRole('button', { name: 'Install sda1/new.raucb' }).click();
    await says('Version 0.3 waits')(page);
    await says('1 person is in a meeting, 1 recording runs')(page);
    await looksRightInAll(page, 'updates-waiting', says('0.3'));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await guest.close();
    await machine.call('ask', 'DELETE', `/rooms/${room.id}/meeting`);
    await says('Version 0.3 is ready')(page);
  }, { needs: [installed] });

  const back = 'a version that did not come up is explained when the box is back';
  await steps.run(back, async () => {
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Restart' }).click();
    await says('The box restarts')(page);
    await machine.call('halt');
    for (const id of ['try-1', 'try-2', 'try-3']) {
      await machine.call('note', id, 'B', '0.3', 'started');
      await machine.call('note', id, 'B', '0.3', 'failed', WHY);
    }
    await machine.call('start', 'A', '0.2');
    await machine.call('give_up', 'B');
    // A box with another port: the page cannot know it, and must not ask the old one any more.
    await page.goto('about:blank');
    const { http } = await machine.call('where');
    browser.box.http = http;
    await page.goto(`${http}/panel/settings/updates`);
    await says('Version 0.3 did not stay')(page);
    await says(WHY)(page);
    await says('It was tried 3 times.')(page);
    await says('Did not come up')(page);
    await looksRightInAll(page, 'updates-setback', says('0.3'));
  }, { needs: [installed, waits], expects: LOST });

  await decisions(steps, { machine, browser, page, needs: [back], expects: LOST });

  await browser.close();
  await machine.stop();
  steps.browser = before;
}
