import { ProtocolViolation } from '../wamp/errors.ts';
import { past, unsigned } from './binary-text.ts';

export const BREAK = 0xff;
/** The length of what ends with a break byte. */
export const INDEFINITE = -1;

/** Where the content behind the head at `at` begins. @throws ProtocolViolation for a reserved head (RFC 8949, §3) */
export function behindHead(bytes: Buffer, at: number): number {
  const info = (bytes[at] ?? 0) & 31;
  if (info < 24 || info === 31) return at + 1;
  if (info > 27) throw new ProtocolViolation('CBOR head in a reserved form');
  return past(bytes, at + 1, 1 << (info - 24));
}

/** The number in the head at `at`: a value, a length or a tag; {@link INDEFINITE} where the head says so. */
export function argument(bytes: Buffer, at: number): number {
  const info = (bytes[at] ?? 0) & 31;
  if (info < 24) return info;
  if (info === 24) return unsigned(bytes, at + 1, 1);
  if (info === 25) return unsigned(bytes, at + 1, 2);
  if (info === 26) return unsigned(bytes, at + 1, 4);
  if (info === 27) return unsigned(bytes, at + 1, 4) * 0x1_0000_0000 + unsigned(bytes, at + 5, 4);
  return INDEFINITE;
}

/** The chunks of the well-formed string of indefinite length at `at`, as offsets of their contents. */
export function* chunks(bytes: Buffer, at: number): Generator<{ readonly start: number; readonly end: number }> {
  let next = at + 1;
  while (bytes[next] !== BREAK) {
    const start = behindHead(bytes, next);
    const end = start + argument(bytes, next);
    yield { start, end };
    next = end;
  }
}
