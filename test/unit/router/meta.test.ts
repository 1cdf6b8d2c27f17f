import { describe, expect, it } from 'vitest';
import { Listeners, MetaTopic } from '../../../src/router/meta/listeners.ts';
import { Testaments } from '../../../src/router/meta/testament.ts';
import { Subscription } from '../../../src/router/subscription.ts';
import { MATCHES, uriMatches } from '../../../src/wamp/uri.ts';
import { publishMessage } from '../../support/core.ts';
import { ask, metaCore, SESSION_TOPICS } from '../../support/meta.ts';

const TOPICS = Object.values(MetaTopic);

describe('who listens to meta events', () => {
  it('is what the definition of matching says, of every topic, cut anywhere', () => {
    const patterns = new Set([
      '',
      '.',
      '..',
      '...',
      'wamp',
      'wam',
      'a.b',
      'wampo..',
      'wamp.session',
      '..on_join',
      '.session.',
    ]);
    for (const topic of TOPICS) {
      for (let end = 0; end <= topic.length; end += 1) patterns.add(topic.slice(0, end));
      patterns.add(topic.replace(/[a-z]+\./, '.')).add(topic.replace(/\.[a-z]+\./, '..'));
    }
    for (const uri of patterns) {
      for (const match of MATCHES) {
        const listeners = new Listeners();
        const subscription = new Subscription(1, uri, match, 0);
        listeners.add(subscription);
        const expected = TOPICS.filter((topic) => uriMatches(uri, match, topic));
        expect(TOPICS.filter((topic) => listeners.to(topic))).toEqual(expected);
        expect(listeners.has(subscription)).toBe(expected.length > 0);
        listeners.remove(subscription);
        expect(TOPICS.filter((topic) => listeners.to(topic))).toEqual([]);
      }
    }
  });

  it('counts: of two patterns that match a topic one may end', () => {
    const listeners = new Listeners();
    const [one, two] = [
      new Subscription(1, 'wamp.', 'prefix', 0),
      new Subscription(2, 'wamp.session.on_join', 'exact', 0),
    ];
    listeners.add(one);
    listeners.add(two);
    listeners.remove(one);
    listeners.remove(one);
    expect(TOPICS.filter((topic) => listeners.to(topic))).toEqual(['wamp.session.on_join']);
  });
});

it('testaments are kept until they are taken or flushed, and then their session is forgotten', () => {
  const core = metaCore();
  const [first, second] = [core.join().session, core.join().session];
  const testaments = new Testaments(() => 100);
  const one = { scope: 'detached', message: publishMessage(1, 'a.b'), weight: 60 } as const;
  for (const session of [first, second]) testaments.add(session, one);
  expect(() => testaments.add(first, one)).toThrow(/100 bytes/);
  testaments.flush(first, 'destroyed');
  expect(testaments.size).toBe(2);
  testaments.flush(first, 'detached');
  expect(testaments.take(first)).toEqual([]);
  expect(testaments.take(second)).toEqual([one.message]);
  expect(testaments.take(second)).toEqual([]);
  expect(testaments.size).toBe(0);
});

describe('a realm with meta APIs', () => {
  it('publishes no event that nobody subscribes to', () => {
    const core = metaCore();
    const published: unknown[] = [];
    core.observer.received = (_session?: unknown, message?: { type: number }) => {
      if (message?.type === 16) published.push(message);
    };
    const client = core.join();
    client.subscribed('wamp.registration.on_create');
    client.subscribed('a.b', 'prefix');
    client.take();
    client.register('a.b');
    core.join().vanish();
    expect(published).toHaveLength(1);
    expect(client.takeTypes()).toEqual([65, 36]);
    for (const id of client.session.subscriptions.keys()) client.unsubscribe(id);
    client.register('a.c');
    expect(published).toHaveLength(1);
  });

  it('holds nothing of 10,000 sessions that joined, subscribed, registered, left testaments and went', () => {
    const core = metaCore();
    const watcher = core.join();
    const calls = watcher.session.calls;
    for (let i = 0; i < 10_000; i += 1) {
      const client = core.join();
      client.subscribe(i % 2 === 0 ? `a.x${i}` : 'wamp.session.', i % 2 === 0 ? 'exact' : 'prefix');
      client.register(`a.x${i}`);
      client.call('wamp.session.add_testament', { args: ['a.b', [i], {}] });
      client.vanish();
    }
    const { broker, dealer, sessions } = core.realm;
    expect([sessions.size, broker.size, dealer.registry.size, calls.size]).toEqual([1, 0, 0, 0]);
    expect(ask(watcher, 'wamp.subscription.list')).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
    const events: unknown[] = [];
    for (const topic of SESSION_TOPICS) watcher.subscribed(topic);
    core.join().vanish();
    events.push(...watcher.take());
    expect(events).toHaveLength(2);
  });

  it('has them under bounds that are smaller than their number and their names', () => {
    const core = metaCore({ limits: { maxRegistrationsPerSession: 1, maxUriBytes: 16, maxSessions: 1 } });
    expect(core.realm.dealer.registry.best('wamp.subscription.count_subscribers')).toBeDefined();
    expect(core.join().session.ended).toBe(false);
  });
});
