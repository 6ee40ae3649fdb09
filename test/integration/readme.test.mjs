// SPDX-License-Identifier: Apache-2.0
// Every command block of README.md, run as it stands, in a network namespace of its own (the README's
// ports are fixed ones).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { bounded, root } from './gateway.mjs';

test('the commands of the README', { timeout: 900_000, skip: bounded && 'once is enough' }, async (t) => {
  const name = `penstock-readme-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.after(() => execFileSync('ip', ['netns', 'delete', name]));
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const inner = spawn(
    'ip',
    ['netns', 'exec', name, 'sh', '-c',
      'ip link set lo up && mkdir -p /var/lib/penstock && mount -t tmpfs none /var/lib/penstock && exec "$@"',
      'sh', process.execPath, '--test', path.join(root, 'test/integration/netns/readme.mjs')],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  inner.stdout.on('data', (data) => (output += data));
  const code = await new Promise((resolve) => inner.on('close', resolve));
  assert.equal(code, 0, output);
  assert.match(output, /^# pass [1-9]/m);
});
