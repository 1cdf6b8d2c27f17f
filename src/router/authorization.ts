import { ErrorUri, WampError } from '../wamp/errors.ts';
import type { RoutedMessage } from '../wamp/messages.ts';
import { isReserved, isValidUri, type Match } from '../wamp/uri.ts';
import type { Action, Decision } from './authorizer.ts';
import type { RealmContext } from './context.ts';
import { DynamicAuthorizer, Question, type Ruling } from './dynamic-authorizer.ts';
import type { Holding } from './holding.ts';
import { Inquiries } from './inquiries.ts';
import type { Realm, RealmSettings } from './realm.ts';
import type { Session } from './session.ts';

export type Allowed = Extract<Decision, { kind: 'allow' }>;
export type Asking = Extract<Decision, { kind: 'ask' }>;
/** What became of a request to do something somewhere. */
export type Verdict = Allowed | WampError;

/** Why rules or authorizer refuse a request. */
export class Denial extends WampError {
  /** Whether that is to be written down. */
  readonly audit: boolean;

  constructor(uri: string, message: string, audit = false) {
    super(uri, message);
    this.audit = audit;
  }
}

const INTERNAL: Allowed = { kind: 'allow', disclose: false, rules: [] };
const NOBODY_ASKED = { timeoutMs: 1 };

/** What is put to the authorizer. */
export interface Request {
  readonly action: Action;
  readonly uri: string;
  readonly match: Match;
}

/**
 * What sessions of a realm may do: what no rule may allow first, then the rules, then, where these say so, the dynamic
 * authorizer.
 */
export class Authorization {
  readonly inquiries: Inquiries;
  readonly #context: RealmContext;
  readonly #name: string;
  readonly #holding: Holding;
  #settings: RealmSettings;
  #dynamic: DynamicAuthorizer;

  constructor(realm: Realm, settings: RealmSettings, holding: Holding) {
    this.#context = realm;
    this.#name = realm.name;
    this.#holding = holding;
    this.#settings = settings;
    this.inquiries = new Inquiries(realm);
    this.#dynamic = this.#asker();
  }

  /** Rules and authorizer of another version; answers of the one before are worth nothing from here on. */
  configure(settings: RealmSettings): void {
    this.#settings = settings;
    this.#dynamic = this.#asker();
  }

  #asker(): DynamicAuthorizer {
    const { clock } = this.#context;
    return new DynamicAuthorizer(this.#settings.dynamic ?? NOBODY_ASKED, this.#name, this.inquiries, clock);
  }

  /** A refusal has been told to the observer. */
  decide(session: Session, action: Action, uri: string, match: Match): Verdict | Asking {
    if (session.internal) return INTERNAL;
    const illegal = this.#illegal(action, uri, match);
    if (illegal !== undefined) {
      this.#context.observer.denied(session, action, uri, illegal);
      return new WampError(ErrorUri.INVALID_URI, illegal);
    }
    const decision = this.#settings.authorizer.authorize(session.identity, action, uri, match);
    if (decision.kind !== 'deny') return decision;
    return this.#deny(session, action, uri, decision.reason, decision.audit);
  }

  /** Why nobody may do that with this URI, whatever the rules say. */
  #illegal(action: Action, uri: string, match: Match): string | undefined {
    const { limits, strictUris } = this.#settings;
    const { maxUriBytes } = limits;
    if (uri.length > maxUriBytes || (uri.length * 3 > maxUriBytes && Buffer.byteLength(uri) > maxUriBytes)) {
      return `a URI may have ${maxUriBytes} bytes`;
    }
    if (!isValidUri(uri, match, strictUris)) return `${JSON.stringify(uri)} is no legal ${match} URI`;
    // Else a client could forge meta events or stand in for the router's own procedures (PITFALLS 30).
    if ((action === 'publish' || action === 'register') && isReserved(uri)) return 'wamp. is reserved for the router';
    return undefined;
  }

  #deny(session: Session, action: Action, uri: string, reason: string, audit?: boolean): Denial {
    this.#context.observer.denied(session, action, uri, reason);
    return new Denial(ErrorUri.NOT_AUTHORIZED, `this session may not ${action} ${uri}`, audit);
  }

  /**
   * Puts a request to the authorizer; meanwhile it and all that the session asks after it is held.
   * @param message the request; undefined: it is not a message
   * @param then called once: with the verdict, or with undefined where the rules have changed and must decide anew. Not
   *   called where the session ends before, or cancels the call; then `abandoned` is.
   */
  ask(
    session: Session,
    message: RoutedMessage | undefined,
    asking: Asking,
    request: Request,
    then: (verdict: Verdict | undefined) => void,
    abandoned?: () => void,
  ): void {
    const settings = this.#settings;
    const { action, uri, match } = request;
    const question = this.#foreseen(session) ?? this.#dynamic.ask(session, action, uri, match);
    const { ruling } = question;
    if (ruling !== undefined) {
      then(this.#verdict(session, asking, request, ruling));
      return;
    }
    const hold = this.#holding.hold(session, message, () => {
      question.forget();
      abandoned?.();
    });
    question.onRuling((late) => {
      hold.release(() => {
        then(settings === this.#settings ? this.#verdict(session, asking, request, late) : undefined);
      });
    });
  }

  /** What was asked ahead of time, unless the rules have changed since: then whoever was asked need not be who is asked now. */
  #foreseen(session: Session): Question | undefined {
    const foreseen = session.held?.takeForeseen();
    if (foreseen instanceof Question && foreseen.asker === this.#dynamic) return foreseen;
    foreseen?.forget();
    return undefined;
  }

  /** Asks the authorizer, where it will have to be asked, before the request's turn has come. */
  foresee(session: Session, { action, uri, match }: Request): Question | undefined {
    if (session.internal || this.#illegal(action, uri, match) !== undefined) return undefined;
    const decision = this.#settings.authorizer.authorize(session.identity, action, uri, match);
    return decision.kind === 'ask' ? this.#dynamic.ask(session, action, uri, match) : undefined;
  }

  #verdict(session: Session, asking: Asking, { action, uri }: Request, ruling: Ruling): Verdict {
    const { disclose, trustlevel, check, audit = false, rules } = asking;
    if (ruling.allow) return { kind: 'allow', disclose: disclose || ruling.disclose, trustlevel, check, audit, rules };
    if (!ruling.failed) return this.#deny(session, action, uri, ruling.reason, audit);
    this.#context.observer.denied(session, action, uri, ruling.reason);
    const text = `it could not be found out whether this session may ${action} ${uri}`;
    return new Denial(ErrorUri.AUTHORIZATION_FAILED, text, audit);
  }

  /** Why a procedure that is asked itself may not be registered so: one callee, and whoever has it keeps it. */
  refusesToRegister(procedure: string, match: Match, invoke: string, forceReregister: boolean): string | undefined {
    if (!this.#dynamic.names(procedure, match) || (invoke === 'single' && !forceReregister)) return undefined;
    return `${procedure} decides for this realm: only invoke single without force_reregister is allowed`;
  }

  /**
   * What the rules in force say of something that is there already.
   * @param revoke called where it may no longer be: at once, or when the authorizer has been asked
   */
  judge(session: Session, { action, uri, match }: Request, revoke: () => void): void {
    const settings = this.#settings;
    const decision = settings.authorizer.authorize(session.identity, action, uri, match);
    if (decision.kind === 'allow') return;
    if (decision.kind === 'deny') {
      revoke();
      return;
    }
    const question = this.#dynamic.ask(session, action, uri, match);
    const settle = (ruling: Ruling): void => {
      if (ruling.allow || session.ended) return;
      this.#context.observer.denied(session, action, uri, ruling.reason);
      revoke();
    };
    if (question.ruling !== undefined) settle(question.ruling);
    else {
      question.onRuling((ruling) => {
        // Another reload has judged it meanwhile.
        if (settings !== this.#settings) return;
        settle(ruling);
        this.#context.witness.settle();
      });
    }
  }
}
