/**
 * What a client sends over a WebSocket without extensions (RFC 6455 §5), to whole messages. No socket here.
 *
 * `ws` does the same; its receiver is a stream with a queue of chunks, and took a tenth of the cost of a small call.
 * The property test holds the two against each other on random and on broken streams.
 */
import { isUtf8 } from 'node:buffer';
import { Assembly } from './assembly.ts';
import type { LinkClose } from './link.ts';
import { CLOSE_CODES } from './websocket-frames.ts';
import { unmask } from './websocket-mask.ts';

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Payload of the longest control frame (RFC 6455 §5.5). */
const MAX_CONTROL_BYTES = 125;
/** Two octets, a length of eight, a mask. */
const MAX_HEAD_BYTES = 14;

const NOTHING = Buffer.alloc(0);
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A stream that breaks the rules: which code it is closed with, and why. */
export interface Violation {
  readonly how: LinkClose;
  readonly message: string;
}

/** What comes out of a framer. */
export interface WebSocketFrames {
  message(bytes: Buffer, binary: boolean): void;
  ping(payload: Buffer): void;
  /** The last thing that comes. @param code undefined: none was given */
  closed(code: number | undefined, reason: string): void;
}

function violation(message: string, how: LinkClose = 'protocolError'): Violation {
  return { how, message };
}

/**
 * Cuts a stream into messages, in whatever pieces it comes. What is whole in one piece is unmasked where it lies and
 * handed on without a copy.
 */
export class WebSocketFramer {
  readonly #maxBytes: number;
  readonly #handler: WebSocketFrames;
  /** A head that has not come whole. */
  #head: Buffer = NOTHING;
  #headBytes = 0;
  /** Of the frame at hand; `#missing` bytes of its payload have not come. */
  #opcode = 0;
  #isLast = true;
  #key = 0;
  #length = 0;
  #missing = 0;
  /** The message at hand, of which a frame has begun and the last has not ended: text or binary. */
  #kind = 0;
  #isAscii = true;
  readonly #data = new Assembly();
  readonly #control = new Assembly();
  #ended = false;

  /** @param maxBytes the longest message that is accepted */
  constructor(maxBytes: number, handler: WebSocketFrames) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /**
   * Takes the next bytes and hands on what they complete.
   * @param chunk is altered, and must not be altered by others afterwards
   * @returns what is wrong with the stream; from then on, and after a close frame, nothing more is read
   */
  push(chunk: Buffer): Violation | undefined {
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      let wrong: Violation | undefined;
      if (this.#missing > 0) {
        const end = Math.min(at + this.#missing, chunk.length);
        wrong = this.#collect(chunk, at, end);
        at = end;
      } else {
        const next = at + 1 < chunk.length ? at + headLength(chunk[at + 1] as number) : chunk.length + 1;
        if (this.#headBytes === 0 && next <= chunk.length) {
          wrong = this.#open(chunk, at);
          at = next;
        } else {
          const isWhole = this.#keepHead(chunk[at++] as number);
          // Whoever waits for an answer after a bad head may never send its mask.
          if (isWhole || this.#headBytes === keyStart(this.#head)) wrong = this.#open(this.#head, 0);
          if (!isWhole && wrong === undefined) continue;
        }
        const end = Math.min(at + this.#length, chunk.length);
        wrong ??= this.#begin(chunk, at, end);
        at = end;
      }
      if (wrong !== undefined) {
        this.#ended = true;
        return wrong;
      }
    }
    return undefined;
  }

  /** Takes a byte of a head that comes in pieces. @returns whether it is whole now */
  #keepHead(byte: number): boolean {
    if (this.#head.length === 0) this.#head = Buffer.allocUnsafeSlow(MAX_HEAD_BYTES);
    this.#head[this.#headBytes] = byte;
    this.#headBytes += 1;
    if (this.#headBytes < 2 || this.#headBytes < headLength(this.#head[1] as number)) return false;
    this.#headBytes = 0;
    return true;
  }

  /** Reads the head at `at`, of which all but the mask must have come. */
  #open(bytes: Buffer, at: number): Violation | undefined {
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) return violation('a reserved bit of a frame is in use');
    if ((second & MASKED) === 0) return violation('a frame that is not masked');
    let length = second & LENGTH;
    let keyAt = at + 2;
    if (length === LENGTH_16) {
      length = bytes.readUInt16BE(keyAt);
      keyAt += 2;
    } else if (length === LENGTH_64) {
      length = bytes.readUInt32BE(keyAt) * 0x1_0000_0000 + bytes.readUInt32BE(keyAt + 4);
      keyAt += 8;
    }
    this.#opcode = opcode;
    this.#isLast = (first & FIN) !== 0;
    this.#length = length;
    this.#key = bytes.readInt32BE(keyAt);
    return opcode >= OPCODE.close ? this.#checkControl() : this.#checkData();
  }

  #checkControl(): Violation | undefined {
    if (this.#opcode > OPCODE.pong) return violation(`a frame of the unknown opcode ${this.#opcode}`);
    if (!this.#isLast) return violation('a control frame in fragments');
    if (this.#length > MAX_CONTROL_BYTES) return violation(`a control frame of ${this.#length} bytes`);
    if (this.#opcode === OPCODE.close && this.#length === 1) return violation('a close frame with half a code');
    return undefined;
  }

  #checkData(): Violation | undefined {
    const isFirst = this.#opcode !== OPCODE.continuation;
    if (this.#opcode > OPCODE.binary) return violation(`a frame of the unknown opcode ${this.#opcode}`);
    if (isFirst && this.#kind !== 0) return violation('a message that begins within another');
    if (!isFirst && this.#kind === 0) return violation('a continuation of nothing');
    const bytes = this.#data.length + this.#length;
    if (bytes > this.#maxBytes) {
      return violation(`a message of ${bytes} bytes; ${this.#maxBytes} are accepted`, 'tooLarge');
    }
    return undefined;
  }

  /** The payload of the frame at hand begins in `chunk` at `from`, and lies there up to `to`. */
  #begin(chunk: Buffer, from: number, to: number): Violation | undefined {
    const isWhole = to - from === this.#length;
    if (isWhole && this.#opcode >= OPCODE.close) {
      unmask(chunk, from, to, this.#key, 0);
      return this.#controlFrame(chunk.subarray(from, to));
    }
    if (this.#opcode === OPCODE.text || this.#opcode === OPCODE.binary) {
      this.#kind = this.#opcode;
      this.#isAscii = true;
    }
    // Of what comes apart, the message is put together.
    if (!isWhole || !this.#isLast || this.#data.length > 0) {
      this.#missing = this.#length;
      return this.#collect(chunk, from, to);
    }
    if (!unmask(chunk, from, to, this.#key, 0)) this.#isAscii = false;
    return this.#message(chunk.subarray(from, to));
  }

  /** Takes a part of the payload that did not come in one piece. */
  #collect(chunk: Buffer, from: number, to: number): Violation | undefined {
    const phase = this.#length - this.#missing;
    const isControl = this.#opcode >= OPCODE.close;
    const into = isControl ? this.#control : this.#data;
    const start = into.length;
    const expected = isControl || this.#isLast ? start + this.#missing : undefined;
    const room = into.add(chunk, from, to, expected);
    if (!unmask(room, start, into.length, this.#key, phase) && !isControl) this.#isAscii = false;
    this.#missing -= to - from;
    if (this.#missing > 0) return undefined;
    if (isControl) return this.#controlFrame(this.#control.take());
    return this.#isLast ? this.#message(this.#data.take()) : undefined;
  }

  #message(bytes: Buffer): Violation | undefined {
    const isText = this.#kind === OPCODE.text;
    this.#kind = 0;
    // PITFALLS 74: what is forwarded unread must be text all the same.
    if (isText && !this.#isAscii && !isUtf8(bytes)) return violation('text that is not UTF-8', 'invalidData');
    this.#handler.message(bytes, !isText);
    return undefined;
  }

  #controlFrame(payload: Buffer): Violation | undefined {
    // A pong says only that the peer lives, and its bytes have said so.
    if (this.#opcode === OPCODE.ping) this.#handler.ping(payload);
    if (this.#opcode !== OPCODE.close) return undefined;
    const code = payload.length === 0 ? undefined : payload.readUInt16BE(0);
    if (code !== undefined && !mayBeSent(code)) return violation(`a close frame with the code ${code}`);
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) return violation('a close frame with a reason that is not UTF-8', 'invalidData');
    this.#ended = true;
    this.#handler.closed(code, reason.toString());
    return undefined;
  }
}

/** @param second the second byte of the head */
function headLength(second: number): number {
  const length = second & LENGTH;
  return 2 + (length < LENGTH_16 ? 0 : length === LENGTH_16 ? 2 : 8) + ((second & MASKED) === 0 ? 0 : 4);
}

/** Where the mask of a head begins that has one. */
function keyStart(head: Buffer): number {
  return headLength(head[1] as number) - 4;
}

/** RFC 6455 §7.4: codes that stand in close frames. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= CLOSE_CODES.normal && code <= 1014 && (code < 1004 || code > 1006);
}
