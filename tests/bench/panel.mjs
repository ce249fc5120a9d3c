// What the panel costs: pages over a slow line, into an empty cache, and the box while one stands open.
//
//   node panel.mjs SECONDS: one line of JSON

import { readFile } from 'node:fs/promises';
import { Box } from '../panel/box.mjs';
import { Browser } from '../panel/browser.mjs';

const PASSWORD = 'correct horse battery';
/** 10 Mbit/s each way, and what a request takes to a box in another building. */
const LINE = { offline: false, latency: 20, downloadThroughput: 1_250_000, uploadThroughput: 1_250_000 };
const ROUNDS = 7;
const TICKS_A_SECOND = 100;

/** Milliseconds from the beginning until something of the page was seen, and until its heading was. */
async function visit(browser, storageState, address, heading) {
  const person = await browser.person({ storageState });
  const page = await person.newPage();
  const line = await person.newCDPSession(page);
  await line.send('Network.enable');
  await line.send('Network.emulateNetworkConditions', LINE);
  await page.goto(address, { waitUntil: 'commit' });
  if (heading) await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  const seen = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    heading: performance.now(),
    bytes: performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0),
  }));
  await person.close();
  return seen;
}

async function spent(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

async function resident(pid) {
  const kilobytes = (await readFile(`/proc/${pid}/status`, 'utf8')).match(/VmRSS:\s+(\d+)/)[1];
  return Number(kilobytes) * 1024;
}

const seconds = Number(process.argv[2]);
const box = await Box.start();
const browser = await Browser.start(box);
const owner = await browser.person();
const answer = await owner.request.post('/api/v1/claim', { data: { code: box.code, name: 'Ada', password: PASSWORD } });
if (!answer.ok()) throw new Error(await answer.text());
await (await owner.newPage()).goto('/panel/');
const signedIn = await owner.storageState();
const room = await (await owner.request.post('/api/v1/rooms', { data: { name: 'Hall' } })).json();
await owner.close();

const PAGES = {
  floor: [undefined, '/api/v1/box', undefined],
  'sign-in': [undefined, '/panel/', 'Sign in'],
  home: [signedIn, '/panel/', undefined],
  recordings: [signedIn, '/panel/recordings', 'Recordings'],
  'meeting door': [undefined, `/meet/${room.id}#invite=${room.invite}`, 'Hall'],
};
const pages = {};
for (let round = 0; round < ROUNDS; round += 1) {
  // In turns: what else this machine does meets all of them.
  for (const [name, visited] of Object.entries(PAGES)) (pages[name] ??= []).push(await visit(browser, ...visited));
}

async function watched(pid) {
  const before = await spent(pid);
  await new Promise((over) => setTimeout(over, seconds * 1000));
  return { seconds, cpu: (await spent(pid)) - before, resident: await resident(pid) };
}

const pid = box.process.pid;
const alone = await watched(pid);
const person = await browser.person({ storageState: signedIn });
const page = await person.newPage();
await page.goto('/panel/');
await page.getByRole('heading', { level: 1 }).first().waitFor();
const open = await watched(pid);
console.log(JSON.stringify({ pages, idle: { alone, open } }));
await browser.close();
await box.stop();
await box.remove();
