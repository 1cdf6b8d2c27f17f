import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import { vi } from 'vitest';
import { autobahn, principal, scryptText } from '../support/auth-fixtures.ts';
import { answerScram, type Dialect, scramHello, verifierFor } from '../support/scram-client.ts';
import { authMethodContract, type Challenge } from './auth-method.ts';

/** Calls of node:crypto made by the code under test and everything else. */
const counter = vi.hoisted(() => {
  let calls: string[] = [];
  return {
    note: (name: string) => calls.push(name),
    reset: () => {
      calls = [];
    },
    list: () => [...calls],
  };
});

vi.mock('node:crypto', async (importOriginal) => {
  const actual = await importOriginal<Record<string, (...args: unknown[]) => unknown>>();
  const counted = Object.fromEntries(
    ['createHash', 'createHmac', 'scrypt', 'timingSafeEqual', 'verify'].map((name) => [
      name,
      (...args: unknown[]) => {
        counter.note(name);
        return actual[name]?.(...args);
      },
    ]),
  );
  return { ...actual, ...counted };
});

const TICKET = 'q5Y1w7oQ8yq2h3k9b0Zt-J4mXn6cVfRs_ePaLdUiGxE';
const sha256 = (text: string) => `sha256$${createHash('sha256').update(text).digest('hex')}`;
const byName = { hello: (authid: string) => ({ authid }), unknown: () => ({ authid: 'nobodyy' }) };
const byTicket = {
  method: 'ticket',
  ...byName,
  answer: () => TICKET,
  wrong: () => `${TICKET}x`,
  malformed: [TICKET.slice(1)],
  freshAnswers: false,
};

authMethodContract(
  {
    title: 'ticket, hashed with SHA-256',
    principals: [principal('planner', { ticket: [{ hash: sha256(TICKET) }] })],
    ...byTicket,
  },
  counter,
);
authMethodContract(
  {
    title: 'ticket, from the environment',
    principals: [principal('planner', { ticket: [{ env: 'YAMTAM_AGENT_TOKEN' }] })],
    env: { YAMTAM_AGENT_TOKEN: TICKET },
    ...byTicket,
  },
  counter,
);
authMethodContract(
  {
    title: 'ticket, hashed with scrypt',
    principals: [principal('planner', { ticket: [{ hash: scryptText(TICKET) }] })],
    ...byTicket,
  },
  counter,
);
authMethodContract(
  {
    title: 'ticket, several at once',
    principals: [principal('planner', { ticket: [{ hash: sha256('old') }, { hash: scryptText(TICKET) }] })],
    ...byTicket,
  },
  counter,
);

const SECRET = 'prq7+YkJ1/KlW1X0YczMHw==';
const text = (challenge: Challenge) => String(challenge.extra.challenge);

authMethodContract(
  {
    title: 'wampcra, plain',
    method: 'wampcra',
    principals: [principal('planner', { wampcra: [{ env: 'PLANNER_SECRET' }] })],
    env: { PLANNER_SECRET: SECRET },
    ...byName,
    answer: (challenge) => autobahn.auth_cra.sign(SECRET, text(challenge)),
    wrong: (challenge) => autobahn.auth_cra.sign('other', text(challenge)),
    malformed: ['AAAA', SECRET],
    freshAnswers: true,
  },
  counter,
);

const SALTED = { salt: 'salt123', iterations: 100, keylen: 32 };
const derived = autobahn.auth_cra.derive_key(SECRET, SALTED.salt, SALTED.iterations, SALTED.keylen);
const derive = (secret: string, { extra }: Challenge) =>
  autobahn.auth_cra.derive_key(secret, String(extra.salt), Number(extra.iterations), Number(extra.keylen));

authMethodContract(
  {
    title: 'wampcra, salted',
    method: 'wampcra',
    principals: [principal('planner', { wampcra: [{ key: derived, ...SALTED }] })],
    ...byName,
    answer: (challenge) => autobahn.auth_cra.sign(derive(SECRET, challenge), text(challenge)),
    wrong: (challenge) => autobahn.auth_cra.sign(derive('other', challenge), text(challenge)),
    malformed: ['AAAA', derived],
    freshAnswers: true,
  },
  counter,
);

const keys = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 7));
const otherKeys = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 8));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const pubkey = hex(keys.publicKey);

authMethodContract(
  {
    title: 'cryptosign, with authid',
    method: 'cryptosign',
    principals: [principal('planner', { cryptosign: [pubkey] })],
    hello: (authid) => ({ authid, authextra: { pubkey, channel_binding: null } }),
    unknown: () => ({ authid: 'nobodyy', authextra: { pubkey, channel_binding: null } }),
    answer: (challenge) => autobahn.auth_cryptosign.sign_challenge(keys, challenge.extra),
    wrong: (challenge) => autobahn.auth_cryptosign.sign_challenge(otherKeys, challenge.extra),
    malformed: ['00', 'zz'.repeat(96), '00'.repeat(96), '00'.repeat(95), '00'.repeat(97)],
    freshAnswers: true,
  },
  counter,
);
authMethodContract(
  {
    title: 'cryptosign, by key alone',
    method: 'cryptosign',
    principals: [principal('planner', { cryptosign: [pubkey] })],
    hello: () => ({ authextra: { pubkey } }),
    unknown: () => ({ authextra: { pubkey: hex(otherKeys.publicKey) } }),
    answer: (challenge) => autobahn.auth_cryptosign.sign_challenge(keys, challenge.extra),
    wrong: (challenge) => autobahn.auth_cryptosign.sign_challenge(nacl.sign.keyPair(), challenge.extra),
    malformed: ['00', 'zz'.repeat(96), '00'.repeat(96)],
    freshAnswers: true,
  },
  counter,
);

const NONCE = 'egVDf3DMJh0=';
const scram = (dialect: Dialect, channelId?: Buffer) => {
  const hello = (authid: string) => ({
    authid,
    channelId,
    authextra: scramHello({ dialect, nonce: NONCE, channelId }),
  });
  const as = (password: string) => (challenge: Challenge) =>
    answerScram({ dialect, authid: 'planner', password, nonce: NONCE, channelId }, challenge.extra);
  return {
    method: dialect === 'spec' ? 'wamp-scram' : 'scram',
    hello,
    unknown: () => hello('nobodyy'),
    answer: (challenge: Challenge) => as('pencil')(challenge).signature,
    wrong: (challenge: Challenge) => as('eraser')(challenge).signature,
    extra: (challenge: Challenge) => as('pencil')(challenge).extra,
    authextra: (challenge: Challenge) => as('pencil')(challenge).authextra,
    malformed: ['AAAA', 'A'.repeat(44), Buffer.alloc(32).toString('hex'), Buffer.alloc(33).toString('base64')],
    freshAnswers: true,
  };
};

authMethodContract(
  {
    title: 'wamp-scram, argon2id13',
    principals: [principal('planner', { scram: [verifierFor('spec', 'pencil')] })],
    ...scram('spec'),
  },
  counter,
);
authMethodContract(
  {
    title: 'wamp-scram, pbkdf2, bound to its channel',
    principals: [principal('planner', { scram: [verifierFor('spec', 'pencil', { kdf: 'pbkdf2' })] })],
    ...scram('spec', Buffer.alloc(32, 5)),
  },
  counter,
);
authMethodContract(
  {
    title: 'scram, as autobahn has it',
    principals: [principal('planner', { scram: [verifierFor('autobahn', 'pencil')] })],
    ...scram('autobahn'),
  },
  counter,
);
