import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { KeepAlive, Watched } from './keep-alive.ts';
import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from './link.ts';
import { Outbox, type OutboxOwner } from './outbox.ts';
import type { OutboxPool, OverflowCause } from './outbox-pool.ts';
import type { TransportEvent } from './transport.ts';
import { beginFrame, buildFrame, closeReason, type FrameCache, OPCODE } from './websocket-frames.ts';

/** `LinkClose` in the numbers of RFC 6455 §7.4.1 and its registry. */
export const CLOSE_CODES: Readonly<Record<LinkClose, number>> = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidData: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  internalError: 1011,
  restart: 1012,
  tryLater: 1013,
};

const NO_CLOSE_FRAME = 1006;
const NO_CODE_IN_FRAME = 1005;
/** A peer that takes nothing cannot take a close frame either; it gets this long before the connection is cut. */
const SLOW_PEER_CLOSE_MS = 1000;

const PING = buildFrame(OPCODE.ping, Buffer.alloc(0));

/** What all WebSocket connections share. */
export interface WebSocketContext {
  readonly outboxes: OutboxPool;
  readonly keepAlive: KeepAlive;
  readonly frames: FrameCache;
  readonly links: Set<WebSocketLink>;
  /** Figures: peers removed by keep-alive. */
  deadPeers: number;
  onError(error: unknown, info: LinkInfo): void;
  report(event: TransportEvent): void;
}

/**
 * The socket as `ws` sees it. `ws` reads frames, checks them and closes; all other output is ours. It may close by
 * itself (bad frame, close frame of the peer): what is queued must then be written first, nothing may follow.
 */
export class ReceivingWebSocket extends WebSocket {
  beforeClose: ((code: number | undefined) => void) | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    this.beforeClose?.(code);
    super.close(code, reason);
  }
}

/** One WebSocket as a `Link`. */
export class WebSocketLink implements Link, OutboxOwner, Watched {
  readonly info: LinkInfo;
  readonly #context: WebSocketContext;
  readonly #ws: ReceivingWebSocket;
  readonly #socket: Duplex;
  readonly #outbox: Outbox;
  /** Compression is asynchronous and keeps its own order, so there `ws` sends and the outbox only counts. */
  readonly #compressed: boolean;
  readonly #counted = (): void => this.#outbox.settled();
  #handler: LinkHandler | undefined;
  #end: LinkEnd | undefined;
  #closing = false;
  #sentCode = NO_CLOSE_FRAME;
  #pausedByOwner = false;
  #throttled = false;
  #cutTimer: NodeJS.Timeout | undefined;

  constructor(context: WebSocketContext, ws: ReceivingWebSocket, socket: Duplex, info: LinkInfo) {
    this.#context = context;
    this.#ws = ws;
    this.#socket = socket;
    this.info = info;
    this.#compressed = ws.extensions !== '';
    this.#outbox = new Outbox(context.outboxes, this.#compressed ? new CompressedTarget(ws, socket) : socket, this);
    ws.beforeClose = (code = NO_CLOSE_FRAME) => {
      if (!this.#closing) this.#sentCode = code;
      this.#closing = true;
      this.#outbox.finish();
    };
    ws.on('message', (bytes: Buffer, binary) => this.#received(bytes, binary));
    ws.on('ping', (payload) => this.#answerPing(payload));
    ws.on('error', (error) => {
      // ws closes first and tells the error after.
      this.#end ??= { cause: 'protocol', code: this.#sentCode, message: error.message };
    });
    ws.on('close', (code, reason) => this.#gone(code, reason));
  }

  /** After a FIN of the peer ws is closing without having called close(). */
  get #isOpen(): boolean {
    return !this.#closing && this.#ws.readyState === WebSocket.OPEN;
  }

  /** Hands the connection to its owner; messages come from the next tick on. */
  open(handler: LinkHandler): void {
    this.#handler = handler;
    this.#context.links.add(this);
    if (this.#ws.readyState === WebSocket.OPEN) this.#context.keepAlive.add(this);
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean {
    if (!this.#isOpen) return false;
    if (!this.#compressed) return this.#outbox.push(this.#context.frames.frame(bytes, binary), droppable);
    if (!this.#outbox.admit(bytes.length, droppable)) return false;
    this.#ws.send(bytes, { binary, compress: true, fin: true }, this.#counted);
    return true;
  }

  writePieces(pieces: readonly Buffer[], length: number, binary: boolean): boolean {
    const [first, ...rest] = pieces;
    if (this.#compressed || first === undefined) return this.write(Buffer.concat(pieces, length), binary, false);
    if (!this.#isOpen) return false;
    const opcode = binary ? OPCODE.binary : OPCODE.text;
    return this.#outbox.pushPieces([beginFrame(opcode, first, length), ...rest], length);
  }

  refuses(bytes: number, droppable: boolean): boolean {
    return !this.#isOpen || this.#outbox.refuses(bytes, droppable);
  }

  close(how: LinkClose, message = ''): void {
    this.#finish('owner', how, message);
  }

  destroy(): void {
    this.#end ??= { cause: 'owner', code: NO_CLOSE_FRAME, message: '' };
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

  /** CONTRACT §6: a slow peer should come back, so 1013 and no word of WAMP. */
  overflowed(cause: OverflowCause, pendingBytes: number): void {
    const wasClosing = this.#closing;
    const message = cause === 'outboxBytes' ? 'messages are not taken fast enough' : 'router is out of output memory';
    this.#finish('slowPeer', 'tryLater', message);
    this.#context.report({ kind: 'slowPeer', info: this.info, cause, pendingBytes });
    if (wasClosing) this.#cut();
    else this.#cutTimer = setTimeout(() => this.#cut(), SLOW_PEER_CLOSE_MS);
  }

  signsOfLife(): number {
    // An owner that does not read cannot hear whether the peer lives; it bounds its pauses itself.
    if (this.#pausedByOwner && !this.#throttled) return performance.now();
    const read = (this.#socket as Duplex & { readonly bytesRead?: number }).bytesRead ?? 0;
    // The system takes bytes for a dead peer, too, until its buffer is full: only beyond that is it the peer who took them.
    return this.#socket.writableLength > 0 ? read + this.#outbox.takenBytes : read;
  }

  probe(): void {
    if (!this.#isOpen) return;
    if (this.#compressed) this.#ws.ping();
    else this.#outbox.pushControl(PING);
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
    this.#end ??= { cause: 'deadPeer', code: NO_CLOSE_FRAME, message: `silent for ${silentMs} ms` };
    this.#context.deadPeers += 1;
    this.#context.report({ kind: 'deadPeer', info: this.info, silentMs });
    this.#cut();
  }

  #received(bytes: Buffer, binary: boolean): void {
    if (this.#closing) return;
    try {
      this.#handler?.message(bytes, binary);
    } catch (error) {
      this.#context.onError(error, this.info);
      this.#finish('handler', 'internalError', 'internal error');
    }
  }

  #answerPing(payload: Buffer): void {
    if (this.#closing) return;
    if (this.#compressed) {
      if (this.#outbox.admit(payload.length, false)) this.#ws.pong(payload, false, this.#counted);
    } else {
      this.#outbox.push(buildFrame(OPCODE.pong, payload), false);
    }
  }

  #finish(cause: LinkEnd['cause'], how: LinkClose, message: string): void {
    if (!this.#isOpen) return;
    const reason = closeReason(message);
    const code = CLOSE_CODES[how];
    this.#end ??= { cause, code, message: reason };
    this.#ws.close(code, reason);
    // The peer's close frame must be read, whoever had stopped reading.
    this.#setReading();
  }

  #setReading(): void {
    if (!this.#closing && (this.#pausedByOwner || this.#throttled)) this.#ws.pause();
    else if (this.#ws.isPaused) this.#ws.resume();
  }

  #cut(): void {
    this.#closing = true;
    this.#outbox.discard();
    this.#ws.terminate();
  }

  #gone(code: number, reason: Buffer): void {
    this.#closing = true;
    clearTimeout(this.#cutTimer);
    this.#outbox.discard();
    this.#context.keepAlive.delete(this);
    this.#context.links.delete(this);
    const cause = code === NO_CLOSE_FRAME ? 'lost' : 'peer';
    const known = code === NO_CODE_IN_FRAME ? CLOSE_CODES.normal : code;
    const end = this.#end ?? { cause, code: known, message: reason.toString() };
    const handler = this.#handler;
    this.#handler = undefined;
    try {
      handler?.closed(end);
    } catch (error) {
      this.#context.onError(error, this.info);
    }
  }
}

/** Counts what `ws` still compresses as waiting, beside what the socket holds. Nothing is written through it. */
class CompressedTarget {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;

  constructor(ws: WebSocket, socket: Duplex) {
    this.#ws = ws;
    this.#socket = socket;
  }

  get writableLength(): number {
    return this.#ws.bufferedAmount;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  write(chunk: Buffer, done: () => void): boolean {
    return this.#socket.write(chunk, done);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }
}
