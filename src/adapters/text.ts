/** Payloads and messages as text, as bridges carry them; and how much of it every bridge can carry. */
import { isUtf8 } from 'node:buffer';
import { json } from '../serializers/json.ts';
import type { Dict } from '../wamp/payload.ts';

/** No frame to a Bub peer is longer, in bytes; its client closes on such (BRIDGES §1). */
export const MAX_FRAME_BYTES = 1_048_576;
/** No frame to a Bub peer nests deeper; the parser of its client gives up above 198. */
export const MAX_NESTING = 190;

/** How the JSON text of a payload without args begins. */
export const NO_ARGS = '[],';

/** @param binary whether it came in a binary frame, in which the transport has not checked the UTF-8 */
export function textOf(bytes: Buffer, binary: boolean): string {
  // Empty text is no JSON either.
  return binary && !isUtf8(bytes) ? '' : bytes.toString('utf8');
}

/**
 * An object as JSON text.
 * @throws WampError `invalid_argument` where it holds what JSON cannot say
 */
export function objectText(value: Dict): string {
  const tail = json.encodePayload({ args: [], kwargs: value });
  return tail.elements === 0 ? '{}' : tail.bytes.toString('utf8', NO_ARGS.length);
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
