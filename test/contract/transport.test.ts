import { certificateA } from '../support/certificates.ts';
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
transportContract('memory', async () => ({
  async connect() {
    const { link, peer, attach } = linkedPair();
    const owner = new Accepted(link);
    attach(owner);
    return { link, owner, far: peer };
  },
  stop: async () => {},
}));
