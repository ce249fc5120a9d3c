// Rules of rooms: set on the room's page, met by guests at the door and in the meeting.
//
//   python3 run.py --only rooms

import assert from 'node:assert/strict';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText, seesVideoOf, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const TITLE = { en: 'Settings of this room', de: 'Einstellungen dieses Raums' };
const PIN = { en: 'PIN of this room', de: 'PIN dieses Raums' };
/** Refusals that a step provokes. */
const REFUSED = /^(403|429) \/api\/v1\/rooms\/rm_[^/]+\/(join-token|door)/;
/** Of whoever is put out while connected, as the SDK says it. */
const PUT_OUT = /data channel '\w+' closed unexpectedly/;

async function join(page, name) {
  await page.locator('form input[autocomplete=name]').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
}

/** With a box of its own. */
export async function rooms(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const claim = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: claim })).status(), 201);
  const made = await (await owner.request.post('/api/v1/rooms', { data: { name: 'Lecture hall' } })).json();
  const asked = async () => await (await owner.request.get(`/api/v1/rooms/${made.id}`)).json();
  const rules = async () => (await asked()).rules;
  const pinNow = async () => (await (await owner.request.get(`/api/v1/rooms/${made.id}/pin`)).json()).pin;
  const link = `/meet/${made.id}#invite=${made.invite}`;
  const panel = await owner.newPage();
  const guest = async () => {
    const page = await (await browser.person()).newPage();
    await page.goto(link);
    return page;
  };
  const choose = async (label, option) => {
    await panel.getByRole('combobox', { name: label }).click();
    await panel.getByRole('option', { name: option }).click();
  };

  const grouped = 'the settings of a room are in groups, each with what it does and when';
  await steps.run(grouped, async () => {
    await panel.goto(`/panel/rooms/${made.id}`);
    await panel.getByRole('region', { name: TITLE.en }).waitFor();
    for (const part of ['Joining', 'Moderation', 'Picture and sound', 'Recording', 'Where copies go', 'How long recordings stay']) {
      await panel.getByRole('region', { name: TITLE.en }).getByRole('heading', { name: part, exact: true }).waitFor();
    }
    await looksRightInAll(panel, 'room-rules', (page, language) =>
      page.getByRole('region', { name: TITLE[language] }).waitFor());
  });

  const withPin = 'a room asks guests for a PIN that the box has made';
  await steps.run(withPin, async () => {
    await choose('Who comes in by the invite link', 'Who has it and the PIN');
    await until('the box knows', async () => (await rules()).guests === 'with_pin');
    const shown = panel.getByLabel(PIN.en);
    await until('the PIN is shown', async () => (await shown.inputValue()) === (await pinNow()));
    await looksRightInAll(panel, 'room-pin', (page, language) => page.getByLabel(PIN[language]).waitFor());
    await panel.getByRole('button', { name: 'Another PIN' }).click();
    await panel.getByLabel('PIN of your own').fill('12');
    const dialog = panel.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Another PIN' }).click();
    await expectText(panel, 'A PIN has 4 to 8 digits.');
    await panel.getByLabel('PIN of your own').fill('24680');
    await dialog.getByRole('button', { name: 'Another PIN' }).click();
    await until('the new one is shown', async () => (await shown.inputValue()) === '24680');
    assert.equal(await pinNow(), '24680');
  }, { expects: [/^422 \/api\/v1\/rooms\/rm_[^/]+\/pin/] });

  const typed = 'a guest types the PIN at the door, and hears how long to wait after too many wrong ones';
  await steps.run(typed, async () => {
    const page = await guest();
    await page.getByLabel(PIN.en).waitFor();
    await looksRightInAll(page, 'door-pin', (seen, language) => seen.getByLabel(PIN[language]).waitFor());
    await page.getByLabel(PIN.en).fill('1111');
    await join(page, 'Grace');
    await expectText(page, 'This is not the PIN of this room.');
    await page.getByLabel(PIN.en).fill('246 80');
    await join(page, 'Grace');
    await page.locator('.meeting-head').waitFor();
    await page.close();
    const stranger = await guest();
    for (let guess = 0; guess < 6; guess++) {
      await stranger.getByLabel(PIN.en).fill(`000${guess}`);
      await join(stranger, 'Eve');
      await stranger.getByRole('button', { name: 'Join' }).waitFor();
    }
    await stranger.getByText(/Too many wrong PINs. Try again in \d+ seconds?\./).waitFor();
    const counting = stranger.getByRole('button', { name: /^Join \(in \d+ seconds?\)$/ });
    assert.ok(await counting.isDisabled());
    const first = await counting.textContent();
    await until('the page counts down', async () => (await counting.textContent()) !== first);
    await looksRight(stranger, 'door-wait', 'en');
    await stranger.close();
  }, { expects: [REFUSED], needs: [withPin] });

  const lecture = 'guests of a lecture come in muted, without camera, share and chat, and are told so';
  await steps.run(lecture, async () => {
    await panel.goto(`/panel/rooms/${made.id}`);
    await choose('Who comes in by the invite link', 'Everybody who has it');
    await until('guests come without a PIN', async () => (await rules()).guests === 'anyone');
    for (const [name, rule, value] of [
      ['Guests come in muted', 'guests_muted', true],
      ['Guests may switch their camera on', 'guests_camera', false],
      ['Guests may share their screen', 'guests_share', false],
      ['Guests may write in the chat', 'guests_chat', false],
    ]) {
      await panel.getByRole('switch', { name }).click();
      await until(`the box knows ${rule}`, async () => (await rules())[rule] === value);
    }
    const ada = await owner.newPage();
    await ada.goto(`/meet/${made.id}`);
    await join(ada, 'Ada');
    await ada.locator('.meeting-head').waitFor();
    assert.ok(await ada.getByRole('button', { name: 'Share screen', exact: true }).first().isVisible());
    const page = await guest();
    await expectText(page, 'Guests are heard here and not seen.');
    await looksRightInAll(page, 'door-lecture', (seen, language) =>
      expectText(seen, { en: 'You come in muted', de: 'Sie kommen stumm herein' }[language]));
    await join(page, 'Linus');
    await seesVideoOf(page, 'Ada');
    const muted = page.getByRole('button', { name: 'Unmute', exact: true });
    await muted.waitFor();
    assert.ok(await page.getByRole('button', { name: 'Guests have no camera here' }).isDisabled());
    assert.equal(await page.getByRole('button', { name: 'Share screen', exact: true }).count(), 0);
    await page.getByRole('button', { name: /^Chat/ }).click();
    await expectText(page, 'Guests read the chat here and do not write in it.');
    assert.ok(!(await page.getByRole('textbox').first().isVisible().catch(() => false)));
    // Another language would load the page anew, and leave the meeting.
    await looksRight(page, 'lecture-guest', 'en');
    await muted.click();
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
    await page.close();
    await ada.close();
  }, {});

  await steps.run('days, people and arrangement of a room are set, and fewer days are asked for', async () => {
    await panel.goto(`/panel/rooms/${made.id}`);
    await panel.getByLabel('People at a time').fill('30');
    await panel.getByRole('button', { name: 'Save' }).click();
    await until('the box knows how many', async () => (await rules()).max_people === 30);
    await choose('Arrangement of films', 'Lecture');
    await until('the box knows the arrangement', async () => (await rules()).layout === 'screen');
    await panel.getByLabel('Keep recordings for').fill('7');
    await panel.getByRole('button', { name: 'Save' }).click();
    const dialog = panel.getByRole('dialog');
    await expectText(dialog, '7 days after they ended');
    assert.equal((await rules()).keep_days, 0, 'asked first');
    await dialog.getByRole('button', { name: 'Delete by age' }).click();
    await until('the box knows how long', async () => (await rules()).keep_days === 7);
    // More days take nothing away. What is typed while an answer is on its way stays.
    const days = panel.getByLabel('Keep recordings for');
    await days.fill('');
    assert.equal(await panel.getByRole('button', { name: 'Save' }).count(), 0, 'nothing is typed yet');
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await panel.route('**/api/v1/rooms/*', async (route) => {
      if (route.request().method() === 'PATCH') await held;
      await route.continue();
    });
    await days.fill('20');
    await panel.getByRole('button', { name: 'Save' }).click();
    await days.fill('30');
    release();
    await until('the box knows the first', async () => (await rules()).keep_days === 20);
    await panel.unroute('**/api/v1/rooms/*');
    await expectText(panel, 'Save');
    assert.match(await days.inputValue(), /^30/);
    await panel.getByRole('button', { name: 'Save' }).click();
    await until('the box knows the longer time', async () => (await rules()).keep_days === 30);
  }, {});

  await steps.run('a room says in which codecs pictures come, what that costs, and its page sends in the best one', async () => {
    await panel.goto(`/panel/rooms/${made.id}`);
    await expectText(panel, 'Each browser sends what it does best');
    await choose('Codecs of pictures', 'H.264 only');
    await until('the box knows', async () => (await rules()).video_codecs.join() === 'h264');
    await expectText(panel, 'it is copied and not encoded');
    await choose('Codecs of pictures', 'Own choice');
    await panel.getByRole('combobox', { name: 'Codecs that may be sent' }).click();
    await panel.getByRole('option', { name: 'VP9' }).click();
    await panel.keyboard.press('Escape');
    await until('the box knows the own ones', async () => (await rules()).video_codecs.join() === 'h264,vp9');
    const label = { en: 'Codecs that may be sent', de: 'Codecs, die gesendet werden dürfen' };
    await looksRightInAll(panel, 'room-codecs', (page, language) => page.getByText(label[language]).waitFor());
    await choose('Codecs of pictures', 'H.264, else VP8');
    await until('the box knows both', async () => (await rules()).video_codecs.join() === 'h264,vp8');
    const ada = await owner.newPage();
    await ada.goto(`/meet/${made.id}`);
    const h264 = await ada.evaluate(() => RTCRtpSender.getCapabilities('video').codecs
      .some((codec) => codec.mimeType === 'video/H264'));
    await join(ada, 'Ada');
    await until('her camera comes in it', async () => {
      const people = await (await owner.request.get(`/api/v1/rooms/${made.id}/participants`)).json();
      const codecs = people.items.flatMap((one) => one.tracks).map((track) => track.codec);
      return codecs.includes(h264 ? 'h264' : 'vp8');
    });
    await ada.close();
    await choose('Codecs of pictures', 'Any');
    await until('any is taken again', async () => (await rules()).video_codecs.length === 0);
  }, {});

  const TEMPLATES = { en: 'Templates for rooms', de: 'Vorlagen für Räume' };
  const heading = (page, language) => page.getByRole('heading', { name: TEMPLATES[language], level: 1 }).waitFor();
  const saved = 'the settings of a room are saved as a template, which says what is special about it';
  await steps.run(saved, async () => {
    await panel.goto('/panel/rooms/templates');
    await expectText(panel, 'No templates yet');
    await looksRightInAll(panel, 'templates-empty', heading);
    await panel.goto(`/panel/rooms/${made.id}`);
    await panel.getByRole('button', { name: 'More' }).click();
    await panel.getByRole('menuitem', { name: 'Save as a template' }).click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByLabel('Name of the template').fill('Lecture');
    await looksRight(panel, 'template-save', 'en');
    await dialog.getByRole('button', { name: 'Save the template' }).click();
    const card = panel.getByRole('region', { name: 'Lecture' });
    await expectText(card, 'Guests may switch their camera on: no');
    await expectText(card, 'Recordings are kept for: 30 days');
    await card.getByRole('button', { name: 'Change: Lecture' }).click();
    await panel.getByRole('switch', { name: 'New rooms begin with this template' }).click();
    await panel.getByRole('switch', { name: 'Record by itself' }).click();
    await choose('Codecs of pictures', 'H.264 only');
    await looksRight(panel, 'template-form', 'en');
    await panel.getByRole('button', { name: 'Save the template' }).click();
    await expectText(card, 'For new rooms');
    await expectText(card, 'Codecs of pictures: H.264');
    await looksRightInAll(panel, 'templates', (page) => page.getByRole('region', { name: 'Lecture' }).waitFor());
  }, {});

  await steps.run('a new room begins with the template, unless none is wanted', async () => {
    await panel.goto('/panel/rooms');
    const make = async (name, template) => {
      await panel.getByRole('button', { name: 'New room' }).click();
      const dialog = panel.getByRole('dialog');
      await dialog.getByLabel('Name of the room').fill(name);
      await expectText(dialog, 'Guests come in muted: yes');
      if (template) {
        await dialog.getByRole('combobox', { name: 'Template' }).click();
        await panel.getByRole('option', { name: template }).click();
      } else await looksRight(panel, 'new-room', 'en');
      await dialog.getByRole('button', { name: 'Create' }).click();
      await panel.getByRole('heading', { name, level: 1 }).waitFor();
      const id = new URL(panel.url()).pathname.split('/').pop();
      await panel.goto('/panel/rooms');
      return await (await owner.request.get(`/api/v1/rooms/${id}`)).json();
    };
    const hall = await make('Hall 2');
    assert.ok(hall.record_always && hall.rules.guests_muted);
    assert.deepEqual(hall.rules.video_codecs, ['h264']);
    const plain = await make('Kitchen', 'None');
    assert.ok(!plain.record_always && !plain.rules.guests_muted);
  }, { needs: [saved] });

  await steps.run('a template is applied to rooms after a list of what will be different', async () => {
    await panel.goto('/panel/rooms/templates');
    await panel.getByRole('button', { name: 'Apply to rooms: Lecture' }).click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: 'All rooms' }).click();
    await looksRight(panel, 'template-rooms', 'en');
    await dialog.getByRole('button', { name: 'See what would change' }).click();
    const kitchen = dialog.getByRole('region', { name: 'Kitchen' });
    await expectText(kitchen, 'Guests come in muted: no → yes');
    await expectText(kitchen, 'Recordings of this room that are older are deleted soon.');
    await expectText(dialog.getByRole('region', { name: 'Hall 2' }), 'Nothing changes.');
    await looksRight(panel, 'template-look', 'en');
    await dialog.getByRole('button', { name: 'Change 2 rooms' }).click();
    await expectText(dialog, '2 rooms were changed.');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const all = (await (await owner.request.get('/api/v1/rooms')).json()).items;
    assert.ok(all.every((room) => room.record_always && room.rules.guests_muted));
    const log = await (await owner.request.get('/api/v1/audit?action=room_template_apply')).json();
    assert.equal(log.items.length, 2, 'a row for each');
  }, { needs: [saved] });

  await steps.run('a room takes a template on its own page, after what will be different', async () => {
    const plain = (await (await owner.request.post('/api/v1/rooms', { data: { name: 'Attic', template: null } })).json()).id;
    await panel.goto(`/panel/rooms/${plain}`);
    await panel.getByRole('button', { name: 'More' }).click();
    await panel.getByRole('menuitem', { name: 'Apply a template' }).click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByRole('combobox', { name: 'Template' }).click();
    await panel.getByRole('option', { name: 'Lecture' }).click();
    await expectText(dialog, 'Guests come in muted: yes');
    await looksRight(panel, 'room-template', 'en');
    await dialog.getByRole('button', { name: 'See what would change' }).click();
    await expectText(dialog.getByRole('region', { name: 'Attic' }), 'Guests come in muted: no → yes');
    await looksRight(panel, 'room-template-look', 'en');
    await dialog.getByRole('button', { name: 'Change 1 room' }).click();
    await expectText(dialog, '1 room was changed.');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    assert.ok(await panel.getByRole('switch', { name: 'Guests come in muted' }).isChecked());
    assert.ok((await (await owner.request.get(`/api/v1/rooms/${plain}`)).json()).record_always);
    assert.equal((await owner.request.delete(`/api/v1/rooms/${plain}`)).status(), 204);
  }, { needs: [saved] });

  await steps.run('a template that was deleted comes back as it was', async () => {
    const kept = async () => (await (await owner.request.get('/api/v1/room-templates')).json()).items;
    const { id, ...before } = (await kept())[0];
    // Only this page's time goes faster.
    const apart = await browser.person();
    await apart.addCookies(await owner.cookies());
    const late = await apart.newPage();
    await late.clock.install();
    await late.goto('/panel/rooms/templates');
    await late.getByRole('button', { name: 'Delete: Lecture' }).click();
    await expectText(late, 'No templates yet');
    const said = late.getByRole('status').filter({ hasText: 'Lecture was deleted.' });
    // It stays for whoever is in it, however long.
    await said.getByRole('button', { name: 'Undo' }).focus();
    await late.clock.fastForward(30_000);
    await looksRight(late, 'undo', 'en');
    await late.keyboard.press('Enter');
    await late.getByRole('region', { name: 'Lecture' }).waitFor();
    const [{ id: other, ...after }] = await kept();
    assert.ok(other !== id);
    assert.deepEqual({ ...after, created_at: null }, { ...before, created_at: null });
    await late.getByRole('button', { name: 'Delete: Lecture' }).click();
    await expectText(late, 'No templates yet');
    await late.keyboard.press('Control+z');
    await late.getByRole('region', { name: 'Lecture' }).waitFor();
    await late.getByRole('button', { name: 'Delete: Lecture' }).click();
    await expectText(late, 'No templates yet');
    await apart.close();
    await panel.goto(`/panel/rooms/${made.id}`);
    await choose('Codecs of pictures', 'Any');
    await panel.getByRole('switch', { name: 'Record by itself' }).click();
    await until('the room is as it was', async () => !(await asked()).record_always);
    // The room that was shown is gone, and its page may still ask for it.
  }, { needs: [saved], expects: [/^404 .api.v1.rooms/] });

  const linked = 'somebody gets a personal link, comes by it without the PIN, and is put out when it is revoked';
  await steps.run(linked, async () => {
    await panel.goto(`/panel/rooms/${made.id}`);
    await choose('Who comes in by the invite link', 'Who has it and the PIN');
    await until('the box knows', async () => (await rules()).guests === 'with_pin');
    await panel.getByRole('switch', { name: 'Let guests in one by one' }).click();
    await until('there is a lobby', async () => (await asked()).lobby);
    await expectText(panel, 'No links yet.');
    const make = async (name, role) => {
      await panel.getByRole('button', { name: 'New personal link' }).click();
      const dialog = panel.getByRole('dialog');
      await dialog.getByLabel('For whom').fill(name);
      if (role) {
        await dialog.getByRole('combobox', { name: 'Role' }).click();
        await panel.getByRole('option', { name: role }).click();
        await dialog.getByRole('switch', { name: 'Others see this name' }).click();
      }
      await dialog.getByRole('button', { name: 'Make the link' }).click();
      return dialog;
    };
    let dialog = await make('Grace Hopper', 'Moderator');
    const address = await dialog.getByLabel('Personal link').inputValue();
    await looksRight(panel, 'link-made', 'en');
    await dialog.getByRole('button', { name: 'Close' }).click();
    dialog = await make('Linus');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await panel.getByText('Grace Hopper').waitFor();
    await looksRightInAll(panel, 'room-links', (page) => page.getByText('Grace Hopper').waitFor());

    const grace = await (await browser.person()).newPage();
    await grace.goto(new URL(address).pathname + new URL(address).hash);
    const name = grace.locator('form input[autocomplete=name]');
    await name.waitFor();
    assert.equal(await name.inputValue(), 'Grace Hopper');
    assert.equal(await grace.getByLabel(PIN.en).count(), 0);
    await grace.getByRole('button', { name: 'Join' }).click();
    await grace.locator('.meeting-head').waitFor();
    assert.equal(await grace.getByRole('button', { name: 'Record', exact: true }).count(), 0, 'that needs an account');
    // She lets somebody in, and sends them out.
    const emil = await guest();
    await emil.getByLabel(PIN.en).fill(await pinNow());
    await emil.locator('form input[autocomplete=name]').fill('Emil');
    // The stranger who guessed came from the same address: for half a minute nobody's PIN is heard there.
    const ask = emil.getByRole('button', { name: 'Join', exact: true });
    const knocks = grace.getByRole('button', { name: 'Let in', exact: true });
    await until('somebody knocks', async () => {
      if ((await ask.count()) > 0 && (await ask.isEnabled())) await ask.click();
      return (await knocks.count()) > 0;
    });
    await knocks.click();
    await seesVideoOf(emil, 'Grace Hopper');
    await grace.getByRole('button', { name: /^People/ }).click();
    await grace.getByRole('button', { name: 'Remove Emil from the meeting' }).click();
    await grace.getByRole('button', { name: 'Remove', exact: true }).click();
    await expectText(emil, 'You were removed');
    await emil.close();

    await panel.getByRole('button', { name: 'Revoke the link for Grace Hopper' }).click();
    await panel.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await expectText(grace, 'You were removed');
    await until('it is not listed any more', async () => (await panel.getByText('Grace Hopper').count()) === 0);
    await grace.reload();
    await expectText(grace, 'This invite link no longer works');
    await grace.close();
  }, { expects: [REFUSED, PUT_OUT], needs: [grouped] });

  await steps.run('where nobody comes by the link, the door says whom to ask', async () => {
    await choose('Who comes in by the invite link', /^Nobody/);
    await until('the box knows', async () => (await rules()).guests === 'nobody');
    await until('the link is not shown', async () =>
      (await panel.getByRole('textbox', { name: 'Invite link' }).count()) === 0);
    const page = await guest();
    await expectText(page, 'Guests do not come into this room now.');
    await page.close();
  }, { expects: [REFUSED] });

  await steps.run('the box of the rooms has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    assert.ok(!(await box.log()).includes('panicked'));
  });
  await browser.close();
  await box.remove();
  steps.browser = before;
}
