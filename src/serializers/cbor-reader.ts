import { Decoder } from 'cbor-x';
import { BinaryReader, UNTIL_BREAK } from './binary-reader.ts';
import { argument, BREAK, behindHead, INDEFINITE } from './cbor-head.ts';
import { MAX_INTEGER_BYTES, smallest, unsayable } from './values.ts';

/** Reads what is left to it: half floats, and integers of 64 bits beyond ±2^53. It never sees a tag: it has private ones. */
const library = new Decoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false });

/** Major types (RFC 8949, section 3.1). */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BINARY = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;

const BIGNUM = 2;
const NEGATIVE_BIGNUM = 3;
const UINT8_ARRAY = 64;
const SELF_DESCRIBED = 55799;

/** The first byte of an empty text; up to 23 bytes more have their length in it. */
const SHORT_TEXT = 0x60;
/** Below it a double is exact. */
const EXACT = 2 ** 53;

/** CBOR to values; see {@link BinaryReader}. */
export class CborReader extends BinaryReader {
  /** What the library reads from: it makes a view of each buffer that it sees for the first time. */
  readonly #scratch3 = Buffer.alloc(3);
  readonly #scratch9 = Buffer.alloc(9);

  protected override value(): unknown {
    const { bytes, at } = this;
    const major = (bytes[at] ?? 0) >> 5;
    const count = argument(bytes, at);
    this.at = behindHead(bytes, at);
    switch (major) {
      case UNSIGNED:
        return count < EXACT ? count : this.#byLibrary(at, this.#scratch9);
      case NEGATIVE:
        return count < EXACT ? -1 - count : this.#byLibrary(at, this.#scratch9);
      case BINARY:
        return count === INDEFINITE ? this.#binaryChunks() : this.binary(count);
      case TEXT:
        return count === INDEFINITE ? this.#textChunks() : this.text(count);
      case LIST:
        return this.list(count === INDEFINITE ? UNTIL_BREAK : count);
      case MAP:
        return this.map(count === INDEFINITE ? UNTIL_BREAK : count);
      case TAG:
        return this.#tagged(count);
      default:
        return this.#simple(at);
    }
  }

  protected override key(): unknown {
    const first = this.bytes[this.at] ?? 0;
    if (first < SHORT_TEXT || first >= SHORT_TEXT + 24) return this.value();
    this.at++;
    return this.keyText(first - SHORT_TEXT);
  }

  /** The number whose bytes from `at` on fill the scratch. */
  #byLibrary(at: number, scratch: Buffer): unknown {
    this.bytes.copy(scratch, 0, at);
    const value: unknown = library.decode(scratch);
    return typeof value === 'bigint' ? smallest(value) : value;
  }

  /** false, true, null, undefined and floats travel everywhere; other simple values (RFC 8949, §3.3) do not. */
  #simple(at: number): unknown {
    switch (this.bytes[at]) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      case 0xf7:
        return undefined;
      case 0xf9:
        return this.#byLibrary(at, this.#scratch3);
      case 0xfa:
        return this.bytes.readFloatBE(at + 1);
      case 0xfb:
        return this.bytes.readDoubleBE(at + 1);
      default:
        throw unsayable('a simple value of CBOR without a meaning cannot be sent in another encoding');
    }
  }

  #tagged(tag: number): unknown {
    if (tag === SELF_DESCRIBED) return this.value();
    const at = this.at;
    if ((this.bytes[at] ?? 0) >> 5 === BINARY) {
      if (tag === UINT8_ARRAY) return this.value();
      if (tag === BIGNUM || tag === NEGATIVE_BIGNUM) {
        const content = this.value() as Buffer;
        if (content.length <= MAX_INTEGER_BYTES) return bignum(content, tag === NEGATIVE_BIGNUM);
      }
    }
    throw unsayable(`CBOR tag ${tag} cannot be sent in another encoding`);
  }

  #textChunks(): string {
    let text = '';
    while (this.bytes[this.at] !== BREAK) text += this.text(this.#chunk());
    this.at++;
    return text;
  }

  #binaryChunks(): Buffer {
    const chunks: Buffer[] = [];
    while (this.bytes[this.at] !== BREAK) {
      const chunk = this.binary(this.#chunk());
      if (chunk.length > 0) chunks.push(chunk);
    }
    this.at++;
    return chunks.length < 2 ? (chunks[0] ?? this.binary(0)) : Buffer.concat(chunks);
  }

  /** How long the chunk at `at` is; moves to its content. */
  #chunk(): number {
    const { bytes, at } = this;
    this.at = behindHead(bytes, at);
    return argument(bytes, at);
  }
}

/** @param content its magnitude, or that of the negative one less one (RFC 8949, section 3.4.3) */
function bignum(content: Buffer, negative: boolean): number | bigint {
  const magnitude = content.length === 0 ? 0n : BigInt(`0x${content.toString('hex')}`);
  return smallest(negative ? -1n - magnitude : magnitude);
}
