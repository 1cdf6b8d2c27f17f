/**
 * The wildcards of the URI index, by shape: which components of how many are literal. Patterns of one shape that match
 * a URI agree with it in the same components, so one look-up by these finds the only one there can be. A trie would
 * touch a map for every component, and with a hundred thousand patterns none of them is in the processor's caches.
 *
 * Fenced for speed (ARCHITECTURE §1.6). Peers choose the patterns, so shapes are few; what is beyond goes to the trie.
 */
import { HashTable } from './hash-table.ts';
import { Components } from './uri-hash.ts';
import { matchesInPlace, WildcardTrie } from './wildcard-trie.ts';

/** Each costs every publication of so many components a look-up. */
const MAX_SHAPES = 16;
/** More components are the trie's. */
const MAX_COMPONENTS = 16;

/** All patterns that are literal in the same components. */
interface Shape<E> {
  /** A bit for each component, the first one highest, 1: empty. Ascending is the order of precedence. */
  readonly mask: number;
  /** The places of the components that are not. */
  readonly literals: readonly number[];
  /** By the hash of the literal components. */
  readonly entries: HashTable<E>;
}

/** Of what was read last, by whichever index. */
const read = new Components(MAX_COMPONENTS);

export class WildcardIndex<E extends { readonly uri: string }> {
  /** By number of components. */
  readonly #shapes: Shape<E>[][] = Array.from({ length: MAX_COMPONENTS + 1 }, () => []);
  /** What has no place among the shapes; all of it is in the trie. */
  readonly #rest = new Map<string, E>();
  readonly #trie = new WildcardTrie<E>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether a look-up is a few steps whatever the patterns are, so that remembering answers gains nothing. */
  get isShort(): boolean {
    return this.#rest.size === 0;
  }

  get(pattern: string): E | undefined {
    const shape = this.#shapeOf(pattern);
    const place = shape === undefined ? -1 : placeOf(shape, pattern);
    return place === -1 ? this.#rest.get(pattern) : shape?.entries.at(place);
  }

  set(entry: E): void {
    this.delete(entry.uri);
    this.#size += 1;
    if (this.#setShaped(entry)) return;
    this.#rest.set(entry.uri, entry);
    this.#trie.set(entry);
  }

  /** @returns whether there was such a pattern. */
  delete(pattern: string): boolean {
    if (this.#deleteShaped(pattern)) {
      this.#size -= 1;
      return true;
    }
    if (!this.#rest.delete(pattern)) return false;
    this.#trie.delete(pattern);
    this.#size -= 1;
    return true;
  }

  /** All that match, in order of precedence: of two patterns, the one that is literal where they first differ. */
  match(uri: string): E[] {
    const found: E[] = [];
    if (this.#size === 0) return found;
    read.read(uri);
    for (const shape of this.#shapes[read.count] ?? NONE) {
      const { entries } = shape;
      for (let place = entries.first(read.key(shape.literals)); place !== -1; place = entries.next(place)) {
        const entry = entries.at(place);
        if (entry === undefined || !matchesInPlace(entry.uri, uri)) continue;
        found.push(entry);
        break;
      }
    }
    return this.#rest.size === 0 ? found : merged(found, this.#trie.match(uri));
  }

  /** Every pattern, in no order. Not to be continued after a `set` or `delete`. */
  *entries(): Iterable<E> {
    for (const shapes of this.#shapes) {
      for (const { entries } of shapes) yield* entries.values();
    }
    yield* this.#rest.values();
  }

  /** The shape of a pattern, where it has one yet; its components are those that were read last. */
  #shapeOf(pattern: string): Shape<E> | undefined {
    read.read(pattern);
    return this.#shapes[read.count]?.find(({ mask }) => mask === read.emptyMask);
  }

  /** As `#shapeOf`, and makes it. @returns undefined: no shape can be added */
  #newShapeOf(pattern: string): Shape<E> | undefined {
    const known = this.#shapeOf(pattern);
    const { count, emptyMask: mask } = read;
    const shapes = this.#shapes[count];
    if (known !== undefined || shapes === undefined || shapes.length >= MAX_SHAPES) return known;
    const literals = [...Array(count).keys()].filter((place) => ((mask >>> (count - 1 - place)) & 1) === 0);
    const shape: Shape<E> = { mask, literals, entries: new HashTable() };
    this.#shapes[count] = [...shapes, shape].sort((a, b) => a.mask - b.mask);
    return shape;
  }

  /** @returns false: there is no place for it */
  #setShaped(entry: E): boolean {
    const shape = this.#newShapeOf(entry.uri);
    return shape?.entries.add(read.key(shape.literals), entry) === true;
  }

  #deleteShaped(pattern: string): boolean {
    const shape = this.#shapeOf(pattern);
    if (shape === undefined) return false;
    const place = placeOf(shape, pattern);
    if (place === -1) return false;
    shape.entries.delete(place);
    if (shape.entries.size === 0) {
      this.#shapes[read.count] = (this.#shapes[read.count] ?? []).filter((each) => each !== shape);
    }
    return true;
  }
}

const NONE: readonly never[] = Object.freeze([]);

/** Where a pattern of this shape is, that was read last; -1: nowhere. */
function placeOf<E extends { readonly uri: string }>({ entries, literals }: Shape<E>, pattern: string): number {
  let place = entries.first(read.key(literals));
  while (place !== -1 && entries.at(place)?.uri !== pattern) place = entries.next(place);
  return place;
}

/** Two lists in order of precedence as one. */
function merged<E extends { readonly uri: string }>(shaped: readonly E[], rest: E[]): E[] {
  if (shaped.length === 0) return rest;
  const all: E[] = [];
  let next = 0;
  for (const each of rest) {
    for (let one = shaped[next]; one !== undefined && precedes(one.uri, each.uri); one = shaped[next]) {
      all.push(one);
      next += 1;
    }
    all.push(each);
  }
  // Not spread: there may be more than the stack takes arguments.
  for (; next < shaped.length; next += 1) all.push(shaped[next] as E);
  return all;
}

const DOT = 0x2e;

/** Of two patterns that match one URI: they first differ where a component is empty in one and begins in the other. */
function precedes(a: string, b: string): boolean {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at < a.length && a.charCodeAt(at) !== DOT;
}
