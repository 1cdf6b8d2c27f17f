import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { INVOKE_POLICIES } from '../../../src/wamp/options.ts';
import { errorWire, TestCore } from '../../support/core.ts';

const SHARED = INVOKE_POLICIES.filter((policy) => policy !== 'single');

describe('Advanced Profile: Shared Registration', () => {
  it.each(SHARED)('%s: callees of the same policy join, and all have one registration id', (invoke) => {
    const core = new TestCore();
    const ids = core.joinMany(3).map((callee) => callee.registered('p', { invoke }));
    expect(new Set(ids).size).toBe(1);
  });

  it('PITFALLS 47: another policy, or single on either side, is procedure_already_exists', () => {
    for (const held of INVOKE_POLICIES) {
      for (const asked of INVOKE_POLICIES) {
        if (held === asked && held !== 'single') continue;
        const core = new TestCore();
        const [holder, other] = [core.join(), core.join()];
        holder.registered('p', { invoke: held });
        other.register('p', { invoke: asked });
        expect(other.take()).toEqual([errorWire(64, 1, ErrorUri.PROCEDURE_ALREADY_EXISTS)]);
      }
    }
  });

  it.each(SHARED)('PITFALLS 47: %s: the same session a second time is procedure_already_exists', (invoke) => {
    const core = new TestCore();
    const callee = core.join();
    callee.registered('p', { invoke });
    const request = callee.register('p', { invoke });
    expect(callee.take()).toEqual([errorWire(64, request, ErrorUri.PROCEDURE_ALREADY_EXISTS)]);
  });

  it('the policy belongs to (uri, match): patterns of the same text may have another', () => {
    const core = new TestCore();
    const callee = core.join();
    callee.registered('a.b', { invoke: 'first' });
    callee.registered('a.b', { invoke: 'roundrobin', match: 'prefix' });
    callee.registered('a.b', { match: 'wildcard' });
    expect(callee.session.registrations.size).toBe(3);
  });

  it('one callee leaving leaves the registration to the others, under its id and policy', () => {
    const core = new TestCore();
    const [one, two, three] = [core.join(), core.join(), core.join()];
    const id = one.registered('p', { invoke: 'last' });
    two.registered('p', { invoke: 'last' });
    one.vanish();
    expect(three.registered('p', { invoke: 'last' })).toBe(id);
    three.unregister(id);
    two.unregister(id);
    three.take();
    expect(three.registered('p')).not.toBe(id);
  });

  it('B5: disclose_caller and forward_timeout are each callee’s own', () => {
    const core = new TestCore();
    const [caller, plain, curious] = [core.join(), core.join(), core.join()];
    plain.registered('p', { invoke: 'roundrobin' });
    curious.registered('p', { invoke: 'roundrobin', discloseCaller: true, forwardTimeout: true });
    caller.call('p', { timeout: 500 });
    caller.call('p', { timeout: 500 });
    expect(plain.take()[0]?.[3]).toEqual({});
    expect(curious.take()[0]?.[3]).toEqual(expect.objectContaining({ caller: caller.id, timeout: 500 }));
    expect(core.realm.dealer.timed).toBe(1);
  });
});
