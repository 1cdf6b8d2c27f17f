/**
 * RawSocket on the wire (spec: "RawSocket Transport"): handshake and frames, to bytes and back. No socket here.
 */
import { Assembly } from './assembly.ts';
import { RecentFrames } from './recent-frames.ts';

/** The first octet of every handshake; no HTTP request and no TLS record begins with it. */
export const MAGIC = 0x7f;
export const HANDSHAKE_BYTES = 4;
const HEADER_BYTES = 4;
/** The longest message any frame can hold: its length is said by one bit and three octets. */
const MAX_LENGTH = 2 ** 24;
/** Lengths are said as powers of two from 2^9 on. */
const LEAST_EXPONENT = 9;
const LARGEST_NIBBLE = 15;

const TYPE = { message: 0, ping: 1, pong: 2 } as const;
/** RRRRXTTT: reserved, the top bit of the length, type. */
const RESERVED = 0xf0;
const TOP_BIT = 0x08;
const TYPE_BITS = 0x07;

/** What a handshake is refused with (spec: error nibble); the connection ends after it. */
const REFUSAL = { serializer: 1, reserved: 3, full: 4 } as const;

function refusal(code: number): Buffer {
  return Buffer.from([MAGIC, code << 4, 0, 0]);
}

/** To a client that comes when there are as many connections as there may be. */
export const FULL = refusal(REFUSAL.full);

/** What a client asked for in its handshake, or the reply that refuses it. */
export type ClientHandshake<T> =
  | { readonly number: number; readonly serializer: T; readonly maxBytes: number }
  | { readonly refusal: Buffer };

/**
 * Reads a client's handshake (PITFALLS 83). No length is refused as unacceptable: messages longer than the client
 * takes are never sent to it, whichever they are.
 * @param bytes four of them, the first one {@link MAGIC}
 * @param spoken serializers on offer by their number; 0, which the specification calls illegal, is never one
 */
export function readHandshake<T>(bytes: Buffer, spoken: ReadonlyMap<number, T>): ClientHandshake<T> {
  const [, second = 0, third, fourth] = bytes;
  const number = second & 0x0f;
  const serializer = spoken.get(number);
  if (serializer === undefined) return { refusal: refusal(REFUSAL.serializer) };
  if (third !== 0 || fourth !== 0) return { refusal: refusal(REFUSAL.reserved) };
  return { number, serializer, maxBytes: 2 ** (LEAST_EXPONENT + (second >> 4)) };
}

/** What we accept: the largest power of two that the format has and that is not above `maxMessageBytes` (PITFALLS 85). */
export function acceptedBytes(maxMessageBytes: number): number {
  return 2 ** (LEAST_EXPONENT + lengthNibble(maxMessageBytes));
}

function lengthNibble(maxMessageBytes: number): number {
  const exponent = Math.floor(Math.log2(maxMessageBytes));
  return Math.min(Math.max(exponent - LEAST_EXPONENT, 0), LARGEST_NIBBLE);
}

/** Our reply: the client's serializer, and the length that *we* accept (PITFALLS 85). */
export function handshakeReply(serializer: number, maxMessageBytes: number): Buffer {
  return Buffer.from([MAGIC, (lengthNibble(maxMessageBytes) << 4) | serializer, 0, 0]);
}

function buildFrame(type: number, payload: Buffer): Buffer {
  return beginFrame(type, payload, payload.length);
}

/** A message's frame up to and with `first`, its first bytes. */
export function beginMessage(first: Buffer, length: number): Buffer {
  return beginFrame(TYPE.message, first, length);
}

/** @param length of the whole payload, at most 16 MiB, which have a form of their own (PITFALLS 87) */
function beginFrame(type: number, first: Buffer, length: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + first.length);
  frame[0] = length === MAX_LENGTH ? type | TOP_BIT : type;
  frame[1] = (length >> 16) & 0xff;
  frame[2] = (length >> 8) & 0xff;
  frame[3] = length & 0xff;
  frame.set(first, HEADER_BYTES);
  return frame;
}

/** Not empty: autobahn-js answers an empty one only when the next frame comes. */
export const PING_FRAME = buildFrame(TYPE.ping, Buffer.from('waggle'));

export function pongFrame(payload: Buffer): Buffer {
  return buildFrame(TYPE.pong, payload);
}

/** The frames built last, for a fan-out. */
export class RawSocketFrames extends RecentFrames {
  constructor() {
    super((payload) => buildFrame(TYPE.message, payload));
  }
}

/** What comes out of a framer. */
export interface FrameHandler {
  message(bytes: Buffer): void;
  ping(payload: Buffer): void;
}

/**
 * Cuts a stream of bytes into frames, in whatever pieces it comes (PITFALLS 84). Frames that are whole in one piece are
 * not copied.
 */
export class RawSocketFramer {
  readonly #maxBytes: number;
  readonly #handler: FrameHandler;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #length = 0;
  /** Of a frame whose beginning has come: so many bytes have not. */
  #missing = 0;
  readonly #partial = new Assembly();
  #broken = false;

  /** @param maxBytes the longest frame that is accepted */
  constructor(maxBytes: number, handler: FrameHandler) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /** Whether the stream stands within a frame: ending here, it is truncated. */
  get isInsideFrame(): boolean {
    return this.#headerBytes > 0 || this.#missing > 0;
  }

  /**
   * Takes the next bytes and hands on the frames that they complete.
   * @param chunk not to be altered afterwards
   * @returns what is wrong with the stream; from then on nothing more is read
   */
  push(chunk: Buffer): string | undefined {
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      if (this.#missing > 0) {
        at = this.#collect(chunk, at);
      } else if (this.#headerBytes === 0 && chunk.length - at >= HEADER_BYTES) {
        const wrong = this.#open(chunk, at);
        if (wrong !== undefined) return wrong;
        at = this.#body(chunk, at + HEADER_BYTES);
      } else {
        this.#header[this.#headerBytes] = chunk[at] as number;
        this.#headerBytes += 1;
        at += 1;
        if (this.#headerBytes < HEADER_BYTES) continue;
        this.#headerBytes = 0;
        const wrong = this.#open(this.#header, 0);
        if (wrong !== undefined) return wrong;
        at = this.#body(chunk, at);
      }
    }
    return undefined;
  }

  /** Reads the header at `at` (PITFALLS 87). @returns what is wrong with it */
  #open(bytes: Buffer, at: number): string | undefined {
    const first = bytes[at] as number;
    const type = first & TYPE_BITS;
    const low = bytes.readUIntBE(at + 1, 3);
    const length = (first & TOP_BIT) === 0 ? low : MAX_LENGTH;
    let wrong: string | undefined;
    if ((first & RESERVED) !== 0) wrong = 'reserved bits of a frame are in use';
    else if (type > TYPE.pong) wrong = `frame of the unknown type ${type}`;
    else if (length === MAX_LENGTH && low !== 0) wrong = 'frame longer than 16 MiB';
    else if (length > this.#maxBytes) wrong = `frame of ${length} bytes; ${this.#maxBytes} are accepted`;
    else if (type === TYPE.message && length === 0) wrong = 'empty message';
    this.#type = type;
    this.#length = length;
    this.#broken = wrong !== undefined;
    return wrong;
  }

  /** The frame's body begins at `at`, whole or not. @returns where reading goes on */
  #body(chunk: Buffer, at: number): number {
    const end = at + this.#length;
    if (end <= chunk.length) {
      this.#complete(chunk.subarray(at, end));
      return end;
    }
    this.#missing = this.#length;
    return this.#collect(chunk, at);
  }

  #collect(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#missing, chunk.length);
    this.#partial.add(chunk, at, end, this.#length);
    this.#missing -= end - at;
    if (this.#missing === 0) this.#complete(this.#partial.take());
    return end;
  }

  #complete(body: Buffer): void {
    if (this.#type === TYPE.message) this.#handler.message(body);
    // A PONG says only that the peer lives, and its bytes have said so (PITFALLS 88).
    else if (this.#type === TYPE.ping) this.#handler.ping(body);
  }
}
