import { isUtf8 } from 'node:buffer';
import { ProtocolViolation } from '../wamp/errors.ts';

/** Up to this length a loop over ASCII is cheaper than the native check, which needs a view. */
const SHORT = 48;

/**
 * Proves that the `length` bytes at `at` are there and are UTF-8, and returns where they end. Invalid text would reach
 * subscribers as the router's own protocol error.
 * @throws ProtocolViolation
 */
export function skipUtf8(bytes: Buffer, at: number, length: number): number {
  const end = past(bytes, at, length);
  if (length <= SHORT) {
    let i = at;
    while (i < end && (bytes[i] ?? 0) < 0x80) i++;
    if (i === end) return end;
  }
  if (!isUtf8(bytes.subarray(at, end))) throw new ProtocolViolation('string that is not UTF-8');
  return end;
}

/** `at + length`, proven to lie within the message. @throws ProtocolViolation */
export function past(bytes: Buffer, at: number, length: number): number {
  const end = at + length;
  if (end > bytes.length) throw new ProtocolViolation('message is cut off before its end');
  return end;
}

/** The big-endian unsigned integer of 1, 2 or 4 bytes at `at`. @throws ProtocolViolation where bytes are missing */
export function unsigned(bytes: Buffer, at: number, width: 1 | 2 | 4): number {
  past(bytes, at, width);
  const first = bytes[at] ?? 0;
  if (width === 1) return first;
  const two = (first << 8) | (bytes[at + 1] ?? 0);
  if (width === 2) return two;
  return two * 0x1_0000 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
}
