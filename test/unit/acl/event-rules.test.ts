import { expect, it } from 'vitest';
import { compileEventRules, type EventRule } from '../../../src/acl/event-rules.ts';

const rule = (uri: string, match: EventRule['match'], retain: EventRule['retain']): EventRule => {
  return { uri, match, retain, at: 'realm.yaml:1' };
};

it('without rules every event may be retained', () => {
  expect(compileEventRules([]).mayRetain('a.b')).toBe(true);
});

it.each([
  ['exact', 'a.b', ['a.b'], ['a.b.c', 'a']],
  ['prefix', 'a.b', ['a.b', 'a.b.c', 'a.bc'], ['a', 'b.a']],
  ['wildcard', 'a..c', ['a.b.c'], ['a.c', 'a.b.d']],
  ['glob', 'a.*.c', ['a.b.c'], ['a.b.b.c']],
  ['glob', '**.c', ['a.b.c', 'c'], ['c.a']],
] as const)('%s %s refuses what it matches, asked once or twice', (match, uri, refused, allowed) => {
  const rules = compileEventRules([rule(uri, match, 'refused')]);
  for (const _ of [1, 2]) {
    for (const topic of refused) expect(rules.mayRetain(topic)).toBe(false);
    for (const topic of allowed) expect(rules.mayRetain(topic)).toBe(true);
  }
});

it('one refused refuses, wherever it stands', () => {
  const both = [rule('a.', 'prefix', 'allowed'), rule('a.b', 'exact', 'refused')];
  for (const rules of [both, both.toReversed()]) expect(compileEventRules(rules).mayRetain('a.b')).toBe(false);
});

it('a pattern that means nothing is named with its place', () => {
  expect(() => compileEventRules([rule('a.{b}', 'glob', 'refused')])).toThrow(/glob/);
});
