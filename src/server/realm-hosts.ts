import { isDeepStrictEqual } from 'node:util';
import { askedProcedures, compileAcl } from '../acl/compile.ts';
import { compileEventRules } from '../acl/event-rules.ts';
import { compileNames } from '../acl/names.ts';
import { Signers } from '../acl/signers.ts';
import type { BridgeRules, RealmHost } from '../adapters/adapter.ts';
import { RealmAuthenticator } from '../auth/authenticator.ts';
import type { Lockout } from '../auth/lockout.ts';
import type { DynamicAuthSpec } from '../auth/principals.ts';
import type { RealmConfig } from '../config/types.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../router/clock.ts';
import { installMeta } from '../router/meta/install.ts';
import type { Realm, RealmSettings } from '../router/realm.ts';
import type { Router } from '../router/router.ts';
import { type CloseReason, CloseUri } from '../wamp/errors.ts';
import type { Histories } from './history.ts';

/** A realm's running parts beside the configuration they were made from. */
interface Hosted extends RealmHost {
  readonly config: RealmConfig;
  readonly bridge: BridgeRules;
  /** Stays the same over reloads: what was signed before one must not pass again after it. */
  readonly signers: Signers;
}

export interface RealmHostsDeps {
  readonly router: Router;
  readonly clock: Clock;
  readonly log: Log;
  readonly lockout: Lockout;
  readonly env: NodeJS.ProcessEnv;
  readonly histories: Histories;
}

const REALM_REMOVED: CloseReason = {
  how: 'goodbye',
  uri: CloseUri.CLOSE_REALM,
  message: 'the realm was removed',
};
const CREDENTIAL_REMOVED: CloseReason = {
  how: 'goodbye',
  uri: CloseUri.KILLED,
  message: 'the credential this session joined with was removed',
};
const ROLE_CHANGED: CloseReason = {
  how: 'restart',
  uri: CloseUri.KILLED,
  message: 'the role of this session changed',
};

/** Every realm of the configuration as it runs, and what a reload does to it (CONTRACT §4, "Reload"). */
export class RealmHosts {
  readonly #deps: RealmHostsDeps;
  readonly #hosts = new Map<string, Hosted>();
  /** Of realms that are gone. */
  readonly #judged = { verified: 0, refused: 0 };

  constructor(deps: RealmHostsDeps) {
    this.#deps = deps;
  }

  get(name: string): RealmHost | undefined {
    return this.#hosts.get(name);
  }

  /** What the realm file says of peers of bridges. */
  bridgeRules(name: string): BridgeRules | undefined {
    return this.#hosts.get(name)?.bridge;
  }

  /** How many messages that had to be signed were, and how many were refused; neither ever shrinks. */
  signatures(): { readonly verified: number; readonly refused: number } {
    let { verified, refused } = this.#judged;
    for (const { signers } of this.#hosts.values()) {
      verified += signers.verified;
      refused += signers.refused;
    }
    return { verified, refused };
  }

  /** Brings the running realms to what `realms` says; realms that say the same as before notice nothing. */
  apply(realms: ReadonlyMap<string, RealmConfig>): void {
    for (const name of [...this.#hosts.keys()]) {
      if (!realms.has(name)) this.#remove(name);
    }
    for (const config of realms.values()) {
      const hosted = this.#hosts.get(config.realm);
      if (hosted === undefined) this.#add(config);
      else if (!isDeepStrictEqual(hosted.config, config)) this.#change(hosted, config);
    }
  }

  /** Looks at files of secrets; sessions whose credential is gone end. */
  async refreshSecrets(): Promise<void> {
    for (const hosted of [...this.#hosts.values()]) {
      if (!(await hosted.authenticator.refresh())) continue;
      // It may have been swapped by a reload meanwhile; then that reload has judged.
      if (this.#hosts.get(hosted.config.realm) !== hosted) continue;
      this.#warn(hosted);
      this.#judge(hosted);
    }
  }

  #add(config: RealmConfig): void {
    const signers = this.#signersOf(config, new Signers());
    const realm = this.#deps.router.create(config.realm, this.#settingsOf(config, signers));
    installMeta(realm);
    const hosted = this.#host(config, realm, signers);
    this.#hosts.set(config.realm, hosted);
    this.#warn(hosted);
  }

  #change(before: Hosted, config: RealmConfig): void {
    const signers = this.#signersOf(config, before.signers);
    const hosted = this.#host(config, before.realm, signers);
    this.#hosts.set(config.realm, hosted);
    this.#warn(hosted);
    this.#judge(hosted);
    before.realm.configure(this.#settingsOf(config, signers));
  }

  #remove(name: string): void {
    const signers = this.#hosts.get(name)?.signers;
    this.#judged.verified += signers?.verified ?? 0;
    this.#judged.refused += signers?.refused ?? 0;
    this.#hosts.delete(name);
    this.#deps.router.remove(name, REALM_REMOVED);
    this.#deps.log.info({ realm: name }, 'realm removed');
  }

  #signersOf(config: RealmConfig, signers: Signers): Signers {
    signers.configure(config.principals.values(), this.#deps.clock.now());
    return signers;
  }

  #host(config: RealmConfig, realm: Realm, signers: Signers): Hosted {
    const { clock, env, lockout } = this.#deps;
    const { realm: name, anonymous, routerKey } = config;
    const principals = [...config.principals.values()];
    const dynamic = dynamicAuth(config);
    const spec = { realm: name, anonymous, principals, routerKey, dynamic };
    const authenticator = new RealmAuthenticator(spec, { clock, env, lockout, inquiries: realm.inquiries });
    const keyOf = (principal: string) => config.principals.get(principal)?.cryptosign[0];
    const bridge = { bub: config.bub, relay: config.relay, names: compileNames(config), keyOf };
    return { realm, authenticator, environment: config.environment ?? '', config, bridge, signers };
  }

  /** A session is judged by the credential it used; all others notice nothing (CONTRACT §4). */
  #judge(hosted: Hosted): void {
    for (const session of [...hosted.realm.sessions.values()]) {
      if (session.internal) continue;
      const proven = hosted.authenticator.judge(session.identity, session.credential);
      const verdict = proven === 'keep' ? hosted.bridge.names.judge(session.identity) : proven;
      if (verdict === 'gone') hosted.realm.end(session, CREDENTIAL_REMOVED);
      else if (verdict === 'roleChanged') hosted.realm.end(session, ROLE_CHANGED);
    }
  }

  #warn(hosted: Hosted): void {
    for (const text of hosted.authenticator.warnings) this.#deps.log.warn({ realm: hosted.config.realm }, text);
  }

  #settingsOf(config: RealmConfig, signers: Signers): RealmSettings {
    return {
      authorizer: compileAcl(config.permissions, config.roles, askedProcedures(config), signers),
      dynamic: config.dynamic,
      events: compileEventRules(config.events, this.#deps.histories.configure(config)),
      limits: config.limits,
      strictRequestIds: config.strictRequestIds,
      strictUris: config.strictUris,
    };
  }
}

function dynamicAuth({ dynamic, roles }: RealmConfig): DynamicAuthSpec | undefined {
  if (dynamic?.authenticator === undefined) return undefined;
  return { authenticator: dynamic.authenticator, timeoutMs: dynamic.timeoutMs, roles: new Set(roles.keys()) };
}
