/**
 * What a realm file says about principals, as authentication reads it, and where secrets come from
 * (CONTRACT §4, "Secrets"). Structural: nothing here knows how the file was read.
 */

/** A secret kept outside the realm file. */
export type SecretRef = { readonly env: string } | { readonly file: string };

/** A ticket: a secret kept elsewhere, or its hash (`sha256$…`, `scrypt$…`). */
export type TicketSpec = SecretRef | { readonly hash: string };

/** WAMP-CRA: a secret kept elsewhere, or the derived key of a salted one with what the client needs to derive it. */
export type CraSpec =
  | SecretRef
  | {
      /** Base64 text of the PBKDF2-HMAC-SHA256 key; that text is the HMAC key (PITFALLS 17). */
      readonly key: string;
      readonly salt: string;
      readonly iterations: number;
      /** Bytes. */
      readonly keylen: number;
    };

/** SCRAM: what proves that a client knows the password, without giving the password (RFC 5802, section 3). */
export interface ScramSpec {
  /** Which clients can use it: the two derive different keys from the same password (PITFALLS 19). */
  readonly dialect: 'spec' | 'autobahn';
  /** What `salt`, `iterations` and `memory` (KiB, argon2id13 only) are for. */
  readonly kdf: 'argon2id13' | 'pbkdf2';
  /** Hex, as are the keys. */
  readonly salt: string;
  readonly iterations: number;
  readonly memory?: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

export interface PrincipalSpec {
  readonly authid: string;
  readonly role: string;
  /** Several: all valid at once, for rotation. */
  readonly ticket: readonly TicketSpec[];
  /** Ed25519 public keys, 64 hex digits each. */
  readonly cryptosign: readonly string[];
  readonly wampcra: readonly CraSpec[];
  /** SHA-256 of client certificates, hex, with or without colons. */
  readonly tls: readonly string[];
  /** One for each dialect at most: a challenge names one salt. */
  readonly scram: readonly ScramSpec[];
}

/** What a realm file says about who may join. */
export interface RealmAuthSpec {
  readonly realm: string;
  /** undefined: nobody joins without authentication. */
  readonly anonymous: { readonly role: string } | undefined;
  readonly principals: readonly PrincipalSpec[];
  /** Private seed (Ed25519, 64 hex digits) with which the router proves itself to clients; absent: it does not. */
  readonly routerKey?: SecretRef | undefined;
  /** Who is asked about everybody else; absent: nobody. */
  readonly dynamic?: DynamicAuthSpec | undefined;
}

export interface DynamicAuthSpec {
  /** URI of a procedure. */
  readonly authenticator: string;
  /** Milliseconds it has to answer. */
  readonly timeoutMs: number;
  /** Roles of the realm file: it may name these. */
  readonly roles: ReadonlySet<string>;
}

/** scrypt parameters and result, parsed from `scrypt$<log2N>$<r>$<p>$<salt base64>$<hash base64>`. */
export interface ScryptHash {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export type TicketHash =
  | { readonly kind: 'sha256'; readonly digest: Buffer }
  | ({ readonly kind: 'scrypt' } & ScryptHash);

/** One scrypt call may take this much memory: N = 2^17 with r = 8. */
const MAX_SCRYPT_BYTES = 128 * 2 ** 20;
const MAX_SCRYPT_PARALLEL = 16;
const MIN_SALT_BYTES = 8;
const MIN_HASH_BYTES = 16;
const MAX_FIELD_BYTES = 64;

/**
 * Reads a stored ticket hash.
 * @returns a sentence where it is none; the sentence does not repeat the text, which may be a ticket pasted in plain.
 */
export function parseTicketHash(text: string): TicketHash | string {
  const plain = /^sha256\$([0-9a-f]{64})$/i.exec(text);
  if (plain?.[1] !== undefined) return { kind: 'sha256', digest: Buffer.from(plain[1], 'hex') };
  const base64 = '([A-Za-z0-9+/]+={0,2})';
  const slow = new RegExp(`^scrypt\\$(\\d{1,2})\\$(\\d{1,3})\\$(\\d{1,3})\\$${base64}\\$${base64}$`).exec(text);
  if (slow === null) return 'expected sha256$<64 hex digits> or scrypt$<log2N>$<r>$<p>$<salt base64>$<hash base64>';
  const [log2N, r, p] = slow.slice(1, 4).map(Number);
  if (log2N === undefined || r === undefined || p === undefined) return 'scrypt$…: three numbers expected';
  if (log2N < 1 || r < 1 || p < 1 || p > MAX_SCRYPT_PARALLEL || 128 * 2 ** log2N * r > MAX_SCRYPT_BYTES) {
    return `scrypt$…: log2N, r and p from 1, p up to ${MAX_SCRYPT_PARALLEL}, 128·2^log2N·r up to 128 MiB expected`;
  }
  const salt = Buffer.from(slow[4] ?? '', 'base64');
  const hash = Buffer.from(slow[5] ?? '', 'base64');
  if (salt.length < MIN_SALT_BYTES || hash.length < MIN_HASH_BYTES) {
    return `scrypt$…: a salt of at least ${MIN_SALT_BYTES} bytes and a hash of at least ${MIN_HASH_BYTES} expected`;
  }
  if (salt.length > MAX_FIELD_BYTES || hash.length > MAX_FIELD_BYTES) {
    return `scrypt$…: salt and hash of at most ${MAX_FIELD_BYTES} bytes expected`;
  }
  return { kind: 'scrypt', log2N, r, p, salt, hash };
}
