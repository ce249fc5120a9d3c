// The network as its owner sees it: a real NetworkManager in a network of its own, and a browser in the office.
//
//   python3 run.py --only network

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Browser } from './browser.mjs';
import { looksRightInAll } from './looks.mjs';

/** The box and its office; Python has them. */
class Home {
  static async start() {
    const home = new Home();
    const script = fileURLToPath(new URL('network_home.py', import.meta.url));
    home.process = spawn('setpriv', ['--pdeathsig', 'TERM', process.env.ROOMBOX_PYTHON, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    home.answers = readline.createInterface({ input: home.process.stdout })[Symbol.asyncIterator]();
    return Object.assign(home, await home.answer());
  }

  async answer() {
    const { value, done } = await this.answers.next();
    if (done) throw new Error('the box at home has gone: see above');
    return JSON.parse(value);
  }

  async call(...words) {
    this.process.stdin.write(`${JSON.stringify(words)}\n`);
    return await this.answer();
  }

  async stop() {
    this.process.stdin.end();
    await once(this.process, 'exit');
  }
}

const PAGE = '/panel/settings/network';
/** What a browser says of an address that the box no longer has. */
const LOST = [/ERR_(ADDRESS_UNREACHABLE|CONNECTION_|INTERNET_|NETWORK_CHANGED|TIMED_OUT|EMPTY_RESPONSE)/,
  /Failed to fetch/, /WebSocket/, /asked elsewhere/];

const shows = (text) => (page) => page.getByText(text).first().waitFor();
const fixed = (address) => ({
  ipv4: { way: 'static', address, prefix: 24, gateway: '' },
  ipv6: { way: 'off' },
});

export async function network(steps) {
  const home = await Home.start();
  if (home.missing) {
    steps.counts.skipped += 1;
    console.log(`SKIPPED the network in the panel: ${home.missing}`);
    return;
  }
  const outside = process.env.CHROMIUM;
  process.env.CHROMIUM = home.chromium;
  const browser = await Browser.start({ http: home.http });
  process.env.CHROMIUM = outside;
  const before = steps.browser;
  steps.browser = browser;
  const owner = await browser.person();
  const page = await owner.newPage();
  const signIn = async () => {
    await page.getByLabel("Owner's password").fill(home.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const card = (name) => page.getByRole('region', { name, exact: true });

  const seen = 'the interfaces and the clock look right everywhere';
  await steps.run(seen, async () => {
    await page.goto(PAGE);
    await signIn();
    await card('lan0').getByText(`${home.net}.`).first().waitFor();
    await looksRightInAll(page, 'network', (page) => page.getByRole('heading', { level: 1 }).waitFor());
  }, { expects: [/^401 \/api\/v1\/session$/] });

  const WORDS = {
    en: { change: (name) => `Change ${name}`, fixed: 'Fixed', address: 'Address', go: 'Try the change',
      wrong: 'no address that an interface can have here' },
    de: { change: (name) => `${name} ändern`, fixed: 'Fest', address: 'Adresse', go: 'Änderung versuchen',
      wrong: 'Diese Adresse kann eine Schnittstelle hier nicht haben' },
  };
  /** Asks for a fixed address. */
  const wish = async (name, address, words = WORDS.en) => {
    const dialog = page.getByRole('dialog');
    if (!(await dialog.isVisible())) {
      await card(name).getByRole('button', { name: words.change(name) }).click();
      await dialog.getByRole('combobox', { name: 'IPv4' }).click();
      await page.getByRole('option', { name: words.fixed }).click();
    }
    await dialog.getByLabel(words.address, { exact: true }).fill(address);
    await dialog.getByRole('button', { name: words.go }).click();
  };

  const typed = 'what will not do is said at its field, and nothing is tried';
  await steps.run(typed, async () => {
    await looksRightInAll(page, 'network-dialog', async (page, language) => {
      await wish('lan1', '127.0.0.7', WORDS[language]);
      await page.getByRole('dialog').getByText(WORDS[language].wrong).waitFor();
    }, page.getByRole('dialog'));
    const none = await page.evaluate(() => fetch('/api/v1/network/trial').then((answer) => answer.json()));
    assert.deepEqual(none, { trial: null });
  }, { needs: [seen], expects: [/^422 /] });

  const kept = 'a change on the other cable is tried in the panel and kept there';
  await steps.run(kept, async () => {
    await wish('lan1', `${home.other}.9`);
    const question = page.getByRole('dialog', { name: 'Keep the new settings of lan1?' });
    await question.getByText('The new settings are in force.').waitFor();
    await question.getByText(/goes back by itself in \d+ s/).first().waitFor();
    await question.getByRole('button', { name: 'Keep' }).click();
    await shows('The last change was kept.')(page);
    await card('lan1').getByText(`${home.other}.9/24`).waitFor();
    assert.deepEqual(await home.call('profiles'), ['Roombox lan1.nmconnection']);
  }, { needs: [typed] });

  const asked = 'the question stands on every page, and looks right everywhere';
  await steps.run(asked, async () => {
    const settings = fixed(`${home.other}.11`);
    await home.call('box.ask', 'PUT', '/network/interfaces/lan1', { settings, confirm_within_s: 600 });
    await page.goto('/panel/rooms');
    await shows('Keep the new settings of lan1?')(page);
    await page.goto(PAGE);
    await shows('The new settings are in force.')(page);
    await looksRightInAll(page, 'network-trial', (page) => page.getByRole('region').first().waitFor());
    await page.getByRole('button', { name: 'Go back' }).first().click();
    await shows('The last change was taken back.')(page);
    await card('lan1').getByText(`${home.other}.9/24`).waitFor();
  }, { needs: [kept] });

  const moved = 'a box that moves is followed by its link, and kept from there';
  await steps.run(moved, async () => {
    await wish('lan0', `${home.net}.60`);
    const link = page.getByRole('dialog').getByRole('link', { name: new RegExp(`${home.net}\\.60:`) });
    await page.getByText('This page does not reach the box any more').first().waitFor();
    browser.box = { http: `http://${home.net}.60:${home.port}` };
    await link.click();
    await page.waitForURL(`${browser.box.http}${PAGE}`);
    await signIn();
    await shows('Keep the new settings of lan0?')(page);
    await page.getByRole('button', { name: 'Keep' }).first().click();
    await shows('The last change was kept.')(page);
    assert.deepEqual(await home.call('addresses'), [`${home.net}.60`]);
  }, { needs: [asked], expects: [...LOST, /^401 \/api\/v1\/session$/] });
  await browser.close();
  await home.stop();
  steps.browser = before;
}
