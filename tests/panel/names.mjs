// Names from strangers: whatever somebody calls themselves or a thing, pages show it as text. Each hostile name goes
// into every field of a name that the API has; what is taken is shown, what is refused is refused with a sentence.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { turnedBeside } from './direction.mjs';
import { putRecording } from './imported.mjs';
import { seesVideoOf } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const HOUR_MS = 3_600_000;

/** `hit` is what a page would do if it took one for code; `data-hostile` would be in its tree. */
const NAMES = [
  '<img src=x onerror="hit()" data-hostile>',
  '<script data-hostile>hit()</script>',
  '"\'><svg onload=hit() data-hostile>',
  '</title><b data-hostile>',
  'javascript:hit()',
  'data:text/html,<script>hit()</script>',
  '$t(panel:nav.rooms) {{count}} {{t}}',
  '\u202Egnp.exe\u202C \u2066\u2069',
  '\u202Egnp.exe',
  'a\u200Bb\u200D\uFEFFc',
  '👩‍👩‍👧‍👦🏳️‍🌈 مرحبا שלום',
  'a\u0000b\u0007\u001B[31m',
  '../../etc/passwd%00.png',
  `${'W'.repeat(10_000)}`,
];

/** A calendar whose events are called so, an hour each from tomorrow on (RFC 5545). */
function calendarOf(titles) {
  const moment = (hours) => new Date(Date.now() + hours * HOUR_MS).toISOString().replace(/[-:]|\.\d+/g, '');
  const text = (value) => value.replace(/[\\;,]/g, '\\$&').replace(/\n/g, '\\n');
  const events = titles.flatMap((title, index) => [
    'BEGIN:VEVENT', `UID:${index}@calendar.test`, `DTSTART:${moment(48 + 2 * index)}`, `DTEND:${moment(49 + 2 * index)}`,
    `SUMMARY:${text(title)}`, `LOCATION:${text(title)}`, 'END:VEVENT',
  ]);
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//names', ...events, 'END:VCALENDAR', ''].join('\r\n');
}

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** With a box of its own. */
export async function names(steps) {
  const before = steps.browser;
  const nats = path.join(path.dirname(process.env.ROOMBOX_PYTHON), 'nats-server');
  const box = await Box.start(['--https', `127.0.0.1:${await freePort()}`, '--nats-server', nats]);
  await box.stop();
  // What came from a meeting lies in a recording's own files.
  for (const [index, name] of NAMES.slice(0, -1).entries()) {
    await putRecording(box, { room: name, at: new Date(Date.now() - (index + 1) * HOUR_MS), people: [name, 'Ada'] });
  }
  await box.run();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const hits = [];
  await owner.exposeFunction('hit', () => hits.push('a name ran as code'));
  owner.on('page', (page) => page.on('dialog', (dialog) => {
    hits.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  }));
  const ask = async (method, route, data, headers = {}) => {
    const answer = await owner.request.fetch(`/api/v1${route}`, { method, data, headers });
    const text = await answer.text();
    return { status: answer.status(), body: text === '' ? null : JSON.parse(text) };
  };
  const calendars = http.createServer((_, answer) => answer.end(calendarOf(NAMES)));
  calendars.listen(0, '127.0.0.1');
  await once(calendars, 'listening');
  const claim = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await ask('POST', '/claim', claim)).status, 201);
  const room = (await ask('POST', '/rooms', { name: 'Library' })).body.id;
  const port = await freePort();
  assert.equal((await ask('POST', '/fleet/hub', { leaf_address: `127.0.0.1:${port}`, port })).status, 201);
  const provider = { enabled: true, issuer: 'https://issuer.test', client_id: 'box', address: 'https://box.test', roles: [{ group: 'staff', role: 'viewer' }] };
  const at = (index) => ({
    starts_at: new Date(Date.now() + (24 + index) * HOUR_MS).toISOString(),
    ends_at: new Date(Date.now() + (25 + index) * HOUR_MS).toISOString(),
  });

  /** Every name that the API takes: what it belongs to, and how it is given. */
  const fields = {
    'template for rooms': (name) => ask('POST', '/room-templates', { name }),
    room: (name) => ask('POST', '/rooms', { name }),
    'link into a room': (name) => ask('POST', `/rooms/${room}/links`, { name, role: 'guest' }),
    'key to send': (name) => ask('POST', `/rooms/${room}/whip-keys`, { name, scope: 'publish' }),
    'key to watch': (name) => ask('POST', `/rooms/${room}/whip-keys`, { name: `${name} 2`, scope: 'watch' }),
    event: (title, index) => ask('POST', '/schedule/events', { title, room, ...at(index) }),
    calendar: (name, index) => ask('POST', '/schedule/feeds', { name, room, url: `http://127.0.0.1:${calendars.address().port}/${index}.ics` }),
    'invited person': (name) => ask('POST', '/invites', { name, role: 'viewer', expires_in_s: 86_400 }),
    token: (name) => ask('POST', '/api-tokens', { name }),
    target: (name, index) => ask('POST', '/targets', { name, place: { kind: 'folder', path: `/nowhere/${index}` } }),
    'group of a fleet': (name) => ask('POST', '/fleet/groups', { name, settings: {} }),
    'sign-in service': (name) => ask('PUT', '/integrations/oidc', { settings: { ...provider, name } }),
    box: (name) => ask('PATCH', '/box', { name }),
  };
  const taken = {};
  for (const [field, give] of Object.entries(fields)) {
    await steps.run(`a name of a ${field} is taken as it is, or refused with a sentence`, async () => {
      taken[field] = [];
      let last;
      for (const [index, name] of NAMES.entries()) {
        const { status, body } = await give(name, index);
        const said = (last = `${JSON.stringify(name.slice(0, 40))}: ${status} ${JSON.stringify(body)?.slice(0, 200)}`);
        if (status >= 200 && status < 300) {
          const kept = body.name ?? body.title ?? body.invite?.name ?? body.link?.name ?? body.key?.name ?? body.token?.name ?? body.settings?.name;
          if (kept !== undefined) assert.equal(kept, (field === 'key to watch' ? `${name} 2` : name).trim(), said);
          taken[field].push(name);
          continue;
        }
        assert.ok([400, 409, 422].includes(status), said);
        assert.match(body.code, /^[a-z_]+$/, said);
        assert.ok(body.message.length > 10 && body.message.length < 400, said);
      }
      assert.ok(taken[field].length > 4, `only ${taken[field].length} were taken; the last answer: ${last}`);
    });
  }

  await steps.run('the button of a sign-in service shows its name as text', async () => {
    const visitor = await browser.person();
    await visitor.exposeFunction('hit', () => hits.push('a name ran as code at the sign-in'));
    const page = await visitor.newPage();
    for (const name of NAMES.slice(0, 7)) {
      const { status } = await ask('PUT', '/integrations/oidc', { settings: { ...provider, name } });
      assert.ok([200, 422].includes(status), `${name}: ${status}`);
      await page.goto('/panel/');
      const button = page.getByRole('link', { name: /^Sign in with / });
      await button.waitFor();
      if (status === 200) assert.equal((await button.textContent()).trim(), `Sign in with ${name}`.trim());
      await harmless(page);
    }
    await visitor.close();
  }, { expects: [/^401 \/api\/v1\/session$/] });

  await steps.run('a person is called as they were invited, and signs in so', async () => {
    for (const name of NAMES.slice(0, 7)) {
      const { body } = await ask('POST', '/invites', { name, role: 'viewer', expires_in_s: 86_400 });
      const guest = await browser.person();
      const data = { secret: body.secret, name, password: PASSWORD };
      const answer = await guest.request.post('/api/v1/invitation/acceptance', { data });
      assert.ok([201, 409, 422].includes(answer.status()), `${name}: ${await answer.text()}`);
      await guest.close();
    }
  });

  await steps.run('titles of recordings are taken as they are, or refused with a sentence', async () => {
    const { items } = (await ask('GET', '/recordings?limit=30')).body;
    assert.ok(items.length >= NAMES.length - 1, `${items.length} recordings`);
    for (const [index, { id }] of items.entries()) {
      const title = NAMES[index % NAMES.length];
      const { status, body } = await ask('PATCH', `/recordings/${id}`, { title });
      assert.ok([200, 422].includes(status), `${title.slice(0, 40)}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
    }
  });

  const meet = await owner.newPage();
  const guest = await browser.person();
  await guest.exposeFunction('hit', () => hits.push('a name ran as code in the meeting'));
  const met = 'a meeting with hostile names, words, questions and files shows them as text';
  await steps.run(met, async () => {
    const { invite } = (await ask('GET', `/rooms/${room}`)).body;
    let token;
    meet.on('request', (request) => {
      token = request.headers().authorization?.replace('Bearer ', '') ?? token;
    });
    await meet.goto(`/meet/${room}`);
    await meet.getByRole('button', { name: 'Join' }).click();
    const page = await guest.newPage();
    await page.goto(`/meet/${room}#invite=${invite}`);
    const name = NAMES[0];
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Join' }).click();
    await seesVideoOf(meet, name);
    assert.equal((await ask('POST', `/rooms/${room}/recording`, {})).status, 201);
    await meet.keyboard.press('c');
    for (const text of NAMES.slice(0, -2)) {
      const marked = await ask('PATCH', `/rooms/${room}/recording`, { marker: text });
      assert.ok([204, 422].includes(marked.status), `${text}: ${marked.status}`);
      await page.keyboard.press('Escape');
    }
    const write = meet.getByRole('textbox', { name: 'Write a message' });
    for (const text of NAMES.filter((one) => !one.includes('\u0000')).slice(0, 10)) {
      await write.fill(text);
      await write.press('Enter');
      await meet.getByRole('complementary').getByText(text, { exact: true }).last().waitFor();
    }
    assert.ok(token, 'the meeting page asked for nothing by its token');
    const headers = { authorization: `Bearer ${token}` };
    for (const text of NAMES) {
      const asked = await ask('POST', '/meeting/polls', { question: text, answers: [text, `${text.slice(0, 40)} 2`] }, headers);
      assert.ok(asked.status < 300 || [400, 409, 422, 429].includes(asked.status), `${asked.status} ${JSON.stringify(asked.body)}`);
      const timed = await ask('PUT', '/meeting/timer', { seconds: 600, title: text }, headers);
      assert.ok(timed.status < 300 || [400, 409, 422, 429].includes(timed.status), `${timed.status} ${JSON.stringify(timed.body)}`);
      const file = await owner.request.fetch(`/api/v1/meeting/files?name=${encodeURIComponent(`${text.slice(0, 80)}.png`)}`, { method: 'POST', headers, data: Buffer.from('\x89PNG') });
      assert.ok(file.status() < 300 || [400, 409, 413, 415, 422, 429].includes(file.status()), `${file.status()} ${await file.text()}`);
    }
    await harmless(meet);
    await harmless(page);
    await ask('DELETE', `/rooms/${room}/recording`);
    await meet.close();
    await guest.close();
  });

  const page = await owner.newPage();
  const rest = async () => {
    const rooms = (await ask('GET', '/rooms')).body.items.map(({ id }) => `rooms/${id}`);
    const films = (await ask('GET', '/recordings?limit=30')).body.items.map(({ id }) => `recordings/${id}`);
    return [...rooms.slice(0, 3), `rooms/${room}`, ...films];
  };
  await steps.run('no page takes a name for anything but text, and none is wider for it', async () => {
    const places = ['', 'rooms', 'rooms/templates', 'schedule', 'recordings', 'recordings/storage', 'status', 'status/health', 'settings', 'settings/people',
      'settings/audit', 'settings/backup', 'settings/network', 'settings/certificates', 'settings/updates', 'settings/fleet', 'settings/sign-in', 'account', ...(await rest())];
    for (const place of places) {
      await page.goto(`/panel/${place}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      await harmless(page);
    }
    await page.goto('/panel/rooms/templates');
    await page.getByRole('main').getByText(NAMES[0], { exact: true }).first().waitFor();
    await page.goto('/panel/rooms');
    await page.getByRole('main').getByText(NAMES[0], { exact: true }).first().waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').fill('hit');
    await page.getByRole('dialog').getByRole('option').first().waitFor();
    await harmless(page);
  });

  calendars.close();
  await browser.close();
  await box.remove();
  steps.browser = before;

  async function harmless(page) {
    assert.deepEqual(await turnedBeside(page), [], `${page.url().replace(/#.*/, '')} is turned behind a name`);
    const found = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [
        ...[...document.querySelectorAll('[data-hostile], [onerror], [onload]')].map((one) => one.outerHTML),
        ...[...document.querySelectorAll('a[href], img[src], iframe')]
          .filter((one) => /^\s*(javascript|data:text)/i.test(one.getAttribute('href') ?? one.getAttribute('src') ?? ''))
          .map((one) => one.outerHTML),
        ...(scrollWidth > clientWidth ? [`${scrollWidth} px wide in ${clientWidth} px`] : []),
      ];
    });
    assert.deepEqual([...found, ...hits], [], page.url().replace(/#.*/, ''));
  }
}
