import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { LinkClose, LinkEnd, LinkInfo } from './link.ts';
import {
  beginMessage,
  type FrameHandler,
  PING_FRAME,
  pongFrame,
  RawSocketFramer,
  type RawSocketFrames,
} from './rawsocket-framer.ts';
import { NOT_IN_ORDER, type SocketContext, SocketLink } from './socket-link.ts';

/** As `LinkEnd.code` has it where there are no codes. */
const IN_ORDER = 1000;

/** What was written before a reset gets this long to arrive: the reset would take the place of what was not sent yet. */
const RESET_DELAY_MS = 100;

/** What all RawSocket connections share. */
export interface RawSocketContext extends SocketContext {
  readonly frames: RawSocketFrames;
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
export class RawSocketLink extends SocketLink implements FrameHandler {
  readonly maxMessageBytes: number;
  readonly #frames: RawSocketFrames;
  readonly #framer: RawSocketFramer;
  readonly #binary: boolean;

  constructor(context: RawSocketContext, socket: Socket, info: LinkInfo, terms: RawSocketTerms) {
    super(context, socket, info);
    this.maxMessageBytes = terms.peerBytes;
    this.#frames = context.frames;
    this.#binary = terms.binary;
    this.#framer = new RawSocketFramer(terms.ownBytes, this);
  }

  protected listen(): void {
    this.hear(
      (chunk) => this.#read(chunk),
      () => this.#ended(),
    );
  }

  write(bytes: Buffer, _binary: boolean, droppable: boolean): boolean {
    if (this.closing || bytes.length > this.maxMessageBytes) return false;
    return this.outbox.push(this.#frames.frame(bytes), droppable);
  }

  writePieces(pieces: readonly Buffer[], length: number): boolean {
    const [first, ...rest] = pieces;
    if (first === undefined || this.closing || length > this.maxMessageBytes) return false;
    return this.outbox.pushPieces([beginMessage(first, length), ...rest], length);
  }

  override refuses(bytes: number, droppable: boolean): boolean {
    return bytes > this.maxMessageBytes || super.refuses(bytes, droppable);
  }

  close(how: LinkClose, message = ''): void {
    this.#finish({ cause: 'owner', code: IN_ORDER, message }, how === 'restart' || how === 'tryLater');
  }

  /** There is no close frame that a slow peer could be sent, so it is cut at once. */
  protected tooSlow(message: string): void {
    this.end ??= { cause: 'slowPeer', code: NOT_IN_ORDER, message };
    this.cut();
  }

  probe(): void {
    if (!this.closing) this.outbox.pushControl(PING_FRAME);
  }

  // ---- what comes out of the framer -----------------------------------------------------------------------------

  message(bytes: Buffer): void {
    this.received(bytes, this.#binary);
  }

  /** PITFALLS 88: one PONG with the same payload. */
  ping(payload: Buffer): void {
    if (this.closing) return;
    if (payload.length > this.maxMessageBytes) {
      this.#violated(`PING of ${payload.length} bytes from a peer that takes ${this.maxMessageBytes}`);
      return;
    }
    this.outbox.push(pongFrame(payload), false);
  }

  // ---- the socket ------------------------------------------------------------------------------------------------

  #read(chunk: Buffer): void {
    // After close() only to hear that the peer ends as well.
    if (this.closing) return;
    const wrong = this.#framer.push(chunk);
    if (wrong !== undefined) this.#violated(wrong);
  }

  /** RawSocket has no word for it: the connection ends, the log says why. */
  #violated(message: string): void {
    this.#finish({ cause: 'protocol', code: NOT_IN_ORDER, message });
  }

  #ended(): void {
    if (this.closing) this.socket.end();
    else if (this.#framer.isInsideFrame) this.#violated('the connection ended within a frame');
    else this.#finish({ cause: 'peer', code: IN_ORDER, message: '' });
  }

  protected failed(): void {
    this.#finish({ cause: 'handler', code: NOT_IN_ORDER, message: 'internal error' });
  }

  protected override terminate(): void {
    const { socket } = this;
    if (socket.destroyed) return;
    if (canReset(socket)) socket.resetAndDestroy();
    else socket.destroy();
  }

  /**
   * Writes what is queued and ends our side; whoever does not end his is cut.
   * @param comeBack the peer should come back, and there is no word for it: it is reset as soon as the rest is on its
   *   way, for autobahn-js keeps its half open when ours has ended and would not notice that the router is gone
   */
  #finish(end: LinkEnd, comeBack = false): void {
    if (this.closing) return;
    this.end ??= end;
    this.closing = true;
    this.outbox.finish();
    const { socket } = this;
    if (comeBack && canReset(socket)) socket.write('', () => this.cutIn(RESET_DELAY_MS));
    else socket.end();
    this.cutIn();
    // The peer's end must be read, whoever had stopped reading.
    this.setReading();
  }
}

/** Only TCP has resets, and only as long as our side has not ended. */
function canReset(socket: Socket): boolean {
  return !(socket instanceof TLSSocket) && !socket.writableEnded && socket.remoteAddress !== undefined;
}
