import type { Socket } from 'node:net';
import { clientCertificate } from './client-certificate.ts';
import { KeepAlive, type KeepAliveLimits } from './keep-alive.ts';
import type { Link, LinkClose, LinkHandler, LinkInfo } from './link.ts';
import type { OutboxPool } from './outbox-pool.ts';
import {
  acceptedBytes,
  FULL,
  HANDSHAKE_BYTES,
  handshakeReply,
  RawSocketFrames,
  readHandshake,
} from './rawsocket-framer.ts';
import { type RawSocketContext, RawSocketLink } from './rawsocket-link.ts';
import { channelBinding } from './tls.ts';
import type { Arrival, Transport, TransportEvent } from './transport.ts';

/** Read anew where they apply; `maxMessageBytes` binds a connection as it was when it opened. */
export interface RawSocketLimits {
  readonly maxMessageBytes: number;
  /** Milliseconds from the first octet of the handshake to the last. */
  readonly handshakeTimeoutMs: number;
  readonly keepAlive: KeepAliveLimits;
}

export interface RawSocketOptions {
  readonly limits: () => RawSocketLimits;
  readonly outboxes: OutboxPool;
  /** How long a peer has to end its side before the connection is cut, ms; default 800. */
  readonly closeTimeoutMs?: number;
  /** Told of exceptions out of handlers; must not throw. */
  readonly onError: (error: unknown, info: LinkInfo | undefined) => void;
  readonly report?: (event: TransportEvent) => void;
}

/** A serializer as RawSocket knows it. */
export interface RawSocketSerializer {
  /** What stands for it in `LinkInfo.subprotocol`, e.g. `wamp.2.json`. */
  readonly subprotocol: string;
  readonly binary: boolean;
}

/** What a listener does with RawSocket connections. */
export interface RawSocketEndpoint {
  /** By the number in the handshake (PITFALLS 89). */
  readonly serializers: ReadonlyMap<number, RawSocketSerializer>;
  /** Takes a new connection; it may write at once, messages come from the next tick on. */
  accept(link: Link): LinkHandler;
}

/** Shorter than the time a stopping router waits for connections to end. */
const DEFAULT_CLOSE_TIMEOUT_MS = 800;

/** RawSocket connections of the whole router: handshakes, and what their connections share. */
export class RawSocketTransport implements Transport {
  readonly #limits: () => RawSocketLimits;
  readonly #context: RawSocketContext;

  constructor(options: RawSocketOptions) {
    this.#limits = options.limits;
    const frames = new RawSocketFrames();
    options.outboxes.atEndOfTurn(() => frames.forget());
    this.#context = {
      outboxes: options.outboxes,
      keepAlive: new KeepAlive(() => options.limits().keepAlive),
      frames,
      links: new Set(),
      closeTimeoutMs: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
      deadPeers: 0,
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
   * Takes a connection whose first octet is that of a RawSocket handshake, not yet read: answers the handshake and makes
   * a link for `endpoint`, or refuses it (PITFALLS 83, 84).
   * @param admit asked when the handshake is there; false: refused, the router is full
   */
  accept(socket: Socket, endpoint: RawSocketEndpoint, from: Arrival, admit: () => boolean): void {
    const timer = setTimeout(() => socket.destroy(), this.#limits().handshakeTimeoutMs);
    let bytes: Buffer = Buffer.alloc(0);
    const forget = (): void => {
      clearTimeout(timer);
      socket.off('data', take);
      socket.off('end', end);
    };
    const end = (): void => {
      forget();
      socket.destroy();
    };
    const take = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      if (bytes.length < HANDSHAKE_BYTES) return;
      forget();
      // Until the link listens; it is told of what came with the handshake from the next tick on.
      socket.pause();
      if (bytes.length > HANDSHAKE_BYTES) socket.unshift(bytes.subarray(HANDSHAKE_BYTES));
      this.#answer(socket, bytes.subarray(0, HANDSHAKE_BYTES), endpoint, from, admit);
    };
    // A peer that breaks off is no news, before the handshake and during a refusal.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
    socket.on('data', take);
    socket.on('end', end);
    socket.setNoDelay(true);
    socket.resume();
  }

  #answer(socket: Socket, bytes: Buffer, endpoint: RawSocketEndpoint, from: Arrival, admit: () => boolean): void {
    const asked = readHandshake(bytes, endpoint.serializers);
    if ('refusal' in asked) {
      refuse(socket, asked.refusal);
      return;
    }
    if (!admit()) {
      refuse(socket, FULL);
      return;
    }
    const { number, serializer, maxBytes } = asked;
    const { maxMessageBytes } = this.#limits();
    const info: LinkInfo = {
      transport: 'rawsocket',
      subprotocol: serializer.subprotocol,
      address: from.address,
      secure: from.secure,
      headers: {},
      ...channelBinding(socket),
      ...clientCertificate(socket),
    };
    socket.write(handshakeReply(number, maxMessageBytes));
    const link = new RawSocketLink(this.#context, socket, info, {
      peerBytes: maxBytes,
      ownBytes: acceptedBytes(maxMessageBytes),
      binary: serializer.binary,
    });
    try {
      link.open(endpoint.accept(link));
    } catch (error) {
      this.#context.onError(error, info);
      socket.destroy();
    }
  }
}

/** Says why, and ends the connection; a peer that does not end its side must not keep it. */
function refuse(socket: Socket, reply: Buffer): void {
  socket.once('finish', () => socket.destroy());
  socket.end(reply);
  socket.resume();
}
