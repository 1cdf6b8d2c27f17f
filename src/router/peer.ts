import type { CloseReason } from '../wamp/errors.ts';
import type { RouterMessage } from '../wamp/messages.ts';
import type { Payload } from '../wamp/payload.ts';

/**
 * What became of a message handed to a peer: `true`, taken; else the error URI that says why not (too large for this
 * peer, not sayable in its encoding, events dropped by policy, already closed). The dealer tells the caller that URI;
 * the broker counts the loss.
 */
export type Sent = true | string;

/** All the core knows of the outside: somebody to whom messages can be handed. */
export interface Peer {
  /** Takes a message, in order, without blocking. The message is frozen and may be shared with other peers. */
  send(message: RouterMessage): Sent;
  /** Ends the connection for `reason`; the realm has already forgotten the session. Called at most once. */
  close(reason: CloseReason): void;
  /** Stops and resumes reading from it; what was read already may still come. Absent: it cannot be stopped. */
  pause?(): void;
  resume?(): void;
  /** Whether it settles the receipts of planned events (ARCHITECTURE §1.4); absent: it does not. */
  readonly confirms?: boolean;
  /**
   * Whether it leaves the trace of what it sends and is handed in the activity log itself, so that audit rules need not;
   * absent: it does not.
   */
  readonly traces?: boolean;
  /** Whether its encoding has words for a payload; absent: for every one. */
  canSay?(payload: Payload): boolean;
  /** Whether it has much left to read, so that what is not urgent had better wait; absent: never. */
  readonly isBehind?: boolean;
}
