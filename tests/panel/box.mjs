// A box of its own: the real daemon in a fresh folder, which can be killed and started again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, open, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

export class Box {
  /** With further arguments, if it needs any. */
  static async start(further = []) {
    const box = new Box();
    box.further = further;
    box.folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-panel-'));
    box.data = path.join(box.folder, 'data');
    box.logPath = path.join(box.folder, 'roomboxd.log');
    await mkdir(box.data);
    await box.run();
    const page = await (await fetch(new URL('/panel/', box.http))).text();
    if (page.includes('make panel')) throw new Error('this roomboxd has no pages: run `make panel`, and build it again');
    return box;
  }

  /** Starts the daemon; a second time on the port of the first. */
  async run() {
    const log = await open(this.logPath, 'a');
    const roomboxd = path.join(process.env.ROOMBOX_BIN, 'roomboxd');
    const where = ['--data', this.data, '--http', `127.0.0.1:${this.port ?? 0}`, '--udp', '0', '--tcp', '0'];
    // A test that aborts must not leave daemons behind: they die with us.
    this.process = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', roomboxd, '--dev', ...where, '--address', '127.0.0.1', ...this.further],
      { stdio: ['ignore', 'pipe', log.fd] },
    );
    this.exited = once(this.process, 'exit');
    await log.close();
    for await (const line of readline.createInterface({ input: this.process.stdout })) {
      const listens = line.match(/listens on (\S+)/);
      if (listens) {
        this.http = listens[1];
        this.port = new URL(this.http).port;
      }
      this.claimLink = line.match(/Open +(\S+)/)?.[1] ?? this.claimLink;
      const code = line.match(/Claim +(\S+)/);
      if (code) this.code = code[1];
      if (code || line.includes('has an owner')) return;
    }
    throw new Error(`roomboxd did not start:\n${(await this.log()).slice(-3000)}`);
  }

  /** The plug. */
  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  async stop() {
    this.process.kill('SIGTERM');
    const [code] = await this.exited;
    return code;
  }

  async log() {
    return await readFile(this.logPath, 'utf8');
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      // A nats-server outlives a box whose plug is pulled: its next start ends it, and there is none here.
      const late = setTimeout(() => this.process.kill('SIGKILL'), 15_000);
      await this.stop();
      clearTimeout(late);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A request as a program makes it: neither browser nor cookie. */
  async ask(method, route, { body, headers = {} } = {}) {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return await fetch(`${this.http}/api/v1${route}`, {
      method,
      headers: { ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }
}
