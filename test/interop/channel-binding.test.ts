/** Cryptosign bound to the TLS connection it runs over (PITFALLS 18). */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
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
principals: { signer: { role: agent, cryptosign: ["${pubkey}"] } }
roles: { agent: [{ uri: com., match: prefix, allow: [call] }] }
`,
    },
    listeners: `
listeners:
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

const xor = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));

/** HELLO asking for `binding`, and the answer to a signature over what `message` makes of challenge and channel id. */
async function handshake(binding: string | undefined, message: (challenge: Buffer, channelId: Buffer) => Buffer) {
  const client = await RawWebSocket.open({ port: router.port, tls: true, protocols: ['wamp.2.json'] });
  const asked = randomBytes(32);
  const challenge = asked.toString('hex');
  const authextra = { pubkey, challenge, ...(binding === undefined ? {} : { channel_binding: binding }) };
  client.text(JSON.stringify([1, 'signed', { roles: { caller: {} }, authmethods: ['cryptosign'], authextra }]));
  const [, , extra] = JSON.parse(await client.nextText());
  const channelId = (client.socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
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

describe('cryptosign over TLS', () => {
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
});
