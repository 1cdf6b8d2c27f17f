import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly rsv: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

export interface RawWebSocketOptions {
  readonly port: number;
  /** A unix socket to connect to instead. */
  readonly unix?: string;
  readonly host?: string;
  readonly path?: string;
  readonly protocols?: readonly string[];
  /** Extra or replaced request headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
  /** Bytes that a balancer sends before all else, TLS included. */
  readonly before?: Buffer;
}

export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  /** false: an unmasked frame, which a client must not send. */
  readonly mask?: boolean;
  /** A length in the header that is not the payload's. */
  readonly claimedLength?: number;
}

/** A frame as a client sends it, with every freedom to do it wrong. */
export function clientFrame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const body = Buffer.from(payload);
  const length = options.claimedLength ?? body.length;
  const masked = options.mask !== false;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = (options.fin === false ? 0 : 0x80) | ((options.rsv ?? 0) << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  for (let i = 0; i < body.length; i += 1) body[i] = (body[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return Buffer.concat([head, mask, body]);
}

/** Splits a stream of frames; independent of the code under test. */
class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): RawFrame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: RawFrame[] = [];
    let at = 0;
    for (;;) {
      const next = this.#frameAt(at);
      if (next === undefined) break;
      frames.push(next.frame);
      at = next.end;
    }
    this.#rest = this.#rest.subarray(at);
    return frames;
  }

  #frameAt(at: number): { frame: RawFrame; end: number } | undefined {
    const bytes = this.#rest;
    if (bytes.length < at + 2) return undefined;
    const first = bytes.readUInt8(at);
    const second = bytes.readUInt8(at + 1);
    let length = second & 0x7f;
    let start = at + 2;
    if (length === 126) {
      if (bytes.length < start + 2) return undefined;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (bytes.length < start + 8) return undefined;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (bytes.length < start + length) return undefined;
    const payload = bytes.subarray(start, start + length);
    const frame = {
      fin: first >= 0x80,
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      masked: second >= 0x80,
      payload,
    };
    return { frame, end: start + length };
  }
}

/**
 * A WebSocket client written by hand over a socket: it sends what it is told, right or wrong, in pieces of any size,
 * answers no ping and no close by itself, and can stop reading.
 */
export class RawWebSocket {
  readonly socket: Socket;
  /** Status line and headers of the answer to the upgrade. */
  readonly response: string;
  readonly frames: RawFrame[] = [];
  /** True when the connection is gone. */
  ended = false;
  readonly #reader = new FrameReader();
  #taken = 0;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, response: string, rest: Buffer) {
    this.socket = socket;
    this.response = response;
    this.#feed(rest);
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('close', () => {
      this.ended = true;
      this.#wake?.();
    });
  }

  get status(): number {
    return Number(this.response.split(' ')[1]);
  }

  header(name: string): string | undefined {
    const match = new RegExp(`^${name}: *(.*)$`, 'im').exec(this.response);
    return match?.[1]?.trim();
  }

  /** Connects and sends the upgrade; a refusal is a client with another status than 101 and the body in `response`. */
  static async open(options: RawWebSocketOptions): Promise<RawWebSocket> {
    const host = options.host ?? '127.0.0.1';
    const plain = options.unix === undefined ? connect({ host, port: options.port }) : connect(options.unix);
    if (options.before !== undefined) plain.write(options.before);
    const socket = options.tls ? connectTls({ socket: plain, host, rejectUnauthorized: false }) : plain;
    plain.on('error', () => {});
    socket.on('error', () => {});
    await once(socket, options.tls ? 'secureConnect' : 'connect');
    socket.setNoDelay(true);
    let head: Buffer = Buffer.alloc(0);
    const answer = await new Promise<Buffer>((resolve) => {
      socket.on('data', function collect(chunk: Buffer) {
        head = Buffer.concat([head, chunk]);
        if (!head.includes('\r\n\r\n')) return;
        socket.off('data', collect);
        resolve(head);
      });
      socket.once('close', () => resolve(head));
      socket.write(upgradeRequest(options));
    });
    const end = answer.indexOf('\r\n\r\n') + 4;
    const text = answer.toString('latin1', 0, end);
    if (!text.startsWith('HTTP/1.1 101')) {
      if (!socket.closed) {
        socket.on('data', (chunk: Buffer) => {
          head = Buffer.concat([head, chunk]);
        });
        await new Promise<void>((resolve) => socket.once('close', () => resolve()));
      }
      return new RawWebSocket(socket, head.toString(), Buffer.alloc(0));
    }
    return new RawWebSocket(socket, text, answer.subarray(end));
  }

  /** Sends bytes as they are. */
  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  send(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): void {
    this.write(clientFrame(opcode, payload, options));
  }

  text(message: string): void {
    this.send(OP.text, message);
  }

  /** Sends bytes one by one, each in a write of its own that the kernel has taken before the next. */
  async writeByteByByte(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      await new Promise<void>((resolve) => {
        this.socket.write(Buffer.of(byte), () => resolve());
      });
    }
  }

  /** The next frame not yet taken. @throws Error if the connection ends before */
  async next(): Promise<RawFrame> {
    while (this.#taken >= this.frames.length) {
      if (this.ended) throw new Error('the connection ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const frame = this.frames[this.#taken];
    if (frame === undefined) throw new Error('unreachable');
    this.#taken += 1;
    return frame;
  }

  /** Text of the next frame. */
  async nextText(): Promise<string> {
    return (await this.next()).payload.toString();
  }

  /** Skips frames up to the close frame and returns its code and reason. @throws Error if there is none */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const frame = await this.next();
      if (frame.opcode === OP.close) {
        return { code: frame.payload.readUInt16BE(0), reason: frame.payload.toString('utf8', 2) };
      }
    }
  }

  /** Resolves when the connection is gone. */
  async gone(): Promise<void> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  freeze(): void {
    this.socket.pause();
  }

  thaw(): void {
    this.socket.resume();
  }

  /** Closing handshake from this side, without waiting. */
  close(code = 1000): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(OP.close, payload);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #feed(chunk: Buffer): void {
    this.frames.push(...this.#reader.read(chunk));
    this.#wake?.();
  }
}

function upgradeRequest(options: RawWebSocketOptions): string {
  const headers: Record<string, string> = {
    Host: `${options.host ?? '127.0.0.1'}:${options.port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...(options.protocols === undefined || options.protocols.length === 0
      ? {}
      : { 'Sec-WebSocket-Protocol': options.protocols.join(', ') }),
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `GET ${options.path ?? '/ws'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}
