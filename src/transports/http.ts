import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { answerPreflight, type CorsRules, letRead } from './cors.ts';
import { Front, type FrontOptions } from './front.ts';
import { type Refusal, refuseRequest, refuseUpgrade } from './http-answers.ts';
import { checkHost, checkOrigin, type HttpRules, isForwarded } from './http-rules.ts';
import { type ListenAddress, listenOn } from './listen.ts';
import { type TlsFiles, tlsOptions } from './tls.ts';
import type { Arrival } from './transport.ts';
import type { UpgradeRequest } from './upgrade-request.ts';
import type { WebSocketEndpoint, WebSocketTransport } from './websocket.ts';

/**
 * Answers a request; `path` is without query, `from` as its listener knows it. What it throws is answered 500 and
 * reported.
 */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse, path: string, from: Arrival) => void;

/** What one path of a listener does. */
export interface HttpRoute {
  /** `/ws`: this path; `/api/*`: this path and all below it; `*`: any path. The narrowest route wins. */
  readonly path: string;
  /** WebSocket upgrades; absent: refused with 400. */
  readonly upgrade?: WebSocketEndpoint;
  /** Plain requests; absent: GET is told to upgrade (426). */
  readonly request?: RequestHandler;
  /** What pages of the origins let in may send here (CORS); absent: what needs no preflight. */
  readonly cors?: CorsRules;
  /** Content types of bodies; a request without a body then needs none. Absent: JSON, for every POST. */
  readonly mediaTypes?: readonly string[];
  /** How requests are refused; absent: in plain text. */
  readonly refuse?: (response: ServerResponse, refusal: Refusal) => void;
  /** True for endpoints without authentication: requests that a proxy passed on are refused (CONTRACT §3). */
  readonly refusesForwarded?: boolean;
}

export interface HttpListenerOptions extends FrontOptions {
  readonly address: ListenAddress;
  readonly tls?: TlsFiles;
  readonly rules: () => HttpRules;
  readonly routes: readonly HttpRoute[];
  /** Needed where a route has `upgrade`. */
  readonly websockets?: WebSocketTransport;
  /** Told of exceptions out of request handlers and of errors of the server after it was opened; must not throw. */
  readonly onError: (error: unknown) => void;
}

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
const JSON_ONLY: readonly string[] = ['application/json'];
const ANY_PATH = '*';
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::', '::ffff:0.0.0.0'];
const NOTHING = Buffer.alloc(0);
/** For a request with its body. */
const REQUEST_TIMEOUT_MS = 300_000;

/** The one HTTP(S) server of a listener: who may speak to it, which path does what; its {@link Front} stands before it. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #server: Server | TlsServer;
  readonly #routes: ReadonlyMap<string, HttpRoute>;
  /** The paths that end in `/*`, without it, the narrowest first. */
  readonly #folders: readonly string[];
  readonly #sockets = new Set<Socket>();
  readonly #front: Front;
  /** Where the listener has one address only. */
  #localAddress: string | undefined;
  #stopping = false;

  /** @throws Error if two routes have one path, `upgrade` lacks `websockets`, or certificate and key are not usable */
  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#routes = routeTable(options);
    this.#folders = [...this.#routes.keys()]
      .filter((path) => path.endsWith('/*'))
      .map((path) => path.slice(0, -2))
      .sort((a, b) => b.length - a.length);
    const timeouts = {
      headersTimeout: options.handshakeTimeoutMs,
      requestTimeout: Math.max(options.handshakeTimeoutMs, REQUEST_TIMEOUT_MS),
      // Node looks for late clients only this often; its default of 30 s would make the limit a fiction.
      connectionsCheckingInterval: Math.max(Math.min(Math.ceil(options.handshakeTimeoutMs / 4), 1000), 10),
    };
    this.#server = options.tls
      ? createTlsServer({ ...timeouts, ...tlsOptions(options.tls), handshakeTimeout: options.handshakeTimeoutMs })
      : createServer(timeouts);
    const upgrades = options.routes.some((route) => route.upgrade !== undefined);
    this.#front = new Front(this.#server, options, upgrades ? (request) => this.#upgrade(request, NOTHING) : undefined);
    this.#server.on('request', (request, response) => this.#request(request, response));
    this.#server.on('upgrade', (request, _socket, head) => this.#upgrade(request, head));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * Opens the listener. A socket file left behind by a process that is gone is replaced.
   * @returns the bound address (the port where 0 was asked for)
   * @throws Error that names the address and what is wrong with it
   */
  async listen(): Promise<ListenAddress> {
    await listenOn(this.#server, this.#options.address);
    this.#server.on('error', this.#options.onError);
    const bound = this.#server.address() as AddressInfo | string;
    // Every connection then came to this address; asking each socket is a call to the system.
    if (typeof bound !== 'string' && !ANY_ADDRESS.includes(bound.address)) this.#localAddress = bound.address;
    return typeof bound === 'string' ? { path: bound } : { host: bound.address, port: bound.port };
  }

  /** Stops accepting: the port is closed, idle HTTP connections end, upgrades are answered 503. Links go on. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    this.#front.stop();
  }

  /**
   * Stops accepting and waits until every connection has ended; whoever is left after `graceMs` is cut.
   * Links must be closed by their owners.
   */
  async close(graceMs = 0): Promise<void> {
    this.stop();
    if (this.#sockets.size === 0) return;
    const gone = new Promise<void>((resolve) => {
      for (const socket of this.#sockets) {
        socket.once('close', () => {
          if (this.#sockets.size === 0) resolve();
        });
      }
    });
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await gone;
    clearTimeout(cut);
  }

  /**
   * New certificate for connections from now on; open ones keep theirs.
   * @throws Error if certificate and key are not usable or the listener has no TLS; then the old ones stay in force
   */
  setTls(tls: TlsFiles): void {
    if (!(this.#server instanceof TlsServer)) throw new Error('a listener without TLS cannot take a certificate');
    this.#server.setSecureContext(tlsOptions(tls));
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#front.isGone(request.socket)) {
      request.socket.destroy();
      return;
    }
    const path = pathOf(request);
    const route = this.#route(path);
    // A connection that was busy when the listener stopped must not wait for requests that nobody answers.
    response.once('close', () => {
      if (this.#stopping) setImmediate(() => this.#server.closeIdleConnections());
    });
    const refuse = route?.refuse ?? refuseRequest;
    const stranger = this.#refusal(request, route);
    // Also what is refused: a page of an origin that is let in is to read why.
    if (stranger === undefined && route?.cors !== undefined) {
      letRead(request, response, route.cors);
      if (answerPreflight(request, response, route.cors)) return;
    }
    const refusal = stranger ?? refuseMethod(request, route);
    if (refusal !== undefined || route?.request === undefined) {
      refuse(response, refusal ?? { status: 404, text: `nothing is served at ${path}` });
      return;
    }
    try {
      route.request(request, response, path, this.#front.arrival(request.socket, request.headers));
    } catch (error) {
      this.#options.onError(error);
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, text: 'internal error' });
    }
  }

  /** @param head what came behind the request */
  #upgrade(request: UpgradeRequest, head: Buffer): void {
    if (this.#front.isGone(request.socket)) {
      request.socket.destroy();
      return;
    }
    const route = this.#route(pathOf(request));
    const refusal = this.#refusal(request, route) ?? this.#refuseUpgradeOf(request, route);
    const { websockets } = this.#options;
    if (refusal !== undefined || route?.upgrade === undefined || websockets === undefined) {
      refuseUpgrade(request.socket, refusal ?? { status: 400, text: 'this path takes no upgrade' });
      return;
    }
    websockets.upgrade(request, head, route.upgrade, this.#front.arrival(request.socket, request.headers));
  }

  /** What holds for every request and upgrade, in the order of CONTRACT §3. */
  #refusal(request: UpgradeRequest, route: HttpRoute | undefined): Refusal | undefined {
    const { hosts, origins } = this.#options.rules();
    const { headers, socket } = request;
    const came = this.#localAddress ?? socket.localAddress;
    const refusal = checkHost(headers.host, came, hosts) ?? checkOrigin(headers.origin, came, origins);
    if (refusal !== undefined) return refusal;
    if (route === undefined) return { status: 404, text: `nothing is served at ${pathOf(request)}` };
    if (route.refusesForwarded === true && (isForwarded(headers) || this.#front.cameThroughBalancer(socket))) {
      return {
        status: 403,
        text:
          'this endpoint has no authentication (auth: none) and the request came through a proxy, which would publish ' +
          'it; write "auth: ticket" for the endpoint, or "insecure: true" for its listener',
      };
    }
    return undefined;
  }

  #refuseUpgradeOf(request: UpgradeRequest, route: HttpRoute | undefined): Refusal | undefined {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || route?.upgrade === undefined) {
      return { status: 400, text: 'this path takes no such upgrade' };
    }
    if (this.#stopping) return { status: 503, text: 'the router is stopping' };
    if (this.#options.admit?.() === false) return { status: 503, text: 'the router has as many sessions as it may' };
    return undefined;
  }

  #route(path: string): HttpRoute | undefined {
    const exact = this.#routes.get(path);
    if (exact !== undefined) return exact;
    // Not slash by slash: a stranger's path may have 16,000 of them.
    const folder = this.#folders.find((each) => path === each || path.startsWith(`${each}/`));
    if (folder !== undefined) return this.#routes.get(`${folder}/*`);
    return this.#routes.get(ANY_PATH);
  }
}

function routeTable(options: HttpListenerOptions): Map<string, HttpRoute> {
  const table = new Map<string, HttpRoute>();
  for (const route of options.routes) {
    if (table.has(route.path)) throw new Error(`two routes for the path ${route.path}`);
    if (route.upgrade !== undefined && options.websockets === undefined) {
      throw new Error(`the route ${route.path} upgrades, but the listener was given no WebSocket transport`);
    }
    table.set(route.path, route);
  }
  return table;
}

/** Of requests, not of upgrades: content type (a form of a foreign page cannot send JSON), method, wrong protocol. */
function refuseMethod(request: IncomingMessage, route: HttpRoute | undefined): Refusal | undefined {
  const method = request.method ?? 'GET';
  const { mediaTypes = JSON_ONLY } = route ?? {};
  const isBare = mediaTypes !== JSON_ONLY && !hasBody(request);
  if (METHODS_WITH_BODY.has(method) && !isBare && !mediaTypes.includes(mediaType(request))) {
    return { status: 415, text: `${method} needs the header "Content-Type: ${mediaTypes.join('" or "')}"` };
  }
  if (route === undefined || route.request !== undefined) return undefined;
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, text: 'this path speaks WebSocket only', headers: { Allow: 'GET' } };
  }
  const protocols = route.upgrade?.protocols;
  const names = protocols === undefined ? '' : ` with one of the subprotocols ${protocols.join(', ')}`;
  return {
    status: 426,
    text: `this path speaks WebSocket: connect a WebSocket client to it${names}`,
    headers: { Upgrade: 'websocket' },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function mediaType(request: IncomingMessage): string {
  const header = request.headers['content-type'] ?? '';
  return (header.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function pathOf(request: UpgradeRequest): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
