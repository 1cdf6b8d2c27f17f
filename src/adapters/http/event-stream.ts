import type { ServerResponse } from 'node:http';
import type { Peer, Sent } from '../../router/peer.ts';
import { LOST, type Realm } from '../../router/realm.ts';
import type { Member, Session } from '../../router/session.ts';
import { json } from '../../serializers/json.ts';
import type { KeepAlive, Watched } from '../../transports/keep-alive.ts';
import type { LinkInfo } from '../../transports/link.ts';
import { Outbox, type OutboxOwner } from '../../transports/outbox.ts';
import type { OutboxPool, OverflowCause } from '../../transports/outbox-pool.ts';
import type { TransportEvent } from '../../transports/transport.ts';
import { type CloseReason, CloseUri, ErrorUri, WampError } from '../../wamp/errors.ts';
import { type Event, MessageType, type RouterMessage, type Subscribe, type Unsubscribed } from '../../wamp/messages.ts';
import { NOT_THERE, payloadMembers, problemOfClose, sendProblem } from './answers.ts';
import { problemOfError } from './exchange.ts';

/** What the streams of an endpoint share. */
export interface StreamContext {
  readonly outboxes: OutboxPool;
  readonly keepAlive: KeepAlive;
  report(event: TransportEvent): void;
}

const ENDED: CloseReason = { how: 'goodbye', uri: CloseUri.NORMAL, message: 'the stream ended' };

const HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  // nginx would hold events back until its buffer is full.
  'X-Accel-Buffering': 'no',
};

/** A line that clients skip. */
const HEARTBEAT = Buffer.from(': the router is alive\n\n');

/**
 * One subscription as server-sent events (HTML, "Server-sent events"), on a session of its own. Before the topic is
 * subscribed a refusal is an HTTP status; after that an event `end` says why nothing follows.
 *
 * What the client does not take waits in an outbox as for any connection (CONTRACT §3, PITFALLS 81).
 */
export class EventStream implements Peer, OutboxOwner, Watched {
  readonly #response: ServerResponse;
  readonly #context: StreamContext;
  readonly #info: LinkInfo;
  readonly #asked: Subscribe;
  #realm: Realm | undefined;
  #session: Session | undefined;
  #outbox: Outbox | undefined;
  #isOver = false;

  private constructor(context: StreamContext, info: LinkInfo, asked: Subscribe, response: ServerResponse) {
    this.#context = context;
    this.#info = info;
    this.#asked = asked;
    this.#response = response;
  }

  static run(
    realm: Realm,
    member: Member,
    asked: Subscribe,
    response: ServerResponse,
    info: LinkInfo,
    context: StreamContext,
  ): void {
    const stream = new EventStream(context, info, asked, response);
    const session = realm.join(stream, member);
    if (session === undefined) {
      sendProblem(response, NOT_THERE);
      return;
    }
    stream.#realm = realm;
    stream.#session = session;
    response.on('close', () => stream.#gone());
    // Of a client that resets its connection; `close` follows.
    response.on('error', () => {});
    realm.receive(session, asked);
  }

  // ---- the Peer -------------------------------------------------------------------------------------------------

  send(message: RouterMessage): Sent {
    switch (message.type) {
      case MessageType.EVENT:
        return this.#event(message);
      case MessageType.SUBSCRIBED:
        this.#open(message.subscription);
        return true;
      case MessageType.UNSUBSCRIBED:
        this.#revoked(message);
        return true;
      case MessageType.ERROR:
        this.#refuse(() => sendProblem(this.#response, problemOfError(message)));
        return true;
      default:
        return true;
    }
  }

  /** With a quarter of its output unread, as a WAMP session: retained events wait until it has read them. */
  get isBehind(): boolean {
    const { pendingBytes = 0 } = this.#outbox ?? {};
    return this.#realm !== undefined && pendingBytes > this.#realm.limits.outboxBytes / 4;
  }

  /** The realm has forgotten the session already. */
  close(reason: CloseReason): void {
    this.#session = undefined;
    if (this.#outbox === undefined) this.#refuse(() => sendProblem(this.#response, problemOfClose(reason)));
    else this.#end(reason.uri, reason.message);
  }

  #open(subscription: number): void {
    if (this.#isOver || this.#response.destroyed) return;
    this.#response.writeHead(200, HEAD);
    this.#outbox = new Outbox(this.#context.outboxes, this.#response, this);
    const realm = this.#realm;
    if (realm !== undefined) this.#outbox.narrow(() => realm.limits.outboxBytes);
    // Half-open connections: what the system sends to a peer that is gone it gives up by itself.
    this.#response.socket?.setKeepAlive(true);
    this.#context.keepAlive.add(this);
    const { topic, options } = this.#asked;
    const { match } = options;
    this.#outbox.push(frameOf('subscribed', JSON.stringify({ subscription, topic, match })), false);
  }

  #event(event: Event): Sent {
    const outbox = this.#outbox;
    if (outbox === undefined || this.#isOver) return ErrorUri.CANCELED;
    let frame = frames.get(event);
    if (frame === undefined) {
      try {
        // Asked before it is made: see WampConnection.
        if (outbox.refuses(event.payload.tail(json).bytes.length, true)) return ErrorUri.NETWORK_FAILURE;
        frame = eventFrame(event);
      } catch (error) {
        if (error instanceof WampError) return error.uri;
        throw error;
      }
      frames.set(event, frame);
    }
    return outbox.push(frame, true) ? true : ErrorUri.NETWORK_FAILURE;
  }

  /** The rules no longer allow it, or an admin took it away (FEATURES C10). */
  #revoked({ request, details }: Unsubscribed): void {
    if (request !== 0) return;
    const reason = details?.reason;
    this.#end(ErrorUri.NOT_AUTHORIZED, typeof reason === 'string' ? reason : 'the subscription was revoked');
  }

  // ---- the client -----------------------------------------------------------------------------------------------

  /** Nothing is read from it anyhow. */
  throttle(): void {}

  overflowed(cause: OverflowCause, pendingBytes: number): void {
    this.#context.report({ kind: 'slowPeer', info: this.#info, cause, pendingBytes });
    this.#cut();
  }

  signsOfLife(): number {
    return this.#outbox?.takenBytes ?? 0;
  }

  probe(): void {
    this.#outbox?.pushControl(HEARTBEAT);
  }

  dead(silentMs: number): void {
    this.#context.report({ kind: 'deadPeer', info: this.#info, silentMs });
    this.#cut();
  }

  // ---- ends -----------------------------------------------------------------------------------------------------

  #end(reason: string, message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outbox?.push(frameOf('end', JSON.stringify({ reason, message })), false);
    this.#outbox?.finish();
    this.#response.end();
    this.#leaveSoon(ENDED);
  }

  #refuse(answer: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    answer();
    this.#leaveSoon(ENDED);
  }

  #cut(): void {
    this.#isOver = true;
    this.#outbox?.discard();
    this.#response.destroy();
  }

  #gone(): void {
    this.#isOver = true;
    this.#outbox?.discard();
    this.#context.keepAlive.delete(this);
    this.#leave(LOST);
  }

  /** Not from inside a call of the realm's: it is in the middle of telling this session something. */
  #leaveSoon(reason: CloseReason): void {
    queueMicrotask(() => this.#leave(reason));
  }

  #leave(reason: CloseReason): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) this.#realm?.leave(session, reason);
  }
}

/** One frame for all streams of a subscription. */
const frames = new WeakMap<Event, Buffer>();

/** An event without a name, which is what `onmessage` of a page's EventSource hears. */
function eventFrame({ publication, topic, details, payload }: Event): Buffer {
  const start = `id: ${publication}\ndata: {"topic":${JSON.stringify(topic)},"publication":${publication},`;
  const facts = Object.keys(details).length === 0 ? '' : `,"details":${JSON.stringify(details)}`;
  return Buffer.concat([Buffer.from(start), onOneLine(payloadMembers(payload)), Buffer.from(`${facts}}\n\n`)]);
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/**
 * JSON as it came may have line breaks between its parts, and only there; a break would end the line of the stream, and what
 * follows it would be read as the router's own words.
 */
function onOneLine(text: Buffer): Buffer {
  if (!text.includes(NEWLINE) && !text.includes(RETURN)) return text;
  // `text` was made for this frame, but for empty payloads, which have no breaks.
  for (let i = 0; i < text.length; i++) if (text[i] === NEWLINE || text[i] === RETURN) text[i] = SPACE;
  return text;
}

function frameOf(name: string, data: string): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${data}\n\n`);
}
