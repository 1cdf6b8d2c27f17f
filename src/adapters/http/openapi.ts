/** The gateway as OpenAPI 3.1 says it; a test holds it against what the gateway does. */
import { STATUS_CODES } from 'node:http';
import { JSON_TYPE, PROBLEM_TYPE } from './answers.ts';

/** What each status means here; `title` of a problem is HTTP's own word. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: 'What was asked is not well-formed: the body, the query, a URI, an option.',
  401: 'The token is wrong, or one is needed.',
  403: 'The role may not do it; or the session was ended; or the page is of an origin that is not let in.',
  404: 'No such procedure, no such realm.',
  405: 'The path takes another method.',
  408: 'The body did not come in time.',
  413: 'The body is too long.',
  415: 'The body must be JSON.',
  421: 'The listener does not answer to this Host.',
  422: 'The callee answered with an error of its own, which is the type.',
  429: 'As many requests or streams at the same time as a principal may have; or another limit.',
  500: 'The callee failed in a way that nobody foresaw.',
  502: 'The callee is gone, or its answer could not be brought here.',
  503: 'Come back later.',
  504: 'The call took too long.',
};

const EVERYWHERE = [400, 401, 403, 404, 405, 421, 429, 503];
const WITH_BODY = [408, 413, 415];

/** Statuses beside 200, by operation. */
export const STATUSES = {
  call: [...EVERYWHERE, ...WITH_BODY, 422, 500, 502, 504].sort(ascending),
  publish: [...EVERYWHERE, ...WITH_BODY].sort(ascending),
  subscribe: EVERYWHERE,
} as const;

const REALM = {
  name: 'realm',
  in: 'path',
  required: true,
  description: 'Name of the realm.',
  schema: { type: 'string' },
};
const AUTHID = {
  name: 'authid',
  in: 'query',
  description: 'Authid of a Bearer token, instead of the header X-Waggle-Authid.',
  schema: { type: 'string' },
};
const ARGS = { type: 'array', items: {}, description: 'Positional arguments.' };
const KWARGS = { type: 'object', description: 'Arguments by name.' };

const SCHEMAS = {
  Command: {
    type: 'object',
    required: ['uri'],
    additionalProperties: false,
    properties: {
      uri: { type: 'string', description: 'Procedure or topic.' },
      args: ARGS,
      kwargs: KWARGS,
      options: { type: 'object', description: 'Options of CALL or PUBLISH, as WAMP has them.' },
    },
  },
  Result: {
    type: 'object',
    required: ['args', 'kwargs'],
    additionalProperties: false,
    properties: { args: ARGS, kwargs: KWARGS },
  },
  Publication: {
    type: 'object',
    required: ['publication'],
    additionalProperties: false,
    properties: { publication: { type: 'integer', description: 'Id of the publication.' } },
  },
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status'],
    additionalProperties: false,
    properties: {
      type: { type: 'string', description: 'The WAMP URI of the error; about:blank where HTTP itself is meant.' },
      title: { type: 'string', description: 'What HTTP calls the status.' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'For people.' },
      args: ARGS,
      kwargs: KWARGS,
    },
  },
};

/** @param base path of the endpoint */
export function openApi(base: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Waggle: HTTP gateway',
      version: '1',
      description: 'Calls, publications and topics of a realm, for whoever speaks no WAMP.',
    },
    servers: [{ url: base === '' ? '/' : base }],
    // An empty one: without a token, where the realm lets anybody in.
    security: [{ ticket: [] }, { bearer: [] }, {}],
    paths: {
      '/realms/{realm}/call': { parameters: [REALM, AUTHID], post: CALL },
      '/realms/{realm}/publish': { parameters: [REALM, AUTHID], post: PUBLISH },
      '/realms/{realm}/subscribe': { parameters: [REALM, AUTHID], get: SUBSCRIBE },
      '/openapi.json': { get: DOCUMENT },
    },
    components: {
      schemas: SCHEMAS,
      responses: Object.fromEntries(
        Object.entries(MEANINGS).map(([status, description]) => [
          `Problem${status}`,
          problem(Number(status), description),
        ]),
      ),
      securitySchemes: {
        ticket: { type: 'http', scheme: 'basic', description: 'authid and ticket' },
        bearer: { type: 'http', scheme: 'bearer', description: 'A ticket; the authid in X-Waggle-Authid or ?authid=' },
      },
    },
  };
}

const COMMAND = {
  required: true,
  content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Command' } } },
};

const CALL = {
  operationId: 'call',
  summary: 'Calls a procedure and answers with its result.',
  requestBody: COMMAND,
  responses: responses('call', answered('The result.', 'Result')),
};

const PUBLISH = {
  operationId: 'publish',
  summary: 'Publishes to a topic; always acknowledged.',
  requestBody: COMMAND,
  responses: responses('publish', answered('It was published.', 'Publication')),
};

const SUBSCRIBE = {
  operationId: 'subscribe',
  summary: 'Subscribes a topic and streams its events.',
  parameters: [
    { name: 'topic', in: 'query', required: true, description: 'URI or pattern.', schema: { type: 'string' } },
    {
      name: 'match',
      in: 'query',
      description: 'How topic is compared.',
      schema: { type: 'string', enum: ['exact', 'prefix', 'wildcard'], default: 'exact' },
    },
    {
      name: 'get_retained',
      in: 'query',
      description: 'Whether retained events come first.',
      schema: { type: 'boolean', default: false },
    },
  ],
  responses: responses('subscribe', {
    description: 'Server-sent events: `subscribed`, then one without a name for each event, at last `end`.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  }),
};

const DOCUMENT = {
  operationId: 'document',
  summary: 'This document.',
  security: [],
  responses: { 200: { description: 'OpenAPI 3.1.', content: { [JSON_TYPE]: { schema: { type: 'object' } } } } },
};

function responses(operation: keyof typeof STATUSES, answer: object): Record<string, object> {
  const problems = STATUSES[operation].map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]);
  return { 200: answer, ...Object.fromEntries(problems) };
}

function answered(description: string, schema: keyof typeof SCHEMAS): object {
  return { description, content: { [JSON_TYPE]: { schema: { $ref: `#/components/schemas/${schema}` } } } };
}

function problem(status: number, meaning: string): object {
  const retry = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } };
  return {
    description: `${STATUS_CODES[status]}: ${meaning}`,
    ...(status === 429 || status === 503 ? { headers: retry } : {}),
    content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
