/**
 * Where the members of an object stand in JSON text that `JSON.parse` has proven: a payload goes on as the text that
 * came, so numbers keep all their digits. Strings are skipped by native search.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const COMMA = 0x2c;

/** A part of a text, `end` excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Members {
  /** Members in all, those with equal keys counted each. */
  readonly count: number;
  /** In the order of the keys asked for; of equal keys the last counts, as for `JSON.parse`. */
  readonly spans: readonly (Span | undefined)[];
}

/**
 * The values of some members of the object that begins at or behind `from`.
 * @param text proven to be JSON, with an object there
 */
export function members(text: string, from: number, keys: readonly string[]): Members {
  const spans: (Span | undefined)[] = keys.map(() => undefined);
  let count = 0;
  let at = skipSpace(text, text.indexOf('{', from) + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = behindString(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    const key = keyText(text, at, keyEnd);
    const wanted = keys.indexOf(key);
    if (wanted !== -1) spans[wanted] = { start, end };
    count += 1;
    at = skipSpace(text, end);
    if (text.charCodeAt(at) !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return { count, spans };
}

/** How deep arrays and objects nest in proven text, the outermost counted; stops counting above `limit`. */
export function nesting(text: string, limit: number): number {
  // Each level takes two characters.
  if (text.length <= 2 * limit) return 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length && deepest <= limit; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = behindString(text, at) - 1;
    else if (code === OPEN_LIST || code === OPEN_MAP) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_LIST || code === CLOSE_MAP) depth--;
  }
  return deepest;
}

function keyText(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : raw;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

function behindString(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1);
  while (quote !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}

/** Where the value that begins at `from` ends, in proven text. */
export function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return behindString(text, from);
  if (first !== OPEN_LIST && first !== OPEN_MAP) return behindScalar(text, from);
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = behindString(text, at);
      continue;
    }
    at++;
    if (code === OPEN_LIST || code === OPEN_MAP) depth++;
    else if ((code === CLOSE_LIST || code === CLOSE_MAP) && --depth === 0) return at;
  }
  return at;
}

function behindScalar(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_MAP || code === CLOSE_LIST || code <= 0x20) break;
  }
  return at;
}
