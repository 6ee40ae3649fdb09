// SPDX-License-Identifier: Apache-2.0
// The tutorial's converter alone, one thread: ours, Duktape as one would embed it, and V8.

import path from 'node:path';

import { benchDir, benchProgram, output, root } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const SCRIPT = path.join(root, 'converters/kinesis_converter.js');
const MODERN = path.join(benchDir, 'converter_modern.js');
const MS = '1000';

export async function converter({ runs, say }) {
  const run = async (command, ...before) =>
    JSON.parse(await output(command, [...before, SCRIPT, MS]));
  const ours = () => run(benchProgram('convert_bench'));
  const stock = await pairs(runs, ours, () => run(benchProgram('convert_stock')));
  const v8 = await pairs(runs, ours, () =>
    run(process.execPath, path.join(benchDir, 'peer/convert.mjs')),
  );
  const modern = await pairs(
    runs,
    async () => JSON.parse(await output(benchProgram('convert_bench'), [MODERN, MS])),
    ours,
  );
  say(`converter: ${JSON.stringify({ stock, v8, modern })}`);
  const rate = (r) => r.recordsPerSecond;
  return [
    row('tutorial converter', 'records/CPU s', 'more', compare(stock, rate), {
      target: { at: 200000 }, peer: 'Duktape as packaged',
    }),
    row('tutorial converter', 'records/CPU s', 'more', compare(v8, rate), {
      peer: 'V8, no isolation of records',
    }),
    row('tutorial converter in modern style', 'records/CPU s', 'more', compare(modern, rate), {
      peer: 'the same in ES5',
    }),
  ];
}
