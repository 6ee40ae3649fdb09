// SPDX-License-Identifier: Apache-2.0
// The gateway's uplink on Node.js: AWS SDK v3 -> the converter in V8 -> SQLite. Options as JSON:
//   endpoint, stream, script, data (file), limit, pollMs, records (ends there; 0 = runs on)
// Prints `ready: URL`, waits for `go` on stdin, prints `done: N`. GET /latest/NAME answers with the
// latest telemetry of a device.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { connect, consume } from './kinesis.mjs';
import { Store } from './store.mjs';

const options = JSON.parse(process.argv[2]);
const store = await Store.open(options.data);
const convert = new Function('payload', 'metadata', readFileSync(options.script, 'utf8'));
const metadata = { integrationName: 'bench' };
let applied = 0;

function take(shardId, records) {
  const messages = [];
  for (const record of records) {
    const result = convert(record.Data, metadata);
    messages.push({ result, ts: record.ApproximateArrivalTimestamp.getTime() });
  }
  store.commit(shardId, records[records.length - 1].SequenceNumber, records.length, messages);
  applied += records.length;
}

const server = createServer((request, response) => {
  const authorized = request.headers['x-authorization'] === 'Bearer bench';
  const row = authorized && store.latest(request.url.slice('/latest/'.length));
  const text = row ? JSON.stringify({ [row.key]: [{ ts: row.ts, value: String(row.value) }] }) : '{}';
  response.writeHead(authorized ? 200 : 401, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
});

server.listen(0, '127.0.0.1', () => {
  console.log(`store: ${store.name}`);
  console.log(`ready: http://127.0.0.1:${server.address().port}`);
});

process.stdin.once('data', async () => {
  const { stream, limit, pollMs, records } = options;
  const stop = () => records > 0 && applied >= records;
  await consume(connect(options.endpoint), stream, { limit, pollMs, take, stop });
  if (store.applied !== records) throw new Error(`${store.applied} records applied, not ${records}`);
  console.log(`done: ${applied}`);
});
process.on('SIGTERM', () => process.exit(0));
