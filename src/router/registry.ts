import { ErrorUri, WampError } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { MessageType, type Register, requestError, type Unregister } from '../wamp/messages.ts';
import type { Match } from '../wamp/uri.ts';
import { isReserved } from '../wamp/uri.ts';
import type { Announced } from './cluster.ts';
import type { RealmContext } from './context.ts';
import { Registration } from './registration.ts';
import type { Session } from './session.ts';
import { UriMap } from './uri-map.ts';

/** Who can be called: the registrations of a realm, ordinary and weak (spec: "Registering and Unregistering"). */
export class Registry {
  readonly #context: RealmContext;
  readonly #ordinary = new UriMap<Registration>();
  readonly #weak = new UriMap<Registration>();
  /** By id, what others may know of: no weak ones, and none of the router's own sessions. */
  readonly #listed = new Map<number, Registration>();

  constructor(context: RealmContext) {
    this.#context = context;
  }

  /** Number of {@link listed} registrations. */
  get size(): number {
    return this.#listed.size;
  }

  /**
   * The registration that a call of `procedure` goes to: exact, else longest prefix, else best wildcard or glob; a weak one
   * only where no ordinary one matches.
   */
  best(procedure: string): Registration | undefined {
    // No pattern captures the router's own procedures: only an exact registration answers `wamp.` (PITFALLS 30).
    if (isReserved(procedure)) return this.#ordinary.get(procedure, 'exact');
    return (this.#ordinary.best(procedure) ?? this.#weak.best(procedure))?.value;
  }

  get(uri: string, match: Match): Registration | undefined {
    return this.#ordinary.get(uri, match);
  }

  /** What others may know of: no weak registrations, and none of the router's own sessions. */
  get listed(): Iterable<Registration> {
    return this.#listed.values();
  }

  /** The {@link listed} registration of that id. */
  byId(id: number): Registration | undefined {
    return this.#listed.get(id);
  }

  register(session: Session, message: Register): void {
    const refusal = this.#refusal(session, message);
    if (refusal !== undefined) {
      this.#refuse(session, message, refusal.uri, refusal.message);
      return;
    }
    const { procedure, options } = message;
    const known = this.#index(options.weak).get(procedure, options.match);
    // The router's own procedures are on every node: there is nothing to announce.
    if (known !== undefined || session.internal) this.#attach(session, message);
    else {
      this.#context.cluster.announce(announced(options.weak), procedure, options.match, (refused) => {
        this.#announced(session, message, refused);
      });
    }
  }

  #refusal(session: Session, message: Register): WampError | undefined {
    const { procedure, options } = message;
    const { maxRegistrationsPerSession } = this.#context.limits;
    if (session.registrations.size >= maxRegistrationsPerSession && !session.internal) {
      return new WampError(ErrorUri.LIMIT_EXCEEDED, `a session may hold ${maxRegistrationsPerSession} registrations`);
    }
    const existing = this.#index(options.weak).get(procedure, options.match);
    if (existing === undefined) return undefined;
    // force_reregister takes nothing over among weak ones, so a session would stand in the registration twice.
    if (session.registrations.has(existing.id) && (options.weak || !options.forceReregister)) {
      return new WampError(ErrorUri.PROCEDURE_ALREADY_EXISTS, `this session has already registered ${procedure}`);
    }
    if (options.weak || options.forceReregister) return undefined;
    if (existing.invoke === options.invoke && existing.invoke !== 'single') return undefined;
    const text =
      existing.invoke === options.invoke
        ? `${procedure} is already registered`
        : `${procedure} is already registered with policy ${existing.invoke}, not ${options.invoke}`;
    return new WampError(ErrorUri.PROCEDURE_ALREADY_EXISTS, text);
  }

  #announced(session: Session, message: Register, refused: string | undefined): void {
    const { procedure, options } = message;
    if (refused !== undefined) {
      this.#refuse(session, message, refused, `cannot register ${procedure}`);
      return;
    }
    // Announcing may have taken a while: others may have come, the asker may have left or filled up.
    const refusal = session.ended ? undefined : this.#refusal(session, message);
    if (!session.ended && refusal === undefined) {
      this.#attach(session, message);
      return;
    }
    if (this.#index(options.weak).get(procedure, options.match) === undefined) {
      this.#context.cluster.withdraw(announced(options.weak), procedure, options.match);
    }
    if (refusal !== undefined) this.#refuse(session, message, refusal.uri, refusal.message);
  }

  #attach(session: Session, message: Register): void {
    const { procedure, options, request } = message;
    const existing = this.#index(options.weak).get(procedure, options.match);
    const displaced = existing !== undefined && options.forceReregister && !options.weak ? existing : undefined;
    const evicted = displaced === undefined ? [] : this.#evict(displaced);
    const registration = existing === undefined || displaced !== undefined ? this.#create(session, message) : existing;
    registration.add(session, options);
    // Of several weak globs the last to come is asked, so a further callee makes its glob the last.
    if (options.weak && options.match === 'glob') this.#weak.set(procedure, options.match, registration);
    session.registrations.set(registration.id, registration);
    if (this.#listed.has(registration.id)) this.#context.witness.registered(session, registration);
    this.#context.send(session, { type: MessageType.REGISTERED, request, registration: registration.id });
    registration.queue?.settle();
    // The new registration is in place before the old callees hear of it, so no call falls between.
    if (displaced !== undefined) {
      for (const each of evicted) this.#tellRevoked(each, displaced, 'the procedure was registered anew');
      displaced.queue?.calleeGone();
    }
    this.#context.witness.settle();
  }

  /** Takes all callees away without a word; nobody holds the registration from here on. @returns who held it */
  #evict(registration: Registration): Session[] {
    const sessions = registration.callees.map((callee) => callee.session);
    for (const session of sessions) this.#remove(session, registration);
    return sessions;
  }

  #remove(session: Session, registration: Registration): void {
    session.registrations.delete(registration.id);
    registration.remove(session);
    if (!this.#listed.has(registration.id)) return;
    this.#context.witness.unregistered(session, registration);
    if (registration.callees.length === 0) this.#listed.delete(registration.id);
  }

  #create(session: Session, message: Register): Registration {
    const { procedure, options } = message;
    const { ids, clock } = this.#context;
    // Among weak ones the last to come is asked (ARCHITECTURE §1.4).
    const invoke = options.weak ? 'last' : options.invoke;
    const registration = new Registration(ids.next(), procedure, options.match, invoke, options.weak, clock.now());
    this.#index(options.weak).set(procedure, options.match, registration);
    if (!options.weak && !session.internal) this.#listed.set(registration.id, registration);
    return registration;
  }

  unregister(session: Session, message: Unregister): void {
    const registration = session.registrations.get(message.registration);
    if (registration === undefined) {
      const text = `this session holds no registration ${message.registration}`;
      this.#refuse(session, message, ErrorUri.NO_SUCH_REGISTRATION, text);
      return;
    }
    this.detach(session, registration);
    this.#context.send(session, { type: MessageType.UNREGISTERED, request: message.request, details: undefined });
    this.#context.witness.settle();
  }

  /** Takes a callee away without a word to it. Its calls in flight stay valid and may be answered (PITFALLS 52). */
  detach(session: Session, registration: Registration): void {
    this.#remove(session, registration);
    this.#closeIfEmpty(registration);
    registration.queue?.calleeGone();
  }

  #closeIfEmpty(registration: Registration): void {
    if (registration.callees.length > 0) return;
    const index = this.#index(registration.weak);
    if (index.get(registration.uri, registration.match) !== registration) return;
    index.delete(registration.uri, registration.match);
    this.#context.cluster.withdraw(announced(registration.weak), registration.uri, registration.match);
  }

  /** Takes a callee away against its will, and tells it where it announced that it can be told (FEATURES B12). */
  revoke(session: Session, registration: Registration, reason: string): void {
    this.detach(session, registration);
    this.#tellRevoked(session, registration, reason);
  }

  #tellRevoked(session: Session, registration: Registration, reason: string): void {
    if (!session.has(Feature.CALLEE_REVOCATION)) return;
    const details = Object.freeze({ registration: registration.id, reason });
    this.#context.send(session, { type: MessageType.UNREGISTERED, request: 0, details });
  }

  leave(session: Session): void {
    for (const registration of [...session.registrations.values()]) this.detach(session, registration);
  }

  #index(weak: boolean): UriMap<Registration> {
    return weak ? this.#weak : this.#ordinary;
  }

  #refuse(session: Session, message: Register | Unregister, uri: string, text: string): void {
    this.#context.send(session, requestError(message.type, message.request, uri, text));
  }
}

function announced(weak: boolean): Announced {
  return weak ? 'weakRegistration' : 'registration';
}
