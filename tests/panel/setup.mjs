// The first hour: from the claim link to a recording that plays, left in the middle and gone on with at another
// device, and what it says when something is missing.
//
//   python3 run.py --only setup

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText, plays, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
/** What the test call recorded. */
const FILM = 'video.setup-film';
/** Signs in: asking who is there finds nobody. */
const NOBODY = /^401 \/api\/v1\/session$/;
const PHONE = { viewport: { width: 390, height: 844 }, locale: 'de-DE', isMobile: true, hasTouch: true };
/** A browser gives up looking for a way. */
const PATH_PATIENCE_MS = 90_000;

const title = (page, words) => page.getByRole('heading', { name: words, level: 2 }).waitFor();

/** What a name of the box leads to, where browsers give no camera: it is neither HTTPS nor this machine. */
const PLAIN = 'box.test';
const FLAGS = [`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`];

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The camera's picture moves. */
async function seesItself(page) {
  await page.waitForFunction(() => {
    const element = document.querySelector('video.setup-preview');
    return element && element.videoWidth > 0 && element.getVideoPlaybackQuality().totalVideoFrames > 3;
  });
}

export async function setup(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box, { flags: FLAGS }));
  let owner, page, phone, pocket;
  const ask = async (context, method, place, data) => {
    const answer = await context.request.fetch(`/api/v1${place}`, { method, ...(data && { data }) });
    assert.ok(answer.ok(), `${method} ${place}: ${answer.status()} ${await answer.text()}`);
    return answer.status() === 204 ? null : await answer.json();
  };
  const states = async (context) => {
    const { steps: all } = await ask(context, 'GET', '/setup');
    return Object.fromEntries(all.map(({ step, state }) => [step, state]));
  };

  const claimed = 'the claim leads on to the set-up';
  await steps.run(claimed, async () => {
    owner = await browser.person();
    page = await owner.newPage();
    await page.goto(box.claimLink);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('textbox', { name: "Owner's password" }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Finish' }).click();
    await expectText(page, 'This box is yours, Ada.');
    await looksRight(page, 'setup-claimed', 'en');
    await page.getByRole('button', { name: 'Set it up' }).click();
    await page.waitForURL('**/panel/setup/box');
    await expectText(page, '1 of 6 done.');
    assert.ok(!page.url().includes(box.code));
  }, { expects: [NOBODY] });

  const boxed = 'name and clock: what differs is said, with what to do';
  await steps.run(boxed, async () => {
    await expectText(page, 'The clock of this box and of this device agree.');
    await looksRightInAll(page, 'setup-box', (page) => page.getByRole('textbox').waitFor());
    // A clock is a whole context's.
    const elsewhere = await browser.person();
    await elsewhere.addCookies(await owner.cookies());
    const late = await elsewhere.newPage();
    await late.clock.setFixedTime(Date.now() + 600_000);
    await late.goto('/panel/setup/box');
    await late.getByText(/The clocks differ by 10 min/).waitFor();
    await expectText(late, 'The clock belongs to the machine that the box runs on.');
    await looksRight(late, 'setup-clock', 'en');
    await elsewhere.close();
    await page.getByLabel('Name of the box').fill('Town hall');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.waitForURL('**/setup/reach');
    assert.equal((await ask(owner, 'GET', '/box')).name, 'Town hall');
    assert.equal((await states(owner)).box, 'done');
  }, { needs: [claimed] });

  const reached = 'an address that no other device reaches is not offered as one, and back leads back';
  await steps.run(reached, async () => {
    await expectText(page, 'at an address that no other device reaches');
    await looksRightInAll(page, 'setup-reach-alone', (page) => page.getByRole('heading', { level: 2 }).waitFor());
    await page.getByRole('link', { name: 'Back' }).click();
    await title(page, 'This box');
    assert.equal(await page.getByLabel('Name of the box').inputValue(), 'Town hall');
    await page.goBack();
    await title(page, 'How others find this box');
    await page.getByRole('button', { name: 'Go on at this machine alone' }).click();
    await title(page, 'A certificate that browsers trust');
  }, { needs: [boxed] });

  const ways = 'a box that serves plain HTTP alone says so, and leads on without a certificate';
  await steps.run(ways, async () => {
    await expectText(page, 'This browser gives this page a camera and a microphone.');
    await expectText(page, 'This box was started with plain HTTP alone');
    assert.equal(await page.getByRole('heading', { level: 3 }).count(), 0);
    await looksRightInAll(page, 'setup-certificate-plain', (page) => page.getByRole('heading', { level: 2 }).waitFor());
    await page.getByRole('button', { name: 'Go on without a certificate' }).click();
    await title(page, 'The first room');
    assert.deepEqual(await states(owner), { box: 'done', reach: 'skipped', certificate: 'skipped', room: 'open', call: 'open' });
  }, { needs: [reached] });

  await steps.run('the ways to a certificate say what they need, the recommended one first', async () => {
    const secured = await Box.start(['--https', `127.0.0.1:${await freePort()}`]);
    const other = (steps.browser = await Browser.start(secured));
    const visitor = await other.person();
    await ask(visitor, 'POST', '/claim', { code: secured.code, name: 'Ada', password: PASSWORD });
    const page = await visitor.newPage();
    await page.goto('/panel/setup/certificate');
    const first = page.getByRole('heading', { level: 3 }).first();
    await first.getByText('recommended').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Next', exact: true }).isDisabled(), 'nothing was chosen');
    await expectText(page, 'Choose a way, or leave this step out.');
    await looksRightInAll(page, 'setup-certificate', (page) => page.getByRole('heading', { level: 3 }).first().waitFor());
    const ways = ['A certificate by itself (ACME)', 'A certificate of your organisation', 'Two minutes at each device'];
    for (const [at, shows] of ways.entries()) {
      await page.getByRole('heading', { level: 3 }).nth(at).getByRole('button').click();
      await page.getByText('What you need').nth(at).waitFor();
      await page.getByText(shows).locator('visible=true').first().waitFor();
      await looksRight(page, `setup-certificate-${at}`, 'en');
    }
    await page.getByRole('button', { name: 'My devices trust this box' }).waitFor();
    await page.getByRole('button', { name: 'Leave out' }).click();
    await title(page, 'The first room');
    await other.close();
    await secured.remove();
    steps.browser = browser;
  });

  const resumed = 'left in the middle, it goes on at a phone, where a card leads back to it';
  await steps.run(resumed, async () => {
    await page.close();
    phone = await browser.person(PHONE);
    pocket = await phone.newPage();
    await pocket.goto('/panel/');
    await pocket.getByRole('textbox', { name: 'Passwort des Besitzers' }).fill(PASSWORD);
    await pocket.getByRole('button', { name: 'Anmelden' }).click();
    await expectText(pocket, 'Einrichtung: 2 von 6 erledigt');
    await looksRight(pocket, 'setup-card', 'de');
    await pocket.getByRole('link', { name: 'Weitermachen' }).click();
    await pocket.waitForURL('**/setup/room');
    await title(pocket, 'Der erste Raum');
    await looksRightInAll(pocket, 'setup-room', (page) => page.getByRole('heading', { level: 2 }).waitFor());
    // The language is the browser's again: nobody had chosen one.
    await pocket.evaluate(() => localStorage.removeItem('roombox.language'));
    await pocket.reload();
    const field = pocket.getByRole('textbox');
    assert.equal(await field.inputValue(), 'Town hall');
    await field.fill('Ratssaal');
    await pocket.getByRole('button', { name: 'Raum anlegen' }).click();
    await title(pocket, 'Probeanruf');
  }, { needs: [ways], expects: [NOBODY] });

  const called = 'a phone sees itself, records, plays it back, and nothing is left behind';
  await steps.run(called, async () => {
    await seesItself(pocket);
    await pocket.getByRole('button', { name: 'Ton abspielen' }).click();
    await pocket.getByRole('button', { name: 'Ich höre ihn' }).click();
    await expectText(pocket, 'Ihr Lautsprecher geht.');
    // Chromium's own microphone beeps.
    await expectText(pocket, 'Ihr Mikrofon geht.');
    await looksRight(pocket, 'setup-call', 'de');
    assert.ok(await pocket.getByRole('button', { name: 'Weiter', exact: true }).isDisabled());
    await pocket.getByRole('button', { name: 'Probeanruf beginnen' }).click();
    await pocket.getByText(/Aufnahme: noch \d+ s/).first().waitFor();
    const [room] = (await ask(phone, 'GET', '/rooms')).items;
    assert.equal(room.meeting.participants, 1);
    assert.ok(room.meeting.recording, 'the box does not record');
    await expectText(pocket, 'Hin und zurück');
    await looksRight(pocket, 'setup-recording', 'de');
    await plays(pocket, FILM);
    const [kept] = (await ask(phone, 'GET', '/recordings')).items;
    assert.equal(kept.title, 'Probeanruf');
    assert.ok(kept.duration_ms > 9_000 && kept.duration_ms < 20_000, `${kept.duration_ms} ms`);
    await looksRight(pocket, 'setup-watch', 'de');
    await pocket.getByRole('button', { name: 'Ja – löschen' }).click();
    await expectText(pocket, 'ihre Aufnahme gelöscht');
    await looksRight(pocket, 'setup-passed', 'de');
    assert.deepEqual((await ask(phone, 'GET', '/recordings')).items, []);
    await until('the end of the meeting', async () => (await ask(phone, 'GET', `/rooms/${room.id}`)).meeting === null);
    assert.equal((await states(phone)).call, 'done');
  }, { needs: [resumed] });

  const finished = 'the end says what was left out and what comes next, and nobody is reminded';
  await steps.run(finished, async () => {
    await pocket.getByRole('button', { name: 'Weiter', exact: true }).click();
    await title(pocket, 'Sie können beginnen');
    await pocket.getByRole('main').getByText('Zertifikat (ausgelassen)').waitFor();
    await looksRightInAll(pocket, 'setup-done', (page) => page.getByRole('heading', { level: 2 }).waitFor());
    await pocket.goto('/panel/setup/owner');
    await looksRightInAll(pocket, 'setup-owner', (page) => page.getByRole('heading', { level: 2 }).first().waitFor());
    await pocket.goto('/panel/rooms');
    await pocket.getByRole('link', { name: 'Ratssaal' }).first().waitFor();
    assert.equal(await pocket.getByRole('complementary', { name: 'Set-up' }).count(), 0);
    await phone.close();
  }, { needs: [called] });

  const again = 'at a desk the whole call once more, kept, and nobody is reminded who does not want to be';
  await steps.run(again, async () => {
    page = await owner.newPage();
    await ask(owner, 'PATCH', '/setup', { call: 'open' });
    await page.goto('/panel/rooms');
    const card = page.getByRole('complementary', { name: 'Set-up' });
    await card.getByText('Set-up: 3 of 6 done').waitFor();
    await card.getByRole('button', { name: 'Not now' }).click();
    await card.waitFor({ state: 'detached' });
    await page.getByRole('status').getByRole('button', { name: 'Undo' }).click();
    await card.getByRole('button', { name: 'Not now' }).click();
    await card.waitFor({ state: 'detached' });
    assert.equal((await ask(owner, 'GET', '/setup')).dismissed, true);
    await page.goto('/panel/settings');
    await page.getByRole('button', { name: 'Remind me again' }).click();
    await expectText(page, 'The rooms remind you again.');
    await page.getByRole('link', { name: 'Open the set-up' }).click();
    await page.waitForURL('**/setup/call');
    await seesItself(page);
    await looksRight(page, 'setup-call', 'en');
    await page.getByRole('button', { name: 'Start the test call' }).click();
    await page.getByText(/Recording: \d+ s left/).first().waitFor();
    await plays(page, FILM);
    await looksRight(page, 'setup-watch', 'en');
    await page.getByRole('button', { name: 'Yes – keep it' }).click();
    await expectText(page, 'Its recording stays in the library.');
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByRole('heading', { name: 'Test call', level: 1 }).waitFor();
  }, { needs: [finished] });

  const left = 'who leaves during the call leaves no meeting and no light behind';
  await steps.run(left, async () => {
    await page.goto('/panel/setup/call');
    await seesItself(page);
    await page.getByRole('button', { name: 'Start the test call' }).or(page.getByRole('button', { name: 'Try again' })).click();
    await page.getByText(/Recording: \d+ s left/).first().waitFor();
    await page.getByRole('link', { name: 'Rooms', exact: true }).first().click();
    const [{ id }] = (await ask(owner, 'GET', '/rooms')).items;
    await until('the end of the meeting', async () => (await ask(owner, 'GET', `/rooms/${id}`)).meeting === null);
    const { items } = await ask(owner, 'GET', '/recordings');
    assert.ok(items.every(({ title, state }) => title === 'Test call' && state !== 'recording'), JSON.stringify(items));
  }, { needs: [again] });

  await steps.run('a full disk, and a room in which people meet, are said with what to do', async () => {
    const { recording } = await ask(owner, 'GET', '/settings');
    await ask(owner, 'PATCH', '/settings', { recording: { reserve_bytes: 10_000_000_000_000 } });
    await page.goto('/panel/setup/call');
    await seesItself(page);
    await page.getByRole('button', { name: 'Start the test call' }).click();
    await expectText(page, 'Recording did not work');
    await expectText(page, 'The disk is too full to record');
    await page.getByRole('link', { name: 'Make room' }).waitFor();
    await looksRight(page, 'setup-disk-full', 'en');
    await ask(owner, 'PATCH', '/settings', { recording: { reserve_bytes: recording.reserve_bytes } });
    const [{ id }] = (await ask(owner, 'GET', '/rooms')).items;
    await until('the end of the meeting', async () => (await ask(owner, 'GET', `/rooms/${id}`)).meeting === null);
    const guest = await owner.newPage();
    await guest.goto(`/meet/${id}`);
    await guest.getByRole('button', { name: 'Join' }).click();
    await until('the guest', async () => (await ask(owner, 'GET', `/rooms/${id}`)).meeting?.participants === 1);
    await page.bringToFront();
    // The devices were opened anew for another try.
    await seesItself(page);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expectText(page, 'People meet in Ratssaal now.');
    assert.equal((await ask(owner, 'GET', `/rooms/${id}`)).meeting.participants, 1, 'their meeting was ended');
    // Nothing was joined, so the devices were not closed.
    await seesItself(page);
    await guest.close();
    await until('the end of the meeting', async () => (await ask(owner, 'GET', `/rooms/${id}`)).meeting === null);
  }, { needs: [left], expects: [/^507 .*\/recording$/] });

  await steps.run('where something is recorded by itself it is not held, and what others record stays theirs', async () => {
    const [hall] = (await ask(owner, 'GET', '/rooms')).items;
    const starts = page.getByRole('button', { name: 'Start the test call' });
    await ask(owner, 'PATCH', `/rooms/${hall.id}`, { record_always: true });
    await page.goto('/panel/setup/call');
    await expectText(page, 'In each room something is recorded by itself');
    await seesItself(page);
    assert.ok(await starts.isDisabled());
    await looksRight(page, 'setup-no-quiet-room', 'en');
    await page.getByRole('button', { name: 'Make a room for tests' }).click();
    await expectText(page, 'are not offered');
    assert.equal(await page.getByRole('combobox', { name: 'In which room' }).inputValue(), 'Test room');
    await looksRight(page, 'setup-test-room', 'en');
    await ask(owner, 'PATCH', `/rooms/${hall.id}`, { record_always: false });

    // Somebody records there before the test does: it does not touch that.
    const made = (await ask(owner, 'GET', '/rooms')).items.find(({ name }) => name === 'Test room');
    const mine = async () => await ask(owner, 'GET', `/rooms/${made.id}`);
    await starts.click();
    await until('the test in the room', async () => (await mine()).meeting?.participants === 1);
    const theirs = await ask(owner, 'POST', `/rooms/${made.id}/recording`, {});
    await expectText(page, 'Something else is recorded there');
    await looksRight(page, 'setup-recorded-by-others', 'en');
    const now = await ask(owner, 'GET', `/recordings/${theirs.id}`);
    assert.deepEqual([now.title, now.state], [theirs.title, 'recording']);
    await until('the end of the meeting', async () => (await mine()).meeting === null);

    // What is planned there now, and begun by nobody yet, is left alone as well.
    const at = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
    const plan = { title: 'Council', starts_at: at(-5), ends_at: at(55) };
    const events = [];
    for (const room of [made.id, hall.id]) {
      events.push(await ask(owner, 'POST', '/schedule/events', { ...plan, room }));
    }
    await expectText(page, 'In each room something is recorded by itself');
    for (const { id } of events) await ask(owner, 'DELETE', `/schedule/events/${id}`);
    await ask(owner, 'DELETE', `/rooms/${made.id}`);
  }, { needs: [left], expects: [/^409 .*\/recording$/] });

  await steps.run('without a way for picture and sound, the ports are named', async () => {
    const walled = await browser.person();
    const cookies = await owner.cookies();
    await walled.addCookies(cookies);
    // As behind a firewall: only a relay could help, and there is none.
    await walled.addInitScript(() => {
      const Real = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Real {
        constructor(configuration) {
          super({ ...configuration, iceTransportPolicy: 'relay' });
        }

        setConfiguration(configuration) {
          super.setConfiguration({ ...configuration, iceTransportPolicy: 'relay' });
        }
      };
    });
    const behind = await walled.newPage();
    await behind.goto('/panel/setup/call');
    await seesItself(behind);
    await behind.getByRole('button', { name: 'Start the test call' }).click();
    await behind.getByText('Camera and microphone find no way to the box').waitFor({ timeout: PATH_PATIENCE_MS });
    await expectText(behind, 'neither by UDP port 7882 nor by TCP port 7881');
    await looksRight(behind, 'setup-no-path', 'en');
    const [{ id }] = (await ask(owner, 'GET', '/rooms')).items;
    await until('the end of the meeting', async () => (await ask(owner, 'GET', `/rooms/${id}`)).meeting === null);
    await walled.close();
  }, { needs: [left], expects: [/ConnectionError/, /could not establish pc connection/, /WebSocket/] });

  await steps.run('a camera that is refused, and one that a page without HTTPS never gets, are said', async () => {
    const refuses = await Browser.start(box, { flags: ['--use-fake-ui-for-media-stream=deny'] });
    const refusing = await refuses.person();
    await refusing.addCookies(await owner.cookies());
    const closed = await refusing.newPage();
    await closed.goto('/panel/setup/call');
    await expectText(closed, 'Microphone and camera: this page is not allowed to use them.');
    await expectText(closed, 'Press the icon left of the address');
    assert.ok(await closed.getByRole('button', { name: 'Start the test call' }).isDisabled());
    await looksRight(closed, 'setup-camera-refused', 'en');
    await refuses.close();

    const plain = `http://${PLAIN}:${box.port}`;
    const away = await browser.person({ baseURL: plain });
    const insecure = await away.newPage();
    await insecure.goto('/panel/setup/certificate');
    await insecure.getByRole('textbox', { name: "Owner's password" }).fill(PASSWORD);
    await insecure.getByRole('button', { name: 'Sign in' }).click();
    await expectText(insecure, 'This browser gives this page neither camera nor microphone: its address begins with http://');
    await looksRight(insecure, 'setup-insecure', 'en');
    await insecure.goto('/panel/setup/reach');
    await insecure.getByRole('img', { name: `QR code of ${plain}/panel/` }).waitFor();
    await looksRightInAll(insecure, 'setup-reach', (page) => page.getByRole('heading', { level: 2 }).waitFor());
    await insecure.goto('/panel/setup/call');
    await expectText(insecure, 'this browser gives them only to secure pages');
    await insecure.getByRole('link', { name: 'Go to the certificate' }).click();
    await insecure.waitForURL('**/setup/certificate');
    await away.close();
  }, { needs: [left], expects: [NOBODY] });

  await browser.close();
  await box.stop();
  await box.remove();
  steps.browser = before;
}
