// SPDX-License-Identifier: Apache-2.0
// Fetching and decoding without converter and store; and decoding alone.

import path from 'node:path';

import { fill, kinesisClient, startKinesis } from '../lib/gateway.mjs';
import { benchDir, benchProgram, output } from '../lib/process.mjs';
import { compare, median, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const BYTES = 560;
const RECORDS = 200000;
const SHARDS = 4;

export async function fetching({ runs, say }) {
  const kinesis = await startKinesis({ fetch: SHARDS });
  const client = kinesisClient(kinesis.endpoint);
  const data = Buffer.alloc(BYTES, '{');
  await fill(client, 'fetch', RECORDS, () => data);
  client.destroy();
  const run = async (command, ...before) =>
    JSON.parse(await output(command, [...before, kinesis.endpoint, 'fetch', String(RECORDS)]));
  const list = await pairs(
    runs,
    () => run(benchProgram('fetch_bench')),
    () => run(process.execPath, path.join(benchDir, 'peer/fetch.mjs')),
  );
  await kinesis.stop();
  say(`fetch: ${JSON.stringify(list)}`);
  const what = `fetch and decode only, ${BYTES}-byte records, ${SHARDS} shards`;
  const peer = 'AWS SDK v3';
  return [
    row(`${what}, a core`, 'records/CPU s', 'more', compare(list, (r) => r.records / r.cpuSeconds), {
      target: { at: 600000 }, peer,
    }),
    row(what, 'records/s', 'more', compare(list, (r) => r.records / r.seconds), { peer }),
  ];
}

export async function decoding({ runs, say }) {
  const found = { cbor: [], json: [] };
  for (let i = 0; i < runs; i++) {
    const lines = (await output(benchProgram('decode_bench'), [String(BYTES)])).trim().split('\n');
    for (const { form, recordsPerSecond } of lines.map((line) => JSON.parse(line)))
      found[form].push(recordsPerSecond);
  }
  say(`decode: ${JSON.stringify(found)}`);
  return Object.entries(found).map(([form, values]) =>
    row(`decode only, ${form.toUpperCase()}, ${BYTES}-byte records`, 'records/CPU s', 'more', {
      ours: median(values),
    }, {}),
  );
}
