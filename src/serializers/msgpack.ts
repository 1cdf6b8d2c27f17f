import { ProtocolViolation } from '../wamp/errors.ts';
import { MAX_ID } from '../wamp/ids.ts';
import type { PayloadTail, PayloadValue } from '../wamp/payload.ts';
import { BinarySerializer, type Outer } from './binary.ts';
import { past } from './binary-text.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { countPairs, type Opening, openList, openMap, skipTextMap, skipValue } from './msgpack-scan.ts';
import { MsgpackWriter } from './msgpack-writer.ts';
import { countKeys } from './values.ts';

/** The id or other integer at `at`; BigInt never, because what is beyond ±2^53 is no id (PITFALLS 22). */
function readInteger(bytes: Buffer, at: number): number | undefined {
  const type = bytes[at] ?? 0xc0;
  if (type < 0x80) return type;
  switch (type) {
    case 0xcc:
      return bytes.readUInt8(at + 1);
    case 0xcd:
      return bytes.readUInt16BE(at + 1);
    case 0xce:
      return bytes.readUInt32BE(at + 1);
    case 0xcf: {
      const value = bytes.readUInt32BE(at + 1) * 0x1_0000_0000 + bytes.readUInt32BE(at + 5);
      // 2^53 + 1 would round to 2^53, which is a legal id; above it only the library tells exactly.
      return value < MAX_ID ? value : undefined;
    }
    case 0xca:
      return bytes.readFloatBE(at + 1);
    case 0xcb:
      return bytes.readDoubleBE(at + 1);
    default:
      return undefined;
  }
}

function size(opening: Opening | undefined): 'none' | 'some' | undefined {
  if (opening === undefined) return undefined;
  return opening.count === 0 ? 'none' : 'some';
}

class MsgpackSerializer extends BinarySerializer {
  override readonly index = 1;
  override readonly name = 'msgpack';
  override readonly subprotocol = 'wamp.2.msgpack';
  override readonly rawSocketId = 2;
  protected override readonly writer = new MsgpackWriter();
  protected override readonly reader = new MsgpackReader();
  protected override readonly emptyArgs = Buffer.from([0x90]);

  override repeatsKey(tail: PayloadTail, { args, kwargs }: PayloadValue): boolean {
    return countPairs(tail.bytes, tail.elements) > countKeys(args) + countKeys(kwargs);
  }

  protected override open(bytes: Buffer): Outer {
    const list = openList(bytes, 0);
    if (list === undefined) throw new ProtocolViolation('message: array expected');
    return { count: list.count, at: list.at, closing: 0 };
  }

  protected override skip(bytes: Buffer, at: number): number {
    return skipValue(bytes, at, 1);
  }

  protected override skipKwargs(bytes: Buffer, at: number): number {
    past(bytes, at, 1);
    const map = openMap(bytes, at);
    if (map === undefined) throw new ProtocolViolation('ArgumentsKw: dictionary expected');
    return skipTextMap(bytes, map, 2);
  }

  protected override listSize(bytes: Buffer, at: number): 'none' | 'some' | undefined {
    return size(openList(bytes, at));
  }

  protected override mapSize(bytes: Buffer, at: number): 'none' | 'some' | undefined {
    return size(openMap(bytes, at));
  }

  protected override isNull(bytes: Buffer, at: number): boolean {
    return bytes[at] === 0xc0;
  }

  protected override integer(bytes: Buffer, at: number): number | undefined {
    return readInteger(bytes, at);
  }

  protected override textStart(bytes: Buffer, at: number): number | undefined {
    const type = bytes[at] ?? 0;
    if (type >= 0xa0 && type < 0xc0) return at + 1;
    return type >= 0xd9 && type <= 0xdb ? at + 1 + (1 << (type - 0xd9)) : undefined;
  }
}

/** `wamp.2.msgpack`. */
export const msgpack: BinarySerializer = new MsgpackSerializer();
