/** The meta APIs and testaments over sockets: autobahn in each of its encodings, raw clients, the shipped realm. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROUTER_ROLES } from '../../src/wamp/features.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, Inbox, joinAgent, refusal } from '../support/autobahn-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const agents: Agent[] = [];
const raws: RawClient[] = [];
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.leave()));
  for (const raw of raws.splice(0)) raw.destroy();
});

describe.each(RAW_NAMES)('meta APIs (%s)', (name) => {
  let router: RunningRouter;
  beforeAll(async () => {
    router = await startRouter();
  });
  afterAll(() => router.stop());

  const joined = async (): Promise<Agent> => {
    const agent = await joinAgent(router, name);
    agents.push(agent);
    return agent;
  };
  const rawJoined = async (): Promise<RawClient> => {
    const client = await RawClient.connect(router.url, name);
    raws.push(client);
    return client.join('realm1');
  };

  it('D1: WELCOME announces them, and a client finds itself, how it joined and by what', async () => {
    const { session, details } = await joined();
    expect(details.roles).toEqual(ROUTER_ROLES);
    expect(await session.call('wamp.session.count')).toBe(1);
    expect(await session.call('wamp.session.list', [['anybody']])).toEqual([session.id]);
    const { authid } = details;
    expect(await session.call('wamp.session.get', [session.id])).toEqual({
      session: session.id,
      authid,
      authrole: 'anybody',
      authmethod: 'anonymous',
      authprovider: 'static',
      transport: { type: 'websocket', protocol: `wamp.2.${name}`, secure: false },
    });
  });

  it('PITFALLS 66: on_join and on_leave reach others, with one and with three arguments', async () => {
    const { session } = await joined();
    const inbox = new Inbox<readonly unknown[]>();
    for (const topic of ['on_join', 'on_leave']) await session.subscribe(`wamp.session.${topic}`, inbox.put);
    const other = await rawJoined();
    other.destroy();
    const [join, leave] = await inbox.until(2);
    const { authid } = other.welcome;
    expect(join).toEqual([expect.objectContaining({ session: other.session, authid, authrole: 'anybody' })]);
    expect(leave).toEqual([other.session, authid, 'anybody']);
  });

  it('PITFALLS 65: subscription and registration events come in their order, and lists agree with them', async () => {
    const [watcher, { session }] = [await joined(), await joined()];
    const inbox = new Inbox<readonly unknown[]>();
    const told: string[] = [];
    const topics = ['subscription.on_create', 'subscription.on_subscribe', 'subscription.on_unsubscribe'];
    topics.push('subscription.on_delete', 'registration.on_create', 'registration.on_register');
    topics.push('registration.on_unregister', 'registration.on_delete');
    for (const topic of topics) {
      await watcher.session.subscribe(`wamp.${topic}`, (args) => {
        told.push(topic);
        inbox.put(args);
      });
    }
    const subscription = await session.subscribe('com.meta', () => {}, { match: 'prefix' });
    const registration = await session.register('com.meta', () => 1, { invoke: 'last' });
    expect(await session.call('wamp.subscription.lookup', ['com.meta', { match: 'prefix' }])).toBe(subscription.id);
    expect(await session.call('wamp.registration.match', ['com.meta'])).toBe(registration.id);
    const details = (await session.call('wamp.registration.get', [registration.id])) as Dict;
    expect(details).toMatchObject({ id: registration.id, uri: 'com.meta', match: 'exact', invoke: 'last' });
    expect(Math.abs(Date.parse(String(details.created)) - Date.now())).toBeLessThan(60_000);
    expect(await session.call('wamp.registration.list_callees', [registration.id])).toEqual([session.id]);
    await session.call('wamp.subscription.count_subscribers', [subscription.id]);
    await subscription.unsubscribe();
    await registration.unregister();
    expect((await inbox.until(8)).map(([id]) => id)).toEqual(Array.from({ length: 8 }, () => session.id));
    expect(told).toEqual([
      'subscription.on_create',
      'subscription.on_subscribe',
      'registration.on_create',
      'registration.on_register',
      'subscription.on_unsubscribe',
      'subscription.on_delete',
      'registration.on_unregister',
      'registration.on_delete',
    ]);
    expect(await session.call('wamp.registration.match', ['com.meta'])).toBe(null);
  });

  it('PITFALLS 68: the killed get GOODBYE with reason and message; the killer does not wait for their answer', async () => {
    const [{ session }, victim] = [await joined(), await rawJoined()];
    expect((await refusal(session.call('wamp.session.kill', [session.id]))).error).toBe('wamp.error.no_such_session');
    const kwargs = { reason: 'com.app.enough', message: 'enough' };
    // Nothing but null, or undefined, is what autobahn makes of a result without values.
    expect((await session.call('wamp.session.kill', [victim.session], kwargs)) ?? null).toBe(null);
    expect(await victim.expect(MessageType.GOODBYE)).toMatchObject({
      reason: 'com.app.enough',
      details: { message: 'enough' },
    });
    // It never answers; the transport is closed all the same.
    await victim.ended;
    const again = await refusal(session.call('wamp.session.kill', [victim.session]));
    expect(again.error).toBe('wamp.error.no_such_session');
  });

  it('PITFALLS 68: a killed autobahn agent does not come back', async () => {
    const [{ session }, victim] = [await joined(), await joinAgent(router, name, { max_retries: undefined })];
    const { authid } = victim.details;
    const { id } = victim.session;
    expect(await session.call('wamp.session.kill_by_authid', [authid])).toEqual([id]);
    expect(await victim.closed).toMatchObject({ reason: 'wamp.close.killed', will_retry: false });
    expect(await session.call('wamp.session.count')).toBe(1);
  });

  it('PITFALLS 70: testaments are published when the connection breaks, and when it ends well', async () => {
    const { session } = await joined();
    const inbox = new Inbox<readonly [readonly unknown[], Dict]>();
    await session.subscribe('com.farewell', (args, kwargs) => inbox.put([args, kwargs]));
    const [lost, polite] = [await joined(), await joined()];
    const bytes = name === 'json' ? 'text' : Buffer.from([0, 1, 255]);
    await lost.session.call('wamp.session.add_testament', ['com.farewell', ['lost', bytes], { a: [1, { b: 2.5 }] }]);
    const options = { scope: 'detached', publish_options: { eligible: [session.id] } };
    await polite.session.call('wamp.session.add_testament', ['com.farewell', ['polite'], {}], options);
    await polite.leave();
    const [first] = await inbox.until(1);
    expect(first).toEqual([['polite'], {}]);
    const peer = await rawJoined();
    peer.call('wamp.session.add_testament', {}, ['com.farewell', ['cut'], {}]);
    await peer.expect(MessageType.RESULT);
    peer.destroy();
    await inbox.until(2);
    await lost.leave();
    const all = await inbox.until(3);
    expect(all[1]).toEqual([['cut'], {}]);
    expect(all[2]?.[0][0]).toBe('lost');
    expect(Buffer.from(all[2]?.[0][1] as Uint8Array)).toEqual(Buffer.from(bytes));
    expect(all[2]?.[1]).toEqual({ a: [1, { b: 2.5 }] });
  });
});

describe('the shipped realm (PITFALLS 69)', () => {
  const REALM = readFileSync(new URL('../../realms/yamtam-swarm.yaml', import.meta.url), 'utf8');
  let router: RunningRouter;
  beforeEach(async () => {
    router = await startRouter({ realms: { swarm: REALM }, env: { YAMTAM_AGENT_TOKEN: 'one for all' } });
  });
  afterEach(() => router.stop());

  const joined = async (authid: string): Promise<Agent> => {
    const options = { realm: 'yamtam-swarm', authid, authmethods: ['ticket'], onchallenge: () => 'one for all' };
    const agent = await joinAgent(router, 'json', options);
    agents.push(agent);
    return agent;
  };

  it.each(['planner', 'monitor'])('%s may look and listen, and kill nobody', async (authid) => {
    const { session } = await joined(authid);
    const other = await joined('worker-1');
    expect(await session.call('wamp.session.count')).toBe(2);
    expect(await session.call('wamp.session.get', [other.session.id])).toMatchObject({ authid: 'worker-1' });
    expect(await session.call('wamp.registration.lookup', ['yamtam.agent.run-tool'])).toBe(null);
    expect(await session.call('wamp.subscription.match', ['yamtam.task.x'])).toBe(null);
    await session.subscribe('wamp.session.on_leave', () => {});
    const kills: [string, unknown[]][] = [
      ['kill', [other.session.id]],
      ['kill_by_authid', ['worker-1']],
      ['kill_by_authrole', ['agent']],
      ['kill_all', []],
    ];
    for (const [name, args] of kills) {
      expect((await refusal(session.call(`wamp.session.${name}`, args))).error).toBe('wamp.error.not_authorized');
    }
    expect(await session.call('wamp.session.count')).toBe(2);
  });

  it('an agent leaves testaments where it may publish, and only there', async () => {
    const [{ session }, worker] = [await joined('planner'), await joined('worker-1')];
    const inbox = new Inbox<readonly unknown[]>();
    await session.subscribe('yamtam.agent..status', inbox.put, { match: 'wildcard' });
    const add = (topic: string) => worker.session.call('wamp.session.add_testament', [topic, ['offline'], {}]);
    await add('yamtam.agent.worker-1.status');
    expect((await refusal(add('yamtam.agent.planner.status'))).error).toBe('wamp.error.not_authorized');
    await worker.leave();
    expect((await inbox.until(1))[0]).toEqual(['offline']);
  });
});
