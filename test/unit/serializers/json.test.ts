import { describe, expect, it } from 'vitest';
import { cbor } from '../../../src/serializers/cbor.ts';
import { json } from '../../../src/serializers/json.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';
import { ErrorUri, ProtocolViolation, WampError } from '../../../src/wamp/errors.ts';
import { Event, NO_DETAILS } from '../../../src/wamp/messages.ts';
import { Payload } from '../../../src/wamp/payload.ts';

function payload(args: string, kwargs?: string): Payload {
  const message = json.decode(Buffer.from(`[16,1,{},"a",${args}${kwargs === undefined ? '' : `,${kwargs}`}]`));
  if (!('payload' in message)) throw new Error('no payload');
  return message.payload;
}

const frame = (each: Payload): string => json.encode(new Event(1, 2, NO_DETAILS, 'a', each)).toString();
const args = (text: string): readonly unknown[] => payload(text).value().args;

describe('forwarding', () => {
  it.each([
    '[1.0,3,-0.0,1e2]',
    '[12345678901234567890,0.1234567890123456789]',
    '["\\u0000AAE=","\\u00e9\\/é"]',
    '[ {"b":1,"a":2 , "b":3} ]',
    '["a]\\",[","\\\\"]',
  ])('PITFALLS 32, 74: %s is forwarded as it was written', (text) => {
    expect(frame(payload(text))).toBe(`[36,1,2,{},${text}]`);
    expect(frame(payload(text, '{"z": 1.0}'))).toBe(`[36,1,2,{},${text},{"z": 1.0}]`);
  });

  it('white space and brackets in strings of the header do not hide where the payload begins', () => {
    const message = json.decode(
      Buffer.from(' [ 16 , 1 , {"x":["],[",{"y\\\\":"\\""}]} , "a,[\\"" , [ 1 ] , {"k" : [ ]} ] \n'),
    );
    expect(message).toMatchObject({ topic: 'a,["' });
    if ('payload' in message) expect(frame(message.payload)).toBe('[36,1,2,{}, [ 1 ] , {"k" : [ ]} ]');
  });

  it('PITFALLS 26: null args before kwargs become an empty list, the bytes of kwargs stay', () => {
    expect(frame(payload('null', '{"big":12345678901234567890}'))).toBe('[36,1,2,{},[],{"big":12345678901234567890}]');
    expect(frame(payload('[1]', 'null'))).toBe('[36,1,2,{},[1]]');
    expect(frame(payload('[1]', ' { } '))).toBe('[36,1,2,{},[1]]');
  });
});

describe('values', () => {
  it('PITFALLS 71: U+0000 and base64 is binary at any depth, in kwargs too, and never in a key', () => {
    const value = payload('["\\u0000AAEC/w==",[{"k":"\\u0000"}]]', '{"\\u0000AAE=":"\\u0000AAE="}').value();
    expect(value.args).toEqual([Buffer.from([0, 1, 2, 255]), [{ k: Buffer.alloc(0) }]]);
    expect(value.kwargs).toEqual({ '\u0000AAE=': Buffer.from([0, 1]) });
  });

  it.each(['AAE', 'AA=E', 'AAE= ', 'A*E=', '_-8=', 'AB==', 'hello'])(
    'PITFALLS 71: U+0000 followed by %j is no padded base64 and stays a string',
    (text) => {
      expect(args(`["\\u0000${text}"]`)).toEqual([`\u0000${text}`]);
    },
  );

  it('PITFALLS 71: binary is written as U+0000 and base64 with padding', () => {
    const bytes = new Uint8Array([9, 0, 1, 2, 3, 9]).subarray(1, 5);
    expect(frame(Payload.of([bytes, { k: Buffer.from([0]) }], { 'a"b': Buffer.from([255]) }))).toBe(
      '[36,1,2,{},["\\u0000AAECAw==",{"k":"\\u0000AA=="}],{"a\\"b":"\\u0000/w=="}]',
    );
  });

  it('PITFALLS 74: integers beyond 2^53 are BigInt, exactly; all others numbers', () => {
    expect(args('[9007199254740992,9007199254740993,-9007199254740993,12345678901234567890,3.0,1e300,-0]')).toEqual([
      9007199254740992,
      9007199254740993n,
      -9007199254740993n,
      12345678901234567890n,
      3,
      1e300,
      -0,
    ]);
    expect(args('["12345678901234567890"]')).toEqual(['12345678901234567890']);
  });

  it('PITFALLS 74: BigInt is written as digits', () => {
    expect(frame(Payload.of([2n ** 128n - 1n, -1n, 5n]))).toBe(
      '[36,1,2,{},[340282366920938463463374607431768211455,-1,5]]',
    );
  });

  it('an integer of 10,000 digits is forwarded, but not converted', () => {
    const digits = '9'.repeat(10_000);
    const long = payload(`[${digits}]`);
    expect(frame(long)).toContain(digits);
    expect(() => long.value()).toThrow(WampError);
    expect(() => cbor.encode(new Event(1, 2, NO_DETAILS, 'a', long))).toThrow(WampError);
  });

  it('PITFALLS 74: of equal keys the last wins, in the fast and in the exact reading', () => {
    expect(args('[{"a":1,"a":{"b":2}}]')).toEqual([{ a: { b: 2 } }]);
    expect(args('[{"a":1,"a":12345678901234567890,"a":null}]')).toEqual([{ a: null }]);
  });

  it('PITFALLS 74: __proto__ stays an own key in the fast, the exact and the binary reading', () => {
    for (const extra of ['1', '12345678901234567890', '"\\u0000AAE="']) {
      const [value] = args(`[{"__proto__":{"x":${extra}}}]`);
      expect(Object.keys(value as object)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      const there = payload(`[{"__proto__":{"x":${extra}}}]`).tail(msgpack);
      expect(there.bytes.includes('__proto__')).toBe(true);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'PITFALLS 32: %s cannot be said in JSON: invalid_argument, not null',
    (value) => {
      for (const from of [msgpack, cbor]) {
        const tail = from.encodePayload({ args: [value], kwargs: undefined });
        const sent = Payload.raw(from, tail);
        expect(() => frame(sent)).toThrow(expect.objectContaining({ uri: ErrorUri.INVALID_ARGUMENT }));
      }
    },
  );

  it('a map with keys that are no strings cannot be said in JSON', () => {
    expect(() => frame(Payload.of([new Map([[1, 2]])]))).toThrow(WampError);
  });

  it('a lone surrogate is legal JSON text and stays; a binary encoding refuses it rather than replace it', () => {
    const lone = payload('["\\ud800"]');
    expect(frame(lone)).toBe('[36,1,2,{},["\\ud800"]]');
    expect(frame(Payload.of(['\ud800']))).toBe('[36,1,2,{},["\\ud800"]]');
    for (const to of [msgpack, cbor]) expect(() => lone.tail(to)).toThrow(WampError);
  });
});

describe('refusals', () => {
  it('PITFALLS 74: bytes that are not UTF-8 are a violation wherever they stand', () => {
    for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const bytes = [Buffer.from('[16,1,{},"a",["'), Buffer.from(bad), Buffer.from('"]]')];
      expect(() => json.decode(Buffer.concat(bytes))).toThrow('UTF-8');
    }
  });

  it.each([
    '[16,1,{},"a",[tru]]',
    '[16,1,{},"a",["x"]]]',
    "[16,1,{},'a']",
    '[16,1,{},"a",]',
    '[16,01,{},"a"]',
    '\ufeff[16,1,{},"a"]',
    '[16,1,{},"a",["\u0000"]]',
    '[16,1,{},"a",[NaN]]',
  ])('%j is no JSON: a violation', (text) => {
    expect(() => json.decode(Buffer.from(text))).toThrow(ProtocolViolation);
  });

  it('PITFALLS 22: ids may be written 1.0 or 1e0; 2^53 + 1 and longer ones are refused by their digits', () => {
    expect(json.decode(Buffer.from('[66,1.0,1e0]'))).toMatchObject({ request: 1, registration: 1 });
    expect(json.decode(Buffer.from('[66,9007199254740992,1]'))).toMatchObject({ request: 9007199254740992 });
    for (const id of ['9007199254740993', '9007199254740992000', '9'.repeat(400), '1e400']) {
      expect(() => json.decode(Buffer.from(`[66,${id},9007199254740992]`))).toThrow(ProtocolViolation);
    }
    expect(() => json.decode(Buffer.from(`[48,9007199254740993,{},"a",[${'9'.repeat(400)}]]`))).toThrow(
      ProtocolViolation,
    );
    expect(() => json.decode(Buffer.from(`[48,9007199254740992,{},"a",[${'9'.repeat(400)}]]`))).not.toThrow();
  });

  it('PITFALLS 75: brackets inside strings are no nesting', () => {
    expect(() => payload(`["${'['.repeat(1000)}","\\"${'{'.repeat(1000)}\\\\"]`)).not.toThrow();
    expect(() => payload(`["${']'.repeat(1000)}",${'['.repeat(300)}${']'.repeat(300)}]`)).toThrow(ProtocolViolation);
  });

  it('PITFALLS 75: five million open brackets are a violation', () => {
    expect(() => json.decode(Buffer.from('['.repeat(5_000_000)))).toThrow(ProtocolViolation);
  });
});
