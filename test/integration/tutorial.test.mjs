// SPDX-License-Identifier: Apache-2.0
// The tutorial, typed as a user types it: `penstock demo`, the AWS CLI, the REST API.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import {
  Api, Process, bounded, cleanEnv, kinesisClient, putRecords, run, tempDir, until,
} from './gateway.mjs';

const execute = promisify(execFile);
const RECORD = '{"devName": "kitchen_thermostat", "devType": "thermostat", "temperature": 22}';
// What the tutorial shows as the downlink's data.
const DOWNLINK = 'eyJkZXZOYW1lIjoia2l0Y2hlbl90aGVybW9zdGF0IiwidmVyc2lvbiI6InYuMC4xMSJ9';

// Version 2 of the CLI takes the tutorial's raw --data only with this setting; version 1 ignores it.
function awsCli(t, endpoint) {
  const config = path.join(tempDir(t), 'config');
  writeFileSync(config, '[default]\nregion = us-east-1\ncli_binary_format = raw-in-base64-out\n');
  const env = cleanEnv({
    AWS_CONFIG_FILE: config,
    AWS_ACCESS_KEY_ID: 'demo',
    AWS_SECRET_ACCESS_KEY: 'demo',
    AWS_PAGER: '',
  });
  return async (...args) => {
    const { stdout } = await execute('aws', ['--endpoint-url', endpoint, 'kinesis', ...args], { env });
    return stdout ? JSON.parse(stdout) : undefined;
  };
}

async function startDemo(t, ...args) {
  const demo = new Process(['demo', '--http', '127.0.0.1:0', '--kinesis', '127.0.0.1:0', ...args]);
  t.after(() => demo.stop());
  const [, url] = await demo.readyLine();
  const [, endpoint] = demo.stdout.match(/kinesis\s+(http:\S+)/);
  return { demo, endpoint, api: await new Api(url).login() };
}

// From the stream into the device in less than a second; a machine that is held up may try again.
async function isQuick(endpoint, api, device) {
  const client = kinesisClient(undefined, endpoint);
  const took = [];
  for (let n = 0; n < 10 && !took.some((ms) => ms < 1000); n++) {
    const put = performance.now();
    await putRecords(client, 'tb-test-uplink', 1, () => ({ key: '123', data: RECORD.replace('22', `${30 + n}`) }));
    await until('the value', async () => (await api.latest(device)).temperature?.[0]?.value === `${30 + n}`);
    took.push(performance.now() - put);
  }
  client.destroy();
  assert.ok(took.at(-1) < 1000, `took ${took} ms`);
}

test('a record becomes a device, an attribute becomes a record', async (t) => {
  const { demo, endpoint, api } = await startDemo(t);
  const kinesis = awsCli(t, endpoint);

  const described = await kinesis('describe-stream', '--stream-name', 'tb-test-uplink');
  assert.equal(described.StreamDescription.StreamStatus, 'ACTIVE');
  assert.equal(described.StreamDescription.Shards.length, 1);

  await kinesis('put-record', '--stream-name', 'tb-test-uplink', '--partition-key', '123', '--data', RECORD);
  const device = await until('the device', () => api.device('kitchen_thermostat'));
  const latest = await until('its telemetry', async () => {
    const values = await api.latest(device);
    return values.temperature?.[0]?.value === '22' && values;
  });
  assert.equal(device.type, 'thermostat');
  assert.deepEqual(Object.keys(latest), ['temperature']);

  const saved = await api.call(
    'POST',
    `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`,
    { version: 'v.0.11' },
  );
  assert.equal(saved.status, 200);
  const records = await until('the downlink', async () => {
    const { ShardIterator } = await kinesis(
      'get-shard-iterator', '--shard-id', 'shardId-000000000000',
      '--shard-iterator-type', 'TRIM_HORIZON', '--stream-name', 'tb-test-downlink',
    );
    const { Records } = await kinesis('get-records', '--shard-iterator', ShardIterator);
    return Records.length > 0 && Records;
  });
  assert.equal(records.length, 1);
  assert.equal(records[0].Data, DOWNLINK);
  assert.equal(records[0].PartitionKey, '123');

  const attributes = await api.get(
    `/api/plugins/telemetry/DEVICE/${device.id.id}/values/attributes/SHARED_SCOPE`,
  );
  assert.equal(attributes[0].key, 'version');
  assert.equal(attributes[0].value, 'v.0.11');

  const status = await api.status('kinesis_integration');
  assert.equal(status.state, 'ACTIVE');
  assert.equal(status.shards[0].recordsApplied, 1);
  if (!bounded) await isQuick(endpoint, api, device);
  assert.deepEqual(await demo.stop(), { code: 0, signal: null });
});

test('the demo keeps its data where it is told, and starts again on it', async (t) => {
  const dir = path.join(tempDir(t), 'data');
  const first = await startDemo(t, '--data', dir);
  const kinesis = awsCli(t, first.endpoint);
  await kinesis('put-record', '--stream-name', 'tb-test-uplink', '--partition-key', '123', '--data', RECORD);
  await until('the device', () => first.api.device('kitchen_thermostat'));
  assert.equal((await first.demo.stop()).code, 0);

  const second = await startDemo(t, '--data', dir);
  const device = await second.api.device('kitchen_thermostat');
  assert.equal((await second.api.latest(device)).temperature[0].value, '22');
  // The new local endpoint's streams are other streams of the same names: read from their start.
  await awsCli(t, second.endpoint)(
    'put-record', '--stream-name', 'tb-test-uplink', '--partition-key', '1',
    '--data', RECORD.replace('22', '23'),
  );
  await until('the new value', async () =>
    (await second.api.latest(device)).temperature[0].value === '23');
});

test('the demo says what is wrong with its arguments', async () => {
  for (const args of [['--nonsense'], ['--http', 'x'], ['--http']]) {
    const result = await run(['demo', ...args]);
    assert.equal(result.code, 2, args.join(' '));
    assert.match(result.stderr, /^penstock demo: .*\n$/);
  }
});
