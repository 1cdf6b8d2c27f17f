import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/signing/bytes.ts';
import {
  isWeakKey,
  publicKeyOf,
  signBytes,
  signCommand,
  verifyBytes,
  verifyCommand,
} from '../../../src/signing/ed25519.ts';
import { VECTORS } from '../../support/rfc8032.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const base64 = (text: string) => Buffer.from(text, 'hex').toString('base64');

const [first = expect.fail()] = VECTORS;
const SEED = first.privateKey;
const PUBLIC = first.publicKey;

describe('known answers of RFC 8032, section 7.1', () => {
  it.each(VECTORS)('$name: key, signature and verification', ({ privateKey, publicKey, message, signature }) => {
    expect(publicKeyOf(privateKey)).toBe(publicKey);
    expect(hex(signBytes(privateKey, bytes(message)))).toBe(signature);
    expect(verifyBytes(bytes(publicKey), bytes(message), bytes(signature))).toBe(true);
    const other = bytes(signature);
    other[5] = (other[5] ?? 0) ^ 1;
    expect(verifyBytes(bytes(publicKey), bytes(message), other)).toBe(false);
    expect(verifyBytes(bytes(publicKey), bytes(`${message}00`), bytes(signature))).toBe(false);
  });

  it('the messages that are text give the same signature as commands', () => {
    for (const { privateKey, publicKey, message, signature } of VECTORS.slice(0, 2)) {
      const text = Buffer.from(message, 'hex').toString();
      expect(signCommand(privateKey, text)).toBe(signature);
      expect(verifyCommand(publicKey, text, signature)).toBe(true);
    }
  });
});

describe('signCommand and verifyCommand', () => {
  const text = JSON.stringify({ tool: 'fetch', params: { url: 'https://example.org/é' } });

  it.each([
    ['seed in hex', SEED],
    ['seed in upper-case hex', SEED.toUpperCase()],
    ['seed in base64', base64(SEED)],
    ['seed in base64 without padding', base64(SEED).replace('=', '')],
    ["tweetnacl's secret key in hex", SEED + PUBLIC],
    ["tweetnacl's secret key in base64", base64(SEED + PUBLIC)],
  ])('take a private key as %s', (_form, key) => {
    expect(signCommand(key, text)).toBe(signCommand(SEED, text));
  });

  it.each([
    ['hex', (value: string) => value],
    ['base64', base64],
    ['base64 without padding', (value: string) => base64(value).replace(/=+$/, '')],
  ])('take public key and signature in %s', (_form, form) => {
    expect(verifyCommand(form(PUBLIC), text, form(signCommand(SEED, text)))).toBe(true);
    expect(verifyCommand(form(PUBLIC), `${text} `, form(signCommand(SEED, text)))).toBe(false);
  });

  it('sign the UTF-8 of the text, as tweetnacl does', () => {
    const pair = nacl.sign.keyPair.fromSeed(bytes(SEED));
    expect(signCommand(SEED, text)).toBe(hex(nacl.sign.detached(Buffer.from(text), pair.secretKey)));
  });

  it.each(['', 'x', SEED.slice(2), `${SEED}00`, 'é'.repeat(32), SEED.replace(/^./, 'g')])(
    'a private key that is none (%j) is refused without repeating it',
    (key) => {
      expect(() => signCommand(key, 'x')).toThrow('private key: 32 or 64 bytes in hex or base64 expected');
    },
  );

  it('what is no key or no signature verifies nothing, and throws nothing', () => {
    const signature = signCommand(SEED, text);
    for (const wrong of [
      '',
      'x',
      PUBLIC.slice(2),
      `${PUBLIC}00`,
      signature.slice(2),
      `${signature}=`,
      '='.repeat(44),
    ]) {
      expect(verifyCommand(wrong, text, signature)).toBe(false);
      expect(verifyCommand(PUBLIC, text, wrong)).toBe(false);
    }
    for (const wrong of [undefined, null, 7, {}, []]) {
      expect(verifyCommand(wrong as never, text, signature)).toBe(false);
      expect(verifyCommand(PUBLIC, wrong as never, signature)).toBe(false);
      expect(verifyCommand(PUBLIC, text, wrong as never)).toBe(false);
    }
  });

  it('RFC 8032, section 5.1.7: a signature whose S is not below the order is refused, though tweetnacl takes it', () => {
    const signature = bytes(signCommand(SEED, text));
    const order = (1n << 252n) + 27742317777372353535851937790883648493n;
    const scalar = BigInt(`0x${hex(signature.slice(32).reverse())}`);
    const second = bytes((scalar + order).toString(16).padStart(64, '0')).reverse();
    const forged = Uint8Array.from([...signature.slice(0, 32), ...second]);
    expect(nacl.sign.detached.verify(Buffer.from(text), forged, bytes(PUBLIC))).toBe(true);
    expect(verifyCommand(PUBLIC, text, hex(forged))).toBe(false);
    const justOrder = bytes(order.toString(16).padStart(64, '0')).reverse();
    const atOrder = Uint8Array.from([...signature.slice(0, 32), ...justOrder]);
    expect(verifyCommand(PUBLIC, text, hex(atOrder))).toBe(false);
  });

  it('a public key of small order, for which everybody can sign, verifies nothing', () => {
    const zero = '00'.repeat(32);
    const one = `01${'00'.repeat(31)}`;
    // R = the neutral point, S = 0: holds for every text under the neutral point as key.
    const forged = one + zero;
    expect(nacl.sign.detached.verify(Buffer.from('any'), bytes(forged), bytes(one))).toBe(true);
    expect(verifyCommand(one, 'any', forged)).toBe(false);
    expect(isWeakKey(zero)).toBe(true);
    expect(isWeakKey(`${zero.slice(2)}80`)).toBe(true);
    expect(isWeakKey(one.toUpperCase())).toBe(true);
    expect(isWeakKey(PUBLIC)).toBe(false);
  });
});

describe('bytesOf', () => {
  it('reads hex and base64 of exactly that length', () => {
    expect(bytesOf('00ff10', 3)).toEqual(bytes('00ff10'));
    expect(bytesOf('AP8Q', 3)).toEqual(bytes('00ff10'));
    expect(bytesOf('/w==', 1)).toEqual(bytes('ff'));
    expect(bytesOf('/w', 1)).toEqual(bytes('ff'));
  });

  it.each(['', '0', '00ff1', '00ff1g', 'AP8', 'AP8Q=', 'AP8QAA==', 'A-8_', ' 00ff', 'AP8\n'])('%j is none', (text) => {
    expect(bytesOf(text, 3)).toBeUndefined();
  });
});
