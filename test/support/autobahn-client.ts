/** The real autobahn package, typed as far as the tests use it, without its noise on the console. */
import { createRequire } from 'node:module';
import type { Dict } from '../../src/wamp/payload.ts';
import type { RawName } from './raw-codec.ts';
import type { Wire } from './wire.ts';

export interface AutobahnError {
  readonly error: string;
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

export interface AutobahnResult {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

export interface EventDetails {
  readonly publication: number;
  readonly topic: string;
  readonly publisher: number | undefined;
  readonly publisher_authid: string | undefined;
  readonly publisher_authrole: string | undefined;
  readonly retained: boolean;
}

export interface InvocationFacts {
  readonly procedure: string;
  readonly progress: ((args?: readonly unknown[], kwargs?: Dict) => void) | null;
  readonly caller: number | undefined;
  readonly caller_authid: string | undefined;
  readonly caller_authrole: string | undefined;
}

export interface AutobahnSubscription {
  readonly id: number;
  readonly active: boolean;
  readonly on_unsubscribe: Promise<string | undefined>;
  unsubscribe(): Promise<boolean>;
}

export interface AutobahnRegistration {
  readonly id: number;
  readonly active: boolean;
  readonly on_unregister: Promise<string | undefined>;
  unregister(): Promise<void>;
}

/** when.js promises: `then` takes a third function, for progress. */
export interface CallPromise extends Promise<unknown> {
  then<A, B = never>(
    resolved?: ((value: unknown) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
    progress?: (value: unknown) => void,
  ): Promise<A | B>;
  cancel(options?: { readonly mode?: string }): void;
}

export type Endpoint = (args: readonly unknown[], kwargs: Dict, facts: InvocationFacts) => unknown;

export interface AutobahnSession {
  readonly id: number;
  readonly isOpen: boolean;
  readonly features: Dict;
  call(procedure: string, args?: readonly unknown[] | null, kwargs?: Dict | null, options?: Dict): CallPromise;
  publish(
    topic: string,
    args?: readonly unknown[] | null,
    kwargs?: Dict | null,
    options?: Dict,
  ): Promise<{ readonly id: number }> | undefined;
  subscribe(
    topic: string,
    handler: (args: readonly unknown[], kwargs: Dict, details: EventDetails) => void,
    options?: Dict,
  ): Promise<AutobahnSubscription>;
  register(procedure: string, endpoint: Endpoint, options?: Dict): Promise<AutobahnRegistration>;
}

export interface ClosedDetails {
  readonly reason: string | null;
  readonly message: string | null;
  readonly will_retry: boolean;
}

export interface AutobahnConnection {
  onopen: ((session: AutobahnSession, details: Dict) => void) | undefined;
  onclose: ((reason: string, details: ClosedDetails) => boolean | undefined) | undefined;
  readonly session: AutobahnSession | null;
  readonly isOpen: boolean;
  readonly isConnected: boolean;
  readonly isRetrying: boolean;
  open(): void;
  close(): void;
}

interface AutobahnSerializer {
  readonly SERIALIZER_ID: string;
  readonly BINARY: boolean;
  serialize(message: unknown): unknown;
  unserialize(payload: unknown): unknown;
}

interface AutobahnTransport {
  readonly info: Dict;
  onmessage(message: unknown): void;
  onopen(): void;
  onclose(end: { readonly code: number; readonly reason: string; readonly wasClean: boolean }): void;
  send(message: unknown): Promise<void>;
  close(): void;
}

interface Autobahn {
  readonly log: { warn: (...words: unknown[]) => void };
  readonly Connection: new (options: object) => AutobahnConnection;
  readonly Result: new (args?: readonly unknown[], kwargs?: Dict) => AutobahnResult;
  readonly Error: new (error: string, args?: readonly unknown[], kwargs?: Dict) => AutobahnError;
  readonly serializer: Readonly<
    Record<'JSONSerializer' | 'MsgpackSerializer' | 'CBORSerializer', new () => AutobahnSerializer>
  >;
  readonly transports: { register(name: string, factory: unknown): void };
  readonly auth_cra: {
    sign(key: string, challenge: string): string;
    derive_key(secret: string, salt: string, iterations: number, keylen: number): string;
  };
  readonly auth_cryptosign: {
    sign_challenge(pair: { readonly secretKey: Uint8Array }, extra: Dict): string;
    public_key(pair: { readonly publicKey: Uint8Array }): string;
  };
  readonly nacl: {
    readonly sign: {
      readonly keyPair: {
        (): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
        fromSeed(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
      };
    };
  };
}

export const autobahn: Autobahn = createRequire(import.meta.url)('autobahn');

// It warns of every connection that ends, and its debug output cannot be told apart.
autobahn.log.warn = () => {};

export function autobahnSerializer(name: RawName): AutobahnSerializer {
  const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer;
  if (name === 'json') return new JSONSerializer();
  return name === 'msgpack' ? new MsgpackSerializer() : new CBORSerializer();
}

/** Where an autobahn client connects to. */
export type Target =
  | { readonly url: string }
  /** By autobahn's own RawSocket, which speaks JSON only. */
  | { readonly rawsocket: { readonly host: string; readonly port: number } | { readonly path: string } }
  | { connect(subprotocol: string): Wire };

export interface AgentOptions {
  readonly realm?: string;
  readonly authid?: string;
  readonly authmethods?: readonly string[];
  readonly authextra?: Dict;
  readonly onchallenge?: (session: unknown, method: string, extra: Dict) => unknown;
  /** Default 0: none. undefined: what autobahn does by itself. */
  readonly max_retries?: number | undefined;
  /** Seconds; absent: what autobahn does by itself. */
  readonly initial_retry_delay?: number;
}

let factories = 0;

/** A connection that is not open yet. Whatever autobahn itself complains about is in `problems`. */
export function autobahnConnection(
  target: Target,
  name: RawName,
  options: AgentOptions = {},
): AutobahnConnection & { readonly problems: unknown[] } {
  const serializers = [autobahnSerializer(name)];
  const problems: unknown[] = [];
  const { max_retries = 'max_retries' in options ? undefined : 0, realm = 'realm1', ...rest } = options;
  const connection = new autobahn.Connection({
    ...rest,
    realm,
    ...(max_retries === undefined ? {} : { max_retries }),
    transports: [transportFor(target, serializers)],
    // What an endpoint of a test throws is the test's own business.
    on_user_error: () => {},
    on_internal_error: (problem: unknown) => problems.push(problem),
  });
  return Object.assign(connection, { problems });
}

function transportFor(target: Target, serializers: readonly AutobahnSerializer[]): object {
  if ('url' in target) return webSocketTransport(target.url, serializers);
  return 'rawsocket' in target ? { type: 'rawsocket', ...target.rawsocket } : memoryTransport(target, serializers);
}

function webSocketTransport(url: string, serializers: readonly AutobahnSerializer[]): object {
  // Where Node has a WebSocket of its own autobahn would take it, and its binary messages are then of a type that its
  // MessagePack cannot read. Its `ws` works on every version of Node.
  Reflect.deleteProperty(globalThis, 'WebSocket');
  return { type: 'websocket', url, serializers };
}

function memoryTransport(target: { connect(subprotocol: string): Wire }, serializers: readonly AutobahnSerializer[]) {
  factories += 1;
  const type = `memory-${factories}`;
  const [serializer] = serializers;
  if (serializer === undefined) throw new Error('a serializer is needed');
  autobahn.transports.register(
    type,
    class {
      readonly type = type;
      create(): AutobahnTransport {
        return overWire(target.connect(`wamp.2.${serializer.SERIALIZER_ID}`), serializer);
      }
    },
  );
  return { type, url: 'memory:', serializers };
}

function overWire(wire: Wire, serializer: AutobahnSerializer): AutobahnTransport {
  const transport: AutobahnTransport = {
    info: { type: 'memory', url: 'memory:', protocol: wire.subprotocol },
    onmessage() {},
    onopen() {},
    onclose() {},
    async send(message) {
      const payload = await serializer.serialize(message);
      wire.send(Buffer.from(payload as Uint8Array), serializer.BINARY);
    },
    close: () => wire.close(),
  };
  wire.onMessage = (bytes) => transport.onmessage(serializer.unserialize(bytes));
  wire.onClose = ({ code, reason }) => transport.onclose({ code, reason, wasClean: code === 1000 });
  queueMicrotask(() => transport.onopen());
  return transport;
}

/** A joined agent. */
export interface Agent {
  readonly connection: AutobahnConnection & { readonly problems: unknown[] };
  readonly session: AutobahnSession;
  /** Details of WELCOME. */
  readonly details: Dict;
  /** Resolves with what `onclose` is told. */
  readonly closed: Promise<ClosedDetails & { readonly why: string }>;
  /** GOODBYE, and waits until the connection is gone. */
  leave(): Promise<void>;
}

/** Opens a connection. @throws JoinRefused where it is closed before it was open */
export function joinAgent(target: Target, name: RawName = 'json', options: AgentOptions = {}): Promise<Agent> {
  const connection = autobahnConnection(target, name, options);
  return new Promise((resolve, reject) => {
    let closing: (end: ClosedDetails & { why: string }) => void = () => {};
    const closed = new Promise<ClosedDetails & { why: string }>((settle) => {
      closing = settle;
    });
    connection.onclose = (why, end) => {
      reject(new JoinRefused(why, end));
      closing({ ...end, why });
      return undefined;
    };
    connection.onopen = (session, details) => {
      const leave = async () => {
        if (!connection.isConnected) return;
        connection.close();
        await closed;
      };
      resolve({ connection, session, details, closed, leave });
    };
    connection.open();
  });
}

/** The connection was closed instead of opened. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused';
  readonly reason: string | null;
  readonly details: ClosedDetails;

  constructor(why: string, details: ClosedDetails) {
    super(`${why}: ${details.reason} ${details.message}`);
    this.reason = details.reason;
    this.details = details;
  }
}

/** What a promise is rejected with. @throws Error where it is not */
export async function refusal(promise: PromiseLike<unknown>): Promise<AutobahnError> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in settled) return settled.error as AutobahnError;
  throw new Error(`not refused but answered with ${JSON.stringify(settled.value)}`);
}

/** Gathers what a handler is called with, and waits for it. */
export class Inbox<T> {
  readonly items: T[] = [];
  #wake: (() => void)[] = [];

  readonly put = (item: T): void => {
    this.items.push(item);
    for (const wake of this.#wake.splice(0)) wake();
  };

  /** Resolves when there are `count`, with all there are. */
  async until(count: number): Promise<readonly T[]> {
    while (this.items.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
    return this.items;
  }
}
