import { describe, expect, it } from 'vitest';
import { compileEventRules } from '../../../src/acl/event-rules.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { Feature, ROUTER_ROLES } from '../../../src/wamp/features.ts';
import { type Client, type PublishParts, TestAuthorizer, TestCore } from '../../support/core.ts';
import { ask, metaCore } from '../../support/meta.ts';
import type { Wire } from '../../support/recording-peer.ts';

function retain(publisher: Client, topic: string, value: unknown, parts: PublishParts = {}): void {
  publisher.publish(topic, { retain: true, args: [value], ...parts });
}

/** Subscribes with `get_retained`; what came, SUBSCRIBED included. */
function askRetained(client: Client, topic: string, match: 'exact' | 'prefix' | 'wildcard' | 'glob' = 'exact') {
  client.take();
  client.subscribe(topic, match, true);
  return client.take();
}

/** Values of the events among `came`. */
function values(came: readonly Wire[]): unknown[] {
  return came.flatMap((each) => (each[0] === 36 ? [(each[4] as unknown[] | undefined)?.[0]] : []));
}

const everybody = { excludeMe: false };

describe('Advanced Profile: Event Retention', () => {
  it('C9: is announced by the broker', () => {
    expect(ROUTER_ROLES).toMatchObject({ broker: { features: { event_retention: true } } });
  });

  it('PITFALLS 44: a retained event comes after SUBSCRIBED, flagged, to the new subscriber only', () => {
    const core = new TestCore();
    const [publisher, old, fresh] = [core.join(), core.join(), core.join()];
    const id = old.subscribed('a.b');
    publisher.publish('a.b', { retain: true, args: [1], kwargs: { x: 2 } });
    const [live] = old.take();
    expect(live).toEqual([36, id, expect.any(Number), {}, [1], { x: 2 }]);
    fresh.subscribe('a.b', 'exact', true);
    expect(fresh.take()).toEqual([
      [33, 1, id],
      [36, id, live?.[2], { retained: true }, [1], { x: 2 }],
    ]);
    expect([old.take(), publisher.take()]).toEqual([[], []]);
  });

  it('without get_retained nothing is sent, and without retain nothing is retained', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    retain(publisher, 'a.b', 1);
    publisher.publish('a.c', { args: [2] });
    subscriber.subscribe('a.b');
    expect(values(subscriber.take())).toEqual([]);
    expect(values(askRetained(subscriber, 'a.c'))).toEqual([]);
  });

  it('PITFALLS 44: it is retained without any subscriber, and the last one counts', () => {
    const core = new TestCore();
    const publisher = core.join();
    retain(publisher, 'a.b', 1);
    retain(publisher, 'a.b', 2);
    publisher.publish('a.b', { args: ['not retained'] });
    expect(values(askRetained(core.join(), 'a.b'))).toEqual([2]);
    expect(core.realm.broker.retained.size).toBe(1);
  });

  it('PITFALLS 44: an event without payload is retained like any other and deletes nothing', () => {
    const core = new TestCore();
    const publisher = core.join();
    retain(publisher, 'a.b', 1);
    publisher.publish('a.b', { retain: true });
    expect(askRetained(core.join(), 'a.b')).toEqual([
      [33, 1, 1],
      [36, 1, expect.any(Number), { retained: true }],
    ]);
  });

  it('PITFALLS 44: a second SUBSCRIBE of the same session that asks is sent it again', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    retain(publisher, 'a.b', 1);
    const first = askRetained(subscriber, 'a.b');
    const second = askRetained(subscriber, 'a.b');
    expect(second.slice(1)).toEqual(first.slice(1));
    expect(values(second)).toEqual([1]);
  });

  it('PITFALLS 44: what was not allowed is not retained, acknowledged or not', () => {
    const core = new TestCore();
    core.authorizer.deny('publish', 'a.b');
    const [publisher, subscriber] = [core.join(), core.join()];
    retain(publisher, 'a.b', 1);
    retain(publisher, 'a.b', 1, { acknowledge: true });
    retain(publisher, 'wamp.a', 1);
    retain(publisher, 'a..b', 1);
    expect(publisher.take()).toEqual([[8, 16, 2, {}, ErrorUri.NOT_AUTHORIZED, [expect.any(String)]]]);
    expect(values(askRetained(subscriber, 'a.b'))).toEqual([]);
    expect(core.realm.broker.retained.size).toBe(0);
  });

  describe('PITFALLS 44: the most recent one that the subscriber would have received', () => {
    const cases: readonly [string, (ids: { chosen: number; other: number }) => PublishParts, 'limited' | 'general'][] =
      [
        ['eligible names it', ({ chosen }) => ({ eligible: [chosen] }), 'limited'],
        ['eligible names another', ({ other }) => ({ eligible: [other] }), 'general'],
        ['eligible is empty', () => ({ eligible: [] }), 'general'],
        ['exclude names it', ({ chosen }) => ({ exclude: [chosen] }), 'general'],
        ['exclude names another', ({ other }) => ({ exclude: [other] }), 'limited'],
        ['eligible_authid names it', () => ({ eligibleAuthid: ['chosen'] }), 'limited'],
        ['eligible_authid names another', () => ({ eligibleAuthid: ['other'] }), 'general'],
        ['exclude_authid names it', () => ({ excludeAuthid: ['chosen'] }), 'general'],
        ['eligible_authrole names its role', () => ({ eligibleAuthrole: ['admin'] }), 'limited'],
        ['eligible_authrole names another role', () => ({ eligibleAuthrole: ['guest'] }), 'general'],
        ['exclude_authrole names its role', () => ({ excludeAuthrole: ['admin'] }), 'general'],
      ];
    it.each(cases)('where %s', (_name, lists, expected) => {
      const core = new TestCore();
      const publisher = core.join();
      const chosen = core.join({ authid: 'chosen', authrole: 'admin' });
      const other = core.join({ authid: 'other', authrole: 'guest' });
      retain(publisher, 'a.b', 'general', everybody);
      retain(publisher, 'a.b', 'limited', { ...everybody, ...lists({ chosen: chosen.id, other: other.id }) });
      expect(values(askRetained(chosen, 'a.b'))).toEqual([expected]);
    });

    it('its publisher gets the last one that was not its own, unless it did not exclude itself', () => {
      const core = new TestCore();
      const [one, two, three] = [core.join(), core.join(), core.join()];
      retain(one, 'a.b', 'one');
      expect(values(askRetained(one, 'a.b'))).toEqual([]);
      retain(two, 'a.b', 'two');
      expect(values(askRetained(two, 'a.b'))).toEqual(['one']);
      retain(two, 'a.b', 'two again');
      retain(three, 'a.b', 'three');
      expect(values(askRetained(three, 'a.b'))).toEqual(['two again']);
      expect(values(askRetained(one, 'a.b'))).toEqual(['three']);
      expect(core.realm.broker.retained.size).toBe(2);
      retain(three, 'a.b', 'four', everybody);
      expect(values(askRetained(three, 'a.b'))).toEqual(['four']);
      expect(core.realm.broker.retained.size).toBe(1);
    });

    it('lists are remembered when the publisher has left; who joins later is judged by them', () => {
      const core = new TestCore();
      const publisher = core.join();
      retain(publisher, 'a.b', 'secret', { eligibleAuthrole: ['admin'] });
      publisher.vanish();
      expect(values(askRetained(core.join({ authrole: 'guest' }), 'a.b'))).toEqual([]);
      expect(values(askRetained(core.join({ authrole: 'admin' }), 'a.b'))).toEqual(['secret']);
    });
  });

  it('PITFALLS 44: a pattern subscriber gets that of each matching topic, each with its topic', () => {
    const core = new TestCore();
    const publisher = core.join();
    for (const topic of ['b.x', 'a.x', 'a.y', 'a-b', 'a.x.z', 'A.x']) retain(publisher, topic, topic);
    retain(publisher, 'a.y', 'hidden', { eligible: [] });
    const of = (uri: string, match: 'prefix' | 'wildcard' | 'glob') =>
      askRetained(core.join(), uri, match).flatMap((each) => (each[0] === 36 ? [each] : []));
    expect(of('a', 'prefix').map((event) => event[3])).toEqual(
      ['a-b', 'a.x', 'a.x.z', 'a.y'].map((topic) => ({ topic, retained: true })),
    );
    expect(values(of('a.', 'prefix'))).toEqual(['a.x', 'a.x.z', 'a.y']);
    expect(values(of('', 'prefix'))).toEqual(['A.x', 'a-b', 'a.x', 'a.x.z', 'a.y', 'b.x']);
    expect(values(of('.x', 'wildcard'))).toEqual(['A.x', 'a.x', 'b.x']);
    expect(values(of('a.', 'wildcard'))).toEqual(['a.x', 'a.y']);
    expect(values(of('a.x.z', 'wildcard'))).toEqual(['a.x.z']);
    expect(values(of('[ab].x*', 'glob'))).toEqual(['a.x', 'a.x.z', 'b.x']);
  });

  it('who was to be named is named, and the trust level told, as when it was published', () => {
    const core = new TestCore();
    core.authorizer.disclose('publish', 'a.named').trust('agent', 7);
    const publisher = core.join({ authid: 'ann' });
    retain(publisher, 'a.named', 1);
    retain(publisher, 'a.other', 2);
    const publisherId = publisher.id;
    publisher.vanish();
    const named = { publisher: publisherId, publisher_authid: 'ann', publisher_authrole: 'agent' };
    const details = (client: Client, topic: string) => askRetained(client, topic)[1]?.[3];
    expect(details(core.join(), 'a.named')).toEqual({ ...named, trustlevel: 7, retained: true });
    expect(details(core.join(), 'a.other')).toEqual({ trustlevel: 7, retained: true });
    expect(details(core.join({ features: Feature.SUBSCRIBER }), 'a.named')).toEqual({ retained: true });
  });

  it('D10: what is said of a payload in passthru mode comes with it, to those who know the mode', () => {
    const core = new TestCore();
    const publisher = core.join();
    const passthru = { ppt_scheme: 'x_own' };
    retain(publisher, 'a.b', Buffer.from('sealed'), { passthru });
    expect(askRetained(core.join(), 'a.b')[1]?.[3]).toEqual({ ...passthru, retained: true });
    const unknowing = core.join({ features: Feature.SUBSCRIBER });
    expect(askRetained(unknowing, 'a.b').map((each) => each[0])).toEqual([33]);
    expect(core.observer.drops.map(({ cause }) => cause)).toEqual(['passthru_unknown']);
  });

  it('PITFALLS 70: a testament is retained where its publish_options say so', () => {
    const core = metaCore();
    const owner = core.join();
    const options = { publish_options: { retain: true, eligible_authrole: ['agent'] } };
    ask(owner, 'wamp.session.add_testament', ['a.b', ['gone'], {}], options);
    expect(values(askRetained(core.join(), 'a.b'))).toEqual([]);
    owner.vanish();
    expect(values(askRetained(core.join(), 'a.b'))).toEqual(['gone']);
    expect(values(askRetained(core.join({ authrole: 'guest' }), 'a.b'))).toEqual([]);
  });

  it('a planned publication is retained once, when it is first delivered', () => {
    const core = metaCore();
    const owner = core.join();
    ask(owner, 'wamp.session.add_testament', ['a.b', [1], {}], { publish_options: { retain: true } });
    expect(core.realm.broker.retained.size).toBe(0);
    owner.vanish();
    expect(core.realm.broker.retained.order).toBe(1);
  });

  it('PITFALLS 41: who subscribes while it is delivered gets it once, as retained', () => {
    const core = new TestCore();
    const [publisher, first, second] = [core.join(), core.join(), core.join()];
    first.subscribed('a.b');
    first.peer.react = () => {
      first.peer.react = undefined;
      second.subscribe('a.b', 'exact', true);
    };
    retain(publisher, 'a.b', 1);
    expect(second.take().map((each) => [each[0], each[3]])).toEqual([
      [33, undefined],
      [36, { retained: true }],
    ]);
  });

  it('who unsubscribes when it is told SUBSCRIBED gets no retained event', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    retain(publisher, 'a.b', 1);
    subscriber.peer.react = (message) => {
      if (message.type === 33) subscriber.unsubscribe(message.subscription);
    };
    subscriber.subscribe('a.b', 'exact', true);
    expect(subscriber.takeTypes()).toEqual([33, 35]);
  });

  describe('what the realm says', () => {
    const rules = (uri: string, match: 'exact' | 'prefix' | 'glob') =>
      compileEventRules([
        { uri: 'a.', match: 'prefix', retain: 'allowed', at: 'realm.yaml:1' },
        { uri, match, retain: 'refused', at: 'realm.yaml:2' },
      ]);

    it('retain: refused delivers and acknowledges as ever, retains nothing and counts it', () => {
      const core = new TestCore({ events: rules('a.b', 'exact') });
      const [publisher, live] = [core.join(), core.join()];
      live.subscribed('a.b');
      retain(publisher, 'a.b', 1, { acknowledge: true });
      expect(publisher.takeTypes()).toEqual([17]);
      expect(values(live.take())).toEqual([1]);
      expect(values(askRetained(core.join(), 'a.b'))).toEqual([]);
      expect(core.observer.losses).toEqual([{ topic: 'a.b', cause: 'retain_refused' }]);
      retain(publisher, 'a.c', 2);
      expect(values(askRetained(core.join(), 'a.c'))).toEqual([2]);
    });

    it('a reload that refuses a topic forgets what is retained there', () => {
      const core = new TestCore();
      const publisher = core.join();
      for (const topic of ['a.b', 'a.c']) retain(publisher, topic, topic);
      core.realm.configure({ ...core.settings, events: rules('a.[b]', 'glob') });
      expect(values(askRetained(core.join(), 'a', 'prefix'))).toEqual(['a.c']);
    });

    it('after a reload nobody gets a retained event of what it may not subscribe to', () => {
      const core = new TestCore();
      const [publisher, subscriber] = [core.join(), core.join()];
      retain(publisher, 'a.b', 1);
      core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('subscribe', 'a.b') });
      expect(askRetained(subscriber, 'a.b').map((each) => each[0])).toEqual([8]);
    });
  });

  describe('bounds', () => {
    it('beyond maxRetainedBytes the topics go that had none for longest, each counted', () => {
      const core = new TestCore({ limits: { maxRetainedBytes: 20_000 } });
      const publisher = core.join();
      const { retained } = core.realm.broker;
      for (let n = 0; n < 1000; n += 1) retain(publisher, `a.${n}`, n);
      retain(publisher, 'a.999', 'again');
      expect(retained.bytes).toBeLessThanOrEqual(20_000);
      expect(retained.size).toBeGreaterThan(5);
      expect(core.observer.losses).toHaveLength(1000 - retained.size);
      const oldest = 1000 - retained.size;
      expect(core.observer.losses[0]).toEqual({ topic: 'a.0', cause: 'retained_full' });
      expect(values(askRetained(core.join(), `a.${oldest - 1}`))).toEqual([]);
      expect(values(askRetained(core.join(), `a.${oldest}`))).toEqual([oldest]);
      retain(publisher, `a.${oldest}`, 'renewed');
      retain(publisher, 'a.new', 1);
      expect(values(askRetained(core.join(), `a.${oldest}`))).toEqual(['renewed']);
    });

    it('what is larger than all of it is delivered, not retained, counted, and what it replaced is out of date', () => {
      const core = new TestCore({ limits: { maxRetainedBytes: 5000 } });
      const [publisher, live] = [core.join(), core.join()];
      live.subscribed('a.b');
      retain(publisher, 'a.b', 'old');
      retain(publisher, 'a.c', 'other');
      retain(publisher, 'a.b', 'x'.repeat(5000));
      expect(values(live.take())).toHaveLength(2);
      expect(values(askRetained(core.join(), 'a', 'prefix'))).toEqual(['other']);
      expect(core.observer.losses).toEqual([{ topic: 'a.b', cause: 'retained_full' }]);
    });

    it('0 retains nothing; a lowered bound is in force at once', () => {
      const core = new TestCore();
      const publisher = core.join();
      retain(publisher, 'a.b', 1);
      core.realm.configure({ ...core.settings, limits: { ...core.settings.limits, maxRetainedBytes: 0 } });
      retain(publisher, 'a.c', 2);
      const { retained } = core.realm.broker;
      expect([retained.size, retained.bytes]).toEqual([0, 0]);
      expect(core.observer.losses.map(({ topic }) => topic)).toEqual(['a.b', 'a.c']);
    });

    it('of one topic with ever new lists only the newest are kept, and always the one for everybody', () => {
      const core = new TestCore();
      const [publisher, chosen] = [core.join(), core.join()];
      retain(publisher, 'a.b', 'general', everybody);
      retain(publisher, 'a.b', 'early', { eligible: [chosen.id] });
      for (let n = 0; n < 100; n += 1) retain(publisher, 'a.b', n, { eligible: [n] });
      expect(core.realm.broker.retained.size).toBe(17);
      expect(core.observer.losses).toHaveLength(85);
      expect(values(askRetained(chosen, 'a.b'))).toEqual(['general']);
    });

    it('equal lists replace each other, whatever their order', () => {
      const core = new TestCore();
      const publisher = core.join();
      for (let n = 0; n < 100; n += 1) {
        const roles = n % 2 === 0 ? ['x', 'y'] : ['y', 'x'];
        retain(publisher, 'a.b', n, { eligibleAuthrole: roles });
      }
      expect(core.realm.broker.retained.size).toBe(1);
      expect(core.observer.losses).toEqual([]);
    });

    it('a payload made in memory counts with what it takes: testaments do not pass the bound', () => {
      const core = metaCore({ limits: { maxRetainedBytes: 50_000 } });
      const owner = core.join();
      ask(owner, 'wamp.session.add_testament', ['a.b', ['x'.repeat(40_000)], {}], {
        publish_options: { retain: true },
      });
      owner.vanish();
      expect(core.realm.broker.retained.size).toBe(0);
      expect(core.observer.losses).toEqual([{ topic: 'a.b', cause: 'retained_full' }]);
    });
  });

  describe('a subscriber to very many topics', () => {
    function manyTopics(count: number): TestCore {
      const core = new TestCore({ limits: { maxRetainedBytes: 100_000_000 } });
      const publisher = core.join();
      for (let n = 0; n < count; n += 1) retain(publisher, `a.${String(n).padStart(5, '0')}`, n);
      return core;
    }

    it('gets them slice by slice, each topic once, in the order of their text', () => {
      const core = manyTopics(2000);
      const subscriber = core.join();
      const first = values(askRetained(subscriber, '', 'prefix'));
      expect(first).toHaveLength(256);
      core.clock.advance(1);
      const all = [...first, ...values(subscriber.take())];
      expect(all).toEqual(Array.from({ length: 2000 }, (_, n) => n));
      expect(core.clock.pending).toBe(0);
    });

    it('two of them take turns', () => {
      const core = manyTopics(1000);
      const [one, two] = [core.join(), core.join()];
      const order: string[] = [];
      one.peer.react = () => order.push('one');
      two.peer.react = () => order.push('two');
      one.subscribe('', 'prefix', true);
      two.subscribe('', 'prefix', true);
      core.clock.advance(1);
      const turns = order.filter((who, at) => who !== order[at - 1]);
      expect(turns.join(' ')).toBe('one two one two one two one two');
      expect(order).toHaveLength(2002);
    });

    it('what is published meanwhile comes live, and is not sent again as retained', () => {
      const core = manyTopics(1000);
      const [publisher, subscriber] = [core.join(), core.join()];
      askRetained(subscriber, '', 'prefix');
      retain(publisher, 'a.00999', 'news');
      core.clock.advance(1);
      const last = subscriber.take().filter((each) => Object(each[3]).topic === 'a.00999');
      expect(last.map((each) => [each[3], each[4]])).toEqual([[{ topic: 'a.00999' }, ['news']]]);
    });

    it('who unsubscribes or leaves meanwhile gets no more of it', () => {
      const core = manyTopics(1000);
      const [quitter, leaver] = [core.join(), core.join()];
      const [subscribed] = askRetained(quitter, '', 'prefix');
      askRetained(leaver, 'a', 'prefix');
      quitter.unsubscribe(Number(subscribed?.[2]));
      leaver.vanish();
      quitter.take();
      core.clock.advance(100);
      expect([quitter.take(), leaver.take(), core.clock.pending]).toEqual([[], [], 0]);
    });

    it('a peer that does not read is sent the rest when it reads again, and nobody waits for it', () => {
      const core = manyTopics(600);
      const [slow, quick] = [core.join(), core.join()];
      let behind = true;
      Object.defineProperty(slow.peer, 'isBehind', { get: () => behind });
      expect(values(askRetained(slow, '', 'prefix'))).toEqual([]);
      expect(values(askRetained(quick, '', 'prefix'))).toHaveLength(256);
      core.clock.advance(1000);
      expect([values(slow.take()).length, values(quick.take()).length]).toEqual([0, 344]);
      behind = false;
      core.clock.advance(100);
      expect(values(slow.take())).toHaveLength(600);
    });

    it('asking again begins anew and never runs twice', () => {
      const core = manyTopics(1000);
      const subscriber = core.join();
      for (let n = 0; n < 5; n += 1) subscriber.subscribe('', 'prefix', true);
      core.clock.advance(1);
      expect(values(subscriber.take())).toHaveLength(4 * 256 + 1000);
    });

    it('a realm that closes stops it', () => {
      const core = manyTopics(1000);
      askRetained(core.join(), '', 'prefix');
      core.realm.close({ how: 'restart', uri: 'wamp.close.system_shutdown', message: '' });
      expect(core.clock.pending).toBe(0);
    });
  });
});
