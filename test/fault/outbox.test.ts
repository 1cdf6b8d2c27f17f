import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox } from '../../src/transports/outbox.ts';
import { OutboxPool } from '../../src/transports/outbox-pool.ts';
import { Target } from '../support/target.ts';

type Step =
  | { readonly do: 'push'; readonly bytes: number; readonly droppable: boolean; readonly to: number }
  | { readonly do: 'stick' | 'drain'; readonly to: number }
  | { readonly do: 'turn' };

const to = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      bytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })),
      droppable: fc.boolean(),
      to,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stick' as const, 'drain' as const), to }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('the outbox against its twin that writes directly', () => {
  it.each(['disconnect', 'dropEvents'] as const)(
    'whatever is pushed, stuck and drained: what was taken arrives, whole and in order, and the sums are right (%s)',
    async (slowPeer) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const limits = { outboxBytes: 500_000, outboxTotalBytes: 900_000, slowPeer };
          const pool = new OutboxPool(() => limits);
          const lanes = [0, 1, 2].map(() => {
            const target = new Target();
            const lane = { target, direct: [] as Buffer[], ended: 0, throttles: [] as boolean[] };
            const outbox = new Outbox(pool, target, {
              overflowed: () => {
                lane.ended += 1;
              },
              throttle: (slow) => lane.throttles.push(slow),
            });
            return Object.assign(lane, { outbox });
          });
          let fill = 0;
          for (const one of steps) {
            if (one.do === 'turn') {
              await turn();
              expect(pool.totalBytes).toBeLessThanOrEqual(limits.outboxTotalBytes);
              continue;
            }
            const lane = lanes[one.to];
            if (lane === undefined) continue;
            if (one.do === 'push') {
              fill += 1;
              const frame = Buffer.alloc(one.bytes, fill);
              if (lane.outbox.push(frame, one.droppable)) lane.direct.push(frame);
            } else {
              lane.target.stuck = one.do === 'stick';
              if (one.do === 'drain') lane.target.drain();
            }
            expect(lane.outbox.pendingBytes).toBeLessThanOrEqual(limits.outboxBytes);
          }
          for (const { target } of lanes) {
            target.stuck = false;
            target.drain();
          }
          await turn();
          for (const { target, direct, ended, throttles } of lanes) {
            const written = Buffer.concat(target.taken);
            const expected = Buffer.concat(direct);
            // Of a connection that was ended, a part from the beginning; of all others everything.
            const compared = ended > 0 ? expected.subarray(0, written.length) : expected;
            expect(written.equals(compared)).toBe(true);
            expect(ended).toBeLessThanOrEqual(1);
            expect(throttles.every((slow, i) => slow === (i % 2 === 0))).toBe(true);
            if (ended === 0) expect(throttles.length % 2).toBe(0);
          }
          expect(pool.totalBytes).toBe(0);
        }),
        { numRuns: 150 },
      );
    },
  );
});
