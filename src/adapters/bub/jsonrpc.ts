/**
 * JSON-RPC 2.0 as this bridge speaks it: to the letter, except that batches are refused (BRIDGES §1). Pure: text in,
 * text out.
 */
import { isDict } from '../../wamp/features.ts';
import type { Dict } from '../../wamp/payload.ts';
import { members, type Span } from '../json-spans.ts';

export const RpcCode = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
} as const;

/** A refusal of one request; costs nothing but the request. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function invalidParams(message: string): RpcError {
  return new RpcError(RpcCode.INVALID_PARAMS, message);
}

export interface Request {
  readonly kind: 'request';
  /** As it stood in the text, to be echoed; undefined: a notification. */
  readonly id: string | undefined;
  readonly method: string;
  readonly params: Dict;
  /** Where `params` stand; undefined: absent or null. */
  readonly paramsAt: Span | undefined;
  readonly text: string;
}

export interface Response {
  readonly kind: 'response';
  readonly id: unknown;
  /** undefined: an error, or an answer that is neither. */
  readonly result: Dict | undefined;
  readonly error: { readonly code: unknown; readonly message: unknown; readonly data: unknown } | undefined;
  readonly text: string;
}

export interface Invalid {
  readonly kind: 'invalid';
  readonly id: string;
  readonly code: number;
  readonly message: string;
}

/** Longest id that is echoed, in characters; the answer must fit where the question did. */
const MAX_ID_LENGTH = 4096;

const TOP = ['id', 'params'] as const;

/** Reads one message. Never throws: what is wrong with it is in the answer that it deserves. */
export function parse(text: string): Request | Response | Invalid {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { kind: 'invalid', id: 'null', code: RpcCode.PARSE_ERROR, message: 'Parse error: text that is not JSON' };
  }
  if (Array.isArray(message)) return invalid('null', 'Invalid request: batches are not supported');
  if (!isDict(message)) return invalid('null', 'Invalid request: an object expected');
  if (!Object.hasOwn(message, 'method') && (Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error'))) {
    return readResponse(message, text);
  }
  return readRequest(message, text);
}

function readResponse({ id, result, error }: Dict, text: string): Response {
  return {
    kind: 'response',
    id,
    result: error === undefined && isDict(result) ? result : undefined,
    error: isDict(error) ? { code: error.code, message: error.message, data: error.data } : undefined,
    text,
  };
}

function readRequest(message: Dict, text: string): Request | Invalid {
  const [idAt, paramsAt] = members(text, 0, TOP).spans;
  const id = idAt === undefined ? undefined : text.slice(idAt.start, idAt.end);
  if (id !== undefined && !isId(message.id, id))
    return invalid('null', 'Invalid request: id: a string, an integer or null expected');
  const { jsonrpc, method, params } = message;
  if (jsonrpc !== '2.0') return invalid(id ?? 'null', 'Invalid request: jsonrpc: "2.0" expected');
  if (typeof method !== 'string') return invalid(id ?? 'null', 'Invalid request: method: a string expected');
  // Real clients say null for none.
  if (params === undefined || params === null)
    return { kind: 'request', id, method, params: {}, paramsAt: undefined, text };
  if (typeof params !== 'object') return invalid(id ?? 'null', 'Invalid request: params: an object expected');
  if (isDict(params)) return { kind: 'request', id, method, params, paramsAt, text };
  // By position: legal JSON-RPC, but no method here is called so; each says which field it misses.
  return { kind: 'request', id, method, params: {}, paramsAt: undefined, text };
}

function isId(id: unknown, text: string): boolean {
  if (text.length > MAX_ID_LENGTH) return false;
  return id === null || typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id));
}

function invalid(id: string, message: string): Invalid {
  return { kind: 'invalid', id, code: RpcCode.INVALID_REQUEST, message };
}

/** @param id JSON text of the id */
export function resultText(id: string, result: Dict): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`;
}

/** @param id JSON text of the id */
export function failureText(id: string, code: number, message: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":${JSON.stringify(message)},"data":null}}`;
}

/** A request of ours. @param payload JSON text */
export function requestText(id: number, method: string, topic: string, payload: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{"topic":${JSON.stringify(topic)},"payload":${payload}}}`;
}

/** The id of a request as the activity log shows it. */
export function shownId(id: string | undefined): string {
  if (id === undefined || id === 'null') return '';
  return id.startsWith('"') ? String(JSON.parse(id)) : id;
}

/** A field by its name on the wire or, as real clients may write it, in snake case. */
export function field(params: Dict, name: string): unknown {
  if (Object.hasOwn(params, name)) return params[name];
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.hasOwn(params, snake) ? params[snake] : undefined;
}

/** @throws RpcError naming the field */
export function textField(params: Dict, name: string): string {
  const value = field(params, name);
  if (typeof value === 'string' && value !== '') return value;
  throw invalidParams(`Invalid params: ${name}: a string that is not empty expected`);
}
