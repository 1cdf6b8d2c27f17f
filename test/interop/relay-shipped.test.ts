/** Relay agents in the realm file that is shipped: the document's program as printed, and the examples. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Inbox, joinAgent } from '../support/autobahn-client.ts';
import { RelayClient } from '../support/relay-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const root = new URL('../../', import.meta.url);
const TICKET = 'ticket-of-the-swarm';
let router: RunningRouter;
let url: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  router = await startRouter({
    realms: { 'yamtam-swarm': readFileSync(new URL('realms/yamtam-swarm.yaml', root), 'utf8') },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /relay, protocol: relay, realm: yamtam-swarm, auth: none }
`,
    env: { YAMTAM_AGENT_TOKEN: TICKET },
  });
  url = router.url.replace(/\/ws$/, '/relay');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  await router.stop();
});

const planner = () =>
  joinAgent({ url: router.url }, 'json', {
    realm: 'yamtam-swarm',
    authid: 'planner',
    authmethods: ['ticket'],
    onchallenge: () => TICKET,
  });

it('the program of the document runs as printed: registers, hears updates.* and answers calls', async () => {
  const program = readFileSync(new URL('fixtures/relay-example.js.txt', import.meta.url), 'utf8');
  const printed = new Inbox<string>();
  const opened: WebSocket[] = [];
  const heard = new Inbox<{ readonly type: string }>();
  /** What a browser has, led to the port of the test: the only thing that is not as printed. */
  class Redirected extends WebSocket {
    constructor(asked: string) {
      expect(asked).toBe('ws://localhost:9002/ws');
      super(url);
      opened.push(this);
      this.on('message', (data) => heard.put(JSON.parse(String(data))));
    }
  }
  runInNewContext(program, { WebSocket: Redirected, console: { log: printed.put }, JSON });
  expect((await printed.until(1))[0]).toMatch(
    /^connected as browser-agent\.relay \(12D3KooW[1-9A-HJ-NP-Za-km-z]{44}\)$/,
  );
  expect(await heard.until(2)).toMatchObject([{ type: 'registered' }, { type: 'subscribed', topic: 'updates.*' }]);

  const wamp = await planner();
  await wamp.session.publish(
    'updates.fleet',
    [],
    { message_type: 'status', payload: 'all well' },
    { acknowledge: true },
  );
  const other = await RelayClient.join(url, 'other');
  other.send({ type: 'broadcast', topic: 'updates.fleet', message_type: 'status', payload: 'still well' });
  expect((await printed.until(3)).slice(1)).toEqual([
    '[updates.fleet] planner: all well',
    '[updates.fleet] other.relay: still well',
  ]);
  expect(await wamp.session.call('browser-agent.relay.open', ['page'])).toBe('handled');
  expect(await other.call('browser-agent', 'open', 'page')).toMatchObject({ success: true, payload: 'handled' });
  await wamp.leave();
  other.destroy();
  for (const each of opened) each.close();
});

it('the shipped role is no more than the document needs: other topics and names are refused', async () => {
  const agent = await RelayClient.join(url, 'modest');
  for (const topic of ['*', 'yamtam.task.x', 'agent:1', 'wamp.session.on_join', 'x.*']) {
    expect(await agent.fails({ type: 'subscribe', topic })).toMatchObject({ code: 'not_authorized', topic });
  }
  for (const topic of ['yamtam.task.dispatch', 'system:spawn']) {
    expect(await agent.fails({ type: 'broadcast', topic, message_type: 'x', payload: '' })).toMatchObject({
      code: 'not_authorized',
    });
  }
  expect((await agent.call('wamp.session', 'kill')).error).toMatch(/^wamp\.error\.not_authorized/);
  const other = await RelayClient.connect(url);
  for (const name of ['yamtam.agent', 'updates.x', 'tg:1.x']) {
    expect(await other.fails({ type: 'register', name })).toMatchObject({ code: 'not_authorized', name });
  }
  for (const each of [agent, other]) each.destroy();
});

/** Runs an example. @returns what it prints, line by line */
function run(example: string, env: Readonly<Record<string, string>>): () => string[] {
  const child = spawn(process.execPath, [example], {
    cwd: new URL('examples/', root),
    env: { ...process.env, ...env },
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      text += String(data);
    });
  }
  return () => text.trim().split('\n');
}

it('examples/relay-agent.js and examples/relay-desk.js work together', async () => {
  const desk = run('relay-desk.js', {
    WAGGLE_URL: router.url,
    YAMTAM_AGENT_ID: 'planner',
    YAMTAM_AGENT_TOKEN: TICKET,
  });
  await expect.poll(desk, { timeout: 10_000 }).toEqual(['ready']);
  const agent = run('relay-agent.js', { RELAY_URL: url });
  await expect
    .poll(agent, { timeout: 10_000 })
    .toEqual([
      'I am scout.relay',
      'answered: hello scout',
      'planner asks me to look: north',
      'planner: {"args":["the north is done"],"kwargs":{}}',
    ]);
  expect(desk()).toEqual(['ready', 'scout.relay says done']);
});
