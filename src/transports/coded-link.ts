import type { LinkClose, LinkEnd } from './link.ts';
import { SocketLink } from './socket-link.ts';
import { CLOSE_CODES, closeReason } from './websocket-frames.ts';

/** A peer that takes nothing cannot take a close frame either; it gets this long before the connection is cut. */
const SLOW_PEER_CLOSE_MS = 1000;

/** A link that ends with a close frame, which has a code and a reason (RFC 6455 §7): a WebSocket, whoever frames it. */
export abstract class CodedLink extends SocketLink {
  /** Writes a close frame after what is queued, and listens for the peer's. */
  protected abstract sayClose(code: number | undefined, reason: string): void;

  close(how: LinkClose, message = ''): void {
    this.finish('owner', how, message);
  }

  /** CONTRACT §6: a slow peer should come back, so 1013 and no word of WAMP. */
  protected tooSlow(message: string): void {
    const wasClosing = this.closing;
    this.finish('slowPeer', 'tryLater', message);
    if (wasClosing) this.cut();
    else this.cutIn(SLOW_PEER_CLOSE_MS);
  }

  protected failed(): void {
    this.finish('handler', 'internalError', 'internal error');
  }

  protected finish(cause: LinkEnd['cause'], how: LinkClose, message: string): void {
    if (!this.isOpen) return;
    const reason = closeReason(message);
    const code = CLOSE_CODES[how];
    this.end ??= { cause, code, message: reason };
    this.sayClose(code, reason);
  }
}
