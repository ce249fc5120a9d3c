// One box from its first visit to its end, as its owner and a guest see it in Chromium.

import { arrival } from './arrival.mjs';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { firstVisit } from './first_visit.mjs';
import { camerasOff, camerasOn, INVITED, meeting } from './meeting.mjs';
import * as recording from './recording.mjs';
import { looks, looksOfMeeting, ofEmptyBox, ofNewBox } from './looks.mjs';
import { losses } from './losses.mjs';
import { mqtt } from './mqtt.mjs';
import * as doors from './doors.mjs';
import { restart } from './restart.mjs';
import { targets } from './targets.mjs';
import { webhooks } from './webhooks.mjs';
import { whip } from './whip.mjs';

const PASSWORD = 'correct horse battery';

/** Steps build on each other: after one that fails, those that need it are skipped and say so. */
export async function journey(steps) {
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  /** What later steps need of earlier ones: people's pages, the room, the recording. */
  const world = { box, browser, password: PASSWORD };
  await doors.ofUnclaimedBox(steps, world);
  await ofNewBox(steps, world);
  await firstVisit(steps, world);
  await ofEmptyBox(steps, world);
  await meeting(steps, world);
  await recording.made(steps, world);
  await camerasOff(steps, world);
  await webhooks(steps, world);
  await mqtt(steps, world);
  await targets(steps, world);
  await looks(steps, world);
  await whip(steps, world, INVITED);
  await losses(steps, world);
  await doors.ofClaimedBox(steps, world);
  await camerasOn(steps, world);
  await looksOfMeeting(steps, world);
  await restart(steps, world);
  await arrival(steps, world);
  await recording.deleted(steps, world);
  await steps.run('the box stops when asked, and has never panicked', async () => {
    await browser.close();
    const code = await box.stop();
    if (code !== 0) throw new Error(`roomboxd ended with ${code}`);
    const log = await box.log();
    const at = log.indexOf('panicked');
    if (at >= 0) throw new Error(log.slice(Math.max(0, at - 200), at + 2000));
  });
  await browser.close();
  await box.remove();
}
