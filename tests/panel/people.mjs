// People: invited by link, accepted in another browser, told at once what they may, sent away at once.
//
//   python3 run.py --only people

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { settingsText } from './settings_text.mjs';
import { expectText, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const NOBODY = /^401 \/api\/v1\/session$/;

/** The code that an app shows at a time (RFC 6238), from the key that it was given. */
function appCode(key, seconds) {
  const bits = [...key].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'));
  const bytes = bits.join('').match(/.{8}/g).map((byte) => Number.parseInt(byte, 2));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const hash = createHmac('sha1', Buffer.from(bytes)).update(step).digest();
  const four = hash.readUInt32BE(hash.at(-1) & 0xf) & 0x7fffffff;
  return String(four % 1_000_000).padStart(6, '0');
}

async function claimed(box, browser) {
  const owner = await browser.person();
  const body = { code: box.code, name: 'Ada', password: PASSWORD };
  const answer = await owner.request.post('/api/v1/claim', { data: body });
  assert.equal(answer.status(), 201);
  return owner;
}

/** With a box of its own. */
export async function people(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await claimed(box, browser);
  const made = await owner.request.post('/api/v1/rooms', { data: { name: 'Library' } });
  const room = await made.json();
  const panel = await owner.newPage();
  const grace = await browser.person();
  const page = await grace.newPage();
  const dialog = panel.getByRole('dialog');
  const places = (page) => page.getByRole('navigation', { name: 'Places' });
  let link;

  const invited = 'the owner invites somebody by a link that is shown once';
  await steps.run(invited, async () => {
    await panel.goto('/panel/settings/people');
    await looksRightInAll(panel, 'people-alone', (page) => page.getByText('Ada').first().waitFor());
    await panel.getByRole('button', { name: 'Invite somebody' }).click();
    await dialog.getByLabel('Who it is for').fill('Grace');
    await looksRight(panel, 'people-invite', 'en');
    await dialog.getByRole('button', { name: 'Make the link' }).click();
    link = await dialog.getByRole('textbox', { name: 'Invitation' }).inputValue();
    assert.match(link, /\/panel\/welcome#invite=[A-Z2-9]{43}$/);
    await looksRight(panel, 'people-invited', 'en');
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await panel.getByRole('region', { name: 'Open invitations' }).getByText('Grace').waitFor();
  });

  const accepted = 'somebody with the link chooses a password and is in';
  await steps.run(accepted, async () => {
    await page.goto(link);
    await looksRightInAll(page, 'welcome', (page) => page.locator('input[type=password]').waitFor());
    await page.getByRole('textbox', { name: 'Your password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('heading', { name: 'Rooms', level: 1 }).waitFor();
    assert.ok(!page.url().includes('invite='), 'the secret is gone from the address');
    // The owner's page follows by itself.
    await panel.getByRole('combobox', { name: 'Role of Grace' }).waitFor();
    await until('the invitation is used up', async () =>
      (await panel.getByRole('region', { name: 'Open invitations' }).count()) === 0);
  }, { needs: [invited], expects: [NOBODY] });

  await steps.run('a link works once', async () => {
    const late = await browser.person();
    const other = await late.newPage();
    await other.goto(link);
    await expectText(other, 'This invitation was used, has expired or was taken back.');
    await looksRightInAll(other, 'welcome-gone', (page) => page.getByRole('alert').waitFor());
    await late.close();
  }, { needs: [accepted], expects: [NOBODY, /^410 \/api\/v1\/invitation$/] });

  const sees = 'a viewer sees rooms and recordings and no settings, by no way';
  await steps.run(sees, async () => {
    await page.getByRole('link', { name: 'Library' }).first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'New room' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: /^Invite/ }).count(), 0);
    const names = await places(page).first().getByRole('link').allInnerTexts();
    assert.deepEqual(names.map((name) => name.trim()), ['Home', 'Rooms', 'Schedule', 'Recordings', 'Status', 'Account']);
    for (const place of ['settings', 'settings/people', 'settings/updates', 'settings/fleet']) {
      await page.goto(`/panel/${place}`);
      await page.getByRole('heading', { name: 'This is not yours to do' }).waitFor();
    }
    await looksRightInAll(page, 'forbidden', (page) => page.getByRole('heading', { level: 1 }).waitFor());
    for (const place of ['recordings', 'recordings/storage', 'schedule', 'status', `rooms/${room.id}`]) {
      await page.goto(`/panel/${place}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
    }
    for (const [method, route] of [['patch', '/settings'], ['post', '/rooms'], ['get', '/people']]) {
      const answer = await grace.request[method](`/api/v1${route}`, { data: method === 'get' ? undefined : {} });
      const problem = await answer.json();
      assert.deepEqual([answer.status(), problem.code], [403, 'not_permitted'], route);
      assert.match(problem.message, /owners may/);
    }
  }, { needs: [accepted] });

  const promoted = 'another role takes effect while the page is open';
  await steps.run(promoted, async () => {
    await page.goto('/panel/rooms');
    await page.getByRole('heading', { name: 'Rooms', level: 1 }).waitFor();
    await panel.getByRole('combobox', { name: 'Role of Grace' }).click();
    await panel.getByRole('option', { name: /^Operator/ }).click();
    await places(page).first().getByRole('link', { name: 'Settings' }).waitFor();
    await page.getByRole('button', { name: 'New room' }).waitFor();
    await page.goto('/panel/settings');
    await page.locator('form').nth(2).waitFor();
    // Running the box is not owning it.
    for (const hidden of ['People', 'LiveKit keys', 'Settings as a text', 'Erase this box']) {
      assert.equal(await page.getByRole('heading', { name: hidden }).count(), 0, hidden);
    }
    await panel.getByRole('combobox', { name: 'Role of Grace' }).click();
    await panel.getByRole('option', { name: /^Viewer/ }).click();
    await page.getByRole('heading', { name: 'This is not yours to do' }).waitFor();
  }, { needs: [sees] });

  await steps.run('the last owner stays one, and is told why', async () => {
    await panel.getByRole('combobox', { name: 'Role of Ada' }).click();
    await panel.getByRole('option', { name: /^Viewer/ }).click();
    await expectText(panel, 'This is the last owner of this box.');
    const [ada] = (await (await owner.request.get('/api/v1/people')).json()).items;
    assert.equal(ada.role, 'owner');
    await looksRightInAll(panel, 'people', (page) => page.getByText('Grace').first().waitFor());
  }, { needs: [promoted], expects: [/^409 \/api\/v1\/people\/per_\w+$/] });

  const ended = 'a session that is revoked is over at once';
  await steps.run(ended, async () => {
    await page.goto('/panel/account');
    await page.getByText('this one').waitFor();
    await panel.getByRole('button', { name: 'More about Grace' }).click();
    await panel.getByRole('menuitem', { name: 'Where they are signed in' }).click();
    await dialog.getByText('127.0.0.1').first().waitFor();
    await looksRight(panel, 'people-sessions', 'en');
    await dialog.getByRole('button', { name: /^Sign out/ }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await dialog.getByText('Nowhere.').waitFor();
    await panel.keyboard.press('Escape');
  }, { needs: [promoted], expects: [/^401 /, /WebSocket/] });

  const back = 'people sign in by name, and hear the same whatever was wrong';
  await steps.run(back, async () => {
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.waitFor();
    for (const [who, password] of [['Nobody', PASSWORD], ['Grace', 'incorrect horse battery']]) {
      await name.fill(who);
      await page.getByRole('textbox', { name: 'Password' }).fill(password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expectText(page, 'The name or the password is wrong.');
    }
    await looksRightInAll(page, 'sign-in-by-name', (page) => page.locator('input').first().waitFor());
    await name.fill('grace');
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
  }, { needs: [ended], expects: [/^401 /] });

  await steps.run('another password signs out everywhere else', async () => {
    const phone = await browser.person();
    const data = { name: 'Grace', password: PASSWORD };
    assert.equal((await phone.request.post('/api/v1/session', { data })).status(), 200);
    await page.reload();
    await looksRightInAll(page, 'account', (page) => page.locator('form').first().waitFor());
    await page.getByRole('textbox', { name: 'Current password' }).fill(PASSWORD);
    await page.getByRole('textbox', { name: 'New password' }).fill('another horse battery');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await expectText(page, 'The password is changed.');
    assert.equal((await phone.request.get('/api/v1/session')).status(), 401);
    assert.equal((await grace.request.get('/api/v1/session')).status(), 200);
    await phone.close();
  }, { needs: [back] });

  await steps.run('a token may less than its person, and its end is shown', async () => {
    await panel.goto('/panel/account');
    await panel.getByRole('button', { name: 'New token' }).click();
    await dialog.getByLabel('What is it for?').fill('Display in the hall');
    await dialog.getByRole('combobox', { name: 'What it may do at most' }).click();
    await panel.getByRole('option', { name: /^Viewer/ }).click();
    await dialog.getByRole('combobox', { name: 'It works' }).click();
    await panel.getByRole('option', { name: 'for 30 days' }).click();
    await looksRight(panel, 'token-new', 'en');
    await dialog.getByRole('button', { name: 'Create' }).click();
    const token = await panel.getByLabel('Token', { exact: true }).inputValue();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await box.ask('GET', '/recordings', { headers })).status, 200);
    assert.equal((await box.ask('POST', '/rooms', { headers, body: { name: 'x' } })).status, 403);
    await panel.getByRole('button', { name: 'I have it' }).click();
    await panel.getByText(/^Viewer · until .* used/).waitFor();
  });

  const factor = 'a second factor is set up with an app and asked for at the door';
  await steps.run(factor, async () => {
    await page.goto('/panel/account');
    await page.getByRole('button', { name: 'Set up an app' }).click();
    const asked = page.getByRole('dialog');
    await asked.getByLabel('Your password').fill('another horse battery');
    await asked.getByRole('button', { name: 'Next' }).click();
    const key = await asked.getByRole('textbox', { name: 'Key' }).inputValue();
    await looksRight(page, 'factor-scan', 'en');
    const now = Date.now() / 1000;
    await asked.getByRole('textbox', { name: 'Code', exact: true }).fill(appCode(key, now));
    await asked.getByRole('button', { name: 'Turn it on' }).click();
    await asked.getByRole('heading', { name: 'Set up an app' }).waitFor();
    const codes = (await asked.getByRole('textbox', { name: 'Recovery codes' }).inputValue()).split(' ');
    assert.equal(codes.length, 10);
    await looksRight(page, 'factor-codes', 'en');
    await asked.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Turn it off' }).waitFor();
    await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Grace');
    await page.getByRole('textbox', { name: 'Password' }).fill('another horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const field = page.getByRole('textbox', { name: 'Code from your app' });
    // The code that set it up is used up.
    await field.fill(appCode(key, now));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expectText(page, 'This is not the code of now.');
    await looksRight(page, 'sign-in-code', 'en');
    await field.fill(codes[0].toLowerCase());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
    const data = { name: 'Grace', password: 'another horse battery', code: codes[0] };
    assert.equal((await box.ask('POST', '/session', { body: data })).status, 401, 'a recovery code counts once');
  }, { needs: [back], expects: [/^401 /, /WebSocket/] });

  await steps.run('an owner turns it off for who has lost the phone', async () => {
    await panel.goto('/panel/settings/people');
    await panel.getByRole('button', { name: 'More about Grace' }).click();
    await panel.getByRole('menuitem', { name: 'Turn the second factor off' }).click();
    await dialog.getByRole('button', { name: 'Turn the second factor off' }).click();
    const body = { name: 'Grace', password: 'another horse battery' };
    await until('the password is enough', async () => (await box.ask('POST', '/session', { body })).status === 200);
    await page.getByRole('button', { name: 'Set up an app' }).waitFor();
  }, { needs: [factor] });

  await steps.run('who is removed is named, and gone', async () => {
    await panel.goto('/panel/settings/people');
    await panel.getByRole('button', { name: 'More about Grace' }).click();
    await panel.getByRole('menuitem', { name: 'Remove' }).click();
    const field = dialog.getByRole('textbox');
    await field.fill('Greta');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await expectText(panel, 'This is another name.');
    await field.fill('Grace');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal(await panel.getByText('Grace').count(), 0);
  }, { needs: [back], expects: [/^401 /, /^422 \/api\/v1\/people\/per_\w+$/, /WebSocket/] });

  await steps.run('the log says who did what, and goes along whole', async () => {
    await panel.goto('/panel/settings/audit');
    const row = (text) => panel.getByRole('row').filter({ hasText: text }).first();
    await row('Removed a person').getByText('Ada').waitFor();
    await row('Sign-out').getByText('Grace').waitFor();
    await row('Wrong code of the second factor').getByText('Grace').waitFor();
    await row('Accepted an invitation').getByText('Grace').waitFor();
    await row('Grace, viewer').getByText('Changed a person').waitFor();
    await panel.getByText('Nobody has changed this log.').waitFor();
    await looksRightInAll(panel, 'audit', (page) => page.getByRole('row').nth(3).waitFor());
    await panel.getByRole('combobox', { name: 'Result' }).click();
    await panel.getByRole('option', { name: 'Refused' }).click();
    await row('This is the last owner of this box').getByText('Changed a person').waitFor();
    await until('what was done is not shown', async () =>
      (await panel.getByRole('row').filter({ hasText: 'Removed a person' }).filter({ hasText: 'Done' }).count()) === 0);
    const file = panel.waitForEvent('download');
    await panel.getByRole('link', { name: 'Take it along' }).click();
    assert.equal((await file).suggestedFilename(), 'roombox-audit.jsonl');
  });

  // Only owners may.
  await settingsText(steps, panel);

  await steps.run('the box of people has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    assert.ok(!(await box.log()).includes('panicked'));
  });
  await browser.close();
  await box.remove();
  steps.browser = before;
}
