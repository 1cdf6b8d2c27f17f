import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAcl } from '../../src/acl/compile.ts';
import { compilePattern, type PatternMatch } from '../../src/acl/patterns.ts';
import type { Rule, RuleMatch } from '../../src/acl/rule.ts';
import type { Action, Identity } from '../../src/router/authorizer.ts';
import { globMatches } from '../../src/router/glob.ts';
import { type Match, uriMatches } from '../../src/wamp/uri.ts';

// Small enough to list everything, with a component that begins with another one. URIs are longer than any pattern by
// one component, and some end in a component that no pattern has, so that whatever two patterns have in common, and
// whatever one has that the other has not, is in the list.
const COMPONENTS = ['a', 'ab', 'b'];
const LONGEST_PATTERN = 3;

function sequences(parts: readonly string[], length: number): string[] {
  if (length === 1) return [...parts];
  return sequences(parts, length - 1).flatMap((rest) => parts.map((part) => `${rest}.${part}`));
}

const listed = (longest: number) => Array.from({ length: longest }, (_, i) => sequences(COMPONENTS, i + 1)).flat();
const URIS = [...listed(LONGEST_PATTERN + 1), ...listed(LONGEST_PATTERN).map((uri) => `${uri}z`)];
const AUTHIDS = ['a', 'ab', 'b', '', 'a.b', '.', 'a ', '*', '{authid}'];
const ACTIONS: readonly Action[] = ['call', 'register', 'publish', 'subscribe'];

const parts = (...extra: string[]) =>
  fc.array(fc.constantFrom(...COMPONENTS, ...extra), { minLength: 1, maxLength: LONGEST_PATTERN });
const joined = (...extra: string[]) => parts(...extra).map((list) => list.join('.'));
const openEnded = (...extra: string[]) =>
  fc
    .tuple(joined(...extra), fc.constantFrom('', '', '.'))
    .map(([text, dot]) => (text.split('.').length < LONGEST_PATTERN ? text + dot : text));

const rulePattern: fc.Arbitrary<{ uri: string; match: RuleMatch }> = fc.oneof(
  fc.record({ uri: joined('{authid}'), match: fc.constant('exact' as const) }),
  fc.record({ uri: fc.oneof(openEnded('{authid}'), fc.constant('')), match: fc.constant('prefix' as const) }),
  fc.record({ uri: joined('{authid}', ''), match: fc.constant('wildcard' as const) }),
  fc.record({ uri: joined('{authid}', '*', '**', 'a*', '?'), match: fc.constant('glob' as const) }),
);

const rule: fc.Arbitrary<Rule> = fc
  .tuple(rulePattern, fc.subarray([...ACTIONS]), fc.subarray([...ACTIONS], { maxLength: 1 }), fc.nat(999))
  .map(([pattern, allow, deny, at]) => ({ ...pattern, allow, deny, disclose: [], at: `r:${at}` }));
const rules = fc.array(rule, { maxLength: 6 });

const asked: fc.Arbitrary<{ uri: string; match: PatternMatch }> = fc.oneof(
  fc.record({ uri: fc.oneof(openEnded(), fc.constant('')), match: fc.constant('prefix' as const) }),
  fc.record({ uri: joined(''), match: fc.constant('wildcard' as const) }),
  fc.record({ uri: joined('*', 'a*', '?', '[ab]', ''), match: fc.constant('glob' as const) }),
);

/** What a subscription or registration hears. */
function hears({ uri, match }: { uri: string; match: PatternMatch }, each: string): boolean {
  return match === 'glob' ? globMatches(uri, each) : uriMatches(uri, match, each);
}
const authid = fc.constantFrom(...AUTHIDS);

/** Those whose URIs are in the list, or nowhere. */
const listedAuthid = fc.constantFrom(...AUTHIDS.filter((id) => COMPONENTS.includes(id) || /^$|[.\s]/.test(id)));

const identity = (id: string): Identity => ({
  authid: id,
  authrole: 'r',
  authmethod: 'ticket',
  authprovider: 'static',
});
const compile = (list: readonly Rule[]) => compileAcl(new Map([['r', list]]));

/** CONTRACT §4 without patterns of micromatch, tries or texts: component by component. */
function speaksOf(pattern: { uri: string; match: RuleMatch }, id: string, uri: string): boolean {
  const own = /^[^\s.#]+$/u.test(id) ? id : undefined;
  const want = pattern.uri.split('.');
  const have = uri.split('.');
  if (want.includes('{authid}') && own === undefined) return false;
  const one = (part: string | undefined, text: string | undefined): boolean => {
    if (part === undefined || text === undefined) return false;
    if (part === '{authid}') return text === own;
    if (pattern.match === 'wildcard' && part === '') return true;
    if (pattern.match === 'glob' && part === '*') return true;
    if (pattern.match === 'glob' && part === '?') return text.length === 1;
    if (pattern.match === 'glob' && part === 'a*') return text.startsWith('a');
    return part === text;
  };
  if (pattern.match === 'prefix') {
    const last = want.length - 1;
    const tail = want[last] ?? '';
    const end = have[last];
    if (end === undefined || !want.slice(0, last).every((part, i) => one(part, have[i]))) return false;
    return tail === '{authid}' ? end === own : end.startsWith(tail);
  }
  if (pattern.match === 'glob') return globbed(want, have, one);
  return want.length === have.length && want.every((part, i) => one(part, have[i]));
}

function globbed(want: string[], have: string[], one: (part: string, text: string | undefined) => boolean): boolean {
  const [first, ...rest] = want;
  if (first === undefined) return have.length === 0;
  if (first === '**') return globbed(rest, have, one) || (have.length > 0 && globbed(want, have.slice(1), one));
  return one(first, have[0]) && globbed(rest, have.slice(1), one);
}

function naivelyAllowed(list: readonly Rule[], id: string, action: Action, uri: string): boolean {
  const matching = list.filter((one) => speaksOf(one, id, uri));
  return matching.some((one) => one.allow.includes(action)) && !matching.some((one) => one.deny.includes(action));
}

describe('a compiled rule against the list of all URIs', () => {
  it('matches what the definition says', () => {
    fc.assert(
      fc.property(rulePattern, authid, (pattern, id) => {
        const scope = compilePattern(pattern.uri, pattern.match).scope(id);
        for (const uri of URIS) expect(scope.matches(uri), uri).toBe(speaksOf(pattern, id, uri));
      }),
      { numRuns: 1000 },
    );
  });

  it('covers a pattern only if it speaks of every URI that the pattern matches', () => {
    fc.assert(
      fc.property(rulePattern, authid, asked, (pattern, id, { uri, match }) => {
        if (!compilePattern(pattern.uri, pattern.match).scope(id).covers(uri, match)) return;
        for (const each of URIS) {
          if (hears({ uri, match }, each)) expect(speaksOf(pattern, id, each), each).toBe(true);
        }
      }),
      { numRuns: 4000 },
    );
  });

  it('a prefix rule covers every prefix and a wildcard rule every wildcard that lies within it', () => {
    fc.assert(
      fc.property(rulePattern, authid, asked, (pattern, id, { uri, match }) => {
        if (pattern.match !== match || match === 'glob') return;
        const within = URIS.every((each) => !hears({ uri, match }, each) || speaksOf(pattern, id, each));
        expect(compilePattern(pattern.uri, pattern.match).scope(id).covers(uri, match)).toBe(within);
      }),
      { numRuns: 4000 },
    );
  });

  it('meets a pattern exactly if some URI is matched by both; a glob, at least then', () => {
    fc.assert(
      fc.property(rulePattern, listedAuthid, asked, (pattern, id, { uri, match }) => {
        const common = URIS.some((each) => hears({ uri, match }, each) && speaksOf(pattern, id, each));
        const meets = compilePattern(pattern.uri, pattern.match).scope(id).intersects(uri, match);
        if (pattern.match === 'glob' || match === 'glob') expect(meets || !common).toBe(true);
        else expect(meets).toBe(common);
      }),
      { numRuns: 6000 },
    );
  });
});

describe('permissions against the naive model', () => {
  it('for every URI, action and authid the answer is the naive one, also when remembered', () => {
    fc.assert(
      fc.property(rules, fc.shuffledSubarray(URIS, { maxLength: 25 }), (list, uris) => {
        const acl = compile(list);
        for (const uri of [...uris, ...uris]) {
          for (const id of AUTHIDS) {
            for (const action of ACTIONS) {
              const kind = acl.authorize(identity(id), action, uri, 'exact').kind;
              expect(kind, `${id} ${action} ${uri}`).toBe(naivelyAllowed(list, id, action, uri) ? 'allow' : 'deny');
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('an allowed pattern hears only URIs that are allowed one by one, all of them by one rule', () => {
    fc.assert(
      fc.property(rules, authid, asked, (list, id, { uri, match }) => {
        const decision = compile(list).authorize(identity(id), 'subscribe', uri, match);
        if (decision.kind === 'deny') return;
        const heard = URIS.filter((each) => hears({ uri, match }, each));
        for (const each of heard) expect(naivelyAllowed(list, id, 'subscribe', each), each).toBe(true);
        const allowing = list.filter((one) => one.allow.includes('subscribe'));
        expect(allowing.some((one) => heard.every((each) => speaksOf(one, id, each)))).toBe(true);
      }),
      { numRuns: 4000 },
    );
  });
});

describe('laws', () => {
  interface Question {
    who: Identity;
    action: Action;
    where: { uri: string; match: Match };
  }
  const question: fc.Arbitrary<Question> = fc.record({
    who: authid.map(identity),
    action: fc.constantFrom(...ACTIONS),
    where: fc.oneof(
      asked,
      fc.constantFrom(...URIS).map((uri) => ({ uri, match: 'exact' as const })),
    ),
  });
  const ask = (list: readonly Rule[], { who, action, where }: Question) =>
    compile(list).authorize(who, action, where.uri, where.match).kind;

  it('the order of rules never matters', () => {
    fc.assert(
      fc.property(
        rules.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        question,
        ([list, shuffled], asked) => {
          expect(ask(shuffled, asked)).toBe(ask(list, asked));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('a rule more that only allows takes nothing away', () => {
    fc.assert(
      fc.property(rules, rule, question, (list, more, asked) => {
        if (ask(list, asked) === 'allow') expect(ask([...list, { ...more, deny: [] }], asked)).toBe('allow');
      }),
      { numRuns: 5000 },
    );
  });

  it('a rule more that only denies gives nothing', () => {
    fc.assert(
      fc.property(rules, rule, question, (list, more, asked) => {
        if (ask(list, asked) === 'deny') expect(ask([...list, { ...more, allow: [] }], asked)).toBe('deny');
      }),
      { numRuns: 5000 },
    );
  });

  it('a rule twice is as good as once', () => {
    fc.assert(
      fc.property(rules, question, (list, asked) => {
        expect(ask([...list, ...list], asked)).toBe(ask(list, asked));
      }),
      { numRuns: 1000 },
    );
  });

  it('explain and authorize agree', () => {
    fc.assert(
      fc.property(rules, question, (list, { who, action, where }) => {
        const acl = compile(list);
        const explained = acl.explain(who, action, where.uri, where.match);
        expect(explained.decision).toEqual(acl.authorize(who, action, where.uri, where.match));
        const effects = explained.matched.map(({ effect }) => effect);
        const allowed = effects.includes('allows') && !effects.includes('denies');
        expect(explained.decision.kind).toBe(allowed ? 'allow' : 'deny');
      }),
      { numRuns: 3000 },
    );
  });
});
