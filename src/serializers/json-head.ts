/**
 * Reads the header of a JSON message straight from its bytes, as far as the message is written the way encoders write
 * it: no white space, no escapes, ids of up to 15 digits. Whatever is written otherwise, or is wrong, is left to the
 * parser of the whole message, which is the slow twin that this must equal.
 *
 * Fenced for speed (ARCHITECTURE §1.6): no header value goes through `JSON.parse` except options that say something.
 */
import { type ClientLayout, clientLayoutOf } from '../wamp/layout.ts';
import type { Dict } from '../wamp/payload.ts';
import { HeaderMemory } from './header-memory.ts';
import { behindBracket } from './json-scan.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** Every integer of so many digits is exact in a double. */
const EXACT_DIGITS = 15;
/** Longer texts are rare in a header; they are left to the parser, which searches natively. */
const MAX_TEXT_BYTES = 256;

const NO_OPTIONS: Dict = Object.freeze({});
const UNREADABLE = Symbol('left to the parser');

/** Reads one header at a time; reused, so that a message makes no object beside its header. */
export class JsonHeadReader {
  /** Behind the header: the offset of the comma before the payload, or of the bracket that ends the message. */
  end = 0;
  readonly #memory = new HeaderMemory();
  #at = 0;

  /**
   * The elements of the header, of a message whose bytes are UTF-8; sets {@link end}. What follows the header is not
   * looked at.
   * @returns undefined: not written as expected, which says nothing about whether it is right
   */
  read(bytes: Buffer): readonly unknown[] | undefined {
    if (bytes[0] !== OPEN_LIST) return undefined;
    this.#at = 1;
    const type = this.#integer(bytes);
    const layout = typeof type === 'number' ? clientLayoutOf(type) : undefined;
    if (layout === undefined) return undefined;
    const head: unknown[] = [type];
    for (let i = 1; i < layout.fields; i += 1) {
      if (bytes[this.#at] !== COMMA) return undefined;
      this.#at += 1;
      const element = this.#element(bytes, layout);
      if (element === UNREADABLE) return undefined;
      head.push(element);
    }
    const behind = bytes[this.#at];
    if (behind !== COMMA && behind !== CLOSE_LIST) return undefined;
    this.end = this.#at;
    return head;
  }

  #element(bytes: Buffer, layout: ClientLayout): unknown {
    const first = bytes[this.#at];
    if (first === OPEN_MAP) return this.#options(bytes, layout);
    if (first === QUOTE) return this.#text(bytes);
    return this.#integer(bytes);
  }

  #integer(bytes: Buffer): number | typeof UNREADABLE {
    const start = this.#at;
    let at = start;
    let value = 0;
    let byte = bytes[at] ?? 0;
    // A leading zero is no number in JSON, and 0 no id; a fraction or an exponent ends the digits with no comma.
    if (byte === ZERO) return UNREADABLE;
    while (byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO);
      at += 1;
      byte = bytes[at] ?? 0;
    }
    if (at === start || at - start > EXACT_DIGITS) return UNREADABLE;
    this.#at = at;
    return value;
  }

  #text(bytes: Buffer): string | typeof UNREADABLE {
    const start = this.#at + 1;
    const limit = Math.min(bytes.length, start + MAX_TEXT_BYTES);
    let any = 0;
    for (let at = start; at < limit; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return any < 0x80 ? bytes.toString('latin1', start, at) : bytes.toString('utf8', start, at);
      }
      if (byte === BACKSLASH || byte < 0x20) return UNREADABLE;
      any |= byte;
    }
    return UNREADABLE;
  }

  #options(bytes: Buffer, layout: ClientLayout): unknown {
    const start = this.#at;
    if (bytes[start + 1] === CLOSE_MAP) {
      this.#at = start + 2;
      return NO_OPTIONS;
    }
    const end = behindBracket(bytes, start);
    this.#at = end;
    const parse = () => JSON.parse(bytes.toString('utf8', start, end)) as unknown;
    try {
      return layout.recurs ? this.#memory.dict(bytes, start, end, parse) : parse();
    } catch {
      return UNREADABLE;
    }
  }
}
