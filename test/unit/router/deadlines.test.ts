import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Deadline, Deadlines } from '../../../src/router/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class Item implements Deadline {
  at = 0;
  slot = -1;
  readonly #expired: () => void;

  constructor(expired: () => void = () => {}) {
    this.#expired = expired;
  }

  expired(): void {
    this.#expired();
  }
}

describe('deadlines', () => {
  it('expire as a sorted list says, whatever is added, moved and removed', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add'), item: fc.nat(19), delay: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ kind: fc.constant('remove'), item: fc.nat(19) }),
      fc.record({ kind: fc.constant('advance'), ms: fc.integer({ min: 0, max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const clock = new FakeClock(0);
        const deadlines = new Deadlines(clock);
        const log: string[] = [];
        const items = Array.from({ length: 20 }, (_, n) => new Item(() => log.push(`${clock.now()} ${n}`)));
        let list: { at: number; n: number }[] = [];
        for (const each of steps) {
          if (each.kind === 'advance') {
            const until = clock.now() + each.ms;
            const due = list.filter(({ at }) => at <= until);
            list = list.filter(({ at }) => at > until);
            clock.advance(each.ms);
            const byTime = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);
            // Of those that are due at once any may come first; that times ascend is what counts.
            expect(log).toEqual(log.toSorted(byTime));
            expect(log.splice(0).sort()).toEqual(due.map(({ at, n }) => `${at} ${n}`).sort());
          } else {
            const item = items[each.item];
            if (item === undefined) continue;
            list = list.filter(({ n }) => n !== each.item);
            if (each.kind === 'add') {
              deadlines.add(item, each.delay);
              list.push({ at: clock.now() + each.delay, n: each.item });
            } else deadlines.remove(item);
          }
          expect(deadlines.size).toBe(list.length);
          expect(clock.pending).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('one that waits already is moved, not entered twice', () => {
    const clock = new FakeClock(0);
    const deadlines = new Deadlines(clock);
    let expired = 0;
    const item = new Item(() => {
      expired += 1;
    });
    deadlines.add(item, 10);
    deadlines.add(item, 20);
    expect(deadlines.size).toBe(1);
    clock.advance(19);
    expect(expired).toBe(0);
    clock.advance(100);
    expect([expired, deadlines.size, clock.pending]).toEqual([1, 0, 0]);
  });

  it('one may be added and another removed while one expires', () => {
    const clock = new FakeClock(0);
    const deadlines = new Deadlines(clock);
    const log: number[] = [];
    const later = new Item(() => log.push(clock.now()));
    const victim = new Item(() => log.push(-1));
    const first = new Item(() => {
      log.push(clock.now());
      deadlines.remove(victim);
      deadlines.add(later, 5);
    });
    deadlines.add(first, 10);
    deadlines.add(victim, 10);
    deadlines.add(new Item(), 1000);
    // Whichever of two at the same time comes first, the second must not be run once it was removed.
    clock.advance(20);
    expect(log.filter((each) => each >= 0)).toEqual([10, 15]);
    expect(victim.slot).toBe(-1);
  });

  it('removing one that does not wait changes nothing', () => {
    const deadlines = new Deadlines(new FakeClock());
    const [waiting, other] = [new Item(), new Item()];
    deadlines.add(waiting, 1);
    deadlines.remove(other);
    deadlines.remove(waiting);
    deadlines.remove(waiting);
    expect(deadlines.size).toBe(0);
  });

  it('after stop nothing expires and no timer runs', () => {
    const clock = new FakeClock(0);
    const deadlines = new Deadlines(clock);
    let expired = 0;
    for (let n = 1; n < 9; n += 1) deadlines.add(new Item(() => (expired += 1)), n);
    deadlines.stop();
    clock.advance(100);
    expect([expired, deadlines.size, clock.pending]).toEqual([0, 0, 0]);
  });

  it('a clock that is set forward or back moves no deadline before its timer, and loses none', () => {
    for (const jump of [-3_600_000, 3_600_000]) {
      const clock = new FakeClock(10_000_000);
      const deadlines = new Deadlines(clock);
      let expired = 0;
      deadlines.add(new Item(() => (expired += 1)), 100);
      clock.jump(jump);
      expect(expired).toBe(0);
      clock.advance(3_600_100);
      expect([jump, expired]).toEqual([jump, 1]);
    }
  });
});
