// SPDX-License-Identifier: Apache-2.0
// Known secrets go in by every door, records flow, and then nothing of them may be found: not in the
// files of the data directory, not in the log, not in the memory of the running process.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import {
  applied, configuration, demoUser, kinesisClient, putRecords, run, serve, startKinesis, tempDir, until,
} from './gateway.mjs';
import { slow } from './lib.mjs';
import { startImds } from './fake_credentials.mjs';

const stream = 'tb-test-uplink';
const secrets = {
  file: 'fileSecret/q7w8e9r0t1y2u3i4o5p6a7s8d9f0',
  api: 'apiSecret+z1x2c3v4b5n6m7l8k9j0h1g2f3d4',
  token: 'sessionToken//mnbvcxzlkjhgfdsapoiuytrewq==1029384756',
  nested: 'nested-password-0123456789',
  login: 'login-password-QWERTYUIOPASDFGHJKL',
  node: 'rule-node-password-LKJHGFDSAPOIUYT',
  profile: 'profileSecret/ZMXNCBVLAKSJDHFGQPWOEIRU',
  process: 'processSecret+PLOKMIJNUHBYGVTFCRDXESZ',
  processToken: 'processToken//QAZWSXEDCRFVTGBYHNUJMIKOLP==',
  metadata: 'metadataSecret+RFVBGTYHNMJUIKLOP098765',
  metadataToken: 'metadataToken//POIUYTREWQLKJHGFDSAMNBVCXZ==',
  nodeHeader: 'rule-node-api-key-WSXEDCRFVTGBYHNUJM',
  nodeQuery: 'rule-node-query-OKMIJNUHBYGVTFCRDXES',
  device: 'device-access-token-GFDSAHJKLPOIUYTREWQ',
};
secrets.basic = Buffer.from(`u:${secrets.node}`).toString('base64');
// As what is shipped is linked: binding a symbol at its first call saves registers, with whatever is
// in them, on the stack.
const bindNow = { LD_BIND_NOW: '1' };
const record = (i) => ({
  key: `k${i}`, data: JSON.stringify({ devName: 'd', devType: 'thermostat', temperature: i }),
});

// Everything that a core file of the process would hold.
function memoryOf(pid) {
  const fd = fs.openSync(`/proc/${pid}/mem`, 'r');
  const parts = [];
  for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const m = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (!m) continue;
    const start = parseInt(m[1], 16), end = parseInt(m[2], 16);
    const buffer = Buffer.alloc(end - start);
    try {
      const n = fs.readSync(fd, buffer, 0, buffer.length, start);
      parts.push({ line, buffer: buffer.subarray(0, n) });
    } catch (e) {
      if (e.code !== 'EIO' && e.code !== 'EFAULT') throw e;
    }
  }
  fs.closeSync(fd);
  return parts;
}

const printable = (b) => b.toString('latin1').replace(/[^ -~]/g, '.');

// Parts of a secret are as bad as the whole: any 16 bytes of it in a row.
function* needles(names) {
  for (const name of names) {
    const text = secrets[name];
    for (let at = 0; at + 16 <= text.length; at += 8) yield [name, text.slice(at, at + 16)];
  }
}

function findIn(parts, names) {
  const found = [];
  for (const { line, buffer } of parts) {
    for (const [name, part] of needles(names)) {
      for (let at = -1; (at = buffer.indexOf(part, at + 1)) >= 0;) {
        found.push(`${name} in ${line} +${at}: ` +
          printable(buffer.subarray(Math.max(0, at - 60), at + part.length + 60)));
      }
    }
  }
  return found;
}

// A call that is under way has a session token in it: it is looked for until nothing is found.
async function nothingLeft(gateway, names) {
  // Under a sanitizer memory is a map of memory, and freed blocks wait.
  if (slow !== 1) return;
  let left = [];
  const clean = () => (left = findIn(memoryOf(gateway.pid), names)).length === 0;
  await until('memory without secrets', clean)
    .catch((e) => assert.fail(`${e.message}, ${left.length} left:\n${left.join('\n')}`));
}

const filesOf = (dir) => fs.readdirSync(dir).map((name) => ({
  line: name, buffer: fs.readFileSync(path.join(dir, name)),
}));

const setCredentials = async (kinesis, c) => {
  const r = await fetch(`${kinesis.endpoint}/_penstock/credentials`,
    { method: 'POST', body: JSON.stringify(c) });
  assert.equal(r.status, 200);
};

const addDevice = async (gateway, name, token) =>
  (await gateway.api.post(`/api/device?accessToken=${token}`, { name })).id.id;

// The status of a device's own post.
const postAs = async (gateway, token) => (await fetch(`${gateway.api.base}/api/v1/${token}/telemetry`,
  { method: 'POST', body: '{"t": 1}' })).status;

test('no secret is left in files, log or memory after a run', async (t) => {
  const dir = tempDir(t);
  const first = { accessKeyId: 'AKIDONE', secretAccessKey: secrets.file };
  const second = {
    accessKeyId: 'AKIDTWO', secretAccessKey: secrets.api, sessionToken: secrets.token,
  };
  const kinesis = await startKinesis(t, [`${stream}:1`],
    ['--credentials', `${first.accessKeyId}:${first.secretAccessKey}`]);
  // A copy: the client notes in the object where it is from.
  await putRecords(kinesisClient(t, kinesis.endpoint, { credentials: { ...first } }), stream, 50, record);
  const user = { email: 'a@example.org', password: secrets.login, authority: 'TENANT_ADMIN' };
  const gateway = await serve(t, configuration({
    client: { ...first, endpoint: kinesis.endpoint }, users: [user],
  }), { dir, user, env: bindNow });
  const flowed = (n) => until(`${n} records`, async () =>
    applied(await gateway.api.status('kinesis_integration')) === n);
  await flowed(50);
  // By the API: new keys with a session token, and a secret further down.
  await setCredentials(kinesis, second);
  const integration = await gateway.api.integration('kinesis_integration');
  assert.equal(integration.configuration.clientConfiguration.secretAccessKey, '********');
  Object.assign(integration.configuration.clientConfiguration, second);
  integration.configuration.security = { basic: { password: secrets.nested } };
  const saved = await gateway.api.post('/api/integration', integration);
  assert.equal(saved.configuration.clientConfiguration.secretAccessKey, '********');
  assert.equal(saved.configuration.clientConfiguration.sessionToken, '********');
  assert.equal(saved.configuration.security.basic.password, '********');
  await putRecords(kinesisClient(t, kinesis.endpoint, { credentials: second }), stream, 50, record);
  await flowed(100);
  // A rule node that would call somebody with a password.
  const chains = await gateway.api.get('/api/ruleChains?pageSize=10&page=0');
  const chain = chains.data.find((c) => c.root);
  const metadata = await gateway.api.get(`/api/ruleChain/${chain.id.id}/metadata`);
  metadata.nodes.push({
    type: 'org.thingsboard.rule.engine.rest.TbRestApiCallNode', name: 'call',
    configuration: {
      restEndpointUrlPattern: 'http://127.0.0.1:9/', requestMethod: 'POST',
      credentials: { type: 'basic', username: 'u', password: secrets.node },
    },
  });
  await gateway.api.post('/api/ruleChain/metadata', metadata);
  const shown = await gateway.api.call('GET', `/api/ruleChain/${chain.id.id}/metadata`);
  assert.ok(!shown.text.includes(secrets.node));
  await gateway.api.post('/api/ruleChain/metadata', shown.json);
  // A device, which posts by its token; an administrator may see it.
  const device = await addDevice(gateway, 'with a token', secrets.device);
  assert.equal(await postAs(gateway, secrets.device), 200);
  const credentials = await gateway.api.get(`/api/device/${device}/credentials`);
  assert.equal(credentials.credentialsId, secrets.device);
  // Sent back as it is shown, nothing changes.
  const again = await gateway.api.post('/api/integration', saved);
  assert.equal(again.configuration.security.basic.password, '********');
  await putRecords(kinesisClient(t, kinesis.endpoint, { credentials: second }), stream, 50, record);
  await flowed(150);
  const names = ['file', 'api', 'token', 'nested', 'login', 'device'];
  assert.deepEqual(findIn(filesOf(path.join(dir, 'data')), [...names, 'node']), []);
  await nothingLeft(gateway, names);
  await gateway.stop();
  assert.deepEqual(findIn([{ line: 'log', buffer: Buffer.from(gateway.stderr) }], names), []);
});

// Requests with passwords go out, with every secret in its place, and then none is left.
test('a rule node that calls with secrets keeps none of them', async (t) => {
  const asked = [];
  const server = http.createServer((req, res) => {
    asked.push({ url: req.url, headers: req.headers });
    req.resume().on('end', () => res.end('{}'));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const dir = tempDir(t);
  const gateway = await serve(t, { http: { listen: '127.0.0.1:0' }, users: [demoUser] },
    { dir, env: bindNow });
  const { api } = gateway;
  const { data } = await api.get('/api/ruleChains?pageSize=10&page=0');
  const chain = data.find((c) => c.root).id;
  const saved = await api.post('/api/ruleChain/metadata', {
    ruleChainId: chain, firstNodeIndex: 0, connections: [], nodes: [{
      type: 'org.thingsboard.rule.engine.rest.TbRestApiCallNode', name: 'call',
      debugSettings: { allEnabled: true, failuresEnabled: true },
      configuration: {
        restEndpointUrlPattern: `http://127.0.0.1:${server.address().port}/x`, requestMethod: 'POST',
        credentials: { type: 'basic', username: 'u', password: secrets.node },
        headers: { 'X-Api-Key': `\${deviceName}-${secrets.nodeHeader}` },
        queryParams: [{ key: 'api_key', value: secrets.nodeQuery }, { key: 'k', value: 'plain' }],
      },
    }],
  });
  const names = ['node', 'basic', 'nodeHeader', 'nodeQuery'];
  await addDevice(gateway, 'caller', secrets.device);
  const says = [saved, await api.get(`/api/ruleChain/${chain.id}/metadata`)];
  for (let i = 0; i < 5; i++) assert.equal(await postAs(gateway, secrets.device), 200);
  assert.ok(asked.length >= 5); // the device's creation is a message too
  for (const { url, headers } of asked) {
    assert.equal(headers.authorization, `Basic ${secrets.basic}`);
    assert.match(headers['x-api-key'], new RegExp(`^(caller|.{13})-${secrets.nodeHeader}$`));
    assert.equal(url, `/x?api_key=${secrets.nodeQuery}&k=plain`);
  }
  // The peer is gone: failures tell no secret either.
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await postAs(gateway, secrets.device);
  const tenant = (await api.get('/api/auth/user')).tenantId.id;
  says.push(await api.get(
    `/api/events/RULE_NODE/${saved.nodes[0].id.id}/DEBUG_RULE_NODE?tenantId=${tenant}&pageSize=100&page=0`));
  assert.ok(says.at(-1).data.length >= 10);
  assert.deepEqual(findIn([{ line: 'API', buffer: Buffer.from(JSON.stringify(says)) }], names), []);
  assert.deepEqual(findIn(filesOf(path.join(dir, 'data')), names), []);
  await nothingLeft(gateway, names);
  await gateway.stop();
  assert.deepEqual(findIn([{ line: 'log', buffer: Buffer.from(gateway.stderr) }], names), []);
});

// What sources of credentials give: a profile's keys, a program's output, the metadata service.
test('nothing is left of what sources of credentials gave', { concurrency: 3 }, async (t) => {
  const home = tempDir(t);
  const answer = path.join(home, 'answer');
  const secretKey = Buffer.alloc(32, 9).toString('base64');
  fs.mkdirSync(path.join(home, '.aws'));
  fs.writeFileSync(answer, JSON.stringify({
    Version: 1, AccessKeyId: 'AKIDPROCESS', SecretAccessKey: secrets.process,
    SessionToken: secrets.processToken,
  }));
  fs.writeFileSync(path.join(home, '.aws/config'),
    `[profile program]\ncredential_process = sh -c "env > '${home}/env'; cat '${answer}'"\n` +
    `[profile keys]\n` +
    `aws_access_key_id = AKIDPROFILE\naws_secret_access_key = ${secrets.profile}\n`);
  const flow = async (u, c, env, names) => {
    const kinesis = await startKinesis(u, [`${stream}:1`], ['--credentials', 'none:none']);
    await setCredentials(kinesis, c);
    await putRecords(kinesisClient(u, kinesis.endpoint, { credentials: c }), stream, 50, record);
    const gateway = await serve(u, configuration({
      client: { accessKeyId: '', secretAccessKey: '', endpoint: kinesis.endpoint },
    }), { env: { HOME: home, ...bindNow, ...env } });
    await until('records', async () =>
      applied(await gateway.api.status('kinesis_integration')) === 50);
    await nothingLeft(gateway, names);
    // What the gateway runs, and who reads its environment, gets no key of its secrets.
    for (const file of [`/proc/${gateway.pid}/environ`, path.join(home, 'env')]) {
      if (fs.existsSync(file)) assert.ok(!fs.readFileSync(file, 'utf8').includes(secretKey), file);
    }
    await gateway.stop();
    assert.deepEqual(findIn([{ line: 'log', buffer: Buffer.from(gateway.stderr) }], names), []);
  };
  await Promise.all([
    t.test('a profile', (u) => flow(u, {
      accessKeyId: 'AKIDPROFILE', secretAccessKey: secrets.profile,
    }, { AWS_PROFILE: 'keys' }, ['profile', 'process'])),
    t.test('a program', (u) => flow(u, {
      accessKeyId: 'AKIDPROCESS', secretAccessKey: secrets.process,
      sessionToken: secrets.processToken,
    }, { AWS_PROFILE: 'program', PENSTOCK_SECRET_KEY: secretKey },
    ['profile', 'process', 'processToken'])),
    t.test('instance metadata', async (u) => {
      const c = {
        accessKeyId: 'AKIDMETADATA', secretAccessKey: secrets.metadata,
        sessionToken: secrets.metadataToken,
      };
      const imds = await startImds(u, {
        json: () => JSON.stringify({
          Code: 'Success', AccessKeyId: c.accessKeyId, SecretAccessKey: c.secretAccessKey,
          Token: c.sessionToken, Expiration: '2099-01-01T00:00:00Z',
        }),
      });
      await flow(u, c, {
        AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url,
      }, ['metadata', 'metadataToken']);
    }),
  ]);
});

test('a key is changed, lost, wrong', async (t) => {
  const dir = tempDir(t);
  const keys = { accessKeyId: 'AKIDONE', secretAccessKey: secrets.file };
  const kinesis = await startKinesis(t, [`${stream}:1`], ['--credentials', `AKIDONE:${secrets.file}`]);
  const producer = kinesisClient(t, kinesis.endpoint, { credentials: keys });
  const config = configuration({ client: { ...keys, endpoint: kinesis.endpoint } });
  let put = 0;
  const flows = async (gateway) => {
    await putRecords(producer, stream, 10, record);
    put += 10;
    await until(`${put} records`, async () =>
      applied(await gateway.api.status('kinesis_integration')) === put);
  };
  let gateway = await serve(t, config, { dir });
  await flows(gateway);
  const device = await addDevice(gateway, 'with a token', secrets.device);
  const credentials = `/api/device/${device}/credentials`;
  const file = path.join(dir, 'data/secret.key');
  const first = fs.readFileSync(file, 'utf8');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  // Not while it runs, and the key stays.
  let result = await run(['rekey', '-c', gateway.file]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /in use by another penstock/);
  assert.equal(fs.readFileSync(file, 'utf8'), first);
  await gateway.stop();
  result = await run(['rekey', '-c', gateway.file]);
  assert.equal(result.code, 0, result.stderr);
  const second = fs.readFileSync(file, 'utf8');
  assert.notEqual(second, first);
  // Nothing declares the integration: what flows, flows by what is stored.
  const bare = { ...config, converters: [], integrations: [] };
  gateway = await serve(t, bare, { dir });
  await flows(gateway);
  assert.equal(await postAs(gateway, secrets.device), 200);
  assert.equal((await gateway.api.get(credentials)).credentialsId, secrets.device);
  await gateway.stop();
  // The first key opens nothing any more: the integration says so, all else runs.
  fs.writeFileSync(file, first);
  gateway = await serve(t, bare, { dir });
  const s = await until('a failed integration', async () => {
    const status = await gateway.api.status('kinesis_integration');
    return status.state === 'FAILED' && status;
  });
  assert.match(s.error, /secretAccessKey cannot be decrypted \(key [0-9a-f]{8}\): that key is not in secret\.key/);
  assert.equal(await postAs(gateway, secrets.device), 401);
  assert.match(gateway.stderr, /access tokens of devices cannot be decrypted .*devices=1/);
  const lost = await gateway.api.call('GET', credentials);
  assert.equal(lost.status, 500);
  assert.match(lost.json.message, /credentialsId cannot be decrypted \(key [0-9a-f]{8}\)/);
  // Entered anew, it works, under the key that is there.
  await gateway.api.post('/api/device/credentials', {
    deviceId: { entityType: 'DEVICE', id: device }, credentialsType: 'ACCESS_TOKEN',
    credentialsId: secrets.device,
  });
  assert.equal(await postAs(gateway, secrets.device), 200);
  const integration = await gateway.api.integration('kinesis_integration');
  integration.configuration.clientConfiguration.secretAccessKey = secrets.file;
  await gateway.api.post('/api/integration', integration);
  await flows(gateway);
  await gateway.stop();
  // Lost: no start, and the reason.
  fs.unlinkSync(file);
  result = await run(['serve', '-c', gateway.file]);
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /secret\.key is missing and the database holds secrets/);
  fs.writeFileSync(file, 'nonsense');
  result = await run(['serve', '-c', gateway.file]);
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /secret\.key: key 1 is not 32 bytes in base64/);
  // By the environment: a new key before the old one, then alone.
  fs.unlinkSync(file);
  const old = first.trim().split('\n').at(-1);
  const fresh = Buffer.alloc(32, 7).toString('base64');
  for (const PENSTOCK_SECRET_KEY of [`${fresh} ${old}`, fresh]) {
    gateway = await serve(t, bare, { dir, env: { PENSTOCK_SECRET_KEY } });
    await flows(gateway);
    assert.equal(await postAs(gateway, secrets.device), 200);
    await gateway.stop();
  }
  assert.ok(!fs.existsSync(file));
  result = await run(['rekey', '-c', gateway.file], { env: { PENSTOCK_SECRET_KEY: fresh } });
  assert.equal(result.code, 2);
});
