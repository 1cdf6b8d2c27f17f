/**
 * Errors are data: every URI the router may put on the wire stands in one of the tables of this file.
 *
 * Where the specification contradicts itself the choice is PITFALLS §11's: `canceled` with one l, and
 * `option_disallowed.disclose_me` rather than `disclose_me.not_allowed`.
 */

/** Error URIs of the Basic and Advanced Profile (spec: "Predefined URIs"), our own under `waggle.error.`, and the agents' own. */
export const ErrorUri = {
  INVALID_URI: 'wamp.error.invalid_uri',
  NO_SUCH_PROCEDURE: 'wamp.error.no_such_procedure',
  PROCEDURE_ALREADY_EXISTS: 'wamp.error.procedure_already_exists',
  NO_SUCH_REGISTRATION: 'wamp.error.no_such_registration',
  NO_SUCH_SUBSCRIPTION: 'wamp.error.no_such_subscription',
  NO_SUCH_SESSION: 'wamp.error.no_such_session',
  INVALID_ARGUMENT: 'wamp.error.invalid_argument',
  CANCELED: 'wamp.error.canceled',
  TIMEOUT: 'wamp.error.timeout',
  UNAVAILABLE: 'wamp.error.unavailable',
  NO_AVAILABLE_CALLEE: 'wamp.error.no_available_callee',
  NETWORK_FAILURE: 'wamp.error.network_failure',
  PAYLOAD_SIZE_EXCEEDED: 'wamp.error.payload_size_exceeded',
  FEATURE_NOT_SUPPORTED: 'wamp.error.feature_not_supported',
  OPTION_NOT_ALLOWED: 'wamp.error.option_not_allowed',
  DISCLOSE_ME_DISALLOWED: 'wamp.error.option_disallowed.disclose_me',
  PROTOCOL_VIOLATION: 'wamp.error.protocol_violation',
  NOT_AUTHORIZED: 'wamp.error.not_authorized',
  AUTHORIZATION_FAILED: 'wamp.error.authorization_failed',
  NO_SUCH_REALM: 'wamp.error.no_such_realm',
  NO_SUCH_ROLE: 'wamp.error.no_such_role',
  NO_SUCH_PRINCIPAL: 'wamp.error.no_such_principal',
  NO_MATCHING_AUTH_METHOD: 'wamp.error.no_matching_auth_method',
  AUTHENTICATION_DENIED: 'wamp.error.authentication_denied',
  AUTHENTICATION_FAILED: 'wamp.error.authentication_failed',
  AUTHENTICATION_REQUIRED: 'wamp.error.authentication_required',
  /** A call is not signed as the rules ask for; the name that agents give it themselves. */
  UNAUTHORIZED: 'yamtam.error.unauthorized',
  /** A bound of `limits:` would be passed (CONTRACT §3); our own, the specification has no URI for it. */
  LIMIT_EXCEEDED: 'waggle.error.limit_exceeded',
  /** The store of event history does not answer; our own, as `unavailable` would send the call to another callee. */
  HISTORY_UNAVAILABLE: 'waggle.error.history_unavailable',
} as const;

/** Reasons of GOODBYE (spec: "Session Close"). */
export const CloseUri = {
  NORMAL: 'wamp.close.normal',
  GOODBYE_AND_OUT: 'wamp.close.goodbye_and_out',
  SYSTEM_SHUTDOWN: 'wamp.close.system_shutdown',
  CLOSE_REALM: 'wamp.close.close_realm',
  KILLED: 'wamp.close.killed',
} as const;

/**
 * How the router ends a session (CONTRACT §6).
 *
 * - `goodbye`, `abort`: a final answer. The client is told the URI and does not come back by itself.
 * - `restart`, `tryLater`: the transport is closed *without* GOODBYE or ABORT (WebSocket 1012, 1013), because
 *   autobahn-js never reconnects after either; so the client comes back.
 */
export type CloseHow = 'goodbye' | 'abort' | 'restart' | 'tryLater';

/** Why a session ends; `uri` also labels logs and meta events where the wire carries nothing. */
export interface CloseReason {
  readonly how: CloseHow;
  readonly uri: string;
  /** One sentence for the peer and the log; never a secret. Empty: none. */
  readonly message: string;
}

/** A request that is refused: told to the peer as ERROR where the protocol allows one. Costs only the request. */
export class WampError extends Error {
  override readonly name = 'WampError';
  readonly uri: string;

  constructor(uri: string, message: string) {
    super(message);
    this.uri = uri;
  }
}

/**
 * A message that no session may send: ends the sender's session with ABORT (spec: "Protocol Errors").
 * Thrown by decoders and option readers, never by the core.
 */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  readonly uri: string;

  constructor(message: string, uri: string = ErrorUri.PROTOCOL_VIOLATION) {
    super(message);
    this.uri = uri;
  }
}

/** The close reason that a protocol violation deserves. */
export function violation(message: string): CloseReason {
  return { how: 'abort', uri: ErrorUri.PROTOCOL_VIOLATION, message };
}
