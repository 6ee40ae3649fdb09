// SPDX-License-Identifier: Apache-2.0
// The gateway reads a stream of the local endpoint by enhanced fan-out and by polling: whatever goes
// wrong on the way, each record takes effect once and in order.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { describe, it } from 'node:test';

import {
  DescribeStreamConsumerCommand, ListShardsCommand, ListStreamConsumersCommand, MergeShardsCommand, PutRecordsCommand,
  SplitShardCommand, UpdateMaxRecordSizeCommand, UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis';

import { applied, configuration, kinesisClient, putRecords, run, serve, startKinesis, tempDir, until } from './gateway.mjs';

const stream = 'tb-test-uplink';
const arn = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
const name = 'kinesis_integration';
const devices = 20;
const ways = { 'fan-out': { useConsumersWithEnhancedFanOut: true }, polling: {} };

// Mostly they wait for the service's five seconds: side by side.
const tests = [];
const test = (what, body) => tests.push([what, body]);

// The time stamp is the record's number: a record that took effect twice would show in
// recordsApplied, one that got lost in the rows; the attribute is the last one's.
// Of a large payload only the beginning is looked at: more would take the script's time.
const converter = `
var p = decodeToJson(payload.length > 1000 ? payload.slice(0, 100) : payload);
return {deviceName: p.d, deviceType: 't', attributes: {last: p.n},
        telemetry: {ts: p.n, values: {n: p.n, bytes: payload.length, sub: metadata.subSequenceNumber, from: metadata.shardId}}};`;

const record = (n) => ({ key: `d${n % devices}`, data: JSON.stringify({ d: `d${n % devices}`, n: n + 1 }) });

async function start(t, client, { shards = 2, dir = tempDir(t), converter: limits } = {}) {
  const kinesis = await startKinesis(t, [`${stream}:${shards}`]);
  const file = path.join(dir, 'converter.js');
  writeFileSync(file, converter);
  const config = configuration({ client: { endpoint: kinesis.endpoint, ...client } });
  config.converters[0].file = file;
  if (limits) config.converter = limits;
  const s = {
    kinesis, sdk: kinesisClient(t, kinesis.endpoint), sent: 0,
    async restart() {
      s.gateway = await serve(t, config, { dir });
      s.api = s.gateway.api;
    },
    status: () => s.api.status(name),
    async put(count) {
      const from = s.sent;
      s.sent += count;
      await putRecords(s.sdk, stream, count, (i) => record(from + i), { batch: 100 });
    },
    async faults(...rules) {
      await fetch(`${kinesis.endpoint}/_penstock/faults`, { method: 'DELETE' });
      if (!rules.length) return;
      const reply = await fetch(`${kinesis.endpoint}/_penstock/faults`, { method: 'POST', body: JSON.stringify(rules) });
      assert.equal(reply.status, 200, await reply.text());
    },
    async allApplied() {
      let status;
      await until(`${s.sent} records applied`, async () => {
        status = await s.status();
        return applied(status) + status.recordsFailed >= s.sent;
      })
        .catch((error) => { throw new Error(`${error.message}: ${JSON.stringify(status)}`); });
      assert.equal(applied(status), s.sent);
    },
    // Each device has exactly its rows, and the attribute of the last one.
    async check() {
      for (let d = 0; d < Math.min(devices, s.sent); d++) {
        const device = await s.api.device(`d${d}`);
        const base = `/api/plugins/telemetry/DEVICE/${device.id.id}/values`;
        const rows = (await s.api.get(`${base}/timeseries?keys=n&startTs=0&endTs=${s.sent + 1}&limit=100000&orderBy=ASC`)).n;
        const want = [];
        for (let n = d; n < s.sent; n += devices) want.push(n + 1);
        assert.deepEqual(rows.map((r) => r.ts), want, `rows of d${d}`);
        const [last] = await s.api.get(`${base}/attributes?keys=last`);
        assert.equal(last.value, want.at(-1));
      }
    },
    active: () => until('ACTIVE', async () => (await s.status()).state === 'ACTIVE'),
  };
  await s.restart();
  return s;
}

async function openShards(s) {
  const { Shards } = await s.sdk.send(new ListShardsCommand({ StreamName: stream }));
  return Shards.filter((shard) => !shard.SequenceNumberRange.EndingSequenceNumber);
}

async function reshard(s) {
  const [shard] = await openShards(s);
  const { StartingHashKey, EndingHashKey } = shard.HashKeyRange;
  const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey) + 1n) / 2n;
  await s.sdk.send(new SplitShardCommand({
    StreamName: stream, ShardToSplit: shard.ShardId, NewStartingHashKey: middle.toString(),
  }));
  await s.put(200);
  await until('split', async () => (await openShards(s)).length === 3);
  const open = (await openShards(s)).sort((a, b) => (BigInt(a.HashKeyRange.StartingHashKey) < BigInt(b.HashKeyRange.StartingHashKey) ? -1 : 1));
  await s.sdk.send(new MergeShardsCommand({
    StreamName: stream, ShardToMerge: open[1].ShardId, AdjacentShardToMerge: open[2].ShardId,
  }));
  await until('merged', async () => (await openShards(s)).length === 2);
  await s.put(200);
}

for (const [way, client] of Object.entries(ways)) {
  test(`by ${way}: records, changes of shards, a restart`, async (t) => {
    const s = await start(t, client);
    await s.put(300);
    await s.active();
    await reshard(s);
    await s.allApplied();
    await s.gateway.stop('SIGKILL');
    await s.put(300);
    await s.restart();
    await s.put(300);
    await s.allApplied();
    await s.check();
    const { state, shards } = await s.status();
    assert.equal(state, 'ACTIVE');
    assert.ok(shards.some((shard) => shard.state === 'ENDED'));
    assert.equal((await s.gateway.stop()).code, 0);
  });
}

// A subscription that breaks off may be followed by the next only after five seconds: so that the test
// does not take minutes, each shard has a trouble of its own at the same time.
test('by fan-out: whatever spoils a stream of events', async (t) => {
  const faults = ['throttle', 'unavailable', 'expired_token', 'internal', 'error', 'cut', 'cut_middle', 'reset', 'corrupt',
    'goaway', 'end', 'redeliver', 'empty', 'slow'];
  const s = await start(t, ways['fan-out'], { shards: faults.length });
  await s.put(200);
  await s.allApplied();
  await s.active();
  await s.faults(
    ...faults.map((fault) => ({ op: 'SubscribeToShardEvent', fault, count: 1, ms: 300 })),
    ...['unavailable', 'throttle', 'expired_token', 'html', 'cut', 'stall'].map((fault) => (
      { op: 'SubscribeToShard', fault, count: 1, ms: 300 })),
  );
  for (let i = 0; i < 5; i++) await s.put(100);
  await s.allApplied();
  const rules = await (await fetch(`${s.kinesis.endpoint}/_penstock/faults`)).json();
  assert.deepEqual(rules.filter((rule) => rule.fired !== 1), []);
  await s.faults();
  await s.active();
  await s.check();
});

test('by fan-out: the consumer is registered once, under a name that stays', async (t) => {
  const dir = tempDir(t);
  const s = await start(t, ways['fan-out'], { dir });
  await s.active();
  const list = () => s.sdk.send(new ListStreamConsumersCommand({ StreamARN: arn }));
  const [consumer] = (await list()).Consumers;
  const { id } = (await s.api.integration(name)).id;
  assert.equal(consumer.ConsumerName, `penstock-${id}`);
  assert.equal(consumer.ConsumerStatus, 'ACTIVE');
  await s.gateway.stop();
  await s.restart();
  await s.active();
  await s.put(10);
  await s.allApplied();
  assert.equal((await list()).Consumers.length, 1);
});

test('by fan-out: applicationName names the consumer', async (t) => {
  const s = await start(t, { ...ways['fan-out'], applicationName: 'my.app_1' });
  await s.active();
  const { ConsumerDescription } = await s.sdk.send(new DescribeStreamConsumerCommand({ StreamARN: arn, ConsumerName: 'my.app_1' }));
  assert.equal(ConsumerDescription.ConsumerStatus, 'ACTIVE');
  const integration = await s.api.integration(name);
  integration.configuration.clientConfiguration.applicationName = 'not a name';
  const reply = await s.api.call('POST', '/api/integration', integration);
  assert.equal(reply.status, 400);
  assert.match(reply.json.message, /applicationName/);
});

test('an endpoint that cannot do fan-out is said so, and never polled instead', async (t) => {
  const s = await start(t, ways['fan-out']);
  await s.active();
  await s.put(10);
  await s.allApplied();
  await s.gateway.stop();
  await s.faults({ op: 'DescribeStreamConsumer', fault: 'error', status: 400, code: 'UnknownOperationException', message: 'no' });
  await s.put(10);
  const check = await run(['check', '-c', s.gateway.file]);
  assert.equal(check.code, 1);
  assert.match(check.stderr, /cannot do enhanced fan-out: DescribeStreamConsumer/);
  await s.restart();
  const failed = await until('FAILED', async () => {
    const status = await s.status();
    return status.state === 'FAILED' && status;
  });
  assert.match(failed.error, /cannot do enhanced fan-out: DescribeStreamConsumer: UnknownOperationException.*turn useConsumersWithEnhancedFanOut off/);
  const stats = await (await fetch(`${s.kinesis.endpoint}/_penstock/stats`)).json();
  assert.ok(!JSON.stringify(stats).match(/"GetRecords":\s*[1-9]/), JSON.stringify(stats));
  assert.equal(applied(await s.status()), 10);
  await s.faults();
  await s.allApplied();
  await s.active();
});

for (const [way, client] of Object.entries(ways)) {
  test(`by ${way}: from 1 shard to 64 and back while records come`, async (t) => {
    const s = await start(t, client, { shards: 1 });
    await fetch(`${s.kinesis.endpoint}/_penstock/settings`, { method: 'POST', body: JSON.stringify({ reshardMs: 0 }) });
    await s.active();
    for (const count of [2, 4, 8, 16, 32, 64, 32, 16, 8, 4, 2, 1]) {
      await s.sdk.send(new UpdateShardCountCommand({
        StreamName: stream, TargetShardCount: count, ScalingType: 'UNIFORM_SCALING',
      }));
      await s.put(100);
      await until(`${count} shards`, async () => (await openShards(s)).length === count);
      await s.put(100);
    }
    await s.allApplied();
    await s.check();
    const { state, shards } = await s.status();
    assert.equal(state, 'ACTIVE');
    assert.equal(shards.filter((shard) => shard.state !== 'ENDED').length, 1);
  });

  test(`by ${way}: records of ten MiB`, async (t) => {
    // Scripts see an Array of ten million numbers.
    const s = await start(t, client, { shards: 1, converter: { memoryLimit: 600_000_000, timeLimitMs: 20000 } });
    await s.sdk.send(new UpdateMaxRecordSizeCommand({ StreamARN: arn, MaxRecordSizeInKiB: 10240 }));
    await s.active();
    await s.put(5);
    for (let i = 0; i < 3; i++) {
      const { key, data } = record(s.sent++);
      const large = Buffer.alloc(10 * 1024 * 1024 - key.length, ' ');
      large.write(data);
      await s.sdk.send(new PutRecordsCommand({ StreamName: stream, Records: [{ PartitionKey: key, Data: large }] }));
    }
    await s.put(5);
    await s.allApplied();
    await s.check();
    const device = await s.api.device('d6');
    const rows = await s.api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=bytes&startTs=0&endTs=100`);
    assert.equal(rows.bytes[0].value, String(10 * 1024 * 1024 - 2));
  });
}

// A load balancer, say, that speaks HTTP/1.1 only.
async function http1Proxy(t, endpoint) {
  const { hostname, port } = new URL(endpoint);
  const server = http.createServer((request, response) => {
    const onward = http.request(
      { hostname, port, method: request.method, path: request.url, headers: request.headers },
      (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)),
    );
    request.pipe(onward.on('error', () => response.destroy()));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

test('an endpoint without HTTP/2 is said so', async (t) => {
  const kinesis = await startKinesis(t, [`${stream}:2`]);
  const endpoint = await http1Proxy(t, kinesis.endpoint);
  const gateway = await serve(t, configuration({ client: { endpoint, ...ways['fan-out'] } }));
  const failed = await until('FAILED', async () => {
    const status = await gateway.api.status(name);
    return status.state === 'FAILED' && status;
  });
  assert.match(failed.error, /cannot do enhanced fan-out: SubscribeToShard.*does not speak HTTP\/2.*turn useConsumersWithEnhancedFanOut off/);
  assert.equal((await gateway.stop()).code, 0);
});

// As the producer library writes them: magic, protobuf, MD5.
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const field = (number, bytes) => Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
function aggregate(records) {
  const keys = [...new Set(records.map((r) => r.key))];
  const message = Buffer.concat([
    ...keys.map((key) => field(1, Buffer.from(key))),
    ...records.map((r) => field(3, Buffer.concat([
      Buffer.from([8, ...varint(keys.indexOf(r.key))]), field(3, Buffer.from(r.data)),
    ]))),
  ]);
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()]);
}

for (const [way, client] of Object.entries(ways)) {
  test(`by ${way}: aggregated records are taken apart and counted as user records`, async (t) => {
    const s = await start(t, { ...client, maxRecords: 7 }, { shards: 1 });
    for (let i = 0; i < 5; i++) {
      const records = Array.from({ length: 25 }, (_, k) => record(s.sent + k));
      s.sent += records.length;
      await s.sdk.send(new PutRecordsCommand({
        StreamName: stream,
        Records: [{ PartitionKey: 'a', Data: aggregate(records) }],
      }));
      await s.put(3);
    }
    await s.allApplied();
    await s.check();
    const device = await s.api.device('d4');
    const rows = await s.api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=sub,from&startTs=0&endTs=6&limit=10`);
    assert.equal(rows.sub[0].value, '4');
    assert.equal(rows.from[0].value, 'shardId-000000000000');
    await s.gateway.stop('SIGKILL');
    await s.restart();
    await s.put(5);
    await s.allApplied();
  });
}

describe('reading a stream', { concurrency: 4 }, () => {
  for (const [what, body] of tests) it(what, body);
});
