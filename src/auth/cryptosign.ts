import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto';
import type { Identity } from '../router/authorizer.ts';
import { isWeakKey } from '../signing/ed25519.ts';
import type { Dict } from '../wamp/payload.ts';
import { denied, principalIdentity, welcome } from './answers.ts';
import type {
  AuthAttempt,
  AuthMethod,
  AuthRequest,
  AuthStep,
  RealmCredentials,
  RealmMethod,
  Vouch,
} from './auth-method.ts';
import { sameBytes } from './digests.ts';
import { type RouterKey, readRouterKey } from './router-key.ts';

const DENIAL_MS = 100;
const CHALLENGE_BYTES = 32;
const SIGNATURE_BYTES = 64;
const BINDING = 'tls-exporter';

interface Holder {
  readonly identity: Identity;
  /** By public key, lower-case hex. */
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** Nobody has its private half: signatures of unknown keys are verified against it, at the usual cost. */
const NOBODY = generateKeyPairSync('ed25519').publicKey;

/**
 * Ed25519 keys (FEATURES D5, PITFALLS 18). Verified by OpenSSL with key objects made at compile time: tweetnacl takes
 * some hundred times as long, too long for the main thread (docs/authentication.md, "What it costs").
 */
export const cryptosign: AuthMethod = { name: 'cryptosign', compile: (realm) => new RealmKeys(realm) };

class RealmKeys implements RealmMethod {
  readonly name = 'cryptosign';
  readonly allowed: boolean;
  readonly denialMs = DENIAL_MS;
  readonly #holders = new Map<string, Holder>();
  readonly #owners = new Map<string, Holder>();
  readonly #routerKey: RouterKey | undefined;

  constructor(realm: RealmCredentials) {
    this.allowed = realm.principals.some((principal) => principal.cryptosign.length > 0);
    this.#routerKey = readRouterKey(realm);
    for (const { authid, role, cryptosign } of realm.principals) {
      const keys = new Map<string, KeyObject>();
      const holder: Holder = { identity: principalIdentity(authid, role, 'cryptosign'), keys };
      for (const text of cryptosign) {
        const key = readKey(text, `principal "${authid}": cryptosign`, realm);
        if (key === undefined) continue;
        const hex = text.toLowerCase();
        keys.set(hex, key);
        const owner = this.#owners.get(hex);
        if (owner === undefined) this.#owners.set(hex, holder);
        else if (owner !== holder) {
          const first = owner.identity.authid;
          realm.warn(
            `principal "${authid}": cryptosign: the key of "${first}" too; without authid it means "${first}"`,
          );
        }
      }
      if (keys.size > 0) this.#holders.set(authid, holder);
    }
  }

  canStart(request: AuthRequest): boolean {
    return publicKeyOf(request) !== undefined && clientChallenge(request) !== 'malformed';
  }

  suspect(request: AuthRequest): string {
    return request.authid ?? `cryptosign ${publicKeyOf(request)}`;
  }

  attempt(request: AuthRequest): AuthAttempt {
    const pubkey = publicKeyOf(request) ?? '';
    const holder = request.authid === undefined ? this.#owners.get(pubkey) : this.#holders.get(request.authid);
    const key = holder?.keys.get(pubkey);
    return this.#challenged(request, (message, signature) => {
      const wrong = problemOf(key, message, signature);
      if (wrong !== undefined) return denied(wrong);
      return holder === undefined ? denied(UNKNOWN_KEY) : welcome(holder.identity, `cryptosign:${pubkey}`);
    });
  }

  /** The client proves that it has the key; the authenticator says whether it is one of that authid (`pubkeys`). */
  stranger(request: AuthRequest, vouch: Vouch): AuthAttempt {
    const pubkey = publicKeyOf(request) ?? '';
    const key = keyOf(pubkey);
    return this.#challenged(request, async (message, signature) => {
      const wrong = problemOf(key, message, signature);
      if (wrong !== undefined) return denied(wrong);
      const vouching = await vouch({ pubkey });
      if (vouching.kind !== 'vouched') return vouching;
      const { pubkeys } = vouching.said;
      const isOwn = (each: unknown) => typeof each === 'string' && each.toLowerCase() === pubkey;
      return Array.isArray(pubkeys) && pubkeys.some(isOwn) ? vouching.step : denied(UNKNOWN_KEY);
    });
  }

  #challenged(
    request: AuthRequest,
    check: (message: Buffer, signature: string) => AuthStep | Promise<AuthStep>,
  ): AuthAttempt {
    const challenge = randomBytes(CHALLENGE_BYTES);
    const channelId = bindingFor(request);
    const message = bound(challenge, channelId);
    const asked = clientChallenge(request);
    const begin = (): AuthStep => {
      const extra: Dict = {
        challenge: challenge.toString('hex'),
        ...(channelId && { channel_binding: BINDING }),
        // Without a key the client sees that there is no proof, and decides.
        ...(Buffer.isBuffer(asked) && this.#routerKey?.prove(bound(asked, channelId))),
      };
      return { kind: 'challenge', method: 'cryptosign', extra };
    };
    return { begin, finish: (signature) => check(message, signature) };
  }

  holds(principal: string, credential: string): boolean {
    const pubkey = credential.slice('cryptosign:'.length);
    return this.#holders.get(principal)?.keys.has(pubkey) ?? false;
  }
}

const UNKNOWN_KEY = 'cryptosign: wrong signature, or the key is not one of the principal';

/** PITFALLS 18: hex of signature and message; the signature holds, and the message is the one we asked for. */
function problemOf(key: KeyObject | undefined, message: Buffer, signature: string): string | undefined {
  if (signature.length !== 2 * (SIGNATURE_BYTES + CHALLENGE_BYTES) || !/^[0-9a-f]+$/i.test(signature)) {
    return 'cryptosign: signature is not 192 hex digits';
  }
  const bytes = Buffer.from(signature, 'hex');
  const ours = sameBytes(bytes.subarray(SIGNATURE_BYTES), message);
  const valid = verify(null, message, key ?? NOBODY, bytes.subarray(0, SIGNATURE_BYTES));
  if (!ours) return 'cryptosign: another message was signed than the challenge';
  return key === undefined || !valid ? UNKNOWN_KEY : undefined;
}

function publicKeyOf(request: AuthRequest): string | undefined {
  const pubkey = Object.hasOwn(request.authextra, 'pubkey') ? request.authextra.pubkey : undefined;
  return typeof pubkey === 'string' && /^[0-9a-f]{64}$/i.test(pubkey) ? pubkey.toLowerCase() : undefined;
}

/** Binds only where the client asks for the one binding that TLS 1.3 has, and the connection offers it. */
function bindingFor({ authextra, channelId }: AuthRequest): Buffer | undefined {
  if (!Object.hasOwn(authextra, 'channel_binding') || authextra.channel_binding !== BINDING) return undefined;
  return channelId?.length === CHALLENGE_BYTES ? channelId : undefined;
}

/** What is signed for a challenge. */
function bound(challenge: Buffer, channelId: Buffer | undefined): Buffer {
  return channelId === undefined ? challenge : Buffer.from(challenge.map((byte, at) => byte ^ (channelId[at] ?? 0)));
}

/** What the client wants signed by the router; undefined: nothing, for clients write null, too. */
function clientChallenge({ authextra }: AuthRequest): Buffer | undefined | 'malformed' {
  const challenge = Object.hasOwn(authextra, 'challenge') ? (authextra.challenge ?? undefined) : undefined;
  if (challenge === undefined) return undefined;
  if (typeof challenge !== 'string' || !/^[0-9a-f]{64}$/i.test(challenge)) return 'malformed';
  return Buffer.from(challenge, 'hex');
}

const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

function readKey(hex: string, where: string, realm: RealmCredentials): KeyObject | undefined {
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    realm.warn(`${where}: a public key of 64 hex digits expected`);
    return undefined;
  }
  const key = keyOf(hex);
  if (key === undefined) {
    realm.warn(`${where}: ${hex} is a placeholder that anybody can sign for; make a key with "waggle keys new"`);
  }
  return key;
}

/** @param hex 64 hex digits. @returns undefined for a key that anybody can sign for */
function keyOf(hex: string): KeyObject | undefined {
  if (isWeakKey(hex)) return undefined;
  const key = Buffer.concat([SPKI_ED25519, Buffer.from(hex, 'hex')]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}
