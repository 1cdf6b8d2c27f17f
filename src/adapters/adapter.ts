import type { BridgeNames } from '../acl/names.ts';
import type { RealmAuthenticator } from '../auth/authenticator.ts';
import type { Clock } from '../router/clock.ts';
import type { Realm } from '../router/realm.ts';
import type { CorsRules } from '../transports/cors.ts';
import type { HttpRoute, RequestHandler } from '../transports/http.ts';
import type { KeepAliveLimits } from '../transports/keep-alive.ts';
import type { Link, LinkHandler } from '../transports/link.ts';
import type { PolledProtocol } from '../transports/longpoll.ts';
import type { OutboxPool } from '../transports/outbox-pool.ts';
import type { RawSocketSerializer } from '../transports/rawsocket.ts';
import type { TransportEvent } from '../transports/transport.ts';
import type { ActivitySink } from './activity.ts';

/** A realm as adapters meet it; the parts are swapped by reload, so they are asked for anew each time. */
export interface RealmHost {
  readonly realm: Realm;
  readonly authenticator: RealmAuthenticator;
  /** `environment:` of the realm file; empty: none (CONTRACT §4). */
  readonly environment: string;
}

/** Lines for the log; never a secret. */
export interface AdapterLog {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

/** What a realm file says of the peers of bridges; swapped by reload. */
export interface BridgeRules {
  readonly bub: {
    /** Whether clientIds other than `tg:` and `agent:` may send any type. */
    readonly allowOther: boolean;
    /** Milliseconds a peer has to answer one delivery. */
    readonly processTimeoutMs: number;
    /** Requests of one connection handled at the same time. */
    readonly maxConcurrentRequests: number;
  };
  readonly relay: { readonly callTimeoutMs: number };
  readonly names: BridgeNames;
  /** The first public key of a principal, hex; undefined: it has none. */
  keyOf(principal: string): string | undefined;
}

/** What an endpoint of a bridge has beside that: it serves one realm. */
export interface BridgeContext {
  readonly realm: string;
  readonly auth: 'none' | 'ticket';
  /** The rules in force; undefined while the realm is not there. */
  rules(): BridgeRules | undefined;
  readonly activity: ActivitySink;
}

/** What protocols of single requests are bounded by; read anew at each (CONTRACT §3). */
export interface RequestLimits {
  readonly maxMessageBytes: number;
  readonly keepAlive: KeepAliveLimits;
  readonly http: {
    readonly requestsPerPrincipal: number;
    readonly streamsPerPrincipal: number;
    /** Milliseconds a call may take where neither the caller nor the realm says how long; 0: any time. */
    readonly callTimeoutMs: number;
  };
}

/** What an endpoint that answers single requests has beside that: no connection of its own brings it. */
export interface RequestContext {
  limits(): RequestLimits;
  readonly outboxes: OutboxPool;
  report(event: TransportEvent): void;
  /** Told of exceptions that no request accounts for. */
  fault(error: unknown, address: string): void;
}

/** What an adapter may use of the router. */
export interface AdapterContext {
  /** The realm of that name where this endpoint offers it. */
  realm(name: string): RealmHost | undefined;
  newSessionId(): number;
  readonly clock: Clock;
  readonly log: AdapterLog;
  /** Milliseconds from connection to WELCOME. */
  readonly handshakeTimeoutMs: number;
  /** Counts what became of a handshake. */
  handshake(outcome: 'welcomed' | 'denied' | 'timeout' | 'violation'): void;
  /** How this router calls itself to clients. */
  readonly agent: string;
  /** Of endpoints that bridge another protocol. */
  readonly bridge?: BridgeContext;
  /** Of endpoints that answer single requests. */
  readonly requests?: RequestContext;
}

/** A protocol of connections on one side, a Peer of a realm on the other. */
export interface Adapter {
  /** The endpoint's `protocol:` (CONTRACT §3). */
  readonly name: string;
  /** WebSocket subprotocols on offer; undefined: the protocol has none. */
  readonly subprotocols: readonly string[] | undefined;
  /** RawSocket serializers by their number; absent: it is not spoken over RawSocket. */
  readonly rawSocketSerializers?: ReadonlyMap<number, RawSocketSerializer>;
  /** Takes a new connection. */
  attach(link: Link, context: AdapterContext): LinkHandler;
}

/** A protocol of connections that single HTTP requests carry (PITFALLS 90). */
export interface PolledAdapter {
  readonly name: string;
  /** Subprotocols on offer. */
  readonly polled: ReadonlyMap<string, PolledProtocol>;
  attach(link: Link, context: AdapterContext): LinkHandler;
}

/** A protocol of single HTTP requests. */
export interface RequestAdapter {
  readonly name: string;
  readonly cors: CorsRules;
  readonly refuse: NonNullable<HttpRoute['refuse']>;
  /**
   * What answers the requests of one endpoint.
   * @param base the endpoint's path, empty where it is `*`
   */
  serve(base: string, context: AdapterContext): RequestHandler;
}
