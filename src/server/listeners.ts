import type { AdapterContext, PolledAdapter } from '../adapters/adapter.ts';
import { adapterFor } from '../adapters/registry.ts';
import { wampAdapter } from '../adapters/wamp/adapter.ts';
import type { AdminConfig, EndpointConfig, ListenerConfig } from '../config/types.ts';
import type { FrontOptions, RawSocketRoute } from '../transports/front.ts';
import { HttpListener, type HttpRoute } from '../transports/http.ts';
import type { HttpRules } from '../transports/http-rules.ts';
import type { ListenAddress } from '../transports/listen.ts';
import { LONG_POLL_CORS, LONG_POLL_TYPES, type LongPollTransport } from '../transports/longpoll.ts';
import { Proxies } from '../transports/proxies.ts';
import type { RawSocketTransport } from '../transports/rawsocket.ts';
import type { TlsFiles } from '../transports/tls.ts';
import type { WebSocketTransport } from '../transports/websocket.ts';
import { readTls } from './start-problems.ts';

/** What is live while a listener runs: reload changes it (CONTRACT §3). */
export type LiveRules = Pick<ListenerConfig, 'hosts' | 'origins'>;

export interface ListenerDeps {
  readonly websockets: WebSocketTransport;
  readonly rawsockets: RawSocketTransport;
  readonly longpolls: LongPollTransport;
  readonly handshakeTimeoutMs: number;
  /** Whether one more connection may come. */
  admit(): boolean;
  contextFor(endpoint: EndpointConfig): AdapterContext;
  onError(error: unknown): void;
}

/** One address of the configuration as it listens. */
export class Listener {
  readonly config: ListenerConfig | AdminConfig;
  readonly http: HttpListener;
  #rules: LiveRules;
  #address: ListenAddress | undefined;
  #tls: TlsFiles | undefined;

  /** @throws Error naming certificate and key where they are not usable */
  constructor(
    config: ListenerConfig | AdminConfig,
    { routes, rawsocket }: { readonly routes: readonly HttpRoute[]; readonly rawsocket?: RawSocketRoute | undefined },
    deps: ListenerDeps,
  ) {
    this.config = config;
    this.#rules = config;
    this.#tls = config.tls === undefined ? undefined : readTls(config.tls);
    this.http = new HttpListener({
      address: addressOf(config),
      ...(this.#tls === undefined ? {} : { tls: this.#tls }),
      behindTls: config.behindTls,
      ...believed(config),
      rules: () => httpRules(this.#rules),
      routes,
      websockets: deps.websockets,
      ...(rawsocket === undefined ? {} : { rawsocket }),
      handshakeTimeoutMs: deps.handshakeTimeoutMs,
      admit: deps.admit,
      onError: deps.onError,
    });
  }

  /** @throws Error naming the address, what is wrong with it, and where the configuration says it */
  async listen(): Promise<void> {
    try {
      this.#address = await this.http.listen();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.config.at}: ${message}`, { cause: error });
    }
  }

  /** New hosts and origins; a new certificate where the files changed. @throws Error where it is not usable */
  reload(config: ListenerConfig | AdminConfig): void {
    this.#rules = config;
    if (config.tls === undefined) return;
    const tls = readTls(config.tls);
    if (this.#tls !== undefined && sameTls(tls, this.#tls)) return;
    this.http.setTls(tls);
    this.#tls = tls;
  }

  /** URL of a path as people paste it, e.g. `ws://127.0.0.1:8080/ws`. */
  url(scheme: 'ws' | 'http', path: string): string {
    const prefix = `${scheme}${this.config.tls === undefined ? '' : 's'}`;
    const shown = path === '*' ? '/' : path;
    const address = this.#bound;
    if ('path' in address) return `${prefix}+unix:${address.path}:${shown}`;
    return `${prefix}://${this.#authority}${shown}`;
  }

  /** The same of RawSocket, which has no paths: `tcp://127.0.0.1:8080`, `tls://…`, `unix:/run/waggle.sock`. */
  get rawSocketUrl(): string {
    const address = this.#bound;
    const tls = this.config.tls !== undefined;
    if ('path' in address) return `${tls ? 'tls+' : ''}unix:${address.path}`;
    return `${tls ? 'tls' : 'tcp'}://${this.#authority}`;
  }

  get #bound(): ListenAddress {
    return this.#address ?? addressOf(this.config);
  }

  get #authority(): string {
    const address = this.#bound;
    if ('path' in address) return '';
    return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
  }
}

/** The endpoints that are built, as routes of the listener's HTTP server. */
export function wampRoutes(config: ListenerConfig, deps: ListenerDeps): HttpRoute[] {
  const routes: HttpRoute[] = [];
  for (const endpoint of config.endpoints) {
    const adapter = adapterFor(endpoint.protocol);
    if (adapter === undefined) continue;
    const context = deps.contextFor(endpoint);
    if ('serve' in adapter) {
      const base = endpoint.path === '*' ? '' : endpoint.path;
      const { cors, refuse } = adapter;
      routes.push({ path: base === '' ? '*' : `${base}/*`, cors, refuse, request: adapter.serve(base, context) });
      continue;
    }
    if ('polled' in adapter) {
      routes.push(longPollRoute(endpoint, adapter, context, deps));
      continue;
    }
    routes.push({
      path: endpoint.path,
      upgrade: {
        protocols: adapter.subprotocols,
        perMessageDeflate: config.perMessageDeflate,
        accept: (link) => adapter.attach(link, context),
      },
      refusesForwarded: 'auth' in endpoint && endpoint.auth === 'none' && !config.insecure,
    });
  }
  return routes;
}

function longPollRoute(
  endpoint: EndpointConfig,
  { polled, attach }: PolledAdapter,
  context: AdapterContext,
  deps: ListenerDeps,
): HttpRoute {
  const { path } = endpoint;
  const emptyStatus = ('emptyStatus' in endpoint ? endpoint.emptyStatus : undefined) ?? 202;
  const request = deps.longpolls.serve(path, {
    protocols: polled,
    emptyStatus,
    admit: () => deps.admit(),
    accept: (link) => attach(link, context),
  });
  return { path: `${path}/*`, cors: LONG_POLL_CORS, mediaTypes: LONG_POLL_TYPES, request };
}

/** What RawSocket connections of the listener get: WAMP, in the realms that its configuration says. */
export function rawSocketRoute(config: ListenerConfig, deps: ListenerDeps): RawSocketRoute | undefined {
  const { rawsocket, at } = config;
  if (rawsocket === undefined) return undefined;
  const context = deps.contextFor({ ...rawsocket, protocol: 'wamp', path: '*', at });
  return {
    transport: deps.rawsockets,
    endpoint: {
      serializers: wampAdapter.rawSocketSerializers ?? new Map(),
      accept: (link) => wampAdapter.attach(link, context),
    },
  };
}

function addressOf(config: ListenerConfig | AdminConfig): ListenAddress {
  const { address } = config;
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  return { path: address.path, ...(config.unixMode === undefined ? {} : { mode: config.unixMode }) };
}

function believed(config: ListenerConfig | AdminConfig): Pick<FrontOptions, 'proxyProtocol' | 'forwardedFor'> {
  if (!('endpoints' in config)) return {};
  const { proxyProtocol, forwardedFor } = config;
  return {
    ...(proxyProtocol === undefined ? {} : { proxyProtocol: new Proxies(proxyProtocol.from) }),
    ...(forwardedFor === undefined ? {} : { forwardedFor: new Proxies(forwardedFor.from) }),
  };
}

function httpRules(live: LiveRules): HttpRules {
  return { hosts: live.hosts, origins: live.origins };
}

function sameTls(a: TlsFiles, b: TlsFiles): boolean {
  return ['cert', 'key', 'clientCa'].every(
    (key) => String(a[key as keyof TlsFiles]) === String(b[key as keyof TlsFiles]),
  );
}
