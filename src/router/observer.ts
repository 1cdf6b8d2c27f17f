import type { CloseReason } from '../wamp/errors.ts';
import type { RoutedMessage, RouterMessage } from '../wamp/messages.ts';
import type { Action } from './authorizer.ts';
import type { Session } from './session.ts';

/** Why the core did not deliver something; every loss has one of these names and is counted under it. */
export type DropCause =
  | 'peer_refused'
  | 'receiver_gone'
  | 'late_answer'
  | 'unwanted_progress'
  | 'queue_full'
  | 'late_continuation'
  | 'passthru_unknown'
  | 'sender_gone';

/** Why an accepted publication was not kept, or not any longer, where somebody wanted it to be. */
export type UnkeptCause = 'retain_refused' | 'retained_full' | 'history_by_session' | 'history_full' | 'history_failed';

/**
 * What metrics, logs and the activity log see of a realm: a fixed interface called at fixed points, never events
 * (ARCHITECTURE §1.6). Implementations are synchronous, cheap, and never throw.
 */
export interface RouterObserver {
  joined(session: Session): void;
  left(session: Session, reason: CloseReason): void;
  received(session: Session, message: RoutedMessage): void;
  /** After the peer took `message`. */
  sent(session: Session, message: RouterMessage): void;
  /** A message for `session` that it did not get, or an answer of it that went nowhere. */
  dropped(session: Session, message: RouterMessage | RoutedMessage, cause: DropCause): void;
  denied(session: Session, action: Action, uri: string, reason: string): void;
  /** A publication to `topic` is not there for those who ask for it later. */
  unkept(topic: string, cause: UnkeptCause): void;
}

export const NO_OBSERVER: RouterObserver = {
  joined() {},
  left() {},
  received() {},
  sent() {},
  dropped() {},
  denied() {},
  unkept() {},
};
