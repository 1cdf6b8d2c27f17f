import type { Match } from '../wamp/uri.ts';
import type { Session } from './session.ts';

const NOBODY: readonly never[] = Object.freeze([]);

/** One (uri, match): all its subscribers share its id (PITFALLS 40). */
export class Subscription {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Events handed out, one per receiver. */
  events = 0;
  /**
   * The subscriber, where there has never been a second since there were none. Of a hundred thousand subscriptions most
   * have one, and a map for each would be memory that every publication waits for.
   */
  sole: Session | undefined;
  /** The place of `sole` in the order of subscription over the whole realm. */
  soleOrder = 0;
  /** Subscribers with their places, in this order, where `sole` is not set; undefined: nobody. */
  #many: Map<Session, number> | undefined;

  constructor(id: number, uri: string, match: Match, created: number) {
    this.id = id;
    this.uri = uri;
    this.match = match;
    this.created = created;
  }

  /** How many subscribers there are. */
  get size(): number {
    return this.sole === undefined ? (this.#many?.size ?? 0) : 1;
  }

  has(session: Session): boolean {
    return this.sole === undefined ? this.#many?.has(session) === true : this.sole === session;
  }

  /** With their places, in this order. */
  get subscribers(): Iterable<readonly [Session, number]> {
    return this.sole === undefined ? (this.#many ?? NOBODY) : [[this.sole, this.soleOrder]];
  }

  /**
   * Somebody who is no subscriber yet.
   * @param order above that of all before
   */
  add(session: Session, order: number): void {
    if (this.size === 0) {
      this.sole = session;
      this.soleOrder = order;
      return;
    }
    if (this.sole !== undefined) {
      this.#many = new Map([[this.sole, this.soleOrder]]);
      this.sole = undefined;
    }
    this.#many?.set(session, order);
  }

  /** @returns whether the session was a subscriber */
  delete(session: Session): boolean {
    if (this.sole !== session) {
      const gone = this.#many?.delete(session) === true;
      if (this.#many?.size === 0) this.#many = undefined;
      return gone;
    }
    this.sole = undefined;
    return true;
  }
}
