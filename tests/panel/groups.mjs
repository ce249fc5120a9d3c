// Runs one group of steps: the journey of one box, or a subject with a box of its own.
//
//   ROOMBOX_BIN=target/debug node groups.mjs rooms

import { alarms } from './alarms.mjs';
import { backup } from './backup.mjs';
import { certificates } from './certificates.mjs';
import { encrypted } from './encrypted.mjs';
import { fleet } from './fleet.mjs';
import { home } from './home.mjs';
import { journey } from './journey.mjs';
import { keyboard } from './keyboard.mjs';
import { library } from './library.mjs';
import { lobby } from './lobby.mjs';
import { names } from './names.mjs';
import { network } from './network.mjs';
import { oidc } from './oidc.mjs';
import { people } from './people.mjs';
import { rooms } from './rooms.mjs';
import { schedule } from './schedule.mjs';
import { setup } from './setup.mjs';
import { tools } from './tools.mjs';
import { updates } from './updates.mjs';
import { Steps } from './steps.mjs';

const GROUPS = { alarms, backup, certificates, encrypted, fleet, home, journey, keyboard, library, lobby, names, network, oidc, people, rooms, schedule, setup, tools, updates };

const group = GROUPS[process.argv[2]];
if (!group) throw new Error(`no group ${process.argv[2]}: one of ${Object.keys(GROUPS).join(', ')}`);
const steps = new Steps(null);
await group(steps);
if (Object.values(steps.counts).every((count) => count === 0)) throw new Error('no step ran');
process.exitCode = steps.end();
// What a step that failed has left open must not keep everybody waiting.
setTimeout(() => process.exit(), 1000).unref();
