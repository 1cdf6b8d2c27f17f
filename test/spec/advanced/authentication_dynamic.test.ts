/** People whom the realm file does not know, with real autobahn agents over sockets (CONTRACT §4, `dynamic`; §6). */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Dict } from '../../../src/wamp/payload.ts';
import {
  type Agent,
  type AgentOptions,
  autobahn,
  type Endpoint,
  JoinRefused,
  joinAgent,
} from '../../support/autobahn-client.ts';
import { type RunningRouter, startRouter } from '../../support/start-router.ts';

const { auth_cryptosign: cryptosign, nacl } = autobahn;
const CHECK = 'yamtam.auth.check';
const ALLOW = 'yamtam.auth.allow';
const TIMEOUT_MS = 300;
const DENIED = { reason: 'wamp.error.authentication_denied', message: 'authentication failed' };

const realm = (dynamic = `{ authenticator: ${CHECK}, authorizer: ${ALLOW}, timeoutMs: ${TIMEOUT_MS} }`, roles = '') => `
realm: realm1
environment: test
dynamic: ${dynamic}
principals:
  authority: { role: authority, ticket: { env: TICKET } }
  keyed: { role: user, cryptosign: ["${'5'.repeat(64)}"] }
roles:
  authority:
    - { uri: ${CHECK}, allow: [register] }
    - { uri: ${ALLOW}, allow: [register] }
    - { uri: "", match: prefix, allow: [call, subscribe, publish] }
  user: { dynamic: true, rules: [{ uri: free., match: prefix, allow: [call, register, publish, subscribe] }] }
  ${roles}
`;

let router: RunningRouter;
const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.leave();
  await router.stop();
});

const ticket = (authid: string, value: string): AgentOptions => ({
  authid,
  authmethods: ['ticket'],
  onchallenge: () => value,
});

async function join(options: AgentOptions): Promise<Agent> {
  const agent = await joinAgent({ url: router.url }, 'json', options);
  agents.push(agent);
  return agent;
}

async function refused(options: AgentOptions): Promise<{ reason: string | null; message: string | null }> {
  const error = await join(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof JoinRefused)) throw new Error('not refused');
  return { reason: error.details.reason, message: error.details.message };
}

/** A router and the agent that is asked. @returns what it was asked */
async function started(check: (authid: string, details: Dict) => unknown, allow: Endpoint = () => true) {
  router = await startRouter({ realms: { realm1: realm() }, env: { TICKET: 'of the authority' } });
  const asked: { realm: unknown; authid: unknown; details: Dict }[] = [];
  const authority = await join(ticket('authority', 'of the authority'));
  await authority.session.register(CHECK, ([name, authid, details]) => {
    asked.push({ realm: name, authid, details: details as Dict });
    return check(String(authid), details as Dict);
  });
  await authority.session.register(ALLOW, allow);
  return { authority, asked };
}

const byTicket = (_authid: string, { ticket: given }: Dict) => given === 'right' && { role: 'user' };

describe('Authentication: dynamic, ticket', () => {
  it('an authid that the realm file does not know is asked about: (realm, authid, details)', async () => {
    const { asked } = await started(byTicket);
    const { details } = await join({ ...ticket('ann', 'right'), authextra: { app: 'x' } });
    expect(details).toMatchObject({ authid: 'ann', authrole: 'user', authmethod: 'ticket', authprovider: 'dynamic' });
    expect(asked).toEqual([
      {
        realm: 'realm1',
        authid: 'ann',
        details: {
          authmethod: 'ticket',
          ticket: 'right',
          authextra: { app: 'x' },
          address: '127.0.0.1',
          session: expect.any(Number),
          transport: { type: 'websocket', protocol: 'wamp.2.json', secure: false },
        },
      },
    ]);
  });

  it('its answer may give another authid, and authextra for WELCOME', async () => {
    await started(() => ({ role: 'user', authid: 'ann@example', extra: { greeting: 'hi' } }));
    const { details } = await join(ticket('ann', 'x'));
    expect(details).toMatchObject({ authid: 'ann@example', authextra: { greeting: 'hi' } });
  });

  it('an authextra that the client’s encoding has no words for costs this client its session, and nobody else anything', async () => {
    router = await startRouter({ realms: { realm1: realm() }, env: { TICKET: 'of the authority' } });
    const authority = await joinAgent({ url: router.url }, 'msgpack', ticket('authority', 'of the authority'));
    agents.push(authority);
    await authority.session.register(CHECK, ([, authid]) => ({
      role: 'user',
      extra: authid === 'ann' ? { number: Number.NaN } : { number: 1 },
    }));
    const { reason } = await refused(ticket('ann', 'x'));
    expect(reason).toBe('wamp.error.invalid_argument');
    expect((await join(ticket('bob', 'x'))).details).toMatchObject({ authextra: { number: 1 } });
    expect(router.log()).not.toContain('unexpected error');
  });

  it("principals of the file are the file's alone: nobody is asked about them", async () => {
    const { asked } = await started(() => ({ role: 'user' }));
    expect(await refused(ticket('authority', 'wrong'))).toEqual(DENIED);
    expect(await refused(ticket('keyed', 'no ticket at all'))).toEqual(DENIED);
    expect(asked).toEqual([]);
  });

  it.each([
    ['false', false],
    ['nothing', null],
    ['true', true],
    ['a role the file has not', { role: 'root' }],
    ['no role', { authid: 'x' }],
    ['the authid of a principal', { role: 'user', authid: 'authority' }],
    ['an empty authid', { role: 'user', authid: '' }],
    ['an authid that is no text', { role: 'user', authid: 7 }],
    ['an extra that is no map', { role: 'user', extra: 'x' }],
  ])('the answer %s denies, and looks like all failures', async (_name, answer) => {
    await started(() => answer);
    expect(await refused(ticket('ann', 'x'))).toEqual(DENIED);
  });

  it('so does an ERROR', async () => {
    await started(() => {
      throw new autobahn.Error('app.broken', ['database is gone']);
    });
    expect(await refused(ticket('ann', 'x'))).toEqual(DENIED);
  });

  it('CONTRACT §6: while nobody answers the connection is closed without ABORT, for principals with a wrong ticket too', async () => {
    const { authority } = await started(() => new Promise(() => {}));
    const unknown = await refused(ticket('ann', 'x'));
    expect(unknown.reason).toBe(null);
    const known = await refused(ticket('authority', 'wrong'));
    expect(known).toEqual(unknown);
    await authority.leave();
    expect(await refused(ticket('ben', 'x'))).toEqual(known);
    // The right ticket is nobody's business but the file's.
    await join(ticket('authority', 'of the authority'));
  });

  it('a ticket is not in the log, whatever becomes of it', async () => {
    await started(byTicket);
    await join(ticket('ann', 'right'));
    await refused(ticket('ann', 'a-secret-that-is-wrong'));
    expect(router.log()).not.toMatch(/right|a-secret-that-is-wrong/);
  });
});

describe('Authentication: dynamic, cryptosign', () => {
  const pair = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(3));
  const other = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(4));
  const key = cryptosign.public_key(pair);
  const signed = (by = pair): AgentOptions => ({
    authid: 'ann',
    authmethods: ['cryptosign'],
    authextra: { pubkey: key },
    onchallenge: (_session, _method, extra) => cryptosign.sign_challenge(by, extra),
  });

  it('the client proves that it has the key, the authenticator says whose it is', async () => {
    const { asked } = await started(() => ({ role: 'user', pubkeys: [key.toUpperCase()] }));
    expect((await join(signed())).details).toMatchObject({ authid: 'ann', authmethod: 'cryptosign' });
    expect(asked[0]?.details).toMatchObject({ authmethod: 'cryptosign', pubkey: key });
    expect(await refused(signed(other))).toEqual(DENIED);
    expect(asked).toHaveLength(1);
  });

  it.each([[undefined], [[]], [key], [['5'.repeat(64)]]])('pubkeys %s denies', async (pubkeys) => {
    await started(() => ({ role: 'user', pubkeys }));
    expect(await refused(signed())).toEqual(DENIED);
  });
});

describe('Authentication: dynamic, and a reload', () => {
  const reloaded = async (text: string) => {
    await started(byTicket);
    const ann = await join(ticket('ann', 'right'));
    router.writeRealm('realm1', text);
    router.reload();
    return ann;
  };

  it('that has nothing to do with it leaves the session alone', async () => {
    const ann = await reloaded(realm(undefined, 'further: []'));
    await ann.session.publish('free.x', [], {}, { acknowledge: true });
  });

  it.each([
    ['the role is gone', realm().replaceAll('user:', 'users:').replace('role: user', 'role: users')],
    ['the authenticator is gone', realm(`{ authorizer: ${ALLOW} }`)],
    ['another authenticator is asked', realm(`{ authenticator: yamtam.other, authorizer: ${ALLOW} }`)],
    ['its name is a principal of the file now', realm().replace('keyed:', 'ann:')],
  ])('%s: the session ends', async (_name, text) => {
    const ann = await reloaded(text);
    expect(await ann.closed).toMatchObject({ reason: 'wamp.close.killed' });
  });
});

describe('Authorization: dynamic, over sockets', () => {
  it('an authorizer that calls the asker, and hears it, before it answers', async () => {
    let authority: Agent['session'] | undefined;
    const scene = await started(byTicket, async (args) => {
      const [, uri] = args;
      return (await authority?.call('free.vouch', [uri])) === 'yes';
    });
    authority = scene.authority.session;
    const ann = await join(ticket('ann', 'right'));
    await ann.session.register('free.vouch', ([uri]) => (uri === 'secret.good' ? 'yes' : 'no'));
    await ann.session.publish('secret.good', [], {}, { acknowledge: true });
    await expect(ann.session.publish('secret.bad', [], {}, { acknowledge: true })).rejects.toMatchObject({
      error: 'wamp.error.not_authorized',
    });
  });

  it('an authorizer that ends the asker while it is asked about it', async () => {
    const scene = await started(byTicket, async ([about]) => {
      const { session } = about as { session: number };
      await scene.authority.session.call('wamp.session.kill', [session]);
      return true;
    });
    const ann = await join(ticket('ann', 'right'));
    ann.session.publish('secret.x', [], {}, { acknowledge: true })?.then(undefined, () => {});
    expect(await ann.closed).toMatchObject({ reason: 'wamp.close.killed' });
    await scene.authority.session.publish('free.x', [], {}, { acknowledge: true });
  });

  it('an authorizer that goes away while it is asked, and comes back', async () => {
    const scene = await started(byTicket, () => {
      void scene.authority.leave();
      return new Promise(() => {});
    });
    const ann = await join(ticket('ann', 'right'));
    const publish = () => ann.session.publish('secret.x', [], {}, { acknowledge: true });
    await expect(publish()).rejects.toMatchObject({ error: 'wamp.error.authorization_failed' });
    const next = await join(ticket('authority', 'of the authority'));
    await next.session.register(ALLOW, () => ({ allow: true, cacheMs: 60_000 }));
    await publish();
    await next.leave();
    await vi.waitFor(() => expect(publish()).rejects.toMatchObject({ error: 'wamp.error.authorization_failed' }));
  });

  it('PITFALLS 64: thousands of publications in one go reach the subscriber in order, none is lost and none sent twice', async () => {
    const { authority } = await started(byTicket, async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      return true;
    });
    const heard: unknown[] = [];
    await authority.session.subscribe('secret.', ([value]) => void heard.push(value), { match: 'prefix' });
    const ann = await join(ticket('ann', 'right'));
    const count = 3000;
    for (let i = 0; i < count; i++) ann.session.publish(i % 3 === 0 ? 'free.x' : 'secret.x', [i]);
    await ann.session.publish('secret.x', ['end'], {}, { acknowledge: true });
    await vi.waitFor(() => expect(heard.at(-1)).toBe('end'));
    const expected = Array.from({ length: count }, (_, i) => i).filter((i) => i % 3 !== 0);
    expect(heard).toEqual([...expected, 'end']);
  });
});
