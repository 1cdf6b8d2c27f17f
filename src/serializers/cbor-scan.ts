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

/**
 * Walks over the value at `at`.
 * @param depth how many lists, maps and tags are around it
 * @returns the offset behind it
 * @throws ProtocolViolation where it is malformed, cut off, nested too deep, or a map has a key twice
 */
export function skipValue(bytes: Buffer, at: number, depth: number): number {
  const first = bytes[at];
  if (first === undefined) throw new ProtocolViolation('message is cut off before its end');
  const next = behindHead(bytes, at);
  const major = first >> 5;
  if (major === 7) return skipSimple(bytes, at, next);
  const count = argument(bytes, at);
  if (count === INDEFINITE && (major < 2 || major === 6)) throw new ProtocolViolation('CBOR head in a reserved form');
  switch (major) {
    case 2:
      return count === INDEFINITE ? skipChunks(bytes, at) : past(bytes, next, count);
    case 3:
      return count === INDEFINITE ? skipChunks(bytes, at) : skipUtf8(bytes, next, count);
    case 4:
      return skipList(bytes, next, count, depth + 1);
    case 5:
      return skipMap(bytes, next, count, depth + 1, false);
    case 6:
      return skipTagged(bytes, next, depth + 1);
    default:
      return next;
  }
}

/** false, true, null, undefined and floats travel everywhere; other simple values (RFC 8949, §3.3) do not. */
function skipSimple(bytes: Buffer, at: number, next: number): number {
  const info = (bytes[at] ?? 0) & 31;
  if (info === 31) throw new ProtocolViolation('CBOR break where a value is expected');
  if (info === 24 && (bytes[at + 1] ?? 0) < 32) throw new ProtocolViolation('CBOR simple value in a reserved form');
  return next;
}

function skipChunks(bytes: Buffer, at: number): number {
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
  return end + 1;
}

function skipList(bytes: Buffer, at: number, count: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  let end = at;
  if (count === INDEFINITE) {
    while (bytes[end] !== BREAK) end = skipValue(bytes, end, depth);
    return end + 1;
  }
  // Every item has a byte at least; a count that cannot be true need not be tried.
  past(bytes, at, count);
  for (let i = 0; i < count; i++) end = skipValue(bytes, end, depth);
  return end;
}

/**
 * The pairs of a map that begin at `at`.
 * @param textKeys whether a key that is no string is a violation, as in kwargs
 */
export function skipMap(bytes: Buffer, at: number, count: number, depth: number, textKeys: boolean): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  if (count !== INDEFINITE) past(bytes, at, count * 2);
  const keys = count === 0 || count === 1 ? undefined : new KeySet(bytes);
  let end = at;
  for (let i = 0; count === INDEFINITE ? bytes[end] !== BREAK : i < count; i++) {
    if (textKeys && (bytes[end] ?? 0) >> 5 !== 3) throw new ProtocolViolation('ArgumentsKw: a key that is no string');
    const key = end;
    end = skipValue(bytes, end, depth);
    if (keys?.add(key, end) === false) throw new ProtocolViolation('CBOR map with the same key twice');
    end = skipValue(bytes, end, depth);
  }
  return count === INDEFINITE ? end + 1 : end;
}

/** A tag counts as a level, or a chain of tags would recurse without bound. */
function skipTagged(bytes: Buffer, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
  return skipValue(bytes, at, depth);
}
