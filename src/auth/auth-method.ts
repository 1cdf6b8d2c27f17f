import type { Identity } from '../router/authorizer.ts';
import type { Dict } from '../wamp/payload.ts';

/** What a method may know of the HELLO it answers. */
export interface AuthRequest {
  /** The id the session will have, part of the WAMP-CRA challenge (PITFALLS 17). */
  readonly session: number;
  readonly authid: string | undefined;
  readonly authextra: Dict;
  /** Remote address, for delays. */
  readonly address: string;
  /** TLS exporter value, where the connection has one (PITFALLS 18). */
  readonly channelId: Buffer | undefined;
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
  | { readonly kind: 'tryLater'; readonly reason: string };

/** One attempt of one client with one method. */
export interface AuthAttempt {
  /** Answer to HELLO. */
  begin(): AuthStep | Promise<AuthStep>;
  /** Answer to AUTHENTICATE. Called at most once, after a challenge. */
  finish(signature: string, extra: Dict): AuthStep | Promise<AuthStep>;
}
