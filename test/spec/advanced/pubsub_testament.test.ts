import { describe, expect, it } from 'vitest';
import { MAX_TESTAMENTS } from '../../../src/router/meta/testament.ts';
import { LOST } from '../../../src/router/realm.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ROUTER_ROLES } from '../../../src/wamp/features.ts';
import type { Dict } from '../../../src/wamp/payload.ts';
import { type Client, TestAuthorizer } from '../../support/core.ts';
import { ask, Listener, metaCore, refusal } from '../../support/meta.ts';

const ADD = 'wamp.session.add_testament';
const FLUSH = 'wamp.session.flush_testaments';

function leave(client: Client, topic: string, args: unknown[] = [], kwargs: Dict = {}): void {
  expect(ask(client, ADD, [topic, args, {}], kwargs)).toEqual([]);
}

/** Arguments of the events that came. */
function heard(client: Client): unknown[] {
  return client.take().map((event) => event[4]);
}

describe('Advanced Profile: Session Testament', () => {
  it('C11: is announced by the dealer', () => {
    expect(ROUTER_ROLES).toMatchObject({ dealer: { features: { testament_meta_api: true } } });
  });

  it('a testament is published with its args and kwargs once its session is gone, not before', () => {
    const core = metaCore();
    const [owner, subscriber] = [core.join(), core.join()];
    const id = subscriber.subscribed('com.app.farewell');
    expect(ask(owner, ADD, ['com.app.farewell', ['Seeya!', 1], { name: 'app1' }])).toEqual([]);
    expect(subscriber.take()).toEqual([]);
    owner.vanish();
    expect(subscriber.take()).toEqual([[36, id, expect.any(Number), {}, ['Seeya!', 1], { name: 'app1' }]]);
  });

  it('PITFALLS 70: detached before destroyed, each in the order of adding', () => {
    const core = metaCore();
    const [owner, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a', 'prefix');
    leave(owner, 'a.one', [1]);
    leave(owner, 'a.two', [2], { scope: 'detached' });
    leave(owner, 'a.one', [3], { scope: 'destroyed' });
    leave(owner, 'a.two', [4], { scope: 'detached' });
    owner.vanish();
    expect(heard(subscriber)).toEqual([[2], [4], [1], [3]]);
  });

  it.each([
    ['a lost connection', (core, owner) => core.realm.leave(owner.session, LOST)],
    [
      'GOODBYE',
      (core, owner) => core.realm.leave(owner.session, { how: 'goodbye', uri: 'wamp.close.normal', message: '' }),
    ],
    ['ABORT', (_core, owner) => owner.yield(77)],
    ['kill', (core, owner) => ask(core.join(), 'wamp.session.kill', [owner.id])],
    [
      'kill_by_authid',
      (core, owner) => ask(core.join({ authid: 'x' }), 'wamp.session.kill_by_authid', [owner.session.identity.authid]),
    ],
    ['kill_by_authrole', (core) => ask(core.join({ authrole: 'x' }), 'wamp.session.kill_by_authrole', ['mortal'])],
    ['an end by the router', (core, owner) => core.realm.end(owner.session, LOST)],
  ] as readonly [string, (core: ReturnType<typeof metaCore>, owner: Client) => void][])(
    'PITFALLS 70: it is published after %s, once',
    (_name, end) => {
      const core = metaCore();
      const [owner, subscriber] = [core.join({ authid: 'mortal', authrole: 'mortal' }), core.join()];
      subscriber.subscribed('a.b');
      leave(owner, 'a.b', ['gone']);
      end(core, owner);
      owner.vanish();
      expect(owner.session.ended).toBe(true);
      expect(heard(subscriber)).toEqual([['gone']]);
    },
  );

  it('PITFALLS 70: kill_all publishes none and forgets them', () => {
    const core = metaCore();
    const killer = core.join();
    const owner = core.join();
    killer.subscribed('a.b');
    leave(owner, 'a.b');
    expect(ask(killer, 'wamp.session.kill_all')).toEqual([1]);
    owner.vanish();
    expect(killer.take()).toEqual([]);
  });

  it('PITFALLS 70: a realm that closes publishes none and tells nobody who leaves: all do', () => {
    const core = metaCore();
    const [first, second] = core.joinMany(2);
    for (const each of [first, second]) {
      each?.subscribed('a.b');
      each?.subscribed('wamp.session.on_leave');
      if (each !== undefined) leave(each, 'a.b');
    }
    core.realm.close(LOST);
    expect([first?.take(), second?.take()]).toEqual([[], []]);
    expect(core.realm.sessions.size).toBe(0);
  });

  it('PITFALLS 70: it is published when its owner is out of its subscriptions, and before on_leave', () => {
    const core = metaCore();
    const owner = core.join();
    const listener = new Listener(core.join(), ['wamp.subscription.on_delete', 'a.b', 'wamp.session.on_leave']);
    owner.subscribed('a.c');
    leave(owner, 'a.b', [], { publish_options: { exclude_me: false } });
    owner.vanish();
    expect(listener.heard().map(([name]) => name)).toEqual(['on_delete', 'b', 'on_leave']);
    expect(owner.take()).toEqual([]);
  });

  it('PITFALLS 70: flush_testaments takes away those of one scope, destroyed unless told otherwise', () => {
    const core = metaCore();
    const [owner, other, subscriber] = [core.join(), core.join(), core.join()];
    subscriber.subscribed('a.b');
    for (const scope of ['detached', 'destroyed']) {
      leave(owner, 'a.b', [scope], { scope });
      leave(other, 'a.b', ['other'], { scope });
    }
    expect(ask(owner, FLUSH)).toEqual([]);
    owner.vanish();
    expect(heard(subscriber)).toEqual([['detached']]);
    ask(other, FLUSH, [], { scope: 'detached' });
    ask(other, FLUSH, [], { scope: 'destroyed' });
    ask(other, FLUSH);
    other.vanish();
    expect(subscriber.take()).toEqual([]);
  });

  it('PITFALLS 70: publish_options are honoured: who is eligible, who is excluded, whether the owner is named', () => {
    const core = metaCore();
    const [owner, chosen, passed] = [core.join(), core.join({ authrole: 'chosen' }), core.join()];
    for (const each of [chosen, passed]) each.subscribed('a.b');
    leave(owner, 'a.b', [1], { publish_options: { eligible_authrole: ['chosen'], disclose_me: true } });
    leave(owner, 'a.b', [2], { publish_options: { exclude: [chosen.id] } });
    leave(owner, 'a.b', [3], { publish_options: { acknowledge: true, unheard_of: 1 } });
    owner.vanish();
    const named = { publisher: owner.id, publisher_authid: 'somebody', publisher_authrole: 'agent' };
    expect(chosen.take().map((event) => [event[3], event[4]])).toEqual([
      [named, [1]],
      [{}, [3]],
    ]);
    expect(heard(passed)).toEqual([[2], [3]]);
  });

  it.each([
    [[], {}],
    [['a.b'], {}],
    [['a.b', []], {}],
    [['a.b', [], {}, {}], {}],
    [[1, [], {}], {}],
    [['a.b', {}, {}], {}],
    [['a.b', 'x', {}], {}],
    [['a.b', [], []], {}],
    [['a.b', [], {}], { scope: 'always' }],
    [['a.b', [], {}], { scope: 1 }],
    [['a.b', [], {}], { publish_options: [] }],
    [['a.b', [], {}], { publish_options: { eligible: 'all' } }],
  ])('PITFALLS 67: a testament of wrong arguments %j %j is wamp.error.invalid_argument', (args, kwargs) => {
    expect(refusal(metaCore().join(), ADD, args, kwargs)).toBe(ErrorUri.INVALID_ARGUMENT);
  });

  it('PITFALLS 67: so is flushing another scope; null for args and kwargs is none', () => {
    const core = metaCore();
    const [owner, subscriber] = [core.join(), core.join()];
    expect(refusal(owner, FLUSH, [], { scope: 'all' })).toBe(ErrorUri.INVALID_ARGUMENT);
    expect(refusal(owner, FLUSH, ['destroyed'])).toBe(ErrorUri.INVALID_ARGUMENT);
    const id = subscriber.subscribed('a.b');
    ask(owner, ADD, ['a.b', null, null], { scope: null, publish_options: null });
    owner.vanish();
    expect(subscriber.take()).toEqual([[36, id, expect.any(Number), {}]]);
  });

  it('PITFALLS 69: what its owner may not publish is refused when it is added', () => {
    const core = metaCore();
    core.authorizer.deny('publish', 'a.b');
    const owner = core.join();
    expect(refusal(owner, ADD, ['a.b', [], {}])).toBe(ErrorUri.NOT_AUTHORIZED);
    expect(refusal(owner, ADD, ['wamp.session.on_join', [], {}])).toBe(ErrorUri.INVALID_URI);
    expect(refusal(owner, ADD, ['a..b', [], {}])).toBe(ErrorUri.INVALID_URI);
    core.authorizer.deny('call', ADD).deny('call', FLUSH);
    expect(refusal(owner, ADD, ['a.c', [], {}])).toBe(ErrorUri.NOT_AUTHORIZED);
    expect(refusal(owner, FLUSH)).toBe(ErrorUri.NOT_AUTHORIZED);
  });

  it('PITFALLS 69: what its owner may not publish any more is not published', () => {
    const core = metaCore();
    const [owner, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a', 'prefix');
    leave(owner, 'a.b', [1]);
    leave(owner, 'a.c', [2]);
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('publish', 'a.b') });
    owner.vanish();
    expect(heard(subscriber)).toEqual([[2]]);
  });

  it('testaments of a session are bounded in number and in size; the bound costs the call only', () => {
    const core = metaCore({ limits: { maxMessageBytes: 40_000 } });
    const [many, large] = [core.join(), core.join()];
    for (let i = 0; i < MAX_TESTAMENTS; i += 1) leave(many, 'a.b');
    expect(refusal(many, ADD, ['a.b', [], {}])).toBe(ErrorUri.LIMIT_EXCEEDED);
    leave(large, 'a.b', ['x'.repeat(5000)]);
    expect(refusal(large, ADD, ['a.b', [Buffer.alloc(30_000)], {}])).toBe(ErrorUri.LIMIT_EXCEEDED);
    ask(large, FLUSH);
    leave(large, 'a.b', ['x'.repeat(5000)]);
  });

  it('two that leave each other testaments end in peace', () => {
    const core = metaCore();
    const [first, second] = [core.join(), core.join()];
    for (const each of [first, second]) {
      each.subscribed('a.b');
      leave(each, 'a.b', [each.id]);
    }
    second.peer.react = () => second.vanish();
    first.vanish();
    expect([first.session.ended, second.session.ended, core.realm.sessions.size]).toEqual([true, true, 0]);
  });
});
