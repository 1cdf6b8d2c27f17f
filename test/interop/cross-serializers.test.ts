/** Every pair of encodings, as publisher and subscriber and as caller and callee (FEATURES A18, PITFALLS 31, 32, 71–74). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { autobahn, Inbox, joinAgent } from '../support/autobahn-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { RAW_NAMES, type RawName } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

let router: RunningRouter;
beforeAll(async () => {
  router = await startRouter();
});
afterAll(() => router.stop());

const PAIRS = RAW_NAMES.flatMap((from) => RAW_NAMES.map((to) => [from, to] as const));

const BYTES = Buffer.from('00ff10807f48656c6c6f00', 'hex');

/** Payloads that every encoding can carry. */
const PAYLOADS: readonly (readonly [what: string, args: readonly unknown[], kwargs?: Dict])[] = [
  ['nothing', []],
  ['null', [null, [null], { a: null }]],
  ['booleans', [true, false]],
  ['text of every plane', ['', 'é', 'ß☃', '😀𝔘', '\u0001\u001f"\\/\u2028', 'x'.repeat(70_000)]],
  ['keys of every kind', [], { '': 0, '0': 1, née: 2, '😀': 3, constructor: 4, toString: 5, 'a.b': 6 }],
  ['small integers', [0, 1, -1, 23, 24, -24, -25, 127, 128, -128, -129, 255, 256, 65_535, 65_536]],
  ['integers up to 2^53', [2 ** 31, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)]],
  ['floats', [0.1, -1.5, 1e300, 5e-324, Math.PI, 1 / 3]],
  ['binary at any depth', [BYTES, [BYTES, [[BYTES]]], { a: { b: [BYTES] } }], { bin: BYTES, deep: [{ x: BYTES }] }],
  ['empty binary', [Buffer.alloc(0), [Buffer.alloc(0)]]],
  ['much binary', [Buffer.alloc(70_000, 0xab)]],
  [
    'lists and dictionaries in one another',
    [[], {}, [[]], [{}], { a: [] }],
    { list: [[1, [2, [3]]]], dict: { a: { b: {} } } },
  ],
  ['kwargs without args', [], { only: 'kwargs' }],
  [
    'many',
    Array.from({ length: 2000 }, (_, n) => n),
    Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])),
  ],
];

/** What a client of that encoding is to see of a value: JSON has binary as text behind a NUL. */
function seen(name: RawName, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    return name === 'json' ? `\u0000${bytes.toString('base64')}` : bytes.toString('hex');
  }
  if (Array.isArray(value)) return value.map((item) => seen(name, item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, seen(name, item)]));
}

const payloadOf = (args: readonly unknown[], kwargs: Dict | undefined) =>
  kwargs === undefined ? (args.length === 0 ? [] : [args]) : [args, kwargs];

async function raws(...names: RawName[]): Promise<RawClient[]> {
  return Promise.all(names.map(async (name) => (await RawClient.connect(router.url, name)).join('realm1')));
}

for (const [from, to] of PAIRS) {
  describe(`from ${from} to ${to}`, () => {
    for (const [what, args, kwargs] of PAYLOADS) {
      it(`PITFALLS 32: a subscriber gets ${what} as it was published`, async () => {
        const [publisher, subscriber] = await raws(from, to);
        if (publisher === undefined || subscriber === undefined) throw new Error('unreachable');
        const id = await subscriber.subscribe('com.topic');
        publisher.publish('com.topic', {}, args, kwargs ?? {});
        const [type, subscription, , details, ...payload] = (await subscriber.take()) as unknown[];
        expect([type, subscription, details]).toEqual([36, id, {}]);
        expect(seen(to, payload)).toEqual(seen(to, payloadOf(args, kwargs)));
        for (const client of [publisher, subscriber]) client.close();
      });
    }

    it('PITFALLS 32: call, progress, result and error carry all of it there and back', async () => {
      const [caller, callee] = await raws(from, to);
      if (caller === undefined || callee === undefined) throw new Error('unreachable');
      const registration = await callee.register('com.echo');
      let invocation = 0;
      for (const [, args, kwargs] of PAYLOADS) {
        const payload = payloadOf(args, kwargs);
        invocation += 1;
        const request = caller.call('com.echo', { receive_progress: true }, ...payload);
        const details = { receive_progress: true };
        const asked = await callee.take();
        expect(seen(to, asked)).toEqual(seen(to, [68, invocation, registration, details, ...payload]));
        callee.send([70, invocation, { progress: true }, ...payload]);
        expect(seen(from, await caller.take())).toEqual(seen(from, [50, request, { progress: true }, ...payload]));
        if (invocation % 2 === 0) {
          callee.send([70, invocation, {}, ...payload]);
          expect(seen(from, await caller.take())).toEqual(seen(from, [50, request, {}, ...payload]));
        } else {
          callee.send([8, 68, invocation, { _d: 'why' }, 'com.error', ...payload]);
          const expected = [8, 48, request, { _d: 'why' }, 'com.error', ...payload];
          expect(seen(from, await caller.take())).toEqual(seen(from, expected));
        }
      }
      for (const client of [caller, callee]) client.close();
    });

    it('PITFALLS 32: the order of keys stays', async () => {
      const [publisher, subscriber] = await raws(from, to);
      if (publisher === undefined || subscriber === undefined) throw new Error('unreachable');
      await subscriber.subscribe('com.topic');
      const kwargs = { zulu: 1, alpha: { y: 1, x: 2, m: { q: 1, b: 2 } }, mike: 3 };
      publisher.publish('com.topic', {}, [{ b: 1, a: 2 }], kwargs);
      const { args, kwargs: got } = await subscriber.expect(36);
      expect(JSON.stringify([args, got])).toBe(JSON.stringify([[{ b: 1, a: 2 }], kwargs]));
      for (const client of [publisher, subscriber]) client.close();
    });

    it('PITFALLS 32, 72, 74: integers beyond 2^53 keep every digit', async () => {
      const [publisher, subscriber] = await raws(from, to);
      if (publisher === undefined || subscriber === undefined) throw new Error('unreachable');
      await subscriber.subscribe('com.topic');
      const digits = ['9007199254740993', '-9007199254740993', '18446744073709551615', '-9223372036854775808'];
      publisher.publish('com.topic', {}, digits.map(BigInt), { big: 12345678901234567890n });
      const { args, kwargs } = await subscriber.expect(36);
      if (to === 'json') {
        // The test's own JSON.parse would round.
        const text = subscriber.bytes.at(-1)?.toString() ?? '';
        expect(text).toMatch(new RegExp(`\\[${digits.join(',')}\\],\\{"big":12345678901234567890\\}\\]$`));
      } else {
        expect(args.map(String)).toEqual(digits);
        expect(String(kwargs.big)).toBe('12345678901234567890');
      }
      for (const client of [publisher, subscriber]) client.close();
    });
  });
}

describe('values that not every encoding knows', () => {
  it('PITFALLS 71: text behind a NUL that is no base64 stays text', async () => {
    for (const to of RAW_NAMES) {
      const [publisher, subscriber] = await raws('json', to);
      await subscriber?.subscribe('com.topic');
      publisher?.publish('com.topic', {}, ['\u0000not base64!', '\u0000abc', '\u0000']);
      const event = await subscriber?.expect(36);
      expect(event?.args.slice(0, 2)).toEqual(['\u0000not base64!', '\u0000abc']);
      for (const client of [publisher, subscriber]) client?.close();
    }
  });

  it('PITFALLS 32: NaN and infinities pass between MessagePack and CBOR', async () => {
    for (const [from, to] of PAIRS.filter((pair) => !pair.includes('json'))) {
      const [publisher, subscriber] = await raws(from, to);
      await subscriber?.subscribe('com.topic');
      publisher?.publish('com.topic', {}, [Number.NaN, Infinity, -Infinity]);
      expect((await subscriber?.expect(36))?.args).toEqual([Number.NaN, Infinity, -Infinity]);
      for (const client of [publisher, subscriber]) client?.close();
    }
  });

  it('PITFALLS 72: what JSON cannot say costs the JSON subscriber that event and nobody anything else', async () => {
    const [publisher, json, msgpack] = await raws('msgpack', 'json', 'msgpack');
    if (publisher === undefined || json === undefined || msgpack === undefined) throw new Error('unreachable');
    await json.subscribe('com.topic');
    await msgpack.subscribe('com.topic');
    // [16, 1, {}, "com.topic", [a timestamp]]
    publisher.sendBytes(Buffer.from('95100180a9636f6d2e746f70696391d6ff00000001', 'hex'));
    publisher.publish('com.topic', {}, ['plain']);
    expect(await json.expect(36)).toMatchObject({ args: ['plain'] });
    expect((await msgpack.expect(36)).args).toHaveLength(1);
    expect(msgpack.bytes[2]?.toString('hex')).toMatch(/91d6ff00000001$/);
    expect(await msgpack.expect(36)).toMatchObject({ args: ['plain'] });
    for (const client of [publisher, json, msgpack]) client.close();
  });

  it('PITFALLS 72: a call that JSON cannot say is answered with invalid_argument', async () => {
    const [caller, callee] = await raws('msgpack', 'json');
    if (caller === undefined || callee === undefined) throw new Error('unreachable');
    await callee.register('com.p');
    // [48, 1, {}, "com.p", [a timestamp]]
    caller.sendBytes(Buffer.from('95300180a5636f6d2e7091d6ff00000001', 'hex'));
    expect(await caller.message()).toMatchObject({ type: 8, requestType: 48, error: 'wamp.error.invalid_argument' });
    expect(await callee.settle()).toEqual([]);
    for (const client of [caller, callee]) client.close();
  });
});

describe('autobahn in every encoding', () => {
  for (const [from, to] of PAIRS) {
    it(`PITFALLS 32: ${from} calls ${to} and hears it publish`, async () => {
      const [one, other] = await Promise.all([
        joinAgent({ url: router.url }, from),
        joinAgent({ url: router.url }, to),
      ]);
      const value = [1, -1, 1.5, 'é 😀', null, true, [], {}, { deep: [{ er: [1, 2] }] }, 2 ** 40, 2 ** 53 - 1];
      const kwargs = { née: 'x', b: { c: [1] } };
      await other.session.register('com.echo', (args, words) => new autobahn.Result(args, words));
      expect(await one.session.call('com.echo', value, kwargs)).toMatchObject({ args: value, kwargs });
      const heard = new Inbox<unknown>();
      await one.session.subscribe('com.topic', (args, words) => heard.put({ args, kwargs: words }));
      other.session.publish('com.topic', value, kwargs);
      expect(await heard.until(1)).toEqual([{ args: value, kwargs }]);
      await Promise.all([one.leave(), other.leave()]);
    });
  }

  for (const [from, to] of PAIRS.filter((pair) => !pair.includes('json'))) {
    it(`PITFALLS 71–73: binary from ${from} to ${to} and back`, async () => {
      const [one, other] = await Promise.all([
        joinAgent({ url: router.url }, from),
        joinAgent({ url: router.url }, to),
      ]);
      await other.session.register('com.echo', ([bytes]) => {
        expect(Buffer.isBuffer(bytes) || bytes instanceof Uint8Array).toBe(true);
        return bytes;
      });
      const answer = await one.session.call('com.echo', [BYTES]);
      expect(Buffer.from(answer as Uint8Array).toString('hex')).toBe(BYTES.toString('hex'));
      await Promise.all([one.leave(), other.leave()]);
    });
  }

  it('PITFALLS 73: a CBOR bignum comes back equal', async () => {
    const [one, other] = await Promise.all([
      joinAgent({ url: router.url }, 'cbor'),
      joinAgent({ url: router.url }, 'cbor'),
    ]);
    const big = 2n ** 128n - 1n;
    await other.session.register('com.echo', ([value]) => value);
    expect(String(await one.session.call('com.echo', [big]))).toBe(String(big));
    await Promise.all([one.leave(), other.leave()]);
  });
});
