import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { INVOKE_POLICIES, readRegisterOptions } from '../../../src/wamp/options.ts';
import type { Match } from '../../../src/wamp/uri.ts';
import { type Client, errorWire, TestCore } from '../../support/core.ts';

/** Which of `callees` a call of `procedure` reaches; -1: none. */
function reached(caller: Client, procedure: string, callees: readonly Client[]): number {
  caller.call(procedure);
  return callees.findIndex((callee) => callee.takeTypes().includes(68));
}

describe('weak registrations (ARCHITECTURE 1.4)', () => {
  it('cannot be asked for over the wire', () => {
    expect(readRegisterOptions({ weak: true }).weak).toBe(false);
  });

  it.each<[string, Match]>([
    ['a.b', 'exact'],
    ['a', 'prefix'],
    ['', 'prefix'],
    ['.b', 'wildcard'],
  ])('are asked only where no ordinary one matches: %j (%s)', (uri, match) => {
    const core = new TestCore();
    const [caller, weak, ordinary] = [core.join(), core.join(), core.join()];
    weak.registered('a.b', { weak: true });
    const id = ordinary.registered(uri, { match });
    expect(reached(caller, 'a.b', [weak, ordinary])).toBe(1);
    ordinary.unregister(id);
    ordinary.take();
    expect(reached(caller, 'a.b', [weak, ordinary])).toBe(0);
  });

  it('are no reason for procedure_already_exists, whoever came first and whatever the policy', () => {
    for (const invoke of INVOKE_POLICIES) {
      const core = new TestCore();
      const [weak, ordinary, later] = [core.join(), core.join(), core.join()];
      weak.registered('p', { weak: true });
      ordinary.registered('p', { invoke });
      later.registered('p', { weak: true });
      expect(weak.registered('p', { invoke: 'single', match: 'prefix' })).toBeGreaterThan(0);
    }
  });

  it('of one URI are shared, and the last to come is asked, then the one before', () => {
    const core = new TestCore();
    const caller = core.join();
    const weak = core.joinMany(3);
    const ids = weak.map((callee) => callee.registered('p', { weak: true, invoke: 'first' }));
    expect(new Set(ids).size).toBe(1);
    expect(reached(caller, 'p', weak)).toBe(2);
    weak[2]?.vanish();
    expect(reached(caller, 'p', weak)).toBe(1);
    const refusing = weak[1];
    if (refusing !== undefined) refusing.peer.refuse = () => ErrorUri.UNAVAILABLE;
    expect(reached(caller, 'p', weak)).toBe(0);
  });

  it('have the precedence of patterns among themselves: exact, longest prefix, wildcard', () => {
    const core = new TestCore();
    const caller = core.join();
    const [exact, long, short, wildcard] = [core.join(), core.join(), core.join(), core.join()];
    const all = [exact, long, short, wildcard];
    wildcard.registered('a.', { weak: true, match: 'wildcard' });
    short.registered('a', { weak: true, match: 'prefix' });
    long.registered('a.b', { weak: true, match: 'prefix' });
    exact.registered('a.b', { weak: true });
    for (const [at, callee] of all.entries()) {
      expect(reached(caller, 'a.b', all)).toBe(at);
      callee.vanish();
    }
    caller.take();
    caller.call('a.b');
    expect(caller.take()).toEqual([errorWire(48, 5, ErrorUri.NO_SUCH_PROCEDURE)]);
  });

  it('PITFALLS 30: capture no call under wamp.', () => {
    const core = new TestCore();
    const [caller, weak] = [core.join(), core.join()];
    weak.registered('', { weak: true, match: 'prefix' });
    expect(reached(caller, 'wamp.session.count', [weak])).toBe(-1);
    expect(reached(caller, 'anything', [weak])).toBe(0);
  });

  it('are not counted or found among the ordinary ones, and end like them', () => {
    const core = new TestCore();
    const weak = core.join();
    const id = weak.registered('p', { weak: true });
    const { registry } = core.realm.dealer;
    expect([registry.size, registry.get('p', 'exact')]).toEqual([0, undefined]);
    expect(registry.best('p')?.id).toBe(id);
    const request = weak.unregister(id);
    expect(weak.take()).toEqual([[67, request]]);
    expect(registry.best('p')).toBeUndefined();
  });

  it('hold a session once, force_reregister or not', () => {
    const core = new TestCore();
    const weak = core.join();
    weak.registered('p', { weak: true });
    weak.register('p', { weak: true });
    weak.register('p', { weak: true, forceReregister: true });
    expect(weak.take()).toEqual([
      errorWire(64, 2, ErrorUri.PROCEDURE_ALREADY_EXISTS),
      errorWire(64, 3, ErrorUri.PROCEDURE_ALREADY_EXISTS),
    ]);
    weak.vanish();
    expect(core.realm.dealer.registry.best('p')).toBeUndefined();
  });

  it('are not displaced by force_reregister of an ordinary one', () => {
    const core = new TestCore();
    const [caller, weak, ordinary] = [core.join(), core.join(), core.join()];
    weak.registered('p', { weak: true });
    ordinary.registered('p', { forceReregister: true });
    expect(weak.take()).toEqual([]);
    ordinary.vanish();
    expect(reached(caller, 'p', [weak])).toBe(0);
  });
});
