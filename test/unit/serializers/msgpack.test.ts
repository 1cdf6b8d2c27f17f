import { describe, expect, it } from 'vitest';
import { cbor } from '../../../src/serializers/cbor.ts';
import { json } from '../../../src/serializers/json.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';
import { ErrorUri, ProtocolViolation } from '../../../src/wamp/errors.ts';
import { Event, NO_DETAILS } from '../../../src/wamp/messages.ts';
import { Payload } from '../../../src/wamp/payload.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** PUBLISH with request 1, no options, topic "a" and `args`, `kwargs` as given in hex. */
function payload(args: string, kwargs?: string): Payload {
  const message = msgpack.decode(hex(`${kwargs === undefined ? '95' : '96'} 10 01 80 a161 ${args} ${kwargs ?? ''}`));
  if (!('payload' in message)) throw new Error('no payload');
  return message.payload;
}

const frame = (each: Payload): string => msgpack.encode(new Event(1, 2, NO_DETAILS, 'a', each)).toString('hex');
const one = (value: unknown): string =>
  msgpack
    .encodePayload({ args: [value], kwargs: undefined })
    .bytes.subarray(1)
    .toString('hex');
const notSayable = expect.objectContaining({ name: 'WampError', uri: ErrorUri.INVALID_ARGUMENT });

describe('header', () => {
  it.each([
    '01',
    'cc01',
    'cd0001',
    'ce00000001',
    'cf0000000000000001',
    'd001',
    'd10001',
    'd200000001',
    'd30000000000000001',
    'ca3f800000',
    'cb3ff0000000000000',
  ])('PITFALLS 22: %s is the id 1, a float64 or float32 that holds an integer too', (id) => {
    expect(msgpack.decode(hex(`93 42 ${id} ${id}`))).toEqual({ type: 66, request: 1, registration: 1 });
  });

  it('PITFALLS 22: all numbers of a message may come as float64, the type and those in options too', () => {
    const options = `81 a7 74696d656f7574 cb408f400000000000`;
    const message = msgpack.decode(hex(`94 cb4048000000000000 cb3ff0000000000000 ${options} a161`));
    expect(message).toMatchObject({ type: 48, request: 1, options: { timeout: 1000 } });
  });

  it('PITFALLS 22: 2^53 is legal as uint64 and as float64; what is beyond is refused', () => {
    for (const id of ['cf0020000000000000', 'cb4340000000000000']) {
      expect(msgpack.decode(hex(`93 42 ${id} 01`))).toMatchObject({ request: 2 ** 53 });
    }
    for (const id of [
      'cf0020000000000001',
      'cfffffffffffffffff',
      'cb4340000000000001',
      'd3ffffffffffffffff',
      'cb7ff0000000000000',
      'cb7ff8000000000000',
      'cb3ff8000000000000',
      'cb8000000000000000',
    ]) {
      expect(() => msgpack.decode(hex(`93 42 ${id} 01`))).toThrow(ProtocolViolation);
    }
  });

  it('ids above 2^32 are written as uint64, never as floats, in head and details', () => {
    const event = new Event(4429313566, 2 ** 53, { publisher: 4429313566 }, 'a', Payload.EMPTY);
    expect(msgpack.encode(event).toString('hex')).toBe(
      '9424cf000000010801f61ecf002000000000000081a97075626c6973686572cf000000010801f61e',
    );
  });

  it('PITFALLS 25, 72: header dictionaries have string keys, inner ones too, and no extension types', () => {
    for (const options of ['81 01 01', '81 a178 81 01 01', '81 c401ff 01', '81 a178 d40001', '81 a178 d6ff00000000']) {
      expect(() => msgpack.decode(hex(`94 10 01 ${options} a161`))).toThrow(ProtocolViolation);
    }
  });

  it('PITFALLS 73: an option that is undefined, as msgpackr writes it, was not given', () => {
    const message = msgpack.decode(hex('94 10 01 82 aa6578636c7564655f6d65 d40000 ab61636b6e6f776c65646765c3 a161'));
    expect(message).toMatchObject({ options: { acknowledge: true, excludeMe: true } });
  });

  it('of equal keys in options the last wins', () => {
    const message = msgpack.decode(hex('94 10 01 82 ab61636b6e6f776c65646765c3 ab61636b6e6f776c65646765c2 a161'));
    expect(message).toMatchObject({ options: { acknowledge: false } });
  });
});

describe('payload', () => {
  it.each([
    ['PITFALLS 72: str and bin stay what they were', '92 a3616263 c403616263'],
    [
      'PITFALLS 32: floats, -0, NaN and long forms stay',
      '95 cb8000000000000000 ca7fc00000 cd0001 cf0000000000000001 d900',
    ],
    ['PITFALLS 72: extension types and timestamps stay', '93 d40005 d6ff5f5e1000 c703aa010203'],
    ['maps with other keys than strings, and equal keys, stay', '91 83 01c0 01c0 80c3'],
    ['long heads stay', 'dc0001 df00000001 db0000000161 c60000000100'],
  ])('%s', (_rule, args) => {
    expect(frame(payload(args))).toBe(`9524010280${args.replaceAll(' ', '')}`);
    expect(frame(payload(args, '81a16bc0'))).toBe(`9624010280${args.replaceAll(' ', '')}81a16bc0`);
  });

  it('PITFALLS 26, 31: null, empty and absent, in every form of empty', () => {
    for (const empty of ['90', 'dc0000', 'dd00000000', 'c0']) {
      expect(payload(empty).isEmpty).toBe(true);
      for (const map of ['80', 'de0000', 'df00000000', 'c0']) expect(payload(empty, map).isEmpty).toBe(true);
    }
    expect(frame(payload('c0', '81a16bd40005'))).toBe('962401028090' + '81a16bd40005');
    expect(frame(payload('9101', 'df00000000'))).toBe('95240102809101');
  });

  it('PITFALLS 72: kwargs keys are strings; binary or number keys are a violation', () => {
    for (const kwargs of ['8101c0', '81c4016bc0', '82a16bc0c0c0', '8190c0']) {
      expect(() => payload('90', kwargs)).toThrow('ArgumentsKw');
    }
    expect(payload('90', 'df00000001da00016bc0').value().kwargs).toEqual({ k: null });
  });

  it.each([
    'd40005',
    'd5000000',
    'd6ff5f5e1000',
    'd7000000000000000000',
    'c70172ff',
    'c7007f',
    'c80001ff01',
    'c90000000172ff',
  ])('PITFALLS 72: extension type %s has no words in other encodings: invalid_argument', (extension) => {
    const sent = payload(`91 81a178 ${extension}`);
    expect(() => sent.value()).toThrow(notSayable);
    expect(() => sent.tail(json)).toThrow(notSayable);
    expect(() => sent.tail(cbor)).toThrow(notSayable);
    expect(() => frame(sent)).not.toThrow();
  });

  it('PITFALLS 73: undefined, as msgpackr writes it, stays between speakers of MessagePack and is null to others', () => {
    const sent = payload('92 d40000 81a178d40000');
    expect(sent.value().args).toEqual([null, { x: null }]);
    expect(frame(sent)).toContain('92d4000081a178d40000');
  });

  it('uint64 and int64 beyond 2^53 are BigInt, smaller ones numbers', () => {
    expect(
      payload('94 cf0020000000000001 d38000000000000000 cf0000000000000005 d3ffffffffffffffff').value().args,
    ).toEqual([9007199254740993n, -(2n ** 63n), 5, -1]);
  });

  it('maps with other keys cross to CBOR, not to JSON', () => {
    const sent = payload('91 82 01a178 a16bc0');
    expect(sent.value().args).toEqual([
      new Map<unknown, unknown>([
        [1, 'x'],
        ['k', null],
      ]),
    ]);
    expect(sent.tail(cbor).bytes.toString('hex')).toBe('81a2016178616bf6');
    expect(() => sent.tail(json)).toThrow(notSayable);
  });

  it.each([
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [65535, 'cdffff'],
    [65536, 'ce00010000'],
    [2 ** 32, 'cf0000000100000000'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-129, 'd1ff7f'],
    [-32769, 'd2ffff7fff'],
    [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
    [-(2 ** 53), 'd3ffe0000000000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
    [7n, '07'],
    [2n ** 70n, 'cb4450000000000000'],
    [-0, 'cb8000000000000000'],
    [1.5, 'cb3ff8000000000000'],
    [2 ** 60, 'cb43b0000000000000'],
    [Number.NaN, 'cb7ff8000000000000'],
    ['ö', 'a2c3b6'],
    [new Uint8Array([1]), 'c40101'],
    [undefined, 'c0'],
  ])('%s is written as %s', (value, bytes) => {
    expect(one(value)).toBe(bytes);
  });

  it('PITFALLS 75: empty maps, lists and binary of a payload are one each, but as keys of a map each its own', () => {
    const bytes = Buffer.from('9680809090c400c400', 'hex');
    const [a, b, c, d, e, f] = msgpack.decodePayload({ bytes, elements: 1 }).args;
    expect([a, c, e]).toEqual([{}, [], Buffer.alloc(0)]);
    expect([b === a, d === c, f === e]).toEqual([true, true, true]);
    const keys = Buffer.from('9186 8001 8002 9003 9004 c40005 c40006'.replaceAll(' ', ''), 'hex');
    const [map] = msgpack.decodePayload({ bytes: keys, elements: 1 }).args as [Map<unknown, unknown>];
    expect([...map.values()]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('lengths at the borders of each head are written and read', () => {
    for (const length of [31, 32, 255, 256, 65535, 65536]) {
      const value = { args: ['x'.repeat(length), Buffer.alloc(length), Array(length).fill(0)], kwargs: undefined };
      expect(msgpack.decodePayload(msgpack.encodePayload(value))).toEqual(value);
    }
  });

  it('PITFALLS 73: an integer beyond 64 bits that no float holds is refused', () => {
    expect(() => one(2n ** 128n - 1n)).toThrow(notSayable);
    expect(() => one(-(2n ** 63n) - 1n)).toThrow(notSayable);
    expect(() => one(2n ** 5000n)).toThrow(notSayable);
  });
});

describe('refusals', () => {
  it.each([
    ['unused byte c1', '91c1'],
    ['a string that is not UTF-8', '91a1ff'],
    ['a long string that is not UTF-8', `91d940${'61'.repeat(63)}c3`],
    ['a surrogate in UTF-8', '91a3eda080'],
    ['a list longer than the message', 'ddffffffff01'],
    ['a map longer than the message', '91dfffffffff01'],
    ['a binary longer than the message', '91c6ffffffff01'],
    ['bytes after the end', '910000'],
  ])('%s is a violation', (_what, args) => {
    expect(() => payload(args)).toThrow(ProtocolViolation);
  });
});
