import { serializerForSubprotocol, serializers } from '../../serializers/registry.ts';
import type { PolledProtocol } from '../../transports/longpoll.ts';
import type { Adapter, PolledAdapter } from '../adapter.ts';
import { BATCHED, BatchedLink } from './batched.ts';
import { WampConnection } from './connection.ts';

const SUBPROTOCOLS = serializers.map((serializer) => serializer.subprotocol);

/**
 * Native WAMP: the subprotocol names the serializer and whether messages come in batches (spec: "WebSocket Transport"),
 * or a number names the serializer (PITFALLS 89).
 */
export const wampAdapter: Adapter = {
  name: 'wamp',
  subprotocols: [...SUBPROTOCOLS, ...SUBPROTOCOLS.map((name) => `${name}${BATCHED}`)],
  rawSocketSerializers: new Map(serializers.map((serializer) => [serializer.rawSocketId, serializer])),
  attach(link, context) {
    const { subprotocol } = link.info;
    const isBatched = subprotocol.endsWith(BATCHED);
    const serializer = serializerForSubprotocol(isBatched ? subprotocol.slice(0, -BATCHED.length) : subprotocol);
    // The transport offers nothing else, so this is a bug of ours and not the peer's.
    if (serializer === undefined) throw new Error(`no serializer for subprotocol ${subprotocol}`);
    if (!isBatched) return new WampConnection(link, serializer, context);
    const batched = new BatchedLink(link, serializer.binary, (error) =>
      context.log.warn({ err: error, address: link.info.address }, 'unexpected error; the connection was closed'),
    );
    return batched.open(new WampConnection(batched, serializer, context));
  },
};

/** The same over HTTP long-poll; batches may follow one another in one body (spec: "HTTP Longpoll Transport"). */
export const longPollAdapter: PolledAdapter = {
  name: 'longpoll',
  polled: new Map<string, PolledProtocol>(
    serializers.flatMap(({ subprotocol, binary }) => [
      [subprotocol, { binary, joins: false }],
      [`${subprotocol}${BATCHED}`, { binary, joins: true }],
    ]),
  ),
  attach: wampAdapter.attach,
};
