/**
 * What pages of other origins may do with a path (Fetch, "CORS protocol"). Which origins are let in at all the listener
 * has decided before (CONTRACT §3); nothing here is answered to others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface CorsRules {
  readonly methods: readonly string[];
  /** Request headers beside those that need no leave. */
  readonly headers: readonly string[];
  /** Response headers that pages may read beside the usual ones. */
  readonly exposed?: readonly string[];
  /** Whether a browser may add what it holds for this host: cookies, a certificate, a password typed in earlier. */
  readonly credentials?: boolean;
}

/** Seconds a browser may remember the answer to a preflight: a reload of `origins` is noticed after this at the latest. */
const MAX_AGE_S = 600;

/** Lets the page that asks read the answer. The answer is for its origin only, so caches must keep it apart. */
export function letRead(request: IncomingMessage, response: ServerResponse, rules: CorsRules): void {
  response.setHeader('Vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined) return;
  response.setHeader('Access-Control-Allow-Origin', origin);
  if (rules.credentials === true) response.setHeader('Access-Control-Allow-Credentials', 'true');
  if (rules.exposed !== undefined) response.setHeader('Access-Control-Expose-Headers', rules.exposed.join(', '));
}

/** Answers OPTIONS. @returns false where the request is another */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, rules: CorsRules): boolean {
  if (request.method !== 'OPTIONS') return false;
  const methods = [...rules.methods, 'OPTIONS'].join(', ');
  response.writeHead(204, {
    Allow: methods,
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': rules.headers.join(', '),
    'Access-Control-Max-Age': String(MAX_AGE_S),
  });
  response.end();
  return true;
}
