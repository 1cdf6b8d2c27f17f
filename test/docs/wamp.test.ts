import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isDict, ROUTER_ROLES } from '../../src/wamp/features.ts';

interface Row {
  readonly id: string;
  /** `broker.event_history`; empty: nothing is announced for it. */
  readonly keys: readonly string[];
  readonly since: string;
  readonly cells: number;
}

const page = readFileSync(new URL('../../docs/wamp.md', import.meta.url), 'utf8');
const rows: Row[] = [...page.matchAll(/^\| ([A-E]\d+) \|(.*)\|$/gm)].map(([, id = '', rest = '']) => {
  const cells = rest.split('|').map((cell) => cell.trim());
  const keys = [...(cells[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, key = '']) => key);
  return { id, keys, since: cells[3] ?? '', cells: cells.length };
});

const announced = Object.entries(ROUTER_ROLES).flatMap(([role, value]) => {
  const features = isDict(value) && isDict(value.features) ? value.features : {};
  return Object.keys(features).map((key) => `${role}.${key}`);
});

it('the table has the rows A1 … E14, each once, in order and complete', () => {
  const counts = { A: 19, B: 15, C: 12, D: 13, E: 14 };
  const expected = Object.entries(counts).flatMap(([part, count]) =>
    Array.from({ length: count }, (_, i) => `${part}${i + 1}`),
  );
  expect(rows.map(({ id }) => id)).toEqual(expected);
  expect(rows.filter(({ cells }) => cells !== 5)).toEqual([]);
  expect(rows.filter(({ since }) => since !== 'no' && !/^\d+\.\d+$/.test(since))).toEqual([]);
});

it('what WELCOME announces is what the table says is there: every key, and nothing else', () => {
  const there = rows.flatMap(({ keys, since }) => (since === 'no' ? [] : keys));
  expect(there.sort()).toEqual(announced.sort());
});

it('no key stands in two rows, so none is both there and not there', () => {
  const keys = rows.flatMap((row) => row.keys);
  expect(new Set(keys).size).toBe(keys.length);
});
