import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import type { CancelMode } from '../../../src/wamp/options.ts';
import { errorWire, TestCore } from '../../support/core.ts';

const MODES: readonly CancelMode[] = ['skip', 'kill', 'killnowait'];
const PLAIN = ALL_FEATURES & ~Feature.CALLEE_CALL_CANCELING;
const CANCELED = [errorWire(48, 1, ErrorUri.CANCELED)];

function called(features = ALL_FEATURES) {
  const core = new TestCore();
  const [caller, callee] = [core.join(), core.join({ features })];
  callee.registered('p');
  const request = caller.call('p', { receiveProgress: true });
  callee.take();
  return { core, caller, callee, request };
}

describe('Advanced Profile: Call Canceling', () => {
  it('PITFALLS 54, 56: skip: the caller gets ERROR of type CALL at once, the callee nothing; its answer is dropped', () => {
    const { core, caller, callee, request } = called();
    caller.cancel(request, 'skip');
    expect([caller.take(), callee.take()]).toEqual([CANCELED, []]);
    callee.yield(1);
    expect(caller.take()).toEqual([]);
    expect(core.observer.drops.map((drop) => drop.cause)).toEqual(['late_answer']);
  });

  it('PITFALLS 54: killnowait: INTERRUPT and ERROR at once; the answer of the callee is dropped', () => {
    const { caller, callee, request } = called();
    caller.cancel(request, 'killnowait');
    expect([caller.take(), callee.take()]).toEqual([CANCELED, [[69, 1, { mode: 'killnowait' }]]]);
    callee.error(1, ErrorUri.CANCELED);
    expect(caller.take()).toEqual([]);
  });

  it('PITFALLS 55: kill: INTERRUPT at once, and the ERROR of the callee reaches the caller as it is', () => {
    const { caller, callee, request } = called();
    caller.cancel(request, 'kill');
    expect([caller.take(), callee.take()]).toEqual([[], [[69, 1, { mode: 'kill' }]]]);
    callee.error(1, 'app.interrupted', ['half done'], { x: 1 });
    expect(caller.take()).toEqual([[8, 48, request, { x: 1 }, 'app.interrupted', ['half done']]]);
  });

  it('PITFALLS 55: kill: where the YIELD comes first the caller gets the RESULT, progress before it too', () => {
    const { caller, callee, request } = called();
    caller.cancel(request, 'kill');
    callee.progress(1, [1]);
    callee.yield(1, [2]);
    expect(caller.take().map((message) => message[0])).toEqual([50, 50]);
  });

  it('PITFALLS 55: kill: a callee that disconnects instead of answering is wamp.error.canceled', () => {
    const { caller, callee, request } = called();
    caller.cancel(request, 'kill');
    callee.vanish();
    expect(caller.take()).toEqual(CANCELED);
  });

  it('PITFALLS 53: kill: a caller that leaves before the answer ends the call', () => {
    const { core, caller, callee, request } = called();
    caller.cancel(request, 'kill');
    caller.vanish();
    callee.yield(1);
    expect(callee.session.invocations.size).toBe(0);
    expect(core.observer.drops.map((drop) => drop.cause)).toEqual(['late_answer']);
  });

  it.each(MODES)(
    'PITFALLS 13, 54, 55: %s with a callee that did not announce call_canceling behaves as skip',
    (mode) => {
      const { caller, callee, request } = called(PLAIN);
      caller.cancel(request, mode);
      expect([caller.take(), callee.take()]).toEqual([CANCELED, []]);
      callee.yield(1);
      expect(caller.take()).toEqual([]);
    },
  );

  it.each(MODES)('PITFALLS 54: %s for a call that is unknown, answered, or another session’s is ignored', (mode) => {
    const { core, caller, callee, request } = called();
    const other = core.join();
    other.cancel(request, mode);
    caller.cancel(999, mode);
    callee.yield(1);
    caller.cancel(request, mode);
    expect([callee.take(), other.take()]).toEqual([[], []]);
    expect(caller.takeTypes()).toEqual([MessageType.RESULT]);
    expect([caller.peer.closed, other.peer.closed]).toEqual([[], []]);
  });

  it.each(MODES)('PITFALLS 54: a second CANCEL after kill, with %s, is ignored', (mode) => {
    const { caller, callee, request } = called();
    caller.cancel(request, 'kill');
    caller.cancel(request, mode);
    expect(callee.take()).toEqual([[69, 1, { mode: 'kill' }]]);
    expect(caller.take()).toEqual([]);
  });

  it.each(MODES)('PITFALLS 57: after %s the id of the call is free and the late answer harms no other call', (mode) => {
    const { core, callee } = called(PLAIN);
    // Who announced progressive invocations would continue the first call (FEATURES B2).
    const caller = core.join({ features: Feature.CALLER });
    const request = caller.call('p');
    caller.cancel(request, mode);
    caller.take();
    caller.call('p', { request });
    callee.yield(2, ['of the first']);
    expect(caller.take()).toEqual([]);
    callee.yield(3, ['of the second']);
    expect(caller.take()).toEqual([[50, request, {}, ['of the second']]]);
  });

  it('a cancelled call stops its timer', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    caller.cancel(caller.call('p', { timeout: 10 }), 'skip');
    core.clock.advance(100);
    expect(caller.take()).toEqual(CANCELED);
    expect(core.realm.dealer.timed).toBe(0);
  });
});
