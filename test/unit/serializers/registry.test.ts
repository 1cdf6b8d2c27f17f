import { expect, it } from 'vitest';
import { serializerForRawSocketId, serializerForSubprotocol, serializers } from '../../../src/serializers/registry.ts';
import { ROUTER_ROLES } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { decodeRaw, type RawName } from '../../support/raw-codec.ts';

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

it.each(serializers)(
  'PITFALLS 12: $name says the roles of the router in full in each WELCOME, not only in the first',
  (serializer) => {
    for (let session = 1; session <= 3; session += 1) {
      const details = { realm: 'r', roles: ROUTER_ROLES, agent: 'x' };
      const bytes = serializer.encode({ type: MessageType.WELCOME, session, details });
      expect(decodeRaw(serializer.name as RawName, bytes)).toEqual([2, session, details]);
    }
  },
);
