// SPDX-License-Identifier: Apache-2.0
// The gateway behind an HTTP proxy: the proxy is the only way to the endpoint, whose name nothing
// else can resolve.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { NodeHttpHandler } from '@smithy/node-http-handler';

import { applied, configuration, kinesisClient, putRecords, serve, startKinesis, tempDir, until } from './gateway.mjs';
import { makeCertificates } from './lib.mjs';

const NAME = 'kinesis.example.test';
const tls = makeCertificates({ names: [NAME, '127.0.0.1', 'localhost'] });

// A CONNECT proxy that sends everything to `port` of the loopback; `mode` is what it does.
async function startProxy(t, port, user) {
  const proxy = { mode: 'work', asked: [], sockets: new Set() };
  const server = http.createServer((request, response) => response.writeHead(405).end());
  server.on('connect', (request, socket) => {
    proxy.asked.push(request.url);
    proxy.sockets.add(socket);
    socket.on('error', () => {});
    const given = request.headers['proxy-authorization'] ?? '';
    if (proxy.mode === 'hang') return;
    if (proxy.mode === 'refuse') {
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    if (given !== `Basic ${Buffer.from(user).toString('base64')}`) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const up = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(up).pipe(socket);
    });
    proxy.sockets.add(up);
    up.on('error', () => socket.destroy());
    socket.on('close', () => up.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.address = `127.0.0.1:${server.address().port}`;
  proxy.cut = () => proxy.sockets.forEach((s) => s.destroy());
  t.after(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}

const record = (i) => ({
  key: `key-${i}`,
  data: JSON.stringify({ devName: `device-${i}`, devType: 'sensor', temperature: i }),
});

async function begin(t, user = 'gate:pass%40word') {
  const kinesis = await startKinesis(t, ['tb-test-uplink:2'], ['--tls-cert', tls.cert, '--tls-key', tls.key]);
  const { port } = new URL(kinesis.endpoint);
  const proxy = await startProxy(t, port, 'gate:pass@word');
  // The driver goes straight to an address; what it trusts is not the matter here.
  const client = kinesisClient(t, kinesis.endpoint, {
    requestHandler: new NodeHttpHandler({ httpsAgent: new https.Agent({ rejectUnauthorized: false }) }),
  });
  const options = {
    env: { HTTPS_PROXY: `http://${user}@${proxy.address}`, AWS_CA_BUNDLE: tls.ca },
  };
  const config = configuration({
    data: path.join(tempDir(t), 'data'),
    client: { endpoint: `https://${NAME}:${port}`, requestTimeout: 2 },
  });
  return { proxy, client, config, options, port };
}

const count = async (gateway) => applied(await gateway.api.status('kinesis_integration'));
const says = async (gateway, text) =>
  ((await gateway.api.status('kinesis_integration')).error ?? '').includes(text);

test('records come through a proxy that refuses, hangs and cuts meanwhile; none is lost', async (t) => {
  const { proxy, client, config, options, port } = await begin(t);
  const gateway = await serve(t, config, options);
  await putRecords(client, 'tb-test-uplink', 100, record);
  await until('100 records applied', async () => (await count(gateway)) === 100);
  assert.deepEqual([...new Set(proxy.asked)], [`${NAME}:${port}`]);

  proxy.mode = 'refuse';
  proxy.cut();
  await until('the refusal in the status', () => says(gateway, 'answered 503'));
  await putRecords(client, 'tb-test-uplink', 100, (i) => record(i + 100));
  proxy.mode = 'work';
  await until('200 records applied', async () => (await count(gateway)) === 200);

  proxy.mode = 'hang';
  proxy.cut();
  await until('the silence in the status', () => says(gateway, 'within 2000 ms'));
  await putRecords(client, 'tb-test-uplink', 100, (i) => record(i + 200));
  proxy.cut();
  proxy.mode = 'work';
  await until('300 records applied', async () => (await count(gateway)) === 300);
});

test('a wrong password is named, not shown', async (t) => {
  const { config, options } = await begin(t, 'gate:wrong-secret');
  const gateway = await serve(t, config, options);
  await until('the refusal in the status', () => says(gateway, 'user name and a password'));
  assert.ok(!gateway.stderr.includes('wrong-secret') && !gateway.stdout.includes('wrong-secret'));
});

test('NO_PROXY goes straight', async (t) => {
  const { proxy, config, options } = await begin(t);
  options.env.NO_PROXY = '.example.test';
  const gateway = await serve(t, config, options);
  await until('a name that nobody knows', () => says(gateway, 'cannot resolve'));
  assert.deepEqual(proxy.asked, []);
});
