/** What all relay agents of one realm share, whichever endpoint they came in by. */
import type { Clock } from '../../router/clock.ts';
import { Deadlines } from '../../router/deadlines.ts';
import type { Realm } from '../../router/realm.ts';
import type { Event } from '../../wamp/messages.ts';
import type { Payload } from '../../wamp/payload.ts';
import type { ActivityEvent, ActivitySink } from '../activity.ts';
import type { BridgeContext, BridgeRules } from '../adapter.ts';
import { Delivery } from './delivery.ts';
import type { RelayPeer } from './peer.ts';

/** Milliseconds the holder of a name has to show that it lives when somebody else asks for the name. */
const HOLDER_TIMEOUT_MS = 5000;

const worlds = new WeakMap<Realm, RelayWorld>();

const DEFAULTS: BridgeRules['relay'] = { callTimeoutMs: 30_000 };

/** A call or an answer of an agent, as it came. */
export interface Spoken {
  readonly name: string;
  /** JSON text of the payload. */
  readonly payload: string;
}

export class RelayWorld {
  readonly realm: Realm;
  readonly clock: Clock;
  readonly activity: ActivitySink;
  readonly deadlines: Deadlines;
  readonly #bridge: BridgeContext;
  readonly #byName = new Map<string, RelayPeer>();
  /** The publication that events are being handed out for: all agents get the same bytes. */
  #current: Delivery | undefined;
  /** What agents published. That a payload is an agent's is known by itself, never by what it says. */
  readonly #published = new WeakMap<Payload, Delivery>();
  readonly #spoken = new WeakMap<Payload, Spoken>();

  private constructor(realm: Realm, bridge: BridgeContext, clock: Clock) {
    this.realm = realm;
    this.clock = clock;
    this.#bridge = bridge;
    this.activity = bridge.activity;
    this.deadlines = new Deadlines(clock);
  }

  static of(realm: Realm, bridge: BridgeContext, clock: Clock): RelayWorld {
    let world = worlds.get(realm);
    if (world === undefined) {
      world = new RelayWorld(realm, bridge, clock);
      worlds.set(realm, world);
    }
    return world;
  }

  /** Live: reload swaps them. */
  get rules(): BridgeRules['relay'] {
    return this.#bridge.rules()?.relay ?? DEFAULTS;
  }

  // ---- names --------------------------------------------------------------------------------------------------------

  agent(name: string): RelayPeer | undefined {
    return this.#byName.get(name);
  }

  /**
   * Whether a living session has the name; one of an agent is asked for a sign of life, as it may be the asker's own old
   * connection that nobody has noticed dead. Looks at every session where no agent has it: registering is rare.
   */
  isHeld(name: string): boolean {
    const holder = this.#byName.get(name);
    if (holder !== undefined) {
      holder.challenge(this.clock.now(), HOLDER_TIMEOUT_MS);
      return true;
    }
    for (const session of this.realm.sessions.values()) if (session.identity.authid === name) return true;
    return false;
  }

  enter(peer: RelayPeer): void {
    this.#byName.set(peer.name, peer);
  }

  leave(peer: RelayPeer): void {
    if (this.#byName.get(peer.name) === peer) this.#byName.delete(peer.name);
  }

  // ---- what agents say ------------------------------------------------------------------------------------------------

  published(payload: Payload, delivery: Delivery): void {
    this.#published.set(payload, delivery);
    this.#current = delivery;
  }

  /** The delivery that an event belongs to. */
  deliveryOf(event: Event): Delivery {
    if (this.#current?.publication === event.publication) return this.#current;
    const known = this.#published.get(event.payload);
    this.#current = known?.publication === event.publication ? known : Delivery.ofEvent(this, event);
    return this.#current;
  }

  speaks(payload: Payload, spoken: Spoken): void {
    if (!payload.isEmpty) this.#spoken.set(payload, spoken);
  }

  /** undefined: it is no agent's. */
  spoken(payload: Payload): Spoken | undefined {
    return this.#spoken.get(payload);
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
    const { payloadJson, error = '' } = more;
    this.activity.record({ event, messageId, rpcId, actor, topic, status, payloadJson, error });
  }
}
