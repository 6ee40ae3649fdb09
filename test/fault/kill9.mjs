// SPDX-License-Identifier: Apache-2.0
// kill -9 at random instants while records flow. Each record names its own device and carries no ts, so
// that a record applied twice would show in recordsApplied and a lost one as a missing device.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import {
  applied, bounded, configuration, kinesisClient, putRecords, serve, sleep, startKinesis, tempDir, until,
} from '../integration/gateway.mjs';

const RECORDS = bounded ? 2000 : 20000;
const KILLS = bounded ? 5 : 30;
const SHARDS = 4;
const seed = Number(process.env.PENSTOCK_SEED ?? Date.now() % 1e6);

// mulberry32: the same kills for the same seed.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test(`kill -9 ${KILLS} times while ${RECORDS} records flow (seed ${seed})`, async (t) => {
  const next = random(seed);
  const { endpoint } = await startKinesis(t, [`tb-test-uplink:${SHARDS}`]);
  const client = kinesisClient(t, endpoint);
  const dir = tempDir(t);
  // Small replies and one commit each, so that kills fall everywhere in a record's way.
  const config = configuration({
    data: path.join(dir, 'data'),
    client: { endpoint, maxRecords: 50 },
    limits: { getRecordsPerSecond: 200, pollMs: 5 },
    storage: { headBytes: 65536 },
  });

  let gateway = await serve(null, config, { dir });
  let put = 0, kills = 0, failed = false;
  // No further than there were kills: all of them fall while records flow, on however slow a machine.
  const producer = (async () => {
    while (put < RECORDS && !failed) {
      if (put < ((kills + 1) * RECORDS) / KILLS) {
        await putRecords(client, 'tb-test-uplink', 100, (i) => ({
          key: `key-${put + i}`,
          data: JSON.stringify({ devName: `device-${put + i}`, devType: 'sensor', temperature: put + i }),
        }));
        put += 100;
      }
      await sleep(20);
    }
  })();
  let midway = 0;
  const killer = (async () => {
    for (; kills < KILLS; kills++) {
      await until('more records', () => put > (kills * RECORDS) / KILLS || failed);
      await sleep(20 + Math.floor(next() * 150));
      gateway.child.kill('SIGKILL');
      await gateway.exited;
      if (put < RECORDS) midway++;
      gateway = await serve(null, config, { dir });
    }
  })();
  t.after(() => gateway.stop());
  await Promise.all([producer, killer].map((part) => part.catch((error) => {
    failed = true; // ends the other one
    throw error;
  })));

  const api = gateway.api;
  const status = await until('all records applied', async () => {
    const s = await api.status('kinesis_integration');
    return applied(s) >= RECORDS && s;
  });
  assert.equal(applied(status), RECORDS);
  assert.equal(status.recordsFailed, 0);

  const names = new Set();
  for (let page = 0; ; page++) {
    const devices = await api.get(`/api/tenant/devices?pageSize=1000&page=${page}`);
    for (const device of devices.data) {
      assert.ok(!names.has(device.name), `two rows: ${device.name}`);
      names.add(device.name);
    }
    assert.equal(devices.totalElements, RECORDS);
    if (!devices.hasNext) break;
  }
  for (let i = 0; i < RECORDS; i++) assert.ok(names.has(`device-${i}`), `missing: device-${i}`);

  // One point each: applied twice with the same arrival time it would be one still, so look at a sample
  // for its value and the counts above for the rest.
  for (let n = 0; n < 200; n++) {
    const i = Math.floor(next() * RECORDS);
    const device = await api.device(`device-${i}`);
    const history = await api.get(
      `/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=temperature` +
        `&startTs=0&endTs=${Date.now() + 60000}&limit=10`,
    );
    assert.deepEqual(history.temperature.map((p) => p.value), [String(i)]);
  }
  assert.ok(midway >= KILLS - 1, `only ${midway} kills while records flowed`);
  t.diagnostic(`seed ${seed}, ${midway} of ${KILLS} kills while records were still being put`);

  // After a clean stop and start nothing is read again.
  assert.equal((await gateway.stop()).code, 0);
  gateway = await serve(null, config, { dir });
  await sleep(300);
  assert.equal(applied(await gateway.api.status('kinesis_integration')), RECORDS);
});
