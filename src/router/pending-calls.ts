import type { Deadline } from './deadlines.ts';
import type { Callee, Registration } from './registration.ts';
import type { Session } from './session.ts';

/**
 * One call between CALL and its last answer. It stands in two plain maps, `caller.calls` and `callee.invocations`, so
 * a leaving session finds its own calls and no composite key is built (ARCHITECTURE §1.3).
 */
export class PendingCall implements Deadline {
  readonly caller: Session;
  /** CALL.Request. */
  readonly request: number;
  readonly registration: Registration;
  readonly receiveProgress: boolean;
  /** Milliseconds the dealer waits; 0: no end. Starts anew with every progressive result (FEATURES B1). */
  readonly timeoutMs: number;
  /** The callee that took it, and its INVOCATION.Request. */
  callee: Session;
  invocation = 0;
  /** CANCEL with mode `kill` was passed on: the callee's answer ends the call (PITFALLS 54, 55). */
  killed = false;

  at = 0;
  slot = -1;
  readonly #onExpiry: (call: PendingCall) => void;

  constructor(
    caller: Session,
    request: number,
    registration: Registration,
    callee: Callee,
    receiveProgress: boolean,
    timeoutMs: number,
    onExpiry: (call: PendingCall) => void,
  ) {
    this.caller = caller;
    this.request = request;
    this.registration = registration;
    this.callee = callee.session;
    this.receiveProgress = receiveProgress;
    this.timeoutMs = timeoutMs;
    this.#onExpiry = onExpiry;
  }

  /** Enters the call at a callee under that callee's next invocation id (PITFALLS 23). */
  open(callee: Session, invocation: number): void {
    this.callee = callee;
    this.invocation = invocation;
    callee.lastInvocation = invocation;
    callee.invocations.set(invocation, this);
    this.caller.calls.set(this.request, this);
  }

  /** Whether it still waits for its answer. Peers may act within send(), so what was open before may be over after. */
  get isOpen(): boolean {
    return this.callee.invocations.get(this.invocation) === this;
  }

  /** Takes it out at both ends. Idempotent. */
  forget(): void {
    if (this.isOpen) this.callee.invocations.delete(this.invocation);
    if (this.caller.calls.get(this.request) === this) this.caller.calls.delete(this.request);
  }

  expired(): void {
    this.#onExpiry(this);
  }
}
