import { ErrorUri, violation } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import {
  type Call,
  type Cancel,
  type InvocationError,
  MessageType,
  NO_DETAILS,
  requestError,
  type Yield,
} from '../wamp/messages.ts';
import { type Dict, Payload } from '../wamp/payload.ts';
import type { CallTrail } from './audit.ts';
import type { Allowed } from './authorization.ts';
import { CallEndings } from './call-endings.ts';
import { judgeCall } from './call-ids.ts';
import { CallOffers } from './call-offers.ts';
import { CallStream } from './call-stream.ts';
import type { RealmContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { HeldCalls } from './held-calls.ts';
import { withoutPassthru, withPassthru } from './passthru.ts';
import { PendingCall, TAKES_PARTS } from './pending-calls.ts';
import type { Callee } from './registration.ts';
import { Registry } from './registry.ts';
import { hashOf } from './rendezvous.ts';
import type { Session } from './session.ts';

const PROGRESS: Dict = Object.freeze({ progress: true });
/** In the place of what a caller could not read. */
const UNREADABLE = Payload.of([
  'the payload of this error is in payload passthru mode, which the caller did not announce',
]);

/**
 * The calls of a realm between caller and callee (spec: "Calling and Invocations"): what begins them and what is said
 * of them afterwards. {@link CallOffers} finds who takes a call, {@link CallEndings} ends it.
 */
export class Dealer {
  readonly registry: Registry;
  readonly #context: RealmContext;
  readonly #deadlines: Deadlines;
  readonly #offers: CallOffers;
  readonly #endings: CallEndings;
  /** Calls so far. */
  #order = 0;
  readonly #onExpiry = (call: PendingCall): void => this.#endings.abandon(call, ErrorUri.TIMEOUT, 'the call timed out');

  constructor(context: RealmContext) {
    this.#context = context;
    this.registry = new Registry(context);
    this.#deadlines = new Deadlines(context.clock);
    const held = new HeldCalls();
    this.#endings = new CallEndings(context, this.#deadlines, held);
    this.#offers = new CallOffers(context, this.#deadlines, held, this.#endings);
  }

  /**
   * Whether a CALL begins a call. One that continues a call is passed on here, one that continues none any more is
   * discarded, one that may not have its id ends the session. To be asked before anything else about a CALL.
   */
  isNew(session: Session, message: Call): boolean {
    const pending = session.calls.get(message.request);
    const judged = judgeCall(session, message, pending);
    if (judged.kind === 'new') {
      session.lastCall = message.request;
      return true;
    }
    if (judged.kind === 'violation') this.#context.end(session, violation(judged.reason));
    else if (judged.kind === 'part' && pending?.stream !== undefined)
      this.#addPart(session, pending, pending.stream, message);
    else this.#context.observer.dropped(session, message, 'late_continuation');
    return false;
  }

  /** Each part is judged as the first one was (BRIDGES §5); where one fails the call is over, for its callee too. */
  #addPart(session: Session, call: PendingCall, stream: CallStream, message: Call): void {
    const refusal = stream.isJudged ? this.#context.refusesPart(session, message) : undefined;
    if (refusal === undefined) this.#offers.addPart(call, stream, message);
    else if (call.taker === undefined) this.#endings.refuse(call, refusal.uri, refusal.message);
    else this.#endings.abandon(call, refusal.uri, refusal.message);
  }

  /**
   * @param message passed {@link isNew}
   * @param allowed what the rules of the realm say of it
   * @param trail where its life is written down; absent: no rule asks for it
   */
  call(session: Session, message: Call, { disclose, trustlevel, check }: Allowed, trail?: CallTrail): void {
    const { request, procedure } = message;
    const bound = this.#context.limits.maxPendingCallsPerSession;
    // The router asks for many sessions at once; what it asks is bounded there (router/inquiries.ts).
    if (session.calls.size >= bound && !session.internal) {
      const text = `a session may have ${bound} calls pending`;
      trail?.ended(ErrorUri.LIMIT_EXCEEDED);
      this.#context.send(session, requestError(message.type, request, ErrorUri.LIMIT_EXCEEDED, text));
      return;
    }
    const registration = this.registry.best(procedure);
    if (registration === undefined) {
      const text = `no callee has registered ${procedure}`;
      trail?.ended(ErrorUri.NO_SUCH_PROCEDURE);
      this.#context.send(session, requestError(message.type, request, ErrorUri.NO_SUCH_PROCEDURE, text));
      return;
    }
    const named = disclose || message.options.discloseMe;
    const allowedMs = message.options.timeout > 0 ? message.options.timeout : this.#context.limits.callTimeoutMs;
    this.#order += 1;
    const call = new PendingCall(
      session,
      request,
      this.#order,
      registration,
      named,
      trustlevel,
      allowedMs,
      this.#onExpiry,
    );
    call.trail = trail;
    if (message.options.progress) {
      call.stream = new CallStream(procedure, check !== undefined);
      call.needs = TAKES_PARTS;
    }
    if (message.options.passthru !== undefined) call.needs |= Feature.CALLEE_PASSTHRU;
    // Without a key the calls of one session stay together.
    if (registration.invoke === 'hash') call.keyHash = hashOf(message.options.rkey ?? `${session.id}`);
    this.#offers.begin(call, message);
  }

  /**
   * A callee said that it cannot attend to the call: the next one is asked (spec: "Call Re-Routing"), whether or not
   * the first announced the feature, for the URI says all there is to say.
   * @returns false where its ERROR is to be passed on as it is
   */
  #reroute(call: PendingCall): boolean {
    // The caller gave it up, or has part of the answer; or parts of the call are gone.
    if (call.killed || call.begun || call.stream?.continued === true) return false;
    const { message, taker } = call;
    if (taker === undefined) return false;
    call.pass(taker.session, ErrorUri.UNAVAILABLE);
    // First this call, then those who wait: it came before them.
    if (message !== undefined) this.#offers.offer(call, message);
    else
      this.#endings.refuse(call, ErrorUri.NO_AVAILABLE_CALLEE, 'the callee is unavailable, and no other can be asked');
    this.#endings.free(taker);
    return true;
  }

  /** A callee's answer, whole or in part, to the caller; one that nobody waits for any more is dropped (PITFALLS 53). */
  yield(session: Session, message: Yield): void {
    const call = this.#answered(session, message);
    if (call === undefined) return;
    if (message.options.progress) {
      this.#progress(session, call, message);
      return;
    }
    const { passthru } = message.options;
    if (passthru !== undefined && !call.caller.has(Feature.CALLER_PASSTHRU)) {
      this.#refusePassthru(session, call, message);
      return;
    }
    this.#endings.close(call);
    const result = {
      type: MessageType.RESULT,
      request: call.request,
      details: withPassthru(NO_DETAILS, passthru),
      payload: message.payload,
    } as const;
    const sent = this.#context.send(call.caller, result);
    call.trail?.ended(sent === true ? '' : sent);
    // A result that cannot be said to this caller must not leave it waiting (PITFALLS 86).
    if (sent !== true && !call.caller.ended) this.#endings.answer(call, sent, 'the result could not be delivered');
    if (call.taker !== undefined) this.#endings.free(call.taker);
  }

  #progress(session: Session, call: PendingCall, message: Yield): void {
    if (!call.receiveProgress) {
      // Nobody asked for it; passed on it would look like the final result (PITFALLS 59).
      this.#context.observer.dropped(session, message, 'unwanted_progress');
      return;
    }
    const { passthru } = message.options;
    if (passthru !== undefined && !call.caller.has(Feature.CALLER_PASSTHRU)) {
      this.#refusePassthru(session, call, message);
      return;
    }
    if (call.timeoutMs > 0) this.#deadlines.add(call, call.timeoutMs);
    call.begun = true;
    const result = {
      type: MessageType.RESULT,
      request: call.request,
      details: withPassthru(PROGRESS, passthru),
      payload: message.payload,
    } as const;
    const sent = this.#context.send(call.caller, result);
    // The caller would not know of the gap, so the stream ends there (PITFALLS 86).
    if (sent !== true && call.isOpen) this.#endings.abandon(call, sent, 'a progressive result could not be delivered');
  }

  /**
   * A result that its caller could not read (spec: "Payload Passthru Mode"): the callee is told, and the call ends for
   * the caller, which would wait for ever.
   */
  #refusePassthru(session: Session, call: PendingCall, message: Yield): void {
    const { type, request } = message;
    const uri = ErrorUri.FEATURE_NOT_SUPPORTED;
    this.#context.observer.dropped(call.caller, message, 'passthru_unknown');
    this.#context.send(session, requestError(type, request, uri, 'the caller did not announce payload_passthru_mode'));
    if (!call.isOpen) return;
    const text = 'the result is in payload passthru mode, which this session did not announce';
    if (message.options.progress) {
      this.#endings.abandon(call, uri, text);
      return;
    }
    this.#endings.close(call, uri);
    this.#endings.answer(call, uri, text);
    if (call.taker !== undefined) this.#endings.free(call.taker);
  }

  /** A callee's ERROR, with its details and payload, to the caller; `unavailable` goes to the next callee instead. */
  error(session: Session, message: InvocationError): void {
    const call = this.#answered(session, message);
    if (call === undefined) return;
    if (message.error === ErrorUri.UNAVAILABLE && this.#reroute(call)) return;
    this.#endings.close(call, message.error);
    const { error, passthru } = message;
    const isReadable = passthru === undefined || call.caller.has(Feature.CALLER_PASSTHRU);
    if (!isReadable) this.#context.observer.dropped(call.caller, message, 'passthru_unknown');
    const sent = this.#context.send(call.caller, {
      type: MessageType.ERROR,
      requestType: MessageType.CALL,
      request: call.request,
      details: isReadable ? message.details : withoutPassthru(message.details),
      error,
      payload: isReadable ? message.payload : UNREADABLE,
    });
    if (sent !== true && !call.caller.ended)
      this.#endings.answer(call, error, 'the details of the error could not be delivered');
    if (call.taker !== undefined) this.#endings.free(call.taker);
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
      if (session.unanswered !== undefined) this.#answeredLate(session.unanswered, message);
    }
    return undefined;
  }

  /** With the answer to a call that was given up the callee is free for another one, not before (PITFALLS 57). */
  #answeredLate(unanswered: Map<number, Callee>, message: Yield | InvocationError): void {
    if (message.type === MessageType.YIELD && message.options.progress) return;
    const callee = unanswered.get(message.request);
    if (callee === undefined) return;
    unanswered.delete(message.request);
    this.#endings.free(callee);
  }

  /** A caller's CANCEL (spec: "Call Canceling"); silent where there is no such call any more. */
  cancel(session: Session, message: Cancel): void {
    const call = session.calls.get(message.request);
    // Not there: answered already, canceled already, or never this session's; all are silent (PITFALLS 54).
    if (call === undefined || call.killed) return;
    if (message.mode === 'killnowait') {
      this.#endings.abandon(call, ErrorUri.CANCELED, 'the call was canceled');
      return;
    }
    if (message.mode === 'kill') {
      call.killed = true;
      // A callee that cannot be told, or does not take it, leaves the effect of skip (PITFALLS 55).
      if (this.#endings.interrupt(call, 'kill') || !call.isOpen) return;
    }
    this.#endings.close(call, ErrorUri.CANCELED);
    this.#endings.letGo(call);
    this.#endings.answer(call, ErrorUri.CANCELED, 'the call was canceled');
  }

  /** Both ends of a leaving session: registrations first, so that no call is routed to it meanwhile. */
  leave(session: Session): void {
    for (const call of session.calls.values())
      if (call.taker === undefined) this.#endings.close(call, ErrorUri.CANCELED);
    this.registry.leave(session);
    for (const call of session.invocations.values()) {
      if (!call.isOpen) continue;
      this.#endings.close(call, ErrorUri.CANCELED);
      if (!call.caller.ended) this.#endings.answer(call, ErrorUri.CANCELED, 'the callee left before it answered');
    }
    for (const call of session.calls.values()) {
      if (!call.isOpen) continue;
      this.#endings.close(call, ErrorUri.CANCELED);
      this.#endings.letGo(call);
      if (call.callee?.ended === false) this.#endings.interrupt(call, 'killnowait');
    }
  }

  /** Calls that wait for an answer under a timeout. */
  get timed(): number {
    return this.#deadlines.size;
  }

  /** Stops the timer: no call expires any more. */
  stop(): void {
    this.#deadlines.stop();
  }
}
