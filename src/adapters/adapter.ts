import type { BridgeNames } from '../acl/names.ts';
import type { RealmAuthenticator } from '../auth/authenticator.ts';
import type { Clock } from '../router/clock.ts';
import type { Realm } from '../router/realm.ts';
import type { Link, LinkHandler } from '../transports/link.ts';
import type { RawSocketSerializer } from '../transports/rawsocket.ts';
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
}

/** A protocol on one side, a Peer of a realm on the other. */
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
