// SPDX-License-Identifier: Apache-2.0
// Runs inside a network namespace: see kinesis_local.test.mjs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { CreateStreamCommand, DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

import {
  applied, configuration, connectDownlink, kinesisClient, putRecords, readStream, root, serve,
  tempDir, until,
} from '../gateway.mjs';
import { makeCertificates, start } from '../lib.mjs';

const TLS_PORT = 4567;
const DOWNLINK = '{"devName":"kitchen_thermostat","version":"v.0.11"}';

async function startKinesisLocal(t, certificates) {
  const dir = tempDir(t);
  const file = path.join(dir, 'server.json');
  writeFileSync(file, JSON.stringify({
    server: { key: readFileSync(certificates.key, 'utf8'), cert: readFileSync(certificates.cert, 'utf8') },
  }));
  const folder = path.join(root, 'test/integration/node_modules/kinesis-local');
  return start(process.execPath, [path.join(folder, 'main.js')], {
    cwd: folder,
    env: {
      ...process.env,
      KINESIS_MOCK_CERT_PATH: file,
      KINESIS_MOCK_TLS_PORT: String(TLS_PORT),
      KINESIS_MOCK_PLAIN_PORT: '4568',
      LOG_LEVEL: 'ERROR',
    },
    what: 'kinesis-local',
  });
}

test('the tutorial against kinesis-local', async (t) => {
  const certificates = makeCertificates({ names: ['localhost'] });
  const server = await startKinesisLocal(t, certificates);
  t.after(() => server.stop('SIGKILL')); // it does not heed SIGTERM
  const endpoint = `https://localhost:${TLS_PORT}`;
  const client = kinesisClient(t, endpoint, {
    requestHandler: new NodeHttpHandler({
      httpsAgent: { ca: readFileSync(certificates.ca) },
    }),
  });
  for (const StreamName of ['tb-test-uplink', 'tb-test-downlink']) {
    await until('kinesis-local', () => client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
      .then(() => true, (e) => { if (e.name === 'ResourceInUseException') return true; throw e; }));
    await until(`${StreamName} active`, async () => {
      const d = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
      return d.StreamDescriptionSummary.StreamStatus === 'ACTIVE';
    });
  }
  const config = configuration({ client: { endpoint } });

  await t.test('refused while the certificate is not trusted', async (t) => {
    const gateway = await serve(t, config);
    const status = await until('a failed state', async () => {
      const s = await gateway.api.status('kinesis_integration');
      return s.state === 'FAILED' && s;
    });
    assert.match(status.error, /certificate/i);
    assert.match(status.error, /AWS_CA_BUNDLE/);
    assert.deepEqual(status.shards, []);
  });

  await t.test('refused under another host name', async (t) => {
    const other = configuration({ client: { endpoint: `https://127.0.0.1:${TLS_PORT}` } });
    const gateway = await serve(t, other, { env: { AWS_CA_BUNDLE: certificates.ca } });
    const status = await until('a failed state', async () => {
      const s = await gateway.api.status('kinesis_integration');
      return s.state === 'FAILED' && s;
    });
    assert.match(status.error, /127\.0\.0\.1/);
    assert.match(status.error, /certificate/i);
  });

  await t.test('uplink and downlink with the bundle', async (t) => {
    const gateway = await serve(t, config, { env: { AWS_CA_BUNDLE: certificates.ca } });
    const { api } = gateway;
    await connectDownlink(api, 'kinesis_integration');
    await putRecords(client, 'tb-test-uplink', 1, () => ({
      key: '123',
      data: '{"devName": "kitchen_thermostat", "devType": "thermostat", "temperature": 22}',
    }));
    const device = await until('the device', () => api.device('kitchen_thermostat'));
    await until('its telemetry', async () => (await api.latest(device)).temperature?.[0]?.value === '22');
    await api.call('POST', `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`, {
      version: 'v.0.11',
    });
    const records = await until('the downlink', async () => {
      const all = await readStream(client, 'tb-test-downlink');
      return all.length > 0 && all;
    });
    assert.deepEqual(records.map((r) => Buffer.from(r.Data).toString()), [DOWNLINK]);
    assert.equal(records[0].PartitionKey, '123');
    const status = await api.status('kinesis_integration');
    assert.equal(status.state, 'ACTIVE');
    assert.equal(applied(status), 1);
    assert.equal((await gateway.stop()).code, 0);
  });

  await t.test('uplink by enhanced fan-out', async (t) => {
    const fanOut = configuration({ client: { endpoint, useConsumersWithEnhancedFanOut: true } });
    const dir = tempDir(t);
    const env = { AWS_CA_BUNDLE: certificates.ca };
    const record = (i) => ({ key: `k${i}`, data: JSON.stringify({ devName: `f${i}`, devType: 't', temperature: i }) });
    let sent = 1; // by the test before, from TRIM_HORIZON
    const put = async (count) => {
      await putRecords(client, 'tb-test-uplink', count, (i) => record(sent + i));
      sent += count;
    };
    const allApplied = (gateway) => until(`${sent} records`, async () =>
      applied(await gateway.api.status('kinesis_integration')) === sent);
    await put(20);
    const gateway = await serve(t, fanOut, { env, dir });
    await allApplied(gateway);
    await put(20);
    await allApplied(gateway);
    // It keeps the subscription of a client that is gone for some seconds.
    await gateway.stop('SIGKILL');
    await put(20);
    const again = await serve(t, fanOut, { env, dir });
    await allApplied(again);
    assert.equal((await again.api.status('kinesis_integration')).state, 'ACTIVE');
    assert.equal((await again.stop()).code, 0);
  });
});
