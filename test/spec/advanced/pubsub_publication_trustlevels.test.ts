import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { planNow, publishMessage, TestCore } from '../../support/core.ts';

describe('Advanced Profile: Publication Trust Levels', () => {
  it('EVENT says the trust level of the publisher’s role, beside topic and publisher', () => {
    const core = new TestCore();
    core.authorizer.trust('planner', 7).trust('guest', 0);
    const planner = core.join({ authrole: 'planner', authid: 'ann' });
    const [guest, stranger] = [core.join({ authrole: 'guest' }), core.join({ authrole: 'unrated' })];
    const subscriber = core.join();
    subscriber.subscribed('a', 'prefix');
    planner.publish('a.b', { discloseMe: true });
    guest.publish('a.b');
    stranger.publish('a.b');
    const named = { publisher: planner.id, publisher_authid: 'ann', publisher_authrole: 'planner' };
    expect(subscriber.take().map((event) => event[3])).toEqual([
      { topic: 'a.b', ...named, trustlevel: 7 },
      { topic: 'a.b', trustlevel: 0 },
      { topic: 'a.b' },
    ]);
  });

  it('PITFALLS 13: each subscriber is told what it announced: trust, publisher, both or neither', () => {
    const core = new TestCore();
    core.authorizer.trust('agent', 7);
    const publisher = core.join();
    const { SUBSCRIBER_PUBLICATION_TRUSTLEVELS: TRUST, SUBSCRIBER_PUBLISHER_IDENTIFICATION: NAME } = Feature;
    const subscribers = [0, TRUST, NAME, TRUST | NAME, TRUST | NAME].map((lacks) =>
      core.join({ features: ALL_FEATURES & ~lacks }),
    );
    for (const subscriber of subscribers) subscriber.subscribed('t');
    publisher.publish('t', { discloseMe: true });
    const told = subscribers.map((subscriber) => Object.keys(Object(subscriber.take()[0]?.[3])).sort());
    const names = ['publisher', 'publisher_authid', 'publisher_authrole'];
    expect(told).toEqual([[...names, 'trustlevel'], names, ['trustlevel'], [], []]);
  });

  it('one EVENT for all who are told the same, so that it is encoded once', () => {
    const core = new TestCore();
    core.authorizer.trust('agent', 7);
    const [publisher, ...subscribers] = core.joinMany(4);
    for (const subscriber of subscribers) subscriber.subscribed('t');
    publisher?.publish('t');
    expect(new Set(subscribers.map((subscriber) => subscriber.peer.received.at(-1))).size).toBe(1);
  });

  it('a planned publication says it, too', () => {
    const core = new TestCore();
    core.authorizer.trust('agent', 7);
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('t');
    const plan = planNow(core.realm, publisher.session, publishMessage(1, 't'));
    if (plan instanceof Error) throw plan;
    plan.deliverAll();
    expect(subscriber.peer.received.at(-1)).toMatchObject({ type: MessageType.EVENT, details: { trustlevel: 7 } });
  });
});
