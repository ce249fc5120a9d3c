// Pages whose parts do not all come, as when a laptop changes its network while it loads one.

import assert from 'node:assert/strict';
import { expectText } from './waiting.mjs';

/** What all pages are made of. */
const PART = '**/assets/shared-*.js';
/** What the panel says, in English. */
const WORDS = '**/assets/panel.en-*.js';
const LOST = [/ERR_INTERNET_DISCONNECTED/, /Failed to load module script/];

export async function arrival(steps, world) {
  await steps.run('a page of which a part does not come is loaded again by itself', async () => {
    const page = await world.owner.newPage();
    let missing = 1;
    await page.route(PART, (route) => (missing-- > 0 ? route.abort('internetdisconnected') : route.continue()));
    await page.goto('/panel/rooms');
    await page.getByRole('heading', { level: 1, name: 'Rooms' }).waitFor();
    await page.close();
  }, { expects: LOST });

  await steps.run('a page that never comes whole says so, and comes when it can', async () => {
    const page = await world.owner.newPage();
    await page.route(PART, (route) => route.abort('internetdisconnected'));
    await page.goto('/panel/rooms');
    await expectText(page, 'This page has not come whole');
    await page.unroute(PART);
    await page.getByRole('button', { name: 'Load again' }).click();
    await page.getByRole('heading', { level: 1, name: 'Rooms' }).waitFor();
    await page.close();
  }, { expects: LOST });

  await steps.run('a page that comes while the box is asked for is not loaded again', async () => {
    const page = await world.owner.newPage();
    const [asked, answered] = [promise(), promise()];
    // What goes wrong before the page stands, and the box's answer after it.
    await page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => dispatchEvent(new ErrorEvent('error'))));
    await page.route(WORDS, (route) => asked.then(() => route.continue()));
    await page.route((url) => url.pathname === '/', async (route) => {
      asked.keep();
      await answered;
      await route.fulfill({ status: 200 });
    });
    await page.goto('/panel/rooms');
    await page.getByRole('heading', { level: 1, name: 'Rooms' }).waitFor();
    await page.evaluate(() => (window.typed = 'here'));
    const answer = page.waitForResponse((response) => new URL(response.url()).pathname === '/');
    answered.keep();
    await answer;
    // A page that is loaded again takes what is evaluated with it.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
    assert.equal(await page.evaluate(() => window.typed), 'here');
    assert.equal(await page.getByText('This page has not come whole').count(), 0);
    await page.close();
  });

  await steps.run('a page that may keep nothing in the browser is there, and promises no reload when it is not', async () => {
    const page = await world.owner.newPage();
    await page.addInitScript(() => {
      const get = () => {
        throw new DOMException('refused', 'SecurityError');
      };
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get });
    });
    await page.goto('/panel/rooms');
    await page.getByRole('heading', { level: 1, name: 'Rooms' }).waitFor();
    await page.route(PART, (route) => route.abort('internetdisconnected'));
    await page.reload();
    await expectText(page, 'Then load the page again.');
    await page.close();
  }, { expects: LOST });
}

/** One that somebody keeps later. */
function promise() {
  let keep;
  const made = new Promise((done) => (keep = done));
  return Object.assign(made, { keep });
}
