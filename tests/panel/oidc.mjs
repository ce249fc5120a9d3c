// Sign-in by the house's own identity provider: set up in the panel, used in browsers, refused where it must be.
//
//   python3 run.py --only oidc

import assert from 'node:assert/strict';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRightInAll } from './looks.mjs';
import { CLIENT, Provider } from './provider.mjs';
import { until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
/** Nobody is signed in yet; and the way leads to another site, as it must. */
const ON_THE_WAY = [
  /^401 \/api\/v1\/session$/, /^asked elsewhere: http:\/\/localhost:/, /localhost:\d+\/favicon/,
  /^asked elsewhere: https:\/\/fonts.googleapis.com/,
];

/** The provider's pages ask for a font elsewhere: a test asks nobody but what it has started. */
async function somebody(browser) {
  const visitor = await browser.person();
  await visitor.route(/fonts\.googleapis\.com/, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  return visitor;
}

/** At the provider's own pages. */
async function atProvider(page, login) {
  await page.waitForURL(/localhost:\d+\/interaction\//);
  await page.getByPlaceholder('Enter any login').fill(login);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** With a box and a provider of its own. */
export async function oidc(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const provider = await Provider.start(`${box.http}/api/v1/oidc/callback`);
  const owner = await somebody(browser);
  const claim = { code: box.code, name: 'Olga', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: claim })).status(), 201);
  const panel = await owner.newPage();
  const put = (login, name, groups) =>
    provider.people.set(login, { name, email: `${login}@example.org`, email_verified: true, groups });
  put('ada', 'Ada', ['staff']);
  put('olga', 'Olga', []);
  put('mallory', 'Mallory', ['others']);

  const people = async () => (await (await owner.request.get('/api/v1/people')).json()).items;
  const person = async (name) => (await people()).find((one) => one.name === name);
  /** A new browser that wants to be in the panel, and goes by the button. */
  const comes = async (login, place = '/panel/') => {
    const visitor = await somebody(browser);
    const page = await visitor.newPage();
    await page.goto(place);
    await page.getByRole('link', { name: 'Sign in with House' }).click();
    await atProvider(page, login);
    await page.waitForURL(`${box.http}/**`);
    return { visitor, page };
  };
  const isIn = (page) => page.getByRole('navigation', { name: 'Places' }).first().waitFor();
  const isRefused = async (login, words) => {
    const { visitor, page } = await comes(login);
    await page.getByRole('alert').getByText(words).waitFor();
    assert.ok(!page.url().includes('?'), 'the address says it once');
    await visitor.close();
  };

  const setUp = 'an owner sets the provider up, is told what is wrong, and then that it answers';
  await steps.run(setUp, async () => {
    await panel.goto('/panel/settings');
    await panel.getByRole('link', { name: 'Set it up' }).click();
    await panel.getByRole('heading', { name: 'Sign-in by your organisation', level: 1 }).waitFor();
    await looksRightInAll(panel, 'oidc-new', (page) => page.locator('form').waitFor());
    const redirect = panel.getByRole('textbox', { name: 'Redirect URI' });
    assert.equal(await redirect.inputValue(), provider.callback);
    await panel.getByLabel('Name on the button').fill('House');
    await panel.getByLabel('Issuer').fill(`${provider.issuer}/other`);
    await panel.getByLabel('Client id').fill(CLIENT.id);
    await panel.getByLabel('Client secret', { exact: true }).fill(CLIENT.secret);
    await panel.getByLabel('Scopes').fill('openid profile email groups');
    await panel.getByRole('switch', { name: 'People may sign in by it' }).click();
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByRole('alert').getByText('Nobody could sign in.').waitFor();
    for (const [group, role] of [['staff', 'Moderator'], ['it', 'Owner']]) {
      await panel.getByRole('button', { name: 'Add a group' }).click();
      await panel.getByLabel('Group', { exact: true }).last().fill(group);
      await panel.getByRole('combobox', { name: 'Role' }).last().click();
      await panel.getByRole('option', { name: new RegExp(`^${role}`) }).click();
    }
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('Saved').waitFor();
    await panel.getByRole('button', { name: 'Try it' }).click();
    await panel.getByText(/openid-configuration answers 404/).waitFor();
    await panel.getByLabel('Issuer').fill(`${provider.issuer}/`);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByRole('alert').getByText('Type the client secret once more').waitFor();
    await panel.getByLabel('Client secret', { exact: true }).fill(CLIENT.secret);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('Saved').waitFor();
    await panel.getByRole('button', { name: 'Try it' }).click();
    await panel.getByText(/does not speak as it should: .*it calls itself/).waitFor();
    await panel.getByLabel('Issuer').fill(provider.issuer);
    await panel.getByLabel('Client secret', { exact: true }).fill(CLIENT.secret);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('Saved').waitFor();
    await panel.getByRole('button', { name: 'Try it' }).click();
    await panel.getByText(/The service answers, after .* 1 keys?, signed with/).waitFor();
    assert.ok(!(await panel.content()).includes(CLIENT.secret), 'the secret is shown');
    await looksRightInAll(panel, 'oidc', (page) => page.locator('form').waitFor());
  }, { expects: [/^422 \/api\/v1\/integrations\/oidc$/] });

  let ada;
  const first = 'somebody signs in by the button and is where their groups put them';
  await steps.run(first, async () => {
    const visitor = await somebody(browser);
    const page = await visitor.newPage();
    await page.goto('/panel/recordings');
    await looksRightInAll(page, 'oidc-sign-in', (page) => page.getByRole('link', { name: /House/ }).waitFor());
    await visitor.close();
    ada = await comes('ada', '/panel/recordings');
    await ada.page.waitForURL('**/panel/recordings');
    await isIn(ada.page);
    const cookies = await ada.visitor.cookies(box.http);
    const session = cookies.find(({ name }) => name === 'roombox_session');
    assert.deepEqual([session.httpOnly, session.sameSite], [true, 'Strict']);
    assert.ok(!cookies.some(({ name }) => name === 'roombox_oidc'), 'the cookie of the way is gone');
    const found = await person('Ada');
    assert.deepEqual([found.role, found.identity.managed, found.identity.mail], ['moderator', true, 'ada@example.org']);
    await ada.page.goto('/panel/account');
    await ada.page.getByText('Password and second factor are looked after there').waitFor();
    assert.equal(await ada.page.getByRole('heading', { name: 'Password' }).count(), 0);
    await looksRightInAll(ada.page, 'oidc-account', (page) => page.locator('section').nth(1).waitFor());
    await panel.goto('/panel/settings/people');
    await panel.getByText('By your organisation', { exact: true }).waitFor();
    assert.ok(await panel.getByRole('combobox', { name: 'Role of Ada' }).isDisabled());
    await looksRightInAll(panel, 'oidc-people', (page) => page.getByText('Ada').first().waitFor());
    const answer = await owner.request.patch(`/api/v1/people/${found.id}`, { data: { role: 'owner' } });
    assert.deepEqual([answer.status(), (await answer.json()).code], [409, 'role_elsewhere']);
  }, { needs: [setUp], expects: ON_THE_WAY });

  await steps.run('at the next sign-in the role follows the groups, and the audit log tells', async () => {
    put('ada', 'Ada', ['it', 'staff']);
    const { visitor, page } = await comes('ada');
    await isIn(page);
    assert.equal((await person('Ada')).role, 'owner');
    await visitor.close();
    const { items } = await (await owner.request.get('/api/v1/audit?limit=50&action=oidc_callback')).json();
    const details = items.map(({ detail, result }) => `${result}: ${detail}`);
    assert.ok(details.includes('ok: ada@example.org, owner by their groups, was moderator'), details.join('\n'));
    assert.ok(details.includes('ok: ada@example.org, for the first time, moderator'), details.join('\n'));
    // The last owner with a password stays one.
    const olga = await person('Olga');
    const answer = await owner.request.patch(`/api/v1/people/${olga.id}`, { data: { role: 'viewer' } });
    assert.equal((await answer.json()).code, 'last_owner');
  }, { needs: [first], expects: ON_THE_WAY });

  await steps.run('who is in no group is refused in words, and signed out where they were in', async () => {
    await isRefused('mallory', 'You are in no group that may use this box.');
    put('ada', 'Ada', []);
    await isRefused('ada', 'You are in no group that may use this box.');
    await ada.page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
    await ada.visitor.close();
    assert.equal(await person('Mallory'), undefined);
    put('ada', 'Ada', ['staff']);
  }, { needs: [first], expects: [...ON_THE_WAY, /^401 /, /WebSocket/] });

  const connected = 'an account with a password is not taken over, but connected by who has it';
  await steps.run(connected, async () => {
    put('olga', 'Olga', ['staff']);
    const { visitor, page } = await comes('olga');
    await page.getByRole('alert').getByText('An account with your name is on this box already.').waitFor();
    await looksRightInAll(page, 'oidc-refused', async (page) => {
      await page.goto('/panel/?oidc=oidc_name_taken');
      await page.getByRole('alert').waitFor();
    });
    await visitor.close();
    await panel.goto('/panel/account');
    await panel.getByRole('button', { name: 'Connect with House' }).click();
    const dialog = panel.getByRole('dialog');
    await dialog.getByLabel('Your password', { exact: true }).fill('not the password');
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByText(/wrong/i).waitFor();
    await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await atProvider(panel, 'olga');
    await panel.getByText('Your account is connected.').waitFor();
    await looksRightInAll(panel, 'oidc-connected', (page) => page.getByText('olga@example.org').waitFor());
    const signedIn = await comes('olga');
    await isIn(signedIn.page);
    await signedIn.visitor.close();
    const olga = await person('Olga');
    assert.deepEqual([olga.role, olga.identity.managed], ['owner', false], 'what was given by hand stays');
  }, { needs: [setUp], expects: [...ON_THE_WAY, /^401 .*account\/identity/] });

  await steps.run('who was removed stays out until an owner lets them in again', async () => {
    const { id } = await person('Ada');
    const gone = await owner.request.delete(`/api/v1/people/${id}`, { data: { name: 'Ada' } });
    assert.equal(gone.status(), 204);
    await isRefused('ada', 'An owner of this box has removed your account.');
    await panel.goto('/panel/settings/sign-in');
    await looksRightInAll(panel, 'oidc-removed', (page) => page.getByText('ada@example.org').waitFor());
    await panel.getByRole('button', { name: 'Let in again: Ada' }).click();
    await until('nobody is removed', async () => (await panel.getByText('ada@example.org').count()) === 0);
    const { visitor, page } = await comes('ada');
    await isIn(page);
    await visitor.close();
  }, { needs: [first], expects: ON_THE_WAY });

  await steps.run('a text in the address is no way to say something to people, or to lead them away', async () => {
    const visitor = await somebody(browser);
    const page = await visitor.newPage();
    await page.goto('/panel/?oidc=Call%20555%20now');
    await page.getByRole('alert').getByText('Begin anew.').waitFor();
    assert.ok(!(await page.content()).includes('555'));
    await visitor.close();
    for (const wanted of ['//evil.example/', 'https://evil.example/panel/', '/panel//evil.example']) {
      const led = await somebody(browser);
      const there = await led.newPage();
      await there.goto(`/api/v1/oidc/start?page=${encodeURIComponent(wanted)}`);
      await atProvider(there, 'ada');
      await there.waitForURL(`${box.http}/panel/`);
      await isIn(there);
      await led.close();
    }
  }, { needs: [first], expects: ON_THE_WAY });

  /** Without a browser: where the way leads, and the cookie of whoever goes it. */
  const begun = async () => {
    const answer = await fetch(`${box.http}/api/v1/oidc/start`, { redirect: 'manual' });
    const asked = new URL(answer.headers.get('location')).searchParams;
    assert.deepEqual([asked.get('code_challenge_method'), asked.get('response_type')], ['S256', 'code']);
    return { state: asked.get('state'), cookie: answer.headers.get('set-cookie').split(';')[0] };
  };
  const back = async (cookie, query) => {
    const address = `${box.http}/api/v1/oidc/callback?${new URLSearchParams(query)}`;
    const answer = await fetch(address, { redirect: 'manual', headers: { cookie } });
    assert.equal(answer.status, 303);
    assert.ok(!(answer.headers.get('set-cookie') ?? '').includes('roombox_session='), 'somebody is in');
    return new URL(answer.headers.get('location'), box.http).searchParams.get('oidc');
  };
  const iss = () => ({ iss: provider.issuer });

  await steps.run('a way back of another browser, another provider, or used before lets nobody in', async () => {
    const mine = await begun();
    const theirs = await begun();
    assert.equal(await back(mine.cookie, { state: theirs.state, code: 'c', ...iss() }), 'oidc_state');
    assert.equal(await back(mine.cookie, { state: mine.state, code: 'c', iss: 'https://evil.example' }), 'oidc_token');
    assert.equal(await back(mine.cookie, { state: mine.state, code: 'c', ...iss() }), 'oidc_state', 'a replay');
    const good = await begun();
    assert.equal(await back(good.cookie, { state: good.state, code: 'guessed', ...iss() }), 'oidc_refused');
    const { visitor, page } = await comes('ada');
    await isIn(page);
    await visitor.close();
  }, { needs: [first], expects: ON_THE_WAY });

  /** The box asks the provider anew, and not only when what it knows has grown old. */
  const asksAnew = async () => {
    const { settings } = await (await owner.request.get('/api/v1/integrations/oidc')).json();
    const answer = await owner.request.put('/api/v1/integrations/oidc', { data: { settings } });
    assert.equal(answer.status(), 200);
  };

  await steps.run('each kind of key is believed', async () => {
    for (const algorithm of ['PS256', 'ES256', 'EdDSA']) {
      await provider.stop();
      await provider.run(algorithm);
      await asksAnew();
      const { visitor, page } = await comes('ada');
      await isIn(page);
      await visitor.close();
    }
  }, { needs: [first], expects: ON_THE_WAY });

  await steps.run('without the provider people hear so, and owners sign in with their password', async () => {
    await provider.stop();
    await asksAnew();
    const visitor = await somebody(browser);
    const page = await visitor.newPage();
    await page.goto('/panel/');
    await page.getByRole('link', { name: 'Sign in with House' }).click();
    await page.getByRole('alert').getByText('The sign-in service does not answer.').waitFor();
    await looksRightInAll(page, 'oidc-away', async (page) => {
      await page.goto('/panel/?oidc=oidc_unreachable');
      await page.getByRole('alert').waitFor();
    });
    await page.locator('input[autocomplete=username]').fill('Olga');
    await page.locator('input[type=password]').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await isIn(page);
    await visitor.close();
    await panel.goto('/panel/settings/sign-in');
    await panel.getByText('The last sign-in that failed').waitFor();
    await panel.getByRole('button', { name: 'Try it' }).click();
    await panel.getByText('Nothing answers there.').waitFor();
    await looksRightInAll(panel, 'oidc-failure', (page) => page.getByText(/localhost/).first().waitFor());
  }, { needs: [setUp], expects: ON_THE_WAY });

  // A page of strangers may send whoever looks at it here as often as it likes: that locks nobody out.
  await steps.run('a way back that nobody began leads nowhere, however often', async () => {
    for (let tries = 0; tries < 20; tries += 1) {
      assert.equal(await back('roombox_oidc=guessed', { state: `guessed ${tries}`, code: 'c' }), 'oidc_state');
    }
    const log = await box.log();
    assert.ok(!log.includes(CLIENT.secret), 'the secret is in the log');
    assert.equal(log.indexOf('panicked'), -1);
  });

  await browser.close();
  await box.remove();
  steps.browser = before;
}
