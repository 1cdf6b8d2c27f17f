import { RecentFrames } from './recent-frames.ts';

const FIN = 0x80;
export const OPCODE = { text: 1, binary: 2, ping: 9, pong: 10 } as const;

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
