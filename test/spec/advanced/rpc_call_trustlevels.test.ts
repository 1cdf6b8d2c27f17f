import { describe, expect, it, onTestFinished } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { TestCore } from '../../support/core.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startRouter } from '../../support/start-router.ts';

const REALM = (trustlevel: string) => `
realm: realm1
environment: test
anonymous: { role: anybody }
roles:
  anybody:
    ${trustlevel}
    rules: [{ uri: "", match: prefix, allow: [call, register, publish, subscribe] }]
`;

describe('Advanced Profile: Call Trust Levels', () => {
  it('INVOCATION says the trust level of the caller’s role, beside whatever else it says', () => {
    const core = new TestCore();
    core.authorizer.trust('planner', 7).trust('guest', 0);
    const [planner, guest, stranger] = [
      core.join({ authrole: 'planner', authid: 'ann' }),
      core.join({ authrole: 'guest' }),
      core.join({ authrole: 'unrated' }),
    ];
    const callee = core.join();
    callee.registered('a', { match: 'prefix' });
    planner.call('a.b', { discloseMe: true });
    guest.call('a.b');
    stranger.call('a.b');
    expect(callee.take().map((invocation) => invocation[3])).toEqual([
      { procedure: 'a.b', caller: planner.id, caller_authid: 'ann', caller_authrole: 'planner', trustlevel: 7 },
      { procedure: 'a.b', trustlevel: 0 },
      { procedure: 'a.b' },
    ]);
  });

  it('PITFALLS 13: a callee that did not announce the feature is not told', () => {
    const core = new TestCore();
    core.authorizer.trust('agent', 7);
    const caller = core.join();
    const callee = core.join({ features: ALL_FEATURES & ~Feature.CALLEE_CALL_TRUSTLEVELS });
    callee.registered('p');
    caller.call('p');
    expect(callee.invoked().details).toEqual({});
  });

  it('CONTRACT 4: a trust level in the realm file is in force after a reload, for sessions that stay', async () => {
    const router = await startRouter({ realms: { realm1: REALM('trustlevel: 2') } });
    onTestFinished(() => router.stop());
    const roles = {
      caller: {},
      callee: { features: { call_trustlevels: true } },
      publisher: {},
      subscriber: { features: { publication_trustlevels: true } },
    };
    const client = await (await RawClient.connect(router.url)).join('realm1', { roles });
    await client.register('p');
    await client.subscribe('t');
    const levels: unknown[] = [];
    for (const trustlevel of ['trustlevel: 2', 'trustlevel: 5', '']) {
      router.writeRealm('realm1', REALM(trustlevel));
      router.reload();
      client.call('p');
      const { request, details } = await client.expect(MessageType.INVOCATION);
      client.send([MessageType.YIELD, request, {}]);
      await client.expect(MessageType.RESULT);
      client.publish('t', { exclude_me: false });
      levels.push([details.trustlevel, (await client.expect(MessageType.EVENT)).details.trustlevel]);
    }
    expect(levels).toEqual([
      [2, 2],
      [5, 5],
      [undefined, undefined],
    ]);
    client.close();
  });
});
