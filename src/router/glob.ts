/**
 * Glob patterns as `fnmatch` of Python has them, which peers of other protocols subscribe with: `*` (any text, dots,
 * colons and slashes included), `?` (one character), `[seq]`, `[!seq]`; case-sensitive; a `[` that is not closed is a
 * `[`. No pattern matches the router's own namespace `wamp.`.
 *
 * The patterns come from the wire, so nothing here backtracks. The text is turned into one bit set per character: bit
 * i says that the character stands at place i. A pattern then walks all places at once, one step per token, each step
 * one operation per 32 places; a star is a step, too, so many stars cost no more than many letters.
 */
import { isReserved } from '../wamp/uri.ts';

/** First and last code point of each range, ascending and apart; a single character is a range of itself. */
type Ranges = readonly number[];

type Token =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly code: number }
  | { readonly kind: 'set'; readonly ranges: Ranges; readonly negated: boolean };

const STAR: Token = { kind: 'star' };
const ANY: Token = { kind: 'any' };

const HYPHEN = 0x2d;

/** The characters that make a pattern more than the text it is. */
const SPECIAL = /[*?[]/;

/** Where the literal beginning of a pattern ends; its length where nothing in it is special. */
export function literalHeadLength(pattern: string): number {
  const at = pattern.search(SPECIAL);
  return at === -1 ? pattern.length : at;
}

/** A text that patterns are compared with; made once for all of them. */
export class GlobText {
  readonly text: string;
  /** Characters, as code points. */
  readonly length: number;
  /** 32-bit words for the places 0 … length. */
  readonly words: number;
  readonly reserved: boolean;
  readonly #codes: readonly number[];
  readonly #places = new Map<number, Int32Array>();

  constructor(text: string) {
    this.text = text;
    this.reserved = isReserved(text);
    const codes: number[] = [];
    for (const character of text) codes.push(character.codePointAt(0) ?? 0);
    this.#codes = codes;
    this.length = codes.length;
    this.words = (codes.length >>> 5) + 1;
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at] ?? 0;
      let places = this.#places.get(code);
      if (places === undefined) {
        places = new Int32Array(this.words);
        this.#places.set(code, places);
      }
      places[at >>> 5] = (places[at >>> 5] ?? 0) | (1 << (at & 31));
    }
  }

  /** Where the character stands. */
  placesOf(code: number): Int32Array | undefined {
    return this.#places.get(code);
  }

  /** Where a character of the set stands, or of none of its ranges if negated. */
  placesOfSet(ranges: Ranges, negated: boolean): Int32Array {
    const found = new Int32Array(this.words);
    const codes = this.#codes;
    for (let at = 0; at < codes.length; at++) {
      if (inRanges(codes[at] ?? 0, ranges) !== negated) found[at >>> 5] = (found[at >>> 5] ?? 0) | (1 << (at & 31));
    }
    return found;
  }
}

function inRanges(code: number, ranges: Ranges): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (code < (ranges[i] ?? 0)) return false;
    if (code <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}

/** A compiled pattern. */
export class Glob {
  /** What every match begins with; told apart natively before anything else is looked at. */
  readonly #head: string;
  readonly #tokens: readonly Token[];

  /** @param pattern at most `MAX_GLOB_LENGTH` long */
  constructor(pattern: string) {
    this.#head = pattern.slice(0, literalHeadLength(pattern));
    this.#tokens = parse(pattern);
  }

  matches(text: GlobText): boolean {
    if (text.reserved || !text.text.startsWith(this.#head)) return false;
    // Bit i: the tokens so far match the first i characters.
    const reached = new Int32Array(text.words);
    reached[0] = 1;
    for (const token of this.#tokens) {
      if (!step(reached, token, text)) return false;
    }
    return ((reached[text.length >>> 5] ?? 0) & (1 << (text.length & 31))) !== 0;
  }
}

/** @returns whether any place is left */
function step(reached: Int32Array, token: Token, text: GlobText): boolean {
  switch (token.kind) {
    case 'star':
      return spread(reached);
    case 'any':
      return advance(reached, undefined);
    case 'literal': {
      const places = text.placesOf(token.code);
      return places !== undefined && advance(reached, places);
    }
    case 'set':
      return advance(reached, text.placesOfSet(token.ranges, token.negated));
  }
}

/** From each place where the next character fits, to the place behind it. */
function advance(reached: Int32Array, fits: Int32Array | undefined): boolean {
  let carry = 0;
  let left = 0;
  for (let w = 0; w < reached.length; w++) {
    const here = (reached[w] ?? 0) & (fits === undefined ? -1 : (fits[w] ?? 0));
    const next = (here << 1) | carry;
    carry = here >>> 31;
    reached[w] = next;
    left |= next;
  }
  return left !== 0;
}

/** From the first place reached to all behind it. */
function spread(reached: Int32Array): boolean {
  let w = 0;
  while (w < reached.length && reached[w] === 0) w++;
  const first = reached[w] ?? 0;
  if (first === 0) return false;
  reached[w] = -(first & -first);
  reached.fill(-1, w + 1);
  return true;
}

function parse(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else if (character === '?') {
      tokens.push(ANY);
    } else {
      const end = character === '[' ? endOfSet(characters, at) : -1;
      if (end === -1) {
        tokens.push({ kind: 'literal', code: codeOf(character) });
      } else {
        tokens.push(parseSet(characters.slice(at + 1, end)));
        at = end;
      }
    }
  }
  return tokens;
}

/** The closing `]`: not the one that stands first in the set, where it is one of its characters; -1: none. */
function endOfSet(characters: readonly string[], open: number): number {
  const first = characters[open + 1] === '!' ? open + 2 : open + 1;
  return characters.indexOf(']', characters[first] === ']' ? first + 1 : first);
}

/**
 * The inside of `[…]`, cut at the hyphens that make ranges: such a hyphen joins the last character before it and the
 * first one behind. A range from a higher to a lower character is none; it goes before `!` is looked for, as in Python.
 */
function parseSet(inside: readonly string[]): Token {
  const chunks = splitAtHyphens(inside);
  for (let k = chunks.length - 1; k > 0; k--) {
    const before = chunks[k - 1] ?? [];
    const after = chunks[k] ?? [];
    if (codeOf(before.at(-1) ?? '') > codeOf(after[0] ?? '')) {
      chunks.splice(k - 1, 2, [...before.slice(0, -1), ...after.slice(1)]);
    }
  }
  const negated = chunks[0]?.[0] === '!';
  if (negated) chunks[0]?.shift();
  const ranges: [number, number][] = [];
  for (const [k, chunk] of chunks.entries()) {
    for (const character of chunk) ranges.push([codeOf(character), codeOf(character)]);
    const next = chunks[k + 1]?.[0];
    const last = chunk.at(-1);
    if (next === undefined) continue;
    // Nothing stands before the hyphen where that was the `!`: then it is a hyphen.
    if (last === undefined) ranges.push([HYPHEN, HYPHEN]);
    else ranges.push([codeOf(last), codeOf(next)]);
  }
  return { kind: 'set', ranges: apart(ranges), negated };
}

/** The same ranges in order, those that touch as one: a set is then looked through once per character at most. */
function apart(ranges: [number, number][]): Ranges {
  const result: number[] = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = result.length - 1;
    if (last > 0 && from <= (result[last] ?? 0) + 1) result[last] = Math.max(result[last] ?? 0, to);
    else result.push(from, to);
  }
  return result;
}

/** A hyphen that stands first, last, or right behind a range makes no range. */
function splitAtHyphens(inside: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let start = 0;
  let hyphen = inside.indexOf('-', inside[0] === '!' ? 2 : 1);
  while (hyphen !== -1 && hyphen < inside.length - 1) {
    chunks.push(inside.slice(start, hyphen));
    start = hyphen + 1;
    hyphen = inside.indexOf('-', hyphen + 3);
  }
  chunks.push(inside.slice(start));
  return chunks;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** Whether `uri` is matched by the glob `pattern`: the definition, without any index. */
export function globMatches(pattern: string, uri: string): boolean {
  return new Glob(pattern).matches(new GlobText(uri));
}

/** The glob part of the URI index: a list, since nothing in a glob need be literal. */
export class GlobSet<E extends { readonly uri: string }> {
  readonly #entries = new Map<string, { readonly entry: E; readonly glob: Glob }>();

  get size(): number {
    return this.#entries.size;
  }

  get(pattern: string): E | undefined {
    return this.#entries.get(pattern)?.entry;
  }

  /** The entry becomes the last to have come, also where there was one. */
  set(entry: E): void {
    this.#entries.delete(entry.uri);
    this.#entries.set(entry.uri, { entry, glob: new Glob(entry.uri) });
  }

  delete(pattern: string): boolean {
    return this.#entries.delete(pattern);
  }

  /** All that match, the last to have come first. */
  match(uri: string): E[] {
    const found: E[] = [];
    if (this.#entries.size === 0) return found;
    const text = new GlobText(uri);
    for (const { entry, glob } of this.#entries.values()) if (glob.matches(text)) found.push(entry);
    return found.reverse();
  }

  *entries(): Iterable<E> {
    for (const { entry } of this.#entries.values()) yield entry;
  }
}
