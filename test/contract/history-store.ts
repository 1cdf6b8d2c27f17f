/** What every store of event history does: one suite for all (CONTRIBUTING, "Adding one more"). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryQuery, PastEvent, Series } from '../../src/router/history.ts';
import { cbor } from '../../src/serializers/cbor.ts';
import { json } from '../../src/serializers/json.ts';
import { Payload } from '../../src/wamp/payload.ts';
import { type TestStore, WIDE } from '../support/histories.ts';

const ALL: HistoryQuery = {
  uri: '',
  match: 'prefix',
  authid: 'ann',
  authrole: 'agent',
  order: [0, Number.MAX_SAFE_INTEGER],
  time: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  reverse: false,
  limit: 1000,
  maxBytes: 10_000_000,
};

function event(order: number, parts: Partial<PastEvent> = {}): PastEvent {
  return {
    order,
    time: Date.now(),
    publication: 1000 + order,
    topic: 'a.b',
    payload: Payload.of([order]),
    disclosed: undefined,
    trustlevel: undefined,
    passthru: undefined,
    receivers: undefined,
    weight: 100,
    ...parts,
  };
}

export function historyStoreSuite(name: string, open: () => Promise<TestStore>): void {
  describe(name, () => {
    let tested: TestStore;
    beforeEach(async () => {
      tested = await open();
    });
    afterEach(() => tested.close());

    const series = (key = 'r prefix a.', bounds: Partial<Series> = {}): Series => {
      return { ...WIDE, ...bounds, key, store: tested.store };
    };
    const orders = async (of: readonly Series[], query: Partial<HistoryQuery> = {}) =>
      (await tested.store.read(of, { ...ALL, ...query })).map(({ order }) => order);

    it('what was added before is seen by whoever asks afterwards, in order or in reverse', async () => {
      const one = series();
      for (const order of [1, 2, 3]) tested.store.add(one, event(order));
      expect(await orders([one])).toEqual([1, 2, 3]);
      expect(await orders([one], { reverse: true })).toEqual([3, 2, 1]);
      expect(await orders([series('r prefix other')])).toEqual([]);
    });

    it('several series are read as one, in the order of publication', async () => {
      const [one, two] = [series(), series('r prefix b.')];
      for (const order of [1, 4, 5]) tested.store.add(one, event(order));
      for (const order of [2, 3, 6]) tested.store.add(two, event(order));
      expect(await orders([one, two], { limit: 4 })).toEqual([1, 2, 3, 4]);
      expect(await orders([one, two], { limit: 4, reverse: true })).toEqual([6, 5, 4, 3]);
    });

    it('PITFALLS 46: the limit counts what is left after all else, the bytes likewise', async () => {
      const one = series();
      const names = { excludeAuthid: undefined, excludeAuthrole: undefined, eligibleAuthid: undefined };
      for (let order = 1; order <= 20; order += 1) {
        const receivers = order % 2 === 0 ? undefined : { ...names, eligibleAuthrole: ['admin'] };
        tested.store.add(one, event(order, { receivers }));
      }
      expect(await orders([one], { limit: 3 })).toEqual([2, 4, 6]);
      expect(await orders([one], { limit: 3, authrole: 'admin' })).toEqual([1, 2, 3]);
      expect(await orders([one], { maxBytes: 250 })).toEqual([2, 4]);
      expect(await orders([one], { maxBytes: 1 })).toEqual([2]);
    });

    it('order, time, topic and pattern are conditions that must all hold', async () => {
      const one = series();
      const topics = ['a.b', 'a.c', 'a.b.c', 'x'];
      for (let order = 1; order <= 8; order += 1) {
        tested.store.add(one, event(order, { time: order * 10, topic: topics[order % 4] ?? '' }));
      }
      expect(await orders([one], { order: [3, 6] })).toEqual([3, 4, 5, 6]);
      expect(await orders([one], { time: [25, 50] })).toEqual([3, 4, 5]);
      expect(await orders([one], { topic: 'a.c' })).toEqual([1, 5]);
      expect(await orders([one], { uri: 'a.b', match: 'exact' })).toEqual([4, 8]);
      expect(await orders([one], { uri: 'a.b' })).toEqual([2, 4, 6, 8]);
      expect(await orders([one], { uri: 'a.', match: 'wildcard' })).toEqual([1, 4, 5, 8]);
      expect(await orders([one], { uri: '*c', match: 'glob' })).toEqual([1, 2, 5, 6]);
      expect(await orders([one], { uri: 'a.', match: 'wildcard', topic: 'a.c', time: [20, 60] })).toEqual([5]);
    });

    it('an event comes back as it was, whatever its payload was written in', async () => {
      const one = series();
      const value = { args: [1.5, 'née ☃', null, [2n ** 60n]], kwargs: { bin: new Uint8Array([0, 255]) } };
      const identity = { authid: 'ann', authrole: 'agent', authmethod: 'ticket', authprovider: 'static' };
      const full = {
        disclosed: { session: 9007199254740992, identity },
        trustlevel: 3,
        passthru: { ppt_scheme: 'x_own' },
        receivers: {
          excludeAuthid: ['x'],
          excludeAuthrole: undefined,
          eligibleAuthid: undefined,
          eligibleAuthrole: [],
        },
      };
      const payloads = [Payload.of(value.args, value.kwargs), Payload.raw(cbor, cbor.encodePayload(value))];
      payloads.push(Payload.raw(json, json.encodePayload(value)), Payload.EMPTY);
      for (const [at, payload] of payloads.entries()) tested.store.add(one, event(at + 1, { payload }));
      tested.store.add(one, event(9, { ...full, publication: 9007199254740992 }));
      const events = await tested.store.read([one], ALL);
      expect(events.map(({ payload }) => payload.value()).slice(0, 4)).toEqual([
        ...[0, 1, 2].map(() => expect.objectContaining({ args: value.args })),
        { args: [], kwargs: undefined },
      ]);
      const last = await tested.store.read([one], { ...ALL, order: [9, 9], authrole: 'nobody' });
      expect(last).toEqual([]);
      expect(await tested.store.find([one], 9007199254740992)).toBe(9);
    });

    it('finds the place of a publication in the series that are asked, and in no other', async () => {
      const [one, two] = [series(), series('r prefix b.')];
      tested.store.add(one, event(1));
      tested.store.add(two, event(2));
      expect(await tested.store.find([one, two], 1002)).toBe(2);
      expect(await tested.store.find([one], 1002)).toBeUndefined();
      expect(await tested.store.find([one], 5)).toBeUndefined();
    });

    it('never gives more than the bounds of the series leave: number, bytes, age', async () => {
      const few = series('r prefix few', { limit: 3 });
      const old = series('r prefix old', { maxAgeMs: 60_000 });
      tested.store.configure('r', [few, old]);
      for (let order = 1; order <= 2000; order += 1) tested.store.add(few, event(order));
      for (const [order, age] of [
        [1, 100_000],
        [2, 61_000],
        [3, 10_000],
      ] as const) {
        tested.store.add(old, event(order, { time: Date.now() - age }));
      }
      expect(await orders([few])).toEqual([1998, 1999, 2000]);
      expect(await orders([old])).toEqual([3]);
    });

    it('a series that is gone from its realm is forgotten; those of other realms stay', async () => {
      const [one, two, other] = [series(), series('r prefix b.'), series('r2 prefix a.')];
      tested.store.configure('r', [one, two]);
      for (const [at, each] of [one, two, other].entries()) tested.store.add(each, event(at + 1));
      expect(await orders([one, two, other])).toEqual([1, 2, 3]);
      tested.store.configure('r', [two]);
      expect(await orders([one, two, other])).toEqual([2, 3]);
    });
  });
}
