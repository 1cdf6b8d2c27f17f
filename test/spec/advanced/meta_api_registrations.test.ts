import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ROUTER_ROLES } from '../../../src/wamp/features.ts';
import { TestAuthorizer } from '../../support/core.ts';
import { ask, Listener, metaCore, REGISTRATION_TOPICS, refusal } from '../../support/meta.ts';

describe('Advanced Profile: Registration Meta API', () => {
  it('B7: is announced by the dealer', () => {
    expect(ROUTER_ROLES).toMatchObject({ dealer: { features: { registration_meta_api: true } } });
  });

  it('PITFALLS 67: list has the three match policies, empty ones too, and no procedure of the router itself', () => {
    const client = metaCore().join();
    expect(ask(client, 'wamp.registration.list')).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
    const [exact, prefix] = [client.registered('a.b'), client.registered('a.b', { match: 'prefix' })];
    const wildcard = client.registered('a..c', { match: 'wildcard' });
    const lists = { exact: [exact], prefix: [prefix], wildcard: [wildcard] };
    expect(ask(client, 'wamp.registration.list')).toEqual([lists]);
  });

  it('PITFALLS 67: lookup finds by URI and match policy, exact unless told otherwise, and is null where there is none', () => {
    const client = metaCore().join();
    const [exact, prefix] = [client.registered('a.b'), client.registered('a', { match: 'prefix' })];
    expect(ask(client, 'wamp.registration.lookup', ['a.b'])).toEqual([exact]);
    expect(ask(client, 'wamp.registration.lookup', ['a', { match: 'prefix', invoke: 'first' }])).toEqual([prefix]);
    expect(ask(client, 'wamp.registration.lookup', ['a'])).toEqual([null]);
    expect(ask(client, 'wamp.registration.lookup', ['a.b', { match: 'wildcard' }])).toEqual([null]);
  });

  it('PITFALLS 67: match finds the registration that a call goes to, and is null where there is none', () => {
    const client = metaCore().join();
    const [exact, prefix] = [client.registered('a.b'), client.registered('a', { match: 'prefix' })];
    expect(ask(client, 'wamp.registration.match', ['a.b'])).toEqual([exact]);
    expect(ask(client, 'wamp.registration.match', ['a.x'])).toEqual([prefix]);
    for (const none of ['b', '', 'a..b', 'a b', 'wamp.session.count', `a.${'b'.repeat(300)}`]) {
      expect(ask(client, 'wamp.registration.match', [none])).toEqual([null]);
    }
  });

  it('get says what a registration is, with the time of its making in ISO 8601', () => {
    const core = metaCore();
    const client = core.join();
    const id = client.registered('a.b', { match: 'prefix', invoke: 'roundrobin' });
    const created = new Date(core.clock.now()).toISOString();
    const details = { id, created, uri: 'a.b', match: 'prefix', invoke: 'roundrobin' };
    expect(ask(client, 'wamp.registration.get', [id])).toEqual([details]);
  });

  it('list_callees and count_callees say who holds a registration', () => {
    const core = metaCore();
    const [first, second] = [core.join(), core.join()];
    const id = first.registered('a.b', { invoke: 'random' });
    second.registered('a.b', { invoke: 'random' });
    expect(ask(first, 'wamp.registration.list_callees', [id])).toEqual([[first.id, second.id]]);
    expect(ask(first, 'wamp.registration.count_callees', [id])).toEqual([2]);
    first.vanish();
    expect(ask(second, 'wamp.registration.list_callees', [id])).toEqual([[second.id]]);
  });

  it('PITFALLS 67: an unknown id is wamp.error.no_such_registration, one that has ended too', () => {
    const core = metaCore();
    const client = core.join();
    const [ended, displaced] = [client.registered('a.b'), client.registered('a.c')];
    client.unregister(ended);
    core.join().registered('a.c', { forceReregister: true });
    for (const procedure of ['get', 'list_callees', 'count_callees']) {
      for (const id of [ended, displaced]) {
        expect(refusal(client, `wamp.registration.${procedure}`, [id])).toBe(ErrorUri.NO_SUCH_REGISTRATION);
      }
    }
  });

  it.each([
    ['list', [1]],
    ['lookup', []],
    ['lookup', [1]],
    ['lookup', ['a', []]],
    ['lookup', ['a', { invoke: 'never' }]],
    ['lookup', ['a', {}, 1]],
    ['match', []],
    ['match', [1]],
    ['get', []],
    ['get', [1.5]],
    ['list_callees', ['x']],
    ['count_callees', [1, 2]],
  ])('PITFALLS 67: %s with wrong arguments %j is wamp.error.invalid_argument', (procedure, args) => {
    expect(refusal(metaCore().join(), `wamp.registration.${procedure}`, args)).toBe(ErrorUri.INVALID_ARGUMENT);
  });

  it.each([
    ['list', []],
    ['lookup', ['a']],
    ['match', ['a']],
    ['get', [1]],
    ['list_callees', [1]],
    ['count_callees', [1]],
  ])('PITFALLS 69: %s obeys the rules of the realm', (procedure, args) => {
    const core = metaCore();
    core.authorizer.deny('call', `wamp.registration.${procedure}`);
    expect(refusal(core.join(), `wamp.registration.${procedure}`, args)).toBe(ErrorUri.NOT_AUTHORIZED);
  });

  it('PITFALLS 65: on_create before on_register, on_unregister before on_delete, on_create and on_delete once', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), REGISTRATION_TOPICS);
    const [first, second] = [core.join(), core.join()];
    const id = first.registered('a.b', { invoke: 'last' });
    second.registered('a.b', { invoke: 'last' });
    const created = new Date(core.clock.now()).toISOString();
    expect(listener.heard()).toEqual([
      ['on_create', first.id, { id, created, uri: 'a.b', match: 'exact', invoke: 'last' }],
      ['on_register', first.id, id],
      ['on_register', second.id, id],
    ]);
    first.unregister(id);
    second.vanish();
    expect(listener.heard()).toEqual([
      ['on_unregister', first.id, id],
      ['on_unregister', second.id, id],
      ['on_delete', second.id, id],
    ]);
  });

  it('PITFALLS 65: force_reregister ends the old registration before the new one is there', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), REGISTRATION_TOPICS);
    const [first, second, third] = [core.join(), core.join(), core.join()];
    const before = first.registered('a.b', { invoke: 'first' });
    second.registered('a.b', { invoke: 'first' });
    listener.heard();
    const after = third.registered('a.b', { forceReregister: true });
    expect(listener.heard()).toEqual([
      ['on_unregister', first.id, before],
      ['on_unregister', second.id, before],
      ['on_delete', second.id, before],
      ['on_create', third.id, expect.objectContaining({ id: after, invoke: 'single' })],
      ['on_register', third.id, after],
    ]);
    expect(ask(first, 'wamp.registration.list')).toEqual([{ exact: [after], prefix: [], wildcard: [] }]);
  });

  it('a registration that is revoked is told of', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), REGISTRATION_TOPICS);
    const client = core.join();
    const id = client.registered('a.b');
    listener.heard();
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('register', 'a.b') });
    expect(listener.heard()).toEqual([
      ['on_unregister', client.id, id],
      ['on_delete', client.id, id],
    ]);
  });

  it('a refused REGISTER is not told of', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), REGISTRATION_TOPICS);
    const [first, second] = [core.join(), core.join()];
    first.registered('a.b');
    listener.heard();
    second.register('a.b');
    second.unregister(1);
    expect(listener.heard()).toEqual([]);
  });

  it("PITFALLS 69: weak registrations and the router's own are invisible to procedures and events", () => {
    const core = metaCore();
    const client = core.join();
    const listener = new Listener(client, REGISTRATION_TOPICS);
    const [own, peer] = [core.join({ internal: true }), core.join()];
    const hidden = [own.registered('a.own'), peer.registered('a.weak', { weak: true })];
    expect(ask(client, 'wamp.registration.list')).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
    for (const [at, uri] of ['a.own', 'a.weak'].entries()) {
      expect(ask(client, 'wamp.registration.lookup', [uri])).toEqual([null]);
      expect(ask(client, 'wamp.registration.match', [uri])).toEqual([null]);
      expect(refusal(client, 'wamp.registration.get', [hidden[at]])).toBe(ErrorUri.NO_SUCH_REGISTRATION);
    }
    peer.vanish();
    own.vanish();
    expect(listener.heard()).toEqual([]);
    expect(core.realm.dealer.registry.size).toBe(0);
  });
});
