/**
 * The client's side of the protocol, strictly: reads what a router sends and refuses what a strict client would. Used by
 * raw test clients and by the vectors; independent of `src/wamp/layout.ts`, which knows the other direction.
 */
import { isDict } from '../../src/wamp/features.ts';
import { isId } from '../../src/wamp/ids.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';

interface Carried {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

export type ReadMessage =
  | { readonly type: 2; readonly session: number; readonly details: Dict }
  | ({ readonly type: 3; readonly details: Dict; readonly reason: string } & Carried)
  | { readonly type: 4; readonly method: string; readonly extra: Dict }
  | { readonly type: 6; readonly details: Dict; readonly reason: string }
  | ({
      readonly type: 8;
      readonly requestType: number;
      readonly request: number;
      readonly details: Dict;
      readonly error: string;
    } & Carried)
  | { readonly type: 17; readonly request: number; readonly publication: number }
  | { readonly type: 33; readonly request: number; readonly subscription: number }
  | { readonly type: 35; readonly request: number; readonly details: Dict | undefined }
  | ({
      readonly type: 36;
      readonly subscription: number;
      readonly publication: number;
      readonly details: Dict;
    } & Carried)
  | ({ readonly type: 50; readonly request: number; readonly details: Dict } & Carried)
  | { readonly type: 65; readonly request: number; readonly registration: number }
  | { readonly type: 67; readonly request: number; readonly details: Dict | undefined }
  | ({ readonly type: 68; readonly request: number; readonly registration: number; readonly details: Dict } & Carried)
  | { readonly type: 69; readonly request: number; readonly details: Dict };

/** What a strict client would answer with ABORT. */
export class RouterViolation extends Error {
  override readonly name = 'RouterViolation';
}

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isHop: Check = (value) => isDict(value) && isId(value.session);
const isHops: Check = (value) => Array.isArray(value) && value.every(isHop);
/** Payload transparency of old: neither asked for nor understood. */
const never: Check = () => false;

const RETIRED = { enc_algo: never, enc_serializer: never, enc_key: never };

/** Known keys of Details, by message name; others are ignored. */
const DETAILS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  WELCOME: {
    roles: isDict,
    realm: isString,
    authid: isString,
    authrole: isString,
    authmethod: isString,
    authprovider: isString,
    authextra: isDict,
  },
  EVENT: {
    ...RETIRED,
    publisher: isId,
    publisher_authid: isString,
    publisher_authrole: isString,
    topic: isString,
    retained: isBoolean,
    transaction_hash: isString,
    x_acknowledged_delivery: isBoolean,
    forward_for: isHops,
  },
  INVOCATION: {
    ...RETIRED,
    procedure: isString,
    caller: isId,
    caller_authid: isString,
    caller_authrole: isString,
    receive_progress: isBoolean,
    timeout: isCount,
  },
  RESULT: { ...RETIRED, progress: isBoolean },
  ERROR: {},
  INTERRUPT: { mode: isString, reason: isString },
  UNSUBSCRIBED: { subscription: isId, reason: isString },
  UNREGISTERED: { registration: isId, reason: isString },
};

/** Takes a message apart, element by element. */
class Reader {
  readonly #elements: readonly unknown[];
  readonly #name: string;
  #at = 1;

  constructor(name: string, elements: readonly unknown[]) {
    this.#name = name;
    this.#elements = elements;
  }

  get left(): number {
    return this.#elements.length - this.#at;
  }

  id(field: string): number {
    const value = this.#next();
    if (!isId(value)) throw this.#wrong(field, 'id', value);
    return value;
  }

  /** A request id, or 0 in a revocation. */
  request(revocable: boolean): number {
    if (revocable && this.#elements[this.#at] === 0) {
      this.#at++;
      return 0;
    }
    return this.id('Request');
  }

  string(field: string): string {
    const value = this.#next();
    if (typeof value !== 'string') throw this.#wrong(field, 'string', value);
    return value;
  }

  dict(field: string): Dict {
    const value = this.#next();
    if (!isDict(value)) throw this.#wrong(field, 'dictionary', value);
    for (const [key, check] of Object.entries(DETAILS[this.#name] ?? {})) {
      if (Object.hasOwn(value, key) && !check(value[key]))
        throw this.#wrong(`${field}.${key}`, 'another type', value[key]);
    }
    return value;
  }

  /** Args and kwargs, which must not be sent as `[]` and `{}` where both are empty (PITFALLS 31). */
  payload(): Carried {
    const count = this.left;
    const args = count > 0 ? this.#next() : [];
    if (!Array.isArray(args)) throw this.#wrong('Arguments', 'list', args);
    const kwargs = count > 1 ? this.#next() : {};
    if (!isDict(kwargs)) throw this.#wrong('ArgumentsKw', 'dictionary', kwargs);
    const isEmpty = Object.keys(kwargs).length === 0;
    if (count > 1 && isEmpty) throw this.#wrong('ArgumentsKw', 'absence rather than an empty one', kwargs);
    if (count === 1 && args.length === 0) throw this.#wrong('Arguments', 'absence rather than an empty list', args);
    return { args, kwargs };
  }

  end(): void {
    if (this.left !== 0) throw new RouterViolation(`${this.#name}: ${this.left} elements too many`);
  }

  #next(): unknown {
    if (this.left <= 0) throw new RouterViolation(`${this.#name}: cut off`);
    const value = this.#elements[this.#at];
    this.#at++;
    return value;
  }

  #wrong(field: string, expected: string, value: unknown): RouterViolation {
    return new RouterViolation(`${this.#name}.${field}: ${expected} expected, got ${String(value)}`);
  }
}

const NAMES = new Map<unknown, string>(Object.entries(MessageType).map(([name, code]) => [code, name]));

/**
 * Reads one message of a router.
 * @throws RouterViolation naming message and field
 */
export function readRouterMessage(elements: unknown): ReadMessage {
  if (!Array.isArray(elements)) throw new RouterViolation('message: array expected');
  const reader = new Reader(NAMES.get(elements[0]) ?? 'message', elements);
  const message = readFields(elements[0], reader);
  reader.end();
  return message;
}

function readFields(type: unknown, reader: Reader): ReadMessage {
  switch (type) {
    case 2:
      return { type, session: reader.id('Session'), details: reader.dict('Details') };
    case 3:
      return { type, details: reader.dict('Details'), reason: reader.string('Reason'), ...reader.payload() };
    case 4:
      return { type, method: reader.string('AuthMethod'), extra: reader.dict('Extra') };
    case 6:
      return { type, details: reader.dict('Details'), reason: reader.string('Reason') };
    case 8:
      return {
        type,
        requestType: reader.id('RequestType'),
        request: reader.id('Request'),
        details: reader.dict('Details'),
        error: reader.string('Error'),
        ...reader.payload(),
      };
    case 17:
      return { type, request: reader.id('Request'), publication: reader.id('Publication') };
    case 33:
      return { type, request: reader.id('Request'), subscription: reader.id('Subscription') };
    case 35:
    case 67:
      return {
        type,
        request: reader.request(reader.left > 1),
        details: reader.left > 0 ? reader.dict('Details') : undefined,
      };
    case 36:
      return {
        type,
        subscription: reader.id('Subscription'),
        publication: reader.id('Publication'),
        details: reader.dict('Details'),
        ...reader.payload(),
      };
    case 50:
      return { type, request: reader.id('Request'), details: reader.dict('Details'), ...reader.payload() };
    case 65:
      return { type, request: reader.id('Request'), registration: reader.id('Registration') };
    case 68:
      return {
        type,
        request: reader.id('Request'),
        registration: reader.id('Registration'),
        details: reader.dict('Details'),
        ...reader.payload(),
      };
    case 69:
      return { type, request: reader.id('Request'), details: reader.dict('Details') };
    default:
      throw new RouterViolation(`message type ${String(type)} is not one of a router's`);
  }
}
