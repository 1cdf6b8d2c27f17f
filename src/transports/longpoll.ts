import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientCertificate } from './client-certificate.ts';
import type { CorsRules } from './cors.ts';
import type { RequestHandler } from './http.ts';
import { type Refusal, refuseRequest } from './http-answers.ts';
import { readBody } from './http-body.ts';
import { KeepAlive, type KeepAliveLimits } from './keep-alive.ts';
import type { Link, LinkClose, LinkHandler, LinkInfo } from './link.ts';
import { type LongPollContext, LongPollLink, type PolledProtocol } from './longpoll-link.ts';
import type { OutboxPool } from './outbox-pool.ts';
import type { Arrival, Transport, TransportEvent } from './transport.ts';

export type { PolledProtocol } from './longpoll-link.ts';

/** Read anew where they apply. */
export interface LongPollLimits {
  readonly maxMessageBytes: number;
  /** Milliseconds for the body of a request. */
  readonly handshakeTimeoutMs: number;
  readonly keepAlive: KeepAliveLimits;
}

export interface LongPollOptions {
  readonly limits: () => LongPollLimits;
  readonly outboxes: OutboxPool;
  /** How long what is queued at the end may wait to be fetched; default 3000. */
  readonly closeTimeoutMs?: number;
  /** Told of exceptions out of handlers; must not throw. */
  readonly onError: (error: unknown, info: LinkInfo | undefined) => void;
  readonly report?: (event: TransportEvent) => void;
}

/** What the paths below one base do. */
export interface LongPollEndpoint {
  /** Subprotocols on offer. */
  readonly protocols: ReadonlyMap<string, PolledProtocol>;
  /** Status of an answer that says nothing: 202 as the specification has it, 204 as autobahn-js wants it. */
  readonly emptyStatus: 202 | 204;
  /** Asked before a connection is opened; false: the router is full. */
  admit(): boolean;
  accept(link: Link): LinkHandler;
}

/** Pages of the origins let in; autobahn-js asks as if it had cookies to send. */
export const LONG_POLL_CORS: CorsRules = { methods: ['POST'], headers: ['Content-Type'], credentials: true };
/** None that a form of a foreign page can send (CONTRACT §3). */
export const LONG_POLL_TYPES: readonly string[] = [
  'application/json',
  'application/octet-stream',
  'application/msgpack',
  'application/x-msgpack',
  'application/cbor',
];

const DEFAULT_CLOSE_TIMEOUT_MS = 3000;
/** Whoever knows a connection's id speaks for it. */
const ID_BYTES = 24;
const MAX_OPEN_BYTES = 4096;

/** Long-poll connections of the whole router (spec: "HTTP Longpoll Transport", PITFALLS 90). */
export class LongPollTransport implements Transport {
  readonly #limits: () => LongPollLimits;
  readonly #context: LongPollContext;

  constructor(options: LongPollOptions) {
    this.#limits = options.limits;
    const keepAliveLimits = (): KeepAliveLimits => options.limits().keepAlive;
    this.#context = {
      outboxes: options.outboxes,
      keepAlive: new KeepAlive(keepAliveLimits),
      keepAliveLimits,
      links: new Set(),
      deadPeers: 0,
      closeTimeoutMs: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
      onError: options.onError,
      report: options.report ?? (() => {}),
    };
  }

  get connections(): number {
    return this.#context.links.size;
  }

  get deadPeers(): number {
    return this.#context.deadPeers;
  }

  closeAll(how: LinkClose, message: string): void {
    for (const link of [...this.#context.links]) link.close(how, message);
  }

  /**
   * What answers the requests below `base`: `open`, and `receive`, `send` and `close` of the connections opened there.
   * A query, which some clients send against caches, is not looked at.
   */
  serve(base: string, endpoint: LongPollEndpoint): RequestHandler {
    const links = new Map<string, LongPollLink>();
    return (request, response, path, from) => {
      if (request.method !== 'POST') {
        refuseRequest(response, {
          status: 405,
          text: 'long-poll takes POST only',
          headers: { Allow: 'POST, OPTIONS' },
        });
        return;
      }
      const [, id = '', operation] = /^\/(?:([\w-]+)\/)?(open|receive|send|close)$/.exec(path.slice(base.length)) ?? [];
      if (operation === undefined || (operation === 'open') !== (id === '')) {
        refuseRequest(response, { status: 404, text: 'long-poll: open, or receive, send or close of a connection' });
        return;
      }
      if (operation === 'open') {
        this.#read(request, response, MAX_OPEN_BYTES, (body) =>
          this.#open(request, response, from, endpoint, links, body),
        );
        return;
      }
      const link = links.get(id);
      if (link === undefined) refuseRequest(response, { status: 404, text: 'no such connection, or it is closed' });
      else if (operation === 'receive') link.receive(response);
      else if (operation === 'send') this.#send(request, response, link, endpoint);
      else {
        link.peerClosed();
        empty(response, endpoint);
      }
    };
  }

  #open(
    request: IncomingMessage,
    response: ServerResponse,
    from: Arrival,
    endpoint: LongPollEndpoint,
    links: Map<string, LongPollLink>,
    body: Buffer,
  ): void {
    const offered = offeredProtocols(body);
    // The client's order decides (PITFALLS 76).
    const chosen = offered?.find((name) => endpoint.protocols.has(name));
    const protocol = endpoint.protocols.get(chosen ?? '');
    if (chosen === undefined || protocol === undefined) {
      const names = [...endpoint.protocols.keys()].join(', ');
      const text =
        offered === undefined ? 'a body {"protocols": […]} expected' : `no protocol in common; on offer: ${names}`;
      refuseRequest(response, { status: 400, text });
      return;
    }
    if (!endpoint.admit()) {
      refuseRequest(response, {
        status: 503,
        text: 'the router has as many sessions as it may',
        headers: { 'Retry-After': '1' },
      });
      return;
    }
    const id = randomBytes(ID_BYTES).toString('base64url');
    const { headers, url = '', socket } = request;
    const info = { transport: 'longpoll', subprotocol: chosen, ...from, ...clientCertificate(socket), headers, url };
    const link = new LongPollLink(this.#context, info, protocol, () => links.delete(id));
    links.set(id, link);
    try {
      link.open(endpoint.accept(link));
    } catch (error) {
      this.#context.onError(error, info);
      link.destroy();
    }
    const answer = JSON.stringify({ protocol: chosen, transport: id });
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(answer)),
      'Cache-Control': 'no-store',
    });
    response.end(answer);
  }

  #send(request: IncomingMessage, response: ServerResponse, link: LongPollLink, endpoint: LongPollEndpoint): void {
    const hand = (body: Buffer): void =>
      link.received(body, (isGood) => {
        if (isGood) empty(response, endpoint);
        else refuseRequest(response, { status: 400, text: 'the message is no good here, or the connection is closed' });
      });
    link.send(response, () => this.#read(request, response, this.#limits().maxMessageBytes, hand, link));
  }

  #read(
    request: IncomingMessage,
    response: ServerResponse,
    maxBytes: number,
    then: (body: Buffer) => void,
    link?: LongPollLink,
  ): void {
    readBody(request, maxBytes, this.#limits().handshakeTimeoutMs, (body: Buffer | Refusal) => {
      if (Buffer.isBuffer(body)) {
        then(body);
        return;
      }
      // A message is missing now: as on any transport, what is too long ends the connection.
      link?.close(body.status === 413 ? 'tooLarge' : 'protocolError', body.text);
      refuseRequest(response, body);
    });
  }
}

function empty(response: ServerResponse, { emptyStatus }: LongPollEndpoint): void {
  response.writeHead(emptyStatus, emptyStatus === 202 ? { 'Content-Length': '0' } : {});
  response.end();
}

/** undefined: the body is not what it should be */
function offeredProtocols(body: Buffer): readonly string[] | undefined {
  try {
    const { protocols } = JSON.parse(body.toString('utf8')) as { protocols?: unknown };
    const isList = Array.isArray(protocols) && protocols.every((name) => typeof name === 'string');
    return isList ? protocols : undefined;
  } catch {
    return undefined;
  }
}
