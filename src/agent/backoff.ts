/** The first pause before coming back, ms; a router that restarts is back within a second or two. */
const INITIAL_MS = 200;
/** The longest pause, ms. */
const MAX_MS = 5000;
const GROWTH = 2;

/** A session that lived this long, ms, was a good one: after it the pauses are short again. */
const GOOD_MS = 10_000;

/** The pauses between attempts to come back: growing, and spread so that a swarm does not come back in one instant. */
export class Backoff {
  readonly #random: () => number;
  #ceiling = INITIAL_MS;

  /** @param random from 0 up to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next pause, ms: between half of what has grown so far and all of it. */
  next(): number {
    const pause = this.#ceiling * (0.5 + this.#random() / 2);
    this.#ceiling = Math.min(MAX_MS, this.#ceiling * GROWTH);
    return pause;
  }

  /** A session ended that had lived for `ms`: one that the router ended at once does not make it hurry. */
  lived(ms: number): void {
    if (ms >= GOOD_MS) this.#ceiling = INITIAL_MS;
  }
}
