import { createHash, randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import type { AuthRequest, AuthStep } from '../../../src/auth/auth-method.ts';
import type { RealmAuthSpec } from '../../../src/auth/principals.ts';
import { SlowHashes } from '../../../src/auth/slow-hashes.ts';
import {
  attempted,
  autobahn,
  type Bench,
  bench,
  principal,
  realm,
  request,
  scryptText,
  settled,
} from '../../support/auth-fixtures.ts';

async function challenged(on: Bench, method: string, hello: Partial<AuthRequest>) {
  const attempt = attempted(on.authenticator.attempt({ authmethods: [method] }, request(hello)));
  const step = await attempt.begin();
  if (step.kind !== 'challenge') throw new Error(`challenge expected, not ${step.kind}`);
  const finish = (signature: string): Promise<AuthStep> => settled(attempt.finish(signature, {}), on.clock);
  return { extra: step.extra, finish };
}

describe('ticket', () => {
  const sha256 = (text: string) => `sha256$${createHash('sha256').update(text).digest('hex')}`;
  const check = (on: Bench, ticket: string, authid = 'planner') =>
    settled(on.authenticator.authenticateTicket(authid, ticket, '127.0.0.1'), on.clock);

  it('PITFALLS 20: a ticket of any length is taken, and compared to its end', async () => {
    const long = 'eyJ'.repeat(20_000);
    const on = bench(realm([principal('planner', { ticket: [{ hash: sha256(long) }] })]));
    expect((await check(on, long)).kind).toBe('welcome');
    expect((await check(on, `${long.slice(0, -1)}K`)).kind).toBe('deny');
  });

  it('several tickets of a principal are valid at once, each under a name of its own', async () => {
    const ticket = [{ hash: sha256('one') }, { hash: scryptText('two') }, { env: 'THREE' }];
    const on = bench(realm([principal('planner', { ticket })]), { env: { THREE: 'three' } });
    const steps = await Promise.all(['one', 'two', 'three'].map((each) => check(on, each)));
    const names = steps.map((step) => (step.kind === 'welcome' ? step.credential : step.kind));
    expect(new Set(names).size).toBe(3);
    expect(names.every((name) => name.startsWith('ticket:'))).toBe(true);
  });

  it('2,000 agents with generated tickets at once cost no scrypt hash', async () => {
    let hashes = 0;
    const slowHashes = new SlowHashes({}, async () => {
      hashes += 1;
      return Buffer.alloc(32);
    });
    const names = Array.from({ length: 2000 }, (_, at) => `agent${at}`);
    const agents = names.map((name) => principal(name, { ticket: [{ hash: sha256(`ticket of ${name}`) }] }));
    const human = principal('human', { ticket: [{ hash: scryptText('chosen') }] });
    const on = bench(realm([...agents, human]), { slowHashes });
    const steps = await Promise.all(names.map((name) => check(on, `ticket of ${name}`, name)));
    expect(steps.every((step) => step.kind === 'welcome')).toBe(true);
    expect(hashes).toBe(0);
  });

  it('2,000 sessions with one human-chosen ticket cost one scrypt hash, at once and later', async () => {
    let hashes = 0;
    const stored = Buffer.alloc(32, 5);
    const slowHashes = new SlowHashes({}, async (ticket) => {
      hashes += 1;
      return ticket === 'chosen' ? stored : Buffer.alloc(32);
    });
    const hash = `scrypt$15$8$1$${Buffer.alloc(16).toString('base64')}$${stored.toString('base64')}`;
    const on = bench(realm([principal('planner', { ticket: [{ hash }] })]), { slowHashes });
    for (let round = 0; round < 2; round++) {
      const steps = await Promise.all(Array.from({ length: 2000 }, () => check(on, 'chosen')));
      expect(steps.every((step) => step.kind === 'welcome')).toBe(true);
    }
    expect(hashes).toBe(1);
    expect((await check(on, 'other')).kind).toBe('deny');
    expect(hashes).toBe(2);
  });

  it('PITFALLS 15: an unknown user costs a scrypt hash where the principals of the realm do', async () => {
    const asked: string[] = [];
    const slowHashes = new SlowHashes({}, async (_, { log2N, r, p }) => {
      asked.push(`${log2N} ${r} ${p}`);
      return Buffer.alloc(32);
    });
    const on = bench(realm([principal('planner', { ticket: [{ hash: scryptText('chosen', 5) }] })]), { slowHashes });
    await check(on, 'guess', 'planner');
    await check(on, 'guess', 'nobody');
    expect(asked).toEqual(['5 8 1', '5 8 1']);
  });
});

describe('wampcra', () => {
  const SALTED = { salt: 'salt123', iterations: 100, keylen: 16 };
  // PBKDF2-HMAC-SHA256 of password and salt, 4096 rounds, 32 bytes: c5e478d5…134a is a published test vector.
  const KNOWN = 'xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o=';
  const derived = autobahn.auth_cra.derive_key('prq7', SALTED.salt, SALTED.iterations, SALTED.keylen);
  const salted = (authid: string, salt = SALTED.salt) =>
    principal(authid, { role: `role of ${authid}`, wampcra: [{ key: derived, ...SALTED, salt }] });

  it('PITFALLS 17: the challenge is JSON text with the session id of WELCOME; salting stands beside it', async () => {
    const on = bench(realm([salted('planner')]));
    const { extra } = await challenged(on, 'wampcra', { authid: 'planner', session: 2 ** 53 });
    expect(extra).toEqual({ challenge: expect.any(String), ...SALTED });
    expect(JSON.parse(String(extra.challenge))).toEqual({
      authid: 'planner',
      authrole: 'role of planner',
      authmethod: 'wampcra',
      authprovider: 'static',
      nonce: expect.stringMatching(/^[0-9a-f]{64}$/),
      timestamp: new Date(on.clock.now()).toISOString(),
      session: 2 ** 53,
    });
    expect(String(extra.challenge)).toContain('9007199254740992');
  });

  it('a plain secret is announced without salt', async () => {
    const on = bench(realm([principal('planner', { wampcra: [{ env: 'S' }] })]), { env: { S: 'secret' } });
    expect(Object.keys((await challenged(on, 'wampcra', { authid: 'planner' })).extra)).toEqual(['challenge']);
  });

  it('PITFALLS 17: the HMAC key is the base64 text of the derived key, as autobahn derives it', async () => {
    expect(autobahn.auth_cra.derive_key('password', 'salt', 4096, 32)).toBe(KNOWN);
    const spec = { key: KNOWN, salt: 'salt', iterations: 4096, keylen: 32 };
    const on = bench(realm([principal('planner', { wampcra: [spec] })]));
    const { extra, finish } = await challenged(on, 'wampcra', { authid: 'planner' });
    const step = await finish(autobahn.auth_cra.sign(KNOWN, String(extra.challenge)));
    expect(step.kind).toBe('welcome');
    const raw = await challenged(on, 'wampcra', { authid: 'planner' });
    const withRawKey = createHash('sha256').update(Buffer.from(KNOWN, 'base64')).digest('base64');
    expect((await raw.finish(withRawKey)).kind).toBe('deny');
  });

  it('a signature without its padding is denied', async () => {
    const on = bench(realm([salted('planner')]));
    const { extra, finish } = await challenged(on, 'wampcra', { authid: 'planner' });
    const signature = autobahn.auth_cra.sign(derived, String(extra.challenge));
    expect((await finish(signature.replace(/=+$/, ''))).kind).toBe('deny');
  });

  it('several secrets with one salt are valid at once; one with another salt is no credential', async () => {
    const other = autobahn.auth_cra.derive_key('newer', SALTED.salt, SALTED.iterations, SALTED.keylen);
    const wampcra = [derived, other].map((key) => ({ key, ...SALTED }));
    const on = bench(realm([principal('planner', { wampcra: [...wampcra, { key: other, ...SALTED, salt: 'else' }] })]));
    expect(on.authenticator.warnings).toEqual([expect.stringContaining('salt, iterations and keylen of the first')]);
    for (const key of [derived, other]) {
      const { extra, finish } = await challenged(on, 'wampcra', { authid: 'planner' });
      expect((await finish(autobahn.auth_cra.sign(key, String(extra.challenge)))).kind).toBe('welcome');
    }
  });

  it('a key that is not base64 of keylen bytes is no credential', () => {
    const { authenticator } = bench(realm([principal('planner', { wampcra: [{ ...SALTED, key: 'c2hvcnQ=' }] })]));
    expect(authenticator.warnings).toEqual([expect.stringContaining('base64 of 16 bytes')]);
  });

  describe('PITFALLS 15: mock challenges', () => {
    const SALTS = { hex: 'd0c4e1b2a3f49586', base64: 'MDEyMzQ1Njc4OWFiY2RlZg==', base64url: 'MDEyMzQ1Njc4OWFiY2Rl' };
    const saltFor = async (spec: RealmAuthSpec, authid: string) =>
      String((await challenged(bench(spec), 'wampcra', { authid })).extra.salt);

    it('are the same each time, after a reload and a restart too, and differ between names', async () => {
      const spec = realm([salted('planner')]);
      const salt = await saltFor(spec, 'nobody');
      expect(await saltFor(spec, 'nobody')).toBe(salt);
      expect(await saltFor(realm([salted('planner'), principal('new', { cryptosign: [] })]), 'nobody')).toBe(salt);
      expect(await saltFor(spec, 'nobody2')).not.toBe(salt);
      expect(salt).not.toBe(SALTED.salt);
    });

    it.each(Object.entries(SALTS))('have a salt in the form of the real ones (%s)', async (_, like) => {
      const salt = await saltFor(realm([salted('planner', like)]), 'nobody');
      expect(salt).toHaveLength(like.length);
      expect(salt.replace(/[^=]/g, '')).toBe(like.replace(/[^=]/g, ''));
      if (like === SALTS.hex) expect(salt).toMatch(/^[0-9a-f]+$/);
    });

    it('imitate the role and the salting of some principal, always the same one', async () => {
      const plain = principal('plain', { role: 'plain', wampcra: [{ env: 'S' }] });
      const on = bench(realm([salted('planner'), plain]), { env: { S: 's' } });
      const seen = new Set<string>();
      for (let at = 0; at < 50; at++) {
        const both = [];
        for (let time = 0; time < 2; time++) {
          const { extra } = await challenged(on, 'wampcra', { authid: `nobody${at}` });
          both.push(`${JSON.parse(String(extra.challenge)).authrole} ${Object.hasOwn(extra, 'salt')}`);
        }
        expect(both[0]).toBe(both[1]);
        seen.add(String(both[0]));
      }
      expect(seen).toEqual(new Set(['role of planner true', 'plain false']));
    });
  });
});

describe('cryptosign (PITFALLS 18)', () => {
  const keys = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 7));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const pubkey = hex(keys.publicKey);
  const swarm = realm([
    principal('planner', { cryptosign: [pubkey] }),
    principal('worker', { ticket: [{ env: 'T' }] }),
  ]);
  const sign = (message: Uint8Array) => hex(nacl.sign.detached(message, keys.secretKey)) + hex(message);
  const bytes = (challenge: unknown) => Buffer.from(String(challenge), 'hex');
  const channelId = Buffer.alloc(32, 0x5a);

  it('the challenge is 32 fresh bytes in hex', async () => {
    const on = bench(swarm);
    const one = (await challenged(on, 'cryptosign', { authextra: { pubkey } })).extra;
    const two = (await challenged(on, 'cryptosign', { authextra: { pubkey } })).extra;
    expect(one).toEqual({ challenge: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(two.challenge).not.toBe(one.challenge);
  });

  it('authid is optional: the key says who it is', async () => {
    const { extra, finish } = await challenged(bench(swarm), 'cryptosign', { authextra: { pubkey } });
    expect(await finish(sign(bytes(extra.challenge)))).toMatchObject({
      identity: { authid: 'planner', principal: 'planner' },
      credential: `cryptosign:${pubkey}`,
    });
  });

  it('an authid that is given must own the key', async () => {
    const hello = { authid: 'worker', authextra: { pubkey } };
    const { extra, finish } = await challenged(bench(swarm), 'cryptosign', hello);
    expect((await finish(sign(bytes(extra.challenge)))).kind).toBe('deny');
  });

  it('upper and lower hex are the same, in the realm file, HELLO and AUTHENTICATE', async () => {
    const on = bench(realm([principal('planner', { cryptosign: [pubkey.toUpperCase()] })]));
    const { extra, finish } = await challenged(on, 'cryptosign', { authextra: { pubkey } });
    expect((await finish(sign(bytes(extra.challenge)).toUpperCase())).kind).toBe('welcome');
    const upper = await challenged(on, 'cryptosign', { authextra: { pubkey: pubkey.toUpperCase() } });
    expect((await upper.finish(sign(bytes(upper.extra.challenge)))).kind).toBe('welcome');
  });

  it('a good signature of another message is denied', async () => {
    const { finish } = await challenged(bench(swarm), 'cryptosign', { authextra: { pubkey } });
    expect((await finish(sign(Buffer.alloc(32, 1)))).kind).toBe('deny');
  });

  it('a good signature of our challenge followed by another message is denied, and the reverse', async () => {
    for (const swap of [false, true]) {
      const { extra, finish } = await challenged(bench(swarm), 'cryptosign', { authextra: { pubkey } });
      const good = sign(bytes(extra.challenge));
      const other = sign(Buffer.alloc(32, 1));
      const mixed = swap ? other.slice(0, 128) + good.slice(128) : good.slice(0, 128) + other.slice(128);
      expect((await finish(mixed)).kind).toBe('deny');
    }
  });

  it('with channel binding tls-exporter the client signs challenge XOR channel id', async () => {
    const hello = { authextra: { pubkey, channel_binding: 'tls-exporter' }, channelId };
    const bound = await challenged(bench(swarm), 'cryptosign', hello);
    expect(bound.extra.channel_binding).toBe('tls-exporter');
    const message = bytes(bound.extra.challenge).map((byte) => byte ^ 0x5a);
    expect((await bound.finish(sign(message))).kind).toBe('welcome');
    const unbound = await challenged(bench(swarm), 'cryptosign', hello);
    expect((await unbound.finish(sign(bytes(unbound.extra.challenge)))).kind).toBe('deny');
  });

  it.each([
    ['tls-exporter', undefined],
    ['tls-exporter', Buffer.alloc(12)],
    ['tls-unique', channelId],
    [null, channelId],
    [7, channelId],
    [undefined, channelId],
  ])('a binding that is not there is never claimed (%s)', async (wanted, id) => {
    const hello = { authextra: { pubkey, channel_binding: wanted }, channelId: id };
    const { extra, finish } = await challenged(bench(swarm), 'cryptosign', hello);
    expect(Object.keys(extra)).toEqual(['challenge']);
    expect((await finish(sign(bytes(extra.challenge)))).kind).toBe('welcome');
  });

  describe('Router Authentication', () => {
    const seed = '9'.repeat(64);
    const router = nacl.sign.keyPair.fromSeed(Buffer.from(seed, 'hex'));
    const proving = (deps = { env: { KEY: seed } }) => bench({ ...swarm, routerKey: { env: 'KEY' } }, deps);
    const challenge = randomBytes(32).toString('hex');

    it('the specification’s own example holds: signature and message, in hex', () => {
      const key = Buffer.from('4a3838f6fe75251e613329d53fc69b262d5eac97fb1d73bebbaed4015b53c862', 'hex');
      const signature = Buffer.from(
        'fd5128d2d207ba58a9d1d6f41b72c747964ad9d1294077b3b1eee6130b05843ab12c53c7f2519f73d4feb82db19d8ca0fc26b62bde6518e79a882f5795bc9f00' +
          'bbae60ea44cdd7b20dc7010a618b0f0803fab25a817520b4b7f057299b524deb',
        'hex',
      );
      expect(nacl.sign.detached.verify(signature.subarray(64), signature.subarray(0, 64), key)).toBe(true);
    });

    it('D5: a client that sends a challenge gets it back signed, with the key that signed it', async () => {
      const { extra, finish } = await challenged(proving(), 'cryptosign', { authextra: { pubkey, challenge } });
      expect(Object.keys(extra).sort()).toEqual(['challenge', 'pubkey', 'signature']);
      expect(extra.pubkey).toBe(hex(router.publicKey));
      const signature = bytes(extra.signature);
      expect(signature.subarray(64).toString('hex')).toBe(challenge);
      expect(nacl.sign.detached.verify(signature.subarray(64), signature.subarray(0, 64), router.publicKey)).toBe(true);
      expect((await finish(sign(bytes(extra.challenge)))).kind).toBe('welcome');
    });

    it('D5: with channel binding the router signs the challenge XOR the channel id', async () => {
      const hello = { authextra: { pubkey, challenge, channel_binding: 'tls-exporter' }, channelId };
      const { extra } = await challenged(proving(), 'cryptosign', hello);
      const signature = bytes(extra.signature);
      const message = bytes(challenge).map((byte) => byte ^ 0x5a);
      expect(signature.subarray(64)).toEqual(Buffer.from(message));
      expect(nacl.sign.detached.verify(message, signature.subarray(0, 64), router.publicKey)).toBe(true);
    });

    it('who does not ask, or asks with null, is proven nothing; nor is anybody without a key', async () => {
      for (const authextra of [{ pubkey }, { pubkey, challenge: null }]) {
        expect(Object.keys((await challenged(proving(), 'cryptosign', { authextra })).extra)).toEqual(['challenge']);
      }
      const { extra } = await challenged(bench(swarm), 'cryptosign', { authextra: { pubkey, challenge } });
      expect(Object.keys(extra)).toEqual(['challenge']);
    });

    it.each(['', 'abc', 'g'.repeat(64), '0'.repeat(63), 7, {}, ['0'.repeat(64)]])(
      'with a challenge that is not 64 hex digits the method cannot start (%j)',
      (wrong) => {
        const hello = request({ authextra: { pubkey, challenge: wrong } });
        const step = proving().authenticator.attempt({ authmethods: ['cryptosign'] }, hello);
        expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.no_matching_auth_method' });
      },
    );

    it.each([
      ['is not set', undefined, 'routerKey: environment variable KEY is not set'],
      ['is no seed', 'abc', 'routerKey: a private seed of 64 hex digits expected'],
      ['is a principal’s', '07'.repeat(32), 'routerKey: the key of principal "planner"'],
    ])('a key that %s proves nothing and is warned of', async (_what, value, warning) => {
      const on = proving({ env: { KEY: value as string } });
      expect(on.authenticator.warnings.at(-1)).toContain(warning);
      const { extra } = await challenged(on, 'cryptosign', { authextra: { pubkey, challenge } });
      expect(Object.keys(extra)).toEqual(['challenge']);
    });
  });

  it('a key of two principals means the first where no authid is given, and warns', async () => {
    const on = bench(realm(['a', 'b'].map((authid) => principal(authid, { cryptosign: [pubkey] }))));
    expect(on.authenticator.warnings).toEqual([expect.stringContaining('the key of "a" too')]);
    for (const [authid, who] of [
      [undefined, 'a'],
      ['b', 'b'],
    ] as const) {
      const { extra, finish } = await challenged(on, 'cryptosign', { authid, authextra: { pubkey } });
      expect(await finish(sign(bytes(extra.challenge)))).toMatchObject({ identity: { authid: who } });
    }
  });

  it.each(['0'.repeat(64), `01${'0'.repeat(62)}`, `${'0'.repeat(62)}80`, `ec${'f'.repeat(60)}ff`])(
    'a key that anybody can sign for is no credential (%s)',
    async (weak) => {
      const on = bench(realm([principal('planner', { cryptosign: [weak] })]));
      expect(on.authenticator.warnings).toEqual([expect.stringContaining('anybody can sign for')]);
      const { extra, finish } = await challenged(on, 'cryptosign', { authextra: { pubkey: weak } });
      // R = identity, S = 0: verifies under the identity as public key, whatever the message.
      const forged = `01${'0'.repeat(62)}${'0'.repeat(64)}`;
      expect((await finish(forged + String(extra.challenge))).kind).toBe('deny');
    },
  );

  it('a key that is not 64 hex digits is no credential', () => {
    const { authenticator } = bench(realm([principal('planner', { cryptosign: ['abc'] })]));
    expect(authenticator.warnings).toEqual(['principal "planner": cryptosign: a public key of 64 hex digits expected']);
  });
});

describe('tls', () => {
  const [mine, foreign] = ['ab'.repeat(32), 'cd'.repeat(32)];
  const colons = 'AB:'.repeat(32).slice(0, -1);
  const machines = realm([principal('machine', { tls: [colons, mine] }), principal('other', { tls: [foreign] })]);
  const begin = (hello: Partial<AuthRequest>, on = bench(machines)) => {
    const attempt = attempted(on.authenticator.attempt({ authmethods: ['tls'] }, request(hello)));
    return attempt.begin();
  };

  it('D7: the certificate says who it is; upper case and colons make no difference', () => {
    expect(begin({ certificate: mine })).toMatchObject({
      kind: 'welcome',
      identity: { authid: 'machine', authmethod: 'tls', principal: 'machine' },
      credential: `tls:${mine}`,
    });
  });

  it('D7: a certificate of nobody, or of another than the authid that is given, is denied', () => {
    for (const hello of [{ certificate: '00'.repeat(32) }, { certificate: mine, authid: 'other' }]) {
      expect(begin(hello)).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
    }
  });

  it('PITFALLS 14: without a certificate the method cannot start', () => {
    const step = bench(machines).authenticator.attempt({ authmethods: ['tls'] }, request());
    expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.no_matching_auth_method' });
  });

  it('a certificate that is in the file no more ends its session', async () => {
    const welcome = await begin({ certificate: mine });
    if (welcome.kind !== 'welcome') throw new Error('not welcome');
    const judge = (tls: string[]) =>
      bench(realm([principal('machine', { tls })])).authenticator.judge(welcome.identity, welcome.credential);
    expect([judge([foreign, mine]), judge([foreign])]).toEqual(['keep', 'gone']);
  });
});
