import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UriMap } from '../../src/router/uri-map.ts';
import type { Match } from '../../src/wamp/uri.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

// Few and short components, so that patterns meet; `ab` and `a-` make text prefixes that are no component prefixes.
const component = fc.constantFrom('', 'a', 'b', 'ab', 'a-');
const text = fc.oneof(
  { weight: 8, arbitrary: fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')) },
  // Longer than the trie is deep.
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom('', 'a'), { minLength: 4, maxLength: 4 })
      .map((parts) => `${'a.'.repeat(14)}${parts.join('.')}`),
  },
);
const match = fc.constantFrom<Match>('exact', 'prefix', 'wildcard', 'glob');
const step = match.chain((policy) =>
  fc.record({
    kind: fc.constantFrom('set', 'set', 'delete', 'ask'),
    uri: policy === 'glob' ? fc.constantFrom('*', 'a*', '*b', 'a.?', '[ab]*', 'a.b') : text,
    match: fc.constant(policy),
  }),
);

it('after any sequence of set, delete and match, the index answers as the linear scan does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(text, { maxLength: 10 }), (steps, uris) => {
      const map = new UriMap<number>();
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
    }),
    { numRuns: 300 },
  );
});
