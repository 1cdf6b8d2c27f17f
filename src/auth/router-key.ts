import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Dict } from '../wamp/payload.ts';
import type { RealmCredentials } from './auth-method.ts';

/** Before the 32 bytes of a seed: PKCS #8 as RFC 8410 has it for Ed25519. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/** With what the router proves to clients that it is the one they mean (spec: "Router Authentication"). */
export class RouterKey {
  /** Lower-case hex. */
  readonly pubkey: string;
  readonly #key: KeyObject;

  constructor(seed: Buffer) {
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.pubkey = spki.subarray(-KEY_BYTES).toString('hex');
  }

  /** @param message the client's challenge, XOR the channel's id where the channel is bound. @returns for CHALLENGE.Extra */
  prove(message: Buffer): Dict {
    return { pubkey: this.pubkey, signature: Buffer.concat([sign(null, message, this.#key), message]).toString('hex') };
  }
}

/**
 * The realm's key; undefined: it has none that can be used. Whoever may join signs whatever 32 bytes a router asks of
 * it, and so does the router for clients: a key that is also a principal's would let any client join as that one.
 */
export function readRouterKey(realm: RealmCredentials): RouterKey | undefined {
  const { routerKey, principals } = realm;
  const seed = routerKey && realm.secret(routerKey, 'routerKey')?.trim();
  if (seed === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/i.test(seed)) {
    realm.warn('routerKey: a private seed of 64 hex digits expected; make one with "waggle keys new"');
    return undefined;
  }
  const key = new RouterKey(Buffer.from(seed, 'hex'));
  const holder = principals.find(({ cryptosign }) => cryptosign.some((each) => each.toLowerCase() === key.pubkey));
  if (holder === undefined) return key;
  realm.warn(`routerKey: the key of principal "${holder.authid}", whom any client could pose as; make one of its own`);
  return undefined;
}
