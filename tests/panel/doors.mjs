// Who is let in where: the API's refusals, ranges of files, API tokens, pages of other sites.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { SIGNED_IN } from './first_visit.mjs';
import { inPanel, READY } from './recording.mjs';

/** Everybody may ask who the box is, claim it, by its code with a backup, and sign in. */
const OPEN = new Set([
  'GET /box', 'GET /claim', 'POST /claim', 'PUT /claim/backup', 'POST /claim/restore', 'POST /session', 'DELETE /session',
  // The way to the house's identity provider, and back.
  'GET /oidc', 'GET /oidc/start', 'GET /oidc/callback',
  // Whom to tell of a weakness is said to everybody.
  'GET /.well-known/security.txt',
]);

/** Guests, and boxes of a fleet, have an invite or an order instead of a session; a guessed one is of no use. */
const FOR_GUESTS = new Map([
  ['GET /rooms/{id}/door', undefined],
  ['POST /rooms/{id}/join-token', { name: 'Mallory', invite: 'guessed' }],
  ['POST /rooms/{id}/moderation', { token: 'guessed', participant: 'PA_none', act: 'remove' }],
  ['POST /fleet/boxes', { token: 'guessed', key: 'none', name: 'Mallory', signature: '' }],
  ['POST /fleet/loans', { order: 'guessed', key: 'none', name: 'Mallory', signature: '' }],
]);

/** Invitations to the box: a guessed one is gone, and the answer says no more. */
const INVITED = new Map([
  ['POST /invitation', { secret: 'guessed' }],
  ['POST /invitation/acceptance', { secret: 'guessed', name: 'Mallory', password: 'correct horse battery' }],
]);

/** Strangers may follow a link; one that is guessed leads nowhere. */
const OF_LINKS = '/s/';
/** The same of files that were handed out in a meeting. */
const OF_FILES = '/f/';
/** The same of broadcasts (HLS). */
const OF_BROADCASTS = '/live/';

/** Not below the API's own address. */
const OF_FIGURES = '/metrics';

/** Every operation of the API's description, with names that do not exist in its places. */
async function operations(box) {
  const roomboxd = path.join(process.env.ROOMBOX_BIN, 'roomboxd');
  const { stdout } = await promisify(execFile)(roomboxd, ['--openapi', '--data', box.data]);
  const found = [];
  for (const [route, methods] of Object.entries(JSON.parse(stdout).paths)) {
    const place = route.replace('/api/v1', '').replace(/\{[^}]+\}/g, 'none');
    for (const method of Object.keys(methods)) {
      const name = `${method.toUpperCase()} ${route.replace('/api/v1', '')}`;
      if (['get', 'post', 'patch', 'put', 'delete'].includes(method)) {
        found.push({ name, method: method.toUpperCase(), place });
      }
    }
  }
  return found;
}

async function refusesStrangers(box) {
  const all = await operations(box);
  assert.ok(all.length > 30, `only ${all.length} operations are described`);
  const wrong = [];
  for (const { name, method, place } of all) {
    if (OPEN.has(name)) continue;
    const guest = FOR_GUESTS.has(name);
    const changes = ['POST', 'PATCH', 'PUT'].includes(method);
    if (place.startsWith(OF_LINKS) || place.startsWith(OF_FILES)) {
      const body = changes ? JSON.stringify({ password: 'guessed' }) : undefined;
      const headers = body && { 'Content-Type': 'application/json' };
      const { status } = await fetch(box.http + place, { method, body, headers });
      if (status !== 410) wrong.push(`${name}: ${status}`);
      continue;
    }
    if (place === OF_FIGURES) {
      const { status } = await fetch(box.http + place);
      if (status !== 401) wrong.push(`${name}: ${status}`);
      continue;
    }
    // Broadcasts are watched by who has their address: of any other there is nothing.
    if (place.startsWith(OF_BROADCASTS)) {
      const { status } = await fetch(box.http + place);
      if (status !== 404) wrong.push(`${name}: ${status}`);
      continue;
    }
    if (INVITED.has(name)) {
      const { status } = await box.ask(method, place, { body: INVITED.get(name) });
      if (status !== 410) wrong.push(`${name}: ${status}`);
      continue;
    }
    const body = FOR_GUESTS.get(name) ?? (changes ? {} : undefined);
    const { status } = await box.ask(method, place, { body });
    if (status !== (guest ? 403 : 401)) wrong.push(`${name}: ${status}`);
  }
  assert.deepEqual(wrong, []);
}

export async function ofUnclaimedBox(steps, { box }) {
  await steps.run('an unclaimed box tells nothing but who it is', async () => {
    await refusesStrangers(box);
    const known = await (await box.ask('GET', '/box')).json();
    assert.equal(known.claimed, false);
    assert.ok(!JSON.stringify(known).includes(box.code));
  });
}

export async function ofClaimedBox(steps, world) {
  const { box, owner } = world;

  await steps.run('a claimed box lets no stranger in', () => refusesStrangers(box), {
    needs: [SIGNED_IN],
  });

  await steps.run('a page of another site changes nothing with the owner signed in', async () => {
    const before = await inPanel(world, '/rooms');
    // Another port of this host is the same site: the cookie goes along, and only Origin tells.
    const site = http.createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Evil</title>');
    });
    await once(site.listen(0, '127.0.0.1'), 'listening');
    const page = await owner.newPage();
    try {
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      const statusOf = async (method, route) => {
        const answered = page.waitForResponse(`${box.http}/api/v1${route}`);
        const asking = { method, mode: 'no-cors', credentials: 'include' };
        if (method === 'POST') asking.body = '{"name":"Evil"}';
        await page.evaluate(([address, asking]) => fetch(address, asking).then(() => null), [
          `${box.http}/api/v1${route}`,
          asking,
        ]);
        return (await answered).status();
      };
      assert.equal(await statusOf('GET', '/session'), 200, 'the cookie did not go along');
      assert.equal(await statusOf('POST', '/rooms'), 403);
      const listened = await page.evaluate(
        (address) =>
          new Promise((told) => {
            const socket = new WebSocket(address);
            socket.onopen = () => told('open');
            socket.onerror = () => told('refused');
          }),
        `${box.http.replace('http', 'ws')}/api/v1/events`,
      );
      assert.equal(listened, 'refused');
    } finally {
      await page.close();
      site.close();
    }
    assert.deepEqual(await inPanel(world, '/rooms'), before);
    for (const origin of ['http://evil.example', 'null', `${box.http}.evil.example`]) {
      const answer = await box.ask('POST', '/session', { body: { password: 'x' }, headers: { origin } });
      assert.equal(answer.status, 403, origin);
      assert.equal((await answer.json()).code, 'foreign_origin');
    }
  }, {
    needs: [SIGNED_IN],
    expects: [/^403 \/api\/v1\/rooms$/, /WebSocket connection .* failed/, /^asked elsewhere/],
  });

  await steps.run('files are served whole, in ranges, and not again when unchanged', async () => {
    const film = `${box.http}/api/v1/recordings/${world.recording}/files/${world.film.name}`;
    const get = (headers = {}) => owner.request.get(film, { headers });
    const whole = await get();
    assert.equal(whole.headers()['accept-ranges'], 'bytes');
    const bytes = await whole.body();
    assert.equal(createHash('sha256').update(bytes).digest('hex'), world.filmHash);
    const size = bytes.length;
    const half = Math.floor(size / 2);
    for (const [asked, from, to] of [
      ['0-99', 0, 99],
      [`${half}-`, half, size - 1],
      ['-100', size - 100, size - 1],
    ]) {
      const part = await get({ range: `bytes=${asked}` });
      assert.equal(part.status(), 206, asked);
      assert.equal(part.headers()['content-range'], `bytes ${from}-${to}/${size}`);
      assert.ok(bytes.subarray(from, to + 1).equals(await part.body()), asked);
    }
    assert.equal((await get({ range: `bytes=${size}-` })).status(), 416);
    const { etag } = whole.headers();
    assert.equal((await get({ 'if-none-match': etag })).status(), 304);
    const folder = `/api/v1/recordings/${world.recording}/files`;
    const ways = ['../manifest.json', '%2e%2e/manifest.json', '..%2f..%2froombox.db', '%2fetc%2fpasswd'];
    for (const outside of ways) {
      assert.equal(await rawStatus(`${folder}/${outside}`, world), 404, outside);
    }
  }, { needs: [READY] });

  await steps.run('an API token opens the API until it is revoked', async () => {
    const { panel } = world;
    await panel.goto('/panel/account');
    await panel.getByRole('button', { name: 'New token' }).click();
    await panel.getByLabel('What is it for?').fill('Backup script');
    await panel.getByRole('button', { name: 'Create' }).click();
    const token = await panel.getByLabel('Token', { exact: true }).inputValue();
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    const rooms = await box.ask('GET', '/rooms', bearer);
    assert.equal(rooms.status, 200);
    assert.equal((await rooms.json()).items[0].id, world.room);
    // What the box keeps and shows later is not the token.
    assert.ok(!JSON.stringify(await inPanel(world, '/api-tokens')).includes(token));
    await panel.getByRole('button', { name: 'I have it' }).click();
    await panel.getByRole('button', { name: 'Delete Backup script' }).click();
    await panel.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await panel.getByText('No tokens yet.').waitFor();
    assert.equal((await box.ask('GET', '/rooms', bearer)).status, 401);
  }, { needs: [SIGNED_IN] });
}

/** The status of exactly this path: clients that tidy paths would ask for another. */
async function rawStatus(path, { box, owner }) {
  const [cookie] = await owner.cookies();
  const headers = { cookie: `${cookie.name}=${cookie.value}` };
  const request = http.get({ hostname: '127.0.0.1', port: box.port, path, headers });
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}
