import { describe, expect, it } from 'vitest';
import { diffConfig, inForce } from '../../../src/config/diff.ts';
import { files, good, REALM, ROUTER } from './support.ts';

const BASE = `listeners:
  - tcp: 127.0.0.1:8080
    tls: { cert: c.pem, key: k.pem }
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:8081 }
`;

/** Changes between the base and what `edit` makes of the files. */
function changes(edit: (set: ReturnType<typeof files>) => void, base = BASE) {
  const set = files({
    'config/router.yaml': base,
    'config/c.pem': 'one',
    'config/k.pem': 'one',
    'realms/swarm.yaml': REALM,
    'realms/t': 'one',
  });
  const before = good(set.load());
  edit(set);
  const after = good(set.load());
  const found = diffConfig(before, after).map((change) =>
    change.kind === 'router'
      ? `${change.path} ${change.reloadable ? 'reload' : 'restart'}`
      : `${change.realm} ${change.action}`,
  );
  return { found, before, after };
}

const router = (text: string) => (set: ReturnType<typeof files>) => void set.write('config/router.yaml', text);

describe('a change of router.yaml is reloadable or needs a restart', () => {
  it.each([
    ['nothing', BASE, []],
    ['comments and order', `# moved\n\n${BASE}`, []],
    [
      'limits, with the realms that have them',
      `${BASE}limits: { maxSessions: 5 }\n`,
      ['limits.maxSessions reload', 'swarm changed'],
    ],
    ['log', `${BASE}log: { level: debug }\n`, ['log reload']],
    ['hosts', BASE.replace('    tls', '    hosts: [a]\n    tls'), ['listeners[127.0.0.1:8080].hosts reload']],
    ['origins', BASE.replace('    tls', '    origins: []\n    tls'), ['listeners[127.0.0.1:8080].origins reload']],
    ['TLS files', BASE.replace('cert: c.pem', 'cert: k.pem'), ['listeners[127.0.0.1:8080].tls reload']],
    ['TLS switched off', BASE.replace(/ +tls.*\n/, ''), ['listeners[127.0.0.1:8080].tls restart']],
    ['an endpoint', BASE.replace('/ws', '/x'), ['listeners[127.0.0.1:8080].endpoints restart']],
    [
      'rawsocket',
      BASE.replace('    tls', '    rawsocket: true\n    tls'),
      ['listeners[127.0.0.1:8080].rawsocket restart'],
    ],
    ['a port', BASE.replace('8080', '8090'), ['127.0.0.1:8080 → 127.0.0.1:8090 restart']],
    ['the admin token', BASE.replace('8081 }', '8081, token: x }'), ['admin.token restart']],
    ['no admin page', BASE.replace(/admin.*\n/, ''), ['admin restart']],
    ['shutdown', `${BASE}shutdown: { drainMs: 5 }\n`, ['shutdown restart']],
    ['cluster', `${BASE}cluster: { nats: nats://a, node: a }\n`, ['cluster restart']],
    ['activity log', `${BASE}activityLog: { file: a }\n`, ['activityLog restart']],
  ])('%s', (_case, text, expected) => {
    expect(changes(router(text)).found).toEqual(expected);
  });

  it('the content of a TLS file is part of it', () => {
    expect(changes((set) => void set.write('config/c.pem', 'two')).found).toEqual([
      'listeners[127.0.0.1:8080].tls reload',
    ]);
  });

  it('what is in force has the reloadable part only', () => {
    const text = `${BASE.replace('    tls', '    hosts: [a]\n    tls').replace('/ws', '/x')}log: { level: warn }\nshutdown: { drainMs: 5 }\n`;
    const { before, after } = changes(router(text));
    const { router: now } = inForce(before, after);
    expect(now.log).toEqual({ level: 'warn' });
    expect(now.shutdown).toEqual({ mode: 'drop', drainMs: 2000 });
    expect(now.listeners[0]).toMatchObject({ hosts: ['a'], endpoints: [{ path: '/ws' }] });
  });

  it('what needs a restart is reported again until then', () => {
    const { before, after } = changes(router(`${BASE}shutdown: { drainMs: 5 }\n`));
    expect(diffConfig(inForce(before, after), after)).toEqual([
      { kind: 'router', path: 'shutdown', reloadable: false },
    ]);
  });

  it('realms of another folder come with the restart that the folder needs', () => {
    const { found, before, after } = changes((set) => {
      set.write('others/other.yaml', 'realm: other\n');
      set.write('config/router.yaml', `realms: ../others\n${BASE}`);
    });
    expect(found).toEqual(['realms restart']);
    expect([...inForce(before, after).realms.keys()]).toEqual(['swarm']);
  });

  it('listeners on free ports are told apart by their order', () => {
    const two = ROUTER.replace('8080', '0') + ROUTER.replace('listeners:\n', '').replace('8080', '0');
    const { before, after } = changes(
      router(two.replace(/(.*)\/ws/s, '$1/x').replace(/(.*)( {4}endp)/s, '$1    hosts: [b]\n$2')),
      two,
    );
    expect(diffConfig(before, after)).toEqual([
      { kind: 'router', path: 'listeners[127.0.0.1:0#1].hosts', reloadable: true },
      { kind: 'router', path: 'listeners[127.0.0.1:0#1].endpoints', reloadable: false },
    ]);
    expect(inForce(before, after).router.listeners.map(({ hosts }) => hosts)).toEqual([[], ['b']]);
  });
});

describe('a change of realms is always reloadable', () => {
  it.each<[string, (set: ReturnType<typeof files>) => void, string[]]>([
    ['added', (set) => set.write('realms/b.yaml', 'realm: b\n'), ['b added']],
    ['changed', (set) => set.write('realms/swarm.yaml', REALM.replace('dev', 'prod')), ['swarm changed']],
    [
      'renamed',
      (set) => set.write('realms/swarm.yaml', REALM.replace('realm: swarm', 'realm: bees')),
      ['bees added', 'swarm removed'],
    ],
    [
      'a rule that only moved, as its place is told',
      (set) => set.write('realms/swarm.yaml', `# x\n${REALM}`),
      ['swarm changed'],
    ],
    ['unchanged', (set) => set.write('realms/swarm.yaml', `${REALM}# the end\n`), []],
  ])('%s', (_case, edit, expected) => expect(changes(edit).found).toEqual(expected));

  it('a ticket file is part of its realm', () => {
    const set = files({
      'config/router.yaml': ROUTER,
      'realms/swarm.yaml': REALM.replace('cryptosign', 'ticket: { file: t }, cryptosign'),
      'realms/t': 'one',
    });
    const before = good(set.load());
    set.write('realms/t', 'two');
    expect(diffConfig(before, good(set.load()))).toEqual([
      { kind: 'realm', realm: 'swarm', action: 'changed', reloadable: true },
    ]);
  });
});
