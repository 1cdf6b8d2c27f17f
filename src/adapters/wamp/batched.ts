import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from '../../transports/link.ts';

/** What the subprotocols of batched transports end with, e.g. `wamp.2.json.batched`. */
export const BATCHED = '.batched';

/** ASCII "record separator": JSON escapes it within strings, so it stands nowhere in a message. */
const SEPARATOR = 0x1e;
const LENGTH_BYTES = 4;
const NOTHING = Buffer.of(SEPARATOR, SEPARATOR);
/**
 * Of a batch so much is handed on in one turn, as other transports read: else who sends the longest batch holds up
 * everybody, and the outboxes of those who hear it overflow before they were written once (PITFALLS 81).
 */
const TURN_BYTES = 65_536;

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
 * Whether the bytes are a batch of whole messages: neither empty, nor cut off, nor with a length that leads out of it
 * (PITFALLS 78), nor with a message of nothing, which no serializer knows: a megabyte of those would be a million messages.
 */
export function isBatch(batch: Buffer, binary: boolean): boolean {
  if (batch.length === 0) return false;
  if (!binary) return batch.at(-1) === SEPARATOR && batch[0] !== SEPARATOR && !batch.includes(NOTHING);
  let at = 0;
  while (at < batch.length) {
    if (at + LENGTH_BYTES > batch.length) return false;
    const length = batch.readUInt32BE(at);
    if (length === 0) return false;
    at += LENGTH_BYTES + length;
  }
  return at === batch.length;
}

/** The messages of a batch one after the other; they share its bytes. */
class Batch {
  readonly #bytes: Buffer;
  readonly #binary: boolean;
  #at = 0;

  /** @param bytes for which {@link isBatch} is true */
  constructor(bytes: Buffer, binary: boolean) {
    this.#bytes = bytes;
    this.#binary = binary;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): Buffer {
    const start = this.#binary ? this.#at + LENGTH_BYTES : this.#at;
    const end = this.#binary ? start + this.#bytes.readUInt32BE(this.#at) : this.#bytes.indexOf(SEPARATOR, start);
    this.#at = this.#binary ? end : end + 1;
    return this.#bytes.subarray(start, end);
  }
}

/**
 * A link on which every transport message is a batch (spec: "Batched WebSocket Transport"), and what hears the batches of
 * the link below. Batches are read with any number of messages and written with one each: so all receivers of an event
 * get the same bytes, and what is written in one turn goes to the socket at once in any case.
 */
export class BatchedLink implements Link, LinkHandler {
  readonly info: LinkInfo;
  readonly #link: Link;
  readonly #binary: boolean;
  readonly #onError: (error: unknown) => void;
  #owner: LinkHandler | undefined;
  /** Read and not handed on. */
  readonly #batches: Batch[] = [];
  #isPaused = false;
  /** Whether the link below is not read, for the owner's sake or for ours. */
  #isStopped = false;
  /** The rest follows in the next turn. */
  #isBehind = false;
  #isHanding = false;
  #isClosed = false;
  /** The link below is gone, and the owner is still to hear what came before. */
  #end: LinkEnd | undefined;

  /** @param onError told of what an owner throws where no transport listens; must not throw */
  constructor(link: Link, binary: boolean, onError: (error: unknown) => void) {
    this.info = link.info;
    this.#link = link;
    this.#binary = binary;
    this.#onError = onError;
  }

  /** Hands messages on to `owner`. */
  open(owner: LinkHandler): this {
    this.#owner = owner;
    return this;
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
    this.#forget();
    this.#link.close(how, message);
  }

  destroy(): void {
    this.#forget();
    this.#link.destroy();
  }

  challenge(timeoutMs: number): void {
    this.#link.challenge?.(timeoutMs);
  }

  narrow(outboxBytes: () => number): void {
    this.#link.narrow(outboxBytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#read(false);
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#batches.length > 0) this.#goOnLater();
    else if (!this.#isBehind) this.#read(true);
  }

  #read(reads: boolean): void {
    if (this.#isStopped !== reads) return;
    this.#isStopped = !reads;
    if (reads) this.#link.resume();
    else this.#link.pause();
  }

  #forget(): void {
    this.#isClosed = true;
    this.#batches.length = 0;
  }

  // ---- what the link below says ---------------------------------------------------------------------------------

  message(bytes: Buffer, isBinary: boolean): void {
    if (this.#isClosed) return;
    // Text for binary, or the reverse, is no batch of this subprotocol: whoever knows what to say to it says it.
    if (isBinary !== this.#binary) this.#owner?.message(bytes, isBinary);
    else if (!isBatch(bytes, isBinary)) this.close('protocolError', 'not a batch of whole messages');
    else {
      this.#batches.push(new Batch(bytes, isBinary));
      if (!this.#isHanding && !this.#isBehind && !this.#isPaused) this.#handOn();
    }
  }

  /** What a peer said before it went is heard first, as far as its owner reads on. */
  closed(end: LinkEnd = LOST): void {
    if (this.#batches.length > 0 && (end.cause === 'peer' || end.cause === 'lost')) {
      this.#end = end;
      this.#goOnLater();
    } else this.#owner?.closed(end);
  }

  #goOnLater(): void {
    if (this.#isBehind) return;
    this.#isBehind = true;
    setImmediate(() => {
      this.#isBehind = false;
      try {
        this.#handOn();
      } catch (error) {
        this.#onError(error);
        this.close('internalError', 'internal error');
        this.#settle();
      }
    });
  }

  /** As much as is read in one turn. */
  #handOn(): void {
    this.#isHanding = true;
    try {
      let left = TURN_BYTES;
      for (let [batch] = this.#batches; batch !== undefined && left > 0 && !this.#isPaused; [batch] = this.#batches) {
        const message = batch.next();
        if (batch.isDone) this.#batches.shift();
        left -= message.length;
        this.#owner?.message(message, this.#binary);
      }
    } finally {
      this.#isHanding = false;
    }
    this.#settle();
  }

  #settle(): void {
    const isDone = this.#batches.length === 0;
    if (this.#end !== undefined && (isDone || this.#isPaused)) {
      this.#forget();
      this.#owner?.closed(this.#end);
      this.#end = undefined;
    } else if (!isDone && !this.#isPaused) {
      this.#read(false);
      this.#goOnLater();
    } else if (isDone && !this.#isPaused) this.#read(true);
  }
}

const LOST: LinkEnd = { cause: 'lost', code: 1006, message: '' };

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
