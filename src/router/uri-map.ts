/**
 * The index that broker and dealer look a topic or procedure up in.
 *
 * Built for speed; the twin that says the same in plain words is a linear scan with `uriMatches`
 * (test/support/linear-uri-map.ts), and both pass one contract suite (ARCHITECTURE §1.6).
 */
import type { Match } from '../wamp/uri.ts';
import { GlobSet } from './glob.ts';
import { PrefixIndex } from './prefix-index.ts';
import { ResultCache } from './result-cache.ts';
import { WildcardIndex } from './wildcard-index.ts';

export interface UriEntry<T> {
  readonly uri: string;
  readonly match: Match;
  readonly value: T;
}

const NOTHING: readonly never[] = Object.freeze([]);

/** With no more lengths of prefixes than these, and no other patterns, looking costs what remembering costs. */
const FEW_LENGTHS = 16;

export class UriMap<T> {
  readonly #exact = new Map<string, UriEntry<T>>();
  readonly #prefixes = new PrefixIndex<UriEntry<T>>();
  readonly #wildcards = new WildcardIndex<UriEntry<T>>();
  readonly #globs = new GlobSet<UriEntry<T>>();
  readonly #allCache = new ResultCache<readonly T[]>((values) => 8 * values.length);
  /** The best of the patterns only; exact entries are asked first. */
  readonly #bestCache = new ResultCache<{ readonly entry: UriEntry<T> | undefined }>(() => 32);

  get size(): number {
    return this.#exact.size + this.#prefixes.size + this.#wildcards.size + this.#globs.size;
  }

  /** What was set under exactly this pair; one text under two policies is two entries (PITFALLS 40, 48). */
  get(uri: string, match: Match): T | undefined {
    if (match === 'exact') return this.#exact.get(uri)?.value;
    if (match === 'prefix') return this.#prefixes.get(uri)?.value;
    return (match === 'wildcard' ? this.#wildcards.get(uri) : this.#globs.get(uri))?.value;
  }

  set(uri: string, match: Match, value: T): void {
    const entry: UriEntry<T> = { uri, match, value };
    if (match === 'exact') {
      this.#exact.set(uri, entry);
    } else if (match === 'prefix') {
      this.#prefixes.set(entry);
    } else if (match === 'glob') {
      this.#globs.set(entry);
    } else {
      this.#wildcards.set(entry);
    }
    this.#forget(uri, match);
  }

  /** @returns whether there was such an entry. */
  delete(uri: string, match: Match): boolean {
    const gone = this.#delete(uri, match);
    if (gone) this.#forget(uri, match);
    return gone;
  }

  /**
   * Every entry that matches: exact, then prefixes (shortest first), then wildcards (in the precedence of `best`), then
   * globs (the last set first); among the former the order in which they were set plays no part. The array is shared: it must not be changed, and a later `set` or
   * `delete` does not change it.
   */
  matchAll(uri: string): readonly T[] {
    // Where topics do not come again, as with a hundred thousand agents, memory costs more than it saves.
    if (this.#isShort) return this.#simple(uri);
    const cached = this.#allCache.get(uri);
    if (cached !== undefined) return cached;
    const found = this.#simple(uri);
    for (const glob of this.#globs.match(uri)) found.push(glob.value);
    const result = found.length === 0 ? NOTHING : found;
    this.#allCache.set(uri, result);
    return result;
  }

  /**
   * The one entry a call goes to: exact, else the longest prefix, else the wildcard with the most components before
   * its first empty one, then before its second, and so on (spec: "Calls matching multiple registrations"; PITFALLS
   * 49), else the glob set last. Two different wildcards never tie.
   */
  best(uri: string): UriEntry<T> | undefined {
    const exact = this.#exact.get(uri);
    if (exact !== undefined) return exact;
    if (this.#isShort) return this.#prefixes.match(uri).at(-1) ?? this.#wildcards.match(uri)[0];
    const cached = this.#bestCache.get(uri);
    if (cached !== undefined) return cached.entry;
    const entry = this.#prefixes.match(uri).at(-1) ?? this.#wildcards.match(uri)[0] ?? this.#globs.match(uri)[0];
    this.#bestCache.set(uri, { entry });
    return entry;
  }

  /** Every entry: exact ones, then prefixes, wildcards, globs. Not to be continued after a `set` or `delete`. */
  *entries(): Iterable<UriEntry<T>> {
    yield* this.#exact.values();
    yield* this.#prefixes.entries();
    yield* this.#wildcards.entries();
    yield* this.#globs.entries();
  }

  /** Whether looking costs what remembering costs. */
  get #isShort(): boolean {
    return this.#prefixes.lengths <= FEW_LENGTHS && this.#wildcards.isShort && this.#globs.size === 0;
  }

  /** What matches as anything but a glob, in the order of {@link matchAll}. */
  #simple(uri: string): T[] {
    const found: T[] = [];
    const exact = this.#exact.size > 0 ? this.#exact.get(uri) : undefined;
    if (exact !== undefined) found.push(exact.value);
    if (this.#prefixes.size > 0) for (const { value } of this.#prefixes.match(uri)) found.push(value);
    if (this.#wildcards.size > 0) for (const { value } of this.#wildcards.match(uri)) found.push(value);
    return found;
  }

  #delete(uri: string, match: Match): boolean {
    if (match === 'exact') return this.#exact.delete(uri);
    if (match === 'glob') return this.#globs.delete(uri);
    if (match === 'wildcard') return this.#wildcards.delete(uri);
    return this.#prefixes.delete(uri);
  }

  /** An exact entry changes the answer for its own URI only; a pattern may change any. */
  #forget(uri: string, match: Match): void {
    if (match === 'exact') {
      this.#allCache.delete(uri);
    } else {
      this.#allCache.clear();
      this.#bestCache.clear();
    }
  }
}
