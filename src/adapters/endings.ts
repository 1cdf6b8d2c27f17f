import type { LinkClose } from '../transports/link.ts';
import { type CloseReason, CloseUri } from '../wamp/errors.ts';

/** How a bridge's connection ends: its protocol has no words for it, so the transport's code says it all. */
export type BridgeEnd = Extract<LinkClose, 'restart' | 'tryLater' | 'policyViolation'>;

/** What a shutdown ends comes back, whatever WAMP peers are told (CONTRACT §6). */
export function endFor({ uri, how }: CloseReason): BridgeEnd {
  if (uri === CloseUri.SYSTEM_SHUTDOWN || how === 'restart') return 'restart';
  return how === 'tryLater' ? 'tryLater' : 'policyViolation';
}
