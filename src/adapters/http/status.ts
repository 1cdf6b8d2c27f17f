/** Which HTTP status an error of WAMP has (BRIDGES §3). */
import { type CloseReason, CloseUri, ErrorUri } from '../../wamp/errors.ts';

/** Autobahn's callees say it of exceptions that nobody foresaw. */
const RUNTIME_ERROR = 'wamp.error.runtime_error';

const STATUSES: Readonly<Record<string, number>> = {
  [ErrorUri.INVALID_URI]: 400,
  [ErrorUri.INVALID_ARGUMENT]: 400,
  [ErrorUri.OPTION_NOT_ALLOWED]: 400,
  [ErrorUri.DISCLOSE_ME_DISALLOWED]: 400,
  [ErrorUri.FEATURE_NOT_SUPPORTED]: 400,
  [ErrorUri.PROTOCOL_VIOLATION]: 400,
  [ErrorUri.AUTHENTICATION_DENIED]: 401,
  [ErrorUri.AUTHENTICATION_REQUIRED]: 401,
  [ErrorUri.NOT_AUTHORIZED]: 403,
  [ErrorUri.NO_SUCH_REALM]: 404,
  [ErrorUri.NO_SUCH_PROCEDURE]: 404,
  [ErrorUri.NO_SUCH_SESSION]: 404,
  [ErrorUri.NO_SUCH_REGISTRATION]: 404,
  [ErrorUri.NO_SUCH_SUBSCRIPTION]: 404,
  [ErrorUri.PAYLOAD_SIZE_EXCEEDED]: 413,
  [ErrorUri.LIMIT_EXCEEDED]: 429,
  [RUNTIME_ERROR]: 500,
  // The callee went away, or what it said could not be brought here.
  [ErrorUri.CANCELED]: 502,
  [ErrorUri.NETWORK_FAILURE]: 502,
  [ErrorUri.UNAVAILABLE]: 503,
  [ErrorUri.NO_AVAILABLE_CALLEE]: 503,
  [ErrorUri.AUTHORIZATION_FAILED]: 503,
  [ErrorUri.TIMEOUT]: 504,
};

/** An error of the application's own: it was understood, and the callee does not do it. Not for a retry, so no 5xx. */
const OF_THE_APPLICATION = 422;

export function statusOf(uri: string): number {
  return STATUSES[uri] ?? OF_THE_APPLICATION;
}

/** What a request is told whose session the router ends (CONTRACT §6): those that should come back get 503. */
export function statusOfClose({ how, uri }: CloseReason): number {
  if (how === 'restart' || how === 'tryLater' || uri === CloseUri.SYSTEM_SHUTDOWN) return 503;
  if (uri === CloseUri.CLOSE_REALM) return 404;
  return how === 'abort' ? statusOf(uri) : 403;
}
