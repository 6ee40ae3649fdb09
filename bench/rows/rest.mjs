// SPDX-License-Identifier: Apache-2.0
// REST: the latest telemetry of one of many devices, with a log-in token, by wrk.

import {
  fill, kinesisClient, serve, startKinesis, tutorialRecord, unpaced,
} from '../lib/gateway.mjs';
import { peerStore, startPeer } from '../lib/peer.mjs';
import { output, removeDir, tempDir } from '../lib/process.mjs';
import { compare, pairs } from '../lib/stats.mjs';
import { row } from '../lib/table.mjs';

const DEVICES = 1000;
const CONNECTIONS = 64;
const SECONDS = 3;

async function load(process, url, header) {
  const cpu = process.cpu();
  const text = await output('wrk', [
    '-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '--latency', '-H', header, url,
  ]);
  const bad = text.match(/Non-2xx.*|Socket errors.*/);
  if (bad) throw new Error(`wrk ${url}: ${bad[0]}`);
  const requests = Number(text.match(/(\d+) requests in/)[1]);
  return {
    rate: Number(text.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    cpu: ((process.cpu() - cpu) / requests) * 1e6,
  };
}

export async function rest({ runs, say }) {
  const kinesis = await startKinesis({ rest: 1 });
  const { endpoint } = kinesis;
  const client = kinesisClient(endpoint);
  await fill(client, 'rest', DEVICES, tutorialRecord(DEVICES));
  client.destroy();
  const dir = tempDir();
  const gateway = await serve(dir, { endpoint, stream: 'rest', limits: unpaced });
  const { api } = gateway;
  await api.untilApplied(DEVICES);
  await api.setEnabled(false);
  const url = api.base + (await api.latestPath('dev-000500'));
  const peer = peerStore && (await startPeer(dir, { endpoint, stream: 'rest', records: DEVICES }));
  peer?.say('go');
  await peer?.line(/^done: /m);
  const token = Object.entries(api.headers).map((pair) => pair.join(': '))[0];
  const list = await pairs(
    runs,
    () => load(gateway, url, token),
    peer && (() => load(peer, `${peer.url}/latest/dev-000500`, 'X-Authorization: Bearer bench')),
  );
  await gateway.stop();
  await peer?.stop();
  await kinesis.stop();
  removeDir(dir);
  say(`rest: ${JSON.stringify(list)}`);
  const what = `REST, latest telemetry of a device, ${CONNECTIONS} connections`;
  const name = 'Node.js';
  return [
    row(what, 'requests/s', 'more', compare(list, (r) => r.rate), { target: { at: 40000 }, peer: name }),
    row(what, 'CPU s/M', 'less', compare(list, (r) => r.cpu), { peer: name }),
  ];
}
