/**
 * The request that opens a WebSocket, read from its bytes where it is as plain as clients of WebSockets send it: whole in
 * the first read, no header twice, nothing unusual. Everything else goes to Node's HTTP parser, which decides then as it
 * always did; setting it up cost more than a third of what a new connection costs (issue "Speed"). The two are held
 * against each other in test/property/upgrade-request.test.ts.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** What is asked of a request for an upgrade: Node's `IncomingMessage`, or one read here. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
}

/** A head as it was read. */
export interface UpgradeHead {
  readonly method: 'GET';
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of it; what is behind them belongs to the WebSocket. */
  readonly length: number;
}

/** Longer ones are not usual. */
const MAX_HEAD_BYTES = 4096;
const END = '\r\n\r\n';
const REQUEST_LINE = /^GET (\/[\w\-.~%!$&'()*+,;=:@/?]*) HTTP\/1\.1$/;
const NAME = /^[a-z0-9-]+$/;
const VALUE = /^ ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/;
const CONNECTION = /^(?:keep-alive, ?)?upgrade$/i;
/** What makes more of a request than its head, and what Node gives as a list; none of it is usual here. */
const UNUSUAL = ['content-length', 'transfer-encoding', 'expect', 'trailer', 'te', 'set-cookie'];

/** @returns undefined: to be read by Node's parser */
export function readUpgradeHead(bytes: Buffer): UpgradeHead | undefined {
  const end = bytes.indexOf(END);
  if (end === -1 || end > MAX_HEAD_BYTES) return undefined;
  const lines = bytes.toString('latin1', 0, end).split('\r\n');
  const url = REQUEST_LINE.exec(lines[0] ?? '')?.[1];
  if (url === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (let i = 1; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = VALUE.exec(line.slice(colon + 1))?.[1];
    if (value === undefined || !NAME.test(name) || Object.hasOwn(headers, name)) return undefined;
    headers[name] = value;
  }
  return isUpgrade(headers) ? { method: 'GET', url, headers, length: end + END.length } : undefined;
}

function isUpgrade(headers: Readonly<Record<string, string>>): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket' || !CONNECTION.test(headers.connection ?? '')) return false;
  // Without one Node answers 400 (RFC 9112 §3.2).
  return headers.host !== undefined && !UNUSUAL.some((name) => Object.hasOwn(headers, name));
}
