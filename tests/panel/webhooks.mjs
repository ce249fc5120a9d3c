// Webhooks in the panel: a receiver is added, tried, seen to fail and to come back, and deleted.

import { once } from 'node:events';
import http from 'node:http';
import { SIGNED_IN } from './first_visit.mjs';
import { looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const WORDS = {
  en: { add: 'Add a receiver', test: /^Send a test to/, log: /^What was sent last/, none: /No program is told yet/ },
  de: { add: 'Empfänger hinzufügen', test: /^Test senden an/, log: /^Zuletzt gesendet an/, none: /Noch wird keinem Programm/ },
};

/** A server that answers every event with `status`. */
async function receiver() {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(server.status).end());
  });
  server.status = 200;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.url = `http://127.0.0.1:${server.address().port}/hook`;
  return server;
}

/** What the box answers to a request of the page's own. */
async function asked(page, route, body, method = 'POST') {
  return await page.evaluate(async ([route, body, method]) => {
    const headers = body ? { 'content-type': 'application/json' } : {};
    const answer = await fetch(`/api/v1${route}`, {
      method, headers, body: body && JSON.stringify(body),
    });
    return answer.status === 204 ? null : await answer.json();
  }, [route, body, method]);
}

export async function webhooks(steps, { panel }) {
  const dialog = panel.getByRole('dialog');
  const server = await receiver();
  const row = panel.getByRole('listitem').filter({ hasText: server.url });
  const says = (text) => row.getByText(text).first().waitFor();

  const added = 'a receiver of webhooks is added in the panel, and tried';
  await steps.run(added, async () => {
    await panel.goto('/panel/settings');
    await panel.getByText(WORDS.en.none).waitFor();
    await looksRightInAll(panel, 'webhook-new', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].add }).click();
      await dialog.locator('input[type=url]').waitFor();
    });
    await panel.getByRole('button', { name: WORDS.en.add }).click();
    await dialog.locator('input[type=url]').fill('http://ada:pw@box/');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText(/This receiver cannot be kept/).waitFor();
    await dialog.locator('input[type=url]').fill(server.url);
    await dialog.getByRole('radio', { name: /All rooms/ }).check();
    await dialog.getByRole('switch', { name: /Alarms of this box/ }).check();
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await says('Nothing sent yet');
    await says(/all rooms, signed with .*; alarms too/);
    await row.getByRole('button', { name: WORDS.en.test }).click();
    await says(/It took the test: status 200/);
  }, { needs: [SIGNED_IN], expects: [/^422 \/api\/v1\/integrations\/webhooks$/] });

  const seen = 'the panel follows how events get through, without being loaded anew';
  await steps.run(seen, async () => {
    server.status = 503;
    await row.getByRole('button', { name: WORDS.en.test }).click();
    await says(/127\.0\.0\.1 answers 503/);
    const room = await asked(panel, '/rooms', { name: 'Told' });
    const { token } = await asked(panel, `/rooms/${room.id}/join-token`, { name: 'Ada' });
    // Nobody but a knock at the door: the room opens, and its news cannot be delivered.
    await panel.evaluate((token) => new Promise((opened, failed) => {
      const address = `${location.origin.replace('http', 'ws')}/rtc?access_token=${token}`;
      window.knock = new WebSocket(address);
      window.knock.onmessage = opened;
      window.knock.onerror = failed;
    }), token);
    await says('Does not get through');
    await says(/events? waits?/);
    // Loaded anew, the page leaves the room; the box keeps its place for longer than this takes.
    await looksRightInAll(panel, 'webhook-failing', () => says('503'), row);
    server.status = 200;
    await row.getByRole('button', { name: WORDS.en.test }).click();
    await says('Works');
    // What was sent is listed, and sent again on demand.
    await row.getByRole('button', { name: /^What was sent last/ }).click();
    const log = row.getByRole('log');
    await log.getByText('room_started').waitFor();
    await log.getByText('Delivered').first().waitFor();
    server.status = 418;
    await log.getByRole('button', { name: 'Send again: room_started' }).click();
    await log.getByText(/status 418/).waitFor();
    server.status = 200;
    await log.getByRole('button', { name: 'Send again: room_started' }).click();
    await log.getByText(/attempts, status 200/).first().waitFor();
    await looksRightInAll(panel, 'webhook-log', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].log }).click();
      await page.getByRole('log').getByText('room_started').waitFor();
    }, row);
    // Other steps know which rooms there are.
    await asked(panel, `/rooms/${room.id}/meeting`, undefined, 'DELETE');
    await until('the room is gone', async () =>
      (await asked(panel, `/rooms/${room.id}`, undefined, 'DELETE')) === null);
  }, { needs: [added], expects: [/^409 .api.v1.rooms/] });

  await steps.run('a receiver is deleted only after a question', async () => {
    await row.getByRole('button', { name: /^Delete/ }).click();
    await dialog.getByText(/is not told of anything any more/).waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    await panel.getByText(WORDS.en.none).waitFor();
    server.close();
    server.closeAllConnections();
  }, { needs: [seen] });
}
