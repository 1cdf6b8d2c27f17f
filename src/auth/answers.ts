import type { Identity } from '../router/authorizer.ts';
import { ErrorUri } from '../wamp/errors.ts';
import type { Dict } from '../wamp/payload.ts';
import type { AuthStep } from './auth-method.ts';

/** What every principal of a realm file is provided by (PITFALLS 12). */
export const PROVIDER = 'static';

/**
 * A refusal as every method gives it: one URI for all reasons (CONTRACT §4, "Failures"; PITFALLS 16).
 * @param reason for the log; names no secret.
 */
export function denied(reason: string): Extract<AuthStep, { kind: 'deny' }> {
  return { kind: 'deny', uri: ErrorUri.AUTHENTICATION_DENIED, reason };
}

/** Refused unverified; recognised by identity, because a refusal while locked out is no further failure. */
export const LOCKED_OUT: AuthStep = Object.freeze(denied('locked out after repeated failures'));

/** A proven credential. @param authextra for WELCOME, where the method proves something to the client in turn */
export function welcome(identity: Identity, credential: string, authextra?: Dict): AuthStep {
  return { kind: 'welcome', identity, credential, authextra };
}

/** The identity of a principal, frozen: it is shared by all its sessions. */
export function principalIdentity(authid: string, role: string, authmethod: string): Identity {
  return Object.freeze({ authid, authrole: role, authmethod, authprovider: PROVIDER, principal: authid });
}
