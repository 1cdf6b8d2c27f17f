/** Hostile and unlucky peers of each transport: half-open, truncated, slow at every phase, many at once, wrong in TLS. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import {
  authority,
  certificateA,
  certificateB,
  clientCertificate,
  expiredCertificate,
  otherCertificate,
} from '../support/certificates.ts';
import { RawClient } from '../support/raw-client.ts';
import { clientFrame, OP, RawWebSocket } from '../support/raw-websocket.ts';
import { connectTo, FRAME, handshake, RawSocketClient, rawFrame, rawSocketWire } from '../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';
import { type Wire, webSocketWire } from '../support/wire.ts';

let router: RunningRouter;
afterEach(() => router.stop());

const LISTENER = 'tcp: 127.0.0.1:0, rawsocket: true, endpoints: [{ path: /ws, protocol: wamp }]';
const TLS = 'tls: { cert: cert.pem, key: key.pem }';
const OVER = {
  TCP: LISTENER,
  TLS: `${LISTENER}, ${TLS}`,
  unix: 'unix: router.sock, rawsocket: true, endpoints: [{ path: /ws, protocol: wamp }]',
};

async function start(extra = '', keys = '', files: Record<string, string> = {}): Promise<void> {
  router = await startRouter({ listeners: `listeners: [{ ${LISTENER}${keys} }]`, extra, files });
}

const certificate = ({ cert, key }: { cert: string; key: string }) => ({ 'cert.pem': cert, 'key.pem': key });

const TRANSPORTS: Readonly<Record<string, () => Promise<Wire>>> = {
  WebSocket: () => webSocketWire(router.url, 'wamp.2.json'),
  RawSocket: async () => rawSocketWire({ port: router.port }, 'json'),
};

describe.each(Object.entries(TRANSPORTS))('over %s', (_name, wire) => {
  it('2,000 connections that open at once are all welcomed', { timeout: 60_000 }, async () => {
    await start('limits: { maxSessions: 2001 }');
    const clients = await Promise.all(
      Array.from({ length: 2000 }, async () => new RawClient('json', await wire()).join('realm1')),
    );
    expect(new Set(clients.map(({ session }) => session)).size).toBe(2000);
    expect(router.server.router.sessionCount).toBe(2000);
    for (const client of clients) client.destroy();
    await Promise.all(clients.map(({ ended }) => ended));
  });
});

/** A joined client that then answers nothing and does not end: as after a cable was pulled. */
interface Silent {
  text(message: string): void;
  write(bytes: Buffer): void;
  nextText(): Promise<string>;
  gone(): Promise<void>;
  destroy(): void;
}

const webSocket = (tls: boolean, unix?: string): Promise<Silent> =>
  RawWebSocket.open({
    port: router.port,
    host: unix === undefined ? '127.0.0.1' : 'localhost',
    protocols: ['wamp.2.json'],
    tls,
    ...(unix === undefined ? {} : { unix }),
  });
const rawSocket = (tls: boolean, unix?: string): Promise<Silent> =>
  RawSocketClient.open(unix === undefined ? { port: router.port } : { path: unix }, { tls });

/** Every way in: by which transport, and over what. */
const WAYS: readonly [name: string, over: keyof typeof OVER, connect: (place: string) => Promise<Silent>][] = [
  ['WebSocket', 'TCP', () => webSocket(false)],
  ['WebSocket over TLS', 'TLS', () => webSocket(true)],
  ['WebSocket over a unix socket', 'unix', (path) => webSocket(false, path)],
  ['RawSocket', 'TCP', () => rawSocket(false)],
  ['RawSocket over TLS', 'TLS', () => rawSocket(true)],
  ['RawSocket over a unix socket', 'unix', (path) => rawSocket(false, path)],
];

describe.each(WAYS)('over %s', (_name, over, connect) => {
  it('PITFALLS 80: what a vanished peer had registered is free within the time of keep-alive', async () => {
    router = await startRouter({
      listeners: `listeners: [{ ${OVER.TCP} }${over === 'TCP' ? '' : `, { ${OVER[over]} }`}]`,
      extra: 'limits: { keepAlive: { pingMs: 30, timeoutMs: 60 } }',
      files: certificate(certificateA),
    });
    const plain = router.url;
    if (over === 'TLS') router = { ...router, port: portOf('wss:') };
    const silent = await connect(join(router.folder, 'router.sock'));
    silent.text(JSON.stringify([1, 'realm1', { roles: { callee: {} } }]));
    expect(JSON.parse(await silent.nextText())[0]).toBe(2);
    silent.text(JSON.stringify([64, 1, {}, 'com.held']));
    expect(JSON.parse(await silent.nextText())[0]).toBe(65);
    const other = await (await RawClient.connect(plain)).join('realm1');
    let answer: unknown;
    do {
      other.send([64, other.next(), {}, 'com.held']);
      answer = await other.take();
    } while (Array.isArray(answer) && answer[0] === 8);
    expect(answer).toMatchObject([65, expect.any(Number), expect.any(Number)]);
    await silent.gone();
    other.close();
    silent.destroy();
  });
});

function portOf(scheme: string): number {
  const url = router.server.endpoints().find((each) => each.url.startsWith(scheme))?.url ?? '';
  return Number(new URL(url).port);
}

describe('half a message after WELCOME', () => {
  it('of a peer that is silent then ends its session within the time of keep-alive, and frees what it held', async () => {
    await start('limits: { keepAlive: { pingMs: 30, timeoutMs: 60 } }');
    const halves = [
      { silent: await webSocket(false), half: clientFrame(OP.text, 'x'.repeat(1000)).subarray(0, 500) },
      { silent: await rawSocket(false), half: rawFrame(FRAME.message, 'x'.repeat(1000)).subarray(0, 500) },
    ];
    for (const { silent, half } of halves) {
      silent.text(JSON.stringify([1, 'realm1', { roles: { callee: {} } }]));
      await silent.nextText();
      silent.write(half);
      await silent.gone();
    }
    await expect.poll(() => router.server.router.sessionCount).toBe(0);
  });
});

describe('RawSocket', () => {
  it('who is welcomed to nothing is cut off: no HELLO in time', async () => {
    await start('limits: { handshakeTimeoutMs: 60 }');
    const silent = await RawSocketClient.open({ port: router.port });
    await silent.gone();
    const slow = await RawSocketClient.open({ port: router.port });
    const hello = rawFrame(FRAME.message, JSON.stringify([1, 'realm1', { roles: { caller: {} } }]));
    // A HELLO that never ends.
    slow.write(hello.subarray(0, hello.length - 1));
    await slow.gone();
    expect(router.server.router.sessionCount).toBe(0);
  });

  it('a truncated frame ends the session of who sent it and frees what it held', async () => {
    await start();
    const cut = await RawSocketClient.open({ port: router.port });
    cut.text(JSON.stringify([1, 'realm1', { roles: { callee: {} } }]));
    await cut.next();
    cut.text(JSON.stringify([64, 1, {}, 'com.held']));
    await cut.next();
    const other = await new RawClient('json', await webSocketWire(router.url, 'wamp.2.json')).join('realm1');
    cut.socket.end(rawFrame(FRAME.message, 'x', 1000));
    await cut.gone();
    await other.register('com.held');
    other.close();
  });

  it('an oversized frame costs its sender the connection and nobody else anything', async () => {
    await start('limits: { maxMessageBytes: 1024 }');
    const other = await new RawClient('json', await webSocketWire(router.url, 'wamp.2.json')).join('realm1');
    const client = await RawSocketClient.open({ port: router.port });
    client.send(FRAME.message, Buffer.alloc(2000, 'x'));
    await client.gone();
    expect(client.frames).toEqual([]);
    await other.subscribe('com.topic');
    other.close();
  });
});

/** Connects with TLS and verifies. @returns the error code, or `undefined` where the handshake was done */
function tlsError(options: object): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: router.port, ...options });
    socket.once('error', (error: Error & { code?: string }) => resolve(error.code));
    socket.once('secureConnect', () => resolve(undefined));
  });
}

describe('TLS', () => {
  it('a certificate for another name, or that has expired, is refused by the client, and others join', async () => {
    await start('', `, ${TLS}`, certificate(otherCertificate));
    expect(await tlsError({ ca: authority })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const client = await new RawClient('json', rawSocketWire({ port: router.port }, 'json', true)).join('realm1');
    client.close();
    await router.stop();
    await start('', `, ${TLS}`, certificate(expiredCertificate));
    expect(await tlsError({ ca: authority })).toBe('CERT_HAS_EXPIRED');
  });

  it('a certificate that is swapped is for new connections; sessions of both transports go on', async () => {
    await start('', `, ${TLS}`, certificate(certificateA));
    const open = await new RawClient('json', rawSocketWire({ port: router.port }, 'json', true)).join('realm1');
    expect(await tlsError({ ca: certificateA.cert })).toBeUndefined();
    for (const [name, text] of Object.entries(certificate(certificateB)))
      writeFileSync(join(router.folder, name), text);
    router.reload();
    expect(await tlsError({ ca: certificateA.cert })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(await tlsError({ ca: certificateB.cert })).toBeUndefined();
    await open.subscribe('com.topic');
    open.close();
  });

  it('with clientCa nobody gets to RawSocket without a certificate of that authority', async () => {
    const keys = ', tls: { cert: cert.pem, key: key.pem, clientCa: ca.pem }';
    await start('', keys, { ...certificate(certificateA), 'ca.pem': authority });
    const reply = (options: object): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port: router.port, ca: certificateA.cert, ...options });
        socket.once('data', (bytes) => resolve(bytes.toString('hex')));
        socket.once('error', () => resolve('refused'));
        socket.once('close', () => resolve('refused'));
        socket.write(handshake());
      });
    expect(await reply({})).toBe('refused');
    expect(await reply(certificateB)).toBe('refused');
    expect(await reply(clientCertificate)).toBe('7fb10000');
  });

  it('a session of TLS that was begun under another clientCa opens nothing', async () => {
    const keys = ', tls: { cert: cert.pem, key: key.pem, clientCa: ca.pem }';
    await start('', keys, { ...certificate(certificateA), 'ca.pem': authority });
    const options = { host: '127.0.0.1', port: router.port, ca: certificateA.cert, ...clientCertificate };
    const reply = async (session?: Buffer): Promise<{ resumed: boolean; ticket: Buffer | undefined } | undefined> => {
      const socket = connectTls({ ...options, ...(session === undefined ? {} : { session }) });
      let ticket: Buffer | undefined;
      socket.on('session', (each: Buffer) => {
        ticket = each;
      });
      const answered = once(socket, 'data').then(
        () => true,
        () => false,
      );
      socket.write(handshake());
      const ended = new Promise<boolean>((resolve) => socket.once('close', () => resolve(false)));
      const let_in = await Promise.race([answered, ended]);
      const resumed = socket.isSessionReused();
      socket.destroy();
      return let_in ? { resumed, ticket } : undefined;
    };
    const first = await reply();
    expect(first?.ticket).toBeDefined();
    expect(await reply(first?.ticket)).toMatchObject({ resumed: true });
    writeFileSync(join(router.folder, 'ca.pem'), certificateB.cert);
    router.reload();
    expect(await reply(first?.ticket)).toBeUndefined();
  });

  it('only modern versions are spoken, and a handshake that stops is cut off', async () => {
    await start('limits: { handshakeTimeoutMs: 100 }', `, ${TLS}`, certificate(certificateA));
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ca: certificateA.cert, ciphers: 'DEFAULT@SECLEVEL=0' };
    expect(await tlsError(old)).toMatch(/^ERR_SSL_/);
    const cbc = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA', ca: certificateA.cert };
    expect(await tlsError(cbc)).toMatch(/^ERR_SSL_/);
    const silent = connectTo({ port: router.port });
    // The beginning of a ClientHello.
    silent.write(Buffer.from('160301', 'hex'));
    await once(silent, 'close');
  });
});
