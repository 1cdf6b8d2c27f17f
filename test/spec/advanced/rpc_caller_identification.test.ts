import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { TestCore } from '../../support/core.ts';

function core() {
  const made = new TestCore();
  const caller = made.join({ authid: 'ann', authrole: 'planner' });
  return { core: made, caller, named: { caller: caller.id, caller_authid: 'ann', caller_authrole: 'planner' } };
}

describe('Advanced Profile: Caller Identification', () => {
  it('PITFALLS 61: disclose_me names the caller by session, authid and authrole', () => {
    const { core: made, caller, named } = core();
    const callee = made.join();
    callee.registered('p');
    caller.call('p', { discloseMe: true });
    caller.call('p');
    expect(callee.take().map((invocation) => invocation[3])).toEqual([named, {}]);
  });

  it('PITFALLS 61: disclose_caller of the registration names every caller, beside the procedure of a pattern', () => {
    const { core: made, caller, named } = core();
    const callee = made.join();
    callee.registered('p', { match: 'prefix', discloseCaller: true });
    caller.call('p.q');
    expect(callee.take()[0]?.[3]).toEqual({ procedure: 'p.q', ...named });
  });

  it('CONTRACT 4: a rule that discloses the caller does so unasked', () => {
    const { core: made, caller, named } = core();
    made.authorizer.disclose('call', 'p');
    const callee = made.join();
    callee.registered('p');
    caller.call('p');
    expect(callee.take()[0]?.[3]).toEqual(named);
  });

  it('PITFALLS 13: a callee that did not announce caller_identification is told of nobody', () => {
    const { core: made, caller } = core();
    const callee = made.join({ features: ALL_FEATURES & ~Feature.CALLEE_CALLER_IDENTIFICATION });
    callee.registered('p', { discloseCaller: true });
    caller.call('p', { discloseMe: true });
    expect(callee.take()[0]?.[3]).toEqual({});
  });

  it("PITFALLS 61: the router's own sessions are never named", () => {
    const made = new TestCore();
    const [own, callee] = [made.join({ internal: true }), made.join()];
    callee.registered('p', { discloseCaller: true });
    own.call('p', { discloseMe: true });
    expect(callee.take()[0]?.[3]).toEqual({});
  });
});
