// Small programs give here what they give in Node: those of the table, and some from a seed
// (PENSTOCK_DIFF_SEED, PENSTOCK_DIFF_COUNT; in full: node test/diff/diff.mjs).

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runBatch } from '../diff/batch.mjs';
import { compare } from '../diff/diff.mjs';
import { canRun, runInNode } from '../diff/node_run.mjs';
import { bin, bounded } from './lib.mjs';

const runner = join(dirname(bin), 'test/diff/run_programs');

test('the table of programs holds what Node says', () => {
    const rows = readFileSync(new URL('../diff/programs.jsonl', import.meta.url), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.ok(rows.length >= 400, `${rows.length} rows`);
    const known = rows.filter(([program]) => canRun(program));
    assert.ok(known.length >= rows.length * 0.95, `Node ${process.version} knows ${known.length} of ${rows.length}`);
    for (const [program, result] of known) assert.equal(runInNode(program, [1, 2, 3]), result, program);
});

test('the table of programs gives the same here', { skip: !existsSync(runner) && `no ${runner}` }, async () => {
    const rows = readFileSync(new URL('../diff/programs.jsonl', import.meta.url), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    const results = await runBatch(runner, rows.map(([program]) => ({ program, payload: [1, 2, 3] })));
    rows.forEach(([program, result], i) => assert.equal(results[i], result, program));
});

test('programs from a seed give the same here and in Node', { skip: !existsSync(runner) && `no ${runner}` }, async (t) => {
    const seed = Number(process.env.PENSTOCK_DIFF_SEED ?? 1);
    const count = Number(process.env.PENSTOCK_DIFF_COUNT ?? (bounded ? 100 : 1000));
    t.diagnostic(`seed ${seed}`);
    const found = [];
    await compare({ binary: runner, seed, count }, (d) => found.push(d));
    assert.deepEqual(found.slice(0, 3), [], `seed ${seed}: ${found.length} of ${count} differ`);
});
