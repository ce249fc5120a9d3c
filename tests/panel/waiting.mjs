// Waits for conditions, never for time.

import { PATIENCE_MS } from './browser.mjs';

export async function expectText(page, text) {
  await page.getByText(text).first().waitFor();
}

/** Asks until the answer is something; what was seen last is in the error. */
export async function until(what, ask, patience = PATIENCE_MS) {
  const end = performance.now() + patience;
  let seen;
  do {
    seen = await ask();
    if (seen) return seen;
    await new Promise((turn) => setTimeout(turn, 100));
  } while (performance.now() < end);
  throw new Error(`never came: ${what}`);
}

/** The tile of the person called `name` shows decoded pictures that go on. */
export async function seesVideoOf(page, name) {
  await page.waitForFunction((name) => {
    const tiles = [...document.querySelectorAll('figure.tile')];
    const tile = tiles.find((tile) => tile.getAttribute('aria-label').startsWith(name));
    const video = tile?.querySelector('video');
    if (!video || video.videoWidth === 0) return false;
    // Each element counts from its own beginning, and who comes back gets a new one.
    window.framesSeen ??= new WeakMap();
    const shown = video.getVideoPlaybackQuality().totalVideoFrames;
    const first = window.framesSeen.get(video) ?? shown;
    window.framesSeen.set(video, first);
    return shown >= first + 5;
  }, name);
  await page.evaluate(() => delete window.framesSeen);
}

/** Ten seconds of recording, and a film of them on two slow cores that do much else. */
export const FILM_PATIENCE_MS = 300_000;

/** The film that `selector` finds comes, goes on and shows pictures. */
export async function plays(page, selector) {
  const film = page.locator(selector);
  await film.waitFor({ timeout: FILM_PATIENCE_MS });
  await film.evaluate((element) => {
    element.muted = true;
    return element.play();
  });
  await page.waitForFunction((selector) => {
    const element = document.querySelector(selector);
    return element.currentTime > 1 && element.getVideoPlaybackQuality().totalVideoFrames > 5;
  }, selector);
}
