import { describe, expect, it } from 'vitest';
import { isId, MAX_ID, nextSessionId, RandomIds } from '../../../src/wamp/ids.ts';

describe('isId', () => {
  it('PITFALLS 22: ids are the integers of 1 … 2^53, 2^53 included', () => {
    expect(MAX_ID).toBe(2 ** 53);
    for (const id of [1, 2, 2 ** 32, 2 ** 53 - 1, 2 ** 53]) expect(isId(id)).toBe(true);
    for (const id of [0, -0, -1, 1.5, 2 ** 53 + 2, 1e300, Number.NaN, Number.POSITIVE_INFINITY])
      expect(isId(id)).toBe(false);
  });

  it('PITFALLS 26: nothing but a number is an id', () => {
    for (const value of [true, false, null, undefined, '1', 1n, [1], {}]) expect(isId(value)).toBe(false);
  });
});

describe('RandomIds', () => {
  it('PITFALLS 11: random ids are legal, differ, and use all 53 bits', () => {
    const ids = new RandomIds();
    const seen = new Set<number>();
    let above52 = 0;
    for (let i = 0; i < 20_000; i++) {
      const id = ids.random();
      expect(isId(id)).toBe(true);
      seen.add(id);
      if (id > 2 ** 52) above52++;
    }
    expect(seen.size).toBe(20_000);
    // Half of them, within ten standard deviations.
    expect(Math.abs(above52 - 10_000)).toBeLessThan(710);
  });

  it('PITFALLS 11: random ids are odd and even alike and never sequential', () => {
    const ids = new RandomIds();
    const sample = Array.from({ length: 2_000 }, () => ids.random());
    const odd = sample.filter((id) => id % 2 === 1).length;
    expect(Math.abs(odd - 1_000)).toBeLessThan(230);
    expect(sample.some((id, i) => id === (sample[i - 1] ?? 0) + 1)).toBe(false);
  });

  it('router scope counts from 1, for each source by itself', () => {
    const one = new RandomIds();
    const other = new RandomIds();
    expect([one.next(), one.next(), one.next()]).toEqual([1, 2, 3]);
    expect(other.next()).toBe(1);
  });
});

it('PITFALLS 23: session scope is +1 and wraps to 1 after 2^53', () => {
  expect(nextSessionId(0)).toBe(1);
  expect(nextSessionId(1)).toBe(2);
  expect(nextSessionId(MAX_ID - 1)).toBe(MAX_ID);
  expect(nextSessionId(MAX_ID)).toBe(1);
});
