// Places for copies in the panel: one is added and tried, gets a recording, is changed and removed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SIGNED_IN } from './first_visit.mjs';
import { looksRightInAll } from './looks.mjs';
import { inPanel, READY } from './recording.mjs';

const WORDS = {
  en: { add: 'Add a place', receipt: /^Receipt: / },
  de: { add: 'Ort hinzufügen', receipt: /^Beleg: / },
};
const NAME = 'Disk in the cellar';

export async function targets(steps, world) {
  const { panel } = world;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-copies-'));
  const dialog = panel.getByRole('dialog');
  const row = panel.getByRole('listitem').filter({ hasText: NAME });
  const says = (text) => row.getByText(text).first().waitFor();
  const none = panel.getByText(/There is no other place yet/);

  /** What the menu of the place offers under this name. */
  async function choose(item) {
    await panel.getByRole('button', { name: `More about ${NAME}` }).click();
    await panel.getByRole('menuitem', { name: item, exact: true }).click();
  }

  const added = 'a place for copies is added in the panel, and tried at once';
  await steps.run(added, async () => {
    await panel.goto('/panel/settings');
    await none.waitFor();
    await looksRightInAll(panel, 'target-kinds', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].add }).click();
      await dialog.getByRole('button', { name: /^SFTP/ }).waitFor();
    });
    await looksRightInAll(panel, 'target-new', async (page, language) => {
      await page.getByRole('button', { name: WORDS[language].add }).click();
      await dialog.getByRole('button', { name: /^SFTP/ }).click();
      await dialog.locator('input[type=password]').waitFor();
    });
    await panel.getByRole('button', { name: WORDS.en.add }).click();
    await dialog.getByRole('button', { name: /^Disk or folder/ }).click();
    const save = dialog.getByRole('button', { name: 'Save and test' });
    assert.ok(await save.isDisabled(), 'nothing was typed');
    await dialog.getByLabel('Name').fill(NAME);
    await dialog.getByLabel('Folder').fill('copies');
    await save.click();
    await dialog.getByText(/This place for copies cannot be kept/).waitFor();
    await dialog.getByLabel('Folder').fill(folder);
    await save.click();
    // A folder that is no disk: it is kept, and its test says so.
    await dialog.getByText(/^The test failed: /).waitFor();
    await dialog.getByRole('switch', { name: 'It must be a mounted disk' }).click();
    await save.click();
    await dialog.getByText(/^Works \(/).waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.waitFor({ state: 'detached' });
    await says(folder);
    await says('Nothing to copy yet');
    await row.getByRole('button', { name: `Test ${NAME}` }).click();
    await says(/^Works \(/);
  }, { needs: [SIGNED_IN], expects: [/^422 \/api\/v1\/targets$/] });

  await steps.run('an older recording is copied there on demand, with a receipt that is true', async () => {
    const section = panel.getByRole('region', { name: /^(Copies|Kopien)$/ });
    await panel.goto(`/panel/recordings/${world.recording}`);
    await section.getByText('There are no copies of this recording.').waitFor();
    await section.getByRole('button', { name: 'Copy to' }).click();
    await panel.getByRole('menuitem', { name: NAME }).click();
    await section.getByText('There and verified').waitFor();
    await section.getByText(WORDS.en.receipt).click();
    const { items } = await inPanel(world, `/recordings/${world.recording}/copies`);
    for (const { name, state, sha256 } of items) {
      assert.equal(state, 'delivered', name);
      const bytes = await readFile(path.join(folder, name));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, name);
      await section.getByText(sha256).first().waitFor();
    }
    assert.ok(items.some(({ sha256 }) => sha256 === world.film.sha256), 'the film is not among them');
    await looksRightInAll(panel, 'copies', async (_, language) => {
      await section.getByText(WORDS[language].receipt).click();
      await section.getByText(world.film.sha256).waitFor();
    });
    world.copied = path.join(folder, items[0].name);
  }, { needs: [added, READY] });

  const changed = 'a place for copies is changed, and switched off and on';
  await steps.run(changed, async () => {
    await panel.goto('/panel/settings');
    await choose('Change');
    await dialog.getByLabel('At most').fill('20');
    // Only a change of where it is asks for a test.
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await says(/at most 20 Mbit\/s/);
    await choose('Switch off');
    await says('Switched off');
    await choose('Switch on');
    await row.getByText('Switched off').waitFor({ state: 'detached' });
    await looksRightInAll(panel, 'target', () => says(folder), row);
  }, { needs: [added] });

  await steps.run('a place for copies is removed only after a question, and keeps what it has', async () => {
    await choose('Remove');
    await dialog.getByText(/What is there stays there/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await choose('Remove');
    await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    await none.waitFor();
    if (world.copied) await access(world.copied);
  }, { needs: [changed] });

  await rm(folder, { recursive: true, force: true });
}
