/** What every serializer must do; see `serializer.contract.test.ts` for those it is run on. */
import { describe, expect, it } from 'vitest';
import { serializers } from '../../src/serializers/registry.ts';
import { MAX_DEPTH, type Serializer } from '../../src/serializers/serializer.ts';
import { ErrorUri, ProtocolViolation, WampError } from '../../src/wamp/errors.ts';
import { MAX_ID } from '../../src/wamp/ids.ts';
import { type ClientMessage, Event, MessageType, NO_DETAILS, type RouterMessage } from '../../src/wamp/messages.ts';
import { type Dict, Payload, type PayloadValue } from '../../src/wamp/payload.ts';
import { decodeRaw, encodeRaw, type RawName } from '../support/raw-codec.ts';
import { readRouterMessage } from '../support/router-messages.ts';

/** One legal message of each type, and what stands at each position behind the type. */
export const CLIENT_MESSAGES: readonly { name: string; message: unknown[]; kinds: Kind[]; payload: boolean }[] = [
  {
    name: 'HELLO',
    message: [1, 'realm1', { roles: { caller: {} } }],
    kinds: ['string', 'details'],
    payload: false,
  },
  { name: 'ABORT', message: [3, {}, 'wamp.close.normal'], kinds: ['dict', 'string'], payload: true },
  { name: 'AUTHENTICATE', message: [5, 'secret', {}], kinds: ['string', 'dict'], payload: false },
  { name: 'GOODBYE', message: [6, {}, 'wamp.close.normal'], kinds: ['dict', 'string'], payload: false },
  {
    name: 'ERROR',
    message: [8, 68, 7, {}, 'com.app.error'],
    kinds: ['invocation', 'id', 'dict', 'string'],
    payload: true,
  },
  { name: 'PUBLISH', message: [16, 7, {}, 'com.app.topic'], kinds: ['id', 'dict', 'string'], payload: true },
  { name: 'SUBSCRIBE', message: [32, 7, {}, 'com.app.topic'], kinds: ['id', 'dict', 'string'], payload: false },
  { name: 'UNSUBSCRIBE', message: [34, 7, 8], kinds: ['id', 'id'], payload: false },
  { name: 'CALL', message: [48, 7, {}, 'com.app.add'], kinds: ['id', 'dict', 'string'], payload: true },
  { name: 'CANCEL', message: [49, 7, {}], kinds: ['id', 'dict'], payload: false },
  { name: 'REGISTER', message: [64, 7, {}, 'com.app.add'], kinds: ['id', 'dict', 'string'], payload: false },
  { name: 'UNREGISTER', message: [66, 7, 8], kinds: ['id', 'id'], payload: false },
  { name: 'YIELD', message: [70, 7, {}], kinds: ['id', 'dict'], payload: true },
];

type Kind = 'id' | 'string' | 'dict' | 'details' | 'invocation';

const WRONG: Readonly<Record<Kind, readonly unknown[]>> = {
  id: [null, true, 0, -1, 1.5, MAX_ID + 2, 2n ** 53n + 1n, 2n ** 64n - 1n, 1e300, 'x', '7', [], [7], {}, { id: 7 }],
  string: [null, false, 0, 7, 1.5, [], ['x'], {}, { uri: 'x' }],
  dict: [null, true, 0, 7, 'x', '', [], [{}]],
  details: [null, true, 7, 'x', [], {}, { roles: {} }, { roles: [] }, { roles: null }, { roles: { router: {} } }],
  invocation: [null, true, 0, 16, 48, 1.5, '68', [], {}],
};

const BINARY = Buffer.from([0, 1, 2, 0xff]);
const VALUES: PayloadValue = {
  args: [
    null,
    true,
    false,
    0,
    -1,
    23,
    24,
    255,
    256,
    65536,
    -128,
    -129,
    1.5,
    'ö€😀',
    '',
    [],
    [[1]],
    {},
    { a: [BINARY] },
  ],
  kwargs: { ids: [4429313566, MAX_ID, -MAX_ID], big: [2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n], blob: BINARY },
};

function payloadOf(message: ClientMessage): Payload {
  if (!('payload' in message)) throw new Error('a message without payload');
  return message.payload;
}

/** The suite of one serializer. */
export function serializerContract(serializer: Serializer, name: RawName): void {
  const others = serializers.filter((other) => other !== serializer);
  const raw = (value: unknown): Buffer => encodeRaw(name, value);
  const decode = (value: unknown): ClientMessage => serializer.decode(raw(value));
  const eventOf = (payload: Payload): Event => new Event(1, 2, NO_DETAILS, 'com.app.topic', payload);
  const encoded = (message: RouterMessage): unknown[] => decodeRaw(name, serializer.encode(message)) as unknown[];
  const refuses = (bytes: Buffer): void => {
    expect(() => serializer.decode(bytes)).toThrow(ProtocolViolation);
  };

  describe('every message', () => {
    it.each(CLIENT_MESSAGES)('$name is read, with and without payload', ({ message, payload }) => {
      expect(decode(message).type).toBe(message[0]);
      if (!payload) return;
      const args = ['x', 1];
      const read = decode([...message, args, { k: 'v' }]);
      expect(read.type).toBe(message[0]);
      // ABORT's payload is for nobody: it ends the session (PITFALLS 7).
      if (read.type !== MessageType.ABORT) {
        expect(payloadOf(read).value()).toEqual({ args, kwargs: { k: 'v' } });
        expect(payloadOf(decode([...message, args])).value()).toEqual({ args, kwargs: undefined });
      }
    });

    it.each(ROUTER_MESSAGES)('$name is written as a strict client reads it', ({ message, elements }) => {
      const read = encoded(message);
      expect(read).toEqual(elements);
      expect(readRouterMessage(read).type).toBe(message.type);
    });

    it('header text is UTF-8', () => {
      expect(decode([16, 1, {}, 'com.größe.東京.😀'])).toMatchObject({ topic: 'com.größe.東京.😀' });
      const event = new Event(1, 2, { topic: 'com.größe.東京' }, 'com.größe.東京', Payload.of(['ö']));
      expect(encoded(event)).toEqual([36, 1, 2, { topic: 'com.größe.東京' }, ['ö']]);
    });
  });

  describe('ids and header fields', () => {
    it('PITFALLS 22: ids of 1 … 2^53 are read as numbers and written as integers', () => {
      for (const id of [1, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 4429313566, 2 ** 53 - 1, MAX_ID]) {
        expect(decode([66, id, id])).toEqual({ type: 66, request: id, registration: id });
        expect(encoded({ type: 17, request: id, publication: id })).toEqual([17, id, id]);
        const details = { publisher: id, list: [id] };
        expect(encoded(new Event(id, id, details, 'com.app', Payload.EMPTY))).toEqual([36, id, id, details]);
      }
    });

    it('PITFALLS 22: 2^53 + 1 is refused, not rounded to 2^53', () => {
      refuses(raw([66, 2n ** 53n + 1n, 1]));
      refuses(raw([66, 1, 2n ** 53n + 1n]));
      refuses(raw([16, 2n ** 53n + 1n, {}, 'com.app', [2n ** 63n]]));
    });

    const wrongs = CLIENT_MESSAGES.flatMap(({ name: type, message, kinds }) =>
      kinds.flatMap((kind, i) =>
        WRONG[kind].map((wrong) => {
          const text = typeof wrong === 'bigint' ? `${wrong}n` : JSON.stringify(wrong);
          return { title: `${type} element ${i + 1}: ${text}`, bad: message.with(i + 1, wrong) };
        }),
      ),
    );
    it.each(wrongs)('PITFALLS 25, 26: $title is a violation', ({ bad }) => refuses(raw(bad)));

    it.each(CLIENT_MESSAGES)('PITFALLS 25: $name with too few or too many elements is a violation', (row) => {
      const { message, payload } = row;
      for (let length = 0; length < message.length; length++) refuses(raw(message.slice(0, length)));
      if (payload) refuses(raw([...message, [], {}, null]));
      else refuses(raw([...message, []]));
      refuses(raw([...message, [], {}, 1, 2, 3, 4, 5, 6, 7, 8]));
    });

    it('PITFALLS 3, 25: types that no client sends are violations', () => {
      for (const type of [2, 4, 17, 33, 35, 36, 50, 65, 67, 68, 69, 0, 7, 71, 255, 256, 337, 1023, -1, 1.5]) {
        refuses(raw([type, 1, {}, 'x']));
      }
      for (const type of [null, true, '16', 'PUBLISH', [16], {}, 2n ** 60n]) refuses(raw([type, 1, {}, 'x']));
    });

    it('PITFALLS 25: what is no array is a violation', () => {
      for (const value of [null, true, 16, 1.5, 'x', {}, { 0: 16 }, [], [[]]]) refuses(raw(value));
      refuses(Buffer.alloc(0));
    });

    it('PITFALLS 74: a key called __proto__ or constructor is a key like any other', () => {
      const options = JSON.parse('{"__proto__":{"acknowledge":true},"constructor":1}') as Dict;
      const read = decode([16, 1, options, 'com.app']);
      expect(read).toMatchObject({ options: { acknowledge: false } });
      const kwargs = JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":2}}') as Dict;
      const value = payloadOf(serializer.decode(serializerMessage(serializer, Payload.of([], kwargs)))).value();
      expect(Object.keys(value.kwargs ?? {})).toEqual(['__proto__', 'a']);
      expect(({} as Dict).polluted).toBeUndefined();
      expect((value.kwargs as Dict & { polluted?: unknown }).polluted).toBeUndefined();
    });
  });

  describe('payload', () => {
    const body = (payload: Payload): unknown[] => encoded(eventOf(payload)).slice(4);

    it('PITFALLS 26: null args and kwargs count as absent', () => {
      expect(payloadOf(decode([16, 1, {}, 'a', null])).isEmpty).toBe(true);
      expect(payloadOf(decode([16, 1, {}, 'a', null, null])).isEmpty).toBe(true);
      expect(payloadOf(decode([16, 1, {}, 'a', [], null])).isEmpty).toBe(true);
      expect(body(payloadOf(decode([16, 1, {}, 'a', [1], null])))).toEqual([[1]]);
      expect(body(payloadOf(decode([16, 1, {}, 'a', null, { k: 1 }])))).toEqual([[], { k: 1 }]);
      expect(payloadOf(decode([16, 1, {}, 'a', null, { k: 1 }])).value()).toEqual({ args: [], kwargs: { k: 1 } });
    });

    it('PITFALLS 31: empty args and kwargs are not sent; before kwargs there is an empty args', () => {
      expect(payloadOf(decode([16, 1, {}, 'a', []])).isEmpty).toBe(true);
      expect(payloadOf(decode([16, 1, {}, 'a', [], {}])).isEmpty).toBe(true);
      expect(payloadOf(decode([16, 1, {}, 'a', null, {}])).isEmpty).toBe(true);
      expect(body(payloadOf(decode([16, 1, {}, 'a', [1], {}])))).toEqual([[1]]);
      expect(payloadOf(decode([16, 1, {}, 'a', [1], {}])).value()).toEqual({ args: [1], kwargs: undefined });
      expect(body(payloadOf(decode([16, 1, {}, 'a', [], { k: 1 }])))).toEqual([[], { k: 1 }]);
      expect(body(Payload.of([], { k: 1 }))).toEqual([[], { k: 1 }]);
      expect(body(Payload.of([1], {}))).toEqual([[1]]);
      expect(body(Payload.EMPTY)).toEqual([]);
    });

    it('PITFALLS 25: args that is no list, kwargs that is no dictionary are violations', () => {
      for (const args of [true, 0, 'x', '', {}, { a: 1 }]) refuses(raw([16, 1, {}, 'a', args]));
      for (const kwargs of [false, 0, 'x', [], [1]]) {
        refuses(raw([16, 1, {}, 'a', [], kwargs]));
        refuses(raw([16, 1, {}, 'a', [1], kwargs]));
      }
    });

    it('the retired payload transparency is refused by its name, not for the args it makes', () => {
      for (const key of ['enc_algo', 'enc_serializer', 'enc_key']) {
        expect(() => decode([16, 1, { [key]: 'cryptobox' }, 'a', BINARY])).toThrow(key);
      }
    });

    it('PITFALLS 32: to the same serializer the payload is forwarded byte for byte', () => {
      const tail = serializer.encodePayload(VALUES);
      const payload = payloadOf(serializer.decode(serializerMessage(serializer, Payload.raw(serializer, tail))));
      const frame = serializer.encode(eventOf(payload));
      expect(frame.includes(tail.bytes)).toBe(true);
      expect(payload.tail(serializer).bytes.equals(tail.bytes)).toBe(true);
    });

    it('forwarding does not decode where decoding is not needed to prove the payload', () => {
      if (!serializer.binary) return;
      const tail = serializer.encodePayload(VALUES);
      const payload = payloadOf(serializer.decode(serializerMessage(serializer, Payload.raw(serializer, tail))));
      const codec = { ...proxyOf(serializer), decodePayload: () => expect.fail('decoded') };
      expect(Payload.raw(codec, payload.tail(serializer)).tail(serializer).elements).toBe(2);
    });

    it('values come back as they were sent', () => {
      const tail = serializer.encodePayload(VALUES);
      expect(serializer.decodePayload(tail)).toEqual(VALUES);
      expect(body(Payload.of(VALUES.args.slice(0, -1)))).toEqual([VALUES.args.slice(0, -1)]);
    });

    it.each(others)('PITFALLS 71, 72, 73, 74: binary and big integers cross to $name and back', (other) => {
      const sent = payloadOf(serializer.decode(serializerMessage(serializer, Payload.of(VALUES.args, VALUES.kwargs))));
      const there = payloadOf(other.decode(serializerMessage(other, sent)));
      expect(there.value()).toEqual(VALUES);
      const back = payloadOf(serializer.decode(serializerMessage(serializer, there)));
      expect(back.value()).toEqual(VALUES);
      expect(back.tail(serializer).bytes.equals(sent.tail(serializer).bytes)).toBe(true);
    });

    it.each(others)('each payload is converted to $name once', (other) => {
      const payload = payloadOf(decode([16, 1, {}, 'a', ['x']]));
      expect(payload.tail(other)).toBe(payload.tail(other));
      expect(payload.tail(serializer)).toBe(payload.tail(serializer));
    });

    it('-0 stays -0', () => {
      const value = payloadOf(serializer.decode(serializerMessage(serializer, Payload.of([-0, 0])))).value();
      expect(Object.is(value.args[0], -0)).toBe(true);
      expect(Object.is(value.args[1], 0)).toBe(true);
    });

    it('PITFALLS 73: undefined is null', () => {
      expect(body(Payload.of([undefined, { a: undefined }]))).toEqual([[null, { a: null }]]);
    });

    it('what no encoding can say is invalid_argument, not a crash', () => {
      const cycle: unknown[] = [];
      cycle.push(cycle);
      for (const value of [() => 1, Symbol('x'), new Date(0), new (class Thing {})(), cycle, new Float64Array(1)]) {
        const error = thrownBy(() => serializer.encode(eventOf(Payload.of([value]))));
        expect(error).toBeInstanceOf(WampError);
        expect(error).toMatchObject({ uri: ErrorUri.INVALID_ARGUMENT });
      }
    });
  });

  describe('encoding', () => {
    it('an Event is encoded once: every receiver gets the same buffer', () => {
      const event = eventOf(Payload.of(['x']));
      const frame = serializer.encode(event);
      expect(serializer.encode(event)).toBe(frame);
      expect(event.frames[serializer.index]).toBe(frame);
      for (const other of others) expect(event.frames[other.index]).toBeUndefined();
    });

    it('a frame is a buffer of its own, whatever is encoded after it', () => {
      const first = serializer.encode({ type: 50, request: 1, details: {}, payload: Payload.of(['first']) });
      const copy = Buffer.from(first);
      for (let i = 0; i < 50; i++) {
        serializer.encode({ type: 50, request: i + 1, details: {}, payload: Payload.of(['x'.repeat(i * 1000)]) });
      }
      expect(first.equals(copy)).toBe(true);
    });

    it('a failed encoding leaves nothing behind', () => {
      thrownBy(() => serializer.encode(eventOf(Payload.of(['x', Symbol('y')]))));
      expect(encoded(eventOf(Payload.of(['z'])))).toEqual([36, 1, 2, {}, ['z']]);
    });
  });

  describe('hostile input', () => {
    it('PITFALLS 75: a payload nested 10,000 deep is a violation, and so is one level more than the bound', () => {
      for (const depth of [MAX_DEPTH + 1, 10_000, 200_000]) {
        refuses(nested(name, depth, 'list'));
        refuses(nested(name, depth, 'map'));
      }
    });

    it('PITFALLS 75: the deepest legal nesting is read, converted and written', () => {
      for (const shape of ['list', 'map'] as const) {
        const payload = payloadOf(serializer.decode(nested(name, MAX_DEPTH, shape)));
        for (const each of serializers) {
          expect(() => each.decode(serializerMessage(each, payload))).not.toThrow();
        }
      }
    });

    it('PITFALLS 25: a message cut off at any byte is a violation', () => {
      for (const { message, payload } of CLIENT_MESSAGES) {
        const whole = raw(payload ? [...message, VALUES.args, VALUES.kwargs] : message);
        expect(() => serializer.decode(whole)).not.toThrow();
        for (let length = 0; length < whole.length; length++) refuses(whole.subarray(0, length));
      }
    });

    it('bytes after the end are a violation', () => {
      const whole = raw([16, 1, {}, 'a', ['x']]);
      for (const rest of [']', '0', '\u0000', '\u00f6', 'x']) refuses(Buffer.concat([whole, Buffer.from(rest)]));
    });

    it('garbage is a violation and never anything else', () => {
      let seed = 42;
      const random = (): number => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return (seed >>> 16) & 0xff;
      };
      for (let round = 0; round < 3000; round++) {
        const bytes = Buffer.from(Array.from({ length: random() % 40 }, random));
        const error = thrownBy(() => serializer.decode(bytes));
        expect(error).toBeInstanceOf(ProtocolViolation);
      }
    });

    it('a message changed in any one byte is read or is a violation, and never anything else', () => {
      const whole = raw([16, 1, { acknowledge: true, exclude: [1, 2] }, 'com.app', VALUES.args, VALUES.kwargs]);
      for (let at = 0; at < whole.length; at++) {
        for (const change of [0x01, 0x80, 0xff, 0x1f, 0xe0]) {
          const bytes = Buffer.from(whole);
          bytes[at] = (bytes[at] ?? 0) ^ change;
          const outcome = thrownBy(() => exercise(serializer, bytes));
          if (outcome !== undefined) expect(isExpected(outcome), String(outcome)).toBe(true);
        }
      }
    });

    it('the text of a refusal never repeats what was in the message', () => {
      const secret = 'ticket-7c1e';
      for (const bytes of [
        raw([5, secret]),
        raw([5, [secret], {}]),
        raw([48, 1, {}, [secret]]),
        Buffer.from(`[5,"${secret}`),
      ]) {
        expect(String(thrownBy(() => serializer.decode(bytes)))).not.toContain(secret);
      }
    });
  });
}

/** Reads a message and everything that may later be asked of it, in every encoding. */
export function exercise(serializer: Serializer, bytes: Buffer): void {
  const message = serializer.decode(bytes);
  if (!('payload' in message)) return;
  message.payload.value();
  for (const each of serializers) each.encode(new Event(1, 2, NO_DETAILS, 'a', message.payload));
}

export function isExpected(error: unknown): boolean {
  if (error instanceof ProtocolViolation) return true;
  return error instanceof WampError && error.uri === ErrorUri.INVALID_ARGUMENT;
}

export function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** A PUBLISH as a client would send it, with `payload` in `serializer`'s encoding: EVENT's frame with another head. */
export function serializerMessage(serializer: Serializer, payload: Payload): Buffer {
  const tail = payload.tail(serializer);
  const name = serializer.name as RawName;
  const head = encodeRaw(name, [16, 1, {}, 'a']);
  if (name === 'json') {
    const end = tail.elements === 0 ? ']' : ',';
    const close = tail.elements === 0 ? '' : ']';
    return Buffer.concat([head.subarray(0, -1), Buffer.from(end), tail.bytes, Buffer.from(close)]);
  }
  head[0] = (head[0] ?? 0) + tail.elements;
  return Buffer.concat([head, tail.bytes]);
}

/** A PUBLISH whose args are nested so that `depth` containers are inside one another, the message counted. */
function nested(name: RawName, depth: number, shape: 'list' | 'map'): Buffer {
  // The message and args are two of them.
  const inner = depth - 2;
  const [json, msgpack, cbor] = shape === 'list' ? ['[', 0x91, 0x81] : ['{"a":', 0x81, 0xa1];
  if (name === 'json') {
    const close = shape === 'list' ? ']' : '}';
    return Buffer.from(`[16,1,{},"a",[${json.repeat(inner)}1${close.repeat(inner)}]]`);
  }
  const key = name === 'msgpack' ? [0xa1, 0x61] : [0x61, 0x61];
  const level = Buffer.from([name === 'msgpack' ? msgpack : cbor, ...(shape === 'list' ? [] : key)]);
  const head = encodeRaw(name, [16, 1, {}, 'a']);
  head[0] = (head[0] ?? 0) + 1;
  const args = Buffer.from([name === 'msgpack' ? 0x91 : 0x81]);
  return Buffer.concat([head, args, ...Array.from({ length: inner }, () => level), Buffer.from([1])]);
}

function proxyOf(serializer: Serializer): Serializer {
  return {
    index: serializer.index,
    name: serializer.name,
    subprotocol: serializer.subprotocol,
    rawSocketId: serializer.rawSocketId,
    binary: serializer.binary,
    decode: (bytes) => serializer.decode(bytes),
    encode: (message) => serializer.encode(message),
    pieces: (message) => serializer.pieces(message),
    decodePayload: (tail) => serializer.decodePayload(tail),
    repeatsKey: (tail, value) => serializer.repeatsKey(tail, value),
    encodePayload: (value) => serializer.encodePayload(value),
  };
}

/** What {@link Serializer.pieces} promises. */
export function piecesContract(serializer: Serializer): void {
  const name = serializer.name as RawName;
  const received = (bytes: number): Payload => {
    const message = serializer.decode(encodeRaw(name, [16, 1, {}, 'a', ['x'.repeat(bytes)], { k: 'ü' }]));
    return 'payload' in message ? message.payload : Payload.EMPTY;
  };
  const messages = (payload: Payload): RouterMessage[] => [
    { type: 50, request: 7, details: NO_DETAILS, payload },
    { type: 68, request: 7, registration: 8, details: { procedure: 'ü' }, payload },
    { type: 8, requestType: 48, request: 7, details: NO_DETAILS, error: 'a.b', payload },
  ];

  it('pieces of a long message are what encode makes of it, and its payload is the bytes that came', () => {
    const payload = received(20_000);
    for (const message of messages(payload)) {
      const pieces = serializer.pieces(message) ?? [];
      expect(Buffer.concat(pieces).equals(serializer.encode(message))).toBe(true);
      expect(pieces).toContain(payload.tail(serializer).bytes);
    }
  });

  it('short messages and events, whose frame all receivers share, have none', () => {
    for (const message of messages(received(100))) expect(serializer.pieces(message)).toBeUndefined();
    expect(serializer.pieces(new Event(1, 2, NO_DETAILS, 'a', received(20_000)))).toBeUndefined();
    expect(serializer.pieces({ type: 17, request: 1, publication: 2 })).toBeUndefined();
  });
}

const DETAILS: Dict = { procedure: 'com.app.add', caller: 4429313566 };

const ROUTER_MESSAGES: readonly { name: string; message: RouterMessage; elements: unknown[] }[] = [
  {
    name: 'WELCOME',
    message: { type: 2, session: MAX_ID, details: { roles: { broker: {} }, authid: 'a' } },
    elements: [2, MAX_ID, { roles: { broker: {} }, authid: 'a' }],
  },
  { name: 'CHALLENGE', message: { type: 4, method: 'ticket', extra: {} }, elements: [4, 'ticket', {}] },
  {
    name: 'ABORT',
    message: { type: 3, details: { message: 'no' }, reason: 'wamp.error.no_such_realm' },
    elements: [3, { message: 'no' }, 'wamp.error.no_such_realm'],
  },
  {
    name: 'GOODBYE',
    message: { type: 6, details: {}, reason: 'wamp.close.killed' },
    elements: [6, {}, 'wamp.close.killed'],
  },
  {
    name: 'ERROR',
    message: {
      type: 8,
      requestType: 48,
      request: 5,
      details: {},
      error: 'a.b',
      payload: Payload.of(['no'], { why: 1 }),
    },
    elements: [8, 48, 5, {}, 'a.b', ['no'], { why: 1 }],
  },
  { name: 'PUBLISHED', message: { type: 17, request: 1, publication: 4429313566 }, elements: [17, 1, 4429313566] },
  { name: 'SUBSCRIBED', message: { type: 33, request: 1, subscription: 2 }, elements: [33, 1, 2] },
  { name: 'UNSUBSCRIBED', message: { type: 35, request: 1, details: undefined }, elements: [35, 1] },
  {
    name: 'UNSUBSCRIBED (revocation)',
    message: { type: 35, request: 0, details: { subscription: 2, reason: 'a.b' } },
    elements: [35, 0, { subscription: 2, reason: 'a.b' }],
  },
  {
    name: 'EVENT',
    message: new Event(5512315355, 4429313566, { publisher: 2 ** 53 - 1 }, 'a', Payload.of(['x'], { k: [1] })),
    elements: [36, 5512315355, 4429313566, { publisher: 2 ** 53 - 1 }, ['x'], { k: [1] }],
  },
  { name: 'EVENT without payload', message: new Event(1, 2, {}, 'a', Payload.EMPTY), elements: [36, 1, 2, {}] },
  {
    name: 'RESULT',
    message: { type: 50, request: 1, details: { progress: true }, payload: Payload.of([1]) },
    elements: [50, 1, { progress: true }, [1]],
  },
  { name: 'REGISTERED', message: { type: 65, request: 1, registration: 2 }, elements: [65, 1, 2] },
  { name: 'UNREGISTERED', message: { type: 67, request: 1, details: undefined }, elements: [67, 1] },
  {
    name: 'UNREGISTERED (revocation)',
    message: { type: 67, request: 0, details: { registration: 2, reason: 'a.b' } },
    elements: [67, 0, { registration: 2, reason: 'a.b' }],
  },
  {
    name: 'INVOCATION',
    message: { type: 68, request: 1, registration: 2, details: DETAILS, payload: Payload.of([], { a: 1 }) },
    elements: [68, 1, 2, DETAILS, [], { a: 1 }],
  },
  {
    name: 'INTERRUPT',
    message: { type: 69, request: 1, details: { mode: 'killnowait' } },
    elements: [69, 1, { mode: 'killnowait' }],
  },
];
