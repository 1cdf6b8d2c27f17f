import type { IncomingMessage } from 'node:http';
import { type Server, WebSocketServer } from 'ws';
import { clientCertificate } from './client-certificate.ts';
import { DEFLATE, Deflater } from './deflate.ts';
import { DeflatedLink, DeflatingWebSocket } from './deflated-link.ts';
import { type Refusal, refuseUpgrade } from './http-answers.ts';
import { KeepAlive, type KeepAliveLimits } from './keep-alive.ts';
import type { Link, LinkClose, LinkHandler, LinkInfo } from './link.ts';
import type { OutboxPool } from './outbox-pool.ts';
import type { SocketLink } from './socket-link.ts';
import { channelBinding } from './tls.ts';
import type { Arrival, Transport, TransportEvent } from './transport.ts';
import type { UpgradeRequest } from './upgrade-request.ts';
import { FrameCache } from './websocket-frames.ts';
import { acceptance, offeredProtocols, refuseHandshake } from './websocket-handshake.ts';
import { type WebSocketContext, WebSocketLink } from './websocket-link.ts';

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
  /** For clients that offer compression where it is on. */
  readonly #deflatingServer: Server<typeof DeflatingWebSocket>;
  readonly #deflater = new Deflater();
  readonly #context: WebSocketContext;
  /** Chosen for the upgrade in progress; upgrades are synchronous. */
  #chosen = '';

  constructor(options: WebSocketOptions) {
    this.#limits = options.limits;
    const frames = new FrameCache();
    const closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    options.outboxes.atEndOfTurn(() => frames.forget());
    this.#context = {
      outboxes: options.outboxes,
      keepAlive: new KeepAlive(() => options.limits().keepAlive),
      frames,
      links: new Set(),
      closeTimeoutMs,
      deadPeers: 0,
      onError: options.onError,
      report: options.report ?? (() => {}),
    };
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      autoPong: false,
      WebSocket: DeflatingWebSocket,
      perMessageDeflate: DEFLATE,
      // Known to ws, not to its types; a test closes on a peer that never answers.
      closeTimeout: closeTimeoutMs,
      handleProtocols: () => (this.#chosen === '' ? false : this.#chosen),
    };
    this.#deflatingServer = new WebSocketServer(serverOptions);
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
   * Answers a request for an upgrade: 101 and a link for `endpoint`, or a refusal that says why.
   * @param head what came behind the request
   */
  upgrade(request: UpgradeRequest, head: Buffer, endpoint: WebSocketEndpoint, from: Arrival): void {
    const { socket, headers } = request;
    const offered = offeredProtocols(headers);
    const refusal = refuseHandshake(request) ?? refuseProtocols(offered, endpoint);
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal);
      return;
    }
    // The client has gone meanwhile.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    // PITFALLS 76: the client's order decides.
    const chosen = offered?.find((name) => endpoint.protocols?.includes(name)) ?? '';
    const info = linkInfo(request, chosen, from);
    const { maxMessageBytes } = this.#limits();
    if (endpoint.perMessageDeflate === true && headers['sec-websocket-extensions'] !== undefined) {
      this.#chosen = chosen;
      this.#deflatingServer.options.maxPayload = maxMessageBytes;
      // Of the request it reads no more than what is there.
      this.#deflatingServer.handleUpgrade(request as IncomingMessage, socket, head, (ws) => {
        this.#deflater.serve(ws, maxMessageBytes);
        this.#open(new DeflatedLink(this.#context, ws, socket, info), endpoint);
      });
      return;
    }
    socket.setNoDelay(true);
    socket.write(acceptance(headers, chosen), 'latin1');
    if (head.length > 0) socket.unshift(head);
    this.#open(new WebSocketLink(this.#context, socket, info, maxMessageBytes), endpoint);
  }

  #open(link: SocketLink, endpoint: WebSocketEndpoint): void {
    try {
      link.open(endpoint.accept(link));
    } catch (error) {
      this.#context.onError(error, link.info);
      link.open(NOBODY);
      link.close('internalError', 'internal error');
    }
  }
}

const NOBODY: LinkHandler = { message: () => {}, closed: () => {} };

/** PITFALLS 76: nobody gets in without a subprotocol where one is needed. @param offered undefined: unreadable */
function refuseProtocols(offered: readonly string[] | undefined, endpoint: WebSocketEndpoint): Refusal | undefined {
  if (offered === undefined) return { status: 400, text: 'Sec-WebSocket-Protocol must be a list of names, each once' };
  const { protocols } = endpoint;
  if (protocols === undefined || endpoint.protocolOptional === true) return undefined;
  if (offered.some((name) => protocols.includes(name))) return undefined;
  const asked = offered.length === 0 ? 'none was asked for' : `asked for: ${offered.join(', ')}`;
  const text = `no WebSocket subprotocol in common; ${asked}; on offer: ${protocols.join(', ')}`;
  return { status: 400, text };
}

function linkInfo({ socket, headers, url }: UpgradeRequest, subprotocol: string, from: Arrival): LinkInfo {
  return {
    transport: 'websocket',
    subprotocol,
    address: from.address,
    secure: from.secure,
    ...clientCertificate(socket),
    headers,
    ...(url === undefined ? {} : { url }),
    ...channelBinding(socket),
  };
}
