import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { UriMap } from '../../src/router/uri-map.ts';
import type { Match } from '../../src/wamp/uri.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

interface Step {
  readonly kind: 'set' | 'delete' | 'ask';
  readonly uri: string;
  readonly match: Match;
}

const KINDS: Step['kind'][] = ['set', 'set', 'delete', 'ask'];

// Few and short components, so that patterns meet; `ab` and `a-` make text prefixes that are no component prefixes.
const component = fc.constantFrom('', 'a', 'b', 'ab', 'a-');
const text = fc.oneof(
  { weight: 8, arbitrary: fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')) },
  // About as many components as have a shape, and more than the trie is deep.
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(11, 12, 13, 14), fc.array(fc.constantFrom('', 'a'), { minLength: 4, maxLength: 4 }))
      .map(([before, parts]) => `${'a.'.repeat(before)}${parts.join('.')}`),
  },
);
const match = fc.constantFrom<Match>('exact', 'prefix', 'wildcard', 'glob');
const step = match.chain((policy) =>
  fc.record<Step>({
    kind: fc.constantFrom(...KINDS),
    uri: policy === 'glob' ? fc.constantFrom('*', 'a*', '*b', 'a.?', '[ab]*', 'a.b') : text,
    match: fc.constant(policy),
  }),
);

/** Patterns and URIs of five or six components, and so of many more shapes than the index keeps. */
const ofManyShapes = (letters: readonly string[]) => {
  const uri = (parts: readonly string[]) =>
    fc.array(fc.constantFrom(...parts), { minLength: 5, maxLength: 6 }).map((components) => components.join('.'));
  const steps = fc.array(
    fc.record<Step>({ kind: fc.constantFrom(...KINDS), uri: uri(['', ...letters]), match: fc.constant('wildcard') }),
    { maxLength: 150, size: 'max' },
  );
  return [steps, fc.array(uri(letters), { maxLength: 4 })] as const;
};

/** Prefixes of far more lengths than are looked at anew, in order and out of it. */
const ofManyLengths = () => {
  const uri = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 0, maxLength: 40, size: 'max' });
  const begin = fc.tuple(fc.constantFrom('ab'.repeat(20), 'ba.'.repeat(14)), fc.nat({ max: 40 }));
  const prefix = fc.oneof(
    { weight: 1, arbitrary: uri },
    { weight: 4, arbitrary: begin.map(([t, n]) => t.slice(0, n)) },
  );
  const steps = fc.array(
    fc.record<Step>({ kind: fc.constantFrom(...KINDS), uri: prefix, match: fc.constant('prefix') }),
    { maxLength: 120, size: 'max' },
  );
  return [steps, fc.array(uri, { maxLength: 2 })] as const;
};

function expectTheSame(map: UriMap<number>, steps: readonly Step[], uris: readonly string[]): void {
  const twin = new LinearUriMap<number>();
  for (const [i, { kind, uri, match }] of steps.entries()) {
    if (kind === 'set') {
      map.set(uri, match, i);
      twin.set(uri, match, i);
    } else if (kind === 'delete') {
      expect(map.delete(uri, match)).toBe(twin.delete(uri, match));
    }
    for (const asked of [uri, ...uris]) {
      expect(map.matchAll(asked)).toEqual(twin.matchAll(asked));
      expect(map.best(asked)).toEqual(twin.best(asked));
    }
    expect(map.get(uri, match)).toBe(twin.get(uri, match));
  }
  expect(map.size).toBe(twin.size);
  const byKey = (a: { uri: string; match: string }, b: { uri: string; match: string }) =>
    a.match.localeCompare(b.match) || a.uri.localeCompare(b.uri);
  expect([...map.entries()].sort(byKey)).toEqual([...twin.entries()].sort(byKey));
}

it('after any sequence of set, delete and match, the index answers as the linear scan does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(text, { maxLength: 10 }), (steps, uris) =>
      expectTheSame(new UriMap(), steps, uris),
    ),
    { numRuns: 300 },
  );
});

it('also where wildcards are of more shapes than the index keeps, that come and go', () => {
  fc.assert(
    fc.property(...ofManyShapes(['a', 'b']), (steps, uris) => expectTheSame(new UriMap(), steps, uris)),
    { numRuns: 100 },
  );
});

it('also where prefixes are of more lengths than are looked at anew, that come and go', () => {
  fc.assert(
    fc.property(...ofManyLengths(), (steps, uris) => expectTheSame(new UriMap(), steps, uris)),
    { numRuns: 100 },
  );
});

it('also where most texts share their hash with others', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  vi.resetModules();
  // With secrets of nothing a hash is that of the letters, in whatever order.
  const { UriMap: Colliding } = await import('../../src/router/uri-map.ts');
  random.mockRestore();
  fc.assert(
    fc.property(...ofManyShapes(['ab', 'ba', 'aab', 'aba', 'baa']), (steps, uris) =>
      expectTheSame(new Colliding(), steps, uris),
    ),
    { numRuns: 100 },
  );
  const sameLetters = fc.constantFrom('abcdef', 'bacdef', 'cabdef', 'dabcef', 'eabcdf', 'fabcde', 'fedcba', 'fecdba');
  const steps = fc.array(
    fc.record<Step>({ kind: fc.constantFrom(...KINDS), uri: sameLetters, match: fc.constant('prefix') }),
    { maxLength: 60, size: 'max' },
  );
  fc.assert(fc.property(steps, (each) => expectTheSame(new Colliding(), each, ['abcdefg'])));
});
