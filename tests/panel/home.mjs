// The first page says whether everything is fine; the search leads anywhere that one may go; what was updated
// meanwhile says so; and people who need more contrast have it.

import assert from 'node:assert/strict';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { putRecording } from './imported.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
const NOBODY = /^401 \/api\/v1\/session$/;
const HOUR_MS = 3_600_000;

/** With a box of its own. */
export async function home(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const call = async (method, route, data, status) => {
    const answer = await owner.request[method](`/api/v1${route}`, { data });
    assert.equal(answer.status(), status, `${route}: ${await answer.text()}`);
    return status === 204 ? undefined : await answer.json();
  };
  await call('post', '/claim', { code: box.code, name: 'Ada', password: PASSWORD }, 201);
  const panel = await owner.newPage();
  const section = (page, title) =>
    page.locator('section').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
  const dialog = panel.getByRole('dialog');
  const field = dialog.getByRole('combobox');
  const options = dialog.getByRole('option');
  let room;

  const empty = 'a new box says on its first page what comes next';
  await steps.run(empty, async () => {
    await panel.goto('/panel/');
    await panel.getByText('Everything is fine.').waitFor();
    await panel.getByText(/^Set-up: \d of 6 done$/).waitFor();
    await panel.getByRole('heading', { name: 'Make the first room' }).waitFor();
    await looksRightInAll(panel, 'home-new', (page) => page.locator('.disk-bar').waitFor());
    await panel.getByRole('main').getByRole('link', { name: 'Go to the rooms' }).click();
    await panel.getByRole('heading', { name: 'Rooms', level: 1 }).waitFor();
  });

  const met = 'what is planned and who meets is there without a reload';
  await steps.run(met, async () => {
    await panel.goto('/panel/');
    await section(panel, 'Next').getByText(/^Nothing is planned/).waitFor();
    room = await call('post', '/rooms', { name: 'Library' }, 201);
    const [starts_at, ends_at] = [1, 2].map((hours) => new Date(Date.now() + hours * HOUR_MS).toISOString());
    await call('post', '/schedule/events', { title: 'Council', room: room.id, starts_at, ends_at }, 201);
    await section(panel, 'Next').getByText('Council').waitFor();
    await panel.getByRole('heading', { name: 'Make the first room' }).waitFor({ state: 'detached' });

    const meeting = await owner.newPage();
    await meeting.goto(`/meet/${room.id}`);
    await meeting.getByRole('button', { name: 'Join' }).click();
    await section(panel, 'Now').getByText('1 person').waitFor();
    await call('post', `/rooms/${room.id}/recording`, {}, 201);
    await section(panel, 'Now').getByText(/written/).waitFor();
    await looksRightInAll(panel, 'home', (page) => page.getByText('Council').waitFor());
    await call('delete', `/rooms/${room.id}/recording`, undefined, 202);
    await meeting.close();
    await section(panel, 'Now').getByText('No meeting at the moment.').waitFor();
  }, { needs: [empty] });

  await steps.run('the first page and the running recordings of their page stand beside each other', async () => {
    const link = (name) => panel.getByRole('navigation').getByRole('link', { name }).first();
    await panel.goto('/panel/');
    await section(panel, 'Now').getByText('No meeting at the moment.').waitFor();
    await link('Recordings').click();
    await panel.getByRole('heading', { name: 'Recordings', level: 1 }).waitFor();
    // Without a reload: what the first page has asked for is still there.
    await panel.evaluate(() => history.pushState(null, '', '/panel/recordings?state=recording'));
    await panel.getByText('Nothing fits').or(panel.getByRole('button', { name: /Clear|Show all/ })).first().waitFor();
    await link('Home').click();
    await section(panel, 'Now').getByText('No meeting at the moment.').waitFor();
    await panel.getByRole('main').getByRole('link', { name: 'Status' }).first().click();
    await panel.getByRole('heading', { name: 'Status', level: 1 }).waitFor();
  }, { needs: [met] });

  const alarmed = 'what is broken stands first, with why and what to do';
  await steps.run(alarmed, async () => {
    // Applies from the next start on; no disk has so much room.
    await panel.goto('about:blank');
    await call('patch', '/settings', { recording: { reserve_bytes: 9_000_000_000_000 } }, 200);
    assert.equal(await box.stop(), 0);
    await putRecording(box, { room: 'Hall', at: new Date(Date.now() - 24 * HOUR_MS), people: ['Zoë Müller'] });
    await box.run();
    await panel.goto('/panel/');
    await panel.getByText('One thing needs you.').waitFor();
    await panel.getByText(/Delete recordings that nobody needs/).waitFor();
    assert.equal(await panel.getByText('One thing on this box does not work.').count(), 0, 'it is said twice');
    await looksRightInAll(panel, 'home-alarm', (page) => page.getByText(/too full|zu voll/).first().waitFor());
  }, { needs: [empty] });

  const searched = 'the search opens by keys, finds by the words that people use, and closes by Escape';
  await steps.run(searched, async () => {
    await panel.goto('/panel/schedule');
    await panel.getByRole('heading', { level: 1 }).waitFor();
    const button = panel.getByRole('button', { name: 'Search' });
    await button.focus();
    await panel.keyboard.press('Control+k');
    await field.fill('hilfe und zauberei');
    await dialog.getByText('Nothing is called “hilfe und zauberei”.').waitFor();
    await looksRight(panel, 'search-none', 'en');
    await field.fill('firewall');
    await options.first().waitFor();
    const found = await options.allInnerTexts();
    assert.ok(found.every((one) => /relay/i.test(one)) && found.length >= 3, found.join());
    await field.fill('muller');
    await dialog.getByRole('group', { name: 'Recordings' }).getByRole('option').waitFor();
    await field.fill('r');
    await options.nth(3).waitFor();
    await looksRight(panel, 'search', 'en');
    const chosen = () => dialog.locator('[aria-selected=true]').getAttribute('id');
    const first = await chosen();
    await panel.keyboard.press('ArrowDown');
    assert.notEqual(await chosen(), first);
    assert.equal(await field.getAttribute('aria-activedescendant'), await chosen());
    await panel.keyboard.press('ArrowUp');
    await panel.keyboard.press('ArrowUp');
    assert.equal(await chosen(), await options.last().getAttribute('id'), 'before the first comes the last');
    await panel.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await until('the focus is where it was', () => button.evaluate((one) => one === document.activeElement));
  }, { needs: [alarmed] });

  await steps.run('a setting that was found has the focus, on its page', async () => {
    for (const [words, label] of [
      ['maximum guests', 'People in a room at most'],
      ['power cut', 'Go on after a power cut within'],
    ]) {
      await panel.keyboard.press('Control+k');
      await field.fill(words);
      await options.first().waitFor();
      await panel.keyboard.press('Enter');
      await panel.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
      await until(`the focus is at ${label}`, () =>
        panel.evaluate((label) => {
          const at = document.activeElement;
          return at?.labels?.[0]?.textContent === label || at?.textContent === label;
        }, label));
      await until('the address is that of the page', () => panel.url().endsWith('/panel/settings'));
    }
  }, { needs: [searched] });

  await steps.run('who goes to a page that was found is in it', async () => {
    await panel.keyboard.press('Control+k');
    await field.fill('Schedule');
    await options.first().waitFor();
    await panel.keyboard.press('Enter');
    await panel.getByRole('heading', { name: 'Schedule', level: 1 }).waitFor();
    await until('the page has the focus', () => panel.evaluate(() => document.activeElement?.id === 'page'));
  }, { needs: [searched] });

  await steps.run('who may see little finds little, and sees no alarms', async () => {
    const { secret } = await call('post', '/invites', { name: 'Grace', role: 'viewer', expires_in_s: 86_400 }, 201);
    const grace = await browser.person();
    const accepted = { secret, name: 'Grace', password: PASSWORD };
    assert.equal((await grace.request.post('/api/v1/invitation/acceptance', { data: accepted })).status(), 201);
    const page = await grace.newPage();
    await page.goto('/panel/');
    await page.getByText('No meeting at the moment.').waitFor();
    await page.locator('.disk-bar').waitFor();
    assert.equal(await page.getByText('One thing needs you.').count(), 0);
    await page.keyboard.press('Control+k');
    const theirs = page.getByRole('dialog');
    await theirs.getByRole('combobox').fill('e');
    await theirs.getByRole('option').first().waitFor();
    const kinds = await theirs.getByRole('group').evaluateAll((groups) => groups.map((one) => one.firstChild.textContent));
    assert.ok(!kinds.includes('People'), kinds.join());
    // Herself: whoever was in a recording is found by that, which a viewer may watch.
    for (const words of ['mqtt', 'backup', 'network', 'updates', 'Grace']) {
      await theirs.getByRole('combobox').fill(words);
      await theirs.getByText(`Nothing is called “${words}”.`).waitFor();
    }
    await grace.close();
  }, { needs: [searched] });

  await steps.run('a panel that stood open while its box was updated says so', async () => {
    const visit = await owner.newPage();
    await visit.goto('/panel/');
    await visit.getByRole('heading', { level: 1 }).waitFor();
    await visit.route(/assets\/SchedulePage-/, (route) => route.fulfill({ status: 404, body: '' }));
    await visit.getByRole('link', { name: 'Schedule' }).first().click();
    await visit.getByText('This page did not come').waitFor();
    await looksRight(visit, 'page-gone', 'en');
    await visit.unroute(/assets\/SchedulePage-/);
    await visit.getByRole('button', { name: 'Load it anew' }).click();
    await visit.getByRole('heading', { name: 'Schedule', level: 1 }).waitFor();
    await visit.close();
  }, { needs: [empty], expects: [/SchedulePage-/] });

  await steps.run('more contrast is there for who asks for it, by the device or here', async () => {
    const visit = await owner.newPage();
    await visit.goto('/panel/settings');
    const more = () => visit.evaluate(() => document.documentElement.dataset.contrast === 'more');
    await visit.getByRole('heading', { level: 1 }).waitFor();
    assert.equal(await more(), false);
    await visit.emulateMedia({ contrast: 'more' });
    await until('the device is followed', more);
    await visit.emulateMedia({ contrast: null });
    await until('and back', async () => !(await more()));
    await visit.getByRole('button', { name: 'Colours' }).click();
    await visit.getByRole('menuitemcheckbox', { name: 'High contrast', checked: false }).click();
    await until('it is chosen', more);
    await visit.reload();
    await visit.getByRole('heading', { level: 1 }).waitFor();
    assert.equal(await more(), true, 'the choice is forgotten');
    await visit.goto(`/meet/${room.id}`);
    await visit.getByRole('button', { name: 'High contrast', pressed: true }).click();
    await until('the meeting page has the choice, too', async () => !(await more()));
    await visit.close();
  }, { needs: [met] });

  await browser.close();
  await box.remove();
  steps.browser = before;
}
