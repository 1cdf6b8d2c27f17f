import { ErrorUri, violation } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { nextSessionId } from '../wamp/ids.ts';
import {
  type Call,
  type Cancel,
  type Invocation,
  type InvocationError,
  MessageType,
  NO_DETAILS,
  requestError,
  type Yield,
} from '../wamp/messages.ts';
import type { CancelMode } from '../wamp/options.ts';
import type { Dict } from '../wamp/payload.ts';
import type { RealmContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { INVOCATION_POLICIES } from './invocation-policies.ts';
import type { Sent } from './peer.ts';
import { PendingCall } from './pending-calls.ts';
import type { Callee, Registration } from './registration.ts';
import { Registry } from './registry.ts';
import type { Session } from './session.ts';

const PROGRESS: Dict = Object.freeze({ progress: true });
const INTERRUPT_DETAILS: Readonly<Record<CancelMode, Dict>> = {
  skip: Object.freeze({ mode: 'skip' }),
  kill: Object.freeze({ mode: 'kill' }),
  killnowait: Object.freeze({ mode: 'killnowait' }),
};

/** The calls of a realm between caller and callee (spec: "Calling and Invocations"). */
export class Dealer {
  readonly registry: Registry;
  readonly #context: RealmContext;
  readonly #deadlines: Deadlines;
  readonly #onExpiry = (call: PendingCall): void => this.#abandon(call, ErrorUri.TIMEOUT, 'the call timed out');

  constructor(context: RealmContext) {
    this.#context = context;
    this.registry = new Registry(context);
    this.#deadlines = new Deadlines(context.clock);
  }

  /**
   * Ends a session that re-uses the id of a call still pending: any answer to the second, a refusal too, would be
   * taken for the first one's (PITFALLS 24). To be asked before anything else about a CALL.
   */
  isNew(session: Session, message: Call): boolean {
    const { request } = message;
    if (!session.calls.has(request)) return true;
    this.#context.end(session, violation(`CALL.Request: ${request} is the id of a call that is still pending`));
    return false;
  }

  /**
   * @param message passed {@link isNew}
   * @param disclose whether the rules of the realm name the caller
   * @param trustlevel what they say of its role; undefined: nothing
   */
  call(session: Session, message: Call, disclose: boolean, trustlevel?: number): void {
    const { request, procedure } = message;
    const bound = this.#context.limits.maxPendingCallsPerSession;
    if (session.calls.size >= bound) {
      const text = `a session may have ${bound} calls pending`;
      this.#context.send(session, requestError(message.type, request, ErrorUri.LIMIT_EXCEEDED, text));
      return;
    }
    const registration = this.registry.best(procedure);
    if (registration === undefined) {
      const text = `no callee has registered ${procedure}`;
      this.#context.send(session, requestError(message.type, request, ErrorUri.NO_SUCH_PROCEDURE, text));
      return;
    }
    const named = disclose || message.options.discloseMe;
    this.#offer(session, message, registration, named, trustlevel);
  }

  /** Offers the call to callees in the policy's order until one takes it. */
  #offer(caller: Session, message: Call, registration: Registration, named: boolean, trust: number | undefined): void {
    const policy = INVOCATION_POLICIES[registration.invoke];
    // A callee that does not take a call may leave by it; the order is that of the moment the call came.
    const callees = registration.callees.length === 1 ? registration.callees : [...registration.callees];
    const count = callees.length;
    let at = policy.first(registration);
    let refusal: string = ErrorUri.NO_AVAILABLE_CALLEE;
    for (let tried = 0; tried < count; tried += 1) {
      const callee = callees[at];
      at = (at + policy.step + count) % count;
      if (callee === undefined) continue;
      if (tried > 0) {
        // Whoever did not take it may have acted within send(): the caller or this callee may be gone.
        if (caller.ended) return;
        if (!registration.passTo(callee)) continue;
      }
      const sent = this.#invoke(caller, message, registration, callee, named, trust);
      if (sent === true) return;
      if (sent !== undefined) refusal = sent;
    }
    const text = `no callee of ${message.procedure} took the call`;
    this.#context.send(caller, requestError(message.type, message.request, refusal, text));
  }

  /** @returns true: the call is on its way or has been answered already; else why the callee did not take it */
  #invoke(
    caller: Session,
    message: Call,
    registration: Registration,
    callee: Callee,
    named: boolean,
    trust: number | undefined,
  ): Sent {
    const { options, request, payload } = message;
    const asked = options.timeout > 0 ? options.timeout : this.#context.limits.callTimeoutMs;
    const forwards = callee.forwardTimeout && callee.session.has(Feature.CALLEE_CALL_TIMEOUT);
    const timeoutMs = forwards ? 0 : asked;
    const receiveProgress = options.receiveProgress && callee.session.has(Feature.CALLEE_PROGRESSIVE_RESULTS);
    const call = new PendingCall(caller, request, registration, callee, receiveProgress, timeoutMs, this.#onExpiry);
    const before = callee.session.lastInvocation;
    const invocation: Invocation = {
      type: MessageType.INVOCATION,
      request: nextSessionId(before),
      registration: registration.id,
      details: invocationDetails(message, registration, callee, {
        caller: (named || callee.discloseCaller) && !caller.internal ? caller : undefined,
        receiveProgress,
        trustlevel: callee.session.has(Feature.CALLEE_CALL_TRUSTLEVELS) ? trust : undefined,
        timeoutMs: forwards ? asked : 0,
      }),
      payload,
    };
    // Entered before it is sent: an in-process callee may answer within send().
    call.open(callee.session, invocation.request);
    const sent = this.#context.send(callee.session, invocation);
    if (sent === true) {
      registration.invocations += 1;
      if (timeoutMs > 0 && call.isOpen) this.#deadlines.add(call, timeoutMs);
      return true;
    }
    // The callee may have left by it, and then the caller has been told.
    if (!call.isOpen) return true;
    call.forget();
    // Unless the peer was sent another one meanwhile, the id was never seen and is free again.
    if (callee.session.lastInvocation === invocation.request) callee.session.lastInvocation = before;
    return sent;
  }

  yield(session: Session, message: Yield): void {
    const call = this.#answered(session, message);
    if (call === undefined) return;
    if (message.progress) {
      this.#progress(session, call, message);
      return;
    }
    this.#close(call);
    const result = {
      type: MessageType.RESULT,
      request: call.request,
      details: NO_DETAILS,
      payload: message.payload,
    } as const;
    const sent = this.#context.send(call.caller, result);
    // A result that cannot be said to this caller must not leave it waiting (PITFALLS 86).
    if (sent !== true && !call.caller.ended) this.#answer(call, sent, 'the result could not be delivered');
  }

  #progress(session: Session, call: PendingCall, message: Yield): void {
    if (!call.receiveProgress) {
      // Nobody asked for it; passed on it would look like the final result (PITFALLS 59).
      this.#context.observer.dropped(session, message, 'unwanted_progress');
      return;
    }
    if (call.timeoutMs > 0) this.#deadlines.add(call, call.timeoutMs);
    const result = {
      type: MessageType.RESULT,
      request: call.request,
      details: PROGRESS,
      payload: message.payload,
    } as const;
    const sent = this.#context.send(call.caller, result);
    // The caller would not know of the gap, so the stream ends there (PITFALLS 86).
    if (sent !== true && call.isOpen) this.#abandon(call, sent, 'a progressive result could not be delivered');
  }

  error(session: Session, message: InvocationError): void {
    const call = this.#answered(session, message);
    if (call === undefined) return;
    this.#close(call);
    const { details, error, payload } = message;
    const sent = this.#context.send(call.caller, {
      type: MessageType.ERROR,
      requestType: MessageType.CALL,
      request: call.request,
      details,
      error,
      payload,
    });
    if (sent !== true && !call.caller.ended)
      this.#answer(call, error, 'the details of the error could not be delivered');
  }

  /** The call that an answer belongs to; undefined where there is none any more, or never was (PITFALLS 53, 62). */
  #answered(session: Session, message: Yield | InvocationError): PendingCall | undefined {
    const call = session.invocations.get(message.request);
    if (call !== undefined) return call;
    if (message.request > session.lastInvocation) {
      const name = message.type === MessageType.YIELD ? 'YIELD' : 'ERROR';
      this.#context.end(session, violation(`${name}: no INVOCATION ${message.request} was sent to this session`));
    } else {
      this.#context.observer.dropped(session, message, 'late_answer');
    }
    return undefined;
  }

  cancel(session: Session, message: Cancel): void {
    const call = session.calls.get(message.request);
    // Not there: answered already, canceled already, or never this session's; all are silent (PITFALLS 54).
    if (call === undefined || call.killed) return;
    if (message.mode === 'killnowait') {
      this.#abandon(call, ErrorUri.CANCELED, 'the call was canceled');
      return;
    }
    if (message.mode === 'kill') {
      call.killed = true;
      // A callee that cannot be told, or does not take it, leaves the effect of skip (PITFALLS 55).
      if (this.#interrupt(call, 'kill') || !call.isOpen) return;
    }
    this.#close(call);
    this.#answer(call, ErrorUri.CANCELED, 'the call was canceled');
  }

  /** Ends a call for the caller at once and tells the callee not to bother; a late answer of it is dropped. */
  #abandon(call: PendingCall, uri: string, text: string): void {
    this.#close(call);
    this.#interrupt(call, 'killnowait');
    this.#answer(call, uri, text);
  }

  /** @returns whether the callee announced that it can be told, and took it (PITFALLS 13) */
  #interrupt(call: PendingCall, mode: CancelMode): boolean {
    if (!call.callee.has(Feature.CALLEE_CALL_CANCELING)) return false;
    const details = INTERRUPT_DETAILS[mode];
    return this.#context.send(call.callee, { type: MessageType.INTERRUPT, request: call.invocation, details }) === true;
  }

  #answer(call: PendingCall, uri: string, text: string): void {
    this.#context.send(call.caller, requestError(MessageType.CALL, call.request, uri, text));
  }

  #close(call: PendingCall): void {
    call.forget();
    this.#deadlines.remove(call);
  }

  /** Both ends of a leaving session: registrations first, so that no call is routed to it meanwhile. */
  leave(session: Session): void {
    this.registry.leave(session);
    for (const call of [...session.invocations.values()]) {
      if (!call.isOpen) continue;
      this.#close(call);
      if (!call.caller.ended) this.#answer(call, ErrorUri.CANCELED, 'the callee left before it answered');
    }
    for (const call of [...session.calls.values()]) {
      if (!call.isOpen) continue;
      this.#close(call);
      if (!call.callee.ended) this.#interrupt(call, 'killnowait');
    }
  }

  /** Calls that wait for an answer under a timeout. */
  get timed(): number {
    return this.#deadlines.size;
  }

  stop(): void {
    this.#deadlines.stop();
  }
}

interface Particulars {
  /** Whom to name; undefined: nobody. */
  readonly caller: Session | undefined;
  readonly receiveProgress: boolean;
  /** undefined: not rated, or not told. */
  readonly trustlevel: number | undefined;
  /** Milliseconds the callee is to obey itself; 0: none. */
  readonly timeoutMs: number;
}

/** INVOCATION.Details; `procedure` for patterns only (PITFALLS 50). */
function invocationDetails(message: Call, registration: Registration, callee: Callee, particulars: Particulars): Dict {
  const { receiveProgress, timeoutMs, trustlevel } = particulars;
  const told = callee.session.has(Feature.CALLEE_CALLER_IDENTIFICATION) ? particulars.caller : undefined;
  const isPattern = registration.match !== 'exact';
  if (!receiveProgress && timeoutMs === 0 && told === undefined && trustlevel === undefined && !isPattern)
    return NO_DETAILS;
  const details: Record<string, unknown> = {};
  if (isPattern) details.procedure = message.procedure;
  if (receiveProgress) details.receive_progress = true;
  if (timeoutMs > 0) details.timeout = timeoutMs;
  if (told !== undefined) {
    details.caller = told.id;
    details.caller_authid = told.identity.authid;
    details.caller_authrole = told.identity.authrole;
  }
  if (trustlevel !== undefined) details.trustlevel = trustlevel;
  return Object.freeze(details);
}
