import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { errorWire, TestCore } from '../../support/core.ts';

describe('bounds of a realm (CONTRACT 3)', () => {
  it('maxSubscriptionsPerSession: one more is refused; the same again is none more; each session has its own', () => {
    const core = new TestCore({ limits: { maxSubscriptionsPerSession: 2 } });
    const [client, other] = [core.join(), core.join()];
    const id = client.subscribed('a');
    client.subscribed('b');
    client.subscribe('c');
    expect(client.take()).toEqual([errorWire(32, 3, ErrorUri.LIMIT_EXCEEDED)]);
    expect(client.subscribed('a')).toBe(id);
    other.subscribed('c');
    client.subscribe('c');
    expect(client.takeTypes()).toEqual([MessageType.ERROR]);
    client.unsubscribe(id);
    client.subscribed('c');
  });

  it('maxRegistrationsPerSession: one more is refused, weak or shared or not', () => {
    const core = new TestCore({ limits: { maxRegistrationsPerSession: 1 } });
    const [client, other] = [core.join(), core.join()];
    other.registered('q', { invoke: 'first' });
    const id = client.registered('p');
    client.register('q', { invoke: 'first' });
    client.register('r', { weak: true });
    expect(client.take()).toEqual([
      errorWire(64, 2, ErrorUri.LIMIT_EXCEEDED),
      errorWire(64, 3, ErrorUri.LIMIT_EXCEEDED),
    ]);
    client.unregister(id);
    client.registered('q', { invoke: 'first' });
  });

  it('maxPendingCallsPerSession: one more is refused until one is answered', () => {
    const core = new TestCore({ limits: { maxPendingCallsPerSession: 2 } });
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    for (let n = 0; n < 3; n += 1) caller.call('p');
    expect(caller.take()).toEqual([errorWire(48, 3, ErrorUri.LIMIT_EXCEEDED)]);
    expect(callee.takeTypes()).toEqual([68, 68]);
    callee.yield(1);
    caller.call('p');
    expect(callee.takeTypes()).toEqual([68]);
  });

  it('new bounds are in force with the next message', () => {
    const core = new TestCore();
    const client = core.join();
    core.realm.configure({ ...core.settings, limits: { ...core.settings.limits, maxUriBytes: 3 } });
    client.subscribe('a.b');
    client.subscribe('a.bc');
    expect(client.takeTypes()).toEqual([MessageType.SUBSCRIBED, MessageType.ERROR]);
  });
});
