import type { Dict } from './autobahn.ts';
import { RETRY_KEY } from './retry.ts';

/** How many ids are remembered where nothing else is said. */
const LIMIT = 10_000;

/**
 * Tells repetitions by their `_retry`: for receivers that must do a thing once. It remembers the newest `limit` ids, so a
 * repetition that comes after that many others is taken for new.
 */
export class Repetitions {
  readonly #limit: number;
  /** A set keeps the order of insertion: the oldest is the first. */
  readonly #seen = new Set<string>();

  /** @throws RangeError where `limit` is not a number from 1 on */
  constructor(limit: number = LIMIT) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`a limit of ${limit} ids is none`);
    this.#limit = limit;
  }

  /**
   * Whether a message with this `_retry` was there before; it is remembered from now on. What carries none is never a
   * repetition.
   *
   * @param from who sent it, where that is known: an id is the sender's own and nobody else's
   */
  isRepetition(kwargs: Dict, from = ''): boolean {
    const id = kwargs[RETRY_KEY];
    if (typeof id !== 'string') return false;
    const key = `${from}\n${id}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    if (this.#seen.size > this.#limit) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return false;
  }
}
