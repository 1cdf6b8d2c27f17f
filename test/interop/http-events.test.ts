/** Topics by HTTP: server-sent events, as `curl` and pages read them (BRIDGES §3). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { EventSource } from '../support/event-source.ts';
import { answerOf, GATEWAY_REALM, type Gateway, SCRIPT, SECRETS, startGateway, WATCHER } from '../support/gateway.ts';
import { RawClient } from '../support/raw-client.ts';

let gateway: Gateway;
const sources: EventSource[] = [];

beforeEach(async () => {
  gateway = await startGateway({ extra: 'limits: { http: { streamsPerPrincipal: 3 } }' });
});

afterEach(async () => {
  for (const source of sources.splice(0)) source.destroy();
  await gateway.stop();
});

async function open(query: string, token = WATCHER, from = gateway): Promise<EventSource> {
  const source = await EventSource.open(`${from.api}/realms/realm1/subscribe?${query}`, { Authorization: token });
  sources.push(source);
  return source;
}

/** Open, and past the event that says so. */
async function watching(query: string, token = WATCHER, from = gateway): Promise<EventSource> {
  const source = await open(query, token, from);
  expect(await source.next()).toMatchObject({ name: 'subscribed' });
  return source;
}

const refused = async (query: string, token = WATCHER) =>
  answerOf(await fetch(`${gateway.api}/realms/realm1/subscribe?${query}`, { headers: { Authorization: token } }));

async function raw(who: keyof typeof SECRETS = 'WORKER', from = gateway): Promise<RawClient> {
  const client = await RawClient.connect(from.router.url);
  return client.join('realm1', { authid: who.toLowerCase(), authmethods: ['ticket'], ticket: SECRETS[who] });
}

describe('GET subscribe', () => {
  it('says that the topic is subscribed, then gives each event with its publication as id', async () => {
    const source = await open('topic=com.named.&match=prefix');
    expect(source.headers['content-type']).toBe('text/event-stream');
    expect(source.headers['cache-control']).toBe('no-store');
    expect(await source.next()).toMatchObject({
      name: 'subscribed',
      data: { topic: 'com.named.', match: 'prefix', subscription: expect.any(Number) },
    });
    const { body } = await gateway.publish({ uri: 'com.named.a', args: [1, 'zwei'], kwargs: { b: [true] } });
    expect(await source.next()).toEqual({
      name: 'message',
      id: String(body.publication),
      data: {
        topic: 'com.named.a',
        publication: body.publication,
        args: [1, 'zwei'],
        kwargs: { b: [true] },
        details: expect.objectContaining({ topic: 'com.named.a', publisher_authid: 'script' }),
      },
    });
    await gateway.publish({ uri: 'com.named.b' });
    expect((await source.next()).data).toMatchObject({ topic: 'com.named.b', args: [], kwargs: {} });
  });

  it('numbers keep their digits, and line breaks between the parts of a payload do not break the stream', async () => {
    const source = await watching('topic=com.a');
    await gateway.publish('{"uri":"com.a","args":[\n12345678901234567890,\r\n"x\\ny"\r],"kwargs":{\n}}');
    const { data } = await source.next();
    expect(source.text).toContain('12345678901234567890');
    expect((data.args as unknown[])[1]).toBe('x\ny');
    await gateway.publish({ uri: 'com.a', args: ['\n\nevent: end\ndata: {}\n\n'] });
    expect(await source.next()).toMatchObject({ name: 'message', data: { args: ['\n\nevent: end\ndata: {}\n\n'] } });
  });

  it('retained events come first, where they are asked for', async () => {
    await gateway.publish({ uri: 'com.a', args: ['kept'], options: { retain: true } });
    const source = await watching('topic=com.a&get_retained=true');
    expect(await source.next()).toMatchObject({ data: { args: ['kept'], details: { retained: true } } });
    const without = await watching('topic=com.a');
    await gateway.publish({ uri: 'com.a', args: ['new'] });
    expect(await without.next()).toMatchObject({ data: { args: ['new'] } });
  });

  it('retained events of many topics come as fast as their client reads, and cost it nothing where that is slow', async () => {
    const small = await startGateway({ extra: 'limits: { outboxBytes: 1048576 }' });
    const text = 'x'.repeat(200_000);
    for (let i = 0; i < 40; i++) {
      await small.publish({ uri: `com.topic${i}`, args: [text], options: { retain: true } });
    }
    const source = await watching('topic=com.&match=prefix&get_retained=true', WATCHER, small);
    const topics = new Set<unknown>();
    while (topics.size < 40) topics.add((await source.next()).data.topic);
    expect(small.router.log()).not.toContain('a peer that does not read');
    await small.stop();
  });

  it.each([
    ['topic=net.a', WATCHER, 403, 'wamp.error.not_authorized'],
    ['topic=com.&match=wildcard', 'Basic eDp5', 401, 'wamp.error.authentication_denied'],
    ['topic=com..x%20y', SCRIPT, 400, 'wamp.error.invalid_uri'],
    ['topic=com.a&match=glob', SCRIPT, 400, 'wamp.error.invalid_argument'],
    ['topic=com.a&mach=prefix', SCRIPT, 400, 'wamp.error.invalid_argument'],
    ['topic=com.a&get_retained=yes', SCRIPT, 400, 'wamp.error.invalid_argument'],
    ['', SCRIPT, 400, 'wamp.error.invalid_argument'],
  ])('%s is refused with a status, before any event', async (query, token, status, type) => {
    expect(await refused(query, token)).toMatchObject({ status, body: { type } });
  });

  it('a principal has so many streams at the same time and no more', async () => {
    const first = await watching('topic=com.a');
    await watching('topic=com.a');
    await watching('topic=com.a');
    const answer = await refused('topic=com.a');
    expect(answer).toMatchObject({ status: 429, body: { type: 'waggle.error.limit_exceeded' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    await watching('topic=com.a', SCRIPT);
    const observer = await raw('SCRIPT');
    await observer.subscribe('wamp.session.on_leave');
    first.destroy();
    await observer.expect(MessageType.EVENT);
    await watching('topic=com.a');
    observer.close();
  });
});

describe('a stream ends with an event that says why', () => {
  it('when a reload takes the topic away', async () => {
    const source = await watching('topic=com.a');
    gateway.router.writeRealm('realm1', GATEWAY_REALM.replace('uri: com., match', 'uri: net., match'));
    gateway.router.reload();
    expect(await source.next()).toMatchObject({ name: 'end', data: { reason: 'wamp.error.not_authorized' } });
    await source.ended;
  });

  it('when its session is killed', async () => {
    const source = await watching('topic=com.a');
    const admin = await raw();
    admin.call('wamp.session.kill_by_authid', {}, ['watcher'], { reason: 'com.a.out', message: 'not today' });
    expect(await source.next()).toEqual({
      name: 'end',
      id: undefined,
      data: { reason: 'com.a.out', message: 'not today' },
    });
    await source.ended;
    admin.close();
  });

  it('when its credential is removed', async () => {
    const source = await watching('topic=com.a');
    gateway.router.writeRealm('realm1', GATEWAY_REALM.replace(/ {2}watcher: \{.*\n/, ''));
    gateway.router.reload();
    expect(await source.next()).toMatchObject({ name: 'end', data: { reason: 'wamp.close.killed' } });
    await source.ended;
  });

  it('when the router stops', async () => {
    const stopping = await startGateway();
    const source = await watching('topic=com.a', WATCHER, stopping);
    await stopping.router.stop();
    expect(await source.next()).toMatchObject({ name: 'end', data: { reason: 'wamp.close.system_shutdown' } });
    await source.ended;
  });
});

describe('clients of streams that are slow or gone', () => {
  it('who goes away is forgotten', async () => {
    const source = await watching('topic=com.a');
    const observer = await raw();
    await observer.subscribe('wamp.session.on_leave');
    source.destroy();
    await observer.expect(MessageType.EVENT);
    observer.call('wamp.session.count');
    expect((await observer.expect(MessageType.RESULT)).args).toEqual([1]);
    observer.close();
  });

  it('who does not read is cut, and others notice nothing; what waits is bounded (PITFALLS 81)', async () => {
    const small = await startGateway({ extra: 'limits: { outboxBytes: 65536 }' });
    const slow = await watching('topic=com.a', WATCHER, small);
    const healthy = await watching('topic=com.a', SCRIPT, small);
    slow.pause();
    const observer = await raw('WORKER', small);
    await observer.subscribe('wamp.session.on_leave');
    const text = 'x'.repeat(60_000);
    let isCut = false;
    const cut = observer.expect(MessageType.EVENT).then(() => {
      isCut = true;
    });
    const publisher = await raw('WORKER', small);
    for (let i = 0; !isCut; i++) {
      publisher.publish('com.a', { acknowledge: true }, [i, text]);
      await publisher.expect(MessageType.PUBLISHED);
      expect((await healthy.next()).data.args).toEqual([i, text]);
    }
    await cut;
    expect(small.router.log()).toContain('a peer that does not read was disconnected');
    publisher.close();
    observer.close();
    await small.stop();
  });

  it('a silent topic is kept alive by comments, which clients skip', async () => {
    const lively = await startGateway({ extra: 'limits: { keepAlive: { pingMs: 20, timeoutMs: 1000 } }' });
    const source = await watching('topic=com.a', WATCHER, lively);
    await source.until(': the router is alive\n\n: the router is alive\n\n');
    await lively.publish({ uri: 'com.a' });
    expect(await source.next()).toMatchObject({ name: 'message' });
    await lively.stop();
  });
});
