// SPDX-License-Identifier: Apache-2.0
// Runs penstock as a user would: the real binary, its ready line, its REST API.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand, PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

import { PATIENCE_MS, bin, plainEnv, root, sleep, waitFor } from './lib.mjs';

export { bounded, root, sleep } from './lib.mjs';

export const demoUser = { email: 'tenant@thingsboard.org', password: 'tenant' };

// Polls `probe` until it gives something truthy; fails with `what` after the deadline.
export const until = (what, probe, ms = PATIENCE_MS) => waitFor(probe, { what, ms });

export function tempDir(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'penstock-test-'));
  t?.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// Nothing of this machine's AWS set-up, and no home to look for one.
export function cleanEnv(extra = {}) {
  return { ...plainEnv(), AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent', ...extra };
}

// A running command; `ready` is what the pattern matched on stdout. `fileKiB`: no file grows beyond,
// as on a disk that is full.
export class Process {
  constructor(args, { env = {}, cwd = root, fileKiB } = {}) {
    const limited = `trap '' XFSZ; ulimit -f ${fileKiB * 2}; exec "$0" "$@"`;
    const [command, ...rest] = fileKiB ? ['sh', '-c', limited, bin, ...args] : [bin, ...args];
    this.child = spawn(command, rest, { cwd, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
    this.stdout = '';
    this.stderr = '';
    this.child.stdout.on('data', (data) => (this.stdout += data));
    this.child.stderr.on('data', (data) => (this.stderr += data));
    this.exited = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.stderr += error;
        resolve((this.exit = { code: 127, signal: null }));
      });
      // Not 'exit': of what it wrote last, some may come after that.
      this.child.on('close', (code, signal) => resolve((this.exit = { code, signal })));
    });
  }

  get pid() {
    return this.child.pid;
  }

  async readyLine(pattern = /^ready: (\S+)$/m) {
    const found = await until(`ready line of ${this.child.spawnargs.slice(1).join(' ')}`,
      () => this.stdout.match(pattern) ?? this.exit).catch((error) => {
      throw new Error(`${error.message}\n${this.stderr}`);
    });
    if (found === this.exit) throw new Error(`exited: ${JSON.stringify(this.exit)}\n${this.stderr}`);
    return found;
  }

  async stop(signal = 'SIGTERM') {
    if (!this.exit) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    await this.exited;
    clearTimeout(timer);
    return this.exit;
  }
}

// Runs a command to its end.
export async function run(args, options) {
  const p = new Process(args, options);
  await p.exited;
  return { ...p.exit, stdout: p.stdout, stderr: p.stderr };
}

export class Api {
  constructor(base) {
    this.base = base;
  }

  async login({ email, password } = demoUser) {
    const reply = await this.call('POST', '/api/auth/login', { username: email, password });
    if (reply.status !== 200) throw new Error(`log-in: ${reply.status} ${reply.text}`);
    this.token = reply.json.token;
    return this;
  }

  async call(method, target, body, headers = {}) {
    const response = await fetch(this.base + target, {
      method,
      headers: {
        ...(this.token ? { 'X-Authorization': `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  async ok(method, target, body) {
    const reply = await this.call(method, target, body);
    if (reply.status !== 200) throw new Error(`${method} ${target}: ${reply.status} ${reply.text}`);
    return reply.json;
  }

  get(target) {
    return this.ok('GET', target);
  }

  post(target, body) {
    return this.ok('POST', target, body);
  }

  async device(name) {
    const reply = await this.call('GET', `/api/tenant/devices?deviceName=${encodeURIComponent(name)}`);
    return reply.status === 200 ? reply.json : undefined;
  }

  latest(device) {
    return this.get(`/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries`);
  }

  async integration(name) {
    const page = await this.get('/api/integrations?pageSize=1000&page=0');
    return page.data.find((integration) => integration.name === name);
  }

  async status(name) {
    const integration = await this.integration(name);
    return this.get(`/api/integration/${integration.id.id}/status`);
  }
}

export const applied = (status) =>
  status.shards.reduce((sum, shard) => sum + shard.recordsApplied, 0);

// A configuration for `serve` on a free port, with the tutorial's converters and integration.
export function configuration({ data, client = {}, integration = {}, ...rest }) {
  return {
    data,
    http: { listen: '127.0.0.1:0' },
    users: [demoUser],
    converters: [
      { name: 'kinesis_converter', type: 'UPLINK', file: path.join(root, 'converters/kinesis_converter.js') },
      {
        name: 'kinesis_downlink_version',
        type: 'DOWNLINK',
        file: path.join(root, 'converters/kinesis_downlink_version.js'),
      },
    ],
    integrations: [
      {
        name: 'kinesis_integration',
        uplinkConverter: 'kinesis_converter',
        downlinkConverter: 'kinesis_downlink_version',
        configuration: {
          clientConfiguration: {
            streamName: 'tb-test-uplink',
            region: 'us-east-1',
            accessKeyId: 'test',
            secretAccessKey: 'test-secret',
            initialPositionInStream: 'TRIM_HORIZON',
            ...client,
          },
        },
        ...integration,
      },
    ],
    ...rest,
  };
}

// `penstock serve` with this configuration object; ready and logged in.
export async function serve(t, config, { env = {}, dir = tempDir(t), user = demoUser, fileKiB } = {}) {
  const file = path.join(dir, 'penstock.json');
  writeFileSync(file, JSON.stringify({ ...config, data: config.data ?? path.join(dir, 'data') }));
  const gateway = new Process(['serve', '-c', file], { env, fileKiB });
  gateway.file = file;
  t?.after(() => gateway.stop());
  const [, url] = await gateway.readyLine();
  gateway.api = await new Api(url).login(user);
  return gateway;
}

// The tutorial's edit: message type switch --"Attributes Updated"--> integration downlink.
export async function connectDownlink(api, integrationName) {
  const integration = await api.integration(integrationName);
  const chains = await api.get('/api/ruleChains?pageSize=10&page=0');
  const chain = chains.data.find((c) => c.root);
  const metadata = await api.get(`/api/ruleChain/${chain.id.id}/metadata`);
  metadata.nodes.push({
    type: 'org.thingsboard.rule.engine.integration.TbIntegrationDownlinkNode',
    name: 'Integration Downlink',
    configuration: { integrationId: integration.id.id },
    additionalInfo: { layoutX: 825, layoutY: 570 },
  });
  metadata.connections.push({
    fromIndex: metadata.nodes.findIndex((n) => n.type.endsWith('TbMsgTypeSwitchNode')),
    toIndex: metadata.nodes.length - 1,
    type: 'Attributes Updated',
  });
  return api.post('/api/ruleChain/metadata', metadata);
}

// An SDK client for an endpoint; HTTP/1.1, since the SDK's own default for Kinesis is HTTP/2.
export function kinesisClient(t, endpoint, options = {}) {
  const client = new KinesisClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test-secret' },
    requestHandler: new NodeHttpHandler(),
    ...options,
  });
  t?.after(() => client.destroy());
  return client;
}

// `penstock kinesis` on a free port with these streams ("name:shards").
export async function startKinesis(t, streams, args = []) {
  const p = new Process([
    'kinesis', '--listen', '127.0.0.1:0', ...streams.flatMap((s) => ['--stream', s]), ...args,
  ]);
  t?.after(() => p.stop());
  [, p.endpoint] = await p.readyLine(/(https?:\/\/\S+)/);
  return p;
}

// Puts `count` records made by make(i) -> {key, data}, a batch at a time.
export async function putRecords(client, stream, count, make, { batch = 500, pauseMs = 0 } = {}) {
  for (let at = 0; at < count; at += batch) {
    const Records = [];
    for (let i = at; i < Math.min(at + batch, count); i++) {
      const { key, data } = make(i);
      Records.push({ PartitionKey: key, Data: Buffer.from(data) });
    }
    const reply = await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
    if (reply.FailedRecordCount) throw new Error(`${reply.FailedRecordCount} records refused`);
    if (pauseMs) await sleep(pauseMs);
  }
}

// Everything on a stream, oldest first per shard.
export async function readStream(client, stream) {
  const { Shards } = await client.send(new ListShardsCommand({ StreamName: stream }));
  const records = [];
  for (const { ShardId } of Shards) {
    let { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamName: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    for (;;) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator }));
      records.push(...page.Records.map((r) => ({ ...r, ShardId })));
      ShardIterator = page.NextShardIterator;
      if (!ShardIterator || (page.Records.length === 0 && !page.MillisBehindLatest)) break;
    }
  }
  return records;
}
