/**
 * The PROXY protocol, by which a balancer says whom a connection came from before it passes on the first byte of it
 * (HAProxy's document "The PROXY protocol", versions 1 and 2). No socket here.
 */
import { isIP } from 'node:net';

/** What the bytes that came so far say. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  /** It is no header. */
  | { readonly kind: 'malformed' }
  /** `length` bytes of header. `address` absent: the balancer speaks for itself, or does not know. */
  | { readonly kind: 'complete'; readonly length: number; readonly address?: string };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };

const TEXT_START = Buffer.from('PROXY ');
/** With its line end. */
const MAX_TEXT_BYTES = 107;
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const BINARY_HEAD_BYTES = 16;
/** Addresses and extensions of version 2; the longest that balancers send are some hundred bytes. */
const MAX_BINARY_BYTES = 4096;
const VERSION_2 = 0x20;
const COMMAND = { local: 0, proxy: 1 } as const;
const FAMILY = { ipv4: 1, ipv6: 2 } as const;

/** Reads the header at the beginning of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, TEXT_START)) return readText(bytes);
  return startsLike(bytes, SIGNATURE) ? readBinary(bytes) : MALFORMED;
}

/** As far as there are bytes. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

/** `PROXY TCP4 192.0.2.1 198.51.100.7 56324 443␍␊` */
function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_TEXT_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < MAX_TEXT_BYTES ? INCOMPLETE : MALFORMED;
  const length = end + 2;
  const [, family, source, destination, ...ports] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'complete', length };
  const version = family === 'TCP4' ? 4 : 6;
  if (family !== 'TCP4' && family !== 'TCP6') return MALFORMED;
  if (source === undefined || isIP(source) !== version || isIP(destination ?? '') !== version) return MALFORMED;
  if (ports.length !== 2 || !ports.every((port) => /^\d{1,5}$/.test(port))) return MALFORMED;
  return { kind: 'complete', length, address: source };
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < BINARY_HEAD_BYTES) return INCOMPLETE;
  const command = bytes.readUInt8(12) ^ VERSION_2;
  const family = bytes.readUInt8(13) >> 4;
  const rest = bytes.readUInt16BE(14);
  const length = BINARY_HEAD_BYTES + rest;
  if (rest > MAX_BINARY_BYTES || (command !== COMMAND.local && command !== COMMAND.proxy)) return MALFORMED;
  if (bytes.length < length) return INCOMPLETE;
  if (command === COMMAND.local) return { kind: 'complete', length };
  const addressBytes = family === FAMILY.ipv4 ? 4 : family === FAMILY.ipv6 ? 16 : 0;
  if (addressBytes === 0) return { kind: 'complete', length };
  if (rest < 2 * addressBytes + 4) return MALFORMED;
  const source = bytes.subarray(BINARY_HEAD_BYTES, BINARY_HEAD_BYTES + addressBytes);
  return { kind: 'complete', length, address: addressText(source) };
}

function addressText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16));
  // In the one form that sockets have it, so that an address is the same whichever way it came.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
