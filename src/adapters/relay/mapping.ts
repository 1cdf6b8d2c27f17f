/** Relay names, topics and payloads as WAMP has them, and back (BRIDGES §2). Pure. */
import { json } from '../../serializers/json.ts';
import { ErrorUri } from '../../wamp/errors.ts';
import { isDict } from '../../wamp/features.ts';
import { type Dict, Payload } from '../../wamp/payload.ts';
import { isReserved, isValidUri, type Match } from '../../wamp/uri.ts';
import { endOfValue, members } from '../json-spans.ts';
import { MAX_FRAME_BYTES, NO_ARGS, shown } from '../text.ts';
import { bad, type RelayCode } from './frames.ts';

/** Error of a call that a relay agent answered with `success: false`. */
export const RELAY_AGENT_ERROR = 'waggle.error.relay_agent';

/** Longest name, in UTF-16 units. */
const MAX_NAME_LENGTH = 256;
/** What stands around a message of ours in the frame of a Bub peer, in bytes, with room for the longest URI and name. */
const BUB_OVERHEAD_BYTES = 4096;

/** No message of an agent is longer: it could not be handed to Bub peers (BRIDGES §1). */
export const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES - BUB_OVERHEAD_BYTES;

/** A name without a dot is one of `.relay`. */
export function fullName(name: string): string {
  return name.includes('.') ? name : `${name}.relay`;
}

/** @throws RelayError where nobody can be called so */
export function checkedName(name: string): string {
  const full = fullName(name);
  if (full.length > MAX_NAME_LENGTH) throw bad(`name: at most ${MAX_NAME_LENGTH} characters expected`);
  if (isReserved(full)) throw bad(`name: ${shown(full)} is in the namespace of the router`);
  if (!isValidUri(full, 'exact', false)) {
    throw bad(`name: ${shown(full)} is no legal name: no spaces, no #, no empty part between dots`);
  }
  return full;
}

export interface Pattern {
  readonly uri: string;
  readonly match: Match;
}

/** Everything, but for the router's own topics: those its holder does not hear. */
export const EVERYTHING: Pattern = { uri: '', match: 'prefix' };

/**
 * A topic of `subscribe`: wildcards span one level, a bare `*` all of them.
 * @throws RelayError where it is none
 */
export function toPattern(topic: string): Pattern {
  if (topic === '*') return EVERYTHING;
  const isWildcard = topic.endsWith('.*');
  const head = isWildcard ? topic.slice(0, -2) : topic;
  if (!isValidUri(head, 'exact', false)) {
    throw bad(`topic: ${shown(topic)} is no legal topic: no spaces, no #, no empty part between dots`);
  }
  return isWildcard ? { uri: `${head}.`, match: 'wildcard' } : { uri: topic, match: 'exact' };
}

export function codeOf(uri: string): RelayCode {
  switch (uri) {
    case ErrorUri.NOT_AUTHORIZED:
    case ErrorUri.AUTHORIZATION_FAILED:
      return 'not_authorized';
    case ErrorUri.INVALID_URI:
    case ErrorUri.INVALID_ARGUMENT:
      return 'bad_message';
    case ErrorUri.PAYLOAD_SIZE_EXCEEDED:
      return 'payload_too_large';
    default:
      return 'internal';
  }
}

// ---- payloads -----------------------------------------------------------------------------------------------------

/** @param kwargs JSON text of an object, proven */
export function kwargsPayload(kwargs: string): Payload {
  return Payload.raw(json, { bytes: Buffer.from(NO_ARGS + kwargs), elements: 2 });
}

/** @param value JSON text, proven; undefined: no argument */
export function argsPayload(value: string | undefined): Payload {
  return Payload.raw(json, { bytes: Buffer.from(`[${value ?? ''}]`), elements: 1 });
}

/** What an agent says of a call that failed, as ERROR of it. @param payload JSON text; undefined: it gave none */
export function failurePayload(error: string, payload: string | undefined): Payload {
  const args = `[${JSON.stringify(error)}]`;
  return payload === undefined
    ? argsPayload(JSON.stringify(error))
    : Payload.raw(json, { bytes: Buffer.from(`${args},{"payload":${payload}}`), elements: 2 });
}

interface Parts {
  readonly args: string;
  readonly kwargs: string;
}

/** Args and kwargs as JSON text. @throws WampError where JSON cannot say it */
function partsOf(payload: Payload): Parts {
  const { bytes, elements } = payload.tail(json);
  if (elements === 0) return { args: '[]', kwargs: '{}' };
  const text = bytes.toString('utf8');
  if (elements === 1) return { args: text, kwargs: '{}' };
  const end = endOfValue(text, 0);
  return { args: text.slice(0, end), kwargs: text.slice(text.indexOf(',', end) + 1) };
}

/** A payload with nothing left out, for agents and for the activity log. @throws WampError where JSON cannot say it */
export function wholeText(payload: Payload): string {
  const { args, kwargs } = partsOf(payload);
  return `{"args":${args},"kwargs":${kwargs}}`;
}

/** As the activity log has it: kwargs by themselves where they are all there is. @throws WampError */
export function loggedText(payload: Payload): string {
  const { args, kwargs } = partsOf(payload);
  return args === '[]' ? kwargs : `{"args":${args},"kwargs":${kwargs}}`;
}

/** A value of a WAMP payload as JSON text of a string: agents expect strings. @param value JSON text */
function asString(value: string): string {
  return value.startsWith('"') ? value : JSON.stringify(value);
}

/** What an agent gets of a WAMP call, as JSON text: its only argument, or args and kwargs. @throws WampError */
export function calledText(payload: Payload): string {
  const { args, kwargs } = partsOf(payload);
  if (isEmptyText(kwargs)) {
    if (isEmptyText(args)) return '""';
    const { first, rest } = firstOf(args);
    if (rest === ']') return asString(first);
  }
  return JSON.stringify(`{"args":${args},"kwargs":${kwargs}}`);
}

/** What an agent gets of a WAMP result, as JSON text: its first argument; kwargs where there is none. @throws WampError */
export function resultText(payload: Payload): string {
  const { args, kwargs } = partsOf(payload);
  if (!isEmptyText(args)) return asString(firstOf(args).first);
  return isEmptyText(kwargs) ? '""' : JSON.stringify(kwargs);
}

/** @param args JSON text of an array that is not empty */
function firstOf(args: string): { readonly first: string; readonly rest: string } {
  const start = 1 + args.slice(1).search(/\S/);
  const end = endOfValue(args, start);
  return { first: args.slice(start, end), rest: args.slice(end).trim() };
}

function isEmptyText(text: string): boolean {
  return /^[[{]\s*[\]}]$/.test(text.trim());
}

/** A WAMP error as a relay agent reads it: the URI, and the sentence where there is one. */
export function failureText(error: string, payload: Payload): string {
  const { args } = payload.value();
  const [first] = args;
  return typeof first === 'string' && first !== '' ? `${error}: ${first}` : error;
}

/** What a WAMP publication says in our form. @returns undefined: it is not in our form. @throws WampError */
export function ownForm(
  payload: Payload,
): { readonly messageType: string; readonly payload: string; readonly metadata: string } | undefined {
  const { args, kwargs } = partsOf(payload);
  // Before it is decoded: most are not.
  if (!isEmptyText(args) || !kwargs.includes('"message_type"')) return undefined;
  const value = payload.value().kwargs ?? {};
  const { message_type: messageType, metadata } = value;
  const [payloadAt, metadataAt] = members(kwargs, 0, ['payload', 'metadata']).spans;
  if (typeof messageType !== 'string' || payloadAt === undefined) return undefined;
  return {
    messageType,
    payload: asString(kwargs.slice(payloadAt.start, payloadAt.end)),
    metadata: metadataAt !== undefined && isTexts(metadata) ? kwargs.slice(metadataAt.start, metadataAt.end) : '{}',
  };
}

function isTexts(value: unknown): value is Dict {
  return isDict(value) && Object.values(value).every((each) => typeof each === 'string');
}
