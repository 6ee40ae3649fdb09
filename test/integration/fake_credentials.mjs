// SPDX-License-Identifier: Apache-2.0
// Stand-ins on loopback for what gives out credentials: the instance metadata service, a container
// agent, STS; and the issuer behind them, whose keys the local Kinesis endpoint accepts.

import http from 'node:http';

import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';

async function listen(t, handler) {
  const sockets = new Set();
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (d) => parts.push(d));
    request.on('end', () => handler(request, Buffer.concat(parts).toString(), response));
  });
  server.on('connection', (s) => sockets.add(s).size && s.on('close', () => sockets.delete(s)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const s of sockets) s.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${server.address().port}`;
}

// Keys with a session token, one set valid at a time at the Kinesis endpoint.
export class Issuer {
  constructor(kinesis, lifeMs = 6 * 3600_000) {
    this.kinesis = kinesis;
    this.lifeMs = lifeMs;
    this.n = 0;
  }

  // From now on the endpoint accepts these; those before have expired.
  async rotate() {
    this.n++;
    this.current = {
      accessKeyId: `ASIAFAKE${this.n}`,
      secretAccessKey: `fake+secret/number=${this.n}`,
      sessionToken: `fake//session+token==${this.n}`,
    };
    const reply = await fetch(`${this.kinesis.endpoint}/_penstock/credentials`, {
      method: 'POST', body: JSON.stringify(this.current),
    });
    if (reply.status !== 200) throw new Error(await reply.text());
    return this.current;
  }

  expiration() {
    return new Date(Date.now() + this.lifeMs).toISOString().replace(/\.\d+Z/, 'Z');
  }

  json() {
    const c = this.current;
    return JSON.stringify({
      Code: 'Success', AccessKeyId: c.accessKeyId, SecretAccessKey: c.secretAccessKey,
      Token: c.sessionToken, Expiration: this.expiration(),
    });
  }
}

// What a server does instead of answering: `mode` is 'ok', 'hang' or a status.
class Fake {
  constructor() {
    this.mode = 'ok';
    this.asked = 0; // for keys
    this.held = new Set();
  }

  spoiled(response) {
    if (this.mode === 'ok') return false;
    if (this.mode === 'hang') this.held.add(response);
    else response.writeHead(this.mode).end();
    return true;
  }
}

export async function startImds(t, issuer) {
  const imds = new Fake();
  imds.tokens = 0;
  imds.refuseTokens = 0; // so many uses of a token are answered with 401
  imds.problems = [];
  const root = '/latest/meta-data/iam/security-credentials/';
  imds.url = await listen(t, (request, body, response) => {
    if (request.method === 'PUT' && request.url === '/latest/api/token') {
      if (request.headers['x-aws-ec2-metadata-token-ttl-seconds'] !== '21600' || body) {
        imds.problems.push('a token asked for wrongly');
      }
      if (!imds.spoiled(response)) response.end(`token-${++imds.tokens}`);
      return;
    }
    if (request.headers['x-aws-ec2-metadata-token'] !== `token-${imds.tokens}`) {
      response.writeHead(401).end();
      return;
    }
    if (imds.refuseTokens > 0) {
      imds.refuseTokens--;
      response.writeHead(401).end();
      return;
    }
    if (request.url === root) {
      response.end('gateway-role');
    } else if (request.url === `${root}gateway-role`) {
      imds.asked++;
      if (!imds.spoiled(response)) response.end(issuer.json());
    } else {
      response.writeHead(404).end();
    }
  });
  return imds;
}

export async function startContainerAgent(t, issuer) {
  const agent = new Fake();
  agent.url = await listen(t, (request, body, response) => {
    agent.asked++;
    if (request.headers.authorization !== agent.token) {
      response.writeHead(403).end(JSON.stringify({ code: 'AccessDenied', message: 'wrong token' }));
    } else if (!agent.spoiled(response)) {
      response.end(issuer.json());
    }
  });
  return agent;
}

const xml = (action, c, expiration) =>
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>` +
  '<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/gateway/me</Arn></AssumedRoleUser>' +
  `<Credentials><AccessKeyId>${c.accessKeyId}</AccessKeyId>` +
  `<SecretAccessKey>${c.secretAccessKey}</SecretAccessKey>` +
  `<SessionToken>${c.sessionToken}</SessionToken><Expiration>${expiration}</Expiration>` +
  `</Credentials></${action}Result></${action}Response>`;

const stsError = (code) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>refused</Message></Error></ErrorResponse>`;

// Signs what came anew, with the SDK's own signer, and compares.
async function signatureFits(request, body, keys) {
  const authorization = request.headers.authorization ?? '';
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1].split(';') ?? [];
  const headers = {};
  for (const name of names) if (request.headers[name]) headers[name] = request.headers[name];
  const date = request.headers['x-amz-date'].replace(
    /^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const signer = new SignatureV4({
    service: 'sts', region: 'us-east-1', credentials: keys, sha256: Sha256, applyChecksum: false,
  });
  const again = await signer.sign(
    new HttpRequest({ method: request.method, protocol: 'http:', path: '/', headers, body }),
    { signingDate: new Date(date), signableHeaders: new Set(names) });
  return again.headers.authorization === authorization;
}

// `keys` may assume the role with `externalId`; `webToken` may by web identity.
export async function startSts(t, issuer, { keys, externalId, webToken }) {
  const sts = new Fake();
  Object.assign(sts, { keys, externalId, webToken, problems: [] });
  sts.url = await listen(t, async (request, body, response) => {
    const form = new URLSearchParams(body);
    const action = form.get('Action');
    sts.asked++;
    if (sts.spoiled(response)) return;
    const refuse = (status, code) =>
      response.writeHead(status, { 'Content-Type': 'text/xml' }).end(stsError(code));
    if (form.get('Version') !== '2011-06-15' || !form.get('RoleSessionName')) {
      sts.problems.push(body);
    }
    if (action === 'AssumeRole') {
      if (!(await signatureFits(request, body, sts.keys))) return refuse(403, 'SignatureDoesNotMatch');
      if (form.get('ExternalId') !== (sts.externalId ?? null)) return refuse(403, 'AccessDenied');
    } else if (request.headers.authorization) {
      sts.problems.push('web identity is not signed');
    } else if (form.get('WebIdentityToken') !== sts.webToken) {
      return refuse(400, 'InvalidIdentityToken');
    }
    response.writeHead(200, { 'Content-Type': 'text/xml' })
      .end(xml(action, issuer.current, issuer.expiration()));
  });
  return sts;
}
