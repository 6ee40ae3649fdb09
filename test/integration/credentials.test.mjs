// SPDX-License-Identifier: Apache-2.0
// Where AWS credentials come from, against stand-ins of what gives them out, while records flow: keys
// end, rotate, are refused; the sources fail, hang and come back. None of the records may be lost.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { applied, configuration, kinesisClient, putRecords, run, serve, startKinesis, tempDir, until,
} from './gateway.mjs';
import { Issuer, startContainerAgent, startImds, startSts } from './fake_credentials.mjs';

const stream = 'tb-test-uplink';
const role = 'arn:aws:iam::123456789012:role/gateway';
const record = (i) => ({
  key: `k${i}`,
  data: JSON.stringify({ devName: `device-${i % 7}`, devType: 'thermostat', temperature: i }),
});

// The local endpoint in strict mode, an issuer, and a producer that always signs with what is valid.
async function world(t, { lifeMs } = {}) {
  const kinesis = await startKinesis(t, [`${stream}:2`], ['--credentials', 'none:none']);
  const issuer = new Issuer(kinesis, lifeMs);
  await issuer.rotate();
  const producer = kinesisClient(t, kinesis.endpoint, { credentials: async () => issuer.current });
  const w = { kinesis, issuer, producer, put: 0 };
  w.send = async (n = 50) => {
    // The SDK keeps what its provider gave: a client for each rotation.
    const client = kinesisClient(t, kinesis.endpoint, { credentials: issuer.current });
    await putRecords(client, stream, n, (i) => record(w.put + i));
    w.put += n;
  };
  return w;
}

const gatewayOf = (t, w, { client = {}, env = {} } = {}) =>
  serve(t, configuration({
    client: { accessKeyId: '', secretAccessKey: '', endpoint: w.kinesis.endpoint, ...client },
  }), { env });

const imdsEnv = (imds, more = {}) => ({
  AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url, AWS_EC2_METADATA_DISABLED: 'false', ...more,
});

const statusOf = (gateway) => gateway.api.status('kinesis_integration');

async function allApplied(gateway, w) {
  await until(`${w.put} records applied`, async () => {
    const n = applied(await statusOf(gateway));
    assert.ok(n <= w.put, `${n} of ${w.put}`);
    return n === w.put;
  });
}

// The status shows this error under `credentials` (a refresh) or of the integration itself.
const refreshError = (gateway, pattern) =>
  until(`a refresh error like ${pattern}`, async () => {
    const s = await statusOf(gateway);
    return pattern.test(s.credentials?.error ?? '');
  });
const failed = (gateway, pattern) =>
  until(`failed like ${pattern}`, async () => {
    const s = await statusOf(gateway);
    return s.state === 'FAILED' && pattern.test(s.error);
  });

function noSecretsIn(gateway, issuer) {
  for (let n = 1; n <= issuer.n; n++) {
    assert.ok(!gateway.stderr.includes(`number=${n}`), 'a secret in the log');
    assert.ok(!gateway.stderr.includes(`token==${n}`), 'a token in the log');
  }
}

// They wait more than they work.
describe('credentials', { concurrency: 4 }, () => {
test('instance metadata: rotation mid-run, 401 on the token, 5xx', async (t) => {
  const w = await world(t);
  const imds = await startImds(t, w.issuer);
  const gateway = await gatewayOf(t, w, {
    client: {
      useCredentialsFromInstanceMetadata: true, accessKeyId: 'ignored', secretAccessKey: 'ignored',
    },
    env: imdsEnv(imds, { AWS_METADATA_SERVICE_TIMEOUT: '60' }),
  });
  await w.send();
  await allApplied(gateway, w);
  assert.equal((await statusOf(gateway)).credentials.source, 'instance metadata');
  assert.equal(imds.asked, 1);
  // The service ends the keys before their time: a forced refresh, with a token that is refused once.
  imds.refuseTokens = 1;
  await w.issuer.rotate();
  await w.send();
  await allApplied(gateway, w);
  assert.equal(imds.tokens, 3);
  // And with the metadata service in trouble: nothing flows, it is said, and then all comes.
  imds.mode = 503;
  await w.issuer.rotate();
  await w.send();
  await failed(gateway, /instance metadata.*HTTP 503/);
  imds.mode = 'ok';
  await allApplied(gateway, w);
  assert.equal((await statusOf(gateway)).state, 'ACTIVE');
  assert.deepEqual(imds.problems, []);
  assert.equal((await gateway.stop()).code, 0);
  noSecretsIn(gateway, w.issuer);
});

test('instance metadata: keys that end are fetched behind, and serve on when it hangs', async (t) => {
  const w = await world(t, { lifeMs: 3000 });
  const imds = await startImds(t, w.issuer);
  const gateway = await gatewayOf(t, w, {
    client: { useCredentialsFromInstanceMetadata: true },
    env: imdsEnv(imds),
  });
  await w.send();
  await allApplied(gateway, w);
  await until('refreshes', () => imds.asked >= 3);
  imds.mode = 'hang';
  await refreshError(gateway, /no response within/);
  // Beyond their end: the metadata service's keys work while it is in trouble.
  const s = await statusOf(gateway);
  assert.equal(s.state, 'ACTIVE');
  await w.send(200);
  await allApplied(gateway, w);
  assert.equal((await statusOf(gateway)).state, 'ACTIVE');
  assert.match(gateway.stderr, /cannot refresh AWS credentials; using the old ones/);
  assert.equal((await gateway.stop()).code, 0);
});

test('container agent: token file re-read, expiry, 5xx and an outage past the end', async (t) => {
  const w = await world(t, { lifeMs: 4000 });
  const agent = await startContainerAgent(t, w.issuer);
  const tokenFile = path.join(tempDir(t), 'token');
  agent.token = 'first';
  writeFileSync(tokenFile, 'first\n');
  const gateway = await gatewayOf(t, w, {
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    },
  });
  await w.send();
  await allApplied(gateway, w);
  agent.token = 'second';
  writeFileSync(tokenFile, 'second');
  const asked = agent.asked;
  await until('a refresh with the new token', () => agent.asked > asked + 1);
  await w.send();
  await allApplied(gateway, w);
  assert.equal((await statusOf(gateway)).credentials.source, 'container');
  assert.ok((await statusOf(gateway)).credentials.expiresAt > Date.now() - 60000);
  // Down for longer than the keys live: these are not used on, so the stream stands still.
  agent.mode = 500;
  await w.send();
  await failed(gateway, /container: 127\.0\.0\.1: HTTP 500/);
  agent.mode = 'ok';
  await w.send();
  await allApplied(gateway, w);
  assert.equal((await gateway.stop()).code, 0);
  noSecretsIn(gateway, w.issuer);
});

test('a role with an external id: STS hangs, fails, then serves; keys rotate', async (t) => {
  const w = await world(t);
  const keys = { accessKeyId: 'AKIDBASE', secretAccessKey: 'base-secret-of-the-gateway' };
  const sts = await startSts(t, w.issuer, { keys, externalId: 'tenant 7&' });
  sts.mode = 503;
  const gateway = await gatewayOf(t, w, {
    client: { ...keys, roleArn: role, externalId: 'tenant 7&', roleSessionName: 'gate-1' },
    env: { AWS_ENDPOINT_URL_STS: sts.url },
  });
  await w.send();
  await failed(gateway, /keys of the configuration -> role arn:aws:iam::123456789012:role\/gateway: .*503/);
  sts.mode = 'hang';
  const asked = sts.asked;
  await until('a try that hangs', () => sts.asked > asked);
  sts.mode = 'ok';
  for (const response of sts.held) response.destroy();
  await allApplied(gateway, w);
  await w.issuer.rotate();
  await w.send();
  await allApplied(gateway, w);
  const s = await statusOf(gateway);
  assert.equal(s.credentials.source, `keys of the configuration -> role ${role}`);
  assert.deepEqual(sts.problems, []);
  // A role that is refused is said as STS says it.
  sts.externalId = 'another';
  await w.issuer.rotate();
  await failed(gateway, /AccessDenied/);
  assert.equal((await gateway.stop()).code, 0);
  noSecretsIn(gateway, w.issuer);
  assert.ok(!gateway.stderr.includes(keys.secretAccessKey));
});

test('web identity: the token file rotates', async (t) => {
  const w = await world(t, { lifeMs: 4000 });
  const sts = await startSts(t, w.issuer, { webToken: 'token.one' });
  const tokenFile = path.join(tempDir(t), 'token');
  writeFileSync(tokenFile, 'token.one');
  const gateway = await gatewayOf(t, w, {
    env: {
      AWS_ENDPOINT_URL_STS: sts.url, AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    },
  });
  await w.send();
  await allApplied(gateway, w);
  sts.webToken = 'token.two';
  await refreshError(gateway, /InvalidIdentityToken/);
  writeFileSync(tokenFile, 'token.two');
  await w.issuer.rotate();
  await w.send();
  await allApplied(gateway, w);
  assert.deepEqual(sts.problems, []);
  assert.equal((await gateway.stop()).code, 0);
});

test('profiles: a program, a role over it, a changed file', async (t) => {
  const w = await world(t);
  const home = tempDir(t);
  const program = path.join(home, 'my keys');
  const answer = path.join(home, 'answer');
  const issue = async () => {
    const c = await w.issuer.rotate();
    writeFileSync(answer, JSON.stringify({
      Version: 1, AccessKeyId: c.accessKeyId, SecretAccessKey: c.secretAccessKey,
      SessionToken: c.sessionToken,
    }));
  };
  await issue();
  writeFileSync(program, `#!/bin/sh\n[ "$1" = "a b" ] && exec cat '${answer}'\n`);
  chmodSync(program, 0o700);
  mkdirSync(path.join(home, '.aws'));
  const config = path.join(home, '.aws/config');
  writeFileSync(config, `[profile gate]\ncredential_process = "${program}" "a b"\n`);
  const gateway = await gatewayOf(t, w, { env: { HOME: home, AWS_PROFILE: 'gate' } });
  await w.send();
  await allApplied(gateway, w);
  assert.equal((await statusOf(gateway)).credentials.source, 'profile gate');
  await issue();
  await w.send();
  await allApplied(gateway, w);
  // Keys in a file go the same way; the change is seen by itself.
  writeFileSync(answer, 'nothing');
  const c = await w.issuer.rotate();
  writeFileSync(config, `[profile gate]\naws_access_key_id = ${c.accessKeyId}\n` +
    `aws_secret_access_key = ${c.secretAccessKey}\naws_session_token = ${c.sessionToken}\n`);
  await w.send();
  await allApplied(gateway, w);
  assert.equal((await gateway.stop()).code, 0);
  noSecretsIn(gateway, w.issuer);
});

test('penstock check prints the chain and no secret', async (t) => {
  const w = await world(t);
  const imds = await startImds(t, w.issuer);
  const dir = tempDir(t);
  const file = path.join(dir, 'penstock.json');
  writeFileSync(file, JSON.stringify(configuration({
    data: path.join(dir, 'data'),
    client: { accessKeyId: '', secretAccessKey: '', endpoint: w.kinesis.endpoint },
  })));
  const env = imdsEnv(imds, { AWS_METADATA_SERVICE_TIMEOUT: '60', HOME: dir });
  let result = await run(['check', '-c', file], { env });
  assert.equal(result.code, 0, result.stderr);
  for (const line of [
    'not by environment: AWS_ACCESS_KEY_ID is not set',
    `not by shared files: neither ${dir}/.aws/credentials nor ${dir}/.aws/config exists`,
    'not by web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set',
    'not by container: AWS_CONTAINER_CREDENTIALS_* not set',
    'credentials: instance metadata',
    'credentials: good for ',
  ]) assert.ok(result.stdout.includes(line), `${line} not in\n${result.stdout}`);
  noSecretsIn({ stderr: result.stdout + result.stderr }, w.issuer);
  imds.mode = 403;
  result = await run(['check', '-c', file], { env });
  assert.equal(result.code, 1);
  for (const part of ['environment: ', 'shared files: ', 'web identity: ', 'container: ',
    'instance metadata: the service forbids its use (HTTP 403)']) {
    assert.ok(result.stderr.includes(part), `${part} not in\n${result.stderr}`);
  }
});
});
