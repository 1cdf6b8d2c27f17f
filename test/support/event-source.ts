import { type ClientRequest, type IncomingMessage, request } from 'node:http';

export interface StreamedEvent {
  /** `message` where the stream gives it no name. */
  readonly name: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** A client of server-sent events that reads strictly, over a socket that a test can hold and cut. */
export class EventSource {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** All that came, as it came. */
  text = '';
  /** Resolves when the stream is over, however it ended. */
  readonly ended: Promise<void>;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  #taken = 0;
  #isOver = false;
  #wake: (() => void)[] = [];

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#request = sent;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
      this.#changed();
    });
    response.on('error', () => {});
    this.ended = new Promise((resolve) => {
      response.on('close', () => {
        this.#isOver = true;
        this.#changed();
        resolve();
      });
    });
  }

  static open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventSource> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { headers });
      sent.on('error', reject);
      sent.on('response', (response) => resolve(new EventSource(sent, response)));
      sent.end();
    });
  }

  /** The next event. @throws Error where the stream ends before it, or says what no stream may */
  async next(): Promise<StreamedEvent> {
    for (;;) {
      const end = this.text.indexOf('\n\n', this.#taken);
      if (end !== -1) {
        const block = this.text.slice(this.#taken, end);
        this.#taken = end + 2;
        const event = eventOf(block);
        if (event !== undefined) return event;
      } else if (this.#isOver) {
        throw new Error(`the stream ended after ${JSON.stringify(this.text.slice(this.#taken))}`);
      } else {
        await new Promise<void>((resolve) => {
          this.#wake.push(resolve);
        });
      }
    }
  }

  /** Resolves when `text` holds this. */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part) && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  destroy(): void {
    this.#request.destroy();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** undefined: nothing but comments. */
function eventOf(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) continue;
    const [, name, value] = /^(id|event|data): (.*)$/.exec(line) ?? [];
    if (name === undefined || fields.has(name)) throw new Error(`not a line of ours: ${JSON.stringify(line)}`);
    fields.set(name, value ?? '');
  }
  if (fields.size === 0) return undefined;
  return {
    name: fields.get('event') ?? 'message',
    id: fields.get('id'),
    data: JSON.parse(fields.get('data') ?? '') as Record<string, unknown>,
  };
}
