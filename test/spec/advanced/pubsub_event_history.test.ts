import { describe, expect, it } from 'vitest';
import { MemoryHistory } from '../../../src/observe/history/memory-history.ts';
import { MAX_EVENTS } from '../../../src/router/meta/history.ts';
import { json } from '../../../src/serializers/json.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { Feature, ROUTER_ROLES } from '../../../src/wamp/features.ts';
import type { Publish } from '../../../src/wamp/messages.ts';
import type { Dict, Payload } from '../../../src/wamp/payload.ts';
import { type Client, type CoreOptions, type PublishParts, TestAuthorizer, type TestCore } from '../../support/core.ts';
import { GET_EVENTS, getEvents, historyCore, pastValues, rulesOf } from '../../support/histories.ts';
import { ask } from '../../support/meta.ts';

function core(options: CoreOptions & { bounds?: Dict } = {}): TestCore {
  const made: TestCore = historyCore(new MemoryHistory(() => made.clock.now()), options);
  return made;
}

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < levels; i++) value = [value];
  return value;
}

function saysInJson(payload: Payload): boolean {
  try {
    payload.tail(json);
    return true;
  } catch {
    return false;
  }
}

function publish(client: Client, topic: string, value: unknown, parts: PublishParts = {}): void {
  client.publish(topic, { args: [value], ...parts });
}

/** Ten events a.b and a.c in turn, a second apart; the publication ids in order. */
function ten(realm: TestCore): number[] {
  const publisher = realm.join();
  return Array.from({ length: 10 }, (_, n) => {
    realm.clock.advance(1000);
    publisher.publish(n % 2 === 0 ? 'a.b' : 'a.c', { args: [n], acknowledge: true });
    return Number(publisher.take().at(-1)?.[2]);
  });
}

describe('Advanced Profile: Event History', () => {
  it('C8: is announced by the broker', () => {
    expect(ROUTER_ROLES).toMatchObject({ broker: { features: { event_history: true } } });
  });

  it('gives what was published, with its time, as this asker would have received it', async () => {
    const realm = core();
    realm.authorizer.trust('agent', 4);
    const [publisher, asker] = [realm.join({ authid: 'ann' }), realm.join({ features: Feature.SUBSCRIBER })];
    realm.clock.jump(-realm.clock.now() + Date.UTC(2026, 10, 26, 21, 0, 0, 5));
    publisher.publish('a.b', { args: [1, 'x'], kwargs: { y: null }, discloseMe: true, acknowledge: true });
    publisher.publish('a.b');
    const publication = publisher.take()[0]?.[2];
    const exact = asker.subscribed('a.b');
    expect(await getEvents(asker, [exact])).toEqual([
      {
        timestamp: '2026-11-26T21:00:00.005Z',
        subscription: exact,
        publication,
        details: {},
        args: [1, 'x'],
        kwargs: { y: null },
      },
      { timestamp: '2026-11-26T21:00:00.005Z', subscription: exact, publication: expect.any(Number), details: {} },
    ]);
    const told = realm.join();
    const prefix = told.subscribed('a', 'prefix');
    const [first] = (await getEvents(told, [prefix])) as Dict[];
    expect(first).toMatchObject({ subscription: prefix, publication });
    const named = { publisher: publisher.id, publisher_authid: 'ann', publisher_authrole: 'agent' };
    expect(first?.details).toEqual({ topic: 'a.b', ...named, trustlevel: 4 });
  });

  it('the example of the specification: each subscription has the history of what it matches', async () => {
    const realm = core();
    const [publisher, asker] = [realm.join(), realm.join()];
    const of = (uri: string, match: 'exact' | 'prefix') => asker.subscribed(uri, match);
    const [auth, basket, log] = [of('a.log.auth', 'exact'), of('a.log.basket', 'exact'), of('a.log', 'prefix')];
    for (const [n, topic] of ['auth', 'basket', 'basket', 'basket', 'checkout'].entries()) {
      publish(publisher, `a.log.${topic}`, n + 1);
    }
    expect(await pastValues(asker, [auth])).toEqual([1]);
    expect(await pastValues(asker, [basket])).toEqual([2, 3, 4]);
    expect(await pastValues(asker, [log])).toEqual([1, 2, 3, 4, 5]);
  });

  it('what was published before anybody subscribed is there; what no rule keeps is not', async () => {
    const realm = core();
    publish(realm.join(), 'a.b', 1);
    publish(realm.join(), 'c.b', 2);
    const asker = realm.join();
    expect(await pastValues(asker, [asker.subscribed('', 'prefix')])).toEqual([1]);
  });

  it('several rules are one history, in the order of publication', async () => {
    const realm = core();
    const publisher = realm.join();
    for (const [n, topic] of ['a.x', 'b.x', 'b.y', 'a.x', 'b.x'].entries()) publish(publisher, topic, n);
    const asker = realm.join();
    const id = asker.subscribed('', 'prefix');
    expect(await pastValues(asker, [id])).toEqual([0, 1, 2, 3, 4]);
    expect(await pastValues(asker, [id], { reverse: true, limit: 2 })).toEqual([4, 3]);
    const other = realm.join();
    expect(await pastValues(other, [other.subscribed('.x', 'wildcard')])).toEqual([0, 1, 3, 4]);
  });

  it('the options are conditions that must all hold; filters come before limit (PITFALLS 46)', async () => {
    const realm = core();
    const start = realm.clock.now();
    const ids = ten(realm);
    const at = (n: number) => new Date(start + (n + 1) * 1000).toISOString();
    const asker = realm.join();
    const id = asker.subscribed('a.', 'prefix');
    const cases: readonly [Dict, readonly number[]][] = [
      [{ limit: 3 }, [0, 1, 2]],
      [{ limit: 3, reverse: true }, [9, 8, 7]],
      [{ reverse: false }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
      [{ from_time: at(7) }, [7, 8, 9]],
      [{ after_time: at(7) }, [8, 9]],
      [{ before_time: at(2) }, [0, 1]],
      [{ until_time: at(2) }, [0, 1, 2]],
      [{ from_time: at(3), before_time: at(5) }, [3, 4]],
      [{ after_time: at(3).replace('Z', '1Z'), until_time: at(5).replace('Z', '+00:00') }, [4, 5]],
      [{ topic: 'a.c' }, [1, 3, 5, 7, 9]],
      [{ topic: 'a.c', limit: 2 }, [1, 3]],
      [{ topic: 'a.c', limit: 2, reverse: true }, [9, 7]],
      [{ topic: 'a.d' }, []],
      [{ from_publication: ids[7] }, [7, 8, 9]],
      [{ after_publication: ids[7] }, [8, 9]],
      [{ before_publication: ids[2] }, [0, 1]],
      [{ until_publication: ids[2] }, [0, 1, 2]],
      [{ after_publication: ids[2], before_publication: ids[6], topic: 'a.b', limit: 5 }, [4]],
      [{ after_publication: ids[9] }, []],
      [{ from_publication: ids[6], until_publication: ids[4] }, []],
      [{ before_publication: ids[5], reverse: true, limit: 2 }, [4, 3]],
      [
        { limit: null, topic: null, reverse: null, from_time: null, after_publication: null, unheard_of: 1 },
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      ],
    ];
    for (const [options, expected] of cases) {
      expect([options, await pastValues(asker, [id], options)]).toEqual([options, expected]);
    }
  });

  it('pages: behind the last one on, forwards and backwards, until nothing comes', async () => {
    const realm = core();
    ten(realm);
    const asker = realm.join();
    const id = asker.subscribed('a.', 'prefix');
    for (const [reverse, key] of [
      [false, 'after_publication'],
      [true, 'before_publication'],
    ] as const) {
      const all: unknown[] = [];
      let last: Dict = {};
      for (;;) {
        const page = (await getEvents(asker, [id], { reverse, limit: 3, ...last })) as {
          args: [number];
          publication: number;
        }[];
        if (page.length === 0) break;
        all.push(...page.map(({ args }) => args[0]));
        last = { [key]: page.at(-1)?.publication };
      }
      const forwards = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
      expect(all).toEqual(reverse ? forwards.toReversed() : forwards);
    }
  });

  describe('PITFALLS 46', () => {
    it('publications with session ids in exclude or eligible are not kept, and counted', async () => {
      const realm = core();
      const [publisher, asker] = [realm.join(), realm.join()];
      const id = asker.subscribed('a.b');
      for (const lists of [
        { exclude: [1] },
        { exclude: [] },
        { eligible: [asker.id] },
        { eligible: [], excludeAuthid: ['x'] },
      ]) {
        publish(publisher, 'a.b', 'by session', lists);
      }
      publish(publisher, 'a.b', 'kept');
      expect(await pastValues(asker, [id])).toEqual(['kept']);
      expect(realm.observer.losses).toEqual(Array(4).fill({ topic: 'a.b', cause: 'history_by_session' }));
    });

    it.each([
      [{ eligibleAuthrole: ['admin'] }, ['admin']],
      [{ excludeAuthrole: ['admin'] }, ['agent', 'guest']],
      [{ eligibleAuthid: ['guest', 'nobody'] }, ['guest']],
      [{ excludeAuthid: ['guest'] }, ['admin', 'agent']],
      [{ eligibleAuthrole: ['admin', 'agent'], excludeAuthid: ['agent'] }, ['admin']],
      [{ eligibleAuthid: [] }, []],
    ] as readonly [PublishParts, readonly string[]][])(
      'lists %j are applied to who asks: %j',
      async (lists, seeing) => {
        const realm = core();
        publish(realm.join(), 'a.b', 'for all');
        publish(realm.join(), 'a.b', 'listed', lists);
        for (const name of ['admin', 'agent', 'guest']) {
          const asker = realm.join({ authid: name, authrole: name });
          const expected = seeing.includes(name) ? ['listed', 'for all'] : ['for all'];
          const id = asker.subscribed('a.b');
          expect(await pastValues(asker, [id], { reverse: true })).toEqual(expected);
          expect(await pastValues(asker, [id], { reverse: true, limit: 1 })).toEqual(expected.slice(0, 1));
        }
      },
    );

    it('an unknown subscription is wamp.error.no_such_subscription', async () => {
      const realm = core();
      const asker = realm.join();
      expect(await getEvents(asker, [77])).toBe(ErrorUri.NO_SUCH_SUBSCRIPTION);
      const id = asker.subscribed('a.b');
      asker.unsubscribe(id);
      expect(await getEvents(asker, [id])).toBe(ErrorUri.NO_SUCH_SUBSCRIPTION);
    });
  });

  it('who may not subscribe there, or not call it, is not authorized; others need hold no subscription', async () => {
    const realm = core();
    const [holder, other] = [realm.join(), realm.join()];
    publish(holder, 'a.b', 1);
    const id = holder.subscribed('a.b');
    expect(await pastValues(other, [id])).toEqual([1]);
    expect(await pastValues(other, [ask(other, 'wamp.subscription.lookup', ['a.b'])[0]])).toEqual([1]);
    const denied = new TestAuthorizer().deny('subscribe', 'a.b');
    const narrow = { ...realm.settings, authorizer: denied };
    const prefix = holder.subscribed('a', 'prefix');
    realm.realm.configure(narrow);
    expect(await getEvents(other, [prefix])).toMatchObject([{ args: [1] }]);
    denied.deny('subscribe', 'a').deny('call', GET_EVENTS);
    expect(await getEvents(other, [prefix])).toBe(ErrorUri.NOT_AUTHORIZED);
  });

  it.each([
    [[], {}],
    [['1'], {}],
    [[0], {}],
    [[1.5], {}],
    [['ID', 10], {}],
    [['ID'], { limit: 0 }],
    [['ID'], { limit: -1 }],
    [['ID'], { limit: 1.5 }],
    [['ID'], { limit: '5' }],
    [['ID'], { reverse: 1 }],
    [['ID'], { reverse: 'true' }],
    [['ID'], { topic: 7 }],
    [['ID'], { topic: 'a..b' }],
    [['ID'], { from_time: 0 }],
    [['ID'], { after_time: '2026-11-26' }],
    [['ID'], { before_time: '2026-11-26T21:00:00' }],
    [['ID'], { until_time: '2026-02-30T00:00:00Z' }],
    [['ID'], { from_publication: 0 }],
    [['ID'], { after_publication: 'x' }],
    [['ID'], { before_publication: 4711 }],
    [['ID'], { until_publication: 4711 }],
  ] as readonly [readonly unknown[], Dict][])(
    'PITFALLS 67: wrong arguments %j %j are wamp.error.invalid_argument',
    async (args, options) => {
      const realm = core();
      const asker = realm.join();
      const id = asker.subscribed('a.b');
      const given = args.map((each) => (each === 'ID' ? id : each));
      expect(await getEvents(asker, given, options)).toBe(ErrorUri.INVALID_ARGUMENT);
    },
  );

  it('a publication that is forgotten is no place to go on from, and that is said', async () => {
    const realm = core({ bounds: { limit: 5 } });
    const ids = ten(realm);
    const asker = realm.join();
    const id = asker.subscribed('a.', 'prefix');
    expect(await getEvents(asker, [id], { after_publication: ids[2] })).toBe(ErrorUri.INVALID_ARGUMENT);
    expect(await pastValues(asker, [id], { after_publication: ids[5] })).toEqual([6, 7, 8, 9]);
  });

  describe('bounds', () => {
    it('only the newest are kept: so many, so young, so large together', async () => {
      const asked = async (bounds: Dict) => {
        const realm = core({ bounds });
        ten(realm);
        const asker = realm.join();
        return pastValues(asker, [asker.subscribed('a.', 'prefix')]);
      };
      expect(await asked({ limit: 3 })).toEqual([7, 8, 9]);
      expect(await asked({ maxAgeMs: 2500 })).toEqual([7, 8, 9]);
      const few = (await asked({ maxBytes: 4000 })) as unknown[];
      expect(few).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].slice(-few.length));
      expect(few.length).toBeLessThan(8);
    });

    it('events that become too old are gone without another being published', async () => {
      const realm = core({ bounds: { maxAgeMs: 5000 } });
      publish(realm.join(), 'a.b', 1);
      const asker = realm.join();
      const id = asker.subscribed('a.b');
      realm.clock.advance(5000);
      expect(await pastValues(asker, [id])).toEqual([1]);
      realm.clock.advance(1);
      expect(await pastValues(asker, [id])).toEqual([]);
    });

    it('an answer has 1,000 events at most, and no more than a message may have; one always', async () => {
      const realm = core({ bounds: { limit: 5000 }, limits: { maxMessageBytes: 100_000 } });
      const publisher = realm.join();
      for (let n = 0; n < 1500; n += 1) publisher.publish('a.b');
      for (let n = 0; n < 3; n += 1) publish(publisher, 'a.c', 'x'.repeat(60_000));
      const asker = realm.join();
      const events = (await getEvents(asker, [asker.subscribed('a.c')])) as unknown[];
      expect(events).toHaveLength(1);
      const many = core({ bounds: { limit: 5000 } });
      const other = many.join();
      for (let n = 0; n < 1500; n += 1) other.publish('a.b');
      const id = other.subscribed('a.b');
      expect(((await getEvents(other, [id], { limit: 5000 })) as unknown[]).length).toBe(MAX_EVENTS);
      expect(((await getEvents(other, [id])) as unknown[]).length).toBe(MAX_EVENTS);
    });
  });

  it('a caller that leaves meanwhile costs nothing', async () => {
    const realm = core();
    const asker = realm.join();
    asker.call(GET_EVENTS, { args: [asker.subscribed('a.b')] });
    asker.vanish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asker.take()).toEqual([]);
  });

  it('a reload that takes the rule away takes the history away', async () => {
    const store = new MemoryHistory(() => 0);
    const realm = historyCore(store);
    publish(realm.join(), 'a.b', 1);
    const asker = realm.join();
    const id = asker.subscribed('a.b');
    store.configure('test', rulesOf(store).series.slice(1));
    expect(await pastValues(asker, [id])).toEqual([]);
  });

  it('an event that the asker’s encoding has no words for comes without payload, and keeps no other from it', async () => {
    const realm = core();
    const publisher = realm.join();
    const publishRaw = (bytes: Buffer) => realm.realm.receive(publisher.session, msgpack.decode(bytes) as Publish);
    publish(publisher, 'a.b', 1);
    // [16, 1, {}, "a.b", [an extension]], [.., [NaN]]: nobody but MessagePack, nobody but binary encodings can say it.
    publishRaw(Buffer.from('951001 80 a3612e62 91 d4017f'.replaceAll(' ', ''), 'hex'));
    publishRaw(Buffer.from('951002 80 a3612e62 91 cb7ff8000000000000'.replaceAll(' ', ''), 'hex'));
    // As deep as messages may be, and so too deep within an answer.
    publish(publisher, 'a.b', nested(254));
    publish(publisher, 'a.b', 2);
    const asker = realm.join();
    Object.assign(asker.peer, { canSay: (payload: Payload) => saysInJson(payload) });
    const events = (await getEvents(asker, [asker.subscribed('a.b')])) as Dict[];
    expect(events.map(({ args, error }) => args ?? error)).toEqual([
      [1],
      ErrorUri.INVALID_ARGUMENT,
      ErrorUri.INVALID_ARGUMENT,
      ErrorUri.INVALID_ARGUMENT,
      [2],
    ]);
    expect(events.every(({ publication }) => typeof publication === 'number')).toBe(true);
  });

  it('testaments are kept like any other publication', async () => {
    const realm = core();
    const owner = realm.join();
    ask(owner, 'wamp.session.add_testament', ['a.b', ['gone'], {}]);
    owner.vanish();
    const asker = realm.join();
    expect(await pastValues(asker, [asker.subscribed('a.b')])).toEqual(['gone']);
  });
});
