/**
 * Writes values in a binary encoding. The libraries' encoders are not used: they write integers above 2^32 as floats,
 * lose -0, and have private extensions (a receiver in Python refuses an id that is a float).
 */
import { ROUTER_ROLES } from '../wamp/features.ts';
import { MAX_ID } from '../wamp/ids.ts';
import type { Dict } from '../wamp/payload.ts';
import { MAX_DEPTH } from './serializer.ts';
import { isPlainObject, unsayable } from './values.ts';

const FIRST_BYTES = 4096;
/** Up to this length a loop is cheaper than a call into the engine, for text and for bytes. */
const SHORT = 24;
const HIGH = 0x1_0000_0000;
/** A scratch grown beyond this by one large message is given back. */
const KEPT_BYTES = 1 << 20;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Growing scratch buffer and the walk over a value; subclasses say how each kind of value looks. Use: `start()`, write,
 * `take()`. One writer writes one thing at a time.
 */
export abstract class BinaryWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  #rolesBytes: Buffer | undefined;

  protected abstract nil(): void;
  protected abstract bool(value: boolean): void;
  /** An integer of -2^53 … 2^53. */
  protected abstract integer(value: number): void;
  protected abstract bigInteger(value: bigint): void;
  protected abstract float(value: number): void;
  protected abstract textHead(bytes: number): void;
  protected abstract binaryHead(bytes: number): void;
  abstract mapHead(pairs: number): void;
  abstract listHead(items: number): void;

  start(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** What was written since `start()`, with `after` behind it, in a buffer of its own. */
  take(after: Buffer): Buffer {
    const bytes = this.#bytes;
    const length = this.#at;
    const result = Buffer.allocUnsafe(length + after.length);
    if (length > SHORT) bytes.copy(result, 0, 0, length);
    else for (let i = 0; i < length; i++) result[i] = bytes[i] ?? 0;
    if (after.length > 0) result.set(after, length);
    return result;
  }

  /**
   * @param depth how many arrays and maps are around the value
   * @throws WampError `invalid_argument` for what the encoding cannot say
   */
  value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#text(value);
        return;
      case 'number':
        if (Number.isInteger(value) && Math.abs(value) <= MAX_ID && !Object.is(value, -0)) this.integer(value);
        else this.float(value);
        return;
      case 'boolean':
        this.bool(value);
        return;
      case 'bigint':
        this.bigInteger(value);
        return;
      case 'undefined':
        this.nil();
        return;
      case 'object':
        if (value === null) this.nil();
        else this.#object(value, depth + 1);
        return;
      default:
        throw unsayable(`a ${typeof value} cannot be sent`);
    }
  }

  #object(value: object, depth: number): void {
    if (value instanceof Uint8Array) {
      this.binaryHead(value.length);
      this.raw(value);
      return;
    }
    if (depth > MAX_DEPTH) throw unsayable(`nesting deeper than ${MAX_DEPTH} cannot be sent`);
    if (Array.isArray(value)) {
      this.listHead(value.length);
      for (const item of value) this.value(item, depth);
    } else if (value instanceof Map) {
      this.mapHead(value.size);
      for (const [key, item] of value) {
        this.value(key, depth);
        this.value(item, depth);
      }
    } else if (isPlainObject(value)) {
      if (value === ROUTER_ROLES) this.#roles();
      else this.#map(value, depth);
    } else {
      throw unsayable(`an instance of ${value.constructor.name} cannot be sent`);
    }
  }

  #map(value: Dict, depth: number): void {
    const keys = Object.keys(value);
    this.mapHead(keys.length);
    for (const key of keys) {
      this.#text(key);
      this.value(value[key], depth);
    }
  }

  /** Said in every WELCOME, and the longest part of it: written once. */
  #roles(): void {
    if (this.#rolesBytes !== undefined) {
      this.raw(this.#rolesBytes);
      return;
    }
    const start = this.#at;
    this.#map(ROUTER_ROLES, 1);
    this.#rolesBytes = Buffer.from(this.#bytes.subarray(start, this.#at));
  }

  #text(value: string): void {
    if (value.length <= SHORT && this.#shortAscii(value)) return;
    const length = Buffer.byteLength(value);
    // UTF-8 has no form for half a surrogate pair; the replacement character would be another text.
    if (length !== value.length && LONE_SURROGATE.test(value)) {
      throw unsayable('a string with a lone surrogate cannot be sent in a binary encoding');
    }
    this.textHead(length);
    const at = this.#room(length);
    if (length === value.length) this.#bytes.write(value, at, length, 'latin1');
    else this.#bytes.write(value, at, length, 'utf8');
  }

  /** @returns false: it has other characters, and nothing is written */
  #shortAscii(value: string): boolean {
    const { length } = value;
    const before = this.#at;
    this.textHead(length);
    const at = this.#room(length);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) {
        this.#at = before;
        return false;
      }
      bytes[at + i] = unit;
    }
    return true;
  }

  protected raw(bytes: Uint8Array): void {
    // First the room: it may put a larger scratch in the place of this one.
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  protected u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  /** A type byte followed by a big-endian number of `width` bytes. */
  protected head(type: number, width: 1 | 2 | 4, value: number): void {
    const at = this.#room(1 + width);
    const bytes = this.#bytes;
    bytes[at] = type;
    for (let i = at + width, left = value; i > at; i--, left >>>= 8) bytes[i] = left;
  }

  /** The same with 64 bits, in two's complement, for a number that a double holds exactly. */
  protected headWide(type: number, value: number): void {
    const at = this.#room(9);
    const bytes = this.#bytes;
    bytes[at] = type;
    const upper = Math.floor(value / HIGH);
    // The lowest byte is what is stored of a number.
    for (let i = at + 4, left = upper; i > at; i--, left >>= 8) bytes[i] = left;
    for (let i = at + 8, left = value - upper * HIGH; i > at + 4; i--, left >>>= 8) bytes[i] = left;
  }

  protected head64(type: number, value: bigint): void {
    const at = this.#room(9);
    this.#bytes[at] = type;
    this.#bytes.writeBigUInt64BE(value, at + 1);
  }

  protected double(type: number, value: number): void {
    const at = this.#room(9);
    this.#bytes[at] = type;
    this.#bytes.writeDoubleBE(value, at + 1);
  }

  /** Makes room for `count` bytes and returns where they go. */
  #room(count: number): number {
    const at = this.#at;
    const end = at + count;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#at = end;
    return at;
  }
}
