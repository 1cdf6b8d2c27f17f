import { ErrorUri } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import {
  Event,
  MessageType,
  type Publish,
  type ReceiptSink,
  requestError,
  type Subscribe,
  type Unsubscribe,
} from '../wamp/messages.ts';
import type { Passthru } from '../wamp/options.ts';
import type { Payload } from '../wamp/payload.ts';
import type { Match } from '../wamp/uri.ts';
import type { PublicationTrail } from './audit.ts';
import type { RealmContext } from './context.ts';
import { eventDetails, type Origin, toldOfPublisher, toldOfTrust } from './disclosure.ts';
import { History } from './history.ts';
import { withPassthru } from './passthru.ts';
import { admits, PublishFilter } from './publish-filter.ts';
import { type RetainedEvent, RetainedEvents } from './retained-events.ts';
import { RetainedReplay } from './retained-replay.ts';
import type { Session } from './session.ts';
import { Subscription } from './subscription.ts';
import { UriMap } from './uri-map.ts';

/** An accepted publication; knows no publisher session, so it can come from another node (ARCHITECTURE §1.4). */
export interface Publication {
  readonly id: number;
  readonly topic: string;
  readonly payload: Payload;
  /** Who published, where it is to be disclosed; undefined: nobody is named. */
  readonly disclosed: Origin | undefined;
  /** Session id that must not get it, the publisher's by default (PITFALLS 35); 0: none. */
  readonly excluded: number;
  readonly filter: PublishFilter | undefined;
  /** How far the publisher's role is trusted (FEATURES C4); absent: the realm rates it not. */
  readonly trustlevel?: number | undefined;
  /** Whether later subscribers may ask for it. */
  readonly retain: boolean;
  readonly receipts: ReceiptSink | undefined;
  /** What its publisher says of a payload that only subscribers can read (FEATURES D10); undefined: an ordinary one. */
  readonly passthru: Passthru | undefined;
  /** Where its way is written down; undefined: no rule asks for it. */
  readonly trail: PublicationTrail | undefined;
}

/** The forms of one publication's EVENT for one subscription, each made when first needed. */
export interface EventForms {
  plain: Event | undefined;
  disclosing: Event | undefined;
  /** With the trust level, for those who announced that they read it. */
  rated: Event | undefined;
  ratedDisclosing: Event | undefined;
}

export function noForms(): EventForms {
  return { plain: undefined, disclosing: undefined, rated: undefined, ratedDisclosing: undefined };
}

/** Subscriptions of a realm and the way of publications to them (spec: "Publish and Subscribe"). */
export class Broker {
  readonly #context: RealmContext;
  readonly #subscriptions = new UriMap<Subscription>();
  readonly #byId = new Map<number, Subscription>();
  readonly retained = new RetainedEvents();
  readonly #replay: RetainedReplay;
  readonly #history: History;
  #order = 0;

  constructor(context: RealmContext) {
    this.#context = context;
    const send = (event: RetainedEvent, of: Subscription, to: Session) => this.#sendRetained(event, of, to);
    this.#replay = new RetainedReplay(this.retained, context.clock, send);
    this.#history = new History(context.clock, () => context.events, context.observer);
  }

  get size(): number {
    return this.#byId.size;
  }

  subscribe(session: Session, message: Subscribe): void {
    const { cluster } = this.#context;
    const { topic } = message;
    const { match } = message.options;
    const existing = this.#subscriptions.get(topic, match);
    if (existing?.has(session) === true) {
      this.#confirm(session, existing, message);
      return;
    }
    if (this.#isFull(session)) this.#refuseFull(session, message);
    else if (existing !== undefined) this.#attach(session, existing, message);
    else cluster.announce('subscription', topic, match, (refused) => this.#announced(session, message, refused));
  }

  #announced(session: Session, message: Subscribe, refused: string | undefined): void {
    const { topic, request } = message;
    const { match } = message.options;
    if (refused !== undefined) {
      this.#context.send(session, requestError(message.type, request, refused, `cannot subscribe to ${topic}`));
      return;
    }
    // Announcing may have taken a while: others may have come, the asker may have left or filled up.
    const existing = this.#subscriptions.get(topic, match);
    const full = existing?.has(session) !== true && this.#isFull(session);
    if (session.ended || full) {
      if (existing === undefined) this.#context.cluster.withdraw('subscription', topic, match);
      if (full) this.#refuseFull(session, message);
      return;
    }
    this.#attach(session, existing ?? this.#create(topic, match), message);
  }

  #isFull(session: Session): boolean {
    return session.subscriptions.size >= this.#context.limits.maxSubscriptionsPerSession;
  }

  #refuseFull(session: Session, message: Subscribe): void {
    const text = `a session may hold ${this.#context.limits.maxSubscriptionsPerSession} subscriptions`;
    this.#context.send(session, requestError(message.type, message.request, ErrorUri.LIMIT_EXCEEDED, text));
  }

  #create(uri: string, match: Match): Subscription {
    const subscription = new Subscription(this.#context.ids.next(), uri, match, this.#context.clock.now());
    this.#subscriptions.set(uri, match, subscription);
    this.#byId.set(subscription.id, subscription);
    return subscription;
  }

  #attach(session: Session, subscription: Subscription, message: Subscribe): void {
    if (!subscription.has(session)) {
      this.#order += 1;
      subscription.add(session, this.#order);
      session.subscriptions.set(subscription.id, subscription);
      this.#context.witness.subscribed(session, subscription);
    }
    this.#confirm(session, subscription, message);
    this.#context.witness.settle();
  }

  /** Retained events come after SUBSCRIBED and before any other (PITFALLS 41), each time they are asked for. */
  #confirm(session: Session, subscription: Subscription, { request, options }: Subscribe): void {
    this.#context.send(session, { type: MessageType.SUBSCRIBED, request, subscription: subscription.id });
    // Peers act within `send`: it may be out of it by now.
    if (options.getRetained && subscription.has(session)) this.#replay.begin(session, subscription);
  }

  unsubscribe(session: Session, message: Unsubscribe): void {
    const subscription = session.subscriptions.get(message.subscription);
    if (subscription === undefined) {
      const text = `this session holds no subscription ${message.subscription}`;
      const error = requestError(message.type, message.request, ErrorUri.NO_SUCH_SUBSCRIPTION, text);
      this.#context.send(session, error);
      return;
    }
    this.detach(session, subscription);
    this.#context.send(session, { type: MessageType.UNSUBSCRIBED, request: message.request, details: undefined });
    this.#context.witness.settle();
  }

  /** Takes a subscriber away without a word to it: UNSUBSCRIBE, revocation and leaving end here. */
  detach(session: Session, subscription: Subscription): void {
    session.subscriptions.delete(subscription.id);
    if (!subscription.delete(session)) return;
    this.#replay.cancel(session, subscription);
    this.#context.witness.unsubscribed(session, subscription);
    if (subscription.size > 0) return;
    this.#subscriptions.delete(subscription.uri, subscription.match);
    this.#byId.delete(subscription.id);
    this.#context.cluster.withdraw('subscription', subscription.uri, subscription.match);
  }

  leave(session: Session): void {
    for (const subscription of [...session.subscriptions.values()]) this.detach(session, subscription);
  }

  /**
   * Makes a publication of an authorized PUBLISH; without effects.
   * @param disclose whether the rules of the realm name the publisher
   * @param trustlevel what they say of its role
   */
  accept(
    session: Session,
    message: Publish,
    disclose: boolean,
    receipts?: ReceiptSink,
    trustlevel?: number,
  ): Publication {
    const { options } = message;
    const named = (disclose || options.discloseMe) && !session.internal;
    return {
      id: this.#context.ids.random(),
      topic: message.topic,
      payload: message.payload,
      disclosed: named ? session.origin : undefined,
      excluded: options.excludeMe ? session.id : 0,
      filter: PublishFilter.of(options.receivers),
      trustlevel,
      retain: options.retain,
      receipts,
      passthru: options.passthru,
      trail: undefined,
    };
  }

  /** To be called once for each publication, before it is delivered: who subscribes meanwhile is to find it. */
  keep(publication: Publication): void {
    if (publication.retain) this.#retain(publication);
    if (this.#context.events.series.length > 0) this.#history.keep(publication);
  }

  #retain(publication: Publication): void {
    const { observer, events, limits } = this.#context;
    const { topic } = publication;
    if (!events.mayRetain(topic)) {
      observer.unkept(topic, 'retain_refused');
      return;
    }
    const lost = this.retained.keep(publication, limits.maxRetainedBytes);
    for (const each of lost) observer.unkept(each, 'retained_full');
  }

  /** Forgets what new rules and bounds no longer let be retained. */
  reconfigured(): void {
    const { observer, events, limits } = this.#context;
    this.retained.review((topic) => events.mayRetain(topic));
    for (const topic of this.retained.shrink(limits.maxRetainedBytes)) observer.unkept(topic, 'retained_full');
  }

  /** Stops what is under way; for a realm that ends. */
  stop(): void {
    this.#replay.stop();
  }

  /** @param audit begins the trail of a publication that is to be written down; absent: it is not */
  publish(
    session: Session,
    message: Publish,
    disclose: boolean,
    trustlevel?: number,
    audit?: (publication: number) => PublicationTrail,
  ): void {
    const publication = this.accept(session, message, disclose, undefined, trustlevel);
    this.keep(publication);
    if (audit === undefined) this.deliver(publication);
    else {
      const trail = audit(publication.id);
      this.deliver({ ...publication, receipts: trail, trail });
      trail.handedOut();
    }
    const { request, topic } = message;
    if (message.options.acknowledge) {
      this.#context.cluster.publish(topic, publication.id, (refused) => {
        if (refused === undefined) {
          this.#context.send(session, { type: MessageType.PUBLISHED, request, publication: publication.id });
        } else {
          this.#context.send(session, requestError(message.type, request, refused, `${topic} reached this node only`));
        }
      });
    } else {
      this.forward(publication);
    }
  }

  /** Hands a publication that nobody waits for to the other nodes. */
  forward(publication: Publication): void {
    this.#context.cluster.publish(publication.topic, publication.id, unacknowledged);
  }

  /** The subscription of exactly this pair. */
  get(uri: string, match: Match): Subscription | undefined {
    return this.#subscriptions.get(uri, match);
  }

  byId(id: number): Subscription | undefined {
    return this.#byId.get(id);
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#byId.values();
  }

  /** The subscriptions that a publication to `topic` reaches. */
  matching(topic: string): readonly Subscription[] {
    return this.#subscriptions.matchAll(topic);
  }

  /** How many events a publication to `topic` makes at most. */
  reach(topic: string): number {
    let events = 0;
    for (const subscription of this.matching(topic)) events += subscription.size;
    return events;
  }

  /** To everybody: one EVENT per matching subscription and receiver, never merged across (PITFALLS 38). */
  deliver(publication: Publication): void {
    // An in-process peer may subscribe within send(): who comes after the publication does not get it (PITFALLS 41).
    const last = this.#order;
    for (const subscription of this.matching(publication.topic)) {
      const { sole, soleOrder } = subscription;
      if (sole !== undefined) {
        if (soleOrder <= last && admits(publication, sole)) this.deliverTo(publication, subscription, sole, noForms());
        continue;
      }
      const forms = noForms();
      for (const [session, order] of subscription.subscribers) {
        if (order > last) break;
        if (admits(publication, session)) this.deliverTo(publication, subscription, session, forms);
      }
    }
  }

  /** To one receiver; `forms` is shared by all receivers of one subscription. @returns whether it was taken */
  deliverTo(publication: Publication, subscription: Subscription, session: Session, forms: EventForms): boolean {
    const { disclosed, trustlevel } = publication;
    const publisher = disclosed !== undefined && toldOfPublisher(session) ? disclosed : undefined;
    let event: Event;
    if (trustlevel !== undefined && toldOfTrust(session)) {
      if (publisher === undefined) event = forms.rated ??= eventFor(publication, subscription, undefined, trustlevel);
      else event = forms.ratedDisclosing ??= eventFor(publication, subscription, publisher, trustlevel);
    } else if (publisher === undefined) event = forms.plain ??= eventFor(publication, subscription, undefined);
    else event = forms.disclosing ??= eventFor(publication, subscription, publisher);
    return this.#hand(event, publication, subscription, session);
  }

  #hand(event: Event, publication: Publication, subscription: Subscription, session: Session): boolean {
    const { passthru, trail } = publication;
    // Before as well: a peer may settle its receipt within send().
    trail?.handing(session);
    if (passthru !== undefined && !session.has(Feature.SUBSCRIBER_PASSTHRU)) {
      // It would take for an ordinary payload what it cannot read.
      this.#context.observer.dropped(session, event, 'passthru_unknown');
      trail?.handed(session, ErrorUri.FEATURE_NOT_SUPPORTED);
      return false;
    }
    const sent = this.#context.send(session, event);
    trail?.handed(session, sent);
    if (sent !== true) return false;
    subscription.events += 1;
    return true;
  }

  /** To whoever asked for it and to nobody else; told as it would have been when it was published. */
  #sendRetained({ publication }: RetainedEvent, subscription: Subscription, session: Session): void {
    const { id, topic, payload, disclosed, trustlevel, passthru } = publication;
    const plain = eventDetails(
      subscription.match === 'exact' ? undefined : topic,
      toldOfPublisher(session) ? disclosed : undefined,
      toldOfTrust(session) ? trustlevel : undefined,
      true,
    );
    const event = new Event(subscription.id, id, withPassthru(plain, passthru), topic, payload.fresh());
    this.#hand(event, publication, subscription, session);
  }
}

function eventFor(
  publication: Publication,
  subscription: Subscription,
  publisher: Origin | undefined,
  trustlevel?: number,
): Event {
  const { id, topic, payload, receipts, passthru } = publication;
  const plain = eventDetails(subscription.match === 'exact' ? undefined : topic, publisher, trustlevel);
  const details = withPassthru(plain, passthru);
  return new Event(subscription.id, id, details, topic, payload, receipts);
}

/** PUBLISH without `acknowledge` is answered by nothing at all, not even by ERROR (PITFALLS 33). */
function unacknowledged(): void {}
