import { uriMatches } from '../../wamp/uri.ts';
import type { Subscription } from '../subscription.ts';

/** Topics of the meta APIs. */
export const MetaTopic = {
  SESSION_ON_JOIN: 'wamp.session.on_join',
  SESSION_ON_LEAVE: 'wamp.session.on_leave',
  SUBSCRIPTION_ON_CREATE: 'wamp.subscription.on_create',
  SUBSCRIPTION_ON_SUBSCRIBE: 'wamp.subscription.on_subscribe',
  SUBSCRIPTION_ON_UNSUBSCRIBE: 'wamp.subscription.on_unsubscribe',
  SUBSCRIPTION_ON_DELETE: 'wamp.subscription.on_delete',
  REGISTRATION_ON_CREATE: 'wamp.registration.on_create',
  REGISTRATION_ON_REGISTER: 'wamp.registration.on_register',
  REGISTRATION_ON_UNREGISTER: 'wamp.registration.on_unregister',
  REGISTRATION_ON_DELETE: 'wamp.registration.on_delete',
} as const;

export type MetaTopic = (typeof MetaTopic)[keyof typeof MetaTopic];

const TOPICS: readonly MetaTopic[] = Object.values(MetaTopic);
const NONE: readonly MetaTopic[] = [];
const HEAD = 'wamp.';

/**
 * Which meta topics somebody subscribes to, by whatever pattern. Kept beside the broker's index, whose remembered
 * answers each new pattern throws away: sessions that come and go would ask it anew for all patterns there are.
 */
export class Listeners {
  /** Subscriptions that match a meta topic, and which. */
  readonly #topics = new Map<Subscription, readonly MetaTopic[]>();
  readonly #counts = new Map<MetaTopic, number>();

  /** Whether anybody listens to `topic`. */
  to(topic: MetaTopic): boolean {
    return this.#counts.has(topic);
  }

  /** Whether `subscription` is to meta topics. */
  has(subscription: Subscription): boolean {
    return this.#topics.has(subscription);
  }

  add(subscription: Subscription): void {
    const topics = topicsOf(subscription);
    if (topics.length === 0) return;
    this.#topics.set(subscription, topics);
    for (const topic of topics) this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1);
  }

  remove(subscription: Subscription): void {
    const topics = this.#topics.get(subscription);
    if (topics === undefined) return;
    this.#topics.delete(subscription);
    for (const topic of topics) {
      const count = (this.#counts.get(topic) ?? 0) - 1;
      if (count > 0) this.#counts.set(topic, count);
      else this.#counts.delete(topic);
    }
  }
}

function topicsOf({ uri, match }: Subscription): readonly MetaTopic[] {
  // No glob matches the router's own namespace.
  if (match === 'glob') return NONE;
  // All topics begin so; most subscriptions are told apart by it alone.
  if (!uri.startsWith(HEAD) && (match === 'exact' || (uri[0] !== '.' && !HEAD.startsWith(uri)))) return NONE;
  return TOPICS.filter((topic) => uriMatches(uri, match, topic));
}
