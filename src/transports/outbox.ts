import type { OutboxPool, OverflowCause, PooledOutbox } from './outbox-pool.ts';

export { type OutboxLimits, OutboxPool, type OverflowCause } from './outbox-pool.ts';

/** Where an outbox writes to: a `net.Socket`, a `tls.TLSSocket`, any Duplex. */
export interface OutboxTarget {
  readonly writableLength: number;
  readonly writable: boolean;
  write(chunk: Buffer, done: () => void): boolean;
  cork(): void;
  uncork(): void;
}

/** The connection an outbox belongs to. */
export interface OutboxOwner {
  /** Output is over its bound and was discarded; the connection must end. Called at most once. */
  overflowed(cause: OverflowCause, pendingBytes: number): void;
  /** Reading from the peer must stop (true) until its backlog has drained (false). */
  throttle(slow: boolean): void;
}

/** Bytes handed to a socket at once. What waits behind them can still be discarded, and is shared with other outboxes. */
const SLICE_BYTES = 128 * 1024;
/**
 * Frames of up to this size on average are copied into one chunk. Measured over 200 loopback sockets, 10 to 30 frames
 * a turn: copying beats a list for writev at 100 and 270 bytes (0.30 against 0.47 µs a frame), and loses at 1500.
 */
const COPY_BYTES = 512;
/** Frames that wait beyond their turn are put together from so many on, where they are at most so long on average. */
const GATHER_FRAMES = 256;
/** A Buffer of two bytes takes 150: a peer that sends pings and reads no pong held 75 times its bound. */
const GATHER_BYTES = 128;

/**
 * Output of one connection: whole frames in order, written once per turn of the event loop, bounded in bytes
 * (CONTRACT §3, PITFALLS 81). A frame is one Buffer, is never altered, and may wait in many outboxes at once.
 *
 * A slow peer meets three steps: over half its bound nothing more is read from it until the backlog has drained to a
 * quarter; at the bound events are dropped (`dropEvents`, seven eighths of the bound, so that answers still fit) or
 * it is disconnected; what must not be dropped always ends in the latter.
 */
export class Outbox implements PooledOutbox {
  readonly #pool: OutboxPool;
  readonly #target: OutboxTarget;
  readonly #owner: OutboxOwner;
  #queue: Buffer[] = [];
  #first = 0;
  /** Up to here the queue was looked at by `gather`. */
  #gathered = 0;
  #queuedBytes = 0;
  /** What `pool.totalBytes` holds for this outbox. */
  #counted = 0;
  #acceptedBytes = 0;
  #callbacksDue = 0;
  #dirty = false;
  #throttled = false;
  #narrower: (() => number) | undefined;
  #state: 'open' | 'finishing' | 'gone' = 'open';

  constructor(pool: OutboxPool, target: OutboxTarget, owner: OutboxOwner) {
    this.#pool = pool;
    this.#target = target;
    this.#owner = owner;
    pool.add(this);
  }

  /** Lowers the bound of this connection to what `bytes` says each time it is asked; it never rises above the pool's. */
  narrow(bytes: () => number): void {
    this.#narrower = bytes;
  }

  /** Bytes that may wait here. */
  #bound(): number {
    const { outboxBytes } = this.#pool.limits();
    return this.#narrower === undefined ? outboxBytes : Math.min(outboxBytes, this.#narrower());
  }

  /** Bytes accepted and not yet taken by the operating system. */
  get pendingBytes(): number {
    return this.#state === 'gone' ? 0 : this.#queuedBytes + this.#target.writableLength;
  }

  /** Bytes taken by the operating system since the beginning; while a backlog waits, growth is a sign of life. */
  get takenBytes(): number {
    return this.#acceptedBytes - this.pendingBytes;
  }

  /** Queues a frame for the end of this turn. @returns false: not taken, see `admit` */
  push(frame: Buffer, droppable: boolean): boolean {
    if (!this.admit(frame.length, droppable)) return false;
    this.#enqueue(frame);
    return true;
  }

  /** Queues a frame in pieces, all or nothing. @param length bytes of all pieces @returns false: not taken */
  pushPieces(pieces: readonly Buffer[], length: number): boolean {
    if (!this.admit(length, false)) return false;
    for (const piece of pieces) this.#enqueue(piece);
    return true;
  }

  /** Queues a small control frame whatever the bounds say; the caller sends few of them. */
  pushControl(frame: Buffer): void {
    if (this.#state !== 'open') return;
    this.#count(frame.length);
    this.#enqueue(frame);
  }

  /**
   * Asks for room for `bytes` more and counts them; `push` does this itself. For bytes that reach the target by
   * another way (compression), which then calls `settled` as they are taken.
   * @returns false: no room or closed. A refused droppable frame is a counted drop, any other refusal an overflow
   */
  admit(bytes: number, droppable: boolean): boolean {
    if (this.refuses(bytes, droppable)) return false;
    this.#count(bytes);
    return true;
  }

  /** `admit` without counting the bytes, for asking before a frame is made; a refusal has the effects of one there. */
  refuses(bytes: number, droppable: boolean): boolean {
    if (this.#state !== 'open') return true;
    const limits = this.#pool.limits();
    const whole = this.#bound();
    const bound = droppable && limits.slowPeer === 'dropEvents' ? (whole / 8) * 7 : whole;
    if (!this.#fits(bytes, bound)) {
      // A burst within one turn is not the peer's slowness: what its socket takes at once does not count.
      this.#write(false);
      if (!this.#fits(bytes, bound)) {
        if (droppable && limits.slowPeer === 'dropEvents') {
          this.#pool.droppedMessages += 1;
          this.#pool.droppedBytes += bytes;
        } else {
          this.#pool.slowPeers += 1;
          this.overflow('outboxBytes');
        }
        return true;
      }
    }
    return false;
  }

  /** End of a turn: offers the socket what is queued. */
  flushTurn(): void {
    this.#dirty = false;
    this.#write(false);
    if (this.#queue.length - Math.max(this.#first, this.#gathered) >= GATHER_FRAMES) this.#gather();
    this.settled();
  }

  /** Hands everything to the socket at once and takes nothing more: the last frame (close) may follow directly. */
  finish(): void {
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#write(true);
  }

  /** Forgets what is queued and stops counting what the socket still holds (at most a slice, or what `finish` gave). */
  discard(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#queue = [];
    this.#first = 0;
    this.#queuedBytes = 0;
    this.#pool.totalBytes -= this.#counted;
    this.#counted = 0;
    this.#pool.delete(this);
  }

  /** Discards everything and tells the owner that the peer is too slow. */
  overflow(cause: OverflowCause): void {
    if (this.#state === 'gone') return;
    const pending = this.pendingBytes;
    this.discard();
    this.#owner.overflowed(cause, pending);
  }

  /** Counts anew after the socket took bytes; starts or ends the throttling of a slow peer. */
  settled(): void {
    if (this.#state === 'gone') return;
    const pending = this.pendingBytes;
    this.#pool.totalBytes += pending - this.#counted;
    this.#counted = pending;
    if (this.#state !== 'open') return;
    const bound = this.#bound();
    if (!this.#throttled && pending > bound / 2) {
      this.#throttled = true;
      this.#owner.throttle(true);
    } else if (this.#throttled && pending <= bound / 4) {
      this.#throttled = false;
      this.#owner.throttle(false);
    }
  }

  #fits(bytes: number, bound: number): boolean {
    const pending = this.pendingBytes;
    return pending === 0 || pending + bytes <= bound;
  }

  #count(bytes: number): void {
    this.#acceptedBytes += bytes;
    this.#counted += bytes;
    this.#pool.totalBytes += bytes;
  }

  #enqueue(frame: Buffer): void {
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
    if (this.#dirty) return;
    this.#dirty = true;
    this.#pool.schedule(this);
  }

  /** Writes slices as long as the operating system takes them at once; with `all`, everything. */
  #write(all: boolean): void {
    const target = this.#target;
    while (this.#first < this.#queue.length) {
      if (!target.writable) return;
      if (!all && this.#callbacksDue > 0 && target.writableLength > 0) return;
      this.#writeSlice();
    }
    this.#queue.length = 0;
    this.#first = 0;
    this.#gathered = 0;
  }

  /** Makes the count of bytes say what the newest in the queue take: see {@link GATHER_BYTES}. */
  #gather(): void {
    const queue = this.#queue;
    const loose = queue.splice(Math.max(this.#first, this.#gathered));
    for (let i = 0; i < loose.length; i += GATHER_FRAMES) {
      const frames = loose.slice(i, i + GATHER_FRAMES);
      const bytes = frames.reduce((sum, { length }) => sum + length, 0);
      if (bytes <= frames.length * GATHER_BYTES) queue.push(Buffer.concat(frames, bytes));
      else queue.push(...frames);
    }
    this.#gathered = queue.length;
  }

  #writeSlice(): void {
    const queue = this.#queue;
    const first = this.#first;
    let end = first;
    let bytes = 0;
    do {
      bytes += (queue[end] as Buffer).length;
      end += 1;
    } while (end < queue.length && bytes + (queue[end] as Buffer).length <= SLICE_BYTES);
    const frames = first === 0 && end === queue.length ? queue : queue.slice(first, end);
    this.#first = end;
    // A peer that is always behind, and never slow, has a queue that never ends: what it was sent must not stay in it.
    if (end < queue.length && end * 2 > queue.length) {
      this.#queue = queue.slice(end);
      this.#first = 0;
      this.#gathered = Math.max(this.#gathered - end, 0);
    }
    this.#queuedBytes -= bytes;
    this.#callbacksDue += 1;
    if (frames.length === 1) {
      this.#target.write(frames[0] as Buffer, this.#taken);
    } else if (bytes / frames.length <= COPY_BYTES) {
      this.#target.write(Buffer.concat(frames, bytes), this.#taken);
    } else {
      this.#writeList(frames);
    }
  }

  #writeList(frames: readonly Buffer[]): void {
    const last = frames.length - 1;
    this.#target.cork();
    for (let i = 0; i < last; i += 1) this.#target.write(frames[i] as Buffer, ignore);
    this.#target.write(frames[last] as Buffer, this.#taken);
    this.#target.uncork();
  }

  /** One function per connection, so that a write allocates none. */
  readonly #taken = (): void => {
    this.#callbacksDue -= 1;
    if (this.#state === 'open' && this.#first < this.#queue.length) this.#write(false);
    this.settled();
  };
}

function ignore(): void {}
