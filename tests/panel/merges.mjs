// Recordings that are merged: selected in the library, put in order, and watched as one.

import assert from 'node:assert/strict';
import { looksRight, looksRightInAll } from './looks.mjs';
import { seesVideoOf, until } from './waiting.mjs';

const RECORD_MS = 3_000;
const MERGE_PATIENCE_MS = 60_000;

/** `ready`: the step that leaves `world.recording`, which has a film. */
export async function merged(steps, world, ready) {
  const { owner, panel, ask } = world;
  const rows = panel.getByRole('listitem').filter({ has: panel.locator('.recording-row') });
  const select = (title) => panel.getByRole('checkbox', { name: `Select ${title}` });
  const bar = panel.getByRole('region', { name: 'Merge recordings' });
  const dialog = panel.getByRole('dialog');

  const second = 'a second meeting is recorded for the film of both';
  await steps.run(second, async () => {
    const room = await (await owner.request.post('/api/v1/rooms', { data: { name: 'Library, later' } })).json();
    const page = await owner.newPage();
    await page.goto(`/meet/${room.id}`);
    await page.locator('form input[autocomplete=name]').fill('Ada');
    await page.getByRole('button', { name: 'Join' }).click();
    await seesVideoOf(page, 'Ada');
    const recording = `/api/v1/rooms/${room.id}/recording`;
    assert.equal((await owner.request.post(recording)).status(), 201);
    const one = async () => (await ask('/recordings?text=later')).items[0];
    await until('some seconds', async () => (await one()).duration_ms > RECORD_MS);
    assert.equal((await owner.request.delete(recording)).status(), 202);
    await page.close();
    world.later = await until('the film', async () => (await one()).state === 'ready' && one(), MERGE_PATIENCE_MS);
  }, { needs: [ready] });

  const chosen = 'recordings are selected by keyboard, also over a search, and what has no film cannot be';
  await steps.run(chosen, async () => {
    await panel.goto('/panel/recordings');
    await rows.first().waitFor();
    // Those that were found on the disk have no film.
    assert.ok(await panel.getByRole('checkbox', { name: /^Select Foyer/ }).first().isDisabled());
    await select(world.later.title).focus();
    await panel.keyboard.press('Space');
    await bar.getByText('1 recording selected · Select two at least').waitFor();
    assert.ok(await bar.getByRole('button', { name: 'Merge' }).isDisabled());
    await panel.getByRole('searchbox', { name: 'Search' }).fill(world.recording.title);
    await until('the other one', async () => (await select(world.recording.title).count()) === 1);
    await select(world.recording.title).focus();
    await panel.keyboard.press('Space');
    await bar.getByText('2 recordings selected').waitFor();
    await looksRight(panel, 'merge-chosen', 'en');
  }, { needs: [second] });

  await steps.run('they are put in order, merged, and their film is as long as both', async () => {
    await bar.getByRole('button', { name: 'Merge' }).click();
    const list = dialog.getByRole('list', { name: 'Order' });
    const titles = () => list.getByRole('listitem').evaluateAll((items) => items.map((item) => item.innerText));
    await list.getByRole('listitem').first().waitFor();
    assert.ok((await titles())[0].includes(world.recording.title), 'as they happened');
    await dialog.getByText('Nothing is lost').waitFor();
    const up = dialog.getByRole('button', { name: `Move ${world.later.title} up` });
    await up.focus();
    await panel.keyboard.press('Enter');
    await until('the other order', async () => (await titles())[0].includes(world.later.title));
    // The way up is used up: the keyboard stays with the recording.
    await until('the focus', () => panel.evaluate(
      (name) => document.activeElement?.getAttribute('aria-label') === name, `Move ${world.later.title} down`));
    await panel.keyboard.press('Enter');
    await until('the order of before', async () => (await titles())[0].includes(world.recording.title));
    await dialog.getByLabel('Title (optional)').fill('Both halves');
    await looksRight(panel, 'merge', 'en');
    const plan = await ask(`/recordings/merges?recordings=${world.recording.id},${world.later.id}`);
    await dialog.getByRole('button', { name: 'Merge them' }).click();
    await panel.getByRole('heading', { name: 'Both halves', level: 1 }).waitFor();
    await panel.locator('video.player').waitFor({ timeout: MERGE_PATIENCE_MS });
    const length = await until('its length', () => panel.evaluate(
      () => document.querySelector('video.player').duration * 1000 || false));
    assert.ok(Math.abs(length - plan.duration_ms) < 100, `${length} ms instead of ${plan.duration_ms}`);
    await panel.getByText('Merges 2 films').waitFor();
    const made = panel.getByRole('region', { name: 'Made of' });
    assert.equal(await made.getByRole('link').count(), 2);
    assert.equal(await panel.getByRole('button', { name: 'Trim' }).count(), 0, 'it has no tracks');
    const chapters = panel.getByRole('list', { name: 'Chapters' });
    await chapters.getByRole('button', { name: new RegExp(world.later.title) }).waitFor();
    await looksRightInAll(panel, 'merged', (page) => page.locator('video.player').waitFor());
    await made.getByRole('link').last().click();
    await panel.getByRole('heading', { name: world.later.title, level: 1 }).waitFor();
    assert.equal(await made.count(), 0);
  }, { needs: [chosen] });

  await steps.run('on a phone the dialog fits, and what is refused is said', async () => {
    const size = panel.viewportSize();
    await panel.setViewportSize({ width: 390, height: 844 });
    await panel.goto('/panel/recordings');
    for (const { title } of [world.recording, world.later]) await select(title).check();
    await bar.getByRole('button', { name: 'Merge' }).click();
    await dialog.getByText('Nothing is lost').waitFor();
    const width = await panel.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${width} pixels wide`);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await bar.getByRole('button', { name: 'Select none' }).click();
    await bar.waitFor({ state: 'detached' });
    await panel.setViewportSize(size);
    for (const [recordings, code] of [
      [[world.later.id], 'invalid_merge'],
      [[world.later.id, world.later.id], 'invalid_merge'],
      [[world.later.id, 'rec_none'], 'not_found'],
    ]) {
      const answer = await owner.request.post('/api/v1/recordings/merges', { data: { recordings } });
      assert.equal((await answer.json()).code, code);
    }
  }, { needs: [chosen] });
}
