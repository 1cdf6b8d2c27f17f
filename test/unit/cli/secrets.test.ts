import { pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import nacl from 'tweetnacl';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hash, looksGenerated } from '../../../src/cli/hash.ts';
import type { Io } from '../../../src/cli/io.ts';
import { keysNew } from '../../../src/cli/keys.ts';
import { saltedPassword, scramKeys } from '../../../src/cli/scram-verifier.ts';
import { ticketNew } from '../../../src/cli/ticket.ts';
import { attempted, autobahn, bench, principal, realm, request, settled } from '../../support/auth-fixtures.ts';

/** Streams that record; `input` is all of stdin. */
function recorder(input: string | Buffer = '') {
  let out = '';
  let err = '';
  const stdin = new PassThrough();
  stdin.end(input);
  const io: Io = {
    stdin,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  };
  return { io, out: () => out, err: () => err };
}

/** The YAML to paste: everything after the last comment that announces it. */
const yaml = (text: string) => parse(text.slice(text.indexOf('# ', text.lastIndexOf('\n\n') + 1)));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('waggle keys new', () => {
  it('writes the seed to the file with mode 600 and only the public key to stdout', () => {
    const path = join(folder, 'planner.key');
    const { io, out } = recorder();
    expect(keysNew({ out: path }, io)).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const seed = readFileSync(path, 'utf8').trim();
    const pair = nacl.sign.keyPair.fromSeed(Buffer.from(seed, 'hex'));
    expect(yaml(out())).toEqual({ cryptosign: [Buffer.from(pair.publicKey).toString('hex')] });
    expect(out()).not.toContain(seed);
  });

  it('without a file prints the seed to stdout', () => {
    const { io, out } = recorder();
    expect(keysNew({ out: undefined }, io)).toBe(0);
    const seed = /^[0-9a-f]{64}$/m.exec(out())?.[0] ?? '';
    const pair = nacl.sign.keyPair.fromSeed(Buffer.from(seed, 'hex'));
    expect(out()).toContain(Buffer.from(pair.publicKey).toString('hex'));
  });

  it('never overwrites: neither a file nor what a link points to', () => {
    const path = join(folder, 'planner.key');
    writeFileSync(path, 'precious');
    const link = join(folder, 'link');
    symlinkSync(join(folder, 'nothing'), link);
    for (const each of [path, link]) {
      const { io, out, err } = recorder();
      expect(keysNew({ out: each }, io)).toBe(1);
      expect(err()).toContain('is not overwritten');
      expect(out()).toBe('');
    }
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });

  it('says so where the folder does not exist', () => {
    const { io, err } = recorder();
    expect(keysNew({ out: join(folder, 'no', 'such.key') }, io)).toBe(1);
    expect(err()).toContain('the folder does not exist');
  });
});

describe('waggle ticket new', () => {
  it('makes a ticket of at least 128 bits that authenticates with the YAML it prints', async () => {
    const { io, out } = recorder();
    expect(ticketNew(io)).toBe(0);
    const ticket = /^[A-Za-z0-9_-]{22,}$/m.exec(out())?.[0] ?? '';
    const on = bench(realm([principal('planner', { ticket: [yaml(out()).ticket] })]));
    expect((await settled(on.authenticator.authenticateTicket('planner', ticket, ''), on.clock)).kind).toBe('welcome');
    const again = recorder();
    ticketNew(again.io);
    expect(again.out()).not.toContain(ticket);
  });
});

describe('waggle hash', () => {
  const run = async (kind: 'ticket' | 'cra' | 'scram', input: string) => {
    const { io, out, err } = recorder(input);
    const code = await hash({ kind }, io);
    return { code, out: out(), err: err() };
  };

  it.each([
    ['a human-chosen ticket', 'tr0ub4dor&3', 'scrypt$'],
    ['a generated ticket', `${randomBytes(32).toString('hex')}\n`, 'sha256$'],
  ])('%s is stored so that it authenticates', async (_, input, form) => {
    const { code, out } = await run('ticket', input);
    expect(code).toBe(0);
    expect(out).not.toContain(input.trim());
    const ticket = yaml(out).ticket;
    expect(ticket.hash.startsWith(form)).toBe(true);
    const on = bench(realm([principal('planner', { ticket: [ticket] })]));
    expect(on.authenticator.warnings).toEqual([]);
    const step = on.authenticator.authenticateTicket('planner', input.trim(), '');
    expect((await settled(step, on.clock)).kind).toBe('welcome');
  });

  it.each([
    ['hex of 128 bits', () => randomBytes(16).toString('hex')],
    ['a UUID', () => randomUUID()],
    ['base64 of 256 bits', () => randomBytes(32).toString('base64')],
    ['base64url of 384 bits', () => randomBytes(48).toString('base64url')],
  ])('knows %s as generated', (_, make) => {
    const known = Array.from({ length: 200 }, make).filter(looksGenerated).length;
    expect(known).toBeGreaterThan(190);
  });

  it.each([
    'hunter2',
    'a'.repeat(64),
    '0'.repeat(64),
    '1234567890'.repeat(5),
    'correct-horse-battery-staple-and-one-more-Zebra-99',
    'CorrectHorseBatteryStapleAndOneMoreZebra1234',
    'the quick brown fox jumps over the lazy dog 42 times',
    '',
  ])('takes %j for chosen by a human', (ticket) => {
    expect(looksGenerated(ticket)).toBe(false);
  });

  it('--cra prints what autobahn derives from the same secret', async () => {
    const { code, out } = await run('cra', 'prq7\n');
    expect(code).toBe(0);
    const { wampcra } = yaml(out);
    expect(wampcra).toMatchObject({ iterations: 100_000, keylen: 32 });
    expect(wampcra.key).toBe(pbkdf2Sync('prq7', wampcra.salt, wampcra.iterations, 32, 'sha256').toString('base64'));
    const on = bench(realm([principal('planner', { wampcra: [wampcra] })]));
    expect(on.authenticator.warnings).toEqual([]);
    const attempt = attempted(on.authenticator.attempt({ authmethods: ['wampcra'] }, request({ authid: 'planner' })));
    const step = await attempt.begin();
    const challenge = step.kind === 'challenge' ? String(step.extra.challenge) : '';
    expect((await attempt.finish(autobahn.auth_cra.sign(wampcra.key, challenge), {})).kind).toBe('welcome');
  });

  it("--scram prints argon2id13 verifiers for the specification's clients and for autobahn's, each with its salt", async () => {
    const { code, out } = await run('scram', 'pencil');
    expect(code).toBe(0);
    expect(out).not.toContain('pencil');
    const { scram } = yaml(out);
    const cost = { kdf: 'argon2id13', iterations: 2, memory: 19_456 };
    expect(scram).toMatchObject([cost, { dialect: 'autobahn', ...cost }]);
    expect(new Set(scram.map(({ salt }: { salt: string }) => salt)).size).toBe(2);
    for (const { salt, storedKey, serverKey, dialect = 'spec' } of scram) {
      const keys = scramKeys(await saltedPassword('pencil', Buffer.from(salt, 'hex'), scram[0], dialect));
      expect({ storedKey: keys.storedKey.toString('hex'), serverKey: keys.serverKey.toString('hex') }).toEqual({
        storedKey,
        serverKey,
      });
    }
  });

  it('--kdf pbkdf2 prints one verifier, and says that autobahn cannot use it', async () => {
    const { io, out } = recorder('pencil');
    expect(await hash({ kind: 'scram', kdf: 'pbkdf2' }, io)).toBe(0);
    expect(out()).toContain("autobahn's can do argon2id13 only");
    const { scram } = yaml(out());
    expect(scram).toMatchObject({ kdf: 'pbkdf2', iterations: 600_000 });
    const salted = pbkdf2Sync('pencil', Buffer.from(scram.salt, 'hex'), scram.iterations, 32, 'sha256');
    expect(scram.storedKey).toBe(scramKeys(salted).storedKey.toString('hex'));
  });

  it('--scram refuses a password that no client would accept', async () => {
    const { code, out, err } = await run('scram', 'pen\u0007cil');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('control characters');
  });

  it.each([
    ['', 'nothing came in'],
    [' \n', 'nothing came in'],
    ['one\ntwo\n', 'several lines'],
    ['x'.repeat(70_000), 'more than 65536 bytes'],
  ])('refuses input that is no secret (%#)', async (input, why) => {
    const { code, out, err } = await run('ticket', input);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toContain(why);
  });

  describe('on a terminal', () => {
    /** A terminal at which somebody types each text when asked. */
    async function typing(...texts: readonly string[]) {
      const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
      const raw: boolean[] = [];
      let out = '';
      let err = '';
      const left = [...texts];
      const ask = (text: string) => {
        err += text;
        const next = text.endsWith(': ') ? left.shift() : undefined;
        if (next !== undefined) setImmediate(() => stdin.write(next));
      };
      const io: Io = { stdin, stdout: { write: (text) => (out += text) }, stderr: { write: ask }, env: {} };
      return { code: await hash({ kind: 'cra' }, io), out, err, raw };
    }

    it('asks twice without echo, minds backspace, and shows nothing of it', async () => {
      const { code, out, err, raw } = await typing('prq8\u007f7\r', 'prq7\r');
      expect(code).toBe(0);
      expect(raw).toEqual([true, false, true, false]);
      expect(out + err).not.toContain('prq');
      const { wampcra } = yaml(out);
      expect(wampcra.key).toBe(pbkdf2Sync('prq7', wampcra.salt, 100_000, 32, 'sha256').toString('base64'));
    });

    it('refuses two that differ', async () => {
      expect(await typing('one\r', 'two\r')).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('do not match'),
      });
    });

    it('Ctrl-C ends it, with the terminal as it was', async () => {
      expect(await typing('on\u0003')).toMatchObject({ code: 1, out: '', raw: [true, false] });
    });
  });
});
