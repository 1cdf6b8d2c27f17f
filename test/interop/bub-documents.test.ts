/** Rules of the two Bub documents, each by its section, that the other suites do not name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BubClient, envelope } from '../support/bub-client.ts';
import { type BubRouter, startBubRouter } from '../support/bub-router.ts';

let router: BubRouter;
beforeAll(async () => {
  router = await startBubRouter();
});
afterAll(() => router.stop());

const join = (name: string, ...topics: string[]) => BubClient.join(router.v2, name, ...topics);
const joinV1 = (name: string, ...topics: string[]) => BubClient.join(router.v1, name, ...topics);

describe('bub-v2', () => {
  it('1: the bus delivers by processMessage and takes sendMessage, never the other way', async () => {
    const [sender, peer] = [await join('tg:s1'), await join('agent:s1', 'agent:s1')];
    await sender.publish('agent:s1', envelope('tg_message'));
    expect(peer.requests.map(({ method }) => method)).toEqual(['processMessage']);
    expect((await peer.fails('processMessage', { topic: 'agent:s1', payload: envelope('agent_event') })).code).toBe(
      -32601,
    );
    for (const each of [sender, peer]) each.destroy();
  });

  it('1, 4.1: no version is negotiated: what initialize says beside clientId and clientInfo means nothing', async () => {
    const peer = await BubClient.connect(router.v2);
    await peer.must('initialize', { clientId: 'agent:s2', protocolVersion: '9.9', capabilities: { subscribe: false } });
    await peer.must('subscribe', { topic: 'agent:s2' });
    peer.destroy();
  });

  it('3: messages are UTF-8 text, and every answer is a JSON-RPC envelope with exactly its members', async () => {
    const peer = await join('tg:s3', 'tg:s3');
    await peer.publish('tg:s3', envelope('tg_message', { content: { text: 'žluťoučký 🐝 \u2028' } }));
    expect(peer.frames.some((frame) => frame.includes('žluťoučký 🐝'))).toBe(true);
    for (const frame of peer.frames) {
      const { jsonrpc, ...message } = JSON.parse(frame);
      expect(jsonrpc).toBe('2.0');
      expect(['id,result', 'id,method,params']).toContain(Object.keys(message).join());
    }
    peer.destroy();
  });

  it.each(['tg:123456789', 'agent:worker-42', 'system:spawn', 'system:route'])(
    '2, 6: %s is a topic like any other',
    async (topic) => {
      const [sender, peer] = [await join('tg:s4'), await join('agent:s4', topic)];
      expect(await sender.publish(topic, envelope('tg_message'))).toMatchObject({ deliveredTo: 1 });
      expect(peer.requests[0]?.params.topic).toBe(topic);
      for (const each of [sender, peer]) each.destroy();
    },
  );

  it('7: params.topic alone says where a message goes; what the payload names is carried', async () => {
    const [sender, there, named] = [
      await join('tg:s5'),
      await join('agent:s5', 'agent:s5'),
      await join('agent:s6', 'agent:s6'),
    ];
    const payload = envelope('tg_message', { topic: 'agent:s6', to: 'agent:s6', content: { talkto: 'agent:s6' } });
    expect(await sender.publish('agent:s5', payload)).toMatchObject({ deliveredTo: 1 });
    expect(there.requests[0]?.params.payload).toEqual(payload);
    await named.must('ping');
    expect(named.requests).toEqual([]);
    for (const each of [sender, there, named]) each.destroy();
  });

  it('5.4, 11: a peer that is away is not waited for and gets nothing later: the sender sends again', async () => {
    const sender = await join('tg:s7');
    const payload = envelope('tg_message', { messageId: 'msg_s7' });
    expect(await sender.publish('agent:s7', payload)).toMatchObject({ accepted: true, deliveredTo: 0 });
    const peer = await join('agent:s7', 'agent:s7');
    await peer.must('ping');
    expect(peer.requests).toEqual([]);
    expect(await sender.publish('agent:s7', payload)).toMatchObject({ deliveredTo: 1 });
    expect(router.activity.of('msg_s7').filter((row) => row.startsWith('send'))).toHaveLength(4);
    for (const each of [sender, peer]) each.destroy();
  });
});

describe('bub-v1', () => {
  it.each([
    ['inbound:chat-1', 'inbound:*'],
    ['outbound:chat-1', 'outbound:*'],
    ['agent:spawn', 'agent:*'],
  ])('"Built-in Topics": %s reaches who subscribed %s, by sendMessage', async (topic, pattern) => {
    const [sender, peer] = [await joinV1('peer-t1'), await joinV1('peer-t2', pattern)];
    await sender.must('sendMessage', { topic, payload: { chat_id: 'chat-1', text: 'hello', from: 'user-1' } });
    expect(peer.requests).toMatchObject([{ method: 'sendMessage', params: { topic, payload: { text: 'hello' } } }]);
    for (const each of [sender, peer]) each.destroy();
  });

  it('"ping": the result is a timestamp', async () => {
    const peer = await joinV1('peer-ping');
    const { timestamp, ...others } = await peer.must('ping');
    expect([new Date(String(timestamp)).toISOString(), others]).toEqual([timestamp, {}]);
    peer.destroy();
  });

  it('note 1, 2: whatever comes before initialize is refused, and does nothing', async () => {
    const [early, sender] = [await BubClient.connect(router.v1), await joinV1('peer-n1')];
    for (const [method, params] of [
      ['subscribe', { topic: 'inbound:n1' }],
      ['sendMessage', { topic: 'inbound:n1', payload: {} }],
      ['unsubscribe', { topic: 'inbound:n1' }],
      ['ping', {}],
    ] as const) {
      expect((await early.fails(method, params)).code).toBe(-32001);
    }
    await early.must('initialize', { clientId: 'peer-n2' });
    await sender.publish('inbound:n1', {});
    expect(early.requests).toEqual([]);
    for (const each of [early, sender]) each.destroy();
  });

  it('note 3, 6: subscriptions are the connection’s own, and named by their text', async () => {
    const [one, two] = [await joinV1('peer-n3', 'inbound:n3'), await joinV1('peer-n3')];
    expect((await two.fails('unsubscribe', { topic: 'inbound:n3' })).code).toBe(-32004);
    one.close();
    await one.ended;
    const again = await joinV1('peer-n3');
    expect((await again.fails('unsubscribe', { topic: 'inbound:n3' })).code).toBe(-32004);
    for (const each of [two, again]) each.destroy();
  });

  it.each([
    [-32600, '{"jsonrpc":"2.0","id":1}'],
    [-32601, '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}'],
    [-32602, '{"jsonrpc":"2.0","id":1,"method":"sendMessage","params":{"topic":"inbound:x"}}'],
  ])('"Error Codes": %i', async (code, text) => {
    const peer = await joinV1('peer-codes');
    expect((await peer.ask(1, text)).error?.code).toBe(code);
    peer.destroy();
  });
});
