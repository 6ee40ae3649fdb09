// SPDX-License-Identifier: Apache-2.0
// A device beside the gateway: posts, waits for calls, replies; the end of the program answers it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { demoUser, serve } from './gateway.mjs';

test('a device posts, is called, replies, and is told of the end', async (t) => {
  const gateway = await serve(t, { http: { listen: '127.0.0.1:0' }, users: [demoUser] });
  const { api } = gateway;
  const device = await api.post('/api/device', { name: 'valve', type: 'valve' });
  const { credentialsId: token } = await api.get(`/api/device/${device.id.id}/credentials`);
  const as = (method, path, body) => fetch(`${api.base}/api/v1/${token}${path}`, {
    method, body: body && JSON.stringify(body),
  });

  assert.equal((await as('POST', '/telemetry', { flow: 2.5 })).status, 200);
  assert.equal((await api.latest(device)).flow[0].value, '2.5');
  assert.equal((await as('POST', '/attributes', { fw: 'v1' })).status, 200);
  assert.deepEqual(await (await as('GET', '/attributes')).json(), { client: { fw: 'v1' } });

  // Eight calls side by side, each with its own reply.
  const serving = (async () => {
    for (let n = 0; n < 8; n++) {
      const call = await (await as('GET', '/rpc?timeout=30000')).json();
      assert.equal(call.method, 'open');
      await as('POST', `/rpc/${call.id}`, { opened: call.params });
    }
  })();
  const replies = await Promise.all(Array.from({ length: 8 }, (_, n) =>
    api.post(`/api/rpc/twoway/${device.id.id}`, { method: 'open', params: n, timeout: 30000 })));
  assert.deepEqual(replies, Array.from({ length: 8 }, (_, n) => ({ opened: n })));
  await serving;

  const parked = as('GET', '/rpc?timeout=300000').then((r) => r.status);
  // The poll is there when one that came after it is answered.
  assert.equal((await as('GET', '/attributes')).status, 200);
  const end = await gateway.stop();
  assert.deepEqual(end, { code: 0, signal: null });
  assert.equal(await parked, 503);
});
