import type { CloseReason } from '../wamp/errors.ts';
import type { RouterMessage } from '../wamp/messages.ts';

/** All the core knows of the outside: somebody to whom messages can be handed. */
export interface Peer {
  /**
   * Takes a message, in order, without blocking. The message is frozen and may be shared with other peers.
   * @returns false where it was not taken (too large for this peer, events dropped by policy, already closed): the
   *   dealer turns that into an ERROR to the caller, the broker into a counted drop.
   */
  send(message: RouterMessage): boolean;
  /** Ends the connection for `reason`; the realm has already forgotten the session. Called at most once. */
  close(reason: CloseReason): void;
}
