// Polls, the timer and files in a meeting: who moderates asks, everybody answers, all get the file.
//
//   python3 run.py --only tools

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Box } from './box.mjs';
import { Browser } from './browser.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText, seesVideoOf, until } from './waiting.mjs';

const PASSWORD = 'correct horse battery';
/** One red dot. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
);

async function join(page, name) {
  await page.locator('form input[autocomplete=name]').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
}

async function more(page, name) {
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('button', { name, exact: true }).click();
}

const drawerOf = (page, name) => page.getByRole('complementary', { name });

/** With a box of its own. */
export async function tools(steps) {
  const before = steps.browser;
  const box = await Box.start();
  const browser = (steps.browser = await Browser.start(box));
  const owner = await browser.person();
  const body = { code: box.code, name: 'Ada', password: PASSWORD };
  assert.equal((await owner.request.post('/api/v1/claim', { data: body })).status(), 201);
  const room = await (await owner.request.post('/api/v1/rooms', { data: { name: 'Library' } })).json();
  const ada = await owner.newPage();
  const person = await browser.person();
  const grace = await person.newPage();

  const met = 'two people meet';
  await steps.run(met, async () => {
    await ada.goto(`/meet/${room.id}`);
    await join(ada, 'Ada');
    await grace.goto(`/meet/${room.id}#invite=${room.invite}`);
    await join(grace, 'Grace');
    await Promise.all([seesVideoOf(ada, 'Grace'), seesVideoOf(grace, 'Ada')]);
  });

  const asked = 'a poll that is asked is put before everybody';
  await steps.run(asked, async () => {
    await more(grace, 'Polls');
    await expectText(drawerOf(grace, 'Polls'), 'Nothing has been asked yet. Who moderates can.');
    assert.equal(await grace.getByRole('button', { name: 'Ask a poll' }).count(), 0);
    await drawerOf(grace, 'Polls').getByRole('button', { name: 'Close' }).click();

    await ada.keyboard.press('u');
    await ada.getByRole('button', { name: 'Ask a poll' }).click();
    const dialog = ada.getByRole('dialog', { name: 'Ask a poll' });
    await dialog.getByLabel('Question').fill('When shall we meet again?');
    await dialog.getByRole('textbox', { name: 'Answer 1' }).fill('Monday');
    await dialog.getByRole('textbox', { name: 'Answer 2' }).fill('Monday');
    await expectText(dialog, 'Two answers are the same.');
    assert.ok(await dialog.getByRole('button', { name: 'Ask everybody' }).isDisabled());
    await dialog.getByRole('textbox', { name: 'Answer 2' }).fill('Thursday');
    await dialog.getByRole('button', { name: 'One more answer' }).click();
    await dialog.getByRole('textbox', { name: 'Answer 3' }).fill('<b>Never</b>');
    await looksRight(ada, 'tools-ask', 'en', dialog);
    await dialog.getByRole('button', { name: 'Ask everybody' }).click();
    await dialog.waitFor({ state: 'detached' });

    const notice = grace.getByRole('alertdialog', { name: 'Ada asks:' });
    await expectText(notice, 'When shall we meet again?');
    await looksRight(grace, 'tools-asked', 'en');
    await notice.getByRole('button', { name: 'Answer' }).click();
    await notice.waitFor({ state: 'detached' });
  }, { needs: [met] });

  const answered = 'counts are shown to all when the poll has ended, and to who moderates before';
  await steps.run(answered, async () => {
    const [hers, his] = [drawerOf(ada, 'Polls'), drawerOf(grace, 'Polls')];
    await his.getByRole('radio', { name: 'Thursday' }).check();
    await expectText(hers, '1 · 100 %');
    await hers.getByRole('radio', { name: 'Monday' }).check();
    await expectText(his, '2 have answered · counts when it has ended');
    assert.equal(await his.getByText('50 %').count(), 0);
    await hers.getByRole('button', { name: 'End the poll' }).click();
    await expectText(his, 'Ended; 2 answered');
    await his.getByText('1 · 50 %').nth(1).waitFor();
    assert.ok(await his.getByRole('radio', { name: 'Monday' }).isDisabled());
    await looksRight(grace, 'tools-polls', 'en');
    const saved = ada.waitForEvent('download');
    await hers.getByRole('link', { name: 'Save as CSV' }).click();
    const text = await readFile(await (await saved).path(), 'utf8');
    assert.match(text, /"When shall we meet again\?","Thursday","1","2"/);
    await looksRight(ada, 'tools-polls-moderator', 'en');
    await hers.getByRole('button', { name: /^Remove the poll/ }).click();
    await hers.getByRole('button', { name: 'Remove with all answers' }).click();
    await expectText(his, 'Nothing has been asked yet.');
  }, { needs: [asked] });

  await steps.run('everybody sees the timer and its end', async () => {
    await more(ada, 'Timer');
    const dialog = ada.getByRole('dialog', { name: 'Timer' });
    await dialog.getByRole('textbox', { name: 'Minutes' }).fill('0.01');
    await expectText(dialog, '5 seconds to 24 hours');
    await looksRight(ada, 'tools-timer', 'en', dialog);
    await dialog.getByRole('textbox', { name: 'Minutes' }).fill('0.1');
    await dialog.getByLabel('What for (optional)').fill('Break');
    await dialog.getByRole('button', { name: 'Start', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    for (const page of [ada, grace]) {
      await page.getByRole('timer', { name: 'Break' }).getByText(/^0:0[1-6]$/).waitFor();
    }
    await grace.locator('.timer-sign.over').waitFor();
    await expectText(grace.getByRole('timer'), '−0:01');
    await looksRight(grace, 'tools-timer-over', 'en');
    await more(ada, 'Timer');
    await ada.getByRole('button', { name: 'Take it away' }).click();
    await grace.getByRole('timer').waitFor({ state: 'detached' });
    // A guest has no such button.
    await grace.getByRole('button', { name: 'More', exact: true }).click();
    assert.equal(await grace.getByRole('button', { name: 'Timer', exact: true }).count(), 0);
    await grace.keyboard.press('Escape');
  }, { needs: [met] });

  const handed = 'a file in the chat goes to all';
  await steps.run(handed, async () => {
    for (const page of [ada, grace]) await page.getByRole('button', { name: /^Chat/ }).click();
    const [hers, his] = [drawerOf(ada, 'Chat'), drawerOf(grace, 'Chat')];
    const file = (name, mimeType, buffer) => ({ name, mimeType, buffer });
    const attach = his.locator('input[type=file]');
    await attach.setInputFiles(file('run.exe', 'application/octet-stream', Buffer.from('MZ')));
    await expectText(his, 'run.exe is of a type that is not handed out here.');
    await attach.setInputFiles([
      file('Plan of the year.pdf', 'application/pdf', Buffer.from('%PDF-1.7 the plan')),
      file('dot.png', 'image/png', PICTURE),
    ]);
    const card = hers.locator('.messages').getByRole('link', { name: 'Save Plan of the year.pdf, 17 B' });
    await card.waitFor();
    const saved = ada.waitForEvent('download');
    await card.click();
    const download = await saved;
    assert.equal(download.suggestedFilename(), 'Plan of the year.pdf');
    assert.equal(await readFile(await download.path(), 'utf8'), '%PDF-1.7 the plan');
    const picture = hers.locator('.messages').getByRole('link', { name: /^Save dot.png/ }).locator('img');
    await until('the picture', () => picture.evaluate((img) => img.naturalWidth > 0));
    await hers.getByText('2 files of this meeting').click();
    await looksRight(ada, 'tools-files', 'en');
    assert.equal(await his.getByRole('button', { name: /^Take/ }).count(), 0);
    await attach.setInputFiles(file('rude.png', 'image/png', PICTURE));
    await hers.getByRole('button', { name: 'Take rude.png by Grace away from all' }).click();
    for (const drawer of [hers, his]) await expectText(drawer, 'rude.png was taken away.');
  }, { needs: [met] });

  await steps.run('who comes later finds the files, and the meeting speaks German', async () => {
    const late = await browser.person();
    const page = await late.newPage();
    await page.goto(`/meet/${room.id}#invite=${room.invite}`);
    await page.evaluate(() => localStorage.setItem('roombox.language', 'de'));
    await page.reload();
    await page.locator('form input[autocomplete=name]').fill('Emil');
    await page.getByRole('button', { name: 'Beitreten' }).click();
    await page.getByRole('button', { name: /^Chat/ }).click();
    const drawer = drawerOf(page, 'Chat');
    await drawer.getByText('2 Dateien dieser Besprechung').click();
    await drawer.getByRole('link', { name: /^Plan of the year.pdf, 17 B speichern/ }).waitFor();
    await looksRight(page, 'tools-late', 'de');
    await page.getByRole('button', { name: 'Mehr', exact: true }).click();
    await page.getByRole('button', { name: 'Umfragen', exact: true }).click();
    await expectText(drawerOf(page, 'Umfragen'), 'Noch wurde nichts gefragt.');
    await late.close();
  }, { needs: [handed] });

  await steps.run('the owner says how large files may be, and of which types', async () => {
    const panel = await owner.newPage();
    await panel.goto('/panel/settings');
    const types = { en: 'Types of files', de: 'Arten von Dateien' };
    const card = panel.locator('form').filter({ has: panel.getByLabel(/Types of files|Arten von Dateien/) });
    await looksRightInAll(panel, 'tools-settings', (page, language) => expectText(page, types[language]), card);
    await card.getByLabel('A file in the chat may have at most').fill('0');
    await card.getByRole('button', { name: 'Save' }).click();
    await until('the box knows', async () =>
      (await (await owner.request.get('/api/v1/settings')).json()).meeting.file_mb === 0);
    await grace.reload();
    await join(grace, 'Grace');
    await grace.getByRole('button', { name: /^Chat/ }).click();
    await grace.getByRole('textbox', { name: 'Write a message' }).waitFor();
    await until('the files', async () => (await grace.getByText('2 files of this meeting').count()) === 1);
    assert.equal(await grace.getByRole('button', { name: 'Attach a file' }).count(), 0);
    await panel.close();
  }, { needs: [handed] });

  await steps.run('the box of the tools has never panicked', async () => {
    await browser.close();
    assert.equal(await box.stop(), 0);
    assert.ok(!(await box.log()).includes('panicked'));
  });
  await browser.close();
  await box.remove();
  steps.browser = before;
}
