// SPDX-License-Identifier: Apache-2.0
// A device beside the gateway: posts, waits for calls, replies; the end of the program answers it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { demoUser, serve, tempDir, until } from './gateway.mjs';

const config = { http: { listen: '127.0.0.1:0' }, users: [demoUser] };

async function withDevice(t, options) {
  const gateway = await serve(t, config, options);
  const { api } = gateway;
  const device = await api.post('/api/device', { name: 'valve', type: 'valve' });
  const { credentialsId: token } = await api.get(`/api/device/${device.id.id}/credentials`);
  const as = (method, path, body) => fetch(`${api.base}/api/v1/${token}${path}`, {
    method, body: body && JSON.stringify(body),
  });
  return { gateway, api, device, as };
}

test('a device posts, is called, replies, and is told of the end', async (t) => {
  const { gateway, api, device, as } = await withDevice(t);

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

test('devices that wait are told of changed shared attributes that outlive a kill', async (t) => {
  const dir = tempDir(t);
  const { gateway, api, device, as } = await withDevice(t, { dir });
  const shared = `/api/plugins/telemetry/DEVICE/${device.id.id}/SHARED_SCOPE`;
  // Changes until all that wait have heard of one: when a request is parked shows nowhere.
  const hear = async (change) => {
    let heard = 0;
    const polls = Array.from({ length: 5 }, () =>
      as('GET', '/attributes/updates?timeout=60000').then((r) => (heard++, r)));
    await until('all are told', async () => {
      await change();
      return heard === polls.length;
    });
    return Promise.all((await Promise.all(polls)).map((r) => {
      assert.equal(r.status, 200);
      return r.json();
    }));
  };

  assert.deepEqual(await hear(() => api.post(shared, { mode: 'eco', limits: [1, 2] })),
    Array(5).fill({ mode: 'eco', limits: [1, 2] }));
  assert.deepEqual(await hear(() => api.call('DELETE', `${shared}?keys=limits`)),
    Array(5).fill({ deleted: ['limits'] }));
  assert.equal((await as('GET', '/attributes/updates?timeout=50')).status, 408);

  let n = 0;
  const changing = (async () => {
    while (await api.post(shared, { n: ++n }).then(() => true, () => false));
  })();
  const { n: told } = await (await as('GET', '/attributes/updates?timeout=60000')).json();
  await gateway.stop('SIGKILL');
  await changing;
  const again = await serve(t, config, { dir });
  const { credentialsId: token } =
    await again.api.get(`/api/device/${device.id.id}/credentials`);
  const attributes = await (await fetch(`${again.api.base}/api/v1/${token}/attributes`)).json();
  assert.equal(attributes.shared.mode, 'eco');
  assert.equal('limits' in attributes.shared, false);
  assert.ok(attributes.shared.n >= told, `${attributes.shared.n}, and ${told} was told`);

  const waiting = fetch(`${again.api.base}/api/v1/${token}/attributes/updates?timeout=300000`)
    .then((r) => r.status);
  assert.equal((await again.api.call('DELETE', `/api/device/${device.id.id}`)).status, 200);
  assert.ok([401, 403].includes(await waiting)); // 401: it came after that
});
