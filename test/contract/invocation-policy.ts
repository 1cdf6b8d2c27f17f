import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import type { InvokePolicy } from '../../src/wamp/options.ts';
import { type Client, errorWire, TestCore } from '../support/core.ts';

/** A policy, and whom it asks of so many callees if all stay as they are. */
export interface PolicyExample {
  readonly invoke: InvokePolicy;
  /** Positions asked by the first calls, given the number of callees; undefined: any will do. */
  readonly order: ((callees: number, calls: number) => readonly number[]) | undefined;
}

/** What every invocation policy must do. `single` passes with its one callee. */
export function invocationPolicyContract({ invoke, order }: PolicyExample): void {
  const most = invoke === 'single' ? 1 : 4;

  function scene(count: number) {
    const core = new TestCore();
    const caller = core.join();
    const callees = core.joinMany(count);
    for (const callee of callees) callee.registered('p', { invoke });
    return { core, caller, callees };
  }

  /** Positions of the callees that `calls` calls reached, each answered at once. */
  function reached(caller: Client, callees: readonly Client[], calls: number): number[] {
    return Array.from({ length: calls }, () => {
      caller.call('p');
      const at = callees.findIndex((callee) => callee.session.invocations.size > 0);
      callees[at]?.yield(callees[at]?.session.lastInvocation ?? 0);
      expect(callees.every((callee) => callee.session.invocations.size === 0)).toBe(true);
      return at;
    });
  }

  describe(`invocation policy ${invoke}`, () => {
    it('every call reaches exactly one callee', () => {
      for (let count = 1; count <= most; count += 1) {
        const { caller, callees } = scene(count);
        const positions = reached(caller, callees, 9);
        expect(positions.every((at) => at >= 0)).toBe(true);
        if (order !== undefined) expect(positions).toEqual(order(count, 9));
        expect(caller.takeTypes()).toEqual(Array.from({ length: 9 }, () => MessageType.RESULT));
      }
    });

    it('PITFALLS 51: whoever leaves or unregisters mid-cycle, each call reaches one of those who are left', () => {
      for (let leaver = 0; leaver < most; leaver += 1) {
        for (let calls = 0; calls <= most; calls += 1) {
          for (const how of ['vanish', 'unregister'] as const) {
            const { caller, callees } = scene(most);
            reached(caller, callees, calls);
            const leaving = callees[leaver];
            if (how === 'vanish') leaving?.vanish();
            else for (const id of [...(leaving?.session.registrations.keys() ?? [])]) leaving?.unregister(id);
            const after = reached(caller, callees, most === 1 ? 0 : 9);
            expect(after).not.toContain(leaver);
            expect(after).not.toContain(-1);
          }
        }
      }
    });

    it('PITFALLS 51: a callee that joins mid-cycle is one of them', () => {
      if (most === 1) return;
      const { core, caller, callees } = scene(2);
      reached(caller, callees, 1);
      const late = core.join();
      late.registered('p', { invoke });
      expect(reached(caller, [...callees, late], 30).every((at) => at >= 0)).toBe(true);
    });

    it('a callee that does not take the call: the next one is asked', () => {
      for (let refusing = 0; refusing < most; refusing += 1) {
        const { caller, callees } = scene(most);
        const peer = callees[refusing]?.peer;
        if (peer !== undefined)
          peer.refuse = (message) => (message.type === MessageType.INVOCATION ? 'app.busy' : undefined);
        if (most === 1) break;
        const after = reached(caller, callees, 12);
        expect(after).not.toContain(refusing);
        expect(after).not.toContain(-1);
      }
    });

    it('where nobody takes it each callee was asked once, and the caller hears the last reason', () => {
      const { caller, callees } = scene(most);
      const asked: number[] = [];
      for (const [at, callee] of callees.entries()) {
        callee.peer.refuse = () => {
          asked.push(at);
          return ErrorUri.UNAVAILABLE;
        };
      }
      const request = caller.call('p');
      expect(asked.toSorted()).toEqual([...callees.keys()]);
      expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.UNAVAILABLE)]);
    });

    it('A14: a callee that leaves by being asked has been offered the call: it is canceled, not asked of another', () => {
      const { caller, callees } = scene(most);
      for (const callee of callees) {
        callee.peer.refuse = () => {
          callee.vanish();
          return ErrorUri.UNAVAILABLE;
        };
      }
      const request = caller.call('p');
      expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
      expect(callees.filter((callee) => callee.session.ended)).toHaveLength(1);
    });
  });
}
