/** The swarm's checklist (docs/hardening.md): a test per line that shows the attack, over real sockets, refused. */
import { afterEach, describe, expect, it } from 'vitest';
import { publicKeyOf, signCommand } from '../../src/signing/ed25519.ts';
import { signPayload } from '../../src/signing/payload.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import {
  type AgentOptions,
  autobahnConnection,
  type ClosedDetails,
  Inbox,
  joinAgent,
  refusal,
} from '../support/autobahn-client.ts';
import { BubClient, envelope } from '../support/bub-client.ts';
import { metric } from '../support/metrics-page.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

const PRIVATE = '11'.repeat(32);
const STRANGER = '33'.repeat(32);
const TASK = 'yamtam.task.dispatch';
const TOOL = 'yamtam.agent.run-tool';

const swarm = (realm: string, environment: string, env: string) => `
realm: ${realm}
environment: ${environment}
principals:
  planner: { role: agent, ticket: { env: ${env} }, cryptosign: "${publicKeyOf(PRIVATE)}", bub: ["agent:planner"] }
  worker: { role: worker, ticket: { env: ${env} } }
roles:
  agent:
    - { uri: ${TASK}, allow: [publish], signature: required }
    - { uri: ${TOOL}, allow: [call], disclose: [caller], signature: { over: [tool, params], field: sig, key: pubKey } }
    - { uri: yamtam.free, allow: [call, publish] }
    - { uri: "yamtam.agent.{authid}.", match: prefix, allow: [publish, subscribe] }
  worker:
    - { uri: yamtam., match: prefix, allow: [subscribe, register] }
    - { uri: ${TASK}, allow: [publish], signature: required }
    - { uri: yamtam.secret., match: prefix, deny: [subscribe] }
`;

const LISTENERS = `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /bub, protocol: bub-v2, realm: dev, auth: ticket }
admin: { tcp: 127.0.0.1:0 }
`;

const SWARM: RouterOptions = {
  realms: { dev: swarm('dev', 'dev', 'DEV') },
  listeners: LISTENERS,
  env: { DEV: 'the dev ticket', PROD: 'the prod ticket' },
};

const routers: RunningRouter[] = [];
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  for (const router of routers.splice(0)) await router.stop();
});

async function start(options: RouterOptions = SWARM): Promise<RunningRouter> {
  const router = await startRouter(options);
  routers.push(router);
  return router;
}

const agent = async (router: RunningRouter, authid: string, more: AgentOptions = {}) => {
  const options = { realm: 'dev', authid, authmethods: ['ticket'], onchallenge: () => 'the dev ticket', ...more };
  const joined = await joinAgent({ url: router.url }, 'json', options);
  closers.push(() => joined.leave());
  return joined;
};

const NO_METHOD = 'wamp.error.no_matching_auth_method';

describe('1: no authmethods', () => {
  it.each([
    ['none', {}],
    ['an empty list', { authmethods: [] }],
    ['anonymous', { authmethods: ['anonymous'] }],
    ['none, but a name', { authid: 'planner' }],
  ])('a HELLO with %s joins nothing', async (_which, details) => {
    const router = await start();
    const client = await RawClient.connect(router.url);
    client.hello('dev', { roles: ALL_ROLES, ...details });
    expect(await client.take()).toEqual([3, expect.anything(), NO_METHOD]);
  });
});

describe('2: wildcard subscriptions', () => {
  it('nobody hears by a pattern what it may not hear topic by topic', async () => {
    const router = await start();
    const planner = await agent(router, 'planner');
    const worker = await agent(router, 'worker');
    const everything = [
      ['', 'prefix'],
      ['yamtam.', 'prefix'],
      ['yamtam.agent.', 'prefix'],
      ['..', 'wildcard'],
      ['yamtam.agent..status', 'wildcard'],
      ['wamp.', 'prefix'],
    ];
    for (const [uri = '', match] of everything) {
      const asked = planner.session.subscribe(uri, () => {}, { match });
      expect((await refusal(asked)).error).toBe('wamp.error.not_authorized');
    }
    // What one rule covers, and another denies a part of, is refused as a whole.
    expect((await refusal(worker.session.subscribe('yamtam.', () => {}, { match: 'prefix' }))).error).toBe(
      'wamp.error.not_authorized',
    );
    const own = await planner.session.subscribe('yamtam.agent.planner.', () => {}, { match: 'prefix' });
    expect(own.active).toBe(true);
    expect(await metric(router.admin, 'waggle_denied_total{action="subscribe"}')).toBe(everything.length + 1);
  });
});

describe('3: calls without a signature of the caller', () => {
  const payload = () => ({
    agentId: 'planner',
    action: 'task.start',
    command: 'sandbox-exec agent-script.sh',
    ts: Date.now(),
    nonce: Math.random().toString(36),
  });
  const signed = (changes: Dict = {}, privateKey = PRIVATE): Dict => {
    const all = { ...payload(), ...changes };
    return { ...all, signature: signCommand(privateKey, JSON.stringify(all)) };
  };

  async function scene() {
    const router = await start();
    const worker = await agent(router, 'worker');
    const calls = new Inbox<{ readonly kwargs: Dict; readonly by: string | undefined }>();
    const tasks = new Inbox<Dict>();
    await worker.session.register(TOOL, (_args, kwargs, { caller_authid: by }) => {
      calls.put({ kwargs, by });
      return 'ran';
    });
    await worker.session.subscribe(TASK, (_args, kwargs) => tasks.put(kwargs));
    return { router, worker, calls, tasks };
  }

  it.each(RAW_NAMES)('unsigned, forged, foreign and repeated ones never reach the callee (%s)', async (name) => {
    const { router, calls } = await scene();
    const joined = await joinAgent({ url: router.url }, name, {
      realm: 'dev',
      authid: 'planner',
      authmethods: ['ticket'],
      onchallenge: () => 'the dev ticket',
    });
    closers.push(() => joined.leave());
    const call = (kwargs: Dict) => joined.session.call(TOOL, [], kwargs);
    const request = { tool: 'fetch', params: { url: 'https://example.org/' } };
    const pubKey = publicKeyOf(PRIVATE);
    const sig = signCommand(PRIVATE, JSON.stringify(request));
    const foreign = signCommand(STRANGER, JSON.stringify(request));
    for (const kwargs of [
      request,
      { ...request, pubKey, sig: foreign },
      { ...request, pubKey: publicKeyOf(STRANGER), sig: foreign },
      { ...request, tool: 'rm', pubKey, sig },
      // As it is printed: signed over other params than are sent.
      { ...request, pubKey, sig: signCommand(PRIVATE, JSON.stringify({ tool: 'fetch', params: {} })) },
    ]) {
      const { error, args } = await refusal(call(kwargs));
      expect([error, args]).toEqual(['yamtam.error.unauthorized', [expect.stringContaining('signature: ')]]);
    }
    expect(await call({ ...request, pubKey, sig })).toBe('ran');
    expect(calls.items).toEqual([{ kwargs: { ...request, pubKey, sig }, by: 'planner' }]);
    expect(await metric(router.admin, 'waggle_signatures_total{outcome="refused"}')).toBe(5);
    expect(await metric(router.admin, 'waggle_signatures_total{outcome="verified"}')).toBe(1);
    expect(await metric(router.admin, 'waggle_denied_total{action="call"}')).toBe(5);
    expect(router.log().match(/"reason":"signature: /g)).toHaveLength(5);
    expect(router.log()).not.toContain(foreign);
  });

  it.each(RAW_NAMES)('of publications too, and what was heard cannot be sent again (%s)', async (name) => {
    const { router, worker, tasks } = await scene();
    const joined = await joinAgent({ url: router.url }, name, {
      realm: 'dev',
      authid: 'planner',
      authmethods: ['ticket'],
      onchallenge: () => 'the dev ticket',
    });
    closers.push(() => joined.leave());
    const publish = (kwargs: Dict, session = joined.session) =>
      session.publish(TASK, [], kwargs, { acknowledge: true }) ?? expect.fail();
    const good = signed();
    await publish(good);
    await publish(signPayload(PRIVATE, { action: 'canonical' }));
    const heard = (await tasks.until(2))[0] ?? {};
    expect(heard).toEqual(good);
    for (const [kwargs, why] of [
      [heard, 'was used before'],
      [{ ...signed(), command: 'rm' }, 'it is not one of what was sent'],
      [signed({ ts: Date.now() - 3_600_000 }), 'is not within 60 s'],
      [signed({}, STRANGER), 'by the key that is named'],
      [payload(), 'kwarg signature is missing'],
    ] as const) {
      const { error, args } = await refusal(publish(kwargs));
      expect([error, args]).toEqual(['wamp.error.not_authorized', [expect.stringContaining(why)]]);
    }
    // Another agent that may publish there has not the key.
    expect((await refusal(publish(heard, worker.session))).error).toBe('wamp.error.not_authorized');
    joined.session.publish(TASK, [], payload());
    await publish(signed());
    expect(await tasks.until(3)).toHaveLength(3);
    expect(await metric(router.admin, 'waggle_denied_total{action="publish"}')).toBe(7);
  });

  it('Bub peers are judged by the same rules, by the principal behind their token', async () => {
    const { router, tasks } = await scene();
    const url = router.url.replace('/ws', '/bub');
    const authorization = `Basic ${Buffer.from('planner:the dev ticket').toString('base64')}`;
    const peer = await BubClient.connect(url, { authorization });
    closers.push(() => peer.close());
    await peer.call('initialize', { clientId: 'agent:planner', clientInfo: null });
    const send = async (message: Dict) => peer.call('sendMessage', { topic: TASK, payload: message });
    const sealed = signPayload(PRIVATE, { ...envelope('agent_event'), agentId: 'agent:planner' });
    expect((await send({ ...sealed, content: { text: 'rm' } })).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining(`${TASK}: signature: it is not one of what was sent`),
    });
    expect((await send(sealed)).error).toBeUndefined();
    expect(await tasks.until(1)).toEqual([sealed]);
    expect((await send(sealed)).error?.message).toContain('was used before');
  });

  it('a reload does not make room for what was signed before it', async () => {
    const { router, tasks } = await scene();
    const planner = await agent(router, 'planner');
    const good = signed();
    const publish = (kwargs: Dict) => planner.session.publish(TASK, [], kwargs, { acknowledge: true }) ?? expect.fail();
    await publish(good);
    router.writeRealm('dev', `${swarm('dev', 'dev', 'DEV')}    - { uri: yamtam.new, allow: [publish] }\n`);
    router.reload();
    expect((await refusal(publish(good))).args).toEqual([expect.stringContaining('was used before')]);
    await publish(signed());
    expect(await tasks.until(2)).toHaveLength(2);
  });
});

describe('4: a connection that is lost', () => {
  it('takes its registrations with it at once, and no call waits for who is gone', async () => {
    const router = await start();
    const lost = await RawClient.connect(router.url);
    await lost.join('dev', { authid: 'worker', authmethods: ['ticket'], ticket: 'the dev ticket' });
    await lost.register('yamtam.free');
    const planner = await agent(router, 'planner');
    const waiting = planner.session.call('yamtam.free');
    await lost.take();
    lost.destroy();
    expect((await refusal(waiting)).error).toBe('wamp.error.canceled');
    expect((await refusal(planner.session.call('yamtam.free'))).error).toBe('wamp.error.no_such_procedure');
  });

  it('an agent that a restart cuts off is told to come back, and is back', { timeout: 15_000 }, async () => {
    const router = await start();
    const connection = autobahnConnection({ url: router.url }, 'json', {
      realm: 'dev',
      authid: 'planner',
      authmethods: ['ticket'],
      onchallenge: () => 'the dev ticket',
      max_retries: undefined,
      initial_retry_delay: 0.1,
    });
    const opened = new Inbox<number>();
    const closed = new Inbox<ClosedDetails>();
    connection.onopen = ({ id }) => opened.put(id);
    connection.onclose = (_why, details) => {
      closed.put(details);
      return false;
    };
    closers.push(() => connection.close());
    connection.open();
    await opened.until(1);
    await router.stop();
    routers.splice(routers.indexOf(router), 1);
    expect((await closed.until(1))[0]).toMatchObject({ will_retry: true });
    const listeners = LISTENERS.replace('127.0.0.1:0', `127.0.0.1:${router.port}`);
    await start({ ...SWARM, listeners });
    expect(await opened.until(2)).toHaveLength(2);
  });
});

describe('5: environments', () => {
  it('realms share no topic and no procedure, and no credential opens another', async () => {
    const realms = { dev: swarm('dev', 'dev', 'DEV'), prod: swarm('prod', 'prod', 'PROD') };
    const router = await start({ ...SWARM, realms });
    const prod = { realm: 'prod', onchallenge: () => 'the prod ticket' };
    const heard = new Inbox<Dict>();
    const theirs = await agent(router, 'worker', prod);
    await theirs.session.subscribe('yamtam.free', (_args, kwargs) => heard.put(kwargs));
    await theirs.session.register('yamtam.free', () => 'prod');
    const ours = await agent(router, 'planner');
    await ours.session.publish('yamtam.free', [], { from: 'dev' }, { acknowledge: true });
    expect((await refusal(ours.session.call('yamtam.free'))).error).toBe('wamp.error.no_such_procedure');
    const planner = await agent(router, 'planner', prod);
    await planner.session.publish('yamtam.free', [], { from: 'prod' }, { acknowledge: true });
    expect(await heard.until(1)).toEqual([{ from: 'prod' }]);
    await expect(agent(router, 'planner', { realm: 'prod' })).rejects.toThrow('authentication_denied');
  });

  it('a client that demands an environment joins no other', async () => {
    const router = await start();
    const demand = (environment: string) => agent(router, 'planner', { authextra: { environment } });
    await demand('dev');
    await expect(demand('prod')).rejects.toThrow();
  });
});

describe('6: publications without acknowledgement', () => {
  it('with it a refusal is told; without it is silent for the sender, and counted and logged', async () => {
    const router = await start();
    const planner = await agent(router, 'planner');
    const { session } = planner;
    const told = session.publish('yamtam.forbidden', [], {}, { acknowledge: true }) ?? expect.fail();
    expect((await refusal(told)).error).toBe('wamp.error.not_authorized');
    session.publish('yamtam.forbidden', [], {});
    await session.publish('yamtam.free', [], {}, { acknowledge: true });
    expect(await metric(router.admin, 'waggle_denied_total{action="publish"}')).toBe(2);
    expect(router.log().match(/"uri":"yamtam\.forbidden"/g)).toHaveLength(2);
  });
});
