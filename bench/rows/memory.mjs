// SPDX-License-Identifier: Apache-2.0
// Resident memory of a gateway with nothing to do: one shard, read at the service's own pace.

import { serve, startKinesis } from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { removeDir, sleep, tempDir } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const SETTLE_MS = 2000;

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
