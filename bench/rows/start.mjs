// SPDX-License-Identifier: Apache-2.0
// From starting the process until it says that it is ready, with 100,000 devices stored.

import {
  fill, kinesisClient, serve, startKinesis, tutorialRecord, unpaced,
} from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { removeDir, tempDir } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const DEVICES = 100000;
const STARTS = 5;

export async function start({ say }) {
  const kinesis = await startKinesis({ start: 4 });
  const { endpoint } = kinesis;
  const client = kinesisClient(endpoint);
  await fill(client, 'start', DEVICES, tutorialRecord(DEVICES));
  client.destroy();
  const dir = tempDir();
  const options = { endpoint, stream: 'start', limits: unpaced };
  const gateway = await serve(dir, options);
  await gateway.api.untilApplied(DEVICES);
  const devices = await gateway.api.metric('penstock_devices');
  if (devices !== DEVICES) throw new Error(`${devices} devices, not ${DEVICES}`);
  await gateway.stop();
  const peer = peerStore && (await startPeer(dir, { endpoint, stream: 'start', records: DEVICES }));
  peer?.say('go');
  await peer?.line(/^done: /m);
  await peer?.stop();
  const again = (begin) => async () => {
    const p = await begin();
    const { readyMs, residentMib } = p;
    await p.stop();
    return { readyMs, residentMib };
  };
  const list = await pairs(
    STARTS,
    again(() => serve(dir, { ...options, enabled: false })),
    peerStore && again(() => startPeer(dir, { endpoint, stream: 'start' })),
  );
  await kinesis.stop();
  removeDir(dir);
  say(`start: ${JSON.stringify(list)}`);
  const what = 'start to ready, 100,000 devices stored';
  return [
    row(what, 'ms', 'less', compare(list, (r) => r.readyMs), {
      target: { at: 100 }, peer: 'Node.js',
    }),
  ];
}
