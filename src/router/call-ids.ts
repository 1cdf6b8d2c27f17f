import { Feature } from '../wamp/features.ts';
import { nextSessionId } from '../wamp/ids.ts';
import type { Call } from '../wamp/messages.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Session } from './session.ts';

/** What the id of a CALL makes of it. */
export type CallKind =
  | { readonly kind: 'new' }
  /** A further part of the pending call. */
  | { readonly kind: 'part' }
  /** A part of a call that is over, as its caller could not know (PITFALLS 60). */
  | { readonly kind: 'late' }
  | { readonly kind: 'violation'; readonly reason: string };

const NEW: CallKind = { kind: 'new' };
const PART: CallKind = { kind: 'part' };
const LATE: CallKind = { kind: 'late' };

/** @param pending the call of that id that the session has not been answered yet */
export function judgeCall(session: Session, message: Call, pending: PendingCall | undefined): CallKind {
  if (session.has(Feature.CALLER_PROGRESSIVE_INVOCATIONS)) {
    return pending === undefined ? judgeId(session, message.request) : judgePart(message, pending);
  }
  // Any answer to a second call of that id, a refusal too, would be taken for the first one's (PITFALLS 24).
  if (pending !== undefined) return taken(message.request);
  if (!message.options.progress) return NEW;
  const reason = 'CALL.Options.progress: the caller did not announce progressive_call_invocations';
  return { kind: 'violation', reason };
}

/** The specification's algorithm ("Verification of CALL Request IDs") for an id of no pending call. */
function judgeId(session: Session, request: number): CallKind {
  // One counter serves all requests, so a CALL may come after higher ids than those of the calls before.
  const highest = Math.max(session.lastCall, session.lastRequest);
  if (request === nextSessionId(highest)) return NEW;
  if (request > highest) {
    return { kind: 'violation', reason: `CALL.Request: ${request} after ${highest}, ${highest + 1} expected` };
  }
  return request <= session.lastCall ? LATE : NEW;
}

function judgePart(message: Call, { stream, killed }: PendingCall): CallKind {
  if (stream === undefined || stream.hasEnded) return taken(message.request);
  return stream.procedure === message.procedure && !killed ? PART : LATE;
}

function taken(request: number): CallKind {
  return { kind: 'violation', reason: `CALL.Request: ${request} is the id of a call that is still pending` };
}
