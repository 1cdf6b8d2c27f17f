import type { Registration } from '../registration.ts';
import type { Session } from '../session.ts';
import type { Subscription } from '../subscription.ts';
import type { Witness } from '../witness.ts';
import { registrationDetails, sessionDetails, subscriptionDetails } from './facts.ts';
import { Listeners, MetaTopic } from './listeners.ts';
import type { Testaments } from './testament.ts';

/** How what was noted gets out. */
export interface MetaOutlet {
  /** @param except session id that must not get it; undefined: none */
  publish(topic: MetaTopic, args: readonly unknown[], except: number | undefined): void;
  /** Publishes what `session`, which is gone, left; under its own rights. */
  execute(session: Session, testament: ReturnType<Testaments['take']>[number]): void;
}

/**
 * The events of the meta APIs, and testaments (FEATURES B7, C5, C11, D1).
 *
 * Noted in the order in which things happen, which is the order of the specification (PITFALLS 65), and published in
 * it, also where peers act within `send`. What nobody listens to is not noted: it costs one look into a small map.
 */
export class MetaEvents implements Witness {
  readonly #outlet: MetaOutlet;
  readonly #testaments: Testaments;
  readonly #listeners = new Listeners();
  readonly #noted: (() => void)[] = [];
  #settling = false;
  #silent = false;

  constructor(outlet: MetaOutlet, testaments: Testaments) {
    this.#outlet = outlet;
    this.#testaments = testaments;
  }

  joined(session: Session): void {
    if (this.#listeners.to(MetaTopic.SESSION_ON_JOIN)) {
      this.#note(MetaTopic.SESSION_ON_JOIN, [sessionDetails(session)]);
    }
  }

  /** Three arguments (PITFALLS 66). Testaments go before it: whoever waits for them need not wait for more. */
  left(session: Session): void {
    const testaments = this.#testaments.take(session);
    if (this.#silent) return;
    for (const testament of testaments) this.#noted.push(() => this.#outlet.execute(session, testament));
    if (!this.#listeners.to(MetaTopic.SESSION_ON_LEAVE)) return;
    const { authid, authrole } = session.identity;
    this.#note(MetaTopic.SESSION_ON_LEAVE, [session.id, authid, authrole]);
  }

  subscribed(session: Session, subscription: Subscription): void {
    const created = subscription.size === 1;
    if (created) this.#listeners.add(subscription);
    if (session.internal) return;
    const except = this.#exceptFor(session, subscription);
    if (created && this.#listeners.to(MetaTopic.SUBSCRIPTION_ON_CREATE)) {
      this.#note(MetaTopic.SUBSCRIPTION_ON_CREATE, [session.id, subscriptionDetails(subscription)], except);
    }
    if (this.#listeners.to(MetaTopic.SUBSCRIPTION_ON_SUBSCRIBE)) {
      this.#note(MetaTopic.SUBSCRIPTION_ON_SUBSCRIBE, [session.id, subscription.id], except);
    }
  }

  unsubscribed(session: Session, subscription: Subscription): void {
    const deleted = subscription.size === 0;
    const except = this.#exceptFor(session, subscription);
    if (deleted) this.#listeners.remove(subscription);
    if (session.internal) return;
    if (this.#listeners.to(MetaTopic.SUBSCRIPTION_ON_UNSUBSCRIBE)) {
      this.#note(MetaTopic.SUBSCRIPTION_ON_UNSUBSCRIBE, [session.id, subscription.id], except);
    }
    if (deleted && this.#listeners.to(MetaTopic.SUBSCRIPTION_ON_DELETE)) {
      this.#note(MetaTopic.SUBSCRIPTION_ON_DELETE, [session.id, subscription.id], except);
    }
  }

  registered(session: Session, registration: Registration): void {
    if (registration.callees.length === 1 && this.#listeners.to(MetaTopic.REGISTRATION_ON_CREATE)) {
      this.#note(MetaTopic.REGISTRATION_ON_CREATE, [session.id, registrationDetails(registration)]);
    }
    if (this.#listeners.to(MetaTopic.REGISTRATION_ON_REGISTER)) {
      this.#note(MetaTopic.REGISTRATION_ON_REGISTER, [session.id, registration.id]);
    }
  }

  unregistered(session: Session, registration: Registration): void {
    if (this.#listeners.to(MetaTopic.REGISTRATION_ON_UNREGISTER)) {
      this.#note(MetaTopic.REGISTRATION_ON_UNREGISTER, [session.id, registration.id]);
    }
    if (registration.callees.length === 0 && this.#listeners.to(MetaTopic.REGISTRATION_ON_DELETE)) {
      this.#note(MetaTopic.REGISTRATION_ON_DELETE, [session.id, registration.id]);
    }
  }

  settle(): void {
    if (this.#settling || this.#noted.length === 0) return;
    this.#settling = true;
    try {
      // Peers may act within: what they bring about is told after what came before it, by this same loop.
      for (let at = 0; at < this.#noted.length; at += 1) this.#noted[at]?.();
    } finally {
      this.#noted.length = 0;
      this.#settling = false;
    }
  }

  /**
   * Makes one change of what `run` does: what is noted meanwhile is told when all of it is done.
   * @param silent whether sessions leave without a word and without testaments
   */
  together(run: () => void, silent: boolean): void {
    const outer = { settling: this.#settling, silent: this.#silent };
    this.#settling = true;
    this.#silent = silent;
    try {
      run();
    } finally {
      this.#settling = outer.settling;
      this.#silent = outer.silent;
    }
    this.settle();
  }

  #note(topic: MetaTopic, args: readonly unknown[], except?: number): void {
    this.#noted.push(() => this.#outlet.publish(topic, args, except));
  }

  /** Nobody is told of his own subscriptions to meta events (PITFALLS 65). */
  #exceptFor(session: Session, subscription: Subscription): number | undefined {
    return this.#listeners.has(subscription) ? session.id : undefined;
  }
}
