/** From a parsed `router.yaml` to a RouterConfig, with the checks that need more than one value. */

import { dirname, resolve } from 'node:path';
import { formatAddress, parseAddress } from './address.ts';
import { compact } from './freeze.ts';
import type { ConfigPath, Problem } from './problem.ts';
import type { RouterFile } from './schema.ts';
import type { Source } from './source.ts';
import type { AdminConfig, EndpointConfig, ListenAddress, ListenerConfig, RouterConfig, TlsConfig } from './types.ts';

type ListenerFile = RouterFile['listeners'][number];
type AdminFile = Exclude<RouterFile['admin'], undefined>;

/**
 * @param file absolute path.
 * @returns the configuration without listeners that have no usable address; `problems` says which.
 */
export function buildRouter(
  file: string,
  value: RouterFile,
  source: Source,
): { config: RouterConfig; problems: Problem[] } {
  const builder = new RouterBuilder(dirname(file), source);
  const listeners = value.listeners.flatMap((listener, i) => builder.listener(listener, ['listeners', i]));
  const admin = value.admin === undefined ? undefined : builder.admin(value.admin, ['admin']);
  const activityLog =
    value.activityLog && compact({ ...value.activityLog, file: builder.path(value.activityLog.file) });
  const config = compact({
    file,
    realms: builder.path(value.realms),
    listeners,
    admin,
    limits: value.limits,
    shutdown: value.shutdown,
    activityLog,
    history: { file: builder.path(value.history.file) },
    cluster: value.cluster,
    log: value.log,
  });
  return { config, problems: builder.problems };
}

class RouterBuilder {
  readonly problems: Problem[] = [];
  readonly #folder: string;
  readonly #source: Source;
  /** Address → where it was first used. */
  readonly #addresses = new Map<string, string>();

  constructor(folder: string, source: Source) {
    this.#folder = folder;
    this.#source = source;
  }

  path(text: string): string {
    return resolve(this.#folder, text);
  }

  listener(value: ListenerFile, at: ConfigPath): ListenerConfig[] {
    const address = this.#address(value, at);
    if (address === undefined) return [];
    this.#refuseInsecure(value, address, at, 'this listener');
    const endpoints = value.endpoints.map((endpoint, i) => this.#endpoint(endpoint, [...at, 'endpoints', i]));
    this.#refuseDuplicatePaths(endpoints, at);
    this.#refuseOpenEndpoints(value, address, endpoints, at);
    if (endpoints.length === 0 && value.rawsocket === false && !this.#source.isThinned([...at, 'endpoints'])) {
      this.#note([...at, 'endpoints'], 'is empty, expected at least one endpoint, or rawsocket: true');
    }
    if (address.kind === 'unix' && value.tls !== undefined && value.proxyProtocol !== undefined) {
      const why = 'cannot be told from one another behind TLS on a unix socket';
      this.#note([...at, 'proxyProtocol'], `connections ${why}, expected tcp, or the balancer to end TLS`);
    }
    const { perMessageDeflate, proxyProtocol, forwardedFor } = value;
    return [
      {
        ...this.#common(value, address, at),
        ...rawsocket(value.rawsocket, endpoints),
        ...compact({ perMessageDeflate, proxyProtocol, forwardedFor }),
        endpoints,
      },
    ];
  }

  admin(value: AdminFile, at: ConfigPath): AdminConfig | undefined {
    const address = this.#address(value, at);
    if (address === undefined) return undefined;
    this.#refuseInsecure(value, address, at, 'the admin page');
    if (exposed(address) && value.token === '') {
      const why = 'is empty though the admin page can be reached from other machines';
      this.#note([...at, 'token'], `${why}, expected a token such as "\${env:WAGGLE_ADMIN_TOKEN}"`);
    }
    return { ...this.#common(value, address, at), token: value.token };
  }

  #common(value: ListenerFile | AdminFile, address: ListenAddress, at: ConfigPath) {
    const tls: TlsConfig | undefined =
      value.tls &&
      compact({
        cert: this.path(value.tls.cert),
        key: this.path(value.tls.key),
        clientCa: value.tls.clientCa && this.path(value.tls.clientCa),
      });
    const { behindTls, insecure, hosts, origins } = value;
    if (value.unixMode !== undefined && address.kind !== 'unix') {
      this.#note([...at, 'unixMode'], 'says the mode of a unix socket where there is none, expected unix: path');
    }
    const unixMode = value.unixMode && Number.parseInt(value.unixMode, 8);
    return compact({
      address,
      unixMode: unixMode || undefined,
      tls,
      behindTls,
      insecure,
      hosts,
      origins,
      at: this.#source.place(at),
    });
  }

  #address(value: { tcp?: string | undefined; unix?: string | undefined }, at: ConfigPath): ListenAddress | undefined {
    if ((value.tcp === undefined) === (value.unix === undefined)) {
      const wrong = value.tcp === undefined ? 'has no address' : 'has two addresses';
      this.#note(at, `${wrong}, expected either tcp: host:port or unix: path`);
      return undefined;
    }
    let address: ListenAddress | undefined;
    if (value.unix !== undefined) address = { kind: 'unix', path: this.path(value.unix) };
    else address = parseAddress(value.tcp ?? '');
    if (address === undefined) {
      const wrong = `is ${JSON.stringify(value.tcp)}`;
      this.#note([...at, 'tcp'], `${wrong}, expected an address host:port, such as 127.0.0.1:8080 or "[::1]:8080"`);
      return undefined;
    }
    this.#refuseDuplicateAddress(address, at);
    return address;
  }

  #refuseDuplicateAddress(address: ListenAddress, at: ConfigPath): void {
    if (address.kind === 'tcp' && address.port === 0) return;
    const text = formatAddress(address);
    const first = this.#addresses.get(text);
    const path = [...at, address.kind];
    if (first === undefined) this.#addresses.set(text, this.#source.place(path));
    else this.#note(path, `is ${text} a second time (first at ${first}), expected an address of its own`);
  }

  /** CONTRACT §3, "Safe by default": off loopback nothing goes in the clear unless somebody says so. */
  #refuseInsecure(value: ListenerFile | AdminFile, address: ListenAddress, at: ConfigPath, what: string): void {
    if (!exposed(address) || value.insecure || value.behindTls || value.tls !== undefined) return;
    const why = `lets other machines reach ${what} without TLS, so that tickets and payloads can be read on the way`;
    const fix =
      'tls: { cert, key }, or behindTls: true where a proxy in front ends TLS, or insecure: true to accept it';
    this.#note([...at, 'tcp'], `${why}, expected ${fix}`);
  }

  #refuseOpenEndpoints(
    value: ListenerFile,
    address: ListenAddress,
    endpoints: readonly EndpointConfig[],
    at: ConfigPath,
  ): void {
    if (!exposed(address) || value.insecure) return;
    endpoints.forEach((endpoint, i) => {
      if (!('auth' in endpoint) || endpoint.auth !== 'none') return;
      const why = `is none though ${formatAddress(address)} can be reached from other machines, so that anybody may join`;
      this.#note([...at, 'endpoints', i, 'auth'], `${why}, expected auth: ticket, or insecure: true on the listener`);
    });
  }

  #refuseDuplicatePaths(endpoints: readonly EndpointConfig[], at: ConfigPath): void {
    const seen = new Map<string, string>();
    endpoints.forEach(({ path }, i) => {
      const where: ConfigPath = [...at, 'endpoints', i, 'path'];
      const first = seen.get(path);
      if (first === undefined) seen.set(path, this.#source.place(where));
      else this.#note(where, `is ${path} a second time (first at ${first}), expected one endpoint per path`);
    });
  }

  #endpoint(value: ListenerFile['endpoints'][number], where: ConfigPath): EndpointConfig {
    const path = value.path === '/' ? '/' : value.path.replace(/\/+$/, '');
    return compact({ ...value, path, at: this.#source.place(where) });
  }

  #note(path: ConfigPath, message: string): void {
    this.problems.push(this.#source.problem(path, message));
  }
}

/** Whether other machines can reach it. */
export function exposed(address: ListenAddress): boolean {
  return address.kind === 'tcp' && !address.loopback;
}

/** `true` inherits the narrowest endpoint, WAMP ones first, so that the switch never opens a realm (CONTRACT §3). */
function rawsocket(
  value: ListenerFile['rawsocket'],
  endpoints: readonly EndpointConfig[],
): Pick<ListenerConfig, 'rawsocket'> {
  if (value === false) return {};
  if (value !== true) return { rawsocket: value };
  const wamp = endpoints.filter((endpoint) => endpoint.protocol === 'wamp');
  let narrowest: readonly string[] | undefined;
  for (const endpoint of wamp.length > 0 ? wamp : endpoints) {
    const realms = endpointRealms(endpoint);
    if (realms !== undefined && (narrowest === undefined || realms.length < narrowest.length)) narrowest = realms;
  }
  return { rawsocket: narrowest === undefined ? {} : { realms: narrowest } };
}

/** Realms that can be joined through `endpoint`; undefined: every realm. */
export function endpointRealms(endpoint: EndpointConfig): readonly string[] | undefined {
  return 'realm' in endpoint ? [endpoint.realm] : endpoint.realms;
}
