import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anonymous } from '../../../src/auth/anonymous.ts';
import type { AuthRequest } from '../../../src/auth/auth-method.ts';
import { SlowHashes } from '../../../src/auth/slow-hashes.ts';
import {
  attempted,
  type Bench,
  bench,
  principal,
  realm,
  request,
  scryptText,
  settled,
} from '../../support/auth-fixtures.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PUBKEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';
const swarm = [principal('planner', { ticket: [{ env: 'TOKEN' }], cryptosign: [PUBKEY] })];
const env = { TOKEN: 'a-ticket' };

async function begun(on: Bench, authmethods: readonly string[] | undefined, parts: Partial<AuthRequest>) {
  const started = on.authenticator.attempt({ authmethods }, request(parts));
  return 'kind' in started ? started : started.begin();
}

async function withTicket(on: Bench, ticket: string, authid = 'planner') {
  return settled(on.authenticator.authenticateTicket(authid, ticket, '127.0.0.1'), on.clock);
}

describe('choice of the method (PITFALLS 14)', () => {
  const open = () => bench(realm(swarm, { role: 'guest' }), { env });
  const closed = () => bench(realm(swarm), { env });
  const none = { kind: 'deny', uri: 'wamp.error.no_matching_auth_method' };

  it.each([[undefined], [[]]])('no authmethods (%s) means anonymous', async (authmethods) => {
    expect(await begun(open(), authmethods, {})).toMatchObject({
      kind: 'welcome',
      identity: { authmethod: 'anonymous' },
    });
    expect(await begun(closed(), authmethods, { authid: 'planner' })).toMatchObject(none);
  });

  it("the client's order decides", async () => {
    const hello = { authid: 'planner', authextra: { pubkey: PUBKEY } };
    expect(await begun(open(), ['cryptosign', 'ticket'], hello)).toMatchObject({ method: 'cryptosign' });
    expect(await begun(open(), ['ticket', 'cryptosign'], hello)).toMatchObject({ method: 'ticket' });
  });

  it('a method that cannot start is passed over: no authid, no public key', async () => {
    expect(await begun(closed(), ['ticket', 'cryptosign'], { authextra: { pubkey: PUBKEY } })).toMatchObject({
      method: 'cryptosign',
    });
    expect(await begun(closed(), ['cryptosign', 'ticket'], { authid: 'planner' })).toMatchObject({ method: 'ticket' });
    expect(await begun(closed(), ['cryptosign'], { authextra: { pubkey: 7 } })).toMatchObject(none);
    expect(await begun(closed(), ['ticket'], {})).toMatchObject(none);
  });

  it('anonymous that is not allowed, unknown methods and methods nobody has are passed over', async () => {
    const offered = ['scram-of-tomorrow', 'anonymous', 'wampcra', 'ticket'];
    expect(await begun(closed(), offered, { authid: 'planner' })).toMatchObject({ method: 'ticket' });
  });

  it('the choice does not depend on who exists', async () => {
    expect(await begun(open(), ['ticket', 'anonymous'], { authid: 'nobody' })).toMatchObject({ method: 'ticket' });
  });

  it('a ticket whose variable is unset does not open the way to anonymous', async () => {
    const on = bench(realm(swarm, { role: 'guest' }), { env: {} });
    expect(await begun(on, ['ticket', 'anonymous'], { authid: 'planner' })).toMatchObject({ method: 'ticket' });
  });
});

describe('anonymous (PITFALLS 12)', () => {
  it('gets a drawn authid, whatever it asks for, the configured role, and no principal', async () => {
    const on = bench(realm(swarm, { role: 'guest' }), { env });
    const one = await begun(on, ['anonymous'], { authid: 'planner' });
    const two = await begun(on, ['anonymous'], { authid: 'planner' });
    if (one.kind !== 'welcome' || two.kind !== 'welcome') throw new Error('welcome expected');
    expect(one.identity).toEqual({
      authid: expect.stringMatching(/^anonymous-[0-9a-f]{32}$/),
      authrole: 'guest',
      authmethod: 'anonymous',
      authprovider: 'static',
    });
    expect(Object.isFrozen(one.identity)).toBe(true);
    expect(two.identity.authid).not.toBe(one.identity.authid);
  });

  it('is judged at reload: removed, or in another role', async () => {
    const step = await begun(bench(realm([], { role: 'guest' })), undefined, {});
    if (step.kind !== 'welcome') throw new Error('welcome expected');
    const verdict = (role?: string) =>
      bench(realm([], role === undefined ? undefined : { role })).authenticator.judge(step.identity, step.credential);
    expect([verdict('guest'), verdict(), verdict('visitor')]).toEqual(['keep', 'gone', 'roleChanged']);
  });

  it('has no challenge to answer', async () => {
    const on = bench(realm([], { role: 'guest' }));
    const attempt = attempted(on.authenticator.attempt({ authmethods: undefined }, request()));
    await attempt.begin();
    expect(await attempt.finish('', {})).toMatchObject({ kind: 'deny' });
  });
});

describe('secrets (CONTRACT §4)', () => {
  it.each([
    [{}, 'principal "planner": ticket: environment variable TOKEN is not set'],
    [{ TOKEN: '' }, 'principal "planner": ticket: environment variable TOKEN is empty'],
    [{ TOKEN: '  ' }, 'principal "planner": ticket: environment variable TOKEN is empty'],
  ])('an unset or empty variable is no credential, and a warning (%j)', async (set, warning) => {
    const on = bench(realm(swarm), { env: set });
    expect(on.authenticator.warnings).toEqual([warning]);
    for (const ticket of ['', '  ', 'undefined', 'x']) expect((await withTicket(on, ticket)).kind).toBe('deny');
  });

  it('an empty ticket never authenticates, not even where its hash is stored', async () => {
    const empty = 'sha256$e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const on = bench(realm([principal('planner', { ticket: [{ hash: empty }, { hash: scryptText('') }] })]));
    expect((await withTicket(on, '')).kind).toBe('deny');
  });

  it('names of the language are no principals', async () => {
    const on = bench(realm(swarm), { env });
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect((await withTicket(on, 'a-ticket', name)).kind).toBe('deny');
    }
  });

  it.each([
    ['plain', 'expected sha256$'],
    ['sha256$abcd', 'expected sha256$'],
    ['scrypt$30$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$MDEyMzQ1Njc4OWFiY2RlZg==', 'up to 128 MiB'],
    ['scrypt$4$8$1$MDEy$MDEyMzQ1Njc4OWFiY2RlZg==', 'a salt of at least 8 bytes'],
    [`scrypt$4$8$1$${'A'.repeat(200)}$MDEyMzQ1Njc4OWFiY2RlZg==`, 'at most 64 bytes'],
    ['scrypt$4$8$99$MDEyMzQ1Njc4OWFiY2RlZg==$MDEyMzQ1Njc4OWFiY2RlZg==', 'p up to 16'],
  ])('a hash that is none is no credential; the warning says why without repeating it (%s)', (hash, why) => {
    const { authenticator } = bench(realm([principal('planner', { ticket: [{ hash }] })]));
    expect(authenticator.warnings).toEqual([expect.stringContaining(why)]);
    expect(authenticator.warnings[0]).not.toContain(hash);
  });
});

describe('secrets in files', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waggle-auth-'));
    path = join(folder, 'ticket');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = () => bench(realm([principal('planner', { ticket: [{ file: path }] })]));

  it('are read when the realm is compiled, without the last line break', async () => {
    writeFileSync(path, 'from a file\n');
    expect((await withTicket(make(), 'from a file')).kind).toBe('welcome');
  });

  it('are read again when they change; the old secret is then gone and its sessions are', async () => {
    writeFileSync(path, 'old');
    const on = make();
    const before = await withTicket(on, 'old');
    if (before.kind !== 'welcome') throw new Error('welcome expected');
    expect(await on.authenticator.refresh()).toBe(false);
    writeFileSync(path, 'newer');
    expect(await on.authenticator.refresh()).toBe(false);
    expect(await on.authenticator.refresh()).toBe(true);
    expect((await withTicket(on, 'newer')).kind).toBe('welcome');
    expect((await withTicket(on, 'old')).kind).toBe('deny');
    expect(on.authenticator.judge(before.identity, before.credential)).toBe('gone');
  });

  it('that change while a client answers the challenge deny the old secret', async () => {
    writeFileSync(path, 'old');
    const on = make();
    const attempt = attempted(on.authenticator.attempt({ authmethods: ['ticket'] }, request({ authid: 'planner' })));
    await attempt.begin();
    writeFileSync(path, 'newer');
    await on.authenticator.refresh();
    await on.authenticator.refresh();
    expect((await settled(attempt.finish('old', {}), on.clock)).kind).toBe('deny');
  });

  it('that are still being written are not believed', async () => {
    writeFileSync(path, 'old');
    const on = make();
    for (const part of ['n', 'ne', 'new']) {
      writeFileSync(path, part);
      expect(await on.authenticator.refresh()).toBe(false);
    }
    expect((await withTicket(on, 'old')).kind).toBe('welcome');
  });

  it('that are empty or gone count after two seconds', async () => {
    writeFileSync(path, 'old');
    const on = make();
    for (const vanish of [() => writeFileSync(path, ''), () => rmSync(path)]) {
      vanish();
      await on.authenticator.refresh();
      on.clock.advance(1999);
      expect(await on.authenticator.refresh()).toBe(false);
    }
    expect((await withTicket(on, 'old')).kind).toBe('welcome');
    on.clock.advance(1000);
    expect(await on.authenticator.refresh()).toBe(true);
    expect((await withTicket(on, 'old')).kind).toBe('deny');
    expect(on.authenticator.warnings).toEqual([`principal "planner": ticket: file ${path} does not exist`]);
  });

  it.each([
    ['does not exist', () => {}],
    ['is empty', (file: string) => writeFileSync(file, '\n')],
    ['is larger than 65536 bytes', (file: string) => writeFileSync(file, 'x'.repeat(65_537))],
  ])('one that %s is no credential, and a warning', (what, prepare) => {
    prepare(path);
    expect(make().authenticator.warnings).toEqual([`principal "planner": ticket: file ${path} ${what}`]);
  });

  it('a folder in its place is no credential', () => {
    const { authenticator } = bench(realm([principal('planner', { ticket: [{ file: folder }] })]));
    expect(authenticator.warnings).toEqual([expect.stringContaining('is not a regular file')]);
  });
});

describe('reload', () => {
  it('a session of auth: none is not judged here', () => {
    const { authenticator } = bench(realm([]));
    const identity = { authid: 'tg:1', authrole: 'bub-tg', authmethod: 'none', authprovider: 'static' };
    expect(authenticator.judge(identity, '')).toBe('keep');
  });

  it('moving a ticket from the environment to its hash keeps its sessions; rotating it out ends them', async () => {
    const step = await withTicket(bench(realm(swarm), { env }), 'a-ticket');
    if (step.kind !== 'welcome') throw new Error('welcome expected');
    const verdict = (hash: string) =>
      bench(realm([principal('planner', { ticket: [{ hash }] })])).authenticator.judge(step.identity, step.credential);
    expect(verdict('sha256$d2c39b7e7a6cf47f1f9fcf5a4e01d5e3e9b9a8c2a3c1e1a3d2e4f5a6b7c8d9e0')).toBe('gone');
    expect(verdict(`sha256$${createHash('sha256').update('a-ticket').digest('hex')}`)).toBe('keep');
  });

  it('a credential of one principal does not keep the session of another', async () => {
    const shared = [principal('a', { ticket: [{ env: 'TOKEN' }] }), principal('b', { ticket: [] })];
    const on = bench(realm(shared), { env });
    const step = await withTicket(on, 'a-ticket', 'a');
    if (step.kind !== 'welcome') throw new Error('welcome expected');
    expect(on.authenticator.judge({ ...step.identity, principal: 'b', authid: 'b' }, step.credential)).toBe('gone');
  });
});

describe('delays and overload', () => {
  it('a ticket given in one step counts and is delayed as one given after a challenge', async () => {
    const on = bench(realm(swarm), { env });
    for (let failures = 0; failures < 4; failures++) await withTicket(on, 'wrong');
    expect((await withTicket(on, 'a-ticket')).kind).toBe('deny');
    on.clock.advance(1000);
    expect((await withTicket(on, 'a-ticket')).kind).toBe('welcome');
  });

  it('guesses that arrive at once are not all verified', async () => {
    const on = bench(realm(swarm), { env });
    const guesses = Array.from({ length: 100 }, (_, at) => withTicket(on, at === 50 ? 'a-ticket' : `guess${at}`));
    expect((await Promise.all(guesses)).every((step) => step.kind === 'deny')).toBe(true);
  });

  it('held denials are bounded: above 4096 they are answered at once', async () => {
    const on = bench(realm(swarm), { env });
    const answers: unknown[] = [];
    for (let at = 0; at < 5000; at++) {
      void on.authenticator.authenticateTicket(`name${at}`, 'x', '127.0.0.1').then((step) => answers.push(step));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers.length).toBe(5000 - 4096);
    expect(on.clock.pending).toBe(4096);
    on.clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers.length).toBe(5000);
    expect(on.clock.pending).toBe(0);
  });

  it('where too many scrypt checks wait, the client is told to come back, known or not', async () => {
    const slowHashes = new SlowHashes({ concurrency: 1, maxWaiting: 0 });
    const on = bench(realm([principal('planner', { ticket: [{ hash: scryptText('chosen') }] })]), { slowHashes });
    for (const authid of ['planner', 'nobody']) expect((await withTicket(on, 'chosen', authid)).kind).toBe('tryLater');
  });

  it('a method of one realm is what the list says: one more is one more line', async () => {
    const clock = new FakeClock();
    const on = bench(realm([], { role: 'guest' }), { clock, methods: [{ ...anonymous, name: 'anonymous' }] });
    expect(await begun(on, undefined, {})).toMatchObject({ kind: 'welcome' });
    expect(await begun(on, ['ticket'], { authid: 'x' })).toMatchObject({ kind: 'deny' });
  });
});
