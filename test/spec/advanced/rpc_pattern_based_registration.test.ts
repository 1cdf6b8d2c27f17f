import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import type { Match } from '../../../src/wamp/uri.ts';
import { errorWire, TestCore } from '../../support/core.ts';

const RPCS: readonly (readonly [number, string, Match])[] = [
  [1, 'a1.b2.c3.d4.e55', 'exact'],
  [2, 'a1.b2.c3', 'prefix'],
  [3, 'a1.b2.c3.d4', 'prefix'],
  [4, 'a1.b2..d4.e5', 'wildcard'],
  [5, 'a1.b2.c33..e5', 'wildcard'],
  [6, 'a1.b2..d4.e5..g7', 'wildcard'],
  [7, 'a1.b2..d4..f6.g7', 'wildcard'],
];

/** Which of the RPCs a call reaches; 0: none. */
function reached(rpcs: typeof RPCS, procedure: string): number {
  const core = new TestCore();
  const caller = core.join();
  const callees = rpcs.map(([number, uri, match]) => {
    const callee = core.join();
    callee.registered(uri, { match });
    return { number, callee };
  });
  caller.call(procedure);
  const hit = callees.filter(({ callee }) => callee.take().length > 0);
  expect(hit.length).toBeLessThanOrEqual(1);
  return hit[0]?.number ?? 0;
}

describe('Advanced Profile: Pattern-based Registration', () => {
  it.each([
    ['a1.b2.c3.d4.e55', 1],
    ['a1.b2.c3.d98.e74', 2],
    ['a1.b2.c3.d4.e325', 3],
    ['a1.b2.c55.d4.e5', 4],
    ['a1.b2.c88.d4.e5.f6.g7', 6],
    ['a2.b2.c2.d2.e2', 0],
  ])('PITFALLS 49: the spec’s example: %s goes to RPC %i', (procedure, expected) => {
    expect(reached(RPCS, procedure)).toBe(expected);
    expect(reached(RPCS.toReversed(), procedure)).toBe(expected);
  });

  it('PITFALLS 49: a1.b2.c33.d4.e5 goes to RPC 2, a string prefix of it; without that one to RPC 5, as printed', () => {
    expect(reached(RPCS, 'a1.b2.c33.d4.e5')).toBe(2);
    const wildcards = RPCS.filter(([, , match]) => match === 'wildcard');
    expect(reached(wildcards, 'a1.b2.c33.d4.e5')).toBe(5);
  });

  it('prefixes are of the text: the spec’s list', () => {
    const rpc: typeof RPCS = [[1, 'com.myapp.myobject1', 'prefix']];
    const calls = [
      'com.myapp.myobject1.myprocedure1',
      'com.myapp.myobject1-mysubobject1',
      'com.myapp.myobject1.mysubobject1.myprocedure1',
      'com.myapp.myobject1',
      'com.myapp.myobject2',
      'com.myapp.myobject',
    ];
    expect(calls.map((call) => reached(rpc, call))).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it('wildcards stand for one whole component: the spec’s list', () => {
    const rpc: typeof RPCS = [[1, 'com.myapp..myprocedure1', 'wildcard']];
    const calls = [
      'com.myapp.myobject1.myprocedure1',
      'com.myapp.myobject2.myprocedure1',
      'com.myapp.myobject1.myprocedure1.mysubprocedure1',
      'com.myapp.myobject1.myprocedure2',
      'com.myapp2.myobject1.myprocedure1',
    ];
    expect(calls.map((call) => reached(rpc, call))).toEqual([1, 1, 0, 0, 0]);
  });

  it('PITFALLS 48: exact, prefix and wildcard of one text are three registrations, and exact wins', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    const ids = (['wildcard', 'prefix', 'exact'] as const).map((match) => callee.registered('a.b', { match }));
    expect(new Set(ids).size).toBe(3);
    const won: number[] = [];
    for (const [at, id] of [2, 1, 0].entries()) {
      caller.call('a.b');
      won.push(callee.invoked().registration);
      callee.unregister(ids[id] ?? 0);
      expect(at).toBeLessThan(3);
    }
    expect(won).toEqual(ids.toReversed());
  });

  it('PITFALLS 49: an exact registration whose callees are all gone does not exist', () => {
    const core = new TestCore();
    const [caller, exact, prefix] = [core.join(), core.join(), core.join()];
    exact.registered('a.b');
    prefix.registered('a', { match: 'prefix' });
    exact.vanish();
    caller.call('a.b');
    expect(prefix.take()).toHaveLength(1);
    prefix.vanish();
    caller.take();
    const request = caller.call('a.b');
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.NO_SUCH_PROCEDURE)]);
  });

  it('PITFALLS 50: INVOCATION.Details.procedure is the called URI for prefix and wildcard, absent for exact', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('a.b');
    callee.registered('p', { match: 'prefix' });
    callee.registered('.c', { match: 'wildcard' });
    for (const procedure of ['a.b', 'p.q', 'a.c']) caller.call(procedure);
    expect(callee.take().map((invocation) => invocation[3])).toEqual([{}, { procedure: 'p.q' }, { procedure: 'a.c' }]);
  });
});
