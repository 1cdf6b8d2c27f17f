import { constants, deflateRaw, type InputType, inflateRaw } from 'node:zlib';
import type { PerMessageDeflateOptions, WebSocket } from 'ws';
import { CLOSE_CODES } from './websocket-frames.ts';

/**
 * What is agreed with clients that offer permessage-deflate: each message stands for itself (RFC 7692 §7.1.1). Short ones
 * are sent as they are.
 */
export const DEFLATE: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1024,
};

/** Messages worked on at a time: so many contexts of zlib there are, however many connections. */
const CONCURRENCY = 4;

/** A message may inflate to so many times its length, or to so much in any case: deflate itself goes to 1032. */
const MAX_RATIO = 100;
const FREE_BYTES = 64 * 1024;

const COMPRESSING = { level: 3, memLevel: 6, finishFlush: constants.Z_SYNC_FLUSH };
/** Ours need a window of 8 KiB, or less where a client demands it (RFC 7692 §7.1.2.1). */
const WINDOW_BITS = 13;

/** What a sender leaves out at the end of each message (RFC 7692 §7.2.1). */
const TRAILER = Buffer.of(0, 0, 0xff, 0xff);
const NOTHING = Buffer.alloc(0);

type Done = (error: Error | null, bytes: Buffer) => void;

/** The part of the extension in `ws` that does the work; the rest of it negotiates and frames. */
interface Extension {
  readonly params: { readonly server_max_window_bits?: number };
  compress(data: InputType, isLast: boolean, done: Done): void;
  decompress(fragment: Buffer, isLast: boolean, done: Done): void;
}

/**
 * Compresses and inflates for all connections, with bounds. `ws` by itself keeps two contexts of zlib with each
 * connection that has once used them, 100 KiB and more, whatever was agreed; here they last as long as one message.
 */
export class Deflater {
  #running = 0;
  /** Jobs that wait, from {@link #next} on. */
  #waiting: (() => void)[] = [];
  #next = 0;

  /**
   * Takes the work over from `ws`; without effect where compression was not negotiated.
   * @param maxBytes what a message may inflate to, whatever its ratio
   */
  serve(ws: WebSocket, maxBytes: number): void {
    const extension = extensionOf(ws);
    if (extension === undefined) return;
    const windowBits = Math.min(extension.params.server_max_window_bits ?? WINDOW_BITS, WINDOW_BITS);
    extension.compress = (data, _isLast, done) => this.#compress(ws, data, windowBits, done);
    // `ws` bounds their number and what they are together.
    let fragments: Buffer[] = [];
    extension.decompress = (fragment, isLast, done) => {
      fragments.push(fragment);
      if (isLast) {
        this.#inflate(ws, fragments, maxBytes, done);
        fragments = [];
      } else {
        // Never from within the call, which `ws` does not expect.
        process.nextTick(done, null, NOTHING);
      }
    };
  }

  #compress(ws: WebSocket, data: InputType, windowBits: number, done: Done): void {
    this.#run((ended) => {
      deflateRaw(data, { ...COMPRESSING, windowBits }, (error, bytes) => {
        ended();
        // For want of memory: what is not sent must not be missed in silence.
        if (error !== null) ws.terminate();
        done(error, error === null ? bytes.subarray(0, -TRAILER.length) : NOTHING);
      });
    });
  }

  #inflate(ws: WebSocket, fragments: readonly Buffer[], maxBytes: number, done: Done): void {
    const compressed = Buffer.concat([...fragments, TRAILER]);
    const allowed = Math.max(compressed.length * MAX_RATIO, FREE_BYTES);
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.min(allowed, maxBytes) };
    this.#run((ended) => {
      inflateRaw(compressed, options, (error, bytes) => {
        ended();
        if (error === null) {
          done(null, bytes);
          return;
        }
        const tooLarge = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
        const bound = allowed < maxBytes ? `${MAX_RATIO} times its length` : `${maxBytes} bytes`;
        const why = tooLarge ? `a compressed message of more than ${bound}` : 'a message that cannot be inflated';
        ws.close(tooLarge ? CLOSE_CODES.tooLarge : CLOSE_CODES.invalidData, why);
        done(new Error(why), NOTHING);
      });
    });
  }

  /** @param job is told whom to tell when it has ended */
  #run(job: (ended: () => void) => void): void {
    const start = (): void => {
      this.#running += 1;
      job(() => {
        this.#running -= 1;
        this.#startNext();
      });
    };
    if (this.#running < CONCURRENCY) start();
    else this.#waiting.push(start);
  }

  #startNext(): void {
    const start = this.#waiting[this.#next];
    this.#next += 1;
    if (this.#next >= this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    start?.();
  }
}

/** Known to `ws`, not to its types. */
function extensionOf(ws: WebSocket): Extension | undefined {
  if (ws.extensions === '') return undefined;
  const extension = (ws as unknown as { _extensions?: Record<string, Extension | undefined> })._extensions?.[
    ws.extensions
  ];
  if (extension === undefined) throw new Error(`this version of ws keeps ${ws.extensions} elsewhere`);
  return extension;
}
