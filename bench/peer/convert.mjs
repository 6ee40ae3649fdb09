// SPDX-License-Identifier: Apache-2.0
// The converter alone in V8: convert.mjs SCRIPT MS. Prints a JSON line.

import { readFileSync } from 'node:fs';

const [script, ms] = process.argv.slice(2);
const convert = new Function('payload', 'metadata', readFileSync(script, 'utf8'));
const payload = Buffer.from('{"devName":"dev-000123","devType":"thermostat","temperature":22}');
const metadata = { integrationName: 'bench' };
let characters = 0;

function pass(n) {
  for (let i = 0; i < n; i++) {
    const result = convert(payload, metadata);
    characters += result.deviceName.length + result.telemetry.temperature;
  }
}

const CHUNK = 10000;
pass(CHUNK); // for the compiler
let runs = 0;
const start = process.cpuUsage();
const spent = () => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e3;
};
for (; spent() < ms; runs += CHUNK) pass(CHUNK);
console.log(JSON.stringify({ runs, recordsPerSecond: (runs / spent()) * 1e3, characters }));
