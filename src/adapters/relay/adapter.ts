import type { Adapter } from '../adapter.ts';
import { RelayConnection } from './connection.ts';

/** The WebSocket protocol of relay agents (BRIDGES §2). */
export const relayAdapter: Adapter = {
  name: 'relay',
  // The document's own example asks for none.
  subprotocols: undefined,
  attach(link, context) {
    const { bridge } = context;
    // The schema gives such an endpoint a realm, so this is a bug of ours and not the agent's.
    if (bridge === undefined) throw new Error('relay needs the context of a bridge');
    return new RelayConnection(link, context, bridge);
  },
};
