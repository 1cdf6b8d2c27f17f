/** Long-poll at its edges: wrong requests, clients that come twice, are silent, too slow or gone (PITFALLS 90). */
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPolled, post } from '../support/longpoll-client.ts';
import { LongPollServer } from '../support/longpoll-server.ts';

let server: LongPollServer;

beforeEach(async () => {
  server = await new LongPollServer(200).start();
});

afterEach(() => server.stop());

const text = async (answer: Promise<{ status: number; body: Buffer }>) => {
  const { status, body } = await answer;
  return `${status} ${body}`.trim();
};

describe('open (PITFALLS 90)', () => {
  it('answers with the protocol of the client’s order and an id that nobody can guess', async () => {
    const protocols = ['wamp.9', 'wamp.2.msgpack', 'wamp.2.json'];
    const { status, headers, body } = await post(`${server.url}/open`, JSON.stringify({ protocols }));
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    const answer = JSON.parse(body.toString()) as { protocol: string; transport: string };
    expect(answer).toEqual({ protocol: 'wamp.2.msgpack', transport: expect.stringMatching(/^[\w-]{32}$/) });
    expect(server.newest.link.info).toMatchObject({ transport: 'longpoll', subprotocol: 'wamp.2.msgpack' });
  });

  it.each([
    ['no protocol in common', '{"protocols":["wamp.1"]}', 'application/json', 400],
    ['nothing on offer', '{"protocols":[]}', 'application/json', 400],
    ['no list', '{"protocols":"wamp.2.json"}', 'application/json', 400],
    ['no JSON', '{', 'application/json', 400],
    ['null', 'null', 'application/json', 400],
    ['a form, which any page can send', 'protocols=wamp.2.json', 'application/x-www-form-urlencoded', 415],
    ['text', '{"protocols":["wamp.2.json"]}', 'text/plain', 415],
    ['a body of megabytes', ' '.repeat(100_000), 'application/json', 413],
  ])('%s is refused and opens nothing', async (_what, body, type, status) => {
    expect((await post(`${server.url}/open`, body, type)).status).toBe(status);
    expect(server.transport.connections).toBe(0);
  });

  it('a router that is full says 503', async () => {
    server.isFull = true;
    expect((await post(`${server.url}/open`, '{"protocols":["wamp.2.json"]}')).status).toBe(503);
  });

  it('a query is not looked at', async () => {
    const { status } = await post(`${server.url}/open?x=123`, '{"protocols":["wamp.2.json"]}');
    expect(status).toBe(200);
  });
});

describe('receive', () => {
  it('gives one message at a time, in order, at once where there is one', async () => {
    const url = await openPolled(server.url, 'wamp.2.json');
    for (const message of ['[1]', '[2]']) server.newest.link.write(Buffer.from(message), false, false);
    expect(await text(post(`${url}/receive`))).toBe('200 [1]');
    expect(await text(post(`${url}/receive?x=1`))).toBe('200 [2]');
    const waiting = post(`${url}/receive`);
    const { link } = server.newest;
    setImmediate(() => link.write(Buffer.from('[3]'), false, false));
    expect(await text(waiting)).toBe('200 [3]');
  });

  it('gives all there are where batches tell them apart', async () => {
    const url = await openPolled(server.url, 'wamp.2.json.batched');
    const { link } = server.newest;
    for (const message of ['[1]\x1e', '[2]\x1e', '[3]\x1e']) link.write(Buffer.from(message), false, false);
    expect(await text(post(`${url}/receive`))).toBe('200 [1]\x1e[2]\x1e[3]\x1e');
  });

  it('is answered 204 where there is nothing for a while, and the connection lives on', async () => {
    server.limits.keepAlive.pingMs = 40;
    const url = await openPolled(server.url, 'wamp.2.json');
    const headers = { Origin: 'https://app.example' };
    const empty = await post(`${url}/receive`, undefined, undefined, headers);
    expect(empty.status).toBe(204);
    expect(empty.headers['access-control-allow-origin']).toBe('https://app.example');
    expect(empty.headers['access-control-allow-credentials']).toBe('true');
    server.newest.link.write(Buffer.from('[1]'), false, false);
    expect(await text(post(`${url}/receive`))).toBe('200 [1]');
  });

  it('a second one beside the first is 400, and the first is not disturbed', async () => {
    const url = await openPolled(server.url, 'wamp.2.json');
    const first = post(`${url}/receive`);
    // Whichever comes second is refused.
    const second = post(`${url}/receive`);
    expect((await Promise.race([first, second])).status).toBe(400);
    server.newest.link.write(Buffer.from('[1]'), false, false);
    const statuses = (await Promise.all([first, second])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 400]);
  });

  it('one that its client gave up costs no message', async () => {
    server.limits.keepAlive.pingMs = 40;
    const url = await openPolled(server.url, 'wamp.2.json');
    const given = request(`${url}/receive`, { method: 'POST' });
    given.on('error', () => {});
    given.end();
    await once(given, 'finish');
    given.destroy();
    let answer = await post(`${url}/receive`);
    // As long as the listener has not noticed.
    while (answer.status === 400) answer = await post(`${url}/receive`);
    expect(answer.status).toBe(204);
    server.newest.link.write(Buffer.from('[1]'), false, false);
    expect(await text(post(`${url}/receive`))).toBe('200 [1]');
  });

  it('an unknown connection, and one that is closed, is 404', async () => {
    expect((await post(`${server.url}/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/receive`)).status).toBe(404);
    const url = await openPolled(server.url, 'wamp.2.json');
    expect((await post(`${url}/close`)).status).toBe(202);
    for (const operation of ['receive', 'send', 'close']) expect((await post(`${url}/${operation}`)).status).toBe(404);
    expect(await server.newest.end()).toMatchObject({ cause: 'peer', code: 1000 });
  });

  it('one under way learns that the connection ends: 404, or 503 where it should come back', async () => {
    for (const [how, status] of [
      ['normal', 404],
      ['restart', 503],
    ] as const) {
      const url = await openPolled(server.url, 'wamp.2.json');
      const waiting = post(`${url}/receive`);
      const { link } = server.newest;
      link.write(Buffer.from('[6]'), false, false);
      expect(await text(waiting)).toBe('200 [6]');
      const last = post(`${url}/receive`);
      // Whichever came second is refused, so the other has come.
      const other = post(`${url}/receive`);
      expect((await Promise.race([last, other])).status).toBe(400);
      link.close(how, 'enough');
      const texts = await Promise.all([text(last), text(other)]);
      expect(texts.sort().at(-1)).toBe(`${status} the connection is closed: enough`);
    }
  });
});

describe('send', () => {
  it('hands on what came, byte for byte, and answers 202 with nothing', async () => {
    const url = await openPolled(server.url, 'wamp.2.msgpack');
    const bytes = Buffer.from([0x93, 0x01, 0xff, 0x00]);
    expect(await text(post(`${url}/send`, bytes, 'application/octet-stream'))).toBe('202');
    expect(server.newest.messages).toEqual([{ bytes, binary: true }]);
  });

  it('a message that is too long is 413, and ends the connection', async () => {
    server.limits.maxMessageBytes = 1000;
    const url = await openPolled(server.url, 'wamp.2.json');
    expect((await post(`${url}/send`, 'x'.repeat(2000))).status).toBe(413);
    await server.newest.end();
    expect((await post(`${url}/receive`)).status).toBe(404);
  });

  it('who sends while the owner does not read waits; more than 64 requests are 429', async () => {
    const url = await openPolled(server.url, 'wamp.2.json');
    const owner = server.newest;
    owner.link.pause();
    const sent = Array.from({ length: 70 }, () => post(`${url}/send`, '[1]'));
    expect((await Promise.race(sent)).status).toBe(429);
    owner.link.resume();
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 202).length).toBe(owner.messages.length);
    expect(statuses.filter((status) => status === 429).length).toBe(70 - owner.messages.length);
  });
});

describe('ends', () => {
  it('who is silent is removed like a dropped socket', async () => {
    Object.assign(server.limits.keepAlive, { pingMs: 20, timeoutMs: 20 });
    const url = await openPolled(server.url, 'wamp.2.json');
    expect(await server.newest.end()).toMatchObject({ cause: 'deadPeer' });
    expect(server.transport.deadPeers).toBe(1);
    expect(server.transport.connections).toBe(0);
    expect((await post(`${url}/receive`)).status).toBe(404);
  });

  it('who does not fetch is cut, and nothing is kept of what waited (PITFALLS 81)', async () => {
    server.limits.outboxBytes = 10_000;
    await openPolled(server.url, 'wamp.2.json');
    const { link } = server.newest;
    while (link.write(Buffer.alloc(1000), false, true));
    expect(await server.newest.end()).toMatchObject({ cause: 'slowPeer' });
    expect(server.pool.totalBytes).toBe(0);
    expect(server.events).toMatchObject([{ kind: 'slowPeer' }]);
  });

  it('what is queued at the end can still be fetched, for a while', async () => {
    const url = await openPolled(server.url, 'wamp.2.json');
    const { link } = server.newest;
    link.write(Buffer.from('[3,{},"wamp.close.normal"]'), false, false);
    link.close('normal');
    expect(await text(post(`${url}/receive`))).toBe('200 [3,{},"wamp.close.normal"]');
    expect(await server.newest.end()).toMatchObject({ cause: 'owner' });
    await openPolled(server.url, 'wamp.2.json');
    server.newest.link.write(Buffer.from('[6]'), false, false);
    server.newest.link.close('normal');
    expect(await server.newest.end()).toMatchObject({ cause: 'owner' });
    expect(server.transport.connections).toBe(0);
  });
});

it('other methods and paths are refused, pages of listed origins are let in (CORS)', async () => {
  expect((await fetch(`${server.url}/open`)).status).toBe(405);
  expect((await post(`${server.url}/x/y/z`)).status).toBe(404);
  const leave = (origin: string) => fetch(`${server.url}/open`, { method: 'OPTIONS', headers: { Origin: origin } });
  const allowed = await leave('https://app.example');
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
  expect((await leave('https://evil.example')).status).toBe(403);
});
