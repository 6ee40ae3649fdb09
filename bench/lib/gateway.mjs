// SPDX-License-Identifier: Apache-2.0
// `penstock serve` and `penstock kinesis` on free ports, and a client for each.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  GetRecordsCommand, GetShardIteratorCommand, KinesisClient, PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

import { now, penstock, Process, root, until } from './process.mjs';

export const UPLINK = 'kinesis_converter';
export const uplinkScript = path.join(root, 'converters/kinesis_converter.js');
const user = { email: 'tenant@thingsboard.org', password: 'tenant' };

export async function startKinesis(streams) {
  const args = Object.entries(streams).flatMap(([name, shards]) => ['--stream', `${name}:${shards}`]);
  const p = new Process(penstock, ['kinesis', '--listen', '127.0.0.1:0', '--retain', '2048', ...args]);
  [, p.endpoint] = await p.line(/(http:\/\/\S+)/);
  return p;
}

export function kinesisClient(endpoint) {
  return new KinesisClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test-secret' },
    requestHandler: new NodeHttpHandler(),
  });
}

// Puts `count` records make(i) -> bytes, four calls of 500 at a time.
export async function fill(client, StreamName, count, make) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const Records = [];
      for (; Records.length < 500 && next < count; next++)
        Records.push({ PartitionKey: `key-${next}`, Data: Buffer.from(make(next)) });
      const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
      if (FailedRecordCount) throw new Error(`${StreamName}: ${FailedRecordCount} records refused`);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

// The tutorial's payload, 64 bytes, of one of `devices` devices.
export const tutorialRecord = (devices) => (i) => {
  const number = String((i * 7919) % devices).padStart(6, '0');
  return `{"devName":"dev-${number}","devType":"thermostat","temperature":${20 + (i % 70)}}`;
};

// A reader of one shard from now on: an iterator and GetRecords.
export async function reader(client, StreamName, ShardIteratorType = 'LATEST') {
  let { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType }),
  );
  return async () => {
    const page = await client.send(new GetRecordsCommand({ ShardIterator }));
    ShardIterator = page.NextShardIterator;
    return page.Records;
  };
}

export class Api {
  constructor(base) {
    this.base = base;
  }

  async login() {
    const { token } = await this.call('POST', '/api/auth/login', {
      username: user.email,
      password: user.password,
    });
    this.headers = { 'X-Authorization': `Bearer ${token}` };
    return this;
  }

  async text(method, target, body) {
    const response = await fetch(this.base + target, {
      method,
      headers: { ...this.headers, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${method} ${target}: ${response.status} ${text}`);
    return text;
  }

  async call(...args) {
    const text = await this.text(...args);
    return text ? JSON.parse(text) : undefined;
  }

  get(target) {
    return this.call('GET', target);
  }

  async device(name) {
    return this.get(`/api/tenant/devices?deviceName=${name}`);
  }

  async latestPath(name) {
    const device = await this.device(name);
    return `/api/plugins/telemetry/DEVICE/${device.id.id}/values/timeseries`;
  }

  async integration() {
    return (await this.get('/api/integrations?pageSize=10&page=0')).data[0];
  }

  async setEnabled(enabled) {
    await this.call('POST', '/api/integration', { ...(await this.integration()), enabled });
  }

  // Records that took effect, durably; all shards.
  async applied(id) {
    const status = await this.get(`/api/integration/${id}/status`);
    if (status.recordsFailed) throw new Error(`${status.recordsFailed} records failed`);
    return status.shards.reduce((sum, shard) => sum + shard.recordsApplied, 0);
  }

  async untilApplied(count, ms = 60000) {
    const { id } = (await this.integration()).id;
    return until(`${count} records applied`, async () => (await this.applied(id)) >= count, { ms });
  }

  async metric(name) {
    const text = await this.text('GET', '/metrics');
    return Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
  }
}

// Reads as fast as it can, where the service would allow five calls a second and shard.
export const unpaced = {
  getRecordsPerSecond: 1000, pollMs: 1, putRecordsPerSecond: 0, putBytesPerSecond: 0,
};

// `dir` is kept between starts; `enabled: false` leaves the stream alone until api.setEnabled(true).
export async function serve(dir, { endpoint, stream, enabled = true, limit = 10000, downlink, limits, client }) {
  const file = path.join(dir, 'penstock.json');
  const converters = [{ name: UPLINK, type: 'UPLINK', file: uplinkScript }];
  if (downlink) converters.push({ name: 'downlink', type: 'DOWNLINK', file: downlink });
  const clientConfiguration = {
    streamName: stream,
    region: 'us-east-1',
    endpoint,
    accessKeyId: 'test',
    secretAccessKey: 'test-secret',
    initialPositionInStream: 'TRIM_HORIZON',
    maxRecords: limit,
    ...client,
  };
  writeFileSync(file, JSON.stringify({
    data: path.join(dir, 'data'),
    http: { listen: '127.0.0.1:0' },
    users: [user],
    limits,
    converters,
    integrations: [{
      name: 'bench',
      enabled,
      uplinkConverter: UPLINK,
      ...(downlink && { downlinkConverter: 'downlink' }),
      configuration: { clientConfiguration },
    }],
  }));
  const gateway = new Process(penstock, ['serve', '-c', file]);
  const [, url] = await gateway.line(/^ready: (\S+)$/m);
  gateway.readyMs = now() - gateway.startedAt;
  gateway.api = await new Api(url).login();
  return gateway;
}

// Message type switch --`type`--> integration downlink, as the tutorial's edit.
export async function connectDownlink(api, type) {
  const { id } = (await api.integration()).id;
  const chain = (await api.get('/api/ruleChains?pageSize=10&page=0')).data.find((c) => c.root);
  const metadata = await api.get(`/api/ruleChain/${chain.id.id}/metadata`);
  metadata.nodes.push({
    type: 'org.thingsboard.rule.engine.integration.TbIntegrationDownlinkNode',
    name: 'Integration Downlink',
    configuration: { integrationId: id },
    additionalInfo: { layoutX: 825, layoutY: 570 },
  });
  metadata.connections.push({
    fromIndex: metadata.nodes.findIndex((node) => node.type.endsWith('TbMsgTypeSwitchNode')),
    toIndex: metadata.nodes.length - 1,
    type,
  });
  await api.call('POST', '/api/ruleChain/metadata', metadata);
}
