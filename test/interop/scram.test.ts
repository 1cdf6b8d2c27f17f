/** SCRAM over sockets, with complete clients of both dialects on the other side (PITFALLS 19). */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import {
  answerScram,
  type Dialect,
  type ScramUser,
  scramHello,
  verifierFor,
  verifierYaml,
} from '../support/scram-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const DENIED = 'wamp.error.authentication_denied';
const METHOD = { spec: 'wamp-scram', autobahn: 'scram' } as const;
const NONCE = Buffer.from('sixteen octets..').toString('base64');

const spec = verifierYaml(verifierFor('spec', 'pencil'));
const pbkdf2 = verifierYaml(verifierFor('spec', 'pencil', { kdf: 'pbkdf2', iterations: 4096 }));
const autobahn = verifierYaml(verifierFor('autobahn', 'pencil'));
// As an admin writes it: `dialect` is left out where it is the specification's.
const withoutDialect = spec.replace('"dialect":"spec",', '');
const REALM = `
realm: scram
principals:
  argon2: { role: agent, scram: ${withoutDialect} }
  pbkdf2: { role: agent, scram: ${pbkdf2} }
  python: { role: agent, scram: [${autobahn}] }
  both: { role: agent, scram: [${spec}, ${autobahn}] }
roles: { agent: [{ uri: com., match: prefix, allow: [call] }] }
`;

let router: RunningRouter;
const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
beforeAll(async () => {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, certificateA.cert);
  writeFileSync(key, certificateA.key, { mode: 0o600 });
  router = await startRouter({
    realms: { scram: REALM },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    endpoints: [{ path: /ws, protocol: wamp }]
  - tcp: 127.0.0.1:0
    tls: { cert: ${cert}, key: ${key} }
    endpoints: [{ path: /ws, protocol: wamp }]
`,
  });
});
afterAll(async () => {
  await router.stop();
  rmSync(folder, { recursive: true });
});

const helloDetails = (user: ScramUser) => ({
  roles: ALL_ROLES,
  authid: user.authid,
  authmethods: [METHOD[user.dialect]],
  authextra: scramHello(user),
});
const userOf = (dialect: Dialect, authid: string, password = 'pencil'): ScramUser => ({
  dialect,
  authid,
  password,
  nonce: NONCE,
});

describe.each(RAW_NAMES)('SCRAM over %s', (serializer) => {
  it.each([
    ['spec', 'argon2'],
    ['spec', 'pbkdf2'],
    ['spec', 'both'],
    ['autobahn', 'python'],
    ['autobahn', 'both'],
  ] as const)(
    'PITFALLS 19: a client of dialect %s joins as %s, and both sides have proven themselves',
    async (dialect, authid) => {
      const user = userOf(dialect, authid);
      const client = await RawClient.connect(router.url, serializer);
      client.hello('scram', helloDetails(user));
      const challenge = await client.expect(4);
      expect(challenge.method).toBe(METHOD[dialect]);
      const { signature, extra, authextra } = answerScram(user, challenge.extra);
      client.send([5, signature, extra]);
      const { details } = await client.expect(2);
      expect(details).toMatchObject({
        authid,
        authrole: 'agent',
        authmethod: METHOD[dialect],
        authprovider: 'static',
        authextra,
      });
      client.close();
    },
  );

  it.each([
    ['spec', 'argon2', 'eraser'],
    ['spec', 'nobody', 'pencil'],
    ['spec', 'python', 'pencil'],
    ['autobahn', 'python', 'eraser'],
    ['autobahn', 'nobody', 'pencil'],
  ] as const)('PITFALLS 15: %s as %s with %s is challenged and then denied', async (dialect, authid, password) => {
    const user = userOf(dialect, authid, password);
    const client = await RawClient.connect(router.url, serializer);
    client.hello('scram', helloDetails(user));
    const { signature, extra } = answerScram(user, (await client.expect(4)).extra);
    client.send([5, signature, extra]);
    expect(await client.expect(3)).toMatchObject({ reason: DENIED });
    await client.ended;
  });
});

describe('SCRAM over TLS', () => {
  const tlsPort = () => Number(new URL(router.server.endpoints()[1]?.url ?? '').port);

  async function handshake(channelOf: (socket: TLSSocket) => Buffer | undefined) {
    const client = await RawWebSocket.open({ port: tlsPort(), tls: true, protocols: ['wamp.2.json'] });
    const user = { ...userOf('spec', 'argon2'), channelId: channelOf(client.socket as TLSSocket) };
    client.text(JSON.stringify([1, 'scram', helloDetails(user)]));
    const [, , challenge] = JSON.parse(await client.nextText());
    const { signature, extra } = answerScram(user, challenge);
    client.text(JSON.stringify([5, signature, extra]));
    const answer = JSON.parse(await client.nextText());
    client.destroy();
    return answer;
  }

  it('PITFALLS 18: with tls-exporter the proof is bound to the channel it is sent over', async () => {
    const label = 'EXPORTER-Channel-Binding';
    const [type, , details] = await handshake((socket) => socket.exportKeyingMaterial(32, label, Buffer.alloc(0)));
    expect({ type, authid: details.authid }).toEqual({ type: 2, authid: 'argon2' });
  });

  it('PITFALLS 18: a proof bound to another channel is denied; without binding TLS changes nothing', async () => {
    expect(await handshake(() => Buffer.alloc(32, 3))).toMatchObject([3, {}, DENIED]);
    expect(await handshake(() => undefined)).toMatchObject([2, expect.any(Number), { authid: 'argon2' }]);
  });

  it('without TLS a client that asks for a binding is told that there is none', async () => {
    const client = await RawClient.connect(router.url);
    client.hello('scram', helloDetails({ ...userOf('spec', 'argon2'), channelId: Buffer.alloc(32) }));
    expect(await client.expect(3)).toMatchObject({ reason: 'wamp.error.no_matching_auth_method' });
  });
});

const PYTHONS = ['python3', '/usr/bin/python3'];
const NEEDED = 'import autobahn.asyncio.wamp, argon2, passlib';
const python = PYTHONS.find((name) => spawnSync(name, ['-c', NEEDED]).status === 0);

describe(`autobahn-python${python === undefined ? ' (skipped: python3 with autobahn, argon2 and passlib is not installed)' : ''}`, () => {
  const program = fileURLToPath(new URL('fixtures/scram_client.py', import.meta.url));

  /** What the program printed, line by line. */
  async function run(authid: string, password: string): Promise<unknown[]> {
    const child = spawn(python ?? '', [program, router.url, 'scram', authid, password]);
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      err += data;
    });
    await new Promise((resolve) => child.once('close', resolve));
    const lines = out
      .trim()
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    if (lines.length === 0) throw new Error(out + err);
    return lines;
  }

  it.skipIf(python === undefined)(
    'PITFALLS 19: its own client joins, and believes the router by its signature',
    async () => {
      expect(await run('python', 'pencil')).toContainEqual({ joined: 'python', authmethod: 'scram' });
      expect(await run('both', 'pencil')).toContainEqual({ joined: 'both', authmethod: 'scram' });
    },
    30_000,
  );

  it.skipIf(python === undefined)(
    'PITFALLS 16: its own client is told that a password is wrong',
    async () => {
      expect(await run('python', 'eraser')).toContainEqual({ left: DENIED });
    },
    30_000,
  );
});
