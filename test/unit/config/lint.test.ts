import { describe, expect, it } from 'vitest';
import { files, good, ROUTER, warnings, withRealm, withRouter } from './support.ts';

const KEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';
const HEAD = `realm: swarm\nenvironment: dev\nprincipals: { p: { role: a, cryptosign: ${KEY} } }\nroles:\n  a:\n`;

function lint(...rules: string[]): string[] {
  const text = HEAD + rules.map((rule) => `    - ${rule}\n`).join('');
  return warnings(withRealm(text).load()).map((line) => line.replace('realms/swarm.yaml:', ''));
}

describe('the lint', () => {
  it('has nothing to say about a sober realm', () => {
    expect(
      lint(
        '{ uri: yamtam.task., match: prefix, allow: [publish, subscribe] }',
        '{ uri: yamtam.agent..status, match: wildcard, allow: [subscribe] }',
        '{ uri: yamtam.agent.run-tool, allow: [call, register], disclose: [caller] }',
        '{ uri: wamp.session.count, allow: [call] }',
        '{ uri: wamp.session., match: prefix, allow: [subscribe] }',
      ),
    ).toEqual([]);
  });

  it('warns of audit where there is no activity log', () => {
    const rule = '{ uri: a.b, allow: [publish], audit: true }';
    const realm = `${HEAD}    - ${rule}\n`;
    expect(lint(rule)).toEqual([
      expect.stringMatching(
        /^6:44: roles\.a\[0\]\.audit: writes nothing down, as there is no activity log, expected activityLog in .*router\.yaml$/,
      ),
    ]);
    const logged = { 'realms/swarm.yaml': realm, 'config/router.yaml': `${ROUTER}activityLog: { file: a.sqlite3 }\n` };
    expect(warnings(files(logged).load())).toEqual([]);
  });

  it('checklist 1: warns of anonymous', () => {
    const text = 'realm: swarm\nenvironment: dev\nanonymous: { role: a }\nroles: { a: [] }\n';
    expect(warnings(withRealm(text).load())).toEqual([
      expect.stringMatching(/^realms\/swarm\.yaml:3:1: anonymous: lets any process join/),
    ]);
  });

  it.each([
    [
      'the empty prefix',
      '{ uri: "", match: prefix, allow: [subscribe] }',
      '6:14: roles.a[0].uri: is "", which allows subscribe everywhere, wamp. too',
    ],
    [
      'a wildcard of nothing',
      '{ uri: .., match: wildcard, allow: [subscribe] }',
      '6:14: roles.a[0].uri: has nothing but placeholders',
    ],
    [
      'a glob of stars',
      '{ uri: "**", match: glob, allow: [subscribe] }',
      '6:14: roles.a[0].uri: has nothing but placeholders',
    ],
  ])('checklist 2: warns of patterns that hear everything: %s', (_case, rule, expected) => {
    expect(lint(rule)[0]?.slice(0, expected.length)).toBe(expected);
  });

  it('checklist 3: warns of calls whose caller nobody knows', () => {
    expect(lint('{ uri: a.b, allow: [call] }')).toEqual([
      '6:26: roles.a[0].allow: lets any agent of the role call without the callee knowing who it is, expected disclose: [caller], or signature: required',
    ]);
  });

  it.each(['{ uri: a.b, allow: [call], disclose: [caller] }', '{ uri: a.b, allow: [call], signature: required }'])(
    'checklist 3: is content with %s',
    (rule) => expect(lint(rule)).toEqual([]),
  );

  it('checklist 3: disclosure adds up over rules', () => {
    expect(lint('{ uri: a.b, allow: [call] }', '{ uri: a., match: prefix, disclose: [caller] }')).toEqual([]);
  });

  it('checklist 5: warns of a realm without environment', () => {
    expect(warnings(withRealm('realm: swarm\n').load())).toEqual([
      expect.stringMatching(/^realms\/swarm\.yaml:1:1: environment: is missing, so agents of dev and prod/),
    ]);
  });

  it.each([
    ['exactly', '{ uri: wamp.session.kill_all, allow: [call] }', 'grants wamp.session.kill_all,'],
    [
      'by prefix',
      '{ uri: wamp., match: prefix, allow: [call] }',
      'grants wamp.session.kill, wamp.session.kill_by_authid,',
    ],
    ['by wildcard', '{ uri: wamp.., match: wildcard, allow: [call] }', 'grants wamp.session.kill,'],
    ['by glob', '{ uri: "wamp.*.kill", match: glob, allow: [call] }', 'grants wamp.session.kill,'],
  ])('warns of kill procedures granted %s', (_case, rule, expected) => {
    expect(lint(rule)).toEqual([expect.stringContaining(expected)]);
  });

  it('does not warn of kill procedures that another rule denies', () => {
    expect(
      lint('{ uri: wamp., match: prefix, allow: [call] }', '{ uri: wamp.session.kill, match: prefix, deny: [call] }'),
    ).toEqual([]);
  });

  it.each([
    [
      'a signature that can be replayed',
      '{ uri: a.b, allow: [publish], signature: { over: all, field: s, key: k } }',
      '6:48: roles.a[0].signature: has no ts and nonce',
    ],
    [
      'a signature without its ts and nonce in what it covers',
      '{ uri: a.b, allow: [publish], signature: { over: [x, t], field: s, key: k, ts: t, nonce: n } }',
      '6:56: roles.a[0].signature.over: does not cover ts and nonce',
    ],
    [
      'a wildcard without an empty component',
      '{ uri: a.b, match: wildcard, allow: [publish] }',
      '6:14: roles.a[0].uri: has no empty component',
    ],
    [
      'a prefix that ends within a component',
      '{ uri: a.b, match: prefix, allow: [publish] }',
      '6:14: roles.a[0].uri: also matches "a.bx"',
    ],
    [
      'a rule against itself',
      '{ uri: a.b, allow: [publish], deny: [publish] }',
      '6:43: roles.a[0].deny: denies what allow of the same rule allows (publish)',
    ],
    ['a rule that says nothing', '{ uri: a.b }', '6:7: roles.a[0]: says nothing'],
  ])('warns of %s', (_case, rule, expected) => {
    expect(lint(rule).map((line) => line.slice(0, expected.length))).toEqual([expected]);
  });

  it('checklist 3: warns of signatures that are asked of those who have no key', () => {
    const text = `realm: swarm
environment: dev
bub: { roles: { "*": a } }
roles:
  a:
    - { uri: a.b, allow: [publish], signature: required }
`;
    expect(warnings(withRealm(text).load())).toEqual([
      'realms/swarm.yaml:6:48: roles.a[0].signature: is asked of a role that sessions without a principal have (bub), who can sign nothing, expected a role of principals',
    ]);
  });

  it.each([
    ['4', 'shutdown: { mode: goodbye }', 'shutdown.mode: is goodbye, after which stock agents do not come back'],
    [
      '4',
      'limits: { keepAlive: { pingMs: 0 } }',
      'limits.keepAlive.pingMs: is 0, so that an agent whose network is gone',
    ],
    ['6', 'limits: { slowPeer: dropEvents }', 'limits.slowPeer: is dropEvents, so that a subscriber does not notice'],
  ])('checklist %s: warns of %s', (_line, option, expected) => {
    const [warning, ...others] = warnings(withRouter(`${ROUTER}${option}\n`).load());
    expect([warning?.includes(expected), others]).toEqual([true, []]);
  });

  it('checklist 5: warns of a credential that opens realms of two environments', () => {
    const realm = (name: string, environment: string, credential: string) =>
      `realm: ${name}\nenvironment: ${environment}\nprincipals:\n  p: { role: a, ${credential} }\nroles: { a: [] }\n`;
    const both = (first: string, second: string, environment = 'prod') =>
      warnings(
        files({
          'config/router.yaml': ROUTER,
          'realms/dev.yaml': realm('dev', 'dev', first),
          'realms/prod.yaml': realm('prod', environment, second),
        }).load({ A: 'x', B: 'y' }),
      );
    const where = 'realms/prod.yaml:4:3: principals.p:';
    const why =
      'has a credential of principals.p of realm dev (environment dev) too, so an agent of one can join the other';
    const hash = `{ hash: "sha256$${'a'.repeat(64)}" }`;
    for (const credential of [`cryptosign: ${KEY}`, 'ticket: { env: A }', `ticket: ${hash}`, 'wampcra: { env: A }']) {
      expect(both(credential, credential)).toEqual([`${where} ${why}, expected one for each environment`]);
      expect(both(credential, credential, 'dev')).toEqual([]);
    }
    expect(both('ticket: { env: A }', 'ticket: { env: B }')).toEqual([]);
  });

  it('warns of roles that nobody has, and of principals that cannot join, sign or speak in their own name', () => {
    const text = `realm: swarm
environment: dev
roles:
  unused: []
  a:
    - { uri: "x.{authid}", allow: [publish], signature: required }
principals:
  p: { role: a }
  q.r: { role: a, cryptosign: ${KEY} }
`;
    expect(warnings(withRealm(text).load()).map((line) => line.split(', expected')[0])).toEqual([
      'realms/swarm.yaml:4:3: roles.unused: is a role that nobody has',
      'realms/swarm.yaml:8:3: principals.p: has a role with signed messages but no key to sign them with',
      'realms/swarm.yaml:8:3: principals.p: has no credential, so nobody can join as it',
      'realms/swarm.yaml:9:3: principals["q.r"]: is no single URI component, so rules with {authid} never match for it',
    ]);
  });

  it('warns where nobody may register a procedure that is asked, and where nothing has it asked', () => {
    const text = (rules: string, role = 'a: { dynamic: true, rules: [] }') =>
      `realm: swarm\nenvironment: dev\ndynamic: { authorizer: x.y }\nprincipals:\n  p: { role: a, cryptosign: ${KEY} }\n` +
      `  q: { role: b, bub: [q], cryptosign: ${KEY.replace('5', '6')} }\nroles:\n  ${role}\n  b: [${rules}]\n`;
    const said = (...parts: Parameters<typeof text>) => warnings(withRealm(text(...parts)).load());
    expect(said('{ uri: x.y, allow: [register] }')).toEqual([]);
    const nobody = expect.stringContaining('dynamic.authorizer: is x.y, which nobody may register');
    expect(said('{ uri: x., match: prefix, allow: [register] }')).toEqual([nobody]);
    expect(said('{ uri: x.y, allow: [register] }, { uri: x., match: prefix, deny: [register] }')).toEqual([nobody]);
    expect(said('{ uri: x.y, allow: [register] }', 'a: []')).toEqual([
      expect.stringContaining('dynamic.authorizer: is asked about no role'),
    ]);
  });

  it('warns of insecure listeners, of auth none behind a proxy, and of limits that contradict each other', () => {
    const text = `listeners:
  - tcp: 0.0.0.0:1
    insecure: true
    endpoints: [{ path: /, protocol: wamp }]
  - tcp: 127.0.0.1:2
    behindTls: true
    endpoints: [{ path: /, protocol: relay, realm: swarm, auth: none }]
limits: { maxMessageBytes: 4096, outboxBytes: 2048, outboxTotalBytes: 1024 }
`;
    const places = warnings(withRouter(text).load()).map((line) => line.split(': ').slice(0, 2).join(' '));
    expect(places).toEqual([
      'config/router.yaml:3:15 listeners[0].insecure',
      'config/router.yaml:7:65 listeners[1].endpoints[0].auth',
      'config/router.yaml:8:47 limits.outboxBytes',
      'config/router.yaml:8:71 limits.outboxTotalBytes',
    ]);
  });

  it('warnings are part of a good configuration', () => {
    expect(good(withRouter(ROUTER).load()).warnings).toEqual([]);
  });
});
