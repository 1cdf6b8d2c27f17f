/** A long-poll client: one request per message, one `receive` at a time. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Wire, WireEnd } from './wire.ts';

export interface Polled {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** @param type content type; undefined: no body is sent and none is named */
export function post(
  url: string,
  body?: Buffer | string,
  type: string | undefined = body === undefined ? undefined : 'application/json',
  headers: Readonly<Record<string, string>> = {},
  agent?: Agent,
): Promise<Polled> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, ...(type === undefined ? {} : { 'Content-Type': type }) };
    const sent = request(
      url,
      { method: 'POST', headers: all, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** @returns the URL of the new connection. @throws Error with the answer where there is none */
export async function openPolled(url: string, protocol: string): Promise<string> {
  const { status, body } = await post(`${url}/open`, JSON.stringify({ protocols: [protocol] }));
  if (status !== 200) throw new Error(`open: ${status} ${body}`);
  const { transport } = JSON.parse(body.toString()) as { transport: string };
  return `${url}/${transport}`;
}

/** A wire over long-poll. It opens by itself; what is sent meanwhile waits, and everything is sent in order. */
export function longPollWire(url: string, subprotocol: string): Wire {
  const agent = new Agent({ keepAlive: true });
  const binary = !subprotocol.includes('json');
  let isOver = false;
  let end: WireEnd = { code: 1006, reason: '' };
  const opened = openPolled(url, subprotocol);
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    agent.destroy();
    wire.onClose(end);
  };
  let sending: Promise<unknown> = opened;
  const wire: Wire = {
    subprotocol,
    onMessage: () => {},
    onClose: () => {},
    send(bytes) {
      sending = sending.then(async () => {
        if (isOver) return;
        await post(`${await opened}/send`, bytes, binary ? 'application/octet-stream' : 'application/json', {}, agent);
      });
      sending.catch(() => {});
    },
    close() {
      end = { code: 1000, reason: '' };
      const closing = sending.then(async () => post(`${await opened}/close`));
      closing.then(over, over);
    },
    destroy() {
      // HTTP knows no reset of such a connection; a client that vanishes is found by its silence.
      this.close();
    },
  };
  void poll();
  return wire;

  async function poll(): Promise<void> {
    try {
      const base = await opened;
      for (;;) {
        const { status, body } = await post(`${base}/receive`, undefined, undefined, {}, agent);
        if (status === 200) wire.onMessage(body, binary);
        else if (status !== 204) break;
      }
      if (end.code === 1006) end = { code: 1000, reason: '' };
    } catch {
      // Gone: `onClose` says it.
    }
    over();
  }
}
