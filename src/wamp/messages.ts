import type {
  CallOptions,
  CancelMode,
  Passthru,
  PublishOptions,
  RegisterOptions,
  SubscribeOptions,
  YieldOptions,
} from './options.ts';
import { type Dict, Payload } from './payload.ts';

/** Message type codes of the specification ("Message Codes and Direction"). */
export const MessageType = {
  HELLO: 1,
  WELCOME: 2,
  ABORT: 3,
  CHALLENGE: 4,
  AUTHENTICATE: 5,
  GOODBYE: 6,
  ERROR: 8,
  PUBLISH: 16,
  PUBLISHED: 17,
  SUBSCRIBE: 32,
  SUBSCRIBED: 33,
  UNSUBSCRIBE: 34,
  UNSUBSCRIBED: 35,
  EVENT: 36,
  CALL: 48,
  CANCEL: 49,
  RESULT: 50,
  REGISTER: 64,
  REGISTERED: 65,
  UNREGISTER: 66,
  UNREGISTERED: 67,
  INVOCATION: 68,
  INTERRUPT: 69,
  YIELD: 70,
} as const;

/** Details that carry nothing; one shared frozen object, so that encoders can tell it by identity. */
export const NO_DETAILS: Dict = Object.freeze({});

// ---- what a client sends --------------------------------------------------------------------------------------

export interface Hello {
  readonly type: typeof MessageType.HELLO;
  readonly realm: string;
  /** Bits of `Feature`, from `Details.roles`. */
  readonly features: number;
  /** undefined: the key was absent, which means anonymous (PITFALLS 14). */
  readonly authmethods: readonly string[] | undefined;
  readonly authid: string | undefined;
  readonly authextra: Dict;
  readonly agent: string | undefined;
}

export interface Authenticate {
  readonly type: typeof MessageType.AUTHENTICATE;
  readonly signature: string;
  readonly extra: Dict;
}

export interface Abort {
  readonly type: typeof MessageType.ABORT;
  readonly details: Dict;
  readonly reason: string;
}

export interface Goodbye {
  readonly type: typeof MessageType.GOODBYE;
  readonly details: Dict;
  readonly reason: string;
}

export interface Publish {
  readonly type: typeof MessageType.PUBLISH;
  readonly request: number;
  readonly options: PublishOptions;
  readonly topic: string;
  readonly payload: Payload;
}

export interface Subscribe {
  readonly type: typeof MessageType.SUBSCRIBE;
  readonly request: number;
  readonly options: SubscribeOptions;
  readonly topic: string;
}

export interface Unsubscribe {
  readonly type: typeof MessageType.UNSUBSCRIBE;
  readonly request: number;
  readonly subscription: number;
}

export interface Call {
  readonly type: typeof MessageType.CALL;
  readonly request: number;
  readonly options: CallOptions;
  readonly procedure: string;
  readonly payload: Payload;
}

export interface Cancel {
  readonly type: typeof MessageType.CANCEL;
  readonly request: number;
  readonly mode: CancelMode;
}

export interface Register {
  readonly type: typeof MessageType.REGISTER;
  readonly request: number;
  readonly options: RegisterOptions;
  readonly procedure: string;
}

export interface Unregister {
  readonly type: typeof MessageType.UNREGISTER;
  readonly request: number;
  readonly registration: number;
}

export interface Yield {
  readonly type: typeof MessageType.YIELD;
  readonly request: number;
  readonly options: YieldOptions;
  readonly payload: Payload;
}

/** ERROR for an INVOCATION, or for its INTERRUPT: the only ERROR a client may send (FEATURES A5). */
export interface InvocationError {
  readonly type: typeof MessageType.ERROR;
  readonly request: number;
  readonly details: Dict;
  /** What of `details` is about the payload; undefined: an ordinary one. */
  readonly passthru: Passthru | undefined;
  readonly error: string;
  readonly payload: Payload;
}

/** What a session asks of its realm: everything that is not about the session itself. */
export type RoutedMessage =
  | Publish
  | Subscribe
  | Unsubscribe
  | Call
  | Cancel
  | Register
  | Unregister
  | Yield
  | InvocationError;

export type ClientMessage = Hello | Authenticate | Abort | Goodbye | RoutedMessage;

// ---- what the router sends ------------------------------------------------------------------------------------
// A message handed to a peer is frozen from that moment: one instance may reach many peers.

export interface Welcome {
  readonly type: typeof MessageType.WELCOME;
  readonly session: number;
  readonly details: Dict;
}

export interface Challenge {
  readonly type: typeof MessageType.CHALLENGE;
  readonly method: string;
  readonly extra: Dict;
}

export interface RouterAbort {
  readonly type: typeof MessageType.ABORT;
  readonly details: Dict;
  readonly reason: string;
}

export interface RouterGoodbye {
  readonly type: typeof MessageType.GOODBYE;
  readonly details: Dict;
  readonly reason: string;
}

/** ERROR in answer to the request `request` of type `requestType`. */
export interface RequestError {
  readonly type: typeof MessageType.ERROR;
  readonly requestType: number;
  readonly request: number;
  readonly details: Dict;
  readonly error: string;
  readonly payload: Payload;
}

export interface Published {
  readonly type: typeof MessageType.PUBLISHED;
  readonly request: number;
  readonly publication: number;
}

export interface Subscribed {
  readonly type: typeof MessageType.SUBSCRIBED;
  readonly request: number;
  readonly subscription: number;
}

/** `request` 0 with details: a revocation (FEATURES C10). */
export interface Unsubscribed {
  readonly type: typeof MessageType.UNSUBSCRIBED;
  readonly request: number;
  readonly details: Dict | undefined;
}

export interface Result {
  readonly type: typeof MessageType.RESULT;
  readonly request: number;
  readonly details: Dict;
  readonly payload: Payload;
}

export interface Registered {
  readonly type: typeof MessageType.REGISTERED;
  readonly request: number;
  readonly registration: number;
}

/** `request` 0 with details: a revocation (FEATURES B12). */
export interface Unregistered {
  readonly type: typeof MessageType.UNREGISTERED;
  readonly request: number;
  readonly details: Dict | undefined;
}

export interface Invocation {
  readonly type: typeof MessageType.INVOCATION;
  readonly request: number;
  readonly registration: number;
  readonly details: Dict;
  readonly payload: Payload;
  /** Under which id the activity log has the call already; undefined: it has not. Never on the wire. */
  readonly traceId?: string | undefined;
}

export interface Interrupt {
  readonly type: typeof MessageType.INTERRUPT;
  readonly request: number;
  readonly details: Dict;
}

/** What a confirming peer did with an event; `detail` is its own and opaque to the core. */
export interface Receipt {
  /** Session id of the peer. */
  readonly session: number;
  readonly outcome: 'processed' | 'failed' | 'timeout' | 'gone';
  readonly detail: unknown;
}

/** Where peers that confirm settle their receipts (ARCHITECTURE §1.4). */
export interface ReceiptSink {
  /** Under which id the activity log has the publication already; absent: it has not. */
  readonly traceId?: string;
  settle(receipt: Receipt): void;
}

/**
 * One EVENT for all subscribers of one subscription. Serializers keep its encoded frame in {@link Event.frames}, so
 * every receiver of one serializer gets the same buffer (ARCHITECTURE, idea 4).
 */
export class Event {
  readonly type = MessageType.EVENT;
  readonly subscription: number;
  readonly publication: number;
  readonly details: Dict;
  /** The topic published to, whether or not `details` says it: adapters and logs need it. */
  readonly topic: string;
  readonly payload: Payload;
  /** Of a planned publication: where confirming peers report; undefined: nobody waits. */
  readonly receipts: ReceiptSink | undefined;
  /** Encoded frames by `serializer.index`; written by serializers only. */
  readonly frames: [Buffer | undefined, Buffer | undefined, Buffer | undefined] = [undefined, undefined, undefined];

  constructor(
    subscription: number,
    publication: number,
    details: Dict,
    topic: string,
    payload: Payload,
    receipts?: ReceiptSink,
  ) {
    this.subscription = subscription;
    this.publication = publication;
    this.details = details;
    this.topic = topic;
    this.payload = payload;
    this.receipts = receipts;
  }
}

export type RouterMessage =
  | Welcome
  | Challenge
  | RouterAbort
  | RouterGoodbye
  | RequestError
  | Published
  | Subscribed
  | Unsubscribed
  | Event
  | Result
  | Registered
  | Unregistered
  | Invocation
  | Interrupt;

/** An ERROR whose only payload is a sentence for people. */
export function requestError(requestType: number, request: number, error: string, message: string): RequestError {
  const payload = message === '' ? Payload.EMPTY : Payload.of([message]);
  return { type: MessageType.ERROR, requestType, request, details: NO_DETAILS, error, payload };
}
