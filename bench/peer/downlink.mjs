// SPDX-License-Identifier: Apache-2.0
// Putting alone with the AWS SDK v3: downlink.mjs URL STREAM RECORDS BYTES. PutRecords of 500, four in
// flight. Prints a JSON line.

import { PutRecordsCommand } from '@aws-sdk/client-kinesis';

import { connect } from './kinesis.mjs';

const [endpoint, StreamName, count, bytes] = process.argv.slice(2);
const client = connect(endpoint);
const Data = Buffer.alloc(Number(bytes), '{');
const cpu = process.cpuUsage();
const start = performance.now();
let next = 0;

async function lane() {
  while (next < count) {
    const Records = [];
    for (; Records.length < 500 && next < count; next++) Records.push({ PartitionKey: `key-${next % 10000}`, Data });
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
    if (FailedRecordCount) throw new Error(`${FailedRecordCount} records refused`);
  }
}
await Promise.all([lane(), lane(), lane(), lane()]);

const spent = process.cpuUsage(cpu);
console.log(JSON.stringify({
  records: next,
  seconds: (performance.now() - start) / 1e3,
  cpuSeconds: (spent.user + spent.system) / 1e6,
}));
process.exit(0);
