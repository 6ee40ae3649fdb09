// SPDX-License-Identifier: Apache-2.0
// Several integrations at once, made, changed, disabled and removed while records flow: none is lost
// and none counted twice.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { CreateStreamCommand, DeleteStreamCommand, DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';

import { applied, configuration, kinesisClient, putRecords, serve, sleep, startKinesis, tempDir, until } from './gateway.mjs';

const record = (name) => (i) => ({
  key: `k${i}`, data: JSON.stringify({ devName: `${name}${i % 20}`, devType: 't', temperature: i }),
});

async function start(t, config) {
  const dir = tempDir(t);
  const gateway = await serve(t, configuration({ data: path.join(dir, 'data'), ...config }), { dir });
  const { api } = gateway;
  return {
    gateway, api, dir,
    db: (sql) => execFileSync('sqlite3', [path.join(dir, 'data/penstock.db'), sql]).toString().trim(),
    status: (name) => api.status(name),
    reads: (name, count) => until(`${count} records of ${name}`, async () =>
      applied(await api.status(name)) === count),
    state: (name, state) => until(`${name} ${state}`, async () => (await api.status(name)).state === state),
    async change(name, edit) {
      const doc = await api.integration(name);
      edit(doc);
      return api.post('/api/integration', doc);
    },
    // Another one like the first.
    async add(name, client) {
      const doc = await api.integration('kinesis_integration');
      for (const key of ['id', 'createdTime', 'version', 'routingKey', 'secret']) delete doc[key];
      doc.name = name;
      doc.configuration.clientConfiguration = {
        streamName: 'tb-test-uplink', region: 'us-east-1', accessKeyId: 'test', secretAccessKey: 'test-secret',
        initialPositionInStream: 'TRIM_HORIZON', ...client,
      };
      return api.post('/api/integration', doc);
    },
  };
}

test('an integration is edited twenty times while records flow', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:4']);
  const client = kinesisClient(t, kinesis.endpoint);
  const s = await start(t, { client: { endpoint: kinesis.endpoint } });
  let put = 0, over = false;
  const flow = (async () => {
    while (!over) {
      const first = put;
      await putRecords(client, 'tb-test-uplink', 100, (i) => record('d')(first + i));
      put += 100;
      await sleep(10);
    }
  })();
  try {
    for (let i = 0; i < 20; i++) {
      await s.change('kinesis_integration', (doc) => {
        doc.configuration.clientConfiguration.maxRecords = 100 + i;
        doc.configuration.metadata = { edit: String(i) };
      });
      // Half of the edits come while the one before is still taking effect.
      if (i % 2) {
        const before = applied(await s.status('kinesis_integration'));
        await until('records between two edits', async () => applied(await s.status('kinesis_integration')) > before);
      }
    }
  } finally {
    over = true;
    await flow;
  }
  await s.reads('kinesis_integration', put);
  assert.equal((await s.status('kinesis_integration')).recordsFailed, 0);
  let points = 0;
  for (let i = 0; i < 20; i++) {
    const [temperature] = (await s.api.latest(await s.api.device(`d${i}`))).temperature;
    points += temperature ? 1 : 0;
  }
  assert.equal(points, 20);
  assert.equal((await s.gateway.stop()).code, 0);
  assert.equal(s.db('SELECT sum(applied) FROM checkpoint'), String(put));
  assert.doesNotMatch(s.gateway.stderr, /state=(FAILED|STALLED|DISABLED)/); // it was never anything but well
});

test('two on one stream, one on another with other credentials, each with its own place', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:2']);
  const other = await startKinesis(t, ['other:1'], ['--credentials', 'AKIDOTHER:other-secret', '--region', 'eu-west-1']);
  const s = await start(t, { client: { endpoint: kinesis.endpoint } });
  const client = kinesisClient(t, kinesis.endpoint);
  const otherClient = kinesisClient(t, other.endpoint, {
    region: 'eu-west-1', credentials: { accessKeyId: 'AKIDOTHER', secretAccessKey: 'other-secret' },
  });
  await putRecords(client, 'tb-test-uplink', 300, record('a'));
  await s.reads('kinesis_integration', 300);
  const second = await s.add('second', { endpoint: kinesis.endpoint });
  await s.add('other', {
    endpoint: other.endpoint, streamName: 'other', region: 'eu-west-1', accessKeyId: 'AKIDOTHER',
    secretAccessKey: 'other-secret',
  });
  await putRecords(otherClient, 'other', 50, record('o'));
  await s.reads('second', 300);
  await s.reads('other', 50);

  // Wrong keys fail that one alone.
  await s.change('other', (doc) => (doc.configuration.clientConfiguration.secretAccessKey = 'wrong'));
  await s.state('other', 'FAILED');
  await s.change('second', (doc) => (doc.enabled = false));
  await s.state('second', 'DISABLED');
  await putRecords(client, 'tb-test-uplink', 200, record('b'));
  await putRecords(otherClient, 'other', 50, record('p'));
  await s.reads('kinesis_integration', 500);

  // What was disabled goes on where it was.
  await s.change('second', (doc) => (doc.enabled = true));
  await s.reads('second', 500);
  await s.change('other', (doc) => (doc.configuration.clientConfiguration.secretAccessKey = 'other-secret'));
  await s.reads('other', 100);

  // A removed one takes its place in the stream along: another one of its name begins anew.
  assert.equal((await s.api.call('DELETE', `/api/integration/${second.id.id}`)).status, 200);
  assert.equal(await s.api.integration('second'), undefined);
  await putRecords(client, 'tb-test-uplink', 100, record('c'));
  await s.reads('kinesis_integration', 600);
  await s.add('second', { endpoint: kinesis.endpoint });
  await s.reads('second', 600);
  assert.equal((await s.gateway.stop()).code, 0);
  assert.equal(s.db('SELECT group_concat(n) FROM (SELECT sum(applied) AS n FROM checkpoint GROUP BY integration ORDER BY n)'), '100,600,600');
});

test('a stream deleted and made again under its name starts as new', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const s = await start(t, { client: { endpoint: kinesis.endpoint } });
  const StreamName = 'tb-test-uplink';
  await putRecords(client, StreamName, 100, record('a'));
  await s.reads('kinesis_integration', 100);
  // A replay that has not read anything yet: it is of this stream, and must not read the next one.
  const { id } = await s.api.integration('kinesis_integration');
  const replay = `/api/integration/${id.id}/replay`;
  await fetch(`${kinesis.endpoint}/_penstock/faults`, {
    method: 'POST', body: JSON.stringify([{ op: 'GetShardIterator', fault: 'internal' }]),
  });
  await s.api.post(replay, { from: 'TRIM_HORIZON' });
  await client.send(new DeleteStreamCommand({ StreamName }));
  await until('its end', () => client.send(new DescribeStreamSummaryCommand({ StreamName })).then(() => false, () => true));
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await until('the new one', async () =>
    (await client.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary.StreamStatus === 'ACTIVE');
  await fetch(`${kinesis.endpoint}/_penstock/faults`, { method: 'DELETE' });
  await putRecords(client, StreamName, 30, record('b'));
  await s.reads('kinesis_integration', 30); // counted anew, from its first record on
  await s.state('kinesis_integration', 'ACTIVE');
  const over = await until('the end of the replay', async () => {
    const now = await s.api.get(replay);
    return now.state !== 'RUNNING' && now;
  });
  assert.equal(over.recordsApplied, 0);
  await s.gateway.stop();
  assert.equal(s.db('SELECT group_concat(applied) FROM (SELECT applied FROM checkpoint ORDER BY applied)'), '30,100');
});
