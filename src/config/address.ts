/** Listen addresses: reading them, and whether others than this machine can reach them. */

import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { ListenAddress } from './types.ts';

const ADDRESS = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]/]+)):(\d{1,5})$/;

/** Reads `host:port`, with IPv6 in brackets. @returns undefined where it is none. */
export function parseAddress(text: string): Extract<ListenAddress, { kind: 'tcp' }> | undefined {
  const [, v6, name, digits] = ADDRESS.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  if (v6 !== undefined && !isIPv6(v6)) return undefined;
  // Digits and dots only: meant as an IPv4 address, so it must be one.
  if (name !== undefined && /^[\d.]+$/.test(name) && !isIPv4(name)) return undefined;
  return { kind: 'tcp', host, port, loopback: isLoopback(host) };
}

/** Whether `host` is this machine only: 127.0.0.0/8, ::1, also as IPv4 in IPv6, or `localhost`. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:/, '');
  return plain === 'localhost' || plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** Whether `text` is an IP address, a network such as `10.0.0.0/8`, or `unix`. */
export function isPeerPattern(text: string): boolean {
  if (text === 'unix') return true;
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** As one writes it. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
