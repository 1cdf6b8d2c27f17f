import { uriMatches } from '../wamp/uri.ts';
import type { Clock } from './clock.ts';
import { Glob, GlobText } from './glob.ts';
import { literalHead } from './literal-head.ts';
import type { RetainedEvent, RetainedEvents } from './retained-events.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/** Topics that are looked at in one go: a millisecond at most, so that nobody waits for a subscriber to everything. */
const SLICE = 256;
/** How long to wait for peers that have not read what they were sent, ms. */
const BEHIND_MS = 20;

/** What a subscriber to a pattern is still to be sent. */
interface Replay {
  readonly subscription: Subscription;
  readonly matches: (topic: string) => boolean;
  /** What all its topics begin with. */
  readonly head: string;
  /** Newer ones were delivered as they came. */
  readonly last: number;
  /** Where to go on. */
  next: string;
}

/** Hands one retained event to one subscriber. */
export type SendRetained = (event: RetainedEvent, subscription: Subscription, session: Session) => void;

/**
 * Sends new subscribers the retained events they ask for (FEATURES C9). The first {@link SLICE} topics at once, so
 * between SUBSCRIBED and whatever comes after it; the rest of a large set slice by slice, session by session in turn,
 * and no faster than its peer reads: a client that retains a hundred thousand topics and one that subscribes to all of
 * them cost nobody else his turn.
 */
export class RetainedReplay {
  readonly #events: RetainedEvents;
  readonly #clock: Clock;
  readonly #send: SendRetained;
  readonly #waiting = new Map<Session, Replay[]>();
  #cancelTimer: (() => void) | undefined;

  constructor(events: RetainedEvents, clock: Clock, send: SendRetained) {
    this.#events = events;
    this.#clock = clock;
    this.#send = send;
  }

  /** Sessions that have not got everything yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whatever was under way for this subscriber begins anew. */
  begin(session: Session, subscription: Subscription): void {
    this.cancel(session, subscription);
    const { uri, match } = subscription;
    if (match === 'exact') {
      this.#sendOne(session, subscription, uri, this.#events.order);
      return;
    }
    const head = literalHead(uri, match);
    const replay = { subscription, matches: matcher(subscription), head, last: this.#events.order, next: head };
    if (this.#slice(session, replay)) return;
    const others = this.#waiting.get(session);
    if (others === undefined) this.#waiting.set(session, [replay]);
    else others.push(replay);
    this.#goOn(0);
  }

  /** The session is out of the subscription. */
  cancel(session: Session, subscription: Subscription): void {
    const replays = this.#waiting.get(session);
    if (replays === undefined) return;
    const left = replays.filter((each) => each.subscription !== subscription);
    if (left.length === 0) this.#waiting.delete(session);
    else this.#waiting.set(session, left);
  }

  /** Forgets everything; for a realm that ends. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waiting.clear();
  }

  #goOn(delayMs: number): void {
    this.#cancelTimer ??= this.#clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      const worked = this.#serve();
      if (this.#waiting.size > 0) this.#goOn(worked ? 0 : BEHIND_MS);
    });
  }

  /** One slice for whoever is next and reads. @returns whether there was one */
  #serve(): boolean {
    for (const [session, replays] of this.#waiting) {
      const [replay] = replays;
      if (replay === undefined || session.peer.isBehind === true) continue;
      const done = this.#slice(session, replay);
      // Peers act within `send`: it may have been cancelled, or begun anew, meanwhile.
      const now = this.#waiting.get(session)?.filter((each) => each !== replay || !done);
      if (now === undefined) return true;
      // Last in turn.
      this.#waiting.delete(session);
      if (now.length > 0) this.#waiting.set(session, now);
      return true;
    }
    return false;
  }

  /** @returns whether that was all */
  #slice(session: Session, replay: Replay): boolean {
    const { subscription, head, matches } = replay;
    // Gathered first: what a peer does within `send` may change what is retained.
    const topics: string[] = [];
    let looked = 0;
    let next: string | undefined;
    for (const topic of this.#events.topicsFrom(replay.next)) {
      if (!topic.startsWith(head)) break;
      if (looked === SLICE) {
        next = topic;
        break;
      }
      looked += 1;
      if (matches(topic)) topics.push(topic);
    }
    for (const topic of topics) {
      if (session.ended || !subscription.has(session)) return true;
      if (session.peer.isBehind === true) {
        replay.next = topic;
        return false;
      }
      this.#sendOne(session, subscription, topic, replay.last);
    }
    if (next === undefined) return true;
    replay.next = next;
    return false;
  }

  #sendOne(session: Session, subscription: Subscription, topic: string, last: number): void {
    const event = this.#events.latestFor(session, topic);
    if (event !== undefined && event.order <= last) this.#send(event, subscription, session);
  }
}

/** Compiled once for all topics. */
function matcher({ uri, match }: Subscription): (topic: string) => boolean {
  if (match !== 'glob') return (topic) => uriMatches(uri, match, topic);
  const glob = new Glob(uri);
  return (topic) => glob.matches(new GlobText(topic));
}
