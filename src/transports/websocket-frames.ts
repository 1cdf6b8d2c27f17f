import type { LinkClose } from './link.ts';
import { RecentFrames } from './recent-frames.ts';

const FIN = 0x80;
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** `LinkClose` in the numbers of RFC 6455 §7.4.1 and its registry. */
export const CLOSE_CODES: Readonly<Record<LinkClose, number>> = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidData: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  internalError: 1011,
  restart: 1012,
  tryLater: 1013,
};

/** The longest reason that fits a close frame (RFC 6455 §5.5: 125 bytes with the code). */
const MAX_REASON_BYTES = 123;

/**
 * Builds a whole unfragmented frame as a server sends it: not masked (RFC 6455 §5.1), so the same Buffer can go to
 * any number of connections.
 */
export function buildFrame(opcode: number, payload: Buffer): Buffer {
  return beginFrame(opcode, payload, payload.length);
}

/** Such a frame up to and with `first`, of a payload of `length` bytes of which `first` is the beginning. */
export function beginFrame(opcode: number, first: Buffer, length: number): Buffer {
  const head = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + first.length);
  frame[0] = FIN | opcode;
  if (head === 2) {
    frame[1] = length;
  } else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(first, head);
  return frame;
}

/** @param code undefined: none is given, and no reason @param reason at most what {@link closeReason} leaves of one */
export function closeFrame(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return buildFrame(OPCODE.close, Buffer.alloc(0));
  const text = Buffer.from(reason);
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(code);
  payload.set(text, 2);
  return buildFrame(OPCODE.close, payload);
}

/** The frames built last, for a fan-out. */
export class FrameCache extends RecentFrames {
  constructor() {
    super((payload, binary) => buildFrame(binary ? OPCODE.binary : OPCODE.text, payload));
  }
}

/** Cuts a reason to what a close frame holds, between characters. */
export function closeReason(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MAX_REASON_BYTES) return message;
  let end = MAX_REASON_BYTES;
  // 10xxxxxx: inside a character
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
