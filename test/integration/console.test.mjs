// SPDX-License-Identifier: Apache-2.0
// The page in a real browser: log in, watch a device, save a shared attribute, watch integrations.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { configuration, demoUser, serve, tempDir, until } from './gateway.mjs';
import { PATIENCE_MS } from './lib.mjs';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p));
const SHOTS = process.env.PENSTOCK_SCREENSHOTS;
const NASTY = '<img src=x onerror="document.title=1">';

let gateway, browser, thermostat;

before(async () => {
  const dir = tempDir();
  gateway = await serve(null, configuration({ data: path.join(dir, 'data'), client: { endpoint: 'http://127.0.0.1:9' } }), { dir });
  for (let i = 1; i <= 24; i++) await gateway.api.post('/api/device', { name: `meter_${String(i).padStart(2, '0')}`, type: 'meter' });
  await gateway.api.post('/api/device', { name: NASTY, type: '<b>bold</b>' });
  thermostat = await gateway.api.post('/api/device', { name: 'kitchen_thermostat', type: 'thermostat' });
  await save({ temperature: 22, humidity: 48.5, mode: 'eco', heating: true, schedule: { on: '06:30' }, valve: 3, window: 'shut' });
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const save = (values) => gateway.api.post(`/api/plugins/telemetry/DEVICE/${thermostat.id.id}/timeseries/ANY`, values);

// A page of its own that fails the test when anything goes wrong in it.
async function open(t, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // The browser itself reports every 4xx, among them those that a test asks for.
    if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d/.test(message.text())) wrong.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  });
  await page.goto(gateway.api.base);
  return page;
}

async function logIn(page, { email, password } = demoUser) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function shoot(page, name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
}

const row = (page, name) => page.getByRole('row', { name });

test('a wrong password is told, the right one opens the list, a reload keeps it', async (t) => {
  const page = await open(t);
  await page.getByRole('heading', { name: 'Sign in to Penstock' }).waitFor();
  await shoot(page, 'login');
  await logIn(page, { ...demoUser, password: 'wrong' });
  await page.getByText('Invalid username or password').waitFor();
  await logIn(page);
  await page.getByRole('heading', { name: /^Devices/ }).waitFor();
  await page.getByText(demoUser.email).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: /^Devices/ }).waitFor();
  const stored = await page.evaluate(() => [Object.keys(localStorage), JSON.stringify(sessionStorage)]);
  assert.deepEqual(stored[0], []);
  assert.ok(!stored[1].includes(demoUser.password + '"'));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Penstock' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test('devices show their latest telemetry, and it follows by itself', async (t) => {
  const page = await open(t);
  await logIn(page);
  const thermo = row(page, 'kitchen_thermostat');
  await thermo.getByText('temperature').waitFor();
  await thermo.getByTitle('temperature = 22').waitFor();
  await thermo.getByText('+1 more').waitFor();
  assert.match(await page.getByRole('heading', { name: /^Devices/ }).textContent(), /26/);
  await shoot(page, 'devices');
  await save({ temperature: 23.5, humidity: 47.123456789 });
  await thermo.getByTitle('temperature = 23.5').waitFor();
  await thermo.getByTitle('humidity = 47.123456789').getByText('47.123', { exact: true }).waitFor();
  // What a device is called is text, whatever it looks like.
  await row(page, NASTY).getByText('<b>bold</b>').waitFor();
  assert.equal(await page.title(), 'Penstock');
});

test('the list is paged and searched', async (t) => {
  const page = await open(t);
  await logIn(page);
  await page.getByText('Page 1 of 2').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Page 2 of 2').waitFor();
  await row(page, 'meter_01').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled());
  await page.getByRole('searchbox', { name: 'Search by name' }).fill('METER_0');
  await row(page, 'meter_09').waitFor();
  await until('only what was asked for', async () => (await page.locator('#device-rows tr').count()) === 9);
  await page.getByRole('searchbox').fill('nobody');
  await page.getByText('No device\'s name holds “nobody”.').waitFor();
});

test('a shared attribute of every type is saved from a device\'s panel', async (t) => {
  const page = await open(t);
  await logIn(page);
  await row(page, 'kitchen_thermostat').getByRole('button').focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: 'kitchen_thermostat' });
  await panel.getByRole('cell', { name: 'humidity' }).waitFor();
  const cases = [
    ['version', 'String', 'v.0.11', 'v.0.11'], ['limit', 'Number', '5.50', 5.5], ['on', 'Boolean', 'true', true],
    ['plan', 'JSON', '{"a": [1, 2]}', { a: [1, 2] }],
  ];
  for (const [key, type, text, value] of cases) {
    await panel.getByLabel('Key').fill(key);
    await panel.getByLabel('Type').selectOption(type);
    const field = panel.getByLabel('Value', { exact: true });
    if (type === 'Boolean') await field.selectOption(text);
    else await field.fill(text);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText(`Saved “${key}”.`).waitFor();
    await panel.getByRole('row', { name: `${key} ${typeof value === 'object' ? JSON.stringify(value) : value} shared` }).waitFor();
    const [attribute] = await gateway.api.get(`/api/plugins/telemetry/DEVICE/${thermostat.id.id}/values/attributes/SHARED_SCOPE?keys=${key}`);
    assert.deepEqual(attribute.value, value);
  }
  await shoot(page, 'panel');
  // What is wrong is told, and nothing is saved.
  for (const [key, type, text, message] of [
    ['', 'String', 'x', 'A key is needed.'], ['limit', 'Number', 'many', 'The value is not a number.'],
    ['limit', 'Number', '9007199254740993', /too large to be kept exactly/], ['limit', 'Number', '1e999', /too large/], ['plan', 'JSON', '{', /The value is not JSON/],
  ]) {
    await panel.getByLabel('Key').fill(key);
    await panel.getByLabel('Type').selectOption(type);
    await panel.getByLabel('Value', { exact: true }).fill(text);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText(message).waitFor();
  }
  const saved = await gateway.api.get(`/api/plugins/telemetry/DEVICE/${thermostat.id.id}/values/attributes/SHARED_SCOPE`);
  assert.equal(saved.length, cases.length);
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  await row(page, 'kitchen_thermostat').getByRole('button').click();
  assert.equal(await panel.getByLabel('Key').inputValue(), '');
  assert.equal(await panel.getByLabel('Value', { exact: true }).inputValue(), '');
});

test('integrations show what is wrong with them', async (t) => {
  const page = await open(t);
  await logIn(page);
  await page.getByRole('link', { name: 'Integrations' }).click();
  const card = page.getByRole('article').filter({ hasText: 'kinesis_integration' });
  await card.getByText('FAILED', { exact: true }).waitFor();
  await card.getByText(/127\.0\.0\.1/).waitFor();
  await card.getByText('Records that failed').click();
  await card.getByText('None.').waitFor();
  await shoot(page, 'integrations');
  await page.goBack();
  await page.getByRole('heading', { name: /^Devices/ }).waitFor();
});

test('the keyboard skips to the content, going back closes a panel, an unknown place is the list', async (t) => {
  const page = await open(t);
  await logIn(page);
  await page.getByRole('link', { name: 'Integrations' }).click();
  await page.getByRole('heading', { name: /^Integrations/ }).waitFor();
  await page.getByRole('link', { name: 'Skip to content' }).focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.getByRole('heading', { name: /^Integrations/ }).waitFor();
  await page.getByRole('link', { name: 'Devices' }).click();
  await row(page, 'kitchen_thermostat').getByRole('button').click();
  await page.getByRole('dialog').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: /^Integrations/ }).waitFor();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.evaluate(() => { location.hash = 'toString'; });
  await page.getByRole('heading', { name: /^Devices/ }).waitFor();
});

test('what goes wrong is told where the panel is open', async (t) => {
  const page = await open(t);
  const gone = await gateway.api.post('/api/device', { name: 'gone', type: 't'.repeat(200) });
  await logIn(page);
  await row(page, 'gone').getByText(/^t+$/).waitFor();
  assert.ok((await page.evaluate(() => document.querySelector('.table').scrollWidth - document.querySelector('.table').clientWidth)) <= 0);
  await row(page, 'gone').getByRole('button').click();
  await page.getByRole('dialog').getByText('No telemetry yet.').waitFor();
  await gateway.api.call('DELETE', `/api/device/${gone.id.id}`);
  await page.getByRole('dialog').getByText(/wasn't found/).waitFor();
});

test('it fits a phone, in the dark', async (t) => {
  const page = await open(t, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
  await logIn(page);
  await row(page, 'kitchen_thermostat').getByTitle(/^temperature/).waitFor();
  await shoot(page, 'phone');
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await wide()) <= 0);
  await page.getByRole('button', { name: 'kitchen_thermostat' }).click();
  await page.getByRole('dialog').getByRole('cell', { name: 'humidity' }).waitFor();
  await shoot(page, 'phone-panel');
  assert.ok((await wide()) <= 0);
});

test('a token that the server no longer takes leads back to the log-in', async (t) => {
  const page = await open(t);
  await logIn(page);
  await page.getByRole('heading', { name: /^Devices/ }).waitFor();
  await page.evaluate(async () => {
    const { token } = JSON.parse(sessionStorage.getItem('penstock.session'));
    await fetch('/api/auth/logout', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  });
  await page.getByRole('heading', { name: 'Sign in to Penstock' }).waitFor();
  await page.getByText('The session has ended. Sign in again.').waitFor();
});
