import { describe, expect, it } from 'vitest';
import { INVOKE_POLICIES } from '../../src/wamp/options.ts';
import { type Client, TestCore } from '../support/core.ts';
import { invocationPolicyContract, type PolicyExample } from './invocation-policy.ts';

const EXAMPLES: Readonly<Record<(typeof INVOKE_POLICIES)[number], PolicyExample['order']>> = {
  single: (_, calls) => Array.from({ length: calls }, () => 0),
  first: (_, calls) => Array.from({ length: calls }, () => 0),
  last: (callees, calls) => Array.from({ length: calls }, () => callees - 1),
  roundrobin: (callees, calls) => Array.from({ length: calls }, (_, n) => n % callees),
  random: undefined,
};

for (const invoke of INVOKE_POLICIES) invocationPolicyContract({ invoke, order: EXAMPLES[invoke] });

/** Registers so many callees under `invoke` and gives a function that tells who the next calls reach. */
function scene(invoke: 'first' | 'last' | 'roundrobin' | 'random', count: number) {
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

  it('random reaches every callee sooner or later', () => {
    const { next } = scene('random', 3);
    // That one of three is missed by 200 calls happens once in 10^35 runs.
    expect(new Set(next(200)).size).toBe(3);
  });
});
