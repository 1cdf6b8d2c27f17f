import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skipValue as skipCbor } from '../../src/serializers/cbor-scan.ts';
import { skipValue as skipMsgpack } from '../../src/serializers/msgpack-scan.ts';
import { serializers } from '../../src/serializers/registry.ts';
import type { Serializer } from '../../src/serializers/serializer.ts';
import { ProtocolViolation } from '../../src/wamp/errors.ts';
import type { ClientMessage } from '../../src/wamp/messages.ts';
import { type Dict, Payload } from '../../src/wamp/payload.ts';
import { exercise, isExpected, serializerMessage, thrownBy } from '../contract/serializer.ts';
import { mutations } from '../support/mutations.ts';
import { decodeRaw, encodeRaw, type RawName } from '../support/raw-codec.ts';
import { slowCbor, slowMsgpack } from '../support/slow-decoders.ts';

// A failure is shrunk no longer than this, so that it is reported before the test's own time is up.
fc.configureGlobal({ interruptAfterTimeLimit: 12_000 });

const LIMIT = 2n ** 53n;

/** No string that begins with NUL: JSON would say binary with it (PITFALLS 71). */
const text = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  .filter((s) => !s.startsWith('\u0000'));
const bigInteger = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter((n) => n > LIMIT || n < -LIMIT);
const binary = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const float = fc.double({ noNaN: true, noDefaultInfinity: true });
/** JSON has no mark of a float: one beyond 2^53 that is whole comes back as an integer. */
const portableFloat = float.filter((n) => !Number.isInteger(n) || Math.abs(n) <= Number.MAX_SAFE_INTEGER);

function values(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(text, tie('value'), { maxKeys: 12 }),
    ),
  })).value;
}

const scalar = fc.oneof(
  fc.constantFrom(null, true, false),
  text,
  fc.maxSafeInteger(),
  fc.integer(),
  bigInteger,
  binary,
);
const anyValue = values(fc.oneof(scalar, portableFloat));

const payloads = fc
  .tuple(fc.array(anyValue, { maxLength: 4 }), fc.dictionary(text, anyValue, { maxKeys: 4 }))
  .map(([args, kwargs]) => ({ args, kwargs: Object.keys(kwargs).length === 0 ? undefined : kwargs }));

function payloadOf(message: ClientMessage): Payload {
  return 'payload' in message ? message.payload : Payload.EMPTY;
}

function sent(serializer: Serializer, payload: Payload): Payload {
  return payloadOf(serializer.decode(serializerMessage(serializer, payload)));
}

/** `{}` from fast-check may have no prototype; only what is in it counts. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.entries(value).map(([key, item]) => [key, plain(item)]);
}

describe.each(serializers)('$name', (serializer) => {
  const name = serializer.name as RawName;

  it('what is encoded is decoded to the same', () => {
    fc.assert(
      fc.property(payloads, ({ args, kwargs }) => {
        const value = sent(serializer, Payload.of(args, kwargs)).value();
        expect(plain(value.args)).toEqual(plain(args));
        expect(plain(value.kwargs)).toEqual(plain(kwargs));
      }),
      { numRuns: 300 },
    );
  });

  it('what is encoded is what the library reads', () => {
    const simple = values(fc.oneof(fc.constantFrom(null, true), text, fc.maxSafeInteger(), portableFloat));
    fc.assert(
      fc.property(fc.array(simple, { minLength: 1, maxLength: 4 }), (args) => {
        const { bytes } = serializer.encodePayload({ args, kwargs: undefined });
        if (!libraryLoses(args)) expect(plain(decodeRaw(name, bytes))).toEqual(plain(args));
      }),
      { numRuns: 200 },
    );
  });

  it('what the library writes is read, whole and header alike', () => {
    fc.assert(
      fc.property(payloads, fc.nat({ max: 2 ** 31 }), ({ args, kwargs }, request) => {
        const bytes = encodeRaw(name, [16, request + 1, {}, 'com.app', args, kwargs ?? {}]);
        const message = serializer.decode(bytes);
        expect(message).toMatchObject({ type: 16, request: request + 1, topic: 'com.app' });
        if (!libraryLoses([args, kwargs])) {
          expect(plain(payloadOf(message).value())).toEqual(plain(Payload.of(args, kwargs).value()));
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each(serializers)('a payload crosses to $name and back unchanged', (other) => {
    fc.assert(
      fc.property(payloads, ({ args, kwargs }) => {
        const first = sent(serializer, Payload.of(args, kwargs));
        const back = sent(serializer, sent(other, first));
        expect(plain(back.value())).toEqual(plain(first.value()));
      }),
      { numRuns: 150 },
    );
  });

  it('mutated messages are read or refused, and nothing else is ever thrown', () => {
    fc.assert(
      fc.property(payloads, mutations(), ({ args, kwargs }, change) => {
        const whole = encodeRaw(name, [16, 1, { acknowledge: true }, 'com.app', args, kwargs ?? {}]);
        const outcome = thrownBy(() => exercise(serializer, change(whole)));
        if (outcome !== undefined) expect(isExpected(outcome), String(outcome)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the scans and their slow twins', () => {
  const everything = values(fc.oneof(scalar, fc.double()));
  const twins = [
    {
      name: 'msgpack' as const,
      slow: slowMsgpack,
      skip: (bytes: Buffer): number => skipMsgpack(bytes, 0, 0),
    },
    { name: 'cbor' as const, slow: slowCbor, skip: (bytes: Buffer): number => skipCbor(bytes, 0, 0) },
  ];

  for (const { name, slow, skip } of twins) {
    const agree = (bytes: Buffer): boolean => {
      const refusal = thrownBy(() => {
        if (skip(bytes) !== bytes.length) throw new ProtocolViolation('bytes after the end');
      });
      const accepted = thrownBy(() => slow(bytes)) === undefined;
      expect({ bytes: bytes.toString('hex'), accepted: refusal === undefined }).toEqual({
        bytes: bytes.toString('hex'),
        accepted,
      });
      if (refusal !== undefined) expect(refusal).toBeInstanceOf(ProtocolViolation);
      return accepted;
    };

    it(`${name}: every value the library writes is accepted to its last byte`, () => {
      fc.assert(
        fc.property(everything, (value) => {
          expect(agree(encodeRaw(name, value))).toBe(true);
        }),
        { numRuns: 500 },
      );
    });

    it(`${name}: on mutated bytes the scan accepts exactly what the slow decoder accepts`, () => {
      fc.assert(
        fc.property(everything, mutations(), (value, change) => {
          agree(change(encodeRaw(name, value)));
        }),
        { numRuns: 2500 },
      );
    });

    it(`${name}: on random bytes the scan accepts exactly what the slow decoder accepts`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
          agree(Buffer.from(bytes));
        }),
        { numRuns: 8_000 },
      );
    });
  }

  it('json: the payload found by the scan is the payload of the parsed text, however it is spaced', () => {
    const [json] = serializers;
    if (json === undefined) throw new Error('no serializer');
    const space = fc.constantFrom('', ' ', '\n\t', '  \r');
    fc.assert(
      fc.property(
        payloads,
        fc.array(space, { minLength: 12, maxLength: 12 }),
        text,
        ({ args, kwargs }, spaces, odd) => {
          const [a, b, c, d, e, f, g, h, i, j, k, l] = spaces;
          const argsText = encodeRaw('json', args).toString();
          const kwargsText = encodeRaw('json', kwargs ?? {}).toString();
          const options = JSON.stringify({ [odd]: [odd, { '],[{"\\': odd }] });
          const message = `${a}[${b}16${c},${d}1${e},${options}${f},${g}"to\\"],p"${h},${i}${argsText}${j},${k}${kwargsText}${l}]${a}`;
          const payload = payloadOf(json.decode(Buffer.from(message)));
          const { bytes, elements } = payload.tail(json);
          const expected = elements === 0 ? [] : elements === 1 ? [args] : [args, kwargs];
          expect(JSON.parse(`[${bytes.toString()}]`)).toEqual(JSON.parse(encodeRaw('json', expected).toString()));
          expect(plain(payload.value())).toEqual(plain(Payload.of(args, kwargs).value()));
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** The libraries that tests encode with rename the key `__proto__` and forget the sign of zero; the serializers do not. */
function libraryLoses(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(libraryLoses);
  if (Object.is(value, -0)) return true;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return Object.entries(value as Dict).some(([key, item]) => key === '__proto__' || libraryLoses(item));
}
