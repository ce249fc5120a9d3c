// The owner's MQTT broker in the panel: named, connected, wrong password, tried, switched off.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { SIGNED_IN } from './first_visit.mjs';
import { looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const SECRET = 'canary4711canary';

/** Debian's mosquitto with one user, for as long as a test has it. */
async function broker() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-broker-'));
  const probe = net.createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => probe.once('listening', listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  const passwords = path.join(folder, 'passwords');
  await writeFile(passwords, '');
  execFileSync('mosquitto_passwd', ['-b', passwords, 'box', SECRET]);
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous false', `password_file ${passwords}`, 'user root'];
  await writeFile(path.join(folder, 'conf'), `${lines.join('\n')}\n`);
  // Debian keeps servers out of a user's path.
  const program = existsSync('/usr/sbin/mosquitto') ? '/usr/sbin/mosquitto' : 'mosquitto';
  const child = spawn(program, ['-c', path.join(folder, 'conf')], { stdio: 'ignore' });
  const stop = async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  const answers = () => new Promise((answer) => {
    const socket = net.connect(port, '127.0.0.1', () => answer(socket.end() && true));
    socket.once('error', () => answer(false));
  });
  await until('the broker answers', answers);
  return { port, stop };
}

export async function mqtt(steps, { panel }) {
  const card = panel.locator('section').filter({ hasText: /MQTT (and|und) Home Assistant/ });
  const state = (word) => card.getByText(word, { exact: true }).waitFor();
  const flip = (name) => card.getByRole('switch', { name }).click();
  const save = () => card.getByRole('button', { name: 'Save' }).click();
  const server = await broker();

  const named = 'a broker is named in the panel, and the box connects';
  await steps.run(named, async () => {
    await panel.goto('/panel/settings');
    await state('Off');
    await looksRightInAll(panel, 'mqtt-off', () => card.waitFor(), card);
    await flip('Connect to a broker');
    await card.getByLabel('Trust').click();
    await panel.getByRole('option', { name: 'Not encrypted' }).click();
    await card.getByText(/Everybody in the network reads along/).waitFor();
    await card.getByLabel('Broker', { exact: true }).fill('127.0.0.1');
    await card.getByLabel('Port').fill(String(server.port));
    await card.getByLabel('User').fill('box');
    await card.getByLabel('Password', { exact: true }).fill('wrong');
    await save();
    await state('Refused');
    await card.getByText(/The broker refuses user or password/).waitFor();
    await looksRightInAll(panel, 'mqtt-refused', () => card.getByText(/user|Benutzer/).first().waitFor(), card);
    await card.getByLabel('Password', { exact: true }).fill(SECRET);
    await save();
    await state('Connected');
  }, { needs: [SIGNED_IN] });

  await steps.run('control is warned of, the test says that it works, and nobody sees the password', async () => {
    await flip('MQTT may control this box');
    await card.getByText(/without logging in here/).waitFor();
    await save();
    await card.getByText('Saved').waitFor();
    await card.getByRole('button', { name: 'Test the connection' }).click();
    await card.getByText(/^Works: /).waitFor();
    await looksRightInAll(panel, 'mqtt-connected', () => card.getByText(/Connected|Verbunden/).waitFor(), card);
    const shown = await card.getByLabel('Password', { exact: true }).inputValue();
    if (shown !== '' || (await panel.content()).includes(SECRET)) throw new Error('the password is shown');
    await flip('Connect to a broker');
    await save();
    await state('Off');
    await server.stop();
  }, { needs: [named] });
}
