/**
 * What is legal but unwise, as warnings. Each check says which line of the swarm hardening checklist it is about
 * (docs/hardening.md): 1 anonymous, 2 broad patterns, 3 callers unknown to callees and signatures, 4 what keeps agents
 * from coming back, 5 environments, 6 events that get lost. Whether agents reconnect and ask for acknowledgements no
 * router can see here.
 */

import type { SignatureSpec } from '../signing/payload.ts';
import { isReserved, uriMatches } from '../wamp/uri.ts';
import type { ConfigPath, Problem } from './problem.ts';
import { exposed } from './router-config.ts';
import type { Source } from './source.ts';
import type { RealmConfig, RouterConfig, RuleConfig } from './types.ts';

/** Procedures that end other sessions. */
const KILL = [
  'wamp.session.kill',
  'wamp.session.kill_by_authid',
  'wamp.session.kill_by_authrole',
  'wamp.session.kill_all',
];

export function lintRouter(config: RouterConfig, source: Source): Problem[] {
  const warnings: Problem[] = [];
  // Listeners without a usable address are problems, so here the indexes are those of the file.
  config.listeners.forEach((listener, i) => {
    const at: ConfigPath = ['listeners', i];
    if (exposed(listener.address) && listener.insecure) {
      const message =
        'is true: everything here can be read and joined from other machines, expected tls and auth: ticket';
      warnings.push(source.problem([...at, 'insecure'], message));
    }
    listener.endpoints.forEach((endpoint, j) => {
      if (!listener.behindTls || listener.insecure || !('auth' in endpoint) || endpoint.auth !== 'none') return;
      const message = 'is none behind a proxy: requests it forwards are refused, expected auth: ticket';
      warnings.push(source.problem([...at, 'endpoints', j, 'auth'], message));
    });
  });
  lintReturning(config, source, warnings);
  const { outboxBytes, maxMessageBytes, outboxTotalBytes } = config.limits;
  if (outboxBytes < maxMessageBytes) {
    const message = `is ${outboxBytes}, so one message of maxMessageBytes makes a slow peer, expected at least ${maxMessageBytes}`;
    warnings.push(source.problem(['limits', 'outboxBytes'], message));
  }
  if (outboxTotalBytes < outboxBytes) {
    const message = `is ${outboxTotalBytes}, less than one connection may use, expected at least ${outboxBytes}`;
    warnings.push(source.problem(['limits', 'outboxTotalBytes'], message));
  }
  return warnings;
}

/** Checklist 4 and 6: the router's own part in agents that come back, and in events that arrive. */
function lintReturning({ shutdown, limits }: RouterConfig, source: Source, warnings: Problem[]): void {
  if (shutdown.mode === 'goodbye') {
    const why = 'is goodbye, after which stock agents do not come back by themselves';
    warnings.push(source.problem(['shutdown', 'mode'], `${why}, expected drop`));
  }
  if (limits.keepAlive.pingMs === 0) {
    const why = 'is 0, so that an agent whose network is gone keeps its name and its registrations';
    warnings.push(source.problem(['limits', 'keepAlive', 'pingMs'], `${why}, expected a time such as 20000`));
  }
  if (limits.slowPeer === 'dropEvents') {
    const why = 'is dropEvents, so that a subscriber does not notice what it lost';
    warnings.push(source.problem(['limits', 'slowPeer'], `${why}, expected disconnect`));
  }
}

export function lintRealm(config: RealmConfig, source: Source): Problem[] {
  const linter = new RealmLinter(config, source);
  linter.run();
  return linter.warnings;
}

class RealmLinter {
  readonly warnings: Problem[] = [];
  readonly #config: RealmConfig;
  readonly #source: Source;

  constructor(config: RealmConfig, source: Source) {
    this.#config = config;
    this.#source = source;
  }

  run(): void {
    const { anonymous, environment, permissions } = this.#config;
    if (anonymous !== undefined) {
      this.#warn(
        ['anonymous'],
        'lets any process join and act unknown, expected principals with a ticket or key',
        'key',
      );
    }
    if (environment === undefined) {
      const why = 'is missing, so agents of dev and prod can meet on the same topics';
      this.#warn(['environment'], `${why}, expected environment: dev (or prod, …) and a realm for each`);
    }
    for (const [role, rules] of permissions) this.#role(role, rules);
    this.#unusedRoles();
    this.#principals();
    this.#dynamic();
  }

  #role(role: string, rules: readonly RuleConfig[]): void {
    const at: ConfigPath = Array.isArray(this.#data(['roles', role])) ? ['roles', role] : ['roles', role, 'rules'];
    rules.forEach((rule, i) => {
      const where = [...at, i];
      this.#broad(rule, where);
      this.#kill(rule, rules, where);
      this.#unknownCaller(rule, rules, where);
      this.#shape(rule, where);
      if (rule.signature !== undefined) this.#signature(rule.signature, role, [...where, 'signature']);
    });
  }

  /** Checklist 3. */
  #signature({ over, ts, nonce }: SignatureSpec, role: string, at: ConfigPath): void {
    if (ts === undefined || nonce === undefined) {
      const why = 'has no ts and nonce, so a signed message can be sent again by whoever sees it';
      this.#warn(at, `${why}, expected ts: and nonce: naming the kwargs that hold them`);
    } else if (over !== 'all' && !(over.includes(ts) && over.includes(nonce))) {
      const why = 'does not cover ts and nonce, so a signed message can be sent again with others';
      this.#warn([...at, 'over'], `${why}, expected ${ts} and ${nonce} in it`);
    }
    const { anonymous, bub, relay } = this.#config;
    const keyless = [
      ...(anonymous?.role === role ? ['anonymous'] : []),
      ...(['bub', 'relay'] as const).filter((kind) => ({ bub, relay })[kind].roles.some((each) => each.role === role)),
    ];
    if (keyless.length === 0) return;
    const why = `is asked of a role that sessions without a principal have (${keyless.join(', ')}), who can sign nothing`;
    this.#warn(at, `${why}, expected a role of principals`);
  }

  /** Checklist 2. */
  #broad(rule: RuleConfig, where: ConfigPath): void {
    if (rule.allow.length === 0 || !isBoundless(rule)) return;
    if (rule.match === 'prefix') {
      const actions = rule.allow.join(', ');
      this.#warn(
        [...where, 'uri'],
        `is "", which allows ${actions} everywhere, wamp. too, expected the prefix of a namespace`,
      );
    } else if (rule.allow.includes('subscribe')) {
      const why = 'has nothing but placeholders, so that subscribers hear every namespace';
      this.#warn([...where, 'uri'], `${why}, expected a pattern with a namespace in it`);
    }
  }

  #kill(rule: RuleConfig, rules: readonly RuleConfig[], where: ConfigPath): void {
    if (!rule.allow.includes('call')) return;
    const denied = (uri: string) => rules.some((other) => other.deny.includes('call') && covers(other, uri));
    const granted = KILL.filter((uri) => covers(rule, uri) && !denied(uri));
    if (granted.length === 0) return;
    const fix = `expected narrower rules, or { uri: wamp.session.kill, match: prefix, deny: [call] }`;
    this.#warn([...where, 'uri'], `grants ${granted.join(', ')}, with which one agent can end all others, ${fix}`);
  }

  /** Checklist 3. The router's own procedures know who calls. */
  #unknownCaller(rule: RuleConfig, rules: readonly RuleConfig[], where: ConfigPath): void {
    if (!rule.allow.includes('call') || isReserved(rule.uri) || rule.uri.startsWith('waggle.')) return;
    const helps = (other: RuleConfig) => other.disclose.includes('caller') || other.signature !== undefined;
    const known = rules.some((other) => helps(other) && (other === rule || isWithin(rule, other)));
    if (known) return;
    const why = 'lets any agent of the role call without the callee knowing who it is';
    this.#warn([...where, 'allow'], `${why}, expected disclose: [caller], or signature: required`);
  }

  #shape(rule: RuleConfig, where: ConfigPath): void {
    const { uri, match, allow, deny } = rule;
    if (match === 'wildcard' && !uri.split('.').includes('')) {
      this.#warn(
        [...where, 'uri'],
        'has no empty component, so wildcard matches only itself, expected an empty one (a..c)',
      );
    }
    if (match === 'prefix' && allow.length > 0 && /[A-Za-z0-9]$/.test(uri)) {
      const why = `also matches ${JSON.stringify(`${uri}x`)}, as a prefix is one of the text`;
      this.#warn([...where, 'uri'], `${why}, expected a separator at its end, as in ${JSON.stringify(`${uri}.`)}`);
    }
    const both = allow.filter((action) => deny.includes(action));
    if (both.length > 0) {
      this.#warn(
        [...where, 'deny'],
        `denies what allow of the same rule allows (${both.join(', ')}), expected it in one of them`,
      );
    }
    const says = allow.length + deny.length + rule.disclose.length > 0 || rule.signature !== undefined || rule.audit;
    if (!says) this.#warn(where, 'says nothing, expected allow, deny, disclose, signature or audit');
  }

  #unusedRoles(): void {
    const { anonymous, principals, bub, relay } = this.#config;
    const used = new Set<string | undefined>([anonymous?.role]);
    for (const { role } of [...principals.values(), ...bub.roles, ...relay.roles]) used.add(role);
    // An authenticator may name any role.
    if (this.#config.dynamic?.authenticator !== undefined) return;
    for (const role of this.#config.roles.keys()) {
      if (!used.has(role))
        this.#warn(['roles', role], 'is a role that nobody has, expected a principal with it', 'key');
    }
  }

  #principals(): void {
    for (const { authid, role, cryptosign } of this.#config.principals.values()) {
      const at: ConfigPath = ['principals', authid];
      // Written but missing credentials have a warning of their own.
      const written = ['ticket', 'wampcra', 'cryptosign', 'scram', 'tls'].some(
        (kind) => this.#source.find([...at, kind]) !== undefined,
      );
      if (!written) {
        this.#warn(
          at,
          'has no credential, so nobody can join as it, expected ticket, cryptosign, wampcra, scram or tls',
          'key',
        );
      }
      const rules = this.#config.permissions.get(role) ?? [];
      if (rules.some((rule) => rule.signature !== undefined) && cryptosign.length === 0) {
        const why = 'has a role with signed messages but no key to sign them with';
        this.#warn(at, `${why}, expected cryptosign: [public key]`, 'key');
      }
      if (rules.some((rule) => rule.uri.includes('{authid}')) && /[.\s#]/.test(authid)) {
        const why = 'is no single URI component, so rules with {authid} never match for it';
        this.#warn(at, `${why}, expected an authid without dots, spaces and #`, 'key');
      }
    }
  }

  /** Procedures that are asked: somebody must be able to register them, and something must have them asked. */
  #dynamic(): void {
    const { dynamic, permissions, roles } = this.#config;
    for (const key of ['authenticator', 'authorizer'] as const) {
      const uri = dynamic?.[key];
      if (uri === undefined) continue;
      const names = (rule: RuleConfig) => rule.match === 'exact' && rule.uri === uri;
      const may = (rules: readonly RuleConfig[]) =>
        rules.some((rule) => names(rule) && rule.allow.includes('register')) &&
        !rules.some((rule) => rule.deny.includes('register') && covers(rule, uri));
      if ([...permissions.values()].some(may)) continue;
      const fix = `{ uri: ${uri}, allow: [register] } in the role of whoever answers`;
      this.#warn(['dynamic', key], `is ${uri}, which nobody may register, so nobody answers, expected ${fix}`);
    }
    if (dynamic?.authorizer === undefined || [...roles.values()].some((role) => role.dynamic)) return;
    const why = 'is asked about no role';
    this.#warn(['dynamic', 'authorizer'], `${why}, expected a role with { dynamic: true, rules: … }`);
  }

  #data(path: ConfigPath): unknown {
    return this.#source.find(path)?.kind === 'list' ? [] : undefined;
  }

  #warn(path: ConfigPath, message: string, of: 'value' | 'key' = 'value'): void {
    this.warnings.push(this.#source.problem(path, message, of));
  }
}

/** Checklist 5: a credential that opens realms of two environments. @param realms with their files, in order of name */
export function lintEnvironments(
  realms: readonly { readonly config: RealmConfig; readonly source: Source }[],
): Problem[] {
  const first = new Map<string, { readonly config: RealmConfig; readonly authid: string }>();
  const warnings: Problem[] = [];
  for (const { config, source } of realms) {
    for (const { authid, ticket, cryptosign, wampcra } of config.principals.values()) {
      const credentials = [...ticket, ...cryptosign, ...wampcra].map((each) => JSON.stringify(each));
      const other = credentials.map((each) => first.get(each)).find((each) => each !== undefined);
      for (const each of credentials) if (!first.has(each)) first.set(each, { config, authid });
      const elsewhere = other?.config.environment;
      const here = config.environment;
      if (other === undefined || elsewhere === undefined || here === undefined || elsewhere === here) continue;
      const whose = `principals.${other.authid} of realm ${other.config.realm} (environment ${elsewhere})`;
      const why = `has a credential of ${whose} too, so an agent of one can join the other`;
      warnings.push(source.problem(['principals', authid], `${why}, expected one for each environment`, 'key'));
    }
  }
  return warnings;
}

/** Whether the rule names no namespace at all. */
function isBoundless({ uri, match }: RuleConfig): boolean {
  if (match === 'exact' || match === 'prefix') return uri === '';
  return uri.split('.').every((part) => part === '' || /^[*?]+$/.test(part));
}

/** What every URI that the rule matches begins with. */
function literalHead({ uri, match }: RuleConfig): string {
  if (match === 'wildcard') {
    const parts = uri.split('.');
    const empty = parts.indexOf('');
    return empty < 0 ? uri : parts.slice(0, empty).join('.');
  }
  return match === 'glob' ? (/^[^*?[]*/.exec(uri)?.[0] ?? '') : uri;
}

/** Whether the rule matches `uri`; for globs, whether it may. */
function covers(rule: RuleConfig, uri: string): boolean {
  if (rule.match !== 'glob') return uriMatches(rule.uri, rule.match, uri);
  const expression = rule.uri
    .split('.')
    .map((part) =>
      part === '**'
        ? '.*'
        : part
            .replace(/[\\^$+{}|()]/g, '\\$&')
            .replace(/\*/g, '[^.]*')
            .replace(/\?/g, '[^.]')
            .replace(/\[!/g, '[^'),
    )
    .join('\\.');
  return new RegExp(`^${expression}$`).test(uri);
}

/** Whether all that `inner` matches is matched by `outer`; false where that is not plain to see. */
function isWithin(inner: RuleConfig, outer: RuleConfig): boolean {
  if (inner.match === 'exact') return covers(outer, inner.uri);
  if (outer.match === 'prefix') return literalHead(inner).startsWith(outer.uri);
  return inner.match === outer.match && inner.uri === outer.uri;
}
