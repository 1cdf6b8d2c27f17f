import { describe, expect, it } from 'vitest';
import type { Dict } from '../../../src/wamp/payload.ts';
import { type AutobahnSession, type EventDetails, Inbox, refusal } from '../../support/autobahn-client.ts';
import type { Environment } from './environment.ts';

interface Heard {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
  readonly details: EventDetails;
}

/** Subscribes and gathers the events. */
export async function listen(session: AutobahnSession, topic: string, options?: Dict) {
  const inbox = new Inbox<Heard>();
  const handler = (args: readonly unknown[], kwargs: Dict, details: EventDetails) =>
    inbox.put({ args, kwargs, details });
  const subscription = await session.subscribe(topic, handler, options);
  return Object.assign(inbox, { subscription });
}

export function pubSubScenarios(env: Environment): void {
  describe('Publishing and Events', () => {
    it('an event carries args and kwargs, and names its publication', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.topic');
      const published = await publisher.session.publish(
        'com.topic',
        [1, 'zwei', null, true, [3.5]],
        { née: 'ümläut ☃ 😀', deep: { list: [{}] } },
        { acknowledge: true },
      );
      const [event] = await inbox.until(1);
      expect(event).toMatchObject({
        args: [1, 'zwei', null, true, [3.5]],
        kwargs: { née: 'ümläut ☃ 😀', deep: { list: [{}] } },
        details: { publication: published?.id },
      });
    });

    it('PITFALLS 39: the topic of an exact subscription is what was subscribed', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.topic');
      publisher.session.publish('com.topic');
      expect((await inbox.until(1))[0]?.details.topic).toBe('com.topic');
    });

    it('PITFALLS 34: an acknowledged publication is acknowledged without any subscriber too', async () => {
      const { session } = await env.agent();
      const published = await session.publish('com.nobody', [1], {}, { acknowledge: true });
      expect(published?.id).toBeGreaterThanOrEqual(1);
    });

    it('PITFALLS 33: without acknowledge a publication that is not allowed is answered by nothing', async () => {
      const client = await env.raw({ authid: 'carol' });
      client.publish('com.forbidden', {}, [1]);
      client.publish('not..legal', {}, [1]);
      expect(await client.settle()).toEqual([]);
    });

    it('with acknowledge a publication that is not allowed is answered with not_authorized', async () => {
      const { session } = await env.named('carol');
      const refused = await refusal(session.publish('com.forbidden', [], {}, { acknowledge: true }) ?? expect.fail());
      expect(refused.error).toBe('wamp.error.not_authorized');
    });

    it('PITFALLS 40: a second handler for the same topic shares the subscription; all end together', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const first = await listen(subscriber.session, 'com.topic');
      const second = await listen(subscriber.session, 'com.topic');
      expect(second.subscription.id).toBe(first.subscription.id);
      publisher.session.publish('com.topic', [1]);
      await Promise.all([first.until(1), second.until(1)]);
      expect(await second.subscription.unsubscribe()).toBe(false);
      expect(await first.subscription.unsubscribe()).toBe(true);
      await publisher.session.publish('com.topic', [2], {}, { acknowledge: true });
      expect([first.items.length, second.items.length]).toEqual([1, 1]);
    });

    it('PITFALLS 41, 42: after UNSUBSCRIBED no event comes, and the id is not known any more', async () => {
      const [publisher, subscriber] = await Promise.all([env.raw(), env.raw()]);
      const id = await subscriber.subscribe('com.topic');
      subscriber.send([34, subscriber.next(), id]);
      await subscriber.expect(35);
      publisher.publish('com.topic', { acknowledge: true });
      await publisher.expect(17);
      subscriber.send([34, 77, id]);
      expect(await subscriber.message()).toMatchObject({
        type: 8,
        requestType: 34,
        request: 77,
        error: 'wamp.error.no_such_subscription',
      });
    });

    it('an unsubscribed subscription of another session goes on', async () => {
      const [publisher, leaving, staying] = await Promise.all([env.agent(), env.agent(), env.agent()]);
      const left = await listen(leaving.session, 'com.topic');
      const stayed = await listen(staying.session, 'com.topic');
      expect(left.subscription.id).toBe(stayed.subscription.id);
      await left.subscription.unsubscribe();
      publisher.session.publish('com.topic', ['still']);
      expect((await stayed.until(1))[0]?.args).toEqual(['still']);
      expect(left.items).toEqual([]);
    });

    it('1,000 events of one publisher arrive in the order they were published', async () => {
      const [publisher, subscriber] = await Promise.all([env.raw(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.many');
      for (let n = 0; n < 1000; n += 1) publisher.publish('com.many', {}, [n]);
      const events = await inbox.until(1000);
      expect(events.map(({ args }) => args[0])).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    });

    it('autobahn publishes 1,000 events of two topics and one subscriber hears them all', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.many.', { match: 'prefix' });
      for (let n = 0; n < 1000; n += 1) publisher.session.publish(`com.many.${n % 2}`, [n]);
      const numbers = (await inbox.until(1000)).map(({ args }) => Number(args[0]));
      expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    });
  });

  describe('Publisher Exclusion', () => {
    it('PITFALLS 35: the publisher does not get its own event, by whatever subscription', async () => {
      const client = await env.raw();
      await client.subscribe('com.own.topic');
      await client.subscribe('com.own', { match: 'prefix' });
      await client.subscribe('com..topic', { match: 'wildcard' });
      client.publish('com.own.topic', { acknowledge: true }, [1]);
      await client.expect(17);
      expect(await client.settle()).toEqual([]);
    });

    it('exclude_me: false delivers to the publisher like to others', async () => {
      const { session } = await env.agent();
      const inbox = await listen(session, 'com.own');
      session.publish('com.own', ['mine'], {}, { exclude_me: false });
      expect((await inbox.until(1))[0]?.args).toEqual(['mine']);
    });

    it('PITFALLS 36: exclude_me: false does not overrule exclude; eligible does not overrule exclude_me', async () => {
      const client = await env.raw();
      await client.subscribe('com.own');
      client.publish('com.own', { exclude_me: false, exclude: [client.session], acknowledge: true });
      client.publish('com.own', { eligible: [client.session], acknowledge: true });
      await client.expect(17);
      await client.expect(17);
      expect(await client.settle()).toEqual([]);
    });
  });

  describe('Subscriber Black- and Whitelisting', () => {
    const everybody = ['alice', 'bob', 'carol'];
    const cases: readonly [string, (ids: Dict) => Dict, readonly string[]][] = [
      ['exclude names session ids', ({ alice }) => ({ exclude: [alice] }), ['bob', 'carol']],
      ['exclude_authid names authids', () => ({ exclude_authid: ['alice', 'bob'] }), ['carol']],
      ['exclude_authrole names roles', () => ({ exclude_authrole: ['agent'] }), ['carol']],
      ['eligible names session ids', ({ alice, carol }) => ({ eligible: [alice, carol] }), ['alice', 'carol']],
      ['eligible_authid names authids', () => ({ eligible_authid: ['bob'] }), ['bob']],
      ['eligible_authrole names roles', () => ({ eligible_authrole: ['auditor'] }), ['carol']],
      [
        'PITFALLS 37: all six lists together must admit a receiver',
        ({ alice, bob, carol }) => ({
          eligible: [alice, bob, carol],
          eligible_authid: everybody,
          eligible_authrole: ['agent', 'auditor'],
          exclude: [carol],
          exclude_authid: ['alice'],
          exclude_authrole: ['nobody'],
        }),
        ['bob'],
      ],
      ['PITFALLS 37: an empty eligible list is nobody', () => ({ eligible: [] }), []],
      ['PITFALLS 37: an empty eligible_authid list is nobody', () => ({ eligible_authid: [] }), []],
      ['PITFALLS 37: an empty exclude list excludes nobody', () => ({ exclude: [] }), everybody],
      ['PITFALLS 37: unknown session ids are ignored', ({ bob }) => ({ eligible: [1, bob], exclude: [2] }), ['bob']],
    ];
    for (const [rule, options, receivers] of cases) {
      it(rule, async () => {
        const publisher = await env.agent();
        const heard: string[] = [];
        const marker = new Inbox<string>();
        const ids: Record<string, number> = {};
        for (const name of ['alice', 'bob', 'carol'] as const) {
          const { session } = await env.named(name);
          ids[name] = session.id;
          await session.subscribe('com.topic', ([what]) => (what === 'end' ? marker.put(name) : heard.push(name)));
        }
        publisher.session.publish('com.topic', ['listed'], {}, options(ids));
        await publisher.session.publish('com.topic', ['listed'], {}, { ...options(ids), acknowledge: true });
        publisher.session.publish('com.topic', ['end']);
        await marker.until(3);
        expect(heard.sort()).toEqual([...receivers, ...receivers].sort());
      });
    }
  });

  describe('Publisher Identification', () => {
    it('disclose_me names session, authid and authrole of the publisher', async () => {
      const [publisher, subscriber] = await Promise.all([env.named('alice'), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.topic');
      publisher.session.publish('com.topic', [], {}, { disclose_me: true });
      expect((await inbox.until(1))[0]?.details).toMatchObject({
        publisher: publisher.session.id,
        publisher_authid: 'alice',
        publisher_authrole: 'agent',
      });
    });

    it('without disclose_me nobody is named', async () => {
      const [publisher, subscriber] = await Promise.all([env.named('alice'), env.raw()]);
      await subscriber.subscribe('com.topic');
      publisher.session.publish('com.topic', []);
      expect((await subscriber.expect(36)).details).toEqual({});
    });

    it('a rule of the realm file discloses without being asked', async () => {
      const [publisher, subscriber] = await Promise.all([env.named('bob'), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.named.topic');
      publisher.session.publish('com.named.topic', []);
      expect((await inbox.until(1))[0]?.details.publisher_authid).toBe('bob');
    });

    it('PITFALLS 13: a subscriber that did not announce it is told nothing', async () => {
      const [publisher, told, untold] = await Promise.all([
        env.named('alice'),
        env.raw(),
        env.raw({ roles: { subscriber: {} } }),
      ]);
      await told.subscribe('com.topic');
      await untold.subscribe('com.topic');
      publisher.session.publish('com.topic', [7], {}, { disclose_me: true });
      expect((await told.expect(36)).details).toMatchObject({ publisher_authid: 'alice' });
      expect(await untold.expect(36)).toMatchObject({ details: {}, args: [7] });
    });
  });

  describe('Pattern-based Subscriptions', () => {
    it('PITFALLS 39: events of a prefix subscription say their topic', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.myapp.topic.emergency', { match: 'prefix' });
      const topics = ['com.myapp.topic.emergency', 'com.myapp.topic.emergency.11', 'com.myapp.topic.emergency-low'];
      for (const topic of [...topics, 'com.myapp.topic.emerge']) publisher.session.publish(topic);
      publisher.session.publish('com.myapp.topic.emergency.end');
      const heard = (await inbox.until(4)).map(({ details }) => details.topic);
      expect(heard).toEqual([...topics, 'com.myapp.topic.emergency.end']);
    });

    it('PITFALLS 43: a wildcard stands for one component, and the number of components counts', async () => {
      const [publisher, subscriber] = await Promise.all([env.agent(), env.agent()]);
      const inbox = await listen(subscriber.session, 'com.myapp..userevent', { match: 'wildcard' });
      const topics = ['com.myapp.foo.userevent', 'com.myapp.bar.userevent', 'com.myapp.a12.userevent'];
      const others = ['com.myapp.foo.userevent.bar', 'com.myapp.foo.user', 'com.myapp2.foo.userevent'];
      for (const topic of [...others, ...topics]) publisher.session.publish(topic);
      const heard = (await inbox.until(3)).map(({ details }) => details.topic);
      expect(heard).toEqual(topics);
    });

    it('PITFALLS 38: one event per matching subscription, under one publication id', async () => {
      const [publisher, subscriber] = await Promise.all([env.raw(), env.raw()]);
      const ids = [
        await subscriber.subscribe('com.a.b'),
        await subscriber.subscribe('com.a.b', { match: 'prefix' }),
        await subscriber.subscribe('com', { match: 'prefix' }),
        await subscriber.subscribe('com..b', { match: 'wildcard' }),
        await subscriber.subscribe('com.a.b', { match: 'wildcard' }),
      ];
      expect(new Set(ids).size).toBe(5);
      publisher.publish('com.a.b', { acknowledge: true }, ['once each']);
      const { publication } = await publisher.expect(17);
      const events = await Promise.all(ids.map(() => subscriber.expect(36)));
      expect(events.map((event) => event.subscription).sort()).toEqual([...ids].sort());
      expect(new Set(events.map((event) => event.publication))).toEqual(new Set([publication]));
      const exact = events.find((event) => event.subscription === ids[0]);
      expect(exact?.details).toEqual({});
      for (const event of events) if (event !== exact) expect(event.details).toEqual({ topic: 'com.a.b' });
      expect(await subscriber.settle()).toEqual([]);
    });
  });
}
