/**
 * Any value to bytes and back, by the libraries and not by the code under test: for messages no client would send.
 * Integers are numbers up to ±2^53 and BigInt beyond, in both directions.
 */
import { Decoder, Encoder } from 'cbor-x';
import { Packr, Unpackr } from 'msgpackr';

export type RawName = 'json' | 'msgpack' | 'cbor';

export const RAW_NAMES: readonly RawName[] = ['json', 'msgpack', 'cbor'];

const LIMIT = 2 ** 53;
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint' });
const cborEncoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const cborDecoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** `value` as the bytes of one message. Binary is a NUL string in JSON, as WAMP has it. */
export function encodeRaw(name: RawName, value: unknown): Buffer {
  if (name === 'json') return Buffer.from(jsonText(value));
  const prepared = withBigIntegers(value);
  return Buffer.from(name === 'msgpack' ? packr.pack(prepared) : cborEncoder.encode(prepared));
}

/** One message as values; NUL strings of JSON stay strings. */
export function decodeRaw(name: RawName, bytes: Buffer): unknown {
  if (name === 'json') return JSON.parse(bytes.toString('utf8'));
  return withNumbers(name === 'msgpack' ? unpackr.unpack(bytes) : cborDecoder.decode(bytes));
}

function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return JSON.stringify(`\u0000${Buffer.from(value).toString('base64')}`);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`)
      .join(',')}}`;
  }
  return Object.is(value, -0) ? '-0' : JSON.stringify(value ?? null);
}

/** The libraries write integers above 2^32 as floats unless they are BigInt. */
function withBigIntegers(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) >= 2 ** 32 && Math.abs(value) <= LIMIT) {
    return BigInt(value);
  }
  return mapInside(value, withBigIntegers);
}

function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return value >= BigInt(-LIMIT) && value <= BigInt(LIMIT) ? Number(value) : value;
  return mapInside(value, withNumbers);
}

function mapInside(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Map) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}
