import { BlockList, isIP } from 'node:net';
import type { Refusal } from './http-answers.ts';

/** Who may speak to a listener; read anew at each request, so that a reload is in force at once. */
export interface HttpRules {
  /** Names the listener answers to, beside its own IP and `localhost`; without port, any letter case. */
  readonly hosts: readonly string[];
  /**
   * Browser origins let in, e.g. `https://app.example`; `http://localhost:*` means any port. `undefined`: on loopback
   * pages of this machine (http), elsewhere none.
   */
  readonly origins: readonly string[] | undefined;
}

const LOCAL_ORIGINS = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*'];

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @param address an IP address; IPv4 mapped into IPv6 counts as what it is */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  return version !== 0 && loopback.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

/** `::ffff:10.0.0.1` → `10.0.0.1`: one peer has one address, whichever socket it came to. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/**
 * Host rule of CONTRACT §3: a web page that got its own name to resolve to this machine (DNS rebinding) sends its own
 * name as Host and is refused here. The port is not looked at: it is another one behind a tunnel.
 * @param localAddress the address the connection came to; `undefined` on a unix socket
 */
export function checkHost(
  host: string | undefined,
  localAddress: string | undefined,
  hosts: readonly string[],
): Refusal | undefined {
  const name = host === undefined ? undefined : hostName(host);
  if (name !== undefined) {
    if (name === 'localhost') return undefined;
    const own = localAddress === undefined ? undefined : plainAddress(localAddress);
    const literal = name.startsWith('[') ? name.slice(1, -1) : name;
    if (own !== undefined && isIP(literal) !== 0 && sameAddress(literal, own)) return undefined;
    if (hosts.some((known) => known.toLowerCase() === name)) return undefined;
  }
  const got = host === undefined ? 'no Host' : `the Host "${printable(host)}"`;
  return {
    status: 421,
    text: `this listener does not answer to ${got}; names beside its IP address and localhost are listed under "hosts"`,
  };
}

/** Origin rule of CONTRACT §3; no Origin, no browser. `null` (a sandboxed page, a file) only if listed. */
export function checkOrigin(
  origin: string | undefined,
  localAddress: string | undefined,
  origins: readonly string[] | undefined,
): Refusal | undefined {
  if (origin === undefined) return undefined;
  const onLoopback = localAddress !== undefined && isLoopback(localAddress);
  const allowed = origins ?? (onLoopback ? LOCAL_ORIGINS : []);
  const asked = origin.toLowerCase();
  if (allowed.some((pattern) => originMatches(pattern.toLowerCase(), asked))) return undefined;
  return {
    status: 403,
    text: `pages of the origin "${printable(origin)}" may not use this listener; allowed ones are listed under "origins"`,
  };
}

/** A request that came through a proxy, by its own word. Only ever used to refuse, so a lie gains nothing. */
export function isForwarded(headers: Readonly<Record<string, unknown>>): boolean {
  if (headers.forwarded !== undefined) return true;
  for (const name in headers) if (name.startsWith('x-forwarded-')) return true;
  return false;
}

function originMatches(pattern: string, origin: string): boolean {
  if (pattern === origin) return true;
  if (!pattern.endsWith(':*')) return false;
  const withoutPort = pattern.slice(0, -2);
  if (!origin.startsWith(withoutPort)) return false;
  return /^(:\d{1,5})?$/.test(origin.slice(withoutPort.length));
}

/** `Example.org:8080` → `example.org`, `[::1]:80` → `[::1]`; undefined where it is not `host[:port]`. */
function hostName(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@?#\s]+?)\.?(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}

function sameAddress(one: string, other: string): boolean {
  if (one === other) return true;
  if (isIP(one) !== 6 || isIP(other) !== 6) return false;
  const list = new BlockList();
  list.addAddress(one, 'ipv6');
  return list.check(other, 'ipv6');
}

function printable(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');
}
