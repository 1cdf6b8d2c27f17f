import type { ReceiverLists } from '../wamp/options.ts';
import type { Publication } from './broker.ts';
import type { Session } from './session.ts';

/** Lists of a publication that mean the same for every session, whenever it asks. */
export type NameLists = Omit<ReceiverLists, 'exclude' | 'eligible'>;

/**
 * Who may receive a publication (spec: "Subscriber Black- and Whitelisting"): subscribers ∩ each eligible list −
 * each exclude list. An empty eligible list is nobody; an absent one is no condition (PITFALLS 37).
 */
export class PublishFilter {
  readonly #exclude: ReadonlySet<number> | undefined;
  readonly #excludeAuthid: ReadonlySet<string> | undefined;
  readonly #excludeAuthrole: ReadonlySet<string> | undefined;
  readonly #eligible: ReadonlySet<number> | undefined;
  readonly #eligibleAuthid: ReadonlySet<string> | undefined;
  readonly #eligibleAuthrole: ReadonlySet<string> | undefined;

  constructor(lists: ReceiverLists) {
    this.#exclude = setOf(lists.exclude);
    this.#excludeAuthid = setOf(lists.excludeAuthid);
    this.#excludeAuthrole = setOf(lists.excludeAuthrole);
    this.#eligible = setOf(lists.eligible);
    this.#eligibleAuthid = setOf(lists.eligibleAuthid);
    this.#eligibleAuthrole = setOf(lists.eligibleAuthrole);
  }

  /** undefined where the publication names no receivers: the common case costs one comparison per receiver. */
  static of(lists: ReceiverLists | undefined): PublishFilter | undefined {
    return lists === undefined ? undefined : new PublishFilter(lists);
  }

  admits(session: Session): boolean {
    const { authid, authrole } = session.identity;
    if (this.#eligible !== undefined && !this.#eligible.has(session.id)) return false;
    if (this.#eligibleAuthid !== undefined && !this.#eligibleAuthid.has(authid)) return false;
    if (this.#eligibleAuthrole !== undefined && !this.#eligibleAuthrole.has(authrole)) return false;
    if (this.#exclude?.has(session.id) === true) return false;
    if (this.#excludeAuthid?.has(authid) === true) return false;
    return this.#excludeAuthrole?.has(authrole) !== true;
  }

  /** Whether session ids are among its lists, whatever they name. */
  get namesSessions(): boolean {
    return this.#exclude !== undefined || this.#eligible !== undefined;
  }

  get names(): NameLists {
    return {
      excludeAuthid: listOf(this.#excludeAuthid),
      excludeAuthrole: listOf(this.#excludeAuthrole),
      eligibleAuthid: listOf(this.#eligibleAuthid),
      eligibleAuthrole: listOf(this.#eligibleAuthrole),
    };
  }

  /** Whether both admit the same sessions because their lists name the same. */
  equals(other: PublishFilter): boolean {
    return (
      sameSet(this.#exclude, other.#exclude) &&
      sameSet(this.#excludeAuthid, other.#excludeAuthid) &&
      sameSet(this.#excludeAuthrole, other.#excludeAuthrole) &&
      sameSet(this.#eligible, other.#eligible) &&
      sameSet(this.#eligibleAuthid, other.#eligibleAuthid) &&
      sameSet(this.#eligibleAuthrole, other.#eligibleAuthrole)
    );
  }

  /** Memory that keeping it takes, bytes, about. */
  get weight(): number {
    const numbers = (this.#exclude?.size ?? 0) + (this.#eligible?.size ?? 0);
    let weight = 512 + 48 * numbers;
    for (const names of [this.#excludeAuthid, this.#excludeAuthrole, this.#eligibleAuthid, this.#eligibleAuthrole]) {
      for (const name of names ?? []) weight += 64 + 2 * name.length;
    }
    return weight;
  }
}

/** Whether a subscriber is to get the publication, by exclusion of the publisher and by its lists (PITFALLS 36). */
export function admits(publication: Publication, session: Session): boolean {
  if (session.id === publication.excluded) return false;
  return publication.filter === undefined || publication.filter.admits(session);
}

/** {@link PublishFilter.admits} for whoever has names only. */
export function admitsNames(lists: NameLists, authid: string, authrole: string): boolean {
  const { excludeAuthid, excludeAuthrole, eligibleAuthid, eligibleAuthrole } = lists;
  if (eligibleAuthid?.includes(authid) === false || eligibleAuthrole?.includes(authrole) === false) return false;
  return excludeAuthid?.includes(authid) !== true && excludeAuthrole?.includes(authrole) !== true;
}

function listOf(set: ReadonlySet<string> | undefined): readonly string[] | undefined {
  return set === undefined ? undefined : [...set];
}

function sameSet<T>(a: ReadonlySet<T> | undefined, b: ReadonlySet<T> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.size !== b.size) return false;
  for (const each of a) if (!b.has(each)) return false;
  return true;
}

function setOf<T>(list: readonly T[] | undefined): ReadonlySet<T> | undefined {
  return list === undefined ? undefined : new Set(list);
}
