// One box from its first visit to its end, as its owner and a guest see it in Chromium.
//
//   ROOMBOX_BIN=target/debug node journey.mjs
//
// Steps build on each other: after one that fails, those that need it are skipped and say so. What has a
// box of its own stands for itself: ROOMBOX_GROUPS=lobby,people runs these alone.

import { writeFileSync } from 'node:fs';
import { alarms } from './alarms.mjs';
import { backup } from './backup.mjs';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { Steps } from './steps.mjs';
import { firstVisit } from './first_visit.mjs';
import { camerasOff, camerasOn, INVITED, meeting } from './meeting.mjs';
import * as recording from './recording.mjs';
import { looks, looksOfMeeting, ofEmptyBox, ofNewBox } from './looks.mjs';
import { fleet } from './fleet.mjs';
import { library } from './library.mjs';
import { lobby } from './lobby.mjs';
import { oidc } from './oidc.mjs';
import { tools } from './tools.mjs';
import { people } from './people.mjs';
import { losses } from './losses.mjs';
import { mqtt } from './mqtt.mjs';
import * as doors from './doors.mjs';
import { certificates } from './certificates.mjs';
import { encrypted } from './encrypted.mjs';
import { restart } from './restart.mjs';
import { targets } from './targets.mjs';
import { network } from './network.mjs';
import { setup } from './setup.mjs';
import { updates } from './updates.mjs';
import { rooms } from './rooms.mjs';
import { schedule } from './schedule.mjs';
import { webhooks } from './webhooks.mjs';
import { whip } from './whip.mjs';

const PASSWORD = 'correct horse battery';

/** The box that most of it is about. */
async function journey(steps) {
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

const GROUPS = {
  journey,
  library,
  schedule,
  lobby,
  tools,
  rooms,
  people,
  oidc,
  alarms,
  fleet,
  backup,
  network,
  setup,
  updates,
  encrypted: () => encrypted(steps, PASSWORD),
  certificates,
};

const steps = new Steps();
const wanted = process.env.ROOMBOX_GROUPS?.split(',') ?? Object.keys(GROUPS);
const failed = [];
for (const [name, group] of Object.entries(GROUPS).filter(([name]) => wanted.includes(name))) {
  const before = steps.counts.failed;
  await group(steps);
  if (steps.counts.failed > before) failed.push(name);
}
if (process.env.ROOMBOX_FAILED) writeFileSync(process.env.ROOMBOX_FAILED, failed.join(','));
process.exitCode = steps.end();
// What a step that failed has left open must not keep everybody waiting.
setTimeout(() => process.exit(), 1000).unref();
