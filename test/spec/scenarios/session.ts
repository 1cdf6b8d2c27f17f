import { describe, expect, it } from 'vitest';
import { ROUTER_ROLES } from '../../../src/wamp/features.ts';
import type { Environment } from './environment.ts';

export function sessionScenarios(env: Environment): void {
  describe('Session Establishment', () => {
    it('PITFALLS 12: WELCOME announces broker and dealer exactly as built, with features', async () => {
      const { details } = await env.agent();
      expect(details.roles).toEqual(ROUTER_ROLES);
      expect(details.agent).toBe('waggle-test');
    });

    it('PITFALLS 12: WELCOME says who an anonymous client is', async () => {
      const { details } = await env.agent();
      expect(details).toMatchObject({
        realm: 'realm1',
        authid: expect.stringMatching(/./),
        authrole: 'anybody',
        authmethod: 'anonymous',
        authprovider: 'static',
      });
    });

    it('PITFALLS 12: WELCOME says who an authenticated client is', async () => {
      const { details } = await env.named('alice');
      expect(details).toMatchObject({
        realm: 'realm1',
        authid: 'alice',
        authrole: 'agent',
        authmethod: 'ticket',
        authprovider: 'static',
      });
    });

    it('autobahn finds every feature announced that it can use, but none that is not built', async () => {
      const { session } = await env.agent();
      const pubsub = { publisher_identification: true };
      expect(session.features).toEqual({
        publisher: { ...pubsub, subscriber_blackwhite_listing: true, publisher_exclusion: true },
        subscriber: { ...pubsub, pattern_based_subscription: true, subscription_revocation: true },
        caller: { caller_identification: true, call_canceling: true, progressive_call_results: true },
        callee: {
          caller_identification: true,
          pattern_based_registration: true,
          shared_registration: true,
          progressive_call_results: true,
          registration_revocation: true,
        },
      });
    });

    it('PITFALLS 11: session ids are different, not sequential and in 1 … 2^53', async () => {
      const agents = await Promise.all([env.agent(), env.agent(), env.agent(), env.agent()]);
      const ids = agents.map(({ session }) => session.id).sort((a, b) => a - b);
      expect(new Set(ids).size).toBe(4);
      for (const [at, id] of ids.entries()) {
        expect(id).toBeGreaterThanOrEqual(1);
        expect(id).toBeLessThanOrEqual(2 ** 53);
        if (at > 0) expect(id - (ids[at - 1] ?? 0)).toBeGreaterThan(1000);
      }
    });

    it('PITFALLS 9: a realm that does not exist is refused with no_such_realm', async () => {
      await expect(env.agent({ realm: 'nowhere' })).rejects.toMatchObject({ reason: 'wamp.error.no_such_realm' });
    });
  });

  describe('Session Close', () => {
    it('PITFALLS 5: GOODBYE is answered with goodbye_and_out', async () => {
      const agent = await env.agent();
      agent.connection.close();
      expect(await agent.closed).toMatchObject({ reason: 'wamp.close.goodbye_and_out', will_retry: false });
    });

    it('PITFALLS 5: GOODBYE is echoed once and nothing follows', async () => {
      const client = await env.raw();
      const publisher = await env.raw();
      await client.subscribe('com.topic');
      client.send([6, {}, 'wamp.close.close_realm']);
      expect(await client.take()).toEqual([6, {}, 'wamp.close.goodbye_and_out']);
      publisher.publish('com.topic', { acknowledge: true });
      await publisher.expect(17);
      client.hello('realm1');
      await client.expect(2);
      expect(client.received.map((message) => (message as number[])[0])).toEqual([2, 33, 6, 2]);
    });

    it('PITFALLS 6: after GOODBYE the same transport carries a new session with a new id', async () => {
      const client = await env.raw();
      const first = client.session;
      await client.subscribe('com.topic');
      client.send([6, {}, 'wamp.close.normal']);
      await client.expect(6);
      await client.join('realm1');
      expect(client.session).not.toBe(first);
      client.publish('com.topic', { exclude_me: false, acknowledge: true });
      expect((await client.expect(17)).request).toBeGreaterThan(0);
      expect(await client.settle()).toEqual([]);
    });

    it('PITFALLS 8: what a session held is gone when its transport drops', async () => {
      const callee = await env.raw();
      const { session } = await env.agent();
      await callee.register('com.short');
      callee.destroy();
      await callee.ended;
      // The router hears of it in its own time; from then on the procedure is free.
      for (;;) {
        const registration = await session.register('com.short', () => 'mine').catch(() => undefined);
        if (registration !== undefined) break;
      }
      expect(await session.call('com.short')).toBe('mine');
    });
  });

  describe('Authentication', () => {
    it('a ticket that is wrong is refused with authentication_denied', async () => {
      const wrong = env.agent({ authid: 'bob', authmethods: ['ticket'], onchallenge: () => 'secret-alice' });
      await expect(wrong).rejects.toMatchObject({ reason: 'wamp.error.authentication_denied' });
    });

    it('a client that cannot answer the challenge says ABORT, which is not answered', async () => {
      const unable = env.agent({
        authid: 'carol',
        authmethods: ['ticket'],
        onchallenge: () => {
          throw new Error('no ticket at hand');
        },
      });
      await expect(unable).rejects.toMatchObject({ reason: null });
    });
  });
}
