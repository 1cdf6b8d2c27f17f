import { ErrorUri, WampError } from '../wamp/errors.ts';
import {
  type Call,
  MessageType,
  type Publish,
  type Register,
  type RoutedMessage,
  requestError,
  type Subscribe,
} from '../wamp/messages.ts';
import type { Match } from '../wamp/uri.ts';
import type { Auditor } from './audit.ts';
import { AuditedRequests } from './audited-requests.ts';
import { type Authorization, Denial, type Request, type Verdict } from './authorization.ts';
import type { Action } from './authorizer.ts';
import type { Foreseen } from './holding.ts';
import { payloadRefusal } from './payload-check.ts';
import type { Realm } from './realm.ts';
import type { Session } from './session.ts';

/** What a bridge's question keeps in memory while it waits, about; what it is about waits at the bridge. */
const ASKED_BYTES = 512;

/**
 * The requests of a realm that need permission, between the rules and broker or dealer. Each comes here once, and where
 * the rules have the authorizer asked once more, with its verdict.
 */
export class Requests {
  readonly #realm: Realm;
  readonly #authorization: Authorization;
  readonly #audited: AuditedRequests;

  constructor(realm: Realm, authorization: Authorization, auditor: Auditor) {
    this.#realm = realm;
    this.#authorization = authorization;
    this.#audited = new AuditedRequests(realm, auditor, authorization);
  }

  publish(
    session: Session,
    message: Publish,
    decision = this.#authorization.decide(session, 'publish', message.topic, 'exact'),
  ): void {
    if (decision instanceof WampError) {
      if (decision instanceof Denial && isAudited(session, decision)) this.#audited.admit(session, message, decision);
      // Unacknowledged, a refusal is silent (PITFALLS 33); the observer has seen it.
      else if (message.options.acknowledge) this.#refuse(session, message, decision);
    } else if (decision.kind === 'ask') {
      const request = { action: 'publish', uri: message.topic, match: 'exact' } as const;
      const again = (verdict: Verdict | undefined) => this.publish(session, message, verdict);
      this.#authorization.ask(session, message, decision, request, again);
    } else {
      const refusal = decision.check && payloadRefusal(this.#realm, session, message, decision);
      if (refusal !== undefined) this.publish(session, message, refusal);
      else if (isAudited(session, decision)) this.#audited.admit(session, message, decision);
      else this.#realm.broker.publish(session, message, decision.disclose, decision.trustlevel);
    }
  }

  call(
    session: Session,
    message: Call,
    decision = this.#authorization.decide(session, 'call', message.procedure, 'exact'),
  ): void {
    if (decision instanceof WampError) {
      if (decision instanceof Denial && isAudited(session, decision)) this.#audited.admit(session, message, decision);
      else this.#refuse(session, message, decision);
    } else if (decision.kind === 'ask') {
      const request = { action: 'call', uri: message.procedure, match: 'exact' } as const;
      const again = (verdict: Verdict | undefined) => this.call(session, message, verdict);
      this.#authorization.ask(session, message, decision, request, again);
    } else {
      const refusal = decision.check && payloadRefusal(this.#realm, session, message, decision);
      if (refusal !== undefined) this.call(session, message, refusal);
      else if (isAudited(session, decision)) this.#audited.admit(session, message, decision);
      else this.#realm.dealer.call(session, message, decision);
    }
  }

  /** Whether a further part of a call whose first one had to be signed may be passed on: the rules of now decide. */
  refusesPart(session: Session, message: Call): WampError | undefined {
    const decision = this.#authorization.decide(session, 'call', message.procedure, 'exact');
    return decision instanceof WampError ? decision : payloadRefusal(this.#realm, session, message, decision);
  }

  subscribe(
    session: Session,
    message: Subscribe,
    decision = this.#authorization.decide(session, 'subscribe', message.topic, message.options.match),
  ): void {
    if (decision instanceof WampError) this.#refuse(session, message, decision);
    else if (decision.kind === 'ask') {
      const request = { action: 'subscribe', uri: message.topic, match: message.options.match } as const;
      const again = (verdict: Verdict | undefined) => this.subscribe(session, message, verdict);
      this.#authorization.ask(session, message, decision, request, again);
    } else this.#realm.broker.subscribe(session, message);
  }

  register(
    session: Session,
    message: Register,
    decision = this.#authorization.decide(session, 'register', message.procedure, message.options.match),
  ): void {
    if (decision instanceof WampError) {
      this.#refuse(session, message, decision);
      return;
    }
    const { match, invoke, forceReregister } = message.options;
    if (decision.kind === 'ask') {
      const request = { action: 'register', uri: message.procedure, match } as const;
      const again = (verdict: Verdict | undefined) => this.register(session, message, verdict);
      this.#authorization.ask(session, message, decision, request, again);
      return;
    }
    const refusal = this.#authorization.refusesToRegister(message.procedure, match, invoke, forceReregister);
    if (refusal === undefined) this.#realm.dealer.registry.register(session, message);
    else this.#refuse(session, message, new WampError(ErrorUri.OPTION_NOT_ALLOWED, refusal));
  }

  /** What a request that waits will have to be asked about, when its turn has come. */
  foresee(session: Session, message: RoutedMessage): Foreseen | undefined {
    const ask = (action: Action, uri: string, match: Match) =>
      this.#authorization.foresee(session, { action, uri, match });
    switch (message.type) {
      case MessageType.PUBLISH:
        return ask('publish', message.topic, 'exact');
      case MessageType.CALL:
        // A further part of a call is not asked about.
        return session.calls.has(message.request) ? undefined : ask('call', message.procedure, 'exact');
      case MessageType.SUBSCRIBE:
        return ask('subscribe', message.topic, message.options.match);
      case MessageType.REGISTER:
        return ask('register', message.procedure, message.options.match);
      default:
        return undefined;
    }
  }

  /**
   * Whether a session may do something, for bridges: in order with its requests, and by the same rules. A refusal is
   * told to the observer as any other.
   * @param done called once: at once where nobody has to be asked and nothing waits; with `wamp.error.canceled` where the
   *   session ends before
   */
  ask(session: Session, request: Request, done: (verdict: Verdict) => void): void {
    const { held } = session;
    if (held === undefined) {
      this.#ask(session, request, done);
      return;
    }
    this.#realm.holding.wait(session, held, {
      message: undefined,
      bytes: ASKED_BYTES,
      run: () => this.#ask(session, request, done),
      abandoned: () => done(gone()),
      foresee: () => this.#authorization.foresee(session, request),
    });
  }

  #ask(session: Session, request: Request, done: (verdict: Verdict) => void, known?: Verdict): void {
    const { action, uri, match } = request;
    const decision = known ?? this.#authorization.decide(session, action, uri, match);
    if (decision instanceof WampError || decision.kind === 'allow') {
      done(decision);
      return;
    }
    const again = (verdict: Verdict | undefined) => this.#ask(session, request, done, verdict);
    this.#authorization.ask(session, undefined, decision, request, again, () => done(gone()));
  }

  #refuse(session: Session, message: { type: number; request: number }, refusal: WampError): void {
    this.#realm.send(session, requestError(message.type, message.request, refusal.uri, refusal.message));
  }
}

/** Whether a publication or call is to be written down here; peers that leave traces see to theirs. */
function isAudited({ peer }: Session, { audit }: { readonly audit?: boolean }): boolean {
  return audit === true && peer.traces !== true;
}

function gone(): WampError {
  return new WampError(ErrorUri.CANCELED, 'the session is over');
}
