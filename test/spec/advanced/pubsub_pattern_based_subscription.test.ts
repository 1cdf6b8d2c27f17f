import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/wamp/messages.ts';
import type { Match } from '../../../src/wamp/uri.ts';
import { TestCore } from '../../support/core.ts';

/** Which of `topics` a subscription of (uri, match) hears. */
function heard(uri: string, match: Match, topics: readonly string[]): readonly unknown[] {
  const core = new TestCore();
  const [publisher, subscriber] = [core.join(), core.join()];
  subscriber.subscribed(uri, match);
  for (const topic of topics) publisher.publish(topic, { args: [topic] });
  return subscriber.take().map((message) => (message[4] as readonly unknown[])[0]);
}

describe('Advanced Profile: Pattern-based Subscription', () => {
  it('PITFALLS 43: a prefix is one of the text, whatever the components', () => {
    const matching = [
      'com.myapp.topic.emergency.11',
      'com.myapp.topic.emergency-low',
      'com.myapp.topic.emergency.category.severe',
      'com.myapp.topic.emergency',
    ];
    const others = ['com.myapp.topic.emergenc', 'com.myapp2.topic.emergency', 'com.myapp.topic'];
    expect(heard('com.myapp.topic.emergency', 'prefix', [...matching, ...others])).toEqual(matching);
  });

  it('PITFALLS 43: an empty component stands for any one component, and the number of components must agree', () => {
    const matching = ['com.myapp.foo.userevent', 'com.myapp.bar.userevent', 'com.myapp.a12.userevent'];
    const others = ['com.myapp.foo.userevent.bar', 'com.myapp.foo.user', 'com.myapp2.foo.userevent'];
    expect(heard('com.myapp..userevent', 'wildcard', [...matching, ...others])).toEqual(matching);
  });

  it('PITFALLS 29: the empty prefix hears everything', () => {
    expect(heard('', 'prefix', ['a', 'b.c'])).toEqual(['a', 'b.c']);
  });

  it('PITFALLS 38: exact, prefix and wildcard of one session: one EVENT per subscription, one publication id', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    const ids = [
      subscriber.subscribed('a.b.c'),
      subscriber.subscribed('a.', 'prefix'),
      subscriber.subscribed('a.b', 'prefix'),
      subscriber.subscribed('a..c', 'wildcard'),
    ];
    publisher.publish('a.b.c');
    const events = subscriber.take();
    expect(events.map((event) => event[1]).sort()).toEqual(ids);
    expect(new Set(events.map((event) => event[2])).size).toBe(1);
  });

  it('PITFALLS 39: EVENT.Details.topic says the topic for prefix and wildcard, and is absent for exact', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    const exact = subscriber.subscribed('a.b');
    const prefix = subscriber.subscribed('a', 'prefix');
    const wildcard = subscriber.subscribed('.b', 'wildcard');
    const same = subscriber.subscribed('a.b', 'wildcard');
    publisher.publish('a.b');
    const details = new Map(subscriber.take().map((event) => [event[1], event[3]]));
    expect(details).toEqual(
      new Map([
        [exact, {}],
        [prefix, { topic: 'a.b' }],
        [wildcard, { topic: 'a.b' }],
        [same, { topic: 'a.b' }],
      ]),
    );
  });

  it('PITFALLS 41: ending one of several matching subscriptions leaves the others', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    const exact = subscriber.subscribed('a.b');
    const prefix = subscriber.subscribed('a', 'prefix');
    subscriber.unsubscribe(exact);
    publisher.publish('a.b');
    expect(subscriber.take()).toEqual([
      [35, 3],
      [36, prefix, expect.any(Number), { topic: 'a.b' }],
    ]);
    subscriber.unsubscribe(prefix);
    publisher.publish('a.b');
    expect(subscriber.takeTypes()).toEqual([MessageType.UNSUBSCRIBED]);
  });
});
