import { describe, expect, it } from 'vitest';
import { files, problems, REALM, ROUTER, withRealm, withRouter } from './support.ts';

/** [what it is about, text, problems in full, one per line of the message] */
type Case = readonly [rule: string, text: string, ...expected: string[]];

const R = 'config/router.yaml';
const S = 'realms/swarm.yaml';
const WS = 'endpoints: [{ path: /ws, protocol: wamp }]';
const listener = (rest: string) => `listeners:\n  - ${rest}\n    ${WS}\n`;
const KEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';

const router: Case[] = [
  ['an empty file', '', `${R}:1:1: file: is empty, expected a YAML map of keys`],
  ['a file of comments only', '# nothing\n', `${R}:1:1: file: is empty, expected a YAML map of keys`],
  ['broken YAML', `${ROUTER}log: {\n`, `${R}:5:1: file: is not valid YAML: `],
  ['a list at the top', '- a\n', `${R}:1:1: file: is a list, expected a map with keys of realms, listeners`],
  [
    'an unknown key, with the nearest known one',
    `${ROUTER}limit: {}\n`,
    `${R}:4:1: limit: is an unknown key, expected limits or another of realms, listeners`,
  ],
  [
    'an unknown key deep inside',
    `${ROUTER}log: { level: info, colour: true }\n`,
    `${R}:4:21: log.colour: is an unknown key`,
  ],
  ['a key written twice', `${ROUTER}log: {}\nlog: {}\n`, `${R}:5:1: log: is written twice, expected once`],
  ['a missing key', 'log: {}\n', `${R}:1:1: listeners: is missing, expected a list of listeners`],
  [
    'the wrong type',
    `${ROUTER}limits:\n  maxSessions: many\n`,
    `${R}:5:16: limits.maxSessions: is "many", expected a whole number from 1 to`,
  ],
  [
    'out of range',
    `${ROUTER}limits: { maxMessageBytes: 1023 }\n`,
    `${R}:4:28: limits.maxMessageBytes: is 1023, expected a whole number from 1024 to 67108864`,
  ],
  [
    'no whole number',
    `${ROUTER}limits: { maxSessions: 1.5 }\n`,
    `${R}:4:24: limits.maxSessions: is 1.5, expected a whole number`,
  ],
  [
    'one of a few words',
    `${ROUTER}log: { level: loud }\n`,
    `${R}:4:15: log.level: is "loud", expected one of trace, debug`,
  ],
  ['a key without a value', `${ROUTER}log:\n`, `${R}:4:5: log: is empty, expected a map with keys of level`],
  [
    'no host in an address',
    listener('tcp: 8080'),
    `${R}:2:10: listeners[0].tcp: is 8080, expected an address host:port`,
  ],
  [
    'no port in an address',
    listener('tcp: 127.0.0.1'),
    `${R}:2:10: listeners[0].tcp: is "127.0.0.1", expected an address host:port`,
  ],
  [
    'neither tcp nor unix',
    'listeners:\n  - endpoints: []\n',
    `${R}:2:5: listeners[0]: has no address, expected either tcp`,
  ],
  [
    'tcp and unix',
    listener('tcp: 127.0.0.1:1\n    unix: /a.sock'),
    `${R}:2:5: listeners[0]: has two addresses, expected either`,
  ],
  [
    'an address used twice, by the admin page too',
    `${ROUTER}admin: { tcp: 127.0.0.1:8080 }\n`,
    `${R}:4:15: admin.tcp: is 127.0.0.1:8080 a second time (first at ${R}:2), expected an address of its own`,
  ],
  [
    'an unknown protocol',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: /ws, protocol: wmap }] }]',
    `${R}:1:68: listeners[0].endpoints[0].protocol: is "wmap", expected`,
  ],
  [
    'auth where there is none to choose',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: /ws, protocol: wamp, auth: none }] }]',
    `${R}:1:74: listeners[0].endpoints[0].auth: is an unknown key`,
  ],
  [
    'a bridge without realm',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: /b, protocol: relay }] }]',
    `${R}:1:45: listeners[0].endpoints[0].realm: is missing, expected the name of a realm`,
  ],
  [
    'a path without /',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: ws, protocol: wamp }] }]',
    `${R}:1:53: listeners[0].endpoints[0].path: is "ws", expected a path that begins with /`,
  ],
  [
    'a path twice on one listener',
    'listeners:\n  - tcp: 127.0.0.1:1\n    endpoints:\n      - { path: /a, protocol: wamp }\n      - { path: /a/, protocol: http }\n',
    `${R}:5:17: listeners[0].endpoints[1].path: is /a a second time (first at ${R}:4), expected one endpoint per path`,
  ],
  [
    'a listener that serves nothing',
    'listeners: [{ tcp: 127.0.0.1:1 }]',
    `${R}:1:13: listeners[0].endpoints: is empty, expected at least one endpoint`,
  ],
  [
    'an endpoint of no realm',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: /b, protocol: relay, realm: swram }] }]',
    `${R}:1:81: listeners[0].endpoints[0].realm: is "swram", expected one of the realms swarm`,
  ],
  [
    'realms of an endpoint',
    'listeners: [{ tcp: 127.0.0.1:1, endpoints: [{ path: /b, protocol: wamp, realms: [swarm, x] }] }]',
    `${R}:1:89: listeners[0].endpoints[0].realms[1]: is "x", expected one of the realms swarm`,
  ],
  [
    'realms of RawSocket',
    'listeners: [{ tcp: 127.0.0.1:1, rawsocket: { realms: [x] } }]',
    `${R}:1:55: listeners[0].rawsocket.realms[0]: is "x", expected one of the realms swarm`,
  ],
  [
    'a rawsocket that is no switch',
    listener('tcp: 127.0.0.1:1\n    rawsocket: yes'),
    `${R}:3:16: listeners[0].rawsocket: is "yes", expected true, false or { realms: [...] }`,
  ],
  [
    'a mode of a unix socket without quotes',
    listener('unix: a.sock\n    unixMode: 660\n    rawsocket: true'),
    `${R}:3:15: listeners[0].unixMode: is 660, expected a file mode in quotes, such as "660"`,
  ],
  [
    'a mode of a unix socket where there is none',
    listener('tcp: 127.0.0.1:1\n    unixMode: "660"\n    rawsocket: true'),
    `${R}:3:15: listeners[0].unixMode: says the mode of a unix socket where there is none, expected unix: path`,
  ],
  [
    'a balancer that is no address',
    listener('tcp: 127.0.0.1:1\n    proxyProtocol: { from: [10.0.0.0/33] }\n    rawsocket: true'),
    `${R}:3:29: listeners[0].proxyProtocol.from[0]: is "10.0.0.0/33", expected IP addresses`,
  ],
  [
    'a proxy that is a name',
    listener('tcp: 127.0.0.1:1\n    forwardedFor: { from: proxy.example }\n    rawsocket: true'),
    `${R}:3:27: listeners[0].forwardedFor.from: is "proxy.example", expected IP addresses`,
  ],
  [
    'safe by default: no TLS off loopback',
    listener('tcp: 0.0.0.0:8080'),
    `${R}:2:10: listeners[0].tcp: lets other machines reach this listener without TLS, so that tickets and payloads can be read on the way, expected tls: { cert, key }, or behindTls: true`,
  ],
  [
    'safe by default: every name is off loopback',
    listener('tcp: example.org:8080'),
    `${R}:2:10: listeners[0].tcp: lets other machines`,
  ],
  [
    'safe by default: IPv6 off loopback',
    listener('tcp: "[::]:8080"'),
    `${R}:2:10: listeners[0].tcp: lets other machines`,
  ],
  [
    'safe by default: auth none off loopback, even with TLS',
    'listeners:\n  - tcp: 0.0.0.0:1\n    behindTls: true\n    endpoints:\n      - { path: /b, protocol: bub-v2, realm: swarm, auth: none }\n',
    `${R}:5:59: listeners[0].endpoints[0].auth: is none though 0.0.0.0:1 can be reached from other machines, so that anybody may join, expected auth: ticket, or insecure: true`,
  ],
  [
    'safe by default: the admin page off loopback',
    `${ROUTER}admin: { tcp: 0.0.0.0:1 }\n`,
    `${R}:4:1: admin.token: is empty though the admin page can be reached`,
    `${R}:4:15: admin.tcp: lets other machines reach the admin page without TLS`,
  ],
  [
    'a TLS file that is not there',
    listener('tcp: 127.0.0.1:1\n    tls: { cert: c.pem, key: k.pem }'),
    `${R}:3:18: listeners[0].tls.cert: names a file that cannot be read`,
    `${R}:3:30: listeners[0].tls.key: names a file`,
  ],
  ['a folder without realm files', `realms: ..\n${ROUTER}`, `${R}:1:9: realms: is `],
  ['a folder that is not there', `realms: ../nowhere\n${ROUTER}`, `${R}:1:9: realms: is `],
  [
    'a variable without default',
    `${ROUTER}log: { level: "\${env:NOT_SET}" }\n`,
    `${R}:4:15: log.level: the environment variable NOT_SET is not set, expected the variable to be set, or a default as in \${env:NOT_SET:-value}`,
  ],
  [
    'a malformed substitution',
    `${ROUTER}log: { level: "\${env:1}" }\n`,
    `${R}:4:15: log.level: has a malformed substitution`,
  ],
  [
    'an unfit value from the environment, without showing it',
    `${ROUTER}log: { level: "\${env:SECRET}" }\n`,
    `${R}:4:15: log.level: has an unfit value from the environment, expected one of`,
  ],
  [
    'an alias to itself',
    `${ROUTER}cluster: &a { nats: *a, node: x }\n`,
    `${R}:4:13: cluster.nats: is an alias to something it stands in`,
  ],
];

const roles = (rule: string) => `realm: swarm\nroles:\n  a:\n    - ${rule}\n`;
const principal = (rest: string) => `realm: swarm\nroles: { a: [] }\nprincipals:\n  p: { role: a, ${rest} }\n`;

const realm: Case[] = [
  ['an empty file', '', `${S}:1:1: file: is empty, expected a YAML map of keys`],
  [
    'an unknown key in a rule',
    roles('{ uri: a, mach: prefix }'),
    `${S}:4:17: roles.a[0].mach: is an unknown key, expected match or another of uri`,
  ],
  [
    'an unknown action',
    roles('{ uri: a, allow: [listen] }'),
    `${S}:4:25: roles.a[0].allow[0]: is "listen", expected one of call, register, publish, subscribe`,
  ],
  ['a rule without uri', roles('{ allow: [call] }'), `${S}:4:7: roles.a[0].uri: is missing, expected a URI or pattern`],
  [
    'a role that is no list',
    'realm: swarm\nroles: { a: all }\n',
    `${S}:2:13: roles.a: is "all", expected a list of rules, or { rules, dynamic, trustlevel }`,
  ],
  [
    'a rule inside the long form of a role',
    'realm: swarm\nroles:\n  a:\n    rules:\n      - { uri: a..b }\n',
    `${S}:5:16: roles.a.rules[0].uri: is "a..b", expected a URI without`,
  ],
  [
    'an illegal URI',
    roles('{ uri: a..b, allow: [call] }'),
    `${S}:4:14: roles.a[0].uri: is "a..b", expected a URI without spaces`,
  ],
  [
    'an illegal prefix',
    roles('{ uri: a..b, match: prefix, allow: [call] }'),
    `${S}:4:14: roles.a[0].uri: is "a..b", expected the beginning of a URI`,
  ],
  [
    'a star where it is none',
    roles('{ uri: yamtam.*, deny: [call] }'),
    `${S}:4:14: roles.a[0].uri: is "yamtam.*": under match: exact a * is no wildcard, expected match: glob`,
  ],
  [
    'a star in a prefix',
    roles('{ uri: yamtam.*, match: prefix }'),
    `${S}:4:14: roles.a[0].uri: is "yamtam.*": under match: prefix`,
  ],
  [
    'two stars in one component',
    roles('{ uri: a.*b*, match: glob }'),
    `${S}:4:14: roles.a[0].uri: is "a.*b*", expected at most one * per component`,
  ],
  [
    'regular expressions in a glob',
    roles('{ uri: "a.(b|c)", match: glob }'),
    `${S}:4:14: roles.a[0].uri: is "a.(b|c)", expected no special characters`,
  ],
  [
    'an open set in a glob',
    roles('{ uri: "a.[bc", match: glob }'),
    `${S}:4:14: roles.a[0].uri: is "a.[bc", expected a character set`,
  ],
  [
    'a set that goes backwards',
    roles('{ uri: "a.[z-a]", match: glob }'),
    `${S}:4:14: roles.a[0].uri: is "a.[z-a]", expected ranges`,
  ],
  [
    'an empty component in a glob',
    roles('{ uri: "a..b", match: glob }'),
    `${S}:4:14: roles.a[0].uri: is "a..b", expected a glob without empty components`,
  ],
  [
    '{authid} as a part of a component',
    roles('{ uri: "a.x-{authid}", allow: [call] }'),
    `${S}:4:14: roles.a[0].uri: is "a.x-{authid}", expected {authid} only as a whole component`,
  ],
  [
    'another placeholder',
    roles('{ uri: "a.{session}", allow: [call] }'),
    `${S}:4:14: roles.a[0].uri: is "a.{session}", expected {authid}, the only placeholder`,
  ],
  [
    'a loose URI in a strict realm',
    `strictUris: true\n${roles('{ uri: Tg, allow: [call] }')}`,
    `${S}:5:14: roles.a[0].uri: is "Tg", expected a URI of the strict form`,
  ],
  [
    'an unknown role of a principal',
    'realm: swarm\nroles: { a: [] }\nprincipals: { p: { role: b } }\n',
    `${S}:3:26: principals.p.role: is "b", expected one of the roles a`,
  ],
  [
    'an unknown role of anonymous',
    'realm: swarm\nanonymous: { role: b }\n',
    `${S}:2:20: anonymous.role: is "b", expected a role; roles has none`,
  ],
  [
    'an unknown role of Bub peers',
    'realm: swarm\nbub: { roles: { "tg:*": b } }\n',
    `${S}:2:25: bub.roles["tg:*"]: is "b", expected a role`,
  ],
  [
    'an unknown role of relay agents',
    'realm: swarm\nrelay: { roles: { "*": b } }\n',
    `${S}:2:24: relay.roles["*"]: is "b", expected a role`,
  ],
  [
    'a glob for clientIds with two stars',
    'realm: swarm\nroles: { a: [] }\nbub: { roles: { "*x*": a } }\n',
    `${S}:3:17: bub.roles["*x*"]: is "*x*", expected at most one * per glob`,
  ],
  [
    'a glob of a principal with two stars',
    principal('bub: ["a", "*.*"]'),
    `${S}:4:28: principals.p.bub[1]: is "*.*", expected at most one * per glob`,
  ],
  [
    'a plain-text ticket, without showing it',
    principal('ticket: swordfish'),
    `${S}:4:25: principals.p.ticket: is a plain text, expected { env: NAME }, { hash: … } or { file: PATH }, or a list of them; \`waggle ticket new\` prints`,
  ],
  [
    'a plain-text ticket in a list',
    principal('ticket: [{ env: A }, swordfish]'),
    `${S}:4:38: principals.p.ticket[1]: is a plain text, expected { env: NAME }`,
  ],
  [
    'a hash of no known form',
    principal('ticket: { hash: abc }'),
    `${S}:4:33: principals.p.ticket.hash: is a plain text, expected sha256$<64 hex digits>`,
  ],
  [
    'scrypt that costs too much',
    principal('ticket: { hash: "scrypt$18$8$1$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNoaGFzaA==" }'),
    `${S}:4:33: principals.p.ticket.hash: has log2N 18, r 8, p 1, expected each from 1, p up to 16`,
  ],
  [
    'scrypt that is too short',
    principal('ticket: { hash: "scrypt$14$8$1$c2FsdA==$aGFzaA==" }'),
    `${S}:4:33: principals.p.ticket.hash: has a salt of 4 and a hash of 4 bytes, expected from 8 and 16 to 64 bytes`,
  ],
  [
    'an unknown key of a ticket',
    principal('ticket: { enw: A }'),
    `${S}:4:27: principals.p.ticket.enw: is an unknown key, expected env or another of env, file, hash`,
  ],
  [
    'a plain-text secret',
    principal('wampcra: swordfish'),
    `${S}:4:26: principals.p.wampcra: is a plain text, expected { env: NAME }, { file: PATH } or { key, salt`,
  ],
  [
    'a salted secret without salt',
    principal('wampcra: { key: abcd }'),
    `${S}:4:17: principals.p.wampcra.salt: is missing, expected the salt`,
  ],
  [
    'no public key',
    principal('cryptosign: [abc]'),
    `${S}:4:30: principals.p.cryptosign[0]: is "abc", expected an ed25519 public key as 64 hex digits`,
  ],
  [
    'a key of two principals',
    `realm: swarm\nroles: { a: [] }\nprincipals:\n  p: { role: a, cryptosign: ${KEY} }\n  q: { role: a, cryptosign: [${KEY.toUpperCase()}] }\n`,
    `${S}:5:30: principals.q.cryptosign[0]: is a key that stands at ${S}:4 too, expected one place per key`,
  ],
  [
    'argon2 without memory',
    principal(
      `scram: { kdf: argon2id13, salt: '0123456789abcdef', iterations: 4096, storedKey: ${KEY}, serverKey: ${KEY} }`,
    ),
    `${S}:4:17: principals.p.scram.memory: is missing, expected the memory`,
  ],
  [
    'a salt that argon2 does not take',
    principal(
      `scram: { kdf: argon2id13, salt: abcd, iterations: 2, memory: 64, storedKey: ${KEY}, serverKey: ${KEY} }`,
    ),
    `${S}:4:49: principals.p.scram.salt: is too short for argon2id13, expected at least 8 bytes in hex`,
  ],
  [
    'a verifier that autobahn could not use',
    principal(
      `scram: [{ dialect: autobahn, kdf: pbkdf2, salt: ab, iterations: 2, storedKey: ${KEY}, serverKey: ${KEY} }]`,
    ),
    `${S}:4:51: principals.p.scram[0].kdf: is pbkdf2, expected argon2id13`,
  ],
  [
    'two verifiers of a dialect',
    principal(
      `scram: [${`{ kdf: pbkdf2, salt: ab, iterations: 2, storedKey: ${KEY}, serverKey: ${KEY} }, `.repeat(2)}]`,
    ),
    `${S}:4:221: principals.p.scram[1]: is a second verifier of dialect spec, expected one: a challenge names one salt`,
  ],
  [
    'a dialect that nobody speaks',
    principal(
      `scram: { dialect: crossbar, kdf: pbkdf2, salt: ab, iterations: 2, storedKey: ${KEY}, serverKey: ${KEY} }`,
    ),
    `${S}:4:35: principals.p.scram.dialect: is a plain text, expected one of spec, autobahn`,
  ],
  [
    'a signature that covers itself',
    roles('{ uri: a, allow: [call], signature: { over: [x, s], field: s, key: k } }'),
    `${S}:4:51: roles.a[0].signature.over: holds "s", the signature itself, expected what it is to cover`,
  ],
  [
    'a signature whose nonce is its key',
    roles('{ uri: a, allow: [call], signature: { over: all, field: s, key: k, ts: t, nonce: k } }'),
    `${S}:4:71: roles.a[0].signature.key: is "k", as is nonce, expected a kwarg of its own`,
    `${S}:4:88: roles.a[0].signature.nonce: is "k", as is key, expected a kwarg of its own`,
  ],
  [
    'a signature of another form',
    roles('{ uri: a, allow: [call], signature: maybe }'),
    `${S}:4:43: roles.a[0].signature: is "maybe", expected required`,
  ],
  [
    'a role that asks nobody',
    'realm: swarm\nroles: { a: { dynamic: true } }\n',
    `${S}:2:24: roles.a.dynamic: is true but nobody can be asked, expected dynamic: { authorizer: … }`,
  ],
  [
    'a procedure of the router as authorizer',
    'realm: swarm\ndynamic: { authorizer: wamp.x }\n',
    `${S}:2:24: dynamic.authorizer: is wamp.x, expected a procedure outside wamp.`,
  ],
  [
    'a limit above the router’s',
    'realm: swarm\nlimits: { maxSessions: 20001 }\n',
    `${S}:2:24: limits.maxSessions: is 20001, expected at most the router's 20000`,
  ],
  [
    'a limit that cannot be lowered here',
    'realm: swarm\nlimits: { outboxTotalBytes: 1 }\n',
    `${S}:2:11: limits.outboxTotalBytes: is an unknown key, expected `,
  ],
  [
    'an event rule',
    'realm: swarm\nevents: [{ uri: a, history: { limit: 0 } }]\n',
    `${S}:2:38: events[0].history.limit: is 0, expected a whole number from 1`,
  ],
  ['an illegal name of a realm', 'realm: "a b"\n', `${S}:1:8: realm: is "a b", expected the name of a realm`],
];

describe('router.yaml: what is wrong is said with its place', () => {
  it.each(router)('%s', (_rule, text, ...expected) => {
    const found = problems(withRouter(text).load({ SECRET: 'swordfish' }));
    expect(found.map((line, i) => line.slice(0, expected[i]?.length ?? line.length))).toEqual(expected);
    expect(found.join()).not.toContain('swordfish');
  });
});

describe('realm files: what is wrong is said with its place', () => {
  it.each(realm)('%s', (_rule, text, ...expected) => {
    const found = problems(withRealm(text).load({ A: 'a ticket' }));
    expect(found.map((line, i) => line.slice(0, expected[i]?.length ?? line.length))).toEqual(expected);
    expect(found.join()).not.toContain('swordfish');
  });
});

describe('problems between files', () => {
  it('all problems of all files come at once, by file and line', () => {
    const broken = files({
      'config/router.yaml': `${ROUTER}limits: { maxSessions: 0, maxUri: 5 }\nlog: { level: 7 }\n`,
      'realms/a.yaml':
        'realm: a\nroles:\n  r:\n    - { uri: a, alow: [call] }\n    - { uri: b b, allow: [cal] }\n    - { uri: c c }\nprincipals: { p: { role: nobody } }\n',
      'realms/b.yaml': '',
    });
    const where = problems(broken.load()).map((line) => line.split(': ').slice(0, 2).join(' '));
    expect(where).toEqual([
      `${R}:4:24 limits.maxSessions`,
      `${R}:4:27 limits.maxUri`,
      `${R}:5:15 log.level`,
      'realms/a.yaml:4:17 roles.r[0].alow',
      'realms/a.yaml:5:14 roles.r[1].uri',
      'realms/a.yaml:5:27 roles.r[1].allow[0]',
      'realms/a.yaml:6:14 roles.r[2].uri',
      'realms/a.yaml:7:26 principals.p.role',
      'realms/b.yaml:1:1 file',
    ]);
  });

  it('two files for one realm are a problem of the second', () => {
    const twice = files({ 'config/router.yaml': ROUTER, 'realms/a.yaml': REALM, 'realms/b.yaml': `# copy\n${REALM}` });
    expect(problems(twice.load())).toEqual([
      'realms/b.yaml:2:8: realm: is swarm, which realms/a.yaml:1 describes too, expected one file per realm',
    ]);
  });

  it('a realm with anonymous needs insecure off loopback, also with TLS', () => {
    const open = files({
      'config/router.yaml':
        'listeners:\n  - tcp: 0.0.0.0:1\n    behindTls: true\n    endpoints: [{ path: /, protocol: wamp }]\n',
      'realms/swarm.yaml': 'realm: swarm\nanonymous: { role: a }\nroles: { a: [] }\n',
    });
    expect(problems(open.load())).toEqual([
      'realms/swarm.yaml:2:1: anonymous: lets anybody join from other machines through 0.0.0.0:1 (config/router.yaml:2), ' +
        'expected no anonymous, or realms: […] on its endpoints without this realm, or insecure: true there',
    ]);
  });

  it('an endpoint that leaves the anonymous realm out is safe', () => {
    const safe = files({
      'config/router.yaml':
        'listeners:\n  - tcp: 0.0.0.0:1\n    behindTls: true\n    endpoints: [{ path: /, protocol: wamp, realms: [other] }]\n',
      'realms/swarm.yaml': 'realm: swarm\nanonymous: { role: a }\nroles: { a: [] }\n',
      'realms/other.yaml': 'realm: other\n',
    });
    expect(problems(safe.load())).toEqual([]);
  });

  it('a router file that is not there is a problem', () => {
    const none = files({ 'realms/swarm.yaml': REALM });
    expect(problems(none.load())).toEqual([`${R}: no such file (looked in ${none.path('config')})`]);
  });

  it('a realm file that is no YAML is the problem, not the endpoints that name its realm', () => {
    const router = ROUTER.replace('protocol: wamp', 'protocol: wamp, realms: [swarm, other]');
    for (const slip of [`${REALM}roles: [\n`, REALM.replace('realm:', 'raelm:'), '']) {
      const set = files({ 'config/router.yaml': router, 'realms/swarm.yaml': slip });
      const found = problems(set.load());
      expect(found.length).toBeGreaterThan(0);
      for (const problem of found) expect(problem).toMatch(/^realms\/swarm\.yaml:/);
    }
    const read = files({ 'config/router.yaml': router, 'realms/swarm.yaml': REALM });
    expect(problems(read.load())).toEqual([
      expect.stringContaining('endpoints[0].realms[1]: is "other", expected one of the realms swarm'),
    ]);
  });

  it('a protocol that does not exist is named with those that do', () => {
    expect(problems(withRouter(ROUTER.replace('protocol: wamp', 'protocol: wam')).load())).toEqual([
      `${R}:3:40: listeners[0].endpoints[0].protocol: is "wam", expected one of wamp, longpoll, bub-v2, bub-v1, relay, http, mcp`,
    ]);
  });

  it('a key that no form of a credential has is an unknown key', () => {
    const realm = REALM.replace(/cryptosign: \w+/, 'ticket: { enw: X }');
    expect(problems(withRealm(realm).load())).toEqual([
      `${S}:4:37: principals.planner.ticket.enw: is an unknown key, expected env or another of env, file, hash`,
    ]);
  });
});
