// SPDX-License-Identifier: Apache-2.0
// Latency at a low rate. Uplink: from a put's acknowledgement until the value is readable by REST.
// Downlink: from sending the attribute until its record is readable on the stream.

import path from 'node:path';

import { PutRecordCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis';

import {
  connectDownlink, kinesisClient, reader, serve, startKinesis,
} from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { now, removeDir, root, sleep, tempDir } from '../lib/process.mjs';
import { pairs, quantile } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const POLL_MS = 200; // the service allows five reads a second and shard
const LANES = 4; // devices with a record each on its way
const SAMPLES = 25; // of a lane
const DOWNLINKS = 100;
const LATE_MS = 5000;
const FLOW_RATE = 1000; // records a second

const put = (client, StreamName, name, temperature) =>
  client.send(new PutRecordCommand({
    StreamName,
    PartitionKey: name,
    Data: Buffer.from(JSON.stringify({ devName: name, devType: 'thermostat', temperature })),
  }));

async function untilRead(read, wanted, start) {
  while ((await read()) !== wanted) {
    if (now() - start > LATE_MS) throw new Error(`not readable after ${LATE_MS} ms`);
    await sleep(1);
  }
  return now() - start;
}

// readerOf(name) -> a function that reads the latest temperature of the device.
async function sample(client, readerOf) {
  const samples = [];
  const lane = async (number) => {
    const name = `lane-${number}`;
    let temperature = 1;
    await put(client, 'latency', name, String(temperature));
    const read = await readerOf(name);
    await untilRead(read, String(temperature), now());
    for (let i = 0; i < SAMPLES; i++) {
      // At any moment between two polls, with the same probability.
      await sleep(Math.random() * POLL_MS);
      await put(client, 'latency', name, ++temperature);
      samples.push(await untilRead(read, String(temperature), now()));
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  return samples;
}

const temperatureAt = (url, headers) => async () => {
  const response = await fetch(url, { headers });
  return (await response.json()).temperature?.[0].value;
};

async function ours(endpoint, client) {
  const dir = tempDir();
  const limits = { getRecordsPerSecond: 1000 / POLL_MS, pollMs: POLL_MS };
  const gateway = await serve(dir, { endpoint, stream: 'latency', limits });
  const { api } = gateway;
  const samples = await sample(client, async (name) => {
    while (!(await api.device(name).catch(() => undefined))) await sleep(20);
    return temperatureAt(api.base + (await api.latestPath(name)), api.headers);
  });
  await gateway.stop();
  removeDir(dir);
  return samples;
}

async function theirs(endpoint, client) {
  const dir = tempDir();
  const peer = await startPeer(dir, { endpoint, stream: 'latency', pollMs: POLL_MS });
  peer.say('go');
  const headers = { 'x-authorization': 'Bearer bench' };
  const samples = await sample(client, async (name) => temperatureAt(`${peer.url}/latest/${name}`, headers));
  await peer.stop();
  removeDir(dir);
  return samples;
}

// The percentile of all samples; the ratio likewise: a pair has too few for a p99.
function percentile(list, q) {
  const of = (side) => quantile(list.flatMap((pair) => pair[side] ?? []), q);
  const values = { ours: of('ours'), peer: list[0].peer && of('peer') };
  if (values.peer) values.oursOverPeer = values.ours / values.peer;
  return values;
}

export async function uplinkLatency({ runs, say }) {
  const on = (side) => async () => {
    const kinesis = await startKinesis({ latency: 1 });
    const client = kinesisClient(kinesis.endpoint);
    const samples = await side(kinesis.endpoint, client);
    client.destroy();
    await kinesis.stop();
    return samples;
  };
  const list = await pairs(runs, on(ours), peerStore && on(theirs));
  say(`uplink latency: ${JSON.stringify(list)}`);
  const what = `latency, record put → readable by REST, poll interval ${POLL_MS} ms`;
  const peer = 'Node.js';
  return [
    row(`${what}, p50`, 'ms', 'less', percentile(list, 0.5), { peer }),
    row(`${what}, p99`, 'ms', 'less', percentile(list, 0.99), { target: { at: POLL_MS + 20 }, peer }),
  ];
}

// A thousand records a second beside the samples, as one producer would put them.
function startFlow(client, stream) {
  let count = 0, over = false;
  const errors = [];
  const began = now();
  const step = () => {
    if (over) return;
    const due = Math.floor(((now() - began) * FLOW_RATE) / 1000) - count;
    if (due > 0) {
      const Records = Array.from({ length: Math.min(due, 500) }, (_, i) => {
        const devName = `flow-${(count + i) % 1000}`;
        return { PartitionKey: devName, Data: Buffer.from(JSON.stringify({ devName, devType: 't', temperature: i })) };
      });
      count += Records.length;
      client.send(new PutRecordsCommand({ StreamName: stream, Records })).catch((error) => errors.push(error));
    }
    setTimeout(step, 20);
  };
  step();
  return () => {
    over = true;
    if (errors.length) throw errors[0];
    return (1000 * count) / (now() - began);
  };
}

export async function fanOutLatency({ runs, say }) {
  const list = await pairs(runs, async () => {
    const kinesis = await startKinesis({ latency: 1 });
    const client = kinesisClient(kinesis.endpoint);
    const dir = tempDir();
    const gateway = await serve(dir, {
      endpoint: kinesis.endpoint, stream: 'latency', client: { useConsumersWithEnhancedFanOut: true },
    });
    const { api } = gateway;
    const stop = startFlow(client, 'latency');
    const samples = await sample(client, async (name) => {
      while (!(await api.device(name).catch(() => undefined))) await sleep(20);
      return temperatureAt(api.base + (await api.latestPath(name)), api.headers);
    });
    const rate = stop();
    if (rate < 0.9 * FLOW_RATE) throw new Error(`only ${rate} records/s were put`);
    await gateway.stop();
    client.destroy();
    await kinesis.stop();
    removeDir(dir);
    return samples;
  });
  say(`fan-out latency: ${JSON.stringify(list)}`);
  const what = 'latency by fan-out, record put → readable by REST, 1,000 records/s';
  return [
    row(`${what}, p50`, 'ms', 'less', percentile(list, 0.5)),
    row(`${what}, p99`, 'ms', 'less', percentile(list, 0.99), { target: { at: 10 } }),
  ];
}

async function untilOnStream(read, text, start) {
  for (;;) {
    const records = await read();
    if (records.some(({ Data }) => Buffer.from(Data).includes(text))) return now() - start;
    if (now() - start > LATE_MS) throw new Error(`no record after ${LATE_MS} ms`);
    await sleep(1);
  }
}

export async function downlinkLatency({ runs, say }) {
  const kinesis = await startKinesis({ 'tb-test-uplink': 1, 'tb-test-downlink': 1 });
  const client = kinesisClient(kinesis.endpoint);
  const dir = tempDir();
  const gateway = await serve(dir, {
    endpoint: kinesis.endpoint,
    stream: 'tb-test-uplink',
    downlink: path.join(root, 'converters/kinesis_downlink_version.js'),
  });
  const { api } = gateway;
  await put(client, 'tb-test-uplink', 'kitchen_thermostat', 22);
  await api.untilApplied(1);
  await connectDownlink(api, 'Attributes Updated');
  const { id } = (await api.device('kitchen_thermostat')).id;
  const attributes = `/api/plugins/telemetry/DEVICE/${id}/attributes/SHARED_SCOPE`;
  const read = await reader(client, 'tb-test-downlink');
  let version = 0;
  const measure = (send) => async () => {
    const samples = [];
    for (let i = 0; i < DOWNLINKS; i++) {
      const text = `v.${++version}.`;
      const start = now();
      await send(text);
      samples.push(await untilOnStream(read, text, start));
    }
    return samples;
  };
  const list = await pairs(
    runs,
    measure((version) => api.text('POST', attributes, { version })),
    measure((text) => client.send(new PutRecordCommand({
      StreamName: 'tb-test-downlink', PartitionKey: '123', Data: Buffer.from(text),
    }))),
  );
  await gateway.stop();
  client.destroy();
  await kinesis.stop();
  removeDir(dir);
  say(`downlink latency: ${JSON.stringify(list)}`);
  const what = 'latency, attribute saved → record on the downlink stream';
  const peer = 'AWS SDK v3 alone ¹';
  return [
    row(`${what}, p50`, 'ms', 'less', percentile(list, 0.5), { peer }),
    row(`${what}, p99`, 'ms', 'less', percentile(list, 0.99), { target: { at: 20 }, peer }),
  ];
}
