// SPDX-License-Identifier: Apache-2.0
// Runs inside a network namespace with its own /var/lib/penstock: see readme.test.mjs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Api, cleanEnv, root, tempDir, until } from '../gateway.mjs';

const text = readFileSync(path.join(root, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((m) => m[1]);

function shell(script, env = {}) {
  const child = spawn('sh', ['-ec', script], {
    cwd: root,
    env: cleanEnv({ PATH: `${path.join(root, 'build/release')}:${process.env.PATH}`, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const p = { child, stdout: '', stderr: '' };
  child.stdout.on('data', (d) => (p.stdout += d));
  child.stderr.on('data', (d) => (p.stderr += d));
  p.ended = new Promise((resolve) => child.on('close', (code) => resolve((p.code = code))));
  p.stop = async () => {
    if (p.code === undefined) process.kill(-child.pid, 'SIGTERM');
    return p.ended;
  };
  return p;
}

async function runs(script, env) {
  const p = shell(script, env);
  assert.equal(await p.ended, 0, `${script}\n${p.stdout}${p.stderr}`);
  return p.stdout;
}

// The one block that starts so.
const used = new Set();
function block(start) {
  const found = blocks.filter((b) => b.startsWith(start));
  assert.equal(found.length, 1, `blocks that start with ${start}`);
  used.add(found[0]);
  return found[0];
}

test('60 seconds', async (t) => {
  const demo = shell(block('sh conf/demo.sh'));
  t.after(() => demo.stop());
  await until('the demo', () => {
    if (demo.code !== undefined) throw new Error(demo.stderr);
    return /^ready: /m.test(demo.stdout);
  }, 300000);
  const put = block('export AWS_ACCESS_KEY_ID');
  await runs(put);
  const api = await new Api('http://127.0.0.1:8080').login();
  const device = await until('the device', () => api.device('kitchen_thermostat'));
  assert.equal((await api.latest(device)).temperature[0].value, '22');
  await api.call('POST', `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`, {
    version: 'v.0.11',
  });
  const exported = put.split('\n')[0];
  await until('the downlink', async () => {
    const page = JSON.parse(await runs(`${exported}\n${block('aws --endpoint-url')}`));
    return page.Records[0]?.Data === 'eyJkZXZOYW1lIjoia2l0Y2hlbl90aGVybW9zdGF0IiwidmVyc2lvbiI6InYuMC4xMSJ9';
  });
  await webhook(api);
});

async function webhook(api) {
  const decoder = 'var p = decodeToJson(payload);' +
    'return {deviceName: p.deviceName, deviceType: "x", telemetry: {t: p.t}};';
  const converter = await api.post('/api/converter', { name: 'webhook', type: 'UPLINK', configuration: { decoder } });
  await api.post('/api/integration', {
    name: 'webhook', type: 'HTTP', enabled: true, allowCreateDevicesOrAssets: true, routingKey: 'ROUTING_KEY',
    defaultConverterId: converter.id, configuration: { metadata: {} },
  });
  assert.match(await runs(block('curl -i')), /^HTTP\/1.1 204/);
  assert.equal((await api.latest(await api.device('d'))).t[0].value, '22');
}

test('build', () => runs(block('sh third_party/setup.sh')));

test('configure, back up', async (t) => {
  const kinesis = shell('exec penstock kinesis --listen 127.0.0.1:4567 --stream tb-test-uplink:1');
  t.after(() => kinesis.stop());
  await until('the endpoint', () => /http:/.test(kinesis.stdout));
  const env = {
    PENSTOCK_PASSWORD: 'secret',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4567',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  };
  const [check, serve] = block('penstock check').trim().split('\n');
  assert.match(await runs(check, env), /kinesis_integration": ok/);
  const gateway = shell(`exec ${serve}`, env);
  t.after(() => gateway.stop());
  await until('the gateway', () => /^ready: /m.test(gateway.stdout));
  const backup = text.match(/`(sqlite3 penstock\.db "VACUUM INTO 'backup\.db'")`/)[1];
  const dir = tempDir(t);
  await runs(`cd ${dir} && ${backup.replace('penstock.db', '/var/lib/penstock/penstock.db')}`);
  assert.match(await runs(`sqlite3 ${dir}/backup.db "SELECT count(*) FROM sqlite_schema"`), /^[1-9]/);
});

test('convert', async () => {
  const out = await runs(block('penstock convert'));
  for (const line of out.trim().split('\n')) JSON.parse(line);
});

test('the local endpoint', async (t) => {
  const kinesis = shell(`exec ${block('penstock kinesis')}`);
  t.after(() => kinesis.stop());
  await until('the endpoint', () => /http:/.test(kinesis.stdout));
  const [faults, settings, stats] = (await runs(block('curl http://127.0.0.1:4567'))).match(/\[.*?\]|\{"a.*?\}|\{"calls.*\}$/gs).map((s) => JSON.parse(s));
  assert.deepEqual(faults.map((f) => f.fault), ['throttle', 'random']);
  assert.equal(settings.advanceClockMs, 86_400_000);
  assert.equal(stats.recordsIn, 0);
});

test('no command was left out', () => assert.deepEqual(blocks.filter((b) => !used.has(b)), []));
