/** Bub topics, patterns and payloads as WAMP has them (BRIDGES §1). Pure. */
import { literalHeadLength } from '../../router/glob.ts';
import { json } from '../../serializers/json.ts';
import { type Dict, Payload, type PayloadTail, type PayloadValue } from '../../wamp/payload.ts';
import { isReserved, isValidUri, MAX_GLOB_LENGTH, type Match } from '../../wamp/uri.ts';
import { NO_ARGS, shown } from '../text.ts';

/** Error of a call that a Bub peer answered with a JSON-RPC error. */
export const BUB_PEER_ERROR = 'waggle.error.bub_peer';

export interface Pattern {
  readonly uri: string;
  readonly match: Match;
}

/** Text in which `JSON.parse` may have rounded an integer, or left what means binary in WAMP as a string. */
const INEXACT = /\d{16}|\\u0000/;

/** A topic to publish to. @returns what is wrong with it; undefined: nothing */
export function topicProblem(topic: string): string | undefined {
  if (isReserved(topic)) return `topic: ${shown(topic)} is in the namespace of the router`;
  return isValidUri(topic, 'exact', false)
    ? undefined
    : `topic: ${shown(topic)} is no legal topic: no spaces, no #, no empty part between dots`;
}

/**
 * A pattern of `subscribe` as the index has it: no special character → exact, a single trailing `*` → prefix, else
 * glob. A prefix that would reach into `wamp.` stays a glob: those never match there.
 * @param prefixEnds whether a plain pattern that ends in `-` or `:` is a prefix (bub-v1, "Topic patterns")
 * @returns what is wrong with it
 */
export function toPattern(pattern: string, prefixEnds: boolean): Pattern | string {
  if (pattern.length > MAX_GLOB_LENGTH) return `topic: a pattern may have ${MAX_GLOB_LENGTH} characters`;
  const head = literalHeadLength(pattern);
  if (pattern.slice(0, head).startsWith('wamp.')) return `topic: ${shown(pattern)} is in the namespace of the router`;
  if (head === pattern.length) {
    const wrong = topicProblem(pattern);
    if (wrong !== undefined) return wrong;
    return { uri: pattern, match: prefixEnds && /[-:]$/.test(pattern) ? 'prefix' : 'exact' };
  }
  const prefix = pattern.slice(0, head);
  const isPrefix = head === pattern.length - 1 && pattern.endsWith('*');
  if (isPrefix && !'wamp.'.startsWith(prefix) && isValidUri(prefix, 'prefix', false))
    return { uri: prefix, match: 'prefix' };
  return { uri: pattern, match: 'glob' };
}

/** A payload's text, as bytes only where somebody needs them: among Bub peers nobody does. */
class TextTail implements PayloadTail {
  readonly elements = 2;
  readonly #text: string;
  #bytes: Buffer | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(NO_ARGS + this.#text);
    return this.#bytes;
  }
}

/** @param text JSON text of the object `value`, proven; @param value what `JSON.parse` made of it */
export function toPayload(text: string, value: Dict): Payload {
  if (Object.keys(value).length === 0) return Payload.EMPTY;
  const known: PayloadValue | undefined = INEXACT.test(text) ? undefined : { args: [], kwargs: value };
  return Payload.raw(json, new TextTail(text), known);
}
