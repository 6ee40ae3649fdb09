// SPDX-License-Identifier: Apache-2.0
// The tutorial's flow against a server that nobody here wrote: npm kinesis-local over HTTPS. It binds
// every interface, so it and the gateway live in a network namespace of their own.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { root } from './gateway.mjs';

function namespace(t) {
  const name = `penstock-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.after(() => execFileSync('ip', ['netns', 'delete', name]));
  execFileSync('ip', ['netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up']);
  return name;
}

test('uplink and downlink over HTTPS against kinesis-local', { timeout: 900_000 }, async (t) => {
  const name = namespace(t);
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const inner = spawn(
    'ip',
    ['netns', 'exec', name, process.execPath, '--test',
      path.join(root, 'test/integration/netns/kinesis_local.mjs')],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  inner.stdout.on('data', (data) => (output += data));
  const code = await new Promise((resolve) => inner.on('close', resolve));
  assert.equal(code, 0, output);
  assert.match(output, /^# pass [1-9]/m);
});
