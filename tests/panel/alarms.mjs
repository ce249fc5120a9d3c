// Alarms: everything is fine, then a disk is too full; who takes care, who else is told, and what helps from afar.
//
//   python3 run.py --only alarms

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const SECRET = 'canary4711canary';

/** A mail server that takes nothing: what it says, word by word. */
async function stubborn() {
  const server = net.createServer((socket) => {
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.write('220 mail.test ESMTP\r\n');
    socket.on('data', (line) => {
      if (/^EHLO/i.test(line)) socket.write('250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n');
      else if (/^AUTH/i.test(line)) socket.write('235 welcome\r\n');
      else if (/^RCPT/i.test(line)) socket.write('550 5.7.1 relaying is not for strangers\r\n');
      else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
      else socket.write('250 go on\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** With a box of its own. */
export async function alarms(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const claim = { code: box.code, name: 'Ada', password: 'correct horse battery' };
  assert.equal((await owner.request.post('/api/v1/claim', { data: claim })).status(), 201);
  const panel = await owner.newPage();
  const section = (title) =>
    panel.locator('section').filter({ has: panel.getByRole('heading', { name: title, exact: true }) });

  const fine = 'the dashboard says that everything is fine';
  await steps.run(fine, async () => {
    await panel.goto('/panel/status');
    await panel.getByText('Everything is fine.').waitFor();
    await panel.getByRole('link', { name: 'Health and what was' }).click();
    const { checks } = await (await owner.request.get('/api/v1/health')).json();
    assert.ok(checks.length > 20, `only ${checks.length} things are looked at`);
    await panel.getByText(`looks at ${checks.length} things`).waitFor();
    await panel.getByText(/^Nothing yet. Alarms that are over/).waitFor();
    await panel.getByText('Room on the disk').waitFor();
    assert.equal(await section('What is looked at').getByRole('listitem').count(), checks.length);
  });

  const told = 'a disk that is too full is said on every page, with what to do';
  await steps.run(told, async () => {
    // Applies from the next start on; no disk has so much room.
    const reserve = { recording: { reserve_bytes: 9_000_000_000_000 } };
    assert.equal((await owner.request.patch('/api/v1/settings', { data: reserve })).status(), 200);
    assert.equal(await box.stop(), 0);
    await box.run();
    await panel.goto('/panel/rooms');
    await panel.getByText('One thing on this box does not work.').waitFor();
    await panel.getByRole('link', { name: 'Look at it' }).click();
    await panel.getByText('One thing needs you.').waitFor();
    await panel.getByText(/Broken: The disk is too full to record: .* are free, 9\sTB must stay free/).waitFor();
    await panel.getByText(/Delete recordings that nobody needs/).waitFor();
    await looksRightInAll(panel, 'health-broken', (page) => page.getByText(/too full|zu voll/).first().waitFor());
  }, { needs: [fine] });

  await steps.run('who takes care is seen, and then nobody is called any more', async () => {
    await panel.getByRole('button', { name: /^I take care of: The disk/ }).click();
    await panel.getByText(/^Ada takes care \(/).waitFor();
    await panel.getByText('One thing is known, and somebody takes care.').waitFor();
    assert.equal(await panel.getByText('One thing on this box does not work.').count(), 0);
    await panel.getByRole('link', { name: 'Go there' }).click();
    await panel.waitForURL('**/panel/recordings/storage');
  }, { needs: [told] });

  await steps.run('mails are set up, and a test says what the server said', async () => {
    const server = await stubborn();
    const card = section('Mails about alarms');
    await panel.goto('/panel/settings');
    await card.getByRole('switch', { name: 'Send mails' }).click();
    await card.getByLabel('Encryption').click();
    await panel.getByRole('option', { name: /^None/ }).click();
    await card.getByText(/Everybody in the network reads along/).waitFor();
    await card.getByLabel('Mail server', { exact: true }).fill('127.0.0.1');
    await card.getByLabel('Port').fill(String(server.address().port));
    await card.getByLabel('User').fill('box');
    await card.getByLabel('Password', { exact: true }).fill(SECRET);
    await card.getByLabel('Sender').fill('box');
    await card.getByLabel('Receivers').fill('ada@example.org\nbob@example.org');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('The sender is a mail address, like box@example.org.').waitFor();
    await card.getByLabel('Sender').fill('box@example.org');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Saved').waitFor();
    await card.getByRole('button', { name: 'Send a test mail' }).click();
    await card.getByText(/Not sent.*relaying is not for strangers/).waitFor();
    assert.equal(await card.getByLabel('Password', { exact: true }).inputValue(), '');
    assert.ok(!(await panel.content()).includes(SECRET), 'the password is shown');
    server.close();
  }, { expects: [/^422 \/api\/v1\/integrations\/mail$/] });

  await steps.run('syslog is set up, and a support bundle is taken along with what is in it', async () => {
    const card = section('Syslog');
    await card.getByRole('switch', { name: 'Send to a server' }).click();
    await card.getByLabel('Way').click();
    await panel.getByRole('option', { name: /^UDP/ }).click();
    assert.equal(await card.getByLabel('Port').inputValue(), '514', 'the usual port follows');
    await card.getByLabel('Syslog server', { exact: true }).fill('127.0.0.1');
    await card.getByLabel('Port').fill('9');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Saved').waitFor();
    await until('the box sends', async () => {
      const view = await (await owner.request.get('/api/v1/integrations/syslog')).json();
      return view.settings.enabled;
    });
    await looksRightInAll(panel, 'settings-alarms', (page) => page.getByText(/newest lines of the log|neuesten Zeilen des Logs/).waitFor());
    const support = section('Support bundle');
    await support.getByText('The newest lines of the log').waitFor();
    assert.equal(await support.getByRole('listitem').count(), 17);
    const file = panel.waitForEvent('download');
    await support.getByRole('link', { name: 'Take a bundle along' }).click();
    assert.match((await file).suggestedFilename(), /^roombox-support-\d+-\d+\.tar\.gz$/);
  });

  await steps.run('the box of alarms has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    const log = await box.log();
    assert.ok(!log.includes('panicked') && !log.includes(SECRET));
  });
  await browser.close();
  await box.remove();
  steps.browser = before;
}
