import type { Socket } from 'node:net';
import type { KeepAlive, Watched } from './keep-alive.ts';
import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from './link.ts';
import { Outbox, type OutboxOwner, type OutboxTarget } from './outbox.ts';
import type { OutboxPool, OverflowCause } from './outbox-pool.ts';
import type { TransportEvent } from './transport.ts';

/** As `LinkEnd.code` has it where the connection did not end in good order. */
export const NOT_IN_ORDER = 1006;

/** What all connections of a transport share. */
export interface SocketContext {
  readonly outboxes: OutboxPool;
  readonly keepAlive: KeepAlive;
  readonly links: Set<SocketLink>;
  /** How long a peer has to end its side before the connection is cut, ms. */
  readonly closeTimeoutMs: number;
  /** Figures: peers removed by keep-alive. */
  deadPeers: number;
  onError(error: unknown, info: LinkInfo): void;
  report(event: TransportEvent): void;
}

/** A link over a socket: its life, its output, when it reads. What stands on the wire is its transport's. */
export abstract class SocketLink implements Link, OutboxOwner, Watched {
  readonly info: LinkInfo;
  protected readonly socket: Socket;
  protected readonly outbox: Outbox;
  /** How the link will be told to have ended: what is known first stays. */
  protected end: LinkEnd | undefined;
  /** From now on nothing is taken and nothing told. */
  protected closing = false;
  readonly #context: SocketContext;
  #handler: LinkHandler | undefined;
  #pausedByOwner = false;
  #throttled = false;
  #cutTimer: NodeJS.Timeout | undefined;

  protected constructor(context: SocketContext, socket: Socket, info: LinkInfo, target: OutboxTarget = socket) {
    this.#context = context;
    this.socket = socket;
    this.info = info;
    this.outbox = new Outbox(context.outboxes, target, this);
  }

  /** Says `LinkClose` in the words of the transport, after what is queued. Nothing may follow. */
  abstract close(how: LinkClose, message?: string): void;
  abstract write(bytes: Buffer, binary: boolean, droppable: boolean): boolean;
  abstract probe(): void;
  /** The outbox has discarded what was queued. */
  protected abstract tooSlow(message: string): void;
  /** The owner's handler threw. */
  protected abstract failed(): void;
  /** Begins to tell what comes, from the next tick on. */
  protected abstract listen(): void;

  protected get isOpen(): boolean {
    return !this.closing;
  }

  /** Hands the connection to its owner; messages come from the next tick on. */
  open(handler: LinkHandler): void {
    this.#handler = handler;
    this.#context.links.add(this);
    if (this.isOpen) this.#context.keepAlive.add(this);
    this.listen();
    this.setReading();
    // Node resumes a socket with a listener for data in the tick after one for `readable` went (beginning.ts), paused or not.
    if (this.#pausedByOwner) process.nextTick(() => this.setReading());
  }

  get pendingBytes(): number {
    return this.outbox.pendingBytes;
  }

  refuses(bytes: number, droppable: boolean): boolean {
    return !this.isOpen || this.outbox.refuses(bytes, droppable);
  }

  destroy(): void {
    this.end ??= { cause: 'owner', code: NOT_IN_ORDER, message: '' };
    this.cut();
  }

  narrow(outboxBytes: () => number): void {
    this.outbox.narrow(outboxBytes);
  }

  pause(): void {
    this.#pausedByOwner = true;
    this.setReading();
  }

  resume(): void {
    this.#pausedByOwner = false;
    this.setReading();
  }

  throttle(slow: boolean): void {
    this.#throttled = slow;
    this.setReading();
  }

  overflowed(cause: OverflowCause, pendingBytes: number): void {
    this.#context.report({ kind: 'slowPeer', info: this.info, cause, pendingBytes });
    this.tooSlow(cause === 'outboxBytes' ? 'messages are not taken fast enough' : 'router is out of output memory');
  }

  signsOfLife(): number {
    // An owner that does not read cannot hear whether the peer lives; it bounds its pauses itself.
    if (this.#pausedByOwner && !this.#throttled) return performance.now();
    const read = this.socket.bytesRead;
    // The system takes bytes for a dead peer, too, until its buffer is full: only beyond that is it the peer who took them.
    return this.socket.writableLength > 0 ? read + this.outbox.takenBytes : read;
  }

  challenge(timeoutMs: number): void {
    const before = this.signsOfLife();
    this.probe();
    const timer = setTimeout(() => {
      if (!this.closing && this.signsOfLife() === before) this.dead(timeoutMs);
    }, timeoutMs);
    timer.unref();
  }

  dead(silentMs: number): void {
    this.end ??= { cause: 'deadPeer', code: NOT_IN_ORDER, message: `silent for ${silentMs} ms` };
    this.#context.deadPeers += 1;
    this.#context.report({ kind: 'deadPeer', info: this.info, silentMs });
    this.cut();
  }

  /** Listens to the socket itself: to its bytes, to the peer's end, to the end of all. */
  protected hear(read: (chunk: Buffer) => void, ended: () => void): void {
    const { socket } = this;
    socket.on('data', read);
    socket.once('end', ended);
    socket.on('error', (error) => {
      this.end ??= { cause: 'lost', code: NOT_IN_ORDER, message: error.message };
    });
    socket.once('close', () => this.gone({ cause: 'lost', code: NOT_IN_ORDER, message: '' }));
  }

  protected setPaused(isPaused: boolean): void {
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }

  /** Cuts the connection; nothing more is written. */
  protected terminate(): void {
    this.socket.destroy();
  }

  /** A whole message has come. */
  protected received(bytes: Buffer, binary: boolean): void {
    if (this.closing) return;
    try {
      this.#handler?.message(bytes, binary);
    } catch (error) {
      this.#context.onError(error, this.info);
      this.failed();
    }
  }

  /** Reads, or does not, as its owner and its backlog will have it; the end of a closing peer is always read. */
  protected setReading(): void {
    if (this.#handler !== undefined) this.setPaused(!this.closing && (this.#pausedByOwner || this.#throttled));
  }

  protected cutIn(ms: number = this.#context.closeTimeoutMs): void {
    clearTimeout(this.#cutTimer);
    if (!this.socket.destroyed) this.#cutTimer = setTimeout(() => this.cut(), ms);
  }

  protected cut(): void {
    this.closing = true;
    this.outbox.discard();
    this.terminate();
  }

  /** The socket is closed. @param end how, where nothing was known before */
  protected gone(end: LinkEnd): void {
    this.closing = true;
    clearTimeout(this.#cutTimer);
    this.outbox.discard();
    this.#context.keepAlive.delete(this);
    this.#context.links.delete(this);
    const handler = this.#handler;
    this.#handler = undefined;
    try {
      handler?.closed(this.end ?? end);
    } catch (error) {
      this.#context.onError(error, this.info);
    }
  }
}
