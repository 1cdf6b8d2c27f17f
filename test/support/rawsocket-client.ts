import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { RAW_NAMES, type RawName } from './raw-codec.ts';
import type { Wire, WireEnd } from './wire.ts';

export const FRAME = { message: 0, ping: 1, pong: 2 } as const;
/** The length nibble for 16 MiB. */
export const MOST = 15;

/** Where a listener is. */
export type Place = { readonly port: number } | { readonly path: string };

export interface RawSocketFrame {
  /** The whole first octet. */
  readonly first: number;
  readonly type: number;
  readonly payload: Buffer;
}

export interface RawSocketOptions {
  readonly tls?: boolean;
  /** Number of the serializer, default 1: JSON. */
  readonly serializer?: number;
  /** Length nibble: this client takes 2^(9 + length) bytes. */
  readonly length?: number;
}

/** Handshake of a client; `length` is the nibble. */
export function handshake(serializer = 1, length = MOST): Buffer {
  return Buffer.from([0x7f, (length << 4) | serializer, 0, 0]);
}

/** A frame as a client sends it, with every freedom to do it wrong. */
export function rawFrame(type: number, payload: Buffer | string = '', claimedLength?: number): Buffer {
  const body = Buffer.from(payload);
  const length = claimedLength ?? body.length;
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length === 2 ** 24 ? 0x08_00_00_00 : length);
  head[0] = (head[0] ?? 0) | type;
  return Buffer.concat([head, body]);
}

export function connectTo(place: Place, tls = false): Socket {
  const where = 'port' in place ? { host: '127.0.0.1', port: place.port } : place;
  const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  socket.on('error', () => {});
  return socket;
}

/**
 * A RawSocket client written by hand: it sends what it is told, right or wrong, in pieces of any size, answers no PING by
 * itself, and can stop reading.
 */
export class RawSocketClient {
  readonly socket: Socket;
  readonly frames: RawSocketFrame[] = [];
  /** The four octets that answer the handshake; empty where none came. */
  reply: Buffer = Buffer.alloc(0);
  ended = false;
  #rest: Buffer = Buffer.alloc(0);
  #taken = 0;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
  }

  /** Connects and says nothing. */
  static async connect(place: Place, tls = false): Promise<RawSocketClient> {
    const client = new RawSocketClient(connectTo(place, tls));
    await once(client.socket, tls ? 'secureConnect' : 'connect');
    client.socket.setNoDelay(true);
    return client;
  }

  /** Connects, says the handshake and waits for the reply or the end. */
  static async open(place: Place, options: RawSocketOptions = {}): Promise<RawSocketClient> {
    const client = await RawSocketClient.connect(place, options.tls);
    client.write(handshake(options.serializer, options.length));
    await client.answered();
    return client;
  }

  /** Waits for the reply to the handshake, or for the end. */
  async answered(): Promise<Buffer> {
    await this.#until(() => this.reply.length === 4 || this.ended);
    return this.reply;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  send(type: number, payload: Buffer | string = '', claimedLength?: number): void {
    this.write(rawFrame(type, payload, claimedLength));
  }

  text(message: string): void {
    this.send(FRAME.message, message);
  }

  /** Sends bytes one by one, each in a write of its own that the kernel has taken before the next. */
  async writeByteByByte(bytes: Buffer): Promise<void> {
    for (const byte of bytes) await new Promise<void>((done) => void this.socket.write(Buffer.of(byte), () => done()));
  }

  /** The next frame not yet taken. @throws Error if the connection ends before */
  async next(): Promise<RawSocketFrame> {
    await this.#until(() => this.frames.length > this.#taken || this.ended);
    const frame = this.frames[this.#taken];
    if (frame === undefined) throw new Error('the connection ended');
    this.#taken += 1;
    return frame;
  }

  async nextText(): Promise<string> {
    return (await this.next()).payload.toString();
  }

  /** Resolves when the router has ended its side, or the connection is gone. */
  gone(): Promise<void> {
    return this.#until(() => this.ended);
  }

  close(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void this.#wake.push(resolve));
  }

  #end(): void {
    this.ended = true;
    this.#changed();
  }

  #feed(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.reply.length < 4) {
      if (this.#rest.length < 4) return;
      this.reply = this.#rest.subarray(0, 4);
      this.#rest = this.#rest.subarray(4);
    }
    while (this.#rest.length >= 4) {
      const first = this.#rest.readUInt8(0);
      const length = first & 8 ? 2 ** 24 : this.#rest.readUIntBE(1, 3);
      if (this.#rest.length < 4 + length) break;
      this.frames.push({ first, type: first & 7, payload: this.#rest.subarray(4, 4 + length) });
      this.#rest = this.#rest.subarray(4 + length);
    }
    this.#changed();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A wire over RawSocket; what is sent before the handshake is through follows it. It answers PING. */
export function rawSocketWire(place: Place, name: RawName, tls = false): Wire {
  const client = new RawSocketClient(connectTo(place, tls));
  client.write(handshake(RAW_NAMES.indexOf(name) + 1));
  const wire: Wire = {
    subprotocol: `wamp.2.${name}`,
    onMessage: () => {},
    onClose: () => {},
    send: (bytes) => client.send(FRAME.message, bytes),
    close: () => client.close(),
    destroy: () => client.destroy(),
  };
  const read = async (): Promise<WireEnd> => {
    if ((await client.answered())[1]?.toString(16).endsWith('0')) return { code: 1006, reason: 'refused' };
    for (;;) {
      const frame = await client.next().catch(() => undefined);
      if (frame === undefined) return { code: 1000, reason: '' };
      if (frame.type === FRAME.ping) client.send(FRAME.pong, frame.payload);
      else if (frame.type === FRAME.message) wire.onMessage(frame.payload, name !== 'json');
    }
  };
  void read().then((end) => {
    client.close();
    wire.onClose(end);
  });
  return wire;
}
