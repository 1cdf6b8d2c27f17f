/** What goes back over HTTP: JSON, and problems as RFC 9457 has them, with the WAMP URI as their type (BRIDGES §3). */
import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { json } from '../../serializers/json.ts';
import { behindComma } from '../../serializers/json-scan.ts';
import type { Refusal } from '../../transports/http-answers.ts';
import { type CloseReason, ErrorUri, type WampError } from '../../wamp/errors.ts';
import { Payload } from '../../wamp/payload.ts';
import { statusOf, statusOfClose } from './status.ts';

export const JSON_TYPE = 'application/json';
export const PROBLEM_TYPE = 'application/problem+json';

/** Seconds after which whoever should come back may: 429, 503. */
const RETRY_AFTER_S = 1;

/** A refusal or an error on its way to the client. */
export interface Problem {
  readonly status: number;
  /** A WAMP URI; absent: HTTP itself is meant and the status says all. */
  readonly uri?: string;
  readonly detail: string;
  readonly payload?: Payload;
  readonly headers?: Readonly<Record<string, string>>;
}

export function problemOf(error: WampError): Problem {
  return { status: statusOf(error.uri), uri: error.uri, detail: error.message };
}

/** Why the session of a request was ended before there was an answer. */
export function problemOfClose(reason: CloseReason): Problem {
  return { status: statusOfClose(reason), uri: reason.uri, detail: reason.message };
}

export const NOT_THERE: Problem = {
  status: 503,
  uri: ErrorUri.UNAVAILABLE,
  detail: 'the realm takes no more sessions now',
};

export function sendJson(response: ServerResponse, body: Buffer | string): void {
  send(response, 200, JSON_TYPE, body, {});
}

/** @throws WampError where `payload` cannot be said in JSON; then nothing was sent */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  const { status, uri, detail, payload = Payload.EMPTY, headers } = problem;
  const retry = status === 429 || status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {};
  const about = { type: uri ?? 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  const text = JSON.stringify(detail === '' ? { ...about, detail: undefined } : about);
  const body = payload.isEmpty
    ? text
    : Buffer.concat([Buffer.from(`${text.slice(0, -1)},`), payloadMembers(payload), CLOSE]);
  send(response, status, PROBLEM_TYPE, body, { ...retry, ...headers });
}

/** A refusal of the listener's in the same form. */
export function refuseAsProblem(response: ServerResponse, { status, text, headers }: Refusal): void {
  sendProblem(response, { status, detail: text, headers: { ...headers, Connection: 'close' } });
}

const CLOSE = Buffer.from('}');
const OPEN_ARGS = Buffer.from('"args":');
const OPEN_KWARGS = Buffer.from(',"kwargs":');
const NOTHING = Buffer.from('"args":[],"kwargs":{}');
const NO_KWARGS = Buffer.from(',"kwargs":{}');

/**
 * `"args":[…],"kwargs":{…}` as they came, where they came as JSON: numbers keep all their digits.
 * @throws WampError `invalid_argument` where it cannot be said in JSON
 */
export function payloadMembers(payload: Payload): Buffer {
  const { bytes, elements } = payload.tail(json);
  if (elements === 0) return NOTHING;
  if (elements === 1) return Buffer.concat([OPEN_ARGS, bytes, NO_KWARGS]);
  const kwargs = behindComma(bytes, 0, 1);
  return Buffer.concat([OPEN_ARGS, bytes.subarray(0, kwargs - 1), OPEN_KWARGS, bytes.subarray(kwargs)]);
}

/** @throws WampError as {@link payloadMembers} */
export function payloadObject(payload: Payload): Buffer {
  return Buffer.concat([Buffer.from('{'), payloadMembers(payload), CLOSE]);
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: Buffer | string,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(body);
}
