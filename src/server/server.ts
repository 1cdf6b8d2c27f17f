import { type ActivitySink, NO_ACTIVITY } from '../adapters/activity.ts';
import type { AdapterContext, BridgeContext } from '../adapters/adapter.ts';
import { adapterFor } from '../adapters/registry.ts';
import { probeRoutes } from '../admin/probes.ts';
import { Lockout } from '../auth/lockout.ts';
import type { Config, EndpointConfig, LimitsConfig } from '../config/types.ts';
import type { ActivityLog } from '../observe/activity/activity-log.ts';
import { activityAuditor } from '../observe/activity/audit-trail.ts';
import type { Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { combineObservers, loggingObserver } from '../observe/observers.ts';
import type { Clock } from '../router/clock.ts';
import { ALONE, type Cluster } from '../router/cluster.ts';
import { Router } from '../router/router.ts';
import { type LongPollOptions, LongPollTransport } from '../transports/longpoll.ts';
import { OutboxPool } from '../transports/outbox.ts';
import { type RawSocketOptions, RawSocketTransport } from '../transports/rawsocket.ts';
import type { Transport, TransportEvent } from '../transports/transport.ts';
import { type WebSocketOptions, WebSocketTransport } from '../transports/websocket.ts';
import { type CloseReason, CloseUri } from '../wamp/errors.ts';
import { RandomIds } from '../wamp/ids.ts';
import { openActivityLog } from './activity.ts';
import { Histories } from './history.ts';
import { Listener, type ListenerDeps, rawSocketRoute, wampRoutes } from './listeners.ts';
import { RealmHosts } from './realm-hosts.ts';
import { SYSTEM_CLOCK } from './system-clock.ts';
import { unbuilt } from './unbuilt.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  /** How the router calls itself in WELCOME. */
  readonly agent: string;
  readonly clock?: Clock;
  readonly cluster?: Cluster;
  /** Where bridges leave the trace of their messages; absent: nowhere. */
  /** Instead of the activity log that the configuration names. */
  readonly activity?: ActivitySink;
}

/** One path where something listens, as the start lines say it (CONTRACT §1). */
export interface OpenEndpoint {
  readonly url: string;
  readonly protocol: string;
}

/** How often files of secrets are looked at, ms. */
const SECRETS_POLL_MS = 500;
/** How often a draining stop looks whether calls are still in flight, ms. */
const DRAIN_POLL_MS = 20;
/** Time peers have to answer GOODBYE at the end, ms. */
const GOODBYE_GRACE_MS = 1000;
/** Time connections have for their closing handshake at the end, ms. */
const CLOSE_GRACE_MS = 1000;

const CLOSING: Readonly<Record<'drop' | 'goodbye', CloseReason>> = {
  drop: { how: 'restart', uri: CloseUri.SYSTEM_SHUTDOWN, message: 'the router is restarting' },
  goodbye: { how: 'goodbye', uri: CloseUri.SYSTEM_SHUTDOWN, message: 'the router is shutting down' },
};

/**
 * The composition root: the only place that knows every part. Starting, reloading and stopping live here; everything
 * else is told what it needs.
 */
export class Server {
  readonly metrics = new Metrics();
  readonly router: Router;
  readonly #options: ServerOptions;
  readonly #clock: Clock;
  readonly #hosts: RealmHosts;
  readonly #histories: Histories;
  readonly #outboxes: OutboxPool;
  readonly #websockets: WebSocketTransport;
  readonly #rawsockets: RawSocketTransport;
  readonly #longpolls: LongPollTransport;
  /** A further transport is one line here. */
  readonly #transports: readonly Transport[];
  readonly #listeners: Listener[] = [];
  readonly #admin: Listener | undefined;
  #config: Config;
  #activity: ActivityLog | undefined;
  #ready = false;
  #stopping: Promise<void> | undefined;
  #cancelSecretsPoll: (() => void) | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    const observer = combineObservers([this.metrics, loggingObserver(options.log)]);
    this.#histories = new Histories({ clock: this.#clock, log: options.log, observer });
    this.router = new Router({
      clock: this.#clock,
      ids: new RandomIds(),
      observer,
      cluster: options.cluster ?? ALONE,
      auditor: activityAuditor(() => this.#sink),
    });
    this.#hosts = new RealmHosts({
      router: this.router,
      clock: this.#clock,
      log: options.log,
      lockout: new Lockout(this.#clock),
      env: options.env,
      histories: this.#histories,
    });
    this.#outboxes = new OutboxPool(() => this.#limits);
    const shared: LongPollOptions & RawSocketOptions & WebSocketOptions = {
      limits: () => this.#limits,
      outboxes: this.#outboxes,
      onError: (error, info) => this.#fault(error, info?.address),
      report: (event) => this.#reported(event),
    };
    this.#websockets = new WebSocketTransport(shared);
    this.#rawsockets = new RawSocketTransport(shared);
    this.#longpolls = new LongPollTransport(shared);
    this.#transports = [this.#websockets, this.#rawsockets, this.#longpolls];
    const deps = this.#listenerDeps();
    for (const listener of options.config.router.listeners) {
      const paths = { routes: wampRoutes(listener, deps), rawsocket: rawSocketRoute(listener, deps) };
      this.#listeners.push(new Listener(listener, paths, deps));
    }
    const { admin } = options.config.router;
    if (admin !== undefined) this.#admin = new Listener(admin, { routes: this.#adminRoutes() }, deps);
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#config;
  }

  /** Realms first, so that nobody who connects meets a router without them. @throws Error where an address is taken */
  async start(): Promise<void> {
    await this.#histories.open(this.#config);
    this.#hosts.apply(this.#config.realms);
    const opened: Listener[] = [];
    try {
      // Before anybody can connect: the first message is to leave its trace as well.
      this.#activity = await openActivityLog(this.#config, this.#options.log, this.#clock);
      for (const listener of [...this.#listeners, ...this.#adminListeners()]) {
        await listener.listen();
        opened.push(listener);
      }
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.http.close()));
      await Promise.all([this.#activity?.close(), this.#histories.close()]);
      throw error;
    }
    this.#pollSecrets();
    this.#ready = true;
  }

  /** Everything that listens and is built, in the order of the configuration. */
  endpoints(): OpenEndpoint[] {
    const open: OpenEndpoint[] = [];
    for (const [index, { endpoints, rawsocket }] of this.#config.router.listeners.entries()) {
      const listener = this.#listeners[index];
      if (listener === undefined) continue;
      for (const { protocol, path } of endpoints) {
        const adapter = adapterFor(protocol);
        if (adapter === undefined) continue;
        open.push({ url: listener.url('subprotocols' in adapter ? 'ws' : 'http', path), protocol });
      }
      if (rawsocket !== undefined) open.push({ url: listener.rawSocketUrl, protocol: 'rawsocket' });
    }
    const admin = this.#admin?.url('http', '/');
    return admin === undefined ? open : [...open, { url: admin, protocol: 'admin' }];
  }

  /** What the configuration names and this version does not have (CONTRACT, preamble). */
  unbuilt(): string[] {
    return unbuilt(this.#config).map(({ name }) => name);
  }

  /**
   * Puts a new configuration in force (CONTRACT §3, §4). Never throws.
   * @param config differs from the one in force only in what can change without a restart
   */
  reload(config: Config): void {
    if (this.#stopping !== undefined) return;
    this.#config = config;
    this.#options.log.level = config.router.log.level;
    this.#reloadListeners(config);
    this.#hosts.apply(config.realms);
    this.metrics.reload('applied');
  }

  #reloadListeners(config: Config): void {
    const pairs = this.#listeners.map((listener, index) => ({ listener, next: config.router.listeners[index] }));
    if (this.#admin !== undefined) pairs.push({ listener: this.#admin, next: undefined });
    for (const { listener, next } of pairs) {
      const fresh = listener === this.#admin ? config.router.admin : next;
      if (fresh === undefined) continue;
      try {
        listener.reload(fresh);
      } catch (error) {
        this.#options.log.error({ err: error }, 'the certificate cannot be used; the old one stays in force');
      }
    }
  }

  /**
   * Graceful stop in the order of CONTRACT §6: no new connections, not ready, calls in flight get `drainMs`, sessions
   * end, sockets close. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { mode, drainMs } = this.#config.router.shutdown;
    this.#ready = false;
    this.#cancelSecretsPoll?.();
    for (const listener of this.#listeners) listener.http.stop();
    const deadline = performance.now() + drainMs;
    while (this.#callsInFlight() > 0 && performance.now() < deadline) await delay(DRAIN_POLL_MS);
    for (const realm of this.router.realms) realm.close(CLOSING[mode]);
    if (mode === 'goodbye') await this.#untilGone(GOODBYE_GRACE_MS);
    // Whoever has not joined, or has not answered GOODBYE, has no session to end and should come back as well.
    for (const transport of this.#transports) transport.closeAll('restart', CLOSING.drop.message);
    await Promise.all(this.#listeners.map((listener) => listener.http.close(CLOSE_GRACE_MS)));
    await Promise.all([this.#activity?.close(), this.#histories.close()]);
    await this.#admin?.http.close();
  }

  /** Waits until all connections are gone, `graceMs` at most. */
  async #untilGone(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    while (this.#connections > 0 && performance.now() < deadline) await delay(DRAIN_POLL_MS);
  }

  get #connections(): number {
    return this.#transports.reduce((sum, { connections }) => sum + connections, 0);
  }

  #callsInFlight(): number {
    let calls = 0;
    for (const realm of this.router.realms) for (const session of realm.sessions.values()) calls += session.calls.size;
    return calls;
  }

  get #sink(): ActivitySink {
    return this.#options.activity ?? this.#activity ?? NO_ACTIVITY;
  }

  get #limits(): LimitsConfig {
    return this.#config.router.limits;
  }

  #adminListeners(): Listener[] {
    return this.#admin === undefined ? [] : [this.#admin];
  }

  #adminRoutes() {
    const routes = probeRoutes({
      // A router that cannot write the trace it was asked for is not fit for work (BRIDGES §1).
      ready: () => this.#ready && this.#activity?.healthy !== false,
      metrics: () => this.metrics.page(this.#gauges()),
    });
    return [...routes].map(([path, request]) => ({ path, request }));
  }

  #gauges() {
    const sum = (of: (realm: { broker: { size: number }; dealer: { registry: { size: number } } }) => number) => () => {
      let total = 0;
      for (const realm of this.router.realms) total += of(realm);
      return total;
    };
    return {
      sessions: () => this.router.sessionCount,
      connections: () => this.#connections,
      pendingBytes: () => this.#outboxes.totalBytes,
      slowPeers: () => this.#outboxes.slowPeers + this.#outboxes.evictedPeers,
      droppedEvents: () => this.#outboxes.droppedMessages,
      deadPeers: () => this.#transports.reduce((sum, { deadPeers }) => sum + deadPeers, 0),
      signatures: () => this.#hosts.signatures(),
      activity: () => this.#activity,
      retained: () => this.#retained(),
      subscriptions: sum((realm) => realm.broker.size),
      registrations: sum((realm) => realm.dealer.registry.size),
    };
  }

  #retained() {
    let [events, bytes] = [0, 0];
    for (const { broker } of this.router.realms) {
      events += broker.retained.size;
      bytes += broker.retained.bytes;
    }
    return { events, bytes };
  }

  #listenerDeps(): ListenerDeps {
    return {
      websockets: this.#websockets,
      rawsockets: this.#rawsockets,
      longpolls: this.#longpolls,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      admit: () => this.#connections < this.#limits.maxSessions,
      contextFor: (endpoint) => this.#contextFor(endpoint),
      onError: (error) => this.#fault(error, undefined),
    };
  }

  #contextFor(endpoint: EndpointConfig): AdapterContext {
    const offered = 'realms' in endpoint && endpoint.realms !== undefined ? new Set(endpoint.realms) : undefined;
    const limits = (): LimitsConfig => this.#limits;
    return {
      realm: (name) => (offered === undefined || offered.has(name) ? this.#hosts.get(name) : undefined),
      newSessionId: () => this.router.newSessionId(),
      clock: this.#clock,
      log: this.#options.log,
      get handshakeTimeoutMs() {
        return limits().handshakeTimeoutMs;
      },
      handshake: (outcome) => this.metrics.handshake(outcome),
      agent: this.#options.agent,
      requests: {
        limits,
        outboxes: this.#outboxes,
        report: (event) => this.#reported(event),
        fault: (error, address) => this.#fault(error, address),
      },
      ...('auth' in endpoint ? { bridge: this.#bridgeFor(endpoint) } : {}),
    };
  }

  #bridgeFor({ realm, auth }: Extract<EndpointConfig, { auth: unknown }>): BridgeContext {
    const rules = () => this.#hosts.bridgeRules(realm);
    const activity = (): ActivitySink => this.#sink;
    return {
      realm,
      auth,
      rules,
      get activity() {
        return activity();
      },
    };
  }

  #reported(event: TransportEvent): void {
    const { address } = event.info;
    if (event.kind === 'slowPeer') {
      const { cause, pendingBytes } = event;
      this.#options.log.warn({ address, cause, pendingBytes }, 'a peer that does not read was disconnected');
    } else {
      this.#options.log.info({ address, silentMs: event.silentMs }, 'a dead peer was removed');
    }
  }

  /** An exception at the edge of a connection or request is a bug of ours; it costs that connection only. */
  #fault(error: unknown, address: string | undefined): void {
    this.metrics.faults += 1;
    this.#options.log.error({ err: error, address }, 'unexpected error; the connection was closed');
  }

  #pollSecrets(): void {
    this.#cancelSecretsPoll = this.#clock.setTimer(SECRETS_POLL_MS, () => {
      this.#hosts.refreshSecrets().then(
        () => this.#ready && this.#pollSecrets(),
        (error: unknown) => this.#fault(error, undefined),
      );
    });
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
