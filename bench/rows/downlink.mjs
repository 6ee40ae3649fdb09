// SPDX-License-Identifier: Apache-2.0
// Downlink: every record that comes up goes down again, through the rule chain, a converter that makes
// 200 bytes, and the durable outbox. The SDK next to it only puts records: not the same work.

import path from 'node:path';

import {
  connectDownlink, fill, kinesisClient, reader, serve, startKinesis, tutorialRecord, unpaced,
} from '../lib/gateway.mjs';
import { benchDir, now, output, removeDir, tempDir, until } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const RECORDS = 60000;
const BYTES = 200;
const DEVICES = 1000;

async function ours() {
  const kinesis = await startKinesis({ up: 4, down: 1 });
  const { endpoint } = kinesis;
  const client = kinesisClient(endpoint);
  await fill(client, 'up', RECORDS, tutorialRecord(DEVICES));
  const dir = tempDir();
  const gateway = await serve(dir, {
    endpoint, stream: 'up', limits: unpaced, enabled: false,
    downlink: path.join(benchDir, 'downlink_200.js'),
  });
  const { api } = gateway;
  await connectDownlink(api, 'Post telemetry');
  const start = now();
  const cpu = gateway.cpu();
  await api.setEnabled(true);
  await api.untilApplied(RECORDS);
  // What is applied has its downlinks in the outbox; what left the outbox is on the stream.
  await until('all downlinks put', async () => (await api.metric('penstock_store_outbox_rows')) === 0);
  const result = {
    rate: (RECORDS / (now() - start)) * 1e3,
    cpu: ((gateway.cpu() - cpu) / RECORDS) * 1e6,
  };
  await gateway.stop();
  const read = await reader(client, 'down', 'TRIM_HORIZON');
  let put = 0;
  for (let page; (page = await read()).length; put += page.length)
    if (page.some(({ Data }) => Data.length !== BYTES)) throw new Error(`a downlink has not ${BYTES} bytes`);
  if (put < RECORDS) throw new Error(`${put} downlinks on the stream, not ${RECORDS}`);
  client.destroy();
  await kinesis.stop();
  removeDir(dir);
  return result;
}

async function theirs() {
  const kinesis = await startKinesis({ down: 1 });
  const args = [path.join(benchDir, 'peer/downlink.mjs'), kinesis.endpoint, 'down', RECORDS, BYTES];
  const { records, seconds, cpuSeconds } = JSON.parse(await output(process.execPath, args.map(String)));
  await kinesis.stop();
  return { rate: records / seconds, cpu: (cpuSeconds / records) * 1e6 };
}

export async function downlink({ runs, say }) {
  const list = await pairs(runs, ours, theirs);
  say(`downlink: ${JSON.stringify(list)}`);
  const what = `downlink, ${BYTES} bytes: record up → rule chain → converter → outbox → stream`;
  const peer = 'AWS SDK v3 alone ¹';
  return [
    row(what, 'records/s', 'more', compare(list, (r) => r.rate), { target: { at: 100000 }, peer }),
    row(what, 'CPU s/M', 'less', compare(list, (r) => r.cpu), { peer }),
  ];
}
