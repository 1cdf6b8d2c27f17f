/**
 * What one look-up costs with many patterns; prints a table and fails nothing.
 *
 *     npx vitest bench test/bench/match.bench.ts --run
 */
import { bench, describe } from 'vitest';
import { UriMap } from '../../src/router/uri-map.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

type Fill = (map: { set(uri: string, match: 'exact' | 'prefix' | 'wildcard', value: number): void }, n: number) => void;

const fills: Record<string, Fill> = {
  prefix: (map, n) => {
    for (let i = 0; i < n; i++) map.set(`org.unit${i}.task.`, 'prefix', i);
  },
  wildcard: (map, n) => {
    for (let i = 0; i < n; i++) map.set(i % 2 === 0 ? `org.unit${i}..done` : `org..task${i}.done`, 'wildcard', i);
  },
};

for (const [name, fill] of Object.entries(fills)) {
  for (const size of [1_000, 10_000, 100_000]) {
    describe(`${size} ${name} patterns`, () => {
      const map = new UriMap<number>();
      fill(map, size);
      let at = 0;
      bench('not remembered', () => {
        map.matchAll(`org.unit${size >> 1}.task${at++}.done`);
      });
      bench('remembered', () => {
        map.matchAll('org.unit500.task7.done');
      });
      bench('best, not remembered', () => {
        map.best(`org.unit${size >> 1}.task${at++}.done`);
      });
      if (size > 10_000) return;
      const linear = new LinearUriMap<number>();
      fill(linear, size);
      bench('linear scan', () => {
        linear.matchAll('org.unit500.task7.done');
      });
    });
  }
}
