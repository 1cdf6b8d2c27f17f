/** The checked configuration as the router's parts see it: frozen, defaults applied, paths absolute. */

import type { Action } from '../router/authorizer.ts';
import type { SignatureSpec } from '../signing/payload.ts';
import type { Problem } from './problem.ts';
import type { RouterFile } from './schema.ts';

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Bounds on what peers may use; bytes and milliseconds as named. */
export type LimitsConfig = DeepReadonly<RouterFile['limits']>;

export type ListenAddress =
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Whether only this machine can reach it. */ readonly loopback: boolean;
    }
  | { readonly kind: 'unix'; readonly path: string };

export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

interface Listening {
  readonly address: ListenAddress;
  /** Permissions of the unix socket's file. */
  readonly unixMode?: number;
  readonly tls?: TlsConfig;
  readonly behindTls: boolean;
  readonly insecure: boolean;
  readonly hosts: readonly string[];
  /** Absent: the defaults of CONTRACT §3. */
  readonly origins?: readonly string[];
  /** `file:line` */
  readonly at: string;
}

export type EndpointConfig = {
  /** Begins with `/`, without a `/` at the end; or `*`. */
  readonly path: string;
  /** `file:line` */
  readonly at: string;
} & (
  | {
      readonly protocol: 'wamp' | 'http' | 'mcp';
      /** Absent: every realm. */
      readonly realms?: readonly string[];
    }
  | {
      readonly protocol: 'longpoll';
      /** Absent: every realm. */
      readonly realms?: readonly string[];
      readonly emptyStatus: 202 | 204;
    }
  | { readonly protocol: 'bub-v2' | 'bub-v1' | 'relay'; readonly realm: string; readonly auth: 'none' | 'ticket' }
);

export interface ListenerConfig extends Listening {
  /** Absent: RawSocket is not answered. `realms` absent: every realm. */
  readonly rawsocket?: { readonly realms?: readonly string[] };
  readonly perMessageDeflate: boolean;
  /** Who says by the PROXY protocol whom connections came from: IP addresses, networks, `unix`. */
  readonly proxyProtocol?: { readonly from: readonly string[] };
  /** Whose `X-Forwarded-For` is believed. */
  readonly forwardedFor?: { readonly from: readonly string[] };
  readonly endpoints: readonly EndpointConfig[];
}

export interface AdminConfig extends Listening {
  /** Empty: to be made at start. */
  readonly token: string;
}

export interface ActivityLogConfig {
  /** Absolute path. */
  readonly file: string;
  readonly whenFull: 'block' | 'drop';
  /** Absent: rows are kept, whatever their age. */
  readonly maxAgeMs?: number;
  /** Absent: rows are kept, however many. */
  readonly maxBytes?: number;
}

export interface RouterConfig {
  /** Absolute path of the file it came from. */
  readonly file: string;
  /** Absolute path of the folder of realm files. */
  readonly realms: string;
  readonly listeners: readonly ListenerConfig[];
  readonly admin?: AdminConfig;
  readonly limits: LimitsConfig;
  readonly shutdown: { readonly mode: 'drop' | 'goodbye'; readonly drainMs: number };
  readonly activityLog?: ActivityLogConfig;
  /** Absolute path of the file of event history; made when a realm needs it. */
  readonly history: { readonly file: string };
  readonly cluster?: { readonly nats: readonly string[]; readonly node: string };
  readonly log: { readonly level: RouterFile['log']['level'] };
}

/** Where a ticket is found. */
export type TicketSpec = { readonly env: string } | { readonly file: string } | { readonly hash: string };

/** Where a WAMP-CRA secret is found, or its salted derivation. */
export type CraSpec =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly key: string; readonly salt: string; readonly iterations: number; readonly keylen: number };

export interface ScramSpec {
  /** `spec`: for clients of the specification's `wamp-scram`; `autobahn`: for autobahn's `scram`. */
  readonly dialect: 'spec' | 'autobahn';
  readonly kdf: 'argon2id13' | 'pbkdf2';
  /** Hex, as are the keys. */
  readonly salt: string;
  readonly iterations: number;
  /** KiB; always there for argon2id13. */
  readonly memory?: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

export interface PrincipalConfig {
  readonly authid: string;
  readonly role: string;
  /** Only what exists: entries whose variable or file is missing or empty are left out, with a warning. */
  readonly ticket: readonly TicketSpec[];
  /** SHA-256 of client certificates, lower-case hex. */
  readonly tls: readonly string[];
  /** Lower-case hex. */
  readonly cryptosign: readonly string[];
  readonly wampcra: readonly CraSpec[];
  /** One for each dialect at most. */
  readonly scram: readonly ScramSpec[];
  readonly bub: readonly string[];
  readonly relay: readonly string[];
  /** `file:line` */
  readonly at: string;
}

export type RuleMatch = 'exact' | 'prefix' | 'wildcard' | 'glob';

export interface RuleConfig {
  /** May hold `{authid}` as whole components. */
  readonly uri: string;
  readonly match: RuleMatch;
  readonly allow: readonly Action[];
  readonly deny: readonly Action[];
  readonly disclose: readonly ('publisher' | 'caller')[];
  readonly signature?: SignatureSpec;
  readonly audit: boolean;
  /** `file:line` */
  readonly at: string;
}

export interface RoleConfig {
  readonly dynamic: boolean;
  readonly trustlevel?: number;
  readonly at: string;
}

/** In file order; the first whose glob matches counts. */
export interface GlobRole {
  readonly glob: string;
  readonly role: string;
}

export interface EventRuleConfig {
  readonly uri: string;
  readonly match: RuleMatch;
  readonly retain: 'allowed' | 'refused';
  readonly history?: {
    readonly limit: number;
    readonly maxBytes: number;
    readonly maxAgeMs?: number;
    readonly store: 'memory' | 'sqlite';
  };
  /** `file:line` */
  readonly at: string;
}

export interface RealmConfig {
  readonly realm: string;
  /** Absolute path of the file it came from. */
  readonly file: string;
  readonly environment?: string;
  readonly strictUris: boolean;
  readonly strictRequestIds: boolean;
  readonly anonymous?: { readonly role: string };
  /** Where the private seed is with which the router proves itself; a file with its absolute path. */
  readonly routerKey?: { readonly env: string } | { readonly file: string };
  readonly principals: ReadonlyMap<string, PrincipalConfig>;
  readonly roles: ReadonlyMap<string, RoleConfig>;
  /** The rules of each role. */
  readonly permissions: ReadonlyMap<string, readonly RuleConfig[]>;
  readonly bub: {
    readonly roles: readonly GlobRole[];
    readonly allowOther: boolean;
    readonly processTimeoutMs: number;
    readonly maxConcurrentRequests: number;
  };
  readonly relay: { readonly roles: readonly GlobRole[]; readonly callTimeoutMs: number };
  readonly events: readonly EventRuleConfig[];
  readonly dynamic?: { readonly authenticator?: string; readonly authorizer?: string; readonly timeoutMs: number };
  /** The router's limits, lowered where the realm says so. */
  readonly limits: LimitsConfig;
}

/** Everything at once; what a reload swaps. */
export interface Config {
  readonly router: RouterConfig;
  readonly realms: ReadonlyMap<string, RealmConfig>;
  readonly warnings: readonly Problem[];
  /** Absolute paths of all files it was made of: router file, realm files, TLS files, secret files. */
  readonly files: readonly string[];
  /** SHA-256 of TLS and secret files by absolute path; a change there is a change of the configuration. */
  readonly fingerprints: ReadonlyMap<string, string>;
  /** Environment variables that credentials are read from and that are unset or empty. */
  readonly unsetEnv: readonly string[];
}
