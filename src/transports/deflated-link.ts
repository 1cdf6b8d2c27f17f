import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { CodedLink } from './coded-link.ts';
import type { LinkInfo } from './link.ts';
import type { OutboxTarget } from './outbox.ts';
import { NOT_IN_ORDER } from './socket-link.ts';
import { CLOSE_CODES } from './websocket-frames.ts';
import type { WebSocketContext } from './websocket-link.ts';

/** `ws` has it for a close frame without a code; nobody may send it. */
const NO_CODE_IN_FRAME = 1005;

/** `ws` may close by itself (bad frame, close frame of the peer): nothing may follow then. */
export class DeflatingWebSocket extends WebSocket {
  beforeClose: ((code: number | undefined) => void) | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    this.beforeClose?.(code);
    super.close(code, reason);
  }
}

/**
 * One WebSocket for which compression may have been agreed on, as a `Link`. Compression is asynchronous and keeps its own
 * order, so here `ws` reads and sends, and the outbox only counts.
 */
export class DeflatedLink extends CodedLink {
  readonly #ws: DeflatingWebSocket;
  readonly #counted = (): void => this.outbox.settled();
  #sentCode = NOT_IN_ORDER;

  constructor(context: WebSocketContext, ws: DeflatingWebSocket, socket: Socket, info: LinkInfo) {
    super(context, socket, info, new DeflatingTarget(ws, socket));
    this.#ws = ws;
    // The owner may close before it has taken the link over.
    ws.beforeClose = (code = NOT_IN_ORDER) => {
      if (!this.closing) this.#sentCode = code;
      this.closing = true;
      this.outbox.finish();
    };
  }

  /** After a FIN of the peer ws is closing without having called close(). */
  protected override get isOpen(): boolean {
    return !this.closing && this.#ws.readyState === WebSocket.OPEN;
  }

  protected listen(): void {
    const ws = this.#ws;
    ws.on('message', (bytes: Buffer, binary) => this.received(bytes, binary));
    ws.on('ping', (payload) => this.#answerPing(payload));
    ws.on('error', (error) => {
      // ws closes first and tells the error after.
      this.end ??= { cause: 'protocol', code: this.#sentCode, message: error.message };
    });
    ws.on('close', (code, reason) => {
      const cause = code === NOT_IN_ORDER ? 'lost' : 'peer';
      const known = code === NO_CODE_IN_FRAME ? CLOSE_CODES.normal : code;
      this.gone({ cause, code: known, message: reason.toString() });
    });
  }

  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean {
    if (!this.isOpen || !this.outbox.admit(bytes.length, droppable)) return false;
    this.#ws.send(bytes, { binary, compress: true, fin: true }, this.#counted);
    return true;
  }

  probe(): void {
    if (this.isOpen) this.#ws.ping();
  }

  protected override setPaused(isPaused: boolean): void {
    if (isPaused) this.#ws.pause();
    else if (this.#ws.isPaused) this.#ws.resume();
  }

  protected override terminate(): void {
    this.#ws.terminate();
  }

  #answerPing(payload: Buffer): void {
    if (!this.closing && this.outbox.admit(payload.length, false)) this.#ws.pong(payload, false, this.#counted);
  }

  protected sayClose(code: number, reason: string): void {
    this.#ws.close(code, reason);
    // The peer's close frame must be read, whoever had stopped reading.
    this.setReading();
  }
}

/** Counts what `ws` still compresses as waiting, beside what the socket holds. Nothing is written through it. */
class DeflatingTarget implements OutboxTarget {
  readonly #ws: WebSocket;
  readonly #socket: Socket;

  constructor(ws: WebSocket, socket: Socket) {
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
