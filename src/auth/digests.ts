import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Drawn once per process and never shown. A constant of the process, because names of credentials are made by one
 * compiled realm and read by the next one after a reload.
 */
const PROCESS_KEY = randomBytes(32);

/** SHA-256 of a text (UTF-8) or of bytes. */
export function sha256(input: string | Buffer): Buffer {
  return createHash('sha256').update(input).digest();
}

/** HMAC-SHA256 of `input`. */
export function hmac(key: string | Buffer, input: string | Buffer): Buffer {
  return createHmac('sha256', key).update(input).digest();
}

/** A digest that means nothing outside this process: for caches and names, never for storage. */
export function sealed(input: string | Buffer): Buffer {
  return hmac(PROCESS_KEY, input);
}

/**
 * Names a credential after its method and its secret without giving the secret away (`Session.credential`):
 * the same secret has the same name for as long as the process lives, wherever it came from.
 */
export function credentialName(method: string, secret: string | Buffer): string {
  return `${method}:${sealed(secret).toString('base64url')}`;
}

/** Constant-time for equal lengths; the length is no secret of ours. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
