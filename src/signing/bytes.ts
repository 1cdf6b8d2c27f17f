/** Keys and signatures as text: hex or base64 (BRIDGES §5). Without Node's Buffer, for browsers have none. */

const HEX = /^[0-9a-f]+$/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * @param length bytes that it must be
 * @returns undefined where `text` is no such number of bytes in hex or in base64, with its padding or without
 */
export function bytesOf(text: string, length: number): Uint8Array | undefined {
  // By the length first: no expression runs over what a peer made long.
  if (text.length === 2 * length && HEX.test(text)) return fromHex(text);
  const digits = Math.ceil((length * 4) / 3);
  if (text.length !== digits && text.length !== Math.ceil(length / 3) * 4) return undefined;
  return BASE64.test(text) ? fromBase64(text, length) : undefined;
}

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** A text as the bytes that are signed: UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

function fromBase64(text: string, length: number): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined; // padding in the wrong place
  }
  return binary.length === length ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : undefined;
}
