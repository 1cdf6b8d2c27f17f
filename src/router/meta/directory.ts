import type { Dict } from '../../wamp/payload.ts';
import { isValidUri, type Match } from '../../wamp/uri.ts';
import type { Identity } from '../authorizer.ts';
import type { Realm } from '../realm.ts';

export interface SessionFacts {
  readonly id: number;
  readonly identity: Identity;
  readonly transport: Dict | undefined;
}

export interface SubscriptionFacts {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

export interface RegistrationFacts extends SubscriptionFacts {
  readonly invoke: string;
}

/**
 * All that meta procedures read of a realm (ARCHITECTURE §1.4), so that it may one day speak for several nodes. The
 * router's own sessions and what they hold, and weak registrations, do not appear (PITFALLS 69).
 */
export interface Directory {
  sessions(): Iterable<SessionFacts>;
  session(id: number): SessionFacts | undefined;

  subscriptions(): Iterable<SubscriptionFacts>;
  subscription(id: number): SubscriptionFacts | undefined;
  subscriptionOf(topic: string, match: Match): SubscriptionFacts | undefined;
  /** Those that a publication to `topic` reaches. */
  subscriptionsFor(topic: string): readonly SubscriptionFacts[];
  /** Session ids, in order of subscription; undefined where there is no such subscription. */
  subscribers(id: number): readonly number[] | undefined;

  registrations(): Iterable<RegistrationFacts>;
  registration(id: number): RegistrationFacts | undefined;
  registrationOf(procedure: string, match: Match): RegistrationFacts | undefined;
  /** The one that a call of `procedure` goes to. */
  registrationFor(procedure: string): RegistrationFacts | undefined;
  /** Session ids, in order of registration; undefined where there is no such registration. */
  callees(id: number): readonly number[] | undefined;
}

/** The directory of a realm on one node. */
export class LocalDirectory implements Directory {
  readonly #realm: Realm;

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  sessions(): Iterable<SessionFacts> {
    return this.#realm.sessions.values();
  }

  session(id: number): SessionFacts | undefined {
    return this.#realm.sessions.get(id);
  }

  subscriptions(): Iterable<SubscriptionFacts> {
    return this.#realm.broker.subscriptions;
  }

  subscription(id: number): SubscriptionFacts | undefined {
    return this.#realm.broker.byId(id);
  }

  subscriptionOf(topic: string, match: Match): SubscriptionFacts | undefined {
    return this.#realm.broker.get(topic, match);
  }

  subscriptionsFor(topic: string): readonly SubscriptionFacts[] {
    return this.#couldBe(topic) ? this.#realm.broker.matching(topic) : [];
  }

  subscribers(id: number): readonly number[] | undefined {
    const subscription = this.#realm.broker.byId(id);
    if (subscription === undefined) return undefined;
    return Array.from(subscription.subscribers, ([session]) => session)
      .filter(isVisible)
      .map(idOf);
  }

  registrations(): Iterable<RegistrationFacts> {
    return this.#realm.dealer.registry.listed;
  }

  registration(id: number): RegistrationFacts | undefined {
    return this.#realm.dealer.registry.byId(id);
  }

  registrationOf(procedure: string, match: Match): RegistrationFacts | undefined {
    const registration = this.#realm.dealer.registry.get(procedure, match);
    return registration === undefined ? undefined : this.registration(registration.id);
  }

  registrationFor(procedure: string): RegistrationFacts | undefined {
    const best = this.#couldBe(procedure) ? this.#realm.dealer.registry.best(procedure) : undefined;
    return best === undefined ? undefined : this.registration(best.id);
  }

  callees(id: number): readonly number[] | undefined {
    const registration = this.#realm.dealer.registry.byId(id);
    return registration?.callees.map((callee) => callee.session.id);
  }

  /** Nothing matches what nobody can publish or call; the index is not searched for a megabyte of text. */
  #couldBe(uri: string): boolean {
    return uri.length <= this.#realm.limits.maxUriBytes && isValidUri(uri, 'exact', false);
  }
}

function isVisible(session: { readonly internal: boolean }): boolean {
  return !session.internal;
}

function idOf(each: { readonly id: number }): number {
  return each.id;
}
