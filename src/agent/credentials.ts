import nacl from 'tweetnacl';
import { autobahn, type Dict, type OnChallenge } from './autobahn.ts';

/** Who the agent is and how it proves that; none of the proofs: it joins anonymously. */
export interface Credentials {
  readonly authid?: string | undefined;
  /** A ticket, or what gives one each time it is asked for: so a renewed one is taken at the next reconnect. */
  readonly ticket?: string | (() => string | Promise<string>) | undefined;
  /** The private seed that `waggle keys new` makes: 64 hex digits, with or without a line break. */
  readonly privateKey?: string | undefined;
  /** For other methods, such as WAMP-CRA: their names, and what answers their challenges, as autobahn has them. */
  readonly authmethods?: readonly string[] | undefined;
  readonly onchallenge?: OnChallenge | undefined;
  readonly authextra?: Dict | undefined;
  /** Joins only a realm of this environment, e.g. `production`; undefined: any. */
  readonly environment?: string | undefined;
}

/** The part of autobahn's options that is about logging in. */
export interface Login {
  readonly authid?: string;
  readonly authmethods?: readonly string[];
  readonly onchallenge?: OnChallenge;
  readonly authextra?: Dict;
}

const SEED = /^[0-9a-f]{64}$/i;

/** @throws TypeError where two proofs are given, or the key is none */
export function login(credentials: Credentials): Login {
  const { authid, ticket, privateKey, onchallenge, authmethods, environment } = credentials;
  const given = Object.entries({ ticket, privateKey, onchallenge }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new TypeError(`one proof of who the agent is, please: not ${given.map(([name]) => name).join(' and ')}`);
  }
  const extra: Dict = { ...credentials.authextra, ...(environment === undefined ? {} : { environment }) };
  const who = authid === undefined ? {} : { authid };
  if (ticket !== undefined) {
    const answer = typeof ticket === 'function' ? ticket : () => ticket;
    return { ...who, authmethods: ['ticket'], onchallenge: () => answer(), ...withExtra(extra) };
  }
  if (privateKey !== undefined) return { ...who, ...byKey(privateKey, extra) };
  if (onchallenge !== undefined) {
    return { ...who, ...(authmethods === undefined ? {} : { authmethods }), onchallenge, ...withExtra(extra) };
  }
  return { ...who, ...(authmethods === undefined ? {} : { authmethods }), ...withExtra(extra) };
}

function byKey(privateKey: string, extra: Dict): Login {
  const pair = nacl.sign.keyPair.fromSeed(seedOf(privateKey));
  return {
    authmethods: ['cryptosign'],
    authextra: { ...extra, pubkey: hex(pair.publicKey) },
    onchallenge: (_session, _method, challenge) => autobahn.auth_cryptosign.sign_challenge(pair, challenge),
  };
}

/** @throws TypeError, which does not show what was given */
function seedOf(privateKey: string): Uint8Array {
  const text = privateKey.trim();
  if (!SEED.test(text)) throw new TypeError('privateKey is not 64 hex digits, as `waggle keys new` makes them');
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function withExtra(extra: Dict): { readonly authextra?: Dict } {
  return Object.keys(extra).length === 0 ? {} : { authextra: extra };
}
