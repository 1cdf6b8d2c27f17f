/** Ed25519 (RFC 8032) over text, with keys and signatures as text: what agents sign and verify commands with. */
import nacl from 'tweetnacl';
import { bytesOf, hexOf, utf8 } from './bytes.ts';

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/**
 * @param privateKey 32 bytes (the seed, as `waggle keys new` prints it) or 64 (seed and public key, as tweetnacl has
 *   it), in hex or base64
 * @returns the signature of the text's UTF-8, 128 hex digits
 * @throws TypeError where the key is none; it is not repeated in the message
 */
export function signCommand(privateKey: string, text: string): string {
  return hexOf(signBytes(privateKey, utf8(text)));
}

/** {@link signCommand} of bytes. @throws TypeError where the key is none */
export function signBytes(privateKey: string, message: Uint8Array): Uint8Array {
  return nacl.sign.detached(message, pairOf(privateKey).secretKey);
}

/**
 * @param publicKey 32 bytes in hex or base64
 * @param signature 64 bytes in hex or base64
 * @returns false also where one of the three is nothing of the kind: what comes from others is judged, never thrown at
 */
export function verifyCommand(publicKey: string, text: string, signature: string): boolean {
  if (typeof publicKey !== 'string' || typeof text !== 'string' || typeof signature !== 'string') return false;
  const key = bytesOf(publicKey, KEY_BYTES);
  const bytes = bytesOf(signature, SIGNATURE_BYTES);
  return key !== undefined && bytes !== undefined && verifyBytes(key, utf8(text), bytes);
}

/** The public key that belongs to a private key, 64 hex digits. @throws TypeError as {@link signCommand} */
export function publicKeyOf(privateKey: string): string {
  return hexOf(pairOf(privateKey).publicKey);
}

/**
 * By the letter of RFC 8032, section 5.1.7: tweetnacl leaves the bound of S to its caller. A weak key signs nothing.
 * @param key 32 bytes
 * @param signature 64 bytes
 */
export function verifyBytes(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (isWeakKey(hexOf(key)) || !isBelowOrder(signature.subarray(KEY_BYTES))) return false;
  return nacl.sign.detached.verify(message, signature, key);
}

/** The order of the group, 2^252 + 27742317777372353535851937790883648493, little-endian. */
const ORDER = [
  0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/** Else everybody could make a second signature out of one, by adding the order to S. */
function isBelowOrder(scalar: Uint8Array): boolean {
  for (let at = ORDER.length - 1; at >= 0; at--) {
    const [ours = 0, theirs = 0] = [ORDER[at], scalar[at]];
    if (theirs !== ours) return theirs < ours;
  }
  return false;
}

/**
 * Points of small order, sign bit cleared: under such a "public key", all zeros among them, signatures can be made
 * without a private key.
 */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** @param hex 64 hex digits @returns whether anybody can sign for the key */
export function isWeakKey(hex: string): boolean {
  const last = (Number.parseInt(hex.slice(62), 16) & 0x7f).toString(16).padStart(2, '0');
  return SMALL_ORDER.has(hex.slice(0, 62).toLowerCase() + last);
}

function pairOf(privateKey: string): nacl.SignKeyPair {
  const seed = bytesOf(privateKey, nacl.sign.seedLength);
  if (seed !== undefined) return nacl.sign.keyPair.fromSeed(seed);
  const both = bytesOf(privateKey, nacl.sign.secretKeyLength);
  if (both !== undefined) return nacl.sign.keyPair.fromSecretKey(both);
  throw new TypeError('private key: 32 or 64 bytes in hex or base64 expected');
}
