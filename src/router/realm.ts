import { type CloseReason, CloseUri, violation, WampError } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { type Call, MessageType, type Publish, type RoutedMessage, type RouterMessage } from '../wamp/messages.ts';
import type { Passthru } from '../wamp/options.ts';
import { isValidUri, type Match } from '../wamp/uri.ts';
import { type Auditor, NO_AUDITOR } from './audit.ts';
import { type Allowed, Authorization, type Verdict } from './authorization.ts';
import type { Action, Authorizer } from './authorizer.ts';
import { Broker } from './broker.ts';
import type { RealmContext, RealmLimits } from './context.ts';
import { Dealer } from './dealer.ts';
import type { DynamicSettings } from './dynamic-authorizer.ts';
import { type EventRules, NO_EVENT_RULES } from './event-rules.ts';
import { Holding } from './holding.ts';
import type { Inquiries } from './inquiries.ts';
import { passthruProblem } from './passthru.ts';
import { payloadRefusal } from './payload-check.ts';
import type { Peer, Sent } from './peer.ts';
import { Plan } from './plan.ts';
import { Requests } from './requests.ts';
import { type Member, Session } from './session.ts';
import type { Subscription } from './subscription.ts';
import { NO_WITNESS, type Witness } from './witness.ts';

/** What of a realm may be swapped while it runs. */
export interface RealmSettings {
  readonly authorizer: Authorizer;
  readonly limits: RealmLimits;
  /** Whether a gap in request ids is a protocol violation (PITFALLS 24); most clients have gaps. */
  readonly strictRequestIds: boolean;
  /** Whether URIs obey the strict rule (FEATURES A16). */
  readonly strictUris: boolean;
  /** Whom the realm asks; absent: nobody. */
  readonly dynamic?: DynamicSettings | undefined;
  /** Absent: nothing is said of the events of any topic. */
  readonly events?: EventRules;
}

/** What a realm shares with the rest of the router. */
export type RealmDeps = Pick<RealmContext, 'clock' | 'ids' | 'observer' | 'cluster'> & {
  /** Absent: nothing is written down. */
  readonly auditor?: Auditor;
};

/**
 * One routing namespace: its sessions, and the one place where their messages are authorized and handed to broker or
 * dealer. Everything from `receive` to `peer.send` is synchronous, so messages keep their order (PITFALLS 64).
 */
export class Realm implements RealmContext {
  readonly name: string;
  readonly clock;
  readonly ids;
  readonly observer;
  readonly cluster;
  /** By id, without the router's own. */
  readonly sessions = new Map<number, Session>();
  readonly broker: Broker;
  readonly dealer: Dealer;
  /** Requests that wait for something outside of the core. */
  readonly holding: Holding;
  readonly #authorization: Authorization;
  readonly #requests: Requests;
  #settings: RealmSettings;
  #witness: Witness = NO_WITNESS;
  #closed = false;

  constructor(name: string, settings: RealmSettings, deps: RealmDeps) {
    this.name = name;
    this.#settings = settings;
    this.clock = deps.clock;
    this.ids = deps.ids;
    this.observer = deps.observer;
    this.cluster = deps.cluster;
    this.broker = new Broker(this);
    this.dealer = new Dealer(this);
    this.holding = new Holding(this, {
      carryOut: (session, message) => this.#carryOut(session, message),
      foresee: (session, message) => this.#requests.foresee(session, message),
      pass: (session, message) => this.#pass(session, message),
    });
    this.#authorization = new Authorization(this, settings, this.holding);
    this.#requests = new Requests(this, this.#authorization, deps.auditor ?? NO_AUDITOR);
  }

  get limits(): RealmLimits {
    return this.#settings.limits;
  }

  get authorizer(): Authorizer {
    return this.#settings.authorizer;
  }

  get events(): EventRules {
    return this.#settings.events ?? NO_EVENT_RULES;
  }

  /** Where the router itself asks procedures of this realm. */
  get inquiries(): Inquiries {
    return this.#authorization.inquiries;
  }

  get witness(): Witness {
    return this.#witness;
  }

  /** Installs who is told of everything that happens from now on; one, by whoever made the realm. */
  watch(witness: Witness): void {
    this.#witness = witness;
  }

  /**
   * @returns undefined where the realm holds `maxSessions` already, or was closed while the peer was authenticated; the
   *   peer should come back later
   */
  join(peer: Peer, member: Member): Session | undefined {
    if (this.#closed) return undefined;
    if (!member.internal && this.sessions.size >= this.limits.maxSessions) return undefined;
    let id = member.id ?? this.ids.random();
    while (this.sessions.has(id)) id = this.ids.random();
    const session = new Session(id, member, peer, this.clock.now());
    if (session.internal) return session;
    this.sessions.set(id, session);
    this.observer.joined(session);
    this.#witness.joined(session);
    this.#witness.settle();
    return session;
  }

  /**
   * Forgets a session: its registrations, subscriptions and calls on both sides, once (PITFALLS 8). For transports
   * that are gone and peers that said GOODBYE; nothing is sent to the peer any more. Idempotent.
   */
  leave(session: Session, reason: CloseReason): void {
    if (session.ended) return;
    session.ended = true;
    this.sessions.delete(session.id);
    this.holding.leave(session);
    this.dealer.leave(session);
    this.broker.leave(session);
    if (session.internal) return;
    this.#witness.left(session);
    this.observer.left(session, reason);
    this.#witness.settle();
  }

  /** Ends a session from our side: it is forgotten, then its peer is told. Idempotent. */
  end(session: Session, reason: CloseReason): void {
    if (session.ended) return;
    this.leave(session, reason);
    session.peer.close(reason);
  }

  /** Every message a session may send. */
  receive(session: Session, message: RoutedMessage): void {
    if (session.ended) return;
    this.observer.received(session, message);
    const { held } = session;
    if (held === undefined || !this.holding.keeps(session, held, message)) this.#carryOut(session, message);
  }

  /** Who sees to a message whose turn has come. */
  #carryOut(session: Session, message: RoutedMessage): void {
    switch (message.type) {
      case MessageType.PUBLISH:
        if (!this.#mayPass(session, message, message.options.passthru, Feature.PUBLISHER_PASSTHRU)) return;
        if (this.#inSequence(session, message.request)) this.#requests.publish(session, message);
        return;
      case MessageType.SUBSCRIBE:
        if (this.#inSequence(session, message.request)) this.#requests.subscribe(session, message);
        return;
      case MessageType.UNSUBSCRIBE:
        if (this.#inSequence(session, message.request)) this.broker.unsubscribe(session, message);
        return;
      case MessageType.CALL:
        if (!this.#mayPass(session, message, message.options.passthru, Feature.CALLER_PASSTHRU)) return;
        if (this.#begins(session, message)) this.#requests.call(session, message);
        return;
      case MessageType.CANCEL:
        this.dealer.cancel(session, message);
        return;
      case MessageType.REGISTER:
        if (this.#inSequence(session, message.request)) this.#requests.register(session, message);
        return;
      case MessageType.UNREGISTER:
        if (this.#inSequence(session, message.request)) this.dealer.registry.unregister(session, message);
        return;
      case MessageType.YIELD:
        if (!this.#mayPass(session, message, message.options.passthru, Feature.CALLEE_PASSTHRU)) return;
        this.dealer.yield(session, message);
        return;
      case MessageType.ERROR:
        if (!this.#mayPass(session, message, message.passthru, Feature.CALLEE_PASSTHRU)) return;
        if (isValidUri(message.error, 'exact', this.#settings.strictUris)) this.dealer.error(session, message);
        else this.end(session, violation('ERROR.Error: URI expected'));
        return;
      default:
        message satisfies never;
    }
  }

  /** A call that was canceled before its turn came takes its id, and that is all. */
  #pass(session: Session, message: RoutedMessage): void {
    if (message.type === MessageType.CALL) this.#begins(session, message);
  }

  /** Asks for a bridge: see {@link Requests.ask}. */
  ask(session: Session, action: Action, uri: string, match: Match, done: (verdict: Verdict) => void): void {
    this.#requests.ask(session, { action, uri, match }, done);
  }

  /**
   * What a PUBLISH would do, without doing it (ARCHITECTURE §1.4).
   * @param done as for {@link ask}, with the plan, or the refusal where it may not be published
   */
  plan(session: Session, message: Publish, done: (plan: Plan | WampError) => void): void {
    this.ask(session, 'publish', message.topic, 'exact', (verdict) => {
      if (verdict instanceof WampError) {
        done(verdict);
        return;
      }
      const { disclose, trustlevel } = verdict;
      const refusal = payloadRefusal(this, session, message, verdict);
      if (refusal !== undefined) {
        done(refusal);
        return;
      }
      done(new Plan(this.broker, (receipts) => this.broker.accept(session, message, disclose, receipts, trustlevel)));
    });
  }

  /** Publishes what a session that has gone left behind: judged, retained and written down as what it published itself. */
  bequeath(gone: Session, message: Publish): void {
    const publish = (): void => this.#requests.publish(gone, message);
    const { held } = gone;
    if (held === undefined) publish();
    else this.holding.wait(gone, held, { message, bytes: message.payload.heldBytes, run: publish });
  }

  refusesPart(session: Session, message: Call): WampError | undefined {
    return this.#requests.refusesPart(session, message);
  }

  /** A call of a bridge, which has {@link ask}ed whether its peer may make it; nothing that waits holds it back. */
  call(session: Session, message: Call, allowed: Allowed): void {
    if (session.ended) return;
    this.observer.received(session, message);
    if (this.#begins(session, message)) this.#requests.call(session, message, allowed);
  }

  /**
   * Swaps rules and bounds; subscriptions and registrations that are no longer allowed are revoked (CONTRACT §4). Where
   * the authorizer must be asked about them this happens when it has answered.
   */
  configure(settings: RealmSettings): void {
    this.#settings = settings;
    this.#authorization.configure(settings);
    for (const session of [...this.sessions.values()]) this.#judge(session);
    this.broker.reconfigured();
    this.#witness.settle();
  }

  #judge(session: Session): void {
    for (const subscription of [...session.subscriptions.values()]) {
      const { uri, match } = subscription;
      this.#authorization.judge(session, { action: 'subscribe', uri, match }, () => {
        if (session.subscriptions.get(subscription.id) === subscription) this.#revoke(session, subscription);
      });
    }
    for (const registration of [...session.registrations.values()]) {
      const { uri, match, invoke } = registration;
      const revoke = (): void => {
        if (session.registrations.get(registration.id) !== registration) return;
        this.dealer.registry.revoke(session, registration, NO_LONGER_ALLOWED);
      };
      if (this.#authorization.refusesToRegister(uri, match, invoke, false) !== undefined) revoke();
      else this.#authorization.judge(session, { action: 'register', uri, match }, revoke);
    }
  }

  #revoke(session: Session, subscription: Subscription): void {
    this.broker.detach(session, subscription);
    if (!session.has(Feature.SUBSCRIBER_REVOCATION)) return;
    const details = Object.freeze({ subscription: subscription.id, reason: NO_LONGER_ALLOWED });
    this.send(session, { type: MessageType.UNSUBSCRIBED, request: 0, details });
  }

  /**
   * Ends every session for `reason` and stops the realm's timer; nobody joins any more. Nobody is told of it and no
   * testament is published, as by `kill_all`: who would hear it is about to go (PITFALLS 70).
   */
  close(reason: CloseReason): void {
    this.#closed = true;
    this.#witness = NO_WITNESS;
    for (const session of [...this.sessions.values()]) this.end(session, reason);
    this.dealer.stop();
    this.broker.stop();
  }

  send(session: Session, message: RouterMessage): Sent {
    const sent = session.send(message);
    if (sent === true) this.observer.sent(session, message);
    else this.observer.dropped(session, message, session.ended ? 'receiver_gone' : 'peer_refused');
    return sent;
  }

  /** Whether its sender may say so of the payload (spec: "Payload Passthru Mode"); else the session has been ended. */
  #mayPass(session: Session, message: RoutedMessage, passthru: Passthru | undefined, feature: number): boolean {
    if (passthru === undefined) return true;
    const problem = passthruProblem(session, message, passthru, feature);
    if (problem === undefined) return true;
    this.end(session, violation(problem));
    return false;
  }

  /** Whether a CALL begins a call; asked once. */
  #begins(session: Session, message: Call): boolean {
    return this.dealer.isNew(session, message) && this.#inSequence(session, message.request);
  }

  #inSequence(session: Session, request: number): boolean {
    if (this.#settings.strictRequestIds && !session.bridged && request !== session.lastRequest + 1) {
      const text = `request id ${request} after ${session.lastRequest}: ${session.lastRequest + 1} expected`;
      this.end(session, violation(text));
      return false;
    }
    session.lastRequest = request;
    return true;
  }
}

const NO_LONGER_ALLOWED = 'the rules of the realm no longer allow it';

/** Why a session whose transport broke has left. */
export const LOST: CloseReason = { how: 'tryLater', uri: CloseUri.NORMAL, message: 'the connection was lost' };
