import type { Identity } from '../router/authorizer.ts';
import type { Clock } from '../router/clock.ts';
import type { Dict } from '../wamp/payload.ts';
import type { Decoys } from './decoys.ts';
import type { RealmAuthSpec, SecretRef } from './principals.ts';
import type { SlowHashes } from './slow-hashes.ts';

/** What a method may know of the HELLO it answers. */
export interface AuthRequest {
  /** The id the session will have, part of the WAMP-CRA challenge (PITFALLS 17). */
  readonly session: number;
  readonly authid: string | undefined;
  readonly authextra: Dict;
  /** Remote address, for delays. */
  readonly address: string;
  /** How it is connected, as `wamp.session.get` says it; absent: nothing is known. */
  readonly transport?: Dict | undefined;
  /** TLS exporter value, where the connection has one (PITFALLS 18). */
  readonly channelId: Buffer | undefined;
  /** SHA-256 (lower-case hex) of the certificate that the client has shown and TLS has verified; absent: none. */
  readonly certificate?: string | undefined;
}

/** What authentication answers next. */
export type AuthStep =
  | { readonly kind: 'challenge'; readonly method: string; readonly extra: Dict }
  | {
      readonly kind: 'welcome';
      readonly identity: Identity;
      /** Names the credential proven, never the secret; see `Session.credential`. */
      readonly credential: string;
      /** For WELCOME.Details.authextra; undefined: none. */
      readonly authextra: Dict | undefined;
    }
  /** `reason` is for the log only: what the peer hears is always alike (CONTRACT §4, "Failures"). */
  | { readonly kind: 'deny'; readonly uri: string; readonly reason: string }
  /** The authenticator itself could not answer (overload, timeout): the client should come back. */
  | {
      readonly kind: 'tryLater';
      /** What the peer hears. */
      readonly reason: string;
      /** What the log says; absent: nothing. */
      readonly cause?: string;
    };

/** What the realm's authenticator says of somebody whom the realm file does not know. */
export type Vouching =
  | {
      readonly kind: 'vouched';
      /** All that it answered: what the method still has to check may be in it. */
      readonly said: Dict;
      readonly step: AuthStep;
    }
  | Exclude<AuthStep, { kind: 'welcome' | 'challenge' }>;

/** Asks it, with what the client brought. */
export type Vouch = (proof: Dict) => Promise<Vouching>;

/** One attempt of one client with one method. */
export interface AuthAttempt {
  /** Answer to HELLO. */
  begin(): AuthStep | Promise<AuthStep>;
  /** Answer to AUTHENTICATE. Called at most once, after a challenge. */
  finish(signature: string, extra: Dict): AuthStep | Promise<AuthStep>;
}

/** A method as one realm offers it: its credentials compiled, ready to be asked. Immutable. */
export interface RealmMethod {
  readonly name: string;
  /** Whether the realm file gives anybody such a credential; says nothing about one user (CONTRACT §4, "Failures"). */
  readonly allowed: boolean;
  /** Milliseconds that pass at least between AUTHENTICATE and a denial, so that all reasons take equally long. */
  readonly denialMs: number;
  /** Whether HELLO brought what the method starts from (PITFALLS 14). Must not depend on who is known. */
  canStart(request: AuthRequest): boolean;
  /** Whom failures are counted against, together with the address. */
  suspect(request: AuthRequest): string;
  /**
   * @param locked asked right before costly work is done: true where the client has meanwhile been locked out.
   *   The attempt then answers `LOCKED_OUT` (auth/answers.ts) and verifies nothing.
   */
  attempt(request: AuthRequest, locked: () => boolean): AuthAttempt;
  /** As `attempt`, of somebody whom the realm file does not know. Absent: the method is for principals only. */
  stranger?(request: AuthRequest, vouch: Vouch): AuthAttempt;
  /** Whether the principal still holds the credential of that name. */
  holds(principal: string, credential: string): boolean;
}

/** What a method is compiled from. */
export interface RealmCredentials extends RealmAuthSpec {
  /**
   * @param where `principal "x": ticket`, for the warning.
   * @returns undefined where the secret is unset, empty or unreadable: that credential does not exist.
   */
  secret(ref: SecretRef, where: string): string | undefined;
  warn(message: string): void;
  readonly decoys: Decoys;
  readonly clock: Clock;
  readonly slowHashes: SlowHashes;
}

/** An authentication method: one file, and one line in auth/registry.ts. */
export interface AuthMethod {
  /** As in HELLO.Details.authmethods. */
  readonly name: string;
  /** Reads this method's credentials out of a realm's principals; what is unusable is warned of and left out. */
  compile(realm: RealmCredentials): RealmMethod;
}
