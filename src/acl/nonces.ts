/** Which nonces came lately, so that a signed message cannot be sent again (BRIDGES §5). Bounded in memory. */
import { createHash } from 'node:crypto';
import { WINDOW_MS } from '../signing/payload.ts';

/** Nonces of one key at a time: as many signed messages it may send within a window or two. */
export const MAX_NONCES_PER_KEY = 100_000;

/** Nonces of a realm at a time; each takes about 100 bytes, however long it was. */
export const MAX_NONCES = 1_000_000;

/** Nonces that stop counting together are forgotten together, without looking at each. */
const BUCKET_MS = 10_000;

/** How many nonces are kept for all keys of a realm. */
export interface NonceBudget {
  kept: number;
}

/** The nonces of one key. One is forgotten when the time that came with it is out of the window, and with it a repetition. */
export class Nonces {
  readonly #budget: NonceBudget;
  /** By the time that came with them, in steps: digest → the last ms at which it counts. */
  readonly #buckets = new Map<number, Map<string, number>>();
  #size = 0;

  constructor(budget: NonceBudget) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  get hasRoom(): boolean {
    return this.#size < MAX_NONCES_PER_KEY && this.#budget.kept < MAX_NONCES;
  }

  has(nonce: string, now: number): boolean {
    const digest = digestOf(nonce);
    for (const bucket of this.#buckets.values()) {
      const until = bucket.get(digest);
      if (until !== undefined && until >= now) return true;
    }
    return false;
  }

  /** @param ts the time that came with it, ms; within the window */
  add(nonce: string, ts: number): void {
    const step = Math.floor(ts / BUCKET_MS);
    let bucket = this.#buckets.get(step);
    if (bucket === undefined) {
      bucket = new Map();
      this.#buckets.set(step, bucket);
    }
    const before = bucket.size;
    bucket.set(digestOf(nonce), ts + WINDOW_MS);
    this.#count(bucket.size - before);
  }

  /** Forgets what does not count any more; takes no longer for many nonces than for few. */
  forget(now: number): void {
    for (const [step, bucket] of this.#buckets) {
      if ((step + 1) * BUCKET_MS + WINDOW_MS > now) continue;
      this.#buckets.delete(step);
      this.#count(-bucket.size);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#buckets.clear();
    this.#count(-this.#size);
  }

  #count(more: number): void {
    this.#size += more;
    this.#budget.kept += more;
  }
}

/** Twelve bytes of a digest, whoever chose the nonce: two that share it are harder to find than a signature. */
function digestOf(nonce: string): string {
  return createHash('sha256').update(nonce).digest().toString('latin1', 0, 12);
}
