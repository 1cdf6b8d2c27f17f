/** Calls and publications over HTTP, beside real autobahn agents (BRIDGES §3). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { type Agent, autobahn, type InvocationFacts } from '../support/autobahn-client.ts';
import { answerOf, basic, type Gateway, SCRIPT, SECRETS, startGateway, WATCHER } from '../support/gateway.ts';
import { RawClient } from '../support/raw-client.ts';

let gateway: Gateway;
let agent: Agent;

beforeAll(async () => {
  gateway = await startGateway();
  agent = await gateway.agent();
});

afterAll(() => gateway.stop());

describe('POST call', () => {
  it('gives args and kwargs of the result', async () => {
    await agent.session.register('com.a.echo', (args, kwargs) => new autobahn.Result(args, kwargs));
    const { status, headers, body } = await gateway.call({
      uri: 'com.a.echo',
      args: [1, 'zwei'],
      kwargs: { c: [true] },
    });
    expect({ status, body }).toEqual({ status: 200, body: { args: [1, 'zwei'], kwargs: { c: [true] } } });
    expect(headers.get('content-type')).toBe('application/json');
    expect((await gateway.call({ uri: 'com.a.echo' })).body).toEqual({ args: [], kwargs: {} });
    expect((await gateway.call({ kwargs: { only: 1 }, uri: 'com.a.echo' })).body).toEqual({
      args: [],
      kwargs: { only: 1 },
    });
  });

  it('numbers keep all their digits on both ways, and binary is U+0000 and base64 (PITFALLS 71, 74)', async () => {
    const callee = await rawAgent();
    await callee.register('com.a.exact');
    const body = '{"uri":"com.a.exact","kwargs":{"b":"\\u0000AAEC"},"args":[123456789012345678901234567890, 1.10]}';
    const answered = gateway.call(body);
    const { request } = await callee.expect(MessageType.INVOCATION);
    expect(callee.bytes.at(-1)?.toString()).toMatch(
      /\[123456789012345678901234567890, 1\.10\],\{"b":"\\u0000AAEC"\}\]$/,
    );
    callee.sendBytes(`[70,${request},{},[98765432109876543210],{"x":"\\u0000AAEC"}]`);
    expect((await answered).text).toBe('{"args":[98765432109876543210],"kwargs":{"x":"\\u0000AAEC"}}');
    callee.close();
  });

  it('an error of the callee is a problem with its URI, args and kwargs', async () => {
    await agent.session.register('com.a.fail', () => {
      throw new autobahn.Error('com.shop.sold_out', ['nothing left', 7], { until: 'May' });
    });
    const { status, headers, body } = await gateway.call({ uri: 'com.a.fail' });
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect({ status, body }).toEqual({
      status: 422,
      body: {
        type: 'com.shop.sold_out',
        title: 'Unprocessable Entity',
        status: 422,
        detail: 'nothing left',
        args: ['nothing left', 7],
        kwargs: { until: 'May' },
      },
    });
  });

  it('options are those of CALL: a timeout ends in 504, and the callee is interrupted', async () => {
    const callee = await rawAgent();
    await callee.register('com.a.slow');
    const answered = gateway.call({ uri: 'com.a.slow', options: { timeout: 20 } });
    await callee.expect(MessageType.INVOCATION);
    await callee.expect(MessageType.INTERRUPT);
    const { status, body } = await answered;
    expect({ status, type: body.type }).toEqual({ status: 504, type: 'wamp.error.timeout' });
    callee.close();
  });

  it('the callee hears who calls where the rules or the caller say so', async () => {
    let heard: InvocationFacts | undefined;
    const endpoint = (_args: readonly unknown[], _kwargs: unknown, facts: InvocationFacts) => {
      heard = facts;
      return 1;
    };
    await agent.session.register('com.named.who', endpoint);
    await agent.session.register('com.a.who', endpoint);
    await gateway.call({ uri: 'com.named.who' });
    expect(heard).toMatchObject({ caller_authid: 'script', caller_authrole: 'agent' });
    await gateway.call({ uri: 'com.a.who' });
    expect(heard?.caller_authid).toBeUndefined();
  });

  it.each([
    ['wamp.error.no_such_procedure', 404, { uri: 'com.a.nobody' }, SCRIPT],
    ['wamp.error.not_authorized', 403, { uri: 'com.a.echo' }, WATCHER],
    ['wamp.error.invalid_uri', 400, { uri: 'com..x y' }, SCRIPT],
    ['wamp.error.invalid_argument', 400, { uri: 'com.a.echo', args: {} }, SCRIPT],
    ['wamp.error.invalid_argument', 400, { uri: 'com.a.echo', kwargs: [] }, SCRIPT],
    ['wamp.error.invalid_argument', 400, { uri: 'com.a.echo', arguments: [] }, SCRIPT],
    ['wamp.error.invalid_argument', 400, { args: [] }, SCRIPT],
    ['wamp.error.invalid_argument', 400, [], SCRIPT],
    ['wamp.error.invalid_argument', 400, '{"uri":', SCRIPT],
    ['wamp.error.invalid_argument', 400, '', SCRIPT],
    ['wamp.error.invalid_argument', 400, { uri: 'com.a.echo', options: { timeout: 'soon' } }, SCRIPT],
    ['wamp.error.option_not_allowed', 400, { uri: 'com.a.echo', options: { progress: true } }, SCRIPT],
    ['wamp.error.protocol_violation', 400, { uri: 'com.a.echo', options: { ppt_scheme: 'wamp' } }, SCRIPT],
    ['wamp.error.authentication_denied', 401, { uri: 'com.a.echo' }, basic('script', 'wrong')],
    ['wamp.error.authentication_denied', 401, { uri: 'com.a.echo' }, basic('nobody', 'wrong')],
    ['wamp.error.authentication_denied', 401, { uri: 'com.a.echo' }, 'Digest x'],
  ])('%s is %i', async (type, status, body, token) => {
    const answer = await gateway.call(body, { headers: { Authorization: token } });
    expect(answer.body).toMatchObject({ type, status });
    expect(answer.status).toBe(status);
    expect(answer.body.detail).not.toBe('');
  });

  it('all failures of authentication look alike', async () => {
    const texts = await Promise.all(
      [basic('script', 'wrong'), basic('nobody', 'wrong'), 'Basic !!', 'Bearer x'].map(
        async (token) => (await gateway.call({ uri: 'com.a.echo' }, { headers: { Authorization: token } })).text,
      ),
    );
    expect(new Set(texts).size).toBe(1);
  });
});

describe('tokens (BRIDGES, intro)', () => {
  const body = JSON.stringify({ uri: 'com.a.tokens' });
  const post = async (url: string, headers: Record<string, string>) =>
    answerOf(await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } }));

  it('Basic, Bearer with X-Waggle-Authid, and Bearer with ?authid= are one', async () => {
    await agent.session.register('com.a.tokens', () => 'in');
    const url = `${gateway.api}/realms/realm1/call`;
    const bearer = `Bearer ${SECRETS.SCRIPT}`;
    const answers = await Promise.all([
      post(url, { Authorization: SCRIPT }),
      post(url, { Authorization: bearer, 'X-Waggle-Authid': 'script' }),
      post(`${url}?authid=script`, { Authorization: bearer }),
    ]);
    expect(answers.map(({ text }) => text)).toEqual(Array(3).fill('{"args":["in"],"kwargs":{}}'));
    expect(await post(url, { Authorization: bearer })).toMatchObject({ status: 401 });
  });

  it('who shows none is anybody, where the realm lets anybody in', async () => {
    await agent.session.register('com.open.hello', () => 'hello');
    const url = `${gateway.api}/realms/realm1/call`;
    const open = await answerOf(
      await fetch(url, {
        method: 'POST',
        body: JSON.stringify({ uri: 'com.open.hello' }),
        headers: { 'Content-Type': 'application/json' },
      }),
    );
    expect(open.body).toEqual({ args: ['hello'], kwargs: {} });
    expect(await post(url, {})).toMatchObject({ status: 403 });
  });

  it('where it does not, 401 says what is needed', async () => {
    const closed = await startGateway({
      realms: { closed: 'realm: closed\nprincipals: { a: { role: r, ticket: { env: A } } }\nroles: { r: [] }\n' },
      env: { A: 'secret-a' },
    });
    const answer = await post(`${closed.api}/realms/closed/call`, {});
    expect(answer).toMatchObject({ status: 401, body: { type: 'wamp.error.authentication_required' } });
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="closed", charset="UTF-8"');
    expect(await post(`${closed.api}/realms/other/call`, {})).toMatchObject({
      status: 404,
      body: { type: 'wamp.error.no_such_realm' },
    });
    await closed.stop();
  });
});

describe('POST publish', () => {
  it('is always acknowledged, and reaches subscribers with what it carries', async () => {
    const heard = new Promise<unknown[]>((resolve) => {
      agent.session.subscribe('com.named.topic', (args, kwargs, details) => {
        resolve([args, kwargs, details.publication, details.publisher_authid]);
      });
    });
    await agent.session.call('wamp.session.count');
    const { status, body } = await gateway.publish({ uri: 'com.named.topic', args: [1], kwargs: { b: 2 } });
    expect(status).toBe(200);
    expect(await heard).toEqual([[1], { b: 2 }, body.publication, 'script']);
  });

  it('a refusal is never silent, even where the publisher asks for no acknowledgement (PITFALLS 33)', async () => {
    const answer = await gateway.publish(
      { uri: 'com.a.x', options: { acknowledge: false } },
      { headers: { Authorization: WATCHER } },
    );
    expect(answer).toMatchObject({ status: 403, body: { type: 'wamp.error.not_authorized' } });
  });

  it('options are those of PUBLISH', async () => {
    const heard: unknown[] = [];
    await agent.session.subscribe('com.a.lists', (args) => heard.push(args[0]));
    await gateway.publish({ uri: 'com.a.lists', args: ['not for you'], options: { exclude_authid: ['script'] } });
    await gateway.publish({ uri: 'com.a.lists', args: ['for you'], options: { eligible_authid: ['script'] } });
    await agent.session.call('wamp.session.count');
    expect(heard).toEqual(['for you']);
  });
});

describe('sessions', () => {
  it('each request is a session of its own, seen like any other and gone with the answer', async () => {
    let transport: unknown;
    await agent.session.register('com.a.inside', async () => {
      const ids = (await agent.session.call('wamp.session.list')) as number[];
      const details = await Promise.all(ids.map((id) => agent.session.call('wamp.session.get', [id])));
      transport = (details as { transport: { type: string } }[]).find(({ transport: { type } }) => type === 'http');
      return ids.length;
    });
    const before = (await agent.session.call('wamp.session.count')) as number;
    expect((await gateway.call({ uri: 'com.a.inside' })).body.args).toEqual([before + 1]);
    expect(transport).toMatchObject({ authid: 'script', authmethod: 'ticket', transport: { type: 'http' } });
    expect(await agent.session.call('wamp.session.count')).toBe(before);
  });
});

describe('paths', () => {
  it.each([
    ['GET', '/realms/realm1/call', 405],
    ['POST', '/realms/realm1/other', 404],
    ['POST', '/realms/realm1/call/x', 404],
    ['POST', '/realms/%zz/call', 404],
    ['POST', '/realms/realm%31/call', 400],
    ['GET', '', 404],
    ['GET', '/', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const headers = { 'Content-Type': 'application/json', Authorization: SCRIPT };
    const answer = await answerOf(await fetch(`${gateway.api}${path}`, { method, headers }));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    if (status === 405) expect(answer.headers.get('allow')).toContain('POST');
  });
});

async function rawAgent(): Promise<RawClient> {
  const client = await RawClient.connect(gateway.router.url);
  return client.join('realm1', { authid: 'script', authmethods: ['ticket'], ticket: SECRETS.SCRIPT });
}
