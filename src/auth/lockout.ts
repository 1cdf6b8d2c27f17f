import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '../router/clock.ts';
import { sha256 } from './digests.ts';

export interface LockoutLimits {
  /** Failures of one (address, authid) that cost nothing. */
  readonly free: number;
  /** Milliseconds the first failure beyond them costs; doubled by each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Milliseconds after the last failure until it is forgotten. */
  readonly forgetMs: number;
  /** Failures that one remote address may collect over all authids … */
  readonly perAddress: number;
  /** … and the milliseconds after which it is forgiven one. */
  readonly perAddressMs: number;
  /** Entries of each of the three tables; the oldest go first. */
  readonly maxEntries: number;
}

/** CONTRACT §4, "Failures", gives the first three. */
const DEFAULTS: LockoutLimits = {
  free: 3,
  firstMs: 1_000,
  longestMs: 30_000,
  forgetMs: 15 * 60_000,
  perAddress: 60,
  perAddressMs: 2_000,
  maxEntries: 10_000,
};

/** One client's attempt as somebody, at somewhere. */
export interface Trial {
  /** Whether the attempt is to be refused unverified, now. */
  locked(): boolean;
  /**
   * A verification failed. Not to be called for attempts that were refused because locked.
   * @param answeredInMs milliseconds until the client hears of it: its delay begins then
   */
  failed(answeredInMs?: number): void;
  succeeded(): void;
}

interface Failures {
  readonly count: number;
  /** When the client heard of the last one. */
  readonly last: number;
}

/**
 * Slows down guessing (CONTRACT §4, "Failures"): after three failures of one (address, authid) further attempts are
 * refused unverified for 1 s, doubling to 30 s, and so cost neither a hash nor a timer. Refused attempts do not
 * prolong the delay. The address is part of the key, so nobody can shut out an agent that connects from elsewhere.
 *
 * A remote address has a budget of failures over all authids beside that, against trying one ticket with many names;
 * those who have already proven themselves from there are exempt, so that a bad neighbour behind the same NAT does
 * not shut them out. Loopback and unix sockets have no such budget: there everybody shares one address.
 */
export class Lockout {
  readonly #clock: Clock;
  readonly #limits: LockoutLimits;
  readonly #failures = new Map<string, Failures>();
  /** By address: the time at which all its failures would be forgiven (a leaky bucket in one number). */
  readonly #addresses = new Map<string, number>();
  readonly #proven = new Map<string, true>();

  constructor(clock: Clock, limits: Partial<LockoutLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /**
   * @param address remote IP address; empty or a path: a unix socket
   * @param name the authid claimed, of any length; whether it exists makes no difference
   */
  trial(address: string, realm: string, name: string): Trial {
    const from = network(address);
    // A digest: names come from strangers and would otherwise fill the memory that the tables bound.
    const key = sha256(`${from.length} ${realm.length} ${from}${realm}${name}`).toString('base64');
    const budgeted = from !== LOCAL;
    return {
      locked: () => this.#isLocked(key) || (budgeted && this.#isSpent(from) && !this.#proven.has(key)),
      failed: (answeredInMs = 0) => {
        this.#countFailure(key, answeredInMs);
        if (budgeted) this.#charge(from);
      },
      succeeded: () => {
        this.#failures.delete(key);
        if (budgeted) this.#put(this.#proven, key, true);
      },
    };
  }

  #isLocked(key: string): boolean {
    const { free, firstMs, longestMs, forgetMs } = this.#limits;
    const known = this.#failures.get(key);
    if (known === undefined || known.count <= free) return false;
    const delay = Math.min(firstMs * 2 ** (known.count - free - 1), longestMs);
    const passed = this.#clock.now() - known.last;
    if (passed >= forgetMs) this.#failures.delete(key);
    // A clock that was set back must not lock anybody out for hours.
    return passed < delay && passed > -longestMs;
  }

  #countFailure(key: string, answeredInMs: number): void {
    const now = this.#clock.now();
    const known = this.#failures.get(key);
    const count = known === undefined || now - known.last >= this.#limits.forgetMs ? 1 : known.count + 1;
    this.#put(this.#failures, key, { count, last: now + answeredInMs });
  }

  #isSpent(from: string): boolean {
    const { perAddress, perAddressMs } = this.#limits;
    const ahead = (this.#addresses.get(from) ?? 0) - this.#clock.now();
    return ahead > (perAddress - 1) * perAddressMs && ahead <= perAddress * perAddressMs;
  }

  #charge(from: string): void {
    const { perAddress, perAddressMs } = this.#limits;
    const now = this.#clock.now();
    const until = Math.max(this.#addresses.get(from) ?? 0, now) + perAddressMs;
    this.#put(this.#addresses, from, Math.min(until, now + perAddress * perAddressMs));
  }

  /** Puts it last, and drops the first where the table is full. */
  #put<T>(table: Map<string, T>, key: string, value: T): void {
    table.delete(key);
    if (table.size >= this.#limits.maxEntries) {
      const oldest = table.keys().next();
      if (!oldest.done) table.delete(oldest.value);
    }
    table.set(key, value);
  }
}

const LOCAL = 'local';

/**
 * What counts as one address: loopback and unix sockets are one, an IPv6 host is its /64, because it can take any
 * address in it; an IPv4 address written as IPv6 is that IPv4 address.
 */
function network(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(bare)) return bare.startsWith('127.') ? LOCAL : bare;
  if (!isIPv6(bare)) return bare === '' || bare.startsWith('/') ? LOCAL : bare;
  // URL writes it canonically: no leading zeros, `::` for the longest run.
  const canonical = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  if (canonical === '::1') return LOCAL;
  const [head = '', tail] = canonical.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...new Array<string>(zeros).fill('0'), ...back].slice(0, 4).join(':');
}
