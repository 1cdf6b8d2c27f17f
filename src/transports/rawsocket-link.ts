import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { KeepAlive, Watched } from './keep-alive.ts';
import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from './link.ts';
import { Outbox, type OutboxOwner } from './outbox.ts';
import type { OutboxPool, OverflowCause } from './outbox-pool.ts';
import {
  beginMessage,
  type FrameHandler,
  PING_FRAME,
  pongFrame,
  RawSocketFramer,
  type RawSocketFrames,
} from './rawsocket-framer.ts';
import type { TransportEvent } from './transport.ts';

/** As `LinkEnd.code` has it where there are no codes: in good order, or not. */
const CODE = { inOrder: 1000, notInOrder: 1006 };

/** What was written before a reset gets this long to arrive: the reset would take the place of what was not sent yet. */
const RESET_DELAY_MS = 100;

/** What all RawSocket connections share. */
export interface RawSocketContext {
  readonly outboxes: OutboxPool;
  readonly keepAlive: KeepAlive;
  readonly frames: RawSocketFrames;
  readonly links: Set<RawSocketLink>;
  /** How long a peer has to end its side before the connection is cut, ms. */
  readonly closeTimeoutMs: number;
  /** Figures: peers removed by keep-alive. */
  deadPeers: number;
  onError(error: unknown, info: LinkInfo): void;
  report(event: TransportEvent): void;
}

/** What the handshake settled. */
export interface RawSocketTerms {
  /** The longest message the peer takes; what is longer is never sent (PITFALLS 86). */
  readonly peerBytes: number;
  /** The longest message we take. */
  readonly ownBytes: number;
  /** Whether the serializer is a binary one. */
  readonly binary: boolean;
}

/** One RawSocket connection, its handshake done, as a `Link`. */
export class RawSocketLink implements Link, OutboxOwner, Watched, FrameHandler {
  readonly info: LinkInfo;
  readonly maxMessageBytes: number;
  readonly #context: RawSocketContext;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #framer: RawSocketFramer;
  readonly #binary: boolean;
  #handler: LinkHandler | undefined;
  #end: LinkEnd | undefined;
  #closing = false;
  #pausedByOwner = false;
  #throttled = false;
  #cutTimer: NodeJS.Timeout | undefined;

  constructor(context: RawSocketContext, socket: Socket, info: LinkInfo, terms: RawSocketTerms) {
    this.#context = context;
    this.#socket = socket;
    this.info = info;
    this.maxMessageBytes = terms.peerBytes;
    this.#binary = terms.binary;
    this.#outbox = new Outbox(context.outboxes, socket, this);
    this.#framer = new RawSocketFramer(terms.ownBytes, this);
  }

  /** Hands the connection to its owner; messages come from the next tick on. */
  open(handler: LinkHandler): void {
    const socket = this.#socket;
    this.#handler = handler;
    this.#context.links.add(this);
    if (!this.#closing) this.#context.keepAlive.add(this);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('end', () => this.#ended());
    socket.on('error', (error) => {
      this.#end ??= { cause: 'lost', code: CODE.notInOrder, message: error.message };
    });
    socket.once('close', () => this.#gone());
    this.#setReading();
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  write(bytes: Buffer, _binary: boolean, droppable: boolean): boolean {
    if (this.#closing || bytes.length > this.maxMessageBytes) return false;
    return this.#outbox.push(this.#context.frames.frame(bytes), droppable);
  }

  writePieces(pieces: readonly Buffer[], length: number): boolean {
    const [first, ...rest] = pieces;
    if (first === undefined || this.#closing || length > this.maxMessageBytes) return false;
    return this.#outbox.pushPieces([beginMessage(first, length), ...rest], length);
  }

  refuses(bytes: number, droppable: boolean): boolean {
    return this.#closing || bytes > this.maxMessageBytes || this.#outbox.refuses(bytes, droppable);
  }

  close(how: LinkClose, message = ''): void {
    this.#finish({ cause: 'owner', code: CODE.inOrder, message }, how === 'restart' || how === 'tryLater');
  }

  destroy(): void {
    this.#end ??= { cause: 'owner', code: CODE.notInOrder, message: '' };
    this.#cut();
  }

  narrow(outboxBytes: () => number): void {
    this.#outbox.narrow(outboxBytes);
  }

  pause(): void {
    this.#pausedByOwner = true;
    this.#setReading();
  }

  resume(): void {
    this.#pausedByOwner = false;
    this.#setReading();
  }

  throttle(slow: boolean): void {
    this.#throttled = slow;
    this.#setReading();
  }

  /** There is no close frame that a slow peer could be sent, so it is cut at once. */
  overflowed(cause: OverflowCause, pendingBytes: number): void {
    const message = cause === 'outboxBytes' ? 'messages are not taken fast enough' : 'router is out of output memory';
    this.#end ??= { cause: 'slowPeer', code: CODE.notInOrder, message };
    this.#context.report({ kind: 'slowPeer', info: this.info, cause, pendingBytes });
    this.#cut();
  }

  signsOfLife(): number {
    // An owner that does not read cannot hear whether the peer lives; it bounds its pauses itself.
    if (this.#pausedByOwner && !this.#throttled) return performance.now();
    const read = this.#socket.bytesRead;
    // The system takes bytes for a dead peer, too, until its buffer is full: only beyond that is it the peer who took them.
    return this.#socket.writableLength > 0 ? read + this.#outbox.takenBytes : read;
  }

  probe(): void {
    if (!this.#closing) this.#outbox.pushControl(PING_FRAME);
  }

  challenge(timeoutMs: number): void {
    const before = this.signsOfLife();
    this.probe();
    const timer = setTimeout(() => {
      if (!this.#closing && this.signsOfLife() === before) this.dead(timeoutMs);
    }, timeoutMs);
    timer.unref();
  }

  dead(silentMs: number): void {
    this.#end ??= { cause: 'deadPeer', code: CODE.notInOrder, message: `silent for ${silentMs} ms` };
    this.#context.deadPeers += 1;
    this.#context.report({ kind: 'deadPeer', info: this.info, silentMs });
    this.#cut();
  }

  // ---- what comes out of the framer -----------------------------------------------------------------------------

  message(bytes: Buffer): void {
    if (this.#closing) return;
    try {
      this.#handler?.message(bytes, this.#binary);
    } catch (error) {
      this.#context.onError(error, this.info);
      this.#finish({ cause: 'handler', code: CODE.notInOrder, message: 'internal error' });
    }
  }

  /** PITFALLS 88: one PONG with the same payload. */
  ping(payload: Buffer): void {
    if (this.#closing) return;
    if (payload.length > this.maxMessageBytes) {
      this.#violated(`PING of ${payload.length} bytes from a peer that takes ${this.maxMessageBytes}`);
      return;
    }
    this.#outbox.push(pongFrame(payload), false);
  }

  // ---- the socket ------------------------------------------------------------------------------------------------

  #read(chunk: Buffer): void {
    // After close() only to hear that the peer ends as well.
    if (this.#closing) return;
    const wrong = this.#framer.push(chunk);
    if (wrong !== undefined) this.#violated(wrong);
  }

  /** RawSocket has no word for it: the connection ends, the log says why. */
  #violated(message: string): void {
    this.#finish({ cause: 'protocol', code: CODE.notInOrder, message });
  }

  #ended(): void {
    if (this.#closing) this.#socket.end();
    else if (this.#framer.isInsideFrame) this.#violated('the connection ended within a frame');
    else this.#finish({ cause: 'peer', code: CODE.inOrder, message: '' });
  }

  /**
   * Writes what is queued and ends our side; whoever does not end his is cut.
   * @param comeBack the peer should come back, and there is no word for it: it is reset as soon as the rest is on its
   *   way, for autobahn-js keeps its half open when ours has ended and would not notice that the router is gone
   */
  #finish(end: LinkEnd, comeBack = false): void {
    if (this.#closing) return;
    this.#end ??= end;
    this.#closing = true;
    this.#outbox.finish();
    const socket = this.#socket;
    if (comeBack && canReset(socket)) socket.write('', () => this.#cutIn(RESET_DELAY_MS));
    else socket.end();
    this.#cutIn(this.#context.closeTimeoutMs);
    // The peer's end must be read, whoever had stopped reading.
    this.#setReading();
  }

  #cutIn(ms: number): void {
    clearTimeout(this.#cutTimer);
    if (!this.#socket.destroyed) this.#cutTimer = setTimeout(() => this.#cut(), ms);
  }

  #setReading(): void {
    if (this.#handler === undefined) return;
    if (!this.#closing && (this.#pausedByOwner || this.#throttled)) this.#socket.pause();
    else this.#socket.resume();
  }

  #cut(): void {
    this.#closing = true;
    this.#outbox.discard();
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (canReset(socket)) socket.resetAndDestroy();
    else socket.destroy();
  }

  #gone(): void {
    this.#closing = true;
    clearTimeout(this.#cutTimer);
    this.#outbox.discard();
    this.#context.keepAlive.delete(this);
    this.#context.links.delete(this);
    const end = this.#end ?? { cause: 'lost', code: CODE.notInOrder, message: '' };
    const handler = this.#handler;
    this.#handler = undefined;
    try {
      handler?.closed(end);
    } catch (error) {
      this.#context.onError(error, this.info);
    }
  }
}

/** Only TCP has resets, and only as long as our side has not ended. */
function canReset(socket: Socket): boolean {
  return !(socket instanceof TLSSocket) && !socket.writableEnded && socket.remoteAddress !== undefined;
}
