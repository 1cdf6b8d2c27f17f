import { Feature } from '../wamp/features.ts';
import type { Call } from '../wamp/messages.ts';
import type { CallTrail } from './audit.ts';
import type { CallStream } from './call-stream.ts';
import type { Deadline } from './deadlines.ts';
import type { Callee, Registration } from './registration.ts';
import type { Session } from './session.ts';

/** A callee that cannot be told to stop must not be sent a stream (spec: "Progressive Call Invocations"). */
export const TAKES_PARTS = Feature.CALLEE_PROGRESSIVE_INVOCATIONS | Feature.CALLEE_CALL_CANCELING;

/**
 * One call between CALL and its last answer. It stands in two tables, `caller.calls` and `callee.invocations`, so
 * a leaving session finds its own calls and no composite key is built (ARCHITECTURE §1.3).
 */
export class PendingCall implements Deadline {
  readonly caller: Session;
  /** CALL.Request. */
  readonly request: number;
  /** Its place among all calls of the realm. */
  readonly order: number;
  readonly registration: Registration;
  /** Whether the caller or a rule of the realm names the caller; a callee may ask for it, too. */
  readonly named: boolean;
  /** How far the caller's role is trusted; undefined: not rated. */
  readonly trustlevel: number | undefined;
  /** Milliseconds the caller gives it, or the realm; 0: no end. */
  readonly allowedMs: number;
  /** Milliseconds the dealer waits; 0: no end. Starts anew with every progressive result (FEATURES B1). */
  timeoutMs = 0;
  receiveProgress = false;
  /** Who has taken it; undefined: it waits for somebody to be free. */
  taker: Callee | undefined;
  /** INVOCATION.Request at the taker. */
  invocation = 0;
  /** CANCEL with mode `kill` was passed on: the callee's answer ends the call (PITFALLS 54, 55). */
  killed = false;
  /** A progressive result has reached the caller, so no other callee can begin again. */
  begun = false;
  /** Of `rkey`, for the policy `hash`; 0: another policy. */
  keyHash = 0;
  /** Bits of `Feature` that a callee must have announced for it; 0: none. */
  needs = 0;
  /** Of a call that comes in parts; undefined: it came whole. */
  stream: CallStream | undefined;
  /** The CALL, as long as another callee may have to be asked; undefined: none will be. */
  message: Call | undefined;
  /** Bytes that {@link message} keeps in memory, about. */
  held = 0;
  /** Where its life is written down; undefined: no rule asks for it. */
  trail: CallTrail | undefined;
  /** Who did not take it or answered that it is unavailable; undefined: nobody. */
  passed: Session[] | undefined;

  at = 0;
  slot = -1;
  readonly #onExpiry: (call: PendingCall) => void;

  constructor(
    caller: Session,
    request: number,
    order: number,
    registration: Registration,
    named: boolean,
    trustlevel: number | undefined,
    allowedMs: number,
    onExpiry: (call: PendingCall) => void,
  ) {
    this.caller = caller;
    this.request = request;
    this.order = order;
    this.registration = registration;
    this.named = named;
    this.trustlevel = trustlevel;
    this.allowedMs = allowedMs;
    this.#onExpiry = onExpiry;
    caller.calls.set(request, this);
  }

  /** The callee that has taken it; undefined: nobody yet. */
  get callee(): Session | undefined {
    return this.taker?.session;
  }

  /** Enters the call at a callee under that callee's next invocation id (PITFALLS 23). */
  open(taker: Callee, invocation: number): void {
    this.taker = taker;
    this.invocation = invocation;
    taker.session.lastInvocation = invocation;
    taker.session.invocations.set(invocation, this);
  }

  /** Whether it still waits for its answer. Peers may act within send(), so what was open before may be over after. */
  get isOpen(): boolean {
    return this.caller.calls.get(this.request) === this;
  }

  /** Takes it away from its callee, and remembers not to ask that one again. @param error why, as a URI */
  pass(callee: Session, error: string): void {
    this.trail?.passed(error);
    if (callee.invocations.get(this.invocation) === this) callee.invocations.delete(this.invocation);
    if (this.taker?.session === callee) this.taker = undefined;
    if (this.passed === undefined) this.passed = [callee];
    else this.passed.push(callee);
  }

  /** Whether `callee` may be asked now. */
  mayGoTo(callee: Callee): boolean {
    return callee.isFree && this.suits(callee);
  }

  /** Whether `callee` may be asked when it is free: not a second time, not when it has gone since, nothing it does not know. */
  suits(callee: Callee): boolean {
    const { needs, passed, registration } = this;
    if ((callee.session.features & needs) !== needs) return false;
    if (passed === undefined) return true;
    return callee.session.registrations.get(registration.id) === registration && !passed.includes(callee.session);
  }

  /** Takes it out at both ends. Idempotent. */
  forget(): void {
    const { callee, caller } = this;
    if (callee?.invocations.get(this.invocation) === this) callee.invocations.delete(this.invocation);
    if (caller.calls.get(this.request) === this) caller.calls.delete(this.request);
  }

  expired(): void {
    this.#onExpiry(this);
  }
}
