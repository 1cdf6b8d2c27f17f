import { scrypt } from 'node:crypto';
import { sameBytes, sealed } from './digests.ts';
import type { ScryptHash } from './principals.ts';

/** `locked`: the client was locked out before its turn came. `overloaded`: too many wait, nothing was computed. */
export type SlowVerdict = 'match' | 'mismatch' | 'locked' | 'overloaded';

/** Computes a scrypt hash; replaced in tests that count. @throws where memory or parameters do not allow it. */
export type Derive = (ticket: string, like: ScryptHash) => Promise<Buffer>;

interface Waiter {
  readonly locked: () => boolean;
  readonly settle: (verdict: SlowVerdict) => void;
}

interface Job {
  readonly key: string;
  readonly ticket: string;
  readonly hash: ScryptHash;
  waiters: Waiter[];
}

export interface SlowHashLimits {
  /** Hashes computed at the same time: half of libuv's four threads, so that files and names are served meanwhile. */
  readonly concurrency: number;
  /** Distinct hashes waiting for a thread, few enough to be done within a handshake's time; above it: come back later. */
  readonly maxWaiting: number;
}

const DEFAULTS: SlowHashLimits = { concurrency: 2, maxWaiting: 32 };

const deriveInPool: Derive = (ticket, { log2N, r, p, salt, hash }) =>
  new Promise((resolve, reject) => {
    const N = 2 ** log2N;
    // Node wants the limit stated; 128·N·r is the big part, 128·r·p and some slack the rest.
    const maxmem = 128 * r * (N + p + 2) + 2 ** 20;
    scrypt(ticket, salt, hash.length, { N, r, p, maxmem }, (error, key) => (error ? reject(error) : resolve(key)));
  });

/**
 * scrypt checks off the main thread, a few at a time (CONTRACT §4, "Secrets"). The same ticket against the same
 * hash is computed once, however many clients bring it while it waits or runs.
 */
export class SlowHashes {
  /** One for the whole process by default: what it rations, libuv's pool, is one per process as well. */
  static readonly shared = new SlowHashes();

  readonly #limits: SlowHashLimits;
  readonly #derive: Derive;
  readonly #jobs = new Map<string, Job>();
  readonly #waiting: Job[] = [];
  #running = 0;

  constructor(limits: Partial<SlowHashLimits> = {}, derive: Derive = deriveInPool) {
    this.#limits = { ...DEFAULTS, ...limits };
    this.#derive = derive;
  }

  /** @param locked asked when the turn comes; see `RealmMethod.attempt`. Never rejects. */
  verify(ticket: string, hash: ScryptHash, locked: () => boolean): Promise<SlowVerdict> {
    const { log2N, r, p } = hash;
    const stored = `${log2N} ${r} ${p} ${hash.salt.toString('base64')} ${hash.hash.toString('base64')}`;
    const key = sealed(`${stored} ${ticket}`).toString('base64');
    return new Promise((settle) => {
      const waiter: Waiter = { locked, settle };
      const known = this.#jobs.get(key);
      if (known !== undefined) {
        known.waiters.push(waiter);
        return;
      }
      if (this.#waiting.length >= this.#limits.maxWaiting) {
        settle('overloaded');
        return;
      }
      const job: Job = { key, ticket, hash, waiters: [waiter] };
      this.#jobs.set(key, job);
      this.#waiting.push(job);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < this.#limits.concurrency) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const stillIn: Waiter[] = [];
      for (const waiter of job.waiters) {
        if (waiter.locked()) waiter.settle('locked');
        else stillIn.push(waiter);
      }
      job.waiters = stillIn;
      if (stillIn.length === 0) this.#jobs.delete(job.key);
      else void this.#run(job);
    }
  }

  async #run(job: Job): Promise<void> {
    this.#running += 1;
    let verdict: SlowVerdict;
    try {
      verdict = sameBytes(await this.#derive(job.ticket, job.hash), job.hash.hash) ? 'match' : 'mismatch';
    } catch {
      // Memory ran out: nothing is known about the ticket, so the client is neither let in nor refused.
      verdict = 'overloaded';
    }
    this.#running -= 1;
    this.#jobs.delete(job.key);
    for (const waiter of job.waiters) waiter.settle(verdict);
    // A turn later: by then those who just failed are counted, so that the next job's `locked` knows of it.
    setImmediate(() => this.#next());
  }
}
