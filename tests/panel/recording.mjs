// A recording from Record to Delete: made in the meeting, watched in the panel.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { seesVideoOf, until } from './waiting.mjs';
import { MET } from './meeting.mjs';
import { LIVE_AGAIN } from './restart.mjs';

export const READY = 'after Stop the recording becomes ready by itself';
const RECORDS = 'the owner records, and both see it';
/** Long enough to seek in. */
const RECORD_MS = 6_000;
/** The film of some seconds, made on two slow cores beside everything else. */
const RENDER_PATIENCE_MS = 90_000;

export async function made(steps, world) {
  let begun;
  let seen;

  await steps.run(RECORDS, async () => {
    const { ownerPage, guestPage } = world;
    assert.equal(await guestPage.getByRole('button', { name: 'Record' }).count(), 0);
    await ownerPage.getByRole('button', { name: 'Record', exact: true }).click();
    begun = performance.now();
    await ownerPage.getByRole('dialog').getByRole('button', { name: 'Record' }).click();
    const signs = [ownerPage, guestPage].map((page) => page.locator('.recording-sign'));
    await Promise.all(signs.map((sign) => sign.waitFor()));
    seen = performance.now();
    await Promise.all(signs.map((sign) => sign.filter({ hasText: /Recording\s*0:0[1-9]/ }).waitFor()));
  }, { needs: [MET] });

  await steps.run(READY, async () => {
    const { box, ownerPage, panel } = world;
    await panel.goto(`/panel/rooms/${world.room}`);
    await panel.getByLabel('Marker').fill('The good part');
    await panel.getByRole('button', { name: 'Set' }).click();
    // An accepted marker empties its field.
    await until('the marker', async () => (await panel.getByLabel('Marker').inputValue()) === '');
    await until('some seconds of recording', () => performance.now() - seen > RECORD_MS);

    const atLeast = performance.now() - seen;
    await ownerPage.getByRole('button', { name: 'Stop recording' }).click();
    await ownerPage.getByRole('dialog').getByRole('button', { name: 'Stop recording' }).click();
    await world.guestPage.locator('.recording-sign').waitFor({ state: 'detached' });
    await ownerPage.locator('.recording-sign').waitFor({ state: 'detached' });
    const atMost = performance.now() - begun;

    // The list is live: nobody loads it again.
    await panel.getByRole('link', { name: 'Recordings' }).first().click();
    const row = panel.getByRole('listitem').filter({ hasText: 'Library' });
    await row.getByText('Ready').waitFor({ timeout: RENDER_PATIENCE_MS });
    await row.getByRole('link').first().click();
    await panel.locator('video.player').waitFor();
    world.recording = panel.url().split('/').at(-1);
    world.seen = await inPanel(world, `/recordings/${world.recording}`);
    world.film = world.seen.files.find((file) => file.kind === 'mp4');
    const length = world.seen.duration_ms;
    assert.ok(
      length > atLeast - 1_000 && length < atMost + 1_000,
      `${length} ms long, but it ran between ${atLeast} and ${atMost} ms`,
    );
    await access(path.join(box.data, 'recordings', world.recording, 'manifest.json'));
  }, { needs: [RECORDS] });

  await steps.run('the film plays, and is as long as the recording', async () => {
    const { panel } = world;
    const video = panel.locator('video.player');
    await panel.waitForFunction(() => document.querySelector('video.player').readyState >= 1);
    const length = await video.evaluate((element) => element.duration * 1000);
    assert.ok(Math.abs(length - world.seen.duration_ms) < 500, `${length} ms`);
    await video.evaluate((element) => {
      element.muted = true;
      return element.play();
    });
    await panel.waitForFunction(() => {
      const element = document.querySelector('video.player');
      return element.currentTime > 1 && element.getVideoPlaybackQuality().totalVideoFrames > 10;
    });
    await video.evaluate((element) => element.pause());
  }, { needs: [READY] });

  await steps.run('the timeline shows both people, and its marker seeks', async () => {
    const { panel } = world;
    for (const name of ['Ada', 'Grace']) {
      await panel.getByRole('img', { name: new RegExp(`^${name}: spoke`) }).waitFor();
    }
    const items = (await inPanel(world, `/recordings/${world.recording}/timeline`)).items;
    const marker = items.find(({ kind }) => kind === 'marker');
    assert.equal(marker?.text, 'The good part');
    // The film begins with the first picture or sound, not with the recording.
    const index = world.seen.files.find(({ kind }) => kind === 'index');
    world.index = await inPanel(world, `/recordings/${world.recording}/files/${index.name}`);
    const before = world.index.pieces[0].from_us / 1000;
    await seeksBy(panel, marker.t_ms - before, (page) =>
      page.getByRole('button', { name: /^Go to .*The good part/ }).click(),
    );
    await seeksBy(panel, world.seen.duration_ms / 2 - before, (page) =>
      page.getByRole('img', { name: /^Ada: spoke/ }).click(),
    );
  }, { needs: [READY] });

  await steps.run('chapters lead to their moments, and the timeline shows a picture of each', async () => {
    const { panel } = world;
    const chapters = panel.getByRole('list', { name: 'Chapters' });
    const marker = world.index.chapters.find(({ title }) => title === 'The good part');
    assert.equal(marker?.kind, 'marker');
    assert.equal(await chapters.getByRole('listitem').count(), world.index.chapters.length);
    const button = chapters.getByRole('button', { name: /The good part/ });
    await seeksBy(panel, marker.from_us / 1000, () => button.click());
    await panel.locator('.chapter[aria-current="true"]', { hasText: 'The good part' }).waitFor();
    const lane = panel.getByRole('img', { name: /^Ada: spoke/ });
    const { width, height } = await lane.boundingBox();
    await lane.hover({ position: { x: width / 2, y: height / 2 } });
    const preview = panel.locator('.preview-picture');
    const picture = await preview.boundingBox();
    const sheet = await preview.evaluate(async (element) => {
      const image = new Image();
      image.src = getComputedStyle(element).backgroundImage.slice(5, -2);
      await image.decode();
      return image.naturalWidth;
    });
    assert.equal(sheet, world.index.sprite.width);
    assert.deepEqual([picture.width, picture.height], [160, 88]);
    await panel.getByRole('heading', { name: 'Timeline' }).hover();
    await panel.locator('.preview').waitFor({ state: 'detached' });
  }, { needs: [READY] });

  await steps.run('the sound alone is made and taken along', async () => {
    const { panel } = world;
    await panel.getByRole('button', { name: 'Render again' }).click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByLabel('Film (MP4)').uncheck();
    const start = dialog.getByRole('button', { name: 'Make it' });
    assert.ok(await start.isDisabled(), 'nothing was chosen');
    await dialog.getByLabel('Sound alone').check();
    assert.ok(await dialog.getByLabel('Lecture').isDisabled(), 'sound has no layout');
    await start.click();
    const link = panel.getByRole('link', { name: /^Sound \(/ });
    await link.waitFor({ timeout: RENDER_PATIENCE_MS });
    const downloading = panel.waitForEvent('download');
    await link.click();
    assert.match((await downloading).suggestedFilename(), /Library.*\.m4a$/);
    await panel.locator('video.player').waitFor();
  }, { needs: [READY] });

  await steps.run('the film downloads whole, under a readable name', async () => {
    const { panel } = world;
    const downloading = panel.waitForEvent('download');
    await panel.getByRole('link', { name: /^Download/ }).click();
    const download = await downloading;
    assert.match(download.suggestedFilename(), /Library.*\.mp4$/);
    const bytes = await readFile(await download.path());
    assert.equal(bytes.length, world.film.bytes);
    assert.equal(bytes.toString('latin1', 4, 8), 'ftyp');
    world.filmHash = createHash('sha256').update(bytes).digest('hex');
  }, { needs: [READY] });

  await steps.run('the meeting went on all the while', async () => {
    await Promise.all([
      seesVideoOf(world.ownerPage, 'Grace'),
      seesVideoOf(world.guestPage, 'Ada'),
    ]);
  }, { needs: [MET] });
}

export async function deleted(steps, world) {
  await steps.run('deleting asks first, and leaves nothing of the recording', async () => {
    const { box, panel } = world;
    const folder = path.join(box.data, 'recordings', world.recording);
    await panel.goto(`/panel/recordings/${world.recording}`);
    const ask = async () => {
      await panel.getByRole('button', { name: 'More', exact: true }).click();
      await panel.getByRole('menuitem', { name: 'Delete recording' }).click();
      await panel.getByText('are gone for good').waitFor();
    };
    await ask();
    await panel.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await panel.getByRole('dialog').waitFor({ state: 'detached' });
    await access(folder);
    await ask();
    await panel.getByRole('dialog').getByRole('button', { name: 'Delete recording' }).click();
    await panel.getByText('No recordings yet').waitFor();
    await until('an empty disk', () => access(folder).then(() => false, () => true));
    // The news of it may come before the page has left, and make it ask once more.
  }, { needs: [READY, LIVE_AGAIN], expects: [/^404 \/api\/v1\/recordings\/rec_\w+(\/timeline|\/copies)?$/] });
}

/** What the box tells the panel's own session. */
export async function inPanel(world, route) {
  const response = await world.owner.request.get(`/api/v1${route}`);
  assert.equal(response.status(), 200, route);
  return await response.json();
}

async function seeksBy(page, ms, click) {
  const video = page.locator('video.player');
  await video.evaluate((element) => {
    element.currentTime = 0;
  });
  await page.waitForFunction(() => !document.querySelector('video.player').seeking);
  await click(page);
  // A click lands on a pixel, a seek on a frame.
  await page.waitForFunction((ms) => {
    const element = document.querySelector('video.player');
    return !element.seeking && Math.abs(element.currentTime * 1000 - ms) < 300;
  }, ms);
}
