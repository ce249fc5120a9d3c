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
const SHOTS = process.env.ROOMBOX_SHOTS;
const LANGUAGES = ['en', 'de'];
const SCHEMES = ['light', 'dark'];
/** What axe says of colours. Words do not change colours, nor colours anything else. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** Every size and colour of what the page shows now. */
async function looksRight(page, name, language = 'en') {
  const before = page.viewportSize();
  for (const size of WINDOWS) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      const rules = rulesFor(language, colorScheme === SCHEMES[0]);
      if (rules === null && !SHOTS) continue;
      await page.emulateMedia({ colorScheme });
      await settled(page);
      const view = `${name}-${language}-${size.width}-${colorScheme}`;
      if (SHOTS) await page.screenshot({ path: path.join(SHOTS, `${view}.png`) });
      const found = [...(await barriers(page, rules)), ...(await overflow(page))];
      assert.deepEqual(found, [], view);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

/** Each rule where it can find something new: axe takes a second for all of them here. */
function rulesFor(language, first) {
  if (language === 'en') return first ? {} : { runOnly: OF_COLOURS };
  const off = Object.fromEntries(OF_COLOURS.map((rule) => [rule, { enabled: false }]));
  return first ? { rules: off } : null;
}

/** The same in each language; `ready` waits for what the page is about. */
async function looksRightInAll(page, name, ready) {
  for (const language of LANGUAGES) {
    await speak(page, language);
    await ready(page);
    await looksRight(page, name, language);
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
async function barriers(page, rules) {
  if (rules === null) return [];
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  return await page.evaluate(async (rules) => {
    const options = { resultTypes: ['violations'], preload: false, ...rules };
    const { violations } = await axe.run(document, options);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, any }) => `${id}: ${target.join(' ')} ${any[0]?.message ?? ''}`),
      );
  }, rules);
}

/** Nobody should have to push a page sideways. */
async function overflow(page) {
  return await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`${scrollWidth} px wide in ${clientWidth} px`] : [];
  });
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
    await looksRight(page, 'claim-owner');
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

  const row = (text) => (page) => page.getByRole('listitem').filter({ hasText: text }).waitFor();
  const places = {
    rooms: { at: '', ready: (page) => page.getByRole('heading', { name: 'Library' }).waitFor() },
    room: { at: `s/${world.room}`, ready: row('Grace') },
    recordings: { at: '', ready: row('Library') },
    recording: {
      at: `s/${world.recording}`,
      ready: (page) => page.getByRole('img', { name: /^Ada: / }).waitFor(),
    },
    status: { at: '', ready: (page) => page.locator('canvas').first().waitFor() },
    settings: { at: '', ready: (page) => page.locator('form').nth(2).waitFor() },
    nowhere: { at: '', ready: heading },
  };
  for (const [name, { at, ready }] of Object.entries(places)) {
    await steps.run(`the page of ${name} looks right everywhere`, async () => {
      await world.panel.goto(`/panel/${name}${at}`);
      await looksRightInAll(world.panel, name, ready);
    }, { needs: name.startsWith('recording') ? [READY] : [name === 'room' ? MET : SIGNED_IN] });
  }

  await steps.run('the door of the meeting looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto(world.invite);
    await looksRightInAll(page, 'door', (page) => page.locator('video').waitFor());
    await page.goto('/meet/none#invite=none');
    await page.reload();
    await heading(page);
    await looksRight(page, 'refused');
    await visitor.close();
  }, { needs: [MET], expects: [/^40[134] .*\/door$/] });

  await steps.run('the meeting looks right everywhere, with people, chat and dialogs', async () => {
    const { ownerPage, guestPage } = world;
    await ownerPage.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    await looksRight(ownerPage, 'meeting');
    await ownerPage.keyboard.press('p');
    await looksRight(ownerPage, 'meeting-people');
    await ownerPage.keyboard.press('c');
    await looksRight(ownerPage, 'meeting-chat');
    await ownerPage.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    await ownerPage.keyboard.press('g');
    await looksRight(ownerPage, 'meeting-speaker');
    await ownerPage.keyboard.press('r');
    await looksRight(ownerPage, 'meeting-record');
    await ownerPage.keyboard.press('Escape');
    await guestPage.bringToFront();
  }, { needs: [MET] });
}
