import type { Publication } from './broker.ts';
import { admits } from './publish-filter.ts';
import type { Session } from './session.ts';
import { SortedTexts } from './sorted-texts.ts';

/** Retained events of one topic that differ in who may receive them; one for everybody is never counted out. */
const MAX_PER_TOPIC = 16;

/** What an event, its topic and their places in the indexes take beside texts and payload, bytes, about. */
const OVERHEAD = 768;

/** A retained event; nothing in it is shared with the message it came from. */
export interface RetainedEvent {
  readonly publication: Publication;
  /** Its place in the order of all that were ever retained. */
  readonly order: number;
  /** Memory it takes, bytes, about. */
  readonly weight: number;
}

/**
 * The retained events of a realm (FEATURES C9): of each topic those that are the most recent one for somebody
 * (PITFALLS 44), bounded in bytes. Beyond the bound those go first whose topic has had none for longest.
 */
export class RetainedEvents {
  /** By topic, the newest event first; topics in the order of their newest event. */
  readonly #topics = new Map<string, readonly RetainedEvent[]>();
  /** The same topics as text, for patterns. */
  readonly #sorted = new SortedTexts();
  #bytes = 0;
  #count = 0;
  #order = 0;

  /** Memory they take, bytes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** Place of the newest one ever retained. */
  get order(): number {
    return this.#order;
  }

  /**
   * Retains `publication` in place of those that nobody would get any more.
   * @param maxBytes what all of them may take
   * @returns topics of what found no room: older ones, or this one where it is too large for all of it
   */
  keep(publication: Publication, maxBytes: number): readonly string[] {
    const { topic, filter } = publication;
    const payload = publication.payload.detached();
    const weight = OVERHEAD + 2 * topic.length + payload.weight + (filter?.weight ?? 0);
    this.#order += 1;
    const kept = { ...publication, payload, receipts: undefined, trail: undefined };
    const fits = weight <= maxBytes;
    const all = [{ publication: kept, order: this.#order, weight }, ...(this.#topics.get(topic) ?? [])];
    // What it replaces is out of date also where it finds no room itself.
    const needed = withoutOutdated(all).slice(fits ? 0 : 1);
    const bounded = withinBound(needed);
    const lost = Array<string>(needed.length - bounded.length + (fits ? 0 : 1)).fill(topic);
    this.#replace(topic, bounded);
    return [...lost, ...this.shrink(maxBytes)];
  }

  /** Forgets the oldest until the rest takes no more than `maxBytes`. @returns topics of what was forgotten */
  shrink(maxBytes: number): readonly string[] {
    const lost: string[] = [];
    for (const [topic, events] of this.#topics) {
      if (this.#bytes <= maxBytes) break;
      for (const _ of events) lost.push(topic);
      this.#replace(topic, []);
    }
    return lost;
  }

  /** Forgets those whose topic is not `wanted`. */
  review(wanted: (topic: string) => boolean): void {
    for (const topic of [...this.#topics.keys()]) if (!wanted(topic)) this.#replace(topic, []);
  }

  /** The most recent one that `session` would have received (PITFALLS 44). */
  latestFor(session: Session, topic: string): RetainedEvent | undefined {
    return this.#topics.get(topic)?.find(({ publication }) => admits(publication, session));
  }

  /** Topics from `first` on, in order of their text. Not to be continued after anything was retained or forgotten. */
  topicsFrom(first: string): Iterable<string> {
    return this.#sorted.from(first);
  }

  #replace(topic: string, events: readonly RetainedEvent[]): void {
    const before = this.#topics.get(topic);
    for (const { weight } of before ?? []) this.#bytes -= weight;
    for (const { weight } of events) this.#bytes += weight;
    this.#count += events.length - (before?.length ?? 0);
    if (before !== undefined) this.#topics.delete(topic);
    if (events.length > 0) this.#topics.set(topic, events);
    if (before === undefined && events.length > 0) this.#sorted.add(topic);
    else if (before !== undefined && events.length === 0) this.#sorted.delete(topic);
  }
}

/**
 * Those that are the most recent one for somebody, as far as it is plain to see. One without lists is for everybody but
 * its publisher's session, and two of different publishers reach all; of equal lists the newest counts.
 * @param events the newest first
 */
function withoutOutdated(events: readonly RetainedEvent[]): RetainedEvent[] {
  const needed: RetainedEvent[] = [];
  for (const event of events) {
    const { filter, excluded } = event.publication;
    const newer = needed.map(({ publication }) => publication);
    if (newer.some((each) => each.excluded === excluded && sameFilter(each, event.publication))) continue;
    needed.push(event);
    if (filter !== undefined) continue;
    if (excluded === 0 || newer.some((each) => each.filter === undefined)) break;
  }
  return needed;
}

function sameFilter(a: Publication, b: Publication): boolean {
  return a.filter === undefined || b.filter === undefined ? a.filter === b.filter : a.filter.equals(b.filter);
}

/** Beyond the bound the oldest of those go that are not for everybody. */
function withinBound(events: readonly RetainedEvent[]): readonly RetainedEvent[] {
  const limited = events.filter(({ publication }) => publication.filter !== undefined);
  const surplus = new Set(limited.slice(MAX_PER_TOPIC));
  return surplus.size === 0 ? events : events.filter((event) => !surplus.has(event));
}
