import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { type Agent, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpListener, type HttpListenerOptions, type RequestHandler } from '../../../src/transports/http.ts';
import type { Link } from '../../../src/transports/link.ts';
import { certificateA, certificateB } from '../../support/certificates.ts';
import { clientFrame, OP } from '../../support/raw-websocket.ts';
import { Accepted, TestServer, type TestServerOptions } from '../../support/websocket-server.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly socketPath?: string;
  readonly agent?: Agent;
}

function ask(port: number, path: string, options: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const echo: RequestHandler = (incoming, response, path) => {
  response.end(`${incoming.method} ${path}`);
};

async function listener(options: Partial<HttpListenerOptions> = {}): Promise<{ own: HttpListener; port: number }> {
  const own = new HttpListener({
    address: { host: '127.0.0.1', port: 0 },
    rules: () => ({ hosts: [], origins: undefined }),
    routes: [{ path: '/plain', request: echo }],
    handshakeTimeoutMs: 10_000,
    onError: () => {},
    ...options,
  });
  const bound = await own.listen();
  cleanUps.push(() => own.close(0));
  return { own, port: 'port' in bound ? bound.port : 0 };
}

async function webSockets(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await new TestServer(options).start();
  cleanUps.push(() => server.stop());
  return server;
}

describe('the safe defaults (CONTRACT §3)', () => {
  it('a DNS-rebinding request is answered 421, on upgrades as on requests', async () => {
    const server = await webSockets();
    const client = await server.connect({ headers: { Host: `evil.example:${server.port}` } });
    expect(client.status).toBe(421);
    expect(client.response).toContain('"hosts"');
    const { status } = await ask(server.port, '/ws', { headers: { Host: 'evil.example' } });
    expect(status).toBe(421);
    expect(server.accepted).toHaveLength(0);
  });

  it('PITFALLS 82: a page of a foreign origin is answered 403, on upgrades as on requests', async () => {
    const server = await webSockets();
    for (const Origin of ['https://evil.example', 'null']) {
      expect((await server.connect({ headers: { Origin } })).status).toBe(403);
      expect((await ask(server.port, '/ws', { headers: { Origin } })).status).toBe(403);
    }
    expect((await server.connect({ headers: { Origin: 'http://localhost:3000' } })).status).toBe(101);
  });

  it.each(['0.0.0.0', '::ffff:0.0.0.0', '127.0.0.1'])('on %s a request names the address it came to', async (host) => {
    const server = await webSockets({ listener: { address: { host, port: 0 } } });
    expect((await server.connect()).status).toBe(101);
    expect((await server.connect({ headers: { Origin: 'http://localhost:3000' } })).status).toBe(101);
    expect((await server.connect({ headers: { Host: '127.0.0.2' } })).status).toBe(421);
  });

  it('hosts and origins are live', async () => {
    const server = await webSockets();
    const headers = { Host: 'router.example', Origin: 'https://app.example' };
    expect((await server.connect({ headers })).status).toBe(421);
    server.rules.hosts = ['router.example'];
    expect((await server.connect({ headers })).status).toBe(403);
    server.rules.origins = ['https://app.example'];
    expect((await server.connect({ headers })).status).toBe(101);
  });

  it('a POST needs application/json', async () => {
    const { port } = await listener();
    const post = (type: string | undefined) =>
      ask(port, '/plain', { method: 'POST', body: '{}', headers: type === undefined ? {} : { 'Content-Type': type } });
    expect((await post('application/json; charset=utf-8')).status).toBe(200);
    expect((await post('Application/JSON')).status).toBe(200);
    for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/json-seq']) {
      expect((await post(type)).status).toBe(415);
    }
  });

  it('an endpoint without authentication refuses what a proxy passed on, and says what to write', async () => {
    const server = await webSockets();
    const upgrade = { protocols: undefined, accept: () => ({ message: () => {}, closed: () => {} }) };
    const { port } = await listener({
      websockets: server.transport,
      routes: [
        { path: '/open', upgrade, request: echo, refusesForwarded: true },
        { path: '/ticket', request: echo },
      ],
    });
    const headers = { 'X-Forwarded-For': '1.2.3.4' };
    const refused = await ask(port, '/open', { headers });
    expect(refused.status).toBe(403);
    expect(refused.body).toContain('insecure: true');
    expect((await ask(port, '/open', { headers: { Forwarded: 'for=1.2.3.4' } })).status).toBe(403);
    expect((await ask(port, '/open')).status).toBe(200);
    expect((await ask(port, '/ticket', { headers })).status).toBe(200);
  });
});

describe('paths', () => {
  const named =
    (name: string): RequestHandler =>
    (_, response) => {
      response.end(name);
    };

  it('the narrowest route wins', async () => {
    const { port } = await listener({
      routes: [
        { path: '*', request: named('any') },
        { path: '/api/*', request: named('api') },
        { path: '/api/deep/*', request: named('deep') },
        { path: '/api/exact', request: named('exact') },
      ],
    });
    const answers = ['/api/exact', '/api/deep/x/y', '/api/deep', '/api/other?q=/api/exact', '/api', '/apix', '/'];
    const bodies = await Promise.all(answers.map(async (path) => (await ask(port, path)).body));
    expect(bodies).toEqual(['exact', 'deep', 'deep', 'api', 'api', 'any', 'any']);
  });

  it('an unknown one is answered 404, also to an upgrade', async () => {
    const server = await webSockets();
    expect((await ask(server.port, '/nowhere')).status).toBe(404);
    expect((await server.connect({ path: '/nowhere' })).status).toBe(404);
    expect((await server.connect({ path: '/ws/deeper' })).status).toBe(404);
    expect((await server.connect({ path: '/ws?token=1' })).status).toBe(101);
  });

  it('a plain GET on a WebSocket path is told to upgrade, with 426', async () => {
    const server = await webSockets();
    const answer = await ask(server.port, '/ws');
    expect(answer.status).toBe(426);
    expect(answer.headers.upgrade).toBe('websocket');
    expect(answer.body).toContain('wamp.2.json');
    expect((await ask(server.port, '/ws', { method: 'DELETE' })).status).toBe(405);
  });

  it('an upgrade on a path of plain requests is refused with 400', async () => {
    const server = await webSockets({ listener: { routes: [{ path: '/plain', request: echo }] } });
    expect((await server.connect({ path: '/plain' })).status).toBe(400);
  });

  it('given twice, or upgrading without a transport, is a bug that shows at start', async () => {
    const routes = [{ path: '/a' }, { path: '/a' }];
    await expect(listener({ routes })).rejects.toThrow('two routes for the path /a');
    const upgrade = { protocols: undefined, accept: () => ({ message: () => {}, closed: () => {} }) };
    await expect(listener({ routes: [{ path: '/a', upgrade }] })).rejects.toThrow('no WebSocket transport');
  });

  it('a handler that throws is answered 500 and reported', async () => {
    const errors: unknown[] = [];
    const { port } = await listener({
      onError: (error) => errors.push(error),
      routes: [
        {
          path: '*',
          request: () => {
            throw new Error('a bug');
          },
        },
      ],
    });
    expect((await ask(port, '/')).status).toBe(500);
    expect(errors).toMatchObject([{ message: 'a bug' }]);
  });
});

describe('limits', () => {
  it('an upgrade beyond what is admitted is answered 503', async () => {
    const server: TestServer = await webSockets({ listener: { admit: () => server.transport.connections < 2 } });
    await server.pair();
    const second = await server.pair();
    expect((await server.connect()).status).toBe(503);
    second.client.destroy();
    await second.server.end();
    expect((await server.connect()).status).toBe(101);
  });

  it.each([
    ['nothing', ''],
    ['half a head', 'GET /ws HTTP/1.1\r\nHost: localh'],
  ])('a client that sends %s is cut after handshakeTimeoutMs', async (_, bytes) => {
    const { port } = await listener({ handshakeTimeoutMs: 100 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write(bytes);
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  });
});

describe('opening and closing', () => {
  it('an address in use is named in the error', async () => {
    const { port } = await listener();
    await expect(listener({ address: { host: '127.0.0.1', port } })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the address is in use`,
    );
    await expect(listener({ address: { host: '192.0.2.1', port: 0 } })).rejects.toThrow(
      'this machine has no such address',
    );
  });

  it('a unix socket serves, and a stale file is replaced but not a live socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waggle-test-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'a.sock');
    const first = await listener({ address: { path } });
    expect((await ask(0, '/plain', { socketPath: path, headers: { Host: 'localhost' } })).body).toBe('GET /plain');
    await expect(listener({ address: { path } })).rejects.toThrow(
      `cannot listen on unix:${path}: the address is in use`,
    );
    await first.own.close(0);

    await leaveStaleSocket(path);
    await listener({ address: { path } });
    expect((await ask(0, '/plain', { socketPath: path, headers: { Host: 'localhost' } })).status).toBe(200);

    const shared = join(folder, 'shared.sock');
    await listener({ address: { path: shared, mode: 0o660 } });
    expect((await stat(shared)).mode & 0o777).toBe(0o660);

    const file = join(folder, 'file');
    await writeFile(file, 'not a socket');
    await expect(listener({ address: { path: file } })).rejects.toThrow('cannot listen on unix:');
  });

  it('stop refuses newcomers, answers upgrades on open connections 503, and leaves links alone', async () => {
    const server = await webSockets({ listener: { routes: [] } });
    const accept = (link: Link): Accepted => {
      const accepted = new Accepted(link);
      server.accepted.push(accepted);
      return accepted;
    };
    const { own, port } = await listener({
      websockets: server.transport,
      routes: [{ path: '/ws', upgrade: { protocols: undefined, accept }, request: echo }],
    });
    const client = await server.connect({ port });
    const [accepted] = server.accepted;
    if (accepted === undefined) throw new Error('nobody came');
    const waiting = connect(port, '127.0.0.1');
    waiting.write('GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ws HTTP/1.1\r\nHost: local');
    const [first] = (await once(waiting, 'data')) as [Buffer];
    expect(first.toString()).toContain('200 OK');
    own.stop();
    await expect(ask(port, '/ws')).rejects.toThrow('ECONNREFUSED');
    client.text('still here');
    await accepted.until(() => accepted.messages.length === 1);
    waiting.write('host\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    const [answer] = (await once(waiting, 'data')) as [Buffer];
    expect(answer.toString()).toContain('503');
  });

  it('close waits for links to end and cuts what is left after the grace', async () => {
    const server = await webSockets();
    const polite = await server.pair();
    const stubborn = await server.pair();
    const closed = server.listener.close(200);
    polite.client.close();
    expect(await polite.server.end()).toMatchObject({ cause: 'peer' });
    await closed;
    expect(await stubborn.server.end()).toMatchObject({ cause: 'lost' });
    await server.listener.close();
  });
});

async function leaveStaleSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
}

describe('TLS', () => {
  const secure = (): Promise<TestServer> => webSockets({ listener: { tls: certificateA } });

  it('serves https and wss, and links know it', async () => {
    const server = await secure();
    const { client, server: accepted } = await server.pair({ tls: true });
    expect(accepted.link.info.secure).toBe(true);
    accepted.onMessage = (bytes) => accepted.link.write(bytes, false, false);
    client.text('over TLS');
    expect(await client.nextText()).toBe('over TLS');
    const response = await new Promise<IncomingMessage>((resolve) => {
      requestTls({ host: '127.0.0.1', port: server.port, path: '/ws', rejectUnauthorized: false }, resolve).end();
    });
    response.resume();
    expect(response.statusCode).toBe(426);
  });

  it('large output over TLS arrives whole', async () => {
    const server = await secure();
    const { client, server: accepted } = await server.pair({ tls: true });
    for (let i = 0; i < 400; i += 1) accepted.link.write(Buffer.alloc(5000, i), true, false);
    for (let i = 0; i < 400; i += 1) expect((await client.next()).payload.equals(Buffer.alloc(5000, i))).toBe(true);
  });

  it('channelId is the exporter value of RFC 9266 and the same on both sides', async () => {
    const server = await secure();
    const { client, server: accepted } = await server.pair({ tls: true });
    const own = (client.socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    expect(accepted.link.info.channelId?.().equals(own)).toBe(true);
  });

  it('a new certificate is for new connections; an unusable one leaves the old in force', async () => {
    const server = await secure();
    const { client, server: accepted } = await server.pair({ tls: true });
    expect(await certificateName(server.port)).toBe('waggle test a');
    expect(() => server.listener.setTls({ ...certificateB, key: certificateA.key })).toThrow();
    expect(await certificateName(server.port)).toBe('waggle test a');
    server.listener.setTls(certificateB);
    expect(await certificateName(server.port)).toBe('waggle test b');
    client.text('unharmed');
    await accepted.until(() => accepted.messages.length === 1);
  });

  it('dead peers are found over TLS as well, live ones are not taken for dead', async () => {
    const server = await secure();
    Object.assign(server.limits.keepAlive, { pingMs: 60, timeoutMs: 60 });
    const silent = await server.pair({ tls: true });
    expect(await silent.server.end()).toMatchObject({ cause: 'deadPeer' });
    const live = await server.pair({ tls: true });
    for (let i = 0; i < 4; i += 1) {
      const ping = await live.client.next();
      expect(ping.opcode).toBe(OP.ping);
      live.client.write(clientFrame(OP.pong, ping.payload));
    }
    expect(live.server.ends).toHaveLength(0);
  });

  it('with clientCa refuses clients that show no certificate of it', async () => {
    const server = await webSockets({ listener: { tls: { ...certificateA, clientCa: certificateB.cert } } });
    const attempt = (client: object): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls(
          { host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ...client },
          () => {
            socket.write('GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n');
          },
        );
        socket.once('data', (bytes: Buffer) => resolve(bytes.toString().slice(9, 12)));
        socket.once('error', () => resolve('refused'));
        socket.once('close', () => resolve('refused'));
      });
    expect(await attempt({})).toBe('refused');
    expect(await attempt(certificateB)).toBe('426');
  });

  it('a listener without TLS takes no certificate', async () => {
    const { own } = await listener();
    expect(() => own.setTls(certificateA)).toThrow('without TLS');
  });
});

async function certificateName(port: number): Promise<unknown> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return name;
}
