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
const SHARD = `shardId-${String(THROTTLED).padStart(12, '0')}`;
const shardRefuses = (probability) => [{ op: 'PutRecords', fault: 'throttle', shard: SHARD, probability }];
const allRefuse = (fraction) => [{ op: 'PutRecords', fault: 'partial', fraction }];

export async function putting({ runs, say }) {
  const alone = await pairs(
    runs,
    () => measured(bench, ours()),
    () => measured(process.execPath, theirs),
  );
  say(`put: ${JSON.stringify(alone)}`);
  // The other seven shards while one of them is in trouble, and while it is not.
  const others = async (what, trouble, beside) => {
    const list = await pairs(
      runs,
      () => measured(bench, ours('without', THROTTLED), [...trouble, ...beside]),
      () => measured(bench, ours('without', THROTTLED), beside),
    );
    say(`put, ${what}: ${JSON.stringify(list)}`);
    return list;
  };
  const refusing = await others('one shard refuses everything', shardRefuses(1), []);
  const partly = await others('one shard refuses 30 %', shardRefuses(0.3), []);
  const both = await others('30 % refused, one shard everything', shardRefuses(1), allRefuse(0.3));
  const all = await pairs(
    runs,
    () => measured(bench, ours(), allRefuse(0.3)),
    () => measured(bench, ours()),
  );
  say(`put, 30 % refused: ${JSON.stringify(all)}`);
  const what = `putting alone, ${BYTES} bytes, ${SHARDS} shards`;
  const peer = 'AWS SDK v3';
  const seven = (trouble, list, than) =>
    row(`${what}, ${trouble}: the other seven`, 'records/s', 'more',
      compare(list, (r) => r.rate), { target: { times: 0.9 }, peer: than });
  return [
    row(what, 'records/s', 'more', compare(alone, (r) => r.rate), { target: { times: 2 }, peer }),
    row(what, 'CPU s/M', 'less', compare(alone, (r) => r.cpu), { target: { times: 3 }, peer }),
    seven('one of them refuses everything', refusing, 'with none refusing'),
    seven('one of them refuses 30 % of its records', partly, 'with none refusing'),
    seven('30 % of all records refused and one shard refuses everything', both, 'with 30 % refused alone'),
    row(`${what}, 30 % of all records refused at each try`, 'records/s', 'more',
      compare(all, (r) => r.rate), { peer: 'with none refused' }),
  ];
}
