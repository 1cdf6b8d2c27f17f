import { describe, expect, it } from 'vitest';
import type { UriMap } from '../../src/router/uri-map.ts';
import type { Match } from '../../src/wamp/uri.ts';

export type UriMapLike<T> = Pick<UriMap<T>, 'get' | 'set' | 'delete' | 'matchAll' | 'best' | 'size' | 'entries'>;

/** What every URI index must do. */
export function uriMapContract(name: string, create: () => UriMapLike<string>): void {
  function filled(...entries: readonly (readonly [uri: string, match: Match])[]): UriMapLike<string> {
    const map = create();
    for (const [uri, match] of entries) map.set(uri, match, `${match} ${uri}`);
    return map;
  }

  describe(`${name}: entries`, () => {
    it('an empty map matches nothing', () => {
      const map = create();
      expect([map.size, map.get('a', 'exact'), map.matchAll('a'), map.best('a'), [...map.entries()]]).toEqual([
        0,
        undefined,
        [],
        undefined,
        [],
      ]);
    });

    it('PITFALLS 40, 48: the same text under three policies is three entries', () => {
      const map = filled(['a.b', 'exact'], ['a.b', 'prefix'], ['a.b', 'wildcard']);
      expect(map.size).toBe(3);
      expect(map.matchAll('a.b')).toEqual(['exact a.b', 'prefix a.b', 'wildcard a.b']);
      expect(map.delete('a.b', 'prefix')).toBe(true);
      expect(map.get('a.b', 'prefix')).toBeUndefined();
      expect(map.get('a.b', 'exact')).toBe('exact a.b');
      expect(map.get('a.b', 'wildcard')).toBe('wildcard a.b');
    });

    it.each(['exact', 'prefix', 'wildcard'] as const)('%s: setting again replaces, deleting ends matching', (match) => {
      const map = create();
      map.set('a.b', match, 'old');
      expect(map.matchAll('a.b')).toEqual(['old']);
      map.set('a.b', match, 'new');
      expect([map.size, map.matchAll('a.b'), map.best('a.b')?.value]).toEqual([1, ['new'], 'new']);
      expect(map.delete('a.b', match)).toBe(true);
      expect(map.delete('a.b', match)).toBe(false);
      expect([map.size, map.matchAll('a.b'), map.best('a.b')]).toEqual([0, [], undefined]);
    });

    it('entries gives each entry once, with its policy', () => {
      const map = filled(['a', 'wildcard'], ['a', 'exact'], ['', 'prefix'], ['.b', 'wildcard']);
      const listed = [...map.entries()].map((entry) => [entry.uri, entry.match, entry.value]);
      expect(listed).toHaveLength(4);
      expect(listed).toEqual(
        expect.arrayContaining([
          ['a', 'exact', 'exact a'],
          ['', 'prefix', 'prefix '],
          ['a', 'wildcard', 'wildcard a'],
          ['.b', 'wildcard', 'wildcard .b'],
        ]),
      );
    });

    it('an answer already given is not changed by a later set or delete', () => {
      const map = filled(['a.', 'prefix']);
      const before = map.matchAll('a.b');
      map.set('a.b', 'exact', 'later');
      map.delete('a.', 'prefix');
      expect(before).toEqual(['prefix a.']);
      expect(map.matchAll('a.b')).toEqual(['later']);
    });

    it('a delete next to others leaves the others matching', () => {
      const map = filled(['a..c', 'wildcard'], ['a.b.c', 'wildcard'], ['a..', 'wildcard'], ['..c', 'wildcard']);
      map.delete('a..c', 'wildcard');
      expect(map.matchAll('a.b.c')).toEqual(['wildcard a.b.c', 'wildcard a..', 'wildcard ..c']);
    });

    it('names of object members are components like others', () => {
      const map = filled(['__proto__..constructor', 'wildcard'], ['__proto__', 'exact'], ['toString', 'prefix']);
      expect(map.matchAll('__proto__.x.constructor')).toEqual(['wildcard __proto__..constructor']);
      expect(map.matchAll('__proto__')).toEqual(['exact __proto__']);
      expect(map.matchAll('hasOwnProperty')).toEqual([]);
    });
  });

  describe(`${name}: prefix matching`, () => {
    it('PITFALLS 43: a prefix is one of the text, not of components', () => {
      const map = filled(['com.myapp.topic.emergency', 'prefix']);
      for (const uri of [
        'com.myapp.topic.emergency.11',
        'com.myapp.topic.emergency-low',
        'com.myapp.topic.emergency.category.severe',
        'com.myapp.topic.emergency',
      ]) {
        expect(map.matchAll(uri)).toHaveLength(1);
      }
      for (const uri of ['com.myapp.topic.basic', 'com.myapp.topic.emergenc', 'com.myapp.topic']) {
        expect(map.matchAll(uri)).toEqual([]);
      }
    });

    it('PITFALLS 29: the empty prefix matches everything', () => {
      const map = filled(['', 'prefix']);
      expect(map.matchAll('a')).toEqual(['prefix ']);
      expect(map.best('x.y.z')?.uri).toBe('');
    });

    it('all prefixes that match are found, shortest first, whatever the order of setting', () => {
      const map = filled(['a.b.c', 'prefix'], ['', 'prefix'], ['a.b.x', 'prefix'], ['a.', 'prefix'], ['a.b', 'prefix']);
      expect(map.matchAll('a.b.cd')).toEqual(['prefix ', 'prefix a.', 'prefix a.b', 'prefix a.b.c']);
    });
  });

  describe(`${name}: wildcard matching`, () => {
    it('an empty component matches any one component, and the number of components must agree', () => {
      const map = filled(['com.myapp..myprocedure1', 'wildcard']);
      for (const uri of ['com.myapp.myobject1.myprocedure1', 'com.myapp.myobject2.myprocedure1']) {
        expect(map.matchAll(uri)).toHaveLength(1);
      }
      for (const uri of [
        'com.myapp.myobject1.myprocedure1.mysubprocedure1',
        'com.myapp.myobject1.myprocedure2',
        'com.myapp2.myobject1.myprocedure1',
        'com.myapp.myprocedure1',
      ]) {
        expect(map.matchAll(uri)).toEqual([]);
      }
    });

    it('wildcards may stand first, last, everywhere, nowhere', () => {
      const map = filled(
        ['', 'wildcard'],
        ['.', 'wildcard'],
        ['a.', 'wildcard'],
        ['.b', 'wildcard'],
        ['a.b', 'wildcard'],
      );
      expect(map.matchAll('a')).toEqual(['wildcard ']);
      expect(map.matchAll('a.b')).toEqual(['wildcard a.b', 'wildcard a.', 'wildcard .b', 'wildcard .']);
      expect(map.matchAll('x.y')).toEqual(['wildcard .']);
      expect(map.matchAll('x.y.z')).toEqual([]);
    });

    it('very long patterns match in every component, and come in the same order', () => {
      const literal = Array.from({ length: 40 }, (_, i) => `c${i}`);
      const without = (...at: number[]) => literal.map((part, i) => (at.includes(i) ? '' : part)).join('.');
      const map = filled(
        [without(30), 'wildcard'],
        [without(39), 'wildcard'],
        [without(2, 39), 'wildcard'],
        [`${without(39)}x`, 'wildcard'],
      );
      expect(map.matchAll(literal.join('.'))).toEqual(
        [without(39), without(30), without(2, 39)].map((uri) => `wildcard ${uri}`),
      );
      expect(map.matchAll(`${literal.slice(0, 39).join('.')}.other`)).toEqual(
        [without(39), without(2, 39)].map((uri) => `wildcard ${uri}`),
      );
      expect(map.matchAll(`${literal.join('.')}.c40`)).toEqual([]);
      map.delete(without(39), 'wildcard');
      expect(map.best(literal.join('.'))?.uri).toBe(without(30));
    });
  });

  describe(`${name}: the best match for a call`, () => {
    // The registrations and calls of the spec, section "Calls matching multiple registrations".
    const registrations = [
      ['a1.b2.c3.d4.e55', 'exact'],
      ['a1.b2.c3', 'prefix'],
      ['a1.b2.c3.d4', 'prefix'],
      ['a1.b2..d4.e5', 'wildcard'],
      ['a1.b2.c33..e5', 'wildcard'],
      ['a1.b2..d4.e5..g7', 'wildcard'],
      ['a1.b2..d4..f6.g7', 'wildcard'],
    ] as const;
    const orders = { 'as printed': registrations, reversed: registrations.toReversed() };

    describe.each(Object.entries(orders))('PITFALLS 49: the examples of the spec, registered %s', (_, order) => {
      const calls: readonly [uri: string, rpc: number | undefined, why: string][] = [
        ['a1.b2.c3.d4.e55', 1, 'exact match'],
        ['a1.b2.c3.d98.e74', 2, 'single prefix match'],
        ['a1.b2.c3.d4.e325', 3, 'of two prefixes the longer'],
        ['a1.b2.c55.d4.e5', 4, 'single wildcard match'],
        ['a1.b2.c88.d4.e5.f6.g7', 6, 'equal first portions, longer second portion'],
        ['a2.b2.c2.d2.e2', undefined, 'no match'],
      ];
      it.each(calls)('%s goes to RPC %s: %s', (uri, rpc) => {
        expect(filled(...order).best(uri)?.uri).toBe(rpc === undefined ? undefined : registrations[rpc - 1]?.[0]);
      });

      it('a1.b2.c33.d4.e5 goes to RPC 2, not 5 as printed: a1.b2.c3 is a prefix of its text', () => {
        const map = filled(...order);
        expect(map.best('a1.b2.c33.d4.e5')).toMatchObject({ uri: 'a1.b2.c3', match: 'prefix' });
        map.delete('a1.b2.c3', 'prefix');
        expect(map.best('a1.b2.c33.d4.e5')).toMatchObject({ uri: 'a1.b2.c33..e5', match: 'wildcard' });
      });
    });

    it('an exact entry wins over patterns, also when it comes later, and gives way when it goes', () => {
      const map = filled(['a.', 'prefix'], ['a.', 'wildcard']);
      expect(map.best('a.b')?.match).toBe('prefix');
      map.set('a.b', 'exact', 'x');
      expect(map.best('a.b')).toEqual({ uri: 'a.b', match: 'exact', value: 'x' });
      map.delete('a.b', 'exact');
      expect(map.best('a.b')?.match).toBe('prefix');
      map.delete('a.', 'prefix');
      expect(map.best('a.b')?.match).toBe('wildcard');
    });

    it('a prefix wins over a wildcard that fixes more components', () => {
      expect(filled(['a.b.c.', 'wildcard'], ['a', 'prefix']).best('a.b.c.d')?.match).toBe('prefix');
    });

    it.each([
      ['a1.b2..d4', 'a1...d4'],
      ['a.b..', 'a...d'],
      ['a..c.', 'a...d'],
      ['a.b.c.d', 'a.b.c.'],
      ['a...d', '.b.c.d'],
    ])('of wildcards %s comes before %s', (better, worse) => {
      const uri = better.startsWith('a1') ? 'a1.b2.c3.d4' : 'a.b.c.d';
      expect(filled([better, 'wildcard'], [worse, 'wildcard']).best(uri)?.uri).toBe(better);
      expect(filled([worse, 'wildcard'], [better, 'wildcard']).best(uri)?.uri).toBe(better);
    });
  });
}
