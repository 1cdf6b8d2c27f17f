import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import type { RegisterOptions } from '../../../src/wamp/options.ts';
import { errorWire, TestCore } from '../../support/core.ts';

const { CALLER_PROGRESSIVE_INVOCATIONS, CALLEE_PROGRESSIVE_INVOCATIONS, CALLEE_CALL_CANCELING } = Feature;

function scene(options: Partial<RegisterOptions> = {}, count = 1) {
  const core = new TestCore();
  const caller = core.join({ authid: 'ann' });
  const callees = core.joinMany(count);
  const invoke = count === 1 ? 'single' : 'roundrobin';
  let registration = 0;
  for (const callee of callees) registration = callee.registered('p', { invoke, ...options });
  const [callee] = callees;
  if (callee === undefined) throw new Error('no callee');
  /** A part of the call `request`; the last one without `more`. */
  const part = (request: number, args: readonly unknown[], more = true): void => {
    caller.call('p', { request, args, progress: more });
  };
  return { core, caller, callee, callees, registration, part };
}

describe('Advanced Profile: Progressive Call Invocations', () => {
  it('all parts reach the callee under one INVOCATION id, all but the last with progress', () => {
    const { caller, callee, registration, part } = scene();
    const request = caller.call('p', { progress: true, args: [1] });
    part(request, [2]);
    part(request, [3], false);
    expect(callee.take()).toEqual([
      [68, 1, registration, { progress: true }, [1]],
      [68, 1, registration, { progress: true }, [2]],
      [68, 1, registration, {}, [3]],
    ]);
    callee.yield(1, ['sum', 6]);
    expect(caller.take()).toEqual([[50, request, {}, ['sum', 6]]]);
    expect([caller.session.calls.size, callee.session.invocations.size]).toEqual([0, 0]);
  });

  it('with progressive results: parts and results cross in both directions, in any number and order', () => {
    const { caller, callee, part } = scene();
    const request = caller.call('p', { progress: true, receiveProgress: true, args: ['a'] });
    callee.progress(1, ['A']);
    part(request, ['b']);
    part(request, ['c']);
    callee.progress(1, ['B']);
    part(request, ['d'], false);
    callee.progress(1, ['C']);
    callee.yield(1, ['end']);
    expect(callee.take().map((message) => message[4])).toEqual([['a'], ['b'], ['c'], ['d']]);
    expect(caller.take().map((message) => [message[2], message[3]])).toEqual([
      [{ progress: true }, ['A']],
      [{ progress: true }, ['B']],
      [{ progress: true }, ['C']],
      [{}, ['end']],
    ]);
  });

  it('shared registration: all parts go to the callee of the first, whatever the policy', () => {
    const { caller, callees, part } = scene({}, 3);
    const requests = [1, 2, 3].map((n) => caller.call('p', { progress: true, args: [n] }));
    for (const request of requests) part(request, [10 * request]);
    expect(callees.map((callee) => callee.take().map((message) => message[4]))).toEqual([
      [[1], [10]],
      [[2], [20]],
      [[3], [30]],
    ]);
  });

  it('options are those of the first part: what later ones say is ignored', () => {
    const { core, caller, callee } = scene();
    const request = caller.call('p', { progress: true, discloseMe: true, receiveProgress: true, timeout: 1000 });
    caller.call('p', { request, progress: true, timeout: 1 });
    caller.call('p', { request });
    const named = { caller: caller.id, caller_authid: 'ann', caller_authrole: 'agent', receive_progress: true };
    expect(callee.take().map((message) => message[3])).toEqual([
      { ...named, progress: true },
      { ...named, progress: true },
      named,
    ]);
    core.clock.advance(999);
    expect(caller.take()).toEqual([]);
    core.clock.advance(1);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.TIMEOUT)]);
  });

  it('the timeout starts anew with each part', () => {
    const { core, caller, part } = scene();
    const request = caller.call('p', { progress: true, timeout: 1000 });
    for (let n = 0; n < 5; n += 1) {
      core.clock.advance(900);
      part(request, [n]);
    }
    expect(caller.take()).toEqual([]);
    core.clock.advance(1000);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.TIMEOUT)]);
  });

  it('a caller that did not announce the feature: protocol violation', () => {
    const { core, callee } = scene();
    const caller = core.join({ features: ALL_FEATURES & ~CALLER_PROGRESSIVE_INVOCATIONS });
    caller.call('p', { progress: true });
    expect(caller.peer.closed.map(({ how, uri }) => [how, uri])).toEqual([['abort', ErrorUri.PROTOCOL_VIOLATION]]);
    expect(callee.take()).toEqual([]);
  });

  it.each([
    ['progressive_call_invocations', CALLEE_PROGRESSIVE_INVOCATIONS],
    ['call_canceling', CALLEE_CALL_CANCELING],
  ])('a callee that did not announce %s: feature_not_supported, and plain calls work', (_, lacks) => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join({ features: ALL_FEATURES & ~lacks })];
    callee.registered('p');
    const request = caller.call('p', { progress: true });
    caller.call('p', { request, progress: true });
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.FEATURE_NOT_SUPPORTED)]);
    expect(callee.take()).toEqual([]);
    caller.call('p');
    expect(callee.takeTypes()).toEqual([MessageType.INVOCATION]);
  });

  it('the policy passes over callees that lack the feature', () => {
    const core = new TestCore();
    const caller = core.join();
    const [lacking, able] = [core.join({ features: Feature.CALLEE }), core.join()];
    for (const callee of [lacking, able]) callee.registered('p', { invoke: 'first' });
    caller.call('p', { progress: true });
    expect([lacking.takeTypes(), able.takeTypes()]).toEqual([[], [MessageType.INVOCATION]]);
  });

  describe('Verification of CALL Request IDs', () => {
    it('the next id is a new call, also between the parts of another', () => {
      const { caller, callee } = scene();
      for (const [request, progress] of [
        [1, true],
        [2, false],
        [1, false],
        [3, false],
      ] as const) {
        caller.call('p', { request, progress });
      }
      expect(callee.take().map((message) => message[1])).toEqual([1, 2, 1, 3]);
    });

    it('a gap is a violation; ids of other requests are none, for one counter serves all', () => {
      const { caller, callee } = scene();
      caller.call('p', { request: 1 });
      caller.next();
      caller.subscribe('t');
      caller.call('p', { request: 3 });
      expect(callee.takeTypes()).toHaveLength(2);
      caller.call('p', { request: 5 });
      expect(caller.peer.closed.map(({ uri }) => uri)).toEqual([ErrorUri.PROTOCOL_VIOLATION]);
    });

    it('PITFALLS 24: to sessions that did not announce the feature a gap is none', () => {
      const { core, callee } = scene();
      const caller = core.join({ features: Feature.CALLER });
      for (const request of [1, 5, 3]) caller.call('p', { request });
      expect(callee.takeTypes()).toHaveLength(3);
      expect(caller.peer.closed).toEqual([]);
    });

    it('the id of a pending call that is no stream, or whose last part has come, is a violation', () => {
      for (const first of [false, true]) {
        const { caller, part } = scene();
        const request = caller.call('p', { progress: first });
        if (first) part(request, [], false);
        part(request, []);
        expect(caller.peer.closed.map(({ uri }) => uri)).toEqual([ErrorUri.PROTOCOL_VIOLATION]);
      }
    });

    it('PITFALLS 60: a part that comes after the call was completed is discarded without a word, and counted', () => {
      const { core, caller, callee, part } = scene();
      const requests = Array.from({ length: 3 }, () => caller.call('p', { progress: true }));
      callee.yield(1);
      callee.error(2, 'app.failed');
      caller.cancel(3, 'killnowait');
      caller.take();
      callee.take();
      for (const request of requests) part(request, ['late']);
      expect([caller.take(), callee.take(), caller.peer.closed]).toEqual([[], [], []]);
      expect(core.observer.drops.map(({ cause }) => cause)).toEqual(Array(3).fill('late_continuation'));
    });

    it('PITFALLS 60: so are the parts of a call that was refused', () => {
      const { core, caller } = scene();
      core.authorizer.deny('call', 'q');
      for (const procedure of ['q', 'nowhere', 'no uri']) {
        const request = caller.call(procedure, { progress: true });
        caller.call(procedure, { request, progress: true });
        caller.call(procedure, { request });
        expect(caller.takeTypes()).toEqual([MessageType.ERROR]);
      }
      expect(caller.peer.closed).toEqual([]);
    });

    it('a part that names another procedure is discarded', () => {
      const { core, caller, callee } = scene();
      callee.registered('q');
      const request = caller.call('p', { progress: true });
      caller.call('q', { request });
      expect(callee.takeTypes()).toEqual([MessageType.INVOCATION]);
      expect(core.observer.drops.map(({ cause }) => cause)).toEqual(['late_continuation']);
    });
  });

  it('the callee leaves between two parts: canceled, and later parts are discarded', () => {
    const { caller, callee, part } = scene();
    const request = caller.call('p', { progress: true });
    callee.vanish();
    part(request, []);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
  });

  it('the caller leaves between two parts: INTERRUPT killnowait', () => {
    const { caller, callee } = scene();
    caller.call('p', { progress: true });
    callee.take();
    caller.vanish();
    expect(callee.take()).toEqual([[69, 1, { mode: 'killnowait' }]]);
  });

  it('CANCEL with kill between two parts: later parts are discarded, the callee’s answer ends the call', () => {
    const { caller, callee, part } = scene();
    const request = caller.call('p', { progress: true });
    caller.cancel(request, 'kill');
    callee.take();
    part(request, []);
    expect(callee.take()).toEqual([]);
    callee.error(1, ErrorUri.CANCELED);
    expect(caller.take()).toEqual([[8, 48, request, {}, ErrorUri.CANCELED]]);
  });

  it('PITFALLS 86: a part that the callee’s peer does not take ends the call for both', () => {
    const { caller, callee, part } = scene();
    const request = caller.call('p', { progress: true });
    callee.take();
    callee.peer.refuse = (message) =>
      message.type === MessageType.INVOCATION ? ErrorUri.PAYLOAD_SIZE_EXCEEDED : undefined;
    part(request, ['large']);
    expect(callee.take()).toEqual([[69, 1, { mode: 'killnowait' }]]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.PAYLOAD_SIZE_EXCEEDED)]);
  });

  it('B10: parts that come while the call waits follow the first one, and each takes a place', () => {
    const { caller, callee, part } = scene({ concurrency: 1, queue: 3 });
    caller.call('p');
    const request = caller.call('p', { progress: true, args: [1] });
    part(request, [2]);
    part(request, [3], false);
    callee.take();
    callee.yield(1);
    expect(callee.take().map((message) => [message[1], message[4]])).toEqual([
      [2, [1]],
      [2, [2]],
      [2, [3]],
    ]);
    caller.take();
    const long = caller.call('p', { progress: true });
    for (let n = 0; n < 3; n += 1) part(long, [n]);
    expect(caller.take()).toEqual([errorWire(48, long, ErrorUri.UNAVAILABLE)]);
    callee.yield(2);
    expect(caller.session.calls.size).toBe(0);
  });

  it('B13: an unavailable callee passes the call on while it has the first part only', () => {
    const { caller, callees, part } = scene({}, 2);
    const moved = caller.call('p', { progress: true, args: [1] });
    callees[0]?.error(1, ErrorUri.UNAVAILABLE);
    part(moved, [2], false);
    expect(callees[1]?.take().map((message) => message[4])).toEqual([[1], [2]]);
    callees[1]?.error(1, ErrorUri.UNAVAILABLE, ['busy']);
    expect(caller.take()).toEqual([[8, 48, moved, {}, ErrorUri.UNAVAILABLE, ['busy']]]);
  });
});
