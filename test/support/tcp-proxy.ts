/** A TCP proxy between a client and a router that can be cut and frozen: the network, in a test's hands. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #frozen = new WeakSet<readonly [Socket, Socket]>();
  /** Called with every chunk from the client; what it returns false for never arrives, nor does anything after it. */
  onClientData: ((chunk: Buffer) => boolean) | undefined;
  /** The same for chunks from the router. */
  onRouterData: ((chunk: Buffer) => boolean) | undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#pair(client));
  }

  /** On a free port of loopback, in front of `target`; gone when the test ends. */
  static async before(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    onTestFinished(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }

  /** Every connection breaks, without a word of WebSocket. New ones are let through. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Nothing passes any more on the connections there are, and nobody is told: a cable that was pulled. */
  freeze(): void {
    for (const pair of this.#pairs) this.#frozen.add(pair);
  }

  #pair(client: Socket): void {
    const router = connect({ host: '127.0.0.1', port: this.#target });
    const pair = [client, router] as const;
    this.#pairs.add(pair);
    const pass = (from: Socket, to: Socket, judge: () => ((chunk: Buffer) => boolean) | undefined): void => {
      let torn = false;
      from.on('data', (chunk: Buffer) => {
        if (torn || this.#frozen.has(pair)) return;
        if (judge()?.(chunk) === false) torn = true;
        else to.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => {
        this.#pairs.delete(pair);
        if (!this.#frozen.has(pair)) to.destroy();
      });
    };
    pass(client, router, () => this.onClientData);
    pass(router, client, () => this.onRouterData);
  }
}
