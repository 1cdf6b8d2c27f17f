/** The opening handshake of a WebSocket without extensions, on our side (RFC 6455 §4.2). */
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Refusal } from './http-answers.ts';
import type { UpgradeRequest } from './upgrade-request.ts';

/** RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Sixteen bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
/** 8 is what came before the RFC; on the wire it is the same. */
const VERSIONS = ['13', '8'];
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What is wrong with a request for an upgrade to WebSocket. */
export function refuseHandshake({ method, headers }: UpgradeRequest): Refusal | undefined {
  if (method !== 'GET') return { status: 405, text: 'a WebSocket is opened with GET' };
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    return { status: 400, text: 'Sec-WebSocket-Key must be there: 16 bytes in base64' };
  }
  if (!VERSIONS.includes(headers['sec-websocket-version'] ?? '')) {
    const versions = VERSIONS.join(', ');
    return {
      status: 400,
      text: `the versions ${versions} of WebSocket are spoken`,
      headers: { 'Sec-WebSocket-Version': versions },
    };
  }
  return undefined;
}

/** The subprotocols a client asks for, in its order; undefined: what it sent is no list of names, each once. */
export function offeredProtocols(headers: IncomingHttpHeaders): readonly string[] | undefined {
  const header = headers['sec-websocket-protocol'];
  if (header === undefined) return [];
  const names = header.split(',').map((name) => name.trim());
  return new Set(names).size === names.length && names.every((name) => TOKEN.test(name)) ? names : undefined;
}

/** The answer that opens it. @param protocol '' for none */
export function acceptance(headers: IncomingHttpHeaders, protocol: string): string {
  const accept = hash('sha1', `${headers['sec-websocket-key']}${GUID}`, 'base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n${protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`
  );
}
