// The panel without a mouse: where Tab goes, that one sees where one is, and that the work of a day can be done so.

import assert from 'node:assert/strict';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { putRecording } from './imported.mjs';
import { until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
/** Tabs until something must have come: more than any page has before its main control. */
const FAR = 60;
/** Stops of a page that are looked at. */
const LOOKED_AT = 24;

/** Where the focus is: what it is called, in which part of the page, and its place. */
async function here(page) {
  return await page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    // A radio or a switch is drawn by what is beside it.
    const drawn = [at, at.nextElementSibling, ...(at.labels ?? []), at.parentElement].filter(Boolean);
    const box = drawn.map((one) => one.getBoundingClientRect()).find(({ width, height }) => width > 8 && height > 8);
    const { left, top, right, bottom } = box ?? at.getBoundingClientRect();
    const landmarks = { dialog: '[role=dialog]', skip: '.skip', banner: 'header', navigation: 'nav', main: 'main' };
    const part = Object.entries(landmarks).find(([, selector]) => at.closest(selector))?.[0] ?? 'nowhere';
    const labels = [...(at.labels ?? [])].map((label) => label.textContent).join(' ');
    const name = at.getAttribute('aria-label') ?? (labels || at.textContent.trim() || at.id);
    const [x, y] = [(left + right) / 2, (Math.max(0, top) + Math.min(innerHeight, bottom)) / 2];
    const shown = right > left && bottom > top && x >= 0 && x <= innerWidth && y >= 0 && y <= innerHeight;
    const scrolled = [scrollX, scrollY];
    return { name, part, shown, left: left + scrolled[0], right: right + scrolled[0], top: top + scrolled[1], bottom: bottom + scrolled[1] };
  });
}

/** Whether the element with the focus, or what stands around it, looks other than without. */
async function seen(page) {
  return await page.evaluate(() => {
    const at = document.activeElement;
    const around = [at, at.nextElementSibling, at.parentElement, at.parentElement?.parentElement].filter(Boolean);
    const looks = () =>
      around.map((one) => {
        const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor, left } = getComputedStyle(one);
        const outline = outlineStyle === 'none' || outlineWidth === '0px' ? '' : outlineWidth + outlineColor;
        return [outline, boxShadow, borderColor, backgroundColor, left].join(' ');
      }).join('|');
    const focused = looks();
    at.blur();
    const without = looks();
    at.focus({ preventScroll: true });
    return focused !== without;
  });
}

/** Presses Tab until the focus is at something called so. */
async function tabTo(page, name, part = 'main') {
  const passed = [];
  for (let step = 0; step < FAR; step += 1) {
    await page.keyboard.press('Tab');
    const at = await here(page);
    if (at && at.part === part && (typeof name === 'string' ? at.name === name : name.test(at.name))) return;
    passed.push(at && `${at.part}: ${at.name.slice(0, 40)}`);
  }
  assert.fail(`Tab never came to ${name} (${part}): ${passed.join('; ')}`);
}

/** With a box of its own. */
export async function keyboard(steps) {
  const before = steps.browser;
  const box = await Box.start();
  await box.stop();
  await putRecording(box, { room: 'Hall', at: new Date(Date.now() - 86_400_000), people: ['Zoë Müller'] });
  const code = box.code;
  await box.run();
  assert.notEqual(box.code, code, 'the box did not start anew');
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const claim = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: claim })).status(), 201);
  await owner.request.post('/api/v1/rooms', { data: { name: 'Library' } });
  const page = await owner.newPage();

  const places = ['', 'rooms', 'schedule', 'recordings', 'status', 'settings', 'account'];
  for (const place of places) {
    await steps.run(`Tab goes through /${place} in the order of reading, and one sees where one is`, async () => {
      await page.goto(`/panel/${place}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      // What changes in its own time would look as before.
      await page.addStyleTag({ content: '* { transition: none !important }' });
      assert.equal(await page.locator('[tabindex]:not([tabindex="0"], [tabindex="-1"])').count(), 0, 'a tabindex of its own');
      const stops = [];
      for (let step = 0; step < LOOKED_AT; step += 1) {
        await page.keyboard.press('Tab');
        const at = await here(page);
        if (!at) break;
        assert.ok(at.shown, `${at.name} has the focus where nobody sees it`);
        assert.ok(await seen(page), `${at.name} does not show that it has the focus`);
        stops.push(at);
      }
      const parts = stops.map(({ part }) => part).filter((part, index, all) => part !== all[index - 1]);
      assert.deepEqual(parts.slice(0, 4), ['skip', 'banner', 'navigation', 'main']);
      const inMain = stops.filter(({ part }) => part === 'main');
      for (const [index, at] of inMain.entries()) {
        const last = inMain[index - 1];
        // In another column it may well stand higher.
        const back = last && at.bottom <= last.top && at.left < last.right;
        assert.ok(!back, `from ${last?.name} the focus goes up to ${at.name}`);
      }
    });
  }

  const skipped = 'who skips to the page is in it';
  await steps.run(skipped, async () => {
    await page.goto('/panel/rooms');
    await page.getByRole('heading', { name: 'Library' }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal((await here(page)).part, 'skip');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal((await here(page)).part, 'main');
    await tabTo(page, 'New room', 'main');
  });

  const given = 'a dialog keeps the focus, and gives it back';
  await steps.run(given, async () => {
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await until('the focus is in it', async () => (await here(page))?.part === 'dialog');
    for (const key of ['Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'Shift+Tab', 'Shift+Tab']) {
      await page.keyboard.press(key);
      assert.equal((await here(page))?.part, 'dialog', `${key} leads out of it`);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await until('the button has it again', async () => (await here(page))?.name === 'New room');
  }, { needs: [skipped] });

  await steps.run('a room is made by keys alone', async () => {
    await page.keyboard.press('Enter');
    await until('the name can be typed', async () => /^Name of the room/.test((await here(page))?.name ?? ''));
    await page.keyboard.type('Foyer');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Foyer', level: 1 }).waitFor();
  }, { needs: [given] });

  await steps.run('a recording is opened by keys alone', async () => {
    await page.goto('/panel/');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await tabTo(page, 'Recordings', 'navigation');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Recordings', level: 1 }).waitFor();
    await page.locator('.recording-row').first().waitFor();
    await tabTo(page, /^Hall/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Hall/, level: 1 }).waitFor();
  });

  await steps.run('a setting is saved by keys alone', async () => {
    await page.goto('/panel/settings');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await tabTo(page, 'Name');
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('Town hall');
    await tabTo(page, 'Save');
    await page.keyboard.press('Enter');
    await page.getByRole('banner').getByText('Town hall').waitFor();
    await page.getByText('Saved').waitFor();
  });

  await browser.close();
  await box.remove();
  steps.browser = before;
}
