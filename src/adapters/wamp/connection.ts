import type { Peer, Sent } from '../../router/peer.ts';
import type { Realm } from '../../router/realm.ts';
import { LOST } from '../../router/realm.ts';
import type { Member, Session } from '../../router/session.ts';
import type { Serializer } from '../../serializers/serializer.ts';
import type { Link, LinkClose, LinkHandler } from '../../transports/link.ts';
import { type CloseReason, CloseUri, ErrorUri, ProtocolViolation, violation, WampError } from '../../wamp/errors.ts';
import { ROUTER_ROLES } from '../../wamp/features.ts';
import {
  type Abort,
  type ClientMessage,
  type Event,
  type Goodbye,
  type Hello,
  MessageType,
  type RouterMessage,
  type Welcome,
} from '../../wamp/messages.ts';
import { type Dict, Payload } from '../../wamp/payload.ts';
import type { AdapterContext } from '../adapter.ts';
import { Handshake, type Outcome } from './handshake.ts';

/** Milliseconds a peer has to answer our GOODBYE before the transport is closed all the same. */
const GOODBYE_TIMEOUT_MS = 1000;
/**
 * The longest message from somebody who has not joined; a HELLO or a JWT in AUTHENTICATE (PITFALLS 20) takes a few KiB.
 * Details are decoded to their last value, so a stranger's megabyte of empty maps stood the router still for 0.5 s.
 */
const MAX_HANDSHAKE_BYTES = 65_536;

const ROLES_WITHOUT_FEATURES: Dict = Object.freeze(
  Object.fromEntries(Object.keys(ROUTER_ROLES).map((role) => [role, Object.freeze({})])),
);

type State =
  /** Waits for HELLO; also after a GOODBYE, for the transport outlives its session (PITFALLS 6). */
  | 'open'
  /** Between HELLO and WELCOME. */
  | 'handshake'
  | 'joined'
  /** We said GOODBYE; everything but the peer's is ignored (PITFALLS 5). */
  | 'leaving'
  | 'closed';

/** One transport that speaks WAMP: the sessions it has, one after the other, and their Peer. */
export class WampConnection implements LinkHandler, Peer {
  readonly #link: Link;
  readonly #serializer: Serializer;
  readonly #context: AdapterContext;
  /** The longest message that the peer takes (PITFALLS 86). */
  readonly #peerBytes: number;
  #state: State = 'open';
  #handshake: Handshake | undefined;
  #realm: Realm | undefined;
  #session: Session | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(link: Link, serializer: Serializer, context: AdapterContext) {
    this.#link = link;
    this.#serializer = serializer;
    this.#context = context;
    this.#peerBytes = link.maxMessageBytes ?? Number.POSITIVE_INFINITY;
    this.#awaitHello();
  }

  message(bytes: Buffer, binary: boolean): void {
    if (this.#state === 'closed') return;
    if (binary !== this.#serializer.binary) {
      this.#violated(`${binary ? 'binary' : 'text'} message on ${this.#serializer.subprotocol}`, 'unsupportedData');
      return;
    }
    if (this.#realm !== undefined && bytes.length > this.#realm.limits.maxMessageBytes) {
      const text = `a message of ${bytes.length} bytes; this realm takes ${this.#realm.limits.maxMessageBytes}`;
      this.#violated(text, 'tooLarge', ErrorUri.PAYLOAD_SIZE_EXCEEDED);
      return;
    }
    if (bytes.length > MAX_HANDSHAKE_BYTES && (this.#state === 'open' || this.#state === 'handshake')) {
      const text = `a message of ${bytes.length} bytes; before WELCOME the router takes ${MAX_HANDSHAKE_BYTES}`;
      this.#violated(text, 'tooLarge', ErrorUri.PAYLOAD_SIZE_EXCEEDED);
      return;
    }
    let message: ClientMessage;
    try {
      message = this.#serializer.decode(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      if (this.#state !== 'leaving') this.#violated(error.message, 'protocolError', error.uri);
      return;
    }
    this.#receive(message);
  }

  #receive(message: ClientMessage): void {
    switch (this.#state) {
      case 'joined':
        this.#routed(message);
        return;
      case 'open':
        if (message.type === MessageType.HELLO) this.#hello(message);
        else if (message.type === MessageType.ABORT) this.#close('normal');
        else this.#violated('HELLO expected first');
        return;
      case 'handshake':
        if (message.type === MessageType.ABORT) this.#close('normal');
        else this.#handshake?.receive(message);
        return;
      case 'leaving':
        if (message.type === MessageType.GOODBYE || message.type === MessageType.ABORT) this.#close('normal');
        return;
      case 'closed':
        return;
    }
  }

  #routed(message: ClientMessage): void {
    switch (message.type) {
      case MessageType.HELLO:
        this.#violated('a second HELLO');
        return;
      case MessageType.AUTHENTICATE:
        this.#violated('AUTHENTICATE without CHALLENGE');
        return;
      case MessageType.ABORT:
        // Never answered (PITFALLS 7).
        this.#leave({ how: 'abort', uri: message.reason, message: 'the peer aborted' });
        this.#close('normal');
        return;
      case MessageType.GOODBYE:
        this.#goodbye(message);
        return;
      default:
        if (this.#session !== undefined) this.#realm?.receive(this.#session, message);
    }
  }

  #goodbye(message: Goodbye): void {
    this.#leave({ how: 'goodbye', uri: message.reason, message: '' });
    this.#write({ type: MessageType.GOODBYE, details: {}, reason: CloseUri.GOODBYE_AND_OUT });
    this.#awaitHello();
  }

  // ---- joining ------------------------------------------------------------------------------------------------

  #awaitHello(): void {
    this.#state = 'open';
    this.#arm(this.#context.handshakeTimeoutMs, () => {
      this.#context.handshake('timeout');
      this.#close('tryLater', 'no HELLO in time');
    });
  }

  #hello(hello: Hello): void {
    this.#state = 'handshake';
    const handshake = new Handshake(this.#context, this.#link.info, hello, (outcome) => {
      // A slow authentication may end after its connection did.
      if (this.#handshake === handshake) this.#outcome(outcome, hello);
    });
    this.#handshake = handshake;
    handshake.begin();
  }

  #outcome(outcome: Outcome, hello: Hello): void {
    switch (outcome.kind) {
      case 'challenge':
        this.#write({ type: MessageType.CHALLENGE, method: outcome.method, extra: outcome.extra });
        return;
      case 'violation':
        this.#violated(outcome.message);
        return;
      case 'deny':
        this.#context.handshake('denied');
        this.#abort({ how: 'abort', uri: outcome.uri, message: outcome.message }, 'normal');
        return;
      case 'tryLater':
        this.#context.handshake('timeout');
        this.#close('tryLater', outcome.message);
        return;
      case 'welcome':
        this.#join(outcome.realm, outcome.member, outcome.details, hello);
    }
  }

  #join(realm: Realm, member: Member, details: Dict, hello: Hello): void {
    this.#handshake = undefined;
    const session = realm.join(this, member);
    if (session === undefined) {
      this.#close('tryLater', 'the realm is full');
      return;
    }
    this.#disarm();
    this.#link.narrow(() => realm.limits.outboxBytes);
    this.#realm = realm;
    this.#session = session;
    this.#state = 'joined';
    this.#context.handshake('welcomed');
    this.#context.log.debug(
      { realm: realm.name, session: session.id, authid: session.identity.authid, agent: hello.agent },
      'session joined',
    );
    this.#welcome(session.id, { realm: realm.name, roles: ROUTER_ROLES, agent: this.#context.agent, ...details });
  }

  /** To a peer that takes very little, without features: it can ask for none by itself, and join all the same. */
  #welcome(session: number, details: Dict): void {
    const whole: Welcome = { type: MessageType.WELCOME, session, details };
    const short: Welcome = { ...whole, details: { ...details, roles: ROLES_WITHOUT_FEATURES } };
    const sent = this.#tell(whole);
    if (sent === true || this.#write(short)) return;
    const isTooLong = sent === ErrorUri.PAYLOAD_SIZE_EXCEEDED;
    // Only `authextra` of an authenticator may be so.
    const message = isTooLong ? '' : 'what WELCOME has to say cannot be said in the encoding of this session';
    const reason = { how: 'abort', uri: sent, message } as const;
    this.#context.log.warn({ session, reason: sent }, 'a client could not be sent its WELCOME');
    this.#leave(reason);
    this.#abort(reason, isTooLong ? 'tooLarge' : 'normal');
  }

  // ---- the Peer ------------------------------------------------------------------------------------------------

  /** With a quarter of its output unread; at a half nothing more is read from it. */
  get isBehind(): boolean {
    return this.#realm !== undefined && this.#link.pendingBytes > this.#realm.limits.outboxBytes / 4;
  }

  send(message: RouterMessage): Sent {
    let bytes: Buffer;
    try {
      if (message.type === MessageType.EVENT && this.#refuses(message)) return ErrorUri.NETWORK_FAILURE;
      const pieces = this.#link.writePieces === undefined ? undefined : this.#serializer.pieces(message);
      if (pieces !== undefined) return this.#sendPieces(message, pieces);
      bytes = this.#serializer.encode(message);
    } catch (error) {
      // One receiver's encoding cannot say it: that costs this receiver its message and nobody else's.
      if (error instanceof WampError) return error.uri;
      // A bug of ours; thrown on, it would end the connection of whoever sent the message, who did nothing wrong.
      this.#context.log.warn(
        { err: error, type: message.type },
        'a message could not be encoded; its receiver lacks it',
      );
      return ErrorUri.NETWORK_FAILURE;
    }
    if (bytes.length > this.#peerBytes) return this.#tooLong(message);
    const taken = this.#link.write(bytes, this.#serializer.binary, message.type === MessageType.EVENT);
    return taken ? true : ErrorUri.NETWORK_FAILURE;
  }

  #sendPieces(message: RouterMessage, pieces: readonly Buffer[]): Sent {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    if (length > this.#peerBytes) return this.#tooLong(message);
    const taken = this.#link.writePieces?.(pieces, length, this.#serializer.binary) === true;
    return taken ? true : ErrorUri.NETWORK_FAILURE;
  }

  /** Never sent (PITFALLS 86). An ERROR answers all the same, for nobody else would: without what it had to say. */
  #tooLong(message: RouterMessage): Sent {
    const uri = ErrorUri.PAYLOAD_SIZE_EXCEEDED;
    if (message.type !== MessageType.ERROR) return uri;
    const short = { ...message, details: {}, error: uri, payload: Payload.EMPTY };
    return this.#write(short) || uri;
  }

  /**
   * Asked before encoding: one publication may reach a session by thousands of its subscriptions, and a frame for each
   * would be made even where the peer stopped taking them at the tenth (PITFALLS 81). The payload is encoded once.
   */
  #refuses(event: Event): boolean {
    if (event.frames[this.#serializer.index] !== undefined) return false;
    return this.#link.refuses?.(event.payload.tail(this.#serializer).bytes.length, true) === true;
  }

  canSay(payload: Payload): boolean {
    try {
      payload.tail(this.#serializer);
      return true;
    } catch (error) {
      if (error instanceof WampError) return false;
      throw error;
    }
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** The realm has forgotten the session already. */
  close(reason: CloseReason): void {
    this.#session = undefined;
    this.#realm = undefined;
    if (this.#state !== 'joined') return;
    switch (reason.how) {
      case 'abort':
        this.#abort(reason, reason.uri === ErrorUri.PROTOCOL_VIOLATION ? 'protocolError' : 'normal');
        return;
      case 'goodbye':
        this.#say({ type: MessageType.GOODBYE, details: textDetails(reason.message), reason: reason.uri });
        this.#state = 'leaving';
        this.#arm(GOODBYE_TIMEOUT_MS, () => this.#close('normal'));
        return;
      // Without GOODBYE or ABORT, so that stock clients come back (CONTRACT §6).
      case 'restart':
      case 'tryLater':
        this.#close(reason.how, reason.message);
    }
  }

  // ---- ends -----------------------------------------------------------------------------------------------------

  closed(): void {
    this.#disarm();
    this.#state = 'closed';
    this.#handshake = undefined;
    this.#leave(LOST);
  }

  #violated(text: string, how: LinkClose = 'protocolError', uri: string = ErrorUri.PROTOCOL_VIOLATION): void {
    if (this.#state !== 'joined') this.#context.handshake('violation');
    const reason =
      uri === ErrorUri.PROTOCOL_VIOLATION ? violation(text) : ({ how: 'abort', uri, message: text } as const);
    this.#context.log.info(
      { session: this.#session?.id, authid: this.#session?.identity.authid, address: this.#link.info.address },
      `protocol violation: ${text}`,
    );
    this.#leave(reason);
    this.#abort(reason, how);
  }

  #abort(reason: CloseReason, how: LinkClose): void {
    this.#say({ type: MessageType.ABORT, details: textDetails(reason.message), reason: reason.uri });
    this.#close(how, reason.uri);
  }

  #leave(reason: CloseReason): void {
    const session = this.#session;
    const realm = this.#realm;
    this.#session = undefined;
    this.#realm = undefined;
    if (session !== undefined) realm?.leave(session, reason);
  }

  #close(how: LinkClose, message?: string): void {
    this.#disarm();
    this.#state = 'closed';
    this.#handshake = undefined;
    this.#link.close(how, message);
  }

  /** The last word; where it is too long for the peer, the URI alone. */
  #say(message: Abort | Goodbye): void {
    if (!this.#write(message)) this.#write({ ...message, details: {} });
  }

  /** @returns false: too long for the peer, not sayable in its encoding, or the link is closed */
  #write(message: RouterMessage): boolean {
    return this.#tell(message) === true;
  }

  #tell(message: RouterMessage): Sent {
    let bytes: Buffer;
    try {
      bytes = this.#serializer.encode(message);
    } catch (error) {
      if (error instanceof WampError) return error.uri;
      throw error;
    }
    if (bytes.length > this.#peerBytes) return ErrorUri.PAYLOAD_SIZE_EXCEEDED;
    return this.#link.write(bytes, this.#serializer.binary, false) ? true : ErrorUri.NETWORK_FAILURE;
  }

  #arm(delayMs: number, run: () => void): void {
    this.#disarm();
    this.#cancelTimer = this.#context.clock.setTimer(delayMs, run);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function textDetails(message: string): Dict {
  return message === '' ? {} : { message };
}
