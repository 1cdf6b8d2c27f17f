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
import { judgeCall } from './call-ids.ts';
import { type Attendant, CallQueue } from './call-queue.ts';
import { CallStream } from './call-stream.ts';
import type { RealmContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { HeldCalls } from './held-calls.ts';
import { invocationDetails } from './invocation-details.ts';
import { INVOCATION_POLICIES } from './invocation-policies.ts';
import type { Sent } from './peer.ts';
import { PendingCall } from './pending-calls.ts';
import type { Callee } from './registration.ts';
import { Registry } from './registry.ts';
import { hashOf } from './rendezvous.ts';
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
  /** Calls so far. */
  #order = 0;
  readonly #held = new HeldCalls();
  readonly #onExpiry = (call: PendingCall): void => this.#abandon(call, ErrorUri.TIMEOUT, 'the call timed out');

  readonly #attendant: Attendant = {
    attend: (call) => {
      if (call.message !== undefined) this.#offer(call, call.message);
    },
    refuse: (call) => this.#refuse(call, ErrorUri.NO_AVAILABLE_CALLEE, 'the callees that it waited for have gone'),
  };

  constructor(context: RealmContext) {
    this.#context = context;
    this.registry = new Registry(context);
    this.#deadlines = new Deadlines(context.clock);
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
    else if (judged.kind === 'part' && pending?.stream !== undefined) this.#continue(pending, pending.stream, message);
    else this.#context.observer.dropped(session, message, 'late_continuation');
    return false;
  }

  /** A further part of a call goes where the first one went, under the options of the first one. */
  #continue(call: PendingCall, stream: CallStream, message: Call): void {
    stream.hasEnded = !message.options.progress;
    if (call.taker !== undefined) {
      this.#passOn(call, stream, call.taker, message);
      return;
    }
    const { queue, maxQueued } = call.registration;
    const isFull = (queue?.length ?? 0) + stream.parts.length >= maxQueued;
    if (!isFull && this.#held.holdPart(call, message)) return;
    this.#context.observer.dropped(call.caller, message, 'queue_full');
    this.#refuse(call, ErrorUri.UNAVAILABLE, 'the call waits for a callee, and no more of it can be kept');
  }

  #passOn(call: PendingCall, stream: CallStream, taker: Callee, message: Call): void {
    stream.continued = true;
    // Nobody else can begin again, so nothing is kept.
    this.#held.release(call);
    if (call.timeoutMs > 0) this.#deadlines.add(call, call.timeoutMs);
    const sent = this.#context.send(taker.session, {
      type: MessageType.INVOCATION,
      request: call.invocation,
      registration: call.registration.id,
      details: message.options.progress ? stream.details : stream.lastDetails,
      payload: message.payload,
    });
    // The callee would not know of the gap, so the stream ends there (PITFALLS 86).
    if (sent !== true && call.isOpen) this.#abandon(call, sent, 'a part of the call could not be delivered');
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
    if (message.options.progress) call.stream = new CallStream(procedure);
    // Without a key the calls of one session stay together.
    if (registration.invoke === 'hash') call.keyHash = hashOf(message.options.rkey ?? `${session.id}`);
    // With `single` there is never another callee to ask, so nothing is kept.
    if (registration.invoke !== 'single') this.#held.hold(call, message);
    if (registration.queue?.isServing === true) this.#wait(call, message);
    else this.#offer(call, message);
  }

  /** Offers the call to callees in the policy's order until one takes it; where all who could are busy it waits. */
  #offer(call: PendingCall, message: Call): void {
    const { registration } = call;
    const policy = INVOCATION_POLICIES[registration.invoke];
    const isUnknown = call.stream !== undefined && call.passed === undefined;
    let refusal: string = isUnknown ? ErrorUri.FEATURE_NOT_SUPPORTED : ErrorUri.NO_AVAILABLE_CALLEE;
    for (;;) {
      const callee = policy(registration, call);
      if (callee === undefined) break;
      const sent = this.#invoke(call, message, callee);
      if (sent === true) return;
      refusal = sent;
    }
    if (registration.callees.some((callee) => call.suits(callee))) this.#wait(call, message);
    else this.#refuse(call, refusal, `no callee of ${message.procedure} took the call`);
  }

  #wait(call: PendingCall, message: Call): void {
    const { registration, allowedMs } = call;
    registration.queue ??= new CallQueue(registration, this.#attendant);
    if (registration.queue.length >= registration.maxQueued || !this.#held.hold(call, message)) {
      this.#context.observer.dropped(call.caller, message, 'queue_full');
      this.#refuse(
        call,
        ErrorUri.UNAVAILABLE,
        `every callee of ${message.procedure} is busy, and no more calls may wait`,
      );
      return;
    }
    registration.queue.add(call);
    if (allowedMs > 0 && call.slot < 0) this.#deadlines.add(call, allowedMs);
  }

  #refuse(call: PendingCall, uri: string, text: string): void {
    this.#close(call);
    if (!call.caller.ended) this.#answer(call, uri, text);
  }

  /** @returns true: the call is on its way or has been answered already; else why the callee did not take it */
  #invoke(call: PendingCall, message: Call, callee: Callee): Sent {
    const { registration } = call;
    const { session } = callee;
    const forwards = callee.forwardTimeout && session.has(Feature.CALLEE_CALL_TIMEOUT);
    const forwardedMs = forwards ? this.#forwardedMs(call) : 0;
    call.timeoutMs = forwards ? 0 : call.allowedMs;
    call.receiveProgress = message.options.receiveProgress && session.has(Feature.CALLEE_PROGRESSIVE_RESULTS);
    const { stream } = call;
    const details = invocationDetails(call, message.procedure, callee, forwardedMs);
    if (stream !== undefined) {
      stream.lastDetails = details;
      stream.details = Object.freeze({ ...details, progress: true });
    }
    const before = session.lastInvocation;
    const invocation: Invocation = {
      type: MessageType.INVOCATION,
      request: nextSessionId(before),
      registration: registration.id,
      details: stream === undefined ? details : stream.details,
      payload: message.payload,
    };
    // Entered before it is sent: an in-process callee may answer within send().
    call.open(callee, invocation.request);
    callee.running += 1;
    const sent = this.#context.send(session, invocation);
    if (sent === true) {
      registration.invocations += 1;
      // It may have waited; with `single` there is nobody else to keep it for.
      if (registration.invoke === 'single') this.#held.release(call);
      // It may wait already, or be with another callee by now: the time the caller gives runs from the CALL on.
      if (call.timeoutMs > 0 && call.slot < 0 && call.isOpen) this.#deadlines.add(call, call.timeoutMs);
      if (stream !== undefined) this.#catchUp(call, stream, callee);
      return true;
    }
    // The callee may have left by it, or the caller given up, and then the caller has been told.
    if (!call.isOpen || call.taker !== callee || call.invocation !== invocation.request) {
      if (session.unanswered?.delete(invocation.request) === true) this.#free(callee);
      return true;
    }
    call.pass(session);
    // Unless the peer was sent another one meanwhile, the id was never seen and is free again.
    if (session.lastInvocation === invocation.request) session.lastInvocation = before;
    this.#free(callee);
    return sent;
  }

  /** The parts that came while the call waited follow the first one. */
  #catchUp(call: PendingCall, stream: CallStream, callee: Callee): void {
    while (call.isOpen && call.taker === callee) {
      const part = stream.parts.shift();
      if (part === undefined) return;
      this.#passOn(call, stream, callee, part);
    }
  }

  /** What is left of the caller's time for a callee that runs it itself; the dealer's own timer ends. 0: no end. */
  #forwardedMs(call: PendingCall): number {
    if (call.slot < 0) return call.allowedMs;
    this.#deadlines.remove(call);
    return Math.max(1, call.at - this.#context.clock.now());
  }

  /** A callee is done with a call, or has not taken it: whoever waits for it is served. */
  #free(callee: Callee): void {
    callee.running -= 1;
    callee.registration.queue?.settle();
  }

  /** The caller has given up a call that its callee works on, and goes on working on until it says otherwise. */
  #letGo(call: PendingCall): void {
    const { taker, invocation } = call;
    if (taker === undefined) return;
    if (taker.concurrency === 0) taker.running -= 1;
    else {
      taker.session.unanswered ??= new Map();
      taker.session.unanswered.set(invocation, taker);
    }
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
    call.pass(taker.session);
    // First this call, then those who wait: it came before them.
    if (message !== undefined) this.#offer(call, message);
    else this.#refuse(call, ErrorUri.NO_AVAILABLE_CALLEE, 'the callee is unavailable, and no other can be asked');
    this.#free(taker);
    return true;
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
    if (call.taker !== undefined) this.#free(call.taker);
  }

  #progress(session: Session, call: PendingCall, message: Yield): void {
    if (!call.receiveProgress) {
      // Nobody asked for it; passed on it would look like the final result (PITFALLS 59).
      this.#context.observer.dropped(session, message, 'unwanted_progress');
      return;
    }
    if (call.timeoutMs > 0) this.#deadlines.add(call, call.timeoutMs);
    call.begun = true;
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
    if (message.error === ErrorUri.UNAVAILABLE && this.#reroute(call)) return;
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
    if (call.taker !== undefined) this.#free(call.taker);
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
    if (message.type === MessageType.YIELD && message.progress) return;
    const callee = unanswered.get(message.request);
    if (callee === undefined) return;
    unanswered.delete(message.request);
    this.#free(callee);
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
    this.#letGo(call);
    this.#answer(call, ErrorUri.CANCELED, 'the call was canceled');
  }

  /** Ends a call for the caller at once and tells the callee not to bother; a late answer of it is dropped. */
  #abandon(call: PendingCall, uri: string, text: string): void {
    this.#close(call);
    this.#letGo(call);
    this.#interrupt(call, 'killnowait');
    this.#answer(call, uri, text);
  }

  /** @returns whether the callee announced that it can be told, and took it (PITFALLS 13) */
  #interrupt(call: PendingCall, mode: CancelMode): boolean {
    const { callee } = call;
    if (callee?.has(Feature.CALLEE_CALL_CANCELING) !== true) return false;
    const details = INTERRUPT_DETAILS[mode];
    return this.#context.send(callee, { type: MessageType.INTERRUPT, request: call.invocation, details }) === true;
  }

  #answer(call: PendingCall, uri: string, text: string): void {
    this.#context.send(call.caller, requestError(MessageType.CALL, call.request, uri, text));
  }

  #close(call: PendingCall): void {
    call.forget();
    this.#deadlines.remove(call);
    this.#held.release(call);
    if (call.taker === undefined) call.registration.queue?.remove(call);
  }

  /** Both ends of a leaving session: registrations first, so that no call is routed to it meanwhile. */
  leave(session: Session): void {
    for (const call of [...session.calls.values()]) if (call.taker === undefined) this.#close(call);
    this.registry.leave(session);
    for (const call of [...session.invocations.values()]) {
      if (!call.isOpen) continue;
      this.#close(call);
      if (!call.caller.ended) this.#answer(call, ErrorUri.CANCELED, 'the callee left before it answered');
    }
    for (const call of [...session.calls.values()]) {
      if (!call.isOpen) continue;
      this.#close(call);
      this.#letGo(call);
      if (call.callee?.ended === false) this.#interrupt(call, 'killnowait');
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
