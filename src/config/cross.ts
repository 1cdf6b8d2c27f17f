/** Checks between router.yaml and the realm files. */

import { formatAddress } from './address.ts';
import type { ConfigPath, Problem } from './problem.ts';
import { endpointRealms, exposed } from './router-config.ts';
import type { RouterFile } from './schema.ts';
import type { Source } from './source.ts';
import type { ListenerConfig, RealmConfig, RouterConfig } from './types.ts';

export interface RealmFileResult {
  readonly source: Source;
  readonly config: RealmConfig;
}

/**
 * Endpoints name realms that exist.
 *
 * @param known names of all realm files, also of those with other problems.
 * @param tolerated realms that endpoints in force name, at a reload: one of them may go (CONTRACT §4, "Reload")
 *   without its endpoint blocking that, so it makes a warning, not a problem.
 */
export function checkEndpointRealms(
  value: RouterFile,
  source: Source,
  known: ReadonlySet<string>,
  tolerated: ReadonlySet<string>,
): { problems: Problem[]; warnings: Problem[] } {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const check = (realm: string, path: ConfigPath): void => {
    if (known.has(realm)) return;
    const expected = `expected one of the realms ${[...known].join(', ') || '(there is none)'}`;
    (tolerated.has(realm) ? warnings : problems).push(source.problem(path, `is ${JSON.stringify(realm)}, ${expected}`));
  };
  for (const [i, { endpoints, rawsocket }] of value.listeners.entries()) {
    const at: ConfigPath = ['listeners', i];
    for (const [j, endpoint] of endpoints.entries()) {
      if ('realm' in endpoint) check(endpoint.realm, [...at, 'endpoints', j, 'realm']);
      else for (const [k, name] of (endpoint.realms ?? []).entries()) check(name, [...at, 'endpoints', j, 'realms', k]);
    }
    if (typeof rawsocket === 'boolean') continue;
    for (const [k, name] of rawsocket.realms.entries()) check(name, [...at, 'rawsocket', 'realms', k]);
  }
  return { problems, warnings };
}

/** Realms that the endpoints of `listener` name. */
export function namedRealms(listener: ListenerConfig): readonly string[] {
  const byEndpoint = listener.endpoints.flatMap((endpoint) => endpointRealms(endpoint) ?? []);
  return [...byEndpoint, ...(listener.rawsocket?.realms ?? [])];
}

/** Two files for one realm. `files` in order of name; the later one is at fault. */
export function checkDuplicateRealms(files: readonly RealmFileResult[]): Problem[] {
  const first = new Map<string, Source>();
  return files.flatMap(({ source, config }) => {
    const other = first.get(config.realm);
    if (other === undefined) {
      first.set(config.realm, source);
      return [];
    }
    const where = `${other.file}:${other.position(['realm']).line}`;
    return [source.problem(['realm'], `is ${config.realm}, which ${where} describes too, expected one file per realm`)];
  });
}

/** A rule asks for what nothing is there to write into. @returns a warning for the first such rule */
export function checkAudit(router: RouterConfig, { source, config }: RealmFileResult): Problem[] {
  if (router.activityLog !== undefined) return [];
  for (const [role, rules] of config.permissions) {
    const rule = rules.findIndex(({ audit }) => audit);
    if (rule < 0) continue;
    const at: ConfigPath = source.find(['roles', role])?.kind === 'list' ? ['roles', role] : ['roles', role, 'rules'];
    const why = `writes nothing down, as there is no activity log, expected activityLog in ${router.file}`;
    return [source.problem([...at, rule, 'audit'], why)];
  }
  return [];
}

/** CONTRACT §3, "Safe by default": a realm with `anonymous` is not to be reached from other machines. */
export function checkAnonymous(router: RouterConfig, { source, config }: RealmFileResult): Problem[] {
  if (config.anonymous === undefined) return [];
  for (const listener of router.listeners) {
    if (!exposed(listener.address) || listener.insecure) continue;
    const open = listener.endpoints.some((endpoint) => endpointRealms(endpoint)?.includes(config.realm) ?? true);
    const raw = listener.rawsocket !== undefined && (listener.rawsocket.realms?.includes(config.realm) ?? true);
    if (!open && !raw) continue;
    const why = `lets anybody join from other machines through ${formatAddress(listener.address)} (${listener.at})`;
    const fix = 'no anonymous, or realms: […] on its endpoints without this realm, or insecure: true there';
    return [source.problem(['anonymous'], `${why}, expected ${fix}`, 'key')];
  }
  return [];
}
