import { ErrorUri } from '../wamp/errors.ts';
import type { RouterMessage } from '../wamp/messages.ts';
import type { Dict } from '../wamp/payload.ts';
import type { Identity } from './authorizer.ts';
import type { Origin } from './disclosure.ts';
import type { HeldRequests } from './holding.ts';
import type { Peer, Sent } from './peer.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Callee, Registration } from './registration.ts';
import { RequestTable } from './request-table.ts';
import type { Subscription } from './subscription.ts';

/** Who the router itself is in its realms. */
export const ROUTER: Identity = Object.freeze({
  authid: 'router',
  authrole: 'router',
  authmethod: 'internal',
  authprovider: 'internal',
});

/** What a peer brings when it joins a realm. */
export interface Member {
  readonly identity: Identity;
  /** Bits of `Feature`: what the peer announced. */
  readonly features: number;
  /** Session id promised earlier (WAMP-CRA names it in its challenge); absent: a new one. */
  readonly id?: number;
  /** Names the credential that was proven, for reload (CONTRACT §4); never the secret. Absent: none. */
  readonly credential?: string;
  /** How it is connected, as `wamp.session.get` says it; absent: nothing is said. */
  readonly transport?: Dict;
  /** An adapter of ours makes its requests: their ids are right, in whatever order they come. */
  readonly bridged?: boolean;
  /** A session of the router's own: it may use `wamp.` URIs, is never named to others and counted nowhere. */
  readonly internal?: boolean;
}

/**
 * One member of a realm, whatever protocol it speaks. Facts that the routing loops use are plain fields here, so
 * that a fan-out does no lookup per receiver (ARCHITECTURE §1.6).
 */
export class Session {
  readonly id: number;
  readonly identity: Identity;
  readonly features: number;
  readonly peer: Peer;
  readonly credential: string;
  readonly internal: boolean;
  readonly bridged: boolean;
  readonly transport: Dict | undefined;
  /** Milliseconds since the epoch. */
  readonly joinedAt: number;
  /** How this session is named where it is disclosed. */
  readonly origin: Origin;
  /** True from the moment the realm forgot it: nothing is sent any more. */
  ended = false;

  /** Held subscriptions by subscription id. */
  readonly subscriptions = new Map<number, Subscription>();
  /** Held registrations by registration id. */
  readonly registrations = new Map<number, Registration>();
  /** Calls this session made and that are not answered yet, by CALL.Request. */
  readonly calls = new RequestTable<PendingCall>();
  /** Calls this session is to answer, by INVOCATION.Request. */
  readonly invocations = new RequestTable<PendingCall>();
  /** Calls that were given up while this session worked on them, by INVOCATION.Request; only where it is bounded. */
  unanswered: Map<number, Callee> | undefined;
  /** Requests that wait for one before them (PITFALLS 64); undefined: nothing waits. */
  held: HeldRequests | undefined;
  /** Highest INVOCATION.Request sent: session scope, from 1 (PITFALLS 23, 53). */
  lastInvocation = 0;
  /** CALL.Request of the newest call: what the ids of a session that sends calls in parts go by (FEATURES B2). */
  lastCall = 0;
  /** Last request id received of the request types that share one counter (FEATURES A15). */
  lastRequest = 0;

  constructor(id: number, member: Member, peer: Peer, joinedAt: number) {
    this.id = id;
    this.identity = member.identity;
    this.features = member.features;
    this.peer = peer;
    this.credential = member.credential ?? '';
    this.internal = member.internal === true;
    this.bridged = member.bridged === true;
    this.transport = member.transport;
    this.joinedAt = joinedAt;
    this.origin = { session: id, identity: member.identity };
  }

  has(feature: number): boolean {
    return (this.features & feature) !== 0;
  }

  send(message: RouterMessage): Sent {
    return this.ended ? ErrorUri.CANCELED : this.peer.send(message);
  }
}
