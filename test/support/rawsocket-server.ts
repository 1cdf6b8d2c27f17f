import { HttpListener, type HttpListenerOptions } from '../../src/transports/http.ts';
import type { KeepAliveLimits } from '../../src/transports/keep-alive.ts';
import type { ListenAddress } from '../../src/transports/listen.ts';
import { type OutboxLimits, OutboxPool } from '../../src/transports/outbox-pool.ts';
import { RawSocketTransport, type RawSocketOptions as TransportOptions } from '../../src/transports/rawsocket.ts';
import type { TransportEvent } from '../../src/transports/transport.ts';
import { RawSocketClient, type RawSocketOptions } from './rawsocket-client.ts';
import { Accepted } from './websocket-server.ts';

export interface RawSocketServerOptions {
  readonly transport?: Partial<TransportOptions>;
  readonly listener?: Partial<HttpListenerOptions>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A listener on 127.0.0.1 that answers RawSocket, everything about it recorded, every limit changeable. */
export class RawSocketServer {
  readonly limits: Mutable<OutboxLimits> & {
    maxMessageBytes: number;
    handshakeTimeoutMs: number;
    keepAlive: Mutable<KeepAliveLimits>;
  } = {
    outboxBytes: 64 << 20,
    outboxTotalBytes: 512 << 20,
    slowPeer: 'disconnect',
    maxMessageBytes: 1 << 20,
    handshakeTimeoutMs: 10_000,
    keepAlive: { pingMs: 20_000, timeoutMs: 20_000 },
  };
  readonly pool = new OutboxPool(() => this.limits);
  readonly events: TransportEvent[] = [];
  readonly errors: unknown[] = [];
  readonly accepted: Accepted[] = [];
  readonly transport: RawSocketTransport;
  readonly listener: HttpListener;
  place: { port: number } | { path: string } = { port: 0 };
  #clients: RawSocketClient[] = [];
  #wake: (() => void)[] = [];

  constructor(options: RawSocketServerOptions = {}) {
    this.transport = new RawSocketTransport({
      limits: () => this.limits,
      outboxes: this.pool,
      onError: (error) => this.errors.push(error),
      report: (event) => this.#note(() => this.events.push(event)),
      ...options.transport,
    });
    const serializers = new Map([
      [1, { subprotocol: 'wamp.2.json', binary: false }],
      [2, { subprotocol: 'wamp.2.msgpack', binary: true }],
    ]);
    this.listener = new HttpListener({
      address: { host: '127.0.0.1', port: 0 },
      rules: () => ({ hosts: [], origins: undefined }),
      routes: [],
      rawsocket: {
        transport: this.transport,
        endpoint: {
          serializers,
          accept: (link) => {
            const accepted = new Accepted(link);
            this.#note(() => this.accepted.push(accepted));
            return accepted;
          },
        },
      },
      handshakeTimeoutMs: 10_000,
      onError: (error) => this.errors.push(error),
      ...options.listener,
    });
  }

  async start(): Promise<this> {
    const bound: ListenAddress = await this.listener.listen();
    this.place = 'port' in bound ? { port: bound.port } : bound;
    return this;
  }

  /** Connects; without options nothing has been said yet. */
  async connect(options?: RawSocketOptions): Promise<RawSocketClient> {
    const client = await (options === undefined
      ? RawSocketClient.connect(this.place)
      : RawSocketClient.open(this.place, options));
    this.#clients.push(client);
    return client;
  }

  /** A client and the link it got. */
  async pair(options: RawSocketOptions = {}): Promise<{ client: RawSocketClient; server: Accepted }> {
    const before = this.accepted.length;
    const client = await this.connect(options);
    await this.until(() => this.accepted.length > before);
    const server = this.accepted[before];
    if (server === undefined) throw new Error('unreachable');
    return { client, server };
  }

  /** Waits for a change in `accepted` or `events`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void this.#wake.push(resolve));
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
