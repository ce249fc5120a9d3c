// Drives one real browser for the Python tests: reads {"id", "call", "args"} lines on standard
// input, runs that function of people.js in the page, and writes {"id", "result" | "error"} lines.
//
//   node driver.mjs chromium|firefox

import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import esbuild from 'esbuild';
import puppeteer from 'puppeteer-core';

const here = import.meta.dirname;
const which = process.argv[2];

const files = {
  '/': ['page.html', 'text/html'],
  '/people.js': ['people.js', 'text/javascript'],
  '/livekit-client.umd.js': ['node_modules/livekit-client/dist/livekit-client.umd.js', 'text/javascript'],
  '/e2ee.worker.mjs': ['node_modules/livekit-client/dist/livekit-client.e2ee.worker.mjs', 'text/javascript'],
};

// Written for bundlers, and so bundled.
const bundle = await esbuild.build({
  entryPoints: [path.join(here, 'whip.mjs')], bundle: true, write: false, format: 'iife', logLevel: 'error',
});

const server = http.createServer(async (request, response) => {
  if (request.url === '/whip.js') {
    return response.writeHead(200, { 'content-type': 'text/javascript' }).end(bundle.outputFiles[0].contents);
  }
  const file = files[request.url];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': file[1] }).end(await readFile(path.join(here, file[0])));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const profile = await mkdtemp(path.join(os.tmpdir(), 'e2e-profile-'));
const launch = {
  chromium: {
    browser: 'chrome',
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    userDataDir: profile,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding', '--disable-dev-shm-usage',
    ],
  },
  firefox: {
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    userDataDir: profile,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      // Both ends are this machine: without it there are no loopback candidates at all.
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'dom.min_background_timeout_value': 4,
    },
  },
}[which];

const browser = await puppeteer.launch({ headless: true, protocolTimeout: 120_000, ...launch });
const page = await browser.newPage();
page.on('console', (message) => {
  if (process.env.E2E_VERBOSE || message.type() === 'error') console.error(`[page] ${message.text()}`);
});
page.on('pageerror', (error) => console.error(`[page] ${error.message}`));
await page.goto(`http://127.0.0.1:${server.address().port}/`);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
say({ ready: await browser.version() });

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { id, call, args } = JSON.parse(line);
  try {
    const result = await page.evaluate((call, args) => window.people[call](...args), call, args);
    say({ id, result: result ?? null });
  } catch (error) {
    say({ id, error: String(error?.message ?? error) });
  }
}

await browser.close();
server.close();
await rm(profile, { recursive: true, force: true, maxRetries: 5 });
