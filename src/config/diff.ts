/** What changed between two configurations, and what of it a running router can take over. */

import { isDeepStrictEqual } from 'node:util';
import { formatAddress } from './address.ts';
import { deepFreeze } from './freeze.ts';
import type { AdminConfig, Config, ListenerConfig, RealmConfig, RouterConfig } from './types.ts';

export type Change =
  | {
      readonly kind: 'router';
      /** `limits.maxSessions`, `listeners[127.0.0.1:8080].origins`, `127.0.0.1:8080 → 127.0.0.1:8088` */
      readonly path: string;
      /** false: restart needed (CONTRACT §3). */
      readonly reloadable: boolean;
    }
  | {
      readonly kind: 'realm';
      readonly realm: string;
      readonly action: 'added' | 'changed' | 'removed';
      readonly reloadable: true;
    };

/** Keys of a listener that are taken over; of TLS only its files, not whether there is any. */
const LISTENER_RELOADABLE = new Set(['hosts', 'origins']);

/** Positions move when lines are added; they are no change of the router. */
const IGNORED = new Set(['at', 'file']);

/** All changes from `before` to `after`: of router.yaml first, then of realms by name. */
export function diffConfig(before: Config, after: Config): Change[] {
  // Realms of another folder are another set: they come with the restart that the folder needs.
  const sameFolder = before.router.realms === after.router.realms;
  return [...diffRouter(before, after), ...(sameFolder ? diffRealms(before, after) : [])];
}

/**
 * The configuration in force after a reload: `after`, but with what only a restart can change as it was in `before`.
 */
export function inForce(before: Config, after: Config): Config {
  const router: RouterConfig = {
    ...before.router,
    limits: after.router.limits,
    log: after.router.log,
    listeners: before.router.listeners.map((listener, i) => takeOver(listener, after.router.listeners, i)),
    ...(before.router.admin && {
      admin: takeOver(before.router.admin, after.router.admin ? [after.router.admin] : [], 0),
    }),
  };
  const realms = before.router.realms === after.router.realms ? after.realms : before.realms;
  return deepFreeze({ ...after, router, realms });
}

function takeOver<T extends ListenerConfig | AdminConfig>(old: T, candidates: readonly T[], index: number): T {
  const sameAddress = (candidate: T) => isDeepStrictEqual(candidate.address, old.address);
  // The same place first: several listeners may ask for a free port.
  const now = candidates.slice(index, index + 1).find(sameAddress) ?? candidates.find(sameAddress);
  if (now === undefined) return old;
  const { origins: _origins, ...rest } = old;
  const tls = old.tls && now.tls;
  // The spread of a generic loses its name; every key is one of T.
  return {
    ...rest,
    hosts: now.hosts,
    ...(now.origins && { origins: now.origins }),
    ...(tls && { tls }),
  } as T;
}

function diffRouter(before: Config, after: Config): Change[] {
  const changes: Change[] = [];
  const note = (path: string, reloadable: boolean) => changes.push({ kind: 'router', path, reloadable });
  const [old, now] = [before.router, after.router];
  for (const key of keysOf(old.limits, now.limits)) {
    if (!isDeepStrictEqual(field(old.limits, key), field(now.limits, key))) note(`limits.${key}`, true);
  }
  if (!isDeepStrictEqual(old.log, now.log)) note('log', true);
  for (const key of ['realms', 'shutdown', 'activityLog', 'history', 'cluster'] as const) {
    if (!isDeepStrictEqual(old[key], now[key])) note(key, false);
  }
  const byAddress = (listeners: readonly ListenerConfig[]) =>
    // Several listeners may ask for a free port; their order tells them apart.
    new Map(listeners.map((item, i) => [`${formatAddress(item.address)}${isFreePort(item) ? `#${i}` : ''}`, item]));
  const [oldListeners, nowListeners] = [byAddress(old.listeners), byAddress(now.listeners)];
  const moved = movedListeners(old.listeners, now.listeners);
  for (const [from, to] of moved) {
    note(`${from} → ${to}`, false);
    oldListeners.delete(from);
    nowListeners.delete(to);
  }
  for (const address of new Set([...oldListeners.keys(), ...nowListeners.keys()])) {
    diffListener(`listeners[${address}]`, oldListeners.get(address), nowListeners.get(address), before, after, note);
  }
  diffListener('admin', old.admin, now.admin, before, after, note);
  return changes;
}

/** Listeners that stand where they stood and have another address: one change, not one gone and one new. */
function movedListeners(old: readonly ListenerConfig[], now: readonly ListenerConfig[]): [string, string][] {
  const name = ({ address }: ListenerConfig) => formatAddress(address);
  const [before, after] = [new Set(old.map(name)), new Set(now.map(name))];
  return old.flatMap((listener, i): [string, string][] => {
    const next = now[i];
    if (next === undefined || isFreePort(listener) || isFreePort(next)) return [];
    return after.has(name(listener)) || before.has(name(next)) ? [] : [[name(listener), name(next)]];
  });
}

function isFreePort({ address }: ListenerConfig): boolean {
  return address.kind === 'tcp' && address.port === 0;
}

function diffListener(
  name: string,
  old: ListenerConfig | AdminConfig | undefined,
  now: ListenerConfig | AdminConfig | undefined,
  before: Config,
  after: Config,
  note: (path: string, reloadable: boolean) => void,
): void {
  if (old === undefined || now === undefined) {
    if (old !== now) note(name, false);
    return;
  }
  for (const key of keysOf(old, now)) {
    if (key === 'tls' || IGNORED.has(key)) continue;
    const same = isDeepStrictEqual(withoutPlaces(field(old, key)), withoutPlaces(field(now, key)));
    if (!same) note(`${name}.${key}`, LISTENER_RELOADABLE.has(key));
  }
  const files = [...Object.values(old.tls ?? {}), ...Object.values(now.tls ?? {})];
  const touched = files.some((file) => before.fingerprints.get(file) !== after.fingerprints.get(file));
  if (touched || !isDeepStrictEqual(old.tls, now.tls)) {
    note(`${name}.tls`, old.tls !== undefined && now.tls !== undefined);
  }
}

function diffRealms(before: Config, after: Config): Change[] {
  const changes: Change[] = [];
  const names = [...new Set([...before.realms.keys(), ...after.realms.keys()])].sort();
  for (const realm of names) {
    const [old, now] = [before.realms.get(realm), after.realms.get(realm)];
    const action = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    const same = old !== undefined && now !== undefined && sameRealm(old, now, before, after);
    if (!same) changes.push({ kind: 'realm', realm, action, reloadable: true });
  }
  return changes;
}

/** Rules keep their places here: `waggle can` and the log name them, so a moved rule is compiled anew. */
function sameRealm(old: RealmConfig, now: RealmConfig, before: Config, after: Config): boolean {
  return (
    isDeepStrictEqual(old, now) &&
    secretFiles(now).every((f) => before.fingerprints.get(f) === after.fingerprints.get(f))
  );
}

function secretFiles(realm: RealmConfig): string[] {
  const specs = [...realm.principals.values()].flatMap(({ ticket, wampcra }) => [...ticket, ...wampcra]);
  return specs.flatMap((spec) => ('file' in spec ? [spec.file] : []));
}

function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !IGNORED.has(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutPlaces(item)]));
}

function keysOf(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function field(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key];
}
