/**
 * Makes values of binary encodings straight from bytes that a walk has proven well-formed: no Map for every map, which
 * costs a microsecond each, and no second form in between. Twin in the tests: the library's decoder and `canonical`.
 *
 * Fenced for speed (ARCHITECTURE §1.6): an offset that moves on, one function per shape.
 */
import { ProtocolViolation } from '../wamp/errors.ts';
import type { Dict } from '../wamp/payload.ts';
import { setOwn } from './values.ts';

const NO_BYTES = Buffer.alloc(0);
const BREAK = 0xff;
/** The count of a list or map that ends with a break byte, as CBOR has them. */
export const UNTIL_BREAK = -1;
/** How many keys are remembered; a power of two. */
const KEPT_KEYS = 1024;

/**
 * What every empty list and every empty map is, as every empty binary is one. An object of its own for each would cost its byte a hundred times over:
 * a message of a MiB stood the router still for a second. Nobody changes a payload, so it may be the same one.
 */
const EMPTY_LIST: readonly unknown[] = Object.freeze([]);
const EMPTY_MAP: Dict = Object.freeze({});

/**
 * Where reading stands, and what lists and maps have in common; subclasses say how each kind of value looks. One reader
 * reads one thing at a time.
 */
export abstract class BinaryReader {
  protected bytes: Buffer = NO_BYTES;
  /** Where the next value begins. */
  protected at = 0;
  #textKeys = false;
  /** Short keys that came before, each where its bytes say: agents use the same ones again and again. */
  readonly #keys: (string | undefined)[] = new Array(KEPT_KEYS).fill(undefined);

  /** The value at `at`, which moves behind it; undefined where the encoding says that. */
  protected abstract value(): unknown;
  /** As {@link value}, where a key is expected: to use {@link keyText}. */
  protected abstract key(): unknown;

  /**
   * The value at `at` of `bytes`, in the form that values.ts tells.
   * @param bytes proven well-formed from `at` to the end of the value, nested no deeper than messages may be
   * @param textKeys whether it is part of a header: a map with other keys than strings is refused (PITFALLS 25, 72), and
   *   an option that is undefined was not given: clients write it so, and JSON leaves it out
   * @throws ProtocolViolation for such a map
   * @throws WampError `invalid_argument` for what no other encoding can say
   */
  read(bytes: Buffer, at: number, textKeys: boolean): unknown {
    this.bytes = bytes;
    this.at = at;
    this.#textKeys = textKeys;
    try {
      return this.value() ?? null;
    } finally {
      this.bytes = NO_BYTES;
    }
  }

  /** The offset behind the value read last. */
  get end(): number {
    return this.at;
  }

  protected list(count: number): readonly unknown[] {
    if (count === 0) return EMPTY_LIST;
    if (count === UNTIL_BREAK) return this.#listUntilBreak();
    const items: unknown[] = new Array(count);
    for (let i = 0; i < count; i++) items[i] = this.value() ?? null;
    return items;
  }

  #listUntilBreak(): readonly unknown[] {
    const items: unknown[] = [];
    while (this.bytes[this.at] !== BREAK) items.push(this.value() ?? null);
    this.at++;
    return items.length === 0 ? EMPTY_LIST : items;
  }

  /** An object, or a Map where some key is no string. The last of equal keys wins. */
  protected map(count: number): unknown {
    if (!this.#isMore(0, count)) return EMPTY_MAP;
    const object: Record<string, unknown> = {};
    let i = 0;
    do {
      const key = this.key();
      if (typeof key !== 'string') return this.#anyKeys(object, key, i, count);
      const value = this.value();
      if (value !== undefined || !this.#textKeys) setOwn(object, key, value ?? null);
      else delete object[key];
      i++;
    } while (this.#isMore(i, count));
    return object;
  }

  /** Goes on after `begun`, with the key number `i` that is no string. */
  #anyKeys(begun: Record<string, unknown>, first: unknown, i: number, count: number): Map<unknown, unknown> {
    if (this.#textKeys) throw new ProtocolViolation(`dictionary key: string expected, got ${typeof first}`);
    const map = new Map<unknown, unknown>(Object.entries(begun));
    map.set(mapKey(first), this.value() ?? null);
    for (let next = i + 1; this.#isMore(next, count); next++) {
      const key = mapKey(this.value());
      map.set(key, this.value() ?? null);
    }
    return map;
  }

  /** Moves behind the break byte of what ends with one. */
  #isMore(done: number, count: number): boolean {
    if (count !== UNTIL_BREAK) return done < count;
    if (this.bytes[this.at] !== BREAK) return true;
    this.at++;
    return false;
  }

  /** The text of `length` bytes at `at`. */
  protected text(length: number): string {
    const start = this.at;
    this.at = start + length;
    return this.bytes.toString('utf8', start, this.at);
  }

  /** The same for a short key, one that is remembered where it came before. */
  protected keyText(length: number): string {
    const { bytes, at } = this;
    let hash = length;
    for (let i = at; i < at + length; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
    const slot = hash & (KEPT_KEYS - 1);
    const known = this.#keys[slot];
    if (known !== undefined && this.#stands(known, length)) {
      this.at = at + length;
      return known;
    }
    const text = this.text(length);
    // Only ASCII: then a character is a byte, which makes them comparable.
    if (text.length === length) this.#keys[slot] = text;
    return text;
  }

  #stands(known: string, length: number): boolean {
    if (known.length !== length) return false;
    const { bytes, at } = this;
    for (let i = 0; i < length; i++) if (known.charCodeAt(i) !== bytes[at + i]) return false;
    return true;
  }

  /** The `length` bytes at `at`, not copied. */
  protected binary(length: number): Buffer {
    if (length === 0) return NO_BYTES;
    const start = this.at;
    this.at = start + length;
    return this.bytes.subarray(start, this.at);
  }
}

/** A Map tells lists, maps and binary by which they are, so there every empty one is its own. */
function mapKey(key: unknown): unknown {
  if (key === EMPTY_LIST) return [];
  if (key === EMPTY_MAP) return {};
  return key === NO_BYTES ? Buffer.alloc(0) : (key ?? null);
}
