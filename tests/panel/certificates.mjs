// Certificates in a browser that checks them: one that was told whom to trust, in its system's store (NSS).
//
//   python3 run.py --only certificates
//
// Without trust there is our help by plain HTTP; with the box's own authority people meet at its name; and
// with a certificate of the owner's organisation, put in by the panel, at another one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Browser } from './browser.mjs';
import { ShippedBox } from './encrypted.mjs';
import { looksRight, looksRightInAll } from './looks.mjs';
import { expectText, seesVideoOf, until } from './waiting.mjs';

const run = promisify(execFile);
const PASSWORD = 'correct horse battery';
const OWN = 'roombox.local';
const OTHER = 'box.test';
const MET = 'with the authority of the box installed, people meet at its name with a camera';
const FLAGS = [`--host-resolver-rules=MAP ${OWN} 127.0.0.1,MAP ${OTHER} 127.0.0.1`];

/** A home folder whose certificate store trusts these. */
export async function homeThatTrusts(folder, authorities) {
  const home = await mkdtemp(path.join(folder, 'home-'));
  const store = path.join(home, '.pki', 'nssdb');
  await mkdir(store, { recursive: true });
  await run('certutil', ['-d', `sql:${store}`, '-N', '--empty-password']);
  for (const [name, file] of Object.entries(authorities)) {
    await run('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', name, '-i', file]);
  }
  return home;
}

/** An authority of an organisation, and what it issues for a name. */
async function organisation(folder) {
  const at = (name) => path.join(folder, name);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', ['req', '-x509', ...ec, '-days', '300', '-subj', '/CN=Town Hall Authority',
    '-keyout', at('town.key'), '-out', at('town.crt')]);
  const issue = async (name, request) => {
    if (!request) {
      await run('openssl', ['req', ...ec, '-subj', `/CN=${name}`, '-keyout', at('box.key'), '-out', at('box.csr')]);
    }
    await writeFile(at('names'), `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth\n`);
    await run('openssl', ['x509', '-req', '-in', request ?? at('box.csr'), '-CA', at('town.crt'), '-CAkey',
      at('town.key'), '-days', '90', '-extfile', at('names'), '-out', at('box.crt')]);
    return { certificate: at('box.crt'), key: at('box.key') };
  };
  return { file: at('town.crt'), issue };
}

async function join(page, name) {
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
}

export async function certificates(steps) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'roombox-trust-'));
  const before = steps.browser;
  const box = new ShippedBox();
  await box.start();
  const [port, plainPort] = [box.http, box.plain].map((url) => new URL(url).port);
  const [own, other] = [OWN, OTHER].map((name) => `https://${name}:${port}`);
  const help = `http://${OWN}:${plainPort}`;
  const authority = path.join(folder, 'ca.crt');
  await writeFile(authority, await (await fetch(`${box.plain}/ca.crt`)).text());
  const town = await organisation(folder);
  const as = async (home, http) => {
    const browser = await Browser.start({ http }, { home, flags: FLAGS });
    steps.browser = browser;
    return browser;
  };
  let invite, session, owner, page;

  let browser = await as(await homeThatTrusts(folder, {}), help);
  await steps.run('who does not trust the box finds help, never a blank', async () => {
    const person = await browser.person();
    await isRefused(person, `${own}/panel/`, /ERR_CERT_AUTHORITY_INVALID/);
    const stranger = await person.newPage();
    await stranger.goto(`${help}/`);
    await expectText(stranger, 'Download the certificate');
    const german = await (await browser.person({ locale: 'de-DE' })).newPage();
    for (const [language, reader] of [['en', stranger], ['de', german]]) {
      for (const place of ['', '/windows', '/macos', '/ios', '/android', '/linux', '/firefox']) {
        await reader.goto(`${help}/trust${place}`);
        await reader.getByRole('heading', { level: 1 }).waitFor();
        await looksRight(reader, `trust${place.replace('/', '-')}`, language);
      }
    }
    await showsTheCode(stranger, `${help}/trust`);
  }, { expects: [/asked elsewhere/, /ERR_CERT_AUTHORITY_INVALID/] });
  await browser.close();

  browser = await as(await homeThatTrusts(folder, { box: authority }), own);
  await steps.run(MET, async () => {
    owner = await browser.person();
    page = await owner.newPage();
    await page.goto(`${own}/panel/claim#${box.code}`);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('textbox', { name: "Owner's password" }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByRole('button', { name: 'Open the panel' }).click();
    // By the page: this program does not know the name.
    const room = await page.evaluate(async () => {
      const asked = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name":"Library"}' };
      return (await fetch('/api/v1/rooms', asked)).json();
    });
    invite = `/meet/${room.id}#invite=${room.invite}`;
    const guests = [];
    for (const name of ['Grace', 'Ada']) {
      const guest = await (await browser.person()).newPage();
      await guest.goto(`${own}${invite}`);
      assert.ok(await guest.evaluate(() => isSecureContext));
      await join(guest, name);
      guests.push(guest);
    }
    await Promise.all([seesVideoOf(guests[1], 'Grace'), seesVideoOf(guests[0], 'Ada')]);
    session = await owner.storageState();
  }, { expects: [/^401 \/api\/v1\/session$/, /asked elsewhere/] });
  await browser.close();

  browser = await as(await homeThatTrusts(folder, { box: authority, town: town.file }), own);
  await steps.run('an owner puts a certificate of their organisation in, and meets at its name', async () => {
    owner = await browser.person({ storageState: session });
    page = await owner.newPage();
    await isRefused(owner, `${other}/`, /ERR_CERT/);
    await page.goto(`${own}/panel/settings/certificates`);
    await expectText(page, 'Devices must be told of this box');
    await looksRightInAll(page, 'certificates-own', (page, language) =>
      page.getByText(language === 'de' ? 'Ein Zertifikat Ihrer Organisation' : 'A certificate of your organisation').waitFor());
    const { certificate, key } = await town.issue(OTHER);
    const chooses = async (label, file) => {
      const [chooser] = await Promise.all([
        page.waitForEvent('filechooser'),
        page.getByRole('button', { name: `${label}: Choose a file` }).click(),
      ]);
      await chooser.setFiles(file);
    };
    await run('openssl', ['x509', '-in', certificate, '-outform', 'der', '-out', path.join(folder, 'box.cer')]);
    await chooses('Certificate', path.join(folder, 'box.cer'));
    await expectText(page, 'This file is not text');
    await chooses('Certificate', certificate);
    await chooses('Key', path.join(folder, 'town.key'));
    await page.getByRole('button', { name: 'Check it' }).click();
    await expectText(page, 'This key belongs to another certificate');
    await chooses('Key', key);
    await page.getByRole('button', { name: 'Check it' }).click();
    await expectText(page, 'This would be shown');
    await looksRight(page, 'certificates-preview', 'en');
    await page.getByRole('button', { name: 'Show this one' }).click();
    await expectText(page, 'From now on this box shows it.');
    await page.getByText('Trusted', { exact: true }).waitFor();
    const guest = await (await browser.person()).newPage();
    const answer = await guest.goto(`${other}${invite}`);
    assert.match(answer.headers()['strict-transport-security'] ?? '', /^max-age=2592000$/);
    assert.ok(await guest.evaluate(() => isSecureContext));
    await join(guest, 'Grace');
    const friend = await (await browser.person()).newPage();
    await friend.goto(`${own}${invite}`);
    await join(friend, 'Ada');
    await Promise.all([seesVideoOf(friend, 'Grace'), seesVideoOf(guest, 'Ada')]);

    // A request, whose answer comes without a key; the meeting goes on.
    await page.getByLabel('Names').last().fill(OTHER);
    await page.getByRole('button', { name: 'Make a request' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the request' }).click(),
    ]);
    const request = path.join(folder, 'asked.csr');
    await download.saveAs(request);
    assert.match(await readFile(request, 'utf8'), /BEGIN CERTIFICATE REQUEST/);
    await looksRightInAll(page, 'certificates-served', (page, language) =>
      page.getByText(language === 'de' ? 'Wartet auf die Antwort' : 'Waits for its answer').waitFor());
    const signed = await town.issue(OTHER, request);
    await chooses('Certificate', signed.certificate);
    await page.getByRole('button', { name: 'Check it' }).click();
    await page.getByRole('button', { name: 'Show this one' }).click();
    await expectText(page, 'From now on this box shows it.');
    await seesVideoOf(friend, 'Grace');

    await page.getByRole('button', { name: "Go back to the box's own" }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: "Go back to the box's own" }).click();
    await expectText(page, 'Devices must be told of this box');
    await seesVideoOf(guest, 'Ada');
  }, { expects: [/ERR_CERT/, /asked elsewhere/, /^422 \/api\/v1\/certificates\/previews$/], needs: [MET] });
  await browser.close();

  steps.browser = before;
  assert.equal(await box.end(), 0);
  await rm(folder, { recursive: true, force: true });
}

/** A browser's own page about it, from which nothing leads on by itself. */
async function isRefused(person, address, why) {
  const page = await person.newPage();
  await assert.rejects(page.goto(address), why);
  await page.close();
}

/** The code leads where this page is, and systems are links. */
async function showsTheCode(page, address) {
  await page.goto(address);
  assert.equal(await page.locator('.systems a').count(), 6);
  await page.getByText('On another device').click();
  await page.locator('svg.qr').waitFor();
  await until('the first of the systems', () => page.locator('.systems li.ours').count());
}
