import { BinaryWriter } from './binary-writer.ts';
import { smallest, unsayable } from './values.ts';

const U64_MAX = 2n ** 64n - 1n;
const I64_MIN = -(2n ** 63n);

/** MessagePack, always in the shortest form; strings as str, bytes as bin (PITFALLS 72). */
export class MsgpackWriter extends BinaryWriter {
  protected nil(): void {
    this.u8(0xc0);
  }

  protected bool(value: boolean): void {
    this.u8(value ? 0xc3 : 0xc2);
  }

  protected integer(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.u8(value);
      else if (value < 0x100) this.head(0xcc, 1, value);
      else if (value < 0x1_0000) this.head(0xcd, 2, value);
      else if (value < 0x1_0000_0000) this.head(0xce, 4, value);
      else this.headWide(0xcf, value);
    } else if (value >= -0x20) this.u8(value & 0xff);
    else if (value >= -0x80) this.head(0xd0, 1, value & 0xff);
    else if (value >= -0x8000) this.head(0xd1, 2, value & 0xffff);
    else if (value >= -0x8000_0000) this.head(0xd2, 4, value >>> 0);
    else this.headWide(0xd3, value);
  }

  protected bigInteger(value: bigint): void {
    const small = smallest(value);
    if (typeof small === 'number') this.integer(small);
    else if (value > 0n && value <= U64_MAX) this.head64(0xcf, value);
    else if (value < 0n && value >= I64_MIN) this.head64(0xd3, BigInt.asUintN(64, value));
    else {
      // There are no integers beyond 64 bits; as a float the value is still the same where a double holds it exactly.
      const float = Number(value);
      if (!Number.isFinite(float) || BigInt(float) !== value) {
        throw unsayable('an integer beyond 64 bits cannot be sent in MessagePack');
      }
      this.float(float);
    }
  }

  protected float(value: number): void {
    this.double(0xcb, value);
  }

  protected textHead(bytes: number): void {
    if (bytes < 32) this.u8(0xa0 | bytes);
    else if (bytes < 0x100) this.head(0xd9, 1, bytes);
    else if (bytes < 0x1_0000) this.head(0xda, 2, bytes);
    else this.head(0xdb, 4, bytes);
  }

  protected binaryHead(bytes: number): void {
    if (bytes < 0x100) this.head(0xc4, 1, bytes);
    else if (bytes < 0x1_0000) this.head(0xc5, 2, bytes);
    else this.head(0xc6, 4, bytes);
  }

  override listHead(items: number): void {
    if (items < 16) this.u8(0x90 | items);
    else if (items < 0x1_0000) this.head(0xdc, 2, items);
    else this.head(0xdd, 4, items);
  }

  override mapHead(pairs: number): void {
    if (pairs < 16) this.u8(0x80 | pairs);
    else if (pairs < 0x1_0000) this.head(0xde, 2, pairs);
    else this.head(0xdf, 4, pairs);
  }
}
