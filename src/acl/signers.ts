/** Who may sign what in a realm: the keys of its principals, and what they signed lately (BRIDGES §5). */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isWeakKey } from '../signing/ed25519.ts';
import type { Payload } from '../wamp/payload.ts';
import { type NonceBudget, Nonces } from './nonces.ts';

/** What of a principal counts here; structural, as the realm file has it. */
export interface SigningPrincipal {
  readonly authid: string;
  /** Ed25519 public keys, 64 hex digits each. */
  readonly cryptosign: readonly string[];
}

/** A message that was found to be signed, for those who judge it a second time on its way. */
export interface Passed {
  readonly principal: string;
  /** Names what was asked for. */
  readonly check: string;
  readonly nonce: string | undefined;
}

const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * A public key of a principal. Verified by OpenSSL, as cryptosign's challenges are, with a key object made beforehand:
 * tweetnacl, with which agents sign, takes some hundred times as long (docs/decisions/0007).
 */
export class SigningKey {
  readonly hex: string;
  readonly nonces: Nonces;
  /** Whether the last signature was over the plain text: an agent that signs so will do it again. */
  signsPlain = false;
  readonly #key: KeyObject;

  /** @param hex 64 hex digits, in lower case */
  constructor(hex: string, budget: NonceBudget) {
    this.hex = hex;
    this.nonces = new Nonces(budget);
    const raw = Buffer.from(hex, 'hex');
    this.#key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, raw]), format: 'der', type: 'spki' });
  }

  /** @param signature 64 bytes */
  verifies(text: string, signature: Uint8Array): boolean {
    return verify(null, Buffer.from(text), this.#key, signature);
  }
}

/** Outlives reloads of its realm: what was signed before one cannot be sent again after it. */
export class Signers {
  /** Signatures that held, and messages that were refused for theirs. */
  verified = 0;
  refused = 0;
  readonly #budget: NonceBudget = { kept: 0 };
  readonly #keys = new Map<string, SigningKey>();
  readonly #passed = new WeakMap<Payload, Passed>();
  #principals: ReadonlyMap<string, readonly SigningKey[]> = new Map();
  /** When the nonces of all keys were last gone through. */
  #tidiedAt = Number.NEGATIVE_INFINITY;

  /** @param now ms since the epoch; what a key that is gone has signed is remembered until it is too old anyway */
  configure(principals: Iterable<SigningPrincipal>, now: number): void {
    const current = new Set<string>();
    const keysOf = ({ cryptosign }: SigningPrincipal) =>
      cryptosign
        .map((key) => key.toLowerCase())
        // Anybody can sign for such a key; authentication warns of it.
        .filter((hex) => !isWeakKey(hex))
        .map((hex) => {
          current.add(hex);
          return this.#key(hex);
        });
    this.#principals = new Map(Array.from(principals, (each) => [each.authid, keysOf(each)]));
    for (const [hex, { nonces }] of this.#keys) {
      nonces.forget(now);
      if (nonces.size === 0 && !current.has(hex)) this.#keys.delete(hex);
    }
  }

  keysOf(principal: string | undefined): readonly SigningKey[] {
    return (principal === undefined ? undefined : this.#principals.get(principal)) ?? NO_KEYS;
  }

  /** Whether another nonce of the key can be remembered; where not, its message is refused rather than let pass twice. */
  hasRoom({ nonces }: SigningKey, now: number): boolean {
    nonces.forget(now);
    if (nonces.hasRoom) return true;
    // Others may have nonces that do not count any more; gone through now and then only.
    if (Math.abs(now - this.#tidiedAt) >= TIDY_MS) {
      this.#tidiedAt = now;
      for (const key of this.#keys.values()) key.nonces.forget(now);
    }
    return nonces.hasRoom;
  }

  passed(payload: Payload): Passed | undefined {
    return this.#passed.get(payload);
  }

  pass(payload: Payload, passed: Passed): void {
    this.#passed.set(payload, passed);
  }

  #key(hex: string): SigningKey {
    let key = this.#keys.get(hex);
    if (key === undefined) {
      key = new SigningKey(hex, this.#budget);
      this.#keys.set(hex, key);
    }
    return key;
  }
}

const NO_KEYS: readonly SigningKey[] = [];
const TIDY_MS = 1000;
