// SPDX-License-Identifier: Apache-2.0
// Dead letters by REST: shown, tried again by the converter of now, discarded, bounded, counted.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  configuration, connectDownlink, kinesisClient, putRecords, serve, startKinesis, tempDir, until,
} from './gateway.mjs';

const broken = 'throw new Error("not yet");';
const fixed = `
  var data = decodeToJson(payload);
  if (data.bad) throw new Error('still bad');
  return { deviceName: data.name, deviceType: 't', telemetry: { t: data.t }, attributes: { a: data.t } };
`;

async function start(t, { script = broken, ...rest } = {}) {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', 'tb-test-downlink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const file = path.join(dir, 'uplink.js');
  writeFileSync(file, script);
  const config = configuration({ data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint }, ...rest });
  config.converters[0].file = file;
  const gateway = await serve(t, config, { dir });
  const { api } = gateway;
  const { id } = await api.integration('kinesis_integration');
  const base = `/api/integration/${id.id}/deadLetters`;
  const page = () => api.get(`${base}?pageSize=1000&page=0`);
  return {
    config, gateway, api, base, page, dir, endpoint: kinesis.endpoint, id: id.id,
    put: (records) => putRecords(client, 'tb-test-uplink', records.length, (i) => ({
      key: 'k', data: typeof records[i] === 'string' ? records[i] : JSON.stringify(records[i]),
    })),
    dead: (count) => until(`${count} dead letters`, async () => {
      const letters = await page();
      return letters.totalElements === count && letters;
    }),
    async convert(text) {
      const converter = (await api.get('/api/converters?pageSize=10&page=0')).data.find((c) => c.name === 'kinesis_converter');
      converter.configuration.decoder = text;
      await api.post('/api/converter', converter);
    },
    async metric(name) {
      const { text } = await api.call('GET', '/metrics');
      return Number(text.match(new RegExp(`^penstock_${name} (\\d+)$`, 'm'))[1]);
    },
    async replayed() {
      return until('the end of the replay', async () => {
        const progress = await api.get(`${base}/replay`);
        return !progress.running && progress;
      });
    },
  };
}

const isError = (reply, status, code, message = /./) => {
  assert.equal(reply.status, status, reply.text);
  assert.equal(reply.json.errorCode, code);
  assert.match(reply.json.message, message);
};

test('one is inspected, tried in vain, tried with success, discarded', async (t) => {
  const s = await start(t);
  const big = 'ü'.repeat(3000);
  await s.put([{ name: 'one', t: 1 }, { name: 'bad', bad: true }, big]);
  const [last, bad, one] = (await s.dead(3)).data;
  assert.deepEqual([last.size, last.truncated, last.text], [6000, true, 'ü'.repeat(512)]);
  assert.equal(Buffer.from(last.payload, 'base64').length, 1024);
  const whole = await s.api.get(`${s.base}/${last.id}`);
  assert.deepEqual(whole, { ...last, truncated: false, text: big, payload: Buffer.from(big).toString('base64') });
  assert.deepEqual([one.tries, one.lastTryTime, one.truncated], [0, 0, false]);

  // The converter is as broken as before.
  let reply = await s.api.post(`${s.base}/${one.id}/replay`, undefined);
  assert.equal(reply.replayed, false);
  assert.match(reply.error, /not yet/);
  const tried = await s.api.get(`${s.base}/${one.id}`);
  assert.equal(tried.tries, 1);
  assert.ok(Math.abs(tried.lastTryTime - Date.now()) < 60000);

  await s.convert(fixed);
  reply = await s.api.post(`${s.base}/${one.id}/replay`, undefined);
  assert.deepEqual(reply, { replayed: true, error: null });
  isError(await s.api.call('GET', `${s.base}/${one.id}`), 404, 32);
  isError(await s.api.call('POST', `${s.base}/${one.id}/replay`), 404, 32);
  const values = await s.api.latest(await s.api.device('one'));
  assert.deepEqual([values.t[0].ts, String(values.t[0].value)], [one.ts, '1']); // as if it had come then
  reply = await s.api.post(`${s.base}/${bad.id}/replay`, undefined);
  assert.match(reply.error, /still bad/);
  assert.match((await s.api.get(`${s.base}/${bad.id}`)).error, /still bad/);

  assert.equal((await s.api.call('DELETE', `${s.base}/${bad.id}`)).status, 200);
  isError(await s.api.call('DELETE', `${s.base}/${bad.id}`), 404, 32);
  for (const call of [['GET', 'x'], ['DELETE', '-1'], ['POST', '0/replay']]) {
    isError(await s.api.call(call[0], `${s.base}/${call[1]}`), 400, 31, /number/);
  }
  assert.deepEqual((await s.page()).data, [last]);
  assert.deepEqual(
    [await s.metric('store_dead_letters'), await s.metric('dead_letters_added_total'),
      await s.metric('dead_letters_replayed_total'), await s.metric('dead_letters_discarded_total'),
      await s.metric('dead_letters_dropped_total')],
    [1, 3, 1, 1, 0]);
});

test('all are tried, oldest first; those that fail again stay; the rest is discarded', async (t) => {
  const s = await start(t);
  const count = 1200; // more than two pages
  await s.put(Array.from({ length: count }, (_, i) => ({ name: 'd', t: i, bad: i % 100 === 7 })));
  await s.dead(count);
  await s.convert(fixed);
  const begun = await s.api.post(`${s.base}/replay`, undefined);
  assert.deepEqual([begun.running, begun.replayed, begun.failed], [true, 0, 0]);
  const end = await s.replayed();
  assert.deepEqual(end, { running: false, total: count, replayed: count - 12, failed: 12, lastError: end.lastError });
  assert.match(end.lastError, /still bad/);
  const rest = await s.dead(12);
  assert.ok(rest.data.every((letter) => letter.tries === 1 && /still bad/.test(letter.error)));
  const device = await s.api.device('d');
  const attributes = await s.api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/attributes/CLIENT_SCOPE?keys=a`);
  assert.equal(String(attributes[0].value), String(count - 1));
  assert.equal((await s.api.call('DELETE', s.base)).status, 200);
  assert.equal((await s.page()).totalElements, 0);
  assert.equal(await s.metric('dead_letters_discarded_total'), 12);
});

test('what came later is not overwritten', async (t) => {
  const s = await start(t);
  await s.put([{ name: 'd', t: 1 }]);
  const [letter] = (await s.dead(1)).data;
  await s.convert(fixed);
  await s.put([{ name: 'd', t: 2 }]);
  const device = await until('the device', () => s.api.device('d'));
  await s.api.post(`${s.base}/${letter.id}/replay`, undefined);
  assert.equal((await s.page()).totalElements, 0);
  const [a] = await s.api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/attributes/CLIENT_SCOPE?keys=a`);
  assert.equal(String(a.value), '2');
  const series = await s.api.get(
    `/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=t&startTs=0&endTs=${Date.now() + 1000}&limit=10&orderBy=ASC`);
  assert.deepEqual(series.t.map((p) => String(p.value)), ['1', '2']);
});

test('one replay at a time; it is cancelled, and ends with its integration', async (t) => {
  const slow = 'var end = Date.now() + 4; while (Date.now() < end) {} throw new Error("slow");';
  const s = await start(t);
  await s.put(Array.from({ length: 1200 }, (_, i) => ({ name: 'd', t: i })));
  const [letter] = (await s.dead(1200)).data;
  await s.convert(slow);
  await s.api.post(`${s.base}/replay`, undefined);
  isError(await s.api.call('POST', `${s.base}/replay`), 409, 35, /tried again/);
  isError(await s.api.call('POST', `${s.base}/${letter.id}/replay`), 409, 35);
  isError(await s.api.call('DELETE', `${s.base}/${letter.id}`), 409, 35);
  isError(await s.api.call('DELETE', s.base), 409, 35);
  await s.api.call('DELETE', `${s.base}/replay`);
  // The page under way takes 500 runs of 4 ms; the last one is never begun.
  const cancelled = await until('its end', async () => {
    const p = await s.api.get(`${s.base}/replay`);
    return !p.running && p;
  });
  assert.ok(cancelled.failed <= 1000, `${cancelled.failed} tried`);
  assert.equal((await s.page()).totalElements, 1200);

  await s.convert(fixed);
  const integration = await s.api.get(`/api/integration/${s.id}`);
  await s.api.post('/api/integration', { ...integration, enabled: false });
  await until('disabled', async () => (await s.api.status('kinesis_integration')).state === 'DISABLED');
  isError(await s.api.call('POST', `${s.base}/replay`), 409, 35, /enable/);
  assert.equal((await s.page()).totalElements, 1200); // kept
  assert.equal((await s.api.call('DELETE', `${s.base}/${letter.id}`)).status, 200);
});

// A page of letters, what they do and their removal are one transaction.
test('a kill in the middle of a replay loses and doubles nothing', async (t) => {
  const s = await start(t, { storage: { commitIntervalMs: 100 } });
  const count = 3000;
  await s.put(Array.from({ length: count }, (_, i) => ({ name: 'd', t: i })));
  await until('all dead', async () => (await s.page()).totalElements === count);
  await s.convert(`
    var data = decodeToJson(payload);
    if (data.t >= 1000) for (var end = Date.now() + 100; Date.now() < end;) {} // so that no machine is too slow to kill it
    return { deviceName: data.name, deviceType: 't', telemetry: { ts: 1700000000000 + data.t, values: { t: data.t } } };
  `);
  await s.api.post(`${s.base}/replay`, undefined);
  await until('a first page', async () => (await s.api.get(`${s.base}/replay`)).replayed > 0);
  await s.gateway.stop('SIGKILL');
  const { api } = await serve(t, s.config, { dir: s.dir });
  const letters = await api.get(`${s.base}?pageSize=1000&page=0`);
  const device = await api.device('d');
  const { t: points } = await api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=t` +
    '&startTs=0&endTs=1800000000000&limit=100000&orderBy=ASC');
  assert.ok(points.length > 0 && letters.totalElements > 0, `${points.length} stored, ${letters.totalElements} left`);
  assert.equal(points.length + letters.totalElements, count);
  // The oldest went first.
  assert.deepEqual(points.map((p) => Number(p.value)), Array.from(points, (_, i) => i));
});

test('their number is bounded', async (t) => {
  const s = await start(t, { limits: { deadLetters: 5 } });
  await s.put(Array.from({ length: 8 }, (_, i) => ({ name: 'd', t: i })));
  await until('eight failures', async () => (await s.metric('dead_letters_added_total')) === 8);
  const letters = await s.dead(5);
  assert.deepEqual(letters.data.map((l) => JSON.parse(l.text).t), [7, 6, 5, 4, 3]);
  assert.equal(await s.metric('dead_letters_dropped_total'), 3);
});

test('a removed integration takes all with it', async (t) => {
  const s = await start(t, { script: fixed });
  await connectDownlink(s.api, 'kinesis_integration');
  await s.put([{ name: 'd', t: 1 }, { name: 'e', bad: true }]);
  await s.dead(1);
  const faults = await fetch(`${s.endpoint}/_penstock/faults`, {
    method: 'POST', body: JSON.stringify([{ op: 'PutRecords', fault: 'throttle' }]),
  });
  assert.equal(faults.status, 200);
  const device = await s.api.device('d');
  await s.api.post(`/api/plugins/telemetry/DEVICE/${device.id.id}/SHARED_SCOPE`, { version: 'v1' });
  await until('a downlink that waits', async () => (await s.metric('store_outbox_rows')) === 1);
  assert.equal((await s.api.call('DELETE', `/api/integration/${s.id}`)).status, 200);
  assert.equal(await s.metric('store_dead_letters'), 0);
  assert.equal(await s.metric('store_outbox_rows'), 0);
  assert.equal((await s.api.call('GET', s.base)).status, 404);
  await s.gateway.stop();
  for (const table of ['checkpoint', 'outbox', 'dead_letter']) {
    const rows = execFileSync('sqlite3', [path.join(s.dir, 'data/penstock.db'), `SELECT count(*) FROM ${table}`]);
    assert.equal(String(rows).trim(), '0', table);
  }
});
