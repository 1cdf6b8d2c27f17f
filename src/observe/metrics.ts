import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Action } from '../router/authorizer.ts';
import type { DropCause, RouterObserver, UnkeptCause } from '../router/observer.ts';
import type { Session } from '../router/session.ts';
import type { CloseReason } from '../wamp/errors.ts';
import { MessageType, type RoutedMessage, type RouterMessage } from '../wamp/messages.ts';

/** What the transports and the router know about themselves; counts that grow are named `…_total` on the page. */
export interface Gauges {
  sessions(): number;
  connections(): number;
  pendingBytes(): number;
  subscriptions(): number;
  registrations(): number;
  retained(): RetainedFigures;
  /** Connections ended because they did not read. */
  slowPeers(): number;
  /** Events that slow peers lost under `slowPeer: dropEvents`. */
  droppedEvents(): number;
  /** Connections removed because they did not answer pings. */
  deadPeers(): number;
  /** Of messages whose rules want a signature. */
  signatures(): { readonly verified: number; readonly refused: number };
  /** undefined: there is none. */
  activity(): ActivityFigures | undefined;
}

/** Retained events of all realms. */
export interface RetainedFigures {
  readonly events: number;
  /** Memory they take, about. */
  readonly bytes: number;
}

/** What the activity log knows about itself, in rows. */
export interface ActivityFigures {
  readonly written: number;
  readonly dropped: number;
  readonly queued: number;
  /** Messages held back until their rows fit. */
  readonly waiting: number;
}

const TYPE_NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, code]) => [code, name]));
const TYPES = 128;

/**
 * Counts what happens in plain fields, which costs about a nanosecond; prom-client sees them only when somebody asks
 * for the page (ARCHITECTURE §1.4). No URI and no authid is ever a label, so the page stays small.
 */
export class Metrics implements RouterObserver {
  readonly #received = new Float64Array(TYPES);
  readonly #sent = new Float64Array(TYPES);
  readonly #dropped = new Map<DropCause, number>();
  readonly #unkept = new Map<UnkeptCause, number>();
  readonly #denied = new Map<Action, number>();
  readonly #handshakes = new Map<string, number>();
  readonly #reloads = new Map<string, number>();
  /** Exceptions caught at the edge of a connection: each is a bug. */
  faults = 0;
  /** Figures of the process; made when first asked, for they keep observers of their own running. */
  #process: Registry | undefined;
  #joined = 0;
  #left = 0;

  joined(_session: Session): void {
    this.#joined += 1;
  }

  left(_session: Session, _reason: CloseReason): void {
    this.#left += 1;
  }

  received(_session: Session, message: RoutedMessage): void {
    this.#received[message.type] = (this.#received[message.type] ?? 0) + 1;
  }

  sent(_session: Session, message: RouterMessage): void {
    this.#sent[message.type] = (this.#sent[message.type] ?? 0) + 1;
  }

  dropped(_session: Session, _message: RouterMessage | RoutedMessage, cause: DropCause): void {
    this.#dropped.set(cause, (this.#dropped.get(cause) ?? 0) + 1);
  }

  unkept(_topic: string, cause: UnkeptCause): void {
    this.#unkept.set(cause, (this.#unkept.get(cause) ?? 0) + 1);
  }

  denied(_session: Session, action: Action, _uri: string, _reason: string): void {
    this.#denied.set(action, (this.#denied.get(action) ?? 0) + 1);
  }

  handshake(outcome: string): void {
    this.#handshakes.set(outcome, (this.#handshakes.get(outcome) ?? 0) + 1);
  }

  reload(outcome: 'applied' | 'rejected'): void {
    this.#reloads.set(outcome, (this.#reloads.get(outcome) ?? 0) + 1);
  }

  /** Messages dropped for `cause` so far. */
  droppedFor(cause: DropCause): number {
    return this.#dropped.get(cause) ?? 0;
  }

  /** The page that `/metrics` serves, in Prometheus' text format. */
  page(gauges: Gauges): { contentType: string; text(): Promise<string> } {
    const registry = new Registry();
    const gauge = (name: string, help: string, value: number): void => {
      new Gauge({ name, help, registers: [registry] }).set(value);
    };
    const counter = (name: string, help: string, value: number): void => {
      new Counter({ name, help, registers: [registry] }).inc(value);
    };
    const labelled = (name: string, help: string, label: string, values: Iterable<[string, number]>): void => {
      const metric = new Counter({ name, help, labelNames: [label], registers: [registry] });
      for (const [key, value] of values) metric.inc({ [label]: key }, value);
    };
    gauge('waggle_sessions', 'Sessions in all realms', gauges.sessions());
    gauge('waggle_connections', 'Open connections', gauges.connections());
    gauge('waggle_outbox_pending_bytes', 'Bytes accepted and not yet taken by the system', gauges.pendingBytes());
    gauge('waggle_subscriptions', 'Subscriptions, shared ones once', gauges.subscriptions());
    gauge('waggle_registrations', 'Registrations, shared ones once', gauges.registrations());
    const { events, bytes } = gauges.retained();
    gauge('waggle_retained_events', 'Retained events', events);
    gauge('waggle_retained_bytes', 'Memory that retained events take, about', bytes);
    counter('waggle_sessions_joined_total', 'Sessions that joined', this.#joined);
    counter('waggle_sessions_left_total', 'Sessions that left', this.#left);
    counter('waggle_slow_peers_total', 'Connections ended because they did not read', gauges.slowPeers());
    counter('waggle_slow_peer_events_dropped_total', 'Events that slow peers lost', gauges.droppedEvents());
    counter('waggle_dead_peers_total', 'Connections that did not answer pings', gauges.deadPeers());
    const activity = gauges.activity();
    counter('waggle_activity_rows_written_total', 'Rows in the activity log', activity?.written ?? 0);
    counter('waggle_activity_rows_dropped_total', 'Rows the activity log lost', activity?.dropped ?? 0);
    gauge('waggle_activity_rows_queued', 'Rows not written yet', activity?.queued ?? 0);
    gauge('waggle_activity_waiting', 'Messages held back until their rows fit', activity?.waiting ?? 0);
    counter('waggle_faults_total', 'Exceptions caught at the edge of a connection', this.faults);
    labelled('waggle_messages_received_total', 'Messages from sessions', 'type', byType(this.#received));
    labelled('waggle_messages_sent_total', 'Messages taken by peers', 'type', byType(this.#sent));
    labelled('waggle_messages_dropped_total', 'Messages that went nowhere', 'cause', this.#dropped);
    labelled('waggle_events_unkept_total', 'Events not kept though wanted', 'cause', this.#unkept);
    labelled('waggle_denied_total', 'Requests that the rules refused', 'action', this.#denied);
    const signatures = Object.entries(gauges.signatures());
    labelled('waggle_signatures_total', 'Messages that had to be signed', 'outcome', signatures);
    labelled('waggle_handshakes_total', 'Ends of handshakes', 'outcome', this.#handshakes);
    labelled('waggle_reloads_total', 'Configuration reloads', 'outcome', this.#reloads);
    const process = this.#processRegistry();
    return {
      contentType: registry.contentType,
      text: async () => `${await registry.metrics()}\n${await process.metrics()}`,
    };
  }

  #processRegistry(): Registry {
    if (this.#process === undefined) {
      this.#process = new Registry();
      collectDefaultMetrics({ register: this.#process, prefix: 'waggle_' });
    }
    return this.#process;
  }
}

function* byType(counts: Float64Array): Iterable<[string, number]> {
  for (const [type, count] of counts.entries()) {
    if (count > 0) yield [TYPE_NAMES.get(type) ?? String(type), count];
  }
}
