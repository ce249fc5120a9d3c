// The first hour as somebody goes it who reads nothing but the screen: from a box that starts for the first time
// to a recorded meeting, at a desktop and at a phone. Leaves a picture of each step and a page with all of them.
//
//   python3 run.py --only walk --shots ../../docs/walk

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Browser } from './browser.mjs';
import { homeThatTrusts } from './certificates.mjs';
import { ShippedBox } from './encrypted.mjs';
import { Steps } from './steps.mjs';
import { expectText, FILM_PATIENCE_MS, plays, seesVideoOf, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const NAME = 'roombox.local';
const WINDOWS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const SHOTS = process.env.ROOMBOX_SHOTS;

const heading = (page, name) => page.getByRole('heading', { name }).first().waitFor();
const press = (page, name, within = page) => within.getByRole('button', { name, exact: true }).click();

/** What is done at each step, in words that stand on the screen. `what` is told, `see` waits for what is looked
 * at, `act` does what is told. */
const STEPS = [
  ['trust', 'Type the address that stands on the screen. The box does not have the trust of this device yet, and says how it gets it: download its certificate, and install it as the page of this system says.', {
    see: async (walk) => {
      walk.page = await (await walk.person(walk.stranger)).newPage();
      await walk.page.goto(`${walk.help}/#${walk.box.code}`);
      await expectText(walk.page, 'Download the certificate');
    },
    act: async (walk) => walk.trusts(),
  }],
  ['code', 'Scan the code on the screen, or type the claim code. Press **Next**.', {
    see: async (walk) => {
      walk.page = await walk.owner.newPage();
      await walk.page.goto(`/panel/claim#${walk.box.code}`);
      await walk.page.getByRole('button', { name: 'Next' }).waitFor();
    },
    act: (walk) => press(walk.page, 'Next'),
  }],
  ['owner', 'Type a name and a password. Press **Finish**.', {
    see: async ({ page }) => {
      await page.getByLabel('Your name').fill('Ada');
      await page.getByRole('textbox', { name: "Owner's password" }).fill(PASSWORD);
    },
    act: ({ page }) => press(page, 'Finish'),
  }],
  ['claimed', 'The box is yours. Press **Set it up**.', {
    see: ({ page }) => expectText(page, 'This box is yours, Ada.'),
    act: ({ page }) => press(page, 'Set it up'),
  }],
  ['box', 'Give the box a name, and look at its clock. Press **Next**.', {
    see: async ({ page }) => {
      await expectText(page, 'The clock of this box and of this device agree.');
      await page.getByLabel('Name of the box').fill('Town hall');
    },
    act: ({ page }) => press(page, 'Next'),
  }],
  ['reach', 'How others find the box: open it at another device. Press **It opens there**.', {
    see: ({ page }) => heading(page, 'How others find this box'),
    act: ({ page }) => press(page, 'It opens there'),
  }],
  ['certificate', 'Camera and microphone work here already. Open **The box\'s own authority** and press **My devices trust this box**.', {
    see: async ({ page }) => {
      await expectText(page, 'This browser gives this page a camera and a microphone.');
      await page.getByRole('button', { name: "The box's own authority" }).click();
      await page.getByRole('button', { name: 'My devices trust this box' }).waitFor();
    },
    act: ({ page }) => press(page, 'My devices trust this box'),
  }],
  ['room', 'Name the first room. Press **Make the room**.', {
    see: async ({ page }) => {
      await heading(page, 'The first room');
      await page.getByRole('textbox').fill('Council');
    },
    act: ({ page }) => press(page, 'Make the room'),
  }],
  ['devices', 'You see yourself, and the bar moves when you speak. Press **Play a tone**, then **I hear it**, then **Start the test call**.', {
    see: async ({ page }) => {
      await page.waitForFunction(() => document.querySelector('video.setup-preview')?.videoWidth > 0);
      await expectText(page, 'Your microphone works.');
    },
    act: async ({ page }) => {
      await press(page, 'Play a tone');
      await press(page, 'I hear it');
      await press(page, 'Start the test call');
    },
  }],
  ['test', 'The box records ten seconds, and measures the way to it.', {
    see: async ({ page }) => {
      await page.getByText(/Recording: \d+ s left/).first().waitFor();
      await expectText(page, 'There and back');
    },
    act: ({ page }) => plays(page, 'video.setup-film'),
  }],
  ['watched', 'You see what it recorded. Press **Yes – keep it**, then **Next**.', {
    see: ({ page }) => page.getByRole('button', { name: 'Yes – keep it' }).waitFor(),
    act: async ({ page }) => {
      await press(page, 'Yes – keep it');
      await expectText(page, 'Its recording stays in the library.');
      await press(page, 'Next');
    },
  }],
  ['done', 'Everything works. Go to **Rooms**, and open the room.', {
    see: ({ page }) => heading(page, 'That was it'),
    act: async ({ page }) => {
      await page.goto('/panel/rooms');
      await page.getByRole('link', { name: 'Council' }).first().click();
    },
  }],
  ['invite', 'Send the invite link to those who are to come. Press **Open**.', {
    see: async (walk) => {
      await heading(walk.page, 'Council');
      walk.invite = await walk.page.getByRole('textbox', { name: 'Invite link' }).inputValue();
    },
    act: async (walk) => {
      const join = await walk.page.getByRole('link', { name: 'Open', exact: true }).first().getAttribute('href');
      walk.meeting = await walk.owner.newPage();
      await walk.meeting.goto(join);
    },
  }],
  ['door', 'Look at yourself once more. Press **Join**.', {
    picture: 'meeting',
    see: async ({ meeting }) => {
      await until('the name', async () => (await meeting.getByLabel('Your name').inputValue()) === 'Ada');
      await meeting.waitForFunction(() => document.querySelector('video')?.videoWidth > 0);
    },
    act: async (walk) => {
      await press(walk.meeting, 'Join');
      await walk.meeting.getByRole('button', { name: 'Leave' }).waitFor();
      walk.guest = await (await walk.person(walk.trusting)).newPage();
      await walk.guest.goto(walk.invite);
      await walk.guest.getByLabel('Your name').fill('Grace');
      await press(walk.guest, 'Join');
    },
  }],
  ['meeting', 'Grace has followed the link. Press **Record**, and **Record** once more in the question that comes.', {
    picture: 'meeting',
    see: async ({ meeting, guest }) => {
      await meeting.bringToFront();
      await Promise.all([seesVideoOf(meeting, 'Grace'), seesVideoOf(guest, 'Ada')]);
    },
    act: async ({ meeting }) => {
      const record = meeting.getByRole('button', { name: 'Record', exact: true });
      if (!(await record.isVisible())) await press(meeting, 'More');
      await record.or(meeting.getByRole('menuitem', { name: 'Record', exact: true })).first().click();
      await press(meeting, 'Record', meeting.getByRole('dialog'));
    },
  }],
  ['recording', 'Everybody sees that it is recorded. Press **Leave**: the recording ends with the meeting.', {
    picture: 'meeting',
    see: ({ meeting }) => meeting.locator('.recording-sign').filter({ hasText: /0:0[5-9]/ }).waitFor(),
    act: async ({ meeting, guest }) => {
      await press(meeting, 'Leave');
      await press(guest, 'Leave');
    },
  }],
  ['recordings', 'Go to **Recordings**. The film is made by itself; open it when it is ready.', {
    see: async ({ page }) => {
      await page.bringToFront();
      await page.goto('/panel/recordings');
      await page.getByRole('listitem').filter({ hasText: 'Council' }).first().getByText('Ready').waitFor({ timeout: FILM_PATIENCE_MS });
    },
    act: ({ page }) => page.getByRole('listitem').filter({ hasText: 'Council' }).first().getByRole('link').first().click(),
  }],
  ['film', 'The first recorded meeting.', {
    see: async ({ page }) => {
      await plays(page, 'video.player');
      await page.locator('video.player').evaluate((element) => element.pause());
    },
    act: () => undefined,
  }],
];

/** One walk with a box of its own. */
async function walked(steps, kind) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-walk-'));
  const box = new ShippedBox();
  await box.start();
  const [port, plain] = [box.http, box.plain].map((url) => new URL(url).port);
  const browsers = [];
  const as = async (home, http) => {
    const flags = [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`];
    browsers.push((steps.browser = await Browser.start({ http }, { home, flags })));
    return steps.browser;
  };
  const walk = { box, help: `http://${NAME}:${plain}`, person: (browser) => browser.person(WINDOWS[kind]) };
  walk.stranger = await as(await homeThatTrusts(folder, {}), walk.help);
  walk.trusts = async () => {
    const authority = path.join(folder, 'ca.crt');
    await writeFile(authority, await (await fetch(`${box.plain}/ca.crt`)).text());
    walk.trusting = await as(await homeThatTrusts(folder, { box: authority }), `https://${NAME}:${port}`);
    walk.owner = await walk.person(walk.trusting);
  };
  const expects = [/^401 \/api\/v1\/session$/, /asked elsewhere/, /ERR_CERT_AUTHORITY_INVALID/];
  let before;
  for (const [at, [name, , { see, act, picture = 'page' }]] of STEPS.entries()) {
    const step = `${kind}: ${name}`;
    await steps.run(step, async () => {
      await see(walk);
      const file = `${String(at + 1).padStart(2, '0')}-${name}-${kind}.jpg`;
      if (SHOTS) await walk[picture].screenshot({ path: path.join(SHOTS, file), type: 'jpeg', quality: 72 });
      await act(walk);
    }, { needs: before ? [before] : [], expects });
    before = step;
  }
  for (const browser of browsers) await browser.close();
  assert.equal(await box.end(), 0);
  await rm(folder, { recursive: true, force: true });
  return box.screen;
}

function page(screen) {
  const rows = STEPS.map(([name, what], at) => {
    const [desktop, phone] = Object.keys(WINDOWS).map((kind) => `${String(at + 1).padStart(2, '0')}-${name}-${kind}.jpg`);
    return `### ${at + 1}. ${what}\n\n<img src="${desktop}" width="560" alt="${name}, at a desktop"> <img src="${phone}" width="180" alt="${name}, at a phone">\n`;
  });
  // Half blocks of the QR code look wrong in most fonts of the web.
  const text = screen.split('\n').filter((line) => !/[█▀▄]/.test(line)).join('\n').replace(/\n{3,}/g, '\n\n').trim();
  return `# The first hour

From a box that starts for the first time to a recorded meeting, by somebody who reads nothing but the screen. Each
picture is what is seen when the step is read; the words in bold stand on it. The green picture is Chromium's own
pretended camera, and the addresses are of a box on the machine that made the pictures:
\`python3 tests/panel/run.py --only walk --shots docs/walk\` goes this way, twice, and writes this page.

What stands on the box's screen (its QR code left out):

\`\`\`text
${text}
\`\`\`

${rows.join('\n')}`;
}

const steps = new Steps(null);
let screen;
for (const kind of Object.keys(WINDOWS)) screen = await walked(steps, kind);
if (SHOTS && steps.counts.failed === 0) await writeFile(path.join(SHOTS, 'README.md'), page(screen));
process.exitCode = steps.end();
