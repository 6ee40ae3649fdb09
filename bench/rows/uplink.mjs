// SPDX-License-Identifier: Apache-2.0
// Uplink end to end: signed fetch -> converter -> committed. A stream full of records is read from its
// start; the clock runs from the moment that reading is allowed until all records are durable.

import {
  DescribeStreamConsumerCommand, DescribeStreamSummaryCommand, RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis';

import {
  fill, kinesisClient, serve, startKinesis, tutorialRecord, unpaced,
} from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { now, removeDir, tempDir, until } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const RECORDS = 300000;
const DEVICES = 1000;
const SETUPS = [
  { shards: 1, limit: 10000 },
  { shards: 4, limit: 10000 },
  { shards: 16, limit: 10000 },
  { shards: 64, limit: 10000 },
  { shards: 4, limit: 1000 },
  { shards: 64, limit: 10000, fanOut: true },
];

const streamOf = (shards) => `uplink-${shards}`;

function cost(process, start) {
  const seconds = (now() - start.at) / 1e3;
  return {
    rate: RECORDS / seconds,
    cpu: ((process.cpu() - start.cpu) / RECORDS) * 1e6,
    peak: process.peakMib,
  };
}

let consumers = 0;

// Each run has a consumer of its own: for five seconds after a subscription the service refuses
// another one of the same.
async function registerConsumer(endpoint, stream) {
  const client = kinesisClient(endpoint);
  const ConsumerName = `bench-${++consumers}`;
  const { StreamDescriptionSummary: { StreamARN } } =
    await client.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
  await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName }));
  await until(`${ConsumerName} is active`, async () => {
    const { ConsumerDescription: { ConsumerStatus } } =
      await client.send(new DescribeStreamConsumerCommand({ StreamARN, ConsumerName }));
    return ConsumerStatus === 'ACTIVE';
  });
  client.destroy();
  return { useConsumersWithEnhancedFanOut: true, applicationName: ConsumerName };
}

async function ours(endpoint, { shards, limit, fanOut }) {
  const dir = tempDir();
  const consumer = fanOut && await registerConsumer(endpoint, streamOf(shards));
  const gateway = await serve(dir, {
    endpoint, stream: streamOf(shards), limit, limits: unpaced, enabled: false,
    client: consumer,
  });
  const start = { at: now(), cpu: gateway.cpu() };
  await gateway.api.setEnabled(true);
  await gateway.api.untilApplied(RECORDS);
  const result = cost(gateway, start);
  await gateway.stop();
  removeDir(dir);
  return result;
}

async function theirs(endpoint, { shards, limit }) {
  const dir = tempDir();
  const peer = await startPeer(dir, { endpoint, stream: streamOf(shards), limit, records: RECORDS });
  const start = { at: now(), cpu: peer.cpu() };
  peer.say('go');
  await peer.line(/^done: /m, 60000);
  const result = cost(peer, start);
  await peer.stop();
  removeDir(dir);
  return result;
}

export async function uplink({ runs, say }) {
  const streams = Object.fromEntries(SETUPS.map(({ shards }) => [streamOf(shards), shards]));
  const kinesis = await startKinesis(streams);
  const client = kinesisClient(kinesis.endpoint);
  for (const stream of Object.keys(streams)) await fill(client, stream, RECORDS, tutorialRecord(DEVICES));
  client.destroy();
  const rows = [];
  for (const setup of SETUPS) {
    const list = await pairs(
      runs,
      () => ours(kinesis.endpoint, setup),
      peerStore && !setup.fanOut ? () => theirs(kinesis.endpoint, setup) : undefined,
    );
    say(`${setup.shards} shards, limit ${setup.limit}${setup.fanOut ? ', fan-out' : ''}: ${JSON.stringify(list)}`);
    const what = `uplink, ${setup.shards} shard${setup.shards > 1 ? 's' : ''}` +
      (setup.limit === 10000 ? '' : `, ${setup.limit.toLocaleString('en-US')} records a call`) +
      (setup.fanOut ? ', by fan-out' : '');
    const peer = 'Node.js', times = setup.fanOut ? {} : { times: 2.5 };
    rows.push(
      row(what, 'records/s', 'more', compare(list, (r) => r.rate), { target: { at: 200000, ...times }, peer }),
      row(what, 'CPU s/M', 'less', compare(list, (r) => r.cpu), { target: { at: 6, ...times }, peer }),
      row(what, 'MiB peak', 'less', compare(list, (r) => r.peak), { target: { at: 64 }, peer }),
    );
  }
  await kinesis.stop();
  return rows;
}
