// SPDX-License-Identifier: Apache-2.0
// The campaign: records flow through shards that split and merge, the endpoint keeps to the service's rates
// and fails at random, and the gateway is killed at random, all from one seed; afterwards each record must
// have taken effect once and in the order of its shard.
//
// Every device counts its records, n = 0, 1, 2 ..., and its converter stores n twice: as `a` at the time
// of n and n + 1 together (n even), as `b` at that of n - 1 and n. The later of such a pair overwrites
// the earlier one. So each n but the very last is what must be found in one of the two rows, and any
// record that is lost, or applied after its successor, or once more after it, leaves a wrong value
// behind. recordsApplied adds up only when none was applied twice.
//
//   PENSTOCK_CAMPAIGN=long node --test test/fault/campaign.mjs   500,000 records, 20 kills: ten minutes
//   PENSTOCK_SEED=N                                              at most for each way of reading
//   PENSTOCK_CAMPAIGN_WAY=polling|fan-out                        only one of them

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  applied, bounded, configuration, kinesisClient, serve, sleep, startKinesis, tempDir, until,
} from '../integration/gateway.mjs';
import { kinesisSettings, kinesisStats, requestJson, sdk, setFaults } from '../integration/lib.mjs';

const long = process.env.PENSTOCK_CAMPAIGN === 'long';
const plan = long
  ? {
    shards: 64, devices: 2000, rounds: 200, roundMs: 400, kills: 20, reshardMs: 1000, stallMs: 1500, againMs: 5000,
    endMs: 450_000, // for what is left when all were put
  }
  : {
    shards: 8, devices: 200, rounds: bounded ? 20 : 60, roundMs: 100, kills: bounded ? 2 : 4, reshardMs: 400,
    stallMs: 200, againMs: 200, endMs: 240_000,
  };
// Every fourth device has its records put by twos, as the producer library aggregates them.
const perRound = (d) => (d % 4 === 0 ? 2 : 1);
const counts = Array.from({ length: plan.devices }, (_, d) => plan.rounds * perRound(d));
const RECORDS = counts.reduce((sum, n) => sum + n, 0);
const STREAM = 'tb-test-uplink';
const BASE_TS = 1_700_000_000_000;
const seed = Number(process.env.PENSTOCK_SEED ?? Date.now() % 1e6);
const onlyWay = process.env.PENSTOCK_CAMPAIGN_WAY;

// mulberry32: the same decisions for the same seed.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const converter = `
var data = JSON.parse(String.fromCharCode.apply(String, payload));
var n = data.n;
return { deviceName: data.d, deviceType: 'campaign', telemetry: [
  { ts: ${BASE_TS} + Math.floor(n / 2), values: { a: n } },
  { ts: ${BASE_TS} + Math.floor((n + 1) / 2), values: { b: n } }] };
`;

// What faults there are: everything but what would put a record twice.
function faults(next) {
  const rule = (op, probability, more = {}) =>
    ({ op, fault: 'random', probability, ms: plan.stallMs, seed: Math.floor(next() * 1e9), ...more });
  return [
    rule('GetRecords', 0.15), rule('GetShardIterator', 0.15), rule('ListShards', 0.05),
    rule('DescribeStreamSummary', 0.15), rule('SubscribeToShard', 0.15), rule('DescribeStreamConsumer', 0.05),
    rule('SubscribeToShardEvent', long ? 0.05 : 0.15),
    // A cut takes all subscriptions of its connection along.
    rule('SubscribeToShard', 0.1, { fault: 'cut' }),
    rule('SubscribeToShardEvent', long ? 0.01 : 0.03, { fault: 'cut' }),
    { op: 'PutRecords', fault: 'partial', fraction: 0.2, probability: 0.05, seed: Math.floor(next() * 1e9) },
  ];
}

// The producer library's form (facts: magic, protobuf of a key table and records, MD5), for one key.
function aggregated(key, payloads) {
  const field = (tag, bytes) => Buffer.concat([Buffer.from([tag << 3 | 2, bytes.length]), bytes]);
  const record = (data) => field(3, Buffer.concat([Buffer.from([1 << 3, 0]), field(3, Buffer.from(data))]));
  const message = Buffer.concat([field(1, Buffer.from(key)), ...payloads.map(record)]);
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()]);
}

function entryOf(d, round) {
  const PartitionKey = `device-${d}`;
  const payload = (i) => JSON.stringify({ d: PartitionKey, n: round * perRound(d) + i });
  const Data = perRound(d) === 1 ? Buffer.from(payload(0)) : aggregated(PartitionKey, [payload(0), payload(1)]);
  return { PartitionKey, Data };
}

// Sends the entries until none is refused; each device is in them once, so that its order is kept.
async function putAll(client, entries) {
  while (entries.length) {
    const r = await client.send(new sdk.PutRecordsCommand({ StreamName: STREAM, Records: entries }));
    entries = entries.filter((_, i) => r.Records[i].ErrorCode);
    if (entries.length) await sleep(5);
  }
}

// Round by round, and no further than `progress.gate`: so every kill falls while records flow, on however
// slow a machine.
async function produce(client, progress) {
  for (let n = 0; n < plan.rounds && !progress.failed; n++) {
    const started = Date.now();
    while (n > progress.gate && !progress.failed) await sleep(5);
    progress.round = n;
    const batches = [];
    for (let d = 0; d < plan.devices; d += 500) {
      const size = Math.min(500, plan.devices - d);
      batches.push(putAll(client, Array.from({ length: size }, (_, i) => entryOf(d + i, n))));
    }
    await Promise.all(batches);
    await sleep(Math.max(0, plan.roundMs - (Date.now() - started)));
  }
}

async function openShards(client) {
  const all = [];
  let NextToken;
  do {
    const page = await client.send(new sdk.ListShardsCommand(
      NextToken ? { NextToken } : { StreamName: STREAM, ShardFilter: { Type: 'AT_LATEST' } }));
    all.push(...page.Shards);
    ({ NextToken } = page);
  } while (NextToken);
  const start = (s) => BigInt(s.HashKeyRange.StartingHashKey);
  return all.sort((a, b) => (start(a) < start(b) ? -1 : 1));
}

// One change of the shards: now and then of all of them, else a split or a merge.
async function reshard(client, next) {
  const open = await openShards(client);
  const kind = next();
  if (kind < 0.1) {
    const wanted = Math.round(plan.shards * (0.5 + next()));
    const TargetShardCount = Math.min(open.length * 2, Math.max(Math.ceil(open.length / 2), wanted));
    await client.send(new sdk.UpdateShardCountCommand(
      { StreamName: STREAM, TargetShardCount, ScalingType: 'UNIFORM_SCALING' }));
  } else if (kind < 0.55 ? open.length < plan.shards * 1.5 : open.length <= plan.shards / 2) {
    const shard = open[Math.floor(next() * open.length)];
    const [from, to] = [shard.HashKeyRange.StartingHashKey, shard.HashKeyRange.EndingHashKey].map(BigInt);
    await client.send(new sdk.SplitShardCommand(
      { StreamName: STREAM, ShardToSplit: shard.ShardId, NewStartingHashKey: `${from + (to - from) / 2n + 1n}` }));
  } else {
    const i = Math.floor(next() * (open.length - 1));
    await client.send(new sdk.MergeShardsCommand(
      { StreamName: STREAM, ShardToMerge: open[i].ShardId, AdjacentShardToMerge: open[i + 1].ShardId }));
  }
}

async function reshardUntil(client, next, done) {
  let changes = 0;
  while (!done()) {
    await sleep(plan.reshardMs);
    const s = await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName: STREAM }));
    if (s.StreamDescriptionSummary.StreamStatus !== 'ACTIVE') continue;
    // The service allows ten UpdateShardCount a day.
    await reshard(client, next).then(() => changes++, (e) => {
      if (e.name !== 'LimitExceededException') throw e;
    });
  }
  return changes;
}

// Kills the gateway at instants spread over the rounds.
async function killAndRestart(gateway, start, next, progress) {
  for (let kill = 0; kill < plan.kills && !progress.failed; kill++) {
    const at = Math.floor(((kill + next()) * plan.rounds) / (plan.kills + 0.5));
    progress.gate = at + Math.ceil(plan.rounds / plan.kills / 2);
    while (progress.round < at && !progress.failed) await sleep(5);
    await sleep(next() * plan.roundMs);
    assert.equal(gateway.exit, undefined, `it ended by itself: ${gateway.stderr.slice(-4000)}`);
    gateway.child.kill('SIGKILL');
    await gateway.exited;
    gateway = await start();
  }
  progress.gate = Infinity;
}

async function checkDevice(api, d) {
  const name = `device-${d}`;
  const device = await api.device(name);
  assert.ok(device, `missing: ${name}`);
  const history = await api.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries` +
    `?keys=a,b&startTs=${BASE_TS}&endTs=${BASE_TS + counts[d]}&limit=${counts[d] + 1}`);
  const rows = (key) => history[key].map((p) => [p.ts - BASE_TS, Number(p.value)]).sort((x, y) => x[0] - y[0]);
  const last = counts[d] - 1;
  const expected = (count, value) => Array.from({ length: count }, (_, k) => [k, Math.min(value(k), last)]);
  assert.deepEqual(rows('a'), expected(Math.floor(last / 2) + 1, (k) => 2 * k + 1), `${name}: a`);
  assert.deepEqual(rows('b'), expected(Math.floor((last + 1) / 2) + 1, (k) => 2 * k), `${name}: b`);
}

async function campaign(t, fanOut) {
  const next = random(seed);
  const kinesis = await startKinesis(t, [`${STREAM}:${plan.shards}`], ['--shard-limit', '5000']);
  const url = kinesis.endpoint;
  const client = kinesisClient(t, url, { maxAttempts: 8 });
  const dir = tempDir(t);
  const file = path.join(dir, 'converter.js');
  writeFileSync(file, converter);
  const config = configuration({
    data: path.join(dir, 'data'),
    client: { endpoint: url, useConsumersWithEnhancedFanOut: fanOut },
    storage: { headBytes: 1 << 20 },
  });
  config.converters[0].file = file;
  await kinesisSettings({ url }, { subscribeAgainMs: plan.againMs, limits: true });
  await setFaults({ url }, faults(next));

  const started = Date.now();
  let gateway;
  const start = async () => (gateway = await serve(null, config, { dir }));
  await start();
  t.after(() => gateway.stop());
  const progress = { round: 0, gate: 0 };
  let producing = true;
  const [, changes] = await Promise.all([
    produce(client, progress).finally(() => (producing = false)),
    reshardUntil(client, next, () => !producing),
    killAndRestart(gateway, start, next, progress),
  ].map((part) => part.catch((error) => {
    progress.failed = true; // ends the other parts
    throw error;
  })));
  const fired = (await requestJson(`${url}/_penstock/faults`)).json.reduce((sum, r) => sum + r.fired, 0);
  await setFaults({ url }, []);

  const { api } = gateway;
  let status;
  try {
    status = await until('all records applied', async () => {
      status = await api.status('kinesis_integration');
      return applied(status) >= RECORDS && status;
    }, plan.endMs);
  } catch (error) {
    const behind = status.shards.filter((s) => s.millisBehindLatest || s.error);
    throw new Error(`${error.message}: ${applied(status)} of ${RECORDS}, ${status.state} ${status.error}, behind: ` +
      JSON.stringify(behind.slice(0, 5)) + gateway.stderr.slice(-4000));
  }
  const seconds = (Date.now() - started) / 1000;
  assert.equal(status.recordsFailed, 0);
  for (let d = 0; d < plan.devices; d++) await checkDevice(api, d);
  assert.equal((await api.get('/api/tenant/devices?pageSize=1&page=0')).totalElements, plan.devices);
  // Whatever is still under way has had its time: nothing may have been applied twice.
  assert.equal(applied(await api.status('kinesis_integration')), RECORDS);
  assert.equal((await gateway.stop()).code, 0);
  t.diagnostic(`seed ${seed}: ${RECORDS} records in ${seconds.toFixed(1)} s, ${changes} changes of shards, ` +
    `${fired} faults, ${plan.kills} kills`);
  assert.ok(changes > 0 && fired > 0);
  const { calls } = await kinesisStats({ url });
  assert.ok(fanOut ? calls.SubscribeToShard && !calls.GetRecords : calls.GetRecords && !calls.SubscribeToShard);
  assert.equal((await kinesis.stop()).code, 0);
}

for (const [way, fanOut] of [['polling', false], ['fan-out', true]])
  test(`campaign by ${way} (seed ${seed})`, {
    timeout: 600_000, skip: onlyWay && onlyWay !== way && `only by ${onlyWay}`,
  }, (t) => campaign(t, fanOut));
