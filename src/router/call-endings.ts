import { Feature } from '../wamp/features.ts';
import { MessageType, requestError } from '../wamp/messages.ts';
import type { CancelMode } from '../wamp/options.ts';
import type { Dict } from '../wamp/payload.ts';
import type { RealmContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import type { HeldCalls } from './held-calls.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Callee } from './registration.ts';

const INTERRUPT_DETAILS: Readonly<Record<CancelMode, Dict>> = {
  skip: Object.freeze({ mode: 'skip' }),
  kill: Object.freeze({ mode: 'kill' }),
  killnowait: Object.freeze({ mode: 'killnowait' }),
};

/** How a call ends: what is undone of it, and what its caller, its callee and those who wait are told. */
export class CallEndings {
  readonly #context: RealmContext;
  readonly #deadlines: Deadlines;
  readonly #held: HeldCalls;

  constructor(context: RealmContext, deadlines: Deadlines, held: HeldCalls) {
    this.#context = context;
    this.#deadlines = deadlines;
    this.#held = held;
  }

  /**
   * Takes the call out wherever it stands; nobody is told. Its callee is freed separately. Idempotent.
   * @param error URI of what the caller is told then; absent: a result, and its trail ends when that is delivered
   */
  close(call: PendingCall, error?: string): void {
    call.forget();
    if (error !== undefined) call.trail?.ended(error);
    this.#deadlines.remove(call);
    this.#held.release(call);
    if (call.taker === undefined) call.registration.queue?.remove(call);
  }

  /** Tells the caller an error of the router. */
  answer(call: PendingCall, uri: string, text: string): void {
    this.#context.send(call.caller, requestError(MessageType.CALL, call.request, uri, text));
  }

  /** Ends a call that no callee works on. */
  refuse(call: PendingCall, uri: string, text: string): void {
    this.close(call, uri);
    if (!call.caller.ended) this.answer(call, uri, text);
  }

  /** Ends a call for the caller at once and tells the callee not to bother; a late answer of it is dropped. */
  abandon(call: PendingCall, uri: string, text: string): void {
    this.close(call, uri);
    this.letGo(call);
    this.interrupt(call, 'killnowait');
    this.answer(call, uri, text);
  }

  /** @returns whether the callee announced that it can be told, and took it (PITFALLS 13) */
  interrupt(call: PendingCall, mode: CancelMode): boolean {
    const { callee } = call;
    if (callee?.has(Feature.CALLEE_CALL_CANCELING) !== true) return false;
    const details = INTERRUPT_DETAILS[mode];
    return this.#context.send(callee, { type: MessageType.INTERRUPT, request: call.invocation, details }) === true;
  }

  /** The caller has given up a call that its callee works on, and goes on working on until it says otherwise. */
  letGo(call: PendingCall): void {
    const { taker, invocation } = call;
    if (taker === undefined) return;
    if (taker.concurrency === 0) taker.running -= 1;
    else {
      taker.session.unanswered ??= new Map();
      taker.session.unanswered.set(invocation, taker);
    }
  }

  /** A callee is done with a call, or has not taken it: whoever waits for it is served. */
  free(callee: Callee): void {
    callee.running -= 1;
    callee.registration.queue?.settle();
  }
}
