import { type CloseReason, CloseUri, ErrorUri, violation, WampError } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import {
  MessageType,
  type Publish,
  type Register,
  type RoutedMessage,
  type RouterMessage,
  requestError,
  type Subscribe,
} from '../wamp/messages.ts';
import type { Passthru } from '../wamp/options.ts';
import { isReserved, isValidUri, type Match } from '../wamp/uri.ts';
import type { Action, Authorizer, Decision } from './authorizer.ts';
import { Broker } from './broker.ts';
import type { RealmContext, RealmLimits } from './context.ts';
import { Dealer } from './dealer.ts';
import { passthruProblem } from './passthru.ts';
import type { Peer, Sent } from './peer.ts';
import { Plan } from './plan.ts';
import { type Member, Session } from './session.ts';
import { NO_WITNESS, type Witness } from './witness.ts';

/** What of a realm may be swapped while it runs. */
export interface RealmSettings {
  readonly authorizer: Authorizer;
  readonly limits: RealmLimits;
  /** Whether a gap in request ids is a protocol violation (PITFALLS 24); most clients have gaps. */
  readonly strictRequestIds: boolean;
  /** Whether URIs obey the strict rule (FEATURES A16). */
  readonly strictUris: boolean;
}

/** What a realm shares with the rest of the router. */
export type RealmDeps = Pick<RealmContext, 'clock' | 'ids' | 'observer' | 'cluster'>;

type Allowed = Extract<Decision, { kind: 'allow' }>;

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
  }

  get limits(): RealmLimits {
    return this.#settings.limits;
  }

  get authorizer(): Authorizer {
    return this.#settings.authorizer;
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

  /** Every message a session may send, and who sees to it. */
  receive(session: Session, message: RoutedMessage): void {
    if (session.ended) return;
    this.observer.received(session, message);
    switch (message.type) {
      case MessageType.PUBLISH:
        if (!this.#mayPass(session, message, message.options.passthru, Feature.PUBLISHER_PASSTHRU)) return;
        if (this.#inSequence(session, message.request)) this.#publish(session, message);
        return;
      case MessageType.SUBSCRIBE:
        if (this.#inSequence(session, message.request)) this.#subscribe(session, message);
        return;
      case MessageType.UNSUBSCRIBE:
        if (this.#inSequence(session, message.request)) this.broker.unsubscribe(session, message);
        return;
      case MessageType.CALL: {
        if (!this.#mayPass(session, message, message.options.passthru, Feature.CALLER_PASSTHRU)) return;
        if (!this.dealer.isNew(session, message) || !this.#inSequence(session, message.request)) return;
        const decision = this.#authorize(session, 'call', message.procedure, 'exact');
        if (decision instanceof WampError) this.#refuse(session, message, decision);
        else this.dealer.call(session, message, decision.disclose, decision.trustlevel);
        return;
      }
      case MessageType.CANCEL:
        this.dealer.cancel(session, message);
        return;
      case MessageType.REGISTER:
        if (this.#inSequence(session, message.request)) this.#register(session, message);
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

  /**
   * What a PUBLISH would do, without doing it (ARCHITECTURE §1.4). A refusal is told to the observer as any other.
   * @returns the refusal where it may not be published
   */
  plan(session: Session, message: Publish): Plan | WampError {
    const decision = this.#authorize(session, 'publish', message.topic, 'exact');
    if (decision instanceof WampError) return decision;
    const { disclose, trustlevel } = decision;
    return new Plan(this.broker, (receipts) => this.broker.accept(session, message, disclose, receipts, trustlevel));
  }

  /** Swaps rules and bounds; subscriptions and registrations that are no longer allowed are revoked (CONTRACT §4). */
  configure(settings: RealmSettings): void {
    this.#settings = settings;
    for (const session of [...this.sessions.values()]) this.#judge(session);
    this.#witness.settle();
  }

  #judge(session: Session): void {
    const reason = 'the rules of the realm no longer allow it';
    for (const subscription of [...session.subscriptions.values()]) {
      const { uri, match, id } = subscription;
      if (this.authorizer.authorize(session.identity, 'subscribe', uri, match).kind === 'allow') continue;
      this.broker.detach(session, subscription);
      if (!session.has(Feature.SUBSCRIBER_REVOCATION)) continue;
      const details = Object.freeze({ subscription: id, reason });
      this.send(session, { type: MessageType.UNSUBSCRIBED, request: 0, details });
    }
    for (const registration of [...session.registrations.values()]) {
      const { uri, match } = registration;
      if (this.authorizer.authorize(session.identity, 'register', uri, match).kind === 'allow') continue;
      this.dealer.registry.revoke(session, registration, reason);
    }
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

  #publish(session: Session, message: Publish): void {
    const decision = this.#authorize(session, 'publish', message.topic, 'exact');
    if (!(decision instanceof WampError)) this.broker.publish(session, message, decision.disclose, decision.trustlevel);
    // Unacknowledged, a refusal is silent (PITFALLS 33); the observer has seen it.
    else if (message.options.acknowledge) this.#refuse(session, message, decision);
  }

  #subscribe(session: Session, message: Subscribe): void {
    const decision = this.#authorize(session, 'subscribe', message.topic, message.options.match);
    if (decision instanceof WampError) this.#refuse(session, message, decision);
    else this.broker.subscribe(session, message);
  }

  #register(session: Session, message: Register): void {
    const decision = this.#authorize(session, 'register', message.procedure, message.options.match);
    if (decision instanceof WampError) this.#refuse(session, message, decision);
    else this.dealer.registry.register(session, message);
  }

  #authorize(session: Session, action: Action, uri: string, match: Match): Allowed | WampError {
    if (session.internal) return INTERNAL;
    const { limits, strictUris, authorizer } = this.#settings;
    if (uri.length > limits.maxUriBytes || (uri.length * 3 > limits.maxUriBytes && tooLong(uri, limits.maxUriBytes))) {
      return this.#deny(session, action, uri, ErrorUri.INVALID_URI, `a URI may have ${limits.maxUriBytes} bytes`);
    }
    if (!isValidUri(uri, match, strictUris)) {
      return this.#deny(session, action, uri, ErrorUri.INVALID_URI, `${JSON.stringify(uri)} is no legal ${match} URI`);
    }
    if ((action === 'publish' || action === 'register') && isReserved(uri)) {
      // Else a client could forge meta events or stand in for the router's own procedures (PITFALLS 30).
      return this.#deny(session, action, uri, ErrorUri.INVALID_URI, 'wamp. is reserved for the router');
    }
    const decision = authorizer.authorize(session.identity, action, uri, match);
    if (decision.kind === 'allow') return decision;
    return this.#deny(session, action, uri, ErrorUri.NOT_AUTHORIZED, decision.reason);
  }

  #deny(session: Session, action: Action, uri: string, error: string, reason: string): WampError {
    this.observer.denied(session, action, uri, reason);
    const text = error === ErrorUri.NOT_AUTHORIZED ? `this session may not ${action} ${uri}` : reason;
    return new WampError(error, text);
  }

  #refuse(session: Session, message: { type: number; request: number }, refusal: WampError): void {
    this.send(session, requestError(message.type, message.request, refusal.uri, refusal.message));
  }

  #inSequence(session: Session, request: number): boolean {
    if (this.#settings.strictRequestIds && request !== session.lastRequest + 1) {
      const text = `request id ${request} after ${session.lastRequest}: ${session.lastRequest + 1} expected`;
      this.end(session, violation(text));
      return false;
    }
    session.lastRequest = request;
    return true;
  }
}

const INTERNAL: Allowed = { kind: 'allow', disclose: false, rules: [] };

function tooLong(uri: string, bytes: number): boolean {
  return Buffer.byteLength(uri) > bytes;
}

/** Why a session whose transport broke has left. */
export const LOST: CloseReason = { how: 'tryLater', uri: CloseUri.NORMAL, message: 'the connection was lost' };
