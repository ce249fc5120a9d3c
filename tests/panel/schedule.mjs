// The schedule: planned in the week, followed from a calendar, and a room that records by itself.
//
//   python3 run.py --only schedule

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';

/** A moment of this week, on the reader's clock: Monday is day 0. */
function at(day, hour, minute = 0) {
  const now = new Date();
  const monday = now.getDate() - ((now.getDay() + 6) % 7);
  return new Date(now.getFullYear(), now.getMonth(), monday + day, hour, minute);
}

/** A moment so many hours from now. */
const hours = (count) => new Date(Date.now() + count * 3_600_000);
const two = (value) => String(value).padStart(2, '0');
/** As a field for a moment wants it. */
const field = (time) =>
  `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`;

const utc = (time) => `${time.toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;

function event(uid, title, from, to) {
  const times = [`DTSTART:${utc(from)}`, `DTEND:${utc(to)}`, 'RRULE:FREQ=WEEKLY'];
  return ['BEGIN:VEVENT', `UID:${uid}`, `SUMMARY:${title}`, 'LOCATION:Hall', ...times, 'END:VEVENT'];
}

/** A server with a calendar; it can be out of order. */
async function calendar() {
  const holiday = ['BEGIN:VEVENT', 'UID:9', 'SUMMARY:Holiday', 'DTSTART;VALUE=DATE:20261224', 'RRULE:FREQ=YEARLY', 'END:VEVENT'];
  const lines = [
    'BEGIN:VCALENDAR', 'VERSION:2.0',
    // What was over before the calendar is followed is not shown.
    ...event('1', 'Physics', hours(-1), hours(2)),
    ...event('2', 'Colloquium on measurements', hours(0), hours(1)),
    ...event('3', 'Exam review', hours(-0.5), hours(1.5)),
    ...holiday, 'END:VCALENDAR', '',
  ];
  const served = { up: true };
  served.server = http.createServer((_, answer) => {
    answer.statusCode = served.up ? 200 : 503;
    answer.end(served.up ? lines.join('\r\n') : '');
  });
  served.server.listen(0, '127.0.0.1');
  await once(served.server, 'listening');
  served.url = `http://127.0.0.1:${served.server.address().port}/private-4711/basic.ics`;
  return served;
}

/** With a box of its own. */
export async function schedule(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const body = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: body })).status(), 201);
  for (const name of ['Hall', 'Studio']) {
    assert.equal((await owner.request.post('/api/v1/rooms', { data: { name } })).status(), 201);
  }
  const feed = await calendar();
  const panel = await owner.newPage();
  const planned = (title) => panel.getByRole('button', { name: new RegExp(`^${title} `) });
  const plan = async (title) => {
    await panel.getByRole('button', { name: 'Plan a recording' }).click();
    const dialog = panel.getByRole('dialog', { name: 'Plan a recording' });
    await dialog.getByRole('combobox', { name: 'Room' }).click();
    await panel.getByRole('option', { name: 'Studio' }).click();
    await dialog.getByLabel('Title').fill(title);
    // On now, whatever the hour is; it ends an hour later.
    await dialog.getByLabel('Begins').fill(field(new Date()));
    await dialog.getByRole('button', { name: 'Plan it' }).click();
    return dialog;
  };

  const first = 'a recording is planned in the week, once for a room and a time';
  await steps.run(first, async () => {
    await panel.goto('/panel/schedule');
    await panel.getByText('Nothing is planned', { exact: true }).waitFor();
    await plan('Board');
    await planned('Board').first().waitFor();
    const refused = await plan('Other');
    await refused.getByText('Something is planned in this room at that time').waitFor();
    await panel.keyboard.press('Escape');
    await refused.waitFor({ state: 'detached' });
  }, { expects: [/^401 \/api\/v1\/session$/, /^409 \/api\/v1\/schedule\/events$/] });

  await steps.run('a calendar is followed, says what it leaves out, and counts while it is down', async () => {
    await panel.getByRole('button', { name: 'Follow a calendar' }).click();
    const dialog = panel.getByRole('dialog', { name: 'Follow a calendar' });
    await dialog.getByLabel('Name').fill('Timetable');
    await dialog.getByLabel('Address of the calendar').fill(feed.url);
    feed.up = false;
    await dialog.getByRole('button', { name: 'Follow it' }).click();
    await dialog.getByText(/its server answers 503/).waitFor();
    feed.up = true;
    await dialog.getByRole('button', { name: 'Follow it' }).click();
    await planned('Physics').first().waitFor();
    await panel.getByText('1 event is left out').click();
    await panel.getByText('Holiday: it lasts all day').waitFor();
    assert.ok(!(await panel.content()).includes('private-4711'), 'the address is shown');
    feed.up = false;
    await panel.getByRole('button', { name: 'Fetch Timetable now' }).click();
    await panel.getByText('its server answers 503 Service Unavailable').waitFor();
    assert.ok(await planned('Physics').first().isVisible());
    await panel.getByRole('button', { name: 'Week after' }).click();
    await planned('Physics').first().waitFor();
    // On a late Sunday evening it reaches into the next week.
    if (new Date(Date.now() + 3_600_000) < at(7, 0)) {
      await until('this week alone has the board', async () => (await planned('Board').count()) === 0);
    }
    await panel.getByRole('button', { name: 'This week' }).click();
    await planned('Board').first().waitFor();
  }, { needs: [first], expects: [/^422 \/api\/v1\/schedule\/feeds$/] });

  await steps.run('the schedule looks right everywhere', async () => {
    await looksRightInAll(panel, 'schedule', () => planned('Physics').first().waitFor());
  }, { needs: [first] });

  await steps.run('what is still to come is cancelled at once, and comes back', async () => {
    const room = (await (await owner.request.get('/api/v1/rooms')).json()).items.find(({ name }) => name === 'Studio').id;
    const tomorrow = { room, title: 'Choir', starts_at: hours(24).toISOString(), ends_at: hours(25).toISOString() };
    assert.equal((await owner.request.post('/api/v1/schedule/events', { data: tomorrow })).status(), 201);
    // On a Sunday tomorrow is in the next week.
    const later = hours(24) >= at(7, 0);
    await panel.goto('/panel/schedule');
    if (later) await panel.getByRole('button', { name: 'Week after' }).click();
    await planned('Choir').first().click();
    await panel.getByRole('dialog', { name: 'Choir' }).getByRole('button', { name: 'Cancel it' }).click();
    await until('it is gone', async () => (await planned('Choir').count()) === 0);
    await panel.getByText('Choir is not planned any more.').waitFor();
    await panel.getByRole('button', { name: 'Undo' }).click();
    await planned('Choir').first().waitFor();
    await panel.getByText('It is as it was before.').waitFor();
    const week = `from=${hours(0).toISOString()}&to=${hours(48).toISOString()}`;
    const { items } = await (await owner.request.get(`/api/v1/schedule?${week}`)).json();
    const choir = items.find(({ title }) => title === 'Choir');
    const second = (moment) => moment.slice(0, 19);
    assert.deepEqual([choir.room_id, second(choir.starts_at), second(choir.ends_at)], [room, second(tomorrow.starts_at), second(tomorrow.ends_at)]);
    if (later) await panel.getByRole('button', { name: 'This week' }).click();
  }, { needs: [first] });

  await steps.run('what is on is cancelled, after a question', async () => {
    await planned('Board').first().click();
    await panel.getByRole('dialog', { name: 'Board' }).getByRole('button', { name: 'Cancel it' }).click();
    const asks = panel.getByRole('dialog', { name: 'Cancel Board?' });
    await asks.getByRole('button', { name: 'Cancel it' }).click();
    await until('it is gone', async () => (await planned('Board').count()) === 0);
    await panel.getByRole('button', { name: 'Remove' }).click();
    const stops = panel.getByRole('dialog', { name: 'Follow Timetable no longer?' });
    await stops.getByRole('button', { name: 'Remove' }).click();
    await panel.getByText('No calendar is followed.').waitFor();
    await until('its events are gone', async () => (await planned('Physics').count()) === 0);
  }, { needs: [first] });

  await steps.run('a room is set to record by itself', async () => {
    await panel.goto('/panel/rooms');
    await panel.getByRole('link', { name: 'Hall', exact: true }).click();
    const always = panel.getByRole('switch', { name: 'Record by itself' });
    await always.check();
    await until('the box knows', async () => {
      const rooms = await (await owner.request.get('/api/v1/rooms')).json();
      return rooms.items.find((room) => room.name === 'Hall').record_always;
    });
    await panel.reload();
    await always.waitFor();
    assert.ok(await always.isChecked());
  });

  await steps.run('the box of the schedule stops when asked, and has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    assert.ok(!(await box.log()).includes('panicked'));
  });
  feed.server.close();
  await browser.close();
  await box.remove();
  steps.browser = before;
}
