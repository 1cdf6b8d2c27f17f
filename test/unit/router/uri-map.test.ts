import { describe, expect, it } from 'vitest';
import { ResultCache } from '../../../src/router/result-cache.ts';
import { UriMap } from '../../../src/router/uri-map.ts';

describe('UriMap', () => {
  it('an answer that took a glob to find is remembered: the same array until an entry changes', () => {
    const map = new UriMap<number>();
    map.set('a.', 'prefix', 1);
    map.set('x?z', 'glob', 9);
    const first = map.matchAll('a.b');
    expect(map.matchAll('a.b')).toBe(first);
    map.set('x.y', 'exact', 2);
    expect(map.matchAll('a.b')).toBe(first);
    map.set('x.', 'prefix', 3);
    expect(map.matchAll('a.b')).not.toBe(first);
  });

  it('100,000 patterns of each policy are set, found and deleted again', () => {
    const map = new UriMap<number>();
    const each = (visit: (i: number) => void) => {
      for (let i = 0; i < 100_000; i++) visit(i);
    };
    each((i) => {
      map.set(`org.unit${i}.task`, 'exact', i);
      map.set(`org.unit${i}.`, 'prefix', i);
      map.set(`org.unit${i}.`, 'wildcard', i);
    });
    expect(map.size).toBe(300_000);
    expect(map.matchAll('org.unit4711.task')).toEqual([4711, 4711, 4711]);
    expect(map.best('org.unit99999.other')).toMatchObject({ match: 'prefix', value: 99_999 });
    each((i) => {
      map.delete(`org.unit${i}.task`, 'exact');
      map.delete(`org.unit${i}.`, 'prefix');
      map.delete(`org.unit${i}.`, 'wildcard');
    });
    expect([map.size, map.matchAll('org.unit4711.task')]).toEqual([0, []]);
  });

  it('a URI of very many components needs no deep stack', () => {
    const map = new UriMap<string>();
    const deep = '.'.repeat(60_000);
    map.set(deep, 'wildcard', 'deep');
    expect(map.matchAll(`${'x.'.repeat(60_000)}x`)).toEqual(['deep']);
    expect(map.delete(deep, 'wildcard')).toBe(true);
  });
});

describe('ResultCache', () => {
  const cache = (maxEntries: number, maxWeight: number) =>
    new ResultCache<readonly number[]>((result) => 8 * result.length, maxEntries, maxWeight);

  it('holds at most twice its number of entries, and forgets the oldest', () => {
    const small = cache(10, 1e9);
    for (let i = 0; i < 1000; i++) small.set(`uri${i}`, [i]);
    expect(small.size).toBeLessThanOrEqual(20);
    expect(small.get('uri999')).toEqual([999]);
    expect(small.get('uri0')).toBeUndefined();
  });

  it('is bounded by the length of URIs and of answers', () => {
    const small = cache(1000, 1000);
    for (let i = 0; i < 100; i++) small.set(`${i}`.padEnd(100, 'x'), []);
    expect(small.size).toBeLessThanOrEqual(10);
    small.clear();
    for (let i = 0; i < 100; i++) small.set(`${i}`, new Array(50).fill(0));
    expect(small.size).toBeLessThanOrEqual(4);
  });

  it('what is asked for again and again survives a flood of others', () => {
    const small = cache(10, 1e9);
    small.set('busy', [1]);
    for (let i = 0; i < 1000; i++) {
      expect(small.get('busy')).toEqual([1]);
      small.set(`flood${i}`, []);
    }
  });

  it('delete and clear forget in both generations', () => {
    const small = cache(1, 1e9);
    small.set('a', [1]);
    small.set('b', [2]);
    small.delete('a');
    expect([small.get('a'), small.get('b')]).toEqual([undefined, [2]]);
    small.clear();
    expect([small.get('b'), small.size]).toEqual([undefined, 0]);
  });
});
