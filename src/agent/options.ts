import type { AutobahnSession, Dict } from './autobahn.ts';
import type { Credentials } from './credentials.ts';
import type { AgentError } from './errors.ts';
import type { Loss } from './lifeline.ts';
import type { Patience } from './requests.ts';
import type { TlsOptions } from './websocket.ts';

/** How an agent joins and stays. */
export interface ConnectOptions extends Credentials {
  /** E.g. `ws://127.0.0.1:8080/ws`. */
  readonly url: string;
  readonly realm: string;
  /** False: the first end of the connection is the last, and so is the first attempt that fails. Default true. */
  readonly reconnect?: boolean | undefined;
  /** How long the first attempts may take together, ms; 0: for ever. Default 30000. */
  readonly joinTimeoutMs?: number | undefined;
  /** Gives up joining; once joined it has no meaning. */
  readonly signal?: AbortSignal | undefined;
  /** Silence after which Node asks whether the router still is there, ms, and once more until it is not; 0: never. */
  readonly keepAliveMs?: number | undefined;
  /** What is larger is refused here instead of costing the connection; the router's own `limits.maxMessageBytes`. */
  readonly maxMessageBytes?: number | undefined;
  /** How many publications and calls with `retry` may wait for the next connection. Default 1000. */
  readonly maxRetrying?: number | undefined;
  /** What `signed` signs with, where it is not `privateKey`: a private key as that one. */
  readonly signingKey?: string | undefined;
  readonly tls?: TlsOptions | undefined;
}

/** A session began; `again`: it is not the first one, and all that stood before stands again. */
export interface Joined {
  readonly session: AutobahnSession;
  /** Details of WELCOME: `authid`, `authrole`, `authmethod` … */
  readonly details: Dict;
  readonly again: boolean;
}

/** Something went wrong that no promise tells of, such as an exception in an event handler. */
export interface Problem {
  readonly error: unknown;
  readonly where: string;
}

/** A publication or call is sent once more, because the connection ended before its answer came. */
export interface Repeated {
  readonly kind: 'publish' | 'call';
  readonly uri: string;
  /** The `_retry` id that all its repetitions carry. */
  readonly id: string;
  /** 2 for the first repetition. */
  readonly attempt: number;
}

/** What {@link Agent.on} tells of. A `type`, so that it has an index signature. */
export type AgentEvents = {
  readonly joined: Joined;
  /** The connection ended, or an attempt failed; the next attempt follows. */
  readonly lost: Loss;
  readonly retry: Repeated;
  readonly problem: Problem;
  /** The last one: the agent will not join again. */
  readonly ended: AgentError;
};

/** Everything counted since the agent was made. */
export interface Counters {
  /** Sessions after the first. */
  readonly reconnects: number;
  /** Publications and calls sent once more. */
  readonly retries: number;
  /** Publications and calls that were to be repeated and no longer could. */
  readonly retriesFailed: number;
  /** Events that an event stream had no room for. */
  readonly eventsLost: number;
}

/** Repeat what was on its way when the connection ended. */
export interface RetryOptions {
  /** How often it is sent at most, the first time included. Default 5. */
  readonly attempts?: number | undefined;
  /** After that many ms nothing is sent any more. Default 60000. */
  readonly withinMs?: number | undefined;
}

/** Beside these, everything goes to the router as it is: `exclude_me`, `eligible_authid` … */
export interface PublishOptions extends Patience {
  /** Default true: the promise resolves when the router has taken it. False: it resolves at once. */
  readonly acknowledge?: boolean | undefined;
  /** Default: none. */
  readonly retry?: boolean | RetryOptions | undefined;
  readonly [option: string]: unknown;
}

/** Beside these, everything goes to the router as it is: `disclose_me`, `rkey` … */
export interface CallOptions extends Patience {
  /** Called with each progressive result; its value as that of the call. */
  readonly onProgress?: ((result: unknown) => void) | undefined;
  /** Default: none. */
  readonly retry?: boolean | RetryOptions | undefined;
  readonly [option: string]: unknown;
}

/** Beside these, everything goes to the router as it is: `get_retained`, `invoke`, `concurrency` … */
export interface StandingOptions extends Patience {
  readonly match?: 'exact' | 'prefix' | 'wildcard' | undefined;
  readonly [option: string]: unknown;
}
