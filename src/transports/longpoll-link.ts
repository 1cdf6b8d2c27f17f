import type { ServerResponse } from 'node:http';
import { refuseRequest } from './http-answers.ts';
import type { KeepAlive, KeepAliveLimits, Watched } from './keep-alive.ts';
import type { Link, LinkClose, LinkEnd, LinkHandler, LinkInfo } from './link.ts';
import { Outbox, type OutboxOwner, type OutboxTarget } from './outbox.ts';
import type { OutboxPool, OverflowCause } from './outbox-pool.ts';
import type { TransportEvent } from './transport.ts';

/** How the messages of a subprotocol travel. */
export interface PolledProtocol {
  /** Whether they are bytes, and no text. */
  readonly binary: boolean;
  /** Whether several may follow one another in one body: their framing tells them apart. */
  readonly joins: boolean;
}

/** What all long-poll connections share. */
export interface LongPollContext {
  readonly outboxes: OutboxPool;
  readonly keepAlive: KeepAlive;
  readonly keepAliveLimits: () => KeepAliveLimits;
  readonly links: Set<LongPollLink>;
  /** Figures: peers removed by keep-alive. */
  deadPeers: number;
  /** Milliseconds that what is queued at the end has to be fetched. */
  readonly closeTimeoutMs: number;
  onError(error: unknown, info: LinkInfo): void;
  report(event: TransportEvent): void;
}

/** Longest time that a `receive` is held; clients give a request 12 s. */
const HOLD_MS = 10_000;
/** Bytes in one body where messages are joined; a single message may be longer. */
const JOINED_BYTES = 256 * 1024;
/** Requests to send that may wait while the owner does not read. */
const MAX_WAITING = 64;

const ENDED_WELL = 1000;
const LOST = 1006;
const TEXT = 'application/json';
const BYTES = 'application/octet-stream';

/** Ends that the peer is to blame for: the message that caused one is answered 400 (PITFALLS 90). */
const BLAMES: ReadonlySet<LinkClose> = new Set([
  'protocolError',
  'unsupportedData',
  'invalidData',
  'policyViolation',
  'tooLarge',
]);

/**
 * One long-poll connection as a `Link` (spec: "HTTP Longpoll Transport"): requests carry its messages, and all that stays
 * between them is here. What waits to be fetched is bounded by an outbox, which does not write but counts.
 */
export class LongPollLink implements Link, OutboxOwner, Watched {
  readonly info: LinkInfo;
  readonly #context: LongPollContext;
  readonly #protocol: PolledProtocol;
  readonly #forget: () => void;
  readonly #outbox: Outbox;
  #queue: Buffer[] = [];
  readonly #kept = new KeptBytes();
  #handler: LinkHandler | undefined;
  #receive: ServerResponse | undefined;
  #holdTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  #flushDue = false;
  /** Requests to send, in the order they came: one is read at a time, so that a client holds one body in memory. */
  #waiting: Sending[] = [];
  #isTaking = false;
  /** Hands on a body that came while the owner had stopped reading. */
  #held: (() => void) | undefined;
  #pausedByOwner = false;
  #throttled = false;
  #requests = 0;
  #end: LinkEnd | undefined;
  #how: LinkClose = 'normal';
  #state: 'open' | 'closing' | 'gone' = 'open';

  /** @param forget called once, when no request may find this connection any more */
  constructor(context: LongPollContext, info: LinkInfo, protocol: PolledProtocol, forget: () => void) {
    this.#context = context;
    this.info = info;
    this.#protocol = protocol;
    this.#forget = forget;
    this.#outbox = new Outbox(context.outboxes, this.#kept, this);
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    this.#context.links.add(this);
    this.#context.keepAlive.add(this);
  }

  // ---- the Link -------------------------------------------------------------------------------------------------

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  write(bytes: Buffer, _binary: boolean, droppable: boolean): boolean {
    if (this.#state !== 'open' || !this.#outbox.admit(bytes.length, droppable)) return false;
    this.#queue.push(bytes);
    this.#kept.queued += bytes.length;
    this.#flushSoon();
    return true;
  }

  refuses(bytes: number, droppable: boolean): boolean {
    return this.#state !== 'open' || this.#outbox.refuses(bytes, droppable);
  }

  /** What is queued can still be fetched. */
  close(how: LinkClose, message = ''): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#how = how;
    this.#end ??= { cause: 'owner', code: ENDED_WELL, message };
    this.#letWaitingGo();
    this.#closeTimer = setTimeout(() => this.#gone(), this.#context.closeTimeoutMs);
    this.#flushSoon();
  }

  destroy(): void {
    this.#fail({ cause: 'owner', code: LOST, message: '' });
  }

  narrow(outboxBytes: () => number): void {
    this.#outbox.narrow(outboxBytes);
  }

  pause(): void {
    this.#pausedByOwner = true;
  }

  resume(): void {
    this.#pausedByOwner = false;
    this.#letWaitingGo();
  }

  // ---- the outbox -----------------------------------------------------------------------------------------------

  throttle(slow: boolean): void {
    this.#throttled = slow;
    if (!slow) this.#letWaitingGo();
  }

  overflowed(cause: OverflowCause, pendingBytes: number): void {
    this.#how = 'tryLater';
    this.#context.report({ kind: 'slowPeer', info: this.info, cause, pendingBytes });
    this.#fail({ cause: 'slowPeer', code: LOST, message: 'messages are not fetched fast enough' });
  }

  // ---- requests -------------------------------------------------------------------------------------------------

  /** `receive`: answered as soon as there is something, with 204 where there is nothing for a while. */
  receive(response: ServerResponse): void {
    this.#requests += 1;
    if (this.#receive !== undefined) {
      refuseRequest(response, { status: 400, text: 'there is a receive under way already' });
      return;
    }
    this.#receive = response;
    response.once('close', () => {
      if (this.#receive === response) this.#release();
    });
    const { pingMs } = this.#context.keepAliveLimits();
    const holdMs = pingMs === 0 ? HOLD_MS : Math.min(HOLD_MS, pingMs / 2);
    this.#holdTimer = setTimeout(() => this.#answerEmpty(), holdMs);
    if (this.#queue.length > 0 || this.#state !== 'open') this.#flush();
  }

  /** `send`: `take` reads the body and hands it to {@link received}, when it is its turn. */
  send(response: ServerResponse, take: () => void): void {
    this.#requests += 1;
    if (this.#waiting.length >= MAX_WAITING) {
      refuseRequest(response, { status: 429, text: 'too many messages wait here', headers: { 'Retry-After': '1' } });
      return;
    }
    this.#waiting.push({ response, take });
    this.#takeNext();
  }

  /** @param done told, later where the owner does not read now, whether the message is good; else the connection ends */
  received(bytes: Buffer, done: (isGood: boolean) => void): void {
    if (this.#isPaused) this.#held = () => done(this.#handOn(bytes));
    else done(this.#handOn(bytes));
  }

  #handOn(bytes: Buffer): boolean {
    if (this.#state !== 'open') return false;
    try {
      this.#handler?.message(bytes, this.#protocol.binary);
    } catch (error) {
      this.#context.onError(error, this.info);
      this.#end = { cause: 'handler', code: LOST, message: 'internal error' };
      this.close('internalError', 'internal error');
    }
    return this.isOpen || !BLAMES.has(this.#how);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** `close`. */
  peerClosed(): void {
    this.#fail({ cause: 'peer', code: ENDED_WELL, message: '' });
  }

  // ---- signs of life --------------------------------------------------------------------------------------------

  signsOfLife(): number {
    return this.#requests;
  }

  /** Whoever waits for messages must come back to show that it lives. */
  probe(): void {
    this.#answerEmpty();
  }

  challenge(timeoutMs: number): void {
    const before = this.#requests;
    this.#answerEmpty();
    const timer = setTimeout(() => {
      if (this.isOpen && this.#requests === before) this.dead(timeoutMs);
    }, timeoutMs);
    timer.unref();
  }

  dead(silentMs: number): void {
    this.#context.deadPeers += 1;
    this.#context.report({ kind: 'deadPeer', info: this.info, silentMs });
    this.#fail({ cause: 'deadPeer', code: LOST, message: `silent for ${silentMs} ms` });
  }

  // ---- inside ---------------------------------------------------------------------------------------------------

  get #isPaused(): boolean {
    return this.#state === 'open' && (this.#pausedByOwner || this.#throttled);
  }

  #letWaitingGo(): void {
    while (this.#held !== undefined && !this.#isPaused) {
      const held = this.#held;
      this.#held = undefined;
      held();
    }
    this.#takeNext();
  }

  #takeNext(): void {
    while (!this.#isTaking && !this.#isPaused) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.response.destroyed) continue;
      this.#isTaking = true;
      next.response.once('close', () => {
        this.#isTaking = false;
        this.#held = undefined;
        this.#takeNext();
      });
      next.take();
    }
  }

  /** At the end of this turn, so that what is written in one turn goes out at once. */
  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#state === 'gone') return;
    if (this.#queue.length === 0) {
      if (this.#state === 'closing' && this.#kept.inFlight === 0) this.#gone();
      return;
    }
    const response = this.#receive;
    if (response === undefined) return;
    this.#release();
    this.#deliver(response, this.#taken());
  }

  /** The next body. */
  #taken(): Buffer {
    let count = 1;
    let bytes = this.#queue[0]?.length ?? 0;
    if (this.#protocol.joins) {
      for (; count < this.#queue.length; count++) {
        const { length } = this.#queue[count] as Buffer;
        if (bytes + length > JOINED_BYTES) break;
        bytes += length;
      }
    }
    const messages = this.#queue.splice(0, count);
    this.#kept.queued -= bytes;
    this.#kept.inFlight += bytes;
    return messages.length === 1 ? (messages[0] as Buffer) : Buffer.concat(messages, bytes);
  }

  #deliver(response: ServerResponse, body: Buffer): void {
    response.once('close', () => {
      this.#kept.inFlight -= body.length;
      this.#outbox.settled();
      // Nobody can tell what of it arrived, and a gap must not go unnoticed: the client has to join anew.
      if (!response.writableFinished) this.#fail({ cause: 'lost', code: LOST, message: '' });
      else if (this.#state === 'closing') this.#flush();
    });
    response.writeHead(200, {
      'Content-Type': this.#protocol.binary ? BYTES : TEXT,
      'Content-Length': String(body.length),
      'Cache-Control': 'no-store',
    });
    response.end(body);
  }

  #answerEmpty(): void {
    const response = this.#receive;
    this.#release();
    response?.writeHead(204, { 'Cache-Control': 'no-store' });
    response?.end();
  }

  /** The `receive` under way is over. */
  #release(): void {
    clearTimeout(this.#holdTimer);
    this.#receive = undefined;
  }

  #fail(end: LinkEnd): void {
    if (this.#state === 'gone') return;
    this.#end ??= end;
    this.#gone();
  }

  #gone(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearTimeout(this.#closeTimer);
    this.#queue = [];
    this.#kept.queued = 0;
    this.#outbox.discard();
    this.#context.keepAlive.delete(this);
    this.#context.links.delete(this);
    this.#forget();
    const response = this.#receive;
    this.#release();
    if (response !== undefined) {
      const comesBack = this.#how === 'restart' || this.#how === 'tryLater';
      const text =
        this.#end?.message === '' ? 'the connection is closed' : `the connection is closed: ${this.#end?.message}`;
      refuseRequest(response, { status: comesBack ? 503 : 404, text });
    }
    this.#letWaitingGo();
    // Never from inside a call of the owner's.
    setImmediate(() => this.#tell());
  }

  #tell(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    try {
      handler?.closed(this.#end ?? { cause: 'lost', code: LOST, message: '' });
    } catch (error) {
      this.#context.onError(error, this.info);
    }
  }
}

interface Sending {
  readonly response: ServerResponse;
  readonly take: () => void;
}

/** What an outbox that writes nothing counts. */
class KeptBytes implements OutboxTarget {
  queued = 0;
  /** In the answer to a `receive` that is not written yet. */
  inFlight = 0;
  readonly writable = false;

  get writableLength(): number {
    return this.queued + this.inFlight;
  }

  write(): boolean {
    return false;
  }

  cork(): void {}
  uncork(): void {}
}
