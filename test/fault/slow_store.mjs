// SPDX-License-Identifier: Apache-2.0
// A slow store and a full-speed stream: back-pressure must reach the socket, and memory stay flat.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import {
  applied, bounded, configuration, kinesisClient, putRecords, serve, sleep, startKinesis, tempDir, until,
} from '../integration/gateway.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const MIB = 1024 * 1024;
const BUDGET = 16 * MIB;
const ALLOWED = BUDGET + 20 * MIB;
const SHARDS = 8;
const RECORDS = bounded ? 20000 : 200000;
const COMMIT_MS = 100;
const EARLY_COMMITS = 20; // before the clock starts
const SECONDS = bounded ? 3 : 10;

const statusKiB = (pid, name) =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);

async function staysFlat(t, storage, env = {}) {
  const { endpoint } = await startKinesis(t, [`tb-test-uplink:${SHARDS}`]);
  const client = kinesisClient(t, endpoint);
  const filler = 'x'.repeat(400);
  await putRecords(client, 'tb-test-uplink', RECORDS, (i) => ({
    key: `key-${i}`,
    data: JSON.stringify({ devName: `device-${i % 1000}`, devType: 'sensor', temperature: i, filler }),
  }));

  const gateway = await serve(t, configuration({
    data: path.join(tempDir(t), 'data'),
    client: { endpoint },
    limits: { inflight: BUDGET, getRecordsPerSecond: 1000, pollMs: 1 },
    storage,
  }), { env });
  let peak = 0;
  const start = Date.now();
  while (Date.now() - start < SECONDS * 1000) {
    peak = Math.max(peak, statusKiB(gateway.pid, 'VmRSS') * 1024);
    await sleep(50);
  }
  peak = Math.max(peak, statusKiB(gateway.pid, 'VmHWM') * 1024);
  const status = await gateway.api.status('kinesis_integration');
  t.diagnostic(`peak ${(peak / MIB).toFixed(1)} MiB, ${applied(status)} records applied`);
  // A sanitizer's own memory is not the gateway's.
  if (!bounded) assert.ok(peak < ALLOWED, `peak ${(peak / MIB).toFixed(1)} MiB, allowed ${ALLOWED / MIB} MiB`);
  assert.ok(applied(status) > 0);
  const end = await until('all records applied', async () => {
    const s = await gateway.api.status('kinesis_integration');
    return applied(s) >= RECORDS && s;
  }, 600_000); // a slow machine works for long
  assert.equal(applied(end), RECORDS);
  // Else the store was not slow.
  const commits = Number((await gateway.api.call('GET', '/metrics')).text.match(/^penstock_store_commits_total (\d+)$/m)[1]);
  assert.ok(commits <= (Date.now() - start) / COMMIT_MS + EARLY_COMMITS, `${commits} commits`);
}

// They wait more than they work.
describe('a slow store', { concurrency: 2 }, () => {
test('memory stays under the budget + 20 MiB when commits are 100 ms apart',
  (t) => staysFlat(t, { commitIntervalMs: COMMIT_MS }));

test('memory stays under the budget + 20 MiB when the disk takes 100 ms a flush', async (t) => {
  const library = path.join(tempDir(t), 'slow_disk.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, path.join(here, 'slow_disk.c'), '-ldl']);
  await staysFlat(t, {}, { LD_PRELOAD: library, SLOW_DISK_MS: String(COMMIT_MS) });
});
});
