import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cbor } from '../../src/serializers/cbor.ts';
import { usualFrame } from '../../src/serializers/json-frame.ts';
import { serializers } from '../../src/serializers/registry.ts';
import { Event, MessageType, NO_DETAILS, type RouterMessage } from '../../src/wamp/messages.ts';
import { Payload } from '../../src/wamp/payload.ts';
import { decodeRaw, type RawName } from '../support/raw-codec.ts';

fc.configureGlobal({ interruptAfterTimeLimit: 12_000 });

const borders = [0, 9, 10, 23, 24, 127, 128, 255, 256, 65_535, 65_536, 99_999_999, 1e8, 2 ** 31, 2 ** 32 - 1, 2 ** 32];
const id = fc.oneof(
  fc.constantFrom(...borders, ...borders.map((n) => n + 1), 2 ** 53 - 1, 2 ** 53),
  fc.integer({ min: 0, max: 65_536 }),
  fc.maxSafeInteger().map(Math.abs),
);
const payload = fc.oneof(
  fc.constant(Payload.EMPTY),
  fc.array(fc.oneof(fc.integer(), fc.string()), { minLength: 1, maxLength: 3 }).map((args) => Payload.of(args)),
  fc.string().map((text) => Payload.of([], { text })),
);

/** The messages that are written without the generic layout, and what they say. */
const usual: fc.Arbitrary<[RouterMessage, unknown[]]> = fc
  .tuple(fc.nat({ max: 3 }), id, id, payload)
  .map(([kind, a, b, said]) => {
    const { args, kwargs } = said.value();
    const tail = said.isEmpty ? [] : kwargs === undefined ? [args] : [args, kwargs];
    const details = NO_DETAILS;
    if (kind === 0) return [new Event(a, b, details, 'a.b', said), [36, a, b, {}, ...tail]];
    if (kind === 1) return [{ type: MessageType.RESULT, request: a, details, payload: said }, [50, a, {}, ...tail]];
    if (kind === 2) {
      const registration = b;
      return [
        { type: MessageType.INVOCATION, request: a, registration, details, payload: said },
        [68, a, b, {}, ...tail],
      ];
    }
    return [{ type: MessageType.PUBLISHED, request: a, publication: b }, [17, a, b]];
  });

describe.each(serializers)('$name', (serializer) => {
  it('messages whose header is numbers say what the obvious encoding says', () => {
    fc.assert(
      fc.property(usual, ([message, expected]) => {
        expect(decodeRaw(serializer.name as RawName, serializer.encode(message))).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('json', () => {
  it('such a message is to the byte what JSON.stringify makes', () => {
    fc.assert(
      fc.property(id, id, fc.constantFrom('', '[1]', '[],{"a":1}'), (a, b, tail) => {
        const written = usualFrame(new Event(a, b, NO_DETAILS, 'a.b', Payload.EMPTY), Buffer.from(tail));
        const expected = JSON.stringify([36, a, b, {}]);
        expect(written?.toString()).toBe(tail === '' ? expected : `${expected.slice(0, -1)},${tail}]`);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53 + 2])('a number that is no id, %d, is left to the general way', (no) => {
    expect(usualFrame(new Event(no, 1, NO_DETAILS, 'a.b', Payload.EMPTY), Buffer.alloc(0))).toBeUndefined();
    expect(usualFrame(new Event(1, no, NO_DETAILS, 'a.b', Payload.EMPTY), Buffer.alloc(0))).toBeUndefined();
  });

  it('details that say something are left to the general way', () => {
    expect(usualFrame(new Event(1, 2, { topic: 'a.b' }, 'a.b', Payload.EMPTY), Buffer.alloc(0))).toBeUndefined();
  });
});

describe.each(serializers.filter(({ binary }) => binary))('$name: what is written by loops', (serializer) => {
  const name = serializer.name as RawName;
  const written = (value: unknown): Buffer => serializer.encodePayload({ args: [value], kwargs: undefined }).bytes;

  it('integers are written as two’s complement of BigInt has them, in the shortest form', () => {
    const around = fc.tuple(
      fc.constantFrom(...borders, 32, 32_768, 2 ** 53 - 3),
      fc.integer({ min: -3, max: 3 }),
      fc.boolean(),
    );
    const integer = fc.oneof(
      fc.maxSafeInteger(),
      fc.constantFrom(2 ** 53, -(2 ** 53)),
      around.map(([n, by, negative]) => (negative ? -(n + by) : n + by)),
    );
    fc.assert(
      fc.property(integer, (value) => {
        const n = Object.is(value, -0) ? 0 : value;
        expect(decodeRaw(name, written(n))).toEqual([n]);
        expect(written(n).toString('hex')).toBe((serializer === cbor ? '81' : '91') + obviously(name, BigInt(n)));
      }),
      { numRuns: 5000 },
    );
  });

  it('texts of each length and alphabet are written as UTF-8', () => {
    const character = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom('a', '~', '\u007f', '\u0000') },
      fc.constantFrom('é', '€', '😀'),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 60 }), (all) => {
        const bytes = written(all.join(''));
        expect(bytes.subarray(bytes.length - Buffer.byteLength(all.join(''))).toString()).toBe(all.join(''));
        expect(decodeRaw(name, bytes)).toEqual([all.join('')]);
      }),
      { numRuns: 3000 },
    );
  });
});

/** An integer in the shortest form that the encoding has. */
function obviously(name: RawName, n: bigint): string {
  const hex = (value: bigint, bytes: number): string =>
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0');
  const widths = [1, 2, 4, 8] as const;
  if (name === 'cbor') {
    const argument = n < 0n ? -1n - n : n;
    const major = n < 0n ? 0x20 : 0;
    if (argument < 24n) return hex(BigInt(major) + argument, 1);
    const width = widths.findIndex((bytes) => argument < 1n << BigInt(bytes * 8));
    return hex(BigInt(major + 24 + width), 1) + hex(argument, widths[width] ?? 8);
  }
  if (n >= -32n && n < 128n) return hex(n, 1);
  const width = widths.findIndex((bytes) =>
    n >= 0n ? n < 1n << BigInt(bytes * 8) : n >= -(1n << BigInt(bytes * 8 - 1)),
  );
  return hex(BigInt((n >= 0n ? 0xcc : 0xd0) + width), 1) + hex(n, widths[width] ?? 8);
}
