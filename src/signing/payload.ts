/** Payloads that carry a signature of themselves among their kwargs (BRIDGES §5): how they are made and judged. */
import nacl from 'tweetnacl';
import { hexOf } from './bytes.ts';
import { canonicalText, textsOf, Unsignable } from './canonical.ts';
import { publicKeyOf, signCommand, verifyCommand } from './ed25519.ts';

type Kwargs = Readonly<Record<string, unknown>>;

/** Which kwargs say what. */
export interface SignatureSpec {
  /** What is signed: `all` kwargs but the signature itself, or those of these names that are there. */
  readonly over: 'all' | readonly string[];
  /** The kwarg with the signature. */
  readonly field: string;
  /** The kwarg with a public key or an authid. */
  readonly key: string;
  /** The kwarg with the time of signing, ms since the epoch. */
  readonly ts?: string;
  /** The kwarg with a text that is used once. */
  readonly nonce?: string;
}

/** What `signature: required` in a realm file means. */
export const REQUIRED: SignatureSpec = Object.freeze({
  over: 'all',
  field: 'signature',
  key: 'agentId',
  ts: 'ts',
  nonce: 'nonce',
});

/** How far a `ts` may be from the clock of whoever judges, ms. */
export const WINDOW_MS = 60_000;

/** Longest nonce, in UTF-16 units: it is remembered for a while. */
export const MAX_NONCE = 128;

/** Of the kwargs, those that the signature covers, in their order. */
export function covered(kwargs: Kwargs, { over, field }: SignatureSpec): Kwargs {
  const isCovered = (name: string) => (over === 'all' ? name !== field : over.includes(name));
  return Object.fromEntries(Object.entries(kwargs).filter(([name]) => isCovered(name)));
}

/**
 * @param privateKey as for {@link signCommand}
 * @param kwargs what is to be sent. Where they lack what the rule asks for it is put in: as `key` the public key, as `ts`
 *   the time, as `nonce` 128 random bits; put into the signed text only where `spec.over` names them
 * @returns the kwargs to send, with the signature over their canonical JSON
 * @throws TypeError where the private key is none, Unsignable where the kwargs say what JSON cannot
 */
export function signPayload(privateKey: string, kwargs: Kwargs, spec: SignatureSpec = REQUIRED): Kwargs {
  const { field, key, ts, nonce } = spec;
  const signed: Record<string, unknown> = { ...kwargs };
  delete signed[field];
  if (signed[key] === undefined) signed[key] = publicKeyOf(privateKey);
  if (ts !== undefined && signed[ts] === undefined) signed[ts] = Date.now();
  if (nonce !== undefined && signed[nonce] === undefined) signed[nonce] = hexOf(nacl.randomBytes(16));
  signed[field] = signCommand(privateKey, canonicalText(covered(signed, spec)));
  return signed;
}

/**
 * Whether `publicKey` signed what `spec` says is signed, lately. A nonce is not looked at: whether it came before only
 * its receiver can remember. The key that the payload names is not looked at either: whose key is trusted is the
 * caller's to know.
 * @param publicKey 32 bytes in hex or base64
 * @param kwargs as received
 * @param now ms since the epoch that the kwarg `spec.ts` is compared with
 */
export function verifyPayload(
  publicKey: string,
  kwargs: Kwargs,
  spec: SignatureSpec = REQUIRED,
  now: number = Date.now(),
): boolean {
  const signature = own(kwargs, spec.field);
  if (typeof signature !== 'string') return false;
  if (spec.ts !== undefined && !isTimely(own(kwargs, spec.ts), now)) return false;
  let texts: readonly [string, string];
  try {
    texts = textsOf(covered(kwargs, spec));
  } catch (error) {
    if (error instanceof Unsignable) return false;
    throw error;
  }
  const [canonical, plain] = texts;
  if (verifyCommand(publicKey, canonical, signature)) return true;
  return plain !== canonical && verifyCommand(publicKey, plain, signature);
}

/** Whether `ts` is a time within {@link WINDOW_MS} of `now`. */
export function isTimely(ts: unknown, now: number): ts is number {
  return typeof ts === 'number' && Math.abs(now - ts) <= WINDOW_MS;
}

/** A kwarg that is there, and none that every object has. */
export function own(kwargs: Kwargs, name: string): unknown {
  return Object.hasOwn(kwargs, name) ? kwargs[name] : undefined;
}
