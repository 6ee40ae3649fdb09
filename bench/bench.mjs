// SPDX-License-Identifier: Apache-2.0
// Measures and prints the table; see README.md. Started by run.sh.
//   node bench.mjs [--write] [--runs N] [--seconds S] [ROW...]

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { peerStore } from './lib/peer.mjs';
import { benchDir, machineDelays, now, root } from './lib/process.mjs';
import { markdown, missing } from './lib/table.mjs';
import { converter } from './rows/converter.mjs';
import { downlink } from './rows/downlink.mjs';
import { decoding, fetching } from './rows/fetch.mjs';
import { downlinkLatency, fanOutLatency, uplinkLatency } from './rows/latency.mjs';
import { idleMemory, idleShards } from './rows/memory.mjs';
import { putting } from './rows/put.mjs';
import { rest } from './rows/rest.mjs';
import { size } from './rows/size.mjs';
import { start } from './rows/start.mjs';
import { store } from './rows/store.mjs';
import { uplink } from './rows/uplink.mjs';

const ROWS = {
  converter, uplink, fetch: fetching, decode: decoding, memory: idleMemory,
  'idle-shards': idleShards, store,
  latency: uplinkLatency, 'fan-out-latency': fanOutLatency, 'downlink-latency': downlinkLatency, rest, start,
  put: putting, downlink, size,
};

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function readArguments(words) {
  const options = { write: false, runs: 3, seconds: 480, names: [] };
  while (words.length) {
    const word = words.shift();
    if (word === '--write') options.write = true;
    else if (word === '--runs' || word === '--seconds') {
      options[word.slice(2)] = Number(words.shift());
      if (!(options[word.slice(2)] >= 1)) fail(`${word}: a number from 1 expected`);
    } else if (ROWS[word]) options.names.push(word);
    else fail(`no row "${word}": ${Object.keys(ROWS).join(' ')}`);
  }
  if (!options.names.length) options.names = Object.keys(ROWS);
  if (options.write && options.names.length < Object.keys(ROWS).length) fail('--write needs all rows');
  return options;
}

const command = (...words) => {
  try {
    return execFileSync(words[0], words.slice(1), { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
};

const times = ([middle, most]) => `${middle.toFixed(2)} ms, p99 ${most.toFixed(1)} ms`;

function machine(loads, delays) {
  const cpus = os.cpus();
  const version = (name) => JSON.parse(readFileSync(path.join(benchDir, `node_modules/${name}/package.json`))).version;
  const release = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="(.*)"$/m)?.[1];
  return [
    `${cpus.length} cores, ${cpus[0].model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `Linux ${os.release()}, ${release}`,
    `${command('cc', '--version').split('\n')[0]}; Node.js ${process.versions.node}, ` +
      `@aws-sdk/client-kinesis ${version('@aws-sdk/client-kinesis')}, ${peerStore ?? 'no SQLite for it'}`,
    `commit ${command('git', 'rev-parse', '--short=12', 'HEAD')}, ${new Date().toISOString().slice(0, 10)}`,
    // Whoever else was at work on the machine shows here.
    `write and fdatasync of 4 KiB beside the data: ${times(delays.sync)}; lateness of a 1 ms timer: ${times(delays.timer)}`,
    `load average before and after: ${loads.map((load) => load.toFixed(1)).join(' and ')}`,
  ].map((line) => `- ${line}`).join('\n');
}

function write(text) {
  const file = path.join(benchDir, 'README.md');
  const [head, rest] = readFileSync(file, 'utf8').split('<!-- table -->\n');
  const tail = rest?.split('<!-- end -->\n')[1];
  if (tail === undefined) fail('README.md has no lines <!-- table --> and <!-- end -->');
  writeFileSync(file, `${head}<!-- table -->\n${text}\n<!-- end -->\n${tail}`);
}

const options = readArguments(process.argv.slice(2));
const deadline = now() + options.seconds * 1e3;
const loads = [os.loadavg()[0]];
const delays = await machineDelays();
const say = (text) => console.error(text);
const rows = [];
let failed = false;
for (const name of options.names) {
  if (now() > deadline) {
    rows.push(missing(name, `the ${options.seconds} s were over`));
    continue;
  }
  const began = now();
  try {
    rows.push(...(await ROWS[name]({ runs: options.runs, say })));
  } catch (error) {
    failed = true;
    say(`bench: ${name}: ${error.stack}`);
    rows.push(missing(name, 'failed, see stderr'));
  }
  say(`${name}: ${((now() - began) / 1e3).toFixed(1)} s`);
}
loads.push(os.loadavg()[0]);

const text = `${machine(loads, delays)}\n\n${markdown(rows, String(os.cpus().length))}`;
console.log(text);
if (options.write && !failed) write(text);
process.exit(failed ? 1 : 0);
