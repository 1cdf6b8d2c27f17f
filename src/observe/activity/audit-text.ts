import { jsonText } from '../../serializers/json-writer.ts';
import { setOwn } from '../../serializers/values.ts';
import { WampError } from '../../wamp/errors.ts';
import type { Payload, PayloadValue } from '../../wamp/payload.ts';

/** Longest payload that is written down, in bytes as it came; it is what bridges carry at most. */
const MAX_BYTES = 1_048_576;
/** Text may be longer than what came as MessagePack or CBOR; beyond this, in UTF-16 units, it is left out, too. */
const MAX_LENGTH = 4 * MAX_BYTES;
/** Longest messageId that is taken from a payload, in UTF-16 units. */
const MAX_ID_LENGTH = 256;

/** The id by which the sender calls the message: `messageId` of kwargs that stand alone, as in the envelopes of bridges. */
export function messageIdOf(payload: Payload): string | undefined {
  if (payload.heldBytes > MAX_BYTES) return undefined;
  const value = decoded(payload);
  if (value === undefined || value.args.length > 0) return undefined;
  const { kwargs } = value;
  const id = kwargs !== undefined && Object.hasOwn(kwargs, 'messageId') ? kwargs.messageId : undefined;
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH ? id : undefined;
}

/**
 * A payload as JSON text: kwargs where they stand alone, else `{args, kwargs}`. Binary is said as WAMP says it in JSON;
 * a number that is none is null, a map whose keys are no strings a list of pairs. A payload that is too large, or means nothing outside its own encoding, is an
 * object that says so in `omitted`.
 */
export function auditText(payload: Payload): string {
  const bytes = payload.heldBytes;
  if (bytes > MAX_BYTES) return omitted(`${bytes} bytes; the activity log takes ${MAX_BYTES}`);
  const value = decoded(payload);
  if (value === undefined) return omitted(`${bytes} bytes that mean nothing outside their own encoding`);
  const text = textOf(value);
  return text.length > MAX_LENGTH ? omitted(`${text.length} characters; the activity log takes ${MAX_LENGTH}`) : text;
}

function omitted(why: string): string {
  return JSON.stringify({ omitted: why });
}

function decoded(payload: Payload): PayloadValue | undefined {
  try {
    return payload.value();
  } catch (error) {
    if (error instanceof WampError) return undefined;
    throw error;
  }
}

function textOf({ args, kwargs }: PayloadValue): string {
  const shown = args.length === 0 && kwargs !== undefined ? kwargs : { args, kwargs: kwargs ?? {} };
  try {
    return jsonText(shown, 0);
  } catch (error) {
    if (!(error instanceof WampError)) throw error;
    return jsonText(sayable(shown), 0);
  }
}

/** The value with null for numbers that are none, and pairs for maps whose keys are no strings. */
function sayable(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(sayable);
  if (value instanceof Map) return [...value].map(sayable);
  const object: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) setOwn(object, key, sayable(member));
  return object;
}
