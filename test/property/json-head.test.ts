import fc from 'fast-check';
import { expect, it } from 'vitest';
import { json } from '../../src/serializers/json.ts';
import type { ClientMessage } from '../../src/wamp/messages.ts';

/** What a decoder says of bytes, in a form that compares. */
function said(decode: (bytes: Buffer) => ClientMessage, bytes: Buffer): unknown {
  let message: ClientMessage;
  try {
    message = decode(bytes);
  } catch (error) {
    return String(error);
  }
  if (!('payload' in message)) return message;
  const { payload, ...head } = message;
  const { bytes: tail, elements } = payload.tail(json);
  return { head, tail: tail.toString('latin1'), elements, value: result(() => payload.value()) };
}

function result(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

const ids = fc.constantFrom(
  '1',
  '4711',
  '0',
  '01',
  '-1',
  '1.0',
  '1e3',
  '999999999999999',
  '9007199254740992',
  'null',
  '""',
);
const texts = fc.oneof(
  fc.constantFrom(
    '"com.bench.echo"',
    '"a"',
    '""',
    '"wamp.x"',
    '"ä.ö"',
    '"a\\"b"',
    '"a\\u0041"',
    '"a\tb"',
    '"a',
    '7',
    '"\\ud800"',
  ),
  fc.string({ maxLength: 300 }).map((s) => JSON.stringify(s)),
);
const options = fc.oneof(
  fc.constantFrom(
    '{}',
    '{"acknowledge":true}',
    '{"acknowledge":1}',
    '{ }',
    '{"x":"}"}',
    '{"a":[{}]}',
    '{]',
    '{"a":1]',
    '[]',
  ),
  fc.json({ maxDepth: 2 }),
);
const payloads = fc.oneof(
  fc.constantFrom(
    '',
    '[]',
    '[],{}',
    'null',
    '[1,]',
    '[1]]',
    '[tru]',
    '[1],{"k":1}',
    '[],{"k":1}',
    'null,{"k":1}',
    '[1],{}',
  ),
  fc.constantFrom(
    '["\\u0000AAE="]',
    '[12345678901234567890]',
    '[1.0,-0]',
    '[1] ',
    ' [1]',
    '[1],[2]',
    '[1],2,{"a":1}',
    '[1}',
    '{"a":1}',
  ),
  fc.array(fc.jsonValue()).map((args) => JSON.stringify(args)),
  fc
    .tuple(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
    .map(([args, kwargs]) => `${JSON.stringify(args)},${JSON.stringify(kwargs)}`),
);
const closings = fc.constantFrom(']', ']', ']', ']', '', ']]', '] ', '}', ' ]');

const messages = fc
  .tuple(fc.constantFrom(16, 48, 70, 32, 34, 8, 49, 64, 6, 99), ids, options, texts, payloads, closings)
  .map(([type, id, dict, text, payload, closing]) => {
    const head = type === 70 || type === 49 ? [type, id, dict] : type === 34 ? [type, id, '7'] : [type, id, dict, text];
    if (type === 8) head.splice(1, 0, '68');
    return `[${head.join(',')}${payload === '' ? '' : `,${payload}`}${closing}`;
  });

/** One byte of the text replaced, left out or doubled. */
const mutated = fc.tuple(messages, fc.nat(), fc.constantFrom(...'[]{},:"\\ 0a\u0000')).map(([text, at, byte]) => {
  const place = at % text.length;
  return text.slice(0, place) + (at % 3 === 0 ? '' : at % 3 === 1 ? byte : byte + text[place]) + text.slice(place + 1);
});

it('PITFALLS 25, 74: a header read from the bytes is the header that parsing the whole message finds, error and all', () => {
  fc.assert(
    fc.property(fc.oneof(messages, mutated), (text) => {
      const bytes = Buffer.from(text);
      expect(said((each) => json.decode(each), bytes)).toEqual(said((each) => json.decodeParsed(each), bytes));
    }),
    { numRuns: 4000 },
  );
});

it('what any encoder writes is read that way', () => {
  const usual = [
    '[48,123,{},"com.bench.echo",["x"]]',
    '[16,1,{"acknowledge":true},"a.b",[],{"k":{"deep":[1,2]}}]',
    '[70,1,{},["x",{"y":1}]]',
    '[70,1,{}]',
    '[32,7,{"match":"prefix"},"ü"]',
    '[8,68,3,{},"a.b",["reason"]]',
  ];
  for (const text of usual) expect(json.decodeUsual(Buffer.from(text)), text).toBeDefined();
});
