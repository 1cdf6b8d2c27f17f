import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from '../../src/transports/link.ts';

export interface MemoryMessage {
  readonly bytes: Buffer;
  readonly binary: boolean;
}

/** The recording side of `linkedPair`. */
export interface MemoryPeer {
  /** Messages written to the link, in order. */
  readonly received: MemoryMessage[];
  /** How the link was closed by its owner; `destroyed` after destroy(). */
  readonly closedAs: { readonly how: LinkClose | 'destroyed'; readonly message: string } | undefined;
  readonly paused: boolean;
  /** Events refused because the peer is slow. */
  readonly dropped: number;
  /** Sends a message to the link's handler at once. Ignored after the end. */
  send(bytes: Buffer | string, binary?: boolean): void;
  /** The peer goes away; the handler hears it in a microtask. */
  end(end?: LinkEnd): void;
  /** While slow, droppable messages are refused and `pendingBytes` grows by whatever else is written. */
  slow: boolean;
  /** The next message not yet taken. */
  next(): Promise<MemoryMessage>;
}

/**
 * A link without a socket. Messages pass synchronously; `closed` comes in a microtask, never from inside a call of the
 * owner, as with every transport.
 */
export function linkedPair(info: Partial<LinkInfo> = {}): {
  link: Link;
  peer: MemoryPeer;
  attach(handler: LinkHandler): void;
} {
  const pair = new MemoryPair({
    transport: 'memory',
    subprotocol: 'wamp.2.json',
    address: '127.0.0.1',
    secure: false,
    headers: {},
    ...info,
  });
  return { link: pair, peer: pair, attach: (handler) => pair.attach(handler) };
}

class MemoryPair implements Link, MemoryPeer {
  readonly info: LinkInfo;
  readonly received: MemoryMessage[] = [];
  closedAs: { how: LinkClose | 'destroyed'; message: string } | undefined;
  paused = false;
  slow = false;
  dropped = 0;
  pendingBytes = 0;
  #handler: LinkHandler | undefined;
  #ended = false;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #held: MemoryMessage[] = [];

  constructor(info: LinkInfo) {
    this.info = info;
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler;
  }

  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean {
    if (this.#ended) return false;
    if (this.slow) {
      if (droppable) {
        this.dropped += 1;
        return false;
      }
      this.pendingBytes += bytes.length;
    }
    this.received.push({ bytes, binary });
    for (const wake of this.#waiting.splice(0)) wake();
    return true;
  }

  close(how: LinkClose, message = ''): void {
    if (this.#ended) return;
    this.closedAs = { how, message };
    this.end({ cause: 'owner', code: 1000, message });
  }

  destroy(): void {
    if (this.#ended) return;
    this.closedAs = { how: 'destroyed', message: '' };
    this.end({ cause: 'owner', code: 1006, message: '' });
  }

  narrow(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    for (const message of this.#held.splice(0)) this.send(message.bytes, message.binary);
  }

  send(bytes: Buffer | string, binary = typeof bytes !== 'string'): void {
    if (this.#ended) return;
    const message = { bytes: Buffer.from(bytes), binary };
    if (this.paused) this.#held.push(message);
    else this.#handler?.message(message.bytes, message.binary);
  }

  end(end: LinkEnd = { cause: 'peer', code: 1000, message: '' }): void {
    if (this.#ended) return;
    this.#ended = true;
    queueMicrotask(() => this.#handler?.closed(end));
  }

  async next(): Promise<MemoryMessage> {
    while (this.#taken >= this.received.length) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    const message = this.received[this.#taken];
    if (message === undefined) throw new Error('unreachable');
    this.#taken += 1;
    return message;
  }
}
