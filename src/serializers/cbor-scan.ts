/**
 * A strict walk over CBOR (RFC 8949) without decoding it: proves that a value is well-formed to its end, so that its
 * bytes may be forwarded (PITFALLS 25, 73, 75). Twin in the tests: a slow decoder that must accept the same bytes.
 *
 * Fenced for speed (ARCHITECTURE §1.6): offsets instead of objects, one function per shape.
 */
import { ProtocolViolation } from '../wamp/errors.ts';
import { past, skipUtf8 } from './binary-text.ts';
import { argument, BREAK, behindHead, INDEFINITE } from './cbor-head.ts';
import { KeySet } from './cbor-keys.ts';
import { MAX_DEPTH } from './serializer.ts';
import { MAX_INTEGER_BYTES, unsayable } from './values.ts';

const BIGNUM = 2;
const NEGATIVE_BIGNUM = 3;
const UINT8_ARRAY = 64;
const SELF_DESCRIBED = 55799;

/**
 * What a walk collects for conversion: with it, everything other encodings have no words for is refused, and strings
 * in chunks are noted as pairs of offsets (the library does not read them).
 */
export interface ConversionNotes {
  readonly chunked: number[];
}

/**
 * Walks over the value at `at`.
 * @param depth how many lists, maps and tags are around it
 * @returns the offset behind it
 * @throws ProtocolViolation where it is malformed, cut off, nested too deep, or a map has a key twice
 * @throws WampError `invalid_argument` with `notes`, for what no other encoding can say
 */
export function skipValue(bytes: Buffer, at: number, depth: number, notes: ConversionNotes | undefined): number {
  const first = bytes[at];
  if (first === undefined) throw new ProtocolViolation('message is cut off before its end');
  const next = behindHead(bytes, at);
  const major = first >> 5;
  if (major === 7) return skipSimple(bytes, at, next, notes);
  const count = argument(bytes, at);
  if (count === INDEFINITE && (major < 2 || major === 6)) throw new ProtocolViolation('CBOR head in a reserved form');
  switch (major) {
    case 2:
      return count === INDEFINITE ? skipChunks(bytes, at, notes) : past(bytes, next, count);
    case 3:
      return count === INDEFINITE ? skipChunks(bytes, at, notes) : skipUtf8(bytes, next, count);
    case 4:
      return skipList(bytes, next, count, depth + 1, notes);
    case 5:
      return skipMap(bytes, next, count, depth + 1, notes, false);
    case 6:
      return skipTagged(bytes, next, count, depth + 1, notes);
    default:
      return next;
  }
}

/** false, true, null, undefined and floats travel everywhere; other simple values (RFC 8949, §3.3) do not. */
function skipSimple(bytes: Buffer, at: number, next: number, notes: ConversionNotes | undefined): number {
  const info = (bytes[at] ?? 0) & 31;
  if (info === 31) throw new ProtocolViolation('CBOR break where a value is expected');
  if (info === 24 && (bytes[at + 1] ?? 0) < 32) throw new ProtocolViolation('CBOR simple value in a reserved form');
  if (notes !== undefined && (info < 20 || info === 24)) {
    throw unsayable('a simple value of CBOR without a meaning cannot be sent in another encoding');
  }
  return next;
}

function skipChunks(bytes: Buffer, at: number, notes: ConversionNotes | undefined): number {
  const major = (bytes[at] ?? 0) >> 5;
  let end = at + 1;
  while (bytes[end] !== BREAK) {
    const first = bytes[end];
    if (first === undefined) throw new ProtocolViolation('message is cut off before its end');
    const length = argument(bytes, end);
    if (first >> 5 !== major || length === INDEFINITE) throw new ProtocolViolation('CBOR string with a foreign chunk');
    const content = behindHead(bytes, end);
    end = major === 3 ? skipUtf8(bytes, content, length) : past(bytes, content, length);
  }
  notes?.chunked.push(at, end + 1);
  return end + 1;
}

function skipList(bytes: Buffer, at: number, count: number, depth: number, notes: ConversionNotes | undefined): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  let end = at;
  if (count === INDEFINITE) {
    while (bytes[end] !== BREAK) end = skipValue(bytes, end, depth, notes);
    return end + 1;
  }
  // Every item has a byte at least; a count that cannot be true need not be tried.
  past(bytes, at, count);
  for (let i = 0; i < count; i++) end = skipValue(bytes, end, depth, notes);
  return end;
}

/**
 * The pairs of a map that begin at `at`.
 * @param textKeys whether a key that is no string is a violation, as in kwargs
 */
export function skipMap(
  bytes: Buffer,
  at: number,
  count: number,
  depth: number,
  notes: ConversionNotes | undefined,
  textKeys: boolean,
): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  if (count !== INDEFINITE) past(bytes, at, count * 2);
  const keys = count === 0 || count === 1 ? undefined : new KeySet(bytes);
  let end = at;
  for (let i = 0; count === INDEFINITE ? bytes[end] !== BREAK : i < count; i++) {
    if (textKeys && (bytes[end] ?? 0) >> 5 !== 3) throw new ProtocolViolation('ArgumentsKw: a key that is no string');
    const key = end;
    end = skipValue(bytes, end, depth, notes);
    if (keys?.add(key, end) === false) throw new ProtocolViolation('CBOR map with the same key twice');
    end = skipValue(bytes, end, depth, notes);
  }
  return count === INDEFINITE ? end + 1 : end;
}

/** A tag counts as a level, or a chain of tags would recurse without bound. */
function skipTagged(bytes: Buffer, at: number, tag: number, depth: number, notes: ConversionNotes | undefined): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  const end = skipValue(bytes, at, depth, notes);
  if (notes === undefined || tag === SELF_DESCRIBED) return end;
  const isBinary = (bytes[at] ?? 0) >> 5 === 2;
  if ((tag === BIGNUM || tag === NEGATIVE_BIGNUM) && isBinary && end - at <= MAX_INTEGER_BYTES + 3) return end;
  if (tag === UINT8_ARRAY && isBinary) return end;
  throw unsayable(`CBOR tag ${tag} cannot be sent in another encoding`);
}
