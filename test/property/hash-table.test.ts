import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HashTable } from '../../src/router/hash-table.ts';

// Neighbours, texts that share a hash, the hash that marks a free place, and places at both ends of any table.
const hash = fc.oneof(
  fc.constantFrom(0, 1, 2, 7, 8, 15, -1, 0x7fffffff, -0x80000000),
  fc.nat({ max: 40 }),
  fc.integer(),
);
const step = fc.record({ kind: fc.constantFrom('add', 'add', 'delete'), hash });

it('after any sequence of adding and deleting, a table of hashes finds what a list finds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const table = new HashTable<number>();
      // 0 and 1 count as one hash.
      let twin: { readonly hash: number; readonly entry: number }[] = [];
      const found = (wanted: number) => {
        const entries: (number | undefined)[] = [];
        for (let place = table.first(wanted); place !== -1; place = table.next(place)) entries.push(table.at(place));
        return entries.sort();
      };
      const listed = (wanted: number) =>
        twin.filter(({ hash }) => (hash || 1) === (wanted || 1)).map(({ entry }) => entry);
      for (const [entry, { kind, hash }] of steps.entries()) {
        if (kind === 'add') {
          const isRoom = listed(hash).length < 4;
          expect(table.add(hash, entry)).toBe(isRoom);
          if (isRoom) twin.push({ hash, entry });
        } else {
          const place = table.first(hash);
          expect(place === -1).toBe(listed(hash).length === 0);
          if (place === -1) continue;
          const gone = table.at(place);
          table.delete(place);
          twin = twin.filter((each) => each.entry !== gone);
        }
        expect(found(hash)).toEqual(listed(hash).sort());
      }
      for (const { hash } of steps) expect(found(hash)).toEqual(listed(hash).sort());
      expect(table.size).toBe(twin.length);
      expect([...table.values()].sort()).toEqual(twin.map(({ entry }) => entry).sort());
    }),
  );
});
