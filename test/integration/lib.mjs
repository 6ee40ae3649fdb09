// SPDX-License-Identifier: Apache-2.0
// What the integration tests share: processes started on free ports and ended by pid, waits for a
// condition with a deadline, certificates, AWS clients that see nothing of this machine's set-up.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Sha256 } from '@aws-crypto/sha256-js';
import * as sdk from '@aws-sdk/client-kinesis';
import { cbor, tag } from '@smithy/core/cbor';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';

// For tests outside this folder, which has the packages.
export { sdk };

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = process.env.PENSTOCK_BIN ?? path.join(root, 'build/release/penstock');
// Sanitizer builds are slow: every deadline is longer there, and long runs are left out.
export const bounded = process.env.PENSTOCK_BOUNDED === '1';
export const slow = ['asan', 'tsan'].includes(process.env.PENSTOCK_BUILD) ? 6 : 1;
// How long anything is waited for that shall come at once: no limit of the program's, but what tells
// a test that hangs from a machine that is slow or stands still for a while.
export const PATIENCE_MS = 120_000 * (slow > 1 ? 3 : 1);
export const region = 'us-east-1';
export const credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'a/secret+of:the test' };

// ---- waiting

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks until `condition` gives something true, and returns it. A condition that throws counts as
// not yet; what it threw last is in the error after the deadline.
export async function waitFor(condition, { what = 'condition', ms = PATIENCE_MS, every = 20 } = {}) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`, { cause: last });
    await sleep(every);
  }
}

// ---- files and ports

const dirs = [];
process.on('exit', () => {
  for (const dir of dirs) fs.rmSync(dir, { recursive: true, force: true });
});

export function tempDir(prefix = 'penstock-test-') {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  dirs.push(dir);
  return dir;
}

// Free at this moment; where the program can choose for itself (port 0), let it.
export async function freePort(host = '127.0.0.1') {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.on('error', reject).listen(0, host, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// A CA of our own and a server certificate by it. `names`: DNS names and addresses it is for.
export function makeCertificates({ dir = tempDir(), names = ['localhost', '127.0.0.1'] } = {}) {
  const file = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const alt = names.map((n) => (net.isIP(n) ? `IP:${n}` : `DNS:${n}`)).join(',');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-days', '2',
    '-subj', '/CN=Penstock test CA', '-addext', 'basicConstraints=critical,CA:TRUE',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
  openssl('req', ...key, '-keyout', file('server.key'), '-out', file('server.csr'),
    '-subj', `/CN=${names[0]}`);
  fs.writeFileSync(file('server.ext'), `subjectAltName=${alt}\nbasicConstraints=CA:FALSE\n`);
  openssl('x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey',
    file('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', file('server.ext'), '-out',
    file('server.pem'));
  return { dir, ca: file('ca.pem'), cert: file('server.pem'), key: file('server.key') };
}

// ---- processes

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

// Starts a program and waits until `ready` (a RegExp on a line of its stdout, or a function that is
// asked until it gives something true) holds. stop() ends it by signal and resolves to its exit code.
export async function start(command, args, { env, cwd, ready, what } = {}) {
  const name = what ?? `${path.basename(command)} ${args[0] ?? ''}`.trim();
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const p = { child, pid: child.pid, stdout: '', stderr: '', exit: undefined };
  running.add(child);
  child.stdout.setEncoding('utf8').on('data', (s) => (p.stdout += s));
  child.stderr.setEncoding('utf8').on('data', (s) => (p.stderr += s));
  p.ended = new Promise((resolve) => {
    child.on('error', (e) => ((p.stderr += String(e)), resolve((p.exit = 127))));
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve((p.exit = code ?? signal));
    });
  });
  p.stop = async (signal = 'SIGTERM') => {
    if (p.exit === undefined) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    const code = await p.ended;
    clearTimeout(timer);
    return code;
  };
  if (!ready) return p;
  try {
    p.ready = await waitFor(
      () => {
        if (p.exit !== undefined) return 'ended';
        return ready instanceof RegExp ? ready.exec(p.stdout) : ready(p);
      },
      { what: `${name} ready` },
    );
  } catch (e) {
    await p.stop('SIGKILL');
    throw new Error(`${e.message}\n${p.stdout}${p.stderr}`, { cause: e.cause });
  }
  if (p.exit !== undefined) throw new Error(`${name} ended with ${p.exit}\n${p.stdout}${p.stderr}`);
  return p;
}

// Runs a program to its end: { code, stdout, stderr }.
export function run(command, args, { env, cwd, input } = {}) {
  return new Promise((resolve) => {
    const child = execFile(
      command, args, { env, cwd, timeout: PATIENCE_MS, maxBuffer: 64 << 20 },
      (error, stdout, stderr) =>
        resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
    );
    if (input !== undefined) child.stdin.end(input);
  });
}

// `penstock kinesis` on a free port; `url` says where. Its streams: { name: shards }.
export async function startKinesis({ streams = {}, tls, credentials: c, args = [], env } = {}) {
  const words = ['kinesis', '--listen', '127.0.0.1:0'];
  for (const [name, shards] of Object.entries(streams)) words.push('--stream', `${name}:${shards}`);
  if (tls) words.push('--tls-cert', tls.cert, '--tls-key', tls.key);
  if (c) words.push('--credentials', `${c.accessKeyId}:${c.secretAccessKey}`);
  const p = await start(bin, [...words, ...args], {
    env: { ...plainEnv(), ...env },
    ready: /ready at (https?:\/\/\S+)/,
    what: 'penstock kinesis',
  });
  p.url = p.ready[1];
  p.ca = tls?.ca;
  return p;
}

// ---- HTTP

// One request over its own connection: { status, headers, body (a Buffer) }.
export function request(url, { method = 'GET', headers = {}, body, ca } = {}) {
  const u = new URL(url);
  const options = { method, headers, agent: false, timeout: PATIENCE_MS };
  if (u.protocol === 'https:') options.ca = ca && fs.readFileSync(ca);
  return new Promise((resolve, reject) => {
    const r = (u.protocol === 'https:' ? https : http).request(u, options, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
    });
    r.on('error', reject).on('timeout', () => r.destroy(new Error(`no answer from ${url}`)));
    r.end(body);
  });
}

export async function requestJson(url, options = {}) {
  const { body, ...rest } = options;
  const r = await request(url, { ...rest, body: body === undefined ? undefined : JSON.stringify(body) });
  return { ...r, json: r.body.length ? JSON.parse(r.body) : undefined };
}

// Fault rules of the local Kinesis endpoint (src/emulator/faults.h).
export async function setFaults(kinesis, rules) {
  await request(`${kinesis.url}/_penstock/faults`, { method: 'DELETE', ca: kinesis.ca });
  if (!rules?.length) return;
  const r = await requestJson(`${kinesis.url}/_penstock/faults`,
    { method: 'POST', body: rules, ca: kinesis.ca });
  if (r.status !== 200) throw new Error(`faults refused: ${r.body}`);
}

// Changes settings of the local Kinesis endpoint (src/emulator/emulator.h) and returns all of them.
export async function kinesisSettings(kinesis, changes = {}) {
  const r = await requestJson(`${kinesis.url}/_penstock/settings`,
    { method: 'POST', body: changes, ca: kinesis.ca });
  if (r.status !== 200) throw new Error(`settings refused: ${r.body}`);
  return r.json;
}

export async function kinesisStats(kinesis) {
  return (await requestJson(`${kinesis.url}/_penstock/stats`, { ca: kinesis.ca })).json;
}

// ---- AWS

// The environment without anything of this machine's AWS set-up.
export function plainEnv() {
  const env = {};
  for (const [k, v] of Object.entries(process.env)) if (!/^AWS_|_proxy$/i.test(k)) env[k] = v;
  return env;
}

// The same, with credentials, a region, and configuration files that do not exist.
export function awsEnv({ credentials: c = credentials, ca, home = tempDir() } = {}) {
  return {
    ...plainEnv(),
    AWS_CONFIG_FILE: path.join(home, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(home, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    AWS_MAX_ATTEMPTS: '1',
    AWS_DEFAULT_REGION: region,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: c.accessKeyId,
    AWS_SECRET_ACCESS_KEY: c.secretAccessKey,
    ...(c.sessionToken && { AWS_SESSION_TOKEN: c.sessionToken }),
    ...(ca && { AWS_CA_BUNDLE: ca }),
  };
}

// The AWS CLI: { code, stdout, stderr, json }. Version 1 takes --data as it is, version 2 as base64.
export async function awsCli(kinesis, args, options = {}) {
  const env = options.env ?? awsEnv({ ca: kinesis.ca, ...options });
  const r = await run('aws', ['--endpoint-url', kinesis.url, '--output', 'json', 'kinesis', ...args],
    { env });
  return { ...r, json: r.code === 0 && r.stdout.trim() ? JSON.parse(r.stdout) : undefined };
}

let cliVersion;
// Words that make either CLI take --data as the bytes they are.
export async function rawData() {
  cliVersion ??= (await run('aws', ['--version'], { env: awsEnv() })).stdout;
  return /^aws-cli\/1\./.test(cliVersion) ? [] : ['--cli-binary-format', 'raw-in-base64-out'];
}

// AWS SDK for JavaScript, over HTTP/1.1, one attempt unless told.
export function sdkClient(kinesis, { credentials: c = credentials, maxAttempts = 1, ca, ...rest } = {}) {
  const trusted = ca ?? kinesis.ca;
  const agent = trusted && new https.Agent({ keepAlive: true, ca: fs.readFileSync(trusted) });
  return new sdk.KinesisClient({
    endpoint: kinesis.url,
    region,
    credentials: c,
    maxAttempts,
    requestHandler: new NodeHttpHandler({ httpsAgent: agent, requestTimeout: PATIENCE_MS }),
    ...rest,
  });
}

export const JSON_TYPE = 'application/x-amz-json-1.1';
export const CBOR_TYPE = 'application/x-amz-cbor-1.1';

// One call without an SDK's help, signed by the SDK's own signer: { status, headers, body, value }.
// body: a value to encode, or a Buffer as it is. alter(request) may spoil it after signing.
export async function rawCall(kinesis, operation, body, {
  type = JSON_TYPE, sign = true, credentials: c = credentials, date = new Date(), headers = {},
  alter = () => {}, signRegion = region,
} = {}) {
  const u = new URL(kinesis.url);
  const bytes = Buffer.isBuffer(body) ? body
    : type === CBOR_TYPE ? Buffer.from(cbor.serialize(body)) : Buffer.from(JSON.stringify(body));
  let r = new HttpRequest({
    method: 'POST', protocol: u.protocol, hostname: u.hostname, port: Number(u.port), path: '/',
    headers: {
      host: u.host, 'content-type': type, 'x-amz-target': `Kinesis_20131202.${operation}`,
      'amz-sdk-invocation-id': randomUUID(), ...headers,
    },
    body: bytes,
  });
  if (sign) {
    const signer = new SignatureV4({
      service: 'kinesis', region: signRegion, credentials: c, sha256: Sha256,
    });
    r = await signer.sign(r, { signingDate: date });
  }
  alter(r);
  const res = await request(kinesis.url, {
    method: r.method, headers: { ...r.headers, 'content-length': r.body.length }, body: r.body,
    ca: kinesis.ca,
  });
  const answered = res.headers['content-type'];
  let value;
  if (answered === CBOR_TYPE && res.body.length) value = cbor.deserialize(res.body);
  else if (answered === JSON_TYPE && res.body.length) value = JSON.parse(res.body);
  return { ...res, value };
}

// CBOR's tag 1, as the Java SDK writes times: milliseconds.
export const cborTime = (ms) => tag({ tag: 1, value: ms });
