import { describe, expect, it } from 'vitest';
import { isReserved, isValidUri, uriMatches } from '../../../src/wamp/uri.ts';

describe('isValidUri', () => {
  it.each(['a', 'a.b', 'com.myapp.topic1', 'com.MyApp', 'größe.東京', 'a-b.c:d/e', 'a.😀', '1.2'])(
    'PITFALLS 28: %s is a loose URI in every policy',
    (uri) => {
      for (const match of ['exact', 'prefix', 'wildcard'] as const) expect(isValidUri(uri, match, false)).toBe(true);
    },
  );

  it.each(['', '.', '.a', 'a.', 'a..b', '..'])('PITFALLS 28: "%s" has an empty component: invalid as exact', (uri) => {
    expect(isValidUri(uri, 'exact', false)).toBe(false);
    expect(isValidUri(uri, 'exact', true)).toBe(false);
  });

  it.each(['a b', 'a\tb', 'a#b', '#', 'a\u00a0b', 'a\u3000b', 'a.\n', 'a\u2003.b'])(
    'PITFALLS 28: %j holds white space or # and is invalid in every policy',
    (uri) => {
      for (const match of ['exact', 'prefix', 'wildcard'] as const) {
        expect(isValidUri(uri, match, false)).toBe(false);
        expect(isValidUri(uri, match, true)).toBe(false);
      }
    },
  );

  it('PITFALLS 29: wildcard allows empty components anywhere', () => {
    for (const uri of ['.', '..a', 'a..', 'a..b', '', '...', 'a.b'])
      expect(isValidUri(uri, 'wildcard', false)).toBe(true);
  });

  it('PITFALLS 29: prefix allows an empty last component, and "" for everything', () => {
    for (const uri of ['a.b.', '', 'a', 'a.b']) expect(isValidUri(uri, 'prefix', false)).toBe(true);
    for (const uri of ['.', '.a', 'a..b', 'a..']) expect(isValidUri(uri, 'prefix', false)).toBe(false);
  });

  it('strict URIs are lower case letters, digits and underscores', () => {
    for (const uri of ['a', 'com.my_app.topic1', '0.1']) expect(isValidUri(uri, 'exact', true)).toBe(true);
    for (const uri of ['A', 'a-b', 'größe', 'a:b', 'a/b']) expect(isValidUri(uri, 'exact', true)).toBe(false);
    expect(isValidUri('a..b', 'wildcard', true)).toBe(true);
    expect(isValidUri('a.', 'prefix', true)).toBe(true);
    expect(isValidUri('A..b', 'wildcard', true)).toBe(false);
  });

  it('a long URI is judged in linear time', () => {
    const long = `${'a.'.repeat(100_000)}#`;
    for (const match of ['exact', 'prefix', 'wildcard'] as const) expect(isValidUri(long, match, false)).toBe(false);
  });
});

it('PITFALLS 30: wamp and wamp.* are reserved, wampx.* and a.wamp are not', () => {
  for (const uri of ['wamp', 'wamp.', 'wamp.session.list']) expect(isReserved(uri)).toBe(true);
  for (const uri of ['wampx.foo', 'wam', 'a.wamp', 'WAMP.x', '']) expect(isReserved(uri)).toBe(false);
});

describe('uriMatches', () => {
  it('exact is equality', () => {
    expect(uriMatches('a.b', 'exact', 'a.b')).toBe(true);
    expect(uriMatches('a.b', 'exact', 'a.b.c')).toBe(false);
    expect(uriMatches('a.b', 'exact', 'A.b')).toBe(false);
  });

  it('PITFALLS 43: prefix is on the string, not on components', () => {
    const pattern = 'com.myapp.topic.emergency';
    for (const topic of [pattern, `${pattern}.11`, `${pattern}-low`, `${pattern}.a.b`]) {
      expect(uriMatches(pattern, 'prefix', topic)).toBe(true);
    }
    expect(uriMatches(pattern, 'prefix', 'com.myapp.topic.emerge')).toBe(false);
    expect(uriMatches('', 'prefix', 'anything.at.all')).toBe(true);
  });

  it('PITFALLS 43: wildcard needs the same number of components', () => {
    expect(uriMatches('com.myapp..userevent', 'wildcard', 'com.myapp.foo.userevent')).toBe(true);
    expect(uriMatches('com.myapp..userevent', 'wildcard', 'com.myapp.foo.bar.userevent')).toBe(false);
    expect(uriMatches('com.myapp..userevent', 'wildcard', 'com.myapp.foo.userevent.bar')).toBe(false);
    expect(uriMatches('com.myapp..userevent', 'wildcard', 'com.myapp2.foo.userevent')).toBe(false);
    expect(uriMatches('', 'wildcard', 'one')).toBe(true);
    expect(uriMatches('..', 'wildcard', 'a.b.c')).toBe(true);
    expect(uriMatches('a.b', 'wildcard', 'a.b')).toBe(true);
  });
});
