import type { Duplex } from 'node:stream';
import { BatchedLink } from '../../src/adapters/wamp/batched.ts';
import { HttpListener, type HttpListenerOptions } from '../../src/transports/http.ts';
import type { HttpRules } from '../../src/transports/http-rules.ts';
import type { KeepAliveLimits } from '../../src/transports/keep-alive.ts';
import type { Link, LinkEnd, LinkHandler } from '../../src/transports/link.ts';
import { type OutboxLimits, OutboxPool } from '../../src/transports/outbox-pool.ts';
import type { Arrival, TransportEvent } from '../../src/transports/transport.ts';
import type { UpgradeRequest } from '../../src/transports/upgrade-request.ts';
import { type WebSocketEndpoint, type WebSocketOptions, WebSocketTransport } from '../../src/transports/websocket.ts';
import { RawWebSocket, type RawWebSocketOptions } from './raw-websocket.ts';

/** An accepted connection, recorded. */
export class Accepted implements LinkHandler {
  readonly link: Link;
  readonly messages: { bytes: Buffer; binary: boolean }[] = [];
  readonly ends: (LinkEnd | undefined)[] = [];
  onMessage: ((bytes: Buffer, binary: boolean) => void) | undefined;
  #wake: (() => void)[] = [];

  constructor(link: Link) {
    this.link = link;
  }

  message(bytes: Buffer, binary: boolean): void {
    this.messages.push({ bytes, binary });
    this.onMessage?.(bytes, binary);
    this.#changed();
  }

  closed(end?: LinkEnd): void {
    this.ends.push(end);
    this.#changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  async end(): Promise<LinkEnd | undefined> {
    await this.until(() => this.ends.length > 0);
    return this.ends[0];
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Keeps the sockets under the links, for tests that look at what is written to them. */
class RecordingTransport extends WebSocketTransport {
  readonly sockets: Duplex[] = [];

  override upgrade(request: UpgradeRequest, head: Buffer, endpoint: WebSocketEndpoint, from: Arrival): void {
    this.sockets.push(request.socket);
    super.upgrade(request, head, endpoint, from);
  }
}

export interface TestServerOptions {
  readonly endpoint?: Partial<WebSocketEndpoint>;
  readonly transport?: Partial<WebSocketOptions>;
  readonly listener?: Partial<HttpListenerOptions>;
  /** Messages come in batches, binary ones or not. */
  readonly batches?: { readonly binary: boolean };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A listener on 127.0.0.1 with one WebSocket path `/ws`, everything about it recorded, every limit changeable. */
export class TestServer {
  readonly limits: Mutable<OutboxLimits> & { maxMessageBytes: number; keepAlive: Mutable<KeepAliveLimits> } = {
    outboxBytes: 8 << 20,
    outboxTotalBytes: 512 << 20,
    slowPeer: 'disconnect',
    maxMessageBytes: 1 << 20,
    keepAlive: { pingMs: 20_000, timeoutMs: 20_000 },
  };
  readonly rules: Mutable<HttpRules> = { hosts: [], origins: undefined };
  readonly pool = new OutboxPool(() => this.limits);
  readonly events: TransportEvent[] = [];
  readonly errors: unknown[] = [];
  readonly accepted: Accepted[] = [];
  readonly transport: RecordingTransport;
  readonly listener: HttpListener;
  port = 0;
  /** Where it listens, if that is a unix socket. */
  unix: string | undefined;
  #clients: RawWebSocket[] = [];
  #wake: (() => void)[] = [];

  constructor(options: TestServerOptions = {}) {
    this.transport = new RecordingTransport({
      limits: () => this.limits,
      outboxes: this.pool,
      onError: (error) => this.errors.push(error),
      report: (event) => this.#note(() => this.events.push(event)),
      ...options.transport,
    });
    const upgrade: WebSocketEndpoint = {
      protocols: ['wamp.2.json', 'wamp.2.msgpack'],
      accept: (link) => {
        const { batches } = options;
        const batched = batches && new BatchedLink(link, batches.binary, (error) => this.errors.push(error));
        const accepted = new Accepted(batched ?? link);
        this.#note(() => this.accepted.push(accepted));
        return batched?.open(accepted) ?? accepted;
      },
      ...options.endpoint,
    };
    this.listener = new HttpListener({
      address: { host: '127.0.0.1', port: 0 },
      rules: () => this.rules,
      routes: [{ path: '/ws', upgrade }],
      websockets: this.transport,
      handshakeTimeoutMs: 10_000,
      onError: (error) => this.errors.push(error),
      ...options.listener,
    });
  }

  async start(): Promise<this> {
    const bound = await this.listener.listen();
    if ('port' in bound) this.port = bound.port;
    else this.unix = bound.path;
    return this;
  }

  async connect(options: Partial<RawWebSocketOptions> = {}): Promise<RawWebSocket> {
    const client = await RawWebSocket.open({
      port: this.port,
      ...(this.unix === undefined ? {} : { unix: this.unix, host: 'localhost' }),
      protocols: ['wamp.2.json'],
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client and the link it got. */
  async pair(options: Partial<RawWebSocketOptions> = {}): Promise<{ client: RawWebSocket; server: Accepted }> {
    const before = this.accepted.length;
    const client = await this.connect(options);
    await this.until(() => this.accepted.length > before);
    const server = this.accepted[before];
    if (server === undefined) throw new Error('unreachable');
    return { client, server };
  }

  /** Waits for a change in `accepted` or `events`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.listener.close(0);
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#wake.splice(0)) wake();
  }
}
