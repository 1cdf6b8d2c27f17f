import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hashOf, weightOf } from '../../../src/router/rendezvous.ts';
import { MAX_ID } from '../../../src/wamp/ids.ts';

it('weights are integers in 0 … 2^32-1 for every key and every session id, and always the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: MAX_ID - 1 }), (key, session) => {
      const weight = weightOf(hashOf(key), session);
      expect(Number.isInteger(weight) && weight >= 0 && weight < 2 ** 32).toBe(true);
      expect(weightOf(hashOf(key), session)).toBe(weight);
    }),
  );
  expect(weightOf(hashOf('k'), MAX_ID)).toBeGreaterThanOrEqual(0);
});

it('keys spread over callees, whether the ids of their sessions are neighbours or far apart', () => {
  for (const sessions of [
    [1, 2, 3, 4, 5],
    [1, 2 ** 32 + 1, 2 ** 33 + 1, 2 ** 52, MAX_ID],
  ]) {
    const won = new Map(sessions.map((session) => [session, 0]));
    for (let n = 0; n < 5000; n += 1) {
      const key = hashOf(`customer-${n}`);
      const [winner = 0] = sessions.toSorted((a, b) => weightOf(key, b) - weightOf(key, a));
      won.set(winner, (won.get(winner) ?? 0) + 1);
    }
    for (const count of won.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  }
});
