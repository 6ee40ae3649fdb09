// SPDX-License-Identifier: Apache-2.0
// Rule chains in the running gateway: the hub's own root chain, downlinks that know their device,
// debug events, scripts that hang, devices that go.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import {
  applied, configuration, kinesisClient, putRecords, readStream, serve, startKinesis, until,
} from './gateway.mjs';
import { slow } from './lib.mjs';

const CLASS = 'org.thingsboard.rule.engine.';
const rootChain = () =>
  JSON.parse(readFileSync(new URL('data/root_rule_chain.json', import.meta.url)));
const node = (type, name, config = {}, more = {}) =>
  ({ type: CLASS + type, name, configuration: config, ...more });
const edge = (fromIndex, toIndex, type) => ({ fromIndex, toIndex, type });

async function start(t, { streams = ['tb-test-uplink:1', 'tb-test-downlink:1'], ...config } = {}) {
  const kinesis = await startKinesis(t, streams);
  const gateway = await serve(t, configuration({
    client: { endpoint: kinesis.endpoint }, limits: { pollMs: 50 }, ...config,
  }));
  return { gateway, api: gateway.api, client: kinesisClient(t, kinesis.endpoint) };
}

const put = (client, ...records) => putRecords(client, 'tb-test-uplink', records.length, (i) => ({
  key: records[i].key ?? '123', data: JSON.stringify(records[i]),
}));

async function importChain(api, { ruleChain, metadata }) {
  const chain = await api.post('/api/ruleChain', ruleChain);
  const saved = await api.post('/api/ruleChain/metadata', { ...metadata, ruleChainId: chain.id });
  await api.post(`/api/ruleChain/${chain.id.id}/root`);
  return { chain, saved };
}

const saveShared = (api, device, values) =>
  api.call('POST', `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`, values);

async function waitForDevice(api, name, temperature) {
  const device = await until(`device ${name}`, () => api.device(name));
  await until(`telemetry of ${name}`, async () =>
    (await api.latest(device)).temperature?.[0]?.value === String(temperature));
  return device;
}

const downlinks = (client, n) => until('the downlinks', async () => {
  const records = await readStream(client, 'tb-test-downlink');
  return records.length >= n && records.map((r) => Buffer.from(r.Data).toString());
});

test("the hub's own root rule chain imports unchanged, runs and takes the tutorial's edit", async (t) => {
  const { api, client } = await start(t);
  const exported = rootChain();
  const { chain, saved } = await importChain(api, exported);
  assert.equal((await api.get(`/api/ruleChain/${chain.id.id}`)).root, true);
  // What was imported is what is exported, but for what the server adds.
  assert.equal(saved.firstNodeIndex, exported.metadata.firstNodeIndex);
  assert.deepEqual(saved.connections, exported.metadata.connections);
  for (const [i, n] of exported.metadata.nodes.entries()) {
    for (const key of Object.keys(n)) assert.deepEqual(saved.nodes[i][key], n[key]);
  }

  await put(client, { devName: 'kitchen_thermostat', devType: 'thermostat', temperature: 22 });
  const device = await waitForDevice(api, 'kitchen_thermostat', 22);
  saved.nodes.push(node('integration.TbIntegrationDownlinkNode', 'Integration Downlink', {
    integrationId: (await api.integration('kinesis_integration')).id.id,
  }));
  saved.connections.push(edge(2, saved.nodes.length - 1, 'Attributes Updated'));
  await api.post('/api/ruleChain/metadata', saved);
  assert.equal((await saveShared(api, device, { version: 'v.0.11' })).status, 200);
  assert.deepEqual(await downlinks(client, 1), ['{"devName":"kitchen_thermostat","version":"v.0.11"}']);
});

test('a chain that enriches by fields and attributes puts what it knows of the device on the stream', async (t) => {
  const { api, client } = await start(t);
  await api.post('/api/converter', {
    ...(await api.get('/api/converters?pageSize=10&page=0')).data.find((c) => c.type === 'DOWNLINK'),
    configuration: {
      scriptLang: 'JS',
      encoder: `return {contentType: 'JSON', data: JSON.stringify({devName: metadata.devName,
        kind: metadata.kind, serial: metadata.ss_serial, old: metadata.shared_version,
        t: metadata.temperature, version: msg.version}),
        metadata: {streamName: 'tb-test-downlink', partitionKey: metadata.devName}};`,
    },
  });
  await importChain(api, {
    ruleChain: { name: 'Enriched', type: 'CORE' },
    metadata: {
      firstNodeIndex: 0,
      nodes: [
        node('filter.TbMsgTypeSwitchNode', 'Message Type Switch'),
        node('telemetry.TbMsgTimeseriesNode', 'Save Timeseries'),
        node('metadata.TbGetOriginatorFieldsNode', 'fields', {
          dataMapping: { name: 'devName', type: 'kind' }, fetchTo: 'METADATA',
        }, { configurationVersion: 1 }),
        node('metadata.TbGetAttributesNode', 'attributes', {
          serverAttributeNames: ['serial'], sharedAttributeNames: ['version'],
          latestTsKeyNames: ['temperature'], tellFailureIfAbsent: true, fetchTo: 'METADATA',
        }, { configurationVersion: 1 }),
        node('integration.TbIntegrationDownlinkNode', 'Integration Downlink', {
          integrationId: (await api.integration('kinesis_integration')).id.id,
        }),
        node('filter.TbCheckMessageNode', 'has version', {
          messageNames: ['version'], metadataNames: [], checkAllKeys: true,
        }),
      ],
      connections: [
        edge(0, 1, 'Post telemetry'), edge(0, 5, 'Attributes Updated'), edge(5, 2, 'True'),
        edge(2, 3, 'Success'), edge(3, 4, 'Success'),
      ],
      ruleChainConnections: null,
    },
  });
  await put(client, { devName: 'kitchen_thermostat', devType: 'thermostat', temperature: 22 });
  const device = await waitForDevice(api, 'kitchen_thermostat', 22);
  const server = await api.call('POST',
    `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SERVER_SCOPE`, { serial: 'SN-1' });
  assert.equal(server.status, 200);
  assert.equal((await saveShared(api, device, { version: 'v.0.11' })).status, 200);
  assert.deepEqual(await downlinks(client, 1), [
    '{"devName":"kitchen_thermostat","kind":"thermostat","serial":"SN-1","old":"v.0.11","t":"22","version":"v.0.11"}',
  ]);
});

test('debug events tell what converters, integrations and nodes did', async (t) => {
  const { api, client } = await start(t);
  const all = { failuresEnabled: true, allEnabled: true, allEnabledUntil: 0 };
  const tenantId = (await api.get('/api/auth/user')).tenantId.id;
  const events = async (type, entity, kind) => (await api.get(
    `/api/events/${type}/${entity.id.id}/${kind}?tenantId=${tenantId}&pageSize=10&page=0`)).data;
  const up = (await api.get('/api/converters?pageSize=10&page=0')).data.find((c) => c.type === 'UPLINK');
  const converter = await api.post('/api/converter', { ...up, debugSettings: all });
  const until1 = converter.debugSettings.allEnabledUntil;
  assert.equal(converter.debugSettings.allEnabled, false);
  assert.ok(until1 > Date.now() && until1 <= Date.now() + 3600_000);
  const integration = await api.post('/api/integration', {
    ...(await api.integration('kinesis_integration')),
    debugSettings: { failuresEnabled: true, allEnabled: false, allEnabledUntil: 0 },
  });
  const chain = rootChain();
  chain.metadata.nodes[0].debugSettings = all;
  const { saved } = await importChain(api, chain);

  await put(client, { devName: 'd', devType: 'thermostat', temperature: 22 }, { devName: '' });
  const seen = await until('the events', async () => {
    const list = await events('CONVERTER', converter, 'DEBUG_CONVERTER');
    return list.length >= 2 && list;
  });
  const ok = seen.find((e) => !e.body.error);
  assert.equal(ok.body.type, 'Uplink');
  assert.deepEqual(JSON.parse(ok.body.in), { devName: 'd', devType: 'thermostat', temperature: 22 });
  assert.deepEqual(JSON.parse(ok.body.out),
    { deviceName: 'd', deviceType: 'thermostat', telemetry: { temperature: 22 } });
  assert.equal(JSON.parse(ok.body.metadata).integrationName, 'kinesis_integration');
  assert.ok(seen.some((e) => e.body.error));

  const failures = await events('INTEGRATION', integration, 'DEBUG_INTEGRATION');
  assert.equal(failures.length, 1);
  assert.equal(failures[0].body.status, 'FAILURE');
  assert.match(failures[0].body.error, /deviceName/);

  const passed = await events('RULE_NODE', saved.nodes[0], 'DEBUG_RULE_NODE');
  assert.deepEqual(passed.map((e) => [e.body.type, e.body.relationType]),
    [['OUT', 'Success'], ['IN', null]]);
  assert.equal(passed[0].body.msgType, 'POST_TELEMETRY_REQUEST');
  assert.equal(JSON.parse(passed[0].body.data).temperature, 22);
});

test('a script node that loops for ever harms only its own messages', async (t) => {
  const { api, client } = await start(t, {
    streams: ['tb-test-uplink:2', 'tb-test-downlink:1'],
    converter: { timeLimitMs: 300 * slow, workers: 1 },
  });
  await importChain(api, {
    ruleChain: { name: 'Hanging', type: 'CORE' },
    metadata: {
      firstNodeIndex: 0,
      nodes: [
        node('filter.TbDeviceTypeSwitchNode', 'by profile'),
        node('filter.TbJsFilterNode', 'hangs', { scriptLang: 'JS', jsScript: 'while (true) {}' }),
        node('transform.TbTransformMsgNode', 'works',
          { scriptLang: 'JS', jsScript: 'msg.temperature += 1; return {msg: msg};' }),
        node('telemetry.TbMsgTimeseriesNode', 'save'),
      ],
      connections: [
        edge(0, 1, 'bad'), edge(0, 2, 'good'), edge(1, 3, 'True'), edge(2, 3, 'Success'),
      ],
    },
  });
  const records = [];
  for (let i = 0; i < 400; i++) {
    const bad = i % 2;
    const devName = `${bad ? 'bad' : 'good'}-${i % 20}`;
    records.push({ devName, devType: bad ? 'bad' : 'good', temperature: i, key: devName });
  }
  await put(client, ...records);
  const status = await until('all records', async () => {
    const s = await api.status('kinesis_integration');
    return applied(s) === 400 && s;
  });
  assert.equal(status.shards.length, 2);
  for (let i = 0; i < 20; i += 2) {
    const good = await api.device(`good-${i}`);
    assert.equal((await api.latest(good)).temperature[0].value, String(380 + i + 1));
    const bad = await api.device(`bad-${i + 1}`);
    assert.deepEqual(await api.latest(bad), {});
  }
});

test('a deleted device leaves nothing but its name', async (t) => {
  const { api, client } = await start(t);
  const record = { devName: 'd', devType: 'thermostat', temperature: 1 };
  await put(client, record);
  const first = await waitForDevice(api, 'd', 1);
  await saveShared(api, first, { version: '1' });
  const renamed = await api.post('/api/device', { ...first, type: 'boiler', label: 'cellar' });
  assert.equal(renamed.type, 'boiler');
  assert.equal((await api.device('d')).label, 'cellar');
  assert.equal((await api.call('DELETE', `/api/device/${first.id.id}`)).status, 200);
  assert.equal((await api.call('GET', `/api/device/${first.id.id}`)).status, 404);
  assert.equal((await api.call('DELETE', `/api/device/${first.id.id}`)).status, 404);
  assert.equal(await api.device('d'), undefined);
  await put(client, { ...record, temperature: 2 });
  const second = await waitForDevice(api, 'd', 2);
  assert.notEqual(second.id.id, first.id.id);
  assert.equal(second.type, 'thermostat');
  const history = await api.get(`/api/plugins/telemetry/DEVICE/${second.id.id}/values/timeseries` +
    `?keys=temperature&startTs=0&endTs=${Date.now() + 1000}`);
  assert.equal(history.temperature.length, 1);
  assert.deepEqual(
    await api.get(`/api/plugins/telemetry/DEVICE/${second.id.id}/values/attributes`), []);
});
