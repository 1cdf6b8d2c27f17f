import { isUtf8 } from 'node:buffer';
import { parse as parseLossless } from 'lossless-json';
import { ProtocolViolation } from '../wamp/errors.ts';
import { isDict } from '../wamp/features.ts';
import { MAX_ID } from '../wamp/ids.ts';
import { type ClientLayout, checkCount, clientLayout, routerLayout } from '../wamp/layout.ts';
import { type ClientMessage, MessageType, type RouterMessage } from '../wamp/messages.ts';
import { type Dict, Payload, type PayloadTail, type PayloadValue } from '../wamp/payload.ts';
import { usualFrame } from './json-frame.ts';
import { JsonHeadReader } from './json-head.ts';
import { behindComma, checkDepth, countWrittenKeys } from './json-scan.ts';
import { jsonText } from './json-writer.ts';
import { ABSENT, longPayload, type Part, payloadFrom, readPayload } from './payload-tail.ts';
import { LONG_BYTES, type Serializer } from './serializer.ts';
import { countKeys, MAX_INTEGER_DIGITS, setOwn, smallest, unsayable } from './values.ts';

const NO_BYTES = Buffer.alloc(0);
const EMPTY_ARGS = Buffer.from('[],');
const CLOSING = Buffer.from(']');
const OPENING = 1;
const COMMA = 0x2c;
const CLOSE_LIST = 0x5d;
const CLOSE_MAP = 0x7d;

/** An integer of that many digits may be beyond 2^53, which `JSON.parse` would round (PITFALLS 74). */
const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;
/** How text says U+0000, which marks binary; a raw NUL is not legal in a JSON string (PITFALLS 71). */
const NUL_ESCAPE = '\\u0000';
const NUL = '\u0000';

/** JSON, parsed natively; the payload is forwarded as the bytes that came. */
export class JsonSerializer implements Serializer {
  readonly index = 0;
  readonly name = 'json';
  readonly subprotocol = 'wamp.2.json';
  readonly rawSocketId = 1;
  readonly binary = false;
  readonly #head = new JsonHeadReader();

  decode(bytes: Buffer): ClientMessage {
    // RawSocket does not check, and `toString` would hide invalid bytes that forwarding would show.
    if (!isUtf8(bytes)) throw new ProtocolViolation('message: text that is not UTF-8');
    checkDepth(bytes);
    return this.decodeUsual(bytes) ?? this.decodeParsed(bytes);
  }

  /**
   * A message as encoders write it: the header is read from the bytes, so only the payload is parsed, which proves it.
   * @returns undefined for all other messages, right or wrong
   * @throws ProtocolViolation where options or ids are wrong
   */
  decodeUsual(bytes: Buffer): ClientMessage | undefined {
    const head = this.#head.read(bytes);
    if (head === undefined) return undefined;
    const layout = clientLayout(head[0]);
    const close = bytes.length - 1;
    if (bytes[close] !== CLOSE_LIST) return undefined;
    const { end } = this.#head;
    if (end === close) return layout.build(head, Payload.EMPTY);
    if (!layout.payload || bytes[end] !== COMMA) return undefined;
    const payload = this.#usualPayload(bytes, end + 1, close);
    return payload === undefined ? undefined : layout.build(head, payload);
  }

  /** Args, or args and kwargs, that say something; undefined for all else that may stand between `start` and `close`. */
  #usualPayload(bytes: Buffer, start: number, close: number): Payload | undefined {
    const withKwargs = bytes[close - 1] === CLOSE_MAP;
    const comma = withKwargs ? behindComma(bytes, start, 1) : close + 1;
    if (comma >= close && withKwargs) return undefined;
    let args: unknown;
    let kwargs: unknown;
    try {
      args = JSON.parse(bytes.toString('utf8', start, comma - 1));
      kwargs = withKwargs ? JSON.parse(bytes.toString('utf8', comma, close)) : undefined;
    } catch {
      return undefined;
    }
    if (!Array.isArray(args)) return undefined;
    if (!withKwargs) {
      if (args.length === 0) return Payload.EMPTY;
      return Payload.raw(this, { bytes: bytes.subarray(start, close), elements: 1 }, { args, kwargs: undefined });
    }
    if (!isDict(kwargs) || Object.keys(kwargs).length === 0) return undefined;
    return Payload.raw(this, { bytes: bytes.subarray(start, close), elements: 2 }, { args, kwargs });
  }

  /** Any message, parsed as a whole: the slow twin of the above, which must say the same wherever that says something. */
  decodeParsed(bytes: Buffer): ClientMessage {
    const elements = parseMessage(bytes.toString('utf8'));
    const layout = clientLayout(elements[0]);
    checkCount(layout, elements.length);
    const head = readHead(elements, layout, bytes);
    return layout.build(
      head,
      readPayload(layout, head, () => this.#payload(bytes, elements, layout.fields)),
    );
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

  decodePayload(tail: PayloadTail, parsed?: PayloadValue): PayloadValue {
    if (tail.elements === 0) return { args: [], kwargs: undefined };
    const text = `[${tail.bytes.toString('utf8')}]`;
    const isLong = LONG_DIGITS.test(text);
    const isBinary = text.includes(NUL_ESCAPE);
    // What JSON.parse made is the value, unless it rounded integers or left binary as text.
    if (parsed !== undefined && !isLong && !isBinary) return parsed;
    const elements = (isLong ? parseExactly(text) : JSON.parse(text)) as readonly unknown[];
    const [args, kwargs] = (isBinary ? withBinary(elements) : elements) as [readonly unknown[], Dict?];
    return { args, kwargs };
  }

  repeatsKey(tail: PayloadTail, { args, kwargs }: PayloadValue): boolean {
    return countWrittenKeys(tail.bytes) > countKeys(args) + countKeys(kwargs);
  }

  encodePayload(value: PayloadValue): PayloadTail {
    const { args, kwargs } = value;
    const withKwargs = kwargs !== undefined && Object.keys(kwargs).length > 0;
    if (args.length === 0 && !withKwargs) return { bytes: NO_BYTES, elements: 0 };
    const text = withKwargs ? `${jsonText(args, 1)},${jsonText(kwargs, 1)}` : jsonText(args, 1);
    return { bytes: Buffer.from(text), elements: withKwargs ? 2 : 1 };
  }

  pieces(message: RouterMessage): readonly Buffer[] | undefined {
    const payload = longPayload(message);
    if (payload === undefined) return undefined;
    const tail = payload.tail(this).bytes;
    return tail.length < LONG_BYTES ? undefined : [Buffer.from(`${headText(message)},`), tail, CLOSING];
  }

  #frame(message: RouterMessage): Buffer {
    const tail = payloadOf(message).tail(this).bytes;
    const usual = usualFrame(message, tail);
    if (usual !== undefined) return usual;
    const text = headText(message);
    // ASCII: no bytes of longer characters.
    const length = Buffer.byteLength(text);
    const encoding = length === text.length ? 'latin1' : 'utf8';
    const hasTail = tail.length > 0;
    const frame = Buffer.allocUnsafe(length + (hasTail ? tail.length + 2 : 1));
    frame.write(text, 0, length, encoding);
    if (hasTail) {
      frame[length] = COMMA;
      frame.set(tail, length + 1);
    }
    frame[frame.length - 1] = CLOSE_LIST;
    return frame;
  }

  #payload(bytes: Buffer, elements: readonly unknown[], fields: number): Payload {
    const args = elements[fields];
    const kwargs = elements[fields + 1];
    const argsState = stateOf(args, Array.isArray, 'Arguments: list expected');
    const kwargsState = stateOf(kwargs, isDict, 'ArgumentsKw: dictionary expected');
    if (argsState !== 'filled' && kwargsState !== 'filled') return payloadFrom(this, bytes, ABSENT, ABSENT, EMPTY_ARGS);

    const start = behindComma(bytes, OPENING + bytes.indexOf('['), fields);
    const close = bytes.lastIndexOf(']');
    const comma = elements.length > fields + 1 ? behindComma(bytes, start, 1) : close + 1;
    const argsPart: Part = { start, end: comma - 1, state: argsState };
    const kwargsPart: Part = { start: comma, end: close, state: kwargsState };
    const parsed = parsedPayload(args, kwargs, kwargsState);
    return payloadFrom(this, bytes, argsPart, kwargsPart, EMPTY_ARGS, parsed);
  }
}

/** Everything before the payload, without the comma that is behind it. */
function headText(message: RouterMessage): string {
  const { head } = routerLayout(message);
  let text = '[';
  for (let i = 0; i < head.length; i++) text += (i === 0 ? '' : ',') + jsonText(head[i], 1);
  return text;
}

function payloadOf(message: RouterMessage): Payload {
  return 'payload' in message ? message.payload : Payload.EMPTY;
}

function parseMessage(text: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The engine's own message would quote the text, which may hold a secret.
    throw new ProtocolViolation('message: text that is not JSON');
  }
  if (!Array.isArray(parsed)) throw new ProtocolViolation('message: array expected');
  return parsed;
}

/** The header elements. 2^53 itself is a legal id, but 2^53 + 1 is rounded to it: then digits decide (PITFALLS 22). */
function readHead(elements: readonly unknown[], layout: ClientLayout, bytes: Buffer): readonly unknown[] {
  const head = elements.slice(0, layout.fields);
  if (!head.includes(MAX_ID)) return head;
  let start = OPENING + bytes.indexOf('[');
  // Only these numbers are read again: parsing the whole message exactly takes ten times as long.
  return head.map((value) => {
    const end = behindComma(bytes, start, 1);
    const digits = value === MAX_ID ? bytes.toString('latin1', start, end - 1).trim() : '';
    start = end;
    return value === MAX_ID ? exactId(digits) : value;
  });
}

/** A number too long to be exact is no id; it must not be an error of the payload. */
function exactId(digits: string): unknown {
  const number = digits.replace(/\]$/, '').trimEnd();
  return number.length > MAX_INTEGER_DIGITS ? Number.NaN : exactNumber(number);
}

function stateOf(value: unknown, isRight: (value: unknown) => boolean, otherwise: string): Part['state'] {
  if (value === undefined || value === null) return 'absent';
  if (!isRight(value)) throw new ProtocolViolation(otherwise);
  return Object.keys(value).length === 0 ? 'empty' : 'filled';
}

function parsedPayload(args: unknown, kwargs: unknown, kwargsState: Part['state']): PayloadValue {
  return {
    args: (args ?? []) as readonly unknown[],
    kwargs: kwargsState === 'filled' ? (kwargs as Dict) : undefined,
  };
}

/** Parses text that is known to be JSON, with integers beyond 2^53 as BigInt; the last of equal keys wins. */
function parseExactly(text: string, parseNumber: (digits: string) => unknown = exactNumber): unknown {
  return parseLossless(text, null, {
    parseNumber,
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

function exactNumber(digits: string): number | bigint {
  if (digits.length < 16 || !INTEGER.test(digits)) return Number(digits);
  if (digits.length > MAX_INTEGER_DIGITS) throw unsayable(`an integer of more than ${MAX_INTEGER_DIGITS} digits`);
  return smallest(BigInt(digits));
}

/** The same value with every string that is U+0000 and base64 as binary, keys excepted (PITFALLS 71). */
function withBinary(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(NUL) ? binaryOf(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withBinary);
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) setOwn(result, key, withBinary(item));
  return result;
}

/** Only what encodes back to the same text is binary; anything else was a string of the application's. */
function binaryOf(value: string): string | Buffer {
  const base64 = value.slice(1);
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : value;
}

/** `wamp.2.json`. */
export const json = new JsonSerializer();
