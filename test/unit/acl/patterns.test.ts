import { describe, expect, it } from 'vitest';
import { compilePattern, type PatternMatch } from '../../../src/acl/patterns.ts';
import type { RuleMatch } from '../../../src/acl/rule.ts';

const scope = (uri: string, match: RuleMatch, authid = 'planner') => compilePattern(uri, match).scope(authid);

describe('which URIs a rule speaks of', () => {
  it.each<[rule: string, match: RuleMatch, yes: string[], no: string[]]>([
    ['a.b', 'exact', ['a.b'], ['a', 'a.b.c', 'a.bc']],
    ['a.b', 'prefix', ['a.b', 'a.bc', 'a.b.c'], ['a', 'a.c', 'xa.b']],
    ['a.', 'prefix', ['a.b', 'a.b.c'], ['a', 'ab']],
    ['', 'prefix', ['a', 'wamp.session.kill'], []],
    ['a..c', 'wildcard', ['a.b.c', 'a.x.c'], ['a.c', 'a.b.d', 'a.b.b.c']],
    ['a.*', 'glob', ['a.b', 'a.b-c', 'a.b/c'], ['a', 'a.b.c', 'x.b']],
    ['a.**', 'glob', ['a', 'a.b', 'a.b.c'], ['ab', 'x.a']],
    ['a.**.z', 'glob', ['a.z', 'a.b.z', 'a.b.z.z'], ['a.b', 'a', 'z']],
    ['tg:*', 'glob', ['tg:1', 'tg:'], ['tg', 'tg:1.x', 'xtg:1']],
    ['{authid}', 'exact', ['planner'], ['{authid}', 'planner2']],
    ['a.{authid}.s', 'exact', ['a.planner.s'], ['a.other.s', 'a.{authid}.s']],
    ['a.{authid}.', 'prefix', ['a.planner.x', 'a.planner.x.y'], ['a.planner', 'a.planner2.x']],
    ['a.{authid}', 'prefix', ['a.planner', 'a.planner.x'], ['a.planner2', 'a.planner-x', 'a.planne']],
    ['a..{authid}', 'wildcard', ['a.b.planner'], ['a.b.c', 'a.planner.b']],
    ['{authid}.{authid}', 'wildcard', ['planner.planner'], ['planner.x', 'x.planner']],
    ['**.{authid}.*', 'glob', ['planner.x', 'a.b.planner.x'], ['planner', 'a.planner2.x']],
  ])('%s (%s)', (rule, match, yes, no) => {
    expect(yes.filter((uri) => !scope(rule, match).matches(uri))).toEqual([]);
    expect(no.filter((uri) => scope(rule, match).matches(uri))).toEqual([]);
  });
});

describe('{authid} is one whole component, whatever the authid is', () => {
  const rules: [string, RuleMatch][] = [
    ['a.{authid}.c', 'exact'],
    ['a.{authid}.', 'prefix'],
    ['a.{authid}', 'prefix'],
    ['a.{authid}.', 'wildcard'],
    ['a.{authid}.**', 'glob'],
  ];

  it.each(['', '.', 'b.c', '..', 'x y', '\t', 'a#', '\u00a0', '\u3000', 'b.'])(
    'an authid that is no component (%j) owns nothing: it neither widens nor spans',
    (authid) => {
      for (const [rule, match] of rules) {
        const own = scope(rule, match, authid);
        for (const uri of ['a', 'a.b', 'a.b.c', 'a.c', 'a.b.c.c', `a.${authid}.c`, 'a..c']) {
          expect(own.matches(uri)).toBe(false);
          for (const policy of ['prefix', 'wildcard'] as const) {
            expect([own.covers(uri, policy), own.intersects(uri, policy)]).toEqual([false, false]);
          }
        }
      }
    },
  );

  it.each(['*', '**', '?', '[a-z]', '{a,b}', '!x', '\\', '$', '(', '__proto__', '{authid}', '中'])(
    'an authid of special characters (%s) is taken literally',
    (authid) => {
      for (const [rule, match] of rules) {
        const own = scope(rule, match, authid);
        expect(own.matches(`a.${authid}.c`)).toBe(true);
        expect(own.matches('a.b.c')).toBe(false);
      }
    },
  );

  it.each(['a.x{authid}', '{authid}x', '{authid}{authid}'])(
    '%s is refused: it has more than the placeholder',
    (uri) => {
      for (const match of ['exact', 'prefix', 'wildcard', 'glob'] as const) {
        expect(() => compilePattern(uri, match)).toThrow('one whole component');
      }
    },
  );
});

describe('which patterns a rule covers', () => {
  it.each<[rule: string, match: RuleMatch, yes: [string, PatternMatch][], no: [string, PatternMatch][]]>([
    [
      'a.b',
      'exact',
      [],
      [
        ['a.b', 'prefix'],
        ['a.b', 'wildcard'],
      ],
    ],
    [
      'a.b',
      'glob',
      [],
      [
        ['a.b', 'prefix'],
        ['a.b', 'wildcard'],
      ],
    ],
    [
      'a.*',
      'glob',
      [],
      [
        ['a.', 'prefix'],
        ['a.', 'wildcard'],
      ],
    ],
    [
      'a.**',
      'glob',
      [
        ['a.', 'prefix'],
        ['a.b', 'prefix'],
        ['a.b.c.', 'prefix'],
        ['a.', 'wildcard'],
        ['a..c', 'wildcard'],
        ['a.[bc]*', 'glob'],
      ],
      [
        ['a', 'prefix'],
        ['', 'prefix'],
        ['b.', 'prefix'],
        ['.b', 'wildcard'],
        ['*', 'glob'],
      ],
    ],
    [
      '*.relay.**',
      'glob',
      [
        ['bob.relay.', 'prefix'],
        ['bob.relay.x', 'prefix'],
        ['bob.relay.', 'wildcard'],
      ],
      [
        ['bob.relay', 'prefix'],
        ['bob.', 'prefix'],
        ['bob.other.', 'prefix'],
        ['a.bob.relay.', 'prefix'],
        ['.relay.', 'wildcard'],
      ],
    ],
    [
      'a.b',
      'prefix',
      [
        ['a.b', 'prefix'],
        ['a.bc', 'prefix'],
        ['a.b.c', 'prefix'],
        ['a.b.', 'wildcard'],
        ['a.bc.', 'wildcard'],
        ['a.b', 'wildcard'],
      ],
      [
        ['a', 'prefix'],
        ['a.', 'prefix'],
        ['', 'prefix'],
        ['a.', 'wildcard'],
        ['a..c', 'wildcard'],
        ['.b', 'wildcard'],
      ],
    ],
    [
      'a.b.',
      'prefix',
      [
        ['a.b.', 'prefix'],
        ['a.b..c', 'wildcard'],
      ],
      [
        ['a.b', 'prefix'],
        ['a..b', 'wildcard'],
        ['a.b', 'wildcard'],
      ],
    ],
    [
      '',
      'prefix',
      [
        ['', 'prefix'],
        ['wamp.', 'prefix'],
        ['.', 'wildcard'],
        ['..x', 'wildcard'],
      ],
      [],
    ],
    [
      'a..',
      'wildcard',
      [
        ['a..', 'wildcard'],
        ['a.b.', 'wildcard'],
        ['a..c', 'wildcard'],
        ['a.b.c', 'wildcard'],
      ],
      [
        ['a.', 'wildcard'],
        ['a...', 'wildcard'],
        ['.b.c', 'wildcard'],
        ['a.b.c', 'prefix'],
        ['a..', 'prefix'],
      ],
    ],
    [
      'a.{authid}.',
      'prefix',
      [
        ['a.planner.', 'prefix'],
        ['a.planner..x', 'wildcard'],
      ],
      [
        ['a.planner', 'prefix'],
        ['a..x', 'wildcard'],
        ['a.', 'prefix'],
      ],
    ],
    [
      'a.{authid}',
      'prefix',
      [
        ['a.planner.', 'prefix'],
        ['a.planner', 'wildcard'],
        ['a.planner.', 'wildcard'],
      ],
      [
        ['a.planner', 'prefix'],
        ['a.planner2', 'prefix'],
        ['a.', 'wildcard'],
      ],
    ],
    [
      'a.{authid}.',
      'wildcard',
      [
        ['a.planner.', 'wildcard'],
        ['a.planner.x', 'wildcard'],
      ],
      [
        ['a..', 'wildcard'],
        ['a..x', 'wildcard'],
      ],
    ],
  ])('%s (%s)', (rule, match, yes, no) => {
    expect(yes.filter(([pattern, policy]) => !scope(rule, match).covers(pattern, policy))).toEqual([]);
    expect(no.filter(([pattern, policy]) => scope(rule, match).covers(pattern, policy))).toEqual([]);
  });
});

describe('which patterns a rule meets', () => {
  it.each<[rule: string, match: RuleMatch, yes: [string, PatternMatch][], no: [string, PatternMatch][]]>([
    [
      'a.b',
      'exact',
      [
        ['a', 'prefix'],
        ['a.', 'wildcard'],
        ['', 'prefix'],
      ],
      [
        ['a.b.', 'prefix'],
        ['a..', 'wildcard'],
      ],
    ],
    [
      'a.b.',
      'prefix',
      [
        ['a', 'prefix'],
        ['a.b.c', 'prefix'],
        ['a..', 'wildcard'],
        ['..c', 'wildcard'],
      ],
      [
        ['a.c', 'prefix'],
        ['a.', 'wildcard'],
        ['x..', 'wildcard'],
        ['a.c.', 'wildcard'],
      ],
    ],
    [
      'a.b',
      'prefix',
      [
        ['a.', 'wildcard'],
        ['a.bc', 'wildcard'],
        ['.bc.d', 'wildcard'],
      ],
      [
        ['a.cb', 'wildcard'],
        ['', 'wildcard'],
      ],
    ],
    [
      'a..c',
      'wildcard',
      [
        ['a.x', 'prefix'],
        ['a.x.', 'prefix'],
        ['.b.', 'wildcard'],
        ['a.x.c', 'prefix'],
      ],
      [
        ['b', 'prefix'],
        ['a.x.d', 'prefix'],
        ['a.x.c.', 'prefix'],
        ['a..d', 'wildcard'],
        ['a.', 'wildcard'],
      ],
    ],
    [
      'a.{authid}',
      'prefix',
      [
        ['a.pl', 'prefix'],
        ['a.planner', 'prefix'],
        ['a.planner.x', 'prefix'],
        ['a.', 'wildcard'],
        ['a..x', 'wildcard'],
      ],
      [
        ['a.planner2', 'prefix'],
        ['a.planner2', 'wildcard'],
        ['a.other.', 'prefix'],
      ],
    ],
    [
      'a.*.c',
      'glob',
      [
        ['a.', 'prefix'],
        ['a.b.', 'wildcard'],
        ['', 'prefix'],
        ['a.b.d', 'prefix'],
      ],
      [
        ['b.', 'prefix'],
        ['ab', 'prefix'],
        ['b..', 'wildcard'],
      ],
    ],
  ])('%s (%s)', (rule, match, yes, no) => {
    expect(yes.filter(([pattern, policy]) => !scope(rule, match).intersects(pattern, policy))).toEqual([]);
    expect(no.filter(([pattern, policy]) => scope(rule, match).intersects(pattern, policy))).toEqual([]);
  });
});
