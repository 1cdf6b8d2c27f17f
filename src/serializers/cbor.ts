import { ProtocolViolation } from '../wamp/errors.ts';
import { BinarySerializer, MOST_ELEMENTS, type Outer } from './binary.ts';
import { past } from './binary-text.ts';
import { argument, BREAK, behindHead, INDEFINITE } from './cbor-head.ts';
import { CborReader } from './cbor-reader.ts';
import { skipMap, skipValue } from './cbor-scan.ts';
import { CborWriter } from './cbor-writer.ts';

const TEXT = 3;
const LIST = 4;
const MAP = 5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
/** Tag 55799, "this is CBOR": legal before a message and without meaning (PITFALLS 73). */
const SELF_DESCRIBED = Buffer.from('d9d9f7', 'hex');

class CborSerializer extends BinarySerializer {
  override readonly index = 2;
  override readonly name = 'cbor';
  override readonly subprotocol = 'wamp.2.cbor';
  override readonly rawSocketId = 3;
  protected override readonly writer = new CborWriter();
  protected override readonly reader = new CborReader();
  protected override readonly emptyArgs = Buffer.from([0x80]);

  /** Such a message has been refused as a whole (PITFALLS 73). */
  override repeatsKey(): boolean {
    return false;
  }

  protected override open(bytes: Buffer): Outer {
    const start = bytes.subarray(0, 3).equals(SELF_DESCRIBED) ? 3 : 0;
    past(bytes, start, 1);
    if ((bytes[start] ?? 0) >> 5 !== LIST) throw new ProtocolViolation('message: array expected');
    const at = behindHead(bytes, start);
    const count = argument(bytes, start);
    return count === INDEFINITE ? { count: this.#count(bytes, at), at, closing: 1 } : { count, at, closing: 0 };
  }

  /** Elements up to the break byte, which is never forwarded: the payload is what stands before it. */
  #count(bytes: Buffer, start: number): number {
    let count = 0;
    for (let at = start; bytes[at] !== BREAK; at = this.skip(bytes, at)) {
      count++;
      if (count > MOST_ELEMENTS) throw new ProtocolViolation(`message: more than ${MOST_ELEMENTS} elements`);
    }
    return count;
  }

  protected override skip(bytes: Buffer, at: number): number {
    return skipValue(bytes, at, 1);
  }

  protected override skipKwargs(bytes: Buffer, at: number): number {
    past(bytes, at, 1);
    if ((bytes[at] ?? 0) >> 5 !== MAP) throw new ProtocolViolation('ArgumentsKw: dictionary expected');
    return skipMap(bytes, behindHead(bytes, at), argument(bytes, at), 2, true);
  }

  protected override listSize(bytes: Buffer, at: number): 'none' | 'some' | undefined {
    return this.#size(bytes, at, LIST);
  }

  protected override mapSize(bytes: Buffer, at: number): 'none' | 'some' | undefined {
    return this.#size(bytes, at, MAP);
  }

  #size(bytes: Buffer, at: number, major: number): 'none' | 'some' | undefined {
    if ((bytes[at] ?? 0) >> 5 !== major) return undefined;
    const content = behindHead(bytes, at);
    const count = argument(bytes, at);
    return count === 0 || (count === INDEFINITE && bytes[content] === BREAK) ? 'none' : 'some';
  }

  protected override isNull(bytes: Buffer, at: number): boolean {
    return bytes[at] === NULL || bytes[at] === UNDEFINED;
  }

  protected override integer(bytes: Buffer, at: number): number | undefined {
    const first = bytes[at] ?? NULL;
    if (first < 0x18) return first;
    // 2^53 + 1 would round to 2^53, which is a legal id: eight bytes are left to the library (PITFALLS 22).
    if (first < 0x1b) return argument(bytes, at);
    if (first === 0x1b) {
      const value = argument(bytes, at);
      return value < 2 ** 53 ? value : undefined;
    }
    if (first === 0xfa) return bytes.readFloatBE(at + 1);
    return first === 0xfb ? bytes.readDoubleBE(at + 1) : undefined;
  }

  protected override textStart(bytes: Buffer, at: number): number | undefined {
    const isText = (bytes[at] ?? 0) >> 5 === TEXT && argument(bytes, at) !== INDEFINITE;
    return isText ? behindHead(bytes, at) : undefined;
  }
}

/** `wamp.2.cbor`. */
export const cbor: BinarySerializer = new CborSerializer();
