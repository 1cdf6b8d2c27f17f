import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ROUTER, Session } from '../../src/router/session.ts';
import { Subscription } from '../../src/router/subscription.ts';
import { RecordingPeer } from '../support/recording-peer.ts';

const step = fc.record({ kind: fc.constantFrom('add', 'delete'), who: fc.nat({ max: 3 }) });

it('after any sequence of subscribing and leaving, a subscription has the subscribers that a map would have', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const sessions = [0, 1, 2, 3].map(
        (id) => new Session(id, { identity: ROUTER, features: 0 }, new RecordingPeer(), 0),
      );
      const subscription = new Subscription(1, 'a.b', 'exact', 0);
      const twin = new Map<Session, number>();
      for (const [order, { kind, who }] of steps.entries()) {
        const session = sessions[who];
        if (session === undefined) continue;
        if (kind === 'delete') expect(subscription.delete(session)).toBe(twin.delete(session));
        else if (!subscription.has(session)) {
          subscription.add(session, order);
          twin.set(session, order);
        }
        expect([...subscription.subscribers]).toEqual([...twin]);
        expect(subscription.size).toBe(twin.size);
        for (const each of sessions) expect(subscription.has(each)).toBe(twin.has(each));
        if (subscription.sole !== undefined) expect([...twin]).toEqual([[subscription.sole, subscription.soleOrder]]);
      }
    }),
  );
});
