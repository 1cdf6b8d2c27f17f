import { cbor } from './cbor.ts';
import { json } from './json.ts';
import { msgpack } from './msgpack.ts';
import type { Serializer } from './serializer.ts';

/** Every encoding the router speaks, at the place its `index` says. The order is no preference: clients choose. */
export const serializers: readonly Serializer[] = [json, msgpack, cbor];

/** The serializer of a WebSocket subprotocol such as `wamp.2.cbor`; undefined for one that is not spoken. */
export function serializerForSubprotocol(subprotocol: string): Serializer | undefined {
  return serializers.find((serializer) => serializer.subprotocol === subprotocol);
}

/** The serializer of a RawSocket handshake (PITFALLS 89); undefined for a number that is not spoken. */
export function serializerForRawSocketId(id: number): Serializer | undefined {
  return serializers.find((serializer) => serializer.rawSocketId === id);
}
