// The meeting page with 1, 4, 9 and 20 people, on a desktop and a phone, light and dark.
//
//   python3 run.py --only crowd --shots FOLDER

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { SIGNED_IN, firstVisit } from './first_visit.mjs';
import { newRoom } from './meeting.mjs';
import { Steps } from './steps.mjs';
import { until } from './waiting.mjs';

const HALL = 'Lecture hall';
const CROWDS = [1, 4, 9, 20];
const WINDOWS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** The others; Python has them. */
class Crowd {
  constructor(url, room) {
    const script = fileURLToPath(new URL('crowd.py', import.meta.url));
    this.process = spawn(
      'setpriv',
      ['--pdeathsig', 'TERM', process.env.ROOMBOX_PYTHON, script, url, room],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const lines = readline.createInterface({ input: this.process.stdout });
    this.answers = lines[Symbol.asyncIterator]();
  }

  async become(others) {
    this.process.stdin.write(`${others}\n`);
    const { value } = await this.answers.next();
    assert.equal(Number(value), others);
  }

  async leave() {
    this.process.stdin.end();
    await once(this.process, 'exit');
  }
}

/** Pictures that the page shows now, of those that it has. */
const shown = (page) =>
  page.evaluate(() => {
    const videos = [...document.querySelectorAll('figure video')];
    return videos.filter((video) => video.videoWidth > 0 && !video.paused).length;
  });

/** The share of a few seconds in which the page could not have answered a key, in percent. */
const busy = (page) =>
  page.evaluate(async () => {
    const SECONDS = 4;
    let blocked = 0;
    const observer = new PerformanceObserver((list) => {
      for (const task of list.getEntries()) blocked += task.duration;
    });
    observer.observe({ type: 'longtask' });
    await new Promise((over) => setTimeout(over, SECONDS * 1000));
    observer.disconnect();
    return Math.round(blocked / SECONDS / 10);
  });

const box = await Box.start();
const browser = await Browser.start(box);
const steps = new Steps(browser);
const world = { box, browser, password: 'correct horse battery' };
let crowd, page;

await firstVisit(steps, world);
await steps.run('the owner opens a room', async () => {
  const { invite } = await newRoom(world.panel, HALL);
  const guest = await browser.person({ viewport: WINDOWS.desktop });
  page = await guest.newPage();
  await page.goto(invite);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByRole('button', { name: 'Leave' }).waitFor();
  crowd = new Crowd(box.http.replace('http', 'ws'), HALL);
}, { needs: [SIGNED_IN] });

for (const people of CROWDS) {
  await steps.run(`${people} in the room`, async () => {
    await page.setViewportSize(WINDOWS.desktop);
    await crowd.become(people - 1);
    // The own picture counts as well. Twenty fit a desktop's page.
    await until(`${people} pictures`, async () => (await shown(page)) >= people, 120_000);
    console.log(`        the page is busy for ${await busy(page)} % of the time`);
    for (const [name, size] of Object.entries(WINDOWS)) {
      await page.setViewportSize(size);
      await until('pictures', async () => (await shown(page)) >= Math.min(people, 2));
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await until(`no more than a ${name}'s width`, () =>
          page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        const shots = process.env.ROOMBOX_SHOTS;
        const file = `meeting-${people}-${name}-${colorScheme}.png`;
        if (shots) await page.screenshot({ path: path.join(shots, file) });
      }
    }
  }, { needs: ['the owner opens a room'] });
}

await crowd?.leave();
await browser.close();
await box.stop();
await box.remove();
process.exitCode = steps.end();
