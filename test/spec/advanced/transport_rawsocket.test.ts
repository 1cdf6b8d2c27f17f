/** Spec: "RawSocket Transport", through the whole router: what becomes of messages that are too long for one peer. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FRAME, RawSocketClient, type RawSocketOptions } from '../../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../../support/start-router.ts';

let router: RunningRouter;
beforeAll(async () => {
  router = await startRouter({ listeners: 'listeners: [{ tcp: 127.0.0.1:0, rawsocket: true }]' });
});
afterAll(() => router.stop());

const ROLES = {
  caller: { features: { progressive_call_results: true } },
  callee: { features: { progressive_call_results: true } },
  publisher: {},
  subscriber: {},
};
/** Takes 512 bytes. */
const TINY = { length: 0 };
/** Takes 16 MiB. */
const LARGE = { length: 15 };

const clients: Peer[] = [];
afterEach(async () => {
  for (const { client } of clients.splice(0)) client.destroy();
});

class Peer {
  readonly client: RawSocketClient;
  welcome: Record<string, unknown> = {};

  constructor(client: RawSocketClient) {
    this.client = client;
  }

  say(message: unknown): void {
    this.client.text(JSON.stringify(message));
  }

  async hear(): Promise<unknown[]> {
    return JSON.parse(await this.client.nextText()) as unknown[];
  }

  async ask(message: unknown): Promise<unknown[]> {
    this.say(message);
    return this.hear();
  }
}

async function join(options: RawSocketOptions): Promise<Peer> {
  const peer = new Peer(await RawSocketClient.open({ port: router.port }, options));
  clients.push(peer);
  const [type, , details] = await peer.ask([1, 'realm1', { roles: ROLES }]);
  expect(type).toBe(2);
  peer.welcome = details as Record<string, unknown>;
  return peer;
}

const long = 'x'.repeat(600);

describe('a peer that takes 512 bytes', () => {
  it('PITFALLS 86: is welcomed without features, where all of them would be too long; others hear them', async () => {
    const [tiny, large] = await Promise.all([join(TINY), join(LARGE)]);
    expect(tiny.welcome).toMatchObject({ realm: 'realm1', authrole: 'anybody', roles: { broker: {}, dealer: {} } });
    expect(large.welcome).toMatchObject({ roles: { broker: { features: { pattern_based_subscription: true } } } });
  });

  it('PITFALLS 86: lacks an EVENT that is too long, which is counted; the next one comes, and others get both', async () => {
    const [tiny, large, publisher] = await Promise.all([join(TINY), join(LARGE), join(LARGE)]);
    for (const peer of [tiny, large]) expect((await peer.ask([32, 1, {}, 'com.topic']))[0]).toBe(33);
    const dropped = () => router.server.metrics.droppedFor('peer_refused');
    const before = dropped();
    publisher.say([16, 1, {}, 'com.topic', [long]]);
    publisher.say([16, 2, {}, 'com.topic', ['short']]);
    expect((await large.hear())[4]).toEqual([long]);
    expect((await large.hear())[4]).toEqual(['short']);
    expect((await tiny.hear())[4]).toEqual(['short']);
    expect(dropped() - before).toBe(1);
  });

  it('PITFALLS 86: gets an ERROR for a RESULT that is too long', async () => {
    const [tiny, callee] = await Promise.all([join(TINY), join(LARGE)]);
    await callee.ask([64, 1, {}, 'com.long.result']);
    tiny.say([48, 1, {}, 'com.long.result']);
    const [, invocation] = await callee.hear();
    callee.say([70, invocation, {}, [long]]);
    expect((await tiny.hear()).slice(0, 5)).toEqual([8, 48, 1, {}, 'wamp.error.payload_size_exceeded']);
  });

  it('PITFALLS 86: gets an ERROR for a progressive RESULT that is too long, and the call ends', async () => {
    const [tiny, callee] = await Promise.all([join(TINY), join(LARGE)]);
    await callee.ask([64, 1, {}, 'com.long.progress']);
    tiny.say([48, 1, { receive_progress: true }, 'com.long.progress']);
    const [, invocation] = await callee.hear();
    callee.say([70, invocation, { progress: true }, ['first']]);
    callee.say([70, invocation, { progress: true }, [long]]);
    callee.say([70, invocation, {}, ['last']]);
    expect(await tiny.hear()).toEqual([50, 1, { progress: true }, ['first']]);
    expect((await tiny.hear()).slice(0, 5)).toEqual([8, 48, 1, {}, 'wamp.error.payload_size_exceeded']);
    expect((await callee.ask([64, 2, {}, 'com.still.there']))[0]).toBe(65);
    expect(tiny.client.frames).toHaveLength(3);
  });

  it('PITFALLS 86: gets an ERROR for an ERROR that is too long', async () => {
    const [tiny, callee] = await Promise.all([join(TINY), join(LARGE)]);
    await callee.ask([64, 1, {}, 'com.long.error']);
    tiny.say([48, 1, {}, 'com.long.error']);
    const [, invocation] = await callee.hear();
    callee.say([8, 68, invocation, {}, 'com.error', [long]]);
    expect(await tiny.hear()).toEqual([8, 48, 1, {}, 'wamp.error.payload_size_exceeded']);
  });

  it('PITFALLS 86: is not invoked with what is too long, and the caller is told', async () => {
    const [tiny, caller] = await Promise.all([join(TINY), join(LARGE)]);
    await tiny.ask([64, 1, {}, 'com.tiny']);
    const answer = await caller.ask([48, 1, {}, 'com.tiny', [long]]);
    expect(answer.slice(0, 5)).toEqual([8, 48, 1, {}, 'wamp.error.payload_size_exceeded']);
    caller.say([48, 2, {}, 'com.tiny', ['short']]);
    expect(await tiny.hear()).toMatchObject([68, 1, expect.any(Number), {}, ['short']]);
  });

  it('PITFALLS 86: a shared procedure passes it over for a callee that takes more', async () => {
    const [tiny, large, caller] = await Promise.all([join(TINY), join(LARGE), join(LARGE)]);
    for (const peer of [tiny, large]) await peer.ask([64, 1, { invoke: 'first' }, 'com.shared']);
    caller.say([48, 1, {}, 'com.shared', [long]]);
    const [type, invocation] = await large.hear();
    expect(type).toBe(68);
    large.say([70, invocation, {}, ['done']]);
    expect(await caller.hear()).toEqual([50, 1, {}, ['done']]);
  });

  it('PITFALLS 86: is told the URI of an ABORT alone, where its sentence is too long', async () => {
    const peer = new Peer(await RawSocketClient.open({ port: router.port }, TINY));
    clients.push(peer);
    const realm = `${'r'.repeat(200)}.${'s'.repeat(290)}`;
    expect(await peer.ask([1, realm, { roles: ROLES }])).toMatchObject([3, {}, 'wamp.error.no_such_realm']);
    await peer.client.gone();
  });
});

describe('a session over RawSocket', () => {
  it('PITFALLS 88: PING is answered before HELLO', async () => {
    const client = await RawSocketClient.open({ port: router.port });
    client.send(FRAME.ping, 'hello?');
    expect(await client.next()).toMatchObject({ type: FRAME.pong, payload: Buffer.from('hello?') });
    client.destroy();
  });

  it.each([
    ['wamp.error.protocol_violation', '[2,1,{}]'],
    ['wamp.error.protocol_violation', 'no json'],
    ['wamp.error.no_such_realm', '[1,"nowhere",{"roles":{"caller":{}}}]'],
  ])('is refused with ABORT %s, and the connection ends: %s', async (uri, message) => {
    const client = await RawSocketClient.open({ port: router.port });
    client.text(message);
    expect(JSON.parse(await client.nextText())).toMatchObject([3, {}, uri]);
    await client.gone();
  });

  it('PITFALLS 6: GOODBYE is answered, and the connection may carry another session', async () => {
    const peer = await join(LARGE);
    expect(await peer.ask([6, {}, 'wamp.close.normal'])).toEqual([6, {}, 'wamp.close.goodbye_and_out']);
    expect((await peer.ask([1, 'realm1', { roles: ROLES }]))[0]).toBe(2);
  });

  it('a start line says where it is', () => {
    expect(router.server.endpoints()).toEqual([{ url: `tcp://127.0.0.1:${router.port}`, protocol: 'rawsocket' }]);
  });
});

describe('rawsocket: true', () => {
  it('CONTRACT §3: opens no realm that no endpoint opens', async () => {
    const other = 'realm: other\nanonymous: { role: a }\nroles: { a: [{ uri: com., match: prefix, allow: [call] }] }\n';
    const narrow = await startRouter({
      realms: { realm1: other.replace('other', 'realm1'), other },
      listeners:
        'listeners: [{ tcp: 127.0.0.1:0, rawsocket: true, endpoints: [{ path: /ws, protocol: wamp, realms: [other] }] }]',
    });
    const peer = new Peer(await RawSocketClient.open({ port: narrow.port }));
    expect(await peer.ask([1, 'realm1', { roles: ROLES }])).toMatchObject([3, {}, 'wamp.error.no_such_realm']);
    const second = new Peer(await RawSocketClient.open({ port: narrow.port }));
    expect((await second.ask([1, 'other', { roles: ROLES }]))[0]).toBe(2);
    second.client.destroy();
    await narrow.stop();
  });
});
