import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { joinAgent } from '../support/autobahn-client.ts';
import { BubClient, envelope, PROCESSED } from '../support/bub-client.ts';
import { BUB_REALM, type BubRouter, startBubRouter } from '../support/bub-router.ts';

let router: BubRouter;
beforeEach(async () => {
  router = await startBubRouter();
});
afterEach(() => router.stop());

const join = (name: string, ...topics: string[]) => BubClient.join(router.v2, name, ...topics);
const nest = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

describe('Bub peers that misbehave', () => {
  it.each([
    ['no JSON', '{', -32700, null],
    ['nothing', '', -32700, null],
    ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), -32700, null],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, null],
    ['an empty batch', '[]', -32600, null],
    ['a scalar', '5', -32600, null],
    ['no method', '{"jsonrpc":"2.0","id":7}', -32600, 7],
    ['a method that is no string', '{"jsonrpc":"2.0","method":1,"params":"bar"}', -32600, null],
    ['another version', '{"jsonrpc":"1.0","id":"a","method":"ping"}', -32600, 'a'],
    ['params that are a scalar', '{"jsonrpc":"2.0","id":3,"method":"ping","params":"x"}', -32600, 3],
    ['a fraction as id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, null],
    ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, null],
    ['an unknown method', '{"jsonrpc":"2.0","id":9,"method":"rpc.discover"}', -32601, 9],
    ['params by position', '{"jsonrpc":"2.0","id":9,"method":"subscribe","params":["tg:*"]}', -32602, 9],
  ])('%s is answered and does not close the connection', async (_what, text, code, id) => {
    const peer = await join('tg:bad');
    peer.send(text);
    const answer = id === null ? await peer.stray() : await peer.stray();
    expect(answer).toMatchObject({ jsonrpc: '2.0', id, error: { code, data: null } });
    expect(Object.keys(answer).sort()).toEqual(['error', 'id', 'jsonrpc']);
    await peer.must('ping');
    peer.destroy();
  });

  it.each(['"0b5e3c3e-8f0e-4b0e-9c56-2f9f3f0f5f10"', '9007199254740993', 'null', '1e3', '"\\u0041"', '-5'])(
    'id %s is echoed as it came',
    async (id) => {
      const peer = await join('tg:ids');
      peer.send(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
      await peer.stray();
      expect(peer.frames.at(-1)).toContain(`"id":${id},`);
      peer.destroy();
    },
  );

  it('notifications are carried out and never answered, wrong ones neither', async () => {
    const [sender, peer] = [await join('tg:note'), await join('agent:note')];
    peer.send('{"jsonrpc":"2.0","method":"subscribe","params":{"topic":"agent:note"}}');
    await peer.must('ping');
    const params = { topic: 'agent:note', payload: envelope('tg_message') };
    sender.send(JSON.stringify({ jsonrpc: '2.0', method: 'sendMessage', params }));
    sender.send('{"jsonrpc":"2.0","method":"nonsense"}');
    sender.send('{"jsonrpc":"2.0","method":"subscribe","params":{}}');
    await peer.until(1);
    await sender.must('ping');
    expect([sender.strays, peer.strays]).toEqual([[], []]);
    for (const each of [sender, peer]) each.destroy();
  });

  it('a silent peer costs one timeout, is then sent to and not awaited, and awaited again when it answers', async () => {
    const [sender, peer] = [await join('tg:silent'), await join('agent:silent', 'agent:silent')];
    peer.onRequest = () => undefined;
    expect(await sender.publish('agent:silent', envelope('tg_message', { messageId: 's1' }))).toMatchObject({
      deliveredTo: 1,
    });
    expect(await sender.publish('agent:silent', envelope('tg_message', { messageId: 's2' }))).toMatchObject({
      deliveredTo: 1,
    });
    for (const id of ['s1', 's2']) expect(router.activity.of(id)[2]).toBe('process_finish agent:silent timeout');
    const [first] = await peer.until(2);
    peer.answer(first?.id, PROCESSED);
    await peer.must('ping');
    peer.onRequest = () => ({ ...PROCESSED, status: 'back' });
    await sender.publish('agent:silent', envelope('tg_message', { messageId: 's3' }));
    expect(router.activity.of('s3')[2]).toBe('process_finish agent:silent back');
    for (const each of [sender, peer]) each.destroy();
  });

  it('a peer that drops in the middle of a delivery is marked and holds up nobody', async () => {
    const [sender, drops, stays] = [
      await join('tg:drop'),
      await join('agent:drops', 'agent:d'),
      await join('agent:stays', 'agent:d'),
    ];
    drops.onRequest = () => {
      drops.destroy();
      return undefined;
    };
    expect(await sender.publish('agent:d', envelope('tg_message', { messageId: 'd1' }))).toMatchObject({
      deliveredTo: 2,
    });
    expect(router.activity.of('d1')).toContain('process_finish agent:drops error');
    for (const each of [sender, stays]) each.destroy();
  });

  it('a sender that drops leaves a whole trace', async () => {
    const [sender, peer] = [await join('tg:gone'), await join('agent:gone', 'agent:gone')];
    peer.onRequest = ({ id }) => {
      sender.destroy();
      void sender.ended.then(() => setTimeout(() => peer.answer(id, PROCESSED), 20));
      return undefined;
    };
    void sender.call('sendMessage', { topic: 'agent:gone', payload: envelope('tg_message', { messageId: 'g1' }) });
    await expect.poll(() => router.activity.of('g1').at(-1)).toBe('send_finish tg:gone ok');
    peer.destroy();
  });

  it('two connections of one clientId coexist: both are delivered to, the older one answers the ping and stays', async () => {
    const [sender, old] = [await join('tg:twin'), await join('agent:twin', 'agent:twin')];
    const young = await join('agent:twin', 'agent:twin');
    expect(await sender.publish('agent:twin', envelope('tg_message'))).toMatchObject({ deliveredTo: 2 });
    for (const each of [sender, old, young]) each.destroy();
  });

  it('an older connection of a clientId that does not answer the ping within 5 s is dropped', {
    timeout: 15_000,
  }, async () => {
    const old = await join('agent:twin', 'agent:twin');
    old.pause();
    const realm = [...router.server.router.realms][0];
    const young = await join('agent:twin', 'agent:twin');
    expect(realm?.sessions.size).toBe(2);
    await expect.poll(() => realm?.sessions.size, { timeout: 8000 }).toBe(1);
    await young.must('ping');
    for (const each of [old, young]) each.destroy();
  });

  it('peers that join and leave during a delivery change nothing for the others', async () => {
    const [sender, stays] = [await join('tg:churn'), await join('agent:stays', 'agent:churn')];
    const late: Promise<BubClient>[] = [];
    stays.onRequest = ({ id }) => {
      const other = join('agent:late', 'agent:churn');
      late.push(other);
      void other.then((peer) => {
        stays.answer(id, PROCESSED);
        return peer.destroy();
      });
      return undefined;
    };
    for (let i = 0; i < 10; i++)
      expect((await sender.publish('agent:churn', envelope('tg_message'))).accepted).toBe(true);
    for (const each of [sender, stays]) each.destroy();
  });

  it('1,000 pipelined messages are delivered in order, and all answered', async () => {
    const [sender, peer] = [await join('tg:pipe'), await join('agent:pipe', 'agent:pipe')];
    const sent = Array.from({ length: 1000 }, (_, n) =>
      sender.publish('agent:pipe', envelope('tg_message', { content: { n } })),
    );
    for (const result of await Promise.all(sent)) expect(result.deliveredTo).toBe(1);
    expect(peer.requests.map(({ params }) => (params.payload as { content: Dict }).content.n)).toEqual(
      sent.map((_, n) => n),
    );
    expect(router.activity.reserved).toBe(0);
    for (const each of [sender, peer]) each.destroy();
  });

  it('nesting: 190 levels go through, 500 are -32602, and a WAMP publication that deep skips the peer', async () => {
    const [sender, peer] = [await join('tg:deep'), await join('agent:deep', 'agent:deep')];
    // The message, its params, the payload and its content stand around.
    const content = (levels: number) => ({
      topic: 'agent:deep',
      payload: envelope('tg_message', { content: { deep: nest(levels - 4) } }),
    });
    expect(await sender.must('sendMessage', content(190))).toMatchObject({ deliveredTo: 1 });
    for (const levels of [191, 500]) expect((await sender.fails('sendMessage', content(levels))).code).toBe(-32602);
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'sendMessage', params: content(190) });
    expect((await sender.ask(1, text.replace(/"deep":[[\]]+/, `"deep":${deep}`))).error?.code).toBe(-32602);
    const wamp = await joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });
    await wamp.session.publish('agent:deep', [nest(230)], {}, { acknowledge: true });
    await wamp.session.publish('agent:deep', [], { after: true }, { acknowledge: true });
    expect(await peer.until(2)).toHaveLength(2);
    expect(router.activity.rows.some((row) => row.status === 'rejected' && row.actor === 'agent:deep')).toBe(true);
    await wamp.leave();
    for (const each of [sender, peer]) each.destroy();
  });

  it('no frame over 1 MiB reaches a peer: a sender of such is refused, one just below goes through', async () => {
    const [sender, peer] = [await join('tg:big'), await join('agent:big', 'agent:big')];
    const of = (bytes: number) => {
      const params = (fill: string) => ({
        topic: 'agent:big',
        payload: envelope('tg_message', { messageId: 'big', content: { fill } }),
      });
      const empty = JSON.stringify({
        jsonrpc: '2.0',
        id: '0b5e3c3e-8f0e-4b0e-9c56-2f9f3f0f5f10',
        method: 'sendMessage',
        params: params(''),
      });
      return params('x'.repeat(bytes - empty.length));
    };
    expect(await sender.must('sendMessage', of(1_048_576 - 64))).toMatchObject({ deliveredTo: 1 });
    expect((await sender.must('ping')).timestamp).toBeDefined();
    expect(peer.requests[0]?.text.length).toBeLessThanOrEqual(1_048_576);
    for (const each of [sender, peer]) each.destroy();
  });

  it('nothing is routed while the activity log has no room; answers and pings go on', async () => {
    const [sender, peer] = [await join('tg:full'), await join('agent:full', 'agent:full')];
    router.activity.full = true;
    const sent = [1, 2, 3].map((n) => sender.publish('agent:full', envelope('tg_message', { content: { n } })));
    const refused = sender.fails('sendMessage', { topic: 'agent:full', payload: {} });
    await sender.must('ping');
    expect([router.activity.held, peer.requests.length]).toEqual([1, 0]);
    router.activity.open();
    expect((await Promise.all(sent)).map((result) => result.deliveredTo)).toEqual([1, 1, 1]);
    expect((await refused).code).toBe(-32602);
    expect(peer.requests.map(({ params }) => (params.payload as { content: Dict }).content.n)).toEqual([1, 2, 3]);
    expect(router.activity.reserved).toBe(0);
    for (const each of [sender, peer]) each.destroy();
  });
});

describe('Bub sessions and the realm', () => {
  it('reload: a subscription that is no longer allowed ends, another role closes by 1012, a lost name by 1008', async () => {
    const [sender, peer, listener, lost] = [
      await join('tg:reload'),
      await join('agent:reload', 'agent:reload'),
      await join('listen-1'),
      await join('agent:lost'),
    ];
    const changed = BUB_REALM.replace('"secret:"', '"agent:reload"')
      .replace('"listen-*": listener', '"listen-*": anybody')
      .replace('["agent:planner"]', '["agent:planner", "agent:lost"]');
    router.writeRealm(
      'realm1',
      changed.replace('deny: [publish, subscribe, call, register]', 'deny: [subscribe, register]'),
    );
    router.reload();
    expect((await listener.ended).code).toBe(1012);
    expect((await lost.ended).code).toBe(1008);
    expect(await sender.publish('agent:reload', envelope('tg_message'))).toMatchObject({ deliveredTo: 0 });
    await peer.must('ping');
    for (const each of [sender, peer]) each.destroy();
  });

  it('a graceful stop closes by 1012, so that peers come back', async () => {
    const peer = await join('agent:stop');
    await router.stop();
    expect((await peer.ended).code).toBe(1012);
  });

  it.each([
    ['Basic', { authorization: `Basic ${Buffer.from('planner:a-ticket-of-the-planner').toString('base64')}` }, ''],
    ['Bearer with a header', { authorization: 'Bearer a-ticket-of-the-planner', 'x-waggle-authid': 'planner' }, ''],
    ['Bearer with a query', { authorization: 'Bearer a-ticket-of-the-planner' }, '?authid=planner'],
  ])('auth: ticket lets a principal in by %s, under a clientId it may take', async (_how, headers, query) => {
    const peer = await BubClient.connect(`${router.ticket}${query}`, headers);
    expect((await peer.fails('initialize', { clientId: 'agent:other' })).code).toBe(-32602);
    const [initialized, subscribed] = await Promise.all([
      peer.must('initialize', { clientId: 'agent:planner', clientInfo: null }),
      peer.must('subscribe', { topic: 'agent:planner' }),
    ]);
    expect([initialized.serverId, subscribed]).toEqual([expect.any(String), { success: true }]);
    peer.destroy();
  });

  it.each([
    {},
    { authorization: 'Bearer wrong', 'x-waggle-authid': 'planner' },
    { authorization: 'Basic !!' },
    { authorization: 'Bearer x', 'x-waggle-authid': 'nobody' },
  ])('auth: ticket refuses %j alike, and that is final: 1008', async (headers) => {
    const peer = await BubClient.connect(router.ticket, headers as Record<string, string>);
    expect(await peer.fails('initialize', { clientId: 'agent:planner' })).toEqual({
      code: -32602,
      message: 'Invalid params: authentication failed',
      data: null,
    });
    expect((await peer.ended).code).toBe(1008);
  });
});
