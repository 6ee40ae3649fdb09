// SPDX-License-Identifier: Apache-2.0
// Putting alone: ready payloads through the producer, next to the SDK; and with a shard that throttles.

import path from 'node:path';

import { startKinesis } from '../lib/gateway.mjs';
import { benchDir, benchProgram, output } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const RECORDS = 400000;
const BYTES = 200;
const SHARDS = 8;
const THROTTLED = 3;

async function measured(command, args, faults = []) {
  const kinesis = await startKinesis({ down: SHARDS });
  const set = await fetch(`${kinesis.endpoint}/_penstock/faults`, {
    method: 'POST', body: JSON.stringify(faults), headers: { 'Content-Type': 'application/json' },
  });
  if (set.status !== 200) throw new Error(`faults: ${set.status} ${await set.text()}`);
  const text = await output(command, args(kinesis.endpoint).map(String));
  await kinesis.stop();
  const { records, seconds, cpuSeconds } = JSON.parse(text);
  return { rate: records / seconds, cpu: (cpuSeconds / records) * 1e6 };
}

const bench = benchProgram('put_bench');
const ours = (...more) => (endpoint) => [endpoint, 'down', RECORDS, BYTES, ...more];
const theirs = (endpoint) => [path.join(benchDir, 'peer/downlink.mjs'), endpoint, 'down', RECORDS / 2, BYTES];
const fault = (more) => [{ op: 'PutRecords', ...more }];

export async function putting({ runs, say }) {
  const alone = await pairs(
    runs,
    () => measured(bench, ours()),
    () => measured(process.execPath, theirs),
  );
  say(`put: ${JSON.stringify(alone)}`);
  const throttled = await pairs(
    runs,
    () => measured(bench, ours('without', THROTTLED),
      fault({ fault: 'throttle', shard: `shardId-${String(THROTTLED).padStart(12, '0')}` })),
    () => measured(bench, ours('without', THROTTLED)),
  );
  say(`put, one shard throttled: ${JSON.stringify(throttled)}`);
  const partial = await pairs(
    runs,
    () => measured(bench, ours(), fault({ fault: 'partial', fraction: 0.3 })),
    () => measured(bench, ours()),
  );
  say(`put, partial failures: ${JSON.stringify(partial)}`);
  const what = `putting alone, ${BYTES} bytes, ${SHARDS} shards`;
  const peer = 'AWS SDK v3';
  return [
    row(what, 'records/s', 'more', compare(alone, (r) => r.rate), { target: { times: 2 }, peer }),
    row(what, 'CPU s/M', 'less', compare(alone, (r) => r.cpu), { target: { times: 3 }, peer }),
    row(`${what}, one of them refuses everything: the other seven`, 'records/s', 'more',
      compare(throttled, (r) => r.rate), { target: { times: 0.9 }, peer: 'with none refusing' }),
    row(`${what}, 30 % of the records refused at each try`, 'records/s', 'more',
      compare(partial, (r) => r.rate), { peer: 'with none refused' }),
  ];
}
