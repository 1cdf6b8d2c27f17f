import { describe, expect, it } from 'vitest';
import { cbor } from '../../../src/serializers/cbor.ts';
import { json } from '../../../src/serializers/json.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';
import { ErrorUri, ProtocolViolation } from '../../../src/wamp/errors.ts';
import { Event, NO_DETAILS } from '../../../src/wamp/messages.ts';
import { Payload } from '../../../src/wamp/payload.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function publish(bytes: string): Payload {
  const message = cbor.decode(hex(bytes));
  if (!('payload' in message)) throw new Error('no payload');
  return message.payload;
}

/** PUBLISH with request 1, no options, topic "a" and `args`, `kwargs` as given in hex. */
const payload = (args: string, kwargs?: string): Payload =>
  publish(`${kwargs === undefined ? '85' : '86'} 10 01 a0 6161 ${args} ${kwargs ?? ''}`);
const frame = (each: Payload): string => cbor.encode(new Event(1, 2, NO_DETAILS, 'a', each)).toString('hex');
const one = (value: unknown): string =>
  cbor
    .encodePayload({ args: [value], kwargs: undefined })
    .bytes.subarray(1)
    .toString('hex');
const notSayable = expect.objectContaining({ name: 'WampError', uri: ErrorUri.INVALID_ARGUMENT });

describe('header', () => {
  it.each(['01', '1801', '190001', '1a00000001', '1b0000000000000001', 'f93c00', 'fa3f800000', 'fb3ff0000000000000'])(
    'PITFALLS 22, 73: %s is the id 1, a float that holds an integer too',
    (id) => {
      expect(cbor.decode(hex(`83 18 42 ${id} ${id}`))).toEqual({ type: 66, request: 1, registration: 1 });
    },
  );

  it('PITFALLS 22: 2^53 is legal as integer and as float64; what is beyond is refused', () => {
    for (const id of ['1b0020000000000000', 'fb4340000000000000', 'c24720000000000000']) {
      expect(cbor.decode(hex(`83 1842 ${id} 01`))).toMatchObject({ request: 2 ** 53 });
    }
    for (const id of [
      '1b0020000000000001',
      '1bffffffffffffffff',
      'fb4340000000000001',
      '20',
      'f97e00',
      'f97c00',
      'f93e00',
      'c248ffffffffffffffff',
    ]) {
      expect(() => cbor.decode(hex(`83 1842 ${id} 01`))).toThrow(ProtocolViolation);
    }
  });

  it('ids above 2^32 are written as integers, never as floats, in head and details', () => {
    const event = new Event(4429313566, 2 ** 53, { publisher: 4429313566 }, 'a', Payload.EMPTY);
    expect(cbor.encode(event).toString('hex')).toBe(
      '8418241b000000010801f61e1b0020000000000000a1697075626c69736865721b000000010801f61e',
    );
  });

  it('PITFALLS 73: tag 55799 before a message is ignored', () => {
    expect(cbor.decode(hex('d9d9f7 83 1842 01 02'))).toMatchObject({ type: 66 });
    expect(() => cbor.decode(hex('d9d9f7'))).toThrow(ProtocolViolation);
    expect(() => cbor.decode(hex('d9d9f7 d9d9f7 83 1842 01 02'))).toThrow(ProtocolViolation);
    expect(() => cbor.decode(hex('c1 83 1842 01 02'))).toThrow(ProtocolViolation);
  });

  it('PITFALLS 73: the outer array may be indefinite; its break byte is never forwarded', () => {
    expect(cbor.decode(hex('9f 1842 01 02 ff'))).toMatchObject({ type: 66, registration: 2 });
    expect(frame(publish('9f 10 01 a0 6161 8101 ff'))).toBe('8518240102a08101');
    expect(frame(publish('9f 10 01 a0 6161 9f01ff bf616b02ff ff'))).toBe('8618240102a09f01ffbf616b02ff');
    expect(frame(publish('9f 10 01 bfff 7f6161ff 8101 a0 ff'))).toBe('8518240102a08101');
    for (const bad of [
      '9f',
      '9fff',
      '9f 1842 01 02',
      '9f 1842 01 02 ff 00',
      '9f 1842 01 02 ff ff',
      '9f 1842 01 ff',
      `9f ${'01'.repeat(100)} ff`,
    ]) {
      expect(() => cbor.decode(hex(bad))).toThrow(ProtocolViolation);
    }
  });

  it('PITFALLS 73: strings and maps of the header may be indefinite', () => {
    const message = cbor.decode(hex('84 10 01 bf 7f 6561636b6e6f 66776c65646765 ff f5 ff 7f 6161 6162 ff'));
    expect(message).toMatchObject({ topic: 'ab', options: { acknowledge: true } });
  });

  it('PITFALLS 25, 73: header dictionaries have string keys, no key twice, no tags', () => {
    for (const options of ['a10101', 'a16178a10101', 'a14178f6', 'a2 6178f6 6178f6', 'a16178c101', 'a16178f0']) {
      expect(() => cbor.decode(hex(`84 10 01 ${options} 6161`))).toThrow(ProtocolViolation);
    }
  });
});

describe('payload', () => {
  it.each([
    ['PITFALLS 73: byte and text strings stay what they were', '82 43616263 63616263'],
    ['PITFALLS 73: indefinite strings, lists and maps stay', '84 5f41014102ff 7f61616162ff 9f01ff bf616101ff'],
    [
      'PITFALLS 32, 73: half, single and double floats, -0, NaN, undefined stay',
      '86 f93c00 fa3dcccccd fb8000000000000000 f97e00 f7 1801',
    ],
    [
      'PITFALLS 73: bignums and tags stay',
      '84 c249010000000000000000 c11a5f5e1000 d8207661616161616161616161616161616161616161616161 d9d9f700',
    ],
    ['maps with other keys than strings stay', '81 a2 01f6 8101f5'],
    ['simple values without meaning stay', '82 e0 f8ff'],
  ])('%s', (_rule, args) => {
    expect(frame(payload(args))).toBe(`8518240102a0${args.replaceAll(' ', '')}`);
    expect(frame(payload(args, 'a1616bf6'))).toBe(`8618240102a0${args.replaceAll(' ', '')}a1616bf6`);
  });

  it('PITFALLS 26, 31: null, undefined, empty and absent, in every form of empty', () => {
    for (const empty of ['80', '9800', '9b0000000000000000', '9fff', 'f6', 'f7']) {
      expect(payload(empty).isEmpty).toBe(true);
      for (const map of ['a0', 'b800', 'bfff', 'f6', 'f7']) expect(payload(empty, map).isEmpty).toBe(true);
    }
    expect(frame(payload('f7', 'a1616bc101'))).toBe('8618240102a080a1616bc101');
    expect(frame(payload('8101', 'bfff'))).toBe('8518240102a08101');
  });

  it('kwargs keys are strings, each once', () => {
    for (const kwargs of ['a101f6', 'a1416bf6', 'bf01f6ff', 'a1d9d9f7616bf6']) {
      expect(() => payload('80', kwargs)).toThrow('ArgumentsKw');
    }
    expect(payload('80', 'bf7f616b616cff01ff').value().kwargs).toEqual({ kl: 1 });
  });

  it.each([
    'a2 616101 616102',
    'a2 6161f6 78016102',
    'bf 616101 616102 ff',
    'a2 626161f6 7f61616161ff02',
    'a2 7f61616161ff02 626161f6',
    'a2 0101 0102',
    `aa ${'abcdefghi'
      .split('')
      .map((c) => `61${c.charCodeAt(0).toString(16)}01`)
      .join('')} 616101`,
  ])('PITFALLS 73: %s has a key twice: a violation', (map) => {
    expect(() => payload(`81${map}`)).toThrow('twice');
  });

  it('keys that only look alike are no violation', () => {
    expect(() => payload('81 a3 616101 416101 8161 6101')).not.toThrow();
    expect(() => payload('81 a2 01f6 6101f6')).not.toThrow();
  });

  it('PITFALLS 73: an option that is undefined was not given', () => {
    const message = cbor.decode(hex('84 10 01 a2 6a6578636c7564655f6d65 f7 6b61636b6e6f776c65646765 f5 6161'));
    expect(message).toMatchObject({ options: { acknowledge: true, excludeMe: true } });
  });

  it('PITFALLS 73: indefinite strings and containers, floats, bignums, undefined and tag 55799 have values', () => {
    const args =
      '8c 5f41014102ff 7f6161 62c3b6 ff 9f01ff bf616101ff f93c00 fa3fc00000 f7 c24400000005 c25f48ffffffffffffffff48ffffffffffffffffff c340 d9d9f78101 d8404101';
    expect(payload(args).value().args).toEqual([
      Buffer.from([1, 2]),
      'aö',
      [1],
      { a: 1 },
      1,
      1.5,
      null,
      5,
      2n ** 128n - 1n,
      -1,
      [1],
      Buffer.from([1]),
    ]);
  });

  it('PITFALLS 75: empty maps, lists and binary of a payload are one each, however many came', () => {
    const [a, b, c, d, e, f, g] = payload('87 a0 bfff a0 80 9fff 40 5f40ff').value().args;
    expect([a, d, f]).toEqual([{}, [], Buffer.alloc(0)]);
    expect([b === a, c === a, e === d, g === f]).toEqual([true, true, true, true]);
  });

  it('PITFALLS 73: a bignum of 128 bytes is converted, a longer one is not, in one piece or in chunks', () => {
    const bytes = (count: number) => '01'.repeat(count);
    const value = BigInt(`0x${bytes(128)}`);
    expect(payload(`81c25880${bytes(128)}`).value().args).toEqual([value]);
    expect(payload(`81c25f5840${bytes(64)}405840${bytes(64)}ff`).value().args).toEqual([value]);
    expect(() => payload(`81c25881${bytes(129)}`).value()).toThrow(notSayable);
    expect(() => payload(`81c25f5840${bytes(64)}5841${bytes(65)}ff`).value()).toThrow(notSayable);
  });

  it('PITFALLS 73: 2^128-1 in a bignum comes back from CBOR and JSON as it was', () => {
    const sent = payload('81c250ffffffffffffffffffffffffffffffff');
    expect(sent.value().args).toEqual([2n ** 128n - 1n]);
    expect(sent.tail(json).bytes.toString()).toBe('[340282366920938463463374607431768211455]');
    expect(one(2n ** 128n - 1n)).toBe('c250ffffffffffffffffffffffffffffffff');
    expect(() => sent.tail(msgpack)).toThrow(notSayable);
  });

  it.each([
    'c11a5f5e1000',
    'c074323032302d30392d30315430303a30303a30305a',
    'd81c01',
    'd81d00',
    'd84501',
    'c201',
    'c2616b',
    'd9dfff8101',
    'e0',
    'f0',
    'f820',
    `c258c8${'ff'.repeat(200)}`,
  ])('PITFALLS 73: %s has no words in other encodings: invalid_argument', (value) => {
    const sent = payload(`81 a16178 ${value}`);
    expect(() => sent.value()).toThrow(notSayable);
    expect(() => sent.tail(json)).toThrow(notSayable);
    expect(() => sent.tail(msgpack)).toThrow(notSayable);
    expect(() => frame(sent)).not.toThrow();
  });

  it.each([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [256, '190100'],
    [65536, '1a00010000'],
    [2 ** 32, '1b0000000100000000'],
    [-1, '20'],
    [-25, '3818'],
    [-(2 ** 53), '3b001fffffffffffff'],
    [2n ** 64n - 1n, '1bffffffffffffffff'],
    [-(2n ** 64n), '3bffffffffffffffff'],
    [2n ** 64n, 'c249010000000000000000'],
    [-(2n ** 64n) - 1n, 'c349010000000000000000'],
    [7n, '07'],
    [-0, 'fb8000000000000000'],
    [1.5, 'fb3ff8000000000000'],
    [2 ** 60, 'fb43b0000000000000'],
    [Number.NaN, 'fb7ff8000000000000'],
    ['ö', '62c3b6'],
    [new Uint8Array([1]), '4101'],
    [undefined, 'f6'],
  ])('%s is written as %s', (value, bytes) => {
    expect(one(value)).toBe(bytes);
  });

  it('lengths at the borders of each head are written and read', () => {
    for (const length of [23, 24, 255, 256, 65535, 65536]) {
      const value = { args: ['x'.repeat(length), Buffer.alloc(length), Array(length).fill(0)], kwargs: undefined };
      expect(cbor.decodePayload(cbor.encodePayload(value))).toEqual(value);
    }
  });

  it('an integer too long to compute with is not written', () => {
    expect(() => one(2n ** 1024n)).toThrow(notSayable);
    expect(() => one(2n ** 1024n - 1n)).not.toThrow();
  });
});

describe('refusals', () => {
  it.each([
    ['a reserved head', '811c'],
    ['a string that is not UTF-8', '8161ff'],
    ['a chunk that is not UTF-8', '817f61c361b6ff'],
    ['a chunk of the other kind', '817f4161ff'],
    ['an indefinite chunk', '817f7f6161ffff'],
    ['a number of indefinite length', '811f'],
    ['a tag of indefinite length', '81df00'],
    ['a break where a value is expected', '81ff'],
    ['a map that breaks after a key', '81bf6161ff'],
    ['a simple value in a reserved form', '81f81f'],
    ['a list longer than the message', '9bffffffffffffffff01'],
    ['a map longer than the message', '81bbffffffffffffffff01'],
    ['a binary longer than the message', '815bffffffffffffffff01'],
    ['bytes after the end', '810000'],
    ['a tagged args', 'd9d9f78101'],
  ])('%s is a violation', (_what, args) => {
    expect(() => payload(args)).toThrow(ProtocolViolation);
  });

  it('PITFALLS 75: a chain of 100,000 tags is a violation', () => {
    expect(() => payload(`81${'c1'.repeat(100_000)}00`)).toThrow(ProtocolViolation);
    expect(() => payload(`${'9f'.repeat(100_000)}`)).toThrow(ProtocolViolation);
  });
});
