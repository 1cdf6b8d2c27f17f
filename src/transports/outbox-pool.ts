/** Limits of output; read anew at each decision, so that a reload is in force at once. */
export interface OutboxLimits {
  /** Bytes that one connection may have waiting. A single frame larger than this passes when nothing else waits. */
  readonly outboxBytes: number;
  /** Bytes that all connections together may have waiting. */
  readonly outboxTotalBytes: number;
  /** What happens at `outboxBytes`: the peer is disconnected, or events to it are dropped and counted. */
  readonly slowPeer: 'disconnect' | 'dropEvents';
}

/** Which of the bounds was passed. */
export type OverflowCause = 'outboxBytes' | 'outboxTotalBytes';

/** What the pool asks of an outbox. */
export interface PooledOutbox {
  readonly pendingBytes: number;
  /** Offers the socket what is queued. */
  flushTurn(): void;
  /** Discards everything and ends the connection. */
  overflow(cause: OverflowCause): void;
}

/**
 * What all outboxes share: one flush per turn of the event loop for whoever has something to write, the count of all
 * waiting bytes, and the figures about slow peers.
 */
export class OutboxPool {
  readonly limits: () => OutboxLimits;
  /** Bytes waiting on all connections. */
  totalBytes = 0;
  /** Events dropped by `slowPeer: dropEvents`, and their bytes. */
  droppedMessages = 0;
  droppedBytes = 0;
  /** Peers disconnected because of their own bound, and because of the bound over all. */
  slowPeers = 0;
  evictedPeers = 0;

  readonly #members = new Set<PooledOutbox>();
  readonly #endOfTurn: (() => void)[] = [];
  #dirty: PooledOutbox[] = [];
  #flushing: PooledOutbox[] = [];
  #scheduled = false;

  constructor(limits: () => OutboxLimits) {
    this.limits = limits;
  }

  /** Calls `run` after each flush of all outboxes. */
  atEndOfTurn(run: () => void): void {
    this.#endOfTurn.push(run);
  }

  add(outbox: PooledOutbox): void {
    this.#members.add(outbox);
  }

  delete(outbox: PooledOutbox): void {
    this.#members.delete(outbox);
  }

  /** One setImmediate for all connections: an own one each would cost more than the writes. */
  schedule(outbox: PooledOutbox): void {
    this.#dirty.push(outbox);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    const dirty = this.#dirty;
    this.#dirty = this.#flushing;
    this.#flushing = dirty;
    this.#scheduled = false;
    for (const outbox of dirty) outbox.flushTurn();
    dirty.length = 0;
    const bound = this.limits().outboxTotalBytes;
    if (this.totalBytes > bound) this.#evict(bound);
    for (const run of this.#endOfTurn) run();
  };

  /**
   * The fattest connections go until the rest fits. Only after every socket was offered its bytes: a burst to many
   * healthy peers is not a backlog, and whoever took his share is not the fattest.
   */
  #evict(bound: number): void {
    const fattestFirst = [...this.#members].sort((a, b) => b.pendingBytes - a.pendingBytes);
    for (const outbox of fattestFirst) {
      if (this.totalBytes <= bound || outbox.pendingBytes === 0) return;
      this.evictedPeers += 1;
      outbox.overflow('outboxTotalBytes');
    }
  }
}
