import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { TestAuthorizer, TestCore } from '../../support/core.ts';

const SILENT = ALL_FEATURES & ~Feature.SUBSCRIBER_REVOCATION;

describe('Advanced Profile: Subscription Revocation', () => {
  it('C10: rules that no longer allow it end the subscription; who announced it is told by UNSUBSCRIBED with id 0', () => {
    const core = new TestCore();
    const [publisher, told, silent] = [core.join(), core.join(), core.join({ features: SILENT })];
    const id = told.subscribed('a.b');
    silent.subscribed('a.b');
    told.subscribed('a.c');
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('subscribe', 'a.b') });
    expect(told.take()).toEqual([[35, 0, { subscription: id, reason: expect.any(String) }]]);
    expect(silent.take()).toEqual([]);
    publisher.publish('a.b');
    publisher.publish('a.c');
    expect(told.takeTypes()).toEqual([MessageType.EVENT]);
    expect(silent.take()).toEqual([]);
    expect([told.session.subscriptions.size, silent.session.subscriptions.size, core.realm.broker.size]).toEqual([
      1, 0, 1,
    ]);
  });

  it('a subscription of the same text under another match policy is judged by itself', () => {
    const core = new TestCore();
    const subscriber = core.join();
    const asked = new TestAuthorizer();
    subscriber.subscribed('a.b');
    subscriber.subscribed('a.b', 'prefix');
    core.realm.configure({ ...core.settings, authorizer: asked });
    expect(asked.asked.map(({ action, uri, match }) => [action, uri, match])).toEqual([
      ['subscribe', 'a.b', 'exact'],
      ['subscribe', 'a.b', 'prefix'],
    ]);
    expect(subscriber.take()).toEqual([]);
  });

  it("the router's own sessions are not judged, and new bounds end nothing that is held", () => {
    const core = new TestCore();
    const [own, client] = [core.join({ internal: true }), core.join()];
    own.subscribed('a.b');
    client.subscribed('a.c');
    client.subscribed('a.d');
    const limits = { ...core.settings.limits, maxSubscriptionsPerSession: 1 };
    core.realm.configure({ ...core.settings, limits, authorizer: new TestAuthorizer().deny('subscribe', 'a.b') });
    expect([own.session.subscriptions.size, client.session.subscriptions.size]).toEqual([1, 2]);
    client.subscribe('a.e');
    expect(client.takeTypes()).toEqual([MessageType.ERROR]);
  });
});
