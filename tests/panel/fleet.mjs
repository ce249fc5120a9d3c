// A hub and a box: settings by groups, what was changed on the box side by side, and what its owner refuses.
//
//   python3 run.py --only fleet

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';

const PASSWORD = 'correct horse battery';
const NOBODY_JOINED = 'Close an empty room after';

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => probe.once('listening', listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** A box that can be in a fleet, with its owner's browser. */
async function member(name) {
  const nats = path.join(path.dirname(process.env.ROOMBOX_PYTHON), 'nats-server');
  const box = await Box.start(['--https', `127.0.0.1:${await freePort()}`, '--nats-server', nats]);
  const browser = await Browser.start(box);
  const owner = await browser.person();
  const asks = async (method, route, data) => {
    const answer = await owner.request[method](`/api/v1${route}`, { data });
    assert.ok(answer.ok(), `${method} ${route}: ${await answer.text()}`);
    return answer.status() === 204 ? null : await answer.json();
  };
  await asks('post', '/claim', { code: box.code, name: 'Ada', password: PASSWORD });
  await asks('patch', '/box', { name });
  return { box, browser, asks, panel: await owner.newPage() };
}

/** With boxes of its own. */
export async function fleet(steps) {
  const before = steps.browser;
  const [hub, box] = await Promise.all([member('Town hall'), member('Library')]);
  steps.browser = hub.browser;
  const port = await freePort();
  await hub.asks('post', '/fleet/hub', { leaf_address: `127.0.0.1:${port}`, port });
  const { code } = await hub.asks('post', '/fleet/invites');
  await box.asks('post', '/fleet/membership', { code });
  const dialog = hub.panel.getByRole('dialog');
  const settings = hub.panel.locator('section').filter({ hasText: 'Settings of the boxes' });
  const row = settings.getByRole('listitem').filter({ hasText: 'Library' });

  const grouped = 'a group is made, the box is put into it, and has what is wanted';
  await steps.run(grouped, async () => {
    await hub.panel.goto('/panel/settings/fleet');
    await settings.getByRole('button', { name: 'New group' }).click();
    await dialog.getByLabel('Name').fill('Halls');
    await dialog.getByRole('combobox', { name: 'Add a setting' }).click();
    await hub.panel.getByRole('option', { name: NOBODY_JOINED }).click();
    await dialog.getByLabel(NOBODY_JOINED, { exact: true }).fill('600');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await settings.getByText('1 setting ·').waitFor();
    await settings.getByRole('button', { name: 'Group and site of Library' }).click();
    await dialog.getByRole('combobox', { name: 'Group' }).click();
    await hub.panel.getByRole('option', { name: 'Halls' }).click();
    await dialog.getByLabel('Site').fill('North');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.getByText('As wanted').waitFor();
    const has = await box.asks('get', '/settings');
    assert.equal(has.meeting.empty_timeout_s, 600);
  });

  await steps.run('the box says by which address of its hub it goes, and its owner says where it looks', async () => {
    const there = `127.0.0.1:${port}`;
    await hub.asks('patch', '/fleet/hub', { addresses: ['127.0.0.1:9', there] });
    await box.panel.goto('/panel/settings/fleet');
    await box.panel.getByText(`Used now: ${there}.`).waitFor();
    await box.panel.getByRole('button', { name: 'Change addresses' }).click();
    const change = box.panel.getByRole('dialog');
    await change.getByLabel('Where this box looks for its hub').fill(there);
    await change.getByRole('button', { name: 'Change', exact: true }).click();
    await box.panel.getByText(`The hub is at ${there}.`, { exact: true }).waitFor();
    await box.panel.getByText('Connected', { exact: true }).waitFor();
  }, { needs: [grouped] });

  await steps.run('the hub says which alarms stand on its boxes, and how many in all', async () => {
    const boxes = hub.panel.locator('section').filter({ has: hub.panel.getByRole('heading', { name: 'Boxes', exact: true }) });
    const reserve = async (bytes) => box.asks('patch', '/settings', { recording: { reserve_bytes: bytes } });
    const { recording } = await box.asks('get', '/settings');
    const library = boxes.getByRole('listitem').filter({ hasText: 'Library' });
    // More than any disk has: it is too full to record.
    await reserve(10 ** 13);
    await library.getByText(/^\d+ alarms?$/).waitFor();
    await boxes.getByText(/^\d+ alarms? in all, on (one box|2 boxes)\.$/).waitFor();
    await reserve(recording.reserve_bytes);
  }, { needs: [grouped] });

  const changed = 'the box says who sets it, and what is changed there is shown side by side at both';
  await steps.run(changed, async () => {
    await box.panel.goto('/panel/settings');
    const card = box.panel.locator('section').filter({ has: box.panel.getByRole('heading', { name: 'Meetings', exact: true }) });
    await card.getByText('Set by the fleet Town hall').waitFor();
    await card.getByLabel(NOBODY_JOINED, { exact: true }).fill('900');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Changed here').waitFor();
    await row.getByText('Decide', { exact: true }).waitFor();
    await looksRightInAll(hub.panel, 'fleet-differs', (page) => page.getByText(/Take the fleet's|Die der Flotte nehmen/).first().waitFor());
    await box.panel.goto('/panel/settings/fleet');
    await looksRightInAll(box.panel, 'fleet-member', (page) => page.getByText(/Take the fleet's|Die der Flotte nehmen/).first().waitFor());
  }, { needs: [grouped] });

  await steps.run('somebody decides at the hub, and the box follows', async () => {
    await row.getByRole('button', { name: /Take the fleet's/ }).click();
    await row.getByText('As wanted').waitFor();
    await box.panel.getByText('As the fleet wants').waitFor();
  }, { needs: [changed] });

  await steps.run('a group is updated once its name is typed, and halts at the first box that fails', async () => {
    const waves = hub.panel.locator('section').filter({ hasText: 'Updates of groups' });
    await waves.getByRole('button', { name: 'Update a group' }).click();
    await dialog.getByLabel('Version').fill('0.4');
    await dialog.getByLabel('Only at night').click();
    const begin = dialog.getByRole('button', { name: 'Update a group' });
    assert.ok(await begin.isDisabled());
    await dialog.getByLabel('Type Halls to begin').fill('Halls');
    await begin.click();
    // This box has no updater.
    await waves.getByText('Halted', { exact: true }).waitFor();
    await waves.getByText('Failed · 1').waitFor();
    await looksRight(hub.panel, 'fleet-wave', 'en');
    await waves.getByRole('button', { name: 'Stop: Halls' }).click();
    await waves.getByText('Stopped', { exact: true }).waitFor();
  }, { needs: [grouped] });

  await steps.run('the owner of the box refuses settings, and the hub says so', async () => {
    await box.panel.getByRole('switch', { name: 'Change settings' }).click();
    await box.panel.getByText('The owner of this box refuses settings').waitFor();
    await row.getByText('Owner refuses', { exact: true }).waitFor();
    await row.getByText('Its owner refuses: settings.').waitFor();
    assert.deepEqual(box.browser.takeComplaints(), []);
  }, { needs: [grouped] });

  for (const one of [box, hub]) {
    await one.browser.close();
    assert.equal(await one.box.stop(), 0);
    await one.box.remove();
  }
  steps.browser = before;
}
