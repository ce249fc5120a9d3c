// Share links: made in the panel, opened by somebody without an account, refused when they should be.

import assert from 'node:assert/strict';
import { looksRight, looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const SECRET = 'only for friends';
const GONE = 'This link does not work';

/** `ready` is the step that made the recording. */
export async function shared(steps, world, ready) {
  const { box, browser, owner, panel, ask } = world;
  const section = panel.getByRole('region', { name: 'Share links' });
  const dialog = panel.getByRole('dialog');
  const visitors = [];
  /** Somebody with no cookie of the box. */
  const visitor = async () => {
    const person = await browser.person();
    visitors.push(person);
    return person;
  };
  /** What a program without cookies is answered. */
  const get = (path, headers = {}) => fetch(`${box.http}${path}`, { headers, redirect: 'manual' });
  const share = async (wanted) => {
    const route = `/api/v1/recordings/${world.recording.id}/shares`;
    const answer = await owner.request.post(route, { data: wanted });
    assert.equal(answer.status(), 201, await answer.text());
    return await answer.json();
  };

  const made = 'a link with a password is made in the panel, and shown once';
  await steps.run(made, async () => {
    await panel.goto(`/panel/recordings/${world.recording.id}`);
    await section.getByText('Nobody watches this recording by a link.').waitFor();
    await section.getByRole('button', { name: 'Share' }).click();
    await dialog.getByLabel('Password (optional)').fill('short');
    assert.ok(await dialog.getByRole('button', { name: 'Make the link' }).isDisabled());
    await dialog.getByLabel('Password (optional)').fill(SECRET);
    await looksRight(panel, 'share-new', 'en');
    await dialog.getByRole('button', { name: 'Make the link' }).click();
    world.link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
    assert.match(new URL(world.link).pathname, /^\/s\/[A-Z2-9]{43}$/);
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await section.getByText('Not opened yet').waitFor();
    const [{ created_at: from, expires_at: to }] = (await ask(`/recordings/${world.recording.id}/shares`)).items;
    assert.equal(Date.parse(to) - Date.parse(from), 7 * 86_400_000);
  }, { needs: [ready] });

  const opened = 'a stranger with the link and its password watches the film, and nothing else';
  await steps.run(opened, async () => {
    const person = await visitor();
    const page = await person.newPage();
    await page.goto(world.link);
    await page.getByRole('heading', { name: 'This recording has a password' }).waitFor();
    await looksRight(page, 'share-password', 'en');
    await page.locator('input').fill('a wrong password');
    await page.getByRole('button', { name: 'Watch' }).click();
    await page.getByText('This password is wrong.').waitFor();
    await page.locator('input').fill(SECRET);
    await page.getByRole('button', { name: 'Watch' }).click();
    await page.getByRole('heading', { name: world.recording.title }).waitFor();
    await page.waitForFunction(() => document.querySelector('video').readyState >= 1);
    const length = await page.locator('video').evaluate((video) => video.duration * 1000);
    assert.ok(Math.abs(length - world.recording.duration_ms) < 1_000, `${length} ms`);
    await page.locator('video').evaluate((video) => {
      video.muted = true;
      return video.play();
    });
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0.5);
    await page.getByRole('list', { name: 'Chapters' }).getByText('Second part').click();
    await page.waitForFunction(() => document.querySelector('video').currentTime > 2);
    await page.locator('video').evaluate((video) => video.pause());
    await looksRightInAll(page, 'share', (page) => page.locator('video').waitFor());
    const [cookie, ...others] = await person.cookies(world.link);
    assert.deepEqual(others, []);
    const { path } = cookie;
    assert.deepEqual([path, cookie.httpOnly, cookie.sameSite], [new URL(world.link).pathname, true, 'Strict']);
    for (const route of ['/api/v1/recordings', `/api/v1/recordings/${world.recording.id}`, '/api/v1/storage']) {
      assert.equal((await person.request.get(route)).status(), 401, route);
    }
    const about = await (await person.request.get(`${path}/about`)).json();
    assert.deepEqual(Object.keys(about).sort(), [
      'chapters', 'download', 'duration_ms', 'expires_at', 'poster', 'ready', 'started_at', 'title',
    ]);
    const film = `${path}/film.mp4`;
    const range = await person.request.get(film, { headers: { range: 'bytes=4-7' } });
    assert.deepEqual([range.status(), await range.text()], [206, 'ftyp']);
    const refused = await person.request.get(`${film}?download=1`);
    assert.deepEqual([refused.status(), (await refused.json()).code], [403, 'share_not_downloaded']);
    assert.equal(await page.getByRole('link', { name: 'Download' }).count(), 0);
    await section.getByText(/^Opened once, last /).waitFor();
  }, { needs: [made], expects: [/^401 \/s\/\w+\/(about|session)$/] });

  await steps.run('what a link answers is kept by nobody, and leads to nothing beside the film', async () => {
    const { token } = await share({ expires_in_s: 600 });
    for (const path of ['', '/about', '/film.mp4', '/poster.jpg']) {
      const { headers } = await get(`/s/${token}${path}`);
      assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
      assert.match(headers.get('x-robots-tag'), /noindex/, path);
      assert.equal(headers.get('cache-control'), 'private, no-store', path);
    }
    const page = await get(`/s/${token}`);
    assert.match(await page.text(), /name="robots" content="noindex/);
    for (const name of [
      'manifest.json', 'timeline.jsonl', 'tracks/0.mkv', '..%2f..%2froombox.db', '%2e%2e/%2e%2e/roombox.db',
      'film.mp4/..%2f..%2fmanifest.json', 'film.mp4%00', 'files/manifest.json', 'film.json',
    ]) {
      assert.equal((await get(`/s/${token}/${name}`)).status, 404, name);
    }
    const cross = await fetch(`${box.http}/s/${token}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
      body: '{"password":"x"}',
    });
    assert.equal(cross.status, 403);
    const allowed = await share({ expires_in_s: 600, download: true });
    const taken = await get(`/s/${allowed.token}/film.mp4?download=1`);
    assert.match(taken.headers.get('content-disposition'), /^attachment; filename="Library /);
    assert.equal((await taken.arrayBuffer()).byteLength, world.recording.files.find(({ kind }) => kind === 'mp4').bytes);
  }, { needs: [ready] });

  await steps.run('forged links and bad wishes are refused, each with a reason', async () => {
    const real = new URL(world.link).pathname.slice(3);
    const forged = [
      'x', real.slice(1), `${real}A`, real.toLowerCase(), [...real].reverse().join(''), 'A'.repeat(43),
      'A'.repeat(4000), encodeURIComponent('Ä'.repeat(43)), '..%2f..%2fetc%2fpasswd', '%27%20OR%201=1%20--',
    ];
    for (const token of forged) {
      assert.equal((await get(`/s/${token}`)).status, 410, token);
      for (const path of ['/about', '/film.mp4', '/poster.jpg']) {
        const answer = await get(`/s/${token}${path}`);
        assert.equal(answer.status, 410, token + path);
        assert.equal((await answer.json()).code, 'share_gone');
      }
    }
    assert.equal((await get('/s/%ff/about')).status, 400);
    const route = `/api/v1/recordings/${world.recording.id}/shares`;
    for (const [data, status, code] of [
      [{}, 422, 'malformed_request'],
      [{ expires_in_s: 0 }, 422, 'invalid_share'],
      [{ expires_in_s: -1 }, 422, 'malformed_request'],
      [{ expires_in_s: 400 * 86_400 }, 422, 'invalid_share'],
      [{ expires_in_s: 60, password: 'short' }, 422, 'weak_password'],
      [{ expires_in_s: 60, password: 'x'.repeat(201) }, 422, 'invalid_share'],
      [{ expires_in_s: 60, forever: true }, 422, 'malformed_request'],
    ]) {
      const answer = await owner.request.post(route, { data });
      assert.deepEqual([answer.status(), (await answer.json()).code], [status, code], JSON.stringify(data));
    }
    const stranger = await (await visitor()).request.post(route, { data: { expires_in_s: 60 } });
    assert.equal(stranger.status(), 401);
  }, { needs: [made] });

  await steps.run('wrong passwords make whoever guesses wait', async () => {
    const { token } = await share({ expires_in_s: 600, password: SECRET });
    const page = await (await visitor()).newPage();
    await page.goto(`/s/${token}`);
    const words = page.getByText(/^Too many wrong passwords\. Try again in \d+ seconds\.$/);
    await until('a pause', async () => {
      await page.locator('input').fill('a wrong password');
      await page.getByRole('button', { name: 'Watch' }).click();
      await page.locator('#refused:not(:empty)').waitFor();
      await page.waitForFunction(() => document.querySelector('input').value === '');
      return (await words.count()) > 0;
    });
  }, { needs: [ready], expects: [/^(401|429) \/s\/\w+\/(about|session)$/] });

  await steps.run('an expired link says so, and looks like one that never was', async () => {
    const { token } = await share({ expires_in_s: 1 });
    await until('its end', async () => (await get(`/s/${token}/about`)).status === 410);
    const page = await (await visitor()).newPage();
    await page.goto(`/s/${token}`);
    await page.getByRole('heading', { name: GONE }).waitFor();
    const text = await page.locator('main').innerText();
    await looksRight(page, 'share-gone', 'en');
    await page.goto(`/s/${'A'.repeat(43)}`);
    await page.getByRole('heading', { name: GONE }).waitFor();
    assert.equal(await page.locator('main').innerText(), text);
    await section.getByText('Expired').first().waitFor();
  }, { needs: [made], expects: [/^410 \/s\//] });

  await steps.run('a revoked link ends at once, also for who is watching', async () => {
    const [person] = visitors;
    const path = new URL(world.link).pathname;
    assert.equal((await person.request.get(`${path}/about`)).status(), 200);
    const row = section.getByRole('listitem').filter({ hasText: 'Opened once' }).filter({ hasText: 'with password' });
    await row.getByRole('button', { name: /^Revoke/ }).click();
    await dialog.getByText('It stops working at once').waitFor();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
    await until('no film', async () => (await person.request.get(`${path}/film.mp4`)).status() === 410);
    const page = await person.newPage();
    await page.goto(world.link);
    await page.getByRole('heading', { name: GONE }).waitFor();
    await looksRight(panel, 'shares', 'en');
  }, { needs: [opened], expects: [/^410 \/s\//] });

  await steps.run('a part of the recording becomes a film of its own', async () => {
    await panel.goto(`/panel/recordings/${world.recording.id}`);
    await panel.getByRole('button', { name: 'Trim' }).click();
    const part = panel.getByRole('region', { name: 'A film of a part' });
    const begins = part.getByRole('slider', { name: 'Begins at' });
    assert.ok(await part.getByRole('button', { name: 'Make this film' }).isDisabled(), 'it is all of it');
    await begins.focus();
    for (let press = 0; press < 40; press += 1) await panel.keyboard.press('ArrowRight');
    await looksRight(panel, 'trim', 'en');
    const from = Number(await begins.getAttribute('aria-valuenow'));
    assert.equal(from, 4000);
    const films = async () =>
      (await ask(`/recordings/${world.recording.id}`)).files.filter(({ kind }) => kind === 'mp4');
    await part.getByRole('button', { name: 'Make this film' }).click();
    await until('the second film', async () => (await films()).length === 2, 60_000);
    const length = await until('its player', () => panel.evaluate(
      (before) => {
        const { duration } = document.querySelector('video.player');
        return duration * 1000 < before && duration * 1000;
      }, world.recording.duration_ms - from / 2));
    assert.ok(Math.abs(length - (world.recording.duration_ms - from)) < 1_000, `${length} ms`);
    for (const range of [{ from_ms: 0, to_ms: 1e9 }, { from_ms: 5, to_ms: 4 }, { from_ms: -1, to_ms: 5 }]) {
      const route = `/api/v1/recordings/${world.recording.id}/jobs`;
      const answer = await owner.request.post(route, { data: { layout: 'auto', range } });
      assert.equal(answer.status(), 422, JSON.stringify(range));
    }
  }, { needs: [ready] });

  await steps.run("each person's tracks become MP4, and can be taken along", async () => {
    await panel.goto(`/panel/recordings/${world.recording.id}`);
    const open = async (language) => {
      await panel.goto(`/panel/recordings/${world.recording.id}`);
      await panel.getByRole('button', { name: language === 'de' ? 'Neu rendern' : 'Render again' }).click();
      await dialog.getByText('MP4', { exact: false }).first().waitFor();
    };
    await looksRightInAll(panel, 'render', (_, language) => open(language));
    await open('en');
    await dialog.getByLabel('Film (MP4)').uncheck();
    await dialog.getByLabel("Each person's tracks as MP4").check();
    await dialog.getByRole('button', { name: 'Make it' }).click();
    const link = panel.getByRole('link', { name: /-camera\.mp4/ }).first();
    await link.waitFor({ timeout: 60_000 });
    const downloading = panel.waitForEvent('download');
    await link.click();
    assert.match((await downloading).suggestedFilename(), /camera\.mp4$/);
    // The film stays what the page shows.
    assert.match(await panel.locator('video.player').getAttribute('src'), /film\.mp4$/);
  }, { needs: [ready] });

  for (const person of visitors) await person.close();
}
