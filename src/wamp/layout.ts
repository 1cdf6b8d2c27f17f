/**
 * The wire layout of every message as data: which header fields stand at which position, where the payload begins.
 * All serializers use it, so one rule refuses a malformed message in every encoding (PITFALLS 25–27).
 *
 * A serializer reads the type, looks the layout up, reads `fields` header elements, and hands them over with the
 * payload; it never looks into the header itself.
 */
import { ErrorUri, ProtocolViolation } from './errors.ts';
import { isDict, readFeatures } from './features.ts';
import { isId, MAX_ID } from './ids.ts';
import { type ClientMessage, MessageType, type RouterMessage } from './messages.ts';
import {
  dictionary,
  readCallOptions,
  readCancelMode,
  readPassthru,
  readPublishOptions,
  readRegisterOptions,
  readSubscribeOptions,
  readYieldOptions,
  stringList,
  text,
} from './options.ts';
import { type Dict, Payload } from './payload.ts';

/** One message a client may send. */
export interface ClientLayout {
  readonly name: string;
  /** Header elements including the type. More elements than these are payload, or a violation without `payload`. */
  readonly fields: number;
  /** Whether args and kwargs may follow the header. */
  readonly payload: boolean;
  /** Whether its dictionaries say the same again and again, and no secrets: those of requests do. */
  readonly recurs: boolean;
  /** @throws ProtocolViolation naming message and field. `head[0]` is the type; `head.length` is `fields`. */
  build(head: readonly unknown[], payload: Payload): ClientMessage;
}

const EMPTY_DICT: Dict = Object.freeze({});

/**
 * `read`, asked once for each frozen dictionary: serializers give the same one for options that come again and again
 * (ARCHITECTURE §1.6). What is read is shared, so it must not change either.
 */
function remembered<T>(read: (options: Dict) => T): (options: Dict) => T {
  const known = new WeakMap<Dict, T>();
  return (options) => {
    const before = known.get(options);
    if (before !== undefined) return before;
    const made = read(options);
    if (Object.isFrozen(options)) known.set(options, made);
    return made;
  };
}

const publishOptions = remembered(readPublishOptions);
const subscribeOptions = remembered(readSubscribeOptions);
const callOptions = remembered(readCallOptions);
const registerOptions = remembered(readRegisterOptions);
const cancelMode = remembered(readCancelMode);
const yieldOptions = remembered(readYieldOptions);

function id(head: readonly unknown[], at: number, field: string): number {
  const value = head[at];
  const number = typeof value === 'bigint' && value <= BigInt(MAX_ID) ? Number(value) : value;
  if (!isId(number)) throw new ProtocolViolation(`${field}: id in 1 … 2^53 expected, got ${show(value)}`);
  return number;
}

function string(head: readonly unknown[], at: number, field: string): string {
  const value = head[at];
  if (typeof value !== 'string') throw new ProtocolViolation(`${field}: string expected, got ${show(value)}`);
  return value;
}

function dict(head: readonly unknown[], at: number, field: string): Dict {
  const value = head[at];
  if (!isDict(value)) throw new ProtocolViolation(`${field}: dictionary expected, got ${show(value)}`);
  return value;
}

/** Names a value's kind without repeating what may be long or secret. */
function show(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (ArrayBuffer.isView(value)) return 'binary';
  return typeof value === 'number' || typeof value === 'boolean' ? `${typeof value} ${value}` : typeof value;
}

const LAYOUTS: Readonly<Record<number, ClientLayout>> = {
  [MessageType.HELLO]: {
    name: 'HELLO',
    fields: 3,
    payload: false,
    recurs: false,
    build: buildHello,
  },
  [MessageType.ABORT]: {
    name: 'ABORT',
    fields: 3,
    payload: true,
    recurs: false,
    build: (head) => ({
      type: MessageType.ABORT,
      details: dict(head, 1, 'ABORT.Details'),
      reason: string(head, 2, 'ABORT.Reason'),
    }),
  },
  [MessageType.AUTHENTICATE]: {
    name: 'AUTHENTICATE',
    fields: 3,
    payload: false,
    recurs: false,
    build: (head) => ({
      type: MessageType.AUTHENTICATE,
      signature: string(head, 1, 'AUTHENTICATE.Signature'),
      extra: dict(head, 2, 'AUTHENTICATE.Extra'),
    }),
  },
  [MessageType.GOODBYE]: {
    name: 'GOODBYE',
    fields: 3,
    payload: false,
    recurs: false,
    build: (head) => ({
      type: MessageType.GOODBYE,
      details: dict(head, 1, 'GOODBYE.Details'),
      reason: string(head, 2, 'GOODBYE.Reason'),
    }),
  },
  [MessageType.ERROR]: {
    name: 'ERROR',
    fields: 5,
    payload: true,
    recurs: true,
    build: buildError,
  },
  [MessageType.PUBLISH]: {
    name: 'PUBLISH',
    fields: 4,
    payload: true,
    recurs: true,
    build: (head, payload) => ({
      type: MessageType.PUBLISH,
      request: id(head, 1, 'PUBLISH.Request'),
      options: publishOptions(dict(head, 2, 'PUBLISH.Options')),
      topic: string(head, 3, 'PUBLISH.Topic'),
      payload,
    }),
  },
  [MessageType.SUBSCRIBE]: {
    name: 'SUBSCRIBE',
    fields: 4,
    payload: false,
    recurs: true,
    build: (head) => ({
      type: MessageType.SUBSCRIBE,
      request: id(head, 1, 'SUBSCRIBE.Request'),
      options: subscribeOptions(dict(head, 2, 'SUBSCRIBE.Options')),
      topic: string(head, 3, 'SUBSCRIBE.Topic'),
    }),
  },
  [MessageType.UNSUBSCRIBE]: {
    name: 'UNSUBSCRIBE',
    fields: 3,
    payload: false,
    recurs: true,
    build: (head) => ({
      type: MessageType.UNSUBSCRIBE,
      request: id(head, 1, 'UNSUBSCRIBE.Request'),
      subscription: id(head, 2, 'UNSUBSCRIBE.Subscription'),
    }),
  },
  [MessageType.CALL]: {
    name: 'CALL',
    fields: 4,
    payload: true,
    recurs: true,
    build: (head, payload) => ({
      type: MessageType.CALL,
      request: id(head, 1, 'CALL.Request'),
      options: callOptions(dict(head, 2, 'CALL.Options')),
      procedure: string(head, 3, 'CALL.Procedure'),
      payload,
    }),
  },
  [MessageType.CANCEL]: {
    name: 'CANCEL',
    fields: 3,
    payload: false,
    recurs: true,
    build: (head) => ({
      type: MessageType.CANCEL,
      request: id(head, 1, 'CANCEL.Request'),
      mode: cancelMode(dict(head, 2, 'CANCEL.Options')),
    }),
  },
  [MessageType.REGISTER]: {
    name: 'REGISTER',
    fields: 4,
    payload: false,
    recurs: true,
    build: (head) => ({
      type: MessageType.REGISTER,
      request: id(head, 1, 'REGISTER.Request'),
      options: registerOptions(dict(head, 2, 'REGISTER.Options')),
      procedure: string(head, 3, 'REGISTER.Procedure'),
    }),
  },
  [MessageType.UNREGISTER]: {
    name: 'UNREGISTER',
    fields: 3,
    payload: false,
    recurs: true,
    build: (head) => ({
      type: MessageType.UNREGISTER,
      request: id(head, 1, 'UNREGISTER.Request'),
      registration: id(head, 2, 'UNREGISTER.Registration'),
    }),
  },
  [MessageType.YIELD]: {
    name: 'YIELD',
    fields: 3,
    payload: true,
    recurs: true,
    build: (head, payload) => ({
      type: MessageType.YIELD,
      request: id(head, 1, 'YIELD.Request'),
      options: yieldOptions(dict(head, 2, 'YIELD.Options')),
      payload,
    }),
  },
};

function buildHello(head: readonly unknown[]): ClientMessage {
  const realm = head[1];
  // There is no request to answer, so a bad realm is an ABORT with the URI rule's own error (PITFALLS 9).
  if (typeof realm !== 'string') {
    throw new ProtocolViolation(`HELLO.Realm: string expected, got ${show(realm)}`, ErrorUri.INVALID_URI);
  }
  const details = dict(head, 2, 'HELLO.Details');
  const roles = dictionary(details, 'roles', 'HELLO.Details');
  const features = roles === undefined ? 0 : readFeatures(roles);
  if (features === 0) {
    throw new ProtocolViolation('HELLO.Details.roles: at least one of publisher, subscriber, caller, callee expected');
  }
  return {
    type: MessageType.HELLO,
    realm,
    features,
    authmethods: stringList(details, 'authmethods', 'HELLO.Details'),
    authid: text(details, 'authid', 'HELLO.Details'),
    authextra: dictionary(details, 'authextra', 'HELLO.Details') ?? EMPTY_DICT,
    agent: text(details, 'agent', 'HELLO.Details'),
  };
}

function buildError(head: readonly unknown[], payload: Payload): ClientMessage {
  // INTERRUPT has the id of its invocation, and an answer to it is one to that (spec: "Call Canceling").
  if (head[1] !== MessageType.INVOCATION && head[1] !== MessageType.INTERRUPT) {
    const got = show(head[1]);
    throw new ProtocolViolation(`ERROR.RequestType: a client answers INVOCATION (68) and INTERRUPT (69), got ${got}`);
  }
  const details = dict(head, 3, 'ERROR.Details');
  return {
    type: MessageType.ERROR,
    request: id(head, 2, 'ERROR.Request'),
    details,
    passthru: readPassthru(details, 'ERROR.Details'),
    error: string(head, 4, 'ERROR.Error'),
    payload,
  };
}

const ROUTER_ONLY = new Set<number>([2, 4, 17, 33, 35, 36, 50, 65, 67, 68, 69]);

/** The layout of what a client may send as `type`; undefined: no client may. */
export function clientLayoutOf(type: number): ClientLayout | undefined {
  return LAYOUTS[type];
}

/**
 * The layout of a message of type `type` coming from a client.
 * @throws ProtocolViolation for everything no client may send (PITFALLS 3, 25), 256–1023 included.
 */
export function clientLayout(type: unknown): ClientLayout {
  const layout = typeof type === 'number' ? LAYOUTS[type] : undefined;
  if (layout !== undefined) return layout;
  if (typeof type === 'number' && ROUTER_ONLY.has(type)) {
    throw new ProtocolViolation(`message type ${type} is sent by routers only`);
  }
  throw new ProtocolViolation(`message type: known integer expected, got ${show(type)}`);
}

/**
 * Checks the number of elements of a whole message.
 * @param count elements of the outer array, payload included
 * @throws ProtocolViolation naming the message
 */
export function checkCount(layout: ClientLayout, count: number): void {
  const most = layout.fields + (layout.payload ? 2 : 0);
  if (count >= layout.fields && count <= most) return;
  const expected = most === layout.fields ? `${most}` : `${layout.fields} to ${most}`;
  throw new ProtocolViolation(`${layout.name}: ${expected} elements expected, got ${count}`);
}

/** A message the router sends, taken apart for encoding. */
export interface RouterLayout {
  readonly head: readonly unknown[];
  readonly payload: Payload;
}

/** The header elements, in order, and the payload of a message to a client. Integers among them are all ids or codes. */
export function routerLayout(message: RouterMessage): RouterLayout {
  switch (message.type) {
    case MessageType.WELCOME:
      return { head: [message.type, message.session, message.details], payload: Payload.EMPTY };
    case MessageType.CHALLENGE:
      return { head: [message.type, message.method, message.extra], payload: Payload.EMPTY };
    case MessageType.ABORT:
    case MessageType.GOODBYE:
      return { head: [message.type, message.details, message.reason], payload: Payload.EMPTY };
    case MessageType.ERROR:
      return {
        head: [message.type, message.requestType, message.request, message.details, message.error],
        payload: message.payload,
      };
    case MessageType.PUBLISHED:
      return { head: [message.type, message.request, message.publication], payload: Payload.EMPTY };
    case MessageType.SUBSCRIBED:
      return { head: [message.type, message.request, message.subscription], payload: Payload.EMPTY };
    case MessageType.REGISTERED:
      return { head: [message.type, message.request, message.registration], payload: Payload.EMPTY };
    case MessageType.UNSUBSCRIBED:
    case MessageType.UNREGISTERED:
      return {
        head:
          message.details === undefined
            ? [message.type, message.request]
            : [message.type, message.request, message.details],
        payload: Payload.EMPTY,
      };
    case MessageType.EVENT:
      return {
        head: [message.type, message.subscription, message.publication, message.details],
        payload: message.payload,
      };
    case MessageType.RESULT:
      return { head: [message.type, message.request, message.details], payload: message.payload };
    case MessageType.INVOCATION:
      return {
        head: [message.type, message.request, message.registration, message.details],
        payload: message.payload,
      };
    case MessageType.INTERRUPT:
      return { head: [message.type, message.request, message.details], payload: Payload.EMPTY };
  }
}
