/**
 * The values all encodings agree on: what `Payload.value()` gives and what encoders take.
 *
 * null, booleans, strings, numbers, BigInt for integers beyond ±2^53, Uint8Array for binary, arrays, plain objects, and
 * Map only where some key is not a string (which JSON cannot say). `undefined` is taken as null (PITFALLS 73).
 */
import { ErrorUri, WampError } from '../wamp/errors.ts';
import { MAX_ID } from '../wamp/ids.ts';
import type { Dict } from '../wamp/payload.ts';

const MAX_NUMBER = BigInt(MAX_ID);

/** Longest integer that is converted, in bytes: arithmetic on BigInt is quadratic, and the sender chooses the length. */
export const MAX_INTEGER_BYTES = 128;

/** The same bound for integers written in decimal digits: 2^1024 has 309. */
export const MAX_INTEGER_DIGITS = 309;

/** What to throw where an encoding has no words for a value: costs one request or one recipient, no session. */
export function unsayable(message: string): WampError {
  return new WampError(ErrorUri.INVALID_ARGUMENT, message);
}

/** An integer as number where a double holds it exactly, 2^53 included. */
export function smallest(value: bigint): number | bigint {
  return value <= MAX_NUMBER && value >= -MAX_NUMBER ? Number(value) : value;
}

/** Sets an own property whatever the key: plain assignment to `__proto__` would change the prototype (PITFALLS 74). */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** Whether `value` is a dictionary made by a literal or a decoder, and no Date, Map or instance of some class. */
export function isPlainObject(value: object): value is Dict {
  const prototype = Object.getPrototypeOf(value);
  // `Object.prototype` is told by having no prototype itself, so that objects of another context pass too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** How many keys all maps of the value have together. Nested no deeper than messages may be (PITFALLS 75). */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countKeys(item), 0);
  const items = value instanceof Map ? [...value.values()] : Object.values(value);
  return items.reduce<number>((sum, item) => sum + countKeys(item), items.length);
}
