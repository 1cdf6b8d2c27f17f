import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { errorWire, TestCore } from '../../support/core.ts';

describe('Basic Profile: Publish and Subscribe', () => {
  it('PITFALLS 33: PUBLISH without acknowledge is answered by nothing, whether it worked or not', () => {
    const core = new TestCore();
    core.authorizer.deny('publish', 'secret');
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('secret');
    publisher.publish('a.b');
    publisher.publish('secret');
    publisher.publish('not..legal');
    publisher.publish('wamp.session.on_join');
    publisher.publish('x'.repeat(257));
    expect(publisher.take()).toEqual([]);
    expect(subscriber.take()).toEqual([]);
    expect(core.observer.refusals.map((refusal) => refusal.uri)).toHaveLength(4);
  });

  it('PITFALLS 34: an acknowledged PUBLISH is PUBLISHED once, even with no subscriber at all', () => {
    const core = new TestCore();
    const publisher = core.join();
    const request = publisher.publish('a.b', { acknowledge: true });
    expect(publisher.take()).toEqual([[17, request, expect.any(Number)]]);
  });

  it('an acknowledged PUBLISH that is refused is an ERROR of type PUBLISH', () => {
    const core = new TestCore();
    core.authorizer.deny('publish', 'secret');
    const publisher = core.join();
    const refused = publisher.publish('secret', { acknowledge: true });
    const illegal = publisher.publish('a..b', { acknowledge: true });
    expect(publisher.take()).toEqual([
      errorWire(16, refused, ErrorUri.NOT_AUTHORIZED),
      errorWire(16, illegal, ErrorUri.INVALID_URI),
    ]);
  });

  it('A9: all receivers get the same publication id, which is that of PUBLISHED, and the payload as it was', () => {
    const core = new TestCore();
    const [publisher, one, two] = [core.join(), core.join(), core.join()];
    const subscription = one.subscribed('a.b');
    expect(two.subscribed('a.b')).toBe(subscription);
    const request = publisher.publish('a.b', { acknowledge: true, args: [1, 'x'], kwargs: { k: null } });
    const publication = publisher.take()[0]?.[2];
    const event = [36, subscription, publication, {}, [1, 'x'], { k: null }];
    expect(request).toBe(1);
    expect([one.take(), two.take()]).toEqual([[event], [event]]);
  });

  it('PITFALLS 31: kwargs without args stand after an empty list; neither is sent where both are empty', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    const id = subscriber.subscribed('a.b');
    publisher.publish('a.b', { kwargs: { k: 1 } });
    publisher.publish('a.b', { args: [], kwargs: {} });
    expect(subscriber.take()).toEqual([
      [36, id, expect.any(Number), {}, [], { k: 1 }],
      [36, id, expect.any(Number), {}],
    ]);
  });

  it('PITFALLS 40: a second SUBSCRIBE of the same session gives the same id, one EVENT, and one UNSUBSCRIBE ends it', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    const id = subscriber.subscribed('a.b');
    expect(subscriber.subscribed('a.b')).toBe(id);
    publisher.publish('a.b');
    expect(subscriber.takeTypes()).toEqual([MessageType.EVENT]);
    const request = subscriber.unsubscribe(id);
    publisher.publish('a.b');
    expect(subscriber.take()).toEqual([[35, request]]);
  });

  it('PITFALLS 40: the same text under three match policies is three subscriptions', () => {
    const core = new TestCore();
    const subscriber = core.join();
    const ids = (['exact', 'prefix', 'wildcard'] as const).map((match) => subscriber.subscribed('a.b', match));
    expect(new Set(ids).size).toBe(3);
  });

  it('a subscription that came back after its last subscriber had left has another id', () => {
    const core = new TestCore();
    const subscriber = core.join();
    const id = subscriber.subscribed('a.b');
    subscriber.unsubscribe(id);
    subscriber.take();
    expect(subscriber.subscribed('a.b')).not.toBe(id);
  });

  it('PITFALLS 42: UNSUBSCRIBE of an unknown id, or of one that another session holds, is no_such_subscription', () => {
    const core = new TestCore();
    const [holder, other] = [core.join(), core.join()];
    const id = holder.subscribed('a.b');
    const foreign = other.unsubscribe(id);
    const unknown = other.unsubscribe(4711);
    expect(other.take()).toEqual([
      errorWire(34, foreign, ErrorUri.NO_SUCH_SUBSCRIPTION),
      errorWire(34, unknown, ErrorUri.NO_SUCH_SUBSCRIPTION),
    ]);
    expect(holder.session.subscriptions.size).toBe(1);
  });

  it('PITFALLS 41: SUBSCRIBED comes before the first EVENT and UNSUBSCRIBED after the last', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribe('a.b');
    publisher.publish('a.b');
    subscriber.unsubscribe(1);
    publisher.publish('a.b');
    expect(subscriber.takeTypes()).toEqual([33, 36, 35]);
  });

  it('PITFALLS 64: a subscriber gets the events of one publisher in the order of PUBLISH, across topics and patterns', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.', 'prefix');
    subscriber.subscribed('b');
    for (let n = 0; n < 20; n += 1) publisher.publish(n % 3 === 0 ? 'b' : `a.${n}`, { args: [n] });
    const order = subscriber.take().map((message) => message[4]);
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => [n]));
  });

  it('PITFALLS 8: a session that is lost holds nothing any more, once', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.b');
    subscriber.registered('p');
    subscriber.vanish();
    subscriber.vanish();
    publisher.publish('a.b');
    const request = publisher.call('p');
    expect(subscriber.take()).toEqual([]);
    expect(publisher.take()).toEqual([errorWire(48, request, ErrorUri.NO_SUCH_PROCEDURE)]);
    expect([core.realm.broker.size, core.realm.dealer.registry.size, core.realm.sessions.size]).toEqual([0, 0, 1]);
    expect(core.observer.events.filter((event) => event === `left ${subscriber.id}`)).toHaveLength(1);
  });

  it('what a session sends after it ended is not heard', () => {
    const core = new TestCore();
    const [gone, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.b');
    gone.vanish();
    gone.publish('a.b');
    gone.subscribe('a.b');
    expect(subscriber.take()).toEqual([]);
    expect(gone.session.subscriptions.size).toBe(0);
  });
});
