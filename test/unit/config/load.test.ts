import { describe, expect, it } from 'vitest';
import { files, good, problems, REALM, ROUTER, warnings, withRealm, withRouter } from './support.ts';

const KEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';

describe('values', () => {
  it('defaults are those of the contract', () => {
    const { router } = good(withRouter(ROUTER).load());
    expect(router.limits).toEqual({
      maxMessageBytes: 1048576,
      maxSessions: 20000,
      handshakeTimeoutMs: 10000,
      outboxBytes: 8388608,
      outboxTotalBytes: 536870912,
      slowPeer: 'disconnect',
      maxUriBytes: 1024,
      maxSubscriptionsPerSession: 10000,
      maxRegistrationsPerSession: 10000,
      maxPendingCallsPerSession: 10000,
      maxRetainedBytes: 67108864,
      http: { callTimeoutMs: 60_000, requestsPerPrincipal: 64, streamsPerPrincipal: 16 },
      keepAlive: { pingMs: 20000, timeoutMs: 20000 },
      callTimeoutMs: 0,
    });
    expect(router.shutdown).toEqual({ mode: 'drop', drainMs: 2000 });
    expect(router.log).toEqual({ level: 'info' });
    expect(router).not.toHaveProperty('admin');
    expect(router).not.toHaveProperty('cluster');
    expect(router.listeners[0]).not.toHaveProperty('rawsocket');
  });

  it('a substituted value gets the type that its key wants', () => {
    const text = `${ROUTER}limits: { maxSessions: "\${env:MAX:-100}", callTimeoutMs: "\${env:T}" }\ncluster: { nats: "nats://\${env:HOST:-a}:4222", node: "\${env:T}" }\n`;
    const { router } = good(
      withRouter(`${text}admin: { tcp: "127.0.0.1:0", insecure: "\${env:OPEN:-true}" }\n`).load({ T: '7', MAX: '' }),
    );
    expect(router.limits).toMatchObject({ maxSessions: 100, callTimeoutMs: 7 });
    expect(router.cluster).toEqual({ nats: ['nats://a:4222'], node: '7' });
    expect(router.admin?.insecure).toBe(true);
  });

  it('a switch with two forms may come from the environment too', () => {
    const text = `listeners: [{ tcp: "127.0.0.1:\${env:PORT}", rawsocket: "\${env:RAW}", endpoints: [] }]\n`;
    const { router } = good(withRouter(text).load({ PORT: '5', RAW: 'true' }));
    expect(router.listeners[0]).toMatchObject({ address: { kind: 'tcp', host: '127.0.0.1', port: 5 }, rawsocket: {} });
  });

  it('relative paths are relative to the file', () => {
    const set = files({
      'config/router.yaml': `realms: ../elsewhere\n${ROUTER}activityLog: { file: ../data/a.sqlite3 }\n`,
      'elsewhere/swarm.yaml': `${REALM}  b: []\n`.replace('cryptosign: ', 'ticket: { file: secret.txt }, cryptosign: '),
      'elsewhere/secret.txt': 'a ticket\n',
    });
    const config = good(set.load());
    expect(config.router.realms).toBe(set.path('elsewhere'));
    expect(config.router.activityLog?.file).toBe(set.path('data/a.sqlite3'));
    expect(config.realms.get('swarm')?.principals.get('planner')?.ticket).toEqual([
      { file: set.path('elsewhere/secret.txt') },
    ]);
    expect(config.files).toEqual([set.router, set.path('elsewhere/swarm.yaml'), set.path('elsewhere/secret.txt')]);
  });

  it('one value stands for a list of one, and signature: required for its long form', () => {
    const realm = good(
      withRealm(
        `realm: swarm\nprincipals: { p: { role: a, ticket: { env: T }, cryptosign: ${KEY.toUpperCase()}, bub: "agent:p" } }\n` +
          'roles:\n  a:\n    - { uri: x, allow: call, signature: required }\n  b: { rules: [{ uri: y }], trustlevel: 3 }\n',
      ).load({ T: 'a ticket' }),
    ).realms.get('swarm');
    expect(realm?.principals.get('p')).toEqual({
      authid: 'p',
      role: 'a',
      ticket: [{ env: 'T' }],
      cryptosign: [KEY],
      wampcra: [],
      tls: [],
      scram: [],
      bub: ['agent:p'],
      relay: [],
      at: 'realms/swarm.yaml:2',
    });
    expect(realm?.permissions.get('a')).toEqual([
      {
        uri: 'x',
        match: 'exact',
        allow: ['call'],
        deny: [],
        disclose: [],
        signature: { over: 'all', field: 'signature', key: 'agentId', ts: 'ts', nonce: 'nonce' },
        audit: false,
        at: 'realms/swarm.yaml:5',
      },
    ]);
    expect(realm?.roles.get('b')).toEqual({ dynamic: false, trustlevel: 3, at: 'realms/swarm.yaml:6' });
  });

  it('globs for clientIds keep file order, also those that look like numbers', () => {
    const text = 'realm: swarm\nroles: { a: [], b: [] }\nbub: { roles: { "tg:*": a, "12": b, "*": a } }\n';
    expect(good(withRealm(text).load()).realms.get('swarm')?.bub.roles).toEqual([
      { glob: 'tg:*', role: 'a' },
      { glob: '12', role: 'b' },
      { glob: '*', role: 'a' },
    ]);
  });

  it('a realm lowers limits; the others are the router’s', () => {
    const set = files({
      'config/router.yaml': `${ROUTER}limits: { callTimeoutMs: 0, maxSessions: 50 }\n`,
      'realms/swarm.yaml': 'realm: swarm\nlimits: { callTimeoutMs: 10, maxUriBytes: 100 }\n',
    });
    expect(good(set.load()).realms.get('swarm')?.limits).toMatchObject({
      callTimeoutMs: 10,
      maxUriBytes: 100,
      maxSessions: 50,
    });
  });

  it('unlimited is not lower than a limit', () => {
    const set = files({
      'config/router.yaml': `${ROUTER}limits: { callTimeoutMs: 100 }\n`,
      'realms/swarm.yaml': 'realm: swarm\nlimits: { callTimeoutMs: 0 }\n',
    });
    expect(problems(set.load())).toEqual([
      "realms/swarm.yaml:2:26: limits.callTimeoutMs: is 0, expected at most the router's 100",
    ]);
  });

  it.each([
    ['no endpoint narrows', '[{ path: /a, protocol: wamp }]', {}],
    [
      'the narrowest of two',
      '[{ path: /a, protocol: wamp }, { path: /b, protocol: wamp, realms: [swarm] }]',
      { realms: ['swarm'] },
    ],
    ['bridges where there is no WAMP endpoint', '[{ path: /b, protocol: relay, realm: swarm }]', { realms: ['swarm'] }],
  ])('rawsocket: true inherits the narrowest endpoint: %s', (_case, endpoints, expected) => {
    const text = `listeners: [{ tcp: 127.0.0.1:1, rawsocket: true, endpoints: ${endpoints} }]\n`;
    expect(good(withRouter(text).load()).router.listeners[0]?.rawsocket).toEqual(expected);
  });

  it('the configuration is frozen all the way down', () => {
    const config = good(withRouter(ROUTER).load());
    const realm = config.realms.get('swarm');
    const rules = realm?.permissions.get('agent') as unknown[];
    expect(() => (config.router.limits as { maxSessions: number }).maxSessions++).toThrow(TypeError);
    expect(() => rules.push({})).toThrow(TypeError);
    expect(() => (config.realms as Map<string, unknown>).delete('swarm')).toThrow(TypeError);
    const principals = realm?.principals as Map<string, unknown>;
    expect(() => principals.set('x', {})).toThrow(TypeError);
  });

  it('a key __proto__ is refused', () => {
    const text = 'realm: swarm\nroles: { a: [] }\nprincipals: { __proto__: { role: a } }\n';
    expect(problems(withRealm(text).load())[0]).toContain('principals: has a key that is no name');
  });

  it('editors’ own files in the folder are not read', () => {
    const set = withRouter(ROUTER);
    for (const name of ['.swarm.yaml.swp', 'swarm.yaml~', '#swarm.yaml#', '.#swarm.yaml', '4913'])
      set.write(`realms/${name}`, ':');
    expect(problems(set.load())).toEqual([]);
  });
});

describe('secrets', () => {
  const realm = (ticket: string) =>
    `realm: swarm\nenvironment: dev\nroles: { a: [] }\nprincipals:\n  p: { role: a, ticket: ${ticket} }\n  q: { role: a, ticket: ${ticket} }\n`;
  const tickets = (set: ReturnType<typeof files>, env: NodeJS.ProcessEnv) =>
    good(set.load(env)).realms.get('swarm')?.principals.get('p')?.ticket;

  it.each([
    ['unset', {}],
    ['empty', { T: '' }],
  ])('a credential from a variable that is %s does not exist, with one warning', (_case, env) => {
    const set = withRealm(realm('{ env: T }'));
    expect(tickets(set, env)).toEqual([]);
    expect(good(set.load(env)).unsetEnv).toEqual(['T']);
    expect(warnings(set.load(env))).toEqual([
      'realms/swarm.yaml:5:25: principals.p.ticket: T is not set, so p, q cannot join with it',
    ]);
  });

  it('of several credentials the others stay', () => {
    const hash = `sha256$${KEY}`;
    expect(tickets(withRealm(realm(`[{ env: T }, { hash: "${hash}" }]`)), {})).toEqual([{ hash }]);
  });

  it('a credential with an unset variable substituted inside does not exist either', () => {
    const set = withRealm(realm(`[{ hash: "\${env:H}" }, { env: T }]`));
    expect(tickets(set, { T: 'x' })).toEqual([{ env: 'T' }]);
    expect(warnings(set.load({ T: 'x' }))).toEqual([
      expect.stringContaining('realms/swarm.yaml:5:26: principals.p.ticket[0]: H is not set'),
    ]);
    expect(tickets(set, { T: 'x', H: `sha256$${KEY}` })).toHaveLength(2);
  });

  it('a ticket file that is missing or empty is no credential, with a warning', () => {
    const set = withRealm(realm('{ file: t }'));
    expect(tickets(set, {})).toEqual([]);
    expect(warnings(set.load())[0]).toContain('principals.p.ticket.file: names a file that cannot be read');
    set.write('realms/t', '\n');
    expect(warnings(set.load())[0]).toContain('principals.p.ticket.file: names an empty file');
    set.write('realms/t', 'a ticket\n');
    expect(tickets(set, {})).toHaveLength(1);
  });

  it('no secret is in the configuration or its messages', () => {
    const set = withRealm(realm('[{ env: T }, { file: t }]'));
    set.write('realms/t', 'swordfish');
    const config = good(set.load({ T: 'swordfish' }));
    const text = JSON.stringify([config, [...config.realms.values()].map(({ principals }) => [...principals])]);
    expect(text).not.toContain('swordfish');
  });
});
