import type { IncomingHttpHeaders, Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { readBeginning } from './beginning.ts';
import { plainAddress } from './http-rules.ts';
import { type Proxies, UNIX_PEER } from './proxies.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import type { RawSocketEndpoint, RawSocketTransport } from './rawsocket.ts';
import { MAGIC } from './rawsocket-framer.ts';
import type { Arrival } from './transport.ts';
import { readUpgradeHead, type UpgradeHead, type UpgradeRequest } from './upgrade-request.ts';

/** Connections that begin with the octet of RawSocket instead of a request. */
export interface RawSocketRoute {
  readonly transport: RawSocketTransport;
  readonly endpoint: RawSocketEndpoint;
}

export interface FrontOptions {
  /** True: a proxy in front ends TLS, so connections count as secure. */
  readonly behindTls?: boolean;
  /** Balancers that say by the PROXY protocol whom a connection came from. They must, and nobody else may. */
  readonly proxyProtocol?: Proxies;
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly forwardedFor?: Proxies;
  /** Absent: RawSocket is not answered. */
  readonly rawsocket?: RawSocketRoute;
  /**
   * Time for a balancer's header, for the TLS handshake, for the first octet where that decides, and for a request's
   * head, in milliseconds each; fixed when the listener opens.
   */
  readonly handshakeTimeoutMs: number;
  /** Asked at each upgrade and RawSocket handshake; false: the router is full. */
  readonly admit?: () => boolean;
}

/**
 * Stands between the new connections of a listener and its HTTP server: hears from balancers whom they came from, and
 * takes past the server what is none of its own: RawSocket, and plain requests for a WebSocket.
 */
export class Front {
  readonly #server: Server | TlsServer;
  readonly #options: FrontOptions;
  /** Those whose beginning has not come. */
  readonly #undecided = new Set<Socket>();
  /** What balancers said of whom connections came from, by {@link nameOf}. */
  readonly #origins = new Map<string | Socket, string>();
  #stopped = false;
  #isUnix = false;

  /**
   * @param server not listening yet, with none but its own listeners for connections
   * @param upgrade takes requests for upgrades past the server, where they are plain; absent: all go to the server
   */
  constructor(server: Server | TlsServer, options: FrontOptions, upgrade?: (request: UpgradeRequest) => void) {
    this.#server = server;
    this.#options = options;
    server.once('listening', () => {
      this.#isUnix = typeof server.address() === 'string';
    });
    if (options.rawsocket !== undefined || upgrade !== undefined) this.#share(options.rawsocket, upgrade);
    if (options.proxyProtocol !== undefined) this.#hearBalancers(options.proxyProtocol);
  }

  /** Cuts off whoever has not begun, and lets nobody in any more. */
  stop(): void {
    this.#stopped = true;
    for (const socket of this.#undecided) socket.destroy();
  }

  /**
   * Whether the peer has reset the connection already. Nobody can tell then whom it came from, but what it sent can still
   * be read: it must not pass for one on a unix socket, or for one who came through no balancer.
   */
  isGone(socket: Socket): boolean {
    return socket.remoteAddress === undefined && !this.#isUnix;
  }

  /** Whether a balancer said whom it came from. */
  cameThroughBalancer(socket: Socket): boolean {
    return this.#origins.has(nameOf(socket));
  }

  /** By what a connection begins with: the octet of RawSocket, a plain request for an upgrade, or else HTTP. */
  #share(rawsocket: RawSocketRoute | undefined, upgrade: ((request: UpgradeRequest) => void) | undefined): void {
    this.#intercept(this.#server instanceof TlsServer ? 'secureConnection' : 'connection', (socket, toHttp) => {
      let first: number | undefined;
      let asked: UpgradeHead | undefined;
      const take = (bytes: Buffer): number => {
        first = bytes[0];
        asked = upgrade === undefined ? undefined : readUpgradeHead(bytes);
        return asked?.length ?? 0;
      };
      this.#readBeginning(socket, take, () => {
        if (this.isGone(socket)) {
          socket.destroy();
        } else if (asked !== undefined) {
          upgrade?.({ ...asked, socket });
        } else if (rawsocket !== undefined && first === MAGIC) {
          rawsocket.transport.accept(socket, rawsocket.endpoint, this.arrival(socket), () => this.#mayEnter());
        } else {
          toHttp();
        }
      });
    });
  }

  /** Where a balancer stands in front, its header comes before all else, TLS included. */
  #hearBalancers(balancers: Proxies): void {
    this.#intercept('connection', (socket, goOn) => {
      const balancer = plainAddress(socket.remoteAddress ?? UNIX_PEER);
      if (!balancers.has(balancer)) {
        goOn();
        return;
      }
      let origin = balancer;
      const take = (bytes: Buffer): number | undefined => {
        const header = readProxyHeader(bytes);
        if (header.kind === 'malformed') socket.destroy();
        if (header.kind !== 'complete') return undefined;
        origin = plainAddress(header.address ?? balancer);
        return header.length;
      };
      this.#readBeginning(socket, take, () => {
        const name = nameOf(socket);
        this.#origins.set(name, origin);
        socket.once('close', () => this.#origins.delete(name));
        goOn();
      });
    });
  }

  /** Stands between new connections and the server's own listeners for them. */
  #intercept(event: 'connection' | 'secureConnection', look: (socket: Socket, goOn: () => void) => void): void {
    const server = this.#server;
    const own = server.listeners(event);
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => {
      look(socket, () => {
        for (const listener of own) listener.call(server, socket);
      });
    });
  }

  #readBeginning(socket: Socket, take: (bytes: Buffer) => number | undefined, done: () => void): void {
    const decided = (): boolean => this.#undecided.delete(socket);
    this.#undecided.add(socket);
    socket.once('close', decided);
    readBeginning(socket, this.#options.handshakeTimeoutMs, take, () => {
      socket.off('close', decided);
      decided();
      done();
    });
  }

  /** Where a connection came from. @param headers of the request, where there is one */
  arrival(socket: Socket, headers: IncomingHttpHeaders = {}): Arrival {
    const said = this.#origins.size === 0 ? undefined : this.#origins.get(nameOf(socket));
    const peer = said ?? plainAddress(socket.remoteAddress ?? UNIX_PEER);
    const { forwardedFor, behindTls } = this.#options;
    return {
      address: forwardedFor === undefined ? peer : forwardedFor.origin(peer, headers['x-forwarded-for']?.toString()),
      secure: socket instanceof TLSSocket || behindTls === true,
    };
  }

  #mayEnter(): boolean {
    return !this.#stopped && this.#options.admit?.() !== false;
  }
}

/** The same for a TCP connection and for the TLS connection over it. */
function nameOf(socket: Socket): string | Socket {
  const { remoteAddress, remotePort } = socket;
  return remotePort === undefined ? socket : `${remoteAddress} ${remotePort}`;
}
