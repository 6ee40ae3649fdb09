// SPDX-License-Identifier: Apache-2.0
// The local Kinesis endpoint, driven by clients that others wrote: the AWS SDK for JavaScript (JSON),
// its signer and its CBOR codec, and the AWS CLI.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import * as sdk from '@aws-sdk/client-kinesis';

import {
  awsCli, awsEnv, bin, bounded, CBOR_TYPE, cborTime, credentials, kinesisSettings, kinesisStats, makeCertificates, plainEnv,
  rawCall, rawData, region, request, requestJson, run, sdkClient, setFaults, slow, startKinesis,
  tempDir, waitFor,
} from './lib.mjs';

const SHARD_0 = 'shardId-000000000000';
const MAX_HASH = '340282366920938463463374607431768211455';
const arn = (name) => `arn:aws:kinesis:${region}:000000000000:stream/${name}`;

let kinesis;
let client;

before(async () => {
  kinesis = await startKinesis({ streams: { one: 1, four: 4 } });
  client = sdkClient(kinesis);
});

after(async () => {
  client?.destroy();
  assert.equal(await kinesis?.stop(), 0);
});

let streams = 0;
// A stream of its own for a test.
async function makeStream(shards = 1, options = {}) {
  const StreamName = `test-${++streams}`;
  await client.send(new sdk.CreateStreamCommand({ StreamName, ShardCount: shards, ...options }));
  await active(StreamName);
  return StreamName;
}

const active = (StreamName) =>
  waitFor(
    async () =>
      (await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName })))
        .StreamDescriptionSummary.StreamStatus === 'ACTIVE',
    { what: `${StreamName} active` },
  );

async function iterator(StreamName, ShardIteratorType = 'TRIM_HORIZON', more = {}) {
  const r = await client.send(
    new sdk.GetShardIteratorCommand({ StreamName, ShardId: SHARD_0, ShardIteratorType, ...more }));
  return r.ShardIterator;
}

const get = (ShardIterator, more = {}) =>
  client.send(new sdk.GetRecordsCommand({ ShardIterator, ...more }));

const put = (StreamName, data, PartitionKey = 'k', more = {}) =>
  client.send(
    new sdk.PutRecordCommand({ StreamName, Data: Buffer.from(data), PartitionKey, ...more }));

async function rejects(promise, name, message) {
  const e = await promise.then(
    () => assert.fail(`${name} expected, but the call succeeded`),
    (error) => error,
  );
  assert.equal(e.name, name, e.message);
  if (message) assert.match(e.message, message);
  return e;
}

describe('command line', () => {
  const usage = (args) => run(bin, ['kinesis', ...args], { env: plainEnv() });

  test('wrong usage ends with 2 and one line that says what is wrong', async () => {
    const cases = [
      [['--nope'], /unknown argument "--nope"/],
      [['--listen'], /--listen needs a value/],
      [['--listen', 'nonsense'], /--listen/],
      [['--stream', 'name'], /NAME:SHARDS expected/],
      [['--stream', 'name:0'], /NAME:SHARDS expected/],
      [['--listen', '127.0.0.1:0', '--stream', 'a b:1'], /stream name "a b"/],
      [['--listen', '127.0.0.1:0', '--stream', 'a:1', '--stream', 'a:1'], /already/],
      [['--listen', '127.0.0.1:0', '--stream', 'a:501'], /1 to 500 shards/],
      [['--credentials', 'noseparator'], /ID:SECRET expected/],
      [['--tls-cert', 'x'], /needed both/],
      [['--retain', '0'], /a number from 1/],
    ];
    for (const [args, message] of cases) {
      const r = await usage(args);
      assert.equal(r.code, 2, `${args}: ${r.stderr}`);
      assert.match(r.stderr, message);
      assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
      assert.ok(!r.stdout.includes('ready'));
    }
    const help = await usage(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--credentials ID:SECRET/);
  });

  test('a port that is taken, and a missing certificate, are named', async () => {
    const taken = await usage(['--listen', new URL(kinesis.url).host]);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, new RegExp(new URL(kinesis.url).port));
    const tls = await usage(['--listen', '127.0.0.1:0', '--tls-cert', '/nope.pem', '--tls-key', '/nope.key']);
    assert.notEqual(tls.code, 0);
    assert.match(tls.stderr, /nope/);
  });

  for (const signal of ['SIGTERM', 'SIGINT'])
    test(`${signal} ends it with 0, with connections open`, async () => {
      const k = await startKinesis({ streams: { s: 1 } });
      const c = sdkClient(k);
      await c.send(new sdk.ListStreamsCommand({}));
      const idle = net.connect(new URL(k.url).port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => idle.on('connect', resolve));
      assert.equal(await k.stop(signal), 0);
      idle.destroy();
      c.destroy();
    });

  test('the region comes from the option, else from AWS_REGION', async () => {
    const k = await startKinesis({ streams: { s: 1 }, env: { AWS_REGION: 'eu-west-1' } });
    const c = sdkClient(k);
    const r = await c.send(new sdk.DescribeStreamSummaryCommand({ StreamName: 's' }));
    assert.equal(r.StreamDescriptionSummary.StreamARN,
      'arn:aws:kinesis:eu-west-1:000000000000:stream/s');
    c.destroy();
    assert.equal(await k.stop(), 0);
  });
});

// Two at a time: most of it is the CLI's own start.
describe('the tutorial by the AWS CLI', { concurrency: 2 }, () => {
  // The tutorial's commands, as written but for the endpoint.
  async function tutorial(k, options) {
    const cli = async (...args) => {
      const r = await awsCli(k, args, options);
      assert.equal(r.code, 0, r.stderr);
      return r.json;
    };
    const raw = await rawData();
    for (const name of ['tb-test-uplink', 'tb-test-downlink']) {
      await cli('create-stream', '--stream-name', name, '--shard-count', '1');
      const d = await waitFor(async () => {
        const { StreamDescription } = await cli('describe-stream', '--stream-name', name);
        return StreamDescription.StreamStatus === 'ACTIVE' && StreamDescription;
      });
      assert.equal(d.StreamName, name);
      assert.equal(d.StreamARN, arn(name));
      assert.equal(d.EncryptionType, 'NONE');
      assert.equal(d.RetentionPeriodHours, 24);
      assert.deepEqual(d.EnhancedMonitoring, [{ ShardLevelMetrics: [] }]);
      assert.equal(d.Shards.length, 1);
      assert.equal(d.Shards[0].ShardId, SHARD_0);
      assert.deepEqual(d.Shards[0].HashKeyRange,
        { EndingHashKey: MAX_HASH, StartingHashKey: '0' });
      assert.match(d.Shards[0].SequenceNumberRange.StartingSequenceNumber, /^4\d{55}$/);
    }
    const text = '{"devName": "kitchen_thermostat", "devType": "thermostat", "temperature": 22}';
    const p = await cli('put-record', '--stream-name', 'tb-test-uplink', '--partition-key', '123',
      ...raw, '--data', text);
    assert.equal(p.ShardId, SHARD_0);
    const { ShardIterator } = await cli('get-shard-iterator', '--shard-id', SHARD_0,
      '--shard-iterator-type', 'TRIM_HORIZON', '--stream-name', 'tb-test-uplink');
    const r = await cli('get-records', '--shard-iterator', ShardIterator);
    assert.equal(r.MillisBehindLatest, 0);
    assert.equal(r.Records.length, 1);
    assert.equal(Buffer.from(r.Records[0].Data, 'base64').toString(), text);
    assert.equal(r.Records[0].PartitionKey, '123');
    assert.equal(r.Records[0].SequenceNumber, p.SequenceNumber);
    assert.ok(r.NextShardIterator);
  }

  test('over HTTP', async () => {
    const k = await startKinesis();
    await tutorial(k);
    assert.equal(await k.stop(), 0);
  });

  test('over HTTPS, signed; without the CA it is refused', async () => {
    const tls = makeCertificates();
    const k = await startKinesis({ tls, credentials });
    assert.match(k.url, /^https:/);
    await tutorial(k, { env: awsEnv({ ca: tls.ca }) });
    const stranger = await awsCli(k, ['list-streams'], { env: awsEnv() });
    assert.notEqual(stranger.code, 0);
    assert.match(stranger.stderr, /SSL|certificate/i);
    const wrong = await awsCli(k, ['list-streams'],
      { env: awsEnv({ ca: tls.ca, credentials: { ...credentials, secretAccessKey: 'wrong' } }) });
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /InvalidSignatureException/);
    assert.equal(await k.stop(), 0);
  });

  test('errors reach its user', async () => {
    const r = await awsCli(kinesis, ['describe-stream', '--stream-name', 'nope']);
    assert.notEqual(r.code, 0);
    assert.match(r.stderr, /\(ResourceNotFoundException\).*Stream nope under account 000000000000 not found\./);
  });

  test('the other stream commands', { skip: bounded && 'the SDK tests do the same' }, async () => {
    const cli = async (...args) => {
      const r = await awsCli(kinesis, args);
      assert.equal(r.code, 0, r.stderr);
      return r.json;
    };
    await cli('create-stream', '--stream-name', 'by-cli', '--shard-count', '1');
    await active('by-cli');
    await cli('add-tags-to-stream', '--stream-name', 'by-cli', '--tags', 'a=1,b=2');
    assert.deepEqual((await cli('list-tags-for-stream', '--stream-name', 'by-cli')).Tags,
      [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '2' }]);
    await cli('increase-stream-retention-period', '--stream-name', 'by-cli',
      '--retention-period-hours', '48');
    await cli('split-shard', '--stream-name', 'by-cli', '--shard-to-split', SHARD_0,
      '--new-starting-hash-key', '100');
    await active('by-cli');
    await cli('merge-shards', '--stream-name', 'by-cli', '--shard-to-merge', 'shardId-000000000001',
      '--adjacent-shard-to-merge', 'shardId-000000000002');
    await active('by-cli');
    assert.equal((await cli('list-shards', '--stream-name', 'by-cli')).Shards.length, 4);
    await cli('update-shard-count', '--stream-name', 'by-cli', '--target-shard-count', '2',
      '--scaling-type', 'UNIFORM_SCALING');
    assert.equal((await cli('describe-limits')).ShardLimit, 500);
    await active('by-cli');
    await cli('delete-stream', '--stream-name', 'by-cli');
    await waitFor(async () => !(await cli('list-streams')).StreamNames.includes('by-cli'));
  });
});

describe('streams by the SDK', () => {
  test('create, describe, list, delete', async () => {
    const StreamName = `life-${Date.now()}`;
    await client.send(new sdk.CreateStreamCommand({ StreamName, ShardCount: 2, Tags: { t: 'v' } }));
    const d = await client.send(new sdk.DescribeStreamCommand({ StreamName }));
    assert.ok(['CREATING', 'ACTIVE'].includes(d.StreamDescription.StreamStatus));
    await sdk.waitUntilStreamExists({ client, maxWaitTime: 30, minDelay: 1 }, { StreamName });
    const s = (await client.send(new sdk.DescribeStreamSummaryCommand({ StreamARN: arn(StreamName) })))
      .StreamDescriptionSummary;
    assert.equal(s.OpenShardCount, 2);
    assert.equal(s.StreamModeDetails.StreamMode, 'PROVISIONED');
    assert.ok(Math.abs(s.StreamCreationTimestamp - Date.now()) < 60_000 * slow);
    await rejects(client.send(new sdk.CreateStreamCommand({ StreamName, ShardCount: 1 })),
      'ResourceInUseException', /already exists/);
    const names = [];
    for await (const page of sdk.paginateListStreams({ client, pageSize: 1 }, {}))
      names.push(...page.StreamNames);
    assert.ok(names.includes(StreamName) && names.includes('one'));
    assert.deepEqual(names, [...names].sort());
    await client.send(new sdk.DeleteStreamCommand({ StreamName }));
    await waitFor(() =>
      client.send(new sdk.DescribeStreamCommand({ StreamName })).then(() => false, (e) => e.name === 'ResourceNotFoundException'));
  });

  test('retention, tags, limits', async () => {
    const StreamName = await makeStream();
    const retention = async (C, RetentionPeriodHours) => {
      await client.send(new C({ StreamName, RetentionPeriodHours }));
      const s = await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName }));
      assert.equal(s.StreamDescriptionSummary.RetentionPeriodHours, RetentionPeriodHours);
      await active(StreamName);
    };
    await retention(sdk.IncreaseStreamRetentionPeriodCommand, 8760);
    await retention(sdk.DecreaseStreamRetentionPeriodCommand, 24);
    await rejects(retention(sdk.DecreaseStreamRetentionPeriodCommand, 23),
      'InvalidArgumentException', /Minimum allowed retention period is 24 hours/);
    await client.send(new sdk.AddTagsToStreamCommand({ StreamName, Tags: { b: '2', a: 'ä' } }));
    await client.send(new sdk.RemoveTagsFromStreamCommand({ StreamName, TagKeys: ['b'] }));
    const t = await client.send(new sdk.ListTagsForStreamCommand({ StreamName }));
    assert.deepEqual(t.Tags, [{ Key: 'a', Value: 'ä' }]);
    assert.equal(t.HasMoreTags, false);
    const l = await client.send(new sdk.DescribeLimitsCommand({}));
    assert.ok(l.OpenShardCount >= 6 && l.ShardLimit === 500);
  });

  test('split, merge, change of count, and their filters', async () => {
    const StreamName = await makeStream(1);
    const list = async (more = {}) =>
      (await client.send(new sdk.ListShardsCommand({ StreamName, ...more }))).Shards;
    const half = (2n ** 127n).toString();
    await client.send(new sdk.SplitShardCommand(
      { StreamName, ShardToSplit: SHARD_0, NewStartingHashKey: half }));
    await active(StreamName);
    let shards = await list();
    assert.equal(shards.length, 3);
    assert.ok(shards[0].SequenceNumberRange.EndingSequenceNumber);
    assert.deepEqual(shards.slice(1).map((s) => [s.ParentShardId, s.HashKeyRange.StartingHashKey]),
      [[SHARD_0, '0'], [SHARD_0, half]]);
    await client.send(new sdk.MergeShardsCommand(
      { StreamName, ShardToMerge: shards[1].ShardId, AdjacentShardToMerge: shards[2].ShardId }));
    await active(StreamName);
    shards = await list({ ShardFilter: { Type: 'AT_LATEST' } });
    assert.equal(shards.length, 1);
    assert.equal(shards[0].AdjacentParentShardId, 'shardId-000000000002');
    await client.send(new sdk.UpdateShardCountCommand(
      { StreamName, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }));
    await active(StreamName);
    shards = await list({ ShardFilter: { Type: 'AT_LATEST' } });
    assert.deepEqual(shards.map((s) => s.HashKeyRange.StartingHashKey), ['0', half]);
    const all = await list({ ShardFilter: { Type: 'FROM_TRIM_HORIZON' } });
    assert.equal((await list({ ShardFilter: { Type: 'FROM_TIMESTAMP', Timestamp: new Date(0) } })).length, all.length);
    assert.deepEqual((await list({ ShardFilter: { Type: 'AFTER_SHARD_ID', ShardId: all.at(-2).ShardId } }))
      .map((s) => s.ShardId), [all.at(-1).ShardId]);
    const paged = [];
    let NextToken;
    do {
      const page = await client.send(new sdk.ListShardsCommand(
        NextToken ? { NextToken, MaxResults: 2 } : { StreamName, MaxResults: 2 }));
      assert.ok(page.Shards.length <= 2);
      paged.push(...page.Shards);
      ({ NextToken } = page);
    } while (NextToken);
    assert.deepEqual(paged, await list());
  });
});

describe('records by the SDK', () => {
  test('what is put comes back, byte for byte', async () => {
    const s = await makeStream();
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 255));
    const key = 'ключ "quoted" \\ \u0001 😀';
    const t0 = Date.now();
    const p = await put(s, bytes, key);
    const q = await put(s, '', 'empty', { SequenceNumberForOrdering: p.SequenceNumber });
    const r = await get(await iterator(s));
    assert.deepEqual(Buffer.from(r.Records[0].Data), bytes);
    assert.equal(r.Records[0].PartitionKey, key);
    assert.equal(r.Records[1].Data.length, 0);
    assert.deepEqual(r.Records.map((x) => x.SequenceNumber), [p.SequenceNumber, q.SequenceNumber]);
    const at = r.Records[0].ApproximateArrivalTimestamp.getTime();
    assert.ok(at >= t0 - 1000 && at <= Date.now() + 1000);
    assert.equal(r.MillisBehindLatest, 0);
  });

  test('all iterator types', async () => {
    const s = await makeStream();
    const seq = [];
    for (let i = 0; i < 3; i++) {
      seq.push((await put(s, `${i}`)).SequenceNumber);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const all = (await get(await iterator(s))).Records;
    const texts = async (...args) =>
      (await get(await iterator(s, ...args))).Records.map((r) => Buffer.from(r.Data).toString()).join('');
    assert.equal(await texts('TRIM_HORIZON'), '012');
    assert.equal(await texts('LATEST'), '');
    assert.equal(await texts('AT_SEQUENCE_NUMBER', { StartingSequenceNumber: seq[1] }), '12');
    assert.equal(await texts('AFTER_SEQUENCE_NUMBER', { StartingSequenceNumber: seq[1] }), '2');
    assert.equal(await texts('AT_TIMESTAMP', { Timestamp: all[1].ApproximateArrivalTimestamp }), '12');
    const latest = await iterator(s, 'LATEST');
    await put(s, 'new');
    const page = await get(latest);
    assert.equal(Buffer.from(page.Records[0].Data).toString(), 'new');
    await rejects(iterator(s, 'AT_TIMESTAMP', { Timestamp: new Date(Date.now() + 600_000) }),
      'InvalidArgumentException', /cannot be greater than the currentTimestampInMillis/);
    await rejects(iterator(s, 'AT_SEQUENCE_NUMBER'), 'InvalidArgumentException', /Must either specify/);
    await rejects(get('AAAAAAAAAAE' + 'B'.repeat(101)), 'InvalidArgumentException', /Invalid ShardIterator/);
  });

  test('an end of shard is told with its last records and its children', async () => {
    const s = await makeStream();
    await put(s, 'last');
    const it = await iterator(s);
    await client.send(new sdk.SplitShardCommand(
      { StreamName: s, ShardToSplit: SHARD_0, NewStartingHashKey: '1000' }));
    await active(s);
    const r = await get(it);
    assert.equal(r.Records.length, 1);
    assert.ok(!r.NextShardIterator);
    assert.deepEqual(r.ChildShards.map((c) => [c.ShardId, c.ParentShards, c.HashKeyRange]), [
      ['shardId-000000000001', [SHARD_0], { StartingHashKey: '0', EndingHashKey: '999' }],
      ['shardId-000000000002', [SHARD_0], { StartingHashKey: '1000', EndingHashKey: MAX_HASH }],
    ]);
    const p = await put(s, 'child', 'k', { ExplicitHashKey: '0' });
    assert.equal(p.ShardId, 'shardId-000000000001');
  });

  test('PutRecords: order in, order out, over four shards and many writers', async () => {
    const s = await makeStream(4);
    const writers = 8, rounds = 5, each = 100;
    await Promise.all(Array.from({ length: writers }, async (_, w) => {
      for (let i = 0; i < rounds; i++) {
        const Records = Array.from({ length: each }, (__, k) =>
          ({ Data: Buffer.from(`${w}:${i * each + k}`), PartitionKey: `writer-${w}` }));
        const r = await client.send(new sdk.PutRecordsCommand({ StreamName: s, Records }));
        assert.equal(r.FailedRecordCount, 0);
        assert.equal(r.Records.length, each);
      }
    }));
    const seen = Array.from({ length: writers }, () => 0);
    for (const shard of (await client.send(new sdk.ListShardsCommand({ StreamName: s }))).Shards) {
      let it = await iterator(s, 'TRIM_HORIZON', { ShardId: shard.ShardId });
      let last = '', behind;
      do {
        const page = await get(it, { Limit: 333 });
        for (const r of page.Records) {
          assert.ok(r.SequenceNumber > last);
          last = r.SequenceNumber;
          const [w, n] = Buffer.from(r.Data).toString().split(':').map(Number);
          assert.equal(n, seen[w]++);
        }
        it = page.NextShardIterator;
        behind = page.MillisBehindLatest;
      } while (behind > 0);
    }
    assert.deepEqual(seen, Array.from({ length: writers }, () => rounds * each));
  });

  test('sizes at the limit and over', async () => {
    const s = await makeStream();
    const mib = Buffer.alloc(1 << 20, 'x');
    await put(s, mib.subarray(0, -1));
    await rejects(put(s, mib), 'InvalidArgumentException', /Record size/);
    await rejects(put(s, Buffer.alloc((1 << 20) + 1)), 'ValidationException',
      /Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576/);
    const Records = Array.from({ length: 10 }, () => ({ Data: mib.subarray(0, -1), PartitionKey: 'k' }));
    const r = await client.send(new sdk.PutRecordsCommand({ StreamName: s, Records }));
    assert.equal(r.FailedRecordCount, 0);
    Records.push({ Data: Buffer.alloc(0), PartitionKey: 'k' });
    await rejects(client.send(new sdk.PutRecordsCommand({ StreamName: s, Records })),
      'InvalidArgumentException', /exceeds 10 MB/);
    const few = Array.from({ length: 501 }, () => ({ Data: Buffer.alloc(0), PartitionKey: 'k' }));
    await rejects(client.send(new sdk.PutRecordsCommand({ StreamName: s, Records: few })),
      'ValidationException', /less than or equal to 500/);
    const page = await get(await iterator(s));
    assert.equal(page.Records.length, 10);
    assert.equal(page.Records.reduce((n, x) => n + x.Data.length, 0), 10 * ((1 << 20) - 1));
    assert.equal((await get(page.NextShardIterator)).Records.length, 1);
    const big = await makeStream(1, { MaxRecordSizeInKiB: 10240 });
    await put(big, Buffer.alloc((10 << 20) - 1, 'y'));
    assert.equal((await get(await iterator(big))).Records[0].Data.length, (10 << 20) - 1);
  });

  test('the byte cap drops the oldest records, and reading goes on', async () => {
    const k = await startKinesis({ streams: { s: 1 }, args: ['--retain', '4'] });
    const c = sdkClient(k);
    const it = (await c.send(new sdk.GetShardIteratorCommand(
      { StreamName: 's', ShardId: SHARD_0, ShardIteratorType: 'TRIM_HORIZON' }))).ShardIterator;
    for (let i = 0; i < 20; i++)
      await c.send(new sdk.PutRecordCommand(
        { StreamName: 's', PartitionKey: `${i}`, Data: Buffer.alloc(500_000) }));
    const page = await c.send(new sdk.GetRecordsCommand({ ShardIterator: it }));
    assert.ok(page.Records.length >= 5 && page.Records.length <= 8, `${page.Records.length}`);
    assert.equal(page.Records.at(-1).PartitionKey, '19');
    const stats = await kinesisStats(k);
    assert.ok(stats.retainedBytes <= 4 << 20);
    assert.equal(stats.recordsEvicted, 20 - page.Records.length);
    c.destroy();
    assert.equal(await k.stop(), 0);
  });
});

describe('CBOR', () => {
  const cborCall = (op, body) => rawCall(kinesis, op, body, { type: CBOR_TYPE });

  test('records: bytes as bytes, times as tagged milliseconds', async () => {
    const s = await makeStream();
    const data = new Uint8Array([0, 255, 1, 2]);
    const t0 = Date.now();
    const p = await cborCall('PutRecords', { StreamName: s, Records: [
      { Data: data, PartitionKey: 'ä' }, { Data: new Uint8Array(70_000), PartitionKey: 'k', ExplicitHashKey: '7' }] });
    assert.equal(p.status, 200);
    assert.equal(p.headers['content-type'], CBOR_TYPE);
    assert.equal(p.value.FailedRecordCount, 0);
    const at = await cborCall('GetShardIterator',
      { StreamName: s, ShardId: SHARD_0, ShardIteratorType: 'AT_TIMESTAMP', Timestamp: cborTime(t0 - 1000) });
    assert.equal(at.status, 200);
    const r = await cborCall('GetRecords', { ShardIterator: at.value.ShardIterator, Limit: 10 });
    assert.deepEqual(r.value.Records.map((x) => x.SequenceNumber),
      p.value.Records.map((x) => x.SequenceNumber));
    assert.deepEqual(new Uint8Array(r.value.Records[0].Data), data);
    assert.equal(r.value.Records[1].Data.length, 70_000);
    assert.equal(r.value.Records[0].PartitionKey, 'ä');
    const time = r.value.Records[0].ApproximateArrivalTimestamp;
    assert.equal(time.tag, 1);
    assert.ok(Number(time.value) >= t0 - 1000 && Number(time.value) <= Date.now() + 1000);
    assert.equal(r.value.MillisBehindLatest, 0);
    // The same records in JSON.
    const j = await get(await iterator(s));
    assert.deepEqual(j.Records.map((x) => x.ApproximateArrivalTimestamp.getTime()),
      r.value.Records.map((x) => Number(x.ApproximateArrivalTimestamp.value)));
  });

  test('describe, list, errors', async () => {
    const d = await cborCall('DescribeStream', { StreamName: 'four' });
    assert.equal(d.value.StreamDescription.Shards.length, 4);
    assert.equal(d.value.StreamDescription.StreamCreationTimestamp.tag, 1);
    assert.ok(Number(d.value.StreamDescription.StreamCreationTimestamp.value) > 1e12);
    const l = await cborCall('ListShards', { StreamName: 'four', MaxResults: 3 });
    assert.equal(l.value.Shards.length, 3);
    assert.equal((await cborCall('ListShards', { NextToken: l.value.NextToken })).value.Shards.length, 1);
    const e = await cborCall('DescribeStream', { StreamName: 'nope' });
    assert.equal(e.status, 400);
    assert.equal(e.headers['content-type'], CBOR_TYPE);
    assert.deepEqual(e.value, { __type: 'ResourceNotFoundException',
      message: 'Stream nope under account 000000000000 not found.' });
    const bad = await rawCall(kinesis, 'DescribeStream', Buffer.from([0xbf, 0x61]), { type: CBOR_TYPE });
    assert.deepEqual([bad.status, bad.value], [400, { __type: 'SerializationException' }]);
    const made = await cborCall('AddTagsToStream', { StreamName: 'four', Tags: { a: 'b' } });
    assert.deepEqual([made.status, made.body.length], [200, 0]);
  });
});

describe('signatures', () => {
  let signed;
  before(async () => {
    signed = await startKinesis({ streams: { s: 1 }, credentials });
  });
  after(async () => assert.equal(await signed.stop(), 0));

  test('right ones are let in, by SDK and by hand, in JSON and CBOR', async () => {
    const c = sdkClient(signed);
    await c.send(new sdk.ListStreamsCommand({}));
    c.destroy();
    const r = await rawCall(signed, 'ListStreams', {}, { type: CBOR_TYPE });
    assert.equal(r.status, 200);
  });

  test('a wrong secret, id or token, and no signature at all', async () => {
    const wrong = async (c, name, message) => {
      const client_ = sdkClient(signed, { credentials: c });
      await rejects(client_.send(new sdk.ListStreamsCommand({})), name, message);
      client_.destroy();
    };
    await wrong({ ...credentials, secretAccessKey: 'nope' }, 'InvalidSignatureException',
      /The request signature we calculated does not match/);
    await wrong({ ...credentials, accessKeyId: 'AKIDOTHER' }, 'UnrecognizedClientException',
      /security token included in the request is invalid/);
    await wrong({ ...credentials, sessionToken: 'token' }, 'UnrecognizedClientException');
    const none = await rawCall(signed, 'ListStreams', {}, { sign: false });
    assert.deepEqual([none.status, none.value],
      [400, { __type: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' }]);
  });

  test('what was altered on the way', async () => {
    const cases = [
      [(r) => (r.body = Buffer.from('{"Limit":1}')), 'InvalidSignatureException'],
      [(r) => (r.path = '/other'), undefined],
      [(r) => (r.headers['x-amz-target'] = 'Kinesis_20131202.DescribeLimits'), 'InvalidSignatureException'],
      [(r) => (r.headers['content-type'] = CBOR_TYPE), 'InvalidSignatureException'],
      [(r) => (r.headers.authorization = r.headers.authorization.replace(/.$/, (c) => (c === '0' ? '1' : '0'))),
        'InvalidSignatureException'],
      [(r) => (r.headers.authorization = 'nonsense'), 'IncompleteSignatureException'],
      [(r) => (r.headers.authorization = r.headers.authorization.replace('host;', '')), 'InvalidSignatureException'],
      [(r) => delete r.headers['x-amz-date'], 'IncompleteSignatureException'],
    ];
    for (const [alter, code] of cases) {
      const r = await rawCall(signed, 'ListStreams', {}, { alter });
      assert.equal(r.value.__type, code, alter.toString());
      assert.equal(r.status, code ? 400 : 200);
    }
  });

  test('dates more than five minutes off, another region', async () => {
    const at = (minutes) => new Date(Date.now() + minutes * 60_000);
    assert.equal((await rawCall(signed, 'ListStreams', {}, { date: at(-4) })).status, 200);
    assert.equal((await rawCall(signed, 'ListStreams', {}, { date: at(4) })).status, 200);
    const old = await rawCall(signed, 'ListStreams', {}, { date: at(-6) });
    assert.equal(old.value.__type, 'InvalidSignatureException');
    assert.match(old.value.message, /^Signature expired: \d{8}T\d{6}Z is now earlier than .* - 5 min\.\)$/);
    const early = await rawCall(signed, 'ListStreams', {}, { date: at(6) });
    assert.match(early.value.message, /^Signature not yet current: .* \+ 5 min\.\)$/);
    const elsewhere = await rawCall(signed, 'ListStreams', {}, { signRegion: 'eu-west-1' });
    assert.equal(elsewhere.value.__type, 'InvalidSignatureException');
  });

  test('a client whose clock is wrong corrects itself by the Date header', async () => {
    const c = sdkClient(signed, { maxAttempts: 3, systemClockOffset: -3_600_000 });
    await c.send(new sdk.ListStreamsCommand({}));
    c.destroy();
  });
});

describe('the wire', () => {
  const post = (headers, body) =>
    request(kinesis.url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) }, body });
  const target = { 'x-amz-target': 'Kinesis_20131202.ListStreams' };
  const json = { 'content-type': 'application/x-amz-json-1.1' };

  test('every answer has its ids', async () => {
    const r = await post({ ...json, ...target }, '{}');
    assert.equal(r.status, 200);
    assert.match(r.headers['x-amzn-requestid'], /^[0-9a-f-]{36}$/);
    assert.equal(Buffer.from(r.headers['x-amz-id-2'], 'base64').length, 72);
    assert.equal(r.headers['content-type'], 'application/x-amz-json-1.1');
    assert.ok(Math.abs(new Date(r.headers.date) - Date.now()) < 60_000);
  });

  test('unknown operations and services', async () => {
    for (const t of ['Kinesis_20131202.SubscribeToShards', 'Kinesis_20131202.Nope',
      'Kinesis_20131202.listStreams', 'DynamoDB_20120810.ListTables', 'nonsense']) {
      const r = await post({ ...json, 'x-amz-target': t }, '{}');
      assert.equal(r.status, 400);
      assert.deepEqual(JSON.parse(r.body), { __type: 'UnknownOperationException' });
    }
    const old = await post({ 'content-type': 'application/json', ...target }, '{}');
    assert.equal(old.status, 404);
    assert.match(old.body.toString(), /UnknownOperationException/);
    const xml = await post({ 'content-type': 'text/plain', ...target }, '{}');
    assert.deepEqual([xml.status, xml.body.toString()], [404, '<UnknownOperationException/>\n']);
    const none = await post({ 'content-type': 'text/plain' }, '{}');
    assert.equal(none.status, 403);
    assert.match(none.body.toString(), /<AccessDeniedException>/);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const r = await request(kinesis.url, { method });
      assert.equal(r.status, 403);
      assert.match(r.body.toString(), /Unable to determine service\/operation name to be authorized/);
    }
  });

  test('bodies that are none', async () => {
    for (const body of ['', '{', '[]', 'null', '{"Limit":}', '\xff']) {
      const r = await post({ ...json, ...target }, body);
      assert.deepEqual([r.status, JSON.parse(r.body)], [400, { __type: 'SerializationException' }], body);
    }
    const r = await post({ ...json, ...target }, '{"Limit":"x"}');
    assert.equal(JSON.parse(r.body).message, 'class java.lang.String can not be converted to an Integer');
  });

  test('a charset after the type is accepted; chunked bodies too', async () => {
    const r = await post({ 'content-type': 'application/x-amz-json-1.1; charset=utf-8', ...target }, '{}');
    assert.equal(r.status, 200);
    const chunked = await request(kinesis.url,
      { method: 'POST', headers: { ...json, ...target, 'transfer-encoding': 'chunked' }, body: '{}' });
    assert.equal(chunked.status, 200);
  });

  test('a request above 16 MiB is refused', async () => {
    const r = await post({ ...json, ...target }, Buffer.alloc((16 << 20) + 1, ' ')).catch((e) => e);
    assert.ok(r.status === 413 || r.code, `${r.status}`);
    await client.send(new sdk.ListStreamsCommand({}));
  });

  test('nesting without end is refused', async () => {
    for (const body of ['['.repeat(100_000), '{"a":'.repeat(100_000)]) {
      const r = await post({ ...json, ...target }, body);
      assert.deepEqual(JSON.parse(r.body), { __type: 'SerializationException' });
    }
    const r = await post({ 'content-type': CBOR_TYPE, ...target }, Buffer.alloc(100_000, 0x81));
    assert.equal(r.status, 400);
  });

  test('pipelined requests are answered in order', async () => {
    const { port } = new URL(kinesis.url);
    const one = (body) => 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n' +
      `X-Amz-Target: Kinesis_20131202.DescribeStreamSummary\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const socket = net.connect(port, '127.0.0.1');
    let got = '';
    socket.setEncoding('utf8').on('data', (d) => (got += d));
    socket.write(one('{"StreamName":"one"}') + one('{"StreamName":"four"}') + one('{"StreamName":"x"}'));
    await waitFor(() => got.includes('Stream x under account'), { what: 'third answer' });
    assert.ok(got.indexOf('stream/one') < got.indexOf('stream/four'));
    socket.destroy();
  });
});

describe('faults on demand', () => {
  let k, c;
  before(async () => {
    k = await startKinesis({ streams: { s: 1 } });
    c = sdkClient(k);
  });
  after(async () => {
    c.destroy();
    assert.equal(await k.stop(), 0);
  });

  const putOne = () => new sdk.PutRecordCommand({ StreamName: 's', PartitionKey: 'k', Data: Buffer.from('x') });
  const records = async () => {
    await setFaults(k, []);
    const it = await c.send(new sdk.GetShardIteratorCommand(
      { StreamName: 's', ShardId: SHARD_0, ShardIteratorType: 'TRIM_HORIZON' }));
    return (await c.send(new sdk.GetRecordsCommand({ ShardIterator: it.ShardIterator }))).Records.length;
  };

  test('errors as the service makes them, as often as asked', async () => {
    const cases = [
      ['throttle', 'ProvisionedThroughputExceededException', 400],
      ['internal', 'InternalFailure', 500],
      ['unavailable', 'ServiceUnavailable', 503],
      ['expired_token', 'ExpiredTokenException', 400],
    ];
    for (const [fault, name, status] of cases) {
      await setFaults(k, [{ op: 'PutRecord', fault, count: 2 }]);
      for (let i = 0; i < 2; i++) {
        const e = await rejects(c.send(putOne()), name);
        assert.equal(e.$metadata.httpStatusCode, status);
      }
      await c.send(putOne());
    }
    await setFaults(k, [{ fault: 'error', code: 'AccessDeniedException', status: 400, message: 'No.', count: 1 }]);
    await rejects(c.send(putOne()), 'AccessDeniedException', /^No\.$/);
    await setFaults(k, [{ fault: 'html', count: 1 }]);
    const html = await rawCall(k, 'ListStreams', {});
    assert.deepEqual([html.status, html.headers['content-type']], [503, 'text/html']);
  });

  test('retries of an SDK get through', async () => {
    const patient = sdkClient(k, { maxAttempts: 4 });
    await setFaults(k, [
      { op: 'PutRecord', fault: 'throttle', count: 1 },
      { op: 'PutRecord', fault: 'cut', count: 1 },
      { op: 'PutRecord', fault: 'unavailable', count: 1 },
    ]);
    const before_ = await kinesisStats(k);
    await patient.send(putOne());
    const stats = await kinesisStats(k);
    assert.equal(stats.calls.PutRecord - before_.calls.PutRecord, 4);
    assert.equal(stats.recordsIn - before_.recordsIn, 1);
    patient.destroy();
  });

  test('cut does nothing; duplicate does it and loses the answer', async () => {
    const n = await records();
    await setFaults(k, [{ op: 'PutRecord', fault: 'cut', count: 1 }]);
    await assert.rejects(c.send(putOne()));
    assert.equal(await records(), n);
    await setFaults(k, [{ op: 'PutRecord', fault: 'duplicate', count: 1 }]);
    const patient = sdkClient(k, { maxAttempts: 3 });
    await patient.send(putOne());
    patient.destroy();
    assert.equal(await records(), n + 2);
  });

  test('stall waits, then does it', async () => {
    await setFaults(k, [{ op: 'PutRecord', fault: 'stall', ms: 300, count: 1 }]);
    const t0 = performance.now();
    await c.send(putOne());
    assert.ok(performance.now() - t0 >= 295);
  });

  test('a peer that leaves during its stall does no harm', async () => {
    await setFaults(k, [{ op: 'ListStreams', fault: 'stall', ms: 200, count: 1 }]);
    const socket = net.connect(new URL(k.url).port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n' +
      'X-Amz-Target: Kinesis_20131202.ListStreams\r\nContent-Length: 2\r\n\r\n{}');
    const calls = async () => (await kinesisStats(k)).calls.ListStreams ?? 0;
    const before_ = await calls();
    await waitFor(async () => (await calls()) > before_ || before_ > 0);
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 250));
    await setFaults(k, []);
    await c.send(new sdk.ListStreamsCommand({}));
  });

  test('partial failures of PutRecords, the same each time', async () => {
    const outcome = async () => {
      await setFaults(k, [{ op: 'PutRecords', fault: 'partial', fraction: 0.3, seed: 5 }]);
      const Records = Array.from({ length: 200 }, (_, i) => ({ Data: Buffer.from(`${i}`), PartitionKey: `${i}` }));
      const r = await c.send(new sdk.PutRecordsCommand({ StreamName: 's', Records }));
      const failed = r.Records.map((x) => Boolean(x.ErrorCode));
      assert.equal(r.FailedRecordCount, failed.filter(Boolean).length);
      assert.ok(r.Records.every((x) => Boolean(x.ErrorCode) !== Boolean(x.SequenceNumber)));
      return failed;
    };
    const n = await records();
    const first = await outcome();
    assert.ok(first.filter(Boolean).length > 30 && first.filter(Boolean).length < 90);
    assert.deepEqual(await outcome(), first);
    assert.equal(await records(), n + 2 * first.filter((x) => !x).length);
  });

  test('empty pages with data behind them, pages once more, expired iterators', async () => {
    await c.send(putOne());
    const it = (await c.send(new sdk.GetShardIteratorCommand(
      { StreamName: 's', ShardId: SHARD_0, ShardIteratorType: 'TRIM_HORIZON' }))).ShardIterator;
    await setFaults(k, [{ fault: 'empty', count: 1 }, { fault: 'expired_iterator', count: 1 }]);
    const empty = await c.send(new sdk.GetRecordsCommand({ ShardIterator: it }));
    assert.equal(empty.Records.length, 0);
    assert.ok(empty.MillisBehindLatest > 0);
    await rejects(c.send(new sdk.GetRecordsCommand({ ShardIterator: empty.NextShardIterator })),
      'ExpiredIteratorException');
    await setFaults(k, [{ fault: 'redeliver', count: 1 }]);
    const page = await c.send(new sdk.GetRecordsCommand({ ShardIterator: empty.NextShardIterator }));
    assert.ok(page.Records.length > 0);
    const again = await c.send(new sdk.GetRecordsCommand({ ShardIterator: page.NextShardIterator }));
    assert.deepEqual(again.Records, page.Records);
    assert.equal((await c.send(new sdk.GetRecordsCommand({ ShardIterator: again.NextShardIterator }))).Records.length, 0);
  });

  test('a single shard throttled: reading, writing, and its entries of a PutRecords', async () => {
    const StreamName = 'two';
    await c.send(new sdk.CreateStreamCommand({ StreamName, ShardCount: 2 }));
    await waitFor(async () => (await c.send(new sdk.DescribeStreamSummaryCommand({ StreamName })))
      .StreamDescriptionSummary.StreamStatus === 'ACTIVE');
    const shards = [SHARD_0, 'shardId-000000000001'];
    const iterators = await Promise.all(shards.map(async (ShardId) => (await c.send(new sdk.GetShardIteratorCommand(
      { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))).ShardIterator));
    await setFaults(k, [{ fault: 'throttle', shard: shards[1] }]);
    const Records = Array.from({ length: 40 }, (_, i) => ({ Data: Buffer.from('x'), PartitionKey: `${i}` }));
    const r = await c.send(new sdk.PutRecordsCommand({ StreamName, Records }));
    assert.ok(r.FailedRecordCount > 5 && r.FailedRecordCount < 35);
    assert.ok(r.Records.every((x) => (x.ErrorCode ? x.ErrorMessage.includes(shards[1]) : x.ShardId === shards[0])));
    const read = (i) => c.send(new sdk.GetRecordsCommand({ ShardIterator: iterators[i] }));
    assert.equal((await read(0)).Records.length, 40 - r.FailedRecordCount);
    await rejects(read(1), 'ProvisionedThroughputExceededException', /shardId-000000000001/);
    await rejects(c.send(new sdk.PutRecordCommand({ StreamName, PartitionKey: 'k', Data: Buffer.from('x'),
      ExplicitHashKey: MAX_HASH })), 'ProvisionedThroughputExceededException');
    await setFaults(k, []);
    assert.equal((await read(1)).Records.length, 0);
  });

  test('an answer that trickles, one cut in the middle, a reset, a GOAWAY', async () => {
    const list = () => c.send(new sdk.ListStreamsCommand({}));
    await setFaults(k, [{ op: 'ListStreams', fault: 'slow', ms: 400, count: 1 }]);
    const t0 = performance.now();
    assert.ok((await list()).StreamNames.includes('s'));
    assert.ok(performance.now() - t0 >= 350);
    for (const fault of ['cut_middle', 'reset']) {
      await setFaults(k, [{ op: 'ListStreams', fault, count: 1 }]);
      await assert.rejects(list());
      await list();
    }
    await setFaults(k, [{ op: 'ListStreams', fault: 'goaway', count: 1 }]);
    await list();
  });

  test('a stream made again under its name is another one', async () => {
    const summary = async () =>
      (await c.send(new sdk.DescribeStreamSummaryCommand({ StreamName: 'again' }))).StreamDescriptionSummary;
    const made = [];
    for (let i = 0; i < 2; i++) {
      await c.send(new sdk.CreateStreamCommand({ StreamName: 'again', ShardCount: 1 }));
      made.push(await waitFor(async () => (await summary()).StreamStatus === 'ACTIVE' && summary()));
      await c.send(new sdk.DeleteStreamCommand({ StreamName: 'again' }));
      await waitFor(() => summary().then(() => false, (e) => e.name === 'ResourceNotFoundException'));
    }
    assert.ok(+made[1].StreamCreationTimestamp > +made[0].StreamCreationTimestamp);
  });

  test('a clock that is pushed on ends iterators, records and closed shards', async () => {
    const k2 = await startKinesis({ streams: { s: 1 } });
    const c2 = sdkClient(k2);
    const push = async (ms) =>
      kinesisSettings(k2, { advanceClockMs: (await kinesisSettings(k2)).advanceClockMs + ms });
    const it = async () => (await c2.send(new sdk.GetShardIteratorCommand(
      { StreamName: 's', ShardId: SHARD_0, ShardIteratorType: 'TRIM_HORIZON' }))).ShardIterator;
    await c2.send(putOne());
    const old = await it();
    await push(300_000);
    assert.equal((await c2.send(new sdk.GetRecordsCommand({ ShardIterator: await it() }))).Records.length, 1);
    await push(5000);
    await rejects(c2.send(new sdk.GetRecordsCommand({ ShardIterator: old })), 'ExpiredIteratorException');
    await c2.send(new sdk.SplitShardCommand({ StreamName: 's', ShardToSplit: SHARD_0, NewStartingHashKey: '10' }));
    await waitFor(async () => (await c2.send(new sdk.ListShardsCommand({ StreamName: 's' }))).Shards.length === 3);
    const closed = await c2.send(new sdk.GetRecordsCommand({ ShardIterator: await it() }));
    assert.equal(closed.Records.length, 1);
    assert.equal(closed.NextShardIterator, undefined);
    assert.deepEqual(closed.ChildShards.map((s) => s.ShardId), ['shardId-000000000001', 'shardId-000000000002']);
    await push(24 * 3600_000 + 1000);
    await rejects(it(), 'ResourceNotFoundException');
    assert.equal((await c2.send(new sdk.ListShardsCommand({ StreamName: 's' }))).Shards.length, 2);
    c2.destroy();
    assert.equal(await k2.stop(), 0);
  });

  test('wrong rules are refused whole, and listed rules count', async () => {
    await setFaults(k, []);
    const add = (body) => requestJson(`${k.url}/_penstock/faults`, { method: 'POST', body });
    const bad = await add([{ fault: 'cut' }, { fault: 'nope' }]);
    assert.equal(bad.status, 400);
    assert.match(bad.json.error, /rule 2: unknown fault "nope"/);
    assert.deepEqual((await requestJson(`${k.url}/_penstock/faults`)).json, []);
    await add([{ op: 'ListStreams', fault: 'throttle', count: 1 }]);
    await rejects(c.send(new sdk.ListStreamsCommand({})), 'LimitExceededException');
    await c.send(new sdk.ListStreamsCommand({}));
    assert.deepEqual((await requestJson(`${k.url}/_penstock/faults`)).json,
      [{ op: 'ListStreams', fault: 'throttle', seen: 2, fired: 1 }]);
    assert.equal((await request(`${k.url}/_penstock/nope`)).status, 404);
    assert.equal((await request(`${k.url}/_penstock/stats`, { headers: { origin: 'http://x' } })).status, 403);
    assert.equal((await request(`${k.url}/_penstock/stats`, { method: 'PUT' })).status, 405);
    await request(`${k.url}/_penstock/stats`, { method: 'DELETE' });
    assert.deepEqual((await kinesisStats(k)).calls, {});
  });

  test('SIGTERM does not wait for a stall', async () => {
    const other = await startKinesis({ streams: { s: 1 } });
    await setFaults(other, [{ fault: 'stall', ms: 600_000 }]);
    const c2 = sdkClient(other);
    const call = c2.send(new sdk.ListStreamsCommand({}));
    call.catch(() => {});
    await waitFor(async () => (await kinesisStats(other)).calls.ListStreams === 1);
    const t0 = Date.now();
    assert.equal(await other.stop(), 0);
    assert.ok(Date.now() - t0 < 300_000); // of the stall's ten minutes
    c2.destroy();
  });
});

describe('throughput limits', () => {
  test('are off unless asked for, and as the service has them with --limits', async () => {
    for (let i = 0; i < 12; i++) await client.send(new sdk.ListStreamsCommand({}));
    const k = await startKinesis({ streams: { s: 1 }, args: ['--limits'] });
    const c = sdkClient(k);
    const Records = Array.from({ length: 500 }, (_, i) => ({ Data: Buffer.from('x'), PartitionKey: `${i}` }));
    let accepted = 0, failed = 0;
    // A thousand at once, and a thousand a second: none is refused while the machine is slower than that.
    for (let i = 0; i < 4 || (failed === 0 && i < 100); i++) {
      const r = await c.send(new sdk.PutRecordsCommand({ StreamName: 's', Records }));
      accepted += 500 - r.FailedRecordCount;
      failed += r.FailedRecordCount;
      for (const x of r.Records.filter((y) => y.ErrorCode)) {
        assert.equal(x.ErrorCode, 'ProvisionedThroughputExceededException');
        assert.equal(x.ErrorMessage, `Rate exceeded for shard ${SHARD_0} in stream s under account 000000000000.`);
      }
    }
    assert.ok(accepted >= 1000);
    if (slow === 1) assert.ok(failed > 0, `${accepted} accepted`);
    const { ShardIterator } = await c.send(new sdk.GetShardIteratorCommand(
      { StreamName: 's', ShardId: SHARD_0, ShardIteratorType: 'LATEST' }));
    const results = await Promise.allSettled(Array.from({ length: 30 }, () =>
      c.send(new sdk.GetRecordsCommand({ ShardIterator }))));
    const throttled = results.filter((r) => r.status === 'rejected');
    assert.ok(throttled.length > 0 && throttled.length <= 25);
    for (const r of throttled) assert.equal(r.reason.name, 'ProvisionedThroughputExceededException');
    c.destroy();
    assert.equal(await k.stop(), 0);
  });
});

test('nothing secret is written to its output', async () => {
  const dir = tempDir();
  const k = await startKinesis({ streams: { s: 1 }, credentials, env: { HOME: dir } });
  const c = sdkClient(k, { credentials: { ...credentials, accessKeyId: 'AKIDOTHER' } });
  await rejects(c.send(new sdk.ListStreamsCommand({})), 'UnrecognizedClientException');
  c.destroy();
  assert.equal(await k.stop(), 0);
  assert.ok(!`${k.stdout}${k.stderr}`.includes(credentials.secretAccessKey));
  assert.deepEqual(fs.readdirSync(path.join(dir)), []);
});
