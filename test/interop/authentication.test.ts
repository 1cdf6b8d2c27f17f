/** Every authentication method over a socket, with the real autobahn package on the other side (CONTRACT §4). */
import { createHash, scryptSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, type AgentOptions, autobahn, JoinRefused, joinAgent } from '../support/autobahn-client.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const { auth_cra: cra, auth_cryptosign: cryptosign, nacl } = autobahn;
const DENIED = 'wamp.error.authentication_denied';

const GENERATED = 'VHdlbnR5LWZvdXIgaG91cnMgYSBkYXk';
const HUMAN = 'correct horse battery staple';
const SCRYPT_SALT = Buffer.from('fedcba9876543210');
const SALT = 'a-salt-of-its-own';
const pair = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(7));
const other = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(9));
const stranger = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(8));

const sha256 = `sha256$${createHash('sha256').update(GENERATED).digest('hex')}`;
const scrypt = `scrypt$10$8$1$${SCRYPT_SALT.toString('base64')}$${scryptSync(HUMAN, SCRYPT_SALT, 32, { N: 1024 }).toString('base64')}`;

const ROLES = 'roles: { agent: [{ uri: com., match: prefix, allow: [call] }], guest: [], signer: [] }';
const REALMS = {
  mixed: `
realm: mixed
environment: production
anonymous: { role: guest }
principals:
  from-env: { role: agent, ticket: { env: AGENT_TICKET } }
  generated: { role: agent, ticket: { hash: "${sha256}" } }
  rotated: { role: agent, ticket: [{ hash: "${sha256}" }, { env: AGENT_TICKET }] }
  unset: { role: agent, ticket: { env: NO_SUCH_VARIABLE } }
  plain: { role: agent, wampcra: { env: CRA_SECRET } }
  salted: { role: agent, wampcra: { key: "${cra.derive_key('salted secret', SALT, 1000, 32)}", salt: ${SALT}, iterations: 1000, keylen: 32 } }
  signer: { role: signer, cryptosign: ["${cryptosign.public_key(pair)}"] }
  all: { role: agent, ticket: { env: AGENT_TICKET }, wampcra: { env: CRA_SECRET }, cryptosign: ["${cryptosign.public_key(other).toUpperCase()}"] }
${ROLES}
`,
  closed: `
realm: closed
principals:
  generated: { role: agent, ticket: { hash: "${sha256}" }, wampcra: { env: CRA_SECRET } }
  human: { role: agent, ticket: { hash: "${scrypt}" } }
${ROLES}
`,
};

let router: RunningRouter;
beforeAll(async () => {
  router = await startRouter({
    realms: REALMS,
    env: { AGENT_TICKET: 'ticket from the environment', CRA_SECRET: 'prq7+YkJ1/KlW1X0YczMHw==' },
  });
});
afterAll(() => router.stop());

const agents: Agent[] = [];
/** Joins realm `mixed` unless told otherwise. @returns the details of WELCOME */
async function join(options: AgentOptions, name: (typeof RAW_NAMES)[number] = 'json'): Promise<Dict> {
  const agent = await joinAgent({ url: router.url }, name, { realm: 'mixed', ...options });
  agents.push(agent);
  await agent.leave();
  return agent.details;
}

async function refused(options: AgentOptions): Promise<{ reason: string | null; message: string | null }> {
  const error = await join(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof JoinRefused)) throw new Error('not refused');
  return { reason: error.reason, message: error.details.message };
}

const ticket = (authid: string, value: string): AgentOptions => ({
  authid,
  authmethods: ['ticket'],
  onchallenge: (_session, method) => (method === 'ticket' ? value : 'not asked for'),
});

const challenge = (authid: string, secret: string): AgentOptions => ({
  authid,
  authmethods: ['wampcra'],
  onchallenge(_session, _method, extra) {
    const { salt, iterations, keylen } = extra;
    const key = typeof salt === 'string' ? cra.derive_key(secret, salt, Number(iterations), Number(keylen)) : secret;
    return cra.sign(key, String(extra.challenge));
  },
});

const signature = (keys: typeof pair, options: AgentOptions = {}): AgentOptions => ({
  authmethods: ['cryptosign'],
  authextra: { pubkey: cryptosign.public_key(keys) },
  onchallenge: (_session, _method, extra) => cryptosign.sign_challenge(keys, extra),
  ...options,
});

describe('anonymous', () => {
  it('PITFALLS 14: no authmethods means anonymous', async () => {
    expect(await join({})).toMatchObject({ authrole: 'guest', authmethod: 'anonymous' });
  });

  it('the authid is drawn, not taken from the client', async () => {
    const details = await join({ authid: 'generated', authmethods: ['anonymous'] });
    expect(details.authid).not.toBe('generated');
    expect(details.authmethod).toBe('anonymous');
  });

  it('a realm without anonymous refuses it with no_matching_auth_method', async () => {
    expect((await refused({ realm: 'closed' })).reason).toBe('wamp.error.no_matching_auth_method');
    expect((await refused({ realm: 'closed', authmethods: ['anonymous'] })).reason).toBe(
      'wamp.error.no_matching_auth_method',
    );
  });
});

describe('ticket', () => {
  for (const name of RAW_NAMES) {
    it(`from the environment (${name})`, async () => {
      expect(await join(ticket('from-env', 'ticket from the environment'), name)).toMatchObject({
        authid: 'from-env',
        authrole: 'agent',
        authmethod: 'ticket',
        authprovider: 'static',
      });
    });
  }

  it('stored as sha256$', async () => {
    expect(await join(ticket('generated', GENERATED))).toMatchObject({ authid: 'generated' });
  });

  it('stored as scrypt$', async () => {
    const human = { ...ticket('human', HUMAN), realm: 'closed' };
    expect(await join(human)).toMatchObject({ authid: 'human' });
    expect(await join(human)).toMatchObject({ authid: 'human' });
    expect((await refused({ ...human, onchallenge: () => 'correct horse' })).reason).toBe(DENIED);
  });

  it('several are valid at once, for rotation', async () => {
    expect(await join(ticket('rotated', GENERATED))).toMatchObject({ authid: 'rotated' });
    expect(await join(ticket('rotated', 'ticket from the environment'))).toMatchObject({ authid: 'rotated' });
  });

  it('a wrong or empty one is denied; so is every ticket where the variable is not set', async () => {
    for (const [authid, value] of [
      ['from-env', 'wrong'],
      ['generated', ''],
      ['unset', ''],
      ['unset', 'undefined'],
    ] as const) {
      expect({ authid, ...(await refused(ticket(authid, value))) }).toMatchObject({ authid, reason: DENIED });
    }
  });
});

describe('WAMP-CRA', () => {
  it('with the secret itself as key', async () => {
    expect(await join(challenge('plain', 'prq7+YkJ1/KlW1X0YczMHw=='))).toMatchObject({
      authid: 'plain',
      authmethod: 'wampcra',
      authprovider: 'static',
    });
  });

  it('PITFALLS 17: salted, where the key is the base64 text of what was derived', async () => {
    expect(await join(challenge('salted', 'salted secret'))).toMatchObject({ authid: 'salted', authmethod: 'wampcra' });
  });

  it('PITFALLS 17: the challenge is a text that names the session of WELCOME', async () => {
    let text = '';
    const agent = await joinAgent({ url: router.url }, 'msgpack', {
      realm: 'mixed',
      ...challenge('plain', ''),
      onchallenge(_session, _method, extra) {
        text = String(extra.challenge);
        return cra.sign('prq7+YkJ1/KlW1X0YczMHw==', text);
      },
    });
    expect(JSON.parse(text)).toMatchObject({
      authid: 'plain',
      authrole: 'agent',
      authmethod: 'wampcra',
      authprovider: 'static',
      nonce: expect.stringMatching(/.{16}/),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      session: agent.session.id,
    });
    await agent.leave();
  });

  it('a wrong secret is denied, plain and salted', async () => {
    expect((await refused(challenge('plain', 'wrong'))).reason).toBe(DENIED);
    expect((await refused(challenge('salted', 'wrong'))).reason).toBe(DENIED);
  });

  it('a signature for one session does not open another', async () => {
    let first = '';
    const capture = { ...challenge('plain', ''), onchallenge: () => first };
    const raw = await RawClient.connect(router.url);
    raw.hello('mixed', { roles: ALL_ROLES, authid: 'plain', authmethods: ['wampcra'] });
    const { extra } = await raw.expect(4);
    first = cra.sign('prq7+YkJ1/KlW1X0YczMHw==', String(extra.challenge));
    raw.close();
    expect((await refused(capture)).reason).toBe(DENIED);
  });
});

describe('cryptosign', () => {
  it('with an authid', async () => {
    expect(await join(signature(pair, { authid: 'signer' }))).toMatchObject({
      authid: 'signer',
      authrole: 'signer',
      authmethod: 'cryptosign',
    });
  });

  it('PITFALLS 18: without an authid the key says who it is', async () => {
    expect(await join(signature(pair))).toMatchObject({ authid: 'signer', authrole: 'signer' });
  });

  it('PITFALLS 18: a binding that the connection does not have is not claimed', async () => {
    let offered: Dict = {};
    const details = await join(
      signature(pair, {
        authextra: { pubkey: cryptosign.public_key(pair), channel_binding: 'tls-exporter', trustroot: null },
        onchallenge(_session, _method, extra) {
          offered = extra;
          return cryptosign.sign_challenge(pair, extra);
        },
      }),
    );
    expect(details.authid).toBe('signer');
    expect(Object.keys(offered)).toEqual(['challenge']);
  });

  it('PITFALLS 18: hex in upper case is as good', async () => {
    const upper = signature(pair, {
      authextra: { pubkey: cryptosign.public_key(pair).toUpperCase() },
      onchallenge: (_session, _method, extra) => cryptosign.sign_challenge(pair, extra).toUpperCase(),
    });
    expect(await join(upper)).toMatchObject({ authid: 'signer' });
  });

  it('PITFALLS 18: another key, another signature or another message is denied', async () => {
    const pretending = { pubkey: cryptosign.public_key(pair) };
    const cases: AgentOptions[] = [
      signature(stranger, { authid: 'signer' }),
      signature(stranger),
      signature(stranger, { authextra: pretending }),
      signature(pair, { onchallenge: () => cryptosign.sign_challenge(pair, { challenge: '00'.repeat(32) }) }),
      signature(pair, { onchallenge: () => 'ff' }),
    ];
    for (const options of cases) expect((await refused(options)).reason).toBe(DENIED);
  });
});

describe('unknown users look like wrong secrets', () => {
  const transcript = async (authid: string, method: string) => {
    const raw = await RawClient.connect(router.url);
    raw.hello('mixed', { roles: ALL_ROLES, authid, authmethods: [method] });
    const { method: asked, extra } = await raw.expect(4);
    raw.send([5, 'wrong', {}]);
    const abort = await raw.take();
    const { code } = await raw.ended;
    return { asked, extra, abort, code };
  };
  /** The challenge without what is different each time. */
  const shape = (extra: Dict) => {
    const { challenge: text, salt, ...rest } = extra;
    const fields = typeof text === 'string' && text.startsWith('{') ? Object.keys(JSON.parse(text)) : typeof text;
    return { ...rest, fields, keys: Object.keys(extra), salt: typeof salt };
  };

  it('CONTRACT §4: the same ABORT, URI and text, for ticket', async () => {
    const [known, unknown] = [await transcript('from-env', 'ticket'), await transcript('nobody', 'ticket')];
    expect(unknown).toEqual(known);
    expect(known.abort).toEqual([3, { message: expect.any(String) }, DENIED]);
  });

  it('PITFALLS 15: the same ABORT and a challenge of a known shape, stable per name, for wampcra', async () => {
    const known = [await transcript('plain', 'wampcra'), await transcript('salted', 'wampcra')];
    const shapes = known.map(({ extra }) => JSON.stringify(shape(extra)));
    for (const authid of ['nobody', 'somebody', 'x', 'planner']) {
      const first = await transcript(authid, 'wampcra');
      const second = await transcript(authid, 'wampcra');
      expect(shapes).toContain(JSON.stringify(shape(first.extra)));
      expect(second.extra.salt).toEqual(first.extra.salt);
      expect([first.abort, first.code]).toEqual([known[0]?.abort, known[0]?.code]);
    }
  });
});

describe('the choice of the method', () => {
  const chosen = async (authmethods: readonly string[], parts: Dict = {}, realm = 'mixed') => {
    const raw = await RawClient.connect(router.url);
    raw.hello(realm, { roles: ALL_ROLES, authmethods, ...parts });
    const answer = await raw.message();
    raw.close();
    if (answer.type === 4) return answer.method;
    if (answer.type === 2) return answer.details.authmethod;
    return answer.type === 3 ? answer.reason : answer;
  };
  const named = { authid: 'all', authextra: { pubkey: cryptosign.public_key(other) } };
  const NONE = 'wamp.error.no_matching_auth_method';

  it("PITFALLS 14: the client's order counts", async () => {
    expect(await chosen(['ticket', 'wampcra', 'cryptosign'], named)).toBe('ticket');
    expect(await chosen(['wampcra', 'ticket'], named)).toBe('wampcra');
    expect(await chosen(['cryptosign', 'ticket', 'anonymous'], named)).toBe('cryptosign');
    expect(await chosen(['anonymous', 'ticket'], named)).toBe('anonymous');
  });

  it('PITFALLS 14: a method that is unknown, not allowed or cannot start is passed over', async () => {
    expect(await chosen(['kerberos', 'wamp-scram', 'ticket'], named)).toBe('ticket');
    expect(await chosen(['cryptosign', 'wampcra'], named, 'closed')).toBe('wampcra');
    expect(await chosen(['anonymous', 'ticket'], named, 'closed')).toBe('ticket');
    expect(await chosen(['cryptosign', 'ticket'], { authid: 'all' })).toBe('ticket');
    expect(await chosen(['ticket', 'anonymous'])).toBe('anonymous');
  });

  it('PITFALLS 14: none acceptable is no_matching_auth_method', async () => {
    expect(await chosen(['kerberos'], named)).toBe(NONE);
    expect(await chosen(['ticket'])).toBe(NONE);
    expect(await chosen(['cryptosign'], named, 'closed')).toBe(NONE);
  });
});

describe('the environment', () => {
  it('CONTRACT §4: a client may demand it, and joins where it is the same', async () => {
    expect(await join({ authextra: { environment: 'production' } })).toMatchObject({ authrole: 'guest' });
  });

  it('CONTRACT §4: a client that demands another one is refused before it shows any secret', async () => {
    let asked = false;
    const { reason, message } = await refused({
      ...ticket('generated', GENERATED),
      authextra: { environment: 'dev' },
      onchallenge() {
        asked = true;
        return GENERATED;
      },
    });
    expect(reason).toBe('wamp.error.no_such_realm');
    expect(message).toContain('environment');
    expect(asked).toBe(false);
  });

  it('no secret is logged', () => {
    const log = router.log();
    for (const secret of [GENERATED, HUMAN, 'ticket from the environment', 'prq7+YkJ1', 'salted secret']) {
      expect(log).not.toContain(secret);
    }
  });
});
