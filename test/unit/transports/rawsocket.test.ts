import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { certificateA } from '../../support/certificates.ts';
import { FRAME, handshake, RawSocketClient, rawFrame } from '../../support/rawsocket-client.ts';
import { RawSocketServer, type RawSocketServerOptions } from '../../support/rawsocket-server.ts';

let server: RawSocketServer;
const start = async (options?: RawSocketServerOptions): Promise<RawSocketServer> => {
  server = await new RawSocketServer(options).start();
  return server;
};

afterEach(() => server.stop());

const hex = (bytes: Buffer) => bytes.toString('hex');

describe('the handshake', () => {
  it('PITFALLS 85: the reply echoes the serializer and says our own length, whatever the client takes', async () => {
    await start();
    server.limits.maxMessageBytes = 4096;
    for (const length of [0, 7, 15]) {
      const { client, server: accepted } = await server.pair({ serializer: 2, length });
      expect(hex(client.reply)).toBe('7f320000');
      expect(accepted.link.maxMessageBytes).toBe(2 ** (9 + length));
      expect(accepted.link.info).toMatchObject({
        transport: 'rawsocket',
        subprotocol: 'wamp.2.msgpack',
        address: '127.0.0.1',
        secure: false,
      });
    }
  });

  it.each([
    ['the illegal serializer 0', '7ff00000', '7f100000'],
    ['a serializer that is not spoken', '7ff50000', '7f100000'],
    ['reserved octets', '7ff10001', '7f300000'],
  ])('PITFALLS 83: %s is refused with its error, and the connection ends', async (_name, sent, reply) => {
    await start();
    const client = await server.connect();
    client.write(Buffer.from(sent, 'hex'));
    expect(hex(await client.answered())).toBe(reply);
    await client.gone();
    expect(server.accepted).toHaveLength(0);
  });

  it('PITFALLS 83: with as many connections as there may be it is refused with error 4', async () => {
    await start({ listener: { admit: () => false } });
    const client = await server.connect({});
    expect(hex(client.reply)).toBe('7f400000');
    await client.gone();
  });

  it('PITFALLS 83: another first octet is for HTTP', async () => {
    await start();
    const client = await server.connect();
    let answer = '';
    client.socket.on('data', (chunk) => {
      answer += chunk;
    });
    client.write(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    await client.gone();
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('PITFALLS 84: may come byte by byte', async () => {
    await start();
    const client = await server.connect();
    await client.writeByteByByte(Buffer.concat([handshake(), rawFrame(FRAME.message, 'one')]));
    expect(hex(await client.answered())).toBe('7fb10000');
    await server.until(() => server.accepted.length === 1);
    const [accepted] = server.accepted;
    await accepted?.until(() => accepted.messages.length === 1);
    expect(accepted?.messages[0]?.bytes.toString()).toBe('one');
  });

  it('PITFALLS 84: may come together with the first frames', async () => {
    await start();
    const client = await server.connect();
    client.write(Buffer.concat([handshake(2), rawFrame(FRAME.message, 'one'), rawFrame(FRAME.message, 'two')]));
    await server.until(() => server.accepted.length === 1);
    const [accepted] = server.accepted;
    await accepted?.until(() => accepted.messages.length === 2);
    expect(accepted?.messages.map(({ bytes, binary }) => [bytes.toString(), binary])).toEqual([
      ['one', true],
      ['two', true],
    ]);
  });

  it.each([0, 1, 3])('PITFALLS 84: who stops after %i octets is cut off in time', async (octets) => {
    await start({ listener: { handshakeTimeoutMs: 50 } });
    server.limits.handshakeTimeoutMs = 50;
    const client = await server.connect();
    client.write(handshake().subarray(0, octets));
    await client.gone();
    expect(client.reply).toHaveLength(0);
    expect(server.accepted).toHaveLength(0);
  });

  it.each([0, 2])('a client that goes after %i octets leaves nothing', async (octets) => {
    await start();
    const client = await server.connect();
    client.write(handshake().subarray(0, octets));
    client.close();
    await client.gone();
    expect(server.transport.connections).toBe(0);
    expect(server.errors).toEqual([]);
  });

  it('may be followed at once by the end; what came before it is heard', async () => {
    await start();
    const client = await server.connect();
    client.socket.end(Buffer.concat([handshake(), rawFrame(FRAME.message, 'last')]));
    await server.until(() => server.accepted.length === 1);
    const [accepted] = server.accepted;
    expect(await accepted?.end()).toMatchObject({ cause: 'peer' });
    expect(accepted?.messages).toHaveLength(1);
  });
});

describe('PING and PONG', () => {
  it.each(['', 'x', 'y'.repeat(500)])(
    'PITFALLS 88: a PING is answered by one PONG with its payload: "%s"',
    async (payload) => {
      await start();
      const { client, server: accepted } = await server.pair({ length: 0 });
      client.send(FRAME.ping, payload);
      expect(await client.next()).toEqual({ first: FRAME.pong, type: FRAME.pong, payload: Buffer.from(payload) });
      client.send(FRAME.pong, 'nobody asked');
      client.text('after');
      await accepted.until(() => accepted.messages.length === 1);
      expect(client.frames).toHaveLength(1);
    },
  );

  it('PITFALLS 86: a PING that the client itself would not take cannot be answered', async () => {
    await start();
    const { client, server: accepted } = await server.pair({ length: 0 });
    client.send(FRAME.ping, Buffer.alloc(513));
    expect(await accepted.end()).toMatchObject({ cause: 'protocol', message: expect.stringContaining('takes 512') });
    expect(client.frames).toHaveLength(0);
  });

  it('PITFALLS 80: a silent peer is pinged, and lives while it answers', async () => {
    await start();
    server.limits.keepAlive = { pingMs: 20, timeoutMs: 10_000 };
    const { client } = await server.pair();
    for (let i = 0; i < 3; i += 1) {
      const ping = await client.next();
      // autobahn-js answers an empty one only with the next frame.
      expect(ping.payload.length).toBeGreaterThan(0);
      expect(ping.type).toBe(FRAME.ping);
      client.send(FRAME.pong, ping.payload);
    }
    expect(server.transport.deadPeers).toBe(0);
  });

  it('PITFALLS 80: a peer that answers nothing is removed, told of and counted', async () => {
    await start();
    server.limits.keepAlive = { pingMs: 20, timeoutMs: 30 };
    const { server: accepted } = await server.pair();
    expect(await accepted.end()).toMatchObject({ cause: 'deadPeer' });
    expect(server.transport.deadPeers).toBe(1);
    expect(server.events).toMatchObject([{ kind: 'deadPeer' }]);
  });

  it('PITFALLS 80: challenged, it must show life in time', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.link.challenge?.(10_000);
    expect((await client.next()).type).toBe(FRAME.ping);
    accepted.link.challenge?.(20);
    expect(await accepted.end()).toMatchObject({ cause: 'deadPeer' });
  });
});

describe('messages', () => {
  it('PITFALLS 86: longer than the client takes are not sent and do not end it; at the limit they are', async () => {
    await start();
    const { client, server: accepted } = await server.pair({ length: 0 });
    const { link } = accepted;
    expect(link.write(Buffer.alloc(513), false, false)).toBe(false);
    expect(link.write(Buffer.alloc(513), false, true)).toBe(false);
    expect(link.refuses?.(513, true)).toBe(true);
    expect(link.refuses?.(512, true)).toBe(false);
    expect(link.write(Buffer.alloc(512, 'x'), false, false)).toBe(true);
    expect((await client.next()).payload).toEqual(Buffer.alloc(512, 'x'));
    expect(client.frames).toHaveLength(1);
    expect(accepted.ends).toEqual([]);
  });

  it('PITFALLS 86: longer than we said end the connection, at the limit they are taken', async () => {
    await start();
    server.limits.maxMessageBytes = 1024;
    const { client, server: accepted } = await server.pair();
    client.send(FRAME.message, Buffer.alloc(1024));
    await accepted.until(() => accepted.messages.length === 1);
    client.send(FRAME.message, Buffer.alloc(1025));
    expect(await accepted.end()).toMatchObject({
      cause: 'protocol',
      message: 'frame of 1025 bytes; 1024 are accepted',
    });
    await client.gone();
  });

  it('PITFALLS 87: exactly 16 MiB cross both ways', async () => {
    await start();
    server.limits.maxMessageBytes = 2 ** 24;
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = (bytes) => accepted.link.write(bytes, false, false);
    client.send(FRAME.message, Buffer.alloc(2 ** 24, 'x'));
    const echo = await client.next();
    expect(echo.first).toBe(8);
    expect(echo.payload.length).toBe(2 ** 24);
  });

  it('PITFALLS 87: of a wrong form end the connection; what was queued is written first', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = () => accepted.link.write(Buffer.from('answer'), false, false);
    client.write(Buffer.concat([rawFrame(FRAME.message, 'ask'), rawFrame(5, 'x'), rawFrame(FRAME.message, 'never')]));
    expect(await client.nextText()).toBe('answer');
    expect(await accepted.end()).toMatchObject({ cause: 'protocol', message: 'frame of the unknown type 5' });
    expect(accepted.messages).toHaveLength(1);
  });

  it.each([1, 4, 6])('that end after %i bytes are a broken stream, not an end in order', async (bytes) => {
    await start();
    const { client, server: accepted } = await server.pair();
    client.write(rawFrame(FRAME.message, 'abcdef').subarray(0, bytes));
    client.close();
    expect(await accepted.end()).toMatchObject({ cause: 'protocol', message: 'the connection ended within a frame' });
  });

  it('an exception of the owner costs this connection only', async () => {
    await start();
    const [one, other] = [await server.pair(), await server.pair()];
    one.server.onMessage = () => {
      throw new Error('a bug');
    };
    one.client.text('x');
    expect(await one.server.end()).toMatchObject({ cause: 'handler' });
    expect(server.errors).toHaveLength(1);
    other.client.text('y');
    await other.server.until(() => other.server.messages.length === 1);
  });

  it('PITFALLS 81: a peer that does not read is cut at its bound, told of and counted', async () => {
    await start();
    server.limits.outboxBytes = 1 << 20;
    const { client, server: accepted } = await server.pair();
    client.socket.pause();
    const payload = Buffer.alloc(1 << 19, 'x');
    while (accepted.link.write(payload, false, false)) await new Promise((resolve) => setImmediate(resolve));
    expect(await accepted.end()).toMatchObject({ cause: 'slowPeer' });
    expect(server.pool.slowPeers).toBe(1);
    expect(server.events).toMatchObject([{ kind: 'slowPeer', cause: 'outboxBytes' }]);
  });
});

describe('the end', () => {
  it('a peer that should come back is reset, after what was written', async () => {
    await start();
    if (!('port' in server.place)) throw new Error('unreachable');
    // As autobahn-js does, which never notices that ours has ended.
    const socket = connect({ port: server.place.port, host: '127.0.0.1', allowHalfOpen: true });
    const reset = new Promise((resolve) => socket.once('error', resolve));
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.write(handshake());
    await server.until(() => server.accepted.length === 1);
    const [accepted] = server.accepted;
    accepted?.link.write(Buffer.from('the last result'), false, false);
    accepted?.link.close('restart');
    expect(await reset).toMatchObject({ code: 'ECONNRESET' });
    expect(heard).toContain('the last result');
    expect(await accepted?.end()).toMatchObject({ cause: 'owner' });
  });

  it('a peer that does not end its side is cut', async () => {
    await start({ transport: { closeTimeoutMs: 30 } });
    if (!('port' in server.place)) throw new Error('unreachable');
    const socket = connect({ port: server.place.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.resume().write(handshake());
    await server.until(() => server.accepted.length === 1);
    server.accepted[0]?.link.close('normal');
    expect(await server.accepted[0]?.end()).toMatchObject({ cause: 'owner' });
    socket.destroy();
  });

  it('connections that have said nothing do not hold up a stop', async () => {
    await start();
    const silent = await server.connect();
    await server.listener.close(60_000);
    await silent.gone();
  });
});

describe('over TLS on the port of HTTPS', () => {
  it('the first octet inside decides, and the channel has its id', async () => {
    await start({ listener: { tls: certificateA } });
    const { client, server: accepted } = await server.pair({ tls: true });
    client.text('secret');
    await accepted.until(() => accepted.messages.length === 1);
    expect(accepted.link.info).toMatchObject({ secure: true, transport: 'rawsocket' });
    expect(accepted.link.info.channelId?.()).toHaveLength(32);
    const http = await RawSocketClient.connect(server.place, true);
    const answer = new Promise<string>((resolve) => http.socket.once('data', (chunk) => resolve(String(chunk))));
    http.write(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    expect(await answer).toMatch(/^HTTP\/1\.1 404 /);
    http.destroy();
  });
});
