// SPDX-License-Identifier: Apache-2.0
// The downlink outbox: full, refused, dead, tried again, deleted.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { deaggregateSync } from 'aws-kinesis-agg';

import {
  applied, configuration, connectDownlink, kinesisClient, putRecords, readStream, serve, startKinesis, tempDir,
  until,
} from './gateway.mjs';

// The attribute says to which stream, with which key; `fail` makes the converter throw.
const script = `
if (msg.fail) throw new Error('not yet');
return {
    contentType: 'TEXT', data: String(msg.text),
    metadata: { streamName: msg.stream || 'missing', partitionKey: msg.key || 'k', explicitHashKey: msg.hash }
};
`;

async function start(t, { limits, shards = 1 } = {}) {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', `tb-test-downlink:${shards}`]);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const file = path.join(dir, 'downlink.js');
  writeFileSync(file, script);
  const config = configuration({ data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint }, limits });
  config.converters[1].file = file;
  const gateway = await serve(t, config, { dir });
  const { api } = gateway;
  await connectDownlink(api, 'kinesis_integration');
  const put = (record) => putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'k', data: JSON.stringify(record) }));
  await put({ devName: 'd', devType: 't', temperature: 1 });
  const device = await until('the device', () => api.device('d'));
  const attributes = `/api/plugins/telemetry/DEVICE/${device.id.id}`;
  const { id } = await api.integration('kinesis_integration');
  return {
    gateway, api, client, put, device, id: id.id,
    save: (values) => api.call('POST', `${attributes}/attributes/SHARED_SCOPE`, values),
    attribute: async (key) => (await api.get(`${attributes}/values/attributes/SHARED_SCOPE?keys=${key}`))[0]?.value,
    async metric(name) {
      const { text } = await api.call('GET', '/metrics');
      return Number(text.match(new RegExp(`^penstock_${name}(?:{.*})? (\\d+)$`, 'm'))[1]);
    },
    letters: (count) => until(`${count} dead letters`, async () => {
      const page = await api.get(`/api/integration/${id.id}/deadLetters?pageSize=10&page=0`);
      return page.totalElements === count && page.data;
    }),
    arrived: async () => (await readStream(client, 'tb-test-downlink')).map((r) => Buffer.from(r.Data).toString()),
  };
}

test('a full outbox refuses downlinks, and only them', async (t) => {
  const s = await start(t, { limits: { outboxRows: 3 } });
  const lost = { stream: 'missing', key: 'k', text: 'x' };
  for (let i = 0; i < 3; i++) assert.equal((await s.save({ ...lost, i })).status, 200);
  await until('three rows', async () => (await s.metric('store_outbox_rows')) === 3);
  const reply = await s.save({ ...lost, i: 'refused' });
  assert.equal(reply.status, 429, reply.text);
  assert.equal(reply.json.errorCode, 33);
  assert.match(reply.json.message, /outbox is full/);
  assert.equal(await s.attribute('i'), 2); // nothing of it was saved
  assert.equal(await s.metric('downlink_refused_total'), 1);
  assert.ok((await s.metric('store_outbox_bytes')) > 3);

  // A record from the stream whose attributes set off a downlink is stored all the same.
  const chains = await s.api.get('/api/ruleChains?pageSize=10&page=0');
  const metadata = await s.api.get(`/api/ruleChain/${chains.data.find((c) => c.root).id.id}/metadata`);
  const to = metadata.nodes.findIndex((n) => n.type.endsWith('TbIntegrationDownlinkNode'));
  const from = metadata.nodes.findIndex((n) => n.type.endsWith('TbMsgTypeSwitchNode'));
  metadata.connections.push({ fromIndex: from, toIndex: to, type: 'Post telemetry' });
  await s.api.post('/api/ruleChain/metadata', metadata);
  await s.put({ devName: 'other', devType: 't', temperature: 7 });
  const other = await until('the other device', () => s.api.device('other'));
  assert.equal(String((await s.api.latest(other)).temperature[0].value), '7');
  assert.equal(applied(await s.api.status('kinesis_integration')), 2);
  assert.equal(await s.metric('downlink_refused_total'), 2);

  // The integration goes, and its outbox with it.
  assert.equal((await s.api.call('DELETE', `/api/integration/${s.id}`)).status, 200);
  await until('an empty outbox', async () => {
    const { text } = await s.api.call('GET', '/metrics');
    return /^penstock_store_outbox_rows 0$/m.test(text) && /^penstock_store_outbox_bytes 0$/m.test(text);
  });
});

test('dead downlinks keep their reason and are tried again', async (t) => {
  const s = await start(t);
  const base = `/api/integration/${s.id}/deadLetters`;
  // The converter fails: the message is kept.
  assert.equal((await s.save({ fail: true, stream: 'tb-test-downlink', key: 'k', text: 'later' })).status, 200);
  const [message] = await s.letters(1);
  assert.equal(message.type, 'DOWNLINK');
  assert.match(message.error, /not yet/);
  let reply = await s.api.post(`${base}/${message.id}/replay`, undefined);
  assert.match(reply.error, /not yet/);
  const converters = await s.api.get('/api/converters?pageSize=10&page=0');
  const converter = converters.data.find((c) => c.name === 'kinesis_downlink_version');
  converter.configuration.encoder = `msg.fail = false; msg.text += ' ' + msgType + ' ' + metadata.deviceName;${script}`;
  await s.api.post('/api/converter', converter);
  reply = await s.api.post(`${base}/${message.id}/replay`, undefined);
  assert.deepEqual(reply, { replayed: true, error: null });
  assert.deepEqual(await until('it on the stream', async () => {
    const records = await s.arrived();
    return records.length && records;
  }), ['later ATTRIBUTES_UPDATED d']);

  // The service can never take it: the record is kept.
  assert.equal((await s.save({ stream: 'tb-test-downlink', key: 'k'.repeat(257), text: 'x' })).status, 200);
  const [record] = await s.letters(1);
  assert.equal(record.text, 'x ATTRIBUTES_UPDATED d');
  assert.match(record.error, /partition key has more than 256/);
  assert.deepEqual(await s.api.post(`${base}/${record.id}/replay`, undefined), { replayed: true, error: null });
  const [again] = await s.letters(1); // back into the outbox, and refused again
  assert.notEqual(again.id, record.id);
  assert.equal(await s.metric('downlink_dead_total'), 3);
  await until('an empty outbox', async () => (await s.metric('store_outbox_rows')) === 0);
});

test('an explicit hash key chooses the shard; streams beside the missing one go on', async (t) => {
  const s = await start(t, { shards: 2 });
  const max = String(2n ** 128n - 1n);
  assert.equal((await s.save({ stream: 'missing', key: 'k', text: 'waits' })).status, 200);
  for (const [i, hash] of ['0', max, '0', max].entries())
    assert.equal((await s.save({ stream: 'tb-test-downlink', key: 'k', hash, text: `${i}` })).status, 200);
  const records = await until('four records', async () => {
    const all = await readStream(s.client, 'tb-test-downlink');
    return all.length === 4 && all;
  });
  const of = (shard) => records.filter((r) => r.ShardId === shard).map((r) => Buffer.from(r.Data).toString());
  assert.deepEqual([of('shardId-000000000000'), of('shardId-000000000001')], [['0', '2'], ['1', '3']]);
  await until('one row', async () => (await s.metric('store_outbox_rows')) === 1);
});

// One attribute makes `count` records of ten keys.
const many = `
var out = [];
for (var i = 0; i < msg.count; i++)
    out.push({
        contentType: 'JSON', data: JSON.stringify({ devName: 'user-' + i % 10, devType: 't', temperature: i }),
        metadata: { streamName: 'tb-test-downlink', partitionKey: 'key ' + i % 10 }
    });
return out;
`;

test('aggregates are read by the library of AWS and by another integration, in order of keys', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', 'tb-test-downlink:3']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const file = path.join(dir, 'downlink.js');
  writeFileSync(file, many);
  const config = configuration({
    data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint, aggregateDownlinks: true },
  });
  config.converters[1].file = file;
  const [first] = config.integrations;
  config.integrations.push({
    name: 'reader',
    uplinkConverter: first.uplinkConverter,
    configuration: {
      clientConfiguration: { ...first.configuration.clientConfiguration, streamName: 'tb-test-downlink' },
    },
  });
  const { api } = await serve(t, config, { dir });
  await connectDownlink(api, 'kinesis_integration');
  await putRecords(client, 'tb-test-uplink', 1, () => ({
    key: 'k', data: JSON.stringify({ devName: 'd', devType: 't', temperature: 1 }),
  }));
  const device = await until('the device', () => api.device('d'));
  const attributes = `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`;
  // The first call of a stream may be made before its shards are known.
  await api.post(attributes, { count: 1 }).catch(() => {});
  await until('the first record', async () => (await readStream(client, 'tb-test-downlink')).length === 1);
  const COUNT = 2000;
  assert.equal((await api.call('POST', attributes, { count: COUNT })).status, 200);

  await until('all records by the reader', async () => applied(await api.status('reader')) === COUNT + 1);
  for (let k = 0; k < 10; k++) {
    const values = await api.latest(await api.device(`user-${k}`));
    assert.equal(String(values.temperature[0].value), String(COUNT - 10 + k));
  }

  const records = (await readStream(client, 'tb-test-downlink')).slice();
  assert.ok(records.length < COUNT / 10, `${records.length} records on the stream`);
  const seen = new Map();
  let users = 0;
  for (const record of records) {
    const opened = await new Promise((resolve, reject) => {
      deaggregateSync({
        data: Buffer.from(record.Data).toString('base64'),
        partitionKey: record.PartitionKey,
        explicitPartitionKey: record.PartitionKey,
        sequenceNumber: record.SequenceNumber,
      }, true, (error, list) => (error ? reject(error) : resolve(list)));
    });
    for (const user of opened) {
      const { temperature } = JSON.parse(Buffer.from(user.data, 'base64').toString());
      users++;
      if (users === 1 && opened.length === 1) continue; // the one that came first
      assert.equal(user.partitionKey, `key ${temperature % 10}`);
      assert.ok(temperature > (seen.get(user.partitionKey) ?? -1) || temperature === 0);
      seen.set(user.partitionKey, temperature);
    }
  }
  assert.equal(users, COUNT + 1);
});
