/** What a running router tells strangers, and what it never tells anybody (CONTRACT §1, §3, §4). */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { autobahn } from '../support/autobahn-client.ts';
import { healthySession } from '../support/healthy-session.ts';
import { metric, metricsOf } from '../support/metrics-page.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

const { ABORT, AUTHENTICATE, CHALLENGE, HELLO, WELCOME } = MessageType;
const DENIED = 'wamp.error.authentication_denied';

async function router(options: RouterOptions = {}): Promise<RunningRouter> {
  const running = await startRouter(options);
  onTestFinished(() => running.stop());
  return running;
}

/** GET with headers that `fetch` would not send. */
function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const sent = request(url, { headers, method }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on('error', reject).end();
  });
}

function upgrade(port: number, headers: Record<string, string>): Promise<RawWebSocket> {
  return RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'], headers });
}

describe('a request that a browser was led to', () => {
  it('PITFALLS 82: a foreign Host (DNS rebinding) is answered 421, upgrade or probe, and the router stays well', async () => {
    const { url, port, admin } = await router();
    const healthy = await healthySession(url);
    const refused = await upgrade(port, { Host: `evil.example:${port}` });
    expect(refused.status).toBe(421);
    expect(refused.response).toContain('evil.example');
    for (const path of ['/metrics', '/healthz', '/readyz', '/']) {
      expect((await get(`${admin}${path}`, { Host: 'evil.example' })).status, path).toBe(421);
    }
    await healthy.works();
  });

  it('PITFALLS 82: a foreign Origin is answered 403, upgrade or probe', async () => {
    const { port, admin } = await router();
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'https://localhost']) {
      expect((await upgrade(port, { Origin: origin })).status, origin).toBe(403);
      for (const path of ['/metrics', '/healthz', '/readyz']) {
        expect((await get(`${admin}${path}`, { Origin: origin })).status, `${origin} ${path}`).toBe(403);
      }
    }
  });

  it('pages of this machine are let in, and programs that send no Origin', async () => {
    const { port, admin } = await router();
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      const socket = await upgrade(port, { Origin: origin });
      expect(socket.status, origin).toBe(101);
      socket.destroy();
      expect((await get(`${admin}/metrics`, { Origin: origin })).status).toBe(200);
    }
    expect((await get(`${admin}/metrics`)).status).toBe(200);
  });

  it('hosts and origins of the files are obeyed on both listeners, each its own', async () => {
    const { port, admin } = await router({
      listeners: `
listeners:
  - tcp: 127.0.0.1:0
    hosts: [router.example]
    origins: ["https://app.example"]
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0, hosts: [admin.example] }
`,
    });
    const let_in = await upgrade(port, { Host: `router.example:${port}`, Origin: 'https://app.example' });
    expect(let_in.status).toBe(101);
    let_in.destroy();
    expect((await upgrade(port, { Host: 'admin.example' })).status).toBe(421);
    // A list replaces the defaults.
    expect((await upgrade(port, { Origin: 'http://localhost:3000' })).status).toBe(403);
    expect((await get(`${admin}/healthz`, { Host: 'admin.example' })).status).toBe(200);
    expect((await get(`${admin}/healthz`, { Host: 'router.example' })).status).toBe(421);
    expect((await get(`${admin}/healthz`, { Origin: 'https://app.example' })).status).toBe(403);
  });

  it('no answer carries CORS headers, so that a page cannot read what it may not ask for', async () => {
    const { admin } = await router();
    const answers = [await get(`${admin}/metrics`, { Origin: 'http://localhost:1' }), await get(`${admin}/metrics`)];
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('X-Forwarded-For', () => {
  const realm1 = `
realm: realm1
environment: test
principals: { planner: { role: agent, ticket: { env: TICKET } } }
roles: { agent: [] }
`;

  it('is not believed: it changes no address that failures are counted by', async () => {
    const { port } = await router({ realms: { realm1 }, env: { TICKET: 'right-ticket' } });
    const attempt = async (address: string, ticket: string): Promise<number> => {
      const socket = await upgrade(port, { 'X-Forwarded-For': address });
      socket.text(
        JSON.stringify([HELLO, 'realm1', { roles: { caller: {} }, authmethods: ['ticket'], authid: 'planner' }]),
      );
      expect(JSON.parse(await socket.nextText())[0]).toBe(CHALLENGE);
      socket.text(JSON.stringify([AUTHENTICATE, ticket, {}]));
      const [type] = JSON.parse(await socket.nextText());
      socket.destroy();
      return type;
    };
    for (let i = 1; i <= 4; i += 1) expect(await attempt(`192.0.2.${i}`, 'wrong')).toBe(ABORT);
    // A fifth address by its own word is the same peer, who is locked out by now, right ticket or not.
    expect(await attempt('192.0.2.5', 'right-ticket')).toBe(ABORT);
  });
});

describe('a configuration that would open the router to others', () => {
  const listener = (lines: string): string => `listeners:\n  - ${lines.split('\n').join('\n    ')}\n`;
  const endpoint = 'endpoints: [{ path: /ws, protocol: wamp }]';
  const closed = 'realm: realm1\nenvironment: test\nroles: { anybody: [] }\n';
  const open = `${closed}anonymous: { role: anybody }\n`;
  const bub = 'endpoints: [{ path: /bub, protocol: bub-v2, realm: realm1, auth: none }]';

  it.each([
    ['without TLS', `tcp: 0.0.0.0:0\n${endpoint}`, closed, /tls.*insecure: true/s],
    [
      'with an anonymous realm, TLS or not',
      `tcp: 0.0.0.0:0\nbehindTls: true\n${endpoint}`,
      open,
      /anonymous.*insecure: true/s,
    ],
    ['with auth: none', `tcp: 0.0.0.0:0\nbehindTls: true\n${bub}`, closed, /auth.*insecure: true/s],
  ])('off loopback %s is refused, and says what to write', async (_what, lines, realm1, says) => {
    const started = startRouter({ realms: { realm1 }, listeners: listener(lines) });
    const error = await started.then(
      (running) => running.stop(),
      (refused: Error) => refused,
    );
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toMatch(says);
  });

  it('off loopback with insecure: true it is the admin’s word', async () => {
    const { url } = await router({
      listeners: listener(`tcp: 0.0.0.0:0\ninsecure: true\n${endpoint}`),
      realms: { realm1: open },
    });
    const client = await (await RawClient.connect(url.replace('0.0.0.0', '127.0.0.1'))).join('realm1');
    expect(client.session).toBeGreaterThan(0);
  });
});

describe('the probes', () => {
  it('/healthz and /readyz answer in plain text, are not cached and take no other method', async () => {
    const { admin } = await router();
    expect(await get(`${admin}/healthz`)).toMatchObject({
      status: 200,
      body: 'ok\n',
      headers: { 'cache-control': 'no-store' },
    });
    expect(await get(`${admin}/readyz`)).toMatchObject({ status: 200, body: 'ready\n' });
    expect((await get(`${admin}/nothing`)).status).toBe(404);
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await get(`${admin}${path}`, { 'content-type': 'application/json' }, 'POST')).status, path).toBe(405);
      expect((await get(`${admin}${path}`, {}, 'DELETE')).status, path).toBe(405);
      expect((await get(`${admin}${path}`, {}, 'HEAD')).status, path).toBe(200);
    }
  });

  it('the listener of agents has none of them', async () => {
    const { port } = await router();
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await get(`http://127.0.0.1:${port}${path}`)).status, path).toBe(404);
    }
  });

  it('/metrics counts what happened, and never has a URI, a realm or an authid on it', async () => {
    const { url, admin } = await router();
    const client = await (await RawClient.connect(url)).join('realm1');
    await client.subscribe('marker.topic.one');
    await client.register('marker.procedure.one');
    client.call('marker.missing');
    await client.message();
    client.publish('wamp.marker', { acknowledge: true });
    await client.message();
    const figures = await metricsOf(admin);
    expect(Object.fromEntries(figures)).toMatchObject({
      waggle_sessions: 1,
      waggle_connections: 1,
      waggle_subscriptions: 1,
      waggle_registrations: 1,
      waggle_sessions_joined_total: 1,
      waggle_faults_total: 0,
      'waggle_messages_received_total{type="CALL"}': 1,
      'waggle_denied_total{action="publish"}': 1,
      'waggle_handshakes_total{outcome="welcomed"}': 1,
    });
    const page = [...figures.keys()].join('\n');
    const { authid } = client.welcome;
    expect(page).not.toMatch(/marker|realm1/);
    expect(page).not.toContain(String(authid));
    expect(page).not.toContain(String(client.session));
  });

  it('/metrics stays as small however many URIs and names there are', async () => {
    const { url, admin } = await router();
    const client = await (await RawClient.connect(url)).join('realm1');
    const once = async (i: number): Promise<void> => {
      await client.subscribe(`topic.number.${i}`);
      client.call(`missing.number.${i}`);
      await client.message();
    };
    await once(0);
    const size = async (): Promise<number> => {
      // The figures of the process come and go with its timers and sockets.
      const names = [...(await metricsOf(admin)).keys()];
      return names.filter((name) => !/^waggle_(?:process|nodejs)_/.test(name)).length;
    };
    const before = await size();
    for (let i = 1; i < 200; i += 1) await once(i);
    expect(await size()).toBe(before);
  });
});

describe('no secret is logged, however authentication goes', () => {
  const MARKER = 'TOP-SECRET-MARKER';
  const TICKET = `${MARKER}-ticket`;
  const CRA = `${MARKER}-cra`;
  const FILED = `${MARKER}-filed`;

  async function guarded(): Promise<RunningRouter> {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'ticket');
    writeFileSync(file, `${FILED}\n`);
    const realm1 = `
realm: realm1
environment: test
principals:
  planner: { role: agent, ticket: { env: TICKET }, wampcra: { env: CRA } }
  filed: { role: agent, ticket: { file: ${JSON.stringify(file)} } }
roles: { agent: [{ uri: "", match: prefix, allow: [call, register, publish, subscribe] }] }
`;
    return router({ realms: { realm1 }, env: { TICKET, CRA }, extra: 'log: { level: trace }' });
  }

  /** Says `messages` one after the other, each after an answer to the one before. */
  async function say(url: string, ...messages: readonly unknown[]): Promise<RawClient> {
    const client = await RawClient.connect(url);
    for (const [i, message] of messages.entries()) {
      if (typeof message === 'string') client.sendBytes(message);
      else client.send(message);
      if (i < messages.length - 1) await client.take();
    }
    return client;
  }

  const hello = (details: object) => [HELLO, 'realm1', { roles: { caller: {} }, ...details }];
  const ticketHello = hello({ authid: 'planner', authmethods: ['ticket'] });
  const craHello = hello({ authid: 'planner', authmethods: ['wampcra'] });

  it.each<[string, readonly unknown[]]>([
    ['a wrong ticket', [ticketHello, [AUTHENTICATE, `${MARKER}-wrong`, {}]]],
    [
      'a ticket for an unknown user',
      [hello({ authid: 'nobody', authmethods: ['ticket'] }), [AUTHENTICATE, TICKET, {}]],
    ],
    ['a ticket as authextra', [hello({ authid: 'planner', authextra: { ticket: TICKET, password: TICKET } })]],
    ['a ticket in the extra of AUTHENTICATE', [ticketHello, [AUTHENTICATE, 'wrong', { ticket: TICKET, more: TICKET }]]],
    ['a ticket that is a list', [ticketHello, [AUTHENTICATE, [TICKET], {}]]],
    ['a ticket that is a map', [ticketHello, [AUTHENTICATE, { ticket: TICKET }, {}]]],
    ['a ticket where a map belongs', [ticketHello, [AUTHENTICATE, '', TICKET]]],
    ['AUTHENTICATE with too many elements', [ticketHello, [AUTHENTICATE, TICKET, {}, TICKET, TICKET]]],
    ['AUTHENTICATE that is cut off', [ticketHello, `[5,"${TICKET}",{`]],
    ['AUTHENTICATE that is no JSON', [ticketHello, `[5,"${TICKET}",{}}`]],
    ['AUTHENTICATE that is no UTF-8 after the ticket', [ticketHello, `[5,"${TICKET}\\ud800",{}]`]],
    ['AUTHENTICATE before HELLO', [[AUTHENTICATE, TICKET, {}]]],
    ['AUTHENTICATE to the wrong method', [hello({ authid: 'planner', authmethods: [MARKER] })]],
    [
      'a signature made with a wrong secret',
      [craHello, [AUTHENTICATE, createHmac('sha256', MARKER).digest('base64'), {}]],
    ],
    ['a secret in place of its signature', [craHello, [AUTHENTICATE, CRA, {}]]],
    ['a second answer', [ticketHello, [AUTHENTICATE, `${MARKER}-wrong`, {}], [AUTHENTICATE, TICKET, {}]]],
  ])('after %s', async (_what, messages) => {
    const { url, log } = await guarded();
    const client = await say(url, ...messages);
    await client.ended;
    expect(client.received.every((message) => Array.isArray(message) && message[0] !== WELCOME)).toBe(true);
    expect(log()).not.toContain(MARKER);
    expect(JSON.stringify(client.received)).not.toContain(MARKER);
  });

  it('after a join with each, a call that carries one, a lock-out and a reload', async () => {
    const { url, log, reload } = await guarded();
    for (const [authid, ticket] of [
      ['planner', TICKET],
      ['filed', FILED],
    ] as const) {
      const client = await RawClient.connect(url);
      await client.join('realm1', { authid, authmethods: ['ticket'], ticket });
      await client.register(`login.${authid}`);
      client.call(`login.${authid}`, {}, [ticket], { password: ticket });
      await client.message();
      client.call('missing', {}, [ticket]);
      await client.message();
    }
    const cra = await RawClient.connect(url);
    cra.send(craHello);
    const challenge = await cra.expect(CHALLENGE);
    const signature = autobahn.auth_cra.sign(CRA, String((challenge.extra as { challenge: string }).challenge));
    cra.send([AUTHENTICATE, signature, {}]);
    await cra.expect(WELCOME);
    for (let i = 0; i < 5; i += 1) {
      const client = await say(url, ticketHello, [AUTHENTICATE, `${MARKER}-${i}`, {}]);
      expect(await client.ended).toBeDefined();
      expect(client.received.at(-1)).toMatchObject([ABORT, {}, DENIED]);
    }
    reload();
    expect(log()).toContain('authentication denied');
    expect(log()).not.toContain(MARKER);
    expect(log()).not.toContain(signature);
  });
});

describe('a fault of one peer', () => {
  it('leaves figures and sessions right: what joined has left, nothing is held', async () => {
    const { url, admin, server } = await router();
    const healthy = await healthySession(url);
    for (let i = 0; i < 20; i += 1) {
      const client = await (await RawClient.connect(url)).join('realm1');
      await client.subscribe(`some.topic.${i}`);
      await client.register(`some.procedure.${i}`);
      if (i % 2 === 0) client.destroy();
      else client.send([9999]);
      await client.ended;
    }
    await healthy.works();
    expect(server.router.sessionCount).toBe(1);
    expect(await metric(admin, 'waggle_subscriptions')).toBe(1);
    expect(await metric(admin, 'waggle_registrations')).toBe(1);
    expect(await metric(admin, 'waggle_sessions_left_total')).toBe(20);
    expect(await metric(admin, 'waggle_faults_total')).toBe(0);
  });
});
