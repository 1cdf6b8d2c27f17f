import { BinaryWriter } from './binary-writer.ts';
import { MAX_INTEGER_BYTES, smallest, unsayable } from './values.ts';

const U64_MAX = 2n ** 64n - 1n;

/** Major types (RFC 8949, section 3.1), shifted to where they stand in the first byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BINARY = 0x40;
const TEXT = 0x60;
const LIST = 0x80;
const MAP = 0xa0;
const BIGNUM = 0xc2;
const NEGATIVE_BIGNUM = 0xc3;

/** CBOR with definite lengths and shortest heads; no tags but those of bignums (PITFALLS 73). */
export class CborWriter extends BinaryWriter {
  protected nil(): void {
    this.u8(0xf6);
  }

  protected bool(value: boolean): void {
    this.u8(value ? 0xf5 : 0xf4);
  }

  protected integer(value: number): void {
    if (value >= 0) this.#head(UNSIGNED, value);
    else this.#head(NEGATIVE, -1 - value);
  }

  protected bigInteger(value: bigint): void {
    const small = smallest(value);
    if (typeof small === 'number') {
      this.integer(small);
      return;
    }
    const magnitude = value < 0n ? -1n - value : value;
    if (magnitude <= U64_MAX) {
      this.head64((value < 0n ? NEGATIVE : UNSIGNED) | 27, magnitude);
      return;
    }
    const hex = magnitude.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    if (bytes.length > MAX_INTEGER_BYTES)
      throw unsayable(`an integer beyond ${MAX_INTEGER_BYTES} bytes cannot be sent`);
    this.u8(value < 0n ? NEGATIVE_BIGNUM : BIGNUM);
    this.binaryHead(bytes.length);
    this.raw(bytes);
  }

  protected float(value: number): void {
    this.double(0xfb, value);
  }

  protected textHead(bytes: number): void {
    this.#head(TEXT, bytes);
  }

  protected binaryHead(bytes: number): void {
    this.#head(BINARY, bytes);
  }

  override listHead(items: number): void {
    this.#head(LIST, items);
  }

  override mapHead(pairs: number): void {
    this.#head(MAP, pairs);
  }

  #head(major: number, argument: number): void {
    if (argument < 24) this.u8(major | argument);
    else if (argument < 0x100) this.head(major | 24, 1, argument);
    else if (argument < 0x1_0000) this.head(major | 25, 2, argument);
    else if (argument < 0x1_0000_0000) this.head(major | 26, 4, argument);
    else this.headWide(major | 27, argument);
  }
}
