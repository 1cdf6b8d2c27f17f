/** Clients of the HTTP gateway that are wrong, slow, too many, or gone; and a router that changes under them. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { answerOf, GATEWAY_REALM, type Gateway, SCRIPT, SECRETS, startGateway } from '../support/gateway.ts';
import { RawClient } from '../support/raw-client.ts';

let gateway: Gateway;

const LIMITS = `
limits:
  maxMessageBytes: 2048
  handshakeTimeoutMs: 300
  http: { requestsPerPrincipal: 3 }
`;

beforeEach(async () => {
  gateway = await startGateway({ extra: LIMITS });
});

afterEach(() => gateway.stop());

async function callee(procedure: string, who: keyof typeof SECRETS = 'SCRIPT'): Promise<RawClient> {
  const client = await RawClient.connect(gateway.router.url);
  await client.join('realm1', { authid: who.toLowerCase(), authmethods: ['ticket'], ticket: SECRETS[who] });
  await client.register(procedure);
  return client;
}

/** Bytes on a bare connection; resolves with all that came until the router closed it. */
async function raw(...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(gateway.router.port, '127.0.0.1');
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

const head = (more: string) =>
  `POST /api/realms/realm1/call HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${SCRIPT}\r\n` +
  `Content-Type: application/json\r\n${more}\r\n\r\n`;

describe('what is wrong with a request costs that request', () => {
  it('a body that drips is answered 408 in time, and others are served meanwhile', async () => {
    const dripping = raw(head('Content-Length: 100'), '{"uri"');
    await gateway.call({ uri: 'com.nobody' });
    expect(await dripping).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a body longer than maxMessageBytes is 413, declared or not', async () => {
    const big = { uri: 'com.a', args: ['x'.repeat(3000)] };
    expect(await gateway.call(big)).toMatchObject({
      status: 413,
      body: { type: 'wamp.error.payload_size_exceeded' },
    });
    const chunk = 'x'.repeat(1500);
    const chunked = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    expect(await raw(head('Transfer-Encoding: chunked'), chunked, chunked)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('a realm may take less than the router', async () => {
    gateway.router.writeRealm('realm1', `${GATEWAY_REALM}limits: { maxMessageBytes: 1024 }\n`);
    gateway.router.reload();
    expect(await gateway.call({ uri: 'com.a', args: ['x'.repeat(1500)] })).toMatchObject({ status: 413 });
  });

  it('nesting of thousands of levels, and bytes that are no UTF-8, are 400', async () => {
    expect(await gateway.call(`{"uri":"com.a","args":${'['.repeat(900)}${']'.repeat(900)}}`)).toMatchObject({
      status: 400,
      body: { detail: 'the body: nesting deeper than 256' },
    });
    const body = Buffer.concat([Buffer.from('{"uri":"com.a","args":["'), Buffer.from([0xff]), Buffer.from('"]}')]);
    expect(await raw(head(`Connection: close\r\nContent-Length: ${body.length}`), body)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('another content type, another Host and another origin are refused (CONTRACT §3)', async () => {
    const text = await gateway.call({ uri: 'com.a' }, { headers: { 'Content-Type': 'text/plain' } });
    expect(text.status).toBe(415);
    expect(text.headers.get('content-type')).toBe('application/problem+json');
    const body = '{"uri":"com.a"}';
    const rebound = head(`Connection: close\r\nContent-Length: ${body.length}`).replace('localhost', 'evil.example');
    expect(await raw(rebound, body)).toMatch(/^HTTP\/1\.1 421 /);
    const page = await gateway.call({ uri: 'com.a' }, { headers: { Origin: 'https://evil.example' } });
    expect(page.status).toBe(403);
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('pages of other origins (CORS)', () => {
  const preflight = (origin: string) =>
    fetch(`${gateway.api}/realms/realm1/call`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization, content-type',
      },
    });

  it('a listed origin may ask, and reads answers and refusals', async () => {
    const leave = await preflight('https://app.example');
    expect(leave.status).toBe(204);
    expect(leave.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(leave.headers.get('access-control-allow-methods')).toContain('POST');
    expect(leave.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
    expect(leave.headers.get('access-control-allow-credentials')).toBeNull();
    for (const type of ['application/json', 'text/plain']) {
      const headers = { Origin: 'https://app.example', 'Content-Type': type };
      const answer = await gateway.call({ uri: 'com.nobody' }, { headers });
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(answer.headers.get('vary')).toBe('Origin');
    }
  });

  it('others may not', async () => {
    const leave = await preflight('https://evil.example');
    expect(leave.status).toBe(403);
    expect(leave.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('clients that go away or are too many', () => {
  it('a client that is gone cancels its call: the callee is interrupted, the session is forgotten', async () => {
    const busy = await callee('com.a.busy');
    const client = httpRequest(`${gateway.api}/realms/realm1/call`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: SCRIPT },
    });
    client.on('error', () => {});
    client.end('{"uri":"com.a.busy"}');
    const { request } = await busy.expect(MessageType.INVOCATION);
    client.destroy();
    const interrupt = await busy.expect(MessageType.INTERRUPT);
    expect(interrupt).toMatchObject({ request, details: { mode: 'killnowait' } });
    busy.call('wamp.session.count');
    expect((await busy.expect(MessageType.RESULT)).args).toEqual([1]);
    busy.close();
  });

  it('a principal has so many requests at the same time and no more; others notice nothing', async () => {
    const busy = await callee('com.open.busy');
    const waiting = [1, 2, 3].map(() => gateway.call({ uri: 'com.open.busy' }));
    const invocations = [];
    for (const _ of waiting) invocations.push(await busy.expect(MessageType.INVOCATION));
    const refused = await gateway.call({ uri: 'com.open.busy' });
    expect(refused).toMatchObject({ status: 429, body: { type: 'waggle.error.limit_exceeded' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    const anonymous = fetch(`${gateway.api}/realms/realm1/call`, {
      method: 'POST',
      body: '{"uri":"com.open.busy"}',
      headers: { 'Content-Type': 'application/json' },
    });
    invocations.push(await busy.expect(MessageType.INVOCATION));
    for (const { request } of invocations) busy.send([MessageType.YIELD, request, {}]);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await anonymous).status).toBe(200);
    expect((await gateway.call({ uri: 'com.nobody' })).status).toBe(404);
    busy.close();
  });

  it('a realm that is full is 503: come back', async () => {
    gateway.router.writeRealm('realm1', `${GATEWAY_REALM}limits: { maxSessions: 1 }\n`);
    gateway.router.reload();
    const only = await callee('com.a.x');
    const answer = await gateway.call({ uri: 'com.a.x' });
    expect(answer).toMatchObject({ status: 503, body: { type: 'wamp.error.unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    only.close();
  });

  it('a callee that leaves before it answers is 502', async () => {
    const busy = await callee('com.a.busy');
    const answered = gateway.call({ uri: 'com.a.busy' });
    await busy.expect(MessageType.INVOCATION);
    busy.destroy();
    expect(await answered).toMatchObject({ status: 502, body: { type: 'wamp.error.canceled' } });
  });

  it('a result that JSON cannot say is an error, not a wrong value', async () => {
    const odd = await RawClient.connect(gateway.router.url, 'msgpack');
    await odd.join('realm1', { authid: 'script', authmethods: ['ticket'], ticket: SECRETS.SCRIPT });
    await odd.register('com.a.odd');
    const answered = gateway.call({ uri: 'com.a.odd' });
    const { request } = await odd.expect(MessageType.INVOCATION);
    odd.send([MessageType.YIELD, request, {}, [Number.NaN]]);
    expect(await answered).toMatchObject({ status: 400, body: { type: 'wamp.error.invalid_argument' } });
    odd.close();
  });
});

describe('a router that changes while a call is under way', () => {
  const without = GATEWAY_REALM.replace(/ {2}script:.*\n/, '');

  it('a removed credential ends it with 403, as it ends a session', async () => {
    const busy = await callee('com.a.busy', 'WORKER');
    const answered = gateway.call({ uri: 'com.a.busy' });
    await busy.expect(MessageType.INVOCATION);
    gateway.router.writeRealm('realm1', without);
    gateway.router.reload();
    expect(await answered).toMatchObject({ status: 403, body: { type: 'wamp.close.killed' } });
    expect((await gateway.call({ uri: 'com.a.busy' })).status).toBe(401);
    busy.close();
  });

  it('a credential that is removed while the body is on its way is 401', async () => {
    const body = '{"uri":"com.nobody"}';
    const socket = connect(gateway.router.port, '127.0.0.1');
    socket.write(head(`Connection: close\r\nContent-Length: ${body.length}`));
    // By then that head has been read, too.
    expect((await gateway.call({ uri: 'com.nobody' })).status).toBe(404);
    gateway.router.writeRealm('realm1', without);
    gateway.router.reload();
    socket.write(body);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it('a changed role is 503: it comes back under the new one', async () => {
    const busy = await callee('com.open.busy');
    const answered = fetch(`${gateway.api}/realms/realm1/call`, {
      method: 'POST',
      body: '{"uri":"com.open.busy"}',
      headers: { 'Content-Type': 'application/json' },
    });
    await busy.expect(MessageType.INVOCATION);
    gateway.router.writeRealm('realm1', GATEWAY_REALM.replace('role: anybody', 'role: watcher'));
    gateway.router.reload();
    expect(await answerOf(await answered)).toMatchObject({ status: 503 });
    busy.close();
  });

  it('a killed session is 403 with the reason', async () => {
    const busy = await callee('com.a.busy');
    const answered = gateway.call({ uri: 'com.a.busy' });
    await busy.expect(MessageType.INVOCATION);
    busy.call('wamp.session.kill_by_authid', {}, ['script'], { reason: 'com.a.out', message: 'not today' });
    expect(await answered).toMatchObject({ status: 403, body: { type: 'com.a.out', detail: 'not today' } });
    busy.close();
  });

  it('a router that stops answers 503 to what is still under way', async () => {
    const stopping = await startGateway({ extra: 'shutdown: { drainMs: 0 }' });
    const agent = await stopping.agent();
    let reached: () => void = () => {};
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    await agent.session.register('com.a.busy', () => {
      reached();
      return new Promise(() => {});
    });
    const answered = stopping.call({ uri: 'com.a.busy' });
    await isReached;
    await stopping.router.stop();
    expect(await answered).toMatchObject({ status: expect.toSatisfy((status) => status === 503 || status === 502) });
  });
});
