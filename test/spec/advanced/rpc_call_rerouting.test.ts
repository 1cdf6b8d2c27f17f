import { afterEach, describe, expect, it, vi } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { INVOKE_POLICIES, type InvokePolicy } from '../../../src/wamp/options.ts';
import { type Client, errorWire, TestCore } from '../../support/core.ts';

const SHARED = INVOKE_POLICIES.filter((policy) => policy !== 'single');

function scene(invoke: InvokePolicy, count = 3) {
  const core = new TestCore();
  const caller = core.join();
  const callees = core.joinMany(count);
  for (const callee of callees) callee.registered('p', { invoke });
  const holder = (): number => callees.findIndex((callee) => callee.session.invocations.size > 0);
  const answer = (at: number, uri: string): void => {
    callees[at]?.error(callees[at]?.session.lastInvocation ?? 0, uri, ['busy']);
  };
  /** Lets whoever has the call say that it is unavailable, until nobody has it. @returns who was asked */
  const refuseAll = (): number[] => {
    const asked: number[] = [];
    for (let at = holder(); at >= 0; at = holder()) {
      asked.push(at);
      answer(at, ErrorUri.UNAVAILABLE);
    }
    return asked;
  };
  return { core, caller, callees, holder, answer, refuseAll };
}

function yieldLast(callee: Client | undefined, args: readonly unknown[] = []): void {
  callee?.yield(callee.session.lastInvocation, args);
}

describe('Advanced Profile: Call Re-Routing', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('roundrobin: the next in the queue; first: the one registered after; last: the one registered before', () => {
    for (const [invoke, order] of [
      ['roundrobin', [0, 1, 2]],
      ['first', [0, 1, 2]],
      ['last', [2, 1, 0]],
    ] as const) {
      const { caller, refuseAll } = scene(invoke);
      caller.call('p');
      expect(refuseAll()).toEqual(order);
    }
  });

  it('random: another one at random', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const { caller, refuseAll } = scene('random');
    caller.call('p');
    expect(refuseAll()).toEqual([2, 1, 0]);
  });

  it.each(SHARED)('%s: all unavailable: no_available_callee, and nobody was asked twice', (invoke) => {
    const { caller, callees, refuseAll } = scene(invoke, 5);
    const request = caller.call('p', { args: [1] });
    expect(refuseAll().toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_AVAILABLE_CALLEE)]);
    expect([caller, ...callees].every(({ session }) => session.calls.size + session.invocations.size === 0)).toBe(true);
  });

  it.each(SHARED)('%s: the caller gets the result of the one that attends to it and hears of no other', (invoke) => {
    const { caller, callees, holder, answer } = scene(invoke);
    const request = caller.call('p', { args: ['payload'], kwargs: { a: 1 } });
    answer(holder(), ErrorUri.UNAVAILABLE);
    const taker = callees[holder()];
    expect(taker?.invoked().payload.value()).toEqual({ args: ['payload'], kwargs: { a: 1 } });
    yieldLast(taker, [42]);
    expect(caller.take()).toEqual([[50, request, {}, [42]]]);
  });

  it('single: no_available_callee', () => {
    const { caller, refuseAll } = scene('single', 1);
    const request = caller.call('p');
    expect(refuseAll()).toEqual([0]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_AVAILABLE_CALLEE)]);
  });

  it('a callee that registered after the call was made is one of the next', () => {
    const { core, caller, callees, answer, holder } = scene('first', 1);
    caller.call('p');
    const late = core.join();
    late.registered('p', { invoke: 'first' });
    callees.push(late);
    answer(0, ErrorUri.UNAVAILABLE);
    expect(holder()).toBe(1);
  });

  it('who left or unregistered meanwhile is not asked', () => {
    const { caller, callees, answer, holder } = scene('first', 4);
    caller.call('p');
    callees[1]?.vanish();
    for (const id of callees[2]?.session.registrations.keys() ?? []) callees[2]?.unregister(id);
    answer(0, ErrorUri.UNAVAILABLE);
    expect(holder()).toBe(3);
  });

  it('a procedure that was registered anew has other callees: the call of the former ones has nowhere to go', () => {
    const { core, caller, answer } = scene('first');
    const request = caller.call('p');
    core.join().registered('p', { invoke: 'first', forceReregister: true });
    answer(0, ErrorUri.UNAVAILABLE);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_AVAILABLE_CALLEE)]);
  });

  it('a callee that did not announce the feature is understood all the same', () => {
    const core = new TestCore();
    const caller = core.join();
    const callees = core.joinMany(2, { features: Feature.CALLEE });
    for (const callee of callees) callee.registered('p', { invoke: 'first' });
    caller.call('p');
    callees[0]?.error(1, ErrorUri.UNAVAILABLE);
    expect(callees[1]?.takeTypes()).toEqual([MessageType.INVOCATION]);
  });

  it('after a progressive result the ERROR is passed on as it is: nobody can begin again', () => {
    const { caller, callees, answer, holder } = scene('first');
    const request = caller.call('p', { receiveProgress: true });
    callees[0]?.progress(1, [1]);
    answer(0, ErrorUri.UNAVAILABLE);
    expect(holder()).toBe(-1);
    expect(caller.take()).toEqual([
      [50, request, { progress: true }, [1]],
      [8, 48, request, {}, ErrorUri.UNAVAILABLE, ['busy']],
    ]);
  });

  it('PITFALLS 55: after CANCEL with kill the ERROR is passed on as it is', () => {
    const { caller, answer, holder } = scene('first');
    const request = caller.call('p');
    caller.cancel(request, 'kill');
    answer(0, ErrorUri.UNAVAILABLE);
    expect(holder()).toBe(-1);
    expect(caller.take()).toEqual([[8, 48, request, {}, ErrorUri.UNAVAILABLE, ['busy']]]);
  });

  it('a CANCEL goes to whoever has the call now', () => {
    const { caller, callees, answer } = scene('first');
    const request = caller.call('p');
    answer(0, ErrorUri.UNAVAILABLE);
    for (const callee of callees) callee.take();
    caller.cancel(request, 'killnowait');
    expect(callees.map((callee) => callee.takeTypes())).toEqual([[], [MessageType.INTERRUPT], []]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
  });

  it('PITFALLS 58: the caller’s timeout goes on, and a callee that runs it itself is told what is left', () => {
    const { core, caller, callees } = scene('first', 2);
    const forwarding = core.join({ features: ALL_FEATURES });
    forwarding.registered('p', { invoke: 'first', forwardTimeout: true });
    callees.push(forwarding);
    const [one, two] = [caller.call('p', { timeout: 1000 }), caller.call('p', { timeout: 1000 })];
    core.clock.advance(400);
    for (const at of [0, 1])
      for (const request of [1, 2].slice(0, 2 - at)) callees[at]?.error(request, ErrorUri.UNAVAILABLE);
    expect(forwarding.invoked().details).toEqual({ timeout: 600 });
    core.clock.advance(599);
    expect(caller.take()).toEqual([]);
    core.clock.advance(1);
    expect(caller.take()).toEqual([errorWire(48, two, ErrorUri.TIMEOUT)]);
    forwarding.yield(1);
    expect(caller.take()).toEqual([[50, one, {}]]);
  });

  it('the first callee’s late answers cannot touch the call any more', () => {
    const { caller, callees, answer, holder } = scene('first');
    caller.call('p');
    answer(0, ErrorUri.UNAVAILABLE);
    callees[0]?.yield(1, ['late']);
    expect(holder()).toBe(1);
    expect(caller.take()).toEqual([]);
    expect(callees[0]?.session.ended).toBe(false);
  });

  it('callees that answer within being asked are passed one after the other', () => {
    const { caller, callees } = scene('first', 4);
    for (const callee of callees) {
      callee.peer.react = (message) => {
        if (message.type === MessageType.INVOCATION) callee.error(message.request, ErrorUri.UNAVAILABLE);
      };
    }
    const request = caller.call('p');
    expect(callees.map((callee) => callee.takeTypes().length)).toEqual([1, 1, 1, 1]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_AVAILABLE_CALLEE)]);
  });
});
