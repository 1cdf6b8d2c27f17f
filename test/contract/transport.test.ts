import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { longPollWire } from '../support/longpoll-client.ts';
import { LongPollServer } from '../support/longpoll-server.ts';
import { linkedPair } from '../support/memory-link.ts';
import { OP } from '../support/raw-websocket.ts';
import { FRAME } from '../support/rawsocket-client.ts';
import { RawSocketServer, type RawSocketServerOptions } from '../support/rawsocket-server.ts';
import { Accepted, TestServer, type TestServerOptions } from '../support/websocket-server.ts';
import { batchOfOne, messagesOf } from '../support/wire.ts';
import { type TransportUnderTest, transportContract } from './transport.ts';

async function webSockets(options: TestServerOptions, tls: boolean): Promise<TransportUnderTest> {
  const server = await new TestServer(options).start();
  return {
    async connect() {
      const { client, server: owner } = await server.pair({ tls });
      const far = {
        send: (bytes: Buffer, binary: boolean) => client.send(binary ? OP.binary : OP.text, bytes),
        next: async () => {
          const { payload, opcode } = await client.next();
          return { bytes: payload, binary: opcode === OP.binary };
        },
        end: () => client.close(),
      };
      return { link: owner.link, owner, far };
    },
    stop: () => server.stop(),
  };
}

async function rawSockets(options: RawSocketServerOptions, tls: boolean): Promise<TransportUnderTest> {
  const server = await new RawSocketServer(options).start();
  return {
    binary: false,
    async connect() {
      const { client, server: owner } = await server.pair({ tls });
      const far = {
        send: (bytes: Buffer) => client.send(FRAME.message, bytes),
        next: async () => ({ bytes: (await client.next()).payload, binary: false }),
        end: () => client.close(),
      };
      return { link: owner.link, owner, far };
    },
    stop: () => server.stop(),
  };
}

/** WebSocket messages that are batches, each of one message. */
async function batches(binary: boolean): Promise<TransportUnderTest> {
  const server = await new TestServer({ batches: { binary } }).start();
  return {
    binary,
    async connect() {
      const { client, server: owner } = await server.pair();
      const far = {
        send: (bytes: Buffer) => client.send(binary ? OP.binary : OP.text, batchOfOne(bytes, binary)),
        next: async () => {
          const { payload, opcode } = await client.next();
          const [bytes, ...more] = messagesOf(payload, opcode === OP.binary);
          if (bytes === undefined || more.length > 0) throw new Error('a batch of more than one message');
          return { bytes, binary: opcode === OP.binary };
        },
        end: () => client.close(),
      };
      return { link: owner.link, owner, far };
    },
    stop: () => server.stop(),
  };
}

async function longPolls(): Promise<TransportUnderTest> {
  const server = await new LongPollServer().start();
  return {
    binary: false,
    async connect() {
      const wire = longPollWire(server.url, 'wamp.2.json');
      const messages: Buffer[] = [];
      let wake: () => void = () => {};
      wire.onMessage = (bytes) => {
        messages.push(bytes);
        wake();
      };
      const before = server.accepted.length;
      await server.opened(before + 1);
      const far = {
        send: (bytes: Buffer) => wire.send(bytes, false),
        async next() {
          while (messages.length === 0) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          return { bytes: messages.shift() as Buffer, binary: false };
        },
        end: () => wire.close(),
      };
      return { link: server.newest.link, owner: server.newest, far };
    },
    stop: () => server.stop(),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const overTls = { listener: { tls: certificateA } };
const overUnix = { listener: { address: { path: join(folder, 'contract.sock') } } };

transportContract('WebSocket', () => webSockets({}, false));
transportContract('WebSocket over TLS', () => webSockets(overTls, true));
transportContract('WebSocket over a unix socket', () => webSockets(overUnix, false));
transportContract('WebSocket in batches of text', () => batches(false));
transportContract('WebSocket in binary batches', () => batches(true));
transportContract('RawSocket', () => rawSockets({}, false));
transportContract('RawSocket over TLS', () => rawSockets(overTls, true));
transportContract('RawSocket over a unix socket', () => rawSockets(overUnix, false));
transportContract('long-poll', longPolls);
transportContract('memory', async () => ({
  async connect() {
    const { link, peer, attach } = linkedPair();
    const owner = new Accepted(link);
    attach(owner);
    return { link, owner, far: peer };
  },
  stop: async () => {},
}));
