import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { TestCore } from '../../support/core.ts';

function called(receiveProgress: boolean, features = ALL_FEATURES) {
  const core = new TestCore();
  const [caller, callee] = [core.join(), core.join({ features })];
  callee.registered('p');
  const request = caller.call('p', { receiveProgress });
  return { core, caller, callee, request, details: callee.take()[0]?.[3] };
}

describe('Advanced Profile: Progressive Call Results', () => {
  it('B1: each progressive YIELD is a RESULT with progress at once; a plain one ends the call', () => {
    const { caller, callee, request, details } = called(true);
    expect(details).toEqual({ receive_progress: true });
    callee.progress(1, ['a']);
    expect(caller.take()).toEqual([[50, request, { progress: true }, ['a']]]);
    callee.progress(1, ['b']);
    callee.yield(1, ['end']);
    expect(caller.take()).toEqual([
      [50, request, { progress: true }, ['b']],
      [50, request, {}, ['end']],
    ]);
  });

  it('PITFALLS 59: empty progressive results are legal', () => {
    const { caller, callee, request } = called(true);
    callee.progress(1);
    callee.yield(1);
    expect(caller.take()).toEqual([
      [50, request, { progress: true }],
      [50, request, {}],
    ]);
  });

  it('B1: an ERROR ends a progressive call', () => {
    const { caller, callee, request } = called(true);
    callee.progress(1, [1]);
    callee.error(1, 'app.failed');
    callee.progress(1, [2]);
    expect(caller.take()).toEqual([
      [50, request, { progress: true }, [1]],
      [8, 48, request, {}, 'app.failed'],
    ]);
  });

  it('PITFALLS 59: progress that was not asked for is dropped, counted, and does not end the call', () => {
    const { core, caller, callee, request, details } = called(false);
    expect(details).toEqual({});
    callee.progress(1, ['unwanted']);
    expect(caller.take()).toEqual([]);
    expect(core.observer.drops.map((drop) => drop.cause)).toEqual(['unwanted_progress']);
    callee.yield(1, ['end']);
    expect(caller.take()).toEqual([[50, request, {}, ['end']]]);
  });

  it('PITFALLS 59: after the final YIELD another one, progressive or not, is dropped', () => {
    const { caller, callee } = called(true);
    callee.yield(1);
    callee.progress(1);
    callee.yield(1);
    expect(caller.takeTypes()).toEqual([MessageType.RESULT]);
    expect(callee.peer.closed).toEqual([]);
  });

  it('PITFALLS 13: receive_progress needs progressive_call_results of the callee, and not call_canceling', () => {
    const without = called(true, ALL_FEATURES & ~Feature.CALLEE_PROGRESSIVE_RESULTS);
    expect(without.details).toEqual({});
    without.callee.progress(1);
    expect(without.caller.take()).toEqual([]);
    const likeAutobahn = called(true, ALL_FEATURES & ~Feature.CALLEE_CALL_CANCELING);
    expect(likeAutobahn.details).toEqual({ receive_progress: true });
  });
});
