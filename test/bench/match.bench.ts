/**
 * What one look-up costs with many patterns; prints a table and fails nothing.
 *
 *     npx vitest bench test/bench/match.bench.ts --run
 */
import { bench, describe } from 'vitest';
import { UriMap } from '../../src/router/uri-map.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

interface Kind {
  readonly match: 'prefix' | 'wildcard';
  pattern(i: number): string;
  /** One that pattern `i` matches and no other; `n` makes it another each time. */
  topic(i: number, n: number): string;
}

const kinds: readonly Kind[] = [
  { match: 'prefix', pattern: (i) => `org.unit${i}.task.`, topic: (i, n) => `org.unit${i}.task.${n}` },
  {
    match: 'wildcard',
    pattern: (i) => (i % 2 === 0 ? `org.unit${i}..done` : `org..task${i}.done`),
    topic: (i, n) => (i % 2 === 0 ? `org.unit${i}.job${n}.done` : `org.job${n}.task${i}.done`),
  },
];

/** Far apart, so that what is touched is in no cache; every number below `size` comes in turn. */
const STRIDE = 7_919;

for (const { match, pattern, topic } of kinds) {
  for (const size of [100, 10_000, 100_000]) {
    describe(`${size} ${match} patterns`, () => {
      const map = new UriMap<number>();
      for (let i = 0; i < size; i++) map.set(pattern(i), match, i);
      let at = 0;
      bench('one pattern, another topic each time', () => {
        map.matchAll(topic(size >> 1, at++));
      });
      bench('another pattern each time', () => {
        at += 1;
        map.matchAll(topic((at * STRIDE) % size, at));
      });
      bench('another pattern each time, the best', () => {
        at += 1;
        map.best(topic((at * STRIDE) % size, at));
      });
      if (size > 10_000) return;
      const linear = new LinearUriMap<number>();
      for (let i = 0; i < size; i++) linear.set(pattern(i), match, i);
      bench('linear scan', () => {
        linear.matchAll(topic(size >> 1, at++));
      });
    });
  }
}
