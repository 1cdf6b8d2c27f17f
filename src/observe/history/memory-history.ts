import type { HistoryQuery, HistoryStore, PastEvent, Series } from '../../router/history.ts';
import { upTo } from '../../router/history.ts';
import { historyFilter } from '../../router/history-filter.ts';

/** Forgotten events are cut off when there are so many of them; until then the list only begins later. */
const CUT = 1024;

/** The events of one series, in order. */
class Kept {
  #events: PastEvent[] = [];
  #first = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#events.length - this.#first;
  }

  add(event: PastEvent): void {
    this.#events.push(event);
    this.#bytes += event.weight;
  }

  /** @param since events that were published before it are too old */
  bound({ limit, maxBytes }: Series, since: number): void {
    for (let oldest = this.#events[this.#first]; oldest !== undefined; oldest = this.#events[this.#first]) {
      if (this.size <= limit && this.#bytes <= maxBytes && oldest.time >= since) break;
      this.#bytes -= oldest.weight;
      this.#first += 1;
    }
    if (this.#first < CUT && this.size > 0) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }

  *forwards(): Iterable<PastEvent> {
    for (let at = this.#first; at < this.#events.length; at += 1) yield this.#events[at] as PastEvent;
  }

  *backwards(): Iterable<PastEvent> {
    for (let at = this.#events.length - 1; at >= this.#first; at -= 1) yield this.#events[at] as PastEvent;
  }
}

/** Event history in memory: gone with the router. */
export class MemoryHistory implements HistoryStore {
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Memory that all events take, bytes, about. */
  get bytes(): number {
    let bytes = 0;
    for (const kept of this.#kept.values()) bytes += kept.bytes;
    return bytes;
  }

  /** The series that there are in one realm; what was kept of others there is forgotten. */
  configure(realm: string, series: readonly Series[]): void {
    const known = new Map(series.map((each) => [each.key, each]));
    for (const [key, kept] of this.#kept) {
      const now = known.get(key);
      if (now !== undefined) this.#bound(kept, now);
      else if (key.startsWith(`${realm} `)) this.#kept.delete(key);
    }
  }

  add(series: Series, event: PastEvent): void {
    let kept = this.#kept.get(series.key);
    if (kept === undefined) {
      kept = new Kept();
      this.#kept.set(series.key, kept);
    }
    kept.add(event);
    this.#bound(kept, series);
  }

  async find(series: readonly Series[], publication: number): Promise<number | undefined> {
    for (const kept of this.#current(series)) {
      for (const event of kept.backwards()) if (event.publication === publication) return event.order;
    }
    return undefined;
  }

  async read(series: readonly Series[], query: HistoryQuery): Promise<readonly PastEvent[]> {
    const wanted = historyFilter(query);
    const parts = this.#current(series).map((kept) =>
      upTo(filtered(query.reverse ? kept.backwards() : kept.forwards(), wanted), query),
    );
    const direction = query.reverse ? -1 : 1;
    return upTo(
      parts.flat().sort((a, b) => direction * (a.order - b.order)),
      query,
    );
  }

  #current(series: readonly Series[]): Kept[] {
    return series.flatMap((each) => {
      const kept = this.#kept.get(each.key);
      if (kept === undefined) return [];
      this.#bound(kept, each);
      return [kept];
    });
  }

  #bound(kept: Kept, series: Series): void {
    kept.bound(series, series.maxAgeMs === undefined ? Number.NEGATIVE_INFINITY : this.#now() - series.maxAgeMs);
  }
}

function* filtered(events: Iterable<PastEvent>, wanted: (event: PastEvent) => boolean): Iterable<PastEvent> {
  for (const event of events) if (wanted(event)) yield event;
}
