// Captions of a program that transcribes, as somebody in the meeting sees them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { looksRight } from './looks.mjs';
import { expectText } from './waiting.mjs';

class Transcriber {
  static async start(url, token) {
    const program = new Transcriber();
    const script = fileURLToPath(new URL('captions.py', import.meta.url));
    const command = ['--pdeathsig', 'TERM', process.env.ROOMBOX_PYTHON, script, url, token];
    program.process = spawn('setpriv', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: program.process.stdout });
    program.answers = lines[Symbol.asyncIterator]();
    await program.#answer();
    return program;
  }

  async #answer() {
    const { done } = await this.answers.next();
    if (done) throw new Error('the program that transcribes has gone: see above');
  }

  async say(speaker, segment, text, final = false) {
    this.process.stdin.write(`${JSON.stringify({ speaker, segment, text, final })}\n`);
    await this.#answer();
  }

  async stop() {
    this.process.stdin.end();
    await once(this.process, 'exit');
  }
}

const LONG =
  'which is why we kept every second of it on the disk, in order, with the names of all who spoke and ' +
  'when, and could go on at once when the power was back';

/** `page` is in the room with `speaker`; `token` lets a program in. */
export async function captions(steps, { box, page, speaker, token, needs }) {
  const area = page.getByRole('region', { name: 'Captions' });
  const line = (text) => area.getByRole('listitem').filter({ hasText: text });
  const gone = (text) => line(text).waitFor({ state: 'detached' });
  let program;

  const shown = 'captions are shown with the speaker, and replaced while they are not final';
  await steps.run(shown, async () => {
    await page.keyboard.press('t');
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'Sound only' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /^Captions/ }).count(), 0, 'none have come');
    await page.keyboard.press('Escape');
    program = await Transcriber.start(box.http.replace('http', 'ws'), token);
    await program.say(speaker, 'one', 'good mourning');
    await line('good mourning').waitFor();
    assert.match(await line('good mourning').textContent(), new RegExp(`^${speaker} `));
    assert.equal(await area.locator('[aria-live=polite]').textContent(), '', 'a guess is not read out');
    await program.say(speaker, 'one', 'Good morning.', true);
    await line('Good morning.').waitFor();
    await gone('good mourning');
    assert.equal(await area.locator('[aria-live=polite]').textContent(), `${speaker}: Good morning.`);
    await program.say(speaker, 'two', 'Shall we begin?', true);
    await program.say(speaker, 'three', 'The first point');
    await line('The first point').waitFor();
    await gone('Good morning.');
    assert.equal(await area.getByRole('listitem').count(), 2);
  }, { needs });

  await steps.run('captions look right everywhere', async () => {
    let looking = true;
    // They fade when nobody speaks: somebody does.
    const speaking = (async () => {
      for (let round = 0; looking; round += 1) {
        await program.say(speaker, `short ${round}`, 'And that was the power cut,', true);
        await program.say(speaker, `long ${round}`, LONG);
        await new Promise((turn) => setTimeout(turn, 2_000));
      }
    })();
    try {
      await line('the power cut').first().waitFor();
      await looksRight(page, 'captions', 'en');
    } finally {
      looking = false;
      await speaking;
    }
  }, { needs: [shown] });

  await steps.run('captions fade when nobody speaks, and can be switched off and on', async () => {
    await program.say(speaker, 'last', 'Thank you.', true);
    await line('Thank you.').waitFor();
    await gone('Thank you.');
    await page.keyboard.press('t');
    await area.waitFor({ state: 'detached' });
    await program.say(speaker, 'off', 'Is this on?', true);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('button', { name: 'Captions on' }).click();
    await area.waitFor();
    await program.say(speaker, 'on', 'Now it is.', true);
    await line('Now it is.').waitFor();
    await page.keyboard.press('?');
    await expectText(page, 'Captions on or off');
    await page.keyboard.press('Escape');
    await program.stop();
  }, { needs: [shown] });
}
