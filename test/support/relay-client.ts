/** A relay agent on the wire: one JSON object per WebSocket message. */
import { WebSocket } from 'ws';
import type { Dict } from '../../src/wamp/payload.ts';

export interface RelayMessage extends Dict {
  readonly type: string;
}

export class RelayClient {
  /** Everything that came, in order. */
  readonly messages: RelayMessage[] = [];
  /** The same as text. */
  readonly frames: string[] = [];
  /** What an `inbound_call` is answered with beside its id; undefined: nothing. */
  onCall: (call: RelayMessage) => Dict | undefined = () => ({ success: true, payload: 'handled' });
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  name = '';
  peerId = '';
  readonly #ws: WebSocket;
  #wake: (() => void)[] = [];

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on('message', (data) => this.#received(String(data)));
    this.ended = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#changed();
      });
    });
    ws.on('error', () => {});
  }

  static async connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RelayClient> {
    const ws = new WebSocket(url, { headers });
    const client = new RelayClient(ws);
    await new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  /** A connected, registered agent with its topics. */
  static async join(url: string, name: string, ...topics: string[]): Promise<RelayClient> {
    const client = await RelayClient.connect(url);
    const registered = await client.ask({ type: 'register', name }, 'registered');
    client.name = String(registered.name);
    client.peerId = String(registered.peer_id);
    for (const topic of topics) await client.ask({ type: 'subscribe', topic }, 'subscribed');
    return client;
  }

  sendRaw(data: string | Buffer): void {
    this.#ws.send(data);
  }

  send(message: Dict): void {
    this.sendRaw(JSON.stringify(message));
  }

  /** Sends a message and waits for the next one of `type`. @throws Error where an error comes before */
  async ask(message: Dict, type: string): Promise<RelayMessage> {
    const from = this.messages.length;
    this.send(message);
    const answer = await this.next((each) => each.type === type || each.type === 'error', from);
    if (answer.type !== type) throw new Error(JSON.stringify(answer));
    return answer;
  }

  /** Sends a message that must be refused. */
  async fails(message: Dict | string | Buffer): Promise<RelayMessage> {
    const from = this.messages.length;
    if (typeof message === 'string' || Buffer.isBuffer(message)) this.sendRaw(message);
    else this.send(message);
    return this.next((each) => each.type === 'error', from);
  }

  /** Calls and waits for the result. */
  async call(to: string, method: string, payload?: unknown): Promise<RelayMessage> {
    calls += 1;
    const id = `call-${calls}`;
    this.send({ type: 'call', to, method, payload, correlation_id: id });
    return this.next((each) => each.type === 'call_result' && each.correlation_id === id);
  }

  /** A round trip: everything sent before has been carried out. */
  async ping(): Promise<void> {
    await this.ask({ type: 'ping' }, 'pong');
  }

  /** Resolves with the first message from `from` on that fits. @throws Error where the connection ends before */
  async next(fits: (message: RelayMessage) => boolean, from = 0): Promise<RelayMessage> {
    for (;;) {
      const found = this.messages.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.#ws.readyState === WebSocket.CLOSED) throw new Error('the connection has ended');
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Resolves when there are `count` messages of `type`. */
  async until(type: string, count = 1): Promise<readonly RelayMessage[]> {
    await this.next(() => this.of(type).length >= count);
    return this.of(type);
  }

  of(type: string): RelayMessage[] {
    return this.messages.filter((each) => each.type === type);
  }

  /** Stops reading, as an agent that hangs does. */
  pause(): void {
    this.#ws.pause();
  }

  close(): void {
    this.#ws.close();
  }

  destroy(): void {
    this.#ws.terminate();
  }

  #received(text: string): void {
    this.frames.push(text);
    const message = JSON.parse(text) as RelayMessage;
    this.messages.push(message);
    if (message.type === 'inbound_call') {
      const answer = this.onCall(message);
      if (answer !== undefined) {
        this.send({ type: 'call_response', correlation_id: message.correlation_id, ...answer });
      }
    }
    this.#changed();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

let calls = 0;
