import { Unpackr } from 'msgpackr';
import { BinaryReader } from './binary-reader.ts';
import { unsigned } from './binary-text.ts';
import { smallest, unsayable } from './values.ts';

/** Reads what is left to it: 64-bit integers beyond ±2^53, as BigInt. */
const library = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });

const HIGH = 0x1_0000_0000;
/** From here on the upper half of 64 bits makes a number beyond 2^53, which a double cannot hold exactly. */
const INEXACT = 0x20_0000;

/** MessagePack to values; see {@link BinaryReader}. */
export class MsgpackReader extends BinaryReader {
  /** What the library reads from: it makes a view of each buffer that it sees for the first time. */
  readonly #scratch = Buffer.alloc(9);

  protected override value(): unknown {
    const type = this.bytes[this.at++] ?? 0xc1;
    if (type < 0x80) return type;
    if (type < 0x90) return this.map(type & 15);
    if (type < 0xa0) return this.list(type & 15);
    if (type < 0xc0) return this.text(type & 31);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.binary(this.#unsigned(1));
      case 0xc5:
        return this.binary(this.#unsigned(2));
      case 0xc6:
        return this.binary(this.#unsigned(4));
      case 0xd9:
        return this.text(this.#unsigned(1));
      case 0xda:
        return this.text(this.#unsigned(2));
      case 0xdb:
        return this.text(this.#unsigned(4));
      case 0xdc:
        return this.list(this.#unsigned(2));
      case 0xdd:
        return this.list(this.#unsigned(4));
      case 0xde:
        return this.map(this.#unsigned(2));
      case 0xdf:
        return this.map(this.#unsigned(4));
      default:
        return this.#number(type);
    }
  }

  protected override key(): unknown {
    const type = this.bytes[this.at] ?? 0xc1;
    if (type < 0xa0 || type >= 0xc0) return this.value();
    this.at++;
    return this.keyText(type & 31);
  }

  #number(type: number): unknown {
    const { bytes, at } = this;
    switch (type) {
      case 0xca:
        this.at = at + 4;
        return bytes.readFloatBE(at);
      case 0xcb:
        this.at = at + 8;
        return bytes.readDoubleBE(at);
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xcf:
      case 0xd3:
        return this.#integer64(type);
      default:
        return this.#extension(type);
    }
  }

  #integer64(type: number): number | bigint {
    const start = this.at - 1;
    const upper = this.#unsigned(4);
    const lower = this.#unsigned(4);
    const signed = type === 0xd3 ? upper | 0 : upper;
    if (signed < INEXACT && signed >= -INEXACT) return signed * HIGH + lower;
    this.bytes.copy(this.#scratch, 0, start, this.at);
    return smallest(library.unpack(this.#scratch));
  }

  /** So msgpackr, and with it wampy, writes `undefined`; to others it is null, as CBOR's is (PITFALLS 73). */
  #extension(type: number): undefined {
    if (type !== 0xd4 || this.#unsigned(2) !== 0) {
      throw unsayable('an extension type of MessagePack cannot be sent in another encoding');
    }
    return undefined;
  }

  #unsigned(width: 1 | 2 | 4): number {
    const value = unsigned(this.bytes, this.at, width);
    this.at += width;
    return value;
  }
}
