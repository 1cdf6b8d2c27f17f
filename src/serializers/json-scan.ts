/**
 * Scans over JSON text as bytes. None proves anything: `JSON.parse` does, natively and faster than a walk in
 * JavaScript could; the first bounds what it is given, the others find where something ends, or count.
 *
 * Fenced for speed (ARCHITECTURE §1.6): strings are skipped by native search, bytes are compared as numbers. UTF-8 needs
 * no care, no byte of a longer character is below 0x80.
 */
import { ProtocolViolation } from '../wamp/errors.ts';
import { MAX_DEPTH } from './serializer.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** The offset behind the string whose opening quote is at `at`; the end of the bytes where it is not closed. */
function behindString(bytes: Buffer, at: number): number {
  let quote = bytes.indexOf(QUOTE, at + 1);
  while (quote !== -1) {
    let backslashes = 0;
    while (bytes[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    quote = bytes.indexOf(QUOTE, quote + 1);
  }
  return bytes.length;
}

/**
 * Refuses text that nests arrays and objects deeper than {@link MAX_DEPTH}, the outermost counted (PITFALLS 75). Right
 * for well-formed text; what it makes of other text does not matter, because that is refused anyway.
 * @throws ProtocolViolation
 */
export function checkDepth(bytes: Buffer): void {
  // Each level takes two bytes.
  if (bytes.length <= MAX_DEPTH * 2) return;
  let depth = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = behindString(bytes, at);
      continue;
    }
    if (byte === OPEN_LIST || byte === OPEN_MAP) {
      depth++;
      if (depth > MAX_DEPTH) throw new ProtocolViolation(`nesting deeper than ${MAX_DEPTH}`);
    } else if (byte === CLOSE_LIST || byte === CLOSE_MAP) depth--;
    at++;
  }
}

/**
 * The offset behind the bracket that closes the one at `from`; the end of the bytes where none does.
 * @param from where an array or object begins
 */
export function behindBracket(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = behindString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_LIST || byte === OPEN_MAP) depth++;
    else if ((byte === CLOSE_LIST || byte === CLOSE_MAP) && --depth === 0) return at;
  }
  return at;
}

/**
 * The offset behind the comma number `count` that stands between elements, not inside them.
 * @param bytes text proven well-formed
 * @param from where an element begins: behind the opening bracket of the array whose elements are meant
 */
export function behindComma(bytes: Buffer, from: number, count: number): number {
  let depth = 0;
  let commas = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = behindString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_LIST || byte === OPEN_MAP) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_MAP) depth--;
    else if (byte === COMMA && depth === 0) {
      commas++;
      if (commas === count) return at;
    }
  }
  return at;
}

/** How many keys the objects of well-formed text have together, equal ones each for itself. */
export function countWrittenKeys(bytes: Buffer): number {
  let colons = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = behindString(bytes, at);
      continue;
    }
    at++;
    if (byte === COLON) colons++;
  }
  return colons;
}
