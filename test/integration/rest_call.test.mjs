// SPDX-License-Identifier: Apache-2.0
// The REST API call node against a server of Node's: what it sends, what becomes of the answer.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { demoUser, serve, until } from './gateway.mjs';

const CLASS = 'org.thingsboard.rule.engine.';

async function peer(t, answer) {
  const seen = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => (body += d)).on('end', () => {
      seen.push({ method: req.method, url: req.url, headers: req.headers, body });
      answer(req, res, seen.length);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, url: `http://127.0.0.1:${server.address().port}` };
}

// Attributes updated -> REST API call -> what came back is saved as attributes.
async function chain(api, configuration) {
  const { data } = await api.get('/api/ruleChains?pageSize=10&page=0');
  const save = (name, script) => ({
    type: `${CLASS}transform.TbTransformMsgNode`, name, configuration: { jsScript: script },
  });
  const store = (name) => ({
    type: `${CLASS}telemetry.TbMsgAttributesNode`, name, configuration: { scope: 'SERVER_SCOPE' },
  });
  await api.post('/api/ruleChain/metadata', {
    ruleChainId: data.find((c) => c.root).id,
    firstNodeIndex: 0,
    nodes: [
      { type: `${CLASS}filter.TbMsgTypeFilterNode`, name: 'f', configuration: { messageTypes: ['ATTRIBUTES_UPDATED'] } },
      { type: `${CLASS}rest.TbRestApiCallNode`, name: 'call', configuration },
      save('good', `return {msg: {good: msg.v, code: metadata.statusCode, kind: metadata['X-Kind']},
        metadata: {scope: 'SERVER_SCOPE'}, msgType: 'POST_ATTRIBUTES_REQUEST'};`),
      save('bad', `return {msg: {bad: metadata.error, status: metadata.status || 'none'},
        metadata: {scope: 'SERVER_SCOPE'}, msgType: 'POST_ATTRIBUTES_REQUEST'};`),
      store('store'),
    ],
    connections: [[0, 1, 'True'], [1, 2, 'Success'], [1, 3, 'Failure'], [2, 4, 'Success'], [3, 4, 'Success']]
      .map(([fromIndex, toIndex, type]) => ({ fromIndex, toIndex, type })),
  });
}

async function start(t, configuration) {
  const gateway = await serve(t, { http: { listen: '127.0.0.1:0' }, users: [demoUser] });
  const { api } = gateway;
  await chain(api, configuration);
  const device = await api.post('/api/device', { name: 'pump 1' });
  const base = `/api/plugins/telemetry/DEVICE/${device.id.id}`;
  return {
    gateway, api,
    change: (values) => api.post(`${base}/attributes/SHARED_SCOPE`, values),
    server: async () => Object.fromEntries(
      (await api.get(`${base}/values/attributes/SERVER_SCOPE`)).map((a) => [a.key, a.value])),
  };
}

test('templates go out, the answer is the next message', async (t) => {
  const { seen, url } = await peer(t, (req, res, n) => {
    // The first one is told to come again.
    if (n === 1) res.writeHead(503, { 'Retry-After': '0' }).end('busy');
    else res.writeHead(201, { 'X-Kind': 'k' }).end('{"v":7}');
  });
  const s = await start(t, {
    restEndpointUrlPattern: `${url}/\${deviceName}/$[level]?x=1`,
    requestMethod: 'PUT',
    queryParams: [{ key: 'd', value: '${deviceName}' }],
    headers: { 'X-Name': '${deviceName}', 'Content-Type': 'text/x' },
    credentials: { type: 'basic', username: 'u', password: 'p' },
    requestBodyTemplate: '{"l":$[level]}',
  });
  await s.change({ level: 5 });
  assert.equal(seen.length, 2);
  assert.deepEqual(seen[0].body, seen[1].body);
  const { method, url: target, headers, body } = seen[1];
  assert.deepEqual([method, target, body], ['PUT', '/pump%201/5?x=1&d=pump%201', '{"l":5}']);
  assert.equal(headers['x-name'], 'pump 1');
  assert.equal(headers['content-type'], 'text/x');
  assert.equal(headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
  assert.deepEqual(await s.server(), { good: 7, code: 201, kind: 'k' });
});

test('errors go by Failure: a status, a peer that is silent, none at all', async (t) => {
  const { url } = await peer(t, (req, res) => {
    if (req.url === '/404') res.writeHead(404).end('no');
  });
  const configuration = { restEndpointUrlPattern: `${url}/$[path]` };
  const s = await start(t, configuration);
  await s.change({ path: '404' });
  assert.deepEqual(await s.server(), { bad: '127.0.0.1 answered 404 Not Found', status: 'NOT_FOUND' });
  await chain(s.api, { ...configuration, readTimeoutMs: 200 });
  await s.change({ path: 'silent' });
  const after = await s.server();
  assert.equal(after.status, 'none');
  assert.match(after.bad, /127\.0\.0\.1/);
});

test('a call under way does not keep the program from its end', async (t) => {
  const { seen, url } = await peer(t, () => {});
  const s = await start(t, { restEndpointUrlPattern: url, readTimeoutMs: 600000 });
  const answer = s.change({ a: 1 }).then(() => 200, (error) => String(error));
  await until('the request', () => seen.length > 0);
  assert.deepEqual(await s.gateway.stop(), { code: 0, signal: null });
  assert.notEqual(await answer, 200);
});
