import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { type CallParts, type CoreOptions, errorWire, TestCore } from '../../support/core.ts';

function called(parts: CallParts, options: CoreOptions = {}, features = ALL_FEATURES, forwardTimeout = false) {
  const core = new TestCore(options);
  const [caller, callee] = [core.join(), core.join({ features })];
  callee.registered('p', { forwardTimeout });
  caller.call('p', parts);
  const invocation = callee.take()[0];
  return { core, caller, callee, details: invocation?.[3] };
}

const TIMED_OUT = [errorWire(48, 1, ErrorUri.TIMEOUT)];

describe('Advanced Profile: Call Timeout', () => {
  it('PITFALLS 58: the timeout is in milliseconds; it fires as ERROR timeout and INTERRUPT killnowait, once', () => {
    const { core, caller, callee } = called({ timeout: 1500 });
    core.clock.advance(1499);
    expect([caller.take(), callee.take()]).toEqual([[], []]);
    core.clock.advance(1);
    expect([caller.take(), callee.take()]).toEqual([TIMED_OUT, [[69, 1, { mode: 'killnowait' }]]]);
    core.clock.advance(10_000);
    callee.yield(1);
    expect([caller.take(), callee.take()]).toEqual([[], []]);
    expect(callee.peer.closed).toEqual([]);
  });

  it('PITFALLS 13: a callee that did not announce call_canceling is not interrupted', () => {
    const { core, caller, callee } = called({ timeout: 10 }, {}, ALL_FEATURES & ~Feature.CALLEE_CALL_CANCELING);
    core.clock.advance(10);
    expect([caller.take(), callee.take()]).toEqual([TIMED_OUT, []]);
  });

  it('PITFALLS 58: 0 and absent mean none; nothing waits', () => {
    const { core, caller } = called({ timeout: 0 });
    core.clock.advance(2 ** 31);
    expect(caller.take()).toEqual([]);
    expect([core.realm.dealer.timed, core.clock.pending]).toEqual([0, 0]);
  });

  it('PITFALLS 58: the longest timeout is 2^31-1 ms', () => {
    const { core, caller } = called({ timeout: 2 ** 31 - 1 });
    core.clock.advance(2 ** 31 - 2);
    expect(caller.take()).toEqual([]);
    core.clock.advance(1);
    expect(caller.take()).toEqual(TIMED_OUT);
  });

  it.each([
    ['a result', (callee: ReturnType<typeof called>['callee']) => callee.yield(1)],
    ['an error', (callee: ReturnType<typeof called>['callee']) => callee.error(1, 'app.failed')],
  ])('%s in time stops it', (_, answer) => {
    const { core, caller, callee } = called({ timeout: 10 });
    answer(callee);
    core.clock.advance(100);
    expect(caller.take()).toHaveLength(1);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('PITFALLS 58: it starts anew with every progressive result', () => {
    const { core, caller, callee } = called({ timeout: 100, receiveProgress: true });
    for (let n = 0; n < 5; n += 1) {
      core.clock.advance(99);
      callee.progress(1, [n]);
    }
    expect(caller.takeTypes()).toEqual([50, 50, 50, 50, 50]);
    core.clock.advance(99);
    expect(caller.take()).toEqual([]);
    core.clock.advance(1);
    expect(caller.take()).toEqual(TIMED_OUT);
  });

  it('PITFALLS 59: progress that nobody asked for does not prolong it', () => {
    const { core, caller, callee } = called({ timeout: 100 });
    core.clock.advance(60);
    callee.progress(1);
    core.clock.advance(40);
    expect(caller.take()).toEqual(TIMED_OUT);
  });

  it('B3: forward_timeout of a callee that announced call_timeout: it is told, and the dealer does not run the timer', () => {
    const { core, caller, details } = called({ timeout: 50 }, {}, ALL_FEATURES, true);
    expect(details).toEqual({ timeout: 50 });
    core.clock.advance(1000);
    expect(caller.take()).toEqual([]);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('B3: forward_timeout of a callee that did not announce it: the dealer runs the timer', () => {
    const { core, caller, details } = called({ timeout: 50 }, {}, ALL_FEATURES & ~Feature.CALLEE_CALL_TIMEOUT, true);
    expect(details).toEqual({});
    core.clock.advance(50);
    expect(caller.take()).toEqual(TIMED_OUT);
  });

  it('CONTRACT 3: callTimeoutMs holds for calls that ask for none, and for no others', () => {
    const limits = { callTimeoutMs: 200 };
    const byDefault = called({}, { limits });
    byDefault.core.clock.advance(200);
    expect(byDefault.caller.take()).toEqual(TIMED_OUT);
    const asked = called({ timeout: 500 }, { limits });
    asked.core.clock.advance(499);
    expect(asked.caller.take()).toEqual([]);
  });

  it('PITFALLS 55: a killed call whose callee stays silent still times out', () => {
    const { core, caller } = called({ timeout: 50 });
    caller.cancel(1, 'kill');
    core.clock.advance(50);
    expect(caller.take()).toEqual(TIMED_OUT);
  });

  it('many calls time out each in its time, on one timer', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    for (const timeout of [300, 100, 200, 400]) caller.call('p', { timeout });
    expect(core.clock.pending).toBe(1);
    const order: unknown[] = [];
    for (let n = 0; n < 4; n += 1) {
      core.clock.advance(100);
      order.push(caller.take().map((message) => message[2]));
    }
    expect(order).toEqual([[2], [3], [1], [4]]);
    expect(callee.takeTypes().filter((type) => type === MessageType.INTERRUPT)).toHaveLength(4);
  });
});
