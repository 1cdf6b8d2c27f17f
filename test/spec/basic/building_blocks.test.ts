import { describe, expect, it } from 'vitest';
import { LOST } from '../../../src/router/realm.ts';
import { CloseUri, ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES } from '../../../src/wamp/features.ts';
import { MAX_ID, RandomIds } from '../../../src/wamp/ids.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import type { Match } from '../../../src/wamp/uri.ts';
import { errorWire, TestCore } from '../../support/core.ts';
import { RecordingPeer } from '../../support/recording-peer.ts';

describe('Basic Profile: ids', () => {
  it('PITFALLS 11: session and publication ids are drawn from 1 … 2^53 and are not sequential', () => {
    const ids = new RandomIds();
    const drawn = Array.from({ length: 5000 }, () => ids.random());
    expect(drawn.every((id) => Number.isInteger(id) && id >= 1 && id <= MAX_ID)).toBe(true);
    expect(new Set(drawn).size).toBe(drawn.length);
    expect(drawn.some((id) => id > 2 ** 52)).toBe(true);
  });

  it('PITFALLS 11: a session id that is taken is not given again', () => {
    const core = new TestCore();
    const first = core.join({ id: 1001 });
    const second = core.join();
    const third = core.join({ id: first.id });
    expect(new Set([first.id, second.id, third.id]).size).toBe(3);
  });

  it('PITFALLS 24: gaps and repeats of request ids are accepted by default', () => {
    const core = new TestCore();
    const client = core.join();
    for (const request of [7, 3, 3, MAX_ID]) {
      client.send({ type: MessageType.UNSUBSCRIBE, request, subscription: 1 });
    }
    expect(client.take().map((message) => message[2])).toEqual([7, 3, 3, MAX_ID]);
  });

  it('PITFALLS 24: a strict realm takes 1, 2, 3, … over all request types and ends whoever deviates', () => {
    const core = new TestCore({ strictRequestIds: true });
    const client = core.join();
    client.subscribed('a.b');
    client.registered('p');
    client.publish('a.c');
    client.call('p');
    client.cancel(4, 'skip');
    client.unsubscribe(1);
    client.unregister(2);
    expect(client.peer.closed).toEqual([]);
    client.send({ type: MessageType.UNSUBSCRIBE, request: 8, subscription: 1 });
    expect(client.peer.closed.map((reason) => [reason.how, reason.uri])).toEqual([
      ['abort', ErrorUri.PROTOCOL_VIOLATION],
    ]);
    expect(core.realm.sessions.size).toBe(0);
  });

  it('PITFALLS 24: a request that is refused counts in a strict realm as any other', () => {
    const core = new TestCore({ strictRequestIds: true });
    const client = core.join();
    client.publish('a..b');
    client.call('nobody.there');
    client.subscribed('a.b');
    expect(client.peer.closed).toEqual([]);
  });
});

describe('Basic Profile: URIs', () => {
  const legal: readonly (readonly [string, Match])[] = [
    ['com.Example.Ärger', 'exact'],
    ['wampx.foo', 'exact'],
    ['', 'prefix'],
    ['a.b.', 'prefix'],
    ['..a', 'wildcard'],
    ['a..', 'wildcard'],
    ['.', 'wildcard'],
    ['a.b', 'wildcard'],
  ];
  const illegal: readonly (readonly [string, Match])[] = [
    ['', 'exact'],
    ['.a', 'exact'],
    ['a.', 'exact'],
    ['a..b', 'exact'],
    ['a b', 'exact'],
    ['a#b', 'exact'],
    ['a\u00a0b', 'exact'],
    ['a\u3000b', 'exact'],
    ['a..b', 'prefix'],
    ['a b.', 'wildcard'],
  ];

  it.each(legal)('PITFALLS 28, 29: %j is legal under %s', (uri, match) => {
    const core = new TestCore();
    const client = core.join();
    client.subscribe(uri, match);
    client.register(uri, { match });
    expect(client.takeTypes()).toEqual([MessageType.SUBSCRIBED, MessageType.REGISTERED]);
  });

  it.each(illegal)('PITFALLS 28, 29: %j is invalid_uri under %s', (uri, match) => {
    const core = new TestCore();
    const client = core.join();
    client.subscribe(uri, match);
    client.register(uri, { match });
    expect(client.take()).toEqual([errorWire(32, 1, ErrorUri.INVALID_URI), errorWire(64, 2, ErrorUri.INVALID_URI)]);
    expect(core.authorizer.asked).toEqual([]);
  });

  it('A16: a strict realm takes lower case, digits and underscore only', () => {
    const core = new TestCore({ strictUris: true });
    const client = core.join();
    client.subscribe('com.Example');
    client.subscribe('com.ex-ample', 'prefix');
    client.subscribe('com.ex_ample.1');
    expect(client.takeTypes()).toEqual([MessageType.ERROR, MessageType.ERROR, MessageType.SUBSCRIBED]);
  });

  it.each(['wamp', 'wamp.session.on_join', 'wamp.x'])(
    'PITFALLS 30: a client may neither publish to nor register %s, but subscribe and call',
    (uri) => {
      const core = new TestCore();
      const [client, own] = [core.join(), core.join({ internal: true })];
      own.registered(uri);
      client.publish(uri, { acknowledge: true });
      client.register(uri);
      client.register(uri, { match: 'prefix' });
      client.register(uri, { match: 'wildcard' });
      expect(client.take()).toEqual([
        errorWire(16, 1, ErrorUri.INVALID_URI),
        errorWire(64, 2, ErrorUri.INVALID_URI),
        errorWire(64, 3, ErrorUri.INVALID_URI),
        errorWire(64, 4, ErrorUri.INVALID_URI),
      ]);
      client.subscribed(uri);
      client.call(uri);
      expect(own.takeTypes()).toEqual([MessageType.INVOCATION]);
      own.publish(uri);
      expect(client.takeTypes()).toEqual([MessageType.EVENT]);
    },
  );

  it.each([
    ['wam', 'prefix'],
    ['', 'prefix'],
    ['.', 'wildcard'],
  ] as const)('PITFALLS 30: a registration of %j (%s) captures no call under wamp.', (uri, match) => {
    const core = new TestCore();
    const [caller, callee, weak] = [core.join(), core.join(), core.join()];
    callee.registered(uri, { match });
    weak.registered(uri, { match, weak: true });
    caller.call('wamp.x');
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.NO_SUCH_PROCEDURE)]);
    caller.call('wampx.x');
    expect(callee.takeTypes()).toEqual([MessageType.INVOCATION]);
  });

  it('CONTRACT 3: maxUriBytes counts bytes of UTF-8; one more is invalid_uri', () => {
    const core = new TestCore({ limits: { maxUriBytes: 8 } });
    const client = core.join();
    client.subscribe('12345678');
    client.subscribe('123456789');
    client.subscribe('ääää');
    client.subscribe('ääää1');
    expect(client.takeTypes()).toEqual([33, 8, 33, 8]);
  });
});

describe('Basic Profile: session lifetime', () => {
  it('PITFALLS 8: a session ends once, however often it is said; the peer is closed once and only by the router', () => {
    const core = new TestCore();
    const client = core.join();
    core.realm.end(client.session, LOST);
    core.realm.end(client.session, LOST);
    client.vanish();
    expect(client.peer.closed).toEqual([LOST]);
    const other = core.join();
    other.vanish();
    core.realm.end(other.session, LOST);
    expect(other.peer.closed).toEqual([]);
  });

  it('a realm holds maxSessions; the next one is not taken, sessions of the router itself always are and take no place', () => {
    const core = new TestCore({ limits: { maxSessions: 1 } });
    const first = core.join();
    expect(() => core.join()).toThrow();
    core.join({ internal: true });
    first.vanish();
    core.join();
    expect(() => core.join()).toThrow();
  });

  it('a realm that is removed ends its sessions, and nobody whose authentication was under way joins it any more', () => {
    const core = new TestCore();
    const client = core.join();
    const reason = { how: 'goodbye', uri: CloseUri.CLOSE_REALM, message: '' } as const;
    core.router.remove('test', reason);
    expect(client.peer.closed).toEqual([reason]);
    expect(core.router.realm('test')).toBeUndefined();
    const identity = { authid: 'late', authrole: 'agent', authmethod: 'ticket', authprovider: 'static' };
    expect(core.realm.join(new RecordingPeer(), { identity, features: ALL_FEATURES })).toBeUndefined();
  });

  it('a router knows its realms by name, counts sessions over all, and gives ids that no realm has', () => {
    const core = new TestCore();
    const other = core.router.create('other', core.settings);
    expect(() => core.router.create('other', core.settings)).toThrow(/exists/);
    expect([...core.router.realms]).toEqual([core.realm, other]);
    const { session } = core.join({ id: 1001 });
    expect(core.router.newSessionId()).not.toBe(session.id);
    expect(core.router.sessionCount).toBe(1);
    core.router.remove('nobody', LOST);
  });
});
