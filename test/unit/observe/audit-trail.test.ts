import { describe, expect, it } from 'vitest';
import { activityAuditor } from '../../../src/observe/activity/audit-trail.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { TestActivity } from '../../support/bub-router.ts';
import { type CoreOptions, errorWire, TestCore } from '../../support/core.ts';
import { ask } from '../../support/meta.ts';

/** A realm in which everything about `a.b` is audited. */
function audited(options: CoreOptions = {}) {
  const activity = new TestActivity();
  const core = new TestCore({ ...options, auditor: activityAuditor(() => activity) });
  core.authorizer.audit('a.b');
  /** `event actor status error`, and that nothing stays reserved. */
  const life = () => {
    expect(activity.reserved).toBe(0);
    return activity.rows.map(({ event, actor, status, error }) => `${event} ${actor} ${status} ${error}`.trim());
  };
  return { activity, core, life };
}

describe('audit rules, publications', () => {
  it('leave the four events: the sender’s two, and two for each subscriber', () => {
    const { activity, core, life } = audited();
    const sender = core.join({ authid: 'sender' });
    core.join({ authid: 'one' }).subscribed('a.b');
    core.join({ authid: 'two' }).subscribed('a.', 'prefix');
    const request = sender.publish('a.b', { args: [1], kwargs: { x: 2n ** 60n } });
    expect(life()).toEqual([
      'send_start sender start',
      'process_start one start',
      'process_finish one ok',
      'process_start two start',
      'process_finish two ok',
      'send_finish sender ok',
    ]);
    const [start, ...later] = activity.rows;
    expect(start).toMatchObject({ topic: 'a.b', rpcId: `${request}`, messageId: expect.stringMatching(/^wamp-\d+$/) });
    expect(start?.payloadJson).toBe('{"args":[1],"kwargs":{"x":1152921504606846976}}');
    for (const row of later) expect(row).toMatchObject({ messageId: start?.messageId, payloadJson: undefined });
  });

  it('go by the messageId of their kwargs where these stand alone', () => {
    const { activity, core } = audited();
    const sender = core.join();
    sender.publish('a.b', { kwargs: { messageId: 'msg_1', n: 1 } });
    sender.publish('a.b', { args: [0], kwargs: { messageId: 'msg_2' } });
    sender.publish('a.b', { kwargs: { messageId: 'x'.repeat(257) } });
    const ids = [...new Set(activity.rows.map(({ messageId }) => messageId))];
    expect(ids).toEqual(['msg_1', expect.stringMatching(/^wamp-/), expect.stringMatching(/^wamp-/)]);
    expect(activity.rows[0]?.payloadJson).toBe('{"messageId":"msg_1","n":1}');
  });

  it('that a connection does not take are errors, and the message is one where nobody took it', () => {
    const { core, life } = audited();
    const [sender, listener] = [core.join({ authid: 'sender' }), core.join({ authid: 'full' })];
    listener.subscribed('a.b');
    listener.peer.refuse = () => ErrorUri.NETWORK_FAILURE;
    sender.publish('a.b');
    expect(life()).toEqual([
      'send_start sender start',
      'process_start full start',
      `process_finish full error ${ErrorUri.NETWORK_FAILURE}`,
      `send_finish sender error ${ErrorUri.NETWORK_FAILURE}`,
    ]);
  });

  it('that are denied are rejected, acknowledged or not, and said once to the observer', () => {
    const { activity, core, life } = audited();
    core.authorizer.deny('publish', 'a.b');
    const sender = core.join({ authid: 'sender' });
    sender.publish('a.b');
    expect(sender.take()).toEqual([]);
    const request = sender.publish('a.b', { acknowledge: true });
    expect(sender.take()).toEqual([errorWire(16, request, ErrorUri.NOT_AUTHORIZED)]);
    const rejected = ['send_start sender start', 'send_finish sender rejected this session may not publish a.b'];
    expect(life()).toEqual([...rejected, ...rejected]);
    expect(core.observer.refusals).toHaveLength(2);
    expect(new Set(activity.rows.map(({ messageId }) => messageId)).size).toBe(2);
  });

  it('that are testaments are written down when they are published, in order, also where there is no room at first', () => {
    const { activity, core, life } = audited({ meta: true });
    const [owner, listener] = [core.join({ authid: 'owner' }), core.join({ authid: 'listener' })];
    listener.subscribed('a.', 'prefix');
    for (const [n, topic] of ['a.b', 'a.b', 'a.c'].entries())
      ask(owner, 'wamp.session.add_testament', [topic, [n], {}]);
    expect(life()).toEqual([]);
    activity.full = true;
    owner.vanish();
    expect(listener.take()).toEqual([]);
    activity.open();
    expect(listener.take().map((event) => event[4])).toEqual([[0], [1], [2]]);
    const one = ['send_start owner start', 'process_start listener start', 'process_finish listener ok'];
    expect(life()).toEqual([...one, 'send_finish owner ok', ...one, 'send_finish owner ok']);
    expect(core.realm.holding.bytes).toBe(0);
  });

  it('that are testaments nobody may publish any more are rejected then', () => {
    const { core, life } = audited({ meta: true });
    const owner = core.join({ authid: 'owner' });
    ask(owner, 'wamp.session.add_testament', ['a.b', [1], {}]);
    core.authorizer.deny('publish', 'a.b');
    owner.vanish();
    expect(life()).toEqual(['send_start owner start', 'send_finish owner rejected this session may not publish a.b']);
  });

  it('elsewhere leave nothing', () => {
    const { core, life } = audited();
    const sender = core.join();
    sender.publish('a.c');
    sender.call('a.c');
    expect(life()).toEqual([]);
  });
});

describe('audit rules, calls', () => {
  it('leave the four events under the ids of CALL and INVOCATION', () => {
    const { activity, core, life } = audited();
    const [caller, callee] = [core.join({ authid: 'caller' }), core.join({ authid: 'callee' })];
    callee.registered('a.b');
    const request = caller.call('a.b', { args: ['x'] });
    const invocation = callee.invoked().request;
    expect(activity.rows).toHaveLength(2);
    callee.yield(invocation);
    expect(life()).toEqual([
      'send_start caller start',
      'process_start callee start',
      'process_finish callee ok',
      'send_finish caller ok',
    ]);
    expect(activity.rows.map(({ rpcId }) => rpcId)).toEqual([request, invocation, invocation, request].map(String));
  });

  it.each<[string, string, string, (core: TestCore) => void]>([
    ['nobody has registered it', '', ErrorUri.NO_SUCH_PROCEDURE, (core) => core.join({ authid: 'caller' }).call('a.b')],
    [
      'the callee errs',
      'error',
      'com.e',
      (core) => {
        const [caller, callee] = [core.join({ authid: 'caller' }), core.join({ authid: 'callee' })];
        callee.registered('a.b');
        caller.call('a.b');
        callee.error(callee.invoked().request, 'com.e');
      },
    ],
    [
      'it times out',
      'timeout',
      ErrorUri.TIMEOUT,
      (core) => {
        core.join({ authid: 'callee' }).registered('a.b');
        core.join({ authid: 'caller' }).call('a.b', { timeout: 5 });
        core.clock.advance(5);
      },
    ],
    [
      'the caller cancels it',
      'canceled',
      ErrorUri.CANCELED,
      (core) => {
        core.join({ authid: 'callee' }).registered('a.b');
        const caller = core.join({ authid: 'caller' });
        caller.cancel(caller.call('a.b'), 'skip');
      },
    ],
    [
      'the callee leaves',
      'canceled',
      ErrorUri.CANCELED,
      (core) => {
        const callee = core.join({ authid: 'callee' });
        callee.registered('a.b');
        core.join({ authid: 'caller' }).call('a.b');
        callee.vanish();
      },
    ],
    [
      'the caller leaves',
      'canceled',
      ErrorUri.CANCELED,
      (core) => {
        core.join({ authid: 'callee' }).registered('a.b');
        const caller = core.join({ authid: 'caller' });
        caller.call('a.b');
        caller.vanish();
      },
    ],
  ])('end as they end: %s', (_name, status, error, run) => {
    const { core, life } = audited();
    run(core);
    const processed = status === '' ? [] : ['process_start callee start', `process_finish callee ${status} ${error}`];
    expect(life()).toEqual(['send_start caller start', ...processed, `send_finish caller error ${error}`]);
  });

  it('show each callee that was asked', () => {
    const { core, life } = audited();
    const [caller, first, second] = ['caller', 'first', 'second'].map((authid) => core.join({ authid }));
    first?.registered('a.b', { invoke: 'first' });
    second?.registered('a.b', { invoke: 'first' });
    caller?.call('a.b');
    first?.error(first.invoked().request, ErrorUri.UNAVAILABLE);
    second?.yield(second.invoked().request);
    expect(life()).toEqual([
      'send_start caller start',
      'process_start first start',
      `process_finish first error ${ErrorUri.UNAVAILABLE}`,
      'process_start second start',
      'process_finish second ok',
      'send_finish caller ok',
    ]);
  });

  it('are errors for the sender where the result cannot be delivered', () => {
    const { core, life } = audited();
    const [caller, callee] = [core.join({ authid: 'caller' }), core.join({ authid: 'callee' })];
    callee.registered('a.b');
    caller.call('a.b');
    caller.peer.refuse = ({ type }) => (type === 50 ? ErrorUri.INVALID_ARGUMENT : undefined);
    callee.yield(callee.invoked().request);
    expect(life().slice(2)).toEqual([
      `process_finish callee error ${ErrorUri.INVALID_ARGUMENT}`,
      `send_finish caller error ${ErrorUri.INVALID_ARGUMENT}`,
    ]);
  });

  it('that are denied are rejected', () => {
    const { core, life } = audited();
    core.authorizer.deny('call', 'a.b');
    core.join({ authid: 'caller' }).call('a.b');
    expect(life()).toEqual(['send_start caller start', 'send_finish caller rejected this session may not call a.b']);
  });
});

describe('audit rules where the log has no room (BRIDGES 1, whenFull: block)', () => {
  it('hold the session’s requests back before routing, in order, and nobody else’s', () => {
    const { activity, core } = audited();
    const [sender, other, listener] = [core.join(), core.join(), core.join()];
    listener.subscribed('a.', 'prefix');
    activity.full = true;
    sender.publish('a.b', { args: [1] });
    sender.publish('a.c', { args: [2] });
    const subscribe = sender.subscribe('a.z');
    sender.publish('a.b', { args: [3] });
    expect(activity.rows).toEqual([]);
    other.publish('a.c', { args: [0] });
    const heard = () => listener.take().map((event) => event[4]);
    expect(heard()).toEqual([[0]]);
    activity.open();
    expect(heard()).toEqual([[1], [2], [3]]);
    expect(sender.take()).toEqual([[33, subscribe, expect.any(Number)]]);
    expect(activity.reserved).toBe(0);
    sender.publish('a.c', { args: [4] });
    expect(heard()).toEqual([[4]]);
  });

  it('hold on where a later one finds no room either', () => {
    const { activity, core } = audited();
    const [sender, listener] = [core.join(), core.join()];
    listener.subscribed('a.b');
    activity.full = true;
    for (const n of [1, 2, 3]) sender.publish('a.b', { args: [n] });
    for (const n of [1, 2, 3]) {
      activity.openOne();
      expect(listener.take().map((event) => event[4])).toEqual([[n]]);
    }
    expect(activity.held).toBe(0);
    expect(activity.reserved).toBe(0);
  });

  it('let the session’s answers pass', () => {
    const { activity, core } = audited();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    const request = caller.call('p');
    const { request: invocation } = callee.invoked();
    activity.full = true;
    callee.publish('a.b');
    callee.yield(invocation);
    expect(caller.take()).toEqual([[50, request, {}]]);
  });

  it('a call that is canceled while it waits is never made', () => {
    const { activity, core, life } = audited();
    const [caller, callee] = [core.join({ authid: 'caller' }), core.join()];
    callee.registered('a.b');
    activity.full = true;
    const [first, second, third] = [caller.call('a.b'), caller.call('a.b'), caller.call('a.b')];
    caller.cancel(second, 'skip');
    caller.cancel(first, 'kill');
    const canceled = [errorWire(48, second, ErrorUri.CANCELED), errorWire(48, first, ErrorUri.CANCELED)];
    expect(caller.take()).toEqual(canceled);
    activity.open();
    callee.yield(callee.invoked().request);
    expect(caller.take()).toEqual([[50, third, {}]]);
    expect(life()).toHaveLength(4);
  });

  it('rules that changed meanwhile count', () => {
    const { activity, core, life } = audited();
    const [sender, listener] = [core.join({ authid: 'sender' }), core.join()];
    listener.subscribed('a.b');
    activity.full = true;
    sender.publish('a.b');
    core.authorizer.deny('publish', 'a.b');
    activity.open();
    expect(listener.take()).toEqual([]);
    expect(life()).toEqual(['send_start sender start', 'send_finish sender rejected this session may not publish a.b']);
  });

  it('a session that leaves takes what waits with it, and its room is given back', () => {
    const { activity, core, life } = audited();
    const [sender, listener] = [core.join(), core.join()];
    listener.subscribed('a.', 'prefix');
    activity.full = true;
    sender.publish('a.b');
    sender.publish('a.c');
    sender.vanish();
    activity.open();
    expect(listener.take()).toEqual([]);
    expect(life()).toEqual([]);
  });

  it('end the session that sends on and on, and count what it loses', () => {
    const { activity, core } = audited();
    const sender = core.join();
    activity.full = true;
    while (!sender.session.ended) sender.publish('a.b');
    expect(sender.peer.closed).toMatchObject([{ how: 'tryLater' }]);
    expect(core.observer.drops.length).toBeGreaterThan(10_000);
    activity.open();
    expect(activity.rows).toEqual([]);
    expect(activity.reserved).toBe(0);
  });

  it('strict request ids and calls in parts are judged when their turn comes', () => {
    const { activity, core } = audited({ strictRequestIds: true });
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('a.b');
    activity.full = true;
    const request = caller.call('a.b', { args: [1], progress: true });
    caller.call('a.b', { request, args: [2] });
    caller.publish('a.c');
    activity.open();
    expect(callee.take().map((invocation) => invocation[4])).toEqual([[1], [2]]);
    expect(caller.session.ended).toBe(false);
  });
});
