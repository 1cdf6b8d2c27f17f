/**
 * `waggle-router/agent` where things break: cuts at the worst moment, restarts, `kill -9`. What was acknowledged is
 * never lost, and what came twice can be told.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import {
  type AgentEvents,
  ConnectionLostError,
  type ConnectOptions,
  connectAgent,
  type Dict,
  publicKeyOf,
  Repetitions,
  verifyPayload,
} from '../../src/agent/index.ts';
import { Inbox } from '../support/autobahn-client.ts';
import { OPEN_REALM, type RunningRouter, startRouter } from '../support/start-router.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { build, folderOf, type WaggleProcess, waggle } from '../support/waggle-process.ts';

/** Message types. */
const PUBLISHED = 17;
const RESULT = 50;

const PRIVATE_KEY = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';

async function router(): Promise<RunningRouter> {
  const running = await startRouter();
  onTestFinished(() => running.stop());
  return running;
}

async function agentOf(url: string, options: Partial<ConnectOptions> = {}): Promise<Agent> {
  const agent = await connectAgent({ url, realm: 'realm1', ...options });
  onTestFinished(() => agent.close());
  return agent;
}

function next<Name extends keyof AgentEvents>(agent: Agent, name: Name): Promise<AgentEvents[Name]> {
  return new Promise((resolve) => {
    const forget = agent.on(name, (event) => {
      forget();
      resolve(event);
    });
  });
}

/** The answers of one type from the router never arrive, `times` times: the connection breaks where one would have come. */
function tear(proxy: TcpProxy, type: number, times: number): void {
  let left = times;
  proxy.onRouterData = (chunk) => {
    if (left === 0 || !chunk.toString('latin1').includes(`[${type},`)) return true;
    left -= 1;
    setImmediate(() => proxy.cut());
    return false;
  };
}

describe('where the answer is lost on its way', () => {
  it('a publication without retry is rejected, and says that it may be done', async () => {
    const { port } = await router();
    const proxy = await TcpProxy.before(port);
    const agent = await agentOf(proxy.url);
    tear(proxy, PUBLISHED, 1);
    const error = await agent.publish('a.topic').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ maybeDone: true });
    expect(agent.counters.retries).toBe(0);
  });

  it('a publication with retry is sent again, and both carry one _retry', async () => {
    const { url, port } = await router();
    const proxy = await TcpProxy.before(port);
    const [agent, other] = [await agentOf(proxy.url), await agentOf(url)];
    const heard = new Inbox<Dict>();
    await other.subscribe('a.topic', (_args, kwargs) => heard.put(kwargs));
    const told = next(agent, 'retry');
    tear(proxy, PUBLISHED, 1);
    await agent.publish('a.topic', [], { n: 1 }, { retry: true });
    const [first, second] = await heard.until(2);
    expect(first).toEqual({ n: 1, _retry: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(second).toEqual(first);
    expect(await told).toEqual({ kind: 'publish', uri: 'a.topic', id: first?._retry, attempt: 2 });
    expect(agent.counters).toMatchObject({ retries: 1, retriesFailed: 0, reconnects: 1 });
  });

  it('a call with retry is made again, and its callee can tell and do the thing once', async () => {
    const { url, port } = await router();
    const proxy = await TcpProxy.before(port);
    const [agent, callee] = [await agentOf(proxy.url), await agentOf(url)];
    const repetitions = new Repetitions();
    let asked = 0;
    let done = 0;
    await callee.register('a.charge', (_args, kwargs) => {
      asked += 1;
      if (!repetitions.isRepetition(kwargs)) done += 1;
      return done;
    });
    tear(proxy, RESULT, 1);
    expect(await agent.call('a.charge', [], { amount: 5 }, { retry: true })).toBe(1);
    expect({ asked, done }).toEqual({ asked: 2, done: 1 });
  });

  it('a signed one is signed anew, the same _retry inside of what is signed', async () => {
    const { url, port } = await router();
    const proxy = await TcpProxy.before(port);
    const [agent, other] = [await agentOf(proxy.url, { signingKey: PRIVATE_KEY }), await agentOf(url)];
    const heard = new Inbox<Dict>();
    await other.subscribe('a.topic', (_args, kwargs) => heard.put(kwargs));
    tear(proxy, PUBLISHED, 1);
    await agent.signed.publish('a.topic', { n: 1 }, { retry: true });
    const [first = {}, second = {}] = await heard.until(2);
    const key = publicKeyOf(PRIVATE_KEY);
    for (const kwargs of [first, second]) expect(verifyPayload(key, kwargs)).toBe(true);
    expect(second._retry).toBe(first._retry);
    expect(second.nonce).not.toBe(first.nonce);
    expect(verifyPayload(key, { ...second, _retry: 'another' })).toBe(false);
  });

  it('retry ends at its bounds, and says so', async () => {
    const { port } = await router();
    const proxy = await TcpProxy.before(port);
    const agent = await agentOf(proxy.url);
    tear(proxy, PUBLISHED, Number.POSITIVE_INFINITY);
    const error = await agent.publish('a.topic', [], {}, { retry: { attempts: 2 } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ maybeDone: true, message: expect.stringContaining('is given up') });
    expect(agent.counters).toMatchObject({ retries: 1, retriesFailed: 1 });
  });

  it('what waits for a connection is bounded as well', async () => {
    const first = await startRouter();
    const agent = await agentOf(first.url, { maxRetrying: 2 });
    const lost = next(agent, 'lost');
    await first.stop();
    await lost;
    const retry = { withinMs: 300 };
    const all = await Promise.allSettled([1, 2, 3].map((n) => agent.publish('a.topic', [n], {}, { retry })));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(all[2]).toMatchObject({
      reason: { maybeDone: false, message: expect.stringContaining('2 publications and calls already wait') },
    });
    expect(agent.counters.retriesFailed).toBe(3);
  });

  it('an answer is an answer: what was refused is not repeated', async () => {
    const { url } = await router();
    const agent = await agentOf(url);
    await expect(agent.call('a.nobody', [], {}, { retry: true })).rejects.toThrow('no_such_procedure');
    expect(agent.counters.retries).toBe(0);
    await expect(agent.publish('a.b', [], {}, { retry: true, acknowledge: false })).rejects.toThrow(TypeError);
  });
});

/**
 * Publishes `count` numbers with retry, some at a time, while `disturb` breaks things, and checks that each that was
 * acknowledged was heard, and that what was heard twice can be told by its `_retry`.
 */
async function nothingLost(agent: Agent, listener: Agent, count: number, disturb: (n: number) => void) {
  const heard: number[] = [];
  const once: number[] = [];
  const repetitions = new Repetitions();
  await listener.subscribe('a.topic', (args, kwargs) => {
    const n = args[0] as number;
    heard.push(n);
    if (!repetitions.isRepetition(kwargs)) once.push(n);
  });
  const acknowledged: number[] = [];
  let at = 0;
  const publisher = async (): Promise<void> => {
    while (at < count) {
      const n = at;
      at += 1;
      disturb(n);
      await agent.publish('a.topic', [n], {}, { retry: { attempts: 50 }, exclude_me: false });
      acknowledged.push(n);
    }
  };
  await Promise.all(Array.from({ length: 8 }, publisher));
  const all = [...Array(count).keys()];
  expect([...acknowledged].sort((a, b) => a - b)).toEqual(all);
  // An event may be behind its acknowledgement.
  await expect.poll(() => new Set(heard).size, { timeout: 10_000 }).toBe(count);
  expect([...once].sort((a, b) => a - b)).toEqual(all);
  return { repeated: heard.length - once.length };
}

describe('nothing that was acknowledged is lost, and every repetition can be told', { timeout: 60_000 }, () => {
  it('through cuts of the network, also where the acknowledgement was on its way', async () => {
    const { url, port } = await router();
    const proxy = await TcpProxy.before(port);
    const [agent, listener] = [await agentOf(proxy.url), await agentOf(url)];
    const { repeated } = await nothingLost(agent, listener, 300, (n) => {
      if (n === 100 || n === 200) proxy.cut();
      if (n === 50 || n === 150 || n === 250) tear(proxy, PUBLISHED, 1);
    });
    expect(repeated).toBeGreaterThan(0);
    expect(agent.counters.reconnects).toBe(5);
  });

  it('through restarts of the router', async () => {
    let running = await startRouter();
    const { port, url } = running;
    onTestFinished(() => running.stop());
    const listeners = `
listeners:
  - tcp: 127.0.0.1:${port}
    endpoints: [{ path: /ws, protocol: wamp }]
`;
    let restarting = Promise.resolve();
    const agent = await agentOf(url);
    await nothingLost(agent, agent, 200, (n) => {
      if (n !== 50 && n !== 150) return;
      restarting = restarting.then(async () => {
        await running.stop();
        running = await startRouter({ listeners });
      });
    });
    await restarting;
    expect(agent.counters.reconnects).toBeGreaterThan(0);
  });
});

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('kill -9 of the built router', { timeout: 90_000 }, () => {
  beforeAll(build, 120_000);

  it('loses nothing that was acknowledged, and every repetition can be told', async () => {
    const port = await freePort();
    const folder = folderOf({
      'router.yaml': `
realms: realms
listeners:
  - tcp: 127.0.0.1:${port}
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0 }
`,
      'realms/realm1.yaml': OPEN_REALM,
    });
    const start = (): Promise<WaggleProcess> => waggle(['start', '--config', join(folder, 'router.yaml')]).ready();
    let running = await start();
    const agent = await agentOf(`ws://127.0.0.1:${port}/ws`);
    // Its subscription is asked for again before what waits is sent again, so it hears what it repeats.
    let restarting = Promise.resolve();
    await nothingLost(agent, agent, 200, (n) => {
      if (n !== 60 && n !== 140) return;
      restarting = restarting.then(async () => {
        running.kill('SIGKILL');
        await running.ended;
        running = await start();
      });
    });
    await restarting;
    expect(agent.counters.reconnects).toBeGreaterThan(0);
  });
});

describe('a router that misbehaves', () => {
  it('costs the connection, not the program', async () => {
    const { WebSocketServer } = await import('ws');
    const rogue = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'wamp.2.json' });
    onTestFinished(() => rogue.close());
    await new Promise((resolve) => rogue.once('listening', resolve));
    const { port } = rogue.address() as { port: number };
    // WELCOME without roles, something that is not JSON, something that is no message.
    const answers = ['[2, 1, {}]', 'hello', '42', '[]', '[2, 1, {"roles":{}}]'];
    rogue.on('connection', (socket) => socket.once('message', () => socket.send(answers.shift() ?? 'end')));
    const agent = await agentOf(`ws://127.0.0.1:${port}/ws`);
    expect(answers).toEqual([]);
    expect(agent.isJoined).toBe(true);
  });
});

it('what a listener throws is a problem of its own', async () => {
  const { url } = await router();
  const agent = await agentOf(url);
  const problem = next(agent, 'problem');
  agent.on('lost', () => {
    throw new Error('in my listener');
  });
  agent.connection.transport.close?.();
  expect(await problem).toMatchObject({ error: { message: 'in my listener' }, where: 'in a listener to lost' });
  await next(agent, 'joined');
});
