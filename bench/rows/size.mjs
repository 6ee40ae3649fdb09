// SPDX-License-Identifier: Apache-2.0
// The executable as it would be shipped.

import { statSync } from 'node:fs';
import path from 'node:path';

import { output, penstock, removeDir, tempDir } from '../lib/process.mjs';
import { row } from '../lib/table.mjs';

export async function size() {
  const dir = tempDir();
  const stripped = path.join(dir, 'penstock');
  await output('strip', ['-o', stripped, penstock]);
  const mib = statSync(stripped).size / 2 ** 20;
  const node = statSync(process.execPath).size / 2 ** 20;
  removeDir(dir);
  return [
    row('executable, stripped', 'MiB', 'less', { ours: mib, peer: node, oursOverPeer: mib / node }, {
      target: { at: 3 }, peer: 'node itself',
    }),
  ];
}
