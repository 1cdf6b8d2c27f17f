import { expect, it } from 'vitest';
import { serializerForRawSocketId, serializerForSubprotocol, serializers } from '../../../src/serializers/registry.ts';

it('every serializer stands at the place its index says', () => {
  expect(serializers.map((serializer) => serializer.index)).toEqual([0, 1, 2]);
  expect(serializers.map((serializer) => serializer.name)).toEqual(['json', 'msgpack', 'cbor']);
});

it('serializers are found by WebSocket subprotocol', () => {
  expect(serializerForSubprotocol('wamp.2.json')?.binary).toBe(false);
  expect(serializerForSubprotocol('wamp.2.msgpack')?.binary).toBe(true);
  expect(serializerForSubprotocol('wamp.2.cbor')?.binary).toBe(true);
  for (const unknown of ['', 'wamp.2.ubjson', 'wamp.2.JSON', 'wamp.2.json.batched', 'json']) {
    expect(serializerForSubprotocol(unknown)).toBeUndefined();
  }
});

it('PITFALLS 89: RawSocket numbers are 1 json, 2 msgpack, 3 cbor; ubjson and flatbuffers are not spoken', () => {
  expect([1, 2, 3].map((id) => serializerForRawSocketId(id)?.name)).toEqual(['json', 'msgpack', 'cbor']);
  for (const id of [0, 4, 5, 15]) expect(serializerForRawSocketId(id)).toBeUndefined();
});
