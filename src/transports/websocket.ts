import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type PerMessageDeflateOptions, type Server, WebSocketServer } from 'ws';
import { clientCertificate } from './client-certificate.ts';
import { DEFLATE, Deflater } from './deflate.ts';
import { refuseUpgrade } from './http-answers.ts';
import { KeepAlive, type KeepAliveLimits } from './keep-alive.ts';
import type { Link, LinkClose, LinkHandler, LinkInfo } from './link.ts';
import type { OutboxPool } from './outbox-pool.ts';
import { channelBinding } from './tls.ts';
import type { Arrival, Transport, TransportEvent } from './transport.ts';
import { FrameCache } from './websocket-frames.ts';
import { ReceivingWebSocket, type WebSocketContext, WebSocketLink } from './websocket-link.ts';

/** Read anew where they apply; `maxMessageBytes` binds a connection as it was when it opened. */
export interface WebSocketLimits {
  readonly maxMessageBytes: number;
  readonly keepAlive: KeepAliveLimits;
}

export interface WebSocketOptions {
  readonly limits: () => WebSocketLimits;
  readonly outboxes: OutboxPool;
  /** How long a closing handshake may take before the connection is cut; default 3000. */
  readonly closeTimeoutMs?: number;
  /** Told of exceptions out of handlers; must not throw. */
  readonly onError: (error: unknown, info: LinkInfo | undefined) => void;
  readonly report?: (event: TransportEvent) => void;
}

/** What one path does with WebSockets. */
export interface WebSocketEndpoint {
  /** Names of subprotocols on offer; `undefined`: none is needed and none is negotiated. */
  readonly protocols: readonly string[] | undefined;
  /** True: a client that asks for none of `protocols` is let in without a subprotocol. Default false. */
  readonly protocolOptional?: boolean;
  /** permessage-deflate (RFC 7692) for clients that offer it; it costs more CPU than routing. Default false. */
  readonly perMessageDeflate?: boolean;
  /** Takes a new connection; it may write at once, messages come from the next tick on. */
  accept(link: Link): LinkHandler;
}

const DEFAULT_CLOSE_TIMEOUT_MS = 3000;
/** WebSockets of the whole router: upgrades, and what their connections share (outboxes, keep-alive, last frame). */
export class WebSocketTransport implements Transport {
  readonly #limits: () => WebSocketLimits;
  readonly #server: Server<typeof ReceivingWebSocket>;
  /** For endpoints that compress. */
  readonly #deflatingServer: Server<typeof ReceivingWebSocket>;
  readonly #deflater = new Deflater();
  readonly #context: WebSocketContext;
  /** Chosen for the upgrade in progress; upgrades are synchronous. */
  #chosen: string | undefined;

  constructor(options: WebSocketOptions) {
    this.#limits = options.limits;
    const frames = new FrameCache();
    options.outboxes.atEndOfTurn(() => frames.forget());
    this.#context = {
      outboxes: options.outboxes,
      keepAlive: new KeepAlive(() => options.limits().keepAlive),
      frames,
      links: new Set(),
      deadPeers: 0,
      onError: options.onError,
      report: options.report ?? (() => {}),
    };
    const serverOptions = (perMessageDeflate: PerMessageDeflateOptions | false) => ({
      noServer: true,
      clientTracking: false,
      autoPong: false,
      WebSocket: ReceivingWebSocket,
      perMessageDeflate,
      // Known to ws, not to its types; a test closes on a peer that never answers.
      closeTimeout: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
      handleProtocols: () => this.#chosen ?? false,
    });
    this.#server = new WebSocketServer(serverOptions(false));
    this.#deflatingServer = new WebSocketServer(serverOptions(DEFLATE));
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

  /** Answers an HTTP/1.1 upgrade request: 101 and a link for `endpoint`, or a refusal that says why. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, endpoint: WebSocketEndpoint, from: Arrival): void {
    const offered = offeredProtocols(request);
    const protocols = endpoint.protocols ?? [];
    // PITFALLS 76: the client's order decides, and nobody gets in without a subprotocol where one is needed.
    const chosen = offered.find((name) => protocols.includes(name));
    if (chosen === undefined && endpoint.protocols !== undefined && endpoint.protocolOptional !== true) {
      const asked = offered.length === 0 ? 'none was asked for' : `asked for: ${offered.join(', ')}`;
      refuseUpgrade(socket, 400, `no WebSocket subprotocol in common; ${asked}; on offer: ${protocols.join(', ')}`);
      return;
    }
    this.#chosen = chosen;
    const server = endpoint.perMessageDeflate === true ? this.#deflatingServer : this.#server;
    const { maxMessageBytes } = this.#limits();
    server.options.maxPayload = maxMessageBytes;
    server.handleUpgrade(request, socket, head, (ws) => {
      this.#deflater.serve(ws, maxMessageBytes);
      this.#opened(ws, socket, linkInfo(request, socket, chosen ?? '', from), endpoint);
    });
  }

  #opened(ws: ReceivingWebSocket, socket: Duplex, info: LinkInfo, endpoint: WebSocketEndpoint): void {
    const link = new WebSocketLink(this.#context, ws, socket, info);
    try {
      link.open(endpoint.accept(link));
    } catch (error) {
      this.#context.onError(error, info);
      link.close('internalError', 'internal error');
    }
  }
}

/** The subprotocols a client asks for, in its order; syntax errors are left to ws, which answers 400. */
function offeredProtocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function linkInfo(request: IncomingMessage, socket: Duplex, subprotocol: string, from: Arrival): LinkInfo {
  return {
    transport: 'websocket',
    subprotocol,
    address: from.address,
    secure: from.secure,
    ...clientCertificate(socket),
    headers: request.headers,
    ...(request.url === undefined ? {} : { url: request.url }),
    ...channelBinding(socket),
  };
}
