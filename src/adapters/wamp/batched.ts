import type { Link, LinkClose, LinkHandler, LinkInfo } from '../../transports/link.ts';

/** What the subprotocols of batched transports end with, e.g. `wamp.2.json.batched`. */
export const BATCHED = '.batched';

/** ASCII "record separator": JSON escapes it within strings, so it stands nowhere in a message. */
const SEPARATOR = 0x1e;
const LENGTH_BYTES = 4;

/** One message as a batch of one. */
export function batchOf(message: Buffer, binary: boolean): Buffer {
  const { length } = message;
  if (binary) {
    const batch = Buffer.allocUnsafe(LENGTH_BYTES + length);
    batch.writeUInt32BE(length, 0);
    batch.set(message, LENGTH_BYTES);
    return batch;
  }
  const batch = Buffer.allocUnsafe(length + 1);
  batch.set(message, 0);
  batch[length] = SEPARATOR;
  return batch;
}

/**
 * The messages of a batch; they share its bytes.
 * @returns undefined where it is none: empty, not terminated, or with a length that leads out of it (PITFALLS 78)
 */
export function splitBatch(batch: Buffer, binary: boolean): Buffer[] | undefined {
  const messages: Buffer[] = [];
  let at = 0;
  while (at < batch.length) {
    let start = at;
    let end: number;
    if (binary) {
      start += LENGTH_BYTES;
      if (start > batch.length) return undefined;
      end = start + batch.readUInt32BE(at);
      if (end > batch.length) return undefined;
      at = end;
    } else {
      end = batch.indexOf(SEPARATOR, at);
      if (end === -1) return undefined;
      at = end + 1;
    }
    messages.push(batch.subarray(start, end));
  }
  return messages.length === 0 ? undefined : messages;
}

/**
 * A link on which every transport message is a batch (spec: "Batched WebSocket Transport"). Batches are read with any
 * number of messages and written with one each: so all receivers of an event get the same bytes, and what is written in
 * one turn goes to the socket at once in any case.
 */
export class BatchedLink implements Link {
  readonly info: LinkInfo;
  readonly #link: Link;

  constructor(link: Link) {
    this.info = link.info;
    this.#link = link;
  }

  get pendingBytes(): number {
    return this.#link.pendingBytes;
  }

  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean {
    return this.#link.write(droppable ? sharedBatch(bytes, binary) : batchOf(bytes, binary), binary, droppable);
  }

  refuses(bytes: number, droppable: boolean): boolean {
    return this.#link.refuses?.(bytes, droppable) === true;
  }

  close(how: LinkClose, message?: string): void {
    this.#link.close(how, message);
  }

  destroy(): void {
    this.#link.destroy();
  }

  challenge(timeoutMs: number): void {
    this.#link.challenge?.(timeoutMs);
  }

  narrow(outboxBytes: () => number): void {
    this.#link.narrow(outboxBytes);
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }
}

/** The batches of events, which go to many receivers, by the events' bytes. */
const sharedBatches = new WeakMap<Buffer, Buffer>();

function sharedBatch(event: Buffer, binary: boolean): Buffer {
  let batch = sharedBatches.get(event);
  if (batch === undefined) {
    batch = batchOf(event, binary);
    sharedBatches.set(event, batch);
  }
  return batch;
}

/** What hears the batches of a link and hands on their messages. */
export function unbatching(link: Link, binary: boolean, handler: LinkHandler): LinkHandler {
  return {
    message(bytes, isBinary) {
      // Text for binary, or the reverse, is no batch of this subprotocol: whoever knows what to say to it says it.
      const messages = isBinary === binary ? splitBatch(bytes, binary) : [bytes];
      if (messages === undefined) {
        link.close('protocolError', 'not a batch of whole messages');
        return;
      }
      for (const message of messages) handler.message(message, isBinary);
    },
    closed: (end) => handler.closed(end),
  };
}
