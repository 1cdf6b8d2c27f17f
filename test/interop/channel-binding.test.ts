/** Cryptosign and SCRAM bound to the TLS connection they run over (PITFALLS 18, 19), whatever is spoken in it. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { RawSocketClient } from '../support/rawsocket-client.ts';
import { answerScram, scramHello, verifierFor, verifierYaml } from '../support/scram-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const keys = generateKeyPairSync('ed25519');
const rawKey = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
const pubkey = rawKey(keys.publicKey);
const routerKeys = generateKeyPairSync('ed25519');

let router: RunningRouter;
const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
beforeAll(async () => {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, certificateA.cert);
  writeFileSync(key, certificateA.key, { mode: 0o600 });
  const seed = routerKeys.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('hex');
  router = await startRouter({
    env: { ROUTER_KEY: seed },
    realms: {
      signed: `
realm: signed
routerKey: { env: ROUTER_KEY }
principals:
  signer: { role: agent, cryptosign: ["${pubkey}"] }
  person: { role: agent, scram: ${verifierYaml(verifierFor('spec', 'pencil'))} }
roles: { agent: [{ uri: com., match: prefix, allow: [call] }] }
`,
    },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    tls: { cert: ${cert}, key: ${key} }
    rawsocket: true
    endpoints: [{ path: /ws, protocol: wamp }]
`,
  });
});
afterAll(async () => {
  await router.stop();
  rmSync(folder, { recursive: true });
});

const xor = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));

interface Client {
  readonly socket: Socket;
  text(message: string): void;
  nextText(): Promise<string>;
  destroy(): void;
}

const TRANSPORTS: Readonly<Record<string, () => Promise<Client>>> = {
  WebSocket: () => RawWebSocket.open({ port: router.port, tls: true, protocols: ['wamp.2.json'] }),
  RawSocket: () => RawSocketClient.open({ port: router.port }, { tls: true }),
};

function channelOf(client: Client): Buffer {
  return (client.socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

describe.each(Object.entries(TRANSPORTS))('over %s in TLS', (_name, open) => {
  /** HELLO asking for `binding`, and the answer to a signature over what `message` makes of challenge and channel id. */
  async function handshake(binding: string | undefined, message: (challenge: Buffer, channelId: Buffer) => Buffer) {
    const client = await open();
    const asked = randomBytes(32);
    const challenge = asked.toString('hex');
    const authextra = { pubkey, challenge, ...(binding === undefined ? {} : { channel_binding: binding }) };
    client.text(JSON.stringify([1, 'signed', { roles: { caller: {} }, authmethods: ['cryptosign'], authextra }]));
    const [, , extra] = JSON.parse(await client.nextText());
    const channelId = channelOf(client);
    const proof = Buffer.from(extra.signature, 'hex');
    const proven = extra.channel_binding === undefined ? asked : xor(asked, channelId);
    const isProven =
      verify(null, proven, routerKeys.publicKey, proof.subarray(0, 64)) && proof.subarray(64).equals(proven);
    const signed = message(Buffer.from(extra.challenge, 'hex'), channelId);
    const signature = sign(null, signed, keys.privateKey).toString('hex') + signed.toString('hex');
    client.text(JSON.stringify([5, signature, {}]));
    const answer = JSON.parse(await client.nextText());
    client.destroy();
    const isRouter = isProven && extra.pubkey === rawKey(routerKeys.publicKey);
    return { bound: extra.channel_binding, isRouter, type: answer[0], authid: answer[2].authid };
  }

  it('PITFALLS 18: with tls-exporter the challenge is signed together with the id of the channel', async () => {
    expect(await handshake('tls-exporter', xor)).toEqual({
      bound: 'tls-exporter',
      isRouter: true,
      type: 2,
      authid: 'signer',
    });
  });

  it('D5: the router proves itself to a client that asks, bound to the channel where the client is', async () => {
    expect(await handshake('tls-exporter', xor)).toMatchObject({ bound: 'tls-exporter', isRouter: true });
    expect(await handshake(undefined, (challenge) => challenge)).toMatchObject({ bound: undefined, isRouter: true });
  });

  it('PITFALLS 18: a signature without the id of the channel, or with that of another, is denied', async () => {
    expect(await handshake('tls-exporter', (challenge) => challenge)).toMatchObject({ type: 3 });
    const other = Buffer.alloc(32, 1);
    expect(await handshake('tls-exporter', (challenge) => xor(challenge, other))).toMatchObject({ type: 3 });
  });

  it('PITFALLS 18: a binding that is not asked for, or that TLS 1.3 does not have, is not claimed', async () => {
    const plain = (challenge: Buffer) => challenge;
    expect(await handshake(undefined, plain)).toEqual({ bound: undefined, isRouter: true, type: 2, authid: 'signer' });
    expect(await handshake('tls-unique', plain)).toEqual({
      bound: undefined,
      isRouter: true,
      type: 2,
      authid: 'signer',
    });
  });

  it('PITFALLS 19: SCRAM is bound to the channel, and to no other', async () => {
    const attempt = async (channelFor: (client: Client) => Buffer): Promise<number> => {
      const client = await open();
      const nonce = Buffer.from('sixteen octets..').toString('base64');
      const user = {
        dialect: 'spec',
        authid: 'person',
        password: 'pencil',
        nonce,
        channelId: channelFor(client),
      } as const;
      const details = { roles: { caller: {} }, authid: 'person', authmethods: ['wamp-scram'] };
      client.text(JSON.stringify([1, 'signed', { ...details, authextra: scramHello(user) }]));
      const [, , challenge] = JSON.parse(await client.nextText());
      const { signature, extra } = answerScram(user, challenge);
      client.text(JSON.stringify([5, signature, extra]));
      const [type] = JSON.parse(await client.nextText());
      client.destroy();
      return type;
    };
    expect(await attempt(channelOf)).toBe(2);
    expect(await attempt(() => Buffer.alloc(32, 1))).toBe(3);
  });
});
