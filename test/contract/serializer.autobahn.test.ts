/** The serializers against those of autobahn-js, whose habits differ: all numbers as float64, chunked CBOR. */
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { serializers } from '../../src/serializers/registry.ts';
import { Event } from '../../src/wamp/messages.ts';
import { Payload } from '../../src/wamp/payload.ts';

interface AutobahnSerializer {
  serialize(message: unknown): string | Uint8Array | Promise<Uint8Array>;
  unserialize(message: string | Uint8Array): unknown;
}

const require = createRequire(import.meta.url);
const autobahn = require('autobahn/lib/serializer.js') as Record<string, new () => AutobahnSerializer>;

function theirs(name: string): AutobahnSerializer {
  const Serializer =
    autobahn[{ json: 'JSONSerializer', msgpack: 'MsgpackSerializer', cbor: 'CBORSerializer' }[name] ?? ''];
  if (Serializer === undefined) throw new Error(`autobahn has no serializer ${name}`);
  return new Serializer();
}

const IDS = [1, 255, 65536, 4429313566, 2 ** 53 - 1, 2 ** 53];
const ARGS = [
  0,
  -1,
  1.5,
  1e300,
  4429313566,
  -(2 ** 40),
  'ö€😀',
  true,
  null,
  [[1], {}],
  { a: { b: 'x'.repeat(70_000) } },
];

describe.each(serializers)('autobahn-js $name', (serializer) => {
  const client = theirs(serializer.name);

  it('PITFALLS 22, 73: what it sends is read, its float64 ids included', async () => {
    for (const id of IDS) {
      const options = { acknowledge: true, exclude: [id] };
      const bytes = Buffer.from(await client.serialize([16, id, options, 'com.app.topic', ARGS, { k: ARGS }]));
      const message = serializer.decode(bytes);
      expect(message).toMatchObject({ type: 16, request: id, topic: 'com.app.topic' });
      expect(message).toMatchObject({ options: { acknowledge: true, receivers: { exclude: [id] } } });
      if ('payload' in message) expect(message.payload.value()).toEqual({ args: ARGS, kwargs: { k: ARGS } });
    }
  });

  it('what we send is read by it, ids as the numbers they are', () => {
    for (const id of IDS) {
      const event = new Event(id, id, { publisher: id }, 'com.app.topic', Payload.of(ARGS, { k: ARGS }));
      const bytes = serializer.encode(event);
      const [, subscription, publication, details, args, kwargs] = client.unserialize(
        serializer.binary ? bytes : bytes.toString(),
      ) as [number, unknown, unknown, { publisher: unknown }, unknown, unknown];
      for (const each of [subscription, publication, details.publisher]) expect(Number(each)).toBe(id);
      expect(args).toEqual(ARGS);
      expect(kwargs).toEqual({ k: ARGS });
    }
  });

  it('PITFALLS 71, 72, 73: binary that it sends reaches every other serializer', async () => {
    // autobahn-js does not convert binary in JSON; there the application writes the NUL string.
    const sent = serializer.binary ? Buffer.from([0, 1, 255]) : '\u0000AAH/';
    const bytes = Buffer.from(await client.serialize([16, 1, {}, 'a', [sent, { inner: [sent] }]]));
    const message = serializer.decode(bytes);
    if (!('payload' in message)) throw new Error('no payload');
    expect(message.payload.value().args).toEqual([Buffer.from([0, 1, 255]), { inner: [Buffer.from([0, 1, 255])] }]);
    for (const other of serializers) {
      const frame = other.encode(new Event(1, 2, {}, 'a', message.payload));
      const received = theirs(other.name).unserialize(other.binary ? frame : frame.toString()) as unknown[][];
      const [blob] = received[4] ?? [];
      if (other.binary) expect(Buffer.from(blob as Uint8Array)).toEqual(Buffer.from([0, 1, 255]));
      else expect(blob).toBe('\u0000AAH/');
    }
  });
});

it('PITFALLS 73: 2^128-1 from autobahn-js in CBOR comes back as the bignum it was', async () => {
  const cbor = serializers.find(({ name }) => name === 'cbor');
  if (cbor === undefined) throw new Error('no cbor');
  const big = 2n ** 128n - 1n;
  const message = cbor.decode(Buffer.from(await theirs('cbor').serialize([48, 1, {}, 'a', [big]])));
  if (!('payload' in message)) throw new Error('no payload');
  expect(message.payload.value().args).toEqual([big]);
  const frame = cbor.encode({ type: 50, request: 1, details: {}, payload: message.payload });
  expect(theirs('cbor').unserialize(frame)).toEqual([50, 1, {}, [big]]);
});
