import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientFrame, OP, type RawWebSocket } from '../support/raw-websocket.ts';
import { TestServer } from '../support/websocket-server.ts';

let server: TestServer;

beforeEach(async () => {
  server = await new TestServer({ transport: { closeTimeoutMs: 500 } }).start();
});

afterEach(() => server.stop());

/** A stream with every kind of frame a client may send, and what its owner must hear. */
const stream = Buffer.concat([
  clientFrame(OP.text, 'grüße 😀'),
  clientFrame(OP.ping, 'ping'),
  clientFrame(OP.text, 'a', { fin: false }),
  clientFrame(OP.ping, ''),
  clientFrame(OP.continuation, 'b'),
  clientFrame(OP.pong, 'unsolicited'),
  clientFrame(OP.binary, Buffer.alloc(200, 7)),
  clientFrame(OP.text, ''),
]);
const heard = ['grüße 😀', 'ab', Buffer.alloc(200, 7).toString(), ''];

describe('input in pieces', () => {
  it('split at every byte into two segments is heard the same', async () => {
    for (let at = 1; at < stream.length; at += 1) {
      const { client, server: accepted } = await server.pair();
      await new Promise<void>((resolve) => {
        client.socket.write(stream.subarray(0, at), () => setImmediate(resolve));
      });
      client.write(stream.subarray(at));
      await accepted.until(() => accepted.messages.length === heard.length);
      expect(accepted.messages.map(({ bytes }) => bytes.toString())).toEqual(heard);
      client.destroy();
    }
  });

  it('byte by byte is heard the same', async () => {
    const { client, server: accepted } = await server.pair();
    await client.writeByteByByte(stream);
    await accepted.until(() => accepted.messages.length === heard.length);
    expect(accepted.messages.map(({ bytes }) => bytes.toString())).toEqual(heard);
    expect((await client.next()).payload.toString()).toBe('ping');
  });
});

describe('bad input ends the connection with its code, and no other connection', () => {
  const cases: [string, number, (client: RawWebSocket) => void][] = [
    ['an unmasked frame', 1002, (client) => client.send(OP.text, 'x', { mask: false })],
    ['an unknown opcode', 1002, (client) => client.send(3, 'x')],
    ['an unknown control opcode', 1002, (client) => client.send(11, 'x')],
    ['a reserved bit', 1002, (client) => client.send(OP.text, 'x', { rsv: 2 })],
    ['compression that was not negotiated', 1002, (client) => client.send(OP.text, 'x', { rsv: 4 })],
    ['a continuation of nothing', 1002, (client) => client.send(OP.continuation, 'x')],
    [
      'a new message inside a fragmented one',
      1002,
      (client) => {
        client.send(OP.text, 'x', { fin: false });
        client.text('y');
      },
    ],
    ['a fragmented ping', 1002, (client) => client.send(OP.ping, 'x', { fin: false })],
    ['a ping of 126 bytes', 1002, (client) => client.send(OP.ping, Buffer.alloc(126))],
    ['a close frame of one byte', 1002, (client) => client.send(OP.close, 'x')],
    ['PITFALLS 74: invalid UTF-8 in text', 1007, (client) => client.send(OP.text, Buffer.from([0xc3, 0x28]))],
    ['a surrogate in text', 1007, (client) => client.send(OP.text, Buffer.from([0xed, 0xa0, 0x80]))],
    ['PITFALLS 79: a message over the limit', 1009, (client) => client.send(OP.text, Buffer.alloc((1 << 20) + 1, 'x'))],
    [
      'PITFALLS 79: fragments that together are over the limit',
      1009,
      (client) => {
        client.send(OP.text, Buffer.alloc(1 << 19, 'x'), { fin: false });
        client.send(OP.continuation, Buffer.alloc(1 << 19, 'x'), { fin: false });
        client.send(OP.continuation, 'x');
      },
    ],
    [
      'PITFALLS 79: the announcement of a length over the limit, before any of it came',
      1009,
      (client) => client.send(OP.binary, '', { claimedLength: 2 ** 40 }),
    ],
    ['a length beyond 2^53', 1009, (client) => client.write(Buffer.from([0x82, 0xff, ...Array(8).fill(255)]))],
    ['plain HTTP', 1002, (client) => client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ];

  it.each(cases)('%s: %i', async (_, code, send) => {
    const bystander = await server.pair();
    const { client, server: accepted } = await server.pair();
    accepted.link.write(Buffer.from('queued before'), false, false);
    send(client);
    expect((await client.closeFrame()).code).toBe(code);
    client.destroy();
    expect(await accepted.end()).toMatchObject({ cause: 'protocol', code });
    expect(accepted.messages).toHaveLength(0);
    bystander.client.text('alive');
    await bystander.server.until(() => bystander.server.messages.length === 1);
  });

  it('a message of exactly the limit is heard', async () => {
    const { client, server: accepted } = await server.pair();
    client.send(OP.text, Buffer.alloc(1 << 20, 'x'));
    await accepted.until(() => accepted.messages.length === 1);
    expect(accepted.messages[0]?.bytes).toHaveLength(1 << 20);
  });

  it('a new limit is for connections that open from then on', async () => {
    const before = await server.pair();
    server.limits.maxMessageBytes = 1000;
    const after = await server.pair();
    before.client.send(OP.text, Buffer.alloc(2000, 'x'));
    await before.server.until(() => before.server.messages.length === 1);
    after.client.send(OP.text, Buffer.alloc(2000, 'x'));
    expect((await after.client.closeFrame()).code).toBe(1009);
  });

  it('what is queued for the peer is written before the close frame', async () => {
    const { client, server: accepted } = await server.pair();
    accepted.onMessage = (bytes) => accepted.link.write(bytes, false, false);
    client.write(Buffer.concat([clientFrame(OP.text, 'answer me'), clientFrame(3, 'x')]));
    expect(await client.nextText()).toBe('answer me');
    expect((await client.closeFrame()).code).toBe(1002);
  });

  it('random bytes never harm another connection or the process', async () => {
    const bystander = await server.pair();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const { client, server: accepted } = await server.pair();
        client.write(Buffer.from(bytes));
        client.socket.end();
        await accepted.end();
      }),
      { numRuns: 200 },
    );
    bystander.client.text('alive');
    await bystander.server.until(() => bystander.server.messages.length === 1);
    expect(server.errors).toEqual([]);
    expect(server.transport.connections).toBe(1);
  });
});

describe('peers that vanish', () => {
  beforeEach(() => {
    Object.assign(server.limits.keepAlive, { pingMs: 50, timeoutMs: 50 });
  });

  it('PITFALLS 80: one that answers no ping is removed and told as dead, one that does stays', async () => {
    const live = await server.pair();
    const half = await server.pair();
    live.client.socket.on('data', () => live.client.send(OP.pong));
    expect(await half.server.end()).toMatchObject({ cause: 'deadPeer', code: 1006 });
    await half.client.gone();
    expect(half.client.frames.map(({ opcode }) => opcode)).toEqual([OP.ping]);
    expect(server.events).toMatchObject([{ kind: 'deadPeer' }]);
    expect(server.transport.deadPeers).toBe(1);
    expect(live.server.ends).toHaveLength(0);
  });

  it('PITFALLS 80: one that never answers but sends messages stays', async () => {
    const { client, server: accepted } = await server.pair();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        client.text('busy');
        sent += 1;
        if (sent < 30) return;
        clearInterval(timer);
        resolve();
      }, 10);
    });
    expect(accepted.ends).toHaveLength(0);
  });

  it('PITFALLS 80: writing to a dead peer does not keep it alive', async () => {
    const { server: accepted } = await server.pair();
    const timer = setInterval(() => accepted.link.write(Buffer.from('event'), false, true), 5);
    expect(await accepted.end()).toMatchObject({ cause: 'deadPeer' });
    clearInterval(timer);
  });

  it('PITFALLS 80: one that froze with a backlog is removed, too', async () => {
    server.limits.slowPeer = 'dropEvents';
    const { client, server: accepted } = await server.pair();
    client.freeze();
    const chunk = Buffer.alloc(1 << 16);
    while (accepted.link.write(chunk, true, true)) await new Promise((resolve) => setImmediate(resolve));
    expect(await accepted.end()).toMatchObject({ cause: 'deadPeer' });
    expect(server.pool.totalBytes).toBe(0);
  });

  it('an owner that stopped reading does not make its peer look dead', async () => {
    const { server: accepted } = await server.pair();
    accepted.link.pause();
    for (let i = 0; i < 2; i += 1) {
      const other = await server.pair();
      expect(await other.server.end()).toMatchObject({ cause: 'deadPeer' });
    }
    expect(accepted.ends).toHaveLength(0);
    accepted.link.resume();
    expect(await accepted.end()).toMatchObject({ cause: 'deadPeer' });
  });
});

describe('many at once', () => {
  it('2,000 connections that open at the same moment are all served', { timeout: 60_000 }, async () => {
    const clients = await Promise.all(Array.from({ length: 2000 }, () => server.connect()));
    expect(clients.filter(({ status }) => status === 101)).toHaveLength(2000);
    await server.until(() => server.accepted.length === 2000);
    expect(server.transport.connections).toBe(2000);
    const event = Buffer.from('[36,1,2,{}]');
    for (const { link } of server.accepted) expect(link.write(event, false, true)).toBe(true);
    const texts = await Promise.all(clients.map((client) => client.nextText()));
    expect(new Set(texts)).toEqual(new Set(['[36,1,2,{}]']));
    for (const client of clients) client.destroy();
    await Promise.all(server.accepted.map((accepted) => accepted.end()));
    expect([server.transport.connections, server.pool.totalBytes]).toEqual([0, 0]);
  });
});
