import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CborReader } from '../../src/serializers/cbor-reader.ts';
import { skipValue as skipCbor } from '../../src/serializers/cbor-scan.ts';
import { MsgpackReader } from '../../src/serializers/msgpack-reader.ts';
import { countPairs, skipValue as skipMsgpack } from '../../src/serializers/msgpack-scan.ts';
import { countKeys } from '../../src/serializers/values.ts';
import { ProtocolViolation, WampError } from '../../src/wamp/errors.ts';
import { cborByLibrary, hasSameKeys, msgpackByLibrary } from '../support/library-values.ts';
import { mutations } from '../support/mutations.ts';
import { encodeRaw } from '../support/raw-codec.ts';

fc.configureGlobal({ interruptAfterTimeLimit: 12_000 });

const hex = (text: string) => fc.constant(Buffer.from(text, 'hex'));
const sized = (head: number, width: 1 | 2 | 4, content: Buffer): Buffer => {
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = head;
  bytes.writeUIntBE(content.length, 1, width);
  return Buffer.concat([bytes, content]);
};
const number = (head: number, width: number) =>
  fc
    .oneof(
      fc.uint8Array({ minLength: width, maxLength: width }),
      // Near 2^53, 2^63, 2^64 and zero.
      fc.constantFrom('0020000000000000', '0020000000000001', '001fffffffffffff', 'ffe0000000000000').map(decoded),
      fc.constantFrom('ffdfffffffffffff', '8000000000000000', 'ffffffffffffffff', '0000000000000000').map(decoded),
    )
    .map((bytes) => Buffer.concat([Buffer.from([head]), Buffer.from(bytes).subarray(0, width)]));
const decoded = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const textBytes = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'b', '__proto__', '1', '2', '', 'constructor', 'é', '\ufeffa') },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme' }) },
    { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 80 }) },
  )
  .map((text) => Buffer.from(text));

/** Well-formed bytes of every form that an encoding has, also those that no library writes. */
const msgpackBytes = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff).map((byte) => Buffer.from([byte])),
      ...[0xcc, 0xd0].map((head) => number(head, 1)),
      ...[0xcd, 0xd1].map((head) => number(head, 2)),
      ...[0xca, 0xce, 0xd2].map((head) => number(head, 4)),
      ...[0xcb, 0xcf, 0xd3].map((head) => number(head, 8)),
      hex('d40000'),
    ),
    textBytes.map((text) =>
      text.length < 32 ? Buffer.concat([Buffer.from([0xa0 | text.length]), text]) : sized(0xd9, 1, text),
    ),
    textBytes.map((text) => sized(0xda, 2, text)),
    textBytes.map((text) => sized(0xdb, 4, text)),
    textBytes.map((bytes) => sized(0xc4, 1, bytes)),
    fc.oneof(
      { weight: 1, arbitrary: hex('d40001') },
      { weight: 1, arbitrary: hex('c7010000') },
      { weight: 30, arbitrary: hex('c0') },
    ),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((items) => Buffer.concat([Buffer.from([0x90 | items.length]), ...items])),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((items) => Buffer.concat([Buffer.from([0xdd, 0, 0, 0, items.length]), ...items])),
    pairs(
      tie('value'),
      textBytes.map((text) => sized(0xd9, 1, text)),
    ).map((all) => Buffer.concat([Buffer.from([0x80 | (all.length / 2)]), ...all])),
    pairs(tie('value'), tie('value')).map((all) => Buffer.concat([Buffer.from([0xde, 0, all.length / 2]), ...all])),
  ),
})).value;

const chunked = (head: number, plain: number) =>
  fc.array(textBytes, { maxLength: 3 }).map((chunks) => {
    const parts = chunks.map((chunk) =>
      chunk.length < 24 ? Buffer.concat([Buffer.from([plain | chunk.length]), chunk]) : sized(plain | 25, 2, chunk),
    );
    return Buffer.concat([Buffer.from([head]), ...parts, Buffer.from([0xff])]);
  });
const cborText = fc.oneof(
  textBytes.map((text) =>
    text.length < 24 ? Buffer.concat([Buffer.from([0x60 | text.length]), text]) : sized(0x79, 2, text),
  ),
  textBytes.map((text) => sized(0x7a, 4, text)),
  chunked(0x7f, 0x60),
);
const cborBinary = fc.oneof(
  textBytes.map((bytes) => sized(0x58, 1, bytes)),
  chunked(0x5f, 0x40),
);
const tagged = (tag: string, content: fc.Arbitrary<Buffer>) =>
  content.map((bytes) => Buffer.concat([Buffer.from(tag, 'hex'), bytes]));

const cborBytes = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(0xf4, 0xf5, 0xf6, 0xf7, 0x00, 0x17, 0x20, 0x37).map((byte) => Buffer.from([byte])),
      ...[0x18, 0x38].map((head) => number(head, 1)),
      ...[0x19, 0x39, 0xf9].map((head) => number(head, 2)),
      ...[0x1a, 0x3a, 0xfa].map((head) => number(head, 4)),
      ...[0x1b, 0x3b, 0xfb].map((head) => number(head, 8)),
    ),
    cborText,
    cborBinary,
    fc.oneof(
      tagged('c2', cborBinary),
      tagged('c3', cborBinary),
      tagged('d840', cborBinary),
      tagged('d9d9f7', tie('value')),
    ),
    fc.oneof(
      { weight: 1, arbitrary: hex('e0') },
      { weight: 1, arbitrary: hex('f820') },
      { weight: 1, arbitrary: hex('c100') },
      { weight: 40, arbitrary: hex('f6') },
    ),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((items) => Buffer.concat([Buffer.from([0x98, items.length]), ...items])),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((items) => Buffer.concat([Buffer.from([0x9f]), ...items, Buffer.from([0xff])])),
    pairs(tie('value'), cborText).map((all) => Buffer.concat([Buffer.from([0xa0 | (all.length / 2)]), ...all])),
    pairs(tie('value'), tie('value')).map((all) => Buffer.concat([Buffer.from([0xbf]), ...all, Buffer.from([0xff])])),
  ),
})).value;

function pairs(value: fc.Arbitrary<Buffer>, key: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer[]> {
  return fc.array(fc.tuple(key, value), { maxLength: 4 }).map((all) => all.flat());
}

interface Outcome {
  readonly value?: unknown;
  readonly refused?: 'payload' | 'message';
}

/** A refusal of ours; anything else that is thrown fails the test. */
function outcomeOf(read: () => unknown): Outcome {
  try {
    return { value: plain(read()) };
  } catch (error) {
    if (error instanceof WampError) return { refused: 'payload' };
    if (error instanceof ProtocolViolation) return { refused: 'message' };
    throw error;
  }
}

/** With every difference that counts in what `toEqual` looks at: kinds of binary do not count, own `__proto__` does. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { binary: Buffer.from(value).toString('hex') };
  if (Object.is(value, -0)) return { minus: 0 };
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return { map: [...value].map(([key, item]) => JSON.stringify(said([key, item]))).sort() };
  if (typeof value !== 'object' || value === null) return value;
  return { object: Object.entries(value).map(([key, item]) => [key, plain(item)]) };
}

/** The same with the keys of objects in one order. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unordered);
  if (typeof value !== 'object' || value === null) return value;
  const { object, ...rest } = value as { object?: readonly [string, unknown][] };
  if (object === undefined)
    return Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, unordered(item)]));
  return { object: new Map(object.map(([key, item]) => [key, unordered(item)])) };
}

function said(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(plain(value), (_, inner: unknown) => {
      if (typeof inner === 'bigint') return { big: inner.toString() };
      return typeof inner === 'number' && !Number.isFinite(inner) ? { odd: String(inner) } : inner;
    }),
  );
}

const twins = [
  {
    name: 'msgpack' as const,
    reader: new MsgpackReader(),
    skip: (bytes: Buffer) => skipMsgpack(bytes, 0, 1),
    library: msgpackByLibrary,
    // The library forgets a value that is said again, before a header could be refused for it.
    repeats: (bytes: Buffer, read: () => unknown) => {
      const { value } = outcomeOf(() => countKeys(read()));
      return typeof value === 'number' && countPairs(bytes, 1) > value;
    },
    wellFormed: msgpackBytes,
  },
  {
    name: 'cbor' as const,
    reader: new CborReader(),
    skip: (bytes: Buffer) => skipCbor(bytes, 0, 1),
    library: cborByLibrary,
    repeats: () => false,
    wellFormed: cborBytes,
  },
];

describe.each(twins)('$name: the reader and the library', ({ name, reader, skip, library, wellFormed, repeats }) => {
  /** Whether the scan takes the bytes; those alone ever reach a reader. */
  const isProven = (bytes: Buffer): boolean => {
    try {
      return skip(bytes) === bytes.length;
    } catch (error) {
      if (error instanceof ProtocolViolation) return false;
      throw error;
    }
  };

  const agree = (bytes: Buffer): boolean => {
    if (!isProven(bytes)) return false;
    const slow = outcomeOf(() => library(bytes, false));
    if (slow.refused === undefined && hasSameKeys(name, bytes)) return false;
    // Somewhere in a longer message, as payloads are.
    const message = Buffer.concat([Buffer.from([0x01, 0xff]), bytes, Buffer.from([0xff, 0x02])]);
    const fast = outcomeOf(() => reader.read(message, 2, false));
    expect({ bytes: bytes.toString('hex'), ...fast }).toEqual({ bytes: bytes.toString('hex'), ...slow });
    if (fast.refused === undefined) expect(reader.end).toBe(2 + bytes.length);
    if (repeats(bytes, () => library(bytes, false))) return true;
    const strict = outcomeOf(() => reader.read(bytes, 0, true));
    const slowStrict = outcomeOf(() => library(bytes, true));
    // The order says nothing there, and an option that was undefined first stands where it was given.
    if (slowStrict.refused === undefined) expect(unordered(strict)).toEqual(unordered(slowStrict));
    else expect(strict.refused).toBeDefined();
    return true;
  };

  it('make the same value, or refuse alike, of all forms of the encoding', () => {
    let compared = 0;
    fc.assert(
      fc.property(wellFormed, (bytes) => {
        if (agree(bytes)) compared++;
      }),
      { numRuns: 6000 },
    );
    expect(compared).toBeGreaterThan(3000);
  });

  it('make the same value of mutated bytes that the scan accepts', () => {
    fc.assert(
      fc.property(wellFormed, mutations(), (bytes, change) => {
        agree(change(bytes));
      }),
      { numRuns: 6000 },
    );
  });

  it('make the same value of random bytes that the scan accepts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
        agree(Buffer.from(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  it('make the same value of what the library writes', () => {
    const jsonLike = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(jsonLike, (value) => {
        expect(agree(encodeRaw(name, value))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('a key that came before in another message is told by all its bytes', () => {
    const keys = fc.array(fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'é', '\u0000') }));
    fc.assert(
      fc.property(keys, (all) => {
        const value = Object.fromEntries(all.map((key) => [key, 1]));
        expect(plain(reader.read(encodeRaw(name, value), 0, false))).toEqual(plain(value));
      }),
      { numRuns: 2000 },
    );
  });
});
