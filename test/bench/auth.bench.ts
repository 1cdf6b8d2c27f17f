/**
 * What one check of a credential costs; prints a table and fails nothing. The main thread's budget is 2 ms a call.
 *
 *     npx vitest bench test/bench/auth.bench.ts --run
 */
import { createHash, createHmac, createPublicKey, pbkdf2Sync, scryptSync, timingSafeEqual, verify } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import nacl from 'tweetnacl';
import { bench, describe } from 'vitest';

const pair = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 7));
const message = Buffer.alloc(32, 9);
const signature = nacl.sign.detached(message, pair.secretKey);
const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), pair.publicKey]);
const key = createPublicKey({ key: der, format: 'der', type: 'spki' });

describe('cryptosign: one signature', () => {
  bench('node:crypto verify, key object at hand', () => {
    verify(null, message, key, signature);
  });
  bench('node:crypto verify, key object made each time', () => {
    verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  });
  bench('tweetnacl sign.detached.verify', () => {
    nacl.sign.detached.verify(message, signature, pair.publicKey);
  });
});

describe('ticket', () => {
  const ticket = 'q5Y1w7oQ8yq2h3k9b0Zt-J4mXn6cVfRs_ePaLdUiGxE';
  const stored = createHash('sha256').update(ticket).digest();
  bench('sha256$: digest and compare', () => {
    timingSafeEqual(createHash('sha256').update(ticket).digest(), stored);
  });
  bench('scrypt$15$8$3 (libuv pool in the router)', () => {
    scryptSync(ticket, stored, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 });
  });
});

describe('scram', () => {
  const [storedKey, serverKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const authMessage = `n=planner,r=${'a'.repeat(24)},r=${'a'.repeat(48)},s=${'b'.repeat(24)},i=2,c=biws,r=${'a'.repeat(48)}`;
  bench('a proof checked and the signature of WELCOME', () => {
    const mac = createHmac('sha256', storedKey).update(authMessage).digest();
    const clientKey = Buffer.from(signature.subarray(0, 32).map((byte, at) => byte ^ (mac[at] ?? 0)));
    timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey);
    createHmac('sha256', serverKey).update(authMessage).digest('base64');
  });
  bench('argon2id, 19 MiB twice (only in `waggle hash --scram` and in clients)', () => {
    argon2id('password', storedKey, { t: 2, m: 19_456, p: 1, dkLen: 32 });
  });
});

describe('wampcra', () => {
  const challenge = JSON.stringify({ authid: 'planner', nonce: 'a'.repeat(64), session: 2 ** 53 });
  bench('HMAC-SHA256 of a challenge', () => {
    createHmac('sha256', 'secret').update(challenge).digest('base64');
  });
  bench('PBKDF2, 100,000 rounds (only in `waggle hash --cra` and in clients)', () => {
    pbkdf2Sync('secret', 'salt', 100_000, 32, 'sha256');
  });
});
