// SPDX-License-Identifier: Apache-2.0
// The same pipeline on Node.js, as a process of its own.

import path from 'node:path';

import { uplinkScript } from './gateway.mjs';
import { benchDir, now, Process } from './process.mjs';

// Without any SQLite for this Node.js there is no such peer, and its columns stay empty.
export const peerStore = await import('../peer/sqlite.mjs')
  .then(({ openDatabase }) => openDatabase(':memory:'))
  .then(({ name }) => name)
  .catch((error) => {
    console.error(`bench: no peer: ${error.message}`);
    return undefined;
  });

// Ready to read; say('go') lets it.
export async function startPeer(dir, options) {
  const json = JSON.stringify({
    script: uplinkScript, data: path.join(dir, 'peer.db'), limit: 10000, pollMs: 1, records: 0, ...options,
  });
  const peer = new Process(process.execPath, [path.join(benchDir, 'peer/uplink.mjs'), json]);
  [, peer.url] = await peer.line(/^ready: (\S+)$/m);
  peer.readyMs = now() - peer.startedAt;
  return peer;
}
