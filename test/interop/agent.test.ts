/** `waggle-router/agent` against a router in this process: joining, asking, standing, coming back, leaving. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import {
  type AgentEvents,
  autobahn,
  ClosedError,
  ConnectionLostError,
  type ConnectOptions,
  connectAgent,
  InvalidPayloadError,
  NoSuchProcedureError,
  NotAuthorizedError,
  PeerError,
  RefusedError,
  Result,
  RevokedError,
  TimeoutError,
  UnreachableError,
} from '../../src/agent/index.ts';
import { Inbox } from '../support/autobahn-client.ts';
import { OPEN_REALM, type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
principals:
  keeper: { role: keeper, ticket: { env: KEEPER_TICKET }, cryptosign: ["PUBLIC_KEY"] }
roles:
  anybody:
    - { uri: open., match: prefix, allow: [call, register, publish, subscribe], disclose: [caller, publisher] }
  keeper:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
`;

const { warn } = autobahn.log;

// RFC 8032, section 7.1, test 1.
const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const PUBLIC_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

async function router(options: RouterOptions = {}): Promise<RunningRouter> {
  const realms = { realm1: REALM.replace('PUBLIC_KEY', PUBLIC_KEY) };
  const running = await startRouter({ realms, env: { KEEPER_TICKET: 'the ticket' }, ...options });
  onTestFinished(() => running.stop());
  return running;
}

/** The same files on the same port again. */
function listenersOn({ port }: RunningRouter): string {
  return `
listeners:
  - tcp: 127.0.0.1:${port}
    endpoints: [{ path: /ws, protocol: wamp }]
`;
}

async function agentOf(url: string, options: Partial<ConnectOptions> = {}): Promise<Agent> {
  const agent = await connectAgent({ url, realm: 'realm1', ...options });
  onTestFinished(() => agent.close());
  return agent;
}

/** The next event of that name. */
function next<Name extends keyof AgentEvents>(agent: Agent, name: Name): Promise<AgentEvents[Name]> {
  return new Promise((resolve) => {
    const forget = agent.on(name, (event) => {
      forget();
      resolve(event);
    });
  });
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => expect.fail(`not refused but answered with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

describe('connectAgent', () => {
  it('resolves when joined, and the session and connection of autobahn are at hand', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    expect(agent.isJoined).toBe(true);
    expect(agent.session?.id).toBe(agent.connection.session?.id);
    expect(agent.details).toMatchObject({ authrole: 'anybody', authmethod: 'anonymous' });
    await agent.session?.subscribe('open.raw', () => {});
  });

  it.each<[string, Partial<ConnectOptions>]>([
    ['a ticket', { ticket: 'the ticket' }],
    ['a ticket that is fetched when asked for', { ticket: async () => 'the ticket' }],
    ['a private key', { privateKey: SEED }],
    ['a private key as it stands in its file', { privateKey: `${SEED}\n` }],
    ['what answers the challenge', { authmethods: ['ticket'], onchallenge: () => 'the ticket' }],
  ])('joins with %s', async (_what, proof) => {
    const { url } = await router();
    const agent = await agentOf(url, { authid: 'keeper', ...proof });
    expect(agent.details).toMatchObject({ authid: 'keeper', authrole: 'keeper' });
  });

  it.each<[string, Partial<ConnectOptions>, string]>([
    ['a wrong ticket', { authid: 'keeper', ticket: 'wrong' }, 'wamp.error.authentication_denied'],
    ['a realm that is not there', { realm: 'elsewhere' }, 'wamp.error.no_such_realm'],
    ['another environment than demanded', { environment: 'production' }, 'wamp.error'],
  ])('rejects with the final answer: %s', async (_what, options, uri) => {
    const { url } = await router();
    const error = await failure(connectAgent({ url, realm: 'realm1', ...options }));
    expect(error).toBeInstanceOf(RefusedError);
    expect((error as RefusedError).uri).toContain(uri);
    expect(String(error)).not.toContain('wrong');
  });

  it.each<[string, Partial<ConnectOptions>]>([
    ['no url', { url: '' }],
    ['an http url', { url: 'http://127.0.0.1/' }],
    ['no realm', { realm: '' }],
    ['a key that is none', { privateKey: 'abc' }],
    ['two proofs', { ticket: 't', privateKey: SEED }],
  ])('wrong options are a TypeError: %s', async (_what, options) => {
    const error = await failure(connectAgent({ url: 'ws://127.0.0.1:1/ws', realm: 'realm1', ...options }));
    expect(error).toBeInstanceOf(TypeError);
  });

  it('without a router says what the last attempt met', async () => {
    const { url, stop } = await startRouter();
    await stop();
    const error = await failure(connectAgent({ url, realm: 'realm1', joinTimeoutMs: 500 }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toMatch(/no session within 500 ms; last: .*ECONNREFUSED/);
    const once = await failure(connectAgent({ url, realm: 'realm1', reconnect: false }));
    expect(once).toBeInstanceOf(UnreachableError);
    expect((once as Error).message).toContain('ECONNREFUSED');
  });

  it('waits for a router that comes later', async () => {
    const first = await startRouter();
    await first.stop();
    const joining = connectAgent({ url: first.url, realm: 'realm1' });
    await router({ listeners: listenersOn(first) });
    const agent = await joining;
    onTestFinished(() => agent.close());
    expect(agent.isJoined).toBe(true);
  });

  it('is given up by a signal', async () => {
    const { url, stop } = await startRouter();
    await stop();
    const controller = new AbortController();
    const joining = connectAgent({ url, realm: 'realm1', signal: controller.signal });
    controller.abort(new Error('enough'));
    expect(await failure(joining)).toMatchObject({ message: 'enough' });
  });
});

describe('an agent calls', () => {
  it('and gets one value, a Result, or null, as autobahn has it', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    await agent.register('open.echo', (args, kwargs) => new Result(args, kwargs));
    expect(await agent.call('open.echo', [7])).toBe(7);
    expect(await agent.call('open.echo', [7, 8], { a: 1 })).toMatchObject({ args: [7, 8], kwargs: { a: 1 } });
    expect(await agent.call('open.echo')).toBe(null);
  });

  it('and refusals are typed, with their URI and what came with them', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    expect(await failure(agent.call('open.nobody'))).toBeInstanceOf(NoSuchProcedureError);
    expect(await failure(agent.call('closed.door'))).toBeInstanceOf(NotAuthorizedError);
    await agent.register('open.refuse', () => {
      throw new PeerError('open.error.no', ['not today'], { until: 'tomorrow' });
    });
    const error = await failure(agent.call('open.refuse'));
    expect(error).toBeInstanceOf(PeerError);
    expect(error).toMatchObject({ uri: 'open.error.no', args: ['not today'], kwargs: { until: 'tomorrow' } });
    expect((error as Error).message).toBe('open.error.no: not today');
  });

  it('a bug in a procedure reaches its caller as an error and its owner as a problem', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    const problem = next(agent, 'problem');
    await agent.register('open.bug', () => {
      throw new Error('division by cucumber');
    });
    expect(await failure(agent.call('open.bug'))).toMatchObject({
      uri: 'wamp.error.runtime_error',
      args: ['division by cucumber'],
    });
    expect(await problem).toMatchObject({ where: 'in the procedure open.bug' });
  });

  it('and what has no JSON, or is too large, is refused here and costs nobody the connection', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    const id = agent.session?.id;
    for (const value of [12n, 'x'.repeat(1 << 20)]) {
      expect(await failure(agent.call('open.echo', [value]))).toBeInstanceOf(InvalidPayloadError);
      expect(await failure(agent.publish('open.topic', [value]))).toBeInstanceOf(InvalidPayloadError);
    }
    const problems = new Inbox<unknown>();
    agent.on('problem', problems.put);
    await agent.register('open.big', (args) => (args[0] === 'bigint' ? 12n : 'x'.repeat(1 << 20)));
    expect(await failure(agent.call('open.big', ['bigint']))).toMatchObject({ uri: 'wamp.error.invalid_argument' });
    expect(await failure(agent.call('open.big', []))).toMatchObject({ uri: 'wamp.error.payload_size_exceeded' });
    expect(problems.items).toHaveLength(2);
    expect(agent.session?.id).toBe(id);
  });

  it('and progressive results come one by one before the last', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    await agent.register('open.count', async (_args, _kwargs, { progress }) => {
      for (const n of [1, 2, 3]) progress?.([n]);
      return 'done';
    });
    const heard: unknown[] = [];
    expect(await agent.call('open.count', [], {}, { onProgress: (value) => heard.push(value) })).toBe('done');
    expect(heard).toEqual([1, 2, 3]);
    // The raw session has them as autobahn's documentation says.
    const raw: unknown[] = [];
    const call = agent.session?.call('open.count', [], {}, { receive_progress: true }) as unknown as {
      then(ok: (value: unknown) => void, failed: (error: unknown) => void, progress: (value: unknown) => void): void;
    };
    const last = await new Promise((resolve, reject) => call.then(resolve, reject, (value) => raw.push(value)));
    expect({ raw, last }).toEqual({ raw: [1, 2, 3], last: 'done' });
  });

  it('and a signal ends the call here at once and at its callee (CANCEL), and the session goes on', async () => {
    const { url } = await router();
    const [agent, callee] = [await agentOf(url), await agentOf(url)];
    const invoked = new Inbox<unknown>();
    await callee.register('open.slow', (args) => {
      invoked.put(args);
      return new Promise(() => {});
    });
    const controller = new AbortController();
    const call = agent.call('open.slow', [], {}, { signal: controller.signal });
    await invoked.until(1);
    controller.abort(new Error('never mind'));
    expect(await failure(call)).toMatchObject({ message: 'never mind' });
    expect(await failure(agent.call('open.slow', [], {}, { signal: controller.signal }))).toMatchObject({
      message: 'never mind',
    });
    const { id } = agent.session ?? {};
    expect(await failure(agent.call('open.none'))).toBeInstanceOf(NoSuchProcedureError);
    expect(agent.session?.id).toBe(id);
  });

  it('and nobody answers in time: TimeoutError, and the session goes on', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    await agent.register('open.slow', () => new Promise(() => {}));
    const error = await failure(agent.call('open.slow', [], {}, { timeoutMs: 20 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).uri).toBe('wamp.error.timeout');
    expect(await failure(agent.call('open.none'))).toBeInstanceOf(NoSuchProcedureError);
  });
});

describe('an agent publishes', () => {
  it('acknowledged unless told otherwise, and a refusal is heard of', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    expect(await agent.publish('open.topic')).toMatchObject({ id: expect.any(Number) });
    expect(await failure(agent.publish('closed.topic'))).toBeInstanceOf(NotAuthorizedError);
    expect(await agent.publish('closed.topic', [], {}, { acknowledge: false })).toBe(undefined);
  });

  it('and options of WAMP go to the router as they are', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    const heard = new Inbox<unknown>();
    await agent.subscribe('open.topic', (args) => heard.put(args[0]));
    await agent.publish('open.topic', ['not for me']);
    await agent.publish('open.topic', ['for me too'], {}, { exclude_me: false });
    expect(await heard.until(1)).toEqual(['for me too']);
  });
});

describe('an agent subscribes and registers', () => {
  it('by pattern, and hears the topic', async () => {
    const { url } = await router();
    const [agent, other] = [await agentOf(url), await agentOf(url)];
    const heard = new Inbox<unknown>();
    await agent.subscribe('open.', (args, _kwargs, { topic }) => heard.put([topic, args[0]]), { match: 'prefix' });
    await other.publish('open.a.b', [1]);
    expect(await heard.until(1)).toEqual([['open.a.b', 1]]);
  });

  it('and an exception in a handler, thrown or rejected, is a problem and nothing worse', async () => {
    const { url } = await router();
    const [agent, other] = [await agentOf(url), await agentOf(url)];
    const problems = new Inbox<unknown>();
    agent.on('problem', problems.put);
    await agent.subscribe('open.sync', () => {
      throw new Error('one');
    });
    await agent.subscribe('open.async', async () => {
      throw new Error('two');
    });
    await other.publish('open.sync');
    await other.publish('open.async');
    expect(await problems.until(2)).toMatchObject([
      { error: { message: 'one' }, where: 'in the handler of open.sync' },
      { error: { message: 'two' } },
    ]);
  });

  it('and gives back what it no longer wants', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    const keeper = await agentOf(url, { authid: 'keeper', ticket: 'the ticket' });
    const subscription = await agent.subscribe('open.topic', () => {});
    const registration = await agent.register('open.proc', () => 1);
    expect([subscription.isActive, registration.isActive]).toEqual([true, true]);
    await subscription.unsubscribe();
    await registration.unregister();
    await subscription.unsubscribe();
    expect([subscription.isActive, registration.isActive]).toEqual([false, false]);
    expect(await subscription.ended).toBe(undefined);
    expect(await keeper.call('wamp.subscription.lookup', ['open.topic'])).toBe(null);
    expect(await failure(agent.call('open.proc'))).toBeInstanceOf(NoSuchProcedureError);
  });

  it('and a refusal is a rejection, not tried again', async () => {
    const { url } = await router();
    const [agent, other] = [await agentOf(url), await agentOf(url)];
    expect(await failure(agent.subscribe('closed.topic', () => {}))).toBeInstanceOf(NotAuthorizedError);
    await other.register('open.taken', () => 1);
    expect(await failure(agent.register('open.taken', () => 2))).toMatchObject({
      uri: 'wamp.error.procedure_already_exists',
    });
  });

  it('and what the router revokes ends with a reason', async () => {
    const running = await router();
    const agent = await agentOf(running.url);
    const subscription = await agent.subscribe('open.topic', () => {});
    const registration = await agent.register('open.proc', () => 1);
    running.writeRealm('realm1', REALM.replace('PUBLIC_KEY', PUBLIC_KEY).replace('uri: open.', 'uri: other.'));
    running.reload();
    expect(await subscription.ended).toBeInstanceOf(RevokedError);
    expect(await registration.ended).toBeInstanceOf(RevokedError);
    expect(subscription.isActive).toBe(false);
  });
});

describe('an agent comes back', () => {
  it('after a restart of the router (1012), and everything it subscribed and registered stands again', async () => {
    const first = await startRouter();
    const agent = await agentOf(first.url);
    const heard = new Inbox<unknown>();
    await agent.subscribe('a.topic', (args) => heard.put(args[0]));
    await agent.register('a.proc', () => 'here');
    const before = agent.session?.id;
    const [lost, joined] = [next(agent, 'lost'), next(agent, 'joined')];
    await first.stop();
    expect(await lost).toMatchObject({ code: 1012, joined: true });
    await router({ realms: { realm1: OPEN_REALM }, listeners: listenersOn(first) });
    expect(await joined).toMatchObject({ again: true });
    expect(agent.session?.id).not.toBe(before);
    expect(agent.counters.reconnects).toBe(1);
    const other = await agentOf(first.url);
    expect(await other.call('a.proc')).toBe('here');
    await other.publish('a.topic', ['again']);
    expect(await heard.until(1)).toEqual(['again']);
  });

  it('after a GOODBYE that only says the router restarts (shutdown.mode: goodbye)', async () => {
    const first = await startRouter({ extra: 'shutdown: { mode: goodbye, drainMs: 0 }' });
    const agent = await agentOf(first.url);
    const joined = next(agent, 'joined');
    await first.stop();
    await router({ listeners: listenersOn(first) });
    expect(await joined).toMatchObject({ again: true });
  });

  it('and what is not asked for again does not come back', async () => {
    const first = await startRouter();
    const agent = await agentOf(first.url);
    const subscription = await agent.subscribe('a.topic', () => {});
    const lost = next(agent, 'lost');
    await first.stop();
    await lost;
    expect(subscription.isActive).toBe(false);
    await subscription.unsubscribe();
    const joined = next(agent, 'joined');
    await router({ realms: { realm1: OPEN_REALM }, listeners: listenersOn(first) });
    await joined;
    expect(await agent.call('wamp.subscription.lookup', ['a.topic'])).toBe(null);
  });

  it('to its registration, which its former session still holds at the router for a while', async () => {
    const running = await startRouter({
      extra: 'limits: { keepAlive: { pingMs: 1000, timeoutMs: 1000 } }',
    });
    onTestFinished(() => running.stop());
    const proxy = await TcpProxy.before(running.port);
    const agent = await agentOf(proxy.url, { keepAliveMs: 100 });
    await agent.register('a.proc', () => 'here');
    const [lost, problem] = [next(agent, 'lost'), next(agent, 'problem')];
    proxy.freeze();
    // Nobody tells it: it finds out by the silence.
    expect(await lost).toMatchObject({ why: expect.stringContaining('nothing was heard'), joined: true });
    expect(await problem).toMatchObject({ where: 'asking again for the registration of a.proc' });
    const other = await agentOf(running.url);
    await expect.poll(() => other.call('a.proc').catch(() => 'not yet'), { timeout: 10_000 }).toBe('here');
  });

  it('and meanwhile requests are rejected at once, and those on their way are told that they may be done', async () => {
    const first = await startRouter();
    const proxy = await TcpProxy.before(first.port);
    const agent = await agentOf(proxy.url);
    const invoked = new Inbox<unknown>();
    await agent.register('a.slow', (args) => {
      invoked.put(args);
      return new Promise(() => {});
    });
    const call = failure(agent.call('a.slow'));
    await invoked.until(1);
    const lost = next(agent, 'lost');
    proxy.cut();
    await first.stop();
    await lost;
    const outstanding = await call;
    expect(outstanding).toBeInstanceOf(ConnectionLostError);
    expect(outstanding).toMatchObject({ maybeDone: true });
    const late = await failure(agent.publish('a.topic'));
    expect(late).toBeInstanceOf(ConnectionLostError);
    expect(late).toMatchObject({ maybeDone: false, uri: 'wamp.error.network_failure' });
  });

  it('unless the answer is final: then the agent has ended and says so to whoever waits', async () => {
    const running = await router({ realms: { realm1: OPEN_REALM } });
    const agent = await agentOf(running.url);
    const subscription = await agent.subscribe('a.topic', () => {});
    const admin = await agentOf(running.url);
    const call = failure(agent.call('a.slow'));
    await call;
    await admin.call('wamp.session.kill', [agent.session?.id], { reason: 'a.reason', message: 'go away' });
    expect(await agent.ended).toMatchObject({ name: 'RefusedError', uri: 'a.reason', message: 'a.reason: go away' });
    expect(await subscription.ended).toBe(await agent.ended);
    expect(await failure(agent.call('a.proc'))).toBe(await agent.ended);
    expect(await failure(agent.subscribe('a.proc', () => {}))).toBe(await agent.ended);
  });
});

describe('an agent leaves', () => {
  it('with GOODBYE, and what is on its way is rejected', async () => {
    const { url } = await router({ realms: { realm1: OPEN_REALM } });
    const watcher = await agentOf(url);
    const left = new Inbox<unknown>();
    await watcher.subscribe('wamp.session.on_leave', (args) => left.put(args[0]));
    const agent = await agentOf(url);
    await agent.register('a.slow', () => new Promise(() => {}));
    const id = agent.session?.id;
    const call = failure(agent.call('a.slow'));
    await agent.close();
    expect(await call).toBeInstanceOf(ClosedError);
    expect(await left.until(1)).toEqual([id]);
    expect(agent.session).toBe(null);
    await agent.close();
  });

  it('also while there is no router', async () => {
    const first = await startRouter();
    const agent = await agentOf(first.url);
    const lost = next(agent, 'lost');
    await first.stop();
    await lost;
    await agent.close();
    expect(await agent.ended).toBeInstanceOf(ClosedError);
  });

  it('and prints nothing, and other users of autobahn keep their notes', async () => {
    const { url } = await router();
    const warned = vi.spyOn(console, 'warn');
    const agent = await agentOf(url);
    await agent.close();
    expect(warned).not.toHaveBeenCalled();
    expect(autobahn.log.warn).toBe(warn);
  });
});
