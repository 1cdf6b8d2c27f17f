import { randomBytes } from 'node:crypto';
import type { Identity } from '../router/authorizer.ts';
import { ErrorUri } from '../wamp/errors.ts';
import type { Dict } from '../wamp/payload.ts';
import { denied, principalIdentity, welcome } from './answers.ts';
import type { AuthAttempt, AuthMethod, AuthRequest, AuthStep, RealmCredentials, RealmMethod } from './auth-method.ts';
import type { Decoys, Shape } from './decoys.ts';
import { credentialName, hmac, sameBytes, sha256 } from './digests.ts';
import type { PrincipalSpec, ScramSpec } from './principals.ts';

const DENIAL_MS = 100;
const NONCE_BYTES = 16;
const PROOF_BYTES = 32;
const MAX_NONCE_CHARACTERS = 1024;
const EXPORTER_BYTES = 32;
const BINDING = 'tls-exporter';
/** base64 of `n,,`: no channel binding, nobody else's name (RFC 5802, section 7). */
const UNBOUND = 'biws';

/** What the client derives its keys with, and what those are checked against. */
interface Verifier {
  readonly kdf: ScramSpec['kdf'];
  readonly salt: Buffer;
  readonly iterations: number;
  /** KiB; undefined for pbkdf2. */
  readonly memory: number | undefined;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

interface Holder {
  readonly identity: Identity | undefined;
  readonly verifier: Verifier;
  readonly credential: string;
}

interface ScramShape extends Shape {
  readonly kdf: ScramSpec['kdf'];
  readonly saltBytes: number;
  readonly iterations: number;
  readonly memory: number | undefined;
}

/** What the two dialects say differently (PITFALLS 19). The arithmetic is the same, RFC 5802 with SHA-256 (RFC 7677). */
interface Dialect {
  readonly method: string;
  /** The verifiers that it can be spoken with. */
  readonly verifiers: ScramSpec['dialect'];
  readonly kdfs: Readonly<Partial<Record<ScramSpec['kdf'], string>>>;
  /** As in AuthMessage. */
  username(authid: string): string;
  /** Whether HELLO asks for a channel binding that this connection cannot give. */
  unsupported(request: AuthRequest): boolean;
  nonce(client: string): string;
  /** CHALLENGE's `memory`. */
  memory(kib: number | undefined): Dict;
  /** @returns AuthMessage's `c=`; undefined where AUTHENTICATE.Extra is not what it must be. */
  binding(extra: Dict, nonce: string, request: AuthRequest): string | undefined;
  authextra(serverSignature: string): Dict;
}

/** To the letter of the specification ("Salted Challenge Response Authentication"). */
const SPECIFICATION: Dialect = {
  method: 'wamp-scram',
  verifiers: 'spec',
  kdfs: { argon2id13: 'argon2id13', pbkdf2: 'pbkdf2' },
  username: (authid) => authid.replace(/[,=]/g, (character) => (character === ',' ? '=2C' : '=3D')),
  unsupported: ({ authextra, channelId }) => {
    const wanted = given(authextra, 'channel_binding');
    return wanted !== null && (wanted !== BINDING || channelId?.length !== EXPORTER_BYTES);
  },
  nonce: (client) => client + randomBytes(NONCE_BYTES).toString('base64'),
  memory: (kib) => ({ memory: kib ?? null }),
  binding(extra, nonce, { authextra, channelId }) {
    const bound = given(authextra, 'channel_binding');
    if (given(extra, 'nonce') !== nonce || given(extra, 'channel_binding') !== bound) return undefined;
    const data = given(extra, 'cbind_data');
    if (bound === null) return data === null ? UNBOUND : undefined;
    if (channelId === undefined || typeof data !== 'string') return undefined;
    if (!sameBytes(Buffer.from(data), Buffer.from(channelId.toString('base64')))) return undefined;
    return Buffer.concat([Buffer.from(`p=${BINDING},,`), channelId]).toString('base64');
  },
  // The specification's text says twice that this is the base64 of the signature; its one example has "v=" before it.
  authextra: (verifier) => ({ verifier }),
};

/** As autobahn-python and crossbar speak it: no channel binding, an empty AUTHENTICATE.Extra, names of their own. */
const AUTOBAHN: Dialect = {
  method: 'scram',
  verifiers: 'autobahn',
  // Their pbkdf2 fails on the client's side whatever is sent.
  kdfs: { argon2id13: 'argon2id-13' },
  username: (authid) => authid,
  unsupported: () => false,
  nonce: (client) => Buffer.concat([Buffer.from(client, 'base64'), randomBytes(NONCE_BYTES)]).toString('base64'),
  memory: (kib) => (kib === undefined ? {} : { memory: kib }),
  binding: () => '',
  authextra: (signature) => ({ scram_server_signature: signature }),
};

/**
 * SCRAM to the specification (FEATURES D6). The router needs HMAC and SHA-256 only: the costly derivation is the
 * client's, so a check takes microseconds whatever the key derivation function.
 */
export const wampScram: AuthMethod = {
  name: SPECIFICATION.method,
  compile: (realm) => new RealmVerifiers(SPECIFICATION, realm),
};

/** SCRAM for autobahn-python (PITFALLS 19). */
export const scram: AuthMethod = {
  name: AUTOBAHN.method,
  compile: (realm) => new RealmVerifiers(AUTOBAHN, realm),
};

class RealmVerifiers implements RealmMethod {
  readonly name: string;
  readonly allowed: boolean;
  readonly denialMs = DENIAL_MS;
  readonly #dialect: Dialect;
  readonly #decoys: Decoys;
  readonly #holders = new Map<string, Holder>();
  readonly #shapes: readonly ScramShape[];

  constructor(dialect: Dialect, realm: RealmCredentials) {
    this.name = dialect.method;
    this.#dialect = dialect;
    this.#decoys = realm.decoys;
    const shapes = new Map<string, ScramShape>();
    for (const principal of realm.principals) {
      const holder = readVerifier(principal, dialect, realm);
      if (holder === undefined) continue;
      this.#holders.set(principal.authid, holder);
      const { kdf, salt, iterations, memory } = holder.verifier;
      const name = JSON.stringify([kdf, salt.length, iterations, memory ?? null]);
      shapes.set(name, { name, kdf, saltBytes: salt.length, iterations, memory });
    }
    this.#shapes = [...shapes.values()];
    // Without a shape there is nothing that an unknown user could be shown.
    this.allowed = this.#shapes.length > 0;
  }

  canStart(request: AuthRequest): boolean {
    if (request.authid === undefined || clientNonce(request) === undefined) return false;
    const binding = given(request.authextra, 'channel_binding');
    return binding === null || typeof binding === 'string';
  }

  suspect(request: AuthRequest): string {
    return request.authid ?? '';
  }

  attempt(request: AuthRequest): AuthAttempt {
    const dialect = this.#dialect;
    const authid = request.authid ?? '';
    const first = clientNonce(request) ?? '';
    // The decoy is made for everybody, so that a known name is not answered sooner.
    const decoy = this.#decoy(authid);
    const holder = this.#holders.get(authid) ?? decoy;
    const { kdf, iterations, memory } = holder.verifier;
    const salt = holder.verifier.salt.toString('base64');
    const nonce = dialect.nonce(first);
    const extra: Dict = { nonce, salt, kdf: dialect.kdfs[kdf] ?? kdf, iterations, ...dialect.memory(memory) };
    return {
      begin: () => {
        if (!dialect.unsupported(request)) return { kind: 'challenge', method: dialect.method, extra };
        // The specification wants ABORT here, not a weaker method; it depends on the connection, not on who asks.
        const reason = `${dialect.method}: this connection has no such channel binding`;
        return { kind: 'deny', uri: ErrorUri.NO_MATCHING_AUTH_METHOD, reason };
      },
      finish: (signature, given) => {
        const binding = dialect.binding(given, nonce, request);
        if (binding === undefined) return denied(`${dialect.method}: nonce or channel binding is not ours`);
        const parts = [`n=${dialect.username(authid)},r=${first}`, `r=${nonce},s=${salt},i=${iterations}`];
        return check(dialect, holder, `${parts.join()},c=${binding},r=${nonce}`, signature);
      },
    };
  }

  holds(principal: string, credential: string): boolean {
    return this.#holders.get(principal)?.credential === credential;
  }

  /**
   * PITFALLS 15: the same salt for the same name each time. Not the same in both dialects: `waggle hash` does not
   * give a principal's two verifiers one salt either.
   */
  #decoy(authid: string): Holder {
    const shape = this.#decoys.pick(this.#shapes, authid);
    const purpose = `${this.name} salt`;
    const verifier: Verifier = {
      kdf: shape?.kdf ?? 'argon2id13',
      salt: this.#decoys.bytes(purpose, authid, shape?.saltBytes ?? NONCE_BYTES),
      iterations: shape?.iterations ?? 1,
      memory: shape?.memory,
      storedKey: this.#decoys.bytes(`${this.name} key`, authid, PROOF_BYTES),
      serverKey: NO_KEY,
    };
    return { identity: undefined, verifier, credential: '' };
  }
}

const NO_KEY = randomBytes(PROOF_BYTES);

/** RFC 5802, section 3: whoever has ClientKey can make of it a proof whose key hashes to StoredKey. */
function check(dialect: Dialect, { identity, verifier, credential }: Holder, message: string, proof: string): AuthStep {
  const presented = canonicalBase64(proof);
  if (presented?.length !== PROOF_BYTES) return denied(`${dialect.method}: the proof is not base64 of 32 bytes`);
  const signature = hmac(verifier.storedKey, message);
  const clientKey = Buffer.from(presented.map((byte, at) => byte ^ (signature[at] ?? 0)));
  const matches = sameBytes(sha256(clientKey), verifier.storedKey);
  if (!matches || identity === undefined) return denied(`${dialect.method}: wrong password, or no such principal`);
  const serverSignature = hmac(verifier.serverKey, message).toString('base64');
  return welcome(identity, credential, dialect.authextra(serverSignature));
}

/** @returns undefined where the principal has no usable verifier of the dialect. */
function readVerifier(principal: PrincipalSpec, dialect: Dialect, realm: RealmCredentials): Holder | undefined {
  const where = `principal "${principal.authid}": scram`;
  const [spec, second] = principal.scram.filter((each) => each.dialect === dialect.verifiers);
  if (spec === undefined) return undefined;
  if (second !== undefined) {
    realm.warn(
      `${where}: only the first verifier of dialect ${dialect.verifiers} is usable: a challenge names one salt`,
    );
  }
  const { kdf, iterations, memory } = spec;
  if (dialect.kdfs[kdf] === undefined) {
    realm.warn(`${where}.kdf: ${Object.keys(dialect.kdfs).join(' or ')} expected for dialect ${dialect.verifiers}`);
    return undefined;
  }
  if (kdf === 'argon2id13' && memory === undefined) {
    realm.warn(`${where}.memory: KiB expected for argon2id13`);
    return undefined;
  }
  const [salt, storedKey, serverKey] = [spec.salt, spec.storedKey, spec.serverKey].map(bytesOf);
  if (!salt?.length || storedKey?.length !== PROOF_BYTES || serverKey?.length !== PROOF_BYTES) {
    realm.warn(`${where}: salt, and storedKey and serverKey of ${PROOF_BYTES} bytes, expected in hex`);
    return undefined;
  }
  return {
    identity: principalIdentity(principal.authid, principal.role, dialect.method),
    verifier: { kdf, salt, iterations, memory: kdf === 'pbkdf2' ? undefined : memory, storedKey, serverKey },
    credential: credentialName(dialect.method, storedKey),
  };
}

function bytesOf(hex: string): Buffer | undefined {
  return /^([0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}

/** HELLO's nonce, where it is one. Base64 has no comma, so it cannot add to AuthMessage. */
function clientNonce({ authextra }: AuthRequest): string | undefined {
  const nonce = given(authextra, 'nonce');
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > MAX_NONCE_CHARACTERS) return undefined;
  return canonicalBase64(nonce) === undefined ? undefined : nonce;
}

function canonicalBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Null where it is absent: the specification does not tell the two apart. */
function given(values: Dict, key: string): unknown {
  return Object.hasOwn(values, key) ? (values[key] ?? null) : null;
}
