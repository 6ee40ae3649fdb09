// SPDX-License-Identifier: Apache-2.0
// `penstock serve` and `check` when something is wrong, and when the configuration changes.

import assert from 'node:assert/strict';
import net from 'node:net';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { CreateStreamCommand } from '@aws-sdk/client-kinesis';

import {
  Process, applied, configuration, connectDownlink, kinesisClient, putRecords, readStream, run, serve,
  startKinesis, tempDir, until,
} from './gateway.mjs';
import { makeCertificates } from './lib.mjs';

const record = (name, temperature = 22) =>
  JSON.stringify({ devName: name, devType: 'thermostat', temperature });

function writeConfig(t, text) {
  const file = path.join(tempDir(t), 'penstock.json');
  writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
  return file;
}

async function failedStatus(gateway, pattern) {
  return until(`an error like ${pattern}`, async () => {
    const s = await gateway.api.status('kinesis_integration');
    return s.state === 'FAILED' && pattern.test(s.error) && s;
  });
}

test('wrong configuration: exit 2 and one line with file, key and reason', async (t) => {
  const cases = [
    ['{', /line 1/],
    [{ nonsense: 1 }, /nonsense: unknown key/],
    [{ limits: { inflight: 'much' } }, /limits\.inflight/],
    [{ users: [{ email: 'a', password: '${NOT_SET_ANYWHERE}' }] }, /NOT_SET_ANYWHERE/],
    [{ converters: [{ name: 'a', type: 'UPLINK', file: 'none.js' }] }, /converters\[0\]\.file/],
  ];
  for (const command of ['serve', 'check']) {
    for (const [config, reason] of cases) {
      const file = writeConfig(t, config);
      const result = await run([command, '-c', file]);
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, reason);
      assert.ok(result.stderr.includes(file));
      assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
    }
    assert.equal((await run([command])).code, 2);
    assert.equal((await run([command, '--nonsense'])).code, 2);
    assert.equal((await run([command, '-c', '/no/such/file'])).code, 2);
  }
  assert.equal((await run([])).code, 2);
  assert.equal((await run(['nonsense'])).code, 2);
  const help = await run(['--help']);
  assert.equal(help.code, 0);
  for (const command of ['serve', 'demo', 'convert', 'check', 'rekey', 'kinesis']) {
    const own = await run([command, '--help']);
    assert.equal(own.code, 0, own.stderr);
    assert.match(own.stdout, new RegExp(`^usage: penstock ${command} `));
    assert.ok(help.stdout.includes(`  penstock ${command} `));
  }
  assert.match(help.stdout, /--expect FILE.*--msg-type T/);
});

test('an integration that cannot be: exit 2, naming it', async (t) => {
  const config = configuration({ data: path.join(tempDir(t), 'data') });
  config.integrations[0].uplinkConverter = 'no_such_converter';
  const result = await run(['serve', '-c', writeConfig(t, config)]);
  assert.equal(result.code, 2, result.stderr);
  assert.match(result.stderr, /no_such_converter/);
  config.integrations[0].configuration.clientConfiguration.endpoint = 'http://127.0.0.1:9';
  const checked = await run(['check', '-c', writeConfig(t, config)]);
  assert.match(checked.stdout, /"no_such_converter" is not in the file/);
  config.converters[0].name = 'x'.repeat(300);
  const long = await run(['serve', '-c', writeConfig(t, config)]);
  assert.equal(long.code, 2, long.stderr);
  assert.match(long.stderr, /converters\[0\]: .*at most 255 bytes/);
});

test('a port that is taken, a directory that cannot be made: exit 1 and why', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.on('listening', resolve));
  const listen = `127.0.0.1:${taken.address().port}`;
  const dir = tempDir(t);
  let result = await run(['serve', '-c', writeConfig(t, { data: path.join(dir, 'd'), http: { listen } })]);
  assert.equal(result.code, 1);
  assert.ok(result.stderr.includes(String(taken.address().port)), result.stderr);
  writeFileSync(path.join(dir, 'file'), '');
  result = await run(['serve', '-c', writeConfig(t, { data: path.join(dir, 'file/d') })]);
  assert.equal(result.code, 1);
  assert.ok(result.stderr.includes('file/d'), result.stderr);
  const demos = [
    [['--http', listen, '--kinesis', '127.0.0.1:0'], String(taken.address().port)],
    [['--http', '127.0.0.1:0', '--kinesis', listen], String(taken.address().port)],
    [['--http', '127.0.0.1:0', '--kinesis', '127.0.0.1:0', '--data', path.join(dir, 'file/d')], 'file/d'],
  ];
  for (const [args, reason] of demos) {
    const demo = new Process(['demo', ...args]);
    t.after(() => demo.stop('SIGKILL'));
    const exit = await until(`the end of demo ${args.join(' ')}`, () => demo.exit);
    assert.equal(exit.code, 1, demo.stderr);
    assert.ok(demo.stderr.includes(reason), demo.stderr);
  }
});

test('two processes cannot share a data directory', async (t) => {
  const data = path.join(tempDir(t), 'data');
  await serve(t, { data, http: { listen: '127.0.0.1:0' }, users: configuration({}).users });
  const second = await run(['serve', '-c', writeConfig(t, { data, http: { listen: '127.0.0.1:0' } })]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another/i);
});

test('a second start says of no integration that it had failed', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const dir = tempDir(t);
  const config = configuration({ data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint } });
  await (await serve(t, config, { dir })).stop();
  const again = await serve(t, config, { dir });
  await until('reading', async () => (await again.api.status('kinesis_integration')).state === 'ACTIVE');
  await again.stop();
  assert.match(again.stderr, /state=STARTING before=NEW/);
  assert.doesNotMatch(again.stderr, /state=FAILED/);
});

test('a wrong secret, a missing stream, an unreachable endpoint: said, tried again, nothing lost', async (t) => {
  const kinesis = await startKinesis(t, ['other:1'], ['--credentials', 'test:test-secret']);
  const client = kinesisClient(t, kinesis.endpoint);

  const wrong = configuration({ client: { endpoint: kinesis.endpoint, secretAccessKey: 'wrong' } });
  const first = await serve(t, wrong);
  const status = await failedStatus(first, /secretAccessKey|signature/i);
  assert.ok(!JSON.stringify(status).includes('wrong'), 'the secret is shown');
  await first.stop();
  assert.ok(!first.stderr.includes('test-secret'));

  const config = configuration({ client: { endpoint: kinesis.endpoint } });
  const gateway = await serve(t, config);
  await failedStatus(gateway, /tb-test-uplink/);
  await client.send(new CreateStreamCommand({ StreamName: 'tb-test-uplink', ShardCount: 1 }));
  await until('the stream', () =>
    putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'a', data: record('late') })).then(() => true));
  await until('the record of the late stream', () => gateway.api.device('late'));

  const nobody = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => nobody.on('listening', resolve));
  const { port } = nobody.address();
  await new Promise((resolve) => nobody.close(resolve));
  const unreachable = await serve(t, configuration({ client: { endpoint: `http://127.0.0.1:${port}` } }));
  await failedStatus(unreachable, new RegExp(`127\\.0\\.0\\.1:?${port}|connect`, 'i'));
});

test('check names the integration and what is wrong with it', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1'], ['--credentials', 'test:test-secret']);
  const good = configuration({ client: { endpoint: kinesis.endpoint } });
  let result = await run(['check', '-c', writeConfig(t, good)]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /kinesis_integration": ok/);
  const bad = configuration({ client: { endpoint: kinesis.endpoint, secretAccessKey: 'x' } });
  result = await run(['check', '-c', writeConfig(t, bad)]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /kinesis_integration.*(signature|secret)/i);
  const tls = { http: { tlsCert: '/no/such/cert.pem', tlsKey: '/no/such/key.pem' } };
  result = await run(['check', '-c', writeConfig(t, tls)]);
  assert.equal(result.code, 2, result.stdout);
  assert.match(result.stderr, /http\.tlsCert.*\/no\/such\/cert\.pem/);
  const { cert, key } = makeCertificates();
  result = await run(['check', '-c', writeConfig(t, { http: { tlsCert: cert, tlsKey: key } })]);
  assert.equal(result.code, 0, result.stderr);
});

test('a record whose converter fails is kept with its reason, the next is unharmed', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const script = path.join(dir, 'uplink.js');
  writeFileSync(script, `
    var data = decodeToJson(payload);
    if (data.devName == 'throws') throw new Error('no such thing');
    if (data.devName == 'loops') for (;;) {}
    if (data.devName == 'eats') for (var s = 'x';;) s += s;
    if (data.devName == 'nonsense') return 5;
    if (data.devName == 'nameless') return { deviceType: 'a', telemetry: {} };
    if (data.devName == 'leaks') leaked = 1;
    return { deviceName: data.devName + (typeof leaked), deviceType: 't', telemetry: { t: data.temperature } };
  `);
  const config = configuration({
    data: path.join(dir, 'data'),
    client: { endpoint: kinesis.endpoint },
    converter: { timeLimitMs: 2000, memoryLimit: 8388608 },
  });
  config.converters[0].file = script;
  const gateway = await serve(t, config, { dir });
  const names = ['throws', 'loops', 'eats', 'nonsense', 'nameless', 'leaks', 'good'];
  await putRecords(client, 'tb-test-uplink', names.length, (i) => ({ key: 'k', data: record(names[i]) }));
  await putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'k', data: 'no JSON' }));
  await until('the last good record', () => gateway.api.device('goodundefined'));
  await until('all dead letters', async () =>
    (await gateway.api.status('kinesis_integration')).recordsFailed === 6);
  const status = await gateway.api.status('kinesis_integration');
  assert.equal(applied(status), 2);
  assert.equal(status.state, 'ACTIVE');
  const { id } = await gateway.api.integration('kinesis_integration');
  const letters = await gateway.api.get(`/api/integration/${id.id}/deadLetters?pageSize=100&page=0`);
  assert.equal(letters.totalElements, 6);
  const errors = letters.data.map((letter) => letter.error).join('\n');
  for (const reason of [/no such thing/, /2000 ms/, /memory/i, /deviceName/, /invalid json/]) {
    assert.match(errors, reason);
  }
});

test('a full disk keeps no records and does not keep the program either', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const config = configuration({
    data: path.join(dir, 'data'),
    client: { endpoint: kinesis.endpoint },
    limits: { shutdownMs: 1000 },
  });
  const full = await serve(t, config, { dir, fileKiB: 1500 });
  // Each becomes a dead letter with its payload.
  await putRecords(client, 'tb-test-uplink', 32, () => ({ key: 'k', data: 'x'.repeat(100000) }), {
    batch: 8, pauseMs: 900,
  });
  await until('trouble', async () => (await full.api.call('GET', '/healthz')).status === 503);
  assert.deepEqual(await full.stop(), { code: 0, signal: null });
  const gateway = await serve(t, config, { dir });
  const { id } = await gateway.api.integration('kinesis_integration');
  await until('all letters, each once', async () => {
    const url = `/api/integration/${id.id}/deadLetters?pageSize=1&page=0`;
    const { totalElements } = await gateway.api.get(url);
    assert.ok(totalElements <= 32);
    return totalElements === 32;
  });
});

test('a batch of which the converter makes hundreds of megabytes is stored', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const script = path.join(dir, 'uplink.js');
  const text = "'x'.repeat(290000)";
  writeFileSync(script, `return { deviceName: 'd', deviceType: 't', telemetry: { text: ${text} } };`);
  await putRecords(client, 'tb-test-uplink', 950, () => ({ key: 'k', data: '{}' }));
  const config = configuration({ data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint } });
  config.converters[0].file = script;
  const gateway = await serve(t, config, { dir });
  const all = async () => applied(await gateway.api.status('kinesis_integration')) === 950;
  await until('all records', all);
});

test('SIGHUP applies a changed converter; a wrong file changes nothing', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1']);
  const client = kinesisClient(t, kinesis.endpoint);
  const dir = tempDir(t);
  const script = path.join(dir, 'uplink.js');
  const body = (suffix) =>
    `return { deviceName: decodeToJson(payload).devName + '${suffix}', deviceType: 't', telemetry: { t: 1 } };`;
  writeFileSync(script, body('-one'));
  const config = configuration({ data: path.join(dir, 'data'), client: { endpoint: kinesis.endpoint } });
  config.converters[0].file = script;
  const gateway = await serve(t, config, { dir });
  await putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'k', data: record('a') }));
  await until('the first device', () => gateway.api.device('a-one'));

  writeFileSync(gateway.file, '{ wrong');
  gateway.child.kill('SIGHUP');
  await until('the refusal in the log', () => /not applied/.test(gateway.stderr));

  writeFileSync(script, body('-two'));
  writeFileSync(gateway.file, JSON.stringify(config));
  gateway.child.kill('SIGHUP');
  await until('the reload in the log', () => /reloaded/.test(gateway.stderr));
  await putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'k', data: record('b') }));
  await until('the second device', () => gateway.api.device('b-two'));
  await until('both records', async () =>
    applied(await gateway.api.status('kinesis_integration')) === 2);
  assert.equal((await gateway.stop()).code, 0);
});

test('downlinks wait out an endpoint that fails, and arrive once in order', async (t) => {
  const kinesis = await startKinesis(t, ['tb-test-uplink:1', 'tb-test-downlink:2']);
  const client = kinesisClient(t, kinesis.endpoint);
  const gateway = await serve(t, configuration({ client: { endpoint: kinesis.endpoint } }));
  await connectDownlink(gateway.api, 'kinesis_integration');
  await putRecords(client, 'tb-test-uplink', 1, () => ({ key: 'k', data: record('kitchen_thermostat') }));
  const device = await until('the device', () => gateway.api.device('kitchen_thermostat'));
  const faults = [{ op: 'PutRecords', count: 3, fault: 'internal' }, { op: 'PutRecords', count: 3, fault: 'partial' }];
  const set = await fetch(`${kinesis.endpoint}/_penstock/faults`, {
    method: 'POST', body: JSON.stringify(faults), headers: { 'Content-Type': 'application/json' },
  });
  assert.equal(set.status, 200, await set.text());
  for (let i = 0; i < 20; i++) {
    const reply = await gateway.api.call(
      'POST', `/api/plugins/telemetry/DEVICE/${device.id.id}/attributes/SHARED_SCOPE`, { version: `v${i}` });
    assert.equal(reply.status, 200);
  }
  const records = await until('all downlinks', async () => {
    const all = await readStream(client, 'tb-test-downlink');
    return all.length >= 20 && all;
  });
  assert.deepEqual(
    records.map((r) => JSON.parse(Buffer.from(r.Data).toString()).version),
    Array.from({ length: 20 }, (_, i) => `v${i}`),
  );
});

test('a second signal ends it at once', async (t) => {
  const dir = tempDir(t);
  // Leaving at once joins no thread, which the thread sanitizer reports when one has just ended.
  const TSAN_OPTIONS = `${process.env.TSAN_OPTIONS ?? ''}:report_thread_leaks=0`;
  const config = configuration({ data: path.join(dir, 'data') });
  const gateway = await serve(t, config, { env: { TSAN_OPTIONS } });
  gateway.child.kill('SIGTERM');
  gateway.child.kill('SIGTERM');
  await gateway.exited;
  assert.ok(gateway.exit.code === 0 || gateway.exit.code === 1);
});
