import { ErrorUri } from '../wamp/errors.ts';
import type { AutobahnError, Dict } from './autobahn.ts';

/**
 * Everything that `connectAgent` and its agent are rejected with; only an aborted signal's own reason is something else.
 * `uri` is the WAMP error where a peer gave one, and says the same in the router's words where none did.
 */
export class AgentError extends Error {
  override readonly name: string = 'AgentError';
  readonly uri: string;
  readonly args: readonly unknown[];
  readonly kwargs: Dict;

  constructor(uri: string, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.uri = uri;
    this.args = parts.args ?? [];
    this.kwargs = parts.kwargs ?? {};
  }
}

export interface ErrorParts {
  readonly args?: readonly unknown[];
  readonly kwargs?: Dict;
  readonly cause?: unknown;
}

/** The router or another peer answered with ERROR. A procedure that throws one (or any `AgentError`) answers with it. */
export class PeerError extends AgentError {
  override readonly name: string = 'PeerError';

  constructor(uri: string, args: readonly unknown[] = [], kwargs: Dict = {}) {
    super(uri, typeof args[0] === 'string' && args[0] !== '' ? `${uri}: ${args[0]}` : uri, { args, kwargs });
  }
}

/** The router's rules do not allow it. */
export class NotAuthorizedError extends PeerError {
  override readonly name: string = 'NotAuthorizedError';
}

/** Nobody offers that procedure. */
export class NoSuchProcedureError extends PeerError {
  override readonly name: string = 'NoSuchProcedureError';
}

/** The call was given up on the way: by a peer, or because its callee left. */
export class CanceledError extends PeerError {
  override readonly name: string = 'CanceledError';
}

/** No answer within the time: either the router's clock said so, or ours. */
export class TimeoutError extends PeerError {
  override readonly name: string = 'TimeoutError';
}

/** The router's final answer: it let nobody in (ABORT) or sent the session away (GOODBYE). Coming back would not help. */
export class RefusedError extends AgentError {
  override readonly name: string = 'RefusedError';
}

/** There was no router within the time that was given to reach one; `message` has the last reason. */
export class UnreachableError extends AgentError {
  override readonly name: string = 'UnreachableError';
}

/**
 * The connection ended before the answer came, or there is none. `maybeDone`: the request was on its way, so the router
 * may have carried it out; false: it never left.
 */
export class ConnectionLostError extends AgentError {
  override readonly name: string = 'ConnectionLostError';
  readonly maybeDone: boolean;

  constructor(message: string, maybeDone: boolean, parts: ErrorParts = {}) {
    super(ErrorUri.NETWORK_FAILURE, message, parts);
    this.maybeDone = maybeDone;
  }
}

/** The agent was closed by its own program. */
export class ClosedError extends AgentError {
  override readonly name: string = 'ClosedError';
}

/** The router took a subscription or registration away. */
export class RevokedError extends AgentError {
  override readonly name: string = 'RevokedError';
}

/** More events came than an event stream may hold, and its policy is to end then; `lost` is the first one lost. */
export class OverflowError extends AgentError {
  override readonly name: string = 'OverflowError';
}

/** What was given cannot be sent: it has no JSON, or is larger than the router takes. */
export class InvalidPayloadError extends AgentError {
  override readonly name: string = 'InvalidPayloadError';
}

const BY_URI: Readonly<Record<string, new (uri: string, args: readonly unknown[], kwargs: Dict) => PeerError>> = {
  [ErrorUri.NOT_AUTHORIZED]: NotAuthorizedError,
  [ErrorUri.NO_SUCH_PROCEDURE]: NoSuchProcedureError,
  [ErrorUri.CANCELED]: CanceledError,
  [ErrorUri.TIMEOUT]: TimeoutError,
};

/** The class that fits the URI. */
export function peerError(uri: string, args: readonly unknown[] = [], kwargs: Dict = {}): PeerError {
  const Fitting = Object.hasOwn(BY_URI, uri) ? BY_URI[uri] : undefined;
  return new (Fitting ?? PeerError)(uri, args, kwargs);
}

/** What autobahn rejects with, as one of ours. */
export function typed(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (isAutobahnError(error)) return peerError(error.error, error.args, error.kwargs);
  // autobahn throws texts such as "session not open".
  const message = error instanceof Error ? error.message : String(error);
  return new AgentError(ErrorUri.INVALID_ARGUMENT, message, { cause: error });
}

/** By its shape: a program may have an autobahn of its own beside ours. */
export function isAutobahnError(error: unknown): error is AutobahnError {
  if (typeof error !== 'object' || error === null || error instanceof Error) return false;
  return 'error' in error && typeof error.error === 'string' && 'args' in error && Array.isArray(error.args);
}
