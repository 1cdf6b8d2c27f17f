import type { PendingCall } from './pending-calls.ts';
import type { Registration } from './registration.ts';

/** What becomes of calls that have waited; the dealer's offers. */
export interface Attendant {
  /** Some callee can take the call now. */
  attend(call: PendingCall): void;
  /** Nobody is left who ever could. */
  refuse(call: PendingCall): void;
}

/**
 * Calls of one registration that wait because every callee works on as many as it takes (FEATURES B10): first come,
 * first served. Between two messages nobody in it could be served, so a new call that finds a free callee overtakes
 * nobody.
 */
export class CallQueue {
  readonly #registration: Registration;
  readonly #attendant: Attendant;
  readonly #waiting: PendingCall[] = [];
  #isServing = false;

  constructor(registration: Registration, attendant: Attendant) {
    this.#registration = registration;
    this.#attendant = attendant;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Peers may act within send(): a call that comes while others are being served must wait behind them. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** In the order in which the calls were made, also for one that was with a callee which then did not attend to it. */
  add(call: PendingCall): void {
    const later = this.#waiting.findLastIndex((each) => each.order < call.order) + 1;
    this.#waiting.splice(later, 0, call);
  }

  /** Idempotent. */
  remove(call: PendingCall): void {
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** To be called whenever a callee may have become free, or come. */
  settle(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    for (let call = this.#next(); call !== undefined; call = this.#next()) {
      this.remove(call);
      this.#attendant.attend(call);
    }
    this.#isServing = false;
  }

  /** To be called when a callee has gone: whoever it alone could have served waits for nothing. */
  calleeGone(): void {
    const { callees } = this.#registration;
    for (const call of [...this.#waiting]) {
      if (callees.some((callee) => call.suits(callee))) continue;
      this.remove(call);
      this.#attendant.refuse(call);
    }
  }

  /** The first in the queue that a free callee can take; not always the first of all, for not every callee suits. */
  #next(): PendingCall | undefined {
    if (this.#waiting.length === 0) return undefined;
    const free = this.#registration.callees.filter((callee) => callee.isFree);
    if (free.length === 0) return undefined;
    return this.#waiting.find((call) => free.some((callee) => call.suits(callee)));
  }
}
