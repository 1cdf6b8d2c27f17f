/** The method `tls`: who a client is by the certificate it showed in the TLS handshake (FEATURES D7). */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { certificateA, certificateB } from '../support/certificates.ts';
import { handshake, RawSocketClient } from '../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const fingerprint = new X509Certificate(certificateB.cert).fingerprint256;
const other = 'ab'.repeat(32);
const RULES = 'roles: { agent: [{ uri: com., match: prefix, allow: [call] }] }';

const realmOf = (principals: string) => `realm: named\nprincipals: ${principals}\n${RULES}\n`;

let router: RunningRouter;
const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
beforeAll(async () => {
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const [cert, key] = [file('cert.pem', certificateA.cert), file('key.pem', certificateA.key)];
  const clientCa = file('ca.pem', certificateB.cert);
  router = await startRouter({
    realms: {
      named: realmOf(
        `{ machine: { role: agent, tls: ["${fingerprint}"] }, another: { role: agent, tls: ["${other}"] } }`,
      ),
      keyless:
        'realm: keyless\nprincipals: { machine: { role: agent, ticket: { env: TICKET } } }\nroles: { agent: [] }\n',
    },
    env: { TICKET: 'a-ticket' },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    tls: { cert: ${cert}, key: ${key}, clientCa: ${clientCa} }
    rawsocket: true
    endpoints: [{ path: /ws, protocol: wamp }]
`,
  });
});
afterAll(async () => {
  await router.stop();
  rmSync(folder, { recursive: true });
});

type Answer = [number, ...unknown[]];
type Hello = (realm: string, details: object) => Promise<Answer>;

/** HELLO with these details and certificate B, and what the router answers. */
async function hello(realm: string, details: object): Promise<Answer> {
  const client = new WebSocket(`wss://127.0.0.1:${router.port}/ws`, 'wamp.2.json', {
    rejectUnauthorized: false,
    cert: certificateB.cert,
    key: certificateB.key,
  });
  const answer = new Promise<string>((resolve, reject) => {
    client.once('message', (data) => resolve(String(data)));
    client.once('error', reject);
  });
  client.once('open', () => client.send(JSON.stringify([1, realm, { roles: { caller: {} }, ...details }])));
  const message = JSON.parse(await answer);
  client.terminate();
  return message;
}

/** The same over RawSocket. */
async function rawHello(realm: string, details: object): Promise<Answer> {
  const { cert, key } = certificateB;
  const socket = connect({ host: '127.0.0.1', port: router.port, rejectUnauthorized: false, cert, key });
  const client = new RawSocketClient(socket);
  client.write(handshake());
  client.text(JSON.stringify([1, realm, { roles: { caller: {} }, ...details }]));
  const message = JSON.parse(await client.nextText());
  client.destroy();
  return message;
}

describe.each<[string, Hello]>([
  ['WebSocket', hello],
  ['RawSocket', rawHello],
])('TLS Certificate Authentication over %s', (_transport, hello) => {
  it('D7: the certificate says who the client is, without a challenge', async () => {
    for (const details of [{}, { authid: 'machine' }]) {
      const [type, , welcome] = await hello('named', { authmethods: ['tls'], ...details });
      expect([type, welcome]).toEqual([2, expect.objectContaining({ authid: 'machine', authmethod: 'tls' })]);
    }
  });

  it('D7: an authid that is given must own the certificate', async () => {
    for (const authid of ['another', 'nobody']) {
      const [type, , reason] = await hello('named', { authmethods: ['tls'], authid });
      expect([type, reason]).toEqual([3, 'wamp.error.authentication_denied']);
    }
  });

  it('PITFALLS 14: a realm where nobody has a certificate passes the method over', async () => {
    const [type, , reason] = await hello('keyless', { authmethods: ['tls'] });
    expect([type, reason]).toEqual([3, 'wamp.error.no_matching_auth_method']);
    const [next] = await hello('keyless', { authmethods: ['tls', 'ticket'], authid: 'machine' });
    expect(next).toBe(4);
  });
});

describe('TLS Certificate Authentication', () => {
  it('D7: a certificate that is taken from the principal ends its session, another one does not', async () => {
    const client = new WebSocket(`wss://127.0.0.1:${router.port}/ws`, 'wamp.2.json', {
      rejectUnauthorized: false,
      cert: certificateB.cert,
      key: certificateB.key,
    });
    const messages: unknown[][] = [];
    const ended = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('message', (data) => messages.push(JSON.parse(String(data))));
    client.once('open', () =>
      client.send(JSON.stringify([1, 'named', { roles: { caller: {} }, authmethods: ['tls'] }])),
    );
    await expect.poll(() => messages.length).toBe(1);
    router.writeRealm('named', realmOf(`{ machine: { role: agent, tls: ["${other}"] } }`));
    await router.reload();
    await ended;
    expect(messages.at(-1)?.[0]).toBe(6);
  });
});
