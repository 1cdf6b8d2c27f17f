import { expect, it } from 'vitest';
import { Backoff } from '../../../src/agent/backoff.ts';

const pauses = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());

it('pauses grow from 200 ms to 5 s, within which stock agents are back as well (CONTRACT §6)', () => {
  expect(pauses(new Backoff(() => 1), 7)).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
});

it('pauses are spread over their upper half, so that a swarm does not come back in one instant', () => {
  expect(pauses(new Backoff(() => 0), 3)).toEqual([100, 200, 400]);
});

it('a session that lived makes the pauses short again, one that was ended at once does not', () => {
  const backoff = new Backoff(() => 1);
  pauses(backoff, 4);
  backoff.lived(100);
  expect(backoff.next()).toBe(3200);
  backoff.lived(10_000);
  expect(backoff.next()).toBe(200);
});
