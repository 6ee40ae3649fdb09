// SPDX-License-Identifier: Apache-2.0
// Requests to integrations: durable when answered, signed, and downlinks asked for by another hub.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import {
  configuration, kinesisClient, readStream, serve, startKinesis, tempDir, until,
} from './gateway.mjs';

const decoder = `
  var d = decodeToJson(payload);
  return { deviceName: d.name, deviceType: 'hook', telemetry: { ts: d.ts, values: { n: d.n } } };
`;

const post = (api, target, body, headers = {}) => fetch(api.base + target, {
  method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers,
});

function hookConfiguration(dir, hook = {}) {
  const file = path.join(dir, 'hook.js');
  writeFileSync(file, decoder);
  return {
    data: path.join(dir, 'data'),
    http: { listen: '127.0.0.1:0' },
    users: [{ email: 'tenant@thingsboard.org', password: 'tenant' }],
    converters: [{ name: 'hook', type: 'UPLINK', file }],
    integrations: [{
      name: 'hook', type: 'HTTP', routingKey: 'the-key', uplinkConverter: 'hook',
      configuration: { replaceNoContentToOk: true, ...hook },
    }],
  };
}

test('what was answered is there after kill -9, once', async (t) => {
  const dir = tempDir(t);
  const config = hookConfiguration(dir);
  let gateway = await serve(t, config, { dir });
  const answered = [];
  let next = 0;
  let killed = false;
  // Eight callers; the process dies while all of them wait.
  const callers = Array.from({ length: 8 }, async () => {
    while (!killed) {
      const n = next++;
      try {
        const r = await post(gateway.api, '/api/v1/integrations/http/the-key',
          { name: 'd', ts: 1_700_000_000_000 + n, n });
        if (r.status === 200) answered.push(n);
        else assert.equal(r.status, 503);
      } catch {
        if (!killed) throw new Error('a request failed before the kill');
      }
    }
  });
  await until('some answers', () => answered.length > 40);
  killed = true;
  await gateway.stop('SIGKILL');
  await Promise.all(callers);

  gateway = await serve(t, config, { dir });
  const device = await gateway.api.device('d');
  const { n: points } = await gateway.api.get(
    `/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries?keys=n&limit=100000` +
    `&startTs=1700000000000&endTs=${1_700_000_000_000 + next}`);
  const there = new Set(points.map((p) => Number(p.value)));
  assert.equal(there.size, points.length);
  assert.deepEqual(answered.filter((n) => !there.has(n)), []);
});

test('signatures and headers are asked for', async (t) => {
  const dir = tempDir(t);
  const { api } = await serve(t, hookConfiguration(dir, {
    enableSecurity: true, headersFilter: { 'X-Api-Key': 'k' }, signatureSecret: 'shared',
  }), { dir });
  const body = JSON.stringify({ name: 'd', n: 1 });
  const sign = (secret) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const send = (headers) =>
    post(api, '/api/v1/integrations/http/the-key', body, headers).then((r) => r.status);
  assert.equal(await send({}), 401);
  assert.equal(await send({ 'X-Api-Key': 'k' }), 401);
  assert.equal(await send({ 'X-Api-Key': 'k', 'X-Hub-Signature-256': sign('other') }), 401);
  assert.equal(await send({ 'X-Hub-Signature-256': sign('shared') }), 401);
  assert.equal(await api.device('d'), undefined);
  assert.equal(await send({ 'X-Api-Key': 'k', 'X-Hub-Signature-256': sign('shared') }), 200);
  assert.ok(await api.device('d'));
});

test("another hub's rule engine puts a downlink on the stream", async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', 'tb-test-downlink:1']);
  const { api } = await serve(t, configuration({
    client: { endpoint: kinesis.endpoint }, integration: { routingKey: 'down-key' },
  }));
  const send = (body) => post(api, '/api/v1/integrations/down-key/downlink', body);
  const r = await send({
    msg: { version: 'v.0.11' }, metadata: { a: 'b' }, msgType: 'ATTRIBUTES_UPDATED',
  });
  assert.equal(r.status, 200, await r.text());
  const client = kinesisClient(t, kinesis.endpoint);
  const records = await until('the downlink', async () => {
    const all = await readStream(client, 'tb-test-downlink');
    return all.length > 0 && all;
  });
  assert.equal(Buffer.from(records[0].Data).toString(),
    '{"devName":"kitchen_thermostat","version":"v.0.11"}');
  assert.equal((await send('{"metadata":{}}')).status, 400);
  assert.equal((await send('no JSON')).status, 400);
  assert.equal((await post(api, '/api/v1/integrations/no-key/downlink', {})).status, 404);
  // A uplink is not for a stream's integration.
  assert.equal((await post(api, '/api/v1/integrations/http/down-key', {})).status, 404);
});
