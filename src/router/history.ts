/** Event history as the core sees it (FEATURES C8); where events are kept is the stores' affair. */
import type { Passthru } from '../wamp/options.ts';
import type { Payload } from '../wamp/payload.ts';
import type { Match } from '../wamp/uri.ts';
import type { Publication } from './broker.ts';
import type { Clock } from './clock.ts';
import type { Origin } from './disclosure.ts';
import type { EventRules } from './event-rules.ts';
import type { RouterObserver } from './observer.ts';
import type { NameLists } from './publish-filter.ts';

/** An event of the past; nothing in it is shared with the message it came from. */
export interface PastEvent {
  /** Its place in the order of publication: rises as long as the router runs, and from one to the next with the clock. */
  readonly order: number;
  /** When it was published, milliseconds since the epoch. */
  readonly time: number;
  readonly publication: number;
  readonly topic: string;
  readonly payload: Payload;
  readonly disclosed: Origin | undefined;
  readonly trustlevel: number | undefined;
  readonly passthru: Passthru | undefined;
  /** Who may see it; undefined: all who may subscribe. */
  readonly receivers: NameLists | undefined;
  /** Memory it takes, bytes, about. */
  readonly weight: number;
}

/** Events that are kept and bounded together: those of one rule of the realm file. */
export interface Series {
  /** Unique over all realms and the same after a restart. */
  readonly key: string;
  readonly store: HistoryStore;
  /** How many are kept. */
  readonly limit: number;
  /** What they may take together, bytes, about. */
  readonly maxBytes: number;
  /** Absent: they do not grow too old. */
  readonly maxAgeMs?: number;
}

/** Which events are asked for; all must hold. Plain data, as stores may live in other threads. */
export interface HistoryQuery {
  /** What was subscribed to. */
  readonly uri: string;
  readonly match: Match;
  /** Absent: any. */
  readonly topic?: string;
  /** Who asks: events that are not for them are left out before anything is counted (PITFALLS 46). */
  readonly authid: string;
  readonly authrole: string;
  /** Bounds of the order and of the time, both included. */
  readonly order: readonly [from: number, until: number];
  readonly time: readonly [from: number, until: number];
  /** From the newest on. */
  readonly reverse: boolean;
  /** At most so many, at least 1. */
  readonly limit: number;
  /** At most so much together, bytes, about; one event is given whatever it takes. */
  readonly maxBytes: number;
}

/** Where series are kept. What was added before is seen by whoever asks afterwards. */
export interface HistoryStore {
  /** Keeps `event`, the newest of its series; the oldest beyond the bounds are forgotten. Never throws. */
  add(series: Series, event: PastEvent): void;
  /**
   * The place in the order of a publication; undefined: it is in none of these series.
   * @throws WampError `history_unavailable` where the store does not answer
   */
  find(series: readonly Series[], publication: number): Promise<number | undefined>;
  /**
   * The first events that the query wants, in its order.
   * @throws WampError `history_unavailable` where the store does not answer
   */
  read(series: readonly Series[], query: HistoryQuery): Promise<readonly PastEvent[]>;
}

/** What an event takes beside its payload and texts, bytes, about. */
const OVERHEAD = 512;

/** Puts the publications of a realm into the series that its rules name. */
export class History {
  readonly #clock: Clock;
  readonly #rules: () => EventRules;
  readonly #observer: RouterObserver;
  #order = 0;

  constructor(clock: Clock, rules: () => EventRules, observer: RouterObserver) {
    this.#clock = clock;
    this.#rules = rules;
    this.#observer = observer;
  }

  keep(publication: Publication): void {
    const series = this.#rules().seriesFor(publication.topic);
    if (series === undefined) return;
    const { topic, filter, id, disclosed, trustlevel, passthru } = publication;
    // Session ids mean nothing to whoever asks later (PITFALLS 46).
    if (filter?.namesSessions === true) {
      this.#observer.unkept(topic, 'history_by_session');
      return;
    }
    const time = this.#clock.now();
    this.#order = Math.max(this.#order + 1, Math.floor(time) * 1000);
    const payload = publication.payload.detached();
    const weight = OVERHEAD + 2 * topic.length + payload.weight + (filter?.weight ?? 0);
    const what = { order: this.#order, time, publication: id, topic, payload, weight };
    series.store.add(series, { ...what, disclosed, trustlevel, passthru, receivers: filter?.names });
  }
}

/**
 * Reads over several series, wherever they are kept.
 * @throws WampError `history_unavailable`
 */
export async function readHistory(all: readonly Series[], query: HistoryQuery): Promise<readonly PastEvent[]> {
  const parts = await Promise.all([...byStore(all)].map(([store, series]) => store.read(series, query)));
  const direction = query.reverse ? -1 : 1;
  const merged = parts.length === 1 ? (parts[0] ?? []) : parts.flat().sort((a, b) => direction * (a.order - b.order));
  return upTo(merged, query);
}

/** @throws WampError `history_unavailable` */
export async function findInHistory(all: readonly Series[], publication: number): Promise<number | undefined> {
  const parts = await Promise.all([...byStore(all)].map(([store, series]) => store.find(series, publication)));
  return parts.find((order) => order !== undefined);
}

/** As many of the first as the query takes. */
export function upTo<E extends { readonly weight: number }>(events: Iterable<E>, query: HistoryQuery): E[] {
  const taken: E[] = [];
  let bytes = 0;
  for (const event of events) {
    bytes += event.weight;
    if (taken.length > 0 && bytes > query.maxBytes) break;
    taken.push(event);
    if (taken.length === query.limit) break;
  }
  return taken;
}

function byStore(all: readonly Series[]): Map<HistoryStore, Series[]> {
  const found = new Map<HistoryStore, Series[]>();
  for (const series of all) {
    const others = found.get(series.store);
    if (others === undefined) found.set(series.store, [series]);
    else others.push(series);
  }
  return found;
}
