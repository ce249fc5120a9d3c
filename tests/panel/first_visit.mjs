// The first visit to a new box, and the sessions after it.

import assert from 'node:assert/strict';
import { expectText } from './waiting.mjs';

export const CLAIMED = 'the code from the link claims the box';
export const SIGNED_IN = 'the right password signs in again';

export async function firstVisit(steps, world) {
  const { box, browser, password } = world;
  /** Asking who is logged in is how a page finds out that nobody is. */
  const nobody = /^401 \/api\/v1\/session$/;

  await steps.run('a wrong claim code is refused and says how many tries are left', async () => {
    const visitor = await browser.person();
    const page = await visitor.newPage();
    const wrong = box.code.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    await page.goto(`/panel/claim#${wrong}`);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill('Mallory');
    await page.getByRole('textbox', { name: "Owner's password" }).fill('only guessing along');
    await page.getByRole('button', { name: 'Finish' }).click();
    await expectText(page, 'This code is wrong.');
    await expectText(page, '4 tries left.');
    await visitor.close();
  }, { expects: [nobody, /^403 \/api\/v1\/claim$/] });

  await steps.run('a weak password is refused, by the page and by the box', async () => {
    world.owner = await browser.person();
    const page = (world.panel = await world.owner.newPage());
    await page.goto(box.claimLink);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill('Ada');
    const field = page.getByRole('textbox', { name: "Owner's password" });
    await field.fill('short');
    await expectText(page, 'Too short');
    assert.ok(await page.getByRole('button', { name: 'Finish' }).isDisabled());
    // Ten units for the page's counting, five characters for the box's: the box has the last word.
    await field.fill('😀😁😂😃😄');
    await page.getByRole('button', { name: 'Finish' }).click();
    await expectText(page, 'This password is too easy.');
  }, { expects: [nobody, /^422 \/api\/v1\/claim$/] });

  await steps.run(CLAIMED, async () => {
    const page = world.panel;
    await page.getByRole('textbox', { name: "Owner's password" }).fill(password);
    await page.getByRole('button', { name: 'Finish' }).click();
    await expectText(page, 'This box is yours, Ada.');
    assert.ok(!page.url().includes(box.code), 'the used code stays in the address');
    await page.getByRole('button', { name: 'Open the panel' }).click();
    await expectText(page, 'No rooms yet');
    const [cookie] = await world.owner.cookies();
    assert.equal(cookie.sameSite, 'Strict');
    assert.ok(cookie.httpOnly, 'scripts can read the session');
    const again = await box.ask('POST', '/claim', {
      body: { code: box.code, name: 'Mallory', password },
    });
    assert.equal(again.status, 409);
  }, { needs: ['a weak password is refused, by the page and by the box'] });

  await steps.run('signing out ends the session on the box too', async () => {
    const page = world.panel;
    const [cookie] = await world.owner.cookies();
    await page.goto('/panel/account');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    const session = { headers: { cookie: `${cookie.name}=${cookie.value}` } };
    assert.equal((await box.ask('GET', '/session', session)).status, 401);
  }, { needs: [CLAIMED], expects: [/^401 /] });

  await steps.run('a wrong password is refused', async () => {
    const page = world.panel;
    await page.getByRole('textbox', { name: "Owner's password" }).fill('incorrect horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expectText(page, 'This password is wrong.');
  }, { needs: [CLAIMED], expects: [nobody] });

  await steps.run(SIGNED_IN, async () => {
    const page = world.panel;
    await page.getByRole('textbox', { name: "Owner's password" }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Your account', level: 1 }).waitFor();
  }, { needs: [CLAIMED] });
}
