import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BubClient, envelope } from '../support/bub-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const root = new URL('../../', import.meta.url);
let router: RunningRouter;
let base: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  router = await startRouter({
    realms: { 'yamtam-swarm': readFileSync(new URL('realms/yamtam-swarm.yaml', root), 'utf8') },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /bub, protocol: bub-v2, realm: yamtam-swarm, auth: none }
      - { path: /bub/v1, protocol: bub-v1, realm: yamtam-swarm, auth: none }
`,
    env: { YAMTAM_AGENT_TOKEN: 'ticket-of-the-swarm' },
  });
  base = router.url.replace(/\/ws$/, '');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  await router.stop();
});

/** Runs an example. @returns what it prints, line by line */
function run(example: string, env: Readonly<Record<string, string>>): { child: ChildProcess; lines: () => string[] } {
  const child = spawn(process.execPath, [example], {
    cwd: new URL('examples/', root),
    env: { ...process.env, ...env },
  });
  children.push(child);
  let text = '';
  child.stdout.on('data', (data) => {
    text += String(data);
  });
  child.stderr.on('data', (data) => {
    text += String(data);
  });
  return { child, lines: () => text.trim().split('\n') };
}

it.each([
  ['tg:123456789', 'tg:123456789', 'agent:worker-42', 'configure'],
  ['agent:system', 'system:*', 'tg:123456789', 'route_assigned'],
  ['agent:worker-42', 'agent:worker-42', 'tg:123456789', 'tg_reply'],
])(
  'the shipped realm lets the v2 document’s %s in: it hears %s and sends to %s',
  async (clientId, hears, topic, type) => {
    const peer = await BubClient.join(`${base}/bub`, clientId, hears);
    expect(await peer.publish(topic, envelope(type))).toMatchObject({ accepted: true });
    peer.destroy();
  },
);

it('and the tg: peer asks on system:spawn', async () => {
  const peer = await BubClient.join(`${base}/bub`, 'tg:123456789', 'tg:*');
  expect(await peer.publish('system:spawn', envelope('spawn_request'))).toMatchObject({ accepted: true });
  peer.destroy();
});

it('the shipped realm lets the v1 document’s agent-1 in, with the topics of the document', async () => {
  const peer = await BubClient.join(
    `${base}/bub/v1`,
    'agent-1',
    'inbound:chat-*',
    'inbound:*',
    'outbound:*',
    'agent:*',
  );
  expect(await peer.publish('inbound:chat-1', { chat_id: 'chat-1', text: 'hello', from: 'user-1' })).toMatchObject({
    success: true,
  });
  peer.destroy();
});

it('Bub’s own v2 programs come in, and send with allowOther only', async () => {
  const peer = await BubClient.join(`${base}/bub`, 'telegram-bridge', 'tg:*');
  const message = { topic: 'tg:1', payload: envelope('tg_message') };
  expect((await peer.fails('sendMessage', message)).code).toBe(-32602);
  const yaml = readFileSync(new URL('realms/yamtam-swarm.yaml', root), 'utf8');
  router.writeRealm('yamtam-swarm', yaml.replace('allowOther: false', 'allowOther: true'));
  router.reload();
  expect(await peer.must('sendMessage', message)).toMatchObject({ deliveredTo: 1 });
  peer.destroy();
});

it('examples/bub-desk.js is the system agent to examples/bub-peer.js', async () => {
  const desk = run('bub-desk.js', {
    WAGGLE_URL: router.url,
    YAMTAM_AGENT_ID: 'planner',
    YAMTAM_AGENT_TOKEN: 'ticket-of-the-swarm',
  });
  await expect.poll(desk.lines, { timeout: 10_000 }).toEqual(['ready']);
  const peer = run('bub-peer.js', { BUB_URL: `${base}/bub` });
  await new Promise((resolve) => peer.child.once('close', resolve));
  expect(peer.child.exitCode).toBe(0);
  expect(peer.lines().toSorted()).toEqual([
    'delivered to 1',
    'on tg:42: wamp_event {"args":[],"kwargs":{"agent":"agent:worker-1"}}',
  ]);
  expect(desk.lines()).toEqual(['ready', 'tg:42 asks: I need an agent']);
});
