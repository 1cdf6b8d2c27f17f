import { HttpListener } from '../../src/transports/http.ts';
import type { KeepAliveLimits } from '../../src/transports/keep-alive.ts';
import { LONG_POLL_CORS, LONG_POLL_TYPES, LongPollTransport } from '../../src/transports/longpoll.ts';
import { type OutboxLimits, OutboxPool } from '../../src/transports/outbox-pool.ts';
import type { TransportEvent } from '../../src/transports/transport.ts';
import { Accepted } from './websocket-server.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A listener on 127.0.0.1 that answers long-poll, everything about it recorded, every limit changeable. */
export class LongPollServer {
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
  readonly transport: LongPollTransport;
  readonly listener: HttpListener;
  isFull = false;
  #wake: (() => void)[] = [];
  url = '';

  constructor(closeTimeoutMs?: number) {
    this.transport = new LongPollTransport({
      limits: () => this.limits,
      outboxes: this.pool,
      onError: (error) => this.errors.push(error),
      report: (event) => this.events.push(event),
      ...(closeTimeoutMs === undefined ? {} : { closeTimeoutMs }),
    });
    const request = this.transport.serve('/lp', {
      protocols: new Map([
        ['wamp.2.json', { binary: false, joins: false }],
        ['wamp.2.json.batched', { binary: false, joins: true }],
        ['wamp.2.msgpack', { binary: true, joins: false }],
      ]),
      emptyStatus: 202,
      admit: () => !this.isFull,
      accept: (link) => {
        const accepted = new Accepted(link);
        this.accepted.push(accepted);
        for (const wake of this.#wake.splice(0)) wake();
        return accepted;
      },
    });
    this.listener = new HttpListener({
      address: { host: '127.0.0.1', port: 0 },
      rules: () => ({ hosts: [], origins: ['https://app.example'] }),
      routes: [{ path: '/lp/*', cors: LONG_POLL_CORS, mediaTypes: LONG_POLL_TYPES, request }],
      handshakeTimeoutMs: 10_000,
      onError: (error) => this.errors.push(error),
    });
  }

  async start(): Promise<this> {
    const bound = await this.listener.listen();
    this.url = `http://127.0.0.1:${'port' in bound ? bound.port : 0}/lp`;
    return this;
  }

  /** Resolves when so many connections have been opened. */
  async opened(count: number): Promise<void> {
    while (this.accepted.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** What the newest `open` made. */
  get newest(): Accepted {
    const accepted = this.accepted.at(-1);
    if (accepted === undefined) throw new Error('nobody has opened a connection');
    return accepted;
  }

  async stop(): Promise<void> {
    for (const { link } of this.accepted) link.destroy();
    await this.listener.close();
  }
}
