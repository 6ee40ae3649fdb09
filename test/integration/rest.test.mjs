// SPDX-License-Identifier: Apache-2.0
// Every route of the REST API: what it answers when all is well, and when something is not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { PutRecordsCommand } from '@aws-sdk/client-kinesis';

import { Api, Process, configuration, connectDownlink, demoUser, kinesisClient, root, serve, tempDir, until } from './gateway.mjs';

const TELEMETRY = '/api/plugins/telemetry';
const NOWHERE = '00000000-0000-1000-8000-000000000000';
const NULL_ID = '13814000-1dd2-11b2-8080-808080808080';
const SECRET = 'test-secret';
const MASK = '********';

const script = (name) => readFileSync(path.join(root, 'converters', name), 'utf8');
const uplink = (name, more = {}) => ({
  name, type: 'UPLINK', configuration: { scriptLang: 'JS', decoder: script('kinesis_converter.js') }, ...more,
});

let gateway, api, anonymous, second, device, uuid;

before(async () => {
  const dir = tempDir();
  gateway = await serve(null, {
    ...configuration({ data: path.join(dir, 'data'), client: { endpoint: 'http://127.0.0.1:9' } }),
    users: [demoUser, { email: 'Second@example.org', password: 'pass word' }],
  }, { dir });
  api = gateway.api;
  anonymous = new Api(api.base);
  second = await new Api(api.base).login({ email: 'second@example.org', password: 'pass word' });
  device = await api.post('/api/device', { name: 'rest_device', type: 'thermostat', label: 'a label' });
  uuid = device.id.id;
});

after(() => gateway?.stop());

function isError(reply, status, code, pattern) {
  assert.equal(reply.status, status, reply.text);
  assert.deepEqual(Object.keys(reply.json ?? {}), ['status', 'message', 'errorCode', 'timestamp'], reply.text);
  assert.equal(reply.json.status, status);
  assert.equal(reply.json.errorCode, code, reply.text);
  if (pattern) assert.match(reply.json.message, pattern);
  assert.ok(Math.abs(Date.now() - reply.json.timestamp) < 60000);
}

function isText(reply, status, pattern) {
  assert.equal(reply.status, status, reply.text);
  assert.match(reply.headers.get('content-type'), /^text\/plain/);
  assert.match(reply.text, pattern);
}

// ---- what holds for all routes

function routes() {
  const table = readFileSync(path.join(root, 'src/api/routes.h'), 'utf8');
  return [...table.matchAll(/X\((GET|POST|DELETE), (TELEMETRY )?"([^"]+)", \w+,\s+(\w+)\)/g)].map(
    ([, method, telemetry, pattern, access]) => ({
      method, access, target: (telemetry ? TELEMETRY : '') + pattern.replace(/\{type\}/, 'DEVICE').replace(/\{timeout\}/, '1000').replace(/\{\w+\}/g, NOWHERE),
    }));
}

describe('all routes', () => {
  test('none but the open ones answers without a good token', async () => {
    const all = routes();
    assert.ok(all.length > 55, `${all.length} routes`);
    for (const { method, target, access } of all) {
      if (access === 'OPEN') continue;
      isError(await anonymous.call(method, target), 401, 10, /Authentication failed/);
      isError(await anonymous.call(method, target, undefined, { Authorization: 'Bearer x.y.z' }), 401, 10);
    }
  });

  test('a body that is not JSON, or not of the right type, is 400 in the hub\'s shape', async () => {
    for (const { method, target } of routes()) {
      // Where an id comes first, it is looked at first; the rule engine takes any document; devices
      // cannot provision themselves whatever they say.
      if (method !== 'POST' || target.includes(NOWHERE) || /logout|rule-engine|provision/.test(target)) continue;
      for (const body of ['', '{', '{"a":}', 'nonsense', '[]', '5', '"text"', 'null', '{"name":1,"id":5}']) {
        const reply = await api.call(method, target, body);
        if (target === '/api/auth/token' && reply.status === 401) continue;
        isError(reply, 400, 31);
      }
    }
  });

  test('an id that is no UUID is 400, one that nobody has is 404', async () => {
    for (const { method, target } of routes()) {
      if (!target.includes(NOWHERE) || /metadata$/.test(target) && method === 'POST') continue;
      if (/routingKey|entityGroup\/all|entityGroups|api\/events|^\/api\/v1\//.test(target)) continue;
      const body = method === 'POST' ? { a: 1 } : undefined;
      const unknown = await api.call(method, target, body);
      assert.equal(unknown.status, 404, `${method} ${target}: ${unknown.text}`);
      const wrong = await api.call(method, target.replace(NOWHERE, 'not-a-uuid'), body);
      isError(wrong, 400, 31, /Invalid UUID string: not-a-uuid/);
    }
  });

  test('an unknown path is 404, a known one with another method 405', async () => {
    for (const target of ['/nothing', '/api', '/api/', '/api/device/', `/api/device/${uuid}/`, '/api/plugins/telemetry'])
      isError(await api.call('GET', target), 404, 32);
    for (const [method, target, allow] of [
      ['PUT', '/api/device', 'POST'],
      ['POST', `/api/device/${uuid}`, 'GET, HEAD, DELETE'],
      ['GET', '/api/auth/login', 'POST'],
      ['POST', `/api/converter/${uuid}`, 'GET, HEAD, DELETE'],
      ['PATCH', '/', 'GET, HEAD'],
    ]) {
      const reply = await api.call(method, target);
      isError(reply, 405, 31, /not supported/);
      assert.equal(reply.headers.get('allow'), allow);
    }
  });

  test('wrong arguments are 400', async () => {
    for (const target of ['/api/tenant/devices', '/api/converters', '/api/integrations', '/api/integrationInfos', '/api/ruleChains', '/api/deviceProfileInfos']) {
      for (const query of ['', '?pageSize=0&page=0', '?pageSize=1', '?pageSize=1&page=-1', '?pageSize=x&page=0', '?pageSize=1&page=0&sortOrder=UP', '?a=%zz&pageSize=1&page=0'])
        isError(await api.call('GET', target + query), 400, 31);
      assert.equal((await api.call('GET', `${target}?pageSize=999999999&page=0`)).status, 200);
      const far = await api.get(`${target}?pageSize=10&page=2147483647`);
      assert.deepEqual(far.data, []);
      assert.equal(far.hasNext, false);
    }
    isError(await api.call('GET', '/api/tenant/devices?pageSize=1&page=0&sortProperty=colour'), 400, 31);
    isError(await api.call('GET', `/api/device/%zz`), 400, 31);
    const many = Array.from({ length: 513 }, (_, i) => `k${i}`).join(',');
    isText(await api.call('GET', `${TELEMETRY}/DEVICE/${uuid}/values/timeseries?keys=${many}`), 400, /more than 512/);
  });
});

// ---- subject by subject

describe('auth', () => {
  test('a log-in gives a token with the hub\'s claims, and a refresh token', async () => {
    const pair = await anonymous.post('/api/auth/login', { username: demoUser.email, password: demoUser.password });
    assert.deepEqual(Object.keys(pair), ['token', 'refreshToken']);
    const claims = JSON.parse(Buffer.from(pair.token.split('.')[1], 'base64url'));
    assert.equal(claims.sub, demoUser.email);
    assert.deepEqual(claims.scopes, ['TENANT_ADMIN']);
    assert.equal(claims.iss, 'thingsboard.io');
    assert.equal(claims.exp - claims.iat, 9000);
    for (const name of ['userId', 'sessionId', 'tenantId', 'customerId']) assert.match(claims[name], /^[0-9a-f-]{36}$/);
    const refresh = JSON.parse(Buffer.from(pair.refreshToken.split('.')[1], 'base64url'));
    assert.deepEqual(refresh.scopes, ['REFRESH_TOKEN']);
    assert.equal(refresh.exp - refresh.iat, 604800);

    for (const header of ['Authorization', 'X-Authorization', 'x-authorization']) {
      const reply = await anonymous.call('GET', '/api/auth/user', undefined, { [header]: `Bearer ${pair.token}` });
      assert.equal(reply.status, 200);
      assert.equal(reply.json.email, demoUser.email);
      assert.equal(reply.json.id.id, claims.userId);
      assert.equal(reply.json.authority, 'TENANT_ADMIN');
    }
    // A refresh token opens nothing but a new pair; a token is no refresh token.
    isError(await anonymous.call('GET', '/api/auth/user', undefined, { 'X-Authorization': `Bearer ${pair.refreshToken}` }), 401, 10);
    isError(await anonymous.call('POST', '/api/auth/token', { refreshToken: pair.token }), 401, 10);
    const fresh = await anonymous.post('/api/auth/token', { refreshToken: pair.refreshToken });
    const other = Object.assign(new Api(api.base), { token: fresh.token });
    assert.equal((await other.get('/api/auth/user')).email, demoUser.email);

    // A log-out ends the session with all its tokens, and no other session.
    assert.equal((await other.call('POST', '/api/auth/logout')).status, 200);
    isError(await other.call('GET', '/api/auth/user'), 401, 10);
    isError(await anonymous.call('POST', '/api/auth/token', { refreshToken: fresh.refreshToken }), 401, 10);
    assert.equal((await api.call('GET', '/api/auth/user')).status, 200);
    const user = await second.get('/api/auth/user');
    assert.equal(user.email, 'Second@example.org');
    assert.notEqual(user.id.id, claims.userId);
  });

  test('a wrong name or password is 401', async () => {
    for (const body of [
      { username: demoUser.email, password: 'wrong' },
      { username: 'nobody@example.org', password: demoUser.password },
      { username: demoUser.email, password: 'x'.repeat(5000) },
    ]) isError(await anonymous.call('POST', '/api/auth/login', body), 401, 10, /^Invalid username or password$/);
    isError(await anonymous.call('POST', '/api/auth/login', { username: demoUser.email }), 400, 31);
    isError(await anonymous.call('POST', '/api/auth/login', { username: demoUser.email, password: 5 }), 400, 31);
  });

  test('a changed, unsigned or foreign token is 401', async () => {
    const [header, claims, signature] = api.token.split('.');
    const forged = Buffer.from(Buffer.from(claims, 'base64url').toString().replace('TENANT', 'SYSTEM')).toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    for (const token of [`${header}.${forged}.${signature}`, `${none}.${claims}.`, `${none}.${claims}.${signature}`,
      `${header}.${claims}`, api.token.slice(0, -1), `${api.token}A`]) {
      isError(await anonymous.call('GET', '/api/auth/user', undefined, { 'X-Authorization': `Bearer ${token}` }), 401, 10);
    }
    isError(await anonymous.call('GET', '/api/auth/user', undefined, { 'X-Authorization': 'ApiKey abc' }), 401, 10);
  });

  test('too many log-ins at once are 429', async () => {
    const replies = await Promise.all(Array.from({ length: 40 }, () =>
      anonymous.call('POST', '/api/auth/login', { username: demoUser.email, password: 'wrong' })));
    const busy = replies.filter((r) => r.status === 429);
    assert.ok(busy.length > 0 && busy.length < 40, `${busy.length} refused`);
    busy.forEach((r) => isError(r, 429, 33));
    replies.filter((r) => r.status !== 429).forEach((r) => isError(r, 401, 10));
  });
});

describe('devices', () => {
  test('one is made, once for each name', async () => {
    assert.equal(device.id.entityType, 'DEVICE');
    assert.equal(device.type, 'thermostat');
    assert.equal(device.label, 'a label');
    assert.equal(device.customerId.id, NULL_ID);
    assert.deepEqual(device.deviceData, { configuration: { type: 'DEFAULT' }, transportConfiguration: { type: 'DEFAULT' } });
    isError(await api.call('POST', '/api/device', { name: 'rest_device' }), 400, 31, /^Device with such name already exists!$/);
    for (const body of [{ name: '' }, { name: '  ' }, {}, { name: 'x'.repeat(256) }, { name: 'd', type: [] }, { name: 'd', label: 1 }, { name: 'd', deviceProfileId: { id: NOWHERE } }])
      isError(await api.call('POST', '/api/device', body), 400, 31);
    isError(await api.call('POST', '/api/device', { name: 'd', id: { entityType: 'DEVICE', id: NOWHERE } }), 404, 32);
    assert.equal((await api.get('/api/tenant/devices?pageSize=10&page=0&textSearch=d')).totalElements, 1);
    // Saved as it is: nothing changes. Anything else is refused, not ignored.
    assert.deepEqual(await api.post('/api/device', device), device);
    isError(await api.call('POST', '/api/device', { ...device, name: 'another' }), 400, 31);
    const plain = await api.post('/api/device', { name: 'Ünïcode "device" <b>' });
    assert.equal(plain.type, 'default');
    assert.equal(plain.label, null);
  });

  test('it is found by id and by name', async () => {
    assert.deepEqual(await api.get(`/api/device/${uuid}`), device);
    assert.deepEqual(await api.get('/api/tenant/devices?deviceName=rest_device'), device);
    assert.deepEqual(await api.get('/api/tenant/device?deviceName=rest_device'), device);
    assert.equal((await api.get(`/api/tenant/device?deviceName=${encodeURIComponent('Ünïcode "device" <b>')}`)).type, 'default');
    assert.deepEqual(await api.get(`/api/devices?deviceIds=${uuid},${NOWHERE}`), [device]);
    isError(await api.call('GET', `/api/devices?deviceIds=${uuid},x`), 400, 31);
    isError(await api.call('GET', '/api/tenant/device?deviceName=nobody'), 404, 32);
    isError(await api.call('GET', '/api/tenant/device'), 400, 31);
    const info = await api.get(`/api/device/info/${uuid}`);
    assert.equal(info.deviceProfileName, 'thermostat');
    assert.equal(info.ownerName, 'Tenant');
    assert.deepEqual({ ...info, ...device }, info);
  });

  test('lists are paged, searched, filtered and sorted', async () => {
    for (const n of [1, 2, 3, 4, 5]) await api.post('/api/device', { name: `page_${n}`, type: n % 2 ? 'odd' : 'even' });
    const names = async (query) => (await api.get(`/api/tenant/devices?${query}`)).data.map((d) => d.name);
    const first = await api.get('/api/tenant/devices?pageSize=2&page=0&textSearch=PAGE_&sortProperty=name&sortOrder=ASC');
    assert.deepEqual(first.data.map((d) => d.name), ['page_1', 'page_2']);
    assert.equal(first.totalElements, 5);
    assert.equal(first.totalPages, 3);
    assert.equal(first.hasNext, true);
    const last = await api.get('/api/tenant/devices?pageSize=2&page=2&textSearch=page_&sortProperty=name');
    assert.deepEqual(last.data.map((d) => d.name), ['page_5']);
    assert.equal(last.hasNext, false);
    assert.deepEqual(await names('pageSize=10&page=0&textSearch=age_&sortProperty=name&sortOrder=DESC'), ['page_5', 'page_4', 'page_3', 'page_2', 'page_1']);
    assert.deepEqual(await names('pageSize=10&page=0&type=even&sortProperty=createdTime'), ['page_2', 'page_4']);
    assert.deepEqual(await names('pageSize=10&page=0&type=unknown'), []);
    assert.deepEqual(await names('pageSize=10&page=0&textSearch=%25'), []);
    const profile = (await api.get('/api/deviceProfileInfos?pageSize=10&page=0&textSearch=odd')).data[0];
    assert.equal(profile.name, 'odd');
    assert.equal((await api.get(`/api/deviceInfos/all?pageSize=10&page=0&deviceProfileId=${profile.id.id}`)).totalElements, 3);
    for (const target of ['/api/user/devices', '/api/tenant/deviceInfos', '/api/deviceInfos/all'])
      assert.equal((await api.get(`${target}?pageSize=3&page=0&textSearch=page_`)).data.length, 3);
    const types = await api.get('/api/device/types');
    assert.ok(types.some((t) => t.type === 'even' && t.entityType === 'DEVICE'));
  });

  test('the group "All" holds them all', async () => {
    const tenant = device.tenantId.id;
    const group = await api.get(`/api/entityGroup/all/TENANT/${tenant}/DEVICE`);
    assert.equal(group.name, 'All');
    assert.equal(group.groupAll, true);
    assert.deepEqual(await api.get('/api/entityGroups/DEVICE'), [group]);
    assert.deepEqual(await api.get('/api/entityGroups/ASSET'), []);
    assert.deepEqual(await api.get(`/api/entityGroup/${group.id.id}`), group);
    const page = await api.get(`/api/entityGroup/${group.id.id}/devices?pageSize=100&page=0`);
    assert.ok(page.data.some((d) => d.name === 'rest_device'));
    isError(await api.call('GET', `/api/entityGroup/all/TENANT/${NOWHERE}/DEVICE`), 404, 32);
    isError(await api.call('GET', `/api/entityGroup/all/TENANT/${tenant}/ASSET`), 404, 32);
  });
});

describe('telemetry', () => {
  const at = `${TELEMETRY}/DEVICE/`;
  const save = (body, target = `${at}${uuid}/timeseries/ANY?scope=ANY`) => api.call('POST', target, body);
  const values = (query = '') => api.get(`${at}${uuid}/values/timeseries?${query}`);

  test('all three shapes are saved, and shown as strings or in their types', async () => {
    assert.deepEqual(await values(), {});
    const began = Date.now();
    for (const body of [
      { whole: 22, half: 22.5, yes: true, text: 'v.0.11', json: { a: [1, 'x"y'] } },
      { ts: 1700000000000, values: { whole: 5, old: 1 } },
      [{ ts: 1700000001000, values: { old: 2 } }, { ts: 1700000002000, values: { old: 3 } }],
    ]) {
      const reply = await save(body);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.text, '');
    }
    assert.equal((await save({ ttl: 1 }, `${at}${uuid}/timeseries/ANY/3600`)).status, 200);
    const shown = await values('keys=whole,half,yes,text,json,old');
    assert.deepEqual(Object.fromEntries(Object.entries(shown).map(([k, [p]]) => [k, p.value])), {
      whole: '22', half: '22.5', yes: 'true', text: 'v.0.11', json: '{"a":[1,"x\\"y"]}', old: '3',
    });
    assert.ok(shown.whole[0].ts >= began && shown.whole[0].ts <= Date.now());
    assert.equal(shown.old[0].ts, 1700000002000);
    const strict = await values('keys=whole,half,yes,text,json&useStrictDataTypes=true');
    assert.deepEqual(Object.values(strict).map(([p]) => p.value), [22, 22.5, true, 'v.0.11', { a: [1, 'x"y'] }]);
    assert.deepEqual((await api.get(`${at}${uuid}/keys/timeseries`)).sort(), ['half', 'json', 'old', 'text', 'ttl', 'whole', 'yes']);
    assert.deepEqual(Object.keys(await values()).sort(), ['half', 'json', 'old', 'text', 'ttl', 'whole', 'yes']);
  });

  test('a key that never was is null, now', async () => {
    const shown = await values('keys=whole,never&key=with,comma');
    assert.deepEqual(Object.keys(shown), ['whole', 'never', 'with,comma']);
    assert.equal(shown.never[0].value, null);
    assert.ok(Math.abs(Date.now() - shown.never[0].ts) < 60000);
  });

  test('a range is half open, newest first, limited', async () => {
    const range = (query) => values(`keys=old&startTs=1700000000000&endTs=1700000002000&${query}`);
    assert.deepEqual(await range(''), { old: [{ ts: 1700000001000, value: '2' }, { ts: 1700000000000, value: '1' }] });
    assert.deepEqual((await range('orderBy=ASC&useStrictDataTypes=true')).old.map((p) => p.value), [1, 2]);
    assert.deepEqual((await range('limit=1')).old.map((p) => p.value), ['2']);
    assert.deepEqual((await range('agg=SUM&interval=2000')).old, [{ ts: 1700000001000, value: '3' }]);
    assert.deepEqual((await range('agg=SUM')).old.length, 2); // no interval: as NONE
    assert.deepEqual((await range('agg=COUNT&interval=1000&orderBy=ASC')).old.map((p) => p.ts), [1700000000500, 1700000001500]);
    assert.deepEqual(await values('keys=old&startTs=5&endTs=6'), {});
    const history = await api.get(`${at}${uuid}/values/timeseries/history?keys=old&startTs=1700000000000&endTs=1700000002000`);
    assert.equal(history.old.length, 2);
    for (const query of ['startTs=2&endTs=1', 'startTs=x&endTs=1', 'startTs=1&endTs=2&agg=MEAN', 'startTs=1&endTs=2&limit=0',
      'startTs=0&endTs=701000&agg=AVG&interval=1000', 'startTs=1&endTs=2&intervalType=WEEK', 'startTs=1&endTs=2&orderBy=UP',
      'startTs=1&endTs=2&agg=AVG&interval=-1', 'startTs=1&endTs=2&useStrictDataTypes=perhaps']) {
      isText(await api.call('GET', `${at}${uuid}/values/timeseries?keys=old&${query}`), 400, /./);
    }
    assert.equal((await api.call('GET', `${at}${uuid}/values/timeseries?keys=old&startTs=0&endTs=700000&agg=AVG&interval=1000`)).status, 200);
    isText(await api.call('GET', `${at}${uuid}/values/timeseries?startTs=1&endTs=2`), 400, /keys/);
    isText(await api.call('GET', `${at}${uuid}/values/timeseries/history?keys=old`), 400, /startTs/);
  });

  test('what is wrong is said in plain text, and nothing is saved', async () => {
    const before = await values();
    for (const body of ['', '{', '[]', '{}', '5', '"x"', 'null', '[1]', '{"a":null}', '{"":1}', '{"ts":"x","values":{"a":1}}', '{"ts":1,"values":5}', '{"ts":1,"values":{}}'])
      isText(await save(body), 400, /./);
    isText(await save({ a: 1 }, `${at}${uuid}/timeseries/ANY/soon`), 400, /ttl/);
    isText(await save({ a: 1 }, `${at}${NOWHERE}/timeseries/ANY`), 404, /^Device with requested id wasn't found!$/);
    isText(await save({ a: 1 }, `${TELEMETRY}/ASSET/${uuid}/timeseries/ANY`), 404, /^Asset/);
    isText(await save({ a: 1 }, `${TELEMETRY}/TENANT/${uuid}/timeseries/ANY`), 404, /./);
    isText(await save({ a: 1 }, `${TELEMETRY}/TOASTER/${uuid}/timeseries/ANY`), 400, /TOASTER/);
    assert.deepEqual(await values(), before);
  });
});

describe('attributes', () => {
  const at = `${TELEMETRY}/DEVICE/`;
  const read = (rest) => api.get(`${at}${uuid}/values/attributes${rest}`);

  test('three ways to save, read by scope and by key, delete', async () => {
    const began = Date.now();
    for (const [target, body] of [
      [`${at}${uuid}/attributes/SHARED_SCOPE`, { version: 'v.0.11', on: true }],
      [`${at}${uuid}/SERVER_SCOPE`, { limit: 5, config: { a: [1] } }],
      [`${TELEMETRY}/${uuid}/SERVER_SCOPE`, { on: 2.5 }],
    ]) {
      const reply = await api.call('POST', target, body);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.text, '');
    }
    const shared = await read('/SHARED_SCOPE');
    assert.deepEqual(shared.map(({ key, value }) => [key, value]).sort(), [['on', true], ['version', 'v.0.11']]);
    assert.ok(shared.every((a) => a.lastUpdateTs >= began && a.lastUpdateTs <= Date.now()));
    assert.deepEqual(Object.fromEntries((await read('/SERVER_SCOPE?keys=limit,config,none')).map((a) => [a.key, a.value])), { limit: 5, config: { a: [1] } });
    assert.equal((await read('')).length, 5);
    assert.equal((await read('?keys=on')).length, 2);
    assert.deepEqual((await api.get(`${at}${uuid}/keys/attributes`)).sort(), ['config', 'limit', 'on', 'version']);
    assert.deepEqual(await api.get(`${at}${uuid}/keys/attributes/CLIENT_SCOPE`), []);

    for (const target of [`${at}${uuid}/SERVER_SCOPE?keys=limit,never`, `${TELEMETRY}/${uuid}/SERVER_SCOPE?keys=on,config`])
      assert.equal((await api.call('DELETE', target)).status, 200);
    assert.deepEqual(await read('/SERVER_SCOPE'), []);
    assert.equal((await api.call('DELETE', `${at}${uuid}/CLIENT_SCOPE?keys=x`)).status, 200);
  });

  test('what is wrong is said in plain text, and nothing is saved', async () => {
    const before = await read('');
    const save = (body, target = `${at}${uuid}/attributes/SHARED_SCOPE`) => api.call('POST', target, body);
    for (const body of ['', '{', '{}', '[]', '[{"a":1}]', '5', 'null', '{"a":null}', '{" ":1}'])
      isText(await save(body), 400, /./);
    for (const scope of ['CLIENT_SCOPE', 'shared_scope', 'ANY']) {
      isText(await save({ a: 1 }, `${at}${uuid}/attributes/${scope}`), 400, /scope/);
      isText(await save({ a: 1 }, `${at}${uuid}/${scope}`), 400, /scope/);
      isText(await save({ a: 1 }, `${TELEMETRY}/${uuid}/${scope}`), 400, /scope/);
    }
    isText(await api.call('GET', `${at}${uuid}/values/attributes/NO_SCOPE`), 400, /scope/);
    isText(await api.call('DELETE', `${at}${uuid}/SHARED_SCOPE`), 400, /keys/);
    isText(await api.call('DELETE', `${at}${uuid}/NO_SCOPE?keys=version`), 400, /scope/);
    assert.deepEqual(await read(''), before);
  });
});

describe('converters', () => {
  test('are made, shown, changed and deleted', async () => {
    const made = await api.post('/api/converter', uplink('made', { mine: { kept: true } }));
    assert.equal(made.id.entityType, 'CONVERTER');
    assert.equal(made.version, 1);
    assert.deepEqual(made.mine, { kept: true });
    assert.deepEqual([made.debugMode, made.edgeTemplate, made.converterVersion, made.integrationType], [false, false, 1, null]);
    assert.deepEqual(await api.get(`/api/converter/${made.id.id}`), made);
    const changed = await api.post('/api/converter', { ...made, name: 'changed', createdTime: 5 });
    assert.equal(changed.version, 2);
    assert.equal(changed.createdTime, made.createdTime);
    isError(await api.call('POST', '/api/converter', made), 409, 35);
    isError(await api.call('POST', '/api/converter', uplink('changed')), 400, 31, /already exists/);
    isError(await api.call('POST', '/api/converter', { ...uplink('x'), id: { entityType: 'CONVERTER', id: NOWHERE } }), 404, 32);
    const page = await api.get('/api/converters?pageSize=1&page=0&textSearch=CHANG');
    assert.deepEqual(page, { data: [changed], totalPages: 1, totalElements: 1, hasNext: false });
    assert.equal((await api.get('/api/converters?pageSize=10&page=0&textSearch=hanged')).totalElements, 0); // by its start
    assert.deepEqual(await api.get(`/api/converters/list?converterIds=${made.id.id},${NOWHERE}`), [changed]);
    assert.deepEqual(await api.get(`/api/converters?converterIds=${made.id.id}`), [changed]);
    assert.equal((await api.call('DELETE', `/api/converter/${made.id.id}`)).status, 200);
    isError(await api.call('GET', `/api/converter/${made.id.id}`), 404, 32, /^Converter with id \[.*\] is not found$/);
  });

  test('the hub\'s exports import as they are', async () => {
    for (const direction of ['uplink', 'downlink']) {
      const file = path.join(root, '../shared/data', `kinesis_${direction}_converter.json`);
      let exported;
      try {
        exported = JSON.parse(readFileSync(file));
      } catch {
        return; // not on this machine
      }
      const made = await api.post('/api/converter', exported);
      assert.deepEqual({ ...made, ...exported, configuration: { ...made.configuration, ...exported.configuration } }, made);
    }
  });

  test('the wrong ones are refused', async () => {
    const total = async () => (await api.get('/api/converters?pageSize=1&page=0')).totalElements;
    const before = await total();
    for (const body of [
      uplink(''), uplink('  '), uplink(undefined), uplink('x'.repeat(256)), { ...uplink('x'), type: 'SIDEWAYS' },
      { ...uplink('x'), configuration: {} }, { ...uplink('x'), configuration: 'return 1' },
      { ...uplink('x'), configuration: { decoder: 5 } }, { ...uplink('x'), id: 'x' }, { ...uplink('x'), id: { id: 'x' } },
    ]) isError(await api.call('POST', '/api/converter', body), 400, 31);
    assert.equal(await total(), before);
  });

  test('one that an integration uses stays', async () => {
    const used = (await api.get('/api/converters?pageSize=10&page=0&textSearch=kinesis_converter')).data[0];
    isError(await api.call('DELETE', `/api/converter/${used.id.id}`), 400, 31, /used by an integration/);
    isError(await api.call('POST', '/api/converter', {
      ...used, type: 'DOWNLINK', configuration: { encoder: 'return {};' },
    }), 400, 31, /can't change/);
  });

  test('an uplink script is tried', async () => {
    const attempt = (decoder, payload, metadata = {}) =>
      api.post('/api/converter/testUpLink?scriptLang=JS', { metadata, payload: Buffer.from(payload).toString('base64'), decoder });
    const good = await attempt(script('kinesis_converter.js'), '{"devName":"a","devType":"b","temperature":22}');
    assert.equal(good.error, '');
    assert.deepEqual(JSON.parse(good.output), { deviceName: 'a', deviceType: 'b', telemetry: { temperature: 22 } });
    const many = await attempt('return [{deviceName:metadata.a,deviceType:"t",telemetry:[{ts:5,values:{x:1}}],attributes:{y:"z"}},{assetName:"q",assetType:"r"}]', '', { a: 'n' });
    assert.deepEqual(JSON.parse(many.output), [
      { deviceName: 'n', deviceType: 't', attributes: { y: 'z' }, telemetry: [{ ts: 5, values: { x: 1 } }] },
      { assetName: 'q', assetType: 'r' },
    ]);
    for (const [decoder, pattern] of [
      ['return nothing;', /nothing/], ['return {', /SyntaxError|parse/i], ['return {telemetry:{a:1}}', /deviceName/],
      ['throw new Error("mine")', /mine/], ['for(;;);', /ran longer/],
    ]) {
      const bad = await attempt(decoder, 'x');
      assert.match(bad.error, pattern);
      assert.equal(bad.output, '');
    }
    isError(await api.call('POST', '/api/converter/testUpLink', { payload: '!', decoder: 'return 1' }), 400, 31, /base64/);
    isError(await api.call('POST', '/api/converter/testUpLink', { payload: '' }), 400, 31, /decoder/);
    isError(await api.call('POST', '/api/converter/testUpLink', { payload: '', decoder: 'x', metadata: [] }), 400, 31, /metadata/);
  });

  test('a downlink script is tried', async () => {
    const attempt = (encoder, msg = '{"version":"v.0.11"}') => api.post('/api/converter/testDownLink', {
      metadata: { scope: 'SHARED_SCOPE' }, msg, msgType: 'ATTRIBUTES_UPDATED', integrationMetadata: { own: '1' }, encoder,
    });
    const good = await attempt(script('kinesis_downlink_version.js'));
    const wanted = {
      contentType: 'JSON', data: '{"devName":"kitchen_thermostat","version":"v.0.11"}',
      metadata: { streamName: 'tb-test-downlink', partitionKey: '123' },
    };
    assert.equal(good.error, '');
    assert.deepEqual(JSON.parse(good.output), wanted);
    assert.deepEqual({ ...good, ...wanted }, good);
    const all = await attempt('return {contentType:"TEXT",data:metadata.scope+msgType+integrationMetadata.own,metadata:{streamName:"s",partitionKey:"p"}}');
    assert.equal(all.data, 'SHARED_SCOPEATTRIBUTES_UPDATED1');
    assert.match((await attempt('return msg.a.b')).error, /TypeError/);
    for (const msg of ['', '{', 5]) isError(await api.call('POST', '/api/converter/testDownLink', { msg, encoder: 'return 1' }), 400, 31, /msg/);
  });
});

describe('integrations', () => {
  const body = (name, more = {}) => ({
    name, type: 'AWS_KINESIS', enabled: false,
    configuration: {
      clientConfiguration: {
        streamName: 's', region: 'us-east-1', accessKeyId: 'AK', secretAccessKey: SECRET, initialPositionInStream: 'LATEST',
        endpoint: 'http://127.0.0.1:9', own: 'kept',
      },
      metadata: { a: 'b' },
    },
    ...more,
  });
  let ids;

  before(async () => {
    const page = await api.get('/api/converters?pageSize=10&page=0&textSearch=kinesis_');
    ids = Object.fromEntries(page.data.map((c) => [c.type, c.id]));
  });
  const whole = (name, more) => body(name, { defaultConverterId: ids.UPLINK, downlinkConverterId: ids.DOWNLINK, ...more });

  test('are made, shown without secrets, changed and deleted', async () => {
    const made = await api.post('/api/integration', whole('made'));
    const client = made.configuration.clientConfiguration;
    assert.equal(client.secretAccessKey, MASK);
    assert.equal(client.own, 'kept');
    assert.match(made.routingKey, /^[0-9a-f-]{36}$/);
    assert.match(made.secret, /^[a-z0-9]{20}$/);
    assert.deepEqual([made.enabled, made.remote, made.allowCreateDevicesOrAssets], [false, false, true]);
    assert.deepEqual(await api.get(`/api/integration/${made.id.id}`), made);
    assert.deepEqual(await api.get(`/api/integration/routingKey/${made.routingKey}`), made);
    isError(await api.call('GET', `/api/integration/routingKey/${NOWHERE}`), 404, 32);
    assert.deepEqual(await api.get(`/api/integrations/list?integrationIds=${made.id.id}`), [made]);
    assert.deepEqual(await api.get(`/api/integrations?integrationIds=${made.id.id}`), [made]);

    // Sent back as it was shown: the secret and the keys stay.
    const { routingKey, secret, ...rest } = made;
    const again = await api.post('/api/integration', { ...rest, name: 'again' });
    assert.deepEqual([again.version, again.routingKey, again.secret], [2, routingKey, secret]);
    assert.equal(again.configuration.clientConfiguration.secretAccessKey, MASK);
    isError(await api.call('POST', '/api/integration', made), 409, 35);
    // A mask where nothing is stored is no secret.
    const masked = structuredClone(whole('masked'));
    masked.configuration.clientConfiguration.secretAccessKey = MASK;
    isError(await api.call('POST', '/api/integration', masked), 400, 31, /masked/);

    const all = await api.call('GET', '/api/integrations?pageSize=100&page=0');
    assert.ok(!all.text.includes(SECRET));
    const info = (await api.get('/api/integrationInfos?pageSize=10&page=0&textSearch=again')).data[0];
    assert.deepEqual([info.name, info.type, info.enabled, info.status.success, info.stats], ['again', 'AWS_KINESIS', false, false, []]);
    assert.equal((await api.get(`/api/integration/${made.id.id}/status`)).state, 'DISABLED');
    assert.equal((await api.call('DELETE', `/api/integration/${made.id.id}`)).status, 200);
    isError(await api.call('GET', `/api/integration/${made.id.id}`), 404, 32);
  });

  test('the wrong ones are refused', async () => {
    const total = async () => (await api.get('/api/integrations?pageSize=1&page=0')).totalElements;
    const before = await total();
    const client = (change) => {
      const doc = structuredClone(whole('x'));
      Object.assign(doc.configuration.clientConfiguration, change);
      return doc;
    };
    for (const [doc, pattern] of [
      [whole(''), /name/], [whole('x', { type: 'KINESIS' }), /type/], [whole('x', { enabled: 'yes' }), /enabled/],
      [whole('x', { configuration: {} }), /./], [whole('x', { configuration: 5 }), /configuration/],
      [client({ streamName: '' }), /streamName/], [client({ maxRecords: 10001 }), /maxRecords/], [client({ maxRecords: 0 }), /maxRecords/],
      [client({ requestTimeout: 'long' }), /requestTimeout/], [client({ initialPositionInStream: 'NOW' }), /initialPositionInStream/],
      [client({ secretAccessKey: '' }), /secretAccessKey/], [client({ useConsumersWithEnhancedFanOut: 1 }), /FanOut/],
      [whole('x', { defaultConverterId: null }), /defaultConverterId/],
      [whole('x', { defaultConverterId: { entityType: 'CONVERTER', id: NOWHERE } }), /defaultConverterId/],
      [whole('x', { defaultConverterId: ids.DOWNLINK }), /defaultConverterId/], [whole('x', { downlinkConverterId: ids.UPLINK }), /downlinkConverterId/],
      [whole('kinesis_integration'), /already exists/],
    ]) isError(await api.call('POST', '/api/integration', doc), 400, 31, pattern);
    assert.equal(await total(), before);
  });

  test('a check says why the stream cannot be reached', async () => {
    isError(await api.call('POST', '/api/integration/check', whole('check')), 400, 31, /127\.0\.0\.1/);
    isError(await api.call('POST', '/api/integration/check', body('check')), 400, 31, /defaultConverterId/);
  });

  test('one that fails says so', async () => {
    const failing = await until('the failure', async () => {
      const info = (await api.get('/api/integrationInfos?pageSize=1&page=0&textSearch=kinesis_integration')).data[0];
      return info.status.state === 'FAILED' && info;
    });
    assert.equal(failing.status.success, false);
    assert.match(failing.status.error, /127\.0\.0\.1/);
    assert.match(failing.routingKey ?? '', /^$/);
    const whole_ = await api.get(`/api/integration/${failing.id.id}`);
    assert.deepEqual(await api.get(`/api/integration/routingKey/${whole_.routingKey}`), whole_);
    const status = await api.get(`/api/integration/${failing.id.id}/status`);
    assert.equal(status.state, 'FAILED');
    assert.deepEqual(await api.get(`/api/integration/${failing.id.id}/deadLetters?pageSize=10&page=0`), { data: [], totalPages: 0, totalElements: 0, hasNext: false });
    isError(await api.call('GET', `/api/integration/${failing.id.id}/deadLetters`), 400, 31);
  });
});

describe('dead letters', () => {
  test('records whose converter fails are kept, newest first, with all there is to know', async (t) => {
    const demo = new Process(['demo', '--http', '127.0.0.1:0', '--kinesis', '127.0.0.1:0']);
    t.after(() => demo.stop());
    const [, url] = await demo.readyLine();
    const [, endpoint] = demo.stdout.match(/kinesis\s+(http:\S+)/);
    const kinesis = kinesisClient(t, endpoint, { credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' } });
    const payloads = ['not JSON', Buffer.from([0xff, 0xfe, 0x01]), '"\\u0000 ünï \u{1F600}', '{"devName":"good","temperature":1}'];
    const put = await kinesis.send(new PutRecordsCommand({
      StreamName: 'tb-test-uplink', Records: payloads.map((data, i) => ({ PartitionKey: `key ${i}`, Data: Buffer.from(data) })),
    }));
    const local = await new Api(url).login();
    const { id } = await local.integration('kinesis_integration');
    const letters = (query) => local.get(`/api/integration/${id.id}/deadLetters?${query}`);
    const page = await until('three dead letters', async () => {
      const found = await letters('pageSize=100&page=0');
      return found.totalElements >= 3 && found;
    });
    assert.deepEqual([page.data.length, page.totalPages, page.hasNext], [3, 1, false]);
    for (const [i, letter] of [...page.data].reverse().entries()) {
      assert.equal(letter.payload, Buffer.from(payloads[i]).toString('base64'));
      assert.equal(letter.text, typeof payloads[i] === 'string' ? payloads[i] : null);
      assert.match(letter.error, /SyntaxError/);
      assert.deepEqual([letter.type, letter.shardId, letter.partitionKey], ['UPLINK', 'shardId-000000000000', `key ${i}`]);
      assert.equal(letter.sequenceNumber, put.Records[i].SequenceNumber);
      assert.ok(Math.abs(Date.now() - letter.ts) < 60000 && letter.createdTime >= letter.ts - 1000);
    }
    const second = await letters('pageSize=2&page=1');
    assert.deepEqual([second.data, second.totalPages], [[page.data[2]], 2]);
    assert.equal((await local.status('kinesis_integration')).recordsFailed, 3);
    assert.ok(await local.device('good'));
  });
});

describe('rule chains', () => {
  test('the root chain is shown, edited and kept', async () => {
    const page = await api.get('/api/ruleChains?pageSize=10&page=0&type=CORE&textSearch=rule%20CH');
    const chain = page.data[0];
    assert.deepEqual([chain.name, chain.root, chain.type], ['Root Rule Chain', true, 'CORE']);
    assert.equal(chain.metadata, undefined);
    const metadata = await api.get(`/api/ruleChain/${chain.id.id}/metadata`);
    assert.equal(metadata.nodes.length, 6);
    const edited = await connectDownlink(api, 'kinesis_integration');
    assert.equal(edited.nodes.length, 7);
    assert.deepEqual((await api.get(`/api/ruleChain/${chain.id.id}`)).firstRuleNodeId, edited.nodes[edited.firstNodeIndex].id);
    assert.deepEqual(edited, await api.get(`/api/ruleChain/${chain.id.id}/metadata`));
    isError(await api.call('POST', '/api/ruleChain/metadata', metadata), 409, 35); // the version before
    isError(await api.call('DELETE', `/api/ruleChain/${chain.id.id}`), 400, 31, /root/);
    assert.equal((await api.get('/api/ruleChains?pageSize=10&page=0&type=EDGE')).totalElements, 0);
    // Its own document changes without its nodes.
    const renamed = await api.post('/api/ruleChain', { ...(await api.get(`/api/ruleChain/${chain.id.id}`)), name: 'Renamed' });
    assert.equal(renamed.root, true);
    assert.equal((await api.get(`/api/ruleChain/${chain.id.id}/metadata`)).nodes.length, 7);
  });

  test('the hub\'s default chain imports as it is, and becomes root', async (t) => {
    let exported;
    try {
      exported = JSON.parse(readFileSync(path.join(root, '../shared/data/root_rule_chain.json')));
    } catch {
      t.skip('not on this machine');
      return;
    }
    const old = (await api.get('/api/ruleChains?pageSize=10&page=0')).data.find((c) => c.root);
    const chain = await api.post('/api/ruleChain', exported.ruleChain);
    assert.deepEqual([chain.root, chain.firstRuleNodeId], [false, null]);
    const empty = await api.get(`/api/ruleChain/${chain.id.id}/metadata`);
    assert.deepEqual(empty.nodes, []);
    const saved = await api.post('/api/ruleChain/metadata', { ruleChainId: chain.id, ...exported.metadata });
    assert.equal(saved.nodes.length, exported.metadata.nodes.length);
    assert.deepEqual(saved.connections, exported.metadata.connections);
    const rooted = await api.post(`/api/ruleChain/${chain.id.id}/root`);
    assert.equal(rooted.root, true);
    assert.equal((await api.get(`/api/ruleChain/${old.id.id}`)).root, false);
    assert.equal((await api.call('DELETE', `/api/ruleChain/${old.id.id}`)).status, 200);
  });

  test('the wrong ones are refused', async () => {
    const chain = (await api.get('/api/ruleChains?pageSize=10&page=0')).data.find((c) => c.root);
    const metadata = await api.get(`/api/ruleChain/${chain.id.id}/metadata`);
    for (const doc of [{}, { name: '' }, { name: 'x', type: 'SIDE' }, { name: 'x', id: { id: 'x' } }])
      isError(await api.call('POST', '/api/ruleChain', doc), 400, 31);
    for (const change of [
      { ruleChainId: null }, { nodes: 5 }, { nodes: [5] }, { nodes: [{ name: 'x' }] }, { firstNodeIndex: 99 },
      { connections: [{ fromIndex: 0, toIndex: 99, type: 'Success' }] }, { connections: [{ fromIndex: -1, toIndex: 0, type: 'Success' }] },
      { connections: 'none' },
    ]) isError(await api.call('POST', '/api/ruleChain/metadata', { ...metadata, ...change }), 400, 31);
    isError(await api.call('POST', '/api/ruleChain/metadata', { ...metadata, ruleChainId: { entityType: 'RULE_CHAIN', id: NOWHERE } }), 404, 32);
    assert.deepEqual(await api.get(`/api/ruleChain/${chain.id.id}/metadata`), metadata);
  });
});

describe('system', () => {
  test('says what it is and how it is', async () => {
    const info = await api.get('/api/system/info');
    assert.match(info.version, /^\d+\.\d+\.\d+$/);
    assert.deepEqual([info.artifact, info.type, info.edition], ['penstock', 'PE', 'PE']);
    isText(await anonymous.call('GET', '/healthz'), 200, /^ok/);
    isText(await anonymous.call('GET', '/readyz'), 200, /^ready/);
    const metrics = await anonymous.call('GET', '/metrics');
    assert.match(metrics.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    for (const line of metrics.text.trimEnd().split('\n'))
      assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? -?[\d.]+)$/);
    for (const name of ['process_resident_memory_bytes', 'penstock_inflight_limit_bytes', 'penstock_devices', 'penstock_store_healthy',
      'penstock_http_requests_total', 'penstock_converter_workers', 'penstock_hub_messages_total', 'penstock_integration_active'])
      assert.match(metrics.text, new RegExp(`^${name}(\\{[^}]*\\})? [1-9]|^penstock_integration_active\\{[^}]*\\} 0$`, 'm'));
  });

  test('the page comes with strict headers and is not sent twice', async () => {
    for (const [target, type] of [['/', 'text/html'], ['/app.js', 'text/javascript'], ['/style.css', 'text/css'], ['/icon.svg', 'image/svg+xml']]) {
      const reply = await anonymous.call('GET', target);
      assert.equal(reply.status, 200);
      assert.match(reply.headers.get('content-type'), new RegExp(`^${type.replace('+', '\\+')}`));
      assert.match(reply.headers.get('content-security-policy'), /default-src 'none'/);
      assert.doesNotMatch(reply.headers.get('content-security-policy'), /unsafe/);
      assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
      const etag = reply.headers.get('etag');
      assert.equal((await anonymous.call('GET', target, undefined, { 'If-None-Match': etag })).status, 304);
      assert.equal((await anonymous.call('GET', target, undefined, { 'If-None-Match': `"x", W/${etag}` })).status, 304);
      assert.equal((await anonymous.call('GET', target, undefined, { 'If-None-Match': '"x"' })).status, 200);
      const head = await anonymous.call('HEAD', target);
      assert.deepEqual([head.status, head.text, head.headers.get('etag')], [200, '', etag]);
    }
  });

  test('what is no HTTP request is refused in the hub\'s shape too', async () => {
    const raw = (text) => new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(api.base).port), '127.0.0.1', () => socket.write(text));
      let reply = '';
      socket.on('data', (data) => (reply += data)).on('end', () => resolve(reply)).on('error', reject);
    });
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400], [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40000)}\r\n\r\n`, 431],
      ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      [`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${16 * 1024 * 1024 + 1}\r\n\r\n`, 413],
    ]) {
      const reply = await raw(request);
      assert.match(reply, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(reply, /\r\ncontent-type: application\/json\r\n/i);
      const body = JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4));
      assert.deepEqual([body.status, body.errorCode], [status, 31]);
      assert.ok(body.message && body.timestamp);
    }
  });

  test('an oversized body is refused in the hub\'s shape', async () => {
    const padded = (n) => `{"a":"${'x'.repeat(n - 8)}"}`;
    isError(await anonymous.call('POST', '/api/auth/login', padded(64 * 1024)), 400, 31, /username/);
    isError(await anonymous.call('POST', '/api/auth/login', padded(64 * 1024 + 1)), 413, 31);
    isError(await api.call('POST', '/api/converter', padded(4 * 1024 * 1024)), 400, 31, /type/);
    isError(await api.call('POST', '/api/converter', padded(4 * 1024 * 1024 + 1)), 413, 31);
    const reply = await api.call('POST', '/api/converter', 'x'.repeat(16 * 1024 * 1024 + 1)).catch(() => undefined);
    if (reply) isError(reply, 413, 31); // or the connection was cut while the body was being sent
    assert.equal((await api.call('GET', '/api/auth/user')).status, 200);
  });
});
