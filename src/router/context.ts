import type { CloseReason, WampError } from '../wamp/errors.ts';
import type { IdSource } from '../wamp/ids.ts';
import type { Call, RouterMessage } from '../wamp/messages.ts';
import type { Clock } from './clock.ts';
import type { Cluster } from './cluster.ts';
import type { EventRules } from './event-rules.ts';
import type { RouterObserver } from './observer.ts';
import type { Sent } from './peer.ts';
import type { Session } from './session.ts';
import type { Witness } from './witness.ts';

/** Bounds of one realm (CONTRACT §3); 0 where it says so means none. */
export interface RealmLimits {
  readonly maxSessions: number;
  /** Longest message of a session; transports have the router's own bound, which is not lower. */
  readonly maxMessageBytes: number;
  /** Unsent output of one session's connection. */
  readonly outboxBytes: number;
  readonly maxUriBytes: number;
  readonly maxSubscriptionsPerSession: number;
  readonly maxRegistrationsPerSession: number;
  readonly maxPendingCallsPerSession: number;
  /** Milliseconds for calls that ask for no timeout; 0: none. */
  readonly callTimeoutMs: number;
  /** Memory that retained events may take together, about. */
  readonly maxRetainedBytes: number;
}

/** What broker and dealer need of the realm they serve. */
export interface RealmContext {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly observer: RouterObserver;
  readonly cluster: Cluster;
  readonly limits: RealmLimits;
  readonly witness: Witness;
  readonly events: EventRules;
  /** Hands `message` to the session and tells the observer what became of it. */
  send(session: Session, message: RouterMessage): Sent;
  /** Why a further part of a call whose first one was judged by its payload may not be passed on; undefined: it may. */
  refusesPart(session: Session, message: Call): WampError | undefined;
  /** Ends a session that broke the protocol, or that the router no longer wants. */
  end(session: Session, reason: CloseReason): void;
}
