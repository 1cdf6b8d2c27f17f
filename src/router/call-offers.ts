import { ErrorUri } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { nextSessionId } from '../wamp/ids.ts';
import { type Call, type Invocation, MessageType } from '../wamp/messages.ts';
import type { CallEndings } from './call-endings.ts';
import { type Attendant, CallQueue } from './call-queue.ts';
import type { CallStream } from './call-stream.ts';
import type { RealmContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import type { HeldCalls } from './held-calls.ts';
import { invocationDetails } from './invocation-details.ts';
import { INVOCATION_POLICIES } from './invocation-policies.ts';
import { withPassthru } from './passthru.ts';
import type { Sent } from './peer.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Callee } from './registration.ts';

/** How a call finds the callee that takes it: who is asked, who is asked next, who waits; and its further parts. */
export class CallOffers {
  readonly #context: RealmContext;
  readonly #deadlines: Deadlines;
  readonly #held: HeldCalls;
  readonly #endings: CallEndings;

  readonly #attendant: Attendant = {
    attend: (call) => {
      if (call.message !== undefined) this.offer(call, call.message);
    },
    refuse: (call) =>
      this.#endings.refuse(call, ErrorUri.NO_AVAILABLE_CALLEE, 'the callees that it waited for have gone'),
  };

  constructor(context: RealmContext, deadlines: Deadlines, held: HeldCalls, endings: CallEndings) {
    this.#context = context;
    this.#deadlines = deadlines;
    this.#held = held;
    this.#endings = endings;
  }

  /** Offers a new call; where calls that came before it are just being served it waits behind them. */
  begin(call: PendingCall, message: Call): void {
    const { registration } = call;
    // With `single` there is never another callee to ask, so nothing is kept.
    if (registration.invoke !== 'single') this.#held.hold(call, message);
    if (registration.queue?.isServing === true) this.#wait(call, message);
    else this.offer(call, message);
  }

  /** Offers the call to callees in the policy's order until one takes it; where all who could are busy it waits. */
  offer(call: PendingCall, message: Call): void {
    const { registration } = call;
    const policy = INVOCATION_POLICIES[registration.invoke];
    const isUnknown = call.needs !== 0 && call.passed === undefined;
    let refusal: string = isUnknown ? ErrorUri.FEATURE_NOT_SUPPORTED : ErrorUri.NO_AVAILABLE_CALLEE;
    for (;;) {
      const callee = policy(registration, call);
      if (callee === undefined) break;
      const sent = this.#invoke(call, message, callee);
      if (sent === true) return;
      refusal = sent;
    }
    if (registration.callees.some((callee) => call.suits(callee))) this.#wait(call, message);
    else this.#endings.refuse(call, refusal, `no callee of ${message.procedure} took the call`);
  }

  #wait(call: PendingCall, message: Call): void {
    const { registration, allowedMs } = call;
    registration.queue ??= new CallQueue(registration, this.#attendant);
    if (registration.queue.length >= registration.maxQueued || !this.#held.hold(call, message)) {
      this.#context.observer.dropped(call.caller, message, 'queue_full');
      this.#endings.refuse(
        call,
        ErrorUri.UNAVAILABLE,
        `every callee of ${message.procedure} is busy, and no more calls may wait`,
      );
      return;
    }
    message.payload.slim();
    registration.queue.add(call);
    if (allowedMs > 0 && call.slot < 0) this.#deadlines.add(call, allowedMs);
  }

  /**
   * Longer than its neighbours: a peer may answer, leave or call again within `send`, so what comes before it and what
   * after is one sequence that must be read as one.
   * @returns true: the call is on its way or has been answered already; else why the callee did not take it
   */
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
      details: withPassthru(stream === undefined ? details : stream.details, message.options.passthru),
      payload: message.payload,
      traceId: call.trail?.traceId,
    };
    // Entered before it is sent: an in-process callee may answer within send().
    call.open(callee, invocation.request);
    callee.running += 1;
    call.trail?.offered(session, invocation.request);
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
      if (session.unanswered?.delete(invocation.request) === true) this.#endings.free(callee);
      return true;
    }
    call.pass(session, sent);
    // Unless the peer was sent another one meanwhile, the id was never seen and is free again.
    if (session.lastInvocation === invocation.request) session.lastInvocation = before;
    this.#endings.free(callee);
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

  /** A further part of a call goes where the first one went, under the options of the first one. */
  addPart(call: PendingCall, stream: CallStream, message: Call): void {
    stream.hasEnded = !message.options.progress;
    if (message.options.passthru !== undefined) call.needs |= Feature.CALLEE_PASSTHRU;
    if (!this.#isUnderstood(call)) {
      this.#context.observer.dropped(call.caller, message, 'passthru_unknown');
      const text = 'a part of the call is in payload passthru mode, which its callee does not know';
      if (call.taker === undefined) this.#endings.refuse(call, ErrorUri.FEATURE_NOT_SUPPORTED, text);
      else this.#endings.abandon(call, ErrorUri.FEATURE_NOT_SUPPORTED, text);
      return;
    }
    if (call.taker !== undefined) {
      this.#passOn(call, stream, call.taker, message);
      return;
    }
    const { queue, maxQueued } = call.registration;
    const isFull = (queue?.length ?? 0) + stream.parts.length >= maxQueued;
    if (!isFull && this.#held.holdPart(call, message)) return;
    this.#context.observer.dropped(call.caller, message, 'queue_full');
    this.#endings.refuse(call, ErrorUri.UNAVAILABLE, 'the call waits for a callee, and no more of it can be kept');
  }

  /** Whether whoever has the call, or may yet get it, knows all that its parts need. */
  #isUnderstood({ needs, taker, registration: { callees } }: PendingCall): boolean {
    if (needs === 0) return true;
    const knows = ({ session }: Callee) => (session.features & needs) === needs;
    return taker === undefined ? callees.some(knows) : knows(taker);
  }

  #passOn(call: PendingCall, stream: CallStream, taker: Callee, message: Call): void {
    stream.continued = true;
    // Nobody else can begin again, so nothing is kept.
    this.#held.release(call);
    if (call.timeoutMs > 0) this.#deadlines.add(call, call.timeoutMs);
    const { passthru, progress } = message.options;
    const sent = this.#context.send(taker.session, {
      type: MessageType.INVOCATION,
      request: call.invocation,
      registration: call.registration.id,
      details: withPassthru(progress ? stream.details : stream.lastDetails, passthru),
      payload: message.payload,
    });
    // The callee would not know of the gap, so the stream ends there (PITFALLS 86).
    if (sent !== true && call.isOpen) this.#endings.abandon(call, sent, 'a part of the call could not be delivered');
  }
}
