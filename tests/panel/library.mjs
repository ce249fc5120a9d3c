// The library: search, calendar, the disk, and share links, which somebody opens without an account.
//
//   python3 run.py --only library

import assert from 'node:assert/strict';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { putRecording } from './imported.mjs';
import { looksRightInAll } from './looks.mjs';
import { merged } from './merges.mjs';
import { shared } from './shares.mjs';
import { seesVideoOf, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const RENDER_PATIENCE_MS = 60_000;
const RECORD_MS = 4_000;
/** What the list shows at once. */
const PAGE = 30;

/** A day of the month before this one, at this hour here. */
const lastMonth = (day, hour) => {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth() - 1, day, hour);
};
const two = (value) => String(value).padStart(2, '0');
const dayOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

async function claimed(box, browser) {
  const body = { code: box.code, name: 'Ada', password: PASSWORD };
  const owner = await browser.person();
  const answer = await owner.request.post('/api/v1/claim', { data: body });
  assert.equal(answer.status(), 201);
  return owner;
}

/** With a box of its own. */
export async function library(steps) {
  const before = steps.browser;
  const box = await Box.start();
  // A first start makes what a folder needs; what is found in it is imported at the next one.
  await box.stop();
  const code = box.code;
  for (let hour = 0; hour < 20; hour += 1) {
    await putRecording(box, { room: 'Hall', at: lastMonth(20, hour), people: ['Emil'] });
  }
  for (let hour = 8; hour < 18; hour += 1) {
    await putRecording(box, { room: 'Foyer', at: lastMonth(12, hour), people: ['Ada', 'Emil'] });
  }
  const rare = { room: 'Hall', at: lastMonth(5, 9), people: ['Zoë Müller', 'Grace Hopper'] };
  const found = await putRecording(box, rare);
  await box.run();
  assert.notEqual(box.code, code, 'the box did not start anew');

  const browser = (steps.browser = await Browser.start(box));
  const owner = await claimed(box, browser);
  const ask = async (route, status = 200) => {
    const answer = await owner.request.get(`/api/v1${route}`);
    assert.equal(answer.status(), status, `${route}: ${await answer.text()}`);
    return await answer.json();
  };
  const panel = await owner.newPage();
  const rows = panel.getByRole('listitem').filter({ has: panel.locator('.recording-row') });
  const search = panel.getByRole('searchbox', { name: 'Search' });
  const world = { box, browser, owner, panel, ask };

  const listed = 'the library shows the newest, and older ones on demand';
  await steps.run(listed, async () => {
    await panel.goto('/panel/recordings');
    await rows.first().waitFor();
    assert.equal(await rows.count(), PAGE);
    await panel.getByRole('button', { name: 'Show older ones' }).click();
    await until('all of them', async () => (await rows.count()) === 31);
    await panel.getByRole('button', { name: 'Show older ones' }).waitFor({ state: 'detached' });
  }, { expects: [/^401 \/api\/v1\/session$/] });

  await steps.run('words find titles, rooms and people, and the address keeps them', async () => {
    // Who was there the box reads from the folder, a moment after its start.
    await until('the people', async () => (await ask('/recordings?text=hopper')).items.length === 1);
    await search.fill('MULLER hall');
    await until('one row', async () => (await rows.count()) === 1);
    await rows.getByText('Zoë Müller, Grace Hopper').waitFor();
    assert.match(panel.url(), /\?text=MULLER\+hall$/);
    await panel.reload();
    await until('the same row', async () => (await rows.count()) === 1);
    assert.equal(await search.inputValue(), 'MULLER hall');
    await search.fill('nobody 😀 %');
    await panel.getByText('Nothing fits').waitFor();
    await panel.getByRole('button', { name: 'Clear search and filters' }).last().click();
    await until('everything', async () => (await rows.count()) === PAGE);
    assert.equal(await search.inputValue(), '');
    await panel.getByText('Search and filters were cleared.').waitFor();
    await panel.getByRole('button', { name: 'Undo' }).click();
    await panel.getByText('Nothing fits').waitFor();
    assert.equal(await search.inputValue(), 'nobody 😀 %');
    await panel.getByRole('button', { name: 'Clear search and filters' }).last().click();
    await until('everything again', async () => (await rows.count()) === PAGE);
  }, { needs: [listed] });

  await steps.run('room, state and days narrow it, and lead back', async () => {
    await panel.getByRole('combobox', { name: 'Room' }).click();
    await panel.getByRole('option', { name: 'Foyer' }).click();
    await until('ten rows', async () => (await rows.count()) === 10);
    await panel.getByRole('combobox', { name: 'State' }).click();
    await panel.getByRole('option', { name: 'Ready' }).click();
    await panel.getByText('Nothing fits').waitFor();
    const day = dayOf(lastMonth(5, 0));
    await panel.goto(`/panel/recordings?from=${day}&to=${day}`);
    await until('one row', async () => (await rows.count()) === 1);
    assert.equal(await panel.getByLabel('From').inputValue(), day);
    await panel.goto('/panel/recordings?state=odd&from=2026-02-31&view=moon');
    await until('everything', async () => (await rows.count()) === PAGE);
    await looksRightInAll(panel, 'library', () => rows.first().waitFor());
  }, { needs: [listed] });

  await steps.run('what cannot be looked for is refused and says why', async () => {
    const part = encodeURIComponent;
    const midnights = (count) =>
      Array.from({ length: count }, (_, day) => `2026-01-01T00:00:${two(day % 60)}Z`).join();
    for (const [route, status, says] of [
      [`/recordings?text=${'x'.repeat(201)}`, 422, /at most 200 characters/],
      [`/recordings?text=${part('ü '.repeat(13))}`, 422, /at most 12 words/],
      ['/recordings?from=yesterday', 422, /1970 to 9999/],
      ['/recordings?from=1969-12-31T23:59:59Z', 422, /1970 to 9999/],
      ['/recordings?to=99999-01-01T00:00:00Z', 422, /1970 to 9999/],
      ['/recordings?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 422, /later than/],
      [`/recordings?room=${'r'.repeat(201)}`, 422, /no name of a room/],
      ['/recordings?state=odd', 400, /state/],
      ['/recordings?limit=0', 422, /from 1 to 200/],
      ['/recordings/days', 400, /starts/],
      ['/recordings/days?starts=2026-01-01T00:00:00Z', 422, /2 to 63/],
      [`/recordings/days?starts=${midnights(64)}`, 422, /2 to 63/],
      [`/recordings/days?starts=${midnights(2)},${midnights(1)}`, 422, /in order/],
    ]) {
      const problem = await ask(route, status);
      assert.match(problem.message, says, route);
    }
    const forms = ['Müller', 'Mu\u0308ller', 'mÜLLER', '\u3000muller\t'].map(part);
    for (const text of forms) {
      assert.deepEqual((await ask(`/recordings?text=${text}`)).items.map(({ id }) => id), [found]);
    }
    for (const text of ["' OR 1=1 --", '%', '_', '\\', '\u0000', '😀', '../../etc'].map(part)) {
      assert.deepEqual((await ask(`/recordings?text=${text}`)).items, [], text);
    }
    assert.deepEqual((await ask('/recordings/rooms')).items, ['Foyer', 'Hall']);
  }, { needs: [listed] });

  await steps.run('the calendar counts by day, and keys lead through it', async () => {
    const shown = lastMonth(1, 0);
    await panel.goto('/panel/recordings');
    await panel.getByText('Calendar', { exact: true }).click();
    await panel.getByRole('button', { name: 'Month before' }).click();
    const day = (date) => panel.locator(`[data-day="${dayOf(date)}"]`);
    await panel.getByRole('gridcell', { name: /: 20 recordings$/ }).waitFor();
    await day(lastMonth(12, 0)).getByText(/: 10 recordings$/).waitFor();
    await day(lastMonth(20, 0)).getByText('18 more').waitFor();
    assert.match(panel.url(), new RegExp(`view=calendar&month=${dayOf(shown).slice(0, 7)}$`));
    await looksRightInAll(panel, 'calendar', (page) => page.getByText(/18 (more|weitere)/).first()
      .or(page.locator('.agenda').first()).waitFor());
    await day(lastMonth(12, 0)).focus();
    await panel.keyboard.press('ArrowUp');
    const focused = () => panel.evaluate(() => document.activeElement.getAttribute('data-day'));
    await until('the fifth', async () => (await focused()) === dayOf(lastMonth(5, 0)));
    await panel.keyboard.press('PageDown');
    await until('the month after', async () => (await focused()) === dayOf(new Date(
      shown.getFullYear(), shown.getMonth() + 1, 5)));
    await panel.keyboard.press('PageUp');
    await until('and back', async () => (await focused()) === dayOf(lastMonth(5, 0)));
    assert.equal(await panel.locator('[data-day][tabindex="0"]').count(), 1);
    await panel.keyboard.press('Enter');
    await until('the day as a list', async () => (await rows.count()) === 1);
    assert.match(panel.url(), new RegExp(`from=${dayOf(lastMonth(5, 0))}`));
    await panel.goBack();
    await panel.getByRole('grid').waitFor();
  }, { needs: [listed] });

  await steps.run('on a phone the calendar is a list of days', async () => {
    const size = panel.viewportSize();
    await panel.setViewportSize({ width: 390, height: 844 });
    await panel.locator('.agenda').first().waitFor();
    assert.equal(await panel.locator('.agenda').count(), 3);
    await panel.getByRole('link', { name: '12 more' }).click();
    await until('all of that day', async () => (await rows.count()) === 20);
    await panel.setViewportSize(size);
  }, { needs: ['the calendar counts by day, and keys lead through it'] });

  const ready = 'a meeting is recorded, and its people are found';
  await steps.run(ready, async () => {
    const made = await owner.request.post('/api/v1/rooms', { data: { name: 'Library' } });
    const room = await made.json();
    const page = await owner.newPage();
    await page.goto(`/meet/${room.id}`);
    await page.locator('form input[autocomplete=name]').fill('Ada');
    await page.getByRole('button', { name: 'Join' }).click();
    await seesVideoOf(page, 'Ada');
    const recording = `/api/v1/rooms/${room.id}/recording`;
    assert.equal((await owner.request.post(recording)).status(), 201);
    const one = async () => (await ask('/recordings?room=Library')).items[0];
    await until('some seconds', async () => (await one()).duration_ms > RECORD_MS);
    await panel.goto('/panel/recordings/storage');
    assert.equal((await owner.request.patch(recording, { data: { marker: 'Second part' } })).status(), 204);
    await until('some more', async () => (await one()).duration_ms > RECORD_MS * 2);
    assert.equal((await owner.request.delete(recording)).status(), 202);
    await page.close();
    const film = async () => (await one()).state === 'ready' && one();
    world.recording = await until('the film', film, RENDER_PATIENCE_MS);
    assert.deepEqual((await ask('/recordings?text=ada&room=Library')).items[0].people, ['Ada']);
  }, { needs: [listed] });

  await shared(steps, world, ready);
  await merged(steps, world, ready);

  await steps.run('the page of the disk shows what fills it and what goes next', async () => {
    await panel.goto('/panel/recordings/storage');
    const { largest, tracks_bytes: tracks, films_bytes: films, ...disk } = await ask('/storage');
    assert.equal(largest[0].recording, world.recording.id);
    assert.ok(tracks > 0 && films > 0 && disk.total_bytes > disk.free_bytes, JSON.stringify(disk));
    assert.ok(disk.week.bytes_per_s > 0, 'what came today is a rate');
    await panel.getByRole('img', { name: /^As in the last seven days: / }).waitFor();
    await panel.getByText('Nothing: recordings stay until somebody deletes them.').waitFor();
    const keep = { data: { recording: { keep_days: 3650 } } };
    assert.equal((await owner.request.patch('/api/v1/settings', keep)).status(), 200);
    await panel.getByText(/because it is then 3650 days old/).first().waitFor();
    await looksRightInAll(panel, 'storage', (page) => page.locator('.forecast').first().waitFor());
  }, { needs: [ready] });

  await steps.run('the box of the library stops when asked, and has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    assert.ok(!(await box.log()).includes('panicked'));
  });
  await browser.close();
  await box.remove();
  steps.browser = before;
}
