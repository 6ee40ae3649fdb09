// SPDX-License-Identifier: Apache-2.0
// Downlinks while the network is away or the service refuses them: the outbox keeps them, over kill -9
// too, and drains in order.
// PENSTOCK_OUTAGE_SECONDS=60 for the long form.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import {
  bounded, configuration, connectDownlink, kinesisClient, putRecords, readStream, serve, sleep, startKinesis,
  tempDir, until,
} from '../integration/gateway.mjs';
import { PATIENCE_MS, kinesisStats, setFaults } from '../integration/lib.mjs';

const SECONDS = Number(process.env.PENSTOCK_OUTAGE_SECONDS ?? (bounded ? 1 : 3));
const RATE = bounded ? 500 : 5000; // downlinks a second
const SHARDS = 4;
const WRITERS = 10;
const KEYS = 100; // partition keys of a writer: of each one record is under way at a time
const BATCH = 50; // downlinks of one attribute
const DEVICE = 'writer-';

// A proxy whose cut ends every connection and lets no new one through.
async function startProxy(t, endpoint) {
  const target = new URL(endpoint);
  const sockets = new Set();
  let isCut = false;
  const server = net.createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = net.connect(target.port, target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === near ? far : near).destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      isCut = false;
    },
  };
}

// One attribute makes BATCH records: {"w": writer, "k": key, "n": number within the key}.
const script = `
var out = [];
for (var i = 0; i < ${BATCH}; i++) {
    var n = msg.batch * ${BATCH} + i;
    out.push({
        contentType: "JSON",
        data: JSON.stringify({ w: msg.writer, k: n % ${KEYS}, n: Math.floor(n / ${KEYS}) }),
        metadata: { streamName: "tb-test-downlink", partitionKey: msg.writer + "-" + n % ${KEYS} }
    });
}
return out;
`;

async function setUp(t) {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', `tb-test-downlink:${SHARDS}`], ['--retain', '2048']);
  const client = kinesisClient(t, kinesis.endpoint);
  await putRecords(client, 'tb-test-uplink', WRITERS, (i) => ({
    key: `${i}`,
    data: JSON.stringify({ devName: `${DEVICE}${i}`, devType: 'sensor', temperature: i }),
  }));
  const proxy = await startProxy(t, kinesis.endpoint);
  const dir = tempDir(t);
  const file = path.join(dir, 'downlink.js');
  writeFileSync(file, script);
  const config = configuration({
    data: path.join(dir, 'data'),
    client: { endpoint: proxy.endpoint, requestTimeout: 5 },
    limits: { pollMs: 50, putRecordsPerSecond: 0, putBytesPerSecond: 0 },
  });
  config.converters[1].file = file;
  const state = { gateway: await serve(null, config, { dir }) };
  state.start = async () => (state.gateway = await serve(null, config, { dir }));
  t.after(() => state.gateway.stop());
  await connectDownlink(state.gateway.api, 'kinesis_integration');
  const ids = await until('devices', async () => {
    const devices = await Promise.all(
      Array.from({ length: WRITERS }, (_, i) => state.gateway.api.device(`${DEVICE}${i}`)),
    );
    return devices.every(Boolean) && devices.map((d) => d.id.id);
  });
  return { kinesis, client, proxy, state, ids };
}

// Saves attribute after attribute until told to stop; one that was not acknowledged is saved again.
// A writer that was held up makes up for it, so that RATE holds over the whole time.
function startWriters({ state, ids }) {
  const written = new Array(WRITERS).fill(0);
  let stopped = false;
  let repeated = 0;
  const pause = (1000 * BATCH * WRITERS) / RATE;
  const writer = async (w) => {
    let due = Date.now();
    while (!stopped) {
      const { api } = state.gateway;
      const reply = await api.call('POST', `/api/plugins/telemetry/DEVICE/${ids[w]}/attributes/SHARED_SCOPE`, {
        writer: w,
        batch: written[w],
      }).catch((error) => ({ error }));
      if (reply.status && reply.status !== 200) throw new Error(`saving: ${reply.status} ${reply.text}`);
      if (reply.error) {
        repeated++;
        await sleep(20);
        continue;
      }
      written[w]++;
      due += pause;
      await sleep(Math.max(0, due - Date.now()));
    }
  };
  const done = Promise.all(ids.map((_, w) => writer(w)));
  const began = Date.now();
  const total = () => written.reduce((sum, n) => sum + n * BATCH, 0);
  return {
    total,
    stop: async () => {
      const rate = Math.round((total() / (Date.now() - began)) * 1000);
      stopped = true;
      await done;
      return { written, repeated, rate };
    },
  };
}

// How many a key has when its writer has written so many attributes.
const countOf = (batches, k) => Math.ceil((batches * BATCH - k) / KEYS);

// Every record there; of each key the first of each number in order. Returns the number of others.
function check(records, written) {
  const seen = new Map();
  let doubles = 0;
  for (const { Data, PartitionKey } of records) {
    const { n } = JSON.parse(Buffer.from(Data).toString());
    const next = seen.get(PartitionKey) ?? 0;
    if (n < next) doubles++;
    else assert.equal(n, next, `key ${PartitionKey}: ${next} is missing or late`);
    if (n === next) seen.set(PartitionKey, next + 1);
  }
  written.forEach((batches, w) => {
    for (let k = 0; k < KEYS; k++) {
      const arrived = seen.get(`${w}-${k}`) ?? 0;
      assert.ok(arrived >= countOf(batches, k), `writer ${w}, key ${k}: not all arrived`);
    }
  });
  return doubles;
}

const drained = (state) => until('the outbox to be empty', async () => {
  const { text } = await state.gateway.api.call('GET', '/metrics');
  return /^penstock_store_outbox_rows 0$/m.test(text);
}, PATIENCE_MS + SECONDS * 1000);

async function outboxRows(state) {
  const { text } = await state.gateway.api.call('GET', '/metrics');
  return Number(text.match(/^penstock_store_outbox_rows (\d+)$/m)[1]);
}

async function kill(state) {
  state.gateway.child.kill('SIGKILL');
  await state.gateway.exited;
  await state.start();
}

test(`${SECONDS} seconds without network at ${RATE} downlinks/s, kill -9 twice meanwhile, once after`, async (t) => {
  const all = await setUp(t);
  const { kinesis, client, proxy, state } = all;
  const writers = startWriters(all);
  await until('first downlinks', async () => (await readStream(client, 'tb-test-downlink')).length > 0);
  proxy.cut();
  const from = Date.now();
  for (const part of [1, 2]) {
    await sleep(Math.max(0, from + (SECONDS * 1000 * part) / 3 - Date.now()));
    await kill(state);
  }
  await sleep(Math.max(0, from + SECONDS * 1000 - Date.now()));
  // A slow machine takes its time to start the gateway again.
  const waiting = await until('downlinks to wait', async () => {
    const rows = await outboxRows(state);
    return rows > (SECONDS * RATE) / 10 && rows;
  });
  const during = writers.total();
  const { recordsIn } = await kinesisStats({ url: kinesis.endpoint });
  proxy.mend();
  const mended = Date.now();
  // Once more while it drains: what was under way is sent again.
  await until('some to be on their way', async () => (await kinesisStats({ url: kinesis.endpoint })).recordsIn > recordsIn);
  await kill(state);
  const { written, repeated, rate } = await writers.stop();
  await drained(state);
  const seconds = (Date.now() - mended) / 1000;
  const total = written.reduce((sum, n) => sum + n * BATCH, 0);
  const records = await readStream(client, 'tb-test-downlink');
  const doubles = check(records, written);
  assert.ok(records.length - doubles >= total);
  t.diagnostic(`${total} downlinks at ${rate}/s, ${waiting} of ${during} waited at the end of the outage, ` +
    `drained in ${seconds.toFixed(1)} s; ${doubles} doubled by the crashes (${repeated} saves were repeated)`);
  assert.ok(doubles <= 3 * 8192 + repeated * BATCH, 'more doubles than crashes can make');
});

test('a clean stop in the middle of draining doubles nothing', async (t) => {
  const all = await setUp(t);
  const { client, proxy, state } = all;
  proxy.cut();
  const writers = startWriters(all);
  await until('a full outbox', async () => (await outboxRows(state)) > RATE);
  const { written, repeated } = await writers.stop();
  assert.equal(repeated, 0);
  proxy.mend();
  await until('some on the stream', async () => (await readStream(client, 'tb-test-downlink')).length > 0);
  assert.equal((await state.gateway.stop()).code, 0);
  const before = (await readStream(client, 'tb-test-downlink')).length;
  await state.start();
  await drained(state);
  const records = await readStream(client, 'tb-test-downlink');
  assert.equal(check(records, written), 0);
  assert.equal(records.length, written.reduce((sum, n) => sum + n * BATCH, 0));
  t.diagnostic(`${before} of ${records.length} were on the stream when it stopped`);
});

// The shards share the hash keys evenly.
const shardOf = (key) => createHash('md5').update(key).digest()[0] * SHARDS >> 8;

test('a third of all refused and one shard that takes nothing: the others go on, nothing is lost', async (t) => {
  const all = await setUp(t);
  const { kinesis, client, state } = all;
  await setFaults({ url: kinesis.endpoint }, [
    { op: 'PutRecords', fault: 'throttle', shard: 'shardId-000000000000' },
    { op: 'PutRecords', fault: 'partial', fraction: 0.3 },
  ]);
  const writers = startWriters(all);
  await sleep(SECONDS * 1000);
  const { written, repeated } = await writers.stop();
  assert.equal(repeated, 0);
  let expected = 0;
  written.forEach((batches, w) => {
    for (let k = 0; k < KEYS; k++) if (shardOf(`${w}-${k}`) !== 0) expected += countOf(batches, k);
  });
  const arrived = await until('all of the other shards', async () => {
    const records = await readStream(client, 'tb-test-downlink');
    return records.length >= expected && records;
  });
  assert.ok(arrived.every(({ PartitionKey }) => shardOf(PartitionKey) !== 0));
  assert.equal(await outboxRows(state) > 0, true);
  await setFaults({ url: kinesis.endpoint }, []);
  await drained(state);
  const records = await readStream(client, 'tb-test-downlink');
  assert.equal(check(records, written), 0);
  t.diagnostic(`${expected} of ${records.length} came while a shard took nothing`);
});
