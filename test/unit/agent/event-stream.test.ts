import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventDetails } from '../../../src/agent/autobahn.ts';
import { AgentError, OverflowError } from '../../../src/agent/errors.ts';
import { EventStream, type StreamOptions } from '../../../src/agent/event-stream.ts';

const DETAILS = {} as EventDetails;

function streamOf(options: StreamOptions = {}) {
  const counts = { left: 0, lost: 0 };
  const stream = new EventStream(
    'a.topic',
    options,
    async () => {
      counts.left += 1;
    },
    () => {
      counts.lost += 1;
    },
  );
  return { stream, counts, put: (n: number) => stream.put([n], {}, DETAILS) };
}

async function take(stream: EventStream): Promise<number | undefined> {
  const { value } = await stream.next();
  return value?.args[0] as number | undefined;
}

describe('an event stream', () => {
  it('gives the events in their order, to those who wait and to those who come later', async () => {
    const { stream, put } = streamOf();
    const [first, second] = [take(stream), take(stream)];
    for (const n of [1, 2, 3, 4]) put(n);
    expect([await first, await second, await take(stream), await take(stream)]).toEqual([1, 2, 3, 4]);
  });

  it('by default ends at the first event it has no room for: those held come first, then the error', async () => {
    const { stream, counts, put } = streamOf({ limit: 2 });
    for (const n of [1, 2, 3, 4]) put(n);
    expect([await take(stream), await take(stream)]).toEqual([1, 2]);
    await expect(stream.next()).rejects.toBeInstanceOf(OverflowError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(counts).toEqual({ left: 1, lost: 1 });
  });

  it('with dropOldest goes on with the newest, and the next event says how many are missing', async () => {
    const { stream, counts, put } = streamOf({ limit: 2, overflow: 'dropOldest' });
    for (const n of [1, 2, 3, 4, 5]) put(n);
    const events = [await stream.next(), await stream.next()].map(({ value }) => [value?.args[0], value?.missed]);
    expect(events).toEqual([
      [4, 3],
      [5, 0],
    ]);
    expect(counts).toEqual({ left: 0, lost: 3 });
  });

  it('with dropNewest keeps what it has, and the next event that it has room for says how many are missing', async () => {
    const { stream, put } = streamOf({ limit: 1, overflow: 'dropNewest' });
    for (const n of [1, 2, 3]) put(n);
    expect(stream.missed).toBe(2);
    expect((await stream.next()).value).toMatchObject({ args: [1], missed: 0 });
    put(4);
    expect((await stream.next()).value).toMatchObject({ args: [4], missed: 2 });
  });

  it('says with the first event after a reconnect that there was a gap', async () => {
    const { stream, put } = streamOf();
    put(1);
    stream.gap();
    put(2);
    put(3);
    const gaps = [await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value?.afterGap);
    expect(gaps).toEqual([false, true, false]);
  });

  it('leaving the loop unsubscribes, once', async () => {
    const { stream, counts, put } = streamOf();
    for (const n of [1, 2, 3]) put(n);
    for await (const { args } of stream) if (args[0] === 2) break;
    expect(counts.left).toBe(1);
    await stream.return();
    expect(counts.left).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('what ends it by force is thrown at whoever waits', async () => {
    const { stream } = streamOf();
    const waiting = stream.next();
    const error = new AgentError('a.b', 'gone');
    stream.end(error);
    await expect(waiting).rejects.toBe(error);
  });

  it('a limit below 1 is refused', () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) expect(() => streamOf({ limit })).toThrow(RangeError);
  });

  it('no loss is silent: what is taken, held and said to be missing is all that came', async () => {
    const steps = fc.array(fc.constantFrom('put', 'take', 'gap'), { maxLength: 60 });
    const policies = fc.constantFrom('dropOldest', 'dropNewest');
    await fc.assert(
      fc.asyncProperty(steps, policies, fc.integer({ min: 1, max: 4 }), async (run, overflow, limit) => {
        const { stream, put } = streamOf({ limit, overflow });
        let came = 0;
        let accounted = 0;
        let last = -1;
        const taken = async (): Promise<void> => {
          const { value } = await stream.next();
          if (value === undefined) throw new Error('ended');
          const n = value.args[0] as number;
          // In order, and what is missing is missing exactly here.
          expect(n).toBe(last + value.missed + 1);
          last = n;
          accounted += 1 + value.missed;
        };
        for (const step of run) {
          if (step === 'put') put(came++);
          else if (step === 'gap') stream.gap();
          else if (stream.size > 0) await taken();
        }
        while (stream.size > 0) await taken();
        expect(accounted + stream.missed).toBe(came);
      }),
    );
  });
});
