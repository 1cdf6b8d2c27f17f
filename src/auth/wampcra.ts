import { randomBytes } from 'node:crypto';
import type { Identity } from '../router/authorizer.ts';
import type { Dict } from '../wamp/payload.ts';
import { denied, PROVIDER, principalIdentity, welcome } from './answers.ts';
import type { AuthAttempt, AuthMethod, AuthRequest, AuthStep, RealmCredentials, RealmMethod } from './auth-method.ts';
import type { Decoys, Shape } from './decoys.ts';
import { credentialName, hmac, sameBytes } from './digests.ts';
import type { CraSpec, PrincipalSpec } from './principals.ts';

const DENIAL_MS = 100;
const NONCE_BYTES = 32;

/** What the client needs to derive the key from its secret; undefined: the secret is the key. */
interface Salting {
  readonly salt: string;
  readonly iterations: number;
  readonly keylen: number;
}

interface CraKey {
  /** The text HMAC is keyed with. */
  readonly key: string;
  readonly credential: string;
}

interface Holder {
  readonly role: string;
  readonly identity: Identity | undefined;
  readonly salting: Salting | undefined;
  readonly keys: readonly CraKey[];
}

/** What the challenge of one principal looks like to somebody who has not proven anything yet. */
interface CraShape extends Shape {
  readonly role: string;
  readonly salting: Salting | undefined;
  readonly keys: number;
}

/** WAMP challenge-response authentication, plain and salted (FEATURES D4). */
export const wampcra: AuthMethod = { name: 'wampcra', compile: (realm) => new RealmCra(realm) };

class RealmCra implements RealmMethod {
  readonly name = 'wampcra';
  readonly allowed: boolean;
  readonly denialMs = DENIAL_MS;
  readonly #holders = new Map<string, Holder>();
  readonly #shapes: readonly CraShape[];
  readonly #realm: RealmCredentials;

  constructor(realm: RealmCredentials) {
    this.#realm = realm;
    this.allowed = realm.principals.some((principal) => principal.wampcra.length > 0);
    const shapes = new Map<string, CraShape>();
    for (const principal of realm.principals) {
      const holder = readKeys(principal, realm);
      if (holder === undefined) continue;
      this.#holders.set(principal.authid, holder);
      const shape = shapeOf(holder);
      if (!shapes.has(shape.name)) shapes.set(shape.name, shape);
    }
    this.#shapes = [...shapes.values()];
  }

  canStart(request: AuthRequest): boolean {
    return request.authid !== undefined;
  }

  suspect(request: AuthRequest): string {
    return request.authid ?? '';
  }

  attempt(request: AuthRequest): AuthAttempt {
    const authid = request.authid ?? '';
    // The decoy is made for everybody, so that a known name is not answered sooner.
    const decoy = this.#decoy(authid);
    const holder = this.#holders.get(authid) ?? decoy;
    const challenge = JSON.stringify({
      authid,
      authrole: holder.role,
      authmethod: 'wampcra',
      authprovider: PROVIDER,
      nonce: randomBytes(NONCE_BYTES).toString('hex'),
      timestamp: new Date(this.#realm.clock.now()).toISOString(),
      session: request.session,
    });
    const extra: Dict = { challenge, ...holder.salting };
    return {
      begin: () => ({ kind: 'challenge', method: 'wampcra', extra }),
      finish: (signature) => check(holder, challenge, signature),
    };
  }

  holds(principal: string, credential: string): boolean {
    return this.#holders.get(principal)?.keys.some((each) => each.credential === credential) ?? false;
  }

  #decoy(authid: string): Holder {
    const { decoys } = this.#realm;
    const shape = decoys.pick(this.#shapes, authid);
    const salting = shape?.salting && { ...shape.salting, salt: mockSalt(shape.salting.salt, authid, decoys) };
    const key = decoys.bytes('cra key', authid, 32).toString('base64');
    const keys = new Array<CraKey>(shape?.keys ?? 1).fill({ key, credential: '' });
    return { role: shape?.role ?? this.#anyRole(), identity: undefined, salting, keys };
  }

  /** Where no CRA credential of the realm exists at present, nobody can tell one role from another. */
  #anyRole(): string {
    return this.#realm.principals.find((principal) => principal.wampcra.length > 0)?.role ?? '';
  }
}

/** PITFALLS 17: over the challenge's text as it was sent; padded base64, compared in constant time. */
function check({ identity, keys }: Holder, challenge: string, signature: string): AuthStep {
  const presented = Buffer.from(signature);
  let matching: string | undefined;
  for (const { key, credential } of keys) {
    const expected = Buffer.from(hmac(key, challenge).toString('base64'));
    if (sameBytes(presented, expected)) matching = credential;
  }
  if (matching === undefined || identity === undefined) return denied('wampcra: wrong secret, or no such principal');
  return welcome(identity, matching);
}

/** @returns undefined where none of the principal's secrets exists. */
function readKeys(principal: PrincipalSpec, realm: RealmCredentials): Holder | undefined {
  const where = `principal "${principal.authid}": wampcra`;
  let first: { salting: Salting | undefined } | undefined;
  const keys: CraKey[] = [];
  for (const spec of principal.wampcra) {
    const read = readKey(spec, where, realm);
    if (read === undefined) continue;
    first ??= read;
    // One challenge announces one salt: a client cannot derive a key made with another.
    if (JSON.stringify(read.salting) !== JSON.stringify(first.salting)) {
      realm.warn(`${where}: only secrets with the salt, iterations and keylen of the first are usable; one is not`);
      continue;
    }
    keys.push({ key: read.key, credential: credentialName('wampcra', read.key) });
  }
  if (first === undefined) return undefined;
  const identity = principalIdentity(principal.authid, principal.role, 'wampcra');
  return { role: principal.role, identity, salting: first.salting, keys };
}

function readKey(
  spec: CraSpec,
  where: string,
  realm: RealmCredentials,
): { key: string; salting: Salting | undefined } | undefined {
  if (!('key' in spec)) {
    const key = realm.secret(spec, where);
    return key === undefined ? undefined : { key, salting: undefined };
  }
  const { key, salt, iterations, keylen } = spec;
  if (Buffer.from(key, 'base64').length !== keylen || Buffer.from(key, 'base64').toString('base64') !== key) {
    realm.warn(`${where}.key: padded base64 of ${keylen} bytes (keylen) expected`);
    return undefined;
  }
  return { key, salting: { salt, iterations, keylen } };
}

function shapeOf({ role, salting, keys }: Holder): CraShape {
  const form = salting && [saltForm(salting.salt), salting.salt.length, salting.iterations, salting.keylen];
  return { name: JSON.stringify([role, form ?? null, keys.length]), role, salting, keys: keys.length };
}

function saltForm(salt: string): 'hex' | 'base64' | 'base64url' {
  if (/^([0-9a-f]{2})+$/.test(salt)) return 'hex';
  return Buffer.from(salt, 'base64').toString('base64') === salt ? 'base64' : 'base64url';
}

/** A salt that looks like `salt` and always is the same for that authid (PITFALLS 15). */
function mockSalt(salt: string, authid: string, decoys: Decoys): string {
  const form = saltForm(salt);
  const bytes = decoys.bytes('cra salt', authid, Buffer.from(salt, form).length);
  return bytes.toString(form);
}
