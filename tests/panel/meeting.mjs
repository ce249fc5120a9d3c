// A room, its invite link, and two people who meet in it.

import assert from 'node:assert/strict';
import { expectText, seesVideoOf, until } from './waiting.mjs';
import { SIGNED_IN } from './first_visit.mjs';

export const MET = 'owner and guest see each other';
export const INVITED = 'the invite link opens the room for a guest without an account';

/** Makes a room in the panel; the answer has its id and the invite link of its guests. */
export async function newRoom(page, name) {
  await page.getByRole('link', { name: 'Rooms' }).first().click();
  await page.getByRole('button', { name: 'New room' }).click();
  await page.getByLabel('Name of the room').fill(name);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  const invite = await page.getByRole('textbox', { name: 'Invite link' }).inputValue();
  return { invite, room: page.url().split('/').at(-1) };
}

export async function meeting(steps, world) {
  const { browser } = world;

  await steps.run('a new room has an invite link', async () => {
    Object.assign(world, await newRoom(world.panel, 'Library'));
    assert.match(world.invite, new RegExp(`/meet/${world.room}#invite=.{16,}`));
  }, { needs: [SIGNED_IN] });

  await steps.run('a guest without the invite stays outside', async () => {
    const stranger = await browser.person();
    const page = await stranger.newPage();
    await page.goto(`/meet/${world.room}`);
    await expectText(page, 'You cannot enter here');
    await page.goto(`/meet/${world.room}#invite=guessed`);
    await page.reload();
    await expectText(page, 'This invite link no longer works.');
    await stranger.close();
  }, { needs: ['a new room has an invite link'], expects: [/^40[13] .*\/door$/] });

  await steps.run(INVITED, async () => {
    world.guest = await browser.person();
    const page = (world.guestPage = await world.guest.newPage());
    await page.goto(world.invite);
    await page.getByLabel('Your name').fill('Grace');
    await page.getByRole('button', { name: 'Join' }).click();
    await expectText(page, 'You are the first.');
    assert.ok((await world.guest.cookies()).length === 0, 'a guest got a session');
  }, { needs: ['a new room has an invite link'] });

  await steps.run(MET, async () => {
    const link = await world.panel.getByRole('link', { name: 'Join' }).getAttribute('href');
    assert.equal(link, `/meet/${world.room}`);
    // A window of its own: a tab behind another is drawn once a second.
    const window = await browser.person({ storageState: await world.owner.storageState() });
    const page = (world.ownerPage = await window.newPage());
    await page.goto(link);
    await expectText(page, '1 person is here.');
    // The box knows the owner's name; a guest typed theirs.
    await until('the name', async () => (await page.getByLabel('Your name').inputValue()) === 'Ada');
    await page.getByRole('button', { name: 'Join' }).click();
    await Promise.all([seesVideoOf(page, 'Grace'), seesVideoOf(world.guestPage, 'Ada')]);
  }, { needs: [INVITED] });

  await steps.run('who joins before the camera has opened is seen all the same', async () => {
    const late = await browser.person();
    const page = await late.newPage();
    await page.addInitScript(slowCamera);
    await page.goto(world.invite);
    await page.getByLabel('Your name').fill('Linus');
    await page.getByRole('button', { name: 'Join' }).click();
    await seesVideoOf(world.ownerPage, 'Linus');
    // What opens now is wanted by nobody.
    await page.evaluate(() => window.openCamera());
    await page.waitForFunction(() => window.lateTrack?.readyState === 'ended');
    await page.getByRole('button', { name: 'Leave' }).click();
    await expectText(page, 'You have left');
    await world.ownerPage.getByRole('figure', { name: /^Linus/ }).waitFor({ state: 'detached' });
    await late.close();
  }, { needs: [MET] });

  await steps.run('a chat message arrives', async () => {
    const { guestPage, ownerPage } = world;
    await guestPage.getByRole('button', { name: /^Chat/ }).click();
    await guestPage.getByRole('textbox', { name: 'Write a message' }).fill('Hello from the guest');
    await guestPage.getByRole('button', { name: 'Send' }).click();
    await ownerPage.getByRole('button', { name: 'Chat 1 new message' }).click();
    const drawer = ownerPage.getByRole('complementary', { name: 'Chat' });
    await drawer.getByText('Hello from the guest').waitFor();
    await drawer.getByText('Grace').waitFor();
  }, { needs: [MET] });

  await steps.run('muting oneself and being muted is seen on both sides', async () => {
    const { guestPage, ownerPage } = world;
    const muted = ownerPage.getByRole('figure', { name: /^Grace.*muted/ });
    await guestPage.getByRole('button', { name: 'Mute', exact: true }).click();
    await muted.waitFor();
    await guestPage.getByRole('button', { name: 'Unmute', exact: true }).click();
    await muted.waitFor({ state: 'detached' });
    await ownerPage.getByRole('button', { name: /^People/ }).click();
    await ownerPage.getByRole('button', { name: 'Mute Grace' }).click();
    await guestPage.getByRole('button', { name: 'Unmute', exact: true }).waitFor();
    await muted.waitFor();
    // The guest has no such power.
    await guestPage.getByRole('button', { name: /^People/ }).click();
    await guestPage.getByRole('complementary', { name: 'People' }).waitFor();
    assert.equal(await guestPage.getByRole('button', { name: 'Mute Ada' }).count(), 0);
    await guestPage.getByRole('button', { name: 'Unmute', exact: true }).click();
    await muted.waitFor({ state: 'detached' });
  }, { needs: [MET] });
}

const DARK = 'a camera that is switched off is seen to be off';

/** Nobody is filmed while other things are tried: four pictures a machine encodes are what it has. */
export async function camerasOff(steps, { ownerPage, guestPage }) {
  await steps.run(DARK, async () => {
    for (const page of [ownerPage, guestPage]) {
      await page.getByRole('button', { name: 'Camera off', exact: true }).click();
      await page.getByRole('button', { name: 'Camera on', exact: true }).waitFor();
    }
    const pictures = (page, name) => page.getByRole('figure', { name }).locator('video');
    await pictures(ownerPage, /^Grace/).waitFor({ state: 'hidden' });
    await pictures(guestPage, /^Ada/).waitFor({ state: 'hidden' });
  }, { needs: [MET] });
}

export async function camerasOn(steps, { ownerPage, guestPage }) {
  await steps.run('a camera that is switched on again is seen', async () => {
    for (const page of [ownerPage, guestPage]) {
      await page.getByRole('button', { name: 'Camera on', exact: true }).click();
    }
    await Promise.all([seesVideoOf(ownerPage, 'Grace'), seesVideoOf(guestPage, 'Ada')]);
  }, { needs: [DARK] });
}

/** In the page: the camera of the preview opens only when the test says so. */
function slowCamera() {
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  const mayOpen = new Promise((resolve) => {
    window.openCamera = resolve;
  });
  let first = true;
  devices.getUserMedia = async (wanted) => {
    if (!wanted.video || !first) return await open(wanted);
    first = false;
    await mayOpen;
    const stream = await open(wanted);
    window.lateTrack = stream.getVideoTracks()[0];
    return stream;
  };
}
