/**
 * The prefixes of the URI index: a table for each length, since a prefix is one of the text and not of components
 * (PITFALLS 43). The hashes of all beginnings of a URI come out of one pass over its characters.
 *
 * Fenced for speed (ARCHITECTURE §1.6).
 */
import { HashTable } from './hash-table.ts';
import { TEXT_BEGINS, withChar } from './uri-hash.ts';

interface SameLength<E> {
  readonly length: number;
  readonly table: HashTable<E>;
  /** Those whose hash too many had already. */
  readonly rest: Map<string, E>;
}

export class PrefixIndex<E extends { readonly uri: string }> {
  /** By length, ascending. */
  #lengths: readonly SameLength<E>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many different lengths there are, each of which costs a look-up. */
  get lengths(): number {
    return this.#lengths.length;
  }

  get(prefix: string): E | undefined {
    const same = this.#lengths.find(({ length }) => length === prefix.length);
    return same && find(same, prefix, hashOf(prefix));
  }

  set(entry: E): void {
    const { uri } = entry;
    this.delete(uri);
    let same = this.#lengths.find(({ length }) => length === uri.length);
    if (same === undefined) {
      same = { length: uri.length, table: new HashTable(), rest: new Map() };
      this.#lengths = [...this.#lengths, same].sort((a, b) => a.length - b.length);
    }
    if (!same.table.add(hashOf(uri), entry)) same.rest.set(uri, entry);
    this.#size += 1;
  }

  /** @returns whether there was such a prefix. */
  delete(prefix: string): boolean {
    const same = this.#lengths.find(({ length }) => length === prefix.length);
    if (same === undefined) return false;
    const { table, rest } = same;
    const place = placeOf(table, prefix, hashOf(prefix));
    if (place !== -1) table.delete(place);
    else if (!rest.delete(prefix)) return false;
    this.#size -= 1;
    if (table.size + rest.size === 0) this.#lengths = this.#lengths.filter((each) => each !== same);
    return true;
  }

  /** All that `uri` begins with, shortest first. */
  match(uri: string): E[] {
    const found: E[] = [];
    let hash = TEXT_BEGINS;
    let at = 0;
    for (const same of this.#lengths) {
      const { length } = same;
      if (length > uri.length) break;
      for (; at < length; at += 1) hash = withChar(hash, uri.charCodeAt(at));
      const entry = find(same, uri, hash);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  /** Every prefix, shortest first. Not to be continued after a `set` or `delete`. */
  *entries(): Iterable<E> {
    for (const { table, rest } of this.#lengths) {
      yield* table.values();
      yield* rest.values();
    }
  }
}

/** The entry of this length that `uri` begins with. */
function find<E extends { readonly uri: string }>(same: SameLength<E>, uri: string, hash: number): E | undefined {
  const place = placeOf(same.table, uri, hash);
  if (place !== -1) return same.table.at(place);
  return same.rest.size === 0 ? undefined : same.rest.get(uri.slice(0, same.length));
}

function placeOf<E extends { readonly uri: string }>(table: HashTable<E>, uri: string, hash: number): number {
  for (let place = table.first(hash); place !== -1; place = table.next(place)) {
    const entry = table.at(place);
    if (entry !== undefined && uri.startsWith(entry.uri)) return place;
  }
  return -1;
}

function hashOf(text: string): number {
  let hash = TEXT_BEGINS;
  for (let i = 0; i < text.length; i += 1) hash = withChar(hash, text.charCodeAt(i));
  return hash;
}
