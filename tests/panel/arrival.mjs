// Pages whose parts do not all come, as when a laptop changes its network while it loads one.

import { expectText } from './waiting.mjs';

/** What all pages are made of. */
const PART = '**/assets/shared-*.js';
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
}
