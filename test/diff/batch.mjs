// Programs through run_programs: all of them in one process, results in their order.

import { spawn } from 'node:child_process';

function frame(program, payload) {
    const text = Buffer.from(program);
    return Buffer.concat([Buffer.from(`${text.length} ${payload.length}\n`), text, Buffer.from(payload)]);
}

// [{ program, payload }] -> [result]
export async function runBatch(binary, programs) {
    const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks = [];
    child.stdout.on('data', (c) => chunks.push(c));
    child.stdin.on('error', () => {});
    child.stdin.end(Buffer.concat(programs.map((p) => frame(p.program, p.payload))));
    const status = await new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, signal) => resolve(signal ?? code));
    });
    const all = Buffer.concat(chunks);
    const results = [];
    for (let at = 0; at < all.length; ) {
        const end = all.indexOf(10, at);
        const n = Number(all.toString('latin1', at, end));
        results.push(all.toString('utf8', end + 1, end + 1 + n));
        at = end + 2 + n;
    }
    if (status !== 0) throw new Error(`run_programs ended with ${status} at program ${results.length}`);
    return results;
}
