/** The messages of the relay protocol as text: one JSON object each, `type` says which. Pure. */
import { isDict } from '../../wamp/features.ts';
import type { Dict } from '../../wamp/payload.ts';
import { members, nesting } from '../json-spans.ts';
import { MAX_NESTING, shown } from '../text.ts';

export type RelayCode =
  | 'bad_message'
  | 'unknown_type'
  | 'not_registered'
  | 'already_registered'
  | 'name_taken'
  | 'name_not_found'
  | 'not_authorized'
  | 'timeout'
  | 'payload_too_large'
  | 'internal';

/** A refusal of one message; costs nothing but the message. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: RelayCode;

  constructor(code: RelayCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Frame {
  readonly type: string;
  readonly fields: Dict;
  readonly text: string;
}

/** Longest id that is echoed, in characters. */
const MAX_ID_LENGTH = 1024;
/** What a message carried of these its error carries, so that its sender knows which one failed. */
const IDS = ['correlation_id', 'to', 'topic', 'name'] as const;
/** A payload stands four levels deeper in the frame of a Bub peer than in ours. */
const MAX_DEPTH = MAX_NESTING - 4;

/** @returns what is no message as its error */
export function parse(text: string): Frame | RelayError {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return new RelayError('bad_message', 'text that is not JSON');
  }
  if (!isDict(message)) return new RelayError('bad_message', 'an object expected');
  const type = own(message, 'type');
  return { type: typeof type === 'string' ? type : '', fields: message, text };
}

/** @throws RelayError where the message is one that no peer could be handed */
export function checkDepth({ text }: Frame): void {
  if (nesting(text, MAX_DEPTH) > MAX_DEPTH) throw bad(`it nests deeper than ${MAX_DEPTH} levels`);
}

export function bad(message: string): RelayError {
  return new RelayError('bad_message', message);
}

// ---- fields -------------------------------------------------------------------------------------------------------

function own(fields: Dict, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** @throws RelayError naming the field */
export function textField({ fields }: Frame, name: string): string {
  const value = own(fields, name);
  if (typeof value === 'string' && value !== '') return value;
  throw bad(`${name}: a string that is not empty expected`);
}

/** @returns undefined: absent or null. @throws RelayError naming the field */
export function optionalText({ fields }: Frame, name: string): string | undefined {
  const value = own(fields, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw bad(`${name}: a string expected`);
}

/** @throws RelayError naming the field */
export function flagField({ fields }: Frame, name: string): boolean {
  const value = own(fields, name);
  if (typeof value === 'boolean') return value;
  throw bad(`${name}: true or false expected`);
}

/**
 * The id by which the answer to a call is known, as JSON text.
 * @returns undefined: absent or null. @throws RelayError
 */
export function correlationField({ fields }: Frame): string | undefined {
  const id = own(fields, 'correlation_id');
  if (id === undefined || id === null) return undefined;
  if (isEchoed(id)) return JSON.stringify(id);
  throw bad(`correlation_id: a string of at most ${MAX_ID_LENGTH} characters or an integer expected`);
}

/** A value as the JSON text that came, with all digits of its numbers; undefined: absent. */
export function jsonField({ fields, text }: Frame, name: string): string | undefined {
  if (!Object.hasOwn(fields, name)) return undefined;
  const span = members(text, 0, [name]).spans[0];
  return span && text.slice(span.start, span.end);
}

/** @throws RelayError naming the field */
export function payloadField(frame: Frame): string {
  const text = jsonField(frame, 'payload');
  if (text === undefined) throw bad('payload: it is missing; a string expected');
  return text;
}

/** Text beside the payload, as JSON text; absent: none. @throws RelayError */
export function metadataField(frame: Frame): string {
  const value = own(frame.fields, 'metadata');
  if (value === undefined || value === null) return '{}';
  if (isDict(value) && Object.values(value).every((each) => typeof each === 'string')) {
    return jsonField(frame, 'metadata') ?? '{}';
  }
  throw bad('metadata: an object of strings expected');
}

function isEchoed(id: unknown): boolean {
  return typeof id === 'string' ? id.length <= MAX_ID_LENGTH : Number.isSafeInteger(id);
}

// ---- what agents are told -----------------------------------------------------------------------------------------

/** @param to the message that failed; undefined: it was none, or nobody asked */
export function errorText({ code, message }: RelayError, to: Frame | undefined): string {
  const ids: Record<string, unknown> = {};
  for (const name of IDS) {
    const id = to === undefined ? undefined : own(to.fields, name);
    if (isEchoed(id)) ids[name] = id;
  }
  return JSON.stringify({ type: 'error', code, message, ...ids });
}

export function registeredText(name: string, peerId: string): string {
  return JSON.stringify({ type: 'registered', name, peer_id: peerId });
}

export function resolvedText(name: string, peerId: string): string {
  return JSON.stringify({ type: 'resolved', name, peer_id: peerId });
}

export function sentText(to: string, messageId: string): string {
  return JSON.stringify({ type: 'sent', to, message_id: messageId });
}

export function subscribedText(topic: string): string {
  return JSON.stringify({ type: 'subscribed', topic });
}

export const PONG = JSON.stringify({ type: 'pong' });

/** @param id JSON text. @param payload JSON text. @param error empty where it succeeded */
export function callResultText(id: string, success: boolean, payload: string, error: string): string {
  return `{"type":"call_result","correlation_id":${id},"success":${success},"payload":${payload},"error":${JSON.stringify(error)}}`;
}

/** @param payload JSON text */
export function inboundCallText(id: string, fromName: string, method: string, payload: string): string {
  const [from, called] = [JSON.stringify(fromName), JSON.stringify(method)];
  return `{"type":"inbound_call","correlation_id":"${id}","from_name":${from},"method":${called},"payload":${payload}}`;
}

/** What an agent hears, from whomever. */
export interface Said {
  readonly fromName: string;
  /** Empty: it is no relay agent. */
  readonly fromPeerId: string;
  readonly messageType: string;
  /** JSON text. */
  readonly payload: string;
  /** JSON text of an object of strings. */
  readonly metadata: string;
  readonly timestampMs: number;
}

export function messageText(said: Said): string {
  const from = `"from_name":${JSON.stringify(said.fromName)},"from_peer_id":${JSON.stringify(said.fromPeerId)}`;
  return `{"type":"message",${from},${contentText(said)}}`;
}

export function broadcastText(topic: string, said: Said): string {
  const from = `"topic":${JSON.stringify(topic)},"from_name":${JSON.stringify(said.fromName)}`;
  return `{"type":"broadcast_message",${from},${contentText(said)}}`;
}

/** The kwargs that a message of an agent has in the realm (BRIDGES §2). */
export function kwargsText(said: Said): string {
  const { messageType, payload, metadata, fromName, fromPeerId, timestampMs } = said;
  const [type, from, peer] = [messageType, fromName, fromPeerId].map((text) => JSON.stringify(text));
  return `{"message_type":${type},"payload":${payload},"metadata":${metadata},"from_name":${from},"from_peer_id":${peer},"timestamp_ms":${timestampMs}}`;
}

function contentText({ messageType, payload, metadata, timestampMs }: Said): string {
  return `"message_type":${JSON.stringify(messageType)},"payload":${payload},"metadata":${metadata},"timestamp_ms":${timestampMs}`;
}

/** @throws RelayError */
export function unknownType({ type }: Frame): RelayError {
  return type === ''
    ? bad('type: a string that is not empty expected')
    : new RelayError('unknown_type', `no message is of type ${shown(type)}`);
}
