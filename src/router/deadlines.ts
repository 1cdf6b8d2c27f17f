import type { Clock } from './clock.ts';

/** Something that happens at a time unless it is cancelled before. */
export interface Deadline {
  /** Milliseconds since the epoch. */
  at: number;
  /** Position in the heap; -1: not waiting. Written by {@link Deadlines} only. */
  slot: number;
  expired(): void;
}

/**
 * All deadlines of a realm on one timer: a binary heap in which every deadline knows its place, so that a call that
 * ends in time costs no scan and leaves nothing behind (ARCHITECTURE §1.3: one timer, not one per call).
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Deadline[] = [];
  #armedFor = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  /**
   * Lets `deadline` wait, anew where it waits already: it never stands in the heap twice.
   * @param delayMs 1 … 2^31-1
   */
  add(deadline: Deadline, delayMs: number): void {
    this.remove(deadline);
    deadline.at = this.#clock.now() + delayMs;
    deadline.slot = this.#heap.length;
    this.#heap.push(deadline);
    this.#up(deadline.slot);
    if (deadline.at < this.#armedFor) this.#arm();
  }

  /** Idempotent. */
  remove(deadline: Deadline): void {
    const at = deadline.slot;
    if (at < 0) return;
    deadline.slot = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === deadline) return;
    this.#place(last, at);
    this.#up(at);
    this.#down(last.slot);
  }

  /** Stops the timer; what still waits never expires. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    for (const deadline of this.#heap) deadline.slot = -1;
    this.#heap.length = 0;
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const first = this.#heap[0];
    this.#armedFor = first?.at ?? Number.POSITIVE_INFINITY;
    if (first === undefined) return;
    this.#cancelTimer = this.#clock.setTimer(Math.max(0, first.at - this.#clock.now()), () => this.#fire());
  }

  #fire(): void {
    const now = this.#clock.now();
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) break;
      this.remove(first);
      first.expired();
    }
    this.#arm();
  }

  #place(deadline: Deadline, at: number): void {
    this.#heap[at] = deadline;
    deadline.slot = at;
  }

  #up(from: number): void {
    let at = from;
    const moving = this.#heap[at];
    if (moving === undefined) return;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.at <= moving.at) break;
      this.#place(parent, at);
      at = above;
    }
    this.#place(moving, at);
  }

  #down(from: number): void {
    let at = from;
    const moving = this.#heap[at];
    if (moving === undefined) return;
    for (;;) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= moving.at) break;
      const next = child.slot;
      this.#place(child, at);
      at = next;
    }
    this.#place(moving, at);
  }
}
