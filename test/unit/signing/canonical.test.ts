import { describe, expect, it } from 'vitest';
import { canonicalText, plainText, textsOf, Unsignable } from '../../../src/signing/canonical.ts';

function double(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE();
}

describe('known answers of RFC 8785', () => {
  it('section 3.2.2 to 3.2.4: numbers, strings and literals, and their UTF-8', () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    const text = canonicalText(JSON.parse(input));
    expect(text).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    expect(Buffer.from(text).toString('hex')).toBe(
      [
        '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a',
        '5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d3237',
        '5d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d',
      ].join(''),
    );
  });

  it('section 3.2.3: keys sorted by UTF-16 code units', () => {
    const input = String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`;
    const values = [...canonicalText(JSON.parse(input)).matchAll(/:"([^"]+?)"[,}]/g)].map(([, value]) => value);
    expect(values).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('appendix B: the double %s is written %s', (bits, text) => {
    expect(canonicalText(double(bits))).toBe(text);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])(
    'appendix B: the double %s is an error',
    (bits) => {
      expect(() => canonicalText(double(bits))).toThrow(Unsignable);
    },
  );

  it('section 3.2.2.2: a lone surrogate is an error, in values and in keys', () => {
    for (const value of ['\ud83d', { a: ['x\udead'] }, { '\udead': 1 }, { a: { '\ud83dx': 1 } }]) {
      expect(() => canonicalText(value)).toThrow('a lone surrogate cannot be signed');
    }
    expect(canonicalText('😀')).toBe('"😀"');
  });
});

describe('the text of what messages carry', () => {
  it('is the same whatever the order of keys; the plain text keeps it', () => {
    expect(textsOf({ b: 1, a: { d: 2, c: 3 } })).toEqual(['{"a":{"c":3,"d":2},"b":1}', '{"b":1,"a":{"d":2,"c":3}}']);
  });

  it('an integer beyond 2^53 is written where ECMAScript writes its own digits, else it cannot be signed', () => {
    expect(canonicalText({ n: 2n ** 53n + 2n })).toBe('{"n":9007199254740994}');
    expect(plainText([12345678901234567000n, -1152921504606847000n])).toBe(
      '[12345678901234567000,-1152921504606847000]',
    );
    for (const integer of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n, 10n ** 21n, 2n ** 1023n, 2n ** 1100n]) {
      expect(() => canonicalText({ n: [integer] })).toThrow('send it as text');
    }
  });

  it.each([
    ['binary', { data: Uint8Array.of(1, 2) }],
    ['binary', Buffer.from('x')],
    ['binary', new ArrayBuffer(2)],
    ['a map with keys that are no strings', { map: new Map([[1, 2]]) }],
    ['NaN and Infinity', [Number.NaN]],
    ['NaN and Infinity', { deep: [{ n: Number.POSITIVE_INFINITY }] }],
  ])('%s cannot be signed', (what, value) => {
    expect(() => canonicalText(value)).toThrow(`${what} cannot be signed`);
    expect(() => textsOf(value)).toThrow(Unsignable);
  });

  it('is what JSON.stringify makes of the value, keys sorted: undefined and functions are left out, toJSON is asked', () => {
    const value = { u: undefined, f: () => 1, s: Symbol('s'), d: new Date(0), list: [undefined, () => 1], n: null };
    expect(plainText(value)).toBe(JSON.stringify(value));
    expect(canonicalText(value)).toBe('{"d":"1970-01-01T00:00:00.000Z","list":[null,null],"n":null}');
    const sparse = new Array(2);
    expect(canonicalText(sparse)).toBe('[null,null]');
    expect(() => canonicalText(undefined)).toThrow(Unsignable);
  });

  it('a key __proto__ is a key like any other', () => {
    const value = JSON.parse('{"__proto__":{"n":1},"a":2}');
    expect(textsOf(value)).toEqual(['{"__proto__":{"n":1},"a":2}', '{"__proto__":{"n":1},"a":2}']);
    Object.defineProperty(value, '__proto__', { value: 2n ** 53n + 2n, enumerable: true });
    expect(canonicalText(value)).toBe('{"__proto__":9007199254740994,"a":2}');
  });

  it('what contains itself, or nests without end, is refused and takes no stack', () => {
    const circle: Record<string, unknown> = {};
    circle.self = [circle];
    expect(() => canonicalText(circle)).toThrow('nested deeper than 256 levels');
    let deep: unknown = 1;
    for (let i = 0; i < 256; i++) deep = [deep];
    expect(canonicalText(deep)).toHaveLength(513);
    expect(() => canonicalText([deep])).toThrow(Unsignable);
  });
});
