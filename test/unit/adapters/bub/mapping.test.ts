import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shownId } from '../../../../src/adapters/bub/jsonrpc.ts';
import { toPattern, toPayload, topicProblem } from '../../../../src/adapters/bub/mapping.ts';
import { members, nesting } from '../../../../src/adapters/json-spans.ts';
import { tokenOf } from '../../../../src/adapters/token.ts';
import { json } from '../../../../src/serializers/json.ts';
import type { Dict } from '../../../../src/wamp/payload.ts';

describe('BRIDGES 1: patterns of Bub peers in the index', () => {
  it.each([
    ['tg:1', 'exact', 'tg:1'],
    ['tg:*', 'prefix', 'tg:'],
    ['a.b.*', 'prefix', 'a.b.'],
    ['tg:**', 'glob', 'tg:**'],
    ['tg:?', 'glob', 'tg:?'],
    ['*:1', 'glob', '*:1'],
    ['a[b]', 'glob', 'a[b]'],
    ['a[b', 'glob', 'a[b'],
    ['inbound:chat-', 'exact', 'inbound:chat-'],
  ])('%s is %s %s', (pattern, match, uri) => expect(toPattern(pattern, false)).toEqual({ uri, match }));

  it('a prefix that would reach into wamp. stays a glob, which never matches there', () => {
    for (const pattern of ['*', 'w*', 'wam*', 'wamp*'])
      expect(toPattern(pattern, false)).toMatchObject({ match: 'glob' });
    expect(toPattern('wampy*', false)).toEqual({ uri: 'wampy', match: 'prefix' });
    for (const pattern of ['wamp.*', 'wamp.x', 'wamp', 'wamp.[a]'])
      expect(toPattern(pattern, false)).toMatch(/namespace/);
  });

  it('bub-v1: a plain pattern that ends in - or : is a prefix', () => {
    expect(toPattern('inbound:chat-', true)).toEqual({ uri: 'inbound:chat-', match: 'prefix' });
    expect(toPattern('inbound:', true)).toEqual({ uri: 'inbound:', match: 'prefix' });
    expect(toPattern('inbound:c', true)).toEqual({ uri: 'inbound:c', match: 'exact' });
    expect(toPattern('[a]-', true)).toEqual({ uri: '[a]-', match: 'glob' });
  });

  it.each(['a b', 'a..b', 'a#', '', '.', 'wamp.x', 'wamp'])('%j is no topic', (topic) => {
    expect(topicProblem(topic)).toBeDefined();
  });
});

describe('payloads as the text that came', () => {
  it('keep every digit on the way to WAMP peers', () => {
    const text = '{"n":9007199254740993,"f":1.0,"s":"\\u0000AAE="}';
    const payload = toPayload(text, JSON.parse(text) as Dict);
    expect(payload.tail(json).bytes.toString()).toBe(`[],${text}`);
    expect(payload.value().kwargs).toEqual({ n: 9007199254740993n, f: 1, s: Buffer.from([0, 1]) });
  });

  it('are found in any text, whatever its keys, spacing and order: the last of equal keys counts', () => {
    const key = fc.constantFrom('params', 'payload', 'a"b', 'p\\', '\u00e9', '__proto__', '');
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, value), { maxLength: 6 }),
        fc.constantFrom('', ' ', '\n\t '),
        (entries, gap) => {
          const written = entries.map(
            ([name, each]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${JSON.stringify(each, null, gap)}${gap}`,
          );
          const text = `${gap}{${written.join(',')}${gap}}${gap}`;
          const parsed = JSON.parse(text) as Dict;
          const found = members(text, 0, ['params', 'payload', 'a"b', '__proto__']);
          expect(found.count).toBe(entries.length);
          for (const [i, name] of ['params', 'payload', 'a"b', '__proto__'].entries()) {
            const span = found.spans[i];
            const expected = Object.getOwnPropertyDescriptor(parsed, name)?.value as unknown;
            expect(span === undefined ? undefined : JSON.parse(text.slice(span.start, span.end))).toEqual(expected);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('keys written with escapes are the same keys', () => {
    const text = '{"p\\u0061yload":1}';
    const span = members(text, 0, ['payload']).spans[0];
    expect(span && text.slice(span.start, span.end)).toBe('1');
  });

  it('nesting counts brackets outside of strings only', () => {
    expect(nesting(`{"a":"${'['.repeat(50)}\\"[","b":[[{}]]}`, 3)).toBe(4);
    expect(nesting(`{"a":"${'['.repeat(50)}"}`, 3)).toBe(1);
  });
});

describe('tokens of bridge endpoints', () => {
  const info = { transport: 'memory', subprotocol: '', address: '', secure: false };
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  it.each([
    [{ authorization: basic('a:b:c') }, '/', { authid: 'a', ticket: 'b:c' }],
    [{ authorization: 'bearer t', 'x-waggle-authid': 'a' }, '/', { authid: 'a', ticket: 't' }],
    [{ authorization: 'Bearer t' }, '/bub?x=1&authid=agent%3Aa', { authid: 'agent:a', ticket: 't' }],
    [{ authorization: 'Bearer t' }, '/bub', undefined],
    [{ authorization: basic(':b') }, '/', undefined],
    [{ authorization: 'Digest t' }, '/?authid=a', undefined],
    [{}, '/?authid=a', undefined],
  ])('%j %s', (headers, url, expected) => {
    expect(tokenOf({ ...info, headers, url })).toEqual(expected);
  });
});

it('the activity log shows ids of requests as people write them', () => {
  expect([undefined, 'null', '5', '"a\\"b"'].map((id) => shownId(id))).toEqual(['', '', '5', 'a"b']);
});
