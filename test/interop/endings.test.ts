/** How the router ends connections, and who comes back (CONTRACT §6; reload: CONTRACT §4). */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import {
  type AgentOptions,
  type AutobahnSession,
  autobahnConnection,
  type ClosedDetails,
  Inbox,
  joinAgent,
  refusal,
} from '../support/autobahn-client.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { RAW_NAMES, type RawName } from '../support/raw-codec.ts';
import { type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

const RULES = '{ uri: com., match: prefix, allow: [call, register, publish, subscribe] }';

function swarm(parts: { readonly principals?: string; readonly agent?: string } = {}): string {
  return `
realm: swarm
principals:
  ${parts.principals ?? '{ alice: { role: agent, ticket: { env: ALICE } }, bob: { role: agent, ticket: { env: BOB } } }'}
roles:
  agent: [${parts.agent ?? RULES}]
  deputy: [${RULES}]
`;
}

const SWARM: RouterOptions = { realms: { swarm: swarm() }, env: { ALICE: 'secret-alice', BOB: 'secret-bob' } };

const routers: RunningRouter[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all(routers.splice(0).map((router) => router.stop()));
});

async function start(options: RouterOptions = SWARM): Promise<RunningRouter> {
  const router = await startRouter(options);
  routers.push(router);
  return router;
}

/** The same configuration on the port of a router that has stopped. */
const startAgain = (before: RunningRouter, options: RouterOptions) =>
  start({
    ...options,
    listeners: `listeners: [{ tcp: 127.0.0.1:${before.port}, endpoints: [{ path: /ws, protocol: wamp }] }]`,
  });

interface Opened {
  readonly session: AutobahnSession;
  readonly details: Dict;
}

/** An agent that stays as long as autobahn keeps it, with everything it is told of its connection. */
function resident(router: RunningRouter, authid: string, name: RawName = 'json', options: AgentOptions = {}) {
  const connection = autobahnConnection({ url: router.url }, name, {
    realm: 'swarm',
    authid,
    authmethods: ['ticket'],
    onchallenge: () => `secret-${authid}`,
    max_retries: undefined,
    ...options,
  });
  const opened = new Inbox<Opened>();
  const closed = new Inbox<ClosedDetails>();
  connection.onopen = (session, details) => opened.put({ session, details });
  connection.onclose = (_why, details) => {
    closed.put(details);
    return undefined;
  };
  connection.open();
  closers.push(() => {
    if (connection.isConnected || connection.isRetrying) connection.close();
  });
  return { connection, opened, closed };
}

const SOON = { initial_retry_delay: 0.05 };

describe('the client should come back', () => {
  for (const name of RAW_NAMES) {
    it(`stock autobahn agents are back within 5 s of a restart (${name})`, { timeout: 15_000 }, async () => {
      const router = await start();
      const agents = ['alice', 'bob'].map((authid) => resident(router, authid, name));
      await Promise.all(agents.map(({ opened }) => opened.until(1)));
      await router.stop();
      const stopped = performance.now();
      await startAgain(router, SWARM);
      await Promise.all(agents.map(({ opened }) => opened.until(2)));
      expect(performance.now() - stopped).toBeLessThan(5000);
      for (const { closed } of agents) expect(closed.items[0]).toMatchObject({ reason: null, will_retry: true });
      // What an agent does in onopen works again.
      const session = agents[0]?.opened.items[1]?.session;
      const registration = await session?.register('com.back', () => 'again');
      expect(registration?.active).toBe(true);
      expect(await agents[1]?.opened.items[1]?.session.call('com.back')).toBe('again');
    });
  }

  it('at a restart the transport is closed with 1012, without GOODBYE or ABORT', async () => {
    const router = await start();
    const client = await RawClient.connect(router.url);
    await client.join('swarm', { authid: 'alice', authmethods: ['ticket'], ticket: 'secret-alice' });
    await router.stop();
    expect((await client.ended).code).toBe(1012);
    expect(client.received).toHaveLength(2);
  });

  it('a call in flight is answered before a stopping router lets go', async () => {
    const router = await start({ ...SWARM, extra: 'shutdown: { drainMs: 10000 }' });
    const join = async (authid: string) => {
      const client = await RawClient.connect(router.url);
      return client.join('swarm', { authid, authmethods: ['ticket'], ticket: `secret-${authid}` });
    };
    const [callee, caller] = await Promise.all([join('alice'), join('bob')]);
    await callee.register('com.last');
    const request = caller.call('com.last');
    const invocation = await callee.expect(68);
    const stopping = router.server.stop();
    await expect(RawClient.connect(router.url)).rejects.toThrow();
    callee.send([70, invocation.request, {}, ['done']]);
    expect(await caller.take()).toEqual([50, request, {}, ['done']]);
    await stopping;
    for (const client of [callee, caller]) expect((await client.ended).code).toBe(1012);
  });

  it('a changed role closes without GOODBYE; the agent comes back with the new role', async () => {
    const router = await start();
    const [alice, bob] = [resident(router, 'alice', 'json', SOON), resident(router, 'bob')];
    await Promise.all([alice.opened.until(1), bob.opened.until(1)]);
    router.writeRealm(
      'swarm',
      swarm({
        principals: '{ alice: { role: deputy, ticket: { env: ALICE } }, bob: { role: agent, ticket: { env: BOB } } }',
      }),
    );
    router.reload();
    await alice.opened.until(2);
    expect(alice.closed.items).toMatchObject([{ reason: null, will_retry: true }]);
    expect(alice.opened.items.map(({ details }) => details.authrole)).toEqual(['agent', 'deputy']);
    expect(bob.connection.isOpen).toBe(true);
    expect(bob.closed.items).toEqual([]);
  });

  it('a client that finds the router full comes back when there is room', async () => {
    const router = await start({ ...SWARM, extra: 'limits: { maxSessions: 2 }' });
    const first = await RawClient.connect(router.url);
    const join = { authid: 'alice', authmethods: ['ticket'], ticket: 'secret-alice' };
    await first.join('swarm', join);
    const alice = resident(router, 'alice', 'json', SOON);
    await alice.opened.until(1);
    const bob = resident(router, 'bob', 'json', SOON);
    await bob.closed.until(1);
    expect(bob.closed.items[0]).toMatchObject({ reason: null, will_retry: true });
    first.close();
    await bob.opened.until(1);
  });
});

describe('final answers', () => {
  it('a session that is killed gets GOODBYE and does not come back', async () => {
    const router = await start();
    const alice = resident(router, 'alice', 'json', SOON);
    const [opened] = await alice.opened.until(1);
    const realm = [...router.server.router.realms].find(({ name }) => name === 'swarm');
    const session = realm?.sessions.get(opened?.session.id ?? 0);
    if (session === undefined) throw new Error('the router does not know the session');
    realm?.end(session, { how: 'goodbye', uri: 'wamp.close.killed', message: 'enough' });
    await alice.closed.until(1);
    expect(alice.closed.items[0]).toMatchObject({ reason: 'wamp.close.killed', message: 'enough', will_retry: false });
    expect(alice.connection.isRetrying).toBe(false);
  });

  it('a realm that is removed ends its sessions with close_realm, and they do not come back', async () => {
    const other = swarm().replace('realm: swarm', 'realm: other');
    const router = await start({ ...SWARM, realms: { swarm: swarm(), other } });
    const gone = resident(router, 'alice', 'json', SOON);
    const stays = resident(router, 'bob', 'json', { realm: 'other' });
    await Promise.all([gone.opened.until(1), stays.opened.until(1)]);
    router.writeRealm('swarm', other.replace('realm: other', 'realm: renamed'));
    router.reload();
    await gone.closed.until(1);
    expect(gone.closed.items[0]).toMatchObject({ reason: 'wamp.close.close_realm', will_retry: false });
    expect(stays.connection.isOpen).toBe(true);
    await expect(joinAgent({ url: router.url }, 'json', { realm: 'swarm' })).rejects.toMatchObject({
      reason: 'wamp.error.no_such_realm',
    });
  });

  it('a principal that is removed ends, and others notice nothing', async () => {
    const router = await start();
    const [alice, bob] = [resident(router, 'alice', 'json', SOON), resident(router, 'bob')];
    await Promise.all([alice.opened.until(1), bob.opened.until(1)]);
    router.writeRealm('swarm', swarm({ principals: '{ bob: { role: agent, ticket: { env: BOB } } }' }));
    router.reload();
    await alice.closed.until(1);
    expect(alice.closed.items[0]).toMatchObject({ reason: 'wamp.close.killed', will_retry: false });
    expect(bob.closed.items).toEqual([]);
    expect(bob.connection.isOpen).toBe(true);
  });

  it('a credential that is replaced ends the sessions that used it, not those of the one that stays', async () => {
    const hash = (ticket: string) => `{ hash: "sha256$${createHash('sha256').update(ticket).digest('hex')}" }`;
    const principals = (...tickets: string[]) =>
      `{ alice: { role: agent, ticket: [${tickets.map(hash).join(', ')}] } }`;
    const [old, now] = ['generated-ticket-1', 'generated-ticket-2'];
    const router = await start({ realms: { swarm: swarm({ principals: principals(old, now) }) } });
    const first = resident(router, 'alice', 'json', { onchallenge: () => old });
    const second = resident(router, 'alice', 'json', { onchallenge: () => now });
    await Promise.all([first.opened.until(1), second.opened.until(1)]);
    router.writeRealm('swarm', swarm({ principals: principals(now) }));
    router.reload();
    await first.closed.until(1);
    expect(first.closed.items[0]).toMatchObject({ reason: 'wamp.close.killed', will_retry: false });
    expect(second.connection.isOpen).toBe(true);
  });

  it('shutdown.mode goodbye says system_shutdown, for those who want the form of the specification', async () => {
    const router = await start({ ...SWARM, extra: 'shutdown: { mode: goodbye }' });
    const alice = resident(router, 'alice', 'json', SOON);
    await alice.opened.until(1);
    await router.stop();
    await alice.closed.until(1);
    expect(alice.closed.items[0]).toMatchObject({ reason: 'wamp.close.system_shutdown', will_retry: false });
  });
});

describe('rights that are taken away', () => {
  const narrowed = swarm({ agent: '{ uri: com.still., match: prefix, allow: [call, register, publish, subscribe] }' });

  it('a subscription and a registration no longer allowed are revoked, and autobahn is told', async () => {
    const router = await start();
    const alice = resident(router, 'alice');
    const [opened] = await alice.opened.until(1);
    if (opened === undefined) throw new Error('unreachable');
    const { session } = opened;
    const [lost, kept] = [
      await session.subscribe('com.lost.topic', () => {}),
      await session.subscribe('com.still.topic', () => {}),
    ];
    const [lostProcedure, keptProcedure] = [
      await session.register('com.lost.procedure', () => 1),
      await session.register('com.still.procedure', () => 2),
    ];
    router.writeRealm('swarm', narrowed);
    router.reload();
    expect(await lost.on_unsubscribe).toEqual(expect.any(String));
    expect(await lostProcedure.on_unregister).toEqual(expect.any(String));
    expect([lost.active, kept.active, lostProcedure.active, keptProcedure.active]).toEqual([false, true, false, true]);
    expect(await session.call('com.still.procedure')).toBe(2);
    expect((await refusal(session.call('com.lost.procedure'))).error).toBe('wamp.error.not_authorized');
    expect(alice.closed.items).toEqual([]);
  });

  it('revocation is told by request id 0, and only to peers that announced it', async () => {
    const router = await start();
    const join = async (roles: Dict) => {
      const client = await RawClient.connect(router.url);
      await client.join('swarm', { authid: 'alice', authmethods: ['ticket'], ticket: 'secret-alice', roles });
      return { client, subscription: await client.subscribe('com.lost') };
    };
    const told = await join(ALL_ROLES);
    const registration = await told.client.register('com.lost.procedure');
    const untold = await join({ subscriber: {}, callee: {}, publisher: {} });
    await untold.client.register('com.lost.other');
    router.writeRealm('swarm', narrowed);
    router.reload();
    expect(await told.client.take()).toEqual([35, 0, { subscription: told.subscription, reason: expect.any(String) }]);
    expect(await told.client.take()).toEqual([67, 0, { registration, reason: expect.any(String) }]);
    expect(await untold.client.settle()).toEqual([]);
    for (const { client } of [told, untold]) client.close();
  });

  it('after a reload that changes nothing for them, agents and their subscriptions notice nothing', async () => {
    const router = await start();
    const alice = resident(router, 'alice');
    const [opened] = await alice.opened.until(1);
    const inbox = new Inbox<unknown>();
    await opened?.session.subscribe('com.topic', ([value]) => inbox.put(value));
    router.writeRealm('swarm', `${swarm()}# a comment\n`);
    router.reload();
    router.writeRealm('swarm', swarm().replace('deputy:', 'substitute:'));
    router.reload();
    opened?.session.publish('com.topic', ['still here'], {}, { exclude_me: false });
    expect(await inbox.until(1)).toEqual(['still here']);
  });
});

describe('a swarm', () => {
  const COUNT = 2000;

  it('2,000 agents with generated tickets that reconnect at once are all back within 10 s', {
    timeout: 60_000,
    // The clients share this process: where the machine is busy it is theirs, not the router's, time that runs out.
    retry: 2,
  }, async () => {
    const hash = (ticket: string) => createHash('sha256').update(ticket).digest('hex');
    const agents = Array.from({ length: COUNT }, (_, n) => ({ authid: `agent-${n}`, ticket: `generated-ticket-${n}` }));
    const lines = agents.map(
      ({ authid, ticket }) => `  ${authid}: { role: agent, ticket: { hash: "sha256$${hash(ticket)}" } }`,
    );
    const options = {
      realms: { swarm: `realm: swarm\nprincipals:\n${lines.join('\n')}\nroles: { agent: [${RULES}] }\n` },
    };
    const router = await start(options);
    const joinAll = (url: string) =>
      Promise.all(
        agents.map(async ({ authid, ticket }) =>
          (await RawClient.connect(url)).join('swarm', { authid, authmethods: ['ticket'], ticket }),
        ),
      );
    const before = await joinAll(router.url);
    await router.stop();
    for (const { code } of await Promise.all(before.map((client) => client.ended))) expect(code).toBe(1012);
    const again = await startAgain(router, options);
    const since = performance.now();
    const after = await joinAll(again.url);
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(again.server.router.sessionCount).toBe(COUNT);
    expect(new Set(after.map(({ session }) => session)).size).toBe(COUNT);
    for (const client of after) client.close();
  });
});
