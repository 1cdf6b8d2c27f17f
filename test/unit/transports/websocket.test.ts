import { randomBytes } from 'node:crypto';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Link, LinkClose, LinkEnd } from '../../../src/transports/link.ts';
import { CLOSE_CODES } from '../../../src/transports/websocket-frames.ts';
import { clientFrame, OP, type RawWebSocket } from '../../support/raw-websocket.ts';
import { TestServer, type TestServerOptions } from '../../support/websocket-server.ts';

/** As `ws` sees it, and so that it can be watched. */
const zlib: typeof import('node:zlib') = createRequire(import.meta.url)('node:zlib');

let server: TestServer;
const start = async (options?: TestServerOptions): Promise<TestServer> => {
  server = await new TestServer(options).start();
  return server;
};

afterEach(() => server.stop());

describe('the upgrade', () => {
  it('PITFALLS 76: without a subprotocol in common is refused with 400 and says what is on offer', async () => {
    await start();
    const none = await server.connect({ protocols: [] });
    expect(none.status).toBe(400);
    expect(none.response).toContain('none was asked for');
    const foreign = await server.connect({ protocols: ['wamp.2.ubjson', 'chat'] });
    expect(foreign.status).toBe(400);
    expect(foreign.response).toContain('asked for: wamp.2.ubjson, chat; on offer: wamp.2.json, wamp.2.msgpack');
    expect(server.accepted).toHaveLength(0);
  });

  it("PITFALLS 76: takes the first of the client's list that is on offer, not the first of ours", async () => {
    await start();
    const { client, server: accepted } = await server.pair({
      protocols: ['wamp.2.cbor', 'wamp.2.msgpack', 'wamp.2.json'],
    });
    expect(client.header('Sec-WebSocket-Protocol')).toBe('wamp.2.msgpack');
    expect(accepted.link.info.subprotocol).toBe('wamp.2.msgpack');
  });

  it('needs no subprotocol where the endpoint says so', async () => {
    await start({ endpoint: { protocols: undefined } });
    const { client, server: accepted } = await server.pair({ protocols: ['something'] });
    expect(client.status).toBe(101);
    expect(client.header('Sec-WebSocket-Protocol')).toBeUndefined();
    expect(accepted.link.info.subprotocol).toBe('');
  });

  it('lets a client without subprotocol in where it is optional', async () => {
    await start({ endpoint: { protocols: ['bub.2'], protocolOptional: true } });
    const plain = await server.pair({ protocols: ['other'] });
    expect(plain.server.link.info.subprotocol).toBe('');
    const named = await server.pair({ protocols: ['bub.2'] });
    expect(named.client.header('Sec-WebSocket-Protocol')).toBe('bub.2');
  });

  it('PITFALLS 82: tells the owner address, headers and cookies of the request', async () => {
    await start();
    const { server: accepted } = await server.pair({ headers: { Cookie: 'a=b' } });
    const { info } = accepted.link;
    expect(info).toMatchObject({ transport: 'websocket', address: '127.0.0.1', secure: false });
    expect(info.headers.cookie).toBe('a=b');
    expect(info.channelId).toBeUndefined();
  });

  it.each([
    ['Sec-WebSocket-Version', '12'],
    ['Sec-WebSocket-Key', 'short'],
    ['Upgrade', 'h2c'],
    ['Sec-WebSocket-Protocol', 'wamp.2.json,,'],
  ])('with a bad %s is refused with 400', async (name, value) => {
    await start();
    const client = await server.connect({ headers: { [name]: value } });
    expect(client.status).toBe(400);
  });

  it('may be followed by frames in the same segment', async () => {
    await start();
    const request =
      'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n';
    const { connect } = await import('node:net');
    const socket = connect(server.port, '127.0.0.1');
    socket.write(Buffer.concat([Buffer.from(request), clientFrame(OP.text, 'early')]));
    await server.until(() => server.accepted.length === 1);
    const accepted = server.accepted[0];
    await accepted?.until(() => accepted.messages.length === 1);
    expect(accepted?.messages[0]?.bytes.toString()).toBe('early');
    socket.destroy();
  });
});

describe('messages', () => {
  it('arrive whole, with text and binary told apart, and are answered in kind', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    client.text('grüße');
    client.send(OP.binary, Buffer.from([0, 255]));
    await accepted.until(() => accepted.messages.length === 2);
    expect(accepted.messages.map(({ bytes, binary }) => [bytes.toString('latin1'), binary])).toEqual([
      [Buffer.from('grüße').toString('latin1'), false],
      ['\0\xff', true],
    ]);
    expect(Buffer.isBuffer(accepted.messages[0]?.bytes)).toBe(true);
    accepted.link.write(Buffer.from('text'), false, false);
    accepted.link.write(Buffer.from('bytes'), true, false);
    expect(await client.next()).toMatchObject({ opcode: OP.text, fin: true, rsv: 0, masked: false });
    expect(await client.next()).toMatchObject({ opcode: OP.binary, payload: Buffer.from('bytes') });
  });

  it('PITFALLS 77: text on a binary subprotocol reaches the owner as text, who closes with 1003', async () => {
    await start();
    const { client, server: accepted } = await server.pair({ protocols: ['wamp.2.msgpack'] });
    accepted.onMessage = (_, binary) => {
      if (!binary) accepted.link.close('unsupportedData', 'text on a binary subprotocol');
    };
    client.text('[]');
    expect(await client.closeFrame()).toEqual({ code: 1003, reason: 'text on a binary subprotocol' });
  });

  it.each([0, 1, 125, 126, 127, 65535, 65536, 300_000])('of %i bytes cross in both directions', async (size) => {
    await start();
    const { client, server: accepted } = await server.pair();
    const payload = Buffer.alloc(size, 'x');
    client.send(OP.binary, payload);
    await accepted.until(() => accepted.messages.length === 1);
    expect(accepted.messages[0]?.bytes.equals(payload)).toBe(true);
    accepted.link.write(payload, true, false);
    expect((await client.next()).payload.equals(payload)).toBe(true);
  });

  it('PITFALLS 79: in fragments with pings between them arrive as one, each ping answered at once', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    client.send(OP.text, 'one ', { fin: false });
    client.send(OP.ping, 'a');
    client.send(OP.continuation, 'two ', { fin: false });
    client.send(OP.ping, 'b');
    client.send(OP.continuation, 'three');
    expect(await client.next()).toMatchObject({ opcode: OP.pong, payload: Buffer.from('a') });
    expect(await client.next()).toMatchObject({ opcode: OP.pong, payload: Buffer.from('b') });
    await accepted.until(() => accepted.messages.length === 1);
    expect(accepted.messages[0]?.bytes.toString()).toBe('one two three');
  });

  it('keep their order with pongs', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = (bytes) => accepted.link.write(bytes, false, false);
    client.write(
      Buffer.concat([
        clientFrame(OP.text, '1'),
        clientFrame(OP.ping, '2'),
        clientFrame(OP.text, '3'),
        clientFrame(OP.ping, '4'),
      ]),
    );
    const order = [await client.nextText(), await client.nextText(), await client.nextText(), await client.nextText()];
    expect(order).toEqual(['1', '2', '3', '4']);
  });

  it('PITFALLS 79: of 16 MB cross where the limit allows it', async () => {
    await start();
    server.limits.maxMessageBytes = 17 << 20;
    server.limits.outboxBytes = 32 << 20;
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = (bytes) => accepted.link.write(bytes, true, false);
    const payload = Buffer.alloc(16 << 20, 'z');
    client.send(OP.binary, payload);
    expect((await client.next()).payload.equals(payload)).toBe(true);
  });

  it('of one turn go out in one write of the socket', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    const [socket] = server.transport.sockets;
    let writes = 0;
    const countWrites = (name: '_write' | '_writev'): void => {
      const original = (socket as unknown as Record<string, (...args: unknown[]) => void>)[name];
      if (original === undefined) throw new Error(`a socket without ${name}`);
      Object.assign(socket as object, {
        [name](...args: unknown[]) {
          writes += 1;
          original.apply(socket, args);
        },
      });
    };
    countWrites('_write');
    countWrites('_writev');
    for (let i = 0; i < 1000; i += 1) accepted.link.write(Buffer.from(`message ${i}`), false, false);
    for (let i = 0; i < 1000; i += 1) expect(await client.nextText()).toBe(`message ${i}`);
    expect(writes).toBe(1);
  });

  it('of one fan-out are framed once and reach every connection as the same instance', async () => {
    await start();
    const pairs = await Promise.all([server.connect(), server.connect(), server.connect()]);
    await server.until(() => server.accepted.length === 3);
    const written = new Set<unknown>();
    for (const socket of server.transport.sockets) {
      const original = socket.write.bind(socket) as (...args: unknown[]) => boolean;
      Object.assign(socket, {
        write(...args: unknown[]) {
          written.add(args[0]);
          return original(...args);
        },
      });
    }
    const event = Buffer.from('[36,1,2,{}]');
    for (const { link } of server.accepted) link.write(event, false, true);
    for (const client of pairs) expect(await client.nextText()).toBe('[36,1,2,{}]');
    expect(written.size).toBe(1);
    expect(event.toString()).toBe('[36,1,2,{}]');
  });

  it('of the same bytes are text or binary as each write says', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    const bytes = Buffer.from('[]');
    accepted.link.write(bytes, false, false);
    accepted.link.write(bytes, true, false);
    expect(await client.next()).toMatchObject({ opcode: OP.text, payload: bytes });
    expect(await client.next()).toMatchObject({ opcode: OP.binary, payload: bytes });
  });
});

describe('the end of a link', () => {
  it.each(Object.entries(CLOSE_CODES))('%s is %i on the wire, with its reason', async (how, code) => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.link.close(how as LinkClose, 'because');
    expect(await client.closeFrame()).toEqual({ code, reason: 'because' });
    client.close(code);
    await client.gone();
    expect(await accepted.end()).toEqual({ cause: 'owner', code, message: 'because' });
  });

  it('writes what is queued before it closes, and takes nothing after', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    const { link } = accepted;
    for (let i = 0; i < 500; i += 1) link.write(Buffer.alloc(1000, 'x'), false, false);
    link.close('restart');
    expect(link.write(Buffer.from('late'), false, false)).toBe(false);
    link.close('normal');
    for (let i = 0; i < 500; i += 1) expect((await client.next()).payload).toHaveLength(1000);
    expect(await client.closeFrame()).toEqual({ code: 1012, reason: '' });
  });

  it('cuts a reason to what a close frame holds, between characters', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.link.close('policyViolation', 'ü'.repeat(100));
    expect((await client.closeFrame()).reason).toBe('ü'.repeat(61));
  });

  it('by the peer is answered with its code after what is queued, and told once', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = (bytes) => accepted.link.write(bytes, false, false);
    client.write(Buffer.concat([clientFrame(OP.text, 'last'), clientFrame(OP.close, Buffer.from([0x03, 0xe9]))]));
    expect(await client.nextText()).toBe('last');
    expect((await client.closeFrame()).code).toBe(1001);
    await client.gone();
    expect(await accepted.end()).toEqual({ cause: 'peer', code: 1001, message: '' });
    accepted.link.destroy();
    accepted.link.close('normal');
    expect(accepted.ends).toHaveLength(1);
    expect(server.transport.connections).toBe(0);
    expect(server.pool.totalBytes).toBe(0);
  });

  it('without a closing handshake is `lost`', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    client.destroy();
    expect(await accepted.end()).toMatchObject({ cause: 'lost', code: 1006 });
    expect(accepted.link.write(Buffer.from('x'), false, false)).toBe(false);
  });

  it('by destroy comes without another byte, and is told later than the call', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.link.write(Buffer.from('never sent'), false, false);
    accepted.link.destroy();
    expect(accepted.ends).toHaveLength(0);
    await client.gone();
    expect(client.frames).toHaveLength(0);
    expect(await accepted.end()).toMatchObject({ cause: 'owner' });
  });

  it('does not wait for a peer that never answers the close frame', async () => {
    await start({ transport: { closeTimeoutMs: 50 } });
    const { client, server: accepted } = await server.pair();
    accepted.link.close('restart');
    await client.gone();
    expect(await accepted.end()).toMatchObject({ cause: 'owner', code: 1012 });
  });

  it("reads the peer's close frame although the owner had stopped reading", async () => {
    await start({ transport: { closeTimeoutMs: 20_000 } });
    const { client, server: accepted } = await server.pair();
    accepted.link.pause();
    accepted.link.close('normal');
    await client.closeFrame();
    client.close();
    await client.gone();
    expect(await accepted.end()).toMatchObject({ cause: 'owner' });
  });

  it('messages that come after close() are not told', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = () => accepted.link.close('normal');
    client.write(Buffer.concat([clientFrame(OP.text, 'a'), clientFrame(OP.text, 'b')]));
    await client.closeFrame();
    client.close();
    await accepted.end();
    expect(accepted.messages).toHaveLength(1);
  });

  it.each(['', 'permessage-deflate'])('while accepting is one: no message is told, compressed: "%s"', async (offer) => {
    const heard: string[] = [];
    const ends: (LinkEnd | undefined)[] = [];
    await start({
      endpoint: {
        perMessageDeflate: true,
        accept: (link) => {
          link.close('policyViolation', 'not you');
          return { message: (bytes) => heard.push(bytes.toString()), closed: (end) => ends.push(end) };
        },
      },
    });
    const client = await server.connect(offer === '' ? {} : { headers: { 'Sec-WebSocket-Extensions': offer } });
    client.text('late');
    expect(await client.closeFrame()).toEqual({ code: 1008, reason: 'not you' });
    client.close();
    await expect.poll(() => ends).toMatchObject([{ cause: 'owner', code: 1008 }]);
    expect(heard).toEqual([]);
  });

  it('an exception of the handler ends this link with 1011 and no other', async () => {
    await start();
    const bad = await server.pair();
    const good = await server.pair();
    bad.server.onMessage = () => {
      throw new Error('a bug');
    };
    bad.client.text('x');
    expect(await bad.client.closeFrame()).toEqual({ code: 1011, reason: 'internal error' });
    expect(server.errors).toMatchObject([{ message: 'a bug' }]);
    good.client.text('y');
    await good.server.until(() => good.server.messages.length === 1);
    bad.client.close();
    expect(await bad.server.end()).toMatchObject({ cause: 'handler' });
  });

  it('an exception while accepting ends the connection with 1011', async () => {
    await start({
      endpoint: {
        accept: () => {
          throw new Error('no');
        },
      },
    });
    const client = await server.connect();
    expect((await client.closeFrame()).code).toBe(1011);
    expect(server.errors).toHaveLength(1);
  });
});

describe('reading', () => {
  it('stops with pause and goes on with resume, nothing lost', async () => {
    await start();
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = () => {
      if (accepted.messages.length === 1) accepted.link.pause();
    };
    client.text('0');
    await accepted.until(() => accepted.messages.length === 1);
    for (let i = 1; i < 100; i += 1) client.text(String(i));
    client.send(OP.ping, 'unread');
    await new Promise((resolve) => setImmediate(resolve));
    expect(accepted.messages).toHaveLength(1);
    accepted.link.resume();
    await accepted.until(() => accepted.messages.length === 100);
    expect(accepted.messages.map(({ bytes }) => Number(bytes.toString()))).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it.each(['', 'permessage-deflate'])(
    'does not begin where the owner pauses while accepting, compressed: "%s"',
    async (offer) => {
      const heard: string[] = [];
      const links: Link[] = [];
      await start({
        endpoint: {
          perMessageDeflate: true,
          accept: (link) => {
            link.pause();
            links.push(link);
            return { message: (bytes) => heard.push(bytes.toString()), closed: () => {} };
          },
        },
      });
      const client = await server.connect(offer === '' ? {} : { headers: { 'Sec-WebSocket-Extensions': offer } });
      await new Promise((resolve) => client.socket.write(clientFrame(OP.text, 'late'), resolve));
      for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(heard).toEqual([]);
      links[0]?.resume();
      await expect.poll(() => heard).toEqual(['late']);
    },
  );
});

describe('permessage-deflate', () => {
  /** What a sender leaves out at the end of each message. */
  const TRAILER = Buffer.of(0, 0, 0xff, 0xff);
  const compressing = () => server.pair({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } });

  it('is off by default', async () => {
    await start();
    const client = await server.connect({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } });
    expect(client.header('Sec-WebSocket-Extensions')).toBeUndefined();
  });

  it('a message that inflates beyond the limit ends the connection, before it has grown to its size', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const { client, server: accepted } = await compressing();
    // A few bytes of it are not compressible, so that it is the length that counts and not the ratio.
    const long = Buffer.concat([randomBytes(20_000), Buffer.alloc(1 << 20)]);
    client.send(OP.binary, deflateRawSync(long), { rsv: 4 });
    const reason = 'a compressed message of more than 1048576 bytes';
    expect(await client.closeFrame()).toEqual({ code: 1009, reason });
    client.close(1009);
    expect(await accepted.end()).toEqual({ cause: 'protocol', code: 1009, message: reason });
    expect(accepted.messages).toEqual([]);
  });

  it('a message that inflates to more than 100 times its length ends the connection, in fragments or not', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const bomb = deflateRawSync(Buffer.alloc(1 << 20));
    expect(bomb.length).toBeLessThan(2000);
    const bombers = [
      (client: RawWebSocket) => client.send(OP.binary, bomb, { rsv: 4 }),
      (client: RawWebSocket) => {
        client.send(OP.binary, bomb.subarray(0, 700), { rsv: 4, fin: false });
        client.send(OP.ping);
        client.send(OP.continuation, '', { fin: false });
        client.send(OP.continuation, bomb.subarray(700));
      },
    ];
    for (const bombs of bombers) {
      const { client, server: accepted } = await compressing();
      bombs(client);
      const reason = 'a compressed message of more than 100 times its length';
      expect(await client.closeFrame()).toEqual({ code: 1009, reason });
      client.close(1009);
      expect(await accepted.end()).toMatchObject({ cause: 'protocol', code: 1009, message: reason });
      expect(accepted.messages).toEqual([]);
    }
  });

  it('short messages may have any ratio, and fragments with pings between them arrive as one', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const { client, server: accepted } = await compressing();
    const text = Buffer.alloc(64 * 1024, 'x');
    const bytes = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    client.send(OP.text, bytes, { rsv: 4 });
    for (const [at, byte] of bytes.entries()) {
      const isLast = at === bytes.length - 1;
      client.send(at === 0 ? OP.text : OP.continuation, Buffer.of(byte), { rsv: at === 0 ? 4 : 0, fin: isLast });
      if (at === 1) client.send(OP.ping, 'between');
    }
    await accepted.until(() => accepted.messages.length === 2);
    expect(accepted.messages.every((message) => message.bytes.equals(text) && !message.binary)).toBe(true);
    expect((await client.next()).payload.toString()).toBe('between');
  });

  it('a client may demand a smaller window, and gets messages that need no more', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const repeated = randomBytes(1000);
    for (const bits of [8, 9, 10, 15]) {
      const { client, server: accepted } = await server.pair({
        headers: {
          'Sec-WebSocket-Extensions': `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits`,
        },
      });
      expect(client.header('Sec-WebSocket-Extensions')).toContain(`server_max_window_bits=${bits}`);
      const message = Buffer.concat([repeated, repeated, Buffer.alloc(2000, 'x'), repeated]);
      accepted.link.write(message, true, false);
      const compressed = Buffer.concat([(await client.next()).payload, TRAILER]);
      const options = { finishFlush: constants.Z_SYNC_FLUSH, windowBits: bits };
      expect(inflateRawSync(compressed, options).equals(message)).toBe(true);
    }
  });

  it('what cannot be inflated ends the connection with 1007', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const { client, server: accepted } = await compressing();
    client.send(OP.text, Buffer.alloc(100, 0xff), { rsv: 4 });
    expect(await client.closeFrame()).toMatchObject({ code: 1007 });
    client.close();
    expect(await accepted.end()).toMatchObject({ cause: 'protocol', code: 1007 });
  });

  it('keeps no context of zlib with a connection: ws, which would, makes none', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const made = [vi.spyOn(zlib, 'createDeflateRaw'), vi.spyOn(zlib, 'createInflateRaw')];
    const { client, server: accepted } = await compressing();
    accepted.onMessage = (bytes, binary) => accepted.link.write(bytes, binary, false);
    client.send(OP.text, deflateRawSync(Buffer.alloc(5000, 'message')), { rsv: 4 });
    expect((await client.next()).rsv).toBe(4);
    for (const spy of made) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it('an event for all of many connections is compressed for a few of them at a time, and reaches each', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    let [running, most] = [0, 0];
    const { deflateRaw } = zlib;
    const counted = vi.spyOn(zlib, 'deflateRaw').mockImplementation(((data, options, done) => {
      running += 1;
      most = Math.max(most, running);
      deflateRaw(data, options, (error, bytes) => {
        running -= 1;
        done(error, bytes);
      });
    }) as typeof deflateRaw);
    syncBuiltinESMExports();
    const pairs = [];
    for (let i = 0; i < 50; i += 1) pairs.push(await compressing());
    const events = [0, 1, 2].map((i) => Buffer.from(`${i}`.repeat(3000)));
    for (const event of events) for (const { server: each } of pairs) each.link.write(event, false, true);
    for (const { client } of pairs) {
      for (const event of events) {
        const { payload, rsv } = await client.next();
        expect(rsv).toBe(4);
        const inflated = inflateRawSync(Buffer.concat([payload, TRAILER]), { finishFlush: constants.Z_SYNC_FLUSH });
        expect(inflated.equals(event)).toBe(true);
      }
    }
    counted.mockRestore();
    syncBuiltinESMExports();
    expect([running, most]).toEqual([0, 4]);
    await expect.poll(() => server.pool.totalBytes).toBe(0);
  });

  it('PITFALLS 79: is agreed without context takeover, keeps order and content both ways, and is counted', async () => {
    await start({ endpoint: { perMessageDeflate: true } });
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, ['wamp.2.json'], {
      perMessageDeflate: { threshold: 0 },
    });
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.extensions).toBe('permessage-deflate');
    const accepted = server.accepted[0];
    if (accepted === undefined) throw new Error('nobody came');
    accepted.onMessage = (bytes, binary) => accepted.link.write(bytes, binary, false);
    const sent = Array.from({ length: 50 }, (_, i) => `message ${i} `.repeat(i * 10 + 1));
    const received: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.on('message', (data: Buffer) => {
        received.push(data.toString());
        if (received.length === sent.length) resolve();
      });
    });
    for (const message of sent) client.send(message);
    await all;
    expect(received).toEqual(sent);
    const end = 'end'.repeat(1000);
    accepted.link.write(Buffer.from(end), false, false);
    expect(accepted.link.pendingBytes).toBeGreaterThan(0);
    const last = new Promise<string>((resolve) => client.once('message', (data: Buffer) => resolve(data.toString())));
    accepted.link.close('goingAway', 'bye');
    expect(await last).toBe(end);
    const [code] = await new Promise<[number]>((resolve) => client.once('close', (...args) => resolve([args[0]])));
    expect(code).toBe(1001);
    await accepted.end();
    expect(server.pool.totalBytes).toBe(0);
  });
});
