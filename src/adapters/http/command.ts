import { isUtf8 } from 'node:buffer';
import { json } from '../../serializers/json.ts';
import { checkDepth } from '../../serializers/json-scan.ts';
import { ErrorUri, ProtocolViolation, WampError } from '../../wamp/errors.ts';
import { isDict } from '../../wamp/features.ts';
import { type Dict, Payload } from '../../wamp/payload.ts';
import { members } from '../json-spans.ts';

/** What the body of a call or publication says. */
export interface Command {
  readonly uri: string;
  readonly options: Dict;
  readonly payload: Payload;
}

const MEMBERS = ['uri', 'args', 'kwargs', 'options'];

/**
 * Args and kwargs go on as the text that came, so numbers keep all their digits (PITFALLS 74) and binary, which JSON says as
 * U+0000 and base64 (PITFALLS 71), needs no care.
 * @throws WampError `invalid_argument` that names what is wrong
 */
export function readCommand(body: Buffer): Command {
  if (!isUtf8(body)) throw wrong('the body is not UTF-8');
  try {
    checkDepth(body);
  } catch (error) {
    throw error instanceof ProtocolViolation ? wrong(`the body: ${error.message}`) : error;
  }
  const text = body.toString('utf8');
  const value = parsed(text);
  const unknown = Object.keys(value).find((key) => !MEMBERS.includes(key));
  if (unknown !== undefined) {
    throw wrong(`the body: unknown member ${JSON.stringify(unknown.slice(0, 80))}; expected ${MEMBERS.join(', ')}`);
  }
  const { uri, args = [], kwargs = {}, options = {} } = value;
  if (typeof uri !== 'string') throw wrong('uri: a string expected');
  if (!Array.isArray(args)) throw wrong('args: a list expected');
  if (!isDict(kwargs)) throw wrong('kwargs: an object expected');
  if (!isDict(options)) throw wrong('options: an object expected');
  return { uri, options, payload: payloadOf(text, args, kwargs) };
}

function payloadOf(text: string, args: readonly unknown[], kwargs: Dict): Payload {
  const hasKwargs = Object.keys(kwargs).length > 0;
  if (args.length === 0 && !hasKwargs) return Payload.EMPTY;
  const [argsSpan, kwargsSpan] = members(text, 0, ['args', 'kwargs']).spans;
  const argsText = argsSpan === undefined ? '[]' : text.slice(argsSpan.start, argsSpan.end);
  if (!hasKwargs || kwargsSpan === undefined) {
    return Payload.raw(json, { bytes: Buffer.from(argsText), elements: 1 }, { args, kwargs: undefined });
  }
  const bytes = Buffer.from(`${argsText},${text.slice(kwargsSpan.start, kwargsSpan.end)}`);
  return Payload.raw(json, { bytes, elements: 2 }, { args, kwargs });
}

function parsed(text: string): Dict {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message would quote the text, which may hold a secret.
    throw wrong('the body is not JSON');
  }
  if (!isDict(value)) throw wrong('the body: an object {uri, args, kwargs, options} expected');
  return value;
}

function wrong(message: string): WampError {
  return new WampError(ErrorUri.INVALID_ARGUMENT, message);
}
