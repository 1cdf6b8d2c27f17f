/** The text that is signed for a value: canonical JSON (RFC 8785), or the plain text in the order received. */
import canonicalize from 'canonicalize';

/** Deepest nesting; what a router takes nests no deeper. It also ends values that contain themselves. */
const MAX_DEPTH = 256;

/** A value that no JSON text can say exactly, so that its signature would not cover what is received. */
export class Unsignable extends Error {
  override readonly name = 'Unsignable';
}

/**
 * The value as RFC 8785 writes it: keys sorted, nothing between them, numbers as ECMAScript writes them.
 * @throws Unsignable for binary, numbers that a double does not hold exactly, lone surrogates, maps with other keys
 *   than strings, what nests deeper than 256 levels, and what JSON leaves out altogether
 */
export function canonicalText(value: unknown): string {
  return written(exact(value, 0), canonicalize);
}

/**
 * The value as `JSON.stringify` writes it, with the keys in the order they have in it.
 * @throws Unsignable as {@link canonicalText}
 */
export function plainText(value: unknown): string {
  return written(exact(value, 0), JSON.stringify);
}

/** Both of one value, the canonical one first. @throws Unsignable */
export function textsOf(value: unknown): readonly [canonical: string, plain: string] {
  const sayable = exact(value, 0);
  return [written(sayable, canonicalize), written(sayable, JSON.stringify)];
}

function written(value: unknown, write: (value: unknown) => string | undefined): string {
  const text = write(value);
  if (text === undefined) throw new Unsignable('nothing to sign: JSON has no word for it');
  return text;
}

/** What JSON says of the value, with integers that come as BigInt as the numbers they are; often the value itself. */
function exact(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      // RFC 8785, section 3.2.2.2: they are no Unicode, and encoders disagree about their bytes.
      if (/\p{Surrogate}/u.test(value)) throw new Unsignable('a lone surrogate cannot be signed');
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new Unsignable('NaN and Infinity cannot be signed');
      return value;
    case 'bigint':
      return exactNumber(value);
    case 'object':
      if (value === null) return value;
      if (depth >= MAX_DEPTH) throw new Unsignable(`nested deeper than ${MAX_DEPTH} levels, it cannot be signed`);
      return exactObject(value, depth);
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value;
  }
}

function exactObject(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) throw new Unsignable('binary cannot be signed');
  if (value instanceof Map || value instanceof Set) {
    throw new Unsignable('a map with keys that are no strings cannot be signed');
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return exact(value.toJSON(), depth + 1);
  if (Array.isArray(value)) {
    const items = Array.from(value, (item) => exact(item, depth + 1));
    // A hole is null, too.
    return items.some((item, at) => item !== value[at] || !(at in value)) ? items : value;
  }
  let changed = false;
  const members = Object.entries(value).map(([key, item]): [string, unknown] => {
    exact(key, depth);
    const made = exact(item, depth + 1);
    if (made !== item) changed = true;
    return [key, made];
  });
  return changed ? Object.fromEntries(members) : value;
}

/**
 * RFC 8785 knows doubles only: of 2^53 + 1 and 2^53 it writes the same text. Only an integer that ECMAScript writes
 * with its own digits is signed as what it is.
 */
function exactNumber(value: bigint): number {
  const number = Number(value);
  if (String(number) === String(value)) return number;
  throw new Unsignable('an integer beyond 2^53 that a double does not hold exactly cannot be signed; send it as text');
}
