import type { Dict, EventDetails } from './autobahn.ts';
import { type AgentError, OverflowError } from './errors.ts';

const LIMIT = 1000;

/** What happens where events come faster than they are taken. */
export interface StreamOptions {
  /** How many events may wait. Default 1000. */
  readonly limit?: number | undefined;
  /**
   * `fail` (default): the stream ends with an `OverflowError` after the events that it still holds. `dropOldest`,
   * `dropNewest`: it goes on, and the next event says in `missed` how many there were before it.
   */
  readonly overflow?: 'fail' | 'dropOldest' | 'dropNewest' | undefined;
}

/** One event of a stream. */
export interface StreamedEvent {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
  readonly details: EventDetails;
  /** How many events between the one before and this one were dropped for want of room. */
  readonly missed: number;
  /** It is the first one after a reconnect: what was published while the agent was away was not heard, however much. */
  readonly afterGap: boolean;
}

type Taker = { resolve(result: IteratorResult<StreamedEvent, undefined>): void; reject(error: unknown): void };

/**
 * Events one after the other: `for await (const { args } of stream)`. Leaving the loop unsubscribes. A loss is never
 * silent: it ends the stream, or is told with the next event.
 */
export class EventStream implements AsyncIterableIterator<StreamedEvent, undefined> {
  readonly #limit: number;
  readonly #overflow: 'fail' | 'dropOldest' | 'dropNewest';
  readonly #topic: string;
  readonly #left: () => Promise<void>;
  readonly #lost: () => void;
  readonly #held: StreamedEvent[] = [];
  readonly #takers: Taker[] = [];
  #missed = 0;
  #gap = false;
  #over = false;
  /** Why it ended; undefined: its reader left. */
  #error: AgentError | undefined;

  /**
   * @param left called once when the reader leaves or the stream cannot go on: unsubscribes
   * @param lost called for every event dropped
   * @throws RangeError where the limit is not a number from 1 on
   */
  constructor(topic: string, options: StreamOptions, left: () => Promise<void>, lost: () => void) {
    const { limit = LIMIT, overflow = 'fail' } = options;
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`a limit of ${limit} events is none`);
    this.#topic = topic;
    this.#limit = limit;
    this.#overflow = overflow;
    this.#left = left;
    this.#lost = lost;
  }

  /** How many events wait. */
  get size(): number {
    return this.#held.length;
  }

  /** How many events were dropped since the last one that came in; the next one will say so. */
  get missed(): number {
    return this.#missed;
  }

  /** A reconnect: the next event says so. */
  gap(): void {
    this.#gap = true;
  }

  put(args: readonly unknown[], kwargs: Dict, details: EventDetails): void {
    if (this.#over) return;
    if (this.#held.length >= this.#limit && !this.#makeRoom()) return;
    const event = { args, kwargs, details, missed: this.#missed, afterGap: this.#gap };
    this.#missed = 0;
    this.#gap = false;
    const taker = this.#takers.shift();
    if (taker === undefined) this.#held.push(event);
    else taker.resolve({ done: false, value: event });
  }

  /** @returns whether there is room for one more now */
  #makeRoom(): boolean {
    this.#lost();
    if (this.#overflow === 'dropNewest') {
      this.#missed += 1;
      return false;
    }
    if (this.#overflow === 'fail') {
      const words = `${this.#limit} events of ${this.#topic} wait to be taken, and there is no room for one more`;
      this.end(new OverflowError('waggle.error.overflow', words));
      void this.#left();
      return false;
    }
    const oldest = this.#held.shift();
    // What was missed before the oldest, and the oldest itself, were missed before the one that is now the oldest.
    this.#passOn((oldest?.missed ?? 0) + 1, oldest?.afterGap === true);
    return true;
  }

  #passOn(missed: number, afterGap: boolean): void {
    const [next] = this.#held;
    if (next === undefined) {
      this.#missed += missed;
      this.#gap ||= afterGap;
      return;
    }
    this.#held[0] = { ...next, missed: next.missed + missed, afterGap: next.afterGap || afterGap };
  }

  /** No more events come; those held are still to be taken, then comes the error. */
  end(error: AgentError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    for (const taker of this.#takers.splice(0)) {
      if (error === undefined) taker.resolve({ done: true, value: undefined });
      else taker.reject(error);
    }
  }

  /** @throws AgentError where the stream ended by something else than its reader's leaving */
  next(): Promise<IteratorResult<StreamedEvent, undefined>> {
    const event = this.#held.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (!this.#over) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  /** Leaves: unsubscribes, and whatever is still held is dropped. */
  async return(): Promise<IteratorResult<StreamedEvent, undefined>> {
    this.#held.length = 0;
    this.#error = undefined;
    const leave = !this.#over;
    this.end(undefined);
    if (leave) await this.#left();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
