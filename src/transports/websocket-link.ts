import type { Socket } from 'node:net';
import { CodedLink } from './coded-link.ts';
import type { LinkInfo } from './link.ts';
import type { SocketContext } from './socket-link.ts';
import { WebSocketFramer, type WebSocketFrames } from './websocket-framer.ts';
import { beginFrame, buildFrame, CLOSE_CODES, closeFrame, type FrameCache, OPCODE } from './websocket-frames.ts';

const PING = buildFrame(OPCODE.ping, Buffer.alloc(0));

/** What all WebSocket connections share. */
export interface WebSocketContext extends SocketContext {
  readonly frames: FrameCache;
}

/** One WebSocket without extensions, its handshake done, as a `Link`. */
export class WebSocketLink extends CodedLink implements WebSocketFrames {
  readonly #frames: FrameCache;
  readonly #framer: WebSocketFramer;

  /** @param maxMessageBytes the longest message that is accepted */
  constructor(context: WebSocketContext, socket: Socket, info: LinkInfo, maxMessageBytes: number) {
    super(context, socket, info);
    this.#frames = context.frames;
    this.#framer = new WebSocketFramer(maxMessageBytes, this);
  }

  protected listen(): void {
    this.hear(
      (chunk) => this.#read(chunk),
      () => this.#ended(),
    );
  }

  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean {
    if (this.closing) return false;
    return this.outbox.push(this.#frames.frame(bytes, binary), droppable);
  }

  writePieces(pieces: readonly Buffer[], length: number, binary: boolean): boolean {
    const [first, ...rest] = pieces;
    if (first === undefined || this.closing) return false;
    const opcode = binary ? OPCODE.binary : OPCODE.text;
    return this.outbox.pushPieces([beginFrame(opcode, first, length), ...rest], length);
  }

  probe(): void {
    if (!this.closing) this.outbox.pushControl(PING);
  }

  // ---- what comes out of the framer -----------------------------------------------------------------------------

  message(bytes: Buffer, binary: boolean): void {
    this.received(bytes, binary);
  }

  ping(payload: Buffer): void {
    if (!this.closing) this.outbox.push(buildFrame(OPCODE.pong, payload), false);
  }

  /** RFC 6455 §5.5.1: answered with the same code, unless it is the answer to ours; then the server ends first. */
  closed(code: number | undefined, reason: string): void {
    if (!this.closing) {
      this.end ??= { cause: 'peer', code: code ?? CLOSE_CODES.normal, message: reason };
      this.sayClose(code, reason);
    }
    this.socket.end();
  }

  // ---- the socket ------------------------------------------------------------------------------------------------

  #read(chunk: Buffer): void {
    const wrong = this.#framer.push(chunk);
    if (wrong === undefined) return;
    this.finish('protocol', wrong.how, wrong.message);
    // RFC 6455 §7.1.7: nothing it sends after that can be told from noise, so no answer is waited for.
    this.socket.end();
  }

  /** Without a close frame; our half may still be read. */
  #ended(): void {
    if (!this.closing) {
      this.closing = true;
      this.outbox.finish();
      this.cutIn();
    }
    this.socket.end();
  }

  /** Writes what is queued and a close frame; whoever does not end his side is cut. */
  protected sayClose(code: number | undefined, reason: string): void {
    this.closing = true;
    this.outbox.finish();
    if (this.socket.writable) this.socket.write(closeFrame(code, reason));
    this.cutIn();
    // The peer's close frame must be read, whoever had stopped reading.
    this.setReading();
  }
}
