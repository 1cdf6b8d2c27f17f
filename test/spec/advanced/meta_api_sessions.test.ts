import { describe, expect, it } from 'vitest';
import { installMeta } from '../../../src/router/meta/install.ts';
import { ErrorUri, WampError } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, ROUTER_ROLES } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { CALL_DEFAULTS } from '../../../src/wamp/options.ts';
import { Payload } from '../../../src/wamp/payload.ts';
import { errorWire } from '../../support/core.ts';
import {
  ask,
  Listener,
  metaCore,
  REGISTRATION_TOPICS,
  refusal,
  SESSION_TOPICS,
  SUBSCRIPTION_TOPICS,
} from '../../support/meta.ts';
import { RecordingPeer } from '../../support/recording-peer.ts';

const PROCEDURES: readonly (readonly [string, readonly unknown[]])[] = [
  ['wamp.session.count', []],
  ['wamp.session.list', []],
  ['wamp.session.get', [1]],
  ['wamp.session.kill', [1]],
  ['wamp.session.kill_by_authid', ['nobody']],
  ['wamp.session.kill_by_authrole', ['nobody']],
  ['wamp.session.kill_all', []],
];

describe('Advanced Profile: Session Meta API', () => {
  it('D1: is announced by broker and dealer', () => {
    expect(ROUTER_ROLES).toMatchObject({
      broker: { features: { session_meta_api: true } },
      dealer: { features: { session_meta_api: true } },
    });
  });

  it('count and list say how many sessions and which, all or those of some roles', () => {
    const core = metaCore();
    const [first, second] = [core.join(), core.join({ authrole: 'guest' })];
    const third = core.join({ authrole: 'monitor' });
    expect(ask(first, 'wamp.session.count')).toEqual([3]);
    expect(ask(first, 'wamp.session.count', [['guest', 'monitor', 'guest']])).toEqual([2]);
    expect(ask(first, 'wamp.session.count', [[]])).toEqual([0]);
    expect(ask(first, 'wamp.session.count', [null])).toEqual([3]);
    expect(ask(first, 'wamp.session.list')).toEqual([[first.id, second.id, third.id]]);
    expect(ask(first, 'wamp.session.list', [['guest']])).toEqual([[second.id]]);
    second.vanish();
    expect(ask(first, 'wamp.session.list', [['guest']])).toEqual([[]]);
  });

  it('get says who a session is, and how it is connected where that is known', () => {
    const core = metaCore();
    const asker = core.join({ authid: 'ann', authrole: 'guest' });
    const transport = { type: 'websocket', protocol: 'wamp.2.json', secure: true };
    const other = core.join({ transport });
    const details = {
      session: asker.id,
      authid: 'ann',
      authrole: 'guest',
      authmethod: 'ticket',
      authprovider: 'static',
    };
    expect(ask(asker, 'wamp.session.get', [asker.id])).toEqual([details]);
    expect(ask(asker, 'wamp.session.get', [other.id])).toEqual([expect.objectContaining({ transport })]);
  });

  it('PITFALLS 67: an unknown session is wamp.error.no_such_session, to get and to kill', () => {
    const client = metaCore().join();
    for (const id of [1, 2 ** 53, BigInt(2 ** 53)]) {
      expect(refusal(client, 'wamp.session.get', [id])).toBe(ErrorUri.NO_SUCH_SESSION);
      expect(refusal(client, 'wamp.session.kill', [id])).toBe(ErrorUri.NO_SUCH_SESSION);
    }
    expect(refusal(client, 'wamp.session.get', [2n ** 64n])).toBe(ErrorUri.INVALID_ARGUMENT);
  });

  it.each([
    ['wamp.session.count', ['agent'], {}],
    ['wamp.session.count', [[1]], {}],
    ['wamp.session.count', [['agent'], 1], {}],
    ['wamp.session.list', [{}], {}],
    ['wamp.session.get', [], {}],
    ['wamp.session.get', ['1'], {}],
    ['wamp.session.get', [1.5], {}],
    ['wamp.session.get', [0], {}],
    ['wamp.session.get', [-1], {}],
    ['wamp.session.get', [null], {}],
    ['wamp.session.get', [1, 2], {}],
    ['wamp.session.kill', [], {}],
    ['wamp.session.kill', ['x'], {}],
    ['wamp.session.kill', [1], { message: 1 }],
    ['wamp.session.kill_by_authid', [1], {}],
    ['wamp.session.kill_by_authid', [], {}],
    ['wamp.session.kill_by_authrole', [['agent']], {}],
    ['wamp.session.kill_all', [1], {}],
    ['wamp.session.kill_all', [], { message: [] }],
  ])('PITFALLS 67: %s with wrong arguments %j %j is wamp.error.invalid_argument', (procedure, args, kwargs) => {
    const core = metaCore();
    const client = core.join();
    core.join();
    expect(refusal(client, procedure, args, kwargs)).toBe(ErrorUri.INVALID_ARGUMENT);
    expect(core.realm.sessions.size).toBe(2);
  });

  it('PITFALLS 68: kill ends a session by GOODBYE wamp.close.killed, a final answer, and yields nothing', () => {
    const core = metaCore();
    const [killer, victim] = [core.join(), core.join()];
    expect(ask(killer, 'wamp.session.kill', [victim.id])).toEqual([]);
    expect(victim.peer.closed).toEqual([{ how: 'goodbye', uri: 'wamp.close.killed', message: '' }]);
    expect(core.realm.sessions.has(victim.id)).toBe(false);
    expect(refusal(killer, 'wamp.session.kill', [victim.id])).toBe(ErrorUri.NO_SUCH_SESSION);
  });

  it('PITFALLS 68: reason and message of the killer reach the killed; null is as absent', () => {
    const core = metaCore();
    const [killer, ...victims] = core.joinMany(3);
    if (killer === undefined) expect.fail();
    ask(killer, 'wamp.session.kill', [victims[0]?.id], { reason: 'com.app.enough', message: 'enough' });
    ask(killer, 'wamp.session.kill', [victims[1]?.id], { reason: null, message: null });
    expect(victims.map(({ peer }) => peer.closed)).toEqual([
      [{ how: 'goodbye', uri: 'com.app.enough', message: 'enough' }],
      [{ how: 'goodbye', uri: 'wamp.close.killed', message: '' }],
    ]);
  });

  it.each(['', 'not a uri', 'a..b', 1, {}])(
    'D1: a reason that is no URI, %j, is wamp.error.invalid_uri and kills nobody',
    (reason) => {
      const core = metaCore();
      const [killer, victim] = [core.join(), core.join()];
      const calls = [
        ['wamp.session.kill', [victim.id]],
        ['wamp.session.kill_by_authid', ['somebody']],
        ['wamp.session.kill_by_authrole', ['agent']],
        ['wamp.session.kill_all', []],
      ] as const;
      for (const [procedure, args] of calls) {
        expect(refusal(killer, procedure, args, { reason })).toBe(ErrorUri.INVALID_URI);
      }
      expect(core.realm.sessions.size).toBe(2);
    },
  );

  it('PITFALLS 68: nobody kills himself: wamp.error.no_such_session, and the other three pass him over', () => {
    const core = metaCore();
    const killer = core.join({ authid: 'ann' });
    const [twin, guest] = [core.join({ authid: 'ann' }), core.join({ authid: 'bob', authrole: 'guest' })];
    expect(refusal(killer, 'wamp.session.kill', [killer.id])).toBe(ErrorUri.NO_SUCH_SESSION);
    expect(ask(killer, 'wamp.session.kill_by_authid', ['ann'])).toEqual([[twin.id]]);
    expect(ask(killer, 'wamp.session.kill_by_authrole', ['agent'])).toEqual([0]);
    expect(ask(killer, 'wamp.session.kill_by_authrole', ['guest'])).toEqual([1]);
    expect(guest.peer.closed).toHaveLength(1);
    core.joinMany(3);
    expect(ask(killer, 'wamp.session.kill_all')).toEqual([3]);
    expect(ask(killer, 'wamp.session.kill_all')).toEqual([0]);
    expect(ask(killer, 'wamp.session.kill_by_authid', ['ann'])).toEqual([[]]);
    expect([...core.realm.sessions.keys()]).toEqual([killer.id]);
  });

  it('PITFALLS 68: the killed may hold registrations that the killer is calling: those calls are canceled, the kill answers', () => {
    const core = metaCore();
    const [killer, victim] = [core.join(), core.join()];
    victim.registered('a.b');
    const pending = killer.call('a.b');
    const request = killer.call('wamp.session.kill', { args: [victim.id] });
    expect(killer.take()).toEqual([
      [8, 48, pending, {}, 'wamp.error.canceled', [expect.any(String)]],
      [50, request, {}],
    ]);
  });

  it('PITFALLS 68: a killer that leaves by its own kill is no fault', () => {
    const core = metaCore();
    const [killer, victim] = [core.join(), core.join()];
    victim.registered('a.b');
    killer.call('a.b');
    killer.peer.react = (message) => {
      if (message.type === MessageType.ERROR) killer.vanish();
    };
    killer.call('wamp.session.kill', { args: [victim.id] });
    expect(core.realm.sessions.size).toBe(0);
  });

  it('on_join tells who joined in one dictionary', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), SESSION_TOPICS);
    const joined = core.join({ authid: 'ann', authrole: 'guest' });
    const details = {
      session: joined.id,
      authid: 'ann',
      authrole: 'guest',
      authmethod: 'ticket',
      authprovider: 'static',
    };
    expect(listener.heard()).toEqual([['on_join', details]]);
  });

  it('PITFALLS 66: on_leave has three arguments: session, authid, authrole; however the session went', () => {
    const core = metaCore();
    const listener = new Listener(core.join(), ['wamp.session.on_leave']);
    const [lost, killed, ended] = core.joinMany(3, { authid: 'ann' });
    lost?.vanish();
    ask(core.join({ authid: 'bob' }), 'wamp.session.kill', [killed?.id]);
    if (ended !== undefined) core.realm.end(ended.session, { how: 'restart', uri: 'wamp.close.killed', message: '' });
    expect(listener.heard()).toEqual([lost, killed, ended].map((each) => ['on_leave', each?.id, 'ann', 'agent']));
  });

  it('PITFALLS 65: of a session that leaves, its registrations and subscriptions are told before on_leave', () => {
    const core = metaCore();
    const topics = [...SESSION_TOPICS, ...REGISTRATION_TOPICS, ...SUBSCRIPTION_TOPICS];
    const listener = new Listener(core.join(), topics);
    const session = core.join();
    const [subscription, registration] = [session.subscribed('a.b'), session.registered('a.b')];
    listener.heard();
    session.vanish();
    expect(listener.heard()).toEqual([
      ['on_unregister', session.id, registration],
      ['on_delete', session.id, registration],
      ['on_unsubscribe', session.id, subscription],
      ['on_delete', session.id, subscription],
      ['on_leave', session.id, 'somebody', 'agent'],
    ]);
  });

  it('PITFALLS 65: events keep their order where a listener acts on one before the next is told', () => {
    const core = metaCore();
    const [actor, victim] = [core.join(), core.join()];
    actor.subscribed('wamp.subscription.on_create');
    const listener = new Listener(core.join(), SUBSCRIPTION_TOPICS);
    actor.peer.react = (message) => {
      if (message.type === MessageType.EVENT) actor.call('wamp.session.kill', { args: [victim.id] });
    };
    victim.subscribe('a.b');
    expect(victim.peer.closed).toHaveLength(1);
    expect(listener.heard().map(([name, session]) => [name, session])).toEqual(
      ['on_create', 'on_subscribe', 'on_unsubscribe', 'on_delete'].map((name) => [name, victim.id]),
    );
  });

  it('kill_by_authid tells of all it killed, kill_all of nobody: its own caller hears nothing', () => {
    const core = metaCore();
    const killer = core.join({ authid: 'killer' });
    const listener = new Listener(killer, SESSION_TOPICS);
    const [first, second] = core.joinMany(2, { authid: 'ann' });
    core.joinMany(2);
    listener.heard();
    killer.call('wamp.session.kill_by_authid', { args: ['ann'] });
    const leaves = killer.take().filter((message) => message[0] === MessageType.EVENT);
    expect(leaves.map((event) => (event[4] as unknown[])[0])).toEqual([first?.id, second?.id]);
    killer.call('wamp.session.kill_all');
    expect(killer.takeTypes()).toEqual([MessageType.RESULT]);
    core.join();
    expect(listener.heard().map(([name]) => name)).toEqual(['on_join']);
  });

  it('sessions killed together do not hear of each other', () => {
    const core = metaCore();
    const killer = core.join({ authid: 'killer' });
    const victims = core
      .joinMany(3, { authid: 'ann' })
      .map((client) => new Listener(client, ['wamp.session.on_leave']));
    ask(killer, 'wamp.session.kill_by_authid', ['ann']);
    expect(victims.map((victim) => victim.heard())).toEqual([[], [], []]);
  });

  it.each(PROCEDURES)('PITFALLS 69: %s obeys the rules of the realm', (procedure, args) => {
    const core = metaCore();
    core.authorizer.deny('call', procedure);
    expect(refusal(core.join(), procedure, args)).toBe(ErrorUri.NOT_AUTHORIZED);
  });

  it('PITFALLS 69: so does listening, and nobody publishes such events or registers such procedures himself', () => {
    const core = metaCore();
    core.authorizer.deny('subscribe', 'wamp.session.on_join');
    const client = core.join();
    client.subscribe('wamp.session.on_join');
    client.publish('wamp.session.on_leave', { acknowledge: true });
    client.register('wamp.session.count');
    expect(client.take().map((message) => message[4])).toEqual([
      ErrorUri.NOT_AUTHORIZED,
      ErrorUri.INVALID_URI,
      ErrorUri.INVALID_URI,
    ]);
  });

  it("PITFALLS 69: the router's own sessions are not counted, listed, told of or killed", () => {
    const core = metaCore();
    const client = core.join();
    const listener = new Listener(client, SESSION_TOPICS);
    const own = core.join({ internal: true });
    own.vanish();
    const other = core.join({ internal: true, authid: 'ann' });
    expect(ask(client, 'wamp.session.list')).toEqual([[client.id]]);
    expect(refusal(client, 'wamp.session.get', [other.id])).toBe(ErrorUri.NO_SUCH_SESSION);
    expect(refusal(client, 'wamp.session.kill', [other.id])).toBe(ErrorUri.NO_SUCH_SESSION);
    expect(ask(client, 'wamp.session.kill_by_authid', ['ann'])).toEqual([[]]);
    expect(ask(client, 'wamp.session.kill_all')).toEqual([0]);
    expect(listener.heard()).toEqual([]);
  });

  it('each realm has its own: a session of another one is unknown', () => {
    const core = metaCore();
    const client = core.join();
    const other = core.router.create('other', core.settings);
    installMeta(other);
    const member = { identity: client.session.identity, features: ALL_FEATURES };
    const stranger = other.join(new RecordingPeer(), member);
    expect(ask(client, 'wamp.session.count')).toEqual([1]);
    expect(refusal(client, 'wamp.session.kill', [stranger?.id])).toBe(ErrorUri.NO_SUCH_SESSION);
  });

  it('PITFALLS 67: arguments that have no value outside their encoding are invalid', () => {
    const client = metaCore().join();
    const refuse = (): never => {
      throw new WampError(ErrorUri.INVALID_ARGUMENT, 'an extension');
    };
    const codec = { index: 1, decodePayload: refuse, repeatsKey: refuse, encodePayload: refuse } as const;
    const payload = Payload.raw(codec, { bytes: Buffer.from('x'), elements: 1 });
    const { CALL } = MessageType;
    client.send({ type: CALL, request: 1, options: CALL_DEFAULTS, procedure: 'wamp.session.count', payload });
    expect(client.take()).toEqual([errorWire(CALL, 1, ErrorUri.INVALID_ARGUMENT)]);
  });
});
