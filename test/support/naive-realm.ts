/**
 * A realm as one would say it: plain lists, asked from their beginning to their end, nothing kept for speed. Broker and
 * dealer must send every peer what this one writes into its inbox, in the same order.
 */

import { hashOf, weightOf } from '../../src/router/rendezvous.ts';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { Feature } from '../../src/wamp/features.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import type { CancelMode, InvokePolicy, RegisterOptions } from '../../src/wamp/options.ts';
import { isReserved, isValidUri, type Match } from '../../src/wamp/uri.ts';
import type { CallParts, PublishParts } from './core.ts';
import { LinearUriMap } from './linear-uri-map.ts';

export interface NaiveSession {
  readonly id: number;
  readonly authid: string;
  readonly authrole: string;
  readonly features: number;
  /** Types of messages that its peer does not take. */
  refuses: readonly number[];
  alive: boolean;
  closed: string | undefined;
  lastInvocation: number;
  /** Highest ids of its calls and of all its requests. */
  lastCall: number;
  lastRequest: number;
  readonly inbox: unknown[][];
}

interface NaiveSubscription {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
  members: NaiveSession[];
}

interface NaiveCallee {
  readonly session: NaiveSession;
  /** Its number among all that ever joined a registration. */
  readonly joined: number;
  readonly discloseCaller: boolean;
  readonly forwardTimeout: boolean;
  /** 0: any number. */
  readonly concurrency: number;
}

/** A callee works on something, whether or not the caller still waits for it. */
interface NaiveSlot {
  readonly callee: NaiveCallee;
  readonly registration: NaiveRegistration;
  readonly invocation: number;
}

interface NaiveRegistration {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
  readonly invoke: InvokePolicy;
  readonly weak: boolean;
  callees: NaiveCallee[];
  maxQueued: number;
  waiting: NaiveCall[];
  /** `joined` of the callee asked last: a round robin by identity, without positions. */
  asked: number;
}

export interface NaiveCall {
  readonly caller: NaiveSession;
  readonly request: number;
  readonly procedure: string;
  readonly parts: CallParts;
  readonly registration: NaiveRegistration;
  /** Who did not take it, or said that it is unavailable. */
  readonly passed: NaiveSession[];
  part: NaiveCallee | undefined;
  callee: NaiveSession | undefined;
  invocation: number;
  receiveProgress: boolean;
  timeout: number;
  /** undefined: never. */
  expires: number | undefined;
  killed: boolean;
  /** A progressive result was passed on. */
  begun: boolean;
  /** It comes in parts. */
  readonly isStream: boolean;
  hasEnded: boolean;
  /** A second part was passed on. */
  continued: boolean;
  /** Parts that wait with it. */
  ahead: CallParts[];
  /** INVOCATION.Details of all its parts. */
  details: Readonly<Record<string, unknown>>;
}

export interface NaiveRules {
  readonly maxSubscriptions: number;
  readonly maxRegistrations: number;
  readonly maxPendingCalls: number;
  readonly callTimeoutMs: number;
  /** `action uri` that is forbidden. */
  readonly denied: readonly string[];
  /** `action uri` where the publisher or caller is disclosed by rule. */
  readonly disclosed: readonly string[];
  /** By authrole. */
  readonly trusted: Readonly<Record<string, number>>;
  /** What every refusing peer says. */
  readonly refusal: string;
}

export class NaiveRealm {
  now = 0;
  sessions: NaiveSession[] = [];
  subscriptions: NaiveSubscription[] = [];
  registrations: NaiveRegistration[] = [];
  calls: NaiveCall[] = [];
  slots: NaiveSlot[] = [];
  readonly #rules: NaiveRules;
  #globalId = 1000;
  #routerId = 0;
  #joins = 0;

  constructor(rules: NaiveRules) {
    this.#rules = rules;
  }

  join(authid: string, authrole: string, features: number): NaiveSession {
    this.#globalId += 1;
    const session: NaiveSession = {
      id: this.#globalId,
      authid,
      authrole,
      features,
      refuses: [],
      alive: true,
      closed: undefined,
      lastInvocation: 0,
      lastCall: 0,
      lastRequest: 0,
      inbox: [],
    };
    this.sessions.push(session);
    return session;
  }

  leave(session: NaiveSession): void {
    session.alive = false;
    this.sessions = this.sessions.filter((each) => each !== session);
    for (const call of this.calls.filter((each) => each.caller === session && each.callee === undefined)) {
      this.#forget(call);
    }
    this.slots = this.slots.filter(({ callee }) => callee.session !== session);
    const held = this.registrations.flatMap((registration) =>
      registration.callees.filter((callee) => callee.session === session).map((callee) => ({ registration, callee })),
    );
    for (const { registration, callee } of held.sort((a, b) => a.callee.joined - b.callee.joined)) {
      this.#detach(registration, callee);
    }
    const asked = this.calls.filter((each) => each.callee === session);
    for (const call of asked.sort((a, b) => a.invocation - b.invocation)) {
      this.#forget(call);
      this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.CANCELED);
    }
    for (const call of this.calls.filter((each) => each.caller === session)) {
      this.#forget(call);
      this.#letGo(call);
      this.#interrupt(call, 'killnowait');
    }
    for (const subscription of this.subscriptions) {
      subscription.members = subscription.members.filter((member) => member !== session);
    }
    this.subscriptions = this.subscriptions.filter((subscription) => subscription.members.length > 0);
  }

  subscribe(session: NaiveSession, request: number, topic: string, match: Match): void {
    const { SUBSCRIBE } = MessageType;
    if (this.#refused(session, SUBSCRIBE, request, 'subscribe', topic, match)) return;
    let found = this.subscriptions.find((each) => each.uri === topic && each.match === match);
    if (found?.members.includes(session) !== true) {
      const held = this.subscriptions.filter((each) => each.members.includes(session)).length;
      if (held >= this.#rules.maxSubscriptions) {
        this.#error(session, SUBSCRIBE, request, ErrorUri.LIMIT_EXCEEDED);
        return;
      }
      if (found === undefined) {
        found = { id: this.#nextId(), uri: topic, match, members: [] };
        this.subscriptions.push(found);
      }
      found.members.push(session);
    }
    this.#send(session, [MessageType.SUBSCRIBED, request, found.id]);
  }

  unsubscribe(session: NaiveSession, request: number, id: number): void {
    const found = this.subscriptions.find((each) => each.id === id && each.members.includes(session));
    if (found === undefined) {
      this.#error(session, MessageType.UNSUBSCRIBE, request, ErrorUri.NO_SUCH_SUBSCRIPTION);
      return;
    }
    found.members = found.members.filter((member) => member !== session);
    this.subscriptions = this.subscriptions.filter((each) => each.members.length > 0);
    this.#send(session, [MessageType.UNSUBSCRIBED, request]);
  }

  publish(session: NaiveSession, request: number, topic: string, parts: PublishParts): void {
    const quiet = parts.acknowledge !== true;
    if (this.#refused(session, MessageType.PUBLISH, request, 'publish', topic, 'exact', quiet)) return;
    this.#globalId += 1;
    const publication = this.#globalId;
    const named = parts.discloseMe === true || this.#rules.disclosed.includes(`publish ${topic}`);
    for (const subscription of matching(this.subscriptions, topic)) {
      for (const member of subscription.members) {
        if (member === session && parts.excludeMe !== false) continue;
        if (!admitted(member, parts)) continue;
        const details: Record<string, unknown> = {};
        if (subscription.match !== 'exact') details.topic = topic;
        if (named && has(member, Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION)) {
          details.publisher = session.id;
          details.publisher_authid = session.authid;
          details.publisher_authrole = session.authrole;
        }
        if (has(member, Feature.SUBSCRIBER_PUBLICATION_TRUSTLEVELS)) this.#rate(details, session);
        this.#send(member, [MessageType.EVENT, subscription.id, publication, details, ...tail(parts)]);
      }
    }
    if (parts.acknowledge === true) this.#send(session, [MessageType.PUBLISHED, request, publication]);
  }

  register(session: NaiveSession, request: number, uri: string, options: Partial<RegisterOptions>): void {
    const { REGISTER } = MessageType;
    const { match = 'exact', invoke = 'single', weak = false, forceReregister: force = false } = options;
    if (this.#refused(session, REGISTER, request, 'register', uri, match)) return;
    const held = this.registrations.filter((each) => each.callees.some((callee) => callee.session === session)).length;
    if (held >= this.#rules.maxRegistrations) {
      this.#error(session, REGISTER, request, ErrorUri.LIMIT_EXCEEDED);
      return;
    }
    let found = this.registrations.find((each) => each.uri === uri && each.match === match && each.weak === weak);
    const own = found?.callees.some((callee) => callee.session === session) === true;
    const sharable = weak || force || found === undefined || (found.invoke === invoke && invoke !== 'single');
    if ((own && (weak || !force)) || !sharable) {
      this.#error(session, REGISTER, request, ErrorUri.PROCEDURE_ALREADY_EXISTS);
      return;
    }
    const displaced = force && !weak ? found : undefined;
    if (displaced !== undefined) {
      this.registrations = this.registrations.filter((each) => each !== displaced);
      found = undefined;
    }
    if (found === undefined) {
      const id = this.#nextId();
      const policy = weak ? 'last' : invoke;
      const { queue: maxQueued = 100 } = options;
      found = { id, uri, match, invoke: policy, weak, callees: [], maxQueued, waiting: [], asked: 0 };
      this.registrations.push(found);
    }
    this.#joins += 1;
    const { discloseCaller = false, forwardTimeout = false, concurrency = 0 } = options;
    found.callees.push({ session, joined: this.#joins, discloseCaller, forwardTimeout, concurrency });
    const evicted = displaced?.callees ?? [];
    if (displaced !== undefined) displaced.callees = [];
    this.#send(session, [MessageType.REGISTERED, request, found.id]);
    this.#serve(found);
    for (const { session: each } of evicted) {
      if (!has(each, Feature.CALLEE_REVOCATION)) continue;
      this.#send(each, [MessageType.UNREGISTERED, 0, { registration: displaced?.id, reason: REASON }]);
    }
    if (displaced !== undefined) this.#sendAway(displaced);
  }

  unregister(session: NaiveSession, request: number, id: number): void {
    const found = this.registrations.find((each) => each.id === id);
    const own = found?.callees.find((callee) => callee.session === session);
    if (found === undefined || own === undefined) {
      this.#error(session, MessageType.UNREGISTER, request, ErrorUri.NO_SUCH_REGISTRATION);
      return;
    }
    this.#detach(found, own);
    this.#send(session, [MessageType.UNREGISTERED, request]);
  }

  call(session: NaiveSession, request: number, procedure: string, parts: CallParts): void {
    const { CALL } = MessageType;
    const own = this.calls.filter((each) => each.caller === session);
    const pending = own.find((each) => each.request === request);
    if (!this.#isNew(session, request, pending, procedure, parts)) return;
    session.lastRequest = request;
    if (this.#refused(session, CALL, request, 'call', procedure, 'exact')) return;
    if (own.length >= this.#rules.maxPendingCalls) {
      this.#error(session, CALL, request, ErrorUri.LIMIT_EXCEEDED);
      return;
    }
    const registration = this.#best(procedure);
    if (registration === undefined) {
      this.#error(session, CALL, request, ErrorUri.NO_SUCH_PROCEDURE);
      return;
    }
    const call: NaiveCall = {
      caller: session,
      request,
      procedure,
      parts,
      registration,
      passed: [],
      part: undefined,
      callee: undefined,
      invocation: 0,
      receiveProgress: false,
      timeout: 0,
      expires: undefined,
      killed: false,
      begun: false,
      isStream: parts.progress === true,
      hasEnded: false,
      continued: false,
      ahead: [],
      details: {},
    };
    this.calls.push(call);
    this.#offer(call);
  }

  /** Ids of those who announced progressive invocations count by one; others may use all but pending ones. */
  #isNew(
    session: NaiveSession,
    request: number,
    pending: NaiveCall | undefined,
    procedure: string,
    parts: CallParts,
  ): boolean {
    if (!has(session, Feature.CALLER_PROGRESSIVE_INVOCATIONS)) {
      if (pending === undefined && parts.progress !== true) return true;
      this.#violate(session);
      return false;
    }
    if (pending !== undefined) {
      if (!pending.isStream || pending.hasEnded) this.#violate(session);
      else if (pending.procedure === procedure && !pending.killed) this.#continue(pending, parts);
      return false;
    }
    if (request <= session.lastCall) return false;
    session.lastCall = request;
    return true;
  }

  #continue(call: NaiveCall, parts: CallParts): void {
    const { callee, registration, ahead } = call;
    call.hasEnded = parts.progress !== true;
    if (callee === undefined) {
      ahead.push(parts);
      if (registration.waiting.length + ahead.length <= registration.maxQueued) return;
      this.#forget(call);
      this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.UNAVAILABLE);
      return;
    }
    call.continued = true;
    if (call.timeout > 0) call.expires = this.now + call.timeout;
    const details = parts.progress === true ? { ...call.details, progress: true } : call.details;
    if (this.#send(callee, [MessageType.INVOCATION, call.invocation, registration.id, details, ...tail(parts)])) return;
    this.#forget(call);
    this.#letGo(call);
    this.#interrupt(call, 'killnowait');
    this.#error(call.caller, MessageType.CALL, call.request, this.#rules.refusal);
  }

  #offer(call: NaiveCall): void {
    const { registration, passed, isStream } = call;
    const isUnknown = isStream && passed.length === 0;
    let refusal: string = isUnknown ? ErrorUri.FEATURE_NOT_SUPPORTED : ErrorUri.NO_AVAILABLE_CALLEE;
    for (;;) {
      const left = suitable(call);
      const callee = chosen(
        call,
        left.filter((each) => !this.#isBusy(each)),
        (each) => this.#load(each),
      );
      if (callee === undefined && left.length > 0) {
        this.#wait(call);
        return;
      }
      if (callee === undefined) break;
      registration.asked = callee.joined;
      if (this.#invoke(call, callee)) return;
      passed.push(callee.session);
      refusal = this.#rules.refusal;
    }
    this.#forget(call);
    this.#error(call.caller, MessageType.CALL, call.request, refusal);
  }

  #wait(call: NaiveCall): void {
    const { waiting, maxQueued } = call.registration;
    if (waiting.length >= maxQueued) {
      this.#forget(call);
      this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.UNAVAILABLE);
      return;
    }
    waiting.push(call);
    const made = this.calls;
    waiting.sort((a, b) => made.indexOf(a) - made.indexOf(b));
    const allowed = this.#allowed(call);
    if (allowed > 0) call.expires ??= this.now + allowed;
  }

  #isBusy(callee: NaiveCallee): boolean {
    return callee.concurrency > 0 && this.#load(callee) >= callee.concurrency;
  }

  #load(callee: NaiveCallee): number {
    return this.slots.filter((slot) => slot.callee === callee).length;
  }

  /** Everybody who waits and can be served, the first one first. */
  #serve(registration: NaiveRegistration): void {
    for (;;) {
      const call = registration.waiting.find((each) => suitable(each).some((callee) => !this.#isBusy(callee)));
      if (call === undefined) return;
      registration.waiting = registration.waiting.filter((each) => each !== call);
      this.#offer(call);
    }
  }

  /** Those whom nobody can serve any more. */
  #sendAway(registration: NaiveRegistration): void {
    for (const call of registration.waiting.filter((each) => suitable(each).length === 0)) {
      this.#forget(call);
      this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.NO_AVAILABLE_CALLEE);
    }
  }

  #detach(registration: NaiveRegistration, callee: NaiveCallee): void {
    registration.callees = registration.callees.filter((each) => each !== callee);
    this.registrations = this.registrations.filter((each) => each.callees.length > 0);
    this.#sendAway(registration);
  }

  #free(session: NaiveSession, invocation: number): void {
    const slot = this.slots.find((each) => each.callee.session === session && each.invocation === invocation);
    if (slot === undefined) return;
    this.slots = this.slots.filter((each) => each !== slot);
    this.#serve(slot.registration);
  }

  /** The caller gave the call up; a callee of limited concurrency is busy until it answers. */
  #letGo(call: NaiveCall): void {
    if (call.part === undefined || call.part.concurrency > 0) return;
    this.slots = this.slots.filter((slot) => slot.callee !== call.part || slot.invocation !== call.invocation);
  }

  #allowed({ parts }: NaiveCall): number {
    return parts.timeout !== undefined && parts.timeout > 0 ? parts.timeout : this.#rules.callTimeoutMs;
  }

  cancel(session: NaiveSession, request: number, mode: CancelMode): void {
    const call = this.calls.find((each) => each.caller === session && each.request === request);
    if (call === undefined || call.killed) return;
    if (mode === 'kill') {
      call.killed = true;
      if (this.#interrupt(call, 'kill')) return;
    }
    this.#forget(call);
    this.#letGo(call);
    if (mode === 'killnowait') this.#interrupt(call, 'killnowait');
    this.#error(session, MessageType.CALL, request, ErrorUri.CANCELED);
  }

  yield(session: NaiveSession, invocation: number, args: readonly unknown[], progress: boolean): void {
    const call = this.#answered(session, invocation);
    if (call === undefined && !progress) this.#free(session, invocation);
    if (call === undefined) return;
    if (progress && !call.receiveProgress) return;
    if (progress && call.timeout > 0) call.expires = this.now + call.timeout;
    if (!progress) this.#forget(call);
    call.begun = true;
    const details = progress ? { progress: true } : {};
    if (!this.#send(call.caller, [MessageType.RESULT, call.request, details, ...tail({ args })])) {
      if (progress) {
        this.#forget(call);
        this.#letGo(call);
        this.#interrupt(call, 'killnowait');
      }
      this.#error(call.caller, MessageType.CALL, call.request, this.#rules.refusal);
    }
    if (!progress) this.#free(session, invocation);
  }

  error(session: NaiveSession, invocation: number, error: string, args: readonly unknown[]): void {
    if (!isValidUri(error, 'exact', false)) {
      this.#violate(session);
      return;
    }
    const call = this.#answered(session, invocation);
    this.#ended(call, session, error, args);
    this.#free(session, invocation);
  }

  #ended(call: NaiveCall | undefined, session: NaiveSession, error: string, args: readonly unknown[]): void {
    if (call === undefined) return;
    if (error === ErrorUri.UNAVAILABLE && !call.killed && !call.begun && !call.continued) {
      call.callee = undefined;
      call.part = undefined;
      call.passed.push(session);
      if (call.registration.invoke !== 'single') this.#offer(call);
      else {
        this.#forget(call);
        this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.NO_AVAILABLE_CALLEE);
      }
      return;
    }
    this.#forget(call);
    // What the router may say itself is not compared further.
    const said = error.startsWith('app.') ? tail({ args }) : [];
    this.#send(call.caller, [MessageType.ERROR, MessageType.CALL, call.request, {}, error, ...said]);
  }

  advance(ms: number): void {
    const until = this.now + ms;
    const due = this.calls.filter((call) => call.expires !== undefined && call.expires <= until);
    for (const call of due.sort((a, b) => (a.expires ?? 0) - (b.expires ?? 0))) {
      this.#forget(call);
      this.#letGo(call);
      this.#interrupt(call, 'killnowait');
      this.#error(call.caller, MessageType.CALL, call.request, ErrorUri.TIMEOUT);
    }
    this.now = until;
  }

  #invoke(call: NaiveCall, callee: NaiveCallee): boolean {
    const { caller, procedure, parts, registration } = call;
    const { session } = callee;
    const asked = this.#allowed(call);
    const forwarded = callee.forwardTimeout && has(session, Feature.CALLEE_CALL_TIMEOUT);
    const receiveProgress = parts.receiveProgress === true && has(session, Feature.CALLEE_PROGRESSIVE_RESULTS);
    const byRule = this.#rules.disclosed.includes(`call ${procedure}`);
    const named = parts.discloseMe === true || callee.discloseCaller || byRule;
    const details: Record<string, unknown> = {};
    if (registration.match !== 'exact') details.procedure = procedure;
    if (receiveProgress) details.receive_progress = true;
    if (forwarded && asked > 0) {
      details.timeout = call.expires === undefined ? asked : Math.max(1, call.expires - this.now);
      call.expires = undefined;
    }
    if (named && has(session, Feature.CALLEE_CALLER_IDENTIFICATION)) {
      details.caller = caller.id;
      details.caller_authid = caller.authid;
      details.caller_authrole = caller.authrole;
    }
    if (has(session, Feature.CALLEE_CALL_TRUSTLEVELS)) this.#rate(details, caller);
    const invocation = session.lastInvocation + 1;
    const first = call.isStream ? { ...details, progress: true } : details;
    if (!this.#send(session, [MessageType.INVOCATION, invocation, registration.id, first, ...tail(parts)]))
      return false;
    call.details = details;
    session.lastInvocation = invocation;
    this.slots.push({ callee, registration, invocation });
    call.part = callee;
    call.callee = session;
    call.invocation = invocation;
    call.receiveProgress = receiveProgress;
    call.timeout = forwarded ? 0 : asked;
    if (call.timeout > 0) call.expires ??= this.now + call.timeout;
    for (const part of call.ahead.splice(0)) this.#continue(call, part);
    return true;
  }

  #rate(details: Record<string, unknown>, asker: NaiveSession): void {
    const trustlevel = this.#rules.trusted[asker.authrole];
    if (trustlevel !== undefined) details.trustlevel = trustlevel;
  }

  #best(procedure: string): NaiveRegistration | undefined {
    const ordinary = this.registrations.filter((each) => !each.weak);
    if (isReserved(procedure)) return ordinary.find((each) => each.match === 'exact' && each.uri === procedure);
    return (
      mapOf(ordinary).best(procedure)?.value ??
      mapOf(this.registrations.filter((each) => each.weak)).best(procedure)?.value
    );
  }

  #answered(session: NaiveSession, invocation: number): NaiveCall | undefined {
    if (invocation > session.lastInvocation) this.#violate(session);
    return this.calls.find((each) => each.callee === session && each.invocation === invocation);
  }

  #violate(session: NaiveSession): void {
    session.closed = ErrorUri.PROTOCOL_VIOLATION;
    this.leave(session);
  }

  #forget(call: NaiveCall): void {
    this.calls = this.calls.filter((each) => each !== call);
    call.registration.waiting = call.registration.waiting.filter((each) => each !== call);
  }

  #interrupt(call: NaiveCall, mode: CancelMode): boolean {
    if (call.callee === undefined || !has(call.callee, Feature.CALLEE_CALL_CANCELING)) return false;
    return this.#send(call.callee, [MessageType.INTERRUPT, call.invocation, { mode }]);
  }

  #refused(
    session: NaiveSession,
    type: number,
    request: number,
    action: 'call' | 'register' | 'publish' | 'subscribe',
    uri: string,
    match: Match,
    quiet = false,
  ): boolean {
    const reserved = (action === 'publish' || action === 'register') && isReserved(uri);
    let error: string | undefined;
    if (!isValidUri(uri, match, false) || reserved) error = ErrorUri.INVALID_URI;
    else if (this.#rules.denied.includes(`${action} ${uri}`)) error = ErrorUri.NOT_AUTHORIZED;
    if (error !== undefined && !quiet) this.#error(session, type, request, error);
    return error !== undefined;
  }

  #error(session: NaiveSession, type: number, request: number, uri: string): void {
    this.#send(session, [MessageType.ERROR, type, request, {}, uri]);
  }

  #send(session: NaiveSession, message: unknown[]): boolean {
    if (!session.alive || session.refuses.includes(Number(message[0]))) return false;
    session.inbox.push(message);
    return true;
  }

  #nextId(): number {
    this.#routerId += 1;
    return this.#routerId;
  }
}

/** Stands for the sentence of a revocation, which is for people. */
export const REASON = 'some reason';

function has(session: NaiveSession, feature: number): boolean {
  return (session.features & feature) !== 0;
}

function tail({ args, kwargs }: Pick<CallParts, 'args' | 'kwargs'>): unknown[] {
  if (kwargs !== undefined) return [args ?? [], kwargs];
  return args === undefined || args.length === 0 ? [] : [args];
}

function mapOf<T extends { readonly uri: string; readonly match: Match }>(entries: readonly T[]): LinearUriMap<T> {
  const map = new LinearUriMap<T>();
  for (const entry of entries) map.set(entry.uri, entry.match, entry);
  return map;
}

function matching(subscriptions: readonly NaiveSubscription[], topic: string): readonly NaiveSubscription[] {
  return mapOf(subscriptions).matchAll(topic);
}

/** PITFALLS 37: in every list that is there, out of every list that forbids. */
function admitted(member: NaiveSession, parts: PublishParts): boolean {
  if (parts.eligible !== undefined && !parts.eligible.includes(member.id)) return false;
  if (parts.eligibleAuthid !== undefined && !parts.eligibleAuthid.includes(member.authid)) return false;
  if (parts.eligibleAuthrole !== undefined && !parts.eligibleAuthrole.includes(member.authrole)) return false;
  if (parts.exclude?.includes(member.id) === true) return false;
  if (parts.excludeAuthid?.includes(member.authid) === true) return false;
  return parts.excludeAuthrole?.includes(member.authrole) !== true;
}

/** Who may be asked when free: nobody twice, and no stream of whoever cannot be told to stop. */
function suitable({ registration, passed, isStream }: NaiveCall): readonly NaiveCallee[] {
  return registration.callees.filter(({ session }) => {
    const knows = has(session, Feature.CALLEE_PROGRESSIVE_INVOCATIONS) && has(session, Feature.CALLEE_CALL_CANCELING);
    return !passed.includes(session) && (knows || !isStream);
  });
}

/** Whom the policy asks of those who are left; `random` with a die that always shows the middle. */
function chosen(
  { registration, parts, caller }: NaiveCall,
  left: readonly NaiveCallee[],
  loadOf: (callee: NaiveCallee) => number,
): NaiveCallee | undefined {
  const { invoke, asked, callees } = registration;
  if (invoke === 'last') return left.at(-1);
  const inTurn = [...left.filter((each) => each.joined > asked), ...left.filter((each) => each.joined <= asked)];
  if (invoke === 'roundrobin') return inTurn[0];
  if (invoke === 'least_loaded') return inTurn.toSorted((a, b) => loadOf(a) - loadOf(b))[0];
  if (invoke === 'hash') {
    const key = hashOf(parts.rkey ?? `${caller.id}`);
    return left.toSorted((a, b) => weightOf(key, b.session.id) - weightOf(key, a.session.id))[0];
  }
  if (invoke !== 'random') return left[0];
  const drawn = callees[Math.floor(callees.length / 2)];
  return left.find((each) => each === drawn) ?? left[Math.floor(left.length / 2)];
}
