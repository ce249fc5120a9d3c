// How every page looks: phone to desktop, light and dark, both languages. What can be checked by rule
// is checked (axe, nothing wider than the window); `ROOMBOX_SHOTS` keeps the pictures for people.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CLAIMED, SIGNED_IN } from './first_visit.mjs';
import { MET } from './meeting.mjs';
import { READY } from './recording.mjs';
import { seesVideoOf } from './waiting.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP = { width: 1280, height: 800 };
const WINDOWS = [
  { width: 360, height: 740 },
  { width: 390, height: 844, judged: 'light' },
  { width: 768, height: 1024 },
  { ...DESKTOP, judged: 'dark' },
];
/** One of each kind of page, looked at with more contrast. */
const WITH_CONTRAST = ['claim', 'home', 'home-alarm', 'no-rooms', 'library', 'storage', 'share', 'templates', 'room-rules', 'status', 'settings', 'meeting'];
/** A fault that goes by itself within so long was a page on its way. */
const LASTING_MS = 10_000;
const SHOTS = process.env.ROOMBOX_SHOTS;
/** Each page in each size, colour and language, rather than what a commit can wait for. */
const ALL = Boolean(SHOTS || process.env.ROOMBOX_FULL);
const LANGUAGES = ['en', 'de'];
const SCHEMES = ['light', 'dark'];

/** Every size and colour of what the page shows now. axe takes a second for one: a commit has it see a light phone
 * and a dark desktop, in one language; that nothing is too wide does not depend on colours. `within`: the part of
 * a large page that is new; the rest has been seen. */
export async function looksRight(page, name, language, within) {
  const before = page.viewportSize();
  const first = language === LANGUAGES[0];
  for (const { judged, ...size } of WINDOWS) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      const asked = judged && (ALL || (first && judged === colorScheme));
      const measured = colorScheme === SCHEMES[0];
      if (!asked && !measured && !SHOTS) continue;
      await page.emulateMedia({ colorScheme });
      const view = `${name}-${language}-${size.width}-${colorScheme}`;
      const found = await lasting(page, async () => [
        ...(asked ? await barriers(page, within) : []),
        ...(measured ? await overflow(page) : []),
      ]);
      if (SHOTS) await page.screenshot({ path: path.join(SHOTS, `${view}.png`), fullPage: true });
      assert.deepEqual(found, [], view);
    }
  }
  if (first && WITH_CONTRAST.includes(name)) await withMoreContrast(page, name, within);
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

/** What needs more contrast is the same in each language and size. The system's own few colours are for people to
 * look at: rules know the colours that would be there without them. */
async function withMoreContrast(page, name, within) {
  await page.setViewportSize(DESKTOP);
  for (const colorScheme of ALL ? SCHEMES : SCHEMES.slice(0, 1)) {
    await page.emulateMedia({ colorScheme, contrast: 'more' });
    const view = `${name}-contrast-${colorScheme}`;
    const found = await lasting(page, () => barriers(page, within));
    if (SHOTS) await page.screenshot({ path: path.join(SHOTS, `${view}.png`), fullPage: true });
    assert.deepEqual(found, [], view);
  }
  if (SHOTS) {
    await page.emulateMedia({ forcedColors: 'active', contrast: null });
    await settled(page);
    await page.screenshot({ path: path.join(SHOTS, `${name}-forced.png`), fullPage: true });
  }
  await page.emulateMedia({ forcedColors: null, contrast: null });
}

/** The same in each language; `ready` waits for what the page is about, or makes it. */
export async function looksRightInAll(page, name, ready, within) {
  for (const language of LANGUAGES) {
    await speak(page, language);
    await ready(page, language);
    await looksRight(page, name, language, within);
  }
  await speak(page, 'en');
}

async function speak(page, language) {
  await page.evaluate((language) => localStorage.setItem('roombox.language', language), language);
  await page.reload();
  await page.locator(`html[lang=${language}] h1`).first().waitFor();
}

/** What is still found when the page has had time: a slow one draws its charts anew some frames
 * after its window has changed. */
async function lasting(page, look) {
  const end = performance.now() + LASTING_MS;
  for (;;) {
    await settled(page);
    const found = await look();
    if (found.length === 0 || performance.now() > end) return found;
  }
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

/** All findings of axe, whatever it thinks of their weight; of a page on which a dialog is open, the dialog:
 * the page behind it is inert, and looked at by itself. */
async function barriers(page, within = page.locator('html')) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  return await within.first().evaluate(async (part) => {
    const options = { resultTypes: ['violations'], preload: false };
    const dialog = [...document.querySelectorAll('[role=dialog], dialog[open]')].at(-1);
    const { violations } = await axe.run(dialog ?? part, options);
    return violations
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

/** What is pressed here, in each language. */
const WORDS = {
  en: { render: 'Render again', more: 'More', close: 'Close', join: 'Join' },
  de: { render: 'Neu rendern', more: 'Mehr', close: 'Schließen', join: 'Beitreten' },
};

const heading = (page) => page.getByRole('heading', { level: 1 }).waitFor();

const timeline = (page) => page.getByRole('img', { name: /^Ada: / }).waitFor();

/** Before anybody has claimed the box. */
export async function ofNewBox(steps, { browser }) {
  await steps.run('the claim page looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto('/panel/');
    await looksRightInAll(page, 'claim', heading);
    await looksRightInAll(page, 'claim-owner', async (page) => {
      await page.locator('input').first().fill('ABCD-2345');
      await page.locator('button[type=submit]').click();
      await page.locator('input[type=password]').fill('neither good nor bad');
    });
    await visitor.close();
  }, { expects: [/^401 \/api\/v1\/session$/] });
}

/** Claimed, and nothing made yet. */
export async function ofEmptyBox(steps, { panel }) {
  for (const name of ['rooms', 'recordings']) {
    await steps.run(`the page of no ${name} looks right everywhere`, async () => {
      await panel.goto(`/panel/${name}`);
      await looksRightInAll(panel, `no-${name}`, heading);
    }, { needs: [SIGNED_IN] });
  }
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
    recording: { at: `s/${world.recording}`, ready: timeline },
    status: { at: '', ready: (page) => page.locator('canvas').first().waitFor() },
    settings: { at: '', ready: (page) => page.locator('form').nth(2).waitFor() },
    account: { at: '', ready: (page) => page.locator('form').first().waitFor() },
    nowhere: { at: '', ready: heading },
  };
  for (const [name, { at, ready }] of Object.entries(places)) {
    await steps.run(`the page of ${name} looks right everywhere`, async () => {
      await world.panel.goto(`/panel/${name}${at}`);
      await looksRightInAll(world.panel, name, ready);
    }, { needs: name.startsWith('recording') ? [READY] : [name === 'room' ? MET : SIGNED_IN] });
  }

  await steps.run('what asks first looks right everywhere', async () => {
    const { panel } = world;
    await panel.goto(`/panel/recordings/${world.recording}`);
    const dialog = () => panel.getByRole('dialog').getByRole('button').nth(1).waitFor();
    await looksRightInAll(panel, 'render', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].render }).click();
      await dialog();
    });
    await looksRightInAll(panel, 'delete', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].more, exact: true }).click();
      await page.getByRole('menuitem').last().click();
      await dialog();
    });
  }, { needs: [READY] });

  await steps.run('the door of the meeting looks right everywhere', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    await page.goto(world.invite);
    await looksRightInAll(page, 'door', (page) => page.locator('video').waitFor());
    await page.goto('/meet/none#invite=none');
    await page.reload();
    await looksRightInAll(page, 'refused', heading);
    await visitor.close();
  }, { needs: [MET], expects: [/^40[134] .*\/door$/] });
}

export async function looksOfMeeting(steps, world) {
  await steps.run('the meeting looks right everywhere, with people, chat and dialogs', async () => {
    const { ownerPage, guestPage } = world;
    for (const language of [...LANGUAGES].reverse()) {
      const { close, join } = WORDS[language];
      // A language is chosen before the meeting: whoever wants another comes in anew.
      await speak(ownerPage, language);
      await ownerPage.getByRole('button', { name: join }).click();
      await seesVideoOf(ownerPage, 'Grace');
      await looksRight(ownerPage, 'meeting', language);
      await ownerPage.keyboard.press('p');
      await looksRight(ownerPage, 'meeting-people', language);
      await ownerPage.keyboard.press('c');
      await looksRight(ownerPage, 'meeting-chat', language);
      await ownerPage.getByRole('complementary').getByRole('button', { name: close }).click();
      await ownerPage.keyboard.press('g');
      await looksRight(ownerPage, 'meeting-speaker', language);
      await ownerPage.keyboard.press('r');
      await looksRight(ownerPage, 'meeting-record', language);
      await ownerPage.keyboard.press('Escape');
    }
    await guestPage.bringToFront();
  }, { needs: [MET] });
}
