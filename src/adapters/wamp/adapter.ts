import { serializerForSubprotocol, serializers } from '../../serializers/registry.ts';
import type { Adapter } from '../adapter.ts';
import { WampConnection } from './connection.ts';

/** Native WAMP: the subprotocol names the serializer (spec: "WebSocket Transport"), or its number (PITFALLS 89). */
export const wampAdapter: Adapter = {
  name: 'wamp',
  subprotocols: serializers.map((serializer) => serializer.subprotocol),
  rawSocketSerializers: new Map(serializers.map((serializer) => [serializer.rawSocketId, serializer])),
  attach(link, context) {
    const serializer = serializerForSubprotocol(link.info.subprotocol);
    // The transport offers nothing else, so this is a bug of ours and not the peer's.
    if (serializer === undefined) throw new Error(`no serializer for subprotocol ${link.info.subprotocol}`);
    return new WampConnection(link, serializer, context);
  },
};
