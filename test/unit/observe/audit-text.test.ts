import { describe, expect, it } from 'vitest';
import { auditText, messageIdOf } from '../../../src/observe/activity/audit-text.ts';
import { cbor } from '../../../src/serializers/cbor.ts';
import { json } from '../../../src/serializers/json.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';
import { Payload } from '../../../src/wamp/payload.ts';

describe('an audited payload as JSON text', () => {
  it.each<[string, Payload, unknown]>([
    ['nothing', Payload.EMPTY, { args: [], kwargs: {} }],
    ['kwargs alone', Payload.of([], { a: 1 }), { a: 1 }],
    ['args', Payload.of([1, 'x', null]), { args: [1, 'x', null], kwargs: {} }],
    ['both', Payload.of([1], { a: 1 }), { args: [1], kwargs: { a: 1 } }],
    ['binary', Payload.of([Uint8Array.of(1, 2)]), { args: ['\0AQI='], kwargs: {} }],
    ['numbers that are none', Payload.of([Number.NaN, { x: -Infinity }]), { args: [null, { x: null }], kwargs: {} }],
    ['keys that are no strings', Payload.of([new Map([[1, Number.NaN]])]), { args: [[[1, null]]], kwargs: {} }],
    [
      'a key __proto__',
      Payload.of([Number.NaN, JSON.parse('{"__proto__":1}')]),
      JSON.parse('{"args":[null,{"__proto__":1}],"kwargs":{}}'),
    ],
  ])('%s', (_name, payload, value) => {
    expect(JSON.parse(auditText(payload))).toEqual(value);
  });

  it('keeps all digits of integers', () => {
    const payload = Payload.raw(json, { bytes: Buffer.from('[9007199254740993]'), elements: 1 });
    expect(auditText(payload)).toBe('{"args":[9007199254740993],"kwargs":{}}');
  });

  it.each([msgpack, cbor])('is the same from $subprotocol', (serializer) => {
    const tail = serializer.encodePayload({ args: [1.5, Uint8Array.of(255)], kwargs: { messageId: 'm' } });
    expect(auditText(Payload.raw(serializer, tail))).toBe('{"args":[1.5,"\\u0000/w=="],"kwargs":{"messageId":"m"}}');
  });

  it('is bounded: of what is too large it says how large it was', () => {
    const large = Payload.raw(json, { bytes: Buffer.from(`["${'x'.repeat(1_048_576)}"]`), elements: 1 });
    expect(JSON.parse(auditText(large))).toEqual({ omitted: '1048580 bytes; the activity log takes 1048576' });
    expect(messageIdOf(large)).toBeUndefined();
    const grows = msgpack.encodePayload({ args: ['\u0001'.repeat(1_000_000)], kwargs: undefined });
    expect(JSON.parse(auditText(Payload.raw(msgpack, grows)))).toEqual({
      omitted: '6000025 characters; the activity log takes 4194304',
    });
  });

  it('says so where it means nothing outside its own encoding', () => {
    const extension = { bytes: Buffer.from([0x91, 0xd4, 0x05, 0x00]), elements: 1 } as const;
    const payload = Payload.raw(msgpack, extension);
    expect(JSON.parse(auditText(payload))).toEqual({ omitted: '4 bytes that mean nothing outside their own encoding' });
    expect(messageIdOf(payload)).toBeUndefined();
  });
});
