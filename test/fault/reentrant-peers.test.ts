/** Peers that act while they are handed a message, as the router's own sessions and bridges may. */
import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { errorWire, TestCore } from '../support/core.ts';

describe('a peer that acts within send()', () => {
  it('PITFALLS 41: a subscriber that subscribes anew on every EVENT gets the publication once', () => {
    const core = new TestCore();
    const [publisher, restless, other] = [core.join(), core.join(), core.join()];
    let subscription = restless.subscribed('a.b');
    other.subscribed('a.b');
    let events = 0;
    restless.peer.react = (message) => {
      if (message.type === MessageType.SUBSCRIBED) subscription = message.subscription;
      if (message.type !== MessageType.EVENT || events > 9) return;
      events += 1;
      restless.unsubscribe(subscription);
      restless.subscribe('a.b');
    };
    publisher.publish('a.b');
    expect(events).toBe(1);
    expect(other.takeTypes()).toEqual([MessageType.EVENT]);
  });

  it('a session that subscribes while a publication is on its way does not get it', () => {
    const core = new TestCore();
    const [publisher, first, late] = [core.join(), core.join(), core.join()];
    first.subscribed('a.b');
    first.peer.react = () => late.subscribe('a.b');
    publisher.publish('a.b');
    expect(late.takeTypes()).toEqual([MessageType.SUBSCRIBED]);
  });

  it('PITFALLS 41: a subscriber that another one makes leave gets nothing more', () => {
    const core = new TestCore();
    const [publisher, first, second] = [core.join(), core.join(), core.join()];
    first.subscribed('a.b');
    second.subscribed('a.b');
    first.peer.react = () => second.vanish();
    publisher.publish('a.b');
    expect(second.take()).toEqual([]);
  });

  it('a callee that answers within send(): the caller gets one RESULT, nothing is left', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    callee.peer.react = (message) => {
      if (message.type === MessageType.INVOCATION) callee.yield(message.request, ['done']);
    };
    const request = caller.call('p', { timeout: 1000 });
    expect(caller.take()).toEqual([[50, request, {}, ['done']]]);
    expect([caller.session.calls.size, callee.session.invocations.size, core.realm.dealer.timed]).toEqual([0, 0, 0]);
  });

  it('PITFALLS 58: a call that progressed within send() and ended leaves no deadline behind', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    callee.peer.react = (message) => {
      if (message.type === MessageType.INVOCATION) callee.progress(message.request, [1]);
    };
    const request = caller.call('p', { timeout: 1000, receiveProgress: true });
    expect(core.realm.dealer.timed).toBe(1);
    callee.yield(1, [2]);
    expect(core.realm.dealer.timed).toBe(0);
    core.clock.advance(5000);
    expect(caller.take()).toEqual([
      [50, request, { progress: true }, [1]],
      [50, request, {}, [2]],
    ]);
    expect(callee.takeTypes()).toEqual([MessageType.REGISTERED, MessageType.INVOCATION].slice(1));
  });

  it('PITFALLS 52: a caller that cancels its other call on hearing that the callee left is answered once for each', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    const one = caller.call('p');
    const two = caller.call('p');
    caller.peer.react = () => caller.cancel(two, 'skip');
    callee.vanish();
    expect(caller.take()).toHaveLength(2);
    expect(caller.peer.received.map((message) => 'request' in message && message.request).sort()).toEqual([one, two]);
  });

  it('PITFALLS 53: a callee that answers its other invocation on an INTERRUPT is not interrupted for it', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    caller.call('p');
    caller.call('p');
    callee.take();
    callee.peer.react = (message) => {
      if (message.type === MessageType.INTERRUPT && message.request === 1) callee.yield(2);
    };
    caller.vanish();
    expect(callee.take()).toEqual([[69, 1, { mode: 'killnowait' }]]);
    expect(core.observer.drops.map((drop) => drop.cause)).toEqual(['receiver_gone']);
  });

  it('a caller that leaves while callees refuse is offered to nobody more, and nothing is kept for it', () => {
    const core = new TestCore();
    const [caller, refusing, next] = [core.join(), core.join(), core.join()];
    refusing.registered('p', { invoke: 'first' });
    next.registered('p', { invoke: 'first' });
    refusing.peer.refuse = () => {
      caller.vanish();
      return ErrorUri.UNAVAILABLE;
    };
    caller.call('p');
    expect(next.take()).toEqual([]);
    expect([next.session.invocations.size, caller.session.calls.size]).toEqual([0, 0]);
  });

  it('PITFALLS 51: a callee that unregisters while another one refuses is not offered the call', () => {
    const core = new TestCore();
    const [caller, refusing, leaving, last] = [core.join(), core.join(), core.join(), core.join()];
    refusing.registered('p', { invoke: 'first' });
    const registration = leaving.registered('p', { invoke: 'first' });
    last.registered('p', { invoke: 'first' });
    refusing.peer.refuse = () => {
      leaving.unregister(registration);
      return ErrorUri.UNAVAILABLE;
    };
    caller.call('p');
    expect(leaving.takeTypes()).toEqual([MessageType.UNREGISTERED]);
    expect(last.takeTypes()).toEqual([MessageType.INVOCATION]);
  });

  it('PITFALLS 23: an id issued while another INVOCATION was refused is not issued again', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    let first = true;
    callee.peer.refuse = () => {
      if (!first) return undefined;
      first = false;
      caller.call('p');
      return ErrorUri.UNAVAILABLE;
    };
    caller.call('p');
    caller.call('p');
    const ids = callee.peer.takeMessages().map((message) => 'request' in message && message.request);
    expect(new Set(ids).size).toBe(ids.length);
    expect(callee.session.invocations.size).toBe(2);
  });

  it('A17: with force_reregister the new callee hears REGISTERED before a call of the displaced one reaches it', () => {
    const core = new TestCore();
    const [old, fresh] = [core.join(), core.join()];
    old.registered('p');
    old.peer.react = (message) => {
      if (message.type === MessageType.UNREGISTERED) old.call('p');
    };
    fresh.register('p', { forceReregister: true });
    expect(fresh.takeTypes()).toEqual([MessageType.REGISTERED, MessageType.INVOCATION]);
  });

  it('two callees that displace each other with force_reregister agree with the realm on who holds it', () => {
    const core = new TestCore();
    const [old, fresh] = [core.join(), core.join()];
    old.registered('p');
    old.peer.react = (message) => {
      if (message.type === MessageType.UNREGISTERED) old.register('p', { forceReregister: true });
    };
    fresh.register('p', { forceReregister: true });
    expect(fresh.takeTypes()).toEqual([MessageType.REGISTERED, MessageType.UNREGISTERED]);
    expect([old.session.registrations.size, fresh.session.registrations.size]).toEqual([1, 0]);
  });

  it('PITFALLS 63: a caller that is its own callee and answers within send() gets its RESULT', () => {
    const core = new TestCore();
    const self = core.join();
    self.registered('p');
    self.peer.react = (message) => {
      if (message.type === MessageType.INVOCATION) self.error(message.request, 'a.failed', ['why'], { trace: 1 });
    };
    const request = self.call('p');
    expect(self.take()).toEqual([
      [68, 1, 1, {}],
      [8, 48, request, { trace: 1 }, 'a.failed', ['why']],
    ]);
  });

  it('a peer that ends its session within send() of PUBLISHED, SUBSCRIBED or REGISTERED leaves nothing behind', () => {
    const core = new TestCore();
    const hasty = core.join();
    hasty.peer.react = () => hasty.vanish();
    hasty.subscribe('a.b');
    const second = core.join();
    second.peer.react = () => second.vanish();
    second.register('p');
    const third = core.join();
    third.peer.react = () => third.vanish();
    third.publish('a.b', { acknowledge: true });
    expect([core.realm.sessions.size, core.realm.broker.size, core.realm.dealer.registry.size]).toEqual([0, 0, 0]);
    const caller = core.join();
    const request = caller.call('p');
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_SUCH_PROCEDURE)]);
  });
});
