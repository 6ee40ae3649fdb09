// Writes the table again with Node's results: node make_table.mjs <programs.jsonl >new. Lines are
// [program] or [program, result].

import { createInterface } from 'node:readline';
import { runInNode } from './node_run.mjs';

for await (const line of createInterface({ input: process.stdin })) {
    if (!line) continue;
    const [program] = JSON.parse(line);
    process.stdout.write(JSON.stringify([program, runInNode(program, [1, 2, 3])]) + '\n');
}
