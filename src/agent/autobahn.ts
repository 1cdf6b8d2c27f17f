/** The autobahn package, typed as far as this folder uses it and hands it on; it brings no types of its own. */
// @ts-expect-error: no types
import untyped from 'autobahn';

/** A dictionary as it came from or goes to the wire. */
export type Dict = Readonly<Record<string, unknown>>;

/** What a peer answered instead of a result (`autobahn.Error`). A procedure that throws one answers with it. */
export interface AutobahnError {
  readonly error: string;
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

/** A result that is more than one positional value (`autobahn.Result`). */
export interface AutobahnResult {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

/** What is known of an event beside its payload; the publisher where it was disclosed. */
export interface EventDetails {
  readonly publication: number;
  readonly topic: string;
  readonly publisher: number | undefined;
  readonly publisher_authid: string | undefined;
  readonly publisher_authrole: string | undefined;
  readonly retained: boolean;
}

/** What is known of an invocation beside its payload; the caller where it was disclosed. */
export interface InvocationDetails {
  readonly procedure: string;
  /** Sends a progressive result; null where the caller asked for none. */
  readonly progress: ((args?: readonly unknown[], kwargs?: Dict) => void) | null;
  readonly caller: number | undefined;
  readonly caller_authid: string | undefined;
  readonly caller_authrole: string | undefined;
}

export type EventHandler = (args: readonly unknown[], kwargs: Dict, details: EventDetails) => unknown;
export type Procedure = (args: readonly unknown[], kwargs: Dict, details: InvocationDetails) => unknown;

export interface AutobahnSubscription {
  readonly id: number;
  readonly active: boolean;
  /** Resolves when the subscription ends: with a reason where the router revoked it. */
  readonly on_unsubscribe: PromiseLike<string | undefined>;
}

export interface AutobahnRegistration {
  readonly id: number;
  readonly active: boolean;
  readonly on_unregister: PromiseLike<string | undefined>;
}

export interface AutobahnCall extends Promise<unknown> {
  cancel(options?: { readonly mode?: string }): void;
}

/** One session of autobahn. It lives as long as its connection; the next one is another. */
export interface AutobahnSession {
  readonly id: number | null;
  readonly realm: string | null;
  readonly isOpen: boolean;
  readonly features: Dict | null;
  call(procedure: string, args?: readonly unknown[] | null, kwargs?: Dict | null, options?: Dict): AutobahnCall;
  publish(
    topic: string,
    args?: readonly unknown[] | null,
    kwargs?: Dict | null,
    options?: Dict,
  ): Promise<{ readonly id: number }> | undefined;
  subscribe(topic: string, handler: EventHandler, options?: Dict): Promise<AutobahnSubscription>;
  unsubscribe(subscription: AutobahnSubscription): Promise<boolean>;
  register(procedure: string, endpoint: Procedure, options?: Dict): Promise<AutobahnRegistration>;
  unregister(registration: AutobahnRegistration): Promise<void>;
}

/** Why a connection ended, as autobahn tells it; `reason` is a URI where the router or we said goodbye. */
export interface AutobahnClosed {
  readonly reason: string | null;
  readonly message: string | null;
}

export interface AutobahnConnection {
  onopen: ((session: AutobahnSession, details: Dict) => void) | undefined;
  onclose: ((why: string, details: AutobahnClosed) => boolean) | undefined;
  readonly session: AutobahnSession | null;
  readonly isOpen: boolean;
  readonly isConnected: boolean;
  readonly transport: { close?(): void };
  open(): void;
  close(reason?: string, message?: string): void;
}

/** How a connection ended: a WebSocket close code, and where there is more, the words for it. */
export interface TransportEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** What autobahn's session and connection want of a transport. */
export interface AutobahnTransport {
  readonly info: { readonly type: string; readonly url: string; protocol: string | null };
  onmessage(message: unknown): void;
  onopen(): void;
  onclose(end: TransportEnd): void;
  send(message: readonly unknown[]): void;
  close(code?: number, reason?: string): void;
}

/** A promise from outside, as autobahn's `use_deferred` makes them. */
export interface Deferred {
  readonly promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Called with each progressive result. */
  notify(value: unknown): void;
}

export type OnChallenge = (session: unknown, method: string, extra: Dict) => unknown;

export interface AutobahnPackage {
  readonly version: string;
  /** Its notes for developers; replaceable. */
  readonly log: { warn: (...words: unknown[]) => void };
  readonly Connection: new (options: object) => AutobahnConnection;
  readonly Result: new (args?: readonly unknown[], kwargs?: Dict) => AutobahnResult;
  readonly Error: new (error: string, args?: readonly unknown[], kwargs?: Dict) => AutobahnError;
  readonly transports: { register(name: string, factory: unknown): void };
  readonly auth_cryptosign: {
    sign_challenge(pair: { readonly secretKey: Uint8Array }, extra: Dict): string;
  };
}

export const autobahn: AutobahnPackage = untyped;
