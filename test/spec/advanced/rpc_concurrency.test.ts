import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { CALL_DEFAULTS, type RegisterOptions } from '../../../src/wamp/options.ts';
import { Payload } from '../../../src/wamp/payload.ts';
import { errorWire, TestCore } from '../../support/core.ts';

function scene(options: Partial<RegisterOptions> = {}, count = 1) {
  const core = new TestCore();
  const caller = core.join();
  const callees = core.joinMany(count);
  const invoke = count === 1 ? 'single' : 'roundrobin';
  for (const callee of callees) callee.registered('p', { invoke, concurrency: 1, ...options });
  const [callee] = callees;
  if (callee === undefined) throw new Error('no callee');
  /** Args of the calls that reached the first callee since it was last asked. */
  const got = (): unknown[] => callee.take().flatMap((message) => (message[0] === 68 ? [message[4]] : []));
  return { core, caller, callee, callees, got };
}

describe('B10: concurrency of a callee', () => {
  it('as many calls as it takes are with the callee, the others wait and come in the order they were made', () => {
    const { caller, callee, got } = scene({ concurrency: 2 });
    for (let n = 1; n <= 5; n += 1) caller.call('p', { args: [n] });
    expect(got()).toEqual([[1], [2]]);
    callee.yield(2);
    expect(got()).toEqual([[3]]);
    callee.error(1, 'app.failed');
    callee.yield(3);
    expect(got()).toEqual([[4], [5]]);
    expect(caller.takeTypes()).toEqual([MessageType.RESULT, MessageType.ERROR, MessageType.RESULT]);
  });

  it('0 is any number', () => {
    const { caller, got } = scene({ concurrency: 0 });
    for (let n = 0; n < 300; n += 1) caller.call('p', { args: [n] });
    expect(got()).toHaveLength(300);
  });

  it('a progressive result is no answer: the callee is busy until the last one', () => {
    const { caller, callee, got } = scene();
    caller.call('p', { receiveProgress: true });
    caller.call('p', { args: ['second'] });
    got();
    callee.progress(1);
    expect(got()).toEqual([]);
    callee.yield(1);
    expect(got()).toEqual([['second']]);
  });

  it('a busy callee is passed over, and calls wait only while all are busy', () => {
    const { caller, callees } = scene({}, 3);
    for (let n = 0; n < 4; n += 1) caller.call('p');
    expect(callees.map((callee) => callee.session.invocations.size)).toEqual([1, 1, 1]);
    callees[1]?.yield(1);
    expect(callees.map((callee) => callee.session.lastInvocation)).toEqual([1, 2, 1]);
  });

  it('100 calls may wait, then it is unavailable, and that is counted', () => {
    const { core, caller } = scene();
    for (let n = 0; n < 101; n += 1) caller.call('p');
    expect(caller.take()).toEqual([]);
    const request = caller.call('p');
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.UNAVAILABLE)]);
    expect(core.observer.drops).toEqual([{ session: caller.id, type: MessageType.CALL, cause: 'queue_full' }]);
  });

  it('queue of the first callee says how many; 0: none', () => {
    for (const queue of [0, 1, 3]) {
      const core = new TestCore();
      const [caller, first, second] = [core.join(), core.join(), core.join()];
      first.registered('p', { invoke: 'first', concurrency: 1, queue });
      second.registered('p', { invoke: 'first', concurrency: 1, queue: 50 });
      for (let n = 0; n < 2 + queue; n += 1) caller.call('p');
      expect(caller.take()).toEqual([]);
      const request = caller.call('p');
      expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.UNAVAILABLE)]);
    }
  });

  it('a callee that joins takes calls that wait, after it was told REGISTERED', () => {
    const { core, caller } = scene({ invoke: 'first' });
    for (let n = 0; n < 4; n += 1) caller.call('p', { args: [n] });
    const late = core.join();
    late.register('p', { invoke: 'first', concurrency: 2 });
    expect(late.take().map((message) => [message[0], message[4]])).toEqual([
      [MessageType.REGISTERED, undefined],
      [MessageType.INVOCATION, [1]],
      [MessageType.INVOCATION, [2]],
    ]);
  });

  it('PITFALLS 58: a timeout reaches a call that waits, and runs from the CALL on', () => {
    const { core, caller, callee, got } = scene();
    caller.call('p');
    const [one, two] = [caller.call('p', { timeout: 1000 }), caller.call('p', { timeout: 2000, args: [2] })];
    core.clock.advance(1000);
    expect(caller.take()).toEqual([errorWire(48, one, ErrorUri.TIMEOUT)]);
    got();
    callee.yield(1);
    expect(got()).toEqual([[2]]);
    core.clock.advance(999);
    caller.take();
    core.clock.advance(1);
    expect(caller.take()).toEqual([errorWire(48, two, ErrorUri.TIMEOUT)]);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('forward_timeout: the callee is told what is left when the call comes to it', () => {
    const { core, caller, callee } = scene({ forwardTimeout: true });
    caller.call('p');
    caller.call('p', { timeout: 1000 });
    core.clock.advance(300);
    callee.yield(1);
    expect(callee.invoked().details).toEqual({ timeout: 700 });
    expect(core.realm.dealer.timed).toBe(0);
  });

  it.each(['skip', 'kill', 'killnowait'] as const)('CANCEL with %s reaches a call that waits', (mode) => {
    const { caller, callee, got } = scene();
    caller.call('p', { args: [1] });
    const request = caller.call('p', { args: [2] });
    caller.call('p', { args: [3] });
    caller.cancel(request, mode);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
    got();
    callee.yield(1);
    expect(got()).toEqual([[3]]);
  });

  it.each(['skip', 'killnowait'] as const)(
    'PITFALLS 57: after %s the callee is free only when its late answer arrives, YIELD or ERROR',
    (mode) => {
      const { caller, callee, got } = scene({ concurrency: 2 });
      for (const request of [caller.call('p'), caller.call('p')]) caller.cancel(request, mode);
      caller.call('p', { args: [3] });
      caller.call('p', { args: [4] });
      got();
      callee.progress(1);
      expect(got()).toEqual([]);
      callee.yield(1);
      expect(got()).toEqual([[3]]);
      callee.error(2, ErrorUri.CANCELED);
      expect(got()).toEqual([[4]]);
      callee.yield(1);
      callee.error(2, ErrorUri.CANCELED);
      caller.call('p', { args: [5] });
      expect(got()).toEqual([]);
    },
  );

  it('PITFALLS 57: so it is after a timeout and when the caller leaves', () => {
    const { core, caller, callee, got } = scene({ concurrency: 2 });
    const gone = core.join();
    caller.call('p', { timeout: 10 });
    gone.call('p');
    core.clock.advance(10);
    gone.vanish();
    caller.call('p', { args: [3] });
    caller.call('p', { args: [4] });
    got();
    callee.yield(1);
    callee.yield(2);
    expect(got()).toEqual([[3], [4]]);
  });

  it('an unavailable callee is free, and the call waits before all others for one it was not with', () => {
    const { caller, callees } = scene({}, 2);
    for (let n = 1; n <= 3; n += 1) caller.call('p', { args: [n] });
    callees[0]?.error(1, ErrorUri.UNAVAILABLE);
    expect(callees[0]?.invoked().payload.value().args).toEqual([3]);
    callees[1]?.yield(1);
    expect(callees[1]?.invoked().payload.value().args).toEqual([1]);
  });

  it('a caller that leaves takes its waiting calls along', () => {
    const { core, caller, callee, got } = scene();
    const gone = core.join();
    caller.call('p', { args: [1] });
    gone.call('p', { args: [2] });
    caller.call('p', { args: [3] });
    gone.vanish();
    got();
    callee.yield(1);
    expect(got()).toEqual([[3]]);
  });

  it.each(['vanish', 'unregister', 'revoke', 'displace'] as const)(
    'when the last callee goes (%s) whoever waits is told no_available_callee',
    (how) => {
      const { core, caller, callee } = scene();
      const calls = [caller.call('p'), caller.call('p')];
      const [registration] = callee.session.registrations.values();
      if (registration === undefined) throw new Error('not registered');
      if (how === 'vanish') callee.vanish();
      else if (how === 'unregister') callee.unregister(registration.id);
      else if (how === 'revoke') core.realm.dealer.registry.revoke(callee.session, registration, '');
      else core.join().registered('p', { forceReregister: true });
      expect(caller.take()).toContainEqual(errorWire(48, calls[1] ?? 0, ErrorUri.NO_AVAILABLE_CALLEE));
      // What was with the callee is as ever: it may be answered, unless the session is gone.
      if (how !== 'vanish') callee.yield(1);
      expect(caller.session.calls.size).toBe(0);
    },
  );

  it('a peer that does not take the call: it waits for the others, before those who came later', () => {
    const { caller, callees } = scene({}, 2);
    const peer = callees[0]?.peer;
    caller.call('p', { args: [1] });
    caller.call('p', { args: [2] });
    caller.call('p', { args: [3] });
    caller.call('p', { args: [4] });
    if (peer !== undefined) peer.refuse = (message) => (message.type === MessageType.INVOCATION ? 'app.no' : undefined);
    callees[0]?.yield(1);
    callees[1]?.yield(1);
    callees[1]?.yield(2);
    expect(callees[1]?.take().flatMap((message) => (message[0] === 68 ? [message[4]] : []))).toEqual([[2], [3], [4]]);
  });

  it('an in-process callee that answers at once serves all who wait, in order and one at a time', () => {
    const { caller, callee, got } = scene();
    for (let n = 1; n <= 50; n += 1) caller.call('p', { args: [n] });
    let depth = 0;
    callee.peer.react = (message) => {
      if (message.type !== MessageType.INVOCATION) return;
      depth += 1;
      expect(depth).toBe(1);
      callee.yield(message.request);
      depth -= 1;
    };
    callee.yield(1);
    expect(got()).toEqual(Array.from({ length: 50 }, (_, n) => [n + 1]));
    expect(caller.session.calls.size).toBe(0);
  });

  it('a caller that calls again within its RESULT goes behind those who wait', () => {
    const { core, caller, callee, got } = scene();
    const eager = core.join();
    eager.call('p', { args: ['eager'] });
    caller.call('p', { args: ['patient'] });
    eager.peer.react = (message) => {
      if (message.type === MessageType.RESULT) eager.call('p', { args: ['again'] });
    };
    callee.yield(1);
    callee.yield(2);
    expect(got()).toEqual([['eager'], ['patient'], ['again']]);
  });

  it('what waiting calls keep in memory is bounded: beyond 64 MiB it is unavailable', () => {
    const { core, caller } = scene({ queue: 10_000 });
    const codec = {
      index: 0 as const,
      decodePayload: () => ({ args: [], kwargs: undefined }),
      repeatsKey: () => false,
      encodePayload: () => ({ bytes: Buffer.alloc(0), elements: 0 as const }),
    };
    // One buffer for all: what counts is what each says of its size.
    const payload = Payload.raw(codec, { bytes: Buffer.alloc(1_048_576), elements: 1 });
    const options = CALL_DEFAULTS;
    for (let request = 1; request <= 66; request += 1) {
      caller.send({ type: MessageType.CALL, request, options, procedure: 'p', payload });
    }
    expect(caller.take()).toEqual([errorWire(48, 66, ErrorUri.UNAVAILABLE)]);
    for (let request = 2; request <= 65; request += 1) caller.cancel(request, 'skip');
    caller.take();
    caller.send({ type: MessageType.CALL, request: 67, options, procedure: 'p', payload });
    expect(caller.take()).toEqual([]);
    expect(core.realm.dealer.timed).toBe(0);
  });
});
