// SPDX-License-Identifier: Apache-2.0
// Fetching alone with the AWS SDK v3: fetch.mjs URL STREAM RECORDS. Prints a JSON line.

import { connect, consume } from './kinesis.mjs';

const [endpoint, stream, wanted] = process.argv.slice(2);
let records = 0;
let bytes = 0;
const cpu = process.cpuUsage();
const start = performance.now();

await consume(connect(endpoint), stream, {
  limit: 10000,
  pollMs: 1,
  take: (_, page) => {
    records += page.length;
    for (const record of page) bytes += record.Data.length;
  },
  stop: () => records >= Number(wanted),
});

const spent = process.cpuUsage(cpu);
console.log(JSON.stringify({
  records,
  bytes,
  seconds: (performance.now() - start) / 1e3,
  cpuSeconds: (spent.user + spent.system) / 1e6,
}));
process.exit(0);
