import { BlockList, isIP } from 'node:net';
import { plainAddress } from './http-rules.ts';

/** What stands for the other end of a unix socket, which has no address. */
export const UNIX_PEER = 'unix';

/** Whose word is taken for whom a connection or request came from. */
export class Proxies {
  readonly #list = new BlockList();
  readonly #unix: boolean;

  /** @param from IP addresses, networks such as `10.0.0.0/8`, and `unix`. @throws Error where one is neither */
  constructor(from: readonly string[]) {
    this.#unix = from.includes(UNIX_PEER);
    for (const each of from) {
      if (each === UNIX_PEER) continue;
      const [address = '', bits] = each.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** @param address as `Arrival` has it */
  has(address: string): boolean {
    if (address === UNIX_PEER) return this.#unix;
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * Whom a request came from: `X-Forwarded-For` read from its end, as far as those who wrote it are believed.
   * @param peer who sent it
   */
  origin(peer: string, forwardedFor: string | undefined): string {
    let origin = peer;
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
    while (this.has(origin)) {
      const hop = hops.pop();
      const address = hop === undefined ? undefined : addressOf(hop.trim());
      if (address === undefined) break;
      origin = address;
    }
    return origin;
  }
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; undefined for all else, e.g. `unknown`. */
function addressOf(hop: string): string | undefined {
  const [, v6, v4] = /^\[([0-9a-f:.]+)\](?::\d+)?$|^([\d.]+):\d+$/i.exec(hop) ?? [];
  const address = plainAddress((v6 ?? v4 ?? hop).toLowerCase());
  return isIP(address) === 0 ? undefined : address;
}
