/**
 * What a client's frame is masked with (RFC 6455 §5.3), taken off in place. The loops see every byte anyway, so they
 * tell in passing whether one is beyond ASCII: only then must text be checked to be UTF-8.
 */

/** Measured: a view of words costs as much as 200 bytes one by one, and then takes a fifth of the time. */
const WORDS_FROM = 256;

const keyBytes = new Uint8Array(4);
const keyWord = new Int32Array(keyBytes.buffer);

/**
 * Takes the mask off `bytes` from `from` to `to`.
 * @param key the four bytes of the mask, the first in the highest bits
 * @param phase how many bytes of the frame's payload come before `from`
 * @returns whether all of them are ASCII
 */
export function unmask(bytes: Buffer, from: number, to: number, key: number, phase: number): boolean {
  const turned = turn(key, phase);
  return (to - from < WORDS_FROM ? byBytes(bytes, from, to, turned) : byWords(bytes, from, to, turned)) < 0x80;
}

/** The key as it applies `phase` bytes later. */
function turn(key: number, phase: number): number {
  const bits = (phase & 3) << 3;
  return bits === 0 ? key : (key << bits) | (key >>> (32 - bits));
}

/** @returns all bytes, or-ed */
function byBytes(bytes: Buffer, from: number, to: number, key: number): number {
  const k0 = key >>> 24;
  const k1 = (key >>> 16) & 0xff;
  const k2 = (key >>> 8) & 0xff;
  const k3 = key & 0xff;
  let seen = 0;
  let at = from;
  for (const last = to - 3; at < last; at += 4) {
    const b0 = (bytes[at] as number) ^ k0;
    const b1 = (bytes[at + 1] as number) ^ k1;
    const b2 = (bytes[at + 2] as number) ^ k2;
    const b3 = (bytes[at + 3] as number) ^ k3;
    bytes[at] = b0;
    bytes[at + 1] = b1;
    bytes[at + 2] = b2;
    bytes[at + 3] = b3;
    seen |= b0 | b1 | b2 | b3;
  }
  for (let shift = 24; at < to; at += 1, shift -= 8) {
    const byte = (bytes[at] as number) ^ ((key >>> shift) & 0xff);
    bytes[at] = byte;
    seen |= byte;
  }
  return seen;
}

function byWords(bytes: Buffer, from: number, to: number, key: number): number {
  const start = from + (-(bytes.byteOffset + from) & 3);
  let seen = byBytes(bytes, from, start, key);
  const inner = turn(key, start - from);
  keyBytes[0] = inner >>> 24;
  keyBytes[1] = inner >>> 16;
  keyBytes[2] = inner >>> 8;
  keyBytes[3] = inner;
  const mask = keyWord[0] as number;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, (to - start) >> 2);
  let seenWords = 0;
  for (let i = 0; i < words.length; i += 1) {
    const word = (words[i] as number) ^ mask;
    words[i] = word;
    seenWords |= word;
  }
  seen |= byBytes(bytes, start + words.length * 4, to, inner);
  return seen | ((seenWords | (seenWords >>> 8) | (seenWords >>> 16) | (seenWords >>> 24)) & 0xff);
}
