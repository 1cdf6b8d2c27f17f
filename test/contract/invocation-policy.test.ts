import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { INVOKE_POLICIES, type InvokePolicy } from '../../src/wamp/options.ts';
import { type Client, TestCore } from '../support/core.ts';
import { invocationPolicyContract, type PolicyExample } from './invocation-policy.ts';

const EXAMPLES: Readonly<Record<(typeof INVOKE_POLICIES)[number], PolicyExample['order']>> = {
  single: (_, calls) => Array.from({ length: calls }, () => 0),
  first: (_, calls) => Array.from({ length: calls }, () => 0),
  last: (callees, calls) => Array.from({ length: calls }, () => callees - 1),
  roundrobin: (callees, calls) => Array.from({ length: calls }, (_, n) => n % callees),
  random: undefined,
  // Nobody has anything to do when the next call comes, so they take turns.
  least_loaded: (callees, calls) => Array.from({ length: calls }, (_, n) => n % callees),
  hash: undefined,
};

for (const invoke of INVOKE_POLICIES) invocationPolicyContract({ invoke, order: EXAMPLES[invoke] });

/** Registers so many callees under `invoke` and gives a function that tells who the next calls reach. */
function scene(invoke: InvokePolicy, count: number) {
  const core = new TestCore();
  const caller = core.join();
  const callees = core.joinMany(count);
  for (const callee of callees) callee.registered('p', { invoke });
  const next = (calls: number): number[] =>
    Array.from({ length: calls }, () => {
      caller.call('p');
      return callees.findIndex((callee) => callee.takeTypes().includes(68));
    });
  const join = (): Client => {
    const callee = core.join();
    callees.push(callee);
    callee.registered('p', { invoke });
    return callee;
  };
  return { callees, next, join };
}

describe('particular to a policy', () => {
  it('PITFALLS 51: roundrobin goes on with whoever was next when another leaves: nobody is skipped or asked twice', () => {
    const { callees, next, join } = scene('roundrobin', 4);
    expect(next(2)).toEqual([0, 1]);
    callees[0]?.vanish();
    expect(next(3)).toEqual([2, 3, 1]);
    callees[2]?.vanish();
    expect(next(2)).toEqual([3, 1]);
    join();
    expect(next(4)).toEqual([3, 4, 1, 3]);
    callees[4]?.vanish();
    expect(next(2)).toEqual([1, 3]);
  });

  it('PITFALLS 51: roundrobin goes on after the callee that took a call, so one that refuses doubles nobody’s load', () => {
    const { callees, next } = scene('roundrobin', 3);
    const peer = callees[0]?.peer;
    if (peer !== undefined) peer.refuse = () => 'app.busy';
    expect(next(6)).toEqual([1, 2, 1, 2, 1, 2]);
  });

  it('PITFALLS 51: first and last go by the time of registration', () => {
    const first = scene('first', 3);
    first.callees[0]?.vanish();
    first.join();
    expect(first.next(2)).toEqual([1, 1]);
    const last = scene('last', 3);
    last.callees[2]?.vanish();
    expect(last.next(1)).toEqual([1]);
    last.join();
    expect(last.next(1)).toEqual([3]);
  });

  it('last asks the one before where the last refuses, first the one after', () => {
    for (const [invoke, refusing, expected] of [
      ['last', 2, 1],
      ['first', 0, 1],
    ] as const) {
      const { callees, next } = scene(invoke, 3);
      const peer = callees[refusing]?.peer;
      if (peer !== undefined) peer.refuse = () => 'app.busy';
      expect(next(1)).toEqual([expected]);
    }
  });

  it('least_loaded asks whoever has the fewest calls open, and the one in turn among equals', () => {
    const { callees, next } = scene('least_loaded', 3);
    expect(next(6)).toEqual([0, 1, 2, 0, 1, 2]);
    callees[1]?.yield(1);
    callees[1]?.error(2, 'app.failed');
    expect(next(3)).toEqual([1, 1, 2]);
    callees[2]?.unregister([...(callees[2]?.session.registrations.keys() ?? [])][0] ?? 0);
    expect(next(3)).toEqual([0, 1, 0]);
  });

  it('least_loaded: a callee of limited concurrency is loaded by what it has not answered', () => {
    const core = new TestCore();
    const [caller, slow, other] = [core.join(), core.join(), core.join()];
    for (const callee of [slow, other]) callee.registered('p', { invoke: 'least_loaded', concurrency: 5 });
    caller.cancel(caller.call('p'), 'killnowait');
    caller.call('p');
    other.yield(1);
    caller.call('p');
    expect([slow.session.lastInvocation, other.session.lastInvocation]).toEqual([1, 2]);
  });

  it('hash: a key has its callee, whoever calls; when that one leaves only its own keys move, and back when it returns', () => {
    const core = new TestCore();
    const callers = core.joinMany(2);
    const callees = core.joinMany(4);
    for (const callee of callees) callee.registered('p', { invoke: 'hash' });
    const keys = Array.from({ length: 200 }, (_, n) => `key ${n}`);
    const owner = (key: string, n: number): Client | undefined => {
      callers[n % 2]?.call('p', { rkey: key });
      return callees.find((callee) => callee.takeTypes().includes(68));
    };
    const before = keys.map(owner);
    expect(keys.map((key, n) => owner(key, n + 1))).toEqual(before);
    // With 50 keys each expected, fewer than 20 happens once in 10^8 sets of keys; these are always the same.
    for (const callee of callees) expect(before.filter((each) => each === callee).length).toBeGreaterThan(20);
    const [leaver] = callees;
    leaver?.unregister([...leaver.session.registrations.keys()][0] ?? 0);
    leaver?.take();
    const after = keys.map(owner);
    expect(after.filter((each) => each === leaver)).toEqual([]);
    expect(after.filter((each, n) => before[n] !== leaver && each !== before[n])).toEqual([]);
    leaver?.registered('p', { invoke: 'hash' });
    expect(keys.map(owner)).toEqual(before);
  });

  it('hash: without a key the calls of one session stay together', () => {
    const { next } = scene('hash', 5);
    expect(new Set(next(20)).size).toBe(1);
  });

  it('hash: where the key’s callee is busy or unavailable its second one is asked, always the same', () => {
    const core = new TestCore();
    const caller = core.join();
    const callees = core.joinMany(5);
    for (const callee of callees) callee.registered('p', { invoke: 'hash', concurrency: 1 });
    const order = callees.map(() => {
      caller.call('p', { rkey: 'k' });
      return callees.findIndex((callee) => callee.takeTypes().includes(68));
    });
    expect(order.toSorted()).toEqual([0, 1, 2, 3, 4]);
    for (const callee of callees) callee.yield(1);
    caller.call('p', { rkey: 'k' });
    const again = order.map(() => {
      const at = callees.findIndex((callee) => callee.takeTypes().includes(68));
      callees[at]?.error(2, ErrorUri.UNAVAILABLE);
      return at;
    });
    expect(again).toEqual(order);
  });

  it('random reaches every callee sooner or later', () => {
    const { next } = scene('random', 3);
    // That one of three is missed by 200 calls happens once in 10^35 runs.
    expect(new Set(next(200)).size).toBe(3);
  });
});
