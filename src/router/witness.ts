import type { Registration } from './registration.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';

/**
 * Who tells the realm's own sessions what happens in it: the meta API (router/meta/). Told at fixed points, at once and
 * in order, while the realm is being changed; so it only takes note, and acts when the realm calls {@link settle}.
 *
 * Not to be mixed up with `RouterObserver`, which looks at all realms from outside and never sends anything.
 */
export interface Witness {
  joined(session: Session): void;
  /** After its registrations and subscriptions are gone (PITFALLS 65). */
  left(session: Session): void;
  /** `session` stands in `subscription`, alone where that is new. */
  subscribed(session: Session, subscription: Subscription): void;
  /** `session` was taken out of `subscription`, which has ended where nobody is left. */
  unsubscribed(session: Session, subscription: Subscription): void;
  registered(session: Session, registration: Registration): void;
  unregistered(session: Session, registration: Registration): void;
  /** The change is complete and its asker answered: what was noted may be told. Peers may act within. */
  settle(): void;
}

/** A realm that tells nobody. */
export const NO_WITNESS: Witness = {
  joined() {},
  left() {},
  subscribed() {},
  unsubscribed() {},
  registered() {},
  unregistered() {},
  settle() {},
};
