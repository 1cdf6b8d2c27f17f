/**
 * WebSocket frames for both ends, as cheap as they can be: one write for all that was queued since the last read.
 * No compression, no fragments, no checks: this is a load generator's, not a router's.
 */
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const MASK = [0x5a, 0x3c, 0xa7, 0x91];
const CHUNK_BYTES = 65_536;

/** Queues frames and writes them at once. */
export class FrameWriter {
  #socket;
  #opcode;
  #masked;
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #at = 0;

  constructor(socket, binary, masked) {
    this.#socket = socket;
    this.#opcode = 0x80 | (binary ? 2 : 1);
    this.#masked = masked;
  }

  /** Copies `payload`, which may be reused afterwards. */
  push(payload) {
    const length = payload.length;
    if (this.#at + length + 14 > this.#chunk.length) {
      this.flush();
      if (length + 14 > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(length + 14);
    }
    const chunk = this.#chunk;
    let at = this.#at;
    chunk[at++] = this.#opcode;
    const bit = this.#masked ? 0x80 : 0;
    if (length < 126) chunk[at++] = bit | length;
    else if (length < 65_536) {
      chunk[at++] = bit | 126;
      at = chunk.writeUInt16BE(length, at);
    } else {
      chunk[at++] = bit | 127;
      at = chunk.writeUInt32BE(0, at);
      at = chunk.writeUInt32BE(length, at);
    }
    if (this.#masked) for (const byte of MASK) chunk[at++] = byte;
    chunk.set(payload, at);
    if (this.#masked) for (let i = 0; i < length; i += 1) chunk[at + i] ^= MASK[i & 3];
    this.#at = at + length;
  }

  flush() {
    if (this.#at === 0 || this.#socket.destroyed) return;
    this.#socket.write(this.#chunk.subarray(0, this.#at));
    // What the socket could not take at once it still holds.
    if (this.#socket.writableLength > 0) this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#at = 0;
  }
}

/** Finds whole frames in what a socket reads; unmasks in place. */
export class FrameReader {
  #rest;

  /** @param onMessage called with the bytes and the offsets where a message begins and ends */
  read(data, onMessage) {
    const bytes = this.#rest === undefined ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (frame === undefined) break;
      if (frame.opcode < 8) onMessage(bytes, frame.start, frame.end);
      at = frame.end;
    }
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  }
}

function frameAt(bytes, at) {
  if (at + 2 > bytes.length) return undefined;
  const masked = bytes[at + 1] >= 0x80;
  let length = bytes[at + 1] & 0x7f;
  let start = at + 2;
  if (length === 126) {
    if (start + 2 > bytes.length) return undefined;
    length = bytes.readUInt16BE(start);
    start += 2;
  } else if (length === 127) {
    if (start + 8 > bytes.length) return undefined;
    length = bytes.readUInt32BE(start + 4);
    start += 8;
  }
  if (masked) start += 4;
  const end = start + length;
  if (end > bytes.length) return undefined;
  if (masked) for (let i = 0; i < length; i += 1) bytes[start + i] ^= bytes[start - 4 + (i & 3)];
  return { opcode: bytes[at] & 0x0f, start, end };
}

/** Connects and upgrades. Resolves with the socket; what follows the answer is given back to be read. */
export function upgrade(port, path, subprotocol) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = '';
    const key = randomBytes(16).toString('base64');
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
      );
    });
    const onData = (data) => {
      head += data.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      socket.off('error', reject);
      socket.on('error', () => socket.destroy());
      if (head.startsWith('HTTP/1.1 101')) resolve({ socket, rest: Buffer.from(head.slice(end + 4), 'latin1') });
      else reject(new Error(`the upgrade was refused: ${head.split('\r\n')[0]}`));
    };
    socket.on('data', onData);
  });
}

/** The server's answer to an upgrade request. */
export function acceptance(head) {
  const key = /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? '';
  const subprotocol = /sec-websocket-protocol: *(wamp\.2\.(?:json|msgpack|cbor))/i.exec(head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const text =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;
  return { text, subprotocol };
}
