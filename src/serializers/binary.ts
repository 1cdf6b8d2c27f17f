import { ProtocolViolation, WampError } from '../wamp/errors.ts';
import { checkCount, clientLayout, routerLayout } from '../wamp/layout.ts';
import type { ClientMessage, RouterMessage } from '../wamp/messages.ts';
import { MessageType, NO_DETAILS } from '../wamp/messages.ts';
import type { Dict, Payload, PayloadTail, PayloadValue } from '../wamp/payload.ts';
import type { BinaryReader } from './binary-reader.ts';
import type { BinaryWriter } from './binary-writer.ts';
import { HeaderMemory } from './header-memory.ts';
import { ABSENT, longPayload, type Part, payloadFrom, readPayload } from './payload-tail.ts';
import { LONG_BYTES, type Serializer } from './serializer.ts';
import { unsayable } from './values.ts';

const NO_BYTES = Buffer.alloc(0);
const NO_TAIL: PayloadTail = { bytes: NO_BYTES, elements: 0 };
const NO_OPTIONS: Dict = Object.freeze({});
/** More elements than any message has: ERROR with args and kwargs has seven. */
export const MOST_ELEMENTS = 7;

/** The outer array of a message: how many elements, where the first is, how many bytes close it. */
export interface Outer {
  readonly count: number;
  readonly at: number;
  readonly closing: 0 | 1;
}

/**
 * What MessagePack and CBOR have in common: the header is read element by element, the payload is walked over and kept
 * as bytes, and nothing of it is decoded before somebody asks for its value.
 */
export abstract class BinarySerializer implements Serializer {
  abstract readonly index: 1 | 2;
  abstract readonly name: string;
  abstract readonly subprotocol: string;
  abstract readonly rawSocketId: number;
  readonly binary = true;

  protected abstract readonly writer: BinaryWriter;
  /** Makes values of what was walked over. */
  protected abstract readonly reader: BinaryReader;
  /** An args list without elements, encoded. */
  protected abstract readonly emptyArgs: Buffer;
  readonly #memory = new HeaderMemory();

  /** @throws ProtocolViolation where the message is no array */
  protected abstract open(bytes: Buffer): Outer;
  /** Walks over one element of the outer array. @throws ProtocolViolation */
  protected abstract skip(bytes: Buffer, at: number): number;
  /** Walks over kwargs. @throws ProtocolViolation where it is no map or a key is no string */
  protected abstract skipKwargs(bytes: Buffer, at: number): number;
  /** Whether the list at `at` has elements; undefined: it is no list. */
  protected abstract listSize(bytes: Buffer, at: number): 'none' | 'some' | undefined;
  protected abstract mapSize(bytes: Buffer, at: number): 'none' | 'some' | undefined;
  protected abstract isNull(bytes: Buffer, at: number): boolean;
  /** The integer at `at`, or undefined where none stands; floats that hold an integer count (PITFALLS 22). */
  protected abstract integer(bytes: Buffer, at: number): number | undefined;
  /** Where the bytes of the string at `at` begin, which go on to its end; undefined: none, or one in chunks. */
  protected abstract textStart(bytes: Buffer, at: number): number | undefined;
  decode(bytes: Buffer): ClientMessage {
    const outer = this.open(bytes);
    if (outer.count === 0) throw new ProtocolViolation('message: an empty array');
    let at = this.skip(bytes, outer.at);
    const type = this.#headElement(bytes, outer.at, at, false);
    const layout = clientLayout(type);
    checkCount(layout, outer.count);
    const head: unknown[] = [type];
    while (head.length < layout.fields) {
      const start = at;
      at = this.skip(bytes, at);
      head.push(this.#headElement(bytes, start, at, layout.recurs));
    }
    const payload = readPayload(layout, head, () => this.#payload(bytes, at, outer, outer.count - layout.fields));
    return layout.build(head, payload);
  }

  encode(message: RouterMessage): Buffer {
    if (message.type !== MessageType.EVENT) return this.#frame(message);
    // One buffer for all receivers of this encoding (ARCHITECTURE, idea 4).
    const made = message.frames[this.index];
    if (made !== undefined) return made;
    const frame = this.#frame(message);
    message.frames[this.index] = frame;
    return frame;
  }

  decodePayload(tail: PayloadTail): PayloadValue {
    if (tail.elements === 0) return { args: [], kwargs: undefined };
    const args = this.#decodePart(tail.bytes, 0) as readonly unknown[];
    if (tail.elements === 1) return { args, kwargs: undefined };
    return { args, kwargs: this.#decodePart(tail.bytes, this.reader.end) as Dict };
  }

  abstract repeatsKey(tail: PayloadTail, value: PayloadValue): boolean;

  encodePayload(value: PayloadValue): PayloadTail {
    const { args, kwargs } = value;
    const withKwargs = kwargs !== undefined && Object.keys(kwargs).length > 0;
    if (args.length === 0 && !withKwargs) return { bytes: NO_BYTES, elements: 0 };
    this.writer.start();
    this.writer.value(args, 1);
    if (withKwargs) this.writer.value(kwargs, 1);
    return { bytes: this.writer.take(NO_BYTES), elements: withKwargs ? 2 : 1 };
  }

  pieces(message: RouterMessage): readonly Buffer[] | undefined {
    const payload = longPayload(message);
    if (payload === undefined) return undefined;
    const tail = payload.tail(this);
    return tail.bytes.length < LONG_BYTES ? undefined : [this.#withHead(message, tail.elements, NO_BYTES), tail.bytes];
  }

  #frame(message: RouterMessage): Buffer {
    // Before the head is begun: making the tail may use the same writer.
    const tail = 'payload' in message ? message.payload.tail(this) : NO_TAIL;
    return this.#withHead(message, tail.elements, tail.bytes);
  }

  #withHead(message: RouterMessage, elements: number, after: Buffer): Buffer {
    const { writer } = this;
    writer.start();
    if (!this.#usualHead(message, elements)) {
      const { head } = routerLayout(message);
      writer.listHead(head.length + elements);
      for (const element of head) writer.value(element, 1);
    }
    return writer.take(after);
  }

  /** The header of what is sent most, where it has nothing but numbers to say; false for everything else. */
  #usualHead(message: RouterMessage, elements: number): boolean {
    const { writer } = this;
    switch (message.type) {
      case MessageType.EVENT:
        if (message.details !== NO_DETAILS) return false;
        writer.listHead(4 + elements);
        writer.value(message.type, 1);
        writer.value(message.subscription, 1);
        writer.value(message.publication, 1);
        break;
      case MessageType.RESULT:
        if (message.details !== NO_DETAILS) return false;
        writer.listHead(3 + elements);
        writer.value(message.type, 1);
        writer.value(message.request, 1);
        break;
      case MessageType.INVOCATION:
        if (message.details !== NO_DETAILS) return false;
        writer.listHead(4 + elements);
        writer.value(message.type, 1);
        writer.value(message.request, 1);
        writer.value(message.registration, 1);
        break;
      default:
        return false;
    }
    writer.mapHead(0);
    return true;
  }

  #headElement(bytes: Buffer, start: number, end: number, recurs: boolean): unknown {
    const integer = this.integer(bytes, start);
    if (integer !== undefined) return integer;
    const text = this.textStart(bytes, start);
    if (text !== undefined) return bytes.toString('utf8', text, end);
    const size = this.mapSize(bytes, start);
    if (size === 'none') return NO_OPTIONS;
    if (size === undefined || !recurs) return this.#readHead(bytes, start);
    return this.#memory.dict(bytes, start, end, () => this.#readHead(bytes, start));
  }

  #readHead(bytes: Buffer, start: number): unknown {
    try {
      return this.reader.read(bytes, start, true);
    } catch (error) {
      // In a header nothing but plain values has a meaning; there is no other receiver that could read it.
      if (error instanceof WampError) throw new ProtocolViolation(`message header: ${error.message}`);
      throw error;
    }
  }

  #args(bytes: Buffer, start: number): Part {
    const end = this.skip(bytes, start);
    if (this.isNull(bytes, start)) return { start, end, state: 'absent' };
    const size = this.listSize(bytes, start);
    if (size === undefined) throw new ProtocolViolation('Arguments: list expected');
    return { start, end, state: size === 'none' ? 'empty' : 'filled' };
  }

  #kwargs(bytes: Buffer, start: number): Part {
    if (this.isNull(bytes, start)) return { start, end: this.skip(bytes, start), state: 'absent' };
    const size = this.mapSize(bytes, start);
    const end = this.skipKwargs(bytes, start);
    return { start, end, state: size === 'none' ? 'empty' : 'filled' };
  }

  /** The `elements` (0, 1 or 2) that begin at `at`, and the end of the message behind them. */
  #payload(bytes: Buffer, at: number, outer: Outer, elements: number): Payload {
    const args = elements > 0 ? this.#args(bytes, at) : ABSENT;
    const argsEnd = elements > 0 ? args.end : at;
    const kwargs = elements > 1 ? this.#kwargs(bytes, argsEnd) : ABSENT;
    const end = elements > 1 ? kwargs.end : argsEnd;
    if (end + outer.closing !== bytes.length) throw new ProtocolViolation('message: bytes after its end');
    return payloadFrom(this, bytes, args, kwargs, this.emptyArgs);
  }

  #decodePart(bytes: Buffer, at: number): unknown {
    try {
      return this.reader.read(bytes, at, false);
    } catch (error) {
      if (error instanceof WampError) throw error;
      throw unsayable(`payload cannot be converted: ${error instanceof Error ? error.message : 'unknown reason'}`);
    }
  }
}
