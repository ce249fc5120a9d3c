// How every page looks: three widths, light and dark, both languages. What can be checked by rule
// is checked (axe, nothing wider than the window); `ROOMBOX_SHOTS` keeps the pictures for people.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CLAIMED, SIGNED_IN } from './first_visit.mjs';
import { MET } from './meeting.mjs';
import { READY } from './recording.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WINDOWS = [
  { width: 360, height: 740 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
];
const LANGUAGES = ['en', 'de'];
const BOTH = ['light', 'dark'];
/** The meeting is dark whatever the device prefers. */
const DARK = ['dark'];

/** Every size and colour of what the page shows now. */
async function looksRight(page, name, schemes = BOTH) {
  const before = page.viewportSize();
  for (const size of WINDOWS) {
    await page.setViewportSize(size);
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme });
      await settled(page);
      await keep(page, `${name}-${size.width}-${colorScheme}`);
      const found = [...(await barriers(page)), ...(await overflow(page))];
      assert.deepEqual(found, [], `${name} at ${size.width} px, ${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

/** The same in each language; `ready` waits for what the page is about. */
async function looksRightInAll(page, name, ready, schemes) {
  for (const language of LANGUAGES) {
    await speak(page, language);
    await ready(page);
    await looksRight(page, `${name}-${language}`, schemes);
  }
  await speak(page, 'en');
}

async function speak(page, language) {
  await page.evaluate((language) => localStorage.setItem('roombox.language', language), language);
  await page.reload();
  await page.locator(`html[lang=${language}] h1`).first().waitFor();
}

/** What moves and comes to an end has come to it, and the picture is on the screen. */
async function settled(page) {
  await page.evaluate(async () => {
    const turn = () => new Promise((drawn) => requestAnimationFrame(drawn));
    await turn();
    await turn();
    const ends = document
      .getAnimations()
      .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime))
      .map((one) => one.finished.catch(() => undefined));
    await Promise.all(ends);
  });
}

/** Findings of axe that keep somebody from using the page. */
async function barriers(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  return await page.evaluate(async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, any }) => `${id}: ${target.join(' ')} ${any[0]?.message ?? ''}`),
      );
  });
}

/** Nobody should have to push a page sideways. */
async function overflow(page) {
  return await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`${scrollWidth} px wide in ${clientWidth} px`] : [];
  });
}

async function keep(page, name) {
  const folder = process.env.ROOMBOX_SHOTS;
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled' });
}

const heading = (page) => page.getByRole('heading', { level: 1 }).waitFor();

/** Before anybody has claimed the box. */
export async function ofNewBox(steps, { browser }) {
  await steps.run('the claim page looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto('/panel/');
    await looksRightInAll(page, 'claim', heading);
    await page.getByLabel('Code of the box').fill('ABCD-2345');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('textbox', { name: "Owner's password" }).fill('neither good nor bad');
    await looksRight(page, 'claim-owner-en');
    await visitor.close();
  }, { expects: [/^401 \/api\/v1\/session$/] });
}

/** With a meeting going on and a recording made. */
export async function looks(steps, world) {
  const { browser } = world;

  await steps.run('the sign-in page looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto('/panel/');
    await looksRightInAll(page, 'sign-in', heading);
    await visitor.close();
  }, { needs: [CLAIMED], expects: [/^401 \/api\/v1\/session$/] });

  const places = {
    rooms: { at: () => '/panel/rooms', ready: (page) => page.getByRole('heading', { name: 'Library' }).waitFor() },
    room: { at: () => `/panel/rooms/${world.room}`, ready: (page) => page.getByRole('listitem').filter({ hasText: 'Grace' }).waitFor() },
    recordings: { at: () => '/panel/recordings', ready: (page) => page.getByRole('listitem').filter({ hasText: 'Library' }).waitFor() },
    recording: { at: () => `/panel/recordings/${world.recording}`, ready: (page) => page.getByRole('img', { name: /^Ada: / }).waitFor() },
    status: { at: () => '/panel/status', ready: (page) => page.locator('canvas').first().waitFor() },
    settings: { at: () => '/panel/settings', ready: (page) => page.locator('form').nth(2).waitFor() },
    nowhere: { at: () => '/panel/nowhere', ready: heading },
  };
  for (const [name, { at, ready }] of Object.entries(places)) {
    await steps.run(`the page of ${name} looks right everywhere`, async () => {
      await world.panel.goto(at());
      await looksRightInAll(world.panel, name, ready);
    }, { needs: name.startsWith('recording') ? [READY] : [name === 'room' ? MET : SIGNED_IN] });
  }

  await steps.run('the door of the meeting looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto(world.invite);
    await looksRightInAll(page, 'door', (page) => page.locator('video').waitFor(), DARK);
    await page.goto('/meet/none#invite=none');
    await page.reload();
    await heading(page);
    await looksRight(page, 'refused-en', DARK);
    await visitor.close();
  }, { needs: [MET], expects: [/^40[134] .*\/door$/] });

  await steps.run('the meeting looks right everywhere, with people, chat and dialogs', async () => {
    const { ownerPage, guestPage } = world;
    await ownerPage.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    await looksRight(ownerPage, 'meeting-en', DARK);
    await ownerPage.keyboard.press('p');
    await looksRight(ownerPage, 'meeting-people-en', DARK);
    await ownerPage.keyboard.press('c');
    await looksRight(ownerPage, 'meeting-chat-en', DARK);
    await ownerPage.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    await ownerPage.keyboard.press('g');
    await looksRight(ownerPage, 'meeting-speaker-en', DARK);
    await ownerPage.keyboard.press('r');
    await looksRight(ownerPage, 'meeting-record-en', DARK);
    await ownerPage.keyboard.press('Escape');
    await guestPage.bringToFront();
  }, { needs: [MET] });
}
