import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { errorWire, TestAuthorizer, TestCore } from '../../support/core.ts';

const SILENT = ALL_FEATURES & ~Feature.CALLEE_REVOCATION;

describe('Advanced Profile: Registration Revocation, and force_reregister', () => {
  it('B12: rules that no longer allow it end the registration; who announced it is told by UNREGISTERED with id 0', () => {
    const core = new TestCore();
    const [caller, told, silent] = [core.join(), core.join(), core.join({ features: SILENT })];
    const id = told.registered('p', { invoke: 'roundrobin' });
    silent.registered('p', { invoke: 'roundrobin' });
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('register', 'p') });
    expect(told.take()).toEqual([[67, 0, { registration: id, reason: expect.any(String) }]]);
    expect(silent.take()).toEqual([]);
    caller.call('p');
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.NO_SUCH_PROCEDURE)]);
    expect([told.session.registrations.size, core.realm.dealer.registry.size]).toEqual([0, 0]);
  });

  it('PITFALLS 52: a call under way may be answered after the revocation', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.registered('p');
    caller.call('p');
    core.realm.configure({ ...core.settings, authorizer: new TestAuthorizer().deny('register', 'p') });
    callee.yield(1, ['in time']);
    expect(caller.take()).toEqual([[50, 1, {}, ['in time']]]);
  });

  it('B10: force_reregister takes a procedure over: the old callee is told, calls go to the new one', () => {
    const core = new TestCore();
    const [caller, old, fresh] = [core.join(), core.join(), core.join()];
    const before = old.registered('p');
    caller.call('p');
    expect(old.takeTypes()).toEqual([MessageType.INVOCATION]);
    const after = fresh.registered('p', { forceReregister: true });
    expect(after).not.toBe(before);
    expect(old.take()).toEqual([[67, 0, { registration: before, reason: expect.any(String) }]]);
    old.yield(1, ['old']);
    caller.call('p');
    fresh.yield(fresh.invoked().request, ['new']);
    expect(caller.take().map((result) => result[3])).toEqual([['old'], ['new']]);
  });

  it('B10: it displaces every callee of a shared registration, whatever the policies, and the session itself', () => {
    const core = new TestCore();
    const [one, two] = [core.join(), core.join({ features: SILENT })];
    const before = one.registered('p', { invoke: 'first' });
    two.registered('p', { invoke: 'first' });
    const request = one.register('p', { invoke: 'roundrobin', forceReregister: true });
    expect(one.take()).toEqual([
      [65, request, before + 1],
      [67, 0, { registration: before, reason: expect.any(String) }],
    ]);
    expect(two.take()).toEqual([]);
    expect([one.session.registrations.size, two.session.registrations.size]).toEqual([1, 0]);
  });

  it('B10: without a registration to take over it is an ordinary REGISTER', () => {
    const core = new TestCore();
    const callee = core.join();
    callee.register('p', { forceReregister: true });
    expect(callee.take()).toEqual([[65, 1, 1]]);
  });
});
