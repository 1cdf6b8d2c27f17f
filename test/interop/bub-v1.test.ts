import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, Inbox, joinAgent } from '../support/autobahn-client.ts';
import { BubClient, envelope, PROCESSED } from '../support/bub-client.ts';
import { type BubRouter, startBubRouter } from '../support/bub-router.ts';

let router: BubRouter;
beforeAll(async () => {
  router = await startBubRouter();
});
afterAll(() => router.stop());

const GO_ON: Dict = { success: true, stopPropagation: false };
const STOP: Dict = { success: true, stopPropagation: true };

async function join(name: string, ...topics: string[]): Promise<BubClient> {
  const peer = await BubClient.join(router.v1, name, ...topics);
  peer.onRequest = () => GO_ON;
  return peer;
}
const agent = (): Promise<Agent> => joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });

describe('bub-v1: connection lifecycle', () => {
  it('initialize is answered with the capabilities of the document', async () => {
    const peer = await BubClient.connect(router.v1);
    expect(await peer.fails('ping')).toMatchObject({ code: -32001, message: 'Not initialized' });
    expect(
      (await peer.must('initialize', { clientId: 'agent-1', clientInfo: { name: 'bub', version: '0.2.0' } }))
        .capabilities,
    ).toEqual({
      subscribe: true,
      publish: true,
      topics: ['inbound:*', 'outbound:*', 'agent:*'],
    });
    expect(await peer.fails('initialize', { clientId: 'agent-1' })).toMatchObject({
      code: -32001,
      message: 'Already initialized',
    });
    peer.destroy();
  });

  it('-32002: client info that is none, and names this peer may not have', async () => {
    const peer = await BubClient.connect(router.v1);
    for (const params of [
      {},
      { clientId: '' },
      { clientId: 'agent-1', clientInfo: 1 },
      { clientId: 'planner' },
      { clientId: '?' },
    ]) {
      expect((await peer.fails('initialize', params)).code).toBe(-32002);
    }
    peer.destroy();
  });

  it('-32003 already subscribed, -32004 not subscribed, -32601 for what only v2 has, -32602 without topic', async () => {
    const peer = await join('peer-codes', 'inbound:a');
    expect((await peer.fails('subscribe', { topic: 'inbound:a' })).code).toBe(-32003);
    expect((await peer.fails('unsubscribe', { topic: 'inbound:b' })).code).toBe(-32004);
    expect((await peer.fails('processMessage', {})).code).toBe(-32601);
    expect((await peer.fails('subscribe', {})).code).toBe(-32602);
    expect(await peer.must('unsubscribe', { topic: 'inbound:a' })).toEqual({ success: true });
    peer.destroy();
  });
});

describe('bub-v1: topic patterns', () => {
  it.each([
    ['inbound:p1', 'inbound:p1', 'inbound:p11'],
    ['inbound:p2*', 'inbound:p22', 'inbound:x'],
    ['inbound:p3-', 'inbound:p3-1', 'inbound:p3'],
    ['p4:', 'p4:anything', 'p4'],
    ['*:p5-?', 'x:p5-1', 'x:p5-11'],
  ])('%s matches %s, not %s', async (pattern, topic, other) => {
    const [sender, peer] = [await join('peer-s'), await join('listen-p')];
    if (pattern.startsWith('*')) {
      expect((await sender.fails('subscribe', { topic: pattern })).code).toBe(-32602);
    }
    await peer.must('subscribe', { topic: pattern });
    await sender.publish(other, { text: 'no' });
    await sender.publish(topic, { text: 'yes' });
    expect(peer.requests.map(({ params }) => params.payload)).toEqual([{ text: 'yes' }]);
    for (const each of [sender, peer]) each.destroy();
  });

  it('two texts that mean the same are one subscription, delivered once, gone with the second', async () => {
    const [sender, peer] = [await join('peer-two'), await join('peer-same', 'inbound:same-', 'inbound:same-*')];
    await sender.publish('inbound:same-1', { n: 1 });
    await peer.must('unsubscribe', { topic: 'inbound:same-' });
    await sender.publish('inbound:same-1', { n: 2 });
    await peer.must('unsubscribe', { topic: 'inbound:same-*' });
    await sender.publish('inbound:same-1', { n: 3 });
    expect(peer.requests.map(({ params }) => params.payload)).toEqual([{ n: 1 }, { n: 2 }]);
    for (const each of [sender, peer]) each.destroy();
  });
});

describe('bub-v1: sendMessage and stopPropagation', () => {
  it('subscribers are asked one after the other in order of subscription', async () => {
    const order: string[] = [];
    const sender = await join('peer-seq', 'inbound:seq');
    sender.onRequest = () => {
      order.push('sender');
      return GO_ON;
    };
    const peers = [];
    for (const name of ['a', 'b', 'c']) {
      const peer = await join(`peer-seq-${name}`, 'inbound:seq');
      peer.onRequest = ({ id }) => {
        order.push(`${name} asked`);
        setImmediate(() => {
          order.push(`${name} answers`);
          peer.answer(id, { success: true });
        });
        return undefined;
      };
      peers.push(peer);
    }
    expect(await sender.publish('inbound:seq', { chat_id: 'seq' })).toEqual(GO_ON);
    expect(order).toEqual(['sender', 'a asked', 'a answers', 'b asked', 'b answers', 'c asked', 'c answers']);
    for (const each of [sender, ...peers]) each.destroy();
  });

  it('stopPropagation skips later v1 peers, v2 peers, the WAMP callee and subscribers', async () => {
    const inbox = new Inbox<unknown>();
    const others = await agent();
    await others.session.subscribe('inbound:stop', (args) => inbox.put(args));
    await others.session.register('inbound:stop', () => inbox.put('called'));
    const v2 = await BubClient.join(router.v2, 'agent:v2', 'inbound:stop');
    const [sender, one, two] = [
      await join('peer-x'),
      await join('peer-x1', 'inbound:stop'),
      await join('peer-x2', 'inbound:stop'),
    ];
    one.onRequest = () => STOP;
    expect(await sender.publish('inbound:stop', { text: 'stop' })).toEqual(STOP);
    expect([two.requests, v2.requests, inbox.items]).toEqual([[], [], []]);
    one.onRequest = () => GO_ON;
    expect(await sender.publish('inbound:stop', { text: 'go' })).toEqual(GO_ON);
    expect(two.requests).toHaveLength(1);
    expect(v2.requests[0]?.params.payload).toMatchObject({
      type: 'wamp_event',
      from: 'peer-x',
      content: { kwargs: { text: 'go' } },
    });
    expect(await inbox.until(2)).toHaveLength(2);
    await others.leave();
    for (const each of [sender, one, two, v2]) each.destroy();
  });

  it('who errs, times out or says nothing of it did not stop', async () => {
    const [sender, errs, silent, last] = [
      await join('peer-e'),
      await join('peer-e1', 'inbound:e'),
      await join('peer-e2', 'inbound:e'),
      await join('peer-e3', 'inbound:e'),
    ];
    errs.onRequest = ({ id }) => {
      errs.send(JSON.stringify({ jsonrpc: '2.0', id, error: { code: 1, message: 'no' } }));
      return undefined;
    };
    silent.onRequest = () => undefined;
    expect(await sender.publish('inbound:e', { messageId: 'v1-e' })).toEqual(GO_ON);
    expect(last.requests).toHaveLength(1);
    expect(router.activity.of('v1-e')).toEqual([
      'send_start peer-e start',
      'process_start peer-e1 start',
      'process_finish peer-e1 error',
      'process_start peer-e2 start',
      'process_finish peer-e2 timeout',
      'process_start peer-e3 start',
      'process_finish peer-e3 ok',
      'send_finish peer-e ok',
    ]);
    for (const each of [sender, errs, silent, last]) each.destroy();
  });

  it('publishInbound and publishOutbound of the first programs publish on inbound: and outbound:', async () => {
    const [sender, peer] = [await join('peer-old'), await join('peer-hear', 'inbound:*', 'outbound:*')];
    expect(
      await sender.must('publishInbound', { channel: 'telegram', senderId: 'u', chatId: '7', content: 'hi' }),
    ).toEqual({ success: true });
    expect(await sender.must('publishOutbound', { channel: 'telegram', chat_id: '7', content: 'ho' })).toEqual({
      success: true,
    });
    expect((await sender.fails('publishInbound', { channel: 'telegram' })).message).toContain('senderId');
    expect(peer.requests.map(({ method, params }) => [method, params])).toEqual([
      [
        'sendMessage',
        { topic: 'inbound:7', payload: { channel: 'telegram', senderId: 'u', chatId: '7', content: 'hi' } },
      ],
      ['sendMessage', { topic: 'outbound:7', payload: { channel: 'telegram', chatId: '7', content: 'ho' } }],
    ]);
    for (const each of [sender, peer]) each.destroy();
  });
});

describe('BRIDGES 1: v1 with the others', () => {
  it('a v1 peer hears v2 envelopes and WAMP kwargs as payloads, and can be called', async () => {
    const [peer, v2, wamp] = [
      await join('peer-mix', 'agent:mix'),
      await BubClient.join(router.v2, 'tg:mix'),
      await agent(),
    ];
    const sent = envelope('tg_message');
    expect(await v2.publish('agent:mix', sent)).toMatchObject({ deliveredTo: 1 });
    await wamp.session.publish('agent:mix', [], { text: 'kw' }, { acknowledge: true });
    await wamp.session.publish('agent:mix', [1], {}, { acknowledge: true });
    peer.onRequest = () => PROCESSED;
    expect(((await wamp.session.call('agent:mix', [], { q: 1 })) as { kwargs: Dict }).kwargs).toEqual(PROCESSED);
    expect(peer.requests.map(({ params }) => params.payload)).toMatchObject([
      sent,
      { text: 'kw' },
      { type: 'wamp_event', content: { args: [1] } },
      { q: 1 },
    ]);
    await wamp.leave();
    for (const each of [peer, v2]) each.destroy();
  });
});
