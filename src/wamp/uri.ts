/** URI rules of the specification ("URIs", "Strict and Loose URI checks") and of its pattern-based features. */

/**
 * How a subscription's or registration's URI is compared with the URI of a publication or call. `glob` is of the
 * router's own: sessions of other protocols subscribe with it (router/glob.ts), no WAMP message says it.
 */
export type Match = 'exact' | 'prefix' | 'wildcard' | 'glob';

/** What WAMP messages may say. */
export const MATCHES: readonly Exclude<Match, 'glob'>[] = ['exact', 'prefix', 'wildcard'];

/** Longest glob, in UTF-16 units: its cost grows with its length, and peers choose it. */
export const MAX_GLOB_LENGTH = 256;

// `\s` of JavaScript includes U+00A0 and U+3000, as the loose rule wants (PITFALLS 28).
const LOOSE = /^(?:[^\s.#]+\.)*[^\s.#]+$/u;
const LOOSE_EMPTY = /^(?:[^\s.#]*\.)*[^\s.#]*$/u;
const LOOSE_LAST_EMPTY = /^(?:[^\s.#]+\.)*[^\s.#]*$/u;
const STRICT = /^(?:[0-9a-z_]+\.)*[0-9a-z_]+$/;
const STRICT_EMPTY = /^(?:[0-9a-z_]*\.)*[0-9a-z_]*$/;
const STRICT_LAST_EMPTY = /^(?:[0-9a-z_]+\.)*[0-9a-z_]*$/;

/**
 * Whether `uri` may stand in a message under match policy `match` (PITFALLS 28, 29).
 *
 * exact: no empty component. wildcard: empty components anywhere. prefix: the last component may be empty, and
 * `""` (everything) is legal. glob: any text up to {@link MAX_GLOB_LENGTH}; what no URI has, it just never matches.
 */
export function isValidUri(uri: string, match: Match, strict: boolean): boolean {
  switch (match) {
    case 'exact':
      return (strict ? STRICT : LOOSE).test(uri);
    case 'prefix':
      return (strict ? STRICT_LAST_EMPTY : LOOSE_LAST_EMPTY).test(uri);
    case 'wildcard':
      return (strict ? STRICT_EMPTY : LOOSE_EMPTY).test(uri);
    case 'glob':
      return uri !== '' && uri.length <= MAX_GLOB_LENGTH;
  }
}

/** Whether the first component is `wamp`, the namespace that is the router's own (PITFALLS 30). */
export function isReserved(uri: string): boolean {
  return uri.startsWith('wamp.') || uri === 'wamp';
}

/** Whether `uri` is matched by `pattern`: the definition, without any index. Globs have theirs in router/glob.ts. */
export function uriMatches(pattern: string, match: Exclude<Match, 'glob'>, uri: string): boolean {
  switch (match) {
    case 'exact':
      return pattern === uri;
    case 'prefix':
      // On the string, not on components (PITFALLS 43): `a.b` matches `a.b-c`.
      return uri.startsWith(pattern);
    case 'wildcard': {
      const want = pattern.split('.');
      const have = uri.split('.');
      return want.length === have.length && want.every((part, i) => part === '' || part === have[i]);
    }
  }
}
