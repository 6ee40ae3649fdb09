// SPDX-License-Identifier: Apache-2.0
// A stream is read once more while live reading goes on; what is stored is as if it had been read once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ListShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';

import {
  applied, configuration, connectDownlink, kinesisClient, putRecords, readStream, serve, sleep, startKinesis, until,
} from './gateway.mjs';

const converter = (extra = '') => `
  var data = decodeToJson(payload);
  ${extra}
  return { deviceName: data.name, deviceType: 't', telemetry: { ts: 1700000000000 + data.n, values: t }, attributes: { last: data.n } };
`;
const plain = converter('var t = { n: data.n };');

async function start(t, { shards = 1, limits, client: options } = {}) {
  const kinesis = await startKinesis(t, [`tb-test-uplink:${shards}`, 'tb-test-downlink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const gateway = await serve(t, configuration({
    client: { endpoint: kinesis.endpoint, ...options }, limits: { getRecordsPerSecond: 200, ...limits },
  }));
  const { api } = gateway;
  const { id } = await api.integration('kinesis_integration');
  const base = `/api/integration/${id.id}/replay`;
  const s = {
    gateway, api, base, client, endpoint: kinesis.endpoint, id: id.id, next: 0,
    async convert(text) {
      const found = (await api.get('/api/converters?pageSize=10&page=0')).data.find((c) => c.name === 'kinesis_converter');
      found.configuration.decoder = text;
      await api.post('/api/converter', found);
    },
    // Each record's own number is its value; ten devices.
    async put(count) {
      const first = s.next;
      s.next += count;
      await putRecords(client, 'tb-test-uplink', count, (i) => ({
        key: `k${first + i}`, data: JSON.stringify({ name: `d${(first + i) % 10}`, n: first + i }),
      }));
      await until(`${s.next} applied`, async () => applied(await api.status('kinesis_integration')) === s.next);
    },
    replay: (body) => api.post(base, body),
    async done(state = 'DONE') {
      return until(`the replay ${state}`, async () => {
        const r = await api.get(base);
        return !['RUNNING', 'STOPPING'].includes(r.state) && (assert.equal(r.state, state, JSON.stringify(r)), r);
      });
    },
    // All points of a key, over all devices.
    async points(key) {
      const out = [];
      for (let i = 0; i < 10; i++) {
        const device = await api.device(`d${i}`);
        const found = await api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=${key}` +
          `&startTs=0&endTs=${Date.now() + 60000}&limit=100000&orderBy=ASC`);
        out.push(...(found[key] ?? []).map((p) => ({ ts: p.ts, value: Number(p.value) })));
      }
      return out.sort((a, b) => a.value - b.value);
    },
  };
  await s.convert(plain);
  return s;
}

const isError = (reply, status, code, message) => {
  assert.equal(reply.status, status, reply.text);
  assert.equal(reply.json.errorCode, code);
  assert.match(reply.json.message, message);
};

test('all shards from the horizon, while live reading goes on; nothing is counted or sent twice', async (t) => {
  const s = await start(t, { shards: 3 });
  const chains = await s.api.get('/api/ruleChains?pageSize=10&page=0');
  await connectDownlink(s.api, 'kinesis_integration');
  const metadata = await s.api.get(`/api/ruleChain/${chains.data[0].id.id}/metadata`);
  metadata.connections.find((c) => c.type === 'Attributes Updated').type = 'Post telemetry';
  await s.api.post('/api/ruleChain/metadata', metadata);
  assert.deepEqual(await s.api.get(s.base), { state: 'NONE' });
  await s.put(1500);
  const before = await s.points('n');
  const sent = await until('1500 downlinks', async () => {
    const records = await readStream(s.client, 'tb-test-downlink');
    return records.length === 1500 && records;
  });

  await s.convert(converter('var t = { n: data.n, twice: 2 * data.n };'));
  const begun = await s.replay({ from: 'TRIM_HORIZON' });
  assert.equal(begun.state, 'RUNNING');
  assert.equal(begun.shards.length, 3);
  await s.put(300); // live, with the new converter
  const end = await s.done();
  assert.deepEqual([end.recordsApplied, end.recordsFailed, end.error, end.lastError], [1500, 0, null, null]);
  for (const shard of end.shards) {
    assert.equal(shard.done, true);
    assert.equal(shard.sequenceNumber, shard.untilSequenceNumber);
  }
  const after = await s.points('n');
  assert.deepEqual(after.slice(0, 1500), before);
  assert.equal(after.length, 1800);
  const twice = await s.points('twice');
  assert.deepEqual(twice.map((p) => [p.ts, p.value / 2]), after.map((p) => [p.ts, p.value]));
  const status = await s.api.status('kinesis_integration');
  assert.equal(status.recordsApplied, 1800);
  const all = await until('the live downlinks', async () => {
    const records = await readStream(s.client, 'tb-test-downlink');
    return records.length >= sent.length + 300 && records;
  });
  await sleep(300);
  assert.equal((await readStream(s.client, 'tb-test-downlink')).length, all.length);
  assert.equal(all.length, 1800);
});

const parts = async (t, client) => {
  const s = await start(t, { client });
  await s.put(100);
  await sleep(30); // another millisecond at the least
  const middle = Date.now();
  await sleep(30);
  await s.put(100);
  const records = await readStream(s.client, 'tb-test-uplink');
  const shardId = records[0].ShardId;
  const count = async (body) => {
    await s.replay(body);
    return (await s.done()).recordsApplied;
  };
  const sequence = (i) => records[i].SequenceNumber;
  assert.equal(await count({ shardId, from: sequence(10), until: sequence(19) }), 10);
  assert.equal(await count({ shardId, from: sequence(190) }), 10);
  assert.equal(await count({ from: middle }), 100);
  assert.equal(await count({ from: 'TRIM_HORIZON', until: middle }), 100);
  assert.equal(await count({ shardId, from: 1, until: sequence(4) }), 5);
  assert.equal(applied(await s.api.status('kinesis_integration')), 200);
};

test('from a record to a record, from a time, to a time', (t) => parts(t, {}));

// Live reading is told, the replay asks.
test('the same beside live reading by fan-out', (t) => parts(t, { useConsumersWithEnhancedFanOut: true }));

test('attributes that are newer stay; records that fail are told, not kept again', async (t) => {
  const s = await start(t);
  await s.put(1);
  await sleep(30); // attributes have the time of their record, in milliseconds
  await s.put(19);
  await s.convert(converter('if (data.n < 5) throw new Error("too old"); var t = { n: data.n };'));
  const records = await readStream(s.client, 'tb-test-uplink');
  await s.replay({ shardId: records[0].ShardId, from: 'TRIM_HORIZON', until: records[11].SequenceNumber });
  const end = await s.done();
  assert.deepEqual([end.recordsApplied, end.recordsFailed], [7, 5]);
  assert.match(end.lastError, /too old/);
  const device = await s.api.device('d0');
  const attribute = async () => (await s.api.get(
    `/api/plugins/telemetry/DEVICE/${device.id.id}/values/attributes/CLIENT_SCOPE?keys=last`))[0];
  assert.equal(Number((await attribute()).value), 10); // of record 10; record 0 failed, and is older
  const letters = await s.api.get(`/api/integration/${s.id}/deadLetters?pageSize=1&page=0`);
  assert.equal(letters.totalElements, 0);
  await s.convert(plain);
  await s.replay({ shardId: records[0].ShardId, from: 'TRIM_HORIZON', until: records[0].SequenceNumber });
  assert.equal((await s.done()).recordsApplied, 1);
  assert.equal(Number((await attribute()).value), 10);
});

test('one at a time; it is cancelled, and ends with a change; live reading is not disturbed', async (t) => {
  const s = await start(t, { limits: { getRecordsPerSecond: 5 } });
  await s.put(600);
  // Ten records a call, five calls a second: a replay would take twelve seconds.
  const whole = await s.api.get(`/api/integration/${s.id}`);
  whole.configuration.clientConfiguration.maxRecords = 10;
  await s.api.post('/api/integration', whole);
  await until('ACTIVE again', async () => (await s.api.status('kinesis_integration')).state === 'ACTIVE');
  const slow = converter('var end = Date.now() + 3; while (Date.now() < end) {} var t = { n: data.n };');
  await s.convert(slow);
  await s.replay({ from: 'TRIM_HORIZON' });
  isError(await s.api.call('POST', s.base, { from: 'TRIM_HORIZON' }), 409, 35, /running/);
  await s.put(10); // comes between the jobs of the replay
  assert.equal((await s.api.call('DELETE', s.base)).status, 200);
  const cancelled = await s.done('CANCELED');
  assert.match(cancelled.error, /cancel/);
  assert.ok(cancelled.endedTime >= cancelled.startedTime);

  await s.replay({ from: 'TRIM_HORIZON' });
  const integration = await s.api.get(`/api/integration/${s.id}`);
  await s.api.post('/api/integration', { ...integration, enabled: false });
  assert.match((await s.done('CANCELED')).error, /changed or stopped/);
  await until('disabled', async () => (await s.api.status('kinesis_integration')).state === 'DISABLED');
  isError(await s.api.call('POST', s.base, { from: 'TRIM_HORIZON' }), 409, 35, /DISABLED/);
  assert.equal((await s.gateway.stop()).code, 0);
});

test('shards split, calls fail and the budget is small', async (t) => {
  const s = await start(t, { shards: 2, limits: { inflight: 1048576, pollMs: 20 } });
  const faults = [['throttle', 0.02], ['cut', 0.03], ['internal', 0.03], ['expired_iterator', 0.03]];
  await fetch(`${s.endpoint}/_penstock/faults`, {
    method: 'POST',
    body: JSON.stringify(faults.map(([fault, probability], seed) => ({ op: 'GetRecords', fault, probability, count: 10, seed: seed + 1 }))),
  });
  let replays = 0;
  for (let round = 0; round < 4; round++) {
    await s.put(1000);
    replays += (await s.api.call('POST', s.base, { from: 'TRIM_HORIZON' })).status === 200;
    const { Shards } = await s.client.send(new ListShardsCommand({ StreamName: 'tb-test-uplink' }));
    const { ShardId, HashKeyRange: keys } = Shards.find((shard) => !shard.SequenceNumberRange.EndingSequenceNumber);
    const middle = (BigInt(keys.StartingHashKey) + BigInt(keys.EndingHashKey)) / 2n;
    await s.client.send(new SplitShardCommand({
      StreamName: 'tb-test-uplink', ShardToSplit: ShardId, NewStartingHashKey: String(middle),
    }));
    await s.put(1000);
    if (round % 2) await s.api.call('DELETE', s.base);
  }
  assert.ok(replays > 0);
  await s.api.call('DELETE', s.base);
  await until('its end', async () => !['RUNNING', 'STOPPING'].includes((await s.api.get(s.base)).state));
  await s.replay({ from: 'TRIM_HORIZON' });
  assert.equal((await s.done()).recordsApplied, 8000);
  assert.equal((await s.api.status('kinesis_integration')).recordsApplied, 8000);
  assert.equal((await s.points('n')).length, 8000);
  // Between two reads all is given back.
  await until('nothing in flight', async () =>
    /^penstock_inflight_bytes 0$/m.test((await s.api.call('GET', '/metrics')).text));
});

test('what makes no sense is refused', async (t) => {
  const s = await start(t);
  await s.put(1);
  const refused = async (body, message, status = 400, code = 31) =>
    isError(await s.api.call('POST', s.base, body), status, code, message);
  await refused([], /object/);
  await refused({}, /from/);
  await refused({ from: 'LATEST' }, /from/);
  await refused({ from: -1 }, /from/);
  await refused({ from: '12a' }, /from/);
  await refused({ from: '1'.repeat(130) }, /from/);
  await refused({ from: 'TRIM_HORIZON', until: true }, /until/);
  await refused({ from: 'TRIM_HORIZON', till: 1 }, /till/);
  await refused({ from: 'TRIM_HORIZON', shardId: 7 }, /shardId/);
  await refused({ from: '123' }, /shardId/);
  await refused({ from: 'TRIM_HORIZON', until: '123' }, /shardId/);
  await refused({ from: 'TRIM_HORIZON', shardId: 'shardId-000000000009' }, /no such shard/, 404, 32);
  assert.deepEqual(await s.api.get(s.base), { state: 'NONE' });
  const { defaultConverterId } = await s.api.get(`/api/integration/${s.id}`);
  const web = await s.api.post('/api/integration', { name: 'web', type: 'HTTP', enabled: true, defaultConverterId, configuration: {} });
  isError(await s.api.call('POST', `/api/integration/${web.id.id}/replay`, { from: 'TRIM_HORIZON' }), 400, 31, /no stream/);
});
