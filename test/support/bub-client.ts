/** A Bub peer as its real programs are on the wire: JSON-RPC over a WebSocket without subprotocol, ids as UUIDs. */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Dict } from '../../src/wamp/payload.ts';

export interface BubRequest {
  readonly id: unknown;
  readonly method: string;
  readonly params: Dict;
  /** As it came. */
  readonly text: string;
}

export interface BubAnswer {
  readonly jsonrpc: string;
  readonly id: unknown;
  readonly result?: Dict;
  readonly error?: { readonly code: number; readonly message: string; readonly data: unknown };
}

export const PROCESSED: Dict = { processed: true, status: 'ok', message: 'done' };

let messages = 0;

/** An envelope with defaults for whatever a test does not say. */
export function envelope(type: string, more: Dict = {}): Dict {
  messages += 1;
  return {
    messageId: `msg_${messages}`,
    type,
    from: 'agent:unknown',
    timestamp: '2026-11-20T11:27:31.160219+00:00',
    content: { text: 'hello' },
    ...more,
  };
}

export class BubClient {
  /** Everything that came, as text. */
  readonly frames: string[] = [];
  /** Requests of the bus. */
  readonly requests: BubRequest[] = [];
  /** Answers that nobody asked for. */
  readonly strays: BubAnswer[] = [];
  /** The answer to a request of the bus; undefined: none. Default: processed. */
  onRequest: (request: BubRequest) => Dict | undefined = () => PROCESSED;
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #ws: WebSocket;
  readonly #waiting = new Map<unknown, (answer: BubAnswer) => void>();
  #wake: (() => void)[] = [];

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on('message', (data) => this.#received(String(data)));
    this.ended = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    ws.on('error', () => {});
  }

  static async connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<BubClient> {
    const ws = new WebSocket(url, { headers });
    const client = new BubClient(ws);
    await new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  /** A connected, initialized peer with its patterns. */
  static async join(url: string, clientId: string, ...topics: string[]): Promise<BubClient> {
    const client = await BubClient.connect(url);
    await client.must('initialize', { clientId, clientInfo: null });
    for (const topic of topics) await client.must('subscribe', { topic });
    return client;
  }

  send(text: string | Buffer): void {
    this.#ws.send(text);
  }

  call(method: string, params: unknown = {}): Promise<BubAnswer> {
    const id = randomUUID();
    return this.ask(id, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  /** Sends `text` and waits for the answer with this id. */
  ask(id: unknown, text: string): Promise<BubAnswer> {
    const answer = new Promise<BubAnswer>((resolve) => this.#waiting.set(id, resolve));
    this.send(text);
    return answer;
  }

  /** @throws Error where the answer is an error */
  async must(method: string, params: unknown = {}): Promise<Dict> {
    const { result, error } = await this.call(method, params);
    if (result === undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async fails(method: string, params: unknown = {}): Promise<{ code: number; message: string }> {
    const { result, error } = await this.call(method, params);
    if (error === undefined) throw new Error(`${method}: not refused but ${JSON.stringify(result)}`);
    return error;
  }

  publish(topic: string, payload: unknown): Promise<Dict> {
    return this.must('sendMessage', { topic, payload });
  }

  answer(id: unknown, result: unknown): void {
    this.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
  }

  /** Resolves when there are `count` requests of the bus. */
  async until(count: number): Promise<readonly BubRequest[]> {
    while (this.requests.length < count) await this.#change();
    return this.requests;
  }

  async stray(count = 1): Promise<BubAnswer> {
    while (this.strays.length < count) await this.#change();
    return this.strays[count - 1] as BubAnswer;
  }

  /** Stops reading, as a peer that hangs does. */
  pause(): void {
    this.#ws.pause();
  }

  close(): void {
    this.#ws.close();
  }

  destroy(): void {
    this.#ws.terminate();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #received(text: string): void {
    this.frames.push(text);
    const message = JSON.parse(text) as BubAnswer & { method?: string; params: Dict };
    if (typeof message.method === 'string') {
      const request = { id: message.id, method: message.method, params: message.params, text };
      this.requests.push(request);
      const result = this.onRequest(request);
      if (result !== undefined) this.answer(request.id, result);
    } else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (waiting === undefined) this.strays.push(message);
      else waiting(message);
    }
    for (const wake of this.#wake.splice(0)) wake();
  }
}
