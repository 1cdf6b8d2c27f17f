import type { Peer, Sent } from '../../src/router/peer.ts';
import type { CloseReason } from '../../src/wamp/errors.ts';
import { routerLayout } from '../../src/wamp/layout.ts';
import type { RouterMessage } from '../../src/wamp/messages.ts';

/** A message as the array that would stand on the wire. */
export type Wire = readonly unknown[];

/** The elements of `message` as the specification writes them: empty payload absent, args before kwargs. */
export function wire(message: RouterMessage): Wire {
  const { head, payload } = routerLayout(message);
  if (payload.isEmpty) return head;
  const { args, kwargs } = payload.value();
  return kwargs === undefined ? [...head, args] : [...head, args, kwargs];
}

/** A peer that writes down what it was handed. It can refuse messages, and answer while they are handed over. */
export class RecordingPeer implements Peer {
  /** Every message taken, in order. */
  readonly received: RouterMessage[] = [];
  /** Every reason of `close`, in order: more than one is a bug of the core. */
  readonly closed: CloseReason[] = [];
  readonly confirms: boolean;
  /** Called within `send`, after the message was written down. */
  react: ((message: RouterMessage) => void) | undefined;
  /** Asked before a message is taken: a URI refuses it. */
  refuse: ((message: RouterMessage) => string | undefined) | undefined;
  #taken = 0;

  constructor(confirms = false) {
    this.confirms = confirms;
  }

  send(message: RouterMessage): Sent {
    const refusal = this.refuse?.(message);
    if (refusal !== undefined) return refusal;
    this.received.push(message);
    this.react?.(message);
    return true;
  }

  close(reason: CloseReason): void {
    this.closed.push(reason);
  }

  /** What came since it was last asked. */
  takeMessages(): readonly RouterMessage[] {
    const from = this.#taken;
    this.#taken = this.received.length;
    return this.received.slice(from);
  }

  /** What came since it was last asked, as it would stand on the wire. */
  take(): readonly Wire[] {
    return this.takeMessages().map(wire);
  }
}
