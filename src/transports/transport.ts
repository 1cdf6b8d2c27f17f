import type { LinkClose, LinkInfo } from './link.ts';
import type { OverflowCause } from './outbox-pool.ts';

/** What the owner of a transport hears of its connections, for logs; `pendingBytes` waited, `silentMs` it was silent. */
export type TransportEvent =
  | { readonly kind: 'slowPeer'; readonly info: LinkInfo; readonly cause: OverflowCause; readonly pendingBytes: number }
  | { readonly kind: 'deadPeer'; readonly info: LinkInfo; readonly silentMs: number };

/** All connections of one kind. */
export interface Transport {
  /** Open connections. */
  readonly connections: number;
  /** Peers removed by keep-alive since the start. */
  readonly deadPeers: number;
  /** Closes every connection, whatever its owner has in mind for it. Those that are closing already go on. */
  closeAll(how: LinkClose, message: string): void;
}

/** Facts about a connection that only its listener knows. */
export interface Arrival {
  /** Remote address without port. */
  readonly address: string;
  readonly secure: boolean;
}
