// Random programs here and in Node: node diff.mjs [--seed N] [--count N] [--from N] [--show N] [--binary FILE]
// Prints the seed, and each program whose results differ; exit 1 when there is one.

import { parseArgs } from 'node:util';
import { runBatch } from './batch.mjs';
import { generate } from './generate.mjs';
import { runInNode } from './node_run.mjs';

const BATCH = 500;

export async function compare({ binary, seed, from = 0, count }, onDifference) {
    let differences = 0;
    for (let at = from; at < from + count; at += BATCH) {
        const n = Math.min(BATCH, from + count - at);
        const programs = Array.from({ length: n }, (_, i) => generate(seed, at + i));
        const here = await runBatch(binary, programs);
        programs.forEach(({ program, payload }, i) => {
            const there = runInNode(program, payload);
            if (here[i] === there) return;
            differences++;
            onDifference({ index: at + i, program, payload, here: here[i], there });
        });
    }
    return differences;
}

if (import.meta.url === `file://${process.argv[1]}`) {
    const { values } = parseArgs({
        options: {
            seed: { type: 'string', default: String(Date.now() % 1000000) },
            count: { type: 'string', default: '100000' },
            from: { type: 'string', default: '0' },
            show: { type: 'string', default: '10' },
            binary: { type: 'string', default: new URL('../../build/release/test/diff/run_programs', import.meta.url).pathname },
        },
    });
    console.log(`seed ${values.seed}`);
    let shown = 0;
    const differences = await compare({ binary: values.binary, seed: +values.seed, from: +values.from, count: +values.count }, (d) => {
        if (shown++ >= +values.show) return;
        console.log(`--- program ${d.index}, payload [${d.payload}]\n${d.program}\n--- here:  ${d.here}\n--- there: ${d.there}`);
    });
    console.log(`${values.count} programs, ${differences} differences`);
    process.exitCode = differences ? 1 : 0;
}
