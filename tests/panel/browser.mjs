// Chromium with a camera and a microphone that are not there, and ears for what pages complain of.

import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

/** Two slow cores, shared: what takes a second may take twenty. */
export const PATIENCE_MS = 45_000;

const FLAGS = [
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--use-fake-device-for-media-stream=fps=10', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
];

export class Browser {
  /** Complaints that belong to the step: patterns of `status path` or of a message. */
  expects = [];
  pages = [];
  #complaints = [];

  /** `home`: of somebody who told their system whom to trust. */
  static async start(box, { home, flags = [] } = {}) {
    const browser = new Browser();
    browser.box = box;
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      chromiumSandbox: false,
      args: [...FLAGS, ...flags],
      env: home ? { ...process.env, HOME: home } : process.env,
    });
    return browser;
  }

  /** Somebody with cookies and storage of their own. */
  async person(options = {}) {
    const context = await this.chromium.newContext({
      baseURL: this.box.http,
      locale: 'en-GB',
      viewport: { width: 1440, height: 900 },
      reducedMotion: 'reduce',
      acceptDownloads: true,
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('page', (page) => this.#listen(page, options.baseURL));
    return context;
  }

  /** `home`: what is its own site; without, that of the box. */
  #listen(page, home) {
    this.pages.push(page);
    page.on('close', () => this.pages.splice(this.pages.indexOf(page), 1));
    page.on('pageerror', (error) => this.#complain(page, `threw ${error.stack ?? error}`));
    page.on('request', (request) => {
      const own = [home ?? this.box.http, 'blob:', 'data:'].some((start) => request.url().startsWith(start));
      if (!own) this.#complain(page, `asked elsewhere: ${request.url()}`);
    });
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const from = message.location().url;
      const status = message.text().match(/status of (\d+)/)?.[1];
      const where = from.startsWith(home ?? this.box.http) ? new URL(from).pathname : from;
      this.#complain(page, status ? `${status} ${where}` : `${message.text()} (${where})`);
    });
  }

  #complain(page, text) {
    this.#complaints.push({ page: page.url().replace(/#.*/, ''), text });
  }

  /** What was complained of since the last time, without what the step expects. */
  takeComplaints() {
    const unexpected = this.#complaints.filter(
      ({ text }) => !this.expects.some((pattern) => pattern.test(text)),
    );
    this.#complaints = [];
    return unexpected.map(({ page, text }) => `${page}: ${text}`);
  }

  /** Pictures of all pages as they are now; the answer says where they lie. */
  async picture(name) {
    const folder = process.env.ROOMBOX_SHOTS ?? os.tmpdir();
    const paths = [];
    for (const [at, page] of this.pages.entries()) {
      const file = path.join(folder, `${name.replace(/\W+/g, '-')}-${at}.png`);
      const taken = await page.screenshot({ path: file, timeout: 10_000 }).then(
        () => file,
        (error) => `no picture of ${page.url()}: ${error.message.split('\n')[0]}`,
      );
      paths.push(`${page.url().replace(/#.*/, '')}: ${taken}`);
    }
    return paths.join('\n');
  }

  async close() {
    await this.chromium.close();
  }
}
