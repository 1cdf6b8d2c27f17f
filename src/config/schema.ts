/**
 * What `router.yaml` and realm files may say: types, defaults, ranges and their documentation, in this one place.
 * The JSON Schemas for editors and the table in docs/configuration.md are generated from it (`npm run schemas`).
 * Longer than other files, as one place is worth more here than short files.
 * Checks that need more than one value stand in router-config.ts, realm-config.ts and cross.ts.
 */

import { z } from 'zod';
import { isPeerPattern } from './address.ts';
import { choice, flag, list, matching, named, oneOrMore, shape, someText, text, whole } from './schema-kit.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
/** Longest delay a timer of the platform takes. */
const MAX_TIMER_MS = 2_147_483_647;

const realmName = () => matching(/^[^\s.#]+(\.[^\s.#]+)*$/u, 'the name of a realm: a URI without spaces and #');
const realmNames = () => list(realmName(), 'a list of realm names').min(1, { error: 'at least one realm name' });
const path = (expected: string) => someText(`${expected}, relative to this file`);

// --- router.yaml -------------------------------------------------------------------------------------------------

const tls = shape({
  cert: path('a file with the certificate chain (PEM)').describe('Certificate chain, PEM. Read again when it changes.'),
  key: path('a file with the private key (PEM)').describe('Private key, PEM.'),
  clientCa: path('a file with CA certificates (PEM)')
    .optional()
    .describe('CA certificates, PEM. When set, every client must show a certificate signed by one of them.'),
});

const httpPath = matching(/^\/[^\s?#]*$/, 'a path that begins with /');
const socketPath = matching(/^(?:\/[^\s?#]*|\*)$/, 'a path that begins with /, or "*" for any path');

const bridge = {
  realm: realmName().describe('Realm that all connections of this endpoint join.'),
  auth: choice(['none', 'ticket'])
    .default('ticket')
    .describe('`ticket`: a token of one of the realm’s principals. `none`: nobody is asked; loopback only.'),
};

const PROTOCOLS = ['wamp', 'longpoll', 'bub-v2', 'bub-v1', 'relay', 'http', 'mcp'];

const endpoint = z
  .discriminatedUnion(
    'protocol',
    [
      shape({
        path: socketPath.describe('Path of the URL; `"*"` takes what no other endpoint of the listener takes.'),
        protocol: choice(['wamp']).describe('What is spoken there.'),
        realms: realmNames().optional().describe('Realms that can be joined here. Absent: all.'),
      }),
      shape({
        path: socketPath.describe('Path of the URL; `"*"` takes what no other endpoint of the listener takes.'),
        protocol: choice(['bub-v2', 'bub-v1', 'relay']).describe('What is spoken there.'),
        ...bridge,
      }),
      shape({
        path: httpPath.describe('Path under which the routes stand.'),
        protocol: choice(['longpoll']).describe('What is spoken there.'),
        realms: realmNames().optional().describe('Realms that can be joined here. Absent: all.'),
        emptyStatus: z
          .union([z.literal(202), z.literal(204)], { error: '202 or 204' })
          .default(202)
          .describe('Status of long-poll answers that say nothing: 202 as specified, 204 for autobahn-js.'),
      }),
      shape({
        path: httpPath.describe('Path under which the routes stand.'),
        protocol: choice(['http', 'mcp']).describe('What is spoken there.'),
        realms: realmNames().optional().describe('Realms that can be reached here. Absent: all.'),
      }),
    ],
    {
      error: (issue) =>
        issue.code === 'invalid_union' ? `one of ${PROTOCOLS.join(', ')}` : 'a map with path and protocol',
    },
  )
  .describe('One path and the protocol spoken there.');

const tcp = text('an address host:port, such as 127.0.0.1:8080')
  .optional()
  .describe('Address to listen on, `host:port`; port 0 takes a free one.');
const hosts = list(someText('a host name'), 'a list of host names')
  .default([])
  .describe('Names this listener answers to, beside its IP addresses and `localhost`.');
const origins = list(
  matching(/^(?:null|\*|[a-z][a-z0-9+.-]*:\/\/[^\s/]+)$/, 'an origin such as https://app.example'),
  'a list of origins',
)
  .optional()
  .describe('Browser origins allowed. Absent: on loopback those of this machine, elsewhere none.');
const insecure = flag()
  .default(false)
  .describe('Allows what is refused off loopback: no TLS, `auth: none`, anonymous realms.');
const unixMode = matching(/^0?[0-7]{3}$/, 'a file mode in quotes, such as "660"')
  .optional()
  .describe('Permissions of the unix socket’s file, octal, in quotes. Absent: what the process gives its files.');
const PEERS = 'IP addresses, networks such as 10.0.0.0/8, or unix';
const believed = (whose: string) =>
  shape({
    from: oneOrMore(text(PEERS).refine(isPeerPattern, { error: PEERS }), `a list of ${PEERS}`).describe(whose),
  }).optional();
const behindTls = flag().default(false).describe('A proxy in front of this listener ends TLS.');

const listener = shape({
  tcp,
  unix: path('the path of a unix socket').optional().describe('Unix socket to listen on, instead of `tcp`.'),
  unixMode,
  tls: tls.optional().describe('Speak TLS: wss, https, RawSocket over TLS.'),
  behindTls,
  proxyProtocol: believed(
    'Balancers that begin each connection with a PROXY header (version 1 or 2): addresses, networks, or `unix`.',
  ).describe('Addresses by the PROXY protocol. Absent: it is not spoken.'),
  forwardedFor: believed('Proxies whose header is believed: addresses, networks, or `unix`.').describe(
    'Addresses by `X-Forwarded-For`. Absent: the header is not believed.',
  ),
  insecure,
  hosts,
  origins,
  rawsocket: z
    .union([flag(), shape({ realms: realmNames().describe('Realms that can be joined by RawSocket.') })], {
      error: 'true, false or { realms: [...] }',
    })
    .default(false)
    .describe('Answer WAMP RawSocket (first byte 0x7F) here too; `true`: same realms as the narrowest endpoint.'),
  perMessageDeflate: flag()
    .default(false)
    .describe('Compress messages of WebSocket clients that offer it (RFC 7692); it costs more CPU than routing.'),
  endpoints: list(endpoint, 'a list of endpoints').default([]).describe('What is served here, by path.'),
}).describe('One address to listen on.');

const admin = shape({
  tcp,
  unix: path('the path of a unix socket').optional().describe('Unix socket to listen on, instead of `tcp`.'),
  unixMode,
  tls: tls.optional().describe('Speak https.'),
  behindTls,
  insecure,
  hosts,
  origins,
  token: text(`a text; keep it in the environment: "\${env:WAGGLE_ADMIN_TOKEN:-}"`)
    .default('')
    .describe('Token of the admin page. Empty: made at start and printed once. Off loopback it must be set.'),
});

const maxMessageBytes = whole(1024, 64 * MIB);
const maxSessions = whole(1, 10_000_000);
const outboxBytes = whole(1024, 4096 * MIB);
const maxUriBytes = whole(16, 65_535);
const perSession = whole(1, 10_000_000);
const maxRetainedBytes = whole(0, 1024 * 1024 * MIB);
const callTimeoutMs = whole(0, MAX_TIMER_MS);

const limits = shape({
  maxMessageBytes: maxMessageBytes.default(MIB).describe('Longest message accepted from a peer.'),
  maxSessions: maxSessions.default(20_000).describe('Sessions at the same time.'),
  handshakeTimeoutMs: whole(10, HOUR_MS)
    .default(10_000)
    .describe('From the connection to the joined session, authentication included.'),
  outboxBytes: outboxBytes.default(8 * MIB).describe('Unsent output of one connection; more makes it a slow peer.'),
  outboxTotalBytes: whole(1024, 1024 * 1024 * MIB)
    .default(512 * MIB)
    .describe('Unsent output of all connections together.'),
  slowPeer: choice(['disconnect', 'dropEvents'])
    .default('disconnect')
    .describe('`disconnect` (1013, the client comes back) or `dropEvents` (counted).'),
  maxUriBytes: maxUriBytes.default(1024).describe('Longest URI, in bytes of UTF-8.'),
  maxSubscriptionsPerSession: perSession.default(10_000).describe('Subscriptions one session may hold.'),
  maxRegistrationsPerSession: perSession.default(10_000).describe('Registrations one session may hold.'),
  maxPendingCallsPerSession: perSession.default(10_000).describe('Unanswered calls one session may have made.'),
  maxRetainedBytes: maxRetainedBytes
    .default(64 * MIB)
    .describe('Memory for retained events; beyond it the oldest are forgotten and counted.'),
  keepAlive: shape({
    pingMs: whole(0, HOUR_MS).default(20_000).describe('Silence after which a peer is pinged; 0: never.'),
    timeoutMs: whole(10, HOUR_MS).default(20_000).describe('Time a pinged peer has before it counts as dead.'),
  })
    .prefault({})
    .describe('How dead peers are found.'),
  callTimeoutMs: callTimeoutMs.default(0).describe('Time a call may take where the caller sets none; 0: unlimited.'),
  http: shape({
    requestsPerPrincipal: whole(1, 1_000_000)
      .default(64)
      .describe('Calls and publications at the same time; one more is answered 429.'),
    streamsPerPrincipal: whole(1, 1_000_000).default(16).describe('Event streams at the same time.'),
    callTimeoutMs: callTimeoutMs
      .default(60_000)
      .describe('Time a call may take where neither caller nor `callTimeoutMs` says so; 0: unlimited.'),
  })
    .prefault({})
    .describe('Who uses the HTTP gateway; anonymous callers count by their address.'),
});

export const routerSchema = shape({
  realms: path('the folder of the realm files')
    .default('../realms')
    .describe('Folder of the realm files (`*.yaml` and `*.yml`), watched while the router runs.'),
  listeners: list(listener, 'a list of listeners')
    .min(1, { error: 'at least one listener' })
    .describe('Addresses the router listens on.'),
  admin: admin.optional().describe('Admin page, `/metrics`, `/healthz`, `/readyz`. Absent: none.'),
  limits: limits.prefault({}).describe('Bounds on what peers may use.'),
  shutdown: shape({
    mode: choice(['drop', 'goodbye'])
      .default('drop')
      .describe('`drop`: connections are closed so that clients come back. `goodbye`: GOODBYE first, as in the spec.'),
    drainMs: whole(0, HOUR_MS).default(2000).describe('Time that calls in flight have to finish.'),
  })
    .prefault({})
    .describe('Graceful stop.'),
  activityLog: shape({
    file: path('a file for the log').describe('SQLite file.'),
    whenFull: choice(['block', 'drop'])
      .default('block')
      .describe('When rows come faster than they are written: hold new messages back, or leave rows out.'),
    maxAgeMs: whole(1000, Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Age after which rows are deleted. Absent: they are kept.'),
    maxBytes: whole(MIB, Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Size of the file above which the oldest rows are deleted. Absent: it grows.'),
  })
    .optional()
    .describe('Trace of every bridged message. Absent: none.'),
  history: shape({
    file: path('a file for the event history')
      .default('../data/history.sqlite3')
      .describe('SQLite file for all realms; made when a realm file has `store: sqlite`.'),
  })
    .prefault({})
    .describe('Event history that survives a restart.'),
  cluster: shape({
    nats: oneOrMore(
      matching(/^(?:nats|tls|wss?):\/\/\S+$/, 'a URL such as nats://127.0.0.1:4222'),
      'a list of NATS URLs',
    ).describe('NATS servers that connect the nodes.'),
    node: matching(/^[\w-]+$/, 'a name of letters, digits, _ and -').describe(
      'Name of this node, unique in the cluster.',
    ),
  })
    .optional()
    .describe('Several routers as one. Absent: a single node.'),
  log: shape({
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('Least severe line that is written.'),
  })
    .prefault({})
    .describe('Log on stderr.'),
}).describe('Waggle: config/router.yaml');

// --- realm files -------------------------------------------------------------------------------------------------

const roleName = () => someText('the name of a role');
const envName = matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable');
const base64 = '[A-Za-z0-9+/]+={0,2}';
const HASH = new RegExp(
  `^(?:sha256\\$[0-9a-fA-F]{64}|scrypt\\$\\d{1,2}\\$\\d{1,3}\\$\\d{1,3}\\$${base64}\\$${base64})$`,
);

const ticket = z.union(
  [
    shape({ env: envName.describe('Environment variable that holds the ticket.') }),
    shape({ file: path('a file that holds the ticket').describe('File that holds the ticket; read again on change.') }),
    shape({
      hash: matching(
        HASH,
        'sha256$<64 hex digits> or scrypt$<log2 N>$<r>$<p>$<salt>$<hash>; `waggle ticket new` and `waggle hash` print them',
      ).describe('`sha256$…` of a generated ticket, `scrypt$…` of one a human chose.'),
    }),
  ],
  {
    error:
      '{ env: NAME }, { hash: … } or { file: PATH }; `waggle ticket new` prints a new ticket and what to write here',
  },
);

const wampcra = z.union(
  [
    shape({ env: envName.describe('Environment variable that holds the secret.') }),
    shape({ file: path('a file that holds the secret').describe('File that holds the secret; read again on change.') }),
    shape({
      key: matching(new RegExp(`^${base64}$`), 'the derived key in base64; `waggle hash --cra` prints it').describe(
        'Derived key (PBKDF2-HMAC-SHA256), base64.',
      ),
      salt: someText('the salt').describe('Salt the client derives the key with.'),
      iterations: whole(1, 10_000_000).default(1000).describe('Rounds of PBKDF2.'),
      keylen: whole(1, 1024).default(32).describe('Length of the derived key, bytes.'),
    }),
  ],
  {
    error: '{ env: NAME }, { file: PATH } or { key, salt, iterations, keylen }; `waggle hash --cra` prints the latter',
  },
);

const hex = (expected: string) => matching(/^(?:[0-9a-fA-F]{2})+$/, expected);
const scram = shape({
  dialect: choice(['spec', 'autobahn'])
    .default('spec')
    .describe('Clients it is for: `spec` of method `wamp-scram`, `autobahn` (python) of method `scram`.'),
  kdf: choice(['argon2id13', 'pbkdf2']).describe('Key derivation function.'),
  salt: hex('the salt in hex').describe('Salt, hex.'),
  iterations: whole(1, 10_000_000).describe('Rounds.'),
  memory: whole(8, 4_194_304).optional().describe('Memory for argon2id13, KiB.'),
  storedKey: matching(/^[0-9a-fA-F]{64}$/, '64 hex digits').describe('StoredKey, hex.'),
  serverKey: matching(/^[0-9a-fA-F]{64}$/, '64 hex digits').describe('ServerKey, hex.'),
});

const names = (expected: string) => oneOrMore(someText(expected), `a list: ${expected}`);

const principal = shape({
  role: roleName().describe('Role, one of `roles`.'),
  ticket: oneOrMore(
    ticket,
    '{ env: NAME }, { hash: … } or { file: PATH }, or a list of them; `waggle ticket new` prints a new ticket and what to write here',
  )
    .default([])
    .describe('Tickets; with several, each is valid (rotation). Never in plain text.'),
  cryptosign: oneOrMore(
    matching(/^[0-9a-fA-F]{64}$/, 'an ed25519 public key as 64 hex digits, in quotes; `waggle keys new` makes one'),
    'a list of ed25519 public keys, 64 hex digits each',
  )
    .default([])
    .describe('Public keys (ed25519, hex) whose holders may join as this principal.'),
  wampcra: oneOrMore(
    wampcra,
    '{ env: NAME }, { file: PATH } or { key, salt, iterations, keylen }, or a list of them; `waggle hash --cra` prints the latter',
  )
    .default([])
    .describe('Secrets for WAMP-CRA, plain (`env`, `file`) or salted.'),
  scram: oneOrMore(
    scram,
    '{ kdf, salt, iterations, memory, storedKey, serverKey }, or a list of them; `waggle hash --scram` prints it',
  )
    .default([])
    .describe('Verifiers for SCRAM, one for each dialect at most; `waggle hash --scram` prints them.'),
  tls: oneOrMore(
    matching(
      /^[0-9a-fA-F]{2}(?::?[0-9a-fA-F]{2}){31}$/,
      'the SHA-256 of a certificate, in quotes; `openssl x509 -noout -fingerprint -sha256` prints it',
    ),
    'a list of SHA-256 fingerprints of certificates',
  )
    .default([])
    .describe('SHA-256 of client certificates, on listeners with `tls.clientCa`.'),
  bub: names('a Bub clientId or a glob such as agent:*')
    .default([])
    .describe('Bub clientIds this principal may take; globs.'),
  relay: names('a relay name such as planner.relay, or a glob')
    .default([])
    .describe('Relay names this principal may take; globs.'),
});

const actions = (doc: string) =>
  oneOrMore(choice(['call', 'register', 'publish', 'subscribe']), 'a list of call, register, publish, subscribe')
    .default([])
    .describe(doc);

const signature = z.union(
  [
    choice(['required']),
    shape({
      over: z
        .union(
          [
            choice(['all']),
            list(someText('the name of a kwarg'), 'names of kwargs').min(1, { error: 'at least one kwarg' }),
          ],
          {
            error: 'all, or a list of kwargs',
          },
        )
        .describe('What is signed: `all` kwargs without the signature itself, or these.'),
      field: someText('the name of a kwarg').describe('Kwarg that holds the signature.'),
      key: someText('the name of a kwarg').describe('Kwarg that names the signer: a public key or an authid.'),
      ts: someText('the name of a kwarg').optional().describe('Kwarg with the time of signing, ms.'),
      nonce: someText('the name of a kwarg').optional().describe('Kwarg with a value used once.'),
    }),
  ],
  { error: 'required, or { over, field, key, ts, nonce }' },
);

const anyMatch = () =>
  choice(['exact', 'prefix', 'wildcard', 'glob'])
    .default('exact')
    .describe('How `uri` is compared: `exact`, `prefix` (of the text), `wildcard` (empty components), `glob`.');

const rule = shape({
  uri: text('a URI or pattern').describe('URI or pattern. `{authid}` as a component stands for the session’s authid.'),
  match: anyMatch(),
  allow: actions('Actions allowed.'),
  deny: actions('Actions denied, whatever other rules allow.'),
  disclose: oneOrMore(choice(['publisher', 'caller']), 'a list of publisher, caller')
    .default([])
    .describe('Who is named to receivers without being asked.'),
  signature: signature.optional().describe('Publications and calls must be signed by a key of the principal.'),
  audit: flag().default(false).describe('Write publications and calls to the activity log.'),
}).describe('One permission. Rules add up; their order never matters.');

const rules = list(rule, 'a list of rules');
const role = z.union(
  [
    rules,
    shape({
      rules: rules.default([]).describe('Permissions.'),
      dynamic: flag().default(false).describe('Ask `dynamic.authorizer` where no rule decides.'),
      trustlevel: whole(0, 1_000_000).optional().describe('Trust level told to callees and subscribers.'),
    }),
  ],
  { error: 'a list of rules, or { rules, dynamic, trustlevel }' },
);

const globRoles = (doc: string) => named(roleName(), 'a map: glob → role').default({}).describe(doc);

export const realmSchema = shape({
  realm: realmName().describe('Name of the realm, as clients write it.'),
  environment: someText('a name such as dev, staging or prod')
    .optional()
    .describe('Shown everywhere; a client may demand it with `authextra.environment`.'),
  strictUris: flag().default(false).describe('Accept only URIs of the strict form (a–z, 0–9, _).'),
  strictRequestIds: flag().default(false).describe('End sessions whose request ids leave gaps.'),
  anonymous: shape({ role: roleName().describe('Role of everybody who joins without authentication.') })
    .optional()
    .describe('Absent: nobody joins without authentication.'),
  routerKey: z
    .union(
      [
        shape({ env: envName.describe('Environment variable that holds the seed.') }),
        shape({ file: path('a file that holds the seed').describe('File that holds the seed; read again on change.') }),
      ],
      { error: '{ env: NAME } or { file: PATH }; `waggle keys new --out PATH` makes a key' },
    )
    .optional()
    .describe('Private key (ed25519) that proves the router to cryptosign clients that ask.'),
  principals: named(principal, 'a map: authid → principal').default({}).describe('Who may join, by authid.'),
  roles: named(role, 'a map: role → list of rules')
    .default({})
    .describe('Permissions by role; everything else is denied.'),
  bub: shape({
    roles: globRoles('clientId glob → role on `auth: none` endpoints; the first that matches, in file order.'),
    allowOther: flag().default(false).describe('clientIds other than `tg:` and `agent:` may send any type.'),
    processTimeoutMs: whole(1, HOUR_MS).default(30_000).describe('Time a peer has to answer one delivery.'),
    maxConcurrentRequests: whole(1, 100_000)
      .default(256)
      .describe('Requests of one connection handled at the same time.'),
  })
    .prefault({})
    .describe('Bub peers of this realm.'),
  relay: shape({
    roles: globRoles('Name glob → role on `auth: none` endpoints; the first that matches, in file order.'),
    callTimeoutMs: whole(1, HOUR_MS).default(30_000).describe('Time an agent has to answer one call.'),
  })
    .prefault({})
    .describe('Relay agents of this realm.'),
  events: list(
    shape({
      uri: text('a URI or pattern').describe('Topics meant.'),
      match: anyMatch(),
      retain: choice(['allowed', 'refused'])
        .default('allowed')
        .describe('Whether publishers may have an event retained; one `refused` that matches refuses.'),
      history: shape({
        limit: whole(1, 10_000_000).describe('Events kept: the newest.'),
        maxBytes: whole(1024, 1024 * 1024 * MIB)
          .default(64 * MIB)
          .describe('What they may take together; beyond it the oldest are forgotten.'),
        maxAgeMs: whole(1, Number.MAX_SAFE_INTEGER).optional().describe('Age after which they are forgotten.'),
        store: choice(['memory', 'sqlite'])
          .default('memory')
          .describe('Where they are kept; `sqlite` survives a restart.'),
      })
        .optional()
        .describe(
          'Keep past events for `wamp.subscription.get_events`; the first rule that matches and has it keeps them.',
        ),
    }),
    'a list of maps with uri, match, retain, history',
  )
    .default([])
    .describe('Retention and history by topic.'),
  dynamic: shape({
    authenticator: someText('the URI of a procedure').optional().describe('Procedure asked about unknown authids.'),
    authorizer: someText('the URI of a procedure')
      .optional()
      .describe('Procedure asked for roles with `dynamic: true`.'),
    timeoutMs: whole(1, HOUR_MS).default(2000).describe('Time it has to answer; then denied.'),
  })
    .optional()
    .describe('WAMP procedures that decide.'),
  limits: shape({
    maxMessageBytes: maxMessageBytes.optional().describe('As in router.yaml.'),
    maxSessions: maxSessions.optional().describe('As in router.yaml, for sessions of this realm.'),
    outboxBytes: outboxBytes.optional().describe('As in router.yaml.'),
    maxUriBytes: maxUriBytes.optional().describe('As in router.yaml.'),
    maxSubscriptionsPerSession: perSession.optional().describe('As in router.yaml.'),
    maxRegistrationsPerSession: perSession.optional().describe('As in router.yaml.'),
    maxPendingCallsPerSession: perSession.optional().describe('As in router.yaml.'),
    maxRetainedBytes: maxRetainedBytes.optional().describe('As in router.yaml, for this realm.'),
    callTimeoutMs: callTimeoutMs.optional().describe('As in router.yaml.'),
  })
    .default({})
    .describe('Lower limits for this realm; none may be higher than the router’s.'),
}).describe('Waggle: realms/<realm>.yaml');

export type RouterFile = z.output<typeof routerSchema>;
export type RealmFile = z.output<typeof realmSchema>;
