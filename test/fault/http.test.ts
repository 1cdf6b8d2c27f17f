import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Proxies } from '../../src/transports/proxies.ts';
import { certificateA } from '../support/certificates.ts';
import { proxyV2 } from '../support/proxy-header.ts';
import { clientFrame, OP } from '../support/raw-websocket.ts';
import { TestServer } from '../support/websocket-server.ts';

let server: TestServer;

beforeEach(async () => {
  server = await new TestServer({ listener: { handshakeTimeoutMs: 300 } }).start();
});

afterEach(() => server.stop());

/** Resolves when a socket is gone, whether in order or by a reset. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

const upgrade = Buffer.from(
  'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n',
);

describe('requests of strangers', () => {
  it('an upgrade split at every byte is served', async () => {
    for (let at = 1; at < upgrade.length; at += 1) {
      const socket = connect(server.port, '127.0.0.1');
      socket.setNoDelay(true);
      await new Promise<void>((resolve) => {
        socket.write(upgrade.subarray(0, at), () => setImmediate(resolve));
      });
      socket.write(upgrade.subarray(at));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toContain('HTTP/1.1 101');
      socket.destroy();
    }
  });

  it('clients that drip their head byte by byte are cut in time, and others are served meanwhile', async () => {
    const drips = Array.from({ length: 50 }, () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      let at = 0;
      const timer = setInterval(() => {
        if (at < 60) socket.write(upgrade.subarray(at, at + 1));
        at += 1;
      }, 20);
      return closed(socket).then(() => clearInterval(timer));
    });
    const { client } = await server.pair();
    expect(client.status).toBe(101);
    await Promise.all(drips);
  });

  it('a head that is too large is refused', async () => {
    const client = await server.connect({ headers: { Cookie: 'x'.repeat(20_000) } });
    expect(client.status).toBe(431);
  });

  it('random bytes never harm the listener', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 500 }), async (bytes) => {
        const socket = connect(server.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.resume();
        socket.end(Buffer.from(bytes));
        await closed(socket);
      }),
      { numRuns: 100 },
    );
    expect((await server.connect()).status).toBe(101);
    expect(server.errors).toEqual([]);
  });

  it('a client that vanishes in the middle of being refused does no harm', async () => {
    for (let i = 0; i < 50; i += 1) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(upgrade.toString().replace('localhost', 'evil.example'), () => socket.resetAndDestroy());
      await closed(socket);
    }
    expect((await server.connect()).status).toBe(101);
  });

  // Its socket has no address any more, as those of unix sockets have none.
  it.each([false, true])('one who resets behind its request is nobody, and no neighbour; TLS: %s', async (tls) => {
    await server.stop();
    const proxies = { proxyProtocol: new Proxies(['127.0.0.1']) };
    server = await new TestServer({ listener: tls ? { ...proxies, tls: certificateA } : {} }).start();
    for (let i = 0; i < 20; i += 1) {
      const plain = connect(server.port, '127.0.0.1');
      plain.on('error', () => {});
      await once(plain, 'connect');
      if (tls) plain.write(proxyV2('203.0.113.7'));
      const socket = tls ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
      socket.on('error', () => {});
      if (tls) await once(socket, 'secureConnect');
      socket.write(Buffer.concat([upgrade, clientFrame(OP.text, 'blind')]), () => plain.resetAndDestroy());
      await closed(plain);
    }
    const before = tls ? { before: proxyV2('203.0.113.8') } : {};
    expect((await server.connect({ tls, ...before })).status).toBe(101);
    const known = ['127.0.0.1', '203.0.113.7', '203.0.113.8'];
    expect(server.accepted.map(({ link }) => link.info.address).filter((each) => !known.includes(each))).toEqual([]);
  });
});
