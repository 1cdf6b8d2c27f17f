import type { Call, Publish, ReceiptSink } from '../wamp/messages.ts';
import type { Sent } from './peer.ts';
import type { Session } from './session.ts';

/**
 * Who writes down the publications and calls that `audit` rules cover (CONTRACT §4). It is told at fixed points like an
 * observer, but only of those: what no such rule covers costs one comparison. Implementations are synchronous and never
 * throw. Peers that leave the trace of their messages themselves (`Peer.traces`) are left out as senders.
 */
export interface Auditor {
  /**
   * Asks for room for a message's rows before it is routed: two for itself, two for each target.
   * @param ready called once, later, when the room is there; only where the answer was false
   * @returns true: there is room, and it is reserved
   */
  reserve(targets: number, ready: () => void): boolean;
  /** Gives back what was reserved for a message that is not routed. */
  release(targets: number): void;
  /**
   * It goes nowhere, as a rule denies it.
   * @param id to name it by where its payload names none
   * @param targets as it was reserved
   */
  denied(session: Session, message: Publish | Call, id: number, reason: string, targets: number): void;
  /** @param targets as it was reserved */
  published(session: Session, message: Publish, publication: number, targets: number): PublicationTrail;
  /** @param id to name the call by where its payload names none; there is room for one target */
  called(session: Session, message: Call, id: number): CallTrail;
}

/** One audited publication on its way. Peers that confirm settle their receipts here. */
export interface PublicationTrail extends ReceiptSink {
  readonly traceId: string;
  /** Before and after each handing over. */
  handing(session: Session): void;
  handed(session: Session, sent: Sent): void;
  /** Everybody has been handed it. */
  handedOut(): void;
}

/** One audited call, from its acceptance until its caller has been answered or is gone. */
export interface CallTrail {
  readonly traceId: string;
  /** Before the INVOCATION is sent. */
  offered(callee: Session, invocation: number): void;
  /** The callee that it was offered to last did not take it, or answered that it is unavailable. */
  passed(error: string): void;
  /** Idempotent. @param error URI that the caller is told; empty: its result */
  ended(error: string): void;
}

/** Where nothing is written down. */
export const NO_AUDITOR: Auditor = {
  reserve: () => true,
  release() {},
  denied() {},
  published: () => NO_TRAIL,
  called: () => NO_TRAIL,
};

const NO_TRAIL: PublicationTrail & CallTrail = {
  traceId: '',
  settle() {},
  handing() {},
  handed() {},
  handedOut() {},
  offered() {},
  passed() {},
  ended() {},
};
