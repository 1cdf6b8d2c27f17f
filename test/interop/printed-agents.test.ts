/** The agents' code as it is printed in their documentation, against the realm file that is shipped. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import {
  type AgentOptions,
  type AutobahnConnection,
  type AutobahnSession,
  autobahn,
  Inbox,
  joinAgent,
  refusal,
} from '../support/autobahn-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';
import { newKeys, signCommand, verifyCommand } from './fixtures/ecc-key-management.ts';

const TOKEN = 'the ticket of all agents';

type OnOpen = (session: AutobahnSession) => Promise<void>;

/** What the printed code gets as `autobahn`: the real package, led to the router of the test. */
const printed = vi.hoisted(() => ({ url: '', connections: [] as unknown[], ran: [] as Promise<void>[] }));

vi.mock('autobahn', async () => {
  const { autobahn: real } = await import('../support/autobahn-client.ts');
  class Connection extends real.Connection {
    #onopen: OnOpen | undefined;

    constructor(options: { readonly url: string }) {
      // The port is the test's; everything else is as printed.
      super({ ...options, url: options.url.replace(':8080', `:${new URL(printed.url).port}`) });
      printed.connections.push(this);
    }

    override set onopen(run: AutobahnConnection['onopen']) {
      this.#onopen = run as OnOpen | undefined;
    }

    override get onopen(): AutobahnConnection['onopen'] {
      const run = this.#onopen;
      if (run === undefined) return undefined;
      return (session) => {
        printed.ran.push(run(session));
      };
    }
  }
  return { default: { ...real, Connection } };
});

let router: RunningRouter;
const logged = new Inbox<unknown[]>();

beforeEach(async () => {
  router = await startRouter({
    realms: { 'yamtam-swarm': readFileSync(new URL('../../realms/yamtam-swarm.yaml', import.meta.url), 'utf8') },
    env: { YAMTAM_AGENT_TOKEN: TOKEN },
  });
  printed.url = router.url;
  vi.stubEnv('YAMTAM_AGENT_ID', 'planner');
  vi.stubEnv('YAMTAM_AGENT_TOKEN', TOKEN);
  vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => logged.put(words));
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(async () => {
  for (const connection of printed.connections.splice(0) as AutobahnConnection[]) {
    if (connection.isConnected) connection.close();
  }
  await router.stop();
  printed.ran.splice(0);
  logged.items.splice(0);
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

const agent = (authid: string) => {
  const options: AgentOptions = { realm: 'yamtam-swarm', authid, authmethods: ['ticket'], onchallenge: () => TOKEN };
  return joinAgent({ url: router.url }, 'json', options);
};

/** The connection of the first snippet, for those that go on with it, not opened yet. */
async function connection(): Promise<AutobahnConnection> {
  // @ts-expect-error the package brings no types
  const { default: theirs } = (await import('autobahn')) as { default: typeof autobahn };
  return new theirs.Connection({
    url: 'ws://localhost:8080/ws',
    realm: 'yamtam-swarm',
    authmethods: ['ticket'],
    authid: process.env.YAMTAM_AGENT_ID,
    onchallenge: () => process.env.YAMTAM_AGENT_TOKEN,
  });
}

/** Runs a snippet that sets `onopen` of a global `connection`, to the end of its onopen. */
async function run(load: () => Promise<unknown>, globals: Dict): Promise<void> {
  const theirs = await connection();
  vi.stubGlobal('connection', theirs);
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  await load();
  await opened(theirs);
  await printed.ran[0];
}

/** Opens it and waits until onopen was called. */
async function opened(theirs: AutobahnConnection): Promise<void> {
  theirs.open();
  await vi.waitUntil(() => printed.ran.length > 0, { timeout: 10_000, interval: 5 });
}

describe('Connect and subscribe', () => {
  it('joins with its ticket, and hears tasks and the status of every agent with its topic', async () => {
    await import('./fixtures/connect-and-subscribe.ts');
    const [greeting] = await logged.until(1);
    const [theirs] = printed.connections as AutobahnConnection[];
    expect(greeting).toEqual(['[wamp] connected as', theirs?.session?.id]);
    await printed.ran[0];
    const worker = await agent('worker-1');
    worker.session.publish('yamtam.task.complete', [], { task: 7, answer: 'ok' });
    worker.session.publish('yamtam.agent.worker-1.status', [], { state: 'idle' });
    const lines = await logged.until(3);
    expect(lines.slice(1)).toEqual([
      ['[wamp] task complete:', { task: 7, answer: 'ok' }],
      ['[wamp] agent status update from:', 'yamtam.agent.worker-1.status'],
    ]);
    await worker.leave();
  });

  it('an agent speaks for itself only: the status of another is not for it to publish', async () => {
    const worker = await agent('worker-1');
    const forged = worker.session.publish('yamtam.agent.planner.status', [], {}, { acknowledge: true });
    expect((await refusal(forged ?? expect.fail())).error).toBe('wamp.error.not_authorized');
    await worker.leave();
  });

  it('a wrong ticket is refused', async () => {
    vi.stubEnv('YAMTAM_AGENT_TOKEN', 'wrong');
    const theirs = await connection();
    const closed = new Inbox<unknown>();
    theirs.onclose = (_why, { reason }) => {
      closed.put(reason);
      return undefined;
    };
    theirs.open();
    expect(await closed.until(1)).toEqual(['wamp.error.authentication_denied']);
  });
});

describe('Publish with signed payload', () => {
  it('is acknowledged, and subscribers can verify what they get', async () => {
    const keys = newKeys();
    vi.stubEnv('YAMTAM_AGENT_PRIV', keys.privateKey);
    const worker = await agent('worker-1');
    const tasks = new Inbox<{ readonly kwargs: Dict; readonly by: string | undefined }>();
    await worker.session.subscribe('yamtam.task.dispatch', (_args, kwargs, details) =>
      tasks.put({ kwargs, by: details.publisher_authid }),
    );
    await await run(() => import('./fixtures/publish-signed.ts'), {});
    expect(logged.items).toEqual([['[wamp] published signed task']]);
    const [task] = await tasks.until(1);
    const { signature, ...payload } = task?.kwargs ?? {};
    expect(payload).toMatchObject({
      agentId: 'planner',
      action: 'task.start',
      command: 'sandbox-exec agent-script.sh',
    });
    // Verified over the text of the payload: so the order of its keys came through as well.
    expect(verifyCommand(keys.publicKey, JSON.stringify(payload), String(signature))).toBe(true);
    // The shipped realm discloses who gave out a task.
    expect(task?.by).toBe('planner');
    await worker.leave();
  });
});

describe('where the realm wants it signed (BRIDGES §5)', () => {
  const keys = newKeys();
  const signCalls = '{ over: [tool, params], field: sig, key: pubKey }';

  /** The shipped realm with a key of the planner and the two rules. */
  function wantSignatures(publicKey = keys.publicKey): void {
    const shipped = readFileSync(new URL('../../realms/yamtam-swarm.yaml', import.meta.url), 'utf8');
    const signed = shipped
      .replace('planner: { role: agent,', `planner: { role: agent, cryptosign: "${publicKey}",`)
      .replace(
        '\n  agent:\n',
        `\n  agent:
    - { uri: yamtam.task.dispatch, allow: [publish], signature: required }
    - { uri: yamtam.agent.run-tool, allow: [call], signature: ${signCalls} }\n`,
      );
    expect(signed).toContain(publicKey);
    router.writeRealm('yamtam-swarm', signed);
    router.reload();
  }

  const globals = (sign: typeof signCommand): Dict => ({
    autobahn,
    signCommand: sign,
    verifyCommand,
    runTool: async (tool: string, params: unknown) => ({ tool, params }),
    myPubKey: keys.publicKey,
    myPrivKey: keys.privateKey,
  });

  it('the publish code passes as printed', async () => {
    wantSignatures();
    vi.stubEnv('YAMTAM_AGENT_PRIV', keys.privateKey);
    const worker = await agent('worker-1');
    const tasks = new Inbox<Dict>();
    await worker.session.subscribe('yamtam.task.dispatch', (_args, kwargs) => tasks.put(kwargs));
    await await run(() => import('./fixtures/publish-signed.ts'), {});
    expect(logged.items).toEqual([['[wamp] published signed task']]);
    expect(await tasks.until(1)).toEqual([expect.objectContaining({ agentId: 'planner', action: 'task.start' })]);
    // What was heard cannot be sent again, and an agent without a key can send nothing of the kind.
    const again = worker.session.publish('yamtam.task.dispatch', [], tasks.items[0] ?? {}, { acknowledge: true });
    expect((await refusal(again ?? expect.fail())).error).toBe('wamp.error.not_authorized');
    await worker.leave();
  });

  it('the publish code with a key that the realm does not know is refused', async () => {
    wantSignatures(newKeys().publicKey);
    vi.stubEnv('YAMTAM_AGENT_PRIV', keys.privateKey);
    const { error } = await refusal(run(() => import('./fixtures/publish-signed.ts'), {}));
    expect(error).toBe('wamp.error.not_authorized');
    expect(logged.items).toEqual([]);
  });

  it('the call code signs other params than it sends, as printed: refused by the router, and no callee sees it', async () => {
    wantSignatures();
    const ran = vi.fn();
    const call = run(() => import('./fixtures/expose-procedures.ts'), { ...globals(signCommand), runTool: ran });
    const { error, args } = await refusal(call);
    expect(error).toBe('yamtam.error.unauthorized');
    expect(args).toEqual([expect.stringContaining('signature: it is not one of what was sent')]);
    expect(ran).not.toHaveBeenCalled();
  });

  it('the call code corrected passes', async () => {
    wantSignatures();
    const sent = JSON.stringify({ tool: 'fetch', params: { url: 'https://api.github.com/zen' } });
    const corrected = (key: string) => signCommand(key, sent);
    await run(() => import('./fixtures/expose-procedures.ts'), globals(corrected));
    expect(router.log()).not.toContain('"denied"');
  });
});

describe('RPC registration', () => {
  const keys = newKeys();
  const globals = (parts: Dict = {}): Dict => ({
    autobahn,
    signCommand,
    verifyCommand,
    runTool: async (tool: string, params: unknown) => ({ tool, params }),
    myPubKey: keys.publicKey,
    myPrivKey: keys.privateKey,
    ...parts,
  });

  it("the callee's own error crosses whole: the signature printed is over other params", async () => {
    const { error, args } = await refusal(run(() => import('./fixtures/expose-procedures.ts'), globals()));
    expect(error).toBe('yamtam.error.unauthorized');
    expect(args).toEqual(['invalid signature']);
  });

  it('registers, is called and answers, also when others call it', async () => {
    await run(() => import('./fixtures/expose-procedures.ts'), globals({ verifyCommand: () => true }));
    const caller = await agent('worker-1');
    const params = { url: 'https://example.org/', deep: [{ a: 1 }] };
    const answer = await caller.session.call('yamtam.agent.run-tool', [], {
      tool: 'fetch',
      params,
      pubKey: '',
      sig: '',
    });
    expect(answer).toEqual({ result: { tool: 'fetch', params } });
    await caller.leave();
  });

  it('a caller that signs what it sends is served', async () => {
    await run(() => import('./fixtures/expose-procedures.ts'), globals({ verifyCommand: () => true }));
    const { publicKey, privateKey } = newKeys();
    vi.stubGlobal('verifyCommand', verifyCommand);
    const caller = await agent('worker-2');
    const request = { tool: 'reverse', params: { text: 'elggaw' } };
    const sig = signCommand(privateKey, JSON.stringify(request));
    const call = (signed: Dict) =>
      caller.session.call('yamtam.agent.run-tool', [], { pubKey: publicKey, sig, ...signed });
    expect(await call(request)).toEqual({ result: request });
    expect(await refusal(call({ ...request, tool: 'rm' }))).toMatchObject({
      error: 'yamtam.error.unauthorized',
      args: ['invalid signature'],
    });
    await caller.leave();
  });
});
