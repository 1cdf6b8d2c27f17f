import { randomUUID } from 'node:crypto';
import type { Adapter } from '../adapter.ts';
import { BubConnection } from './connection.ts';
import { type Dialect, V1, V2 } from './dialect.ts';

function bubAdapter(name: string, dialect: Dialect): Adapter {
  // Real peers ask for no subprotocol.
  const subprotocols = undefined;
  const serverId = `bus-${randomUUID()}`;
  return {
    name,
    subprotocols,
    attach(link, context) {
      const { bridge } = context;
      // The schema gives such an endpoint a realm, so this is a bug of ours and not the peer's.
      if (bridge === undefined) throw new Error(`${name} needs the context of a bridge`);
      return new BubConnection(link, context, bridge, dialect, serverId);
    },
  };
}

/** Bub, "Extended v2". */
export const bubV2Adapter = bubAdapter('bub-v2', V2);
/** Bub as its first document has it. */
export const bubV1Adapter = bubAdapter('bub-v1', V1);
