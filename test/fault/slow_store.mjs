// SPDX-License-Identifier: Apache-2.0
// A slow store and a full-speed stream: back-pressure must reach the socket, and memory stay flat.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  applied, bounded, configuration, kinesisClient, putRecords, serve, sleep, startKinesis, tempDir, until,
} from '../integration/gateway.mjs';

const MIB = 1024 * 1024;
const BUDGET = 16 * MIB;
const ALLOWED = BUDGET + 20 * MIB;
const SHARDS = 8;
const RECORDS = bounded ? 20000 : 200000;
const SECONDS = bounded ? 3 : 10;

const statusKiB = (pid, name) =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);

test('memory stays under the budget + 20 MiB when commits are slow', async (t) => {
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
    storage: { commitIntervalMs: 100 },
  }));
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
  }, 120000);
  assert.equal(applied(end), RECORDS);
});
