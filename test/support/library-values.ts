/**
 * Values of MessagePack and CBOR by way of the libraries: the obvious twins that the fenced readers must equal. The slow
 * decoders say what is in the bytes that no other encoding has words for.
 */
import { Decoder } from 'cbor-x';
import { Unpackr } from 'msgpackr';
import { MAX_INTEGER_BYTES, setOwn, smallest, unsayable } from '../../src/serializers/values.ts';
import { ProtocolViolation } from '../../src/wamp/errors.ts';
import { slowCbor, slowMsgpack } from './slow-decoders.ts';

/** Maps as Map, because a plain object would take keys that are no strings for strings. */
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false });

const SELF_DESCRIBED = 55799;

/**
 * The value that is the whole of well-formed `bytes`.
 * @param textKeys whether a map with other keys than strings is refused, as in headers
 * @throws WampError, ProtocolViolation as the readers
 */
export function msgpackByLibrary(bytes: Buffer, textKeys: boolean): unknown {
  refuseUnsayable(slowMsgpack(bytes));
  return canonical(unpackr.unpack(bytes), textKeys);
}

/** The same for CBOR. */
export function cborByLibrary(bytes: Buffer, textKeys: boolean): unknown {
  refuseUnsayable(slowCbor(bytes));
  return canonical(decoder.decode(inOnePiece(bytes)), textKeys);
}

/** Whether some map has keys that differ in the encoding only, as 1 in one byte and in eight: nobody says which wins. */
export function hasSameKeys(name: 'msgpack' | 'cbor', bytes: Buffer): boolean {
  return sameKeys(name === 'msgpack' ? unpackr.unpack(bytes) : decoder.decode(inOnePiece(bytes)));
}

function sameKeys(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(sameKeys);
  if (!(value instanceof Map)) return false;
  const keys = new Set([...value.keys()].map((key) => canonical(key, false)));
  return keys.size < value.size || [...value.keys(), ...value.values()].some(sameKeys);
}

function refuseUnsayable(slow: unknown): void {
  if (typeof slow !== 'object' || slow === null) return;
  const { extension, data, type, simple, tag, value } = slow as Record<string, unknown>;
  // As msgpackr writes `undefined`.
  const isUndefined = type === 0xd4 && extension === 0 && (data as number[])[0] === 0;
  if (extension !== undefined && !isUndefined) throw unsayable('extension');
  if (typeof simple === 'number' && (simple < 20 || simple > 23)) throw unsayable('simple value');
  if (typeof tag === 'number' && !isSayable(tag, value)) throw unsayable('tag');
  for (const inner of Object.values(slow)) refuseUnsayable(inner);
}

function isSayable(tag: number, value: unknown): boolean {
  if (tag === SELF_DESCRIBED) return true;
  const { binary } = (value ?? {}) as { binary?: readonly unknown[] };
  if (binary === undefined) return false;
  return tag === 64 || ((tag === 2 || tag === 3) && binary.length <= MAX_INTEGER_BYTES);
}

/**
 * The same value with each string of indefinite length in one piece, because the library reads no others, and without the
 * tag that means nothing.
 */
function inOnePiece(bytes: Buffer): Buffer {
  let at = 0;
  const item = (): Buffer => {
    const start = at;
    const first = bytes.readUInt8(at++);
    const [major, info] = [first >> 5, first & 31];
    const width = info < 24 || info === 31 ? 0 : 1 << (info - 24);
    let count = info;
    if (width === 8) count = Number(bytes.readBigUInt64BE(at));
    else if (width > 0) count = bytes.readUIntBE(at, width);
    at += width;
    const head = bytes.subarray(start, at);
    if (first === 0xff || major < 2 || major === 7) return head;
    // It makes an object of its own of this tag around `undefined`.
    if (major === 6) return count === SELF_DESCRIBED ? item() : Buffer.concat([head, item()]);
    if (major < 4 && info !== 31) {
      at += count;
      return bytes.subarray(start, at);
    }
    const items: Buffer[] = [];
    if (info === 31) while (bytes[at] !== 0xff) items.push(item());
    else for (let i = 0; i < count * (major - 3); i++) items.push(item());
    if (major >= 4) return Buffer.concat([head, ...items, info === 31 ? bytes.subarray(at, ++at) : Buffer.alloc(0)]);
    at++;
    const content = Buffer.concat(items.map(contentOf));
    const newHead = Buffer.from([(major << 5) | 26, 0, 0, 0, 0]);
    newHead.writeUInt32BE(content.length, 1);
    return Buffer.concat([newHead, content]);
  };
  return item();
}

/** The content of one chunk. */
function contentOf(chunk: Buffer): Buffer {
  const info = chunk.readUInt8(0) & 31;
  return chunk.subarray(info < 24 ? 1 : 1 + (1 << (info - 24)));
}

/**
 * Brings what a library decoded (maps as Map, some integers as BigInt) to the form above. Arrays are changed in place.
 * @param textKeys whether a map with other keys than strings is refused, as in headers (PITFALLS 25, 72)
 * @throws ProtocolViolation for such a map
 */
export function canonical(value: unknown, textKeys: boolean): unknown {
  if (typeof value === 'bigint') return smallest(value);
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = canonical(value[i], textKeys);
    return value;
  }
  return value instanceof Map ? fromMap(value, textKeys) : value;
}

function fromMap(map: ReadonlyMap<unknown, unknown>, textKeys: boolean): unknown {
  const object: Record<string, unknown> = {};
  for (const [key, value] of map) {
    if (typeof key !== 'string') {
      if (textKeys) throw new ProtocolViolation(`dictionary key: string expected, got ${typeof key}`);
      return withAnyKeys(map);
    }
    // In a header an option that is undefined was not given: clients write it so, and JSON leaves it out.
    if (textKeys && value === undefined) continue;
    setOwn(object, key, canonical(value, textKeys));
  }
  return object;
}

function withAnyKeys(map: ReadonlyMap<unknown, unknown>): Map<unknown, unknown> {
  const result = new Map<unknown, unknown>();
  for (const [key, value] of map) result.set(canonical(key, false), canonical(value, false));
  return result;
}
