import { Feature } from '../wamp/features.ts';
import { NO_DETAILS } from '../wamp/messages.ts';
import type { Dict } from '../wamp/payload.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Callee } from './registration.ts';

/**
 * INVOCATION.Details; `procedure` for patterns only (PITFALLS 50).
 * @param timeoutMs what the callee is to obey itself; 0: none
 */
export function invocationDetails(call: PendingCall, procedure: string, callee: Callee, timeoutMs: number): Dict {
  const { caller, registration, receiveProgress } = call;
  const { session } = callee;
  const named = (call.named || callee.discloseCaller) && !caller.internal;
  const isTold = named && session.has(Feature.CALLEE_CALLER_IDENTIFICATION);
  const trustlevel = session.has(Feature.CALLEE_CALL_TRUSTLEVELS) ? call.trustlevel : undefined;
  const isPattern = registration.match !== 'exact';
  if (!receiveProgress && timeoutMs === 0 && !isTold && trustlevel === undefined && !isPattern) return NO_DETAILS;
  const details: Record<string, unknown> = {};
  if (isPattern) details.procedure = procedure;
  if (receiveProgress) details.receive_progress = true;
  if (timeoutMs > 0) details.timeout = timeoutMs;
  if (isTold) {
    details.caller = caller.id;
    details.caller_authid = caller.identity.authid;
    details.caller_authrole = caller.identity.authrole;
  }
  if (trustlevel !== undefined) details.trustlevel = trustlevel;
  return Object.freeze(details);
}
