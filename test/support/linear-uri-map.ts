import { globMatches } from '../../src/router/glob.ts';
import type { UriEntry } from '../../src/router/uri-map.ts';
import { type Match, uriMatches } from '../../src/wamp/uri.ts';

const RANK: Record<Match, number> = { exact: 0, prefix: 1, wildcard: 2, glob: 3 };

/** `UriMap` as one would say it: a list, asked from its beginning to its end. */
export class LinearUriMap<T> {
  #entries: UriEntry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get(uri: string, match: Match): T | undefined {
    return this.#entries.find((entry) => entry.uri === uri && entry.match === match)?.value;
  }

  set(uri: string, match: Match, value: T): void {
    this.delete(uri, match);
    this.#entries.push({ uri, match, value });
  }

  delete(uri: string, match: Match): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.uri !== uri || entry.match !== match);
    return this.#entries.length < before;
  }

  matchAll(uri: string): readonly T[] {
    return this.#matching(uri).map((entry) => entry.value);
  }

  best(uri: string): UriEntry<T> | undefined {
    const matching = this.#matching(uri);
    const last = matching.filter((entry) => entry.match === 'prefix').at(-1);
    return matching[0]?.match === 'exact' ? matching[0] : (last ?? matching[0]);
  }

  entries(): Iterable<UriEntry<T>> {
    return [...this.#entries];
  }

  #matching(uri: string): UriEntry<T>[] {
    // Globs: the last set first; the sort keeps equals as they are.
    return this.#entries
      .filter((entry) => matches(entry, uri))
      .reverse()
      .sort(compare);
  }
}

function matches({ uri: pattern, match }: UriEntry<unknown>, uri: string): boolean {
  return match === 'glob' ? globMatches(pattern, uri) : uriMatches(pattern, match, uri);
}

/** Exact, prefixes by length, wildcards by the lengths of their literal portions. */
function compare(a: UriEntry<unknown>, b: UriEntry<unknown>): number {
  if (a.match !== b.match) return RANK[a.match] - RANK[b.match];
  if (a.match === 'prefix') return a.uri.length - b.uri.length;
  if (a.match === 'glob') return 0;
  const left = portions(a.uri);
  const right = portions(b.uri);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (right[i] ?? 0) - (left[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** How many literal components stand before the first wildcard, before the second, … and after the last. */
function portions(pattern: string): number[] {
  const lengths = [0];
  for (const part of pattern.split('.')) {
    if (part === '') lengths.push(0);
    else lengths.push((lengths.pop() ?? 0) + 1);
  }
  return lengths;
}
