/**
 * A strict walk over MessagePack without decoding it: proves that a value is well-formed to its end, so that its bytes
 * may be forwarded (PITFALLS 25, 75). Twin in the tests: a slow decoder that must accept the same bytes.
 *
 * Fenced for speed (ARCHITECTURE §1.6): offsets instead of objects, one function per shape.
 */
import { ProtocolViolation } from '../wamp/errors.ts';
import { past, skipUtf8, unsigned } from './binary-text.ts';
import { MAX_DEPTH } from './serializer.ts';

/** A list or map: how many items or pairs it has, and where they begin. */
export interface Opening {
  readonly count: number;
  readonly at: number;
}

/** The list that begins at `at`, or undefined where another type stands. @throws ProtocolViolation where cut off */
export function openList(bytes: Buffer, at: number): Opening | undefined {
  const type = bytes[at] ?? 0;
  if (type >= 0x90 && type < 0xa0) return { count: type & 15, at: at + 1 };
  if (type === 0xdc) return { count: unsigned(bytes, at + 1, 2), at: at + 3 };
  if (type === 0xdd) return { count: unsigned(bytes, at + 1, 4), at: at + 5 };
  return undefined;
}

/** The map that begins at `at`, or undefined where another type stands. @throws ProtocolViolation where cut off */
export function openMap(bytes: Buffer, at: number): Opening | undefined {
  const type = bytes[at] ?? 0;
  if (type >= 0x80 && type < 0x90) return { count: type & 15, at: at + 1 };
  if (type === 0xde) return { count: unsigned(bytes, at + 1, 2), at: at + 3 };
  if (type === 0xdf) return { count: unsigned(bytes, at + 1, 4), at: at + 5 };
  return undefined;
}

/**
 * Walks over the value at `at`.
 * @param depth how many lists and maps are around it
 * @returns the offset behind it
 * @throws ProtocolViolation where it is malformed, cut off or nested too deep
 */
export function skipValue(bytes: Buffer, at: number, depth: number): number {
  const type = bytes[at];
  if (type === undefined) throw new ProtocolViolation('message is cut off before its end');
  if (type < 0x80 || type >= 0xe0) return at + 1;
  if (type < 0x90) return skipItems(bytes, at + 1, (type & 15) * 2, depth + 1);
  if (type < 0xa0) return skipItems(bytes, at + 1, type & 15, depth + 1);
  if (type < 0xc0) return skipUtf8(bytes, at + 1, type & 31);
  switch (type) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at + 1;
    case 0xc1:
      throw new ProtocolViolation('byte c1, which MessagePack does not use');
    case 0xc4:
      return past(bytes, at + 2, unsigned(bytes, at + 1, 1));
    case 0xc5:
      return past(bytes, at + 3, unsigned(bytes, at + 1, 2));
    case 0xc6:
      return past(bytes, at + 5, unsigned(bytes, at + 1, 4));
    case 0xcc: // uint8, int8
    case 0xd0:
      return past(bytes, at + 1, 1);
    case 0xcd: // uint16, int16
    case 0xd1:
      return past(bytes, at + 1, 2);
    case 0xca: // float32, uint32, int32
    case 0xce:
    case 0xd2:
      return past(bytes, at + 1, 4);
    case 0xcb: // float64, uint64, int64
    case 0xcf:
    case 0xd3:
      return past(bytes, at + 1, 8);
    case 0xd9:
      return skipUtf8(bytes, at + 2, unsigned(bytes, at + 1, 1));
    case 0xda:
      return skipUtf8(bytes, at + 3, unsigned(bytes, at + 1, 2));
    case 0xdb:
      return skipUtf8(bytes, at + 5, unsigned(bytes, at + 1, 4));
    case 0xdc:
      return skipItems(bytes, at + 3, unsigned(bytes, at + 1, 2), depth + 1);
    case 0xdd:
      return skipItems(bytes, at + 5, unsigned(bytes, at + 1, 4), depth + 1);
    case 0xde:
      return skipItems(bytes, at + 3, unsigned(bytes, at + 1, 2) * 2, depth + 1);
    case 0xdf:
      return skipItems(bytes, at + 5, unsigned(bytes, at + 1, 4) * 2, depth + 1);
    default:
      return skipExtension(bytes, at, type);
  }
}

/** ext8, ext16, ext32 (c7–c9) and fixext1 … fixext16 (d4–d8): forwarded between speakers of MessagePack only. */
function skipExtension(bytes: Buffer, at: number, type: number): number {
  if (type === 0xc7) return past(bytes, at + 3, unsigned(bytes, at + 1, 1));
  if (type === 0xc8) return past(bytes, at + 4, unsigned(bytes, at + 1, 2));
  if (type === 0xc9) return past(bytes, at + 6, unsigned(bytes, at + 1, 4));
  return past(bytes, at + 2, 1 << (type - 0xd4));
}

function skipItems(bytes: Buffer, at: number, count: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  // Every item has a byte at least; a count that cannot be true need not be tried.
  past(bytes, at, count);
  let end = at;
  for (let i = 0; i < count; i++) end = skipValue(bytes, end, depth);
  return end;
}

/**
 * Walks over the map opened by `map`, whose keys must be strings.
 * @throws ProtocolViolation naming a key that is none, and as {@link skipValue}
 */
export function skipTextMap(bytes: Buffer, map: Opening, depth: number): number {
  past(bytes, map.at, map.count * 2);
  let end = map.at;
  for (let i = 0; i < map.count; i++) {
    const type = bytes[end] ?? 0;
    const isText = (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb);
    if (!isText) throw new ProtocolViolation('ArgumentsKw: a key that is no string');
    end = skipValue(bytes, skipValue(bytes, end, depth), depth);
  }
  return end;
}

/**
 * How many pairs the maps in well-formed bytes have together, those of equal keys each for itself.
 * @param values how many values the bytes are
 */
export function countPairs(bytes: Buffer, values: number): number {
  let pairs = 0;
  let left = values;
  // What is inside follows its head, so it is counted as it is met, without a stack.
  for (let at = 0; left > 0; left--) {
    const opening = openList(bytes, at);
    const map = opening === undefined ? openMap(bytes, at) : undefined;
    const inside = opening?.count ?? (map?.count ?? 0) * 2;
    at = opening?.at ?? map?.at ?? skipValue(bytes, at, 1);
    left += inside;
    pairs += map?.count ?? 0;
  }
  return pairs;
}
