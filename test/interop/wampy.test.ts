/** The other client of the field, wampy, in every encoding: a shorter list than autobahn's. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CborSerializer } from 'wampy/CborSerializer.js';
import { WebSocket } from 'ws';
import { Inbox, joinAgent } from '../support/autobahn-client.ts';
import { certificateA } from '../support/certificates.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';
import { joinWampy, type WampyAgent } from '../support/wampy-client.ts';

const REALM = `
realm: realm1
anonymous: { role: guest }
principals:
  alice: { role: agent, ticket: { env: ALICE } }
  bob: { role: agent, ticket: { env: BOB } }
roles:
  agent: [{ uri: com., match: prefix, allow: [call, register, publish, subscribe] }]
  guest: [{ uri: com., match: prefix, allow: [call, register, publish, subscribe] }]
`;

let router: RunningRouter;
beforeAll(async () => {
  router = await startRouter({ realms: { realm1: REALM }, env: { ALICE: 'secret-alice', BOB: 'secret-bob' } });
});
afterAll(() => router.stop());

const joined: WampyAgent[] = [];
afterEach(async () => {
  await Promise.all(joined.splice(0).map(({ wampy }) => wampy.disconnect()));
});

/** What a promise is rejected with. */
async function thrown(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => expect.fail('not refused'),
    (error: unknown) => error as Record<string, unknown>,
  );
}

/** `ws`, which trusts the router of the tests. */
class Trusting extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { ca: certificateA.cert });
  }
}

it('over wss: joins, calls and is called', async () => {
  const secure = await startRouter({
    realms: { realm1: REALM },
    listeners:
      'listeners: [{ tcp: 127.0.0.1:0, tls: { cert: cert.pem, key: key.pem }, endpoints: [{ path: /ws, protocol: wamp }] }]',
    files: { 'cert.pem': certificateA.cert, 'key.pem': certificateA.key },
  });
  expect(secure.url).toMatch(/^wss:/);
  const agents = await Promise.all(
    RAW_NAMES.map((name) => joinWampy(secure.url, name, { realm: 'realm1', ws: Trusting as never })),
  );
  const [callee, caller] = agents;
  await callee?.wampy.register('com.add', ({ argsList }: { argsList?: unknown[] }) => ({
    argsList: [Number(argsList?.[0]) + Number(argsList?.[1])],
  }));
  expect(await caller?.wampy.call('com.add', [2, 3])).toMatchObject({ argsList: [5] });
  await Promise.all(agents.map(({ wampy }) => wampy.disconnect()));
  await secure.stop();
});

for (const name of RAW_NAMES) {
  describe(name, () => {
    const join = async (authid?: 'alice' | 'bob') => {
      const credentials =
        authid === undefined ? {} : { authid, authmethods: ['ticket'], onChallenge: () => `secret-${authid}` };
      const payloadSerializers = { cbor: new CborSerializer() };
      const agent = await joinWampy(router.url, name, { realm: 'realm1', payloadSerializers, ...credentials });
      joined.push(agent);
      return agent;
    };

    it('joins anonymously and with a ticket', async () => {
      const [guest, alice] = await Promise.all([join(), join('alice')]);
      expect(guest.welcome).toMatchObject({ authmethod: 'anonymous', authrole: 'guest', realm: 'realm1' });
      expect(alice.welcome).toMatchObject({ authmethod: 'ticket', authid: 'alice', authrole: 'agent' });
    });

    it('is refused with a wrong ticket', async () => {
      const wrong = joinWampy(router.url, name, {
        realm: 'realm1',
        authid: 'bob',
        authmethods: ['ticket'],
        onChallenge: () => 'wrong',
      });
      expect(await thrown(wrong)).toMatchObject({ errorUri: 'wamp.error.authentication_denied' });
    });

    it('hears events with their args and kwargs; a publication is acknowledged', async () => {
      const [alice, bob] = await Promise.all([join('alice'), join('bob')]);
      const heard = new Inbox<{ argsList?: unknown[]; argsDict?: Record<string, unknown> }>();
      await alice.wampy.subscribe('com.topic', heard.put);
      const { publicationId } = await bob.wampy.publish('com.topic', {
        argsList: [1, 'é 😀', [null, 1.5]],
        argsDict: { deep: { list: [{}] } },
      });
      expect(publicationId).toBeGreaterThan(0);
      const [event] = await heard.until(1);
      expect(event).toMatchObject({ argsList: [1, 'é 😀', [null, 1.5]], argsDict: { deep: { list: [{}] } } });
    });

    it('hears the topics of a wildcard and of a prefix', async () => {
      const [alice, bob] = await Promise.all([join('alice'), join('bob')]);
      const heard = new Inbox<unknown>();
      const topic = ({ details }: { details: Record<string, unknown> }) => heard.put(details.topic);
      await alice.wampy.subscribe('com..status', topic, { match: 'wildcard' });
      await bob.wampy.publish('com.planner.status', ['idle']);
      await alice.wampy.subscribe('com.task', topic, { match: 'prefix' });
      await bob.wampy.publish('com.task.done', [1]);
      expect(await heard.until(2)).toEqual(['com.planner.status', 'com.task.done']);
    });

    it('obeys white lists that wampy sends', async () => {
      const [alice, bob] = await Promise.all([join('alice'), join('bob')]);
      const heard = new Inbox<unknown>();
      await alice.wampy.subscribe('com.listed', ({ argsList }) => heard.put(argsList?.[0]));
      await bob.wampy.publish('com.listed', ['not for alice'], { eligible_authid: 'bob' });
      await bob.wampy.publish('com.listed', ['for alice'], { eligible_authid: 'alice' });
      expect(await heard.until(1)).toEqual(['for alice']);
    });

    it('PITFALLS 73: undefined in options is as absent, in payload as null', async () => {
      const [alice, hearer] = await Promise.all([
        join('alice'),
        joinAgent({ url: router.url }, 'json', { realm: 'realm1' }),
      ]);
      // wampy writes every option it knows, undefined where it was not given.
      await alice.wampy.subscribe('com.topic', () => {}, { match: 'prefix' });
      const heard = new Inbox<unknown>();
      await hearer.session.subscribe('com.void', (args) => heard.put(args));
      await alice.wampy.publish('com.void', [1, undefined, 2]);
      expect(await heard.until(1)).toEqual([[1, null, 2]]);
      await hearer.leave();
    });

    it('unsubscribes', async () => {
      const alice = await join('alice');
      const { subscriptionKey } = await alice.wampy.subscribe('com.gone', () => {});
      await alice.wampy.unsubscribe(subscriptionKey);
      await alice.wampy.publish('com.gone', [1]);
    });

    it('registers and is called by autobahn, with results and with errors that cross whole', async () => {
      const [alice, caller] = await Promise.all([
        join('alice'),
        joinAgent({ url: router.url }, name, { realm: 'realm1' }),
      ]);
      await alice.wampy.register('com.wampy.echo', ({ argsList, argsDict }) => ({
        argsList: [...(argsList ?? []), 'echo'],
        argsDict: argsDict ?? {},
      }));
      await alice.wampy.register('com.wampy.fail', () => {
        throw Object.assign(new Error(), { error: 'com.error.wampy', argsList: ['no'], argsDict: { why: 'because' } });
      });
      const answer = await caller.session.call('com.wampy.echo', [1], { k: 'é' });
      expect(answer).toMatchObject({ args: [1, 'echo'], kwargs: { k: 'é' } });
      const error = await thrown(caller.session.call('com.wampy.fail'));
      expect(error).toMatchObject({ error: 'com.error.wampy', args: ['no'], kwargs: { why: 'because' } });
      await caller.leave();
    });

    it('calls autobahn, progress included, and hears its errors whole', async () => {
      const [alice, callee] = await Promise.all([
        join('alice'),
        joinAgent({ url: router.url }, name, { realm: 'realm1' }),
      ]);
      await callee.session.register('com.steps', ([count], _kwargs, { progress }) => {
        for (let n = 0; n < Number(count); n += 1) progress?.([n]);
        return 'done';
      });
      const steps: unknown[] = [];
      const result = await alice.wampy.call('com.steps', [3], {
        progress_callback: ({ argsList }) => {
          steps.push(argsList?.[0]);
        },
      });
      expect(result.argsList).toEqual(['done']);
      expect(steps).toEqual([0, 1, 2]);
      const missing = await thrown(alice.wampy.call('com.nothing', []));
      expect(missing).toMatchObject({ errorUri: 'wamp.error.no_such_procedure' });
      await callee.leave();
    });

    it('cancels a call, and a call runs into its timeout', async () => {
      const [alice, bob] = await Promise.all([join('alice'), join('bob')]);
      const asked = new Inbox<unknown>();
      await bob.wampy.register('com.slow', () => {
        asked.put(1);
        return new Promise(() => {});
      });
      const call = thrown(alice.wampy.call('com.slow', []));
      const { reqId } = alice.wampy.getOpStatus();
      await asked.until(1);
      alice.wampy.cancel(reqId, { mode: 'kill' });
      expect(await call).toMatchObject({ errorUri: 'wamp.error.canceled' });
      const late = await thrown(alice.wampy.call('com.slow', [], { timeout: 20 }));
      expect(late).toMatchObject({ errorUri: 'wamp.error.timeout' });
    });

    // wampy has no binary in JSON: there a payload can be native only.
    const schemes = [
      { ppt_scheme: 'x_custom' },
      ...(name === 'json' ? [] : [{ ppt_scheme: 'wamp', ppt_serializer: 'cbor', ppt_keyid: 'k1' }]),
    ];
    it.each(schemes)('D10: passes payloads through, with their keys: $ppt_scheme', async (passthru) => {
      const [alice, bob] = await Promise.all([join('alice'), join('bob')]);
      const payload = { argsList: [1, 'é 😀'], argsDict: { deep: { list: [{}] } } };
      const heard = new Inbox<unknown>();
      await alice.wampy.subscribe('com.topic', heard.put);
      await alice.wampy.register('com.echo', ({ argsList = [], argsDict = {}, details }) => {
        expect(details).toMatchObject(passthru);
        return { argsList, argsDict, options: { ...passthru } };
      });
      await bob.wampy.publish('com.topic', payload, passthru);
      expect((await heard.until(1))[0]).toMatchObject({ ...payload, details: passthru });
      expect(await bob.wampy.call('com.echo', payload, passthru)).toMatchObject({ ...payload, details: passthru });
    });

    it('says GOODBYE and is let go', async () => {
      const { wampy } = await join('alice');
      await wampy.disconnect();
      joined.splice(0);
      expect(wampy.getSessionId() ?? null).toBeNull();
    });
  });
}

describe('when the router comes back', () => {
  it('CONTRACT §6: wampy reconnects and renews what it had', async () => {
    const first = await startRouter({ realms: { realm1: REALM } });
    const back = new Inbox<unknown>();
    const { wampy } = await joinWampy(first.url, 'json', {
      realm: 'realm1',
      autoReconnect: true,
      reconnectInterval: 50,
      onReconnectSuccess: back.put,
    });
    const heard = new Inbox<unknown>();
    await wampy.subscribe('com.topic', ({ argsList }) => heard.put(argsList?.[0]));
    await first.stop();
    const second = await startRouter({
      realms: { realm1: REALM },
      listeners: `listeners: [{ tcp: 127.0.0.1:${first.port}, endpoints: [{ path: /ws, protocol: wamp }] }]`,
    });
    await back.until(1);
    const { session, leave } = await joinAgent({ url: second.url }, 'json', { realm: 'realm1' });
    // It subscribes anew in its own time.
    while (heard.items.length === 0) await session.publish('com.topic', ['again'], {}, { acknowledge: true });
    expect(heard.items[0]).toBe('again');
    await leave();
    await wampy.disconnect();
    await second.stop();
  });
});
