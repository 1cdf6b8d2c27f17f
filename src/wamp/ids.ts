import { randomFillSync } from 'node:crypto';

/** Largest legal id, 2^53: one above Number.MAX_SAFE_INTEGER and exactly representable (PITFALLS 22). */
export const MAX_ID = 9007199254740992;

/** Whether `value` is a legal id of any scope: an integer in 1 … 2^53. */
export function isId(value: unknown): value is number {
  return typeof value === 'number' && value >= 1 && value <= MAX_ID && Number.isInteger(value);
}

/** Where ids come from; injected, so that several routers run in one process and tests can foresee ids. */
export interface IdSource {
  /** Global scope: uniform in 1 … 2^53 (sessions, publications). */
  random(): number;
  /** Router scope: a counter (subscriptions, registrations). */
  next(): number;
}

const POOL_BYTES = 8192;
const BYTES_PER_ID = 7;

/** The source used in production: a pool of random bytes, refilled when it is used up, and a counter. */
export class RandomIds implements IdSource {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #at = POOL_BYTES;
  #counter = 0;

  random(): number {
    if (this.#at + BYTES_PER_ID > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    const view = this.#pool;
    const at = this.#at;
    this.#at = at + BYTES_PER_ID;
    // 21 high bits and 32 low bits make 53; +1 moves 0 … 2^53-1 to 1 … 2^53 (PITFALLS 11).
    const high = (((view[at] ?? 0) & 0x1f) << 16) | ((view[at + 1] ?? 0) << 8) | (view[at + 2] ?? 0);
    const low =
      (((view[at + 3] ?? 0) << 24) | ((view[at + 4] ?? 0) << 16) | ((view[at + 5] ?? 0) << 8) | (view[at + 6] ?? 0)) >>>
      0;
    return high * 0x1_0000_0000 + low + 1;
  }

  next(): number {
    this.#counter += 1;
    return this.#counter;
  }
}

/** The id after `id` in session scope: +1, wrapping to 1 after 2^53 (PITFALLS 23). */
export function nextSessionId(id: number): number {
  return id >= MAX_ID ? 1 : id + 1;
}
