import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A refusal: status, a sentence for whoever reads it, extra headers. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function headersOf(refusal: Refusal, body: string): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...refusal.headers,
  };
}

/** Answers a request with a refusal and ends the connection: its body was not read. */
export function refuseRequest(response: ServerResponse, refusal: Refusal): void {
  const body = `${refusal.text}\n`;
  response.writeHead(refusal.status, { ...headersOf(refusal, body), Connection: 'close' });
  response.end(body);
}

/** Answers an upgrade request on its bare socket with a refusal and ends the connection. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  const { status } = refusal;
  const body = `${refusal.text}\n`;
  const headers = headersOf(refusal, body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.on('error', () => socket.destroy());
  // A peer that does not close its side must not keep the socket.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`);
}
