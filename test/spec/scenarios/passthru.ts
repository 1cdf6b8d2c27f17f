import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/wamp/messages.ts';
import { binaryOf, KeyHolder, PASSTHRU_ROLES } from '../../support/sealed.ts';
import type { Environment } from './environment.ts';
import { listen } from './pubsub.ts';

const PPT = { ppt_scheme: 'wamp', ppt_serializer: 'cbor', ppt_cipher: 'xsalsa20poly1305', ppt_keyid: 'k1' };

/** Raw clients, because autobahn does not know the mode. */
export function passthruScenarios(env: Environment): void {
  describe('Payload Passthru Mode', () => {
    const [alice, bob] = [new KeyHolder(), new KeyHolder()];

    it('D10: a sealed call is answered with a sealed result', async () => {
      const [caller, callee] = await Promise.all([
        env.raw({ roles: PASSTHRU_ROLES }),
        env.raw({ roles: PASSTHRU_ROLES }),
      ]);
      await callee.register('com.sealed');
      caller.call('com.sealed', PPT, [alice.seal('question', bob)]);
      const { request, details, args } = await callee.expect(MessageType.INVOCATION);
      expect(details).toEqual(PPT);
      expect(bob.open(binaryOf(env.serializer, args[0]), alice)).toBe('question');
      callee.send([MessageType.YIELD, request, PPT, [bob.seal('answer', alice)]]);
      const result = await caller.expect(MessageType.RESULT);
      expect(result.details).toEqual(PPT);
      expect(alice.open(binaryOf(env.serializer, result.args[0]), bob)).toBe('answer');
    });

    it('D10: a sealed event reaches who knows the mode, and autobahn, which does not, gets the next one', async () => {
      const [publisher, subscriber] = await Promise.all([
        env.raw({ roles: PASSTHRU_ROLES }),
        env.raw({ roles: PASSTHRU_ROLES }),
      ]);
      const inbox = await listen((await env.agent()).session, 'com.sealed');
      await subscriber.subscribe('com.sealed');
      publisher.publish('com.sealed', PPT, [alice.seal('news', bob)]);
      publisher.publish('com.sealed', {}, ['ordinary']);
      const event = await subscriber.expect(MessageType.EVENT);
      expect(event.details).toEqual(PPT);
      expect(bob.open(binaryOf(env.serializer, event.args[0]), alice)).toBe('news');
      expect((await inbox.until(1))[0]?.args).toEqual(['ordinary']);
    });

    it('D10: autobahn, which does not know the mode, as callee: wamp.error.feature_not_supported', async () => {
      const [caller, { session }] = await Promise.all([env.raw({ roles: PASSTHRU_ROLES }), env.agent()]);
      await session.register('com.sealed', () => 'never');
      caller.call('com.sealed', PPT, [alice.seal('question', bob)]);
      expect(await caller.expect(MessageType.ERROR)).toMatchObject({ error: 'wamp.error.feature_not_supported' });
    });

    it('D10: without having announced the mode CALL and PUBLISH are ABORT', async () => {
      for (const send of ['call', 'publish'] as const) {
        const client = await env.raw();
        client[send]('com.sealed', PPT, [alice.seal('x', bob)]);
        expect(await client.expect(MessageType.ABORT)).toMatchObject({ reason: 'wamp.error.protocol_violation' });
      }
    });
  });
}
