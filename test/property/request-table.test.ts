import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestTable } from '../../src/router/request-table.ts';

const id = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 8 }).map((each) => each * 1024),
  fc.integer({ min: 1, max: 4000 }),
  fc.integer({ min: 0, max: 3 }).map((each) => 2 ** 53 - each),
  fc.integer({ min: 0, max: 3 }).map((each) => 2 ** 32 + each),
);
const command = fc.record({ what: fc.constantFrom('set', 'set', 'delete', 'get'), id, value: fc.nat() });

/** Ids as sessions count them, `open` of them at a time. */
const counted = fc
  .record({ open: fc.integer({ min: 1, max: 1500 }), calls: fc.nat(300), from: fc.constantFrom(1, 2 ** 31 - 50) })
  .map(({ open, calls, from }) =>
    Array.from({ length: open + calls }, (_, i) => [
      { what: 'set', id: from + i, value: i },
      ...(i < open ? [] : [{ what: 'delete', id: from + i - open, value: 0 }]),
    ]).flat(),
  );

describe('the table of open requests', () => {
  it('is a Map, whatever ids come and in whatever order', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(command, { maxLength: 200 }), counted), (commands) => {
        const table = new RequestTable<number>();
        const map = new Map<number, number>();
        for (const { what, id, value } of commands) {
          if (what === 'set') {
            table.set(id, value);
            map.set(id, value);
          } else if (what === 'delete') {
            expect(table.delete(id)).toBe(map.delete(id));
          }
          expect(table.get(id)).toBe(map.get(id));
          expect(table.has(id)).toBe(map.has(id));
          expect(table.size).toBe(map.size);
        }
        expect(table.values()).toEqual([...map].sort(([a], [b]) => a - b).map(([, value]) => value));
        for (const key of map.keys()) expect(table.get(key)).toBe(map.get(key));
      }),
      { numRuns: 500 },
    );
  });

  it('stays small where ids meet, however many do', () => {
    const before = process.memoryUsage().heapUsed;
    const tables = Array.from({ length: 1000 }, () => {
      const table = new RequestTable<number>();
      for (let i = 0; i < 4; i += 1) table.set(1 + 1024 * i, i);
      return table;
    });
    expect(tables.every(({ size }) => size === 4)).toBe(true);
    // 16 KiB each if two ids that meet made a table grow.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 << 20);
  });
});
