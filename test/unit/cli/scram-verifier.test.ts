import { createHash, createHmac } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import { describe, expect, it } from 'vitest';
import { saslprep } from '../../../src/cli/saslprep.ts';
import { saltedPassword, scramKeys } from '../../../src/cli/scram-verifier.ts';

describe('argon2id', () => {
  it('is the one of RFC 9106, section 5.3', () => {
    const tag = argon2id(Buffer.alloc(32, 1), Buffer.alloc(16, 2), {
      t: 3,
      m: 32,
      p: 4,
      dkLen: 32,
      version: 0x13,
      key: Buffer.alloc(8, 3),
      personalization: Buffer.alloc(12, 4),
    });
    expect(Buffer.from(tag).toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659');
  });
});

describe('SCRAM verifiers', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const argon = { kdf: 'argon2id13', iterations: 2, memory: 64 } as const;

  it('PITFALLS 19: with pbkdf2 they are those of the example of RFC 7677', async () => {
    const salted = await saltedPassword('pencil', salt, { kdf: 'pbkdf2', iterations: 4096 }, 'spec');
    const { storedKey, serverKey } = scramKeys(salted);
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    const message = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
    const mac = (key: Buffer) => createHmac('sha256', key).update(message).digest();
    expect(mac(serverKey).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
    const signature = mac(storedKey);
    const clientKey = Buffer.from(proof.map((byte, at) => byte ^ (signature[at] ?? 0)));
    expect(createHash('sha256').update(clientKey).digest()).toEqual(storedKey);
  });

  it('PITFALLS 19: the specification takes 32 bytes from argon2, autobahn their base64 without padding', async () => {
    const hash = Buffer.from(argon2id('pencil', salt, { t: 2, m: 64, p: 1, dkLen: 32 }));
    expect(await saltedPassword('pencil', salt, argon, 'spec')).toEqual(hash);
    const text = await saltedPassword('pencil', salt, argon, 'autobahn');
    expect(text).toMatch(/^[A-Za-z0-9+/]{43}$/);
    expect(Buffer.from(String(text), 'base64')).toEqual(hash);
  });

  it('PITFALLS 19: the specification prepares the password, autobahn does not', async () => {
    const [fullwidth, plain] = ['ｐencil', 'pencil'];
    const derive = (password: string, dialect: 'spec' | 'autobahn') => saltedPassword(password, salt, argon, dialect);
    expect(await derive(fullwidth, 'spec')).toEqual(await derive(plain, 'spec'));
    expect(await derive(fullwidth, 'autobahn')).not.toEqual(await derive(plain, 'autobahn'));
  });

  it('PITFALLS 19: nothing is derived for autobahn with pbkdf2, which its clients cannot do', async () => {
    await expect(saltedPassword('pencil', salt, { kdf: 'pbkdf2', iterations: 1 }, 'autobahn')).rejects.toThrow(
      RangeError,
    );
  });
});

describe('SASLprep', () => {
  it.each([
    // RFC 4013, section 3.
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u00a0b\u3000c', 'a b c'],
    ['e\u0301', '\u00e9'],
    ['\u0627\u0031\u0628', '\u0627\u0031\u0628'],
    ['שלום', 'שלום'],
    ['🐝', '🐝'],
  ])('%j becomes %j', (password, prepared) => {
    expect(saslprep(password)).toBe(prepared);
  });

  it.each([
    ['\u0007', 'control characters'],
    ['a\u2028b', 'control characters'],
    ['a\ue000', 'private use'],
    ['a\ud800', 'surrogates'],
    ['a\ufffd', 'stand for others'],
    ['a\u202eb', 'change how others are shown'],
    ['a\u{e0041}', 'tags'],
    ['a\ufdd0', 'do not exist'],
    ['\u0627\u0031', 'mixes directions'],
    ['a\u0627', 'mixes directions'],
    ['\u00ad', 'nothing that shows'],
  ])('refuses %j', (password, why) => {
    expect(() => saslprep(password)).toThrow(why);
  });
});
