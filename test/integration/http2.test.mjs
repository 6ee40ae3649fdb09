// SPDX-License-Identifier: Apache-2.0
// The HTTP server's HTTP/2 as Node's client and curl speak it: many requests side by side, TLS and
// plain, the end of a connection, and peers that overdo it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { PATIENCE_MS, makeCertificates, request, run, startKinesis, waitFor } from './lib.mjs';

const tls = makeCertificates();
let plain, secure;

before(async () => {
  plain = await startKinesis({ streams: { s: 1 } });
  secure = await startKinesis({ streams: { s: 1 }, tls });
});

after(async () => {
  await plain?.stop();
  await secure?.stop();
});

async function connect(p) {
  // Node refuses answers while it holds more than its session memory of our requests.
  const session = http2.connect(p.url, { ca: p.ca && fs.readFileSync(p.ca), maxSessionMemory: 100 });
  session.on('error', () => {});
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
  return session;
}

const close = (session) => new Promise((resolve) => {
  if (session.closed && session.destroyed) return resolve();
  session.once('close', resolve);
  session.close();
});

// One request: { status, headers, body }.
function ask(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/', ...headers });
    const parts = [];
    let head;
    stream.setTimeout(PATIENCE_MS, () => stream.close(http2.constants.NGHTTP2_CANCEL));
    stream.on('response', (h) => (head = h));
    stream.on('data', (d) => parts.push(d));
    stream.on('error', reject);
    stream.on('close', () =>
      head ? resolve({ status: head[':status'], headers: head, body: Buffer.concat(parts) })
        : reject(new Error(`closed by ${stream.rstCode}`)));
    stream.end(body);
  });
}

const kinesis = (operation) => ({
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': `Kinesis_20131202.${operation}`,
});

async function listStreams(session) {
  const r = await ask(session, kinesis('ListStreams'), '{}');
  assert.equal(r.status, 200);
  assert.deepEqual(JSON.parse(r.body).StreamNames, ['s']);
  return r;
}

for (const kind of ['plain', 'secure']) {
  test(`many requests of one connection (${kind})`, async () => {
    const p = kind === 'plain' ? plain : secure;
    const session = await connect(p);
    if (kind === 'secure') assert.equal(session.alpnProtocol, 'h2');
    const replies = await Promise.all(Array.from({ length: 400 }, () => listStreams(session)));
    assert.match(replies[0].headers.date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    // A large record up and down.
    const Data = Buffer.alloc(1_000_000, 'x').toString('base64');
    const put = await ask(session, kinesis('PutRecord'),
      JSON.stringify({ StreamName: 's', PartitionKey: 'k', Data }));
    assert.equal(put.status, 200);
    const { ShardIterator } = JSON.parse((await ask(session, kinesis('GetShardIterator'),
      JSON.stringify({ StreamName: 's', ShardId: JSON.parse(put.body).ShardId,
        ShardIteratorType: 'TRIM_HORIZON' }))).body);
    const got = await ask(session, kinesis('GetRecords'), JSON.stringify({ ShardIterator }));
    assert.ok(JSON.parse(got.body).Records.some((r) => r.Data === Data));
    const rtt = await new Promise((resolve, reject) =>
      session.ping((e, ms) => (e ? reject(e) : resolve(ms))));
    assert.ok(rtt >= 0);
    await close(session);
    // HTTP/1.1 beside it.
    const one = await request(p.url, { method: 'POST', headers: kinesis('ListStreams'), body: '{}',
      ca: p.ca });
    assert.equal(one.status, 200);
  });
}

test('curl, which knows beforehand', async (t) => {
  if (!/\bHTTP2\b/.test(execFileSync('curl', ['--version'], { encoding: 'utf8' })))
    return t.skip('this curl has no HTTP/2');
  const words = ['-sS', '-o', '-', '-w', '\n%{http_version} %{http_code}', '-d', '{}'];
  for (const [k, v] of Object.entries(kinesis('ListStreams'))) words.push('-H', `${k}: ${v}`);
  for (const [p, how] of [[plain, ['--http2-prior-knowledge']], [secure, ['--http2', '--cacert', tls.ca]]]) {
    const r = await run('curl', [...how, ...words, p.url]);
    assert.equal(r.code, 0, r.stderr);
    assert.match(r.stdout, /"StreamNames":\["s"\]/);
    assert.match(r.stdout, /\n2 200$/);
  }
});

test('a body over the limit is answered, its connection goes on', async () => {
  const session = await connect(plain);
  const large = Buffer.alloc(17 << 20);
  const told = await ask(session, { ...kinesis('PutRecord'), 'content-length': large.length }, large)
    .catch((e) => e);
  assert.equal(told.status ?? 413, 413, String(told));
  const untold = await ask(session, kinesis('PutRecord'), large).catch((e) => e);
  assert.equal(untold.status ?? 413, 413, String(untold));
  await listStreams(session);
  const heads = await ask(session, { ...kinesis('ListStreams'), 'x-large': 'v'.repeat(40_000) }, '{}');
  assert.equal(heads.status, 431);
  await listStreams(session);
  await close(session);
});

test('streams made only to be reset end their connection', async () => {
  const session = await connect(plain);
  let calm;
  session.on('goaway', (code) => (calm = code));
  const closed = new Promise((resolve) => session.once('close', resolve));
  for (let i = 0; i < 1000 && !session.closed && !session.destroyed; i++) {
    const stream = session.request({ ':method': 'POST', ':path': '/', ...kinesis('ListStreams') });
    stream.on('error', () => {});
    stream.close(http2.constants.NGHTTP2_CANCEL);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.equal(calm, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const next = await connect(plain);
  await listStreams(next);
  await close(next);
});

test('what is no HTTP/2 after its preface ends, others do not notice', async () => {
  const session = await connect(plain);
  const { port } = new URL(plain.url);
  for (const rest of [Buffer.alloc(100, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(0)]) {
    const socket = net.connect(port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
    socket.resume();
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), rest]));
    if (rest.length === 0) socket.end();
    await ended;
  }
  await listStreams(session);
  await close(session);
});

test('the end is announced, what is under way finishes', async () => {
  const p = await startKinesis({ streams: { s: 1 } });
  try {
    const session = await connect(p);
    const idle = await connect(p);
    await listStreams(session);
    await listStreams(idle);
    const goaways = [];
    session.on('goaway', (code) => goaways.push(code));
    const exit = p.stop('SIGTERM');
    await waitFor(() => session.closed || session.destroyed, { what: 'session closed' });
    assert.equal(await exit, 0);
    assert.ok(goaways.every((code) => code === http2.constants.NGHTTP2_NO_ERROR));
    idle.destroy();
  } finally {
    await p.stop('SIGKILL');
  }
});
