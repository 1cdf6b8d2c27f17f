import type { RouterMessage } from '../wamp/messages.ts';
import type { Identity } from './authorizer.ts';
import type { Subscription } from './broker.ts';
import type { Registration } from './dealer.ts';
import type { Peer } from './peer.ts';
import type { PendingCall } from './pending-calls.ts';

/**
 * One member of a realm, whatever protocol it speaks. Facts that the routing loops use are plain fields here, so
 * that a fan-out does no lookup per receiver (ARCHITECTURE §1.6).
 */
export class Session {
  readonly id: number;
  readonly identity: Identity;
  /** Bits of `Feature`: what the peer announced. */
  readonly features: number;
  readonly peer: Peer;
  /** Names the credential that was proven, for reload (CONTRACT §4); never the secret. Empty: none. */
  readonly credential: string;
  /** Milliseconds since the epoch. */
  readonly joinedAt: number;
  /** True from the moment the realm forgot it: nothing is sent any more. */
  ended = false;

  /** Held subscriptions by subscription id. */
  readonly subscriptions = new Map<number, Subscription>();
  /** Held registrations by registration id. */
  readonly registrations = new Map<number, Registration>();
  /** Calls this session made and that are not answered yet, by CALL.Request. */
  readonly calls = new Map<number, PendingCall>();
  /** Calls this session is to answer, by INVOCATION.Request. */
  readonly invocations = new Map<number, PendingCall>();
  /** Highest INVOCATION.Request sent: session scope, from 1 (PITFALLS 23, 53). */
  lastInvocation = 0;
  /** Highest request id received of the request types that share one counter (FEATURES A15). */
  lastRequest = 0;

  constructor(id: number, identity: Identity, features: number, peer: Peer, credential: string, joinedAt: number) {
    this.id = id;
    this.identity = identity;
    this.features = features;
    this.peer = peer;
    this.credential = credential;
    this.joinedAt = joinedAt;
  }

  has(feature: number): boolean {
    return (this.features & feature) !== 0;
  }

  /** @returns false where the peer did not take it, or the session has ended. */
  send(message: RouterMessage): boolean {
    return !this.ended && this.peer.send(message);
  }
}
