// SPDX-License-Identifier: Apache-2.0
// What people see of an integration while it works, stalls and fails: API, metrics, log.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { applied, bounded, configuration, kinesisClient, putRecords, serve, startKinesis, tempDir, until } from './gateway.mjs';

const record = (i) => ({
  key: `k${i}`, data: JSON.stringify({ devName: `d${i % 10}`, devType: 't', temperature: i }),
});

async function start(t, shards = 1, client = {}, edit = () => {}) {
  const kinesis = await startKinesis(t, [`tb-test-uplink:${shards}`]);
  const config = configuration({ client: { endpoint: kinesis.endpoint, ...client } });
  edit(config);
  const gateway = await serve(t, config);
  return {
    gateway, api: gateway.api,
    status: () => gateway.api.status('kinesis_integration'),
    state: (state) => until(state, async () => {
      const s = await gateway.api.status('kinesis_integration');
      return s.state === state && s;
    }),
    put: (count) => putRecords(kinesisClient(t, kinesis.endpoint), 'tb-test-uplink', count, record),
    async faults(rules) {
      await fetch(`${kinesis.endpoint}/_penstock/faults`, { method: 'DELETE' });
      if (!rules) return;
      const reply = await fetch(`${kinesis.endpoint}/_penstock/faults`, { method: 'POST', body: JSON.stringify(rules) });
      assert.equal(reply.status, 200, await reply.text());
    },
    async metrics() {
      const { text } = await gateway.api.call('GET', '/metrics');
      return text;
    },
  };
}

test('records, rates and times are shown per shard and in sum', async (t) => {
  const s = await start(t, 2);
  await s.state('ACTIVE');
  const before = Date.now();
  await s.put(3000);
  const status = await until('all applied, and rates', async () => {
    const now = await s.status();
    return applied(now) === 3000 && now.recordsPerSecond > 0 && now;
  });
  assert.equal(status.recordsApplied, 3000);
  assert.equal(status.recordsFailed, 0);
  assert.equal(status.error, null);
  assert.ok(status.bytesPerSecond > status.recordsPerSecond);
  assert.ok(Math.abs(status.lastArrivalTime - before) < 60000);
  let sum = 0;
  for (const shard of status.shards) {
    assert.equal(shard.state, 'READING');
    assert.match(shard.sequenceNumber, /^\d+$/);
    assert.ok(shard.lastArrivalTime <= status.lastArrivalTime);
    assert.deepEqual([shard.lastError, shard.pastError, shard.errors], [null, null, 0]);
    sum += shard.recordsPerSecond;
  }
  assert.ok(Math.abs(sum - status.recordsPerSecond) < 0.01);
  const metrics = await s.metrics();
  const value = (name, labels = '') => {
    const line = metrics.match(new RegExp(`^penstock_${name}\\{integration="kinesis_integration"${labels}\\} (\\S+)$`, 'm'));
    assert.ok(line, `${name}${labels}`);
    return Number(line[1]);
  };
  assert.equal(value('integration_active'), 1);
  assert.equal(value('integration_state', ',state="ACTIVE"'), 1);
  assert.equal(value('integration_shards'), 2);
  assert.equal(value('integration_records_applied'), 3000);
  assert.ok(value('integration_records_per_second') > 0);
  assert.equal(value('integration_millis_behind'), 0);
  assert.equal(Math.round(value('integration_last_arrival_seconds') * 1000), status.lastArrivalTime);
  assert.equal(
    value('shard_records_total', ',shard="shardId-000000000000"') +
      value('shard_records_total', ',shard="shardId-000000000001"'),
    3000);
  await until('rates that fall', async () => (await s.status()).recordsPerSecond < status.recordsPerSecond);
  assert.match(s.gateway.stderr, /integration state integration="kinesis_integration" state=ACTIVE before=STARTING stream=tb-test-uplink/);
});

// They wait more than they work.
describe('what is not ACTIVE', { concurrency: 2 }, () => {
// The endpoint takes a read and says nothing: no error, but nothing arrives either.
test('silence is not ACTIVE', { skip: bounded && 'takes long' }, async (t) => {
  const s = await start(t);
  await s.state('ACTIVE');
  await s.faults([{ op: 'GetRecords', fault: 'stall', ms: 600000 }]);
  const stalled = await s.state('STALLED');
  assert.match(stalled.error, /shard shardId-000000000000 of stream tb-test-uplink has not answered for \d+ s/);
  assert.equal(stalled.shards[0].state, 'STALLED');
  const metrics = await s.metrics();
  assert.match(metrics, /^penstock_integration_active\{integration="kinesis_integration"\} 0$/m);
  await s.faults();
  await s.state('ACTIVE');
  assert.match(s.gateway.stderr, /shard does not answer integration="kinesis_integration" shard=shardId-000000000000/);
  assert.match(s.gateway.stderr, /shard answers again/);
  assert.match(s.gateway.stderr, /state=STALLED before=ACTIVE/);
  // FAILED when this test was slow: what is silent for long has failed.
  assert.match(s.gateway.stderr, /state=ACTIVE before=(STALLED|FAILED)/);
});

// Records that came are held up by us: nothing arrives then either.
test('a converter that takes all the time is not ACTIVE', { skip: bounded && 'takes long' }, async (t) => {
  const script = path.join(tempDir(t), 'slow.js');
  writeFileSync(script, 'var end = Date.now() + 400; while (Date.now() < end) {} return null;');
  const s = await start(t, 1, {}, (config) => (config.converters[0].file = script));
  const read = (count) => until(`${count} read`, async () => (await s.status()).shards[0]?.recordsRead === count);
  await s.state('ACTIVE');
  // The first batches take twenty seconds; with two of them out, no more is read.
  await s.put(50);
  await read(50);
  await s.put(10);
  await read(60);
  const { error } = await s.state('STALLED');
  assert.match(error, /nothing was read for \d+ s, because \d batches wait to be converted and stored/);
  await s.gateway.stop('SIGKILL');
});
});

test('an error stays readable after it is over', async (t) => {
  const s = await start(t);
  await s.state('ACTIVE');
  await s.faults([{ op: 'GetRecords', fault: 'internal', count: 1 }]);
  const shard = await until('an error that is over', async () => {
    const [first] = (await s.status()).shards;
    return first.errors === 1 && first.lastError === null && first;
  });
  assert.match(shard.pastError.text, /GetRecords/);
  assert.ok(Math.abs(shard.pastError.ts - Date.now()) < 60000);
});

test('metrics name a bounded number of shards', async (t) => {
  const s = await start(t, 300);
  await s.state('ACTIVE');
  const text = await s.metrics();
  assert.equal(text.match(/^penstock_shard_records_total\{/mg).length, 256);
  assert.match(text, /^penstock_integration_shards\{[^}]*\} 300$/m);
  assert.equal((await s.status()).shards.length, 300);
});

test('a failure is in the log with its reason', async (t) => {
  const s = await start(t, 1, { streamName: 'no-such-stream' });
  const failed = await s.state('FAILED');
  assert.match(failed.error, /no-such-stream/);
  assert.match(s.gateway.stderr, /integration state integration="kinesis_integration" state=FAILED before=STARTING error=".*no-such-stream/);
});
