/**
 * What a rule's URI says of URIs and of patterns. Compiled once, when a realm file is read; `{authid}` is filled in
 * per question, which costs a few string operations and compiles nothing.
 */
import { globMatches } from '../router/glob.ts';
import { literalHead } from '../router/literal-head.ts';
import { type Match, uriMatches } from '../wamp/uri.ts';
import { ANY_NUMBER, type ComponentTest, compileComponent, isSpecial, matchComponents } from './glob.ts';
import type { RuleMatch } from './rule.ts';

/** A subscription's or registration's policy, `exact` aside: that one is about a URI. */
export type PatternMatch = Exclude<Match, 'exact'>;

/** A rule's URI with `{authid}` filled in. */
export interface Scope {
  /** Whether the rule speaks of this URI. */
  matches(uri: string): boolean;
  /** Whether the rule speaks of everything that the pattern may ever match (CONTRACT §4). */
  covers(pattern: string, match: PatternMatch): boolean;
  /** Whether some valid URI is matched by both. Where a glob is one of them, `true` may mean "perhaps". */
  intersects(pattern: string, match: PatternMatch): boolean;
}

export interface CompiledPattern {
  readonly usesAuthid: boolean;
  scope(authid: string): Scope;
}

const AUTHID = '{authid}';

/** An authid with a dot, a space, or nothing in it is no component: rules with `{authid}` then match nothing. */
const COMPONENT = /^[^\s.#]+$/u;

const NOWHERE: Scope = { matches: () => false, covers: () => false, intersects: () => false };

/**
 * @param uri valid under `match`
 * @throws Error saying what is wrong, for the one who wrote the rule
 */
export function compilePattern(uri: string, match: RuleMatch): CompiledPattern {
  const parts = uri.split('.');
  const partial = parts.find((part) => part.includes(AUTHID) && part !== AUTHID);
  if (partial !== undefined) {
    throw new Error(`{authid} stands for one whole component, "${partial}" has more than it`);
  }
  const build = builder(parts, match);
  if (!parts.includes(AUTHID)) {
    const scope = build('');
    return { usesAuthid: false, scope: () => scope };
  }
  return { usesAuthid: true, scope: (authid) => (COMPONENT.test(authid) ? build(authid) : NOWHERE) };
}

function builder(parts: readonly string[], match: RuleMatch): (authid: string) => Scope {
  const fill = (authid: string) => parts.map((part) => (part === AUTHID ? authid : part)).join('.');
  switch (match) {
    case 'exact':
      return (authid) => exactScope(fill(authid));
    case 'prefix':
      // The text of `x.{authid}` would also begin `x.planner2`: the component must end there.
      return parts.at(-1) === AUTHID ? (authid) => subtreeScope(fill(authid)) : (authid) => prefixScope(fill(authid));
    case 'wildcard':
      return (authid) => wildcardScope(fill(authid));
    case 'glob':
      return globBuilder(parts);
  }
}

function exactScope(text: string): Scope {
  return {
    matches: (uri) => uri === text,
    covers: () => false,
    intersects: (pattern, match) => (match === 'glob' ? globMatches(pattern, text) : uriMatches(pattern, match, text)),
  };
}

function prefixScope(text: string): Scope {
  return {
    matches: (uri) => uri.startsWith(text),
    covers: (pattern, match) => literalHead(pattern, match).startsWith(text),
    intersects: (pattern, match) =>
      match === 'wildcard'
        ? prefixMeetsWildcard(text, pattern, (part, tail) => part.startsWith(tail))
        : headsMeet(literalHead(pattern, match), text),
  };
}

/** A URI and all below it. */
function subtreeScope(text: string): Scope {
  const below = `${text}.`;
  const within = (uri: string) => uri === text || uri.startsWith(below);
  return {
    matches: within,
    // The prefix `x.planner` also matches `x.planner2`; the wildcard without a wildcard matches itself only.
    covers: (pattern, match) =>
      literalHead(pattern, match).startsWith(below) || (match === 'wildcard' && pattern === text),
    intersects: (pattern, match) => {
      if (match === 'wildcard') return prefixMeetsWildcard(text, pattern, (part, tail) => part === tail);
      const head = literalHead(pattern, match);
      return text.startsWith(head) || head.startsWith(below);
    },
  };
}

function wildcardScope(text: string): Scope {
  const parts = text.split('.');
  const agrees = (pattern: string, fits: (mine: string, other: string) => boolean) => {
    const others = pattern.split('.');
    return others.length === parts.length && parts.every((part, i) => fits(part, others[i] ?? ''));
  };
  return {
    matches: (uri) => uriMatches(text, 'wildcard', uri),
    covers: (pattern, match) => match === 'wildcard' && agrees(pattern, (mine, other) => mine === '' || mine === other),
    intersects: (pattern, match) =>
      match === 'wildcard'
        ? agrees(pattern, (mine, other) => mine === '' || other === '' || mine === other)
        : prefixMeetsWildcard(literalHead(pattern, match), text, (part, tail) => part.startsWith(tail)),
  };
}

function globBuilder(parts: readonly string[]): (authid: string) => Scope {
  const compiled = parts.map((part) => (part === AUTHID || part === ANY_NUMBER ? part : compileComponent(part)));
  const firstSpecial = parts.findIndex((part) => part === AUTHID || isSpecial(part));
  const head =
    firstSpecial === -1
      ? parts.join('.')
      : parts
          .slice(0, firstSpecial)
          .map((part) => `${part}.`)
          .join('');
  return (authid) => {
    const own: ComponentTest = (component) => component === authid;
    const tests = compiled.map((test) => (test === AUTHID ? own : test)) as (ComponentTest | typeof ANY_NUMBER)[];
    return {
      matches: (uri) => matchComponents(tests, uri.split('.')),
      // Only what ends in `**` takes whatever follows; the pattern's last component may be a part of one, so it is not asked.
      covers: (pattern, match) =>
        tests.at(-1) === ANY_NUMBER && matchComponents(tests, literalHead(pattern, match).split('.').slice(0, -1)),
      // Not decided beyond the literal beginnings: a deny that may meet the pattern refuses it.
      intersects: (pattern, match) => headsMeet(literalHead(pattern, match), head),
    };
  };
}

/** Whether a text can begin with both. */
function headsMeet(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** Whether a valid URI can begin with `prefix` and match `wildcard`; `ends` compares the prefix's last component. */
function prefixMeetsWildcard(
  prefix: string,
  wildcard: string,
  ends: (component: string, tail: string) => boolean,
): boolean {
  const heads = prefix.split('.');
  const tail = heads.pop() ?? '';
  const parts = wildcard.split('.');
  if (heads.length >= parts.length) return false;
  const last = parts[heads.length] ?? '';
  return heads.every((part, i) => parts[i] === '' || parts[i] === part) && (last === '' || ends(last, tail));
}
