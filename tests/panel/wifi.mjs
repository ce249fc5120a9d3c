// Wi-Fi as its owner sees it: a box whose NetworkManager has a radio (tests/e2e/fake_radio.py).
//
// It belongs to the group `network`.

import assert from 'node:assert/strict';
import { Browser } from './browser.mjs';
import { looksRightInAll } from './looks.mjs';

const PAGE = '/panel/settings/network';
const WORDS = {
  en: { choose: 'Choose a network for wlan0', passphrase: 'Passphrase', go: 'Try to join',
    wrong: '8 to 63 letters, digits and signs' },
  de: { choose: 'Netz wählen: wlan0', passphrase: 'Kennwort', go: 'Beitritt versuchen',
    wrong: '8 bis 63 Buchstaben' },
};

/** `home`: the box with its radio. */
export async function wifi(steps, home) {
  const browser = await Browser.start({ http: home.http });
  const before = steps.browser;
  steps.browser = browser;
  const owner = await browser.person();
  const page = await owner.newPage();
  const card = page.getByRole('region', { name: 'wlan0', exact: true });
  const dialog = page.getByRole('dialog');

  /** The list of networks, which a change of the language closes. */
  const open = async (language = 'en') => {
    if (!(await dialog.isVisible())) {
      await page.getByRole('button', { name: WORDS[language].choose }).click();
    }
  };

  const listed = 'the networks that a radio hears look right everywhere';
  await steps.run(listed, async () => {
    await page.goto(PAGE);
    await page.getByLabel("Owner's password").fill(home.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await card.getByText('In no network').waitFor();
    await looksRightInAll(page, 'wifi-list', async (page, language) => {
      await open(language);
      await dialog.getByText('eduroam').waitFor();
    }, dialog);
    await open();
    await dialog.getByRole('button', { name: 'Search again' }).click();
    await dialog.getByText('Late').waitFor();
    assert.ok(await dialog.getByRole('button', { name: /eduroam/ }).isDisabled());
  }, { expects: [/^401 \/api\/v1\/session$/] });

  const refused = 'a passphrase that no network takes is said at its field';
  await steps.run(refused, async () => {
    await looksRightInAll(page, 'wifi-join', async (page, language) => {
      const words = WORDS[language];
      await open(language);
      await dialog.getByRole('button', { name: /Office/ }).click();
      await dialog.getByLabel(words.passphrase, { exact: true }).fill('short');
      await dialog.getByRole('button', { name: words.go }).click();
      await dialog.getByText(words.wrong).waitFor();
    }, dialog);
  }, { needs: [listed], expects: [/^422 /] });

  const joined = 'a network is joined, kept, and forgotten again';
  await steps.run(joined, async () => {
    await open();
    await dialog.getByRole('button', { name: /Office/ }).click();
    await dialog.getByLabel('Passphrase', { exact: true }).fill(home.passphrase);
    await dialog.getByRole('button', { name: 'Try to join' }).click();
    const question = page.getByRole('dialog', { name: 'Keep the new settings of wlan0?' });
    await question.getByText('The new settings are in force.').waitFor();
    await question.getByRole('button', { name: 'Keep' }).click();
    await card.getByText('Office · 82 % · 5 GHz').waitFor();
    assert.deepEqual(await home.call('joined'), ['Office']);
    await looksRightInAll(page, 'wifi-card', (page) => page.getByText(/Office · 82/).first().waitFor());
    assert.ok(!(await page.content()).includes(home.passphrase));
    await card.getByRole('button', { name: 'Forget the network of wlan0' }).click();
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await question.getByText('The new settings are in force.').waitFor();
    await question.getByRole('button', { name: 'Keep' }).click();
    await card.getByText('In no network').waitFor();
    assert.deepEqual(await home.call('joined'), []);
  }, { needs: [refused] });
  await browser.close();
  await home.stop();
  steps.browser = before;
}
