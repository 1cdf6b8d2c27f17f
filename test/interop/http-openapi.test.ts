/** The OpenAPI document against the gateway: each path and each status that it names is brought about. */
import { connect } from 'node:net';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { STATUSES } from '../../src/adapters/http/openapi.ts';
import { autobahn } from '../support/autobahn-client.ts';
import { EventSource } from '../support/event-source.ts';
import {
  answerOf,
  basic,
  GATEWAY_REALM,
  type Gateway,
  SCRIPT,
  startGateway,
  WATCHER,
  WORKER,
} from '../support/gateway.ts';

interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Record<string, unknown> }>>>>;
  readonly components: { readonly schemas: Record<string, object> };
}

type Operation = keyof typeof STATUSES;

let gateway: Gateway;
let document: Document;

beforeAll(async () => {
  gateway = await startGateway({
    extra: 'limits: { handshakeTimeoutMs: 300, http: { streamsPerPrincipal: 2, requestsPerPrincipal: 2 } }',
  });
  const agent = await gateway.agent();
  const fail = (uri: string) => () => {
    throw new autobahn.Error(uri, ['no']);
  };
  await agent.session.register('com.a.fine', () => 1);
  for (const uri of [
    'com.shop.sold_out',
    'wamp.error.runtime_error',
    'wamp.error.canceled',
    'wamp.error.unavailable',
  ]) {
    await agent.session.register(`com.a.${uri}`, fail(uri));
  }
  await agent.session.register('com.a.never', () => new Promise(() => {}));
  document = (await (await fetch(`${gateway.api}/openapi.json`)).json()) as Document;
});

afterAll(() => gateway.stop());

it('is a valid document of OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(
    structuredClone<unknown>(document) as Record<string, unknown>,
  );
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(document.servers).toEqual([{ url: '/api' }]);
});

it('has every path, and no status that is not brought about below', () => {
  expect(Object.keys(document.paths)).toEqual([
    ...(Object.keys(STATUSES) as Operation[]).map((name) => `/realms/{realm}/${name}`),
    '/openapi.json',
  ]);
  for (const name of Object.keys(STATUSES) as Operation[]) {
    const said = Object.keys(operation(name).responses).map(Number);
    expect(said).toEqual([200, ...STATUSES[name]].sort((a, b) => a - b));
    for (const status of STATUSES[name]) expect(Object.keys(CASES)).toContain(String(status));
  }
});

const operation = (name: Operation) => {
  const found = document.paths[`/realms/{realm}/${name}`]?.[name === 'subscribe' ? 'get' : 'post'];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

const url = (name: Operation, query = 'topic=com.a', realm = 'realm1') =>
  `${gateway.api}/realms/${realm}/${name}${name === 'subscribe' ? `?${query}` : ''}`;

const init = (name: Operation, uri: string, headers: Record<string, string> = {}, options: object = {}): RequestInit =>
  name === 'subscribe'
    ? { headers: { Authorization: SCRIPT, ...headers } }
    : {
        method: 'POST',
        body: JSON.stringify({ uri, options }),
        headers: { Authorization: SCRIPT, 'Content-Type': 'application/json', ...headers },
      };

/** How each status comes about; a bare request where fetch would not do as it is told. */
const CASES: Readonly<Record<number, (name: Operation) => Promise<{ status: number; type: string; body: unknown }>>> = {
  400: (name) => asked(url(name, ''), init(name, 'not a uri')),
  401: (name) => asked(url(name), init(name, 'com.a', { Authorization: basic('script', 'wrong') })),
  403: (name) => asked(url(name, 'topic=net.a'), init(name, 'com.a', { Authorization: WATCHER })),
  404: (name) => asked(url(name, 'topic=com.a', 'elsewhere'), init(name, 'com.a')),
  405: (name) =>
    asked(url(name), { method: name === 'subscribe' ? 'DELETE' : 'GET', headers: { Authorization: SCRIPT } }),
  408: (name) => bare(name, 'Content-Type: application/json\r\nContent-Length: 9'),
  413: (name) => bare(name, 'Content-Type: application/json\r\nContent-Length: 999999999'),
  415: (name) => asked(url(name), init(name, 'com.a', { 'Content-Type': 'text/plain' })),
  421: (name) => bare(name, 'Content-Type: application/json', 'evil.example'),
  422: (name) => asked(url(name), init(name, 'com.a.com.shop.sold_out')),
  // As another principal than in the other cases: what was given up counts for a moment longer.
  429: async (name) => {
    const worker = { Authorization: WORKER };
    if (name === 'subscribe') {
      const sources = [await EventSource.open(url(name), worker), await EventSource.open(url(name), worker)];
      const answer = await asked(url(name), init(name, 'com.a', worker));
      for (const source of sources) source.destroy();
      return answer;
    }
    const stop = new AbortController();
    const busy = () =>
      fetch(url('call'), { ...init('call', 'com.a.never', worker), signal: stop.signal }).catch(() => {});
    const waiting = [busy(), busy()];
    let answer = await asked(url(name), init(name, 'com.a.fine', worker));
    // They may not have come yet.
    while (answer.status === 200) answer = await asked(url(name), init(name, 'com.a.fine', worker));
    stop.abort();
    await Promise.all(waiting);
    return answer;
  },
  500: (name) => asked(url(name), init(name, 'com.a.wamp.error.runtime_error')),
  502: (name) => asked(url(name), init(name, 'com.a.wamp.error.canceled')),
  503: async (name) => {
    gateway.router.writeRealm('realm1', `${GATEWAY_REALM}limits: { maxSessions: 1 }\n`);
    gateway.router.reload();
    const answer = await asked(url(name), init(name, 'com.a'));
    gateway.router.writeRealm('realm1', GATEWAY_REALM);
    gateway.router.reload();
    return answer;
  },
  504: (name) => asked(url(name), init(name, 'com.a.never', {}, { timeout: 1 })),
};

describe.each(Object.keys(STATUSES) as Operation[])('%s', (name) => {
  it('answers 200 as the document says', async () => {
    if (name === 'subscribe') {
      const source = await EventSource.open(url(name), { Authorization: SCRIPT });
      expect(source.headers['content-type']).toBe('text/event-stream');
      source.destroy();
      await source.ended;
      return;
    }
    const { status, type, body } = await asked(url(name), init(name, 'com.a.fine'));
    expect({ status, type }).toEqual({ status: 200, type: 'application/json' });
    schema(name === 'call' ? 'Result' : 'Publication').parse(body);
  });

  it.each(STATUSES[name].map((status) => [status]))(
    '%i comes about, as a problem of the form that the document says',
    async (status) => {
      const answer = await CASES[status]?.(name);
      expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { status } });
      schema('Problem').parse(answer?.body);
    },
  );
});

function schema(name: string): z.ZodType {
  const found = document.components.schemas[name];
  if (found === undefined) throw new Error(`no schema ${name}`);
  return z.fromJSONSchema(found as Parameters<typeof z.fromJSONSchema>[0]);
}

async function asked(to: string, how: RequestInit): Promise<{ status: number; type: string; body: unknown }> {
  const { status, headers, body } = await answerOf(await fetch(to, how));
  return { status, type: headers.get('content-type') ?? '', body };
}

/** A head without a body. */
function bare(
  name: Operation,
  more: string,
  host = 'localhost',
): Promise<{ status: number; type: string; body: unknown }> {
  return new Promise((resolve, reject) => {
    const socket = connect(gateway.router.port, '127.0.0.1');
    const { pathname, search } = new URL(url(name));
    const method = name === 'subscribe' ? 'GET' : 'POST';
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
      const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? '';
      if (body === '') reject(new Error(`no answer but ${JSON.stringify(text)}`));
      else resolve({ status, type: type.trim(), body: JSON.parse(body) });
    });
    socket.write(
      `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${SCRIPT}\r\n${more}\r\n\r\n`,
    );
  });
}
