import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { TestCore } from '../../support/core.ts';

const SILENT = ALL_FEATURES & ~Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION;

describe('Advanced Profile: Publisher Identification', () => {
  it('disclose_me: the EVENT names session, authid and authrole of the publisher, beside the topic of a pattern', () => {
    const core = new TestCore();
    const publisher = core.join({ authid: 'ann', authrole: 'planner' });
    const subscriber = core.join();
    subscriber.subscribed('a.b');
    subscriber.subscribed('a', 'prefix');
    publisher.publish('a.b', { discloseMe: true });
    const named = { publisher: publisher.id, publisher_authid: 'ann', publisher_authrole: 'planner' };
    expect(subscriber.take().map((event) => event[3])).toEqual([named, { topic: 'a.b', ...named }]);
  });

  it('without disclose_me and without a rule nobody is named', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.b');
    publisher.publish('a.b');
    expect(subscriber.take()[0]?.[3]).toEqual({});
  });

  it('CONTRACT 4: a rule that discloses the publisher does so unasked', () => {
    const core = new TestCore();
    core.authorizer.disclose('publish', 'a.b');
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.', 'prefix');
    publisher.publish('a.b');
    publisher.publish('a.c');
    expect(subscriber.take().map((event) => event[3])).toEqual([
      expect.objectContaining({ publisher: publisher.id }),
      { topic: 'a.c' },
    ]);
  });

  it('PITFALLS 13: only subscribers that announced the feature are told; the others get the event without', () => {
    const core = new TestCore();
    const [publisher, told, silent] = [core.join(), core.join(), core.join({ features: SILENT })];
    told.subscribed('a.b');
    silent.subscribed('a.b');
    publisher.publish('a.b', { discloseMe: true });
    expect(told.take()[0]?.[3]).toEqual(expect.objectContaining({ publisher: publisher.id }));
    expect(silent.take()[0]?.[3]).toEqual({});
  });

  it("PITFALLS 61: the router's own sessions are never named", () => {
    const core = new TestCore();
    const [own, subscriber] = [core.join({ internal: true }), core.join()];
    subscriber.subscribed('wamp.', 'prefix');
    own.publish('wamp.session.on_join', { discloseMe: true });
    expect(subscriber.take()[0]?.[3]).toEqual({ topic: 'wamp.session.on_join' });
  });
});
