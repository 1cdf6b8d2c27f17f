import { describe, expect, it } from 'vitest';
import {
  argsPayload,
  calledText,
  checkedName,
  codeOf,
  failureText,
  fullName,
  kwargsPayload,
  loggedText,
  ownForm,
  resultText,
  toPattern,
  wholeText,
} from '../../../../src/adapters/relay/mapping.ts';
import { json } from '../../../../src/serializers/json.ts';
import { msgpack } from '../../../../src/serializers/msgpack.ts';
import { ErrorUri } from '../../../../src/wamp/errors.ts';
import { Payload } from '../../../../src/wamp/payload.ts';

describe('names', () => {
  it('one without a dot is one of .relay', () => {
    expect(['bob', 'bob.relay', 'a.b.c'].map(fullName)).toEqual(['bob.relay', 'bob.relay', 'a.b.c']);
    expect(checkedName('bob')).toBe('bob.relay');
    expect(checkedName('naïve-агент')).toBe('naïve-агент.relay');
  });

  it.each(['a b', 'a..b', '.relay', 'bob.', '#', 'wamp.session', 'x'.repeat(257), '\u3000', 'wamp.x'])(
    '%j is none',
    (name) => {
      expect(() => checkedName(name)).toThrow(/^name: /);
    },
  );
});

describe('topics', () => {
  it.each([
    ['updates.*', { uri: 'updates.', match: 'wildcard' }],
    ['a.b.*', { uri: 'a.b.', match: 'wildcard' }],
    ['*', { uri: '', match: 'prefix' }],
    ['updates', { uri: 'updates', match: 'exact' }],
    ['a.*.c', { uri: 'a.*.c', match: 'exact' }],
    ['a*', { uri: 'a*', match: 'exact' }],
    ['tg:1', { uri: 'tg:1', match: 'exact' }],
  ])('%s', (topic, pattern) => {
    expect(toPattern(topic)).toEqual(pattern);
  });

  it.each(['.*', 'a..*', 'a b', '.', 'a.', '..*', 'a b.*'])('%j is none', (topic) => {
    expect(() => toPattern(topic)).toThrow(/^topic: /);
  });
});

/** As it comes from a JSON and from a MessagePack session, and as the router makes it. */
function origins(args: readonly unknown[], kwargs?: Record<string, unknown>): Payload[] {
  const of = Payload.of(args, kwargs);
  return [of, Payload.raw(json, of.tail(json)), Payload.raw(msgpack, of.tail(msgpack))];
}

describe('payloads', () => {
  it('an event that is not in our form loses nothing', () => {
    for (const payload of origins([1, 'a'], { b: [true] })) {
      expect(JSON.parse(wholeText(payload))).toEqual({ args: [1, 'a'], kwargs: { b: [true] } });
      expect(ownForm(payload)).toBeUndefined();
    }
    expect(wholeText(Payload.EMPTY)).toBe('{"args":[],"kwargs":{}}');
    expect(wholeText(kwargsPayload('{"n":9007199254740993}'))).toBe('{"args":[],"kwargs":{"n":9007199254740993}}');
    expect(loggedText(kwargsPayload('{"a":1}'))).toBe('{"a":1}');
  });

  it('our form is kwargs with message_type and payload; what is no string becomes one', () => {
    for (const payload of origins([], { message_type: 't', payload: { a: 1 }, metadata: { k: 'v' } })) {
      expect(ownForm(payload)).toEqual({ messageType: 't', payload: '"{\\"a\\":1}"', metadata: '{"k":"v"}' });
    }
    for (const payload of origins([], { message_type: 't', payload: 'p', metadata: { k: 1 } })) {
      expect(ownForm(payload)).toEqual({ messageType: 't', payload: '"p"', metadata: '{}' });
    }
    for (const payload of [
      ...origins(['x'], { message_type: 't', payload: 'p' }),
      ...origins([], { message_type: 5, payload: 'p' }),
      ...origins([], { message_type: 't' }),
      ...origins([], { text: '"message_type"', payload: 'p' }),
    ]) {
      expect(ownForm(payload)).toBeUndefined();
    }
  });

  it('a call is its only argument, or all it has', () => {
    const called = (args: readonly unknown[], kwargs?: Record<string, unknown>) =>
      origins(args, kwargs).map((payload) => JSON.parse(calledText(payload)) as unknown);
    expect(called([])).toEqual(['', '', '']);
    expect(called(['text'])).toEqual(['text', 'text', 'text']);
    expect(called([[]])).toEqual(['[]', '[]', '[]']);
    expect(called([{ a: 1 }])).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
    for (const text of [...called([1, 2]), ...called([[], []])])
      expect(JSON.parse(String(text))).toHaveProperty('args');
    for (const text of called(['x'], { a: 1 })) {
      expect(JSON.parse(String(text))).toEqual({ args: ['x'], kwargs: { a: 1 } });
    }
    expect(calledText(argsPayload(' 5 '))).toBe('" 5 "'.replaceAll(' ', ''));
  });

  it('a result is its first argument; kwargs where there is none', () => {
    const result = (args: readonly unknown[], kwargs?: Record<string, unknown>) =>
      origins(args, kwargs).map((payload) => JSON.parse(resultText(payload)) as unknown);
    expect(result(['x', 2], { a: 1 })).toEqual(['x', 'x', 'x']);
    expect(result([[1, 2]])).toEqual(['[1,2]', '[1,2]', '[1,2]']);
    expect(result([null])).toEqual(['null', 'null', 'null']);
    expect(result([], { processed: true })).toEqual(Array(3).fill('{"processed":true}'));
    expect(result([])).toEqual(['', '', '']);
  });

  it('an error is its URI and its sentence', () => {
    expect(failureText('a.b', Payload.of(['why', 2]))).toBe('a.b: why');
    expect(failureText('a.b', Payload.of([{}]))).toBe('a.b');
    expect(failureText('a.b', Payload.EMPTY)).toBe('a.b');
  });
});

it('refusals of the realm have codes', () => {
  expect(
    [ErrorUri.NOT_AUTHORIZED, ErrorUri.INVALID_URI, ErrorUri.PAYLOAD_SIZE_EXCEEDED, ErrorUri.LIMIT_EXCEEDED].map(
      codeOf,
    ),
  ).toEqual(['not_authorized', 'bad_message', 'payload_too_large', 'internal']);
});
