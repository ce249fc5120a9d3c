// The Fleet page of a hub that runs already: over 10 Mbit/s, into an empty cache.
//
//   node fleet.mjs ADDRESS PASSWORD: one line of JSON

import { Browser } from '../panel/browser.mjs';

const LINE = { offline: false, latency: 20, downloadThroughput: 1_250_000, uploadThroughput: 1_250_000 };
const [, , http, password] = process.argv;
const browser = await Browser.start({ http });
const owner = await browser.person();
const answer = await owner.request.post('/api/v1/session', { data: { name: 'Owner', password } });
if (!answer.ok()) throw new Error(await answer.text());
const { boxes } = await (await owner.request.get('/api/v1/fleet')).json();
const storageState = await owner.storageState();
await owner.close();
const person = await browser.person({ storageState });
const page = await person.newPage();
const line = await person.newCDPSession(page);
await line.send('Network.enable');
await line.send('Network.emulateNetworkConditions', LINE);
await page.goto('/panel/settings/fleet', { waitUntil: 'commit' });
await page.waitForFunction((count) => document.querySelectorAll('.fleet-row').length >= count, boxes.length);
const seen = await page.evaluate(() => ({
  paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  listed: performance.now(),
  bytes: performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0),
}));
console.log(JSON.stringify({ ...seen, boxes: boxes.length }));
await browser.close();
