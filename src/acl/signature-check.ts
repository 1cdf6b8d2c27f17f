import type { Identity, PayloadCheck } from '../router/authorizer.ts';
import { bytesOf, hexOf } from '../signing/bytes.ts';
import { textsOf, Unsignable } from '../signing/canonical.ts';
import { KEY_BYTES, SIGNATURE_BYTES } from '../signing/ed25519.ts';
import { covered, isTimely, MAX_NONCE, own, type SignatureSpec, WINDOW_MS } from '../signing/payload.ts';
import { WampError } from '../wamp/errors.ts';
import type { Call, Publish } from '../wamp/messages.ts';
import type { Dict, PayloadValue } from '../wamp/payload.ts';
import type { Signers, SigningKey } from './signers.ts';

/** What a payload says of its signature, read and found plausible. */
interface Claim {
  readonly keys: readonly SigningKey[];
  readonly signature: Uint8Array;
  /** undefined where the rule asks for none. */
  readonly fresh: { readonly ts: number; readonly nonce: string } | undefined;
}

/**
 * A rule's `signature` (BRIDGES §5). What costs little is looked at first: a signature is verified only for a payload
 * that has everything else, of a session whose principal has keys, so nobody else can make the router spend time on it.
 */
class SignatureCheck implements PayloadCheck {
  /** The same for rules that ask for the same. */
  readonly name: string;
  readonly #spec: SignatureSpec;
  readonly #signers: Signers;

  constructor(spec: SignatureSpec, signers: Signers) {
    this.#spec = spec;
    this.#signers = signers;
    this.name = JSON.stringify([spec.over, spec.field, spec.key, spec.ts, spec.nonce]);
  }

  judge(who: Identity, message: Publish | Call, now: number): string | undefined {
    const signers = this.#signers;
    const before = signers.passed(message.payload);
    if (before !== undefined && before.check === this.name && before.principal === who.principal) return undefined;
    const wrong = this.#judge(who, message, now);
    if (wrong === undefined) signers.verified += 1;
    else signers.refused += 1;
    return wrong && `signature: ${wrong}`;
  }

  #judge(who: Identity, message: Publish | Call, now: number): string | undefined {
    const keys = this.#signers.keysOf(who.principal);
    if (keys.length === 0) return 'the session has no principal with a key to sign with';
    const { payload, options } = message;
    // Nobody but its receiver can read it.
    if (options.passthru !== undefined) return 'a payload in payload passthru mode cannot be verified';
    const value = decoded(message);
    if (typeof value === 'string') return value;
    const { args, kwargs } = value;
    if (kwargs === undefined) return `kwarg ${this.#spec.field} is missing`;
    // Else who reads args would take for signed what nobody signed.
    if (args.length > 0 && this.#spec.over === 'all') return 'args are not covered by it, kwargs only expected';
    const claim = this.#read(who, keys, kwargs, now);
    if (typeof claim === 'string') return claim;
    const nonce = claim.fresh?.nonce;
    const isSame = nonce !== undefined && this.#signers.passed(payload)?.nonce === nonce;
    const isNew = (key: SigningKey) => nonce === undefined || isSame || !key.nonces.has(nonce, now);
    const usable = claim.keys.filter(isNew);
    const usedBefore = `kwarg ${this.#spec.nonce} was used before`;
    if (usable.length === 0) return usedBefore;
    // Who reads the first and who reads the last of two would not see the same payload.
    if (payload.repeatsKey()) return 'a key stands twice in a map of the payload';
    const signer = this.#signer(usable, kwargs, claim.signature);
    // Of several keys that an authid stands for, one had that nonce: by it, it would be a repetition.
    if (typeof signer === 'string') return usable.length < claim.keys.length ? usedBefore : signer;
    if (claim.fresh !== undefined) signer.nonces.add(claim.fresh.nonce, claim.fresh.ts);
    this.#signers.pass(payload, { principal: who.principal ?? '', check: this.name, nonce });
    return undefined;
  }

  #read(who: Identity, keys: readonly SigningKey[], kwargs: Dict, now: number): Claim | string {
    const { field, key } = this.#spec;
    const text = own(kwargs, field);
    const signature = typeof text === 'string' ? bytesOf(text, SIGNATURE_BYTES) : undefined;
    if (signature === undefined) {
      return `kwarg ${field} is ${text === undefined ? 'missing' : 'no signature'}, 64 bytes in hex or base64 expected`;
    }
    const named = keysNamed(own(kwargs, key), who, keys);
    if (named.length === 0) return `kwarg ${key} is neither a key of this session's principal nor its authid`;
    const fresh = this.#freshness(kwargs, now);
    if (fresh === undefined || typeof fresh === 'string') return fresh ?? { keys: named, signature, fresh };
    // Refused rather than let pass twice, where no more can be remembered of a key.
    const roomy = named.filter((each) => this.#signers.hasRoom(each, now));
    return roomy.length > 0 ? { keys: roomy, signature, fresh } : 'too many messages of this key within a minute';
  }

  #freshness(kwargs: Dict, now: number): Claim['fresh'] | string {
    const names = this.#spec;
    const ts = names.ts === undefined ? now : own(kwargs, names.ts);
    if (!isTimely(ts, now)) {
      return `kwarg ${names.ts} is not within ${WINDOW_MS / 1000} s of the router's clock, ms since the epoch expected`;
    }
    if (names.nonce === undefined) return undefined;
    const nonce = own(kwargs, names.nonce);
    if (typeof nonce !== 'string' || nonce === '' || nonce.length > MAX_NONCE) {
      return `kwarg ${names.nonce} is no text of 1 to ${MAX_NONCE} characters`;
    }
    return { ts, nonce };
  }

  /** @returns what is wrong, where none of the keys has signed it */
  #signer(keys: readonly SigningKey[], kwargs: Dict, signature: Uint8Array): SigningKey | string {
    let texts: readonly [string, string];
    try {
      texts = textsOf(covered(kwargs, this.#spec));
    } catch (error) {
      if (error instanceof Unsignable) return error.message;
      throw error;
    }
    const [canonical, plain] = texts;
    for (const key of keys) {
      const [first, second] = key.signsPlain ? [plain, canonical] : [canonical, plain];
      if (key.verifies(first, signature)) return key;
      if (second !== first && key.verifies(second, signature)) {
        key.signsPlain = !key.signsPlain;
        return key;
      }
    }
    return 'it is not one of what was sent, by the key that is named';
  }
}

/**
 * What one URI's rules ask for together.
 * @returns undefined where none asks for a signature
 */
export function checkOf(specs: readonly SignatureSpec[], signers: Signers): PayloadCheck | undefined {
  if (specs.length === 0) return undefined;
  const byName = new Map<string, SignatureCheck>();
  for (const spec of specs) {
    const check = new SignatureCheck(spec, signers);
    byName.set(check.name, check);
  }
  const checks = [...byName.values()];
  return checks.length === 1 ? checks[0] : new AllChecks(checks);
}

class AllChecks implements PayloadCheck {
  readonly #checks: readonly PayloadCheck[];

  constructor(checks: readonly PayloadCheck[]) {
    this.#checks = checks;
  }

  judge(who: Identity, message: Publish | Call, now: number): string | undefined {
    for (const check of this.#checks) {
      const wrong = check.judge(who, message, now);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
}

/** @returns why there is none: the sender's encoding said what no JSON can say */
function decoded({ payload }: Publish | Call): PayloadValue | string {
  try {
    return payload.value();
  } catch (error) {
    if (error instanceof WampError) return error.message;
    throw error;
  }
}

/** Of the principal's keys, the one that is named, or all where the session's own name stands there. */
function keysNamed(value: unknown, who: Identity, keys: readonly SigningKey[]): readonly SigningKey[] {
  if (typeof value !== 'string') return [];
  if (value === who.authid || value === who.principal) return keys;
  const bytes = bytesOf(value, KEY_BYTES);
  const hex = bytes && hexOf(bytes);
  return keys.filter((key) => key.hex === hex);
}
