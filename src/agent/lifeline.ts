import { CloseUri, ErrorUri } from '../wamp/errors.ts';
import {
  type AutobahnClosed,
  type AutobahnConnection,
  type AutobahnSession,
  autobahn,
  type Dict,
  type TransportEnd,
} from './autobahn.ts';
import { Backoff } from './backoff.ts';
import type { Login } from './credentials.ts';
import { deferred } from './deferred.ts';
import { type AgentError, ClosedError, RefusedError, UnreachableError } from './errors.ts';
import { type TlsOptions, webSocketTransport } from './websocket.ts';

/** How long one attempt may take from the first packet to WELCOME, ms. */
const ATTEMPT_MS = 10_000;
/** How long the router may take to answer GOODBYE, ms. */
const GOODBYE_MS = 2000;

export interface LifelineOptions {
  readonly url: string;
  readonly realm: string;
  readonly login: Login;
  readonly tls: TlsOptions | undefined;
  readonly keepAliveMs: number;
  readonly maxMessageBytes: number;
  /** False: the first end of the connection, or the first attempt that fails, is the last. */
  readonly reconnect: boolean;
}

/** What became of a connection, or of an attempt to make one. */
export interface Loss {
  /** In words, e.g. `connect ECONNREFUSED 127.0.0.1:8080`, or the WebSocket close code. */
  readonly why: string;
  readonly code: number;
  /** Pause until the next attempt, ms. */
  readonly nextMs: number;
  /** There was a session; false: an attempt failed. */
  readonly joined: boolean;
}

export interface LifelineHandler {
  joined(session: AutobahnSession, details: Dict): void;
  /** The session, if there was one, is gone; there will be another attempt. */
  lost(loss: Loss): void;
  /** There will be no more sessions. Called once. */
  ended(error: AgentError): void;
  /** Something went wrong that nobody waits for. */
  problem(error: unknown, where: string): void;
}

/**
 * Keeps one agent in its realm: one connection after the other, until somebody's answer is final or it is closed.
 *
 * The attempts are counted and paced here, not by autobahn: that never comes back after GOODBYE, also where the router
 * only restarts (CONTRACT §6, `shutdown.mode: goodbye`).
 */
export class Lifeline {
  readonly connection: AutobahnConnection;
  readonly #options: LifelineOptions;
  readonly #handler: LifelineHandler;
  readonly #backoff = new Backoff();
  #transportEnd: TransportEnd | undefined;
  #joinedAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing = false;
  #over = false;

  constructor(options: LifelineOptions, handler: LifelineHandler) {
    this.#options = options;
    this.#handler = handler;
    const { url, realm, tls, keepAliveMs, maxMessageBytes } = options;
    const ended = (end: TransportEnd): void => {
      this.#transportEnd = end;
    };
    const problem = (error: unknown): void => handler.problem(error, 'in the answer of a procedure');
    this.connection = new autobahn.Connection({
      ...options.login,
      realm,
      transports: [webSocketTransport({ url, tls, keepAliveMs, maxMessageBytes, ended, problem })],
      max_retries: 0,
      use_deferred: deferred,
      on_user_error: (error: unknown, where = 'in a callback') => handler.problem(error, String(where)),
      on_internal_error: (error: unknown, where = 'inside autobahn') => handler.problem(error, String(where)),
    });
    this.connection.onopen = (session, details) => this.#opened(session, details);
    this.connection.onclose = (_why, details) => {
      this.#closed(details);
      return true;
    };
  }

  open(): void {
    this.#transportEnd = undefined;
    this.#timer = setTimeout(() => this.connection.close(), ATTEMPT_MS);
    this.connection.open();
  }

  /** Says goodbye; `handler.ended` follows, with a `ClosedError` or with `error`. */
  close(error?: AgentError): void {
    if (this.#over || this.#closing) return;
    this.#closing = true;
    clearTimeout(this.#timer);
    if (!this.connection.isConnected) {
      this.#end(error ?? closed());
      return;
    }
    // GOODBYE is answered within one round trip, or the connection is cut.
    const cut = setTimeout(() => this.connection.transport.close?.(), GOODBYE_MS);
    this.connection.onclose = () => {
      clearTimeout(cut);
      this.#end(error ?? closed());
      return true;
    };
    this.connection.close();
  }

  #opened(session: AutobahnSession, details: Dict): void {
    clearTimeout(this.#timer);
    this.#joinedAt = Date.now();
    this.#handler.joined(session, details);
  }

  #closed({ reason, message }: AutobahnClosed): void {
    clearTimeout(this.#timer);
    const joinedAt = this.#joinedAt;
    this.#joinedAt = undefined;
    if (joinedAt !== undefined) this.#backoff.lived(Date.now() - joinedAt);
    if (reason !== null && reason !== CloseUri.SYSTEM_SHUTDOWN) {
      this.#end(new RefusedError(reason, `${reason}: ${message ?? ''}`.replace(/: $/, '')));
      return;
    }
    const { code, why } = this.#cause(reason);
    if (!this.#options.reconnect) {
      this.#end(new UnreachableError(ErrorUri.NETWORK_FAILURE, `${this.#options.url}: ${why}`));
      return;
    }
    const nextMs = this.#backoff.next();
    this.#timer = setTimeout(() => this.open(), nextMs);
    this.#handler.lost({ why, code, nextMs, joined: joinedAt !== undefined });
  }

  #cause(reason: string | null): { readonly code: number; readonly why: string } {
    const { code = 1006, reason: words = '' } = this.#transportEnd ?? {};
    if (reason !== null) return { code, why: reason };
    return { code, why: words === '' ? `the connection was closed with code ${code}` : words };
  }

  #end(error: AgentError): void {
    if (this.#over) return;
    this.#over = true;
    this.#closing = true;
    clearTimeout(this.#timer);
    this.#handler.ended(error);
  }
}

function closed(): ClosedError {
  return new ClosedError(CloseUri.NORMAL, 'the agent was closed');
}
