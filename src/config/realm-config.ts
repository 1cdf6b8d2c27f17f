/** From a parsed realm file to a RealmConfig, with the checks that need more than one value. */

import { dirname, resolve } from 'node:path';
import { REQUIRED } from '../signing/payload.ts';
import { isReserved } from '../wamp/uri.ts';
import { compact } from './freeze.ts';
import { nameGlobProblem, uriProblem } from './patterns.ts';
import type { ConfigPath, Problem } from './problem.ts';
import type { RealmFile } from './schema.ts';
import type { Source } from './source.ts';
import type {
  CraSpec,
  EventRuleConfig,
  GlobRole,
  LimitsConfig,
  PrincipalConfig,
  RealmConfig,
  RoleConfig,
  RuleConfig,
  TicketSpec,
} from './types.ts';

type RoleFile = RealmFile['roles'][string];
type RuleFile = Extract<RoleFile, readonly unknown[]>[number];
type SignatureFile = Exclude<NonNullable<RuleFile['signature']>, string>;
type PrincipalFile = RealmFile['principals'][string];

/** What one scrypt call may cost, and what its fields may hold; auth/ holds to the same. */
const SCRYPT = { maxBytes: 128 * 2 ** 20, maxParallel: 16, minSalt: 8, minHash: 16, maxField: 64 };

/** RFC 9106, section 3.1, in bytes. */
const MIN_ARGON_SALT = 8;

/** Decides whether a credential exists; notes a warning where it does not. */
export interface Secrets {
  exists(spec: TicketSpec | CraSpec, source: Source, path: ConfigPath, authid: string): boolean;
}

/**
 * @param file absolute path.
 * @param roleNames roles as the file names them, also those that had problems and are gone from `value`.
 */
export function buildRealm(
  file: string,
  value: RealmFile,
  source: Source,
  roleNames: ReadonlySet<string>,
  limits: LimitsConfig,
  secrets: Secrets,
): { config: RealmConfig; problems: Problem[] } {
  const builder = new RealmBuilder(dirname(file), value, source, roleNames, secrets);
  const config = builder.build(file, limits);
  return { config, problems: builder.problems };
}

class RealmBuilder {
  readonly problems: Problem[] = [];
  readonly #folder: string;
  readonly #value: RealmFile;
  readonly #source: Source;
  readonly #roleNames: ReadonlySet<string>;
  readonly #secrets: Secrets;
  /** Cryptosign key → where it was first seen. */
  readonly #keys = new Map<string, string>();

  constructor(folder: string, value: RealmFile, source: Source, roleNames: ReadonlySet<string>, secrets: Secrets) {
    this.#folder = folder;
    this.#value = value;
    this.#source = source;
    this.#roleNames = roleNames;
    this.#secrets = secrets;
  }

  build(file: string, limits: LimitsConfig): RealmConfig {
    const value = this.#value;
    if (value.anonymous !== undefined) this.#roleExists(value.anonymous.role, ['anonymous', 'role']);
    const roles = new Map<string, RoleConfig>();
    const permissions = new Map<string, readonly RuleConfig[]>();
    for (const name of this.#source.keys(['roles'])) this.#role(name, roles, permissions);
    const principals = new Map<string, PrincipalConfig>();
    for (const authid of this.#source.keys(['principals'])) {
      const principal = value.principals[authid];
      if (principal !== undefined) principals.set(authid, this.#principal(authid, principal));
    }
    this.#checkDynamic();
    return compact({
      realm: value.realm,
      file,
      environment: value.environment,
      strictUris: value.strictUris,
      strictRequestIds: value.strictRequestIds,
      anonymous: value.anonymous,
      routerKey: this.#routerKey(),
      principals,
      roles,
      permissions,
      bub: { ...value.bub, roles: this.#globRoles('bub') },
      relay: { ...value.relay, roles: this.#globRoles('relay') },
      events: value.events.map((event, i) => this.#event(event, i)),
      dynamic: value.dynamic && compact(value.dynamic),
      limits: this.#limits(limits),
    });
  }

  /** Whether it exists is said where the realm is compiled: nobody joins with it. */
  #routerKey(): RealmConfig['routerKey'] {
    const { routerKey } = this.#value;
    return routerKey && ('file' in routerKey ? { file: resolve(this.#folder, routerKey.file) } : routerKey);
  }

  #role(name: string, roles: Map<string, RoleConfig>, permissions: Map<string, readonly RuleConfig[]>): void {
    const role = this.#value.roles[name];
    if (role === undefined) return;
    const at: ConfigPath = ['roles', name];
    const plain = Array.isArray(role) ? { rules: role, dynamic: false, trustlevel: undefined } : role;
    const rulesAt = Array.isArray(role) ? at : [...at, 'rules'];
    const { dynamic, trustlevel } = plain;
    roles.set(name, compact({ dynamic, trustlevel, at: this.#source.place(at) }));
    permissions.set(
      name,
      plain.rules.map((rule, i) => this.#rule(rule, [...rulesAt, i])),
    );
    if (dynamic && this.#value.dynamic?.authorizer === undefined) {
      this.#note(
        [...at, 'dynamic'],
        'is true but nobody can be asked, expected dynamic: { authorizer: … } in this file',
      );
    }
  }

  #rule(rule: RuleFile, at: ConfigPath): RuleConfig {
    this.#checkUri(rule.uri, rule.match, [...at, 'uri'], true);
    const given = rule.signature;
    if (given !== undefined && given !== 'required') this.#checkSignature(given, [...at, 'signature']);
    const signature = given === 'required' ? REQUIRED : given && compact(given);
    return compact({ ...rule, signature, at: this.#source.place(at) });
  }

  /** A signature that covers itself, or is its own key, time or nonce, could not be made. */
  #checkSignature({ over, field, key, ts, nonce }: SignatureFile, at: ConfigPath): void {
    const names = { key, ts, nonce, field };
    for (const [what, name] of Object.entries(names)) {
      const other = Object.entries(names).find(([each, value]) => each !== what && value === name);
      if (name === undefined || other === undefined || what === 'field') continue;
      this.#note([...at, what], `is ${JSON.stringify(name)}, as is ${other[0]}, expected a kwarg of its own`);
    }
    if (over !== 'all' && over.includes(field)) {
      this.#note([...at, 'over'], `holds ${JSON.stringify(field)}, the signature itself, expected what it is to cover`);
    }
  }

  #checkUri(uri: string, match: RuleFile['match'], at: ConfigPath, placeholder: boolean): void {
    const wrong = uriProblem(uri, match, this.#value.strictUris, placeholder);
    if (wrong !== undefined) this.#note(at, wrong);
  }

  #principal(authid: string, value: PrincipalFile): PrincipalConfig {
    const at: ConfigPath = ['principals', authid];
    this.#roleExists(value.role, [...at, 'role']);
    value.cryptosign.forEach((key, i) => {
      this.#uniqueKey(key.toLowerCase(), this.#item([...at, 'cryptosign'], i));
    });
    const tls = value.tls.map((fingerprint) => fingerprint.replaceAll(':', '').toLowerCase());
    tls.forEach((fingerprint, i) => {
      this.#uniqueKey(fingerprint, this.#item([...at, 'tls'], i));
    });
    value.ticket.forEach((spec, i) => {
      if ('hash' in spec) this.#checkScrypt(spec.hash, [...this.#item([...at, 'ticket'], i), 'hash']);
    });
    this.#checkScram(value.scram, [...at, 'scram']);
    for (const kind of ['bub', 'relay'] as const) {
      value[kind].forEach((glob, i) => {
        const wrong = nameGlobProblem(glob);
        if (wrong !== undefined) this.#note(this.#item([...at, kind], i), wrong);
      });
    }
    return compact({
      authid,
      role: value.role,
      ticket: this.#existing(authid, 'ticket', value.ticket),
      cryptosign: value.cryptosign.map((key) => key.toLowerCase()),
      wampcra: this.#existing(authid, 'wampcra', value.wampcra),
      scram: value.scram.map((spec) => compact(spec)),
      tls,
      bub: value.bub,
      relay: value.relay,
      at: this.#source.place(at),
    });
  }

  /** Of the credentials written down, those that exist, with absolute paths. */
  #existing<T extends TicketSpec | CraSpec>(authid: string, kind: 'ticket' | 'wampcra', specs: readonly T[]): T[] {
    return specs
      .map((spec) => ('file' in spec ? { ...spec, file: resolve(this.#folder, spec.file) } : spec))
      .filter((spec, i) =>
        this.#secrets.exists(spec, this.#source, this.#item(['principals', authid, kind], i), authid),
      );
  }

  /** A principal is found by its key alone (cryptosign without authid), so a key names one principal. */
  #uniqueKey(key: string, at: ConfigPath): void {
    const first = this.#keys.get(key);
    if (first === undefined) this.#keys.set(key, this.#source.place(at));
    else this.#note(at, `is a key that stands at ${first} too, expected one place per key`);
  }

  /** What a client of each dialect could not derive its key from, and what a challenge cannot say. */
  #checkScram(specs: PrincipalFile['scram'], at: ConfigPath): void {
    for (const [i, { dialect, kdf, salt, memory }] of specs.entries()) {
      const where = this.#item(at, i);
      const argon = kdf === 'argon2id13';
      if (argon && memory === undefined) {
        this.#note([...where, 'memory'], 'is missing, expected the memory for argon2id13 in KiB');
      }
      if (argon && salt.length < 2 * MIN_ARGON_SALT) {
        this.#note([...where, 'salt'], `is too short for argon2id13, expected at least ${MIN_ARGON_SALT} bytes in hex`);
      }
      if (!argon && dialect === 'autobahn') {
        this.#note([...where, 'kdf'], `is ${kdf}, expected argon2id13: the only one that autobahn's clients can do`);
      }
      if (specs.findIndex((each) => each.dialect === dialect) < i) {
        this.#note(where, `is a second verifier of dialect ${dialect}, expected one: a challenge names one salt`);
      }
    }
  }

  #checkScrypt(text: string, at: ConfigPath): void {
    const [kind, ...fields] = text.split('$');
    if (kind !== 'scrypt') return;
    const [log2N = 0, r = 0, p = 0] = fields.slice(0, 3).map(Number);
    const { maxBytes, maxParallel, minSalt, minHash, maxField } = SCRYPT;
    if (log2N < 1 || r < 1 || p < 1 || p > maxParallel || 128 * 2 ** log2N * r > maxBytes) {
      const expected = `each from 1, p up to ${maxParallel} and 128·2^log2N·r up to ${maxBytes}`;
      this.#note(at, `has log2N ${log2N}, r ${r}, p ${p}, expected ${expected}`);
    }
    const [salt = 0, hash = 0] = fields.slice(3).map((field) => Buffer.from(field, 'base64').length);
    if (salt < minSalt || hash < minHash || salt > maxField || hash > maxField) {
      const expected = `from ${minSalt} and ${minHash} to ${maxField} bytes`;
      this.#note(at, `has a salt of ${salt} and a hash of ${hash} bytes, expected ${expected}`);
    }
  }

  /** File order counts and objects do not keep it for keys like `12`, so the keys come from the tree. */
  #globRoles(kind: 'bub' | 'relay'): GlobRole[] {
    const result: GlobRole[] = [];
    for (const glob of this.#source.keys([kind, 'roles'])) {
      const role = this.#value[kind].roles[glob];
      if (role === undefined) continue;
      const at: ConfigPath = [kind, 'roles', glob];
      const wrong = nameGlobProblem(glob);
      if (wrong !== undefined) this.problems.push(this.#source.problem(at, wrong, 'key'));
      this.#roleExists(role, at);
      result.push({ glob, role });
    }
    return result;
  }

  #event(event: RealmFile['events'][number], index: number): EventRuleConfig {
    const at: ConfigPath = ['events', index];
    this.#checkUri(event.uri, event.match, [...at, 'uri'], false);
    if (event.uri.includes('{authid}')) {
      this.#note([...at, 'uri'], `is ${JSON.stringify(event.uri)}, expected no {authid}: these are rules for all`);
    }
    return compact({ ...event, history: event.history && compact(event.history), at: this.#source.place(at) });
  }

  #checkDynamic(): void {
    for (const key of ['authenticator', 'authorizer'] as const) {
      const uri = this.#value.dynamic?.[key];
      if (uri === undefined) continue;
      this.#checkUri(uri, 'exact', ['dynamic', key], false);
      if (isReserved(uri)) this.#note(['dynamic', key], `is ${uri}, expected a procedure outside wamp.`);
    }
  }

  /** CONTRACT §3: a realm may lower a limit. 0 means "unlimited" for `callTimeoutMs` alone. */
  #limits(router: LimitsConfig): LimitsConfig {
    const lowered: Record<string, number> = {};
    for (const [key, own] of Object.entries(this.#value.limits)) {
      const bound = router[key as keyof RealmFile['limits']];
      if (own === undefined) continue;
      const unlimited = (limit: number) => key === 'callTimeoutMs' && limit === 0;
      if (unlimited(bound) || (!unlimited(own) && own <= bound)) lowered[key] = own;
      else this.#note(['limits', key], `is ${own}, expected at most the router's ${bound}`);
    }
    return { ...router, ...lowered };
  }

  #roleExists(role: string, at: ConfigPath): void {
    if (this.#roleNames.has(role)) return;
    const known = [...this.#roleNames].join(', ');
    this.#note(
      at,
      `is ${JSON.stringify(role)}, expected ${known === '' ? 'a role; roles has none' : `one of the roles ${known}`}`,
    );
  }

  /** Where item `index` stands, also where a single value was written instead of a list. */
  #item(at: ConfigPath, index: number): ConfigPath {
    return this.#source.find(at)?.kind === 'list' ? [...at, index] : at;
  }

  #note(path: ConfigPath, message: string): void {
    this.problems.push(this.#source.problem(path, message));
  }
}
