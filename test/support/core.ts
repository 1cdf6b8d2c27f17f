import { expect } from 'vitest';
import { type Auditor, NO_AUDITOR } from '../../src/router/audit.ts';
import type { Action, Authorizer, Decision, Identity } from '../../src/router/authorizer.ts';
import { ALONE, type Cluster } from '../../src/router/cluster.ts';
import type { RealmLimits } from '../../src/router/context.ts';
import type { DynamicSettings } from '../../src/router/dynamic-authorizer.ts';
import type { EventRules } from '../../src/router/event-rules.ts';
import { installMeta } from '../../src/router/meta/install.ts';
import type { DropCause, RouterObserver, UnkeptCause } from '../../src/router/observer.ts';
import type { Plan } from '../../src/router/plan.ts';
import { LOST, type Realm, type RealmSettings } from '../../src/router/realm.ts';
import { Router } from '../../src/router/router.ts';
import type { Member, Session } from '../../src/router/session.ts';
import type { WampError } from '../../src/wamp/errors.ts';
import { ALL_FEATURES } from '../../src/wamp/features.ts';
import type { IdSource } from '../../src/wamp/ids.ts';
import {
  type Invocation,
  MessageType,
  type Publish,
  type RoutedMessage,
  type RouterMessage,
} from '../../src/wamp/messages.ts';
import {
  CALL_DEFAULTS,
  type CallOptions,
  type CancelMode,
  type Passthru,
  PUBLISH_DEFAULTS,
  type PublishOptions,
  REGISTER_DEFAULTS,
  type ReceiverLists,
  type RegisterOptions,
  readPassthru,
} from '../../src/wamp/options.ts';
import { type Dict, Payload } from '../../src/wamp/payload.ts';
import type { Match } from '../../src/wamp/uri.ts';
import { FakeClock } from './fake-clock.ts';
import { RecordingPeer, type Wire } from './recording-peer.ts';

/** Ids a test can foresee: router scope from 1, global scope from 1001. */
export class CountingIds implements IdSource {
  #random = 1000;
  #next = 0;

  random(): number {
    this.#random += 1;
    return this.#random;
  }

  next(): number {
    this.#next += 1;
    return this.#next;
  }
}

/** Allows everything but what a test forbids; discloses and audits what a test says. */
export class TestAuthorizer implements Authorizer {
  readonly #denied = new Set<string>();
  readonly #disclosed = new Set<string>();
  readonly #dynamic = new Set<string>();
  readonly #trusted = new Map<string, number>();
  readonly #audited = new Set<string>();
  readonly asked: { who: Identity; action: Action; uri: string; match: Match }[] = [];

  deny(action: Action, uri: string): this {
    this.#denied.add(`${action} ${uri}`);
    return this;
  }

  /** The dynamic authorizer decides; `who` absent: about everybody. */
  ask(action: Action, uri: string, authrole = ''): this {
    this.#dynamic.add(`${action} ${uri} ${authrole}`);
    return this;
  }

  disclose(action: Action, uri: string): this {
    this.#disclosed.add(`${action} ${uri}`);
    return this;
  }

  audit(...uris: string[]): this {
    for (const uri of uris) this.#audited.add(uri);
    return this;
  }

  trust(authrole: string, trustlevel: number): this {
    this.#trusted.set(authrole, trustlevel);
    return this;
  }

  authorize(who: Identity, action: Action, uri: string, match: Match): Decision {
    this.asked.push({ who, action, uri, match });
    const key = `${action} ${uri}`;
    const audit = this.#audited.has(uri);
    if (this.#denied.has(key)) return { kind: 'deny', reason: 'a test forbids it', audit, rules: [] };
    const asks = this.#dynamic.has(`${key} `) || this.#dynamic.has(`${key} ${who.authrole}`);
    return {
      kind: asks ? 'ask' : 'allow',
      audit,
      disclose: this.#disclosed.has(key),
      trustlevel: this.#trusted.get(who.authrole),
      rules: [],
    };
  }
}

/** Counts what the core tells its observer. */
export class TestObserver implements RouterObserver {
  readonly drops: { session: number; type: number; cause: DropCause }[] = [];
  readonly refusals: { session: number; action: Action; uri: string }[] = [];
  readonly losses: { topic: string; cause: UnkeptCause }[] = [];
  readonly reasons: string[] = [];
  readonly events: string[] = [];

  joined(session: Session): void {
    this.events.push(`joined ${session.id}`);
  }

  left(session: Session): void {
    this.events.push(`left ${session.id}`);
  }

  received(): void {}

  sent(): void {}

  dropped(session: Session, message: RouterMessage | RoutedMessage, cause: DropCause): void {
    this.drops.push({ session: session.id, type: message.type, cause });
  }

  unkept(topic: string, cause: UnkeptCause): void {
    this.losses.push({ topic, cause });
  }

  denied(session: Session, action: Action, uri: string, reason: string): void {
    this.refusals.push({ session: session.id, action, uri });
    this.reasons.push(reason);
  }
}

export const TEST_LIMITS: RealmLimits = {
  maxMessageBytes: 1_048_576,
  outboxBytes: 8_388_608,
  maxSessions: 1000,
  maxUriBytes: 256,
  maxSubscriptionsPerSession: 1000,
  maxRegistrationsPerSession: 1000,
  maxPendingCallsPerSession: 1000,
  callTimeoutMs: 0,
  maxRetainedBytes: 1_048_576,
};

export interface CoreOptions {
  readonly limits?: Partial<RealmLimits>;
  readonly strictRequestIds?: boolean;
  readonly strictUris?: boolean;
  readonly cluster?: Cluster;
  readonly dynamic?: DynamicSettings;
  readonly auditor?: Auditor;
  readonly events?: EventRules;
  /** Whether the realm has its meta APIs; absent: not, so that ids count from 1. */
  readonly meta?: boolean;
}

/** A member as tests name it; what is absent is as a full-featured agent has it. */
export type MemberOptions = Partial<Omit<Member, 'identity'>> & {
  readonly authid?: string;
  readonly authrole?: string;
  readonly principal?: string;
  readonly confirms?: boolean;
};

/** A router with one realm on a clock that stands still, and nothing outside the process. */
export class TestCore {
  readonly clock = new FakeClock();
  readonly ids = new CountingIds();
  readonly observer = new TestObserver();
  readonly authorizer = new TestAuthorizer();
  readonly router: Router;
  readonly realm: Realm;
  readonly settings: RealmSettings;

  constructor(options: CoreOptions = {}) {
    const { clock, ids, observer } = this;
    const { cluster = ALONE, auditor = NO_AUDITOR } = options;
    this.router = new Router({ clock, ids, observer, cluster, auditor });
    this.settings = {
      authorizer: this.authorizer,
      limits: { ...TEST_LIMITS, ...options.limits },
      strictRequestIds: options.strictRequestIds ?? false,
      strictUris: options.strictUris ?? false,
      dynamic: options.dynamic,
      ...(options.events === undefined ? {} : { events: options.events }),
    };
    this.realm = this.router.create('test', this.settings);
    if (options.meta === true) installMeta(this.realm);
  }

  join(options: MemberOptions = {}): Client {
    const { authid = 'somebody', authrole = 'agent', principal, confirms = false, ...member } = options;
    const identity = {
      authid,
      authrole,
      authmethod: 'ticket',
      authprovider: 'static',
      ...(principal && { principal }),
    };
    const peer = new RecordingPeer(confirms);
    const session = this.realm.join(peer, { features: ALL_FEATURES, ...member, identity });
    if (session === undefined) throw new Error('the realm took no session');
    return new Client(this.realm, session, peer);
  }

  joinMany(count: number, options: MemberOptions = {}): Client[] {
    return Array.from({ length: count }, () => this.join(options));
  }
}

export interface PublishParts extends Partial<Omit<PublishOptions, 'receivers'>>, Partial<ReceiverLists> {
  readonly args?: readonly unknown[];
  readonly kwargs?: Dict;
}

export interface CallParts extends Partial<CallOptions> {
  readonly args?: readonly unknown[];
  readonly kwargs?: Dict;
  /** Else the next one. */
  readonly request?: number;
}

/** A PUBLISH with defaults for whatever a test does not say. */
export function publishMessage(request: number, topic: string, parts: PublishParts = {}): Publish {
  const lists: ReceiverLists = {
    exclude: parts.exclude,
    excludeAuthid: parts.excludeAuthid,
    excludeAuthrole: parts.excludeAuthrole,
    eligible: parts.eligible,
    eligibleAuthid: parts.eligibleAuthid,
    eligibleAuthrole: parts.eligibleAuthrole,
  };
  const options: PublishOptions = {
    acknowledge: parts.acknowledge ?? PUBLISH_DEFAULTS.acknowledge,
    excludeMe: parts.excludeMe ?? PUBLISH_DEFAULTS.excludeMe,
    discloseMe: parts.discloseMe ?? PUBLISH_DEFAULTS.discloseMe,
    retain: parts.retain ?? PUBLISH_DEFAULTS.retain,
    receivers: Object.values(lists).every((list) => list === undefined) ? undefined : lists,
    passthru: parts.passthru,
  };
  return { type: MessageType.PUBLISH, request, options, topic, payload: payloadOf(parts) };
}

/** A plan that nobody has to be asked about. */
export function planNow(realm: Realm, session: Session, message: Publish): Plan | WampError {
  let planned: Plan | WampError | undefined;
  realm.plan(session, message, (plan) => {
    planned = plan;
  });
  if (planned === undefined) throw new Error('somebody is asked about the plan');
  return planned;
}

function payloadOf(parts: { readonly args?: readonly unknown[]; readonly kwargs?: Dict }): Payload {
  return Payload.of(parts.args ?? [], parts.kwargs);
}

/** ERROR in answer to a request, as it stands on the wire; its sentence for people is not compared. */
export function errorWire(requestType: number, request: number, uri: string): unknown[] {
  return [8, requestType, request, {}, uri, [expect.any(String)]];
}

/** One session and its peer, with a method per message; each returns the request id it used. */
export class Client {
  readonly session: Session;
  readonly peer: RecordingPeer;
  readonly realm: Realm;
  #request = 0;

  constructor(realm: Realm, session: Session, peer: RecordingPeer) {
    this.realm = realm;
    this.session = session;
    this.peer = peer;
  }

  get id(): number {
    return this.session.id;
  }

  next(): number {
    this.#request += 1;
    return this.#request;
  }

  send(message: RoutedMessage): void {
    this.realm.receive(this.session, message);
  }

  /** The connection is gone. */
  vanish(): void {
    this.realm.leave(this.session, LOST);
  }

  /** What came since it was last asked. */
  take(): readonly Wire[] {
    return this.peer.take();
  }

  /** Types of what came since it was last asked. */
  takeTypes(): readonly number[] {
    return this.peer.takeMessages().map((message) => message.type);
  }

  subscribe(topic: string, match: Match = 'exact', getRetained = false): number {
    const request = this.next();
    this.send({ type: MessageType.SUBSCRIBE, request, options: { match, getRetained }, topic });
    return request;
  }

  /** Subscribes and takes the answer. @returns the subscription id */
  subscribed(topic: string, match: Match = 'exact'): number {
    this.subscribe(topic, match);
    const answer = this.peer.takeMessages().at(-1);
    if (answer?.type !== MessageType.SUBSCRIBED) throw new Error(`SUBSCRIBED expected, got ${answer?.type}`);
    return answer.subscription;
  }

  unsubscribe(subscription: number): number {
    const request = this.next();
    this.send({ type: MessageType.UNSUBSCRIBE, request, subscription });
    return request;
  }

  publish(topic: string, parts: PublishParts = {}): number {
    const request = this.next();
    this.send(publishMessage(request, topic, parts));
    return request;
  }

  register(procedure: string, options: Partial<RegisterOptions> = {}): number {
    const request = this.next();
    this.send({ type: MessageType.REGISTER, request, options: { ...REGISTER_DEFAULTS, ...options }, procedure });
    return request;
  }

  /** Registers and takes the answer. @returns the registration id */
  registered(procedure: string, options: Partial<RegisterOptions> = {}): number {
    this.register(procedure, options);
    const answer = this.peer.takeMessages().at(-1);
    if (answer?.type !== MessageType.REGISTERED) throw new Error(`REGISTERED expected, got ${answer?.type}`);
    return answer.registration;
  }

  unregister(registration: number): number {
    const request = this.next();
    this.send({ type: MessageType.UNREGISTER, request, registration });
    return request;
  }

  call(procedure: string, parts: CallParts = {}): number {
    const request = parts.request ?? this.next();
    const options: CallOptions = {
      timeout: parts.timeout ?? CALL_DEFAULTS.timeout,
      receiveProgress: parts.receiveProgress ?? CALL_DEFAULTS.receiveProgress,
      discloseMe: parts.discloseMe ?? CALL_DEFAULTS.discloseMe,
      rkey: parts.rkey,
      progress: parts.progress ?? CALL_DEFAULTS.progress,
      passthru: parts.passthru,
    };
    this.send({ type: MessageType.CALL, request, options, procedure, payload: payloadOf(parts) });
    return request;
  }

  cancel(request: number, mode: CancelMode): void {
    this.send({ type: MessageType.CANCEL, request, mode });
  }

  /** Takes what came; its last message must be an INVOCATION. */
  invoked(): Invocation {
    const message = this.peer.takeMessages().at(-1);
    if (message?.type !== MessageType.INVOCATION) throw new Error(`INVOCATION expected, got ${message?.type}`);
    return message;
  }

  yield(request: number, args: readonly unknown[] = [], progress = false, passthru?: Passthru): void {
    this.send({ type: MessageType.YIELD, request, options: { progress, passthru }, payload: Payload.of(args) });
  }

  progress(request: number, args: readonly unknown[] = []): void {
    this.yield(request, args, true);
  }

  error(request: number, error: string, args: readonly unknown[] = [], details: Dict = {}): void {
    const passthru = readPassthru(details, 'ERROR.Details');
    this.send({ type: MessageType.ERROR, request, details, passthru, error, payload: Payload.of(args) });
  }
}
