// SPDX-License-Identifier: Apache-2.0
// Consumers and subscriptions of the local Kinesis endpoint, driven by the AWS SDK for JavaScript over
// HTTP/2 (its own way) and HTTP/1.1, by botocore and by the AWS CLI.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';

import * as sdk from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler } from '@smithy/node-http-handler';

import {
  awsCli, awsEnv, CBOR_TYPE, credentials, kinesisSettings, kinesisStats, makeCertificates, PATIENCE_MS, rawCall, region,
  requestJson, run, sdkClient, setFaults, slow, sleep, startKinesis, waitFor,
} from './lib.mjs';

const SHARD_0 = 'shardId-000000000000';
const HALF = (2n ** 127n).toString();
const arn = (name) => `arn:aws:kinesis:${region}:000000000000:stream/${name}`;
const transports = {
  'HTTP/1.1': () => ({}),
  'HTTP/2': () => ({ requestHandler: new NodeHttp2Handler({ requestTimeout: PATIENCE_MS }) }),
};

let kinesis, client;

before(async () => {
  kinesis = await startKinesis();
  client = sdkClient(kinesis);
});

after(async () => {
  client?.destroy();
  assert.equal(await kinesis?.stop(), 0);
});

let made = 0;
async function makeStream(ShardCount = 1) {
  const StreamName = `s${++made}`;
  await client.send(new sdk.CreateStreamCommand({ StreamName, ShardCount }));
  await active(StreamName);
  return StreamName;
}

// Asked more often than the SDK's waiters can.
const active = (StreamName) => waitFor(async () =>
  (await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary.StreamStatus === 'ACTIVE');

const consumers = [];
async function makeConsumer(StreamName, ConsumerName = 'c') {
  const { Consumer } = await client.send(new sdk.RegisterStreamConsumerCommand({ StreamARN: arn(StreamName), ConsumerName }));
  await waitFor(async () => (await describeConsumer({ ConsumerARN: Consumer.ConsumerARN })).ConsumerStatus === 'ACTIVE');
  consumers.push(Consumer.ConsumerARN);
  return Consumer.ConsumerARN;
}

const describeConsumer = async (by) =>
  (await client.send(new sdk.DescribeStreamConsumerCommand(by))).ConsumerDescription;

const put = (StreamName, data, PartitionKey = 'k') =>
  client.send(new sdk.PutRecordCommand({ StreamName, PartitionKey, Data: Buffer.from(data) }));

async function putMany(StreamName, from, to) {
  for (let i = from; i < to; i += 500) {
    const Records = Array.from({ length: Math.min(500, to - i) },
      (_, n) => ({ Data: Buffer.from(`${i + n}`), PartitionKey: `k${i + n}` }));
    assert.equal((await client.send(new sdk.PutRecordsCommand({ StreamName, Records }))).FailedRecordCount, 0);
  }
}

const horizon = { Type: 'TRIM_HORIZON' };
const afterSequence = (SequenceNumber) => ({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber });

// Subscriptions that come soon after each other are the service's to refuse, not this helper's to wait for.
const subscribe = async (c, ConsumerARN, StartingPosition = horizon, ShardId = SHARD_0) =>
  (await c.send(new sdk.SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition }))).EventStream;

// The events of a subscription, until `enough` says so, or its end.
async function events(stream, enough = () => false) {
  const got = [];
  for await (const e of stream) {
    assert.deepEqual(Object.keys(e), ['SubscribeToShardEvent']);
    got.push(e.SubscribeToShardEvent);
    if (enough(got)) break;
  }
  return got;
}

// An SDK keeps the subscription that a loop has left: its heartbeats are events, too, and a fault might
// spoil them.
async function endSubscriptions() {
  for (const ConsumerARN of consumers.splice(0)) {
    await client.send(new sdk.DeregisterStreamConsumerCommand({ ConsumerARN }))
      .catch((e) => assert.match(e.name, /^Resource(NotFound|InUse)Exception$/));
  }
  await waitFor(async () => (await kinesisStats(kinesis)).subscriptions === 0, { what: 'no subscriptions' });
}

const texts = (all) => all.flatMap((e) => e.Records).map((r) => Buffer.from(r.Data).toString());
const atLeast = (n) => (all) => texts(all).length >= n;

async function rejects(promise, name, message) {
  const e = await promise.then(() => assert.fail(`${name} expected`), (error) => error);
  assert.equal(e.name, name, e.stack);
  if (message) assert.match(e.message, message);
  return e;
}

describe('consumers', () => {
  test('register, describe, list by pages, deregister', async () => {
    const name = await makeStream();
    const StreamARN = arn(name);
    const { advanceClockMs } = await kinesisSettings(kinesis, { transitionMs: 60_000 });
    const { Consumer } = await client.send(new sdk.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'one' }));
    assert.match(Consumer.ConsumerARN, new RegExp(`^${StreamARN}/consumer/one:\\d{10}$`));
    assert.equal(Consumer.ConsumerStatus, 'CREATING');
    await rejects(subscribe(client, Consumer.ConsumerARN), 'ResourceInUseException', /state CREATING/);
    await kinesisSettings(kinesis, { transitionMs: 50, advanceClockMs: advanceClockMs + 60_000 });
    await waitFor(async () => (await describeConsumer({ ConsumerARN: Consumer.ConsumerARN })).ConsumerStatus === 'ACTIVE');
    const d = await describeConsumer({ StreamARN, ConsumerName: 'one' });
    assert.equal(d.StreamARN, StreamARN);
    assert.ok(Math.abs(d.ConsumerCreationTimestamp - Date.now() - advanceClockMs) < 60_000 * slow);
    await rejects(client.send(new sdk.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'one' })),
      'ResourceInUseException', /already exists/);
    for (const more of ['two', 'three']) await makeConsumer(name, more);
    const names = [];
    for await (const page of sdk.paginateListStreamConsumers({ client, pageSize: 2 }, { StreamARN }))
      names.push(...page.Consumers.map((c) => c.ConsumerName));
    assert.deepEqual(names, ['one', 'three', 'two']);
    const s = await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName: name }));
    assert.equal(s.StreamDescriptionSummary.ConsumerCount, 3);
    await rejects(client.send(new sdk.DeleteStreamCommand({ StreamName: name })), 'ResourceInUseException', /EnforceConsumerDeletion/);
    await client.send(new sdk.DeregisterStreamConsumerCommand({ ConsumerARN: Consumer.ConsumerARN }));
    await waitFor(() => describeConsumer({ ConsumerARN: Consumer.ConsumerARN })
      .then(() => false, (e) => e.name === 'ResourceNotFoundException'));
    const again = await makeConsumer(name, 'one');
    assert.notEqual(again, Consumer.ConsumerARN);
    await client.send(new sdk.DeleteStreamCommand({ StreamName: name, EnforceConsumerDeletion: true }));
    await waitFor(() => describeConsumer({ ConsumerARN: again })
      .then(() => false, (e) => e.name === 'ResourceNotFoundException'));
  });

  test('twenty a stream, five at a time', async () => {
    const StreamARN = arn(await makeStream());
    const register = (ConsumerName) => client.send(new sdk.RegisterStreamConsumerCommand({ StreamARN, ConsumerName }));
    await kinesisSettings(kinesis, { transitionMs: 60_000 });
    for (let i = 0; i < 5; i++) await register(`c${i}`);
    await rejects(register('c5'), 'LimitExceededException', /CREATING/);
    const { advanceClockMs } = await kinesisSettings(kinesis, { transitionMs: 0 });
    await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 60_000 });
    for (let i = 5; i < 20; i++) await register(`c${i}`);
    await rejects(register('c20'), 'LimitExceededException', /20 registered consumers/);
    await kinesisSettings(kinesis, { transitionMs: 50 });
  });

  test('by the AWS CLI', async () => {
    const name = await makeStream();
    const cli = async (...args) => {
      const r = await awsCli(kinesis, args);
      assert.equal(r.code, 0, r.stderr);
      return r.json;
    };
    const { Consumer } = await cli('register-stream-consumer', '--stream-arn', arn(name), '--consumer-name', 'cli');
    assert.equal((await cli('describe-stream-consumer', '--consumer-arn', Consumer.ConsumerARN)).ConsumerDescription.ConsumerName, 'cli');
    assert.equal((await cli('list-stream-consumers', '--stream-arn', arn(name))).Consumers.length, 1);
    await cli('deregister-stream-consumer', '--stream-arn', arn(name), '--consumer-name', 'cli');
  });
});

for (const [version, options] of Object.entries(transports))
  describe(`subscriptions over ${version}`, () => {
    let c;
    before(() => (c = sdkClient(kinesis, options())));
    after(() => c.destroy());

    test('what is there, then what comes, in order; and on from the continuation', async () => {
      const name = await makeStream();
      const consumer = await makeConsumer(name);
      await putMany(name, 0, 1000);
      const stream = await subscribe(c, consumer);
      let fed = false;
      const got = await events(stream, (all) => {
        if (!fed && texts(all).length >= 1000) {
          fed = true;
          putMany(name, 1000, 2000).catch(() => {});
        }
        return texts(all).length >= 2000;
      });
      assert.deepEqual(texts(got), Array.from({ length: 2000 }, (_, i) => `${i}`));
      assert.equal(got.at(-1).MillisBehindLatest, 0);
      const record = got[0].Records[0];
      assert.match(record.SequenceNumber, /^\d{56}$/);
      assert.ok(record.ApproximateArrivalTimestamp instanceof Date);
      assert.equal(record.PartitionKey, 'k0');
      const { advanceClockMs } = await kinesisSettings(kinesis);
      await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 5000 });
      await put(name, 'next');
      const more = await events(await subscribe(c, consumer, afterSequence(got.at(-1).ContinuationSequenceNumber)), atLeast(1));
      assert.deepEqual(texts(more), ['next']);
    });

    test('LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER', async () => {
      const name = await makeStream();
      const first = await put(name, 'first');
      const { advanceClockMs } = await kinesisSettings(kinesis);
      const between = new Date(Date.now() + advanceClockMs + 1000);
      await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 2000 });
      await put(name, 'second');
      const at = async (n, position, count) =>
        texts(await events(await subscribe(c, await makeConsumer(name, `c${n}`), position), atLeast(count)));
      assert.deepEqual(await at(1, { Type: 'AT_SEQUENCE_NUMBER', SequenceNumber: first.SequenceNumber }, 2), ['first', 'second']);
      assert.deepEqual(await at(2, { Type: 'AT_TIMESTAMP', Timestamp: between }, 1), ['second']);
      const latest = await subscribe(c, await makeConsumer(name, 'c3'), { Type: 'LATEST' });
      let fed = false;
      const got = await events(latest, (all) => {
        if (!fed) put(name, 'third').catch(() => {});
        fed = true;
        return texts(all).length > 0;
      });
      assert.deepEqual(texts(got), ['third']);
      assert.equal(got[0].Records.length, 0);
      await rejects(at(4, { Type: 'AT_TIMESTAMP' }, 1), 'InvalidArgumentException');
      await rejects(at(5, afterSequence('5'), 1), 'InvalidArgumentException', /used in SubscribeToShard/);
    });

    test('a heartbeat every five seconds, the end after five minutes', async () => {
      const name = await makeStream();
      const stream = await subscribe(c, await makeConsumer(name), { Type: 'LATEST' });
      let beats = 0;
      const got = await events(stream, () => {
        beats++;
        kinesisSettings(kinesis).then(({ advanceClockMs }) =>
          kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + (beats < 4 ? 5000 : 300_000) })).catch(() => {});
        return false;
      });
      assert.ok(got.length >= 4, `${got.length} events`);
      assert.equal(texts(got).length, 0);
      assert.ok(got.every((e) => e.ContinuationSequenceNumber && e.MillisBehindLatest === 0 && !e.ChildShards));
    });

    test('one subscription a consumer and shard: refused within 5 s, then taken over', async () => {
      const name = await makeStream();
      const consumer = await makeConsumer(name);
      const first = await subscribe(c, consumer);
      const ended = rejects(events(first), 'ResourceInUseException', /Another active subscription/);
      await rejects(subscribe(c, consumer), 'ResourceInUseException', /Another active subscription/);
      const { advanceClockMs } = await kinesisSettings(kinesis);
      await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 5000 });
      const second = await subscribe(c, consumer);
      await ended;
      await put(name, 'x');
      assert.deepEqual(texts(await events(second, atLeast(1))), ['x']);
    });

    test('the end of a shard names its children, which begin where it ends', async () => {
      const name = await makeStream();
      const consumer = await makeConsumer(name);
      await putMany(name, 0, 10);
      const stream = await subscribe(c, consumer);
      let splitting = false;
      const got = await events(stream, (all) => {
        if (!splitting && texts(all).length === 10) {
          splitting = true;
          client.send(new sdk.SplitShardCommand({ StreamName: name, ShardToSplit: SHARD_0, NewStartingHashKey: HALF })).catch(() => {});
        }
        return false;
      });
      const last = got.at(-1);
      assert.ok(!last.ContinuationSequenceNumber);
      assert.deepEqual(last.ChildShards.map((s) => [s.ShardId, s.ParentShards, s.HashKeyRange.StartingHashKey]), [
        ['shardId-000000000001', [SHARD_0], '0'], ['shardId-000000000002', [SHARD_0], HALF]]);
      assert.ok(got.slice(0, -1).every((e) => e.ContinuationSequenceNumber && !e.ChildShards));
      await active(name);
      await putMany(name, 10, 20);
      const children = await Promise.all(last.ChildShards.map(({ ShardId }) =>
        subscribe(c, consumer, horizon, ShardId).then((s) => events(s, atLeast(1)))));
      assert.deepEqual(children.flatMap(texts).map(Number).sort((a, b) => a - b), Array.from({ length: 10 }, (_, i) => i + 10));
      // A closed shard that was read whole: its end at once.
      const { advanceClockMs } = await kinesisSettings(kinesis);
      await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 5000 });
      const again = await events(await subscribe(c, consumer, { Type: 'LATEST' }));
      assert.deepEqual([again.length, again[0].ChildShards.length], [1, 2]);
    });

    test('a consumer or a stream that goes ends its subscriptions', async () => {
      const name = await makeStream();
      const consumer = await makeConsumer(name);
      const gone = rejects(events(await subscribe(c, consumer)), 'ResourceNotFoundException', /deregistered/);
      await client.send(new sdk.DeregisterStreamConsumerCommand({ ConsumerARN: consumer }));
      await gone;
      const other = rejects(events(await subscribe(c, await makeConsumer(name, 'd'))), 'ResourceNotFoundException');
      await client.send(new sdk.DeleteStreamCommand({ StreamName: name, EnforceConsumerDeletion: true }));
      await other;
    });

    test('records of 10 MiB', async () => {
      const name = await makeStream();
      const consumer = await makeConsumer(name);
      const big = Buffer.alloc((10 << 20) - 1, 'b');
      await rejects(put(name, big), 'ValidationException');
      await client.send(new sdk.UpdateMaxRecordSizeCommand({ StreamARN: arn(name), MaxRecordSizeInKiB: 10240 }));
      await active(name);
      const d = await client.send(new sdk.DescribeStreamSummaryCommand({ StreamName: name }));
      assert.equal(d.StreamDescriptionSummary.MaxRecordSizeInKiB, 10240);
      await put(name, big);
      await put(name, 'small');
      const got = await events(await subscribe(c, consumer), atLeast(2));
      assert.deepEqual(got.flatMap((e) => e.Records).map((r) => r.Data.length), [big.length, 5]);
      const { ShardIterator } = await client.send(new sdk.GetShardIteratorCommand(
        { StreamName: name, ShardId: SHARD_0, ShardIteratorType: 'TRIM_HORIZON' }));
      const page = await client.send(new sdk.GetRecordsCommand({ ShardIterator }));
      assert.deepEqual(page.Records.map((r) => r.Data.length), [big.length]);
      assert.ok(Buffer.compare(big, Buffer.from(page.Records[0].Data)) === 0);
      const rest = await client.send(new sdk.GetRecordsCommand({ ShardIterator: page.NextShardIterator }));
      assert.deepEqual(rest.Records.map((r) => r.Data.length), [5]);
    });

    describe('faults', () => {
      const event = (fault, more = {}) => ({ op: 'SubscribeToShardEvent', fault, count: 1, after: 1, ...more });
      // Three records, one event each: the rule spoils the second event.
      async function spoiled(rule) {
        const name = await makeStream();
        await endSubscriptions();
        const consumer = await makeConsumer(name);
        await put(name, '0');
        await setFaults(kinesis, [rule]);
        const stream = await subscribe(c, consumer);
        const got = [];
        const end = { all: got, name, consumer };
        try {
          for await (const e of stream) {
            got.push(e.SubscribeToShardEvent);
            const n = texts(got).length;
            if (n === 1 && got.length === 1) await put(name, '1');
            if (n >= 2 && texts(got).at(-1) === '1') await put(name, '2');
            if (texts(got).at(-1) === '2') break;
          }
        } catch (e) {
          end.error = e;
        }
        await setFaults(kinesis, []);
        return end;
      }

      test('an end that comes too soon: clean, cut, cut in the middle, reset', async () => {
        const clean = await spoiled(event('end'));
        assert.deepEqual([texts(clean.all), clean.error], [['0'], undefined]);
        for (const fault of ['cut', 'cut_middle', 'reset']) {
          const r = await spoiled(event(fault));
          assert.deepEqual(texts(r.all), ['0'], fault);
          // The SDK's reader takes an end in the middle of a message for a clean one over HTTP/2.
          if (version === 'HTTP/1.1' || fault === 'reset') assert.ok(r.error, fault);
          const { advanceClockMs } = await kinesisSettings(kinesis);
          await kinesisSettings(kinesis, { advanceClockMs: advanceClockMs + 5000 });
          const more = await events(await subscribe(c, r.consumer,
            afterSequence(r.all.at(-1).ContinuationSequenceNumber)), atLeast(1));
          assert.deepEqual(texts(more), ['1'], fault);
        }
      });

      test('a wrong checksum', async () => {
        const r = await spoiled(event('corrupt'));
        assert.deepEqual(texts(r.all), ['0']);
        assert.match(r.error.message, /checksum/i);
      });

      test('exceptions and errors', async () => {
        const internal = await spoiled(event('internal'));
        assert.equal(internal.error.name, 'InternalFailureException');
        const other = await spoiled(event('error', { code: 'KMSThrottlingException', message: 'Slowly.' }));
        assert.deepEqual([other.error.name, other.error.message], ['KMSThrottlingException', 'Slowly.']);
        const throttled = await spoiled(event('throttle'));
        assert.equal(throttled.error.name, 'LimitExceededException');
      });

      test('twice, empty, stalled, slow, GOAWAY: all of it arrives', async () => {
        assert.deepEqual(texts((await spoiled(event('redeliver'))).all), ['0', '1', '1', '2']);
        const empty = await spoiled(event('empty'));
        assert.deepEqual(texts(empty.all), ['0', '1', '2']);
        assert.ok(empty.all.some((e) => e.Records.length === 0 && e.MillisBehindLatest > 0));
        for (const fault of ['stall', 'slow', 'goaway']) {
          const t0 = performance.now();
          const r = await spoiled(event(fault, { ms: 300 }));
          assert.deepEqual([texts(r.all), r.error], [['0', '1', '2'], undefined], fault);
          if (fault !== 'goaway') assert.ok(performance.now() - t0 >= 280, fault);
        }
      });

      test('random ones never lose a record to those who go on where they were', async () => {
        const name = await makeStream();
        const consumer = await makeConsumer(name);
        await putMany(name, 0, 500);
        await kinesisSettings(kinesis, { subscribeAgainMs: 0 });
        await setFaults(kinesis, [
          { op: 'SubscribeToShardEvent', fault: 'random', probability: 0.5, seed: 11, ms: 20 },
          { op: 'SubscribeToShard', fault: 'random', probability: 0.3, seed: 12, ms: 20 }]);
        const seen = [];
        let position = horizon;
        for (let round = 0; seen.length < 1000 && round < 500; round++) {
          if (round === 20) await putMany(name, 500, 1000);
          try {
            for await (const e of await subscribe(c, consumer, position)) {
              for (const r of e.SubscribeToShardEvent.Records)
                if (!seen.length || r.SequenceNumber > seen.at(-1).SequenceNumber) seen.push(r);
              position = afterSequence(e.SubscribeToShardEvent.ContinuationSequenceNumber);
              if (seen.length >= 1000 || round < 20) break;
            }
          } catch {
            await sleep(5);
          }
        }
        await setFaults(kinesis, []);
        await kinesisSettings(kinesis, { subscribeAgainMs: 5000 });
        assert.deepEqual(seen.map((r) => Buffer.from(r.Data).toString()), Array.from({ length: 1000 }, (_, i) => `${i}`));
      });
    });
  });

describe('HTTP/2 itself', () => {
  // A request on a session; its answer's status and body, or the error it ended with.
  function call(session, operation, body, { pause = false, onData } = {}) {
    const stream = session.request({
      ':method': 'POST', ':path': '/', 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Kinesis_20131202.${operation}`,
    });
    const result = { stream, bytes: 0 };
    stream.end(JSON.stringify(body));
    if (pause) stream.pause();
    else stream.on('data', (d) => ((result.bytes += d.length), onData?.(d)));
    result.done = new Promise((resolve) => {
      stream.on('response', (h) => (result.status = h[':status']));
      stream.on('error', (e) => (result.error = e)).on('close', () => resolve(result));
    });
    return result;
  }
  const connect = () => http2.connect(kinesis.url).on('error', () => {});

  test('a reset ends one stream, and GOAWAY none that is there', async () => {
    const session = connect();
    const goaway = new Promise((resolve) => session.on('goaway', resolve));
    await setFaults(kinesis, [
      { op: 'DescribeLimits', fault: 'stall', ms: 300, count: 1 }, { op: 'ListStreams', fault: 'reset', count: 1 },
      { op: 'ListStreams', fault: 'goaway', count: 1 }]);
    const stalled = call(session, 'DescribeLimits', {});
    const reset = await call(session, 'ListStreams', {}).done;
    assert.match(reset.error.message, /NGHTTP2_INTERNAL_ERROR/);
    const answered = call(session, 'ListStreams', {});
    await goaway;
    assert.equal((await answered.done).status, 200);
    const late = await stalled.done;
    assert.deepEqual([late.status, late.error], [200, undefined]);
    await setFaults(kinesis, []);
    session.destroy();
  });

  test('a subscription that is not read holds up neither its connection nor memory', async () => {
    const k = await startKinesis({ streams: { s: 1 }, args: ['--retain', '16'] });
    const c = sdkClient(k);
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${k.pid}/status`, 'utf8'))[1]) / 1024;
    const consumers = [];
    await kinesisSettings(k, { transitionMs: 0 });
    for (let i = 0; i < 10; i++)
      consumers.push((await c.send(new sdk.RegisterStreamConsumerCommand({ StreamARN: arn('s'), ConsumerName: `c${i}` }))).Consumer.ConsumerARN);
    const session = http2.connect(k.url).on('error', () => {});
    const subscribed = (ConsumerARN, options) => call(session, 'SubscribeToShard', { ConsumerARN, ShardId: SHARD_0, StartingPosition: horizon }, options);
    for (const one of consumers.slice(1)) subscribed(one, { pause: true });
    const reader = subscribed(consumers[0]);
    await waitFor(async () => (await kinesisStats(k)).subscriptions === 10);
    const Records = Array.from({ length: 10 }, () => ({ Data: Buffer.alloc(300_000), PartitionKey: 'k' }));
    const feed = async (n) => {
      for (let i = 0; i < n; i++) {
        const { bytes } = reader;
        await c.send(new sdk.PutRecordsCommand({ StreamName: 's', Records }));
        await waitFor(() => reader.bytes >= bytes + 4_000_000, { what: `event ${i} read` });
      }
    };
    await feed(6);
    const before_ = rss();
    await feed(10);
    assert.ok(rss() - before_ < 24 * slow, `${before_} -> ${rss()} MiB`);
    session.destroy();
    await waitFor(async () => (await kinesisStats(k)).subscriptions === 0);
    c.destroy();
    assert.equal(await k.stop(), 0);
  });

  test('over TLS, signed, by the SDK as it comes', async () => {
    const tls = makeCertificates();
    const k = await startKinesis({ streams: { s: 1 }, tls, credentials });
    const script = `
import * as sdk from '@aws-sdk/client-kinesis';
const client = new sdk.KinesisClient({ endpoint: '${k.url}', maxAttempts: 1 });
const { Consumer } = await client.send(new sdk.RegisterStreamConsumerCommand({ StreamARN: '${arn('s')}', ConsumerName: 'c' }));
const { ConsumerARN } = Consumer;
while ((await client.send(new sdk.DescribeStreamConsumerCommand({ ConsumerARN }))).ConsumerDescription.ConsumerStatus !== 'ACTIVE');
const r = await client.send(new sdk.SubscribeToShardCommand({ ConsumerARN, ShardId: '${SHARD_0}', StartingPosition: { Type: 'LATEST' } }));
let put = false;
for await (const { SubscribeToShardEvent: e } of r.EventStream) {
  if (e.Records.length) {
    console.log(Buffer.from(e.Records[0].Data).toString());
    break;
  }
  if (!put) await client.send(new sdk.PutRecordCommand({ StreamName: 's', PartitionKey: 'k', Data: Buffer.from('hello') }));
  put = true;
}
process.exit(0);`;
    const r = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
      env: { ...awsEnv({ credentials }), NODE_EXTRA_CA_CERTS: tls.ca },
    });
    assert.deepEqual([r.code, r.stdout.trim()], [0, 'hello'], r.stderr);
    assert.equal(await k.stop(), 0);
  });
});

test('the SDK waits for a stream that comes and one that goes', async () => {
  const wait = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
  await client.send(new sdk.CreateStreamCommand({ StreamName: 'waited', ShardCount: 1 }));
  assert.equal((await sdk.waitUntilStreamExists(wait, { StreamName: 'waited' })).state, 'SUCCESS');
  await client.send(new sdk.DeleteStreamCommand({ StreamName: 'waited' }));
  assert.equal((await sdk.waitUntilStreamNotExists(wait, { StreamName: 'waited' })).state, 'SUCCESS');
});

test('the settings refuse what they do not know', async () => {
  const post = (body) => requestJson(`${kinesis.url}/_penstock/settings`, { method: 'POST', body });
  for (const [body, message] of [
    [{ nope: 1 }, /unknown key "nope"/], [{ limits: 1 }, /true or false/], [{ transitionMs: -1 }, /a number from 0/],
    [{ transitionMs: 'x' }, /a number from 0/], [[], /an object/], [{ transitionMs: 1, nope: 1 }, /unknown/]]) {
    const r = await post(body);
    assert.equal(r.status, 400);
    assert.match(r.json.error, message);
  }
  const now = await kinesisSettings(kinesis, { advanceClockMs: (await kinesisSettings(kinesis)).advanceClockMs + 1 });
  assert.equal(now.transitionMs, 50);
  assert.match((await post({ advanceClockMs: 0 })).json.error, /cannot go back/);
});

test('a subscriber that does not read holds little memory, and nobody else up', async () => {
  const k = await startKinesis({ streams: { s: 1 }, args: ['--retain', '16'] });
  const c = sdkClient(k);
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${k.pid}/status`, 'utf8'))[1]) / 1024;
  const { Consumer } = await c.send(new sdk.RegisterStreamConsumerCommand({ StreamARN: arn('s'), ConsumerName: 'c' }));
  await waitFor(async () => (await c.send(new sdk.DescribeStreamConsumerCommand(
    { ConsumerARN: Consumer.ConsumerARN }))).ConsumerDescription.ConsumerStatus === 'ACTIVE');
  const body = JSON.stringify({ ConsumerARN: Consumer.ConsumerARN, ShardId: SHARD_0, StartingPosition: horizon });
  const socket = net.connect(new URL(k.url).port, '127.0.0.1').on('error', () => {});
  socket.pause();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n' +
    `X-Amz-Target: Kinesis_20131202.SubscribeToShard\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await waitFor(async () => (await kinesisStats(k)).subscriptions === 1);
  const Records = Array.from({ length: 10 }, () => ({ Data: Buffer.alloc(400_000), PartitionKey: 'k' }));
  for (let i = 0; i < 10; i++) await c.send(new sdk.PutRecordsCommand({ StreamName: 's', Records }));
  const before_ = rss();
  for (let i = 0; i < 20; i++) await c.send(new sdk.PutRecordsCommand({ StreamName: 's', Records }));
  // 80 MB went past it.
  assert.ok(rss() - before_ < 24 * slow, `${before_} -> ${rss()} MiB`);
  const stats = await kinesisStats(k);
  assert.equal(stats.recordsIn, 300);
  assert.ok(stats.recordsOut < 50, `${stats.recordsOut} records`);
  socket.destroy();
  await waitFor(async () => (await kinesisStats(k)).subscriptions === 0);
  c.destroy();
  assert.equal(await k.stop(), 0);
});

test('a subscription asked for in CBOR has its events in CBOR', async () => {
  const { cbor } = await import('@smithy/core/cbor');
  const { EventStreamCodec } = await import('@smithy/core/event-streams');
  const name = await makeStream();
  await endSubscriptions();
  const consumer = await makeConsumer(name);
  await put(name, 'x');
  await setFaults(kinesis, [{ op: 'SubscribeToShardEvent', fault: 'end', after: 1 }]);
  const { recordsOut } = await kinesisStats(kinesis);
  const r = rawCall(kinesis, 'SubscribeToShard', { ConsumerARN: consumer, ShardId: SHARD_0, StartingPosition: horizon }, { type: CBOR_TYPE });
  await waitFor(async () => (await kinesisStats(kinesis)).recordsOut > recordsOut);
  await put(name, 'y');
  const { body } = await r;
  await setFaults(kinesis, []);
  const codec = new EventStreamCodec((b) => Buffer.from(b).toString(), (s) => Buffer.from(s));
  const messages = [];
  for (let at = 0; at < body.length;) {
    const n = body.readUInt32BE(at);
    messages.push(codec.decode(body.subarray(at, at + n)));
    at += n;
  }
  assert.deepEqual(messages.map((m) => m.headers[':event-type'].value), ['initial-response', 'SubscribeToShardEvent']);
  assert.ok(messages.every((m) => m.headers[':content-type'].value === 'application/x-amz-cbor-1.1'));
  const event = cbor.deserialize(messages[1].body);
  assert.equal(Buffer.from(event.Records[0].Data).toString(), 'x');
});

test('SIGTERM ends subscriptions cleanly', async () => {
  const k = await startKinesis({ streams: { s: 1 } });
  const c = sdkClient(k);
  const { Consumer } = await c.send(new sdk.RegisterStreamConsumerCommand({ StreamARN: arn('s'), ConsumerName: 'c' }));
  await waitFor(async () => (await c.send(new sdk.DescribeStreamConsumerCommand(
    { ConsumerARN: Consumer.ConsumerARN }))).ConsumerDescription.ConsumerStatus === 'ACTIVE');
  const stream = await subscribe(c, Consumer.ConsumerARN);
  const all = events(stream);
  await waitFor(async () => (await kinesisStats(k)).subscriptions === 1);
  assert.equal(await k.stop(), 0);
  assert.equal(texts(await all).length, 0);
  c.destroy();
});

test('botocore subscribes, and reads to the end of a shard', async () => {
  const name = await makeStream();
  const consumer = await makeConsumer(name);
  await putMany(name, 0, 20);
  await client.send(new sdk.SplitShardCommand({ StreamName: name, ShardToSplit: SHARD_0, NewStartingHashKey: HALF }));
  await active(name);
  const script = `
import json, sys
from botocore.session import get_session
url, consumer = sys.argv[1:]
client = get_session().create_client('kinesis', endpoint_url=url)
stream = client.subscribe_to_shard(ConsumerARN=consumer, ShardId='${SHARD_0}',
                                   StartingPosition={'Type': 'TRIM_HORIZON'})['EventStream']
data, children = [], []
for event in stream:
    event = event['SubscribeToShardEvent']
    data += [r['Data'].decode() for r in event['Records']]
    children += [c['ShardId'] for c in event.get('ChildShards', [])]
print(json.dumps([data, children]))
try:
    client.subscribe_to_shard(ConsumerARN=consumer, ShardId='${SHARD_0}', StartingPosition={'Type': 'LATEST'})
except client.exceptions.ResourceInUseException as e:
    print(e.response['Error']['Code'])
`;
  // The AWS CLI of a distribution brings botocore for the distribution's own interpreter.
  const has = async (python) => (await run(python, ['-c', 'import botocore'])).code === 0;
  const python = (await has('python3')) ? 'python3' : '/usr/bin/python3';
  const r = await run(python, ['-c', script, kinesis.url, consumer], { env: awsEnv({ credentials }) });
  assert.equal(r.code, 0, r.stderr);
  const [data, code] = r.stdout.trim().split('\n');
  assert.deepEqual(JSON.parse(data), [Array.from({ length: 20 }, (_, i) => `${i}`), ['shardId-000000000001', 'shardId-000000000002']]);
  assert.equal(code, 'ResourceInUseException');
});
