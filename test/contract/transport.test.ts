import { certificateA } from '../support/certificates.ts';
import { longPollWire } from '../support/longpoll-client.ts';
import { LongPollServer } from '../support/longpoll-server.ts';
import { linkedPair } from '../support/memory-link.ts';
import { OP } from '../support/raw-websocket.ts';
import { FRAME } from '../support/rawsocket-client.ts';
import { RawSocketServer, type RawSocketServerOptions } from '../support/rawsocket-server.ts';
import { Accepted, TestServer, type TestServerOptions } from '../support/websocket-server.ts';
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

transportContract('WebSocket', () => webSockets({}, false));
transportContract('WebSocket over TLS', () => webSockets({ listener: { tls: certificateA } }, true));
transportContract('RawSocket', () => rawSockets({}, false));
transportContract('RawSocket over TLS', () => rawSockets({ listener: { tls: certificateA } }, true));
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
