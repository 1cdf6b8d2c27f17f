import { ROUTER_ROLES } from '../wamp/features.ts';
import { MAX_DEPTH } from './serializer.ts';
import { isPlainObject, unsayable } from './values.ts';

const ROLES_TEXT = JSON.stringify(ROUTER_ROLES);

/**
 * A value as JSON text: binary as U+0000 and base64 (PITFALLS 71), BigInt as digits, undefined as null. Not
 * `JSON.stringify`, which throws on BigInt and asks `toJSON` of a Buffer before a replacer sees it.
 *
 * @param depth how many arrays and objects are around the value
 * @throws WampError `invalid_argument` for what JSON cannot say: NaN, infinities, keys that are no strings. They are
 *   refused rather than turned into null: a receiver must not compute with a value nobody sent.
 */
export function jsonText(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw unsayable(`${value} cannot be sent in JSON`);
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : objectText(value, depth + 1);
    default:
      throw unsayable(`a ${typeof value} cannot be sent`);
  }
}

function objectText(value: object, depth: number): string {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return `"\\u0000${bytes.toString('base64')}"`;
  }
  // Said in every WELCOME, and the longest part of it.
  if (value === ROUTER_ROLES) return ROLES_TEXT;
  if (depth > MAX_DEPTH) throw unsayable(`nesting deeper than ${MAX_DEPTH} cannot be sent`);
  if (Array.isArray(value)) {
    let text = '[';
    for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + jsonText(value[i], depth);
    return `${text}]`;
  }
  if (value instanceof Map) throw unsayable('a map with keys that are no strings cannot be sent in JSON');
  if (!isPlainObject(value)) throw unsayable(`an instance of ${value.constructor.name} cannot be sent`);
  let text = '{';
  for (const key of Object.keys(value)) {
    text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${jsonText(value[key], depth)}`;
  }
  return `${text}}`;
}
