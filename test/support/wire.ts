/** Whole messages in both directions, over whatever carries them: what raw and autobahn clients of the tests stand on. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Adapter, AdapterContext } from '../../src/adapters/adapter.ts';
import type { Link, LinkClose, LinkHandler, LinkInfo } from '../../src/transports/link.ts';
import { CLOSE_CODES } from '../../src/transports/websocket-frames.ts';
import { certificateA } from './certificates.ts';

/** How the other side ended it: the WebSocket close code, or the one its transport would have used. */
export interface WireEnd {
  readonly code: number;
  readonly reason: string;
}

export interface Wire {
  /** Negotiated, e.g. `wamp.2.json`. */
  readonly subprotocol: string;
  onMessage: (bytes: Buffer, binary: boolean) => void;
  onClose: (end: WireEnd) => void;
  send(bytes: Buffer, binary: boolean): void;
  /** In good order. */
  close(): void;
  /** At once, without a word. */
  destroy(): void;
}

/** A wire over a WebSocket. @throws Error where the router refuses the upgrade */
export async function webSocketWire(url: string, subprotocol: string): Promise<Wire> {
  const socket = new WebSocket(url, [subprotocol], { perMessageDeflate: false });
  // Before the upgrade is answered, so that nothing that follows at once is missed.
  const wire = new SocketWire(socket);
  await once(socket, 'open');
  return wire;
}

/** A wire over a WebSocket whose messages are batches; what is sent before it is open follows. */
export function batchedWire(url: string, subprotocol: string): Wire {
  const socket = new WebSocket(url, [`${subprotocol}.batched`], {
    perMessageDeflate: false,
    ca: certificateA.cert,
  });
  const wire = new SocketWire(socket);
  const isBinary = !subprotocol.endsWith('.json');
  const opened = once(socket, 'open');
  let waiting: Buffer[] | undefined = [];
  opened.then(
    () => {
      // What gathered is one batch.
      if (waiting !== undefined && waiting.length > 0) socket.send(Buffer.concat(waiting), { binary: isBinary });
      waiting = undefined;
    },
    () => {},
  );
  wire.send = (bytes, binary) => {
    const batch = batchOfOne(bytes, binary);
    if (waiting === undefined) socket.send(batch, { binary });
    else waiting.push(batch);
  };
  socket.removeAllListeners('message');
  socket.on('message', (data: Buffer, binary) => {
    for (const message of messagesOf(data, binary)) wire.onMessage(message, binary);
  });
  return wire;
}

/** A batch of one message, by the words of the specification. */
export function batchOfOne(bytes: Buffer, binary: boolean): Buffer {
  if (!binary) return Buffer.concat([bytes, Buffer.of(0x1e)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The messages of a batch. @throws Error where the router sent no batch */
export function messagesOf(batch: Buffer, binary: boolean): Buffer[] {
  if (!binary) {
    const parts = batch.toString('utf8').split('\x1e');
    if (parts.pop() !== '' || parts.length === 0) throw new Error('a batch that is not terminated');
    return parts.map((part) => Buffer.from(part));
  }
  const messages: Buffer[] = [];
  let rest = batch;
  while (rest.length > 0) {
    const end = 4 + rest.readUInt32BE(0);
    if (end > rest.length) throw new Error('a batch that is truncated');
    messages.push(rest.subarray(4, end));
    rest = rest.subarray(end);
  }
  if (messages.length === 0) throw new Error('a batch of nothing');
  return messages;
}

class SocketWire implements Wire {
  onMessage: Wire['onMessage'] = () => {};
  onClose: Wire['onClose'] = () => {};
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, binary) => this.onMessage(data, binary));
    socket.on('close', (code, reason) => this.onClose({ code, reason: reason.toString() }));
    socket.on('error', () => {});
  }

  get subprotocol(): string {
    return this.#socket.protocol;
  }

  send(bytes: Buffer, binary: boolean): void {
    this.#socket.send(bytes, { binary });
  }

  close(): void {
    this.#socket.close();
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** A wire to an adapter in this process; each message is handed over in a microtask of its own, in order. */
export function memoryWire(adapter: Adapter, context: AdapterContext, subprotocol: string): Wire {
  const wire = new MemoryWire(subprotocol);
  wire.handler = adapter.attach(wire, context);
  return wire;
}

class MemoryWire implements Wire, Link {
  onMessage: Wire['onMessage'] = () => {};
  onClose: Wire['onClose'] = () => {};
  readonly subprotocol: string;
  readonly info: LinkInfo;
  readonly pendingBytes = 0;
  handler: LinkHandler | undefined;
  #ended = false;

  constructor(subprotocol: string) {
    this.subprotocol = subprotocol;
    this.info = { transport: 'memory', subprotocol, address: '127.0.0.1', secure: false, headers: {} };
  }

  send(bytes: Buffer, binary: boolean): void {
    queueMicrotask(() => {
      if (!this.#ended) this.handler?.message(bytes, binary);
    });
  }

  write(bytes: Buffer, binary: boolean): boolean {
    if (this.#ended) return false;
    queueMicrotask(() => this.onMessage(bytes, binary));
    return true;
  }

  /** Called by both sides: by the router with how, by the client without. */
  close(how: LinkClose = 'normal', message = ''): void {
    this.#end({ code: CLOSE_CODES[how], reason: message });
  }

  destroy(): void {
    this.#end({ code: 1006, reason: '' });
  }

  narrow(): void {}

  pause(): void {}

  resume(): void {}

  #end(end: WireEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    queueMicrotask(() => {
      this.handler?.closed();
      this.onClose(end);
    });
  }
}
