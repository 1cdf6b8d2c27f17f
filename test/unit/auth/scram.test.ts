/** What SCRAM has beside the rules of all methods (test/contract/auth-method.ts): nonces, channel binding, dialects. */
import { describe, expect, it } from 'vitest';
import type { AuthStep } from '../../../src/auth/auth-method.ts';
import type { ScramSpec } from '../../../src/auth/principals.ts';
import type { Dict } from '../../../src/wamp/payload.ts';
import { type Bench, bench, principal, realm, request, settled } from '../../support/auth-fixtures.ts';
import { answerScram, type ScramUser, scramHello, verifierFor } from '../../support/scram-client.ts';

const CHANNEL = Buffer.alloc(32, 9);
const DENIED = 'wamp.error.authentication_denied';
const user: ScramUser = { dialect: 'spec', authid: 'planner', password: 'pencil', nonce: 'egVDf3DMJh0=' };
const METHOD = { spec: 'wamp-scram', autobahn: 'scram' } as const;

const withVerifiers = (...scram: ScramSpec[]) => bench(realm([principal('planner', { scram })]));
const both = () => withVerifiers(verifierFor('spec', 'pencil'), verifierFor('autobahn', 'pencil'));

/** HELLO up to the answer to it. */
async function hello(on: Bench, who: ScramUser = user, authextra: Dict = scramHello(who), channelId = who.channelId) {
  const parts = { authid: who.authid, authextra, channelId };
  const started = on.authenticator.attempt({ authmethods: [METHOD[who.dialect]] }, request(parts));
  if ('kind' in started) return { step: started, finish: () => Promise.resolve(started) };
  const step = await started.begin();
  const finish = (signature: string, extra: Dict) => settled(started.finish(signature, extra), on.clock);
  return { step, finish };
}

const challenge = (step: AuthStep): Dict => {
  if (step.kind !== 'challenge') throw new Error(`challenge expected, not ${JSON.stringify(step)}`);
  return step.extra;
};

/** The answer to an AUTHENTICATE that a client of `who` makes and `change` falsifies. */
async function join(who: ScramUser, change: (extra: Dict) => Dict = (extra) => extra, on = both()) {
  const { step, finish } = await hello(on, who);
  const { signature, extra } = answerScram(who, challenge(step));
  return finish(signature, change(extra));
}

describe('wamp-scram', () => {
  it('PITFALLS 19: CHALLENGE holds what the specification names and nothing else', async () => {
    const on = withVerifiers(verifierFor('spec', 'pencil', { salt: '0123456789abcdef', iterations: 3, memory: 64 }));
    const extra = challenge((await hello(on)).step);
    expect(extra).toEqual({
      nonce: expect.stringMatching(/^egVDf3DMJh0=[A-Za-z0-9+/]{22}==$/),
      salt: 'ASNFZ4mrze8=',
      kdf: 'argon2id13',
      iterations: 3,
      memory: 64,
    });
    expect(challenge((await hello(on)).step).nonce).not.toBe(extra.nonce);
  });

  it('PITFALLS 19: with pbkdf2 the memory is null, whatever the realm file says', async () => {
    const spec = verifierFor('spec', 'pencil', { kdf: 'pbkdf2', iterations: 10 });
    for (const scram of [spec, { ...spec, memory: 512 }]) {
      const extra = challenge((await hello(withVerifiers(scram))).step);
      expect(extra).toMatchObject({ kdf: 'pbkdf2', iterations: 10, memory: null });
    }
  });

  it('PITFALLS 19: WELCOME proves that the router knows the verifier', async () => {
    const on = both();
    const { step, finish } = await hello(on);
    const { signature, extra, authextra } = answerScram(user, challenge(step));
    expect(await finish(signature, extra)).toMatchObject({ kind: 'welcome', authextra });
    expect(authextra.verifier).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });

  it('PITFALLS 19: the nonce in AUTHENTICATE.Extra must be the one of the challenge', async () => {
    expect((await join(user)).kind).toBe('welcome');
    const wrong: Dict[] = [{}, { nonce: null }, { nonce: user.nonce }, { nonce: 7 }];
    for (const each of wrong) {
      const step = await join(user, ({ nonce: _nonce, ...rest }) => ({ ...rest, ...each }));
      expect(step).toMatchObject({ kind: 'deny', uri: DENIED });
    }
  });

  it('null and absent are the same where there is no channel binding', async () => {
    expect((await join(user, ({ nonce }) => ({ nonce }))).kind).toBe('welcome');
    const bare = { ...user, dialect: 'spec' } as const;
    const { step, finish } = await hello(both(), bare, { nonce: bare.nonce });
    const { signature, extra } = answerScram(bare, challenge(step));
    expect((await finish(signature, extra)).kind).toBe('welcome');
  });

  it('channel binding data without channel binding is denied', async () => {
    const data = CHANNEL.toString('base64');
    expect(await join(user, (extra) => ({ ...extra, cbind_data: data }))).toMatchObject({ uri: DENIED });
    expect(await join(user, (extra) => ({ ...extra, channel_binding: 'tls-exporter' }))).toMatchObject({ uri: DENIED });
  });

  it('with tls-exporter the proof is over the id of the channel', async () => {
    const bound = { ...user, channelId: CHANNEL };
    expect((await join(bound)).kind).toBe('welcome');
    const elsewhere = Buffer.alloc(32, 1);
    const on = both();
    // A machine in the middle: its connection to the router has another id than the client's to it.
    const { step, finish } = await hello(on, bound, scramHello(bound), elsewhere);
    const { signature, extra } = answerScram(bound, challenge(step));
    expect(await finish(signature, extra)).toMatchObject({ kind: 'deny', uri: DENIED });
    const again = await hello(on, bound, scramHello(bound), elsewhere);
    const lied = answerScram(bound, challenge(again.step));
    const data = elsewhere.toString('base64');
    expect(await again.finish(lied.signature, { ...lied.extra, cbind_data: data })).toMatchObject({ uri: DENIED });
  });

  it.each<[string, (extra: Dict) => Dict]>([
    ['no binding', (extra) => ({ ...extra, channel_binding: null, cbind_data: null })],
    ['another binding', (extra) => ({ ...extra, channel_binding: 'tls-unique' })],
    ['no data', (extra) => ({ ...extra, cbind_data: null })],
    ['data without padding', (extra) => ({ ...extra, cbind_data: String(extra.cbind_data).replace('=', '') })],
    ['bytes as data', (extra) => ({ ...extra, cbind_data: CHANNEL })],
  ])('a binding that HELLO asked for cannot be dropped: %s is denied', async (_, change) => {
    expect(await join({ ...user, channelId: CHANNEL }, change)).toMatchObject({ kind: 'deny', uri: DENIED });
  });

  it.each([
    ['tls-unique', CHANNEL],
    ['tls-server-end-point', CHANNEL],
    ['', CHANNEL],
    ['tls-exporter', undefined],
    ['tls-exporter', Buffer.alloc(12)],
  ])('a channel binding that the connection does not have ends the attempt: %j', async (binding, channelId) => {
    const authextra = { nonce: user.nonce, channel_binding: binding };
    for (const authid of ['planner', 'nobody']) {
      const { step } = await hello(both(), { ...user, authid }, authextra, channelId);
      expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.no_matching_auth_method' });
    }
  });

  it('commas and equals signs of an authid are escaped, so that it cannot pose as the rest of the message', async () => {
    const authid = 'a,r=b=2C';
    const scram = [verifierFor('spec', 'pencil')];
    const on = bench(realm([principal(authid, { scram })]));
    expect((await join({ ...user, authid }, undefined, on)).kind).toBe('welcome');
  });
});

describe('scram of autobahn', () => {
  const autobahn: ScramUser = { ...user, dialect: 'autobahn' };

  it('PITFALLS 19: CHALLENGE has its names, and no key that its client would refuse', async () => {
    const extra = challenge((await hello(both(), autobahn)).step);
    const { nonce, ...rest } = extra;
    const { iterations, memory, salt } = verifierFor('autobahn', 'pencil');
    expect(rest).toEqual({ kdf: 'argon2id-13', iterations, memory, salt: Buffer.from(salt, 'hex').toString('base64') });
    const bytes = Buffer.from(String(nonce), 'base64');
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from(user.nonce, 'base64'));
    expect(bytes.length).toBe(24);
  });

  it('PITFALLS 19: AUTHENTICATE.Extra is empty, and WELCOME has scram_server_signature', async () => {
    const { step, finish } = await hello(both(), autobahn);
    const { signature, extra, authextra } = answerScram(autobahn, challenge(step));
    expect(extra).toEqual({});
    expect(await finish(signature, extra)).toMatchObject({ kind: 'welcome', authextra });
    expect(Object.keys(authextra)).toEqual(['scram_server_signature']);
  });

  it('a channel binding is not claimed where it cannot be given', async () => {
    const { step, finish } = await hello(
      both(),
      autobahn,
      { nonce: user.nonce, channel_binding: 'tls-exporter' },
      CHANNEL,
    );
    const { signature } = answerScram(autobahn, challenge(step));
    expect((await finish(signature, {})).kind).toBe('welcome');
  });
});

describe('both dialects', () => {
  it.each(['spec', 'autobahn'] as const)(
    'PITFALLS 14: %s cannot start without a nonce in canonical base64',
    async (dialect) => {
      for (const nonce of [undefined, null, '', 7, 'egVDf3DMJh0', 'egVDf3DMJh0=\n', 'r=,s', 'A'.repeat(1028)]) {
        const { step } = await hello(both(), { ...user, dialect }, nonce === undefined ? {} : { nonce });
        expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.no_matching_auth_method' });
      }
      const odd = await hello(both(), { ...user, dialect }, { nonce: user.nonce, channel_binding: 7 });
      expect(odd.step).toMatchObject({ kind: 'deny', uri: 'wamp.error.no_matching_auth_method' });
    },
  );

  it.each(['spec', 'autobahn'] as const)(
    'PITFALLS 19: only %s is offered where no other verifier exists',
    async (dialect) => {
      const on = withVerifiers(verifierFor(dialect, 'pencil'));
      for (const asked of ['spec', 'autobahn'] as const) {
        const { step } = await hello(on, { ...user, dialect: asked });
        expect(step.kind).toBe(asked === dialect ? 'challenge' : 'deny');
      }
    },
  );

  it.each(['spec', 'autobahn'] as const)(
    'PITFALLS 15: the salt of an unknown user of %s stays, also over a restart',
    async (dialect) => {
      const salt = async (on: Bench, authid: string) =>
        challenge((await hello(on, { ...user, dialect, authid })).step).salt;
      const first = await salt(both(), 'nobody');
      expect(await salt(both(), 'nobody')).toBe(first);
      expect(await salt(both(), 'nobody2')).not.toBe(first);
      // Another password of another principal makes other secrets, and so may change it; letters' case does not.
      const upper = [verifierFor('spec', 'pencil'), verifierFor('autobahn', 'pencil')].map((spec) => ({
        ...spec,
        serverKey: spec.serverKey.toUpperCase(),
      }));
      expect(await salt(withVerifiers(...upper), 'nobody')).toBe(first);
    },
  );

  it('PITFALLS 15: an unknown user is asked with what some principal has, not with a mixture', async () => {
    const costs = [
      { kdf: 'pbkdf2', iterations: 11 },
      { kdf: 'argon2id13', iterations: 2, memory: 40, salt: '0123456789abcdef' },
    ] as const;
    const on = bench(
      realm(costs.map((cost, at) => principal(`p${at}`, { scram: [verifierFor('spec', 'pencil', cost)] }))),
    );
    const seen = new Set<string>();
    for (let at = 0; at < 40; at++) {
      const { kdf, iterations, memory, salt } = challenge((await hello(on, { ...user, authid: `nobody${at}` })).step);
      seen.add(JSON.stringify([kdf, iterations, memory, Buffer.from(String(salt), 'base64').length]));
    }
    expect([...seen].sort()).toEqual(['["argon2id13",2,40,8]', '["pbkdf2",11,null,16]']);
  });

  it('a verifier that no client could use is left out, with a warning', () => {
    const spec = verifierFor('spec', 'pencil');
    const { memory: _memory, ...withoutMemory } = spec;
    const warnings = (...scram: ScramSpec[]) => withVerifiers(...scram).authenticator.warnings;
    expect(warnings(withoutMemory)).toEqual(['principal "planner": scram.memory: KiB expected for argon2id13']);
    expect(warnings({ ...spec, storedKey: 'zz' })[0]).toContain('expected in hex');
    expect(warnings(verifierFor('autobahn', 'x'), spec, verifierFor('spec', 'y'))[0]).toContain(
      'only the first verifier',
    );
    expect(warnings({ ...spec, dialect: 'autobahn', kdf: 'pbkdf2' })[0]).toContain('argon2id13 expected');
  });

  it('a changed password ends the session, and other casing of the same keys does not', async () => {
    const step = await join(user);
    if (step.kind !== 'welcome') throw new Error('welcome expected');
    const judge = (scram: ScramSpec) => withVerifiers(scram).authenticator.judge(step.identity, step.credential);
    const spec = verifierFor('spec', 'pencil');
    expect(judge({ ...spec, storedKey: spec.storedKey.toUpperCase() })).toBe('keep');
    expect(judge(verifierFor('spec', 'eraser'))).toBe('gone');
    expect(judge(verifierFor('autobahn', 'pencil'))).toBe('gone');
  });
});
