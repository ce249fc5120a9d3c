// People who visit the machine with Chromium: `node visit.mjs URL`, then one JSON array a line on
// standard input, [what, ...words]; each is answered by a line {"done": …} or {"error": …}.

import readline from 'node:readline';
import { Browser } from '../panel/browser.mjs';
import { seesVideoOf } from '../panel/waiting.mjs';

// What takes a second on a machine takes half a minute on one that is emulated.
const PATIENCE_MS = 300_000;

const url = process.argv[2];
const browser = await Browser.start({ http: url });
const people = [];

async function person(options = {}) {
  const context = await browser.person({ ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  context.setDefaultNavigationTimeout(PATIENCE_MS);
  return context;
}

async function signedIn(options, password) {
  const context = await person(options);
  const answer = await context.request.post('/api/v1/session', { data: { password }, timeout: PATIENCE_MS });
  if (!answer.ok()) throw new Error(`the box does not let us in: ${await answer.text()}`);
  return context;
}

const ways = {
  /** The owner claims the box as its console says. */
  async claim(code, name, password) {
    const context = await person();
    const page = await context.newPage();
    await page.goto(`/panel/claim#${code}`);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('textbox', { name: "Owner's password" }).fill(password);
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByRole('button', { name: 'Open the panel' }).click();
    const [cookie] = await context.cookies();
    await context.close();
    return `${cookie.name}=${cookie.value}`;
  },

  /** Everybody joins by the link, and sees the picture of everybody else. */
  async meet(link, ...names) {
    for (const name of names) {
      const page = await (await person()).newPage();
      await page.goto(link);
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('button', { name: 'Join' }).click();
      people.push({ name, page });
    }
    for (const { page, name } of people) {
      for (const other of people) if (other.name !== name) await seesVideoOf(page, other.name);
    }
  },

  async leave() {
    for (const { page } of people.splice(0)) await page.context().close();
  },

  /** A page of the panel once it says `text`, as pictures: desktop and phone, light and dark. */
  async look(path, text, target, password) {
    const sizes = [['desktop', 1280, 900], ['phone', 390, 844]];
    for (const [size, width, height] of sizes) {
      for (const colorScheme of ['light', 'dark']) {
        const context = await signedIn({ viewport: { width, height }, colorScheme }, password);
        const page = await context.newPage();
        await page.goto(path);
        await page.getByText(new RegExp(text)).first().waitFor();
        await page.screenshot({ path: `${target}-${size}-${colorScheme}.png`, fullPage: true });
        await context.close();
      }
    }
  },
};

const lines = readline.createInterface({ input: process.stdin });
console.log(JSON.stringify({ done: browser.chromium.version() }));
for await (const line of lines) {
  const [what, ...words] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ done: (await ways[what](...words)) ?? null }));
  } catch (error) {
    const seen = await browser.picture(`image ${what}`);
    const said = browser.takeComplaints().join('\n');
    console.log(JSON.stringify({ error: `${error.stack}\n${said}\n${seen}` }));
  }
}
await browser.close();
