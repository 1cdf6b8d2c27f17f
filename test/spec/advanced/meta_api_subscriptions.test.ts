import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ROUTER_ROLES } from '../../../src/wamp/features.ts';
import { TestAuthorizer } from '../../support/core.ts';
import { ask, Listener, metaCore, refusal, SUBSCRIPTION_TOPICS } from '../../support/meta.ts';

describe('Advanced Profile: Subscription Meta API', () => {
  it('C5: is announced by the broker', () => {
    expect(ROUTER_ROLES).toMatchObject({ broker: { features: { subscription_meta_api: true } } });
  });

  it('PITFALLS 67: list has the three match policies, empty ones too, and each subscription under its own', () => {
    const core = metaCore();
    const client = core.join();
    expect(ask(client, 'wamp.subscription.list')).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
    const exact = [client.subscribed('a.b'), client.subscribed('a.c')];
    const [prefix, wildcard] = [client.subscribed('a.b', 'prefix'), client.subscribed('a..c', 'wildcard')];
    core.join().subscribed('a.b');
    const lists = { exact, prefix: [prefix], wildcard: [wildcard] };
    expect(ask(client, 'wamp.subscription.list')).toEqual([lists]);
    const glob = client.subscribed('*.b', 'glob');
    expect(ask(client, 'wamp.subscription.list')).toEqual([{ ...lists, glob: [glob] }]);
  });

  it('PITFALLS 67: lookup finds by URI and match policy, exact unless told otherwise, and is null where there is none', () => {
    const client = metaCore().join();
    const [exact, prefix] = [client.subscribed('a.b'), client.subscribed('a', 'prefix')];
    expect(ask(client, 'wamp.subscription.lookup', ['a.b'])).toEqual([exact]);
    expect(ask(client, 'wamp.subscription.lookup', ['a.b', { match: 'exact' }])).toEqual([exact]);
    expect(ask(client, 'wamp.subscription.lookup', ['a', { match: 'prefix', x: 1 }])).toEqual([prefix]);
    expect(ask(client, 'wamp.subscription.lookup', ['a', null])).toEqual([null]);
    expect(ask(client, 'wamp.subscription.lookup', ['a.b', { match: 'wildcard' }])).toEqual([null]);
    expect(ask(client, 'wamp.subscription.lookup', ['no uri'])).toEqual([null]);
  });

  it('PITFALLS 67: match lists every subscription that a publication would reach, and is null where there is none', () => {
    const client = metaCore().join();
    const ids = [client.subscribed('a.b'), client.subscribed('a', 'prefix'), client.subscribed('.b', 'wildcard')];
    client.subscribed('c.d');
    expect(ask(client, 'wamp.subscription.match', ['a.b'])).toEqual([ids]);
    expect(ask(client, 'wamp.subscription.match', ['a.x'])).toEqual([[ids[1]]]);
    expect(ask(client, 'wamp.subscription.match', ['b'])).toEqual([null]);
    expect(ask(client, 'wamp.subscription.match', ['a..b'])).toEqual([null]);
    expect(ask(client, 'wamp.subscription.match', [`a.${'b'.repeat(300)}`])).toEqual([null]);
  });

  it('get says what a subscription is, with the time of its making in ISO 8601', () => {
    const core = metaCore();
    const client = core.join();
    const id = client.subscribed('a.b', 'prefix');
    const created = new Date(core.clock.now()).toISOString();
    expect(ask(client, 'wamp.subscription.get', [id])).toEqual([{ id, created, uri: 'a.b', match: 'prefix' }]);
  });

  it('list_subscribers and count_subscribers say who holds a subscription', () => {
    const core = metaCore();
    const [first, second] = [core.join(), core.join()];
    const id = first.subscribed('a.b');
    second.subscribed('a.b');
    core.join({ internal: true }).subscribed('a.b');
    expect(ask(first, 'wamp.subscription.list_subscribers', [id])).toEqual([[first.id, second.id]]);
    expect(ask(first, 'wamp.subscription.count_subscribers', [id])).toEqual([2]);
    first.vanish();
    expect(ask(second, 'wamp.subscription.list_subscribers', [id])).toEqual([[second.id]]);
  });

  it('PITFALLS 67: an unknown id is wamp.error.no_such_subscription, one that has ended too', () => {
    const client = metaCore().join();
    const id = client.subscribed('a.b');
    client.unsubscribe(id);
    for (const procedure of ['get', 'list_subscribers', 'count_subscribers']) {
      expect(refusal(client, `wamp.subscription.${procedure}`, [id])).toBe(ErrorUri.NO_SUCH_SUBSCRIPTION);
    }
  });

  it.each([
    ['list', [1]],
    ['lookup', []],
    ['lookup', [1]],
    ['lookup', ['a', 'prefix']],
    ['lookup', ['a', { match: 'fuzzy' }]],
    ['lookup', ['a', {}, 1]],
    ['match', []],
    ['match', [['a']]],
    ['get', []],
    ['get', ['1']],
    ['list_subscribers', [0]],
    ['count_subscribers', [1, 2]],
  ])('PITFALLS 67: %s with wrong arguments %j is wamp.error.invalid_argument', (procedure, args) => {
    expect(refusal(metaCore().join(), `wamp.subscription.${procedure}`, args)).toBe(ErrorUri.INVALID_ARGUMENT);
  });

  it.each([
    ['list', []],
    ['lookup', ['a']],
    ['match', ['a']],
    ['get', [1]],
    ['list_subscribers', [1]],
    ['count_subscribers', [1]],
  ])('PITFALLS 69: %s obeys the rules of the realm', (procedure, args) => {
    const core = metaCore();
    core.authorizer.deny('call', `wamp.subscription.${procedure}`);
    expect(refusal(core.join(), `wamp.subscription.${procedure}`, args)).toBe(ErrorUri.NOT_AUTHORIZED);
  });

  it('PITFALLS 65: on_create before on_subscribe, on_unsubscribe before on_delete, on_create and on_delete once', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), SUBSCRIPTION_TOPICS);
    const [first, second] = [core.join(), core.join()];
    const id = first.subscribed('a.b', 'wildcard');
    second.subscribed('a.b', 'wildcard');
    second.subscribed('a.b', 'wildcard');
    const details = { id, created: new Date(core.clock.now()).toISOString(), uri: 'a.b', match: 'wildcard' };
    expect(listener.heard()).toEqual([
      ['on_create', first.id, details],
      ['on_subscribe', first.id, id],
      ['on_subscribe', second.id, id],
    ]);
    first.unsubscribe(id);
    second.vanish();
    expect(listener.heard()).toEqual([
      ['on_unsubscribe', first.id, id],
      ['on_unsubscribe', second.id, id],
      ['on_delete', second.id, id],
    ]);
  });

  it('PITFALLS 65: nobody is told of his own subscriptions to meta events, others are', () => {
    const core = metaCore();
    const [early, late] = [core.join(), core.join()];
    const listener = new Listener(early, SUBSCRIPTION_TOPICS);
    expect(listener.heard()).toEqual([]);
    const all = late.subscribed('wamp.', 'prefix');
    expect(late.take()).toEqual([]);
    expect(listener.heard().map(([name, session]) => [name, session])).toEqual([
      ['on_create', late.id],
      ['on_subscribe', late.id],
    ]);
    late.unsubscribe(all);
    expect(late.takeTypes()).toEqual([35]);
    expect(listener.heard().map(([name]) => name)).toEqual(['on_unsubscribe', 'on_delete']);
  });

  it('one may be told of his own subscriptions to other topics, after SUBSCRIBED and UNSUBSCRIBED', () => {
    const client = metaCore().join();
    new Listener(client, SUBSCRIPTION_TOPICS);
    client.subscribe('a.b');
    expect(client.takeTypes()).toEqual([33, 36, 36]);
    client.unsubscribe([...client.session.subscriptions.keys()].at(-1) ?? 0);
    expect(client.takeTypes()).toEqual([35, 36, 36]);
  });

  it.each([
    ['wamp.subscription.', 'prefix'],
    ['', 'prefix'],
    ['wamp..on_subscribe', 'wildcard'],
    ['.subscription.', 'wildcard'],
  ] as const)('events reach pattern subscriptions: %j (%s)', (uri, match) => {
    const core = metaCore();
    const [listener, other] = [core.join(), core.join()];
    const pattern = listener.subscribed(uri, match);
    const id = other.subscribed('a.b');
    expect(listener.take().at(-1)).toEqual([
      36,
      pattern,
      expect.any(Number),
      { topic: 'wamp.subscription.on_subscribe' },
      [other.id, id],
    ]);
    listener.unsubscribe(pattern);
    listener.take();
    other.subscribed('a.c');
    expect(listener.take()).toEqual([]);
  });

  it('a subscription that is revoked is told of', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), SUBSCRIPTION_TOPICS);
    const client = core.join();
    const id = client.subscribed('a.b');
    listener.heard();
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('subscribe', 'a.b') });
    expect(listener.heard()).toEqual([
      ['on_unsubscribe', client.id, id],
      ['on_delete', client.id, id],
    ]);
  });

  it('PITFALLS 69: nobody is told of subscriptions of the router itself', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), SUBSCRIPTION_TOPICS);
    const own = core.join({ internal: true });
    own.unsubscribe(own.subscribed('a.b'));
    expect(listener.heard()).toEqual([]);
  });
});
