// SPDX-License-Identifier: Apache-2.0
// The telemetry store alone and a table with a row a point: store_bench runs one after the other.

import { benchProgram, output, removeDir, tempDir } from '../lib/process.mjs';
import { compare } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const SERIES = 100000;
const POINTS = 20000000;
const TABLE_POINTS = 300000;

function parse(text) {
  const [store, table] = text.split(/^table with/m);
  const read = (part, pattern) => Number(part.match(pattern)[1]);
  const figures = (part) => ({
    rate: read(part, /=> (\d+) points\/s/),
    cpu: read(part, /([\d.]+) CPU s\/M/) + Number(part.match(/CPU s\/M \+ ([\d.]+) after/)?.[1] ?? 0),
    bytes: read(part, /([\d.]+) bytes a point/),
  });
  return { ours: figures(store), peer: figures(table) };
}

export async function store({ runs, say }) {
  const list = [];
  for (let i = 0; i < runs; i++) {
    const dir = tempDir();
    const args = [dir, ...[SERIES, POINTS, TABLE_POINTS].map(String)];
    list.push(parse(await output(benchProgram('store_bench'), args)));
    removeDir(dir);
  }
  say(`store: ${JSON.stringify(list)}`);
  const what = `store alone, ${SERIES.toLocaleString('en-US')} series, synchronous=FULL`;
  const peer = 'SQLite, a row a point';
  return [
    row(what, 'points/s', 'more', compare(list, (r) => r.rate), { target: { at: 1000000 }, peer }),
    row(what, 'CPU s/M', 'less', compare(list, (r) => r.cpu), { peer }),
    row(what, 'bytes/point on disk', 'less', compare(list, (r) => r.bytes), { target: { at: 8 }, peer }),
  ];
}
