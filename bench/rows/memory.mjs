// SPDX-License-Identifier: Apache-2.0
// A gateway with nothing to do: one shard, read at the service's own pace; many, read once a second.

import { serve, startKinesis } from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { now, removeDir, sleep, tempDir } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const SETTLE_MS = 2000;
const MANY = 256;
const MANY_SETTLE_MS = 5000; // all iterators are there
const MANY_MS = 10000;

export async function idleMemory({ runs, say }) {
  const kinesis = await startKinesis({ idle: 1 });
  const { endpoint } = kinesis;
  const settle = async (process, dir) => {
    await sleep(SETTLE_MS);
    const mib = process.residentMib;
    await process.stop();
    removeDir(dir);
    return { mib };
  };
  const list = await pairs(
    runs,
    async () => {
      const dir = tempDir();
      return settle(await serve(dir, { endpoint, stream: 'idle' }), dir);
    },
    peerStore && (async () => {
      const dir = tempDir();
      const peer = await startPeer(dir, { endpoint, stream: 'idle', pollMs: 250 });
      peer.say('go');
      return settle(peer, dir);
    }),
  );
  await kinesis.stop();
  say(`idle: ${JSON.stringify(list)}`);
  return [
    row('memory, idle, 1 shard', 'MiB', 'less', compare(list, (r) => r.mib), {
      target: { at: 8 }, peer: 'Node.js',
    }),
  ];
}

const reads = async (kinesis) =>
  (await (await fetch(`${kinesis.endpoint}/_penstock/stats`)).json()).calls.GetRecords;

export async function idleShards({ say }) {
  const kinesis = await startKinesis({ idle: MANY });
  // Once: hardly anything varies.
  const list = await pairs(1, async () => {
    const dir = tempDir();
    const gateway = await serve(dir, { endpoint: kinesis.endpoint, stream: 'idle', limits: { pollMs: 1000 } });
    await sleep(MANY_SETTLE_MS);
    const before = gateway.cpu(), calls = await reads(kinesis), began = now();
    await sleep(MANY_MS);
    const seconds = (now() - began) / 1000;
    const cpu = (100 * (gateway.cpu() - before)) / seconds;
    const pace = ((await reads(kinesis)) - calls) / MANY / seconds;
    if (pace < 0.9 || pace > 1.1) throw new Error(`${pace} calls a second and shard`);
    const mib = gateway.residentMib;
    const { id } = (await gateway.api.integration()).id;
    const status = await gateway.api.get(`/api/integration/${id}/status`);
    const reading = status.shards.filter((shard) => shard.state === 'READING').length;
    if (status.state !== 'ACTIVE' || reading !== MANY) throw new Error(`${status.state}, ${reading} shards are read`);
    await gateway.stop();
    removeDir(dir);
    return { mib, cpu };
  });
  await kinesis.stop();
  say(`idle shards: ${JSON.stringify(list)}`);
  const what = `idle, ${MANY} shards, a call a second each`;
  return [
    row(`memory, ${what}`, 'MiB', 'less', compare(list, (r) => r.mib), { target: { at: 32 } }),
    row(`processor, ${what}`, '% of a core', 'less', compare(list, (r) => r.cpu), { target: { at: 5 } }),
  ];
}
