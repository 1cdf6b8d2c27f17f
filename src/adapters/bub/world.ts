/** What all Bub peers of one realm share, whichever endpoint they came in by. */
import type { Clock } from '../../router/clock.ts';
import { Deadlines } from '../../router/deadlines.ts';
import type { Realm } from '../../router/realm.ts';
import type { Event } from '../../wamp/messages.ts';
import type { ActivityEvent, ActivitySink } from '../activity.ts';
import type { BridgeContext, BridgeRules } from '../adapter.ts';
import { Delivery } from './delivery.ts';
import { maySend } from './roles.ts';
import type { Target, Version } from './target.ts';

/** Milliseconds an older connection has to show that it lives when a newer one has its clientId (BRIDGES §1). */
const TWIN_TIMEOUT_MS = 5000;

const worlds = new WeakMap<Realm, BubWorld>();

const STRICT: BridgeRules['bub'] = { allowOther: false, processTimeoutMs: 30_000, maxConcurrentRequests: 1 };

export class BubWorld {
  readonly realm: Realm;
  readonly clock: Clock;
  readonly activity: ActivitySink;
  readonly deadlines: Deadlines;
  /** The delivery that events are being handed out for: all peers get the same bytes under the same id. */
  current: Delivery | undefined;
  readonly #bridge: BridgeContext;
  readonly #byName = new Map<string, Set<Target>>();
  readonly #bySession = new Map<number, Target>();
  #lastId = 0;

  private constructor(realm: Realm, bridge: BridgeContext, clock: Clock) {
    this.realm = realm;
    this.clock = clock;
    this.#bridge = bridge;
    this.activity = bridge.activity;
    this.deadlines = new Deadlines(clock);
  }

  static of(realm: Realm, bridge: BridgeContext, clock: Clock): BubWorld {
    let world = worlds.get(realm);
    if (world === undefined) {
      world = new BubWorld(realm, bridge, clock);
      worlds.set(realm, world);
    }
    return world;
  }

  /** Live: reload swaps them. */
  get rules(): BridgeRules['bub'] {
    return this.#bridge.rules()?.bub ?? STRICT;
  }

  /** Ids of requests to peers: unique over all of them, so that one frame serves all receivers. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Peers reconnect before their old connection is noticed dead; older ones are asked whether they live. */
  enter(target: Target): void {
    const twins = this.#byName.get(target.name) ?? new Set();
    for (const twin of twins) twin.challenge(TWIN_TIMEOUT_MS);
    twins.add(target);
    this.#byName.set(target.name, twins);
    this.#bySession.set(target.sessionId, target);
  }

  leave(target: Target): void {
    this.#bySession.delete(target.sessionId);
    const twins = this.#byName.get(target.name);
    if (twins?.delete(target) === true && twins.size === 0) this.#byName.delete(target.name);
  }

  /** Which version the peer of that session speaks; undefined: it is no Bub peer. */
  versionOf(sessionId: number): Version | undefined {
    return this.#bySession.get(sessionId)?.version;
  }

  /** The delivery that an event belongs to. */
  deliveryOf(event: Event): Delivery {
    if (this.current?.publication === event.publication) return this.current;
    this.current = Delivery.ofEvent(this, event);
    return this.current;
  }

  /** Whether a WAMP session may send a canonical type: by its authid, or the one Bub name that its principal has. */
  mayMemberSend(type: string, authid: string | undefined, sessionId: unknown): boolean {
    if (authid === undefined) return false;
    const { allowOther } = this.rules;
    const session = typeof sessionId === 'number' ? this.realm.sessions.get(sessionId) : undefined;
    const name = this.#bridge.rules()?.names.literal(session?.identity.principal ?? authid, 'bub');
    return maySend(authid, type, allowOther) || (name !== undefined && maySend(name, type, allowOther));
  }

  record(
    event: ActivityEvent,
    about: { readonly messageId: string; readonly topic: string },
    rpcId: string,
    actor: string,
    status: string,
    more: { readonly payloadJson?: string | undefined; readonly error?: string } = {},
  ): void {
    const { messageId, topic } = about;
    this.activity.record({
      event,
      messageId,
      rpcId,
      actor,
      topic,
      status,
      payloadJson: more.payloadJson,
      error: more.error ?? '',
    });
  }
}
