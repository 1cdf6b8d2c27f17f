/** What a reload does to running realms, without sockets; `test/fault/reload` has it whole. */
import { describe, expect, it } from 'vitest';
import { Lockout } from '../../../src/auth/lockout.ts';
import { createLog } from '../../../src/observe/log.ts';
import { ALONE } from '../../../src/router/cluster.ts';
import { NO_OBSERVER } from '../../../src/router/observer.ts';
import type { Realm } from '../../../src/router/realm.ts';
import { Router } from '../../../src/router/router.ts';
import { Histories } from '../../../src/server/history.ts';
import { RealmHosts } from '../../../src/server/realm-hosts.ts';
import { RandomIds } from '../../../src/wamp/ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingPeer } from '../../support/recording-peer.ts';
import { files, good } from '../config/support.ts';

const ROUTER = 'realms: ../realms\nlisteners: [{ tcp: "127.0.0.1:0", endpoints: [{ path: /ws, protocol: wamp }] }]\n';
const ONE = `
realm: one
environment: test
anonymous: { role: anybody }
principals: { planner: { role: agent, ticket: { env: TICKET } } }
roles: { anybody: [], agent: [], other: [] }
`;
const TWO = 'realm: two\nenvironment: test\nanonymous: { role: anybody }\nroles: { anybody: [] }\n';

/** Running realms from files in a folder of their own; `apply` saves other texts there and reloads. */
function hosted(...texts: readonly string[]) {
  const env = { TICKET: 'a-ticket-of-planner' };
  const named = Object.fromEntries(texts.map((text, i) => [`realms/file-${i}.yaml`, text]));
  const set = files({ 'config/router.yaml': ROUTER, ...named });
  const clock = new FakeClock();
  const router = new Router({ clock, ids: new RandomIds(), observer: NO_OBSERVER, cluster: ALONE });
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => lines.push(line) });
  const histories = new Histories({ clock, log, observer: NO_OBSERVER });
  const hosts = new RealmHosts({ router, clock, log, lockout: new Lockout(clock), env, histories });
  const load = (): void => hosts.apply(good(set.load(env)).realms);
  load();
  const apply = (...changed: readonly string[]): void => {
    for (const [i, text] of changed.entries()) set.write(`realms/file-${i}.yaml`, text);
    load();
  };
  return { router, hosts, lines, apply };
}

/** A session of somebody who joined without authentication. */
function anonymous(realm: Realm | undefined, role = 'anybody') {
  const peer = new RecordingPeer();
  const identity = { authid: 'x', authrole: role, authmethod: 'anonymous', authprovider: 'static' };
  const session = realm?.join(peer, { identity, features: 0, credential: 'anonymous:' });
  if (session === undefined) throw new Error('not joined');
  return { peer, session };
}

describe('a reload', () => {
  it('leaves a realm that says the same alone: same parts, nobody judged', () => {
    const { hosts, router, apply } = hosted(ONE, TWO);
    const [one, two] = [hosts.get('one'), hosts.get('two')];
    const { peer } = anonymous(router.realm('one'), 'role-of-long-ago');
    apply(ONE, `${TWO}strictUris: true\n`);
    expect(hosts.get('one')?.authenticator).toBe(one?.authenticator);
    expect(peer.closed).toEqual([]);
    expect(hosts.get('two')?.authenticator).not.toBe(two?.authenticator);
    expect(hosts.get('two')?.realm).toBe(two?.realm);
  });

  it('adds and removes realms; sessions of a removed one end with close_realm', () => {
    const { hosts, router, lines, apply } = hosted(ONE, TWO);
    const { peer } = anonymous(router.realm('two'));
    apply(ONE, TWO.replace('realm: two', 'realm: three'));
    expect(hosts.get('two')).toBeUndefined();
    expect(router.realm('two')).toBeUndefined();
    expect(hosts.get('three')?.realm).toBe(router.realm('three'));
    expect(peer.closed).toMatchObject([{ how: 'goodbye', uri: 'wamp.close.close_realm' }]);
    expect(lines.join('')).toContain('realm removed');
  });

  it('has a session whose role changed come back, and one that may not join any more go', () => {
    const { router, apply } = hosted(ONE);
    const changed = anonymous(router.realm('one'));
    apply(ONE.replace('anonymous: { role: anybody }', 'anonymous: { role: other }'));
    expect(changed.peer.closed).toMatchObject([{ how: 'restart' }]);
    const gone = anonymous(router.realm('one'), 'other');
    apply(ONE.replace('anonymous: { role: anybody }', ''));
    expect(gone.peer.closed).toMatchObject([{ how: 'goodbye', uri: 'wamp.close.killed' }]);
    expect(router.sessionCount).toBe(0);
  });

  it('judges neither sessions of the router itself nor those that were never authenticated', () => {
    const { router, apply } = hosted(ONE);
    const identity = { authid: 'x', authrole: 'gone', authmethod: 'none', authprovider: 'static' };
    const [internal, unauthenticated] = [new RecordingPeer(), new RecordingPeer()];
    router.realm('one')?.join(internal, { identity, features: 0, credential: 'anonymous:', internal: true });
    router.realm('one')?.join(unauthenticated, { identity, features: 0 });
    apply(`${ONE}strictUris: true\n`);
    expect([...internal.closed, ...unauthenticated.closed]).toEqual([]);
  });
});
