import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, autobahn, Inbox, joinAgent, refusal } from '../support/autobahn-client.ts';
import { BubClient, envelope, PROCESSED } from '../support/bub-client.ts';
import { BUB_REALM, type BubRouter, startBubRouter } from '../support/bub-router.ts';
import { RawClient } from '../support/raw-client.ts';
import { PASSTHRU_ROLES } from '../support/sealed.ts';

let router: BubRouter;
beforeAll(async () => {
  router = await startBubRouter();
});
afterAll(() => router.stop());

const join = (name: string, ...topics: string[]) => BubClient.join(router.v2, name, ...topics);
const agent = (): Promise<Agent> => joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });

describe('bub-v2 4: initialize', () => {
  it('4.1 is answered with serverId, serverInfo and capabilities, and nothing else', async () => {
    const peer = await BubClient.connect(router.v2);
    const info = { name: 'bub', version: '0.2.0' };
    expect(await peer.must('initialize', { clientId: 'agent:system', clientInfo: info })).toEqual({
      serverId: expect.stringMatching(/^bus-/),
      serverInfo: { name: 'waggle', version: expect.any(String) },
      capabilities: { subscribe: true, publish: true, processMessage: true, topics: ['tg:*', 'agent:*', 'system:*'] },
    });
    peer.destroy();
  });

  it('4.1, 13: everything before it is -32001 "Not initialized", a second one "Already initialized"', async () => {
    const peer = await BubClient.connect(router.v2);
    for (const method of ['subscribe', 'sendMessage', 'ping', 'unsubscribe', 'whatever']) {
      expect(await peer.fails(method)).toEqual({ code: -32001, message: 'Not initialized', data: null });
    }
    await peer.must('initialize', { client_id: 'agent:x', client_info: null });
    expect(await peer.fails('initialize', { clientId: 'agent:y' })).toMatchObject({
      code: -32001,
      message: 'Already initialized',
    });
    peer.destroy();
  });

  it.each([[{}], [{ clientId: '' }], [{ clientId: 5 }], [{ clientId: 'agent:x', clientInfo: 'bub' }]])(
    'wrong params are -32602: %j',
    async (params) => {
      const peer = await BubClient.connect(router.v2);
      expect((await peer.fails('initialize', params)).code).toBe(-32602);
      peer.destroy();
    },
  );

  it('a name without a role, and a name that is a principal’s, are refused; the connection stays', async () => {
    const peer = await BubClient.connect(router.v2);
    for (const clientId of ['nobody', 'planner', 'agent:planner']) {
      expect((await peer.fails('initialize', { clientId })).code).toBe(-32602);
    }
    await peer.must('initialize', { clientId: 'agent:free' });
    peer.destroy();
  });
});

describe('bub-v2 5.1, 5.2: subscriptions', () => {
  it('are a set of exact texts: twice is once, unsubscribe takes the text, else -32003', async () => {
    const peer = await join('tg:set', 'tg:s*', 'tg:s*');
    expect(await peer.must('unsubscribe', { topic: 'tg:s*' })).toEqual({ success: true });
    expect((await peer.fails('unsubscribe', { topic: 'tg:s*' })).code).toBe(-32003);
    expect(await peer.publish('tg:s1', envelope('tg_message'))).toMatchObject({ deliveredTo: 0 });
    peer.destroy();
  });

  it('are of the connection and end with it', async () => {
    const [sender, peer] = [await join('tg:ends'), await join('agent:ends', 'agent:ends')];
    expect(await sender.publish('agent:ends', envelope('tg_message'))).toMatchObject({ deliveredTo: 1 });
    peer.close();
    await peer.ended;
    await expect.poll(() => sender.publish('agent:ends', envelope('tg_message'))).toMatchObject({ deliveredTo: 0 });
    sender.destroy();
  });

  it.each([
    [{}],
    [{ topic: '' }],
    [{ topic: 5 }],
    [{ topic: 'a b' }],
    [{ topic: 'wamp.session.*' }],
    [{ topic: '*'.repeat(257) }],
    [{ topic: 'secret:*' }],
  ])('wrong or forbidden patterns are -32602: %j', async (params) => {
    const peer = await join('tg:wrong');
    expect((await peer.fails('subscribe', params)).code).toBe(-32602);
    peer.destroy();
  });

  it('a pattern that would reach a denied topic is refused', async () => {
    const peer = await join('tg:all');
    expect((await peer.fails('subscribe', { topic: '*' })).code).toBe(-32602);
    expect((await peer.fails('subscribe', { topic: 's*t:1' })).code).toBe(-32602);
    peer.destroy();
  });

  it.each([
    ['agent:gl*', 'agent:glob-1'],
    ['agent:g?ob-[0-9]', 'agent:glob-1'],
    ['*:glob-[!a]', 'agent:glob-1', 'denied'],
    ['agent:glob-1', 'agent:glob-1'],
  ])('%s hears %s', async (pattern, topic, denied?: string) => {
    const peer = await join('agent:globber');
    if (denied !== undefined) {
      expect((await peer.fails('subscribe', { topic: pattern })).code).toBe(-32602);
    } else {
      await peer.must('subscribe', { topic: pattern });
      const sender = await join('tg:glob');
      expect(await sender.publish(topic, envelope('tg_message'))).toMatchObject({ deliveredTo: 1 });
      expect(await sender.publish('agent:other', envelope('tg_message'))).toMatchObject({ deliveredTo: 0 });
      sender.destroy();
    }
    peer.destroy();
  });
});

describe('bub-v2 5.3, 5.4: delivery', () => {
  it('processMessage carries topic and payload, the answer of every target is awaited, deliveredTo counts them', async () => {
    const sender = await join('tg:1');
    const peers = [await join('agent:d1', 'agent:d*'), await join('agent:d2', 'agent:d', 'agent:*')];
    const message = envelope('tg_message', { messageId: 'msg_d' });
    expect(await sender.publish('agent:d', message)).toEqual({ accepted: true, messageId: 'msg_d', deliveredTo: 2 });
    for (const peer of peers) {
      expect(peer.requests).toMatchObject([
        { method: 'processMessage', params: { topic: 'agent:d', payload: message } },
      ]);
      peer.destroy();
    }
    sender.destroy();
  });

  it('a sender hears itself and never deadlocks, also where its handler sends and waits', async () => {
    const peer = await join('tg:self', 'tg:self');
    let nested: Promise<Dict> | undefined;
    peer.onRequest = ({ id, params }) => {
      if ((params.payload as Dict).messageId !== 'outer') return PROCESSED;
      nested = peer.publish('tg:self', envelope('tg_message', { messageId: 'inner' }));
      void nested.then(() => peer.answer(id, PROCESSED));
      return undefined;
    };
    const sent = await peer.publish('tg:self', envelope('tg_message', { messageId: 'outer' }));
    expect([sent.deliveredTo, (await nested)?.deliveredTo]).toEqual([1, 1]);
    peer.destroy();
  });

  it('a target that errs is counted, logged, and holds up nobody', async () => {
    const [sender, bad] = [await join('tg:errs'), await join('agent:errs', 'agent:errs')];
    bad.onRequest = ({ id }) => {
      bad.send(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32000, message: 'no' } }));
      return undefined;
    };
    expect(await sender.publish('agent:errs', envelope('tg_message', { messageId: 'msg_errs' }))).toMatchObject({
      deliveredTo: 1,
    });
    expect(router.activity.of('msg_errs')).toEqual([
      'send_start tg:errs start',
      'process_start agent:errs start',
      'process_finish agent:errs error',
      'send_finish tg:errs ok',
    ]);
    for (const peer of [sender, bad]) peer.destroy();
  });

  it('12: the log has the payload in send_start, the ids of both requests, and the status of the peer', async () => {
    const [sender, peer] = [await join('tg:log'), await join('agent:log', 'agent:log')];
    peer.onRequest = () => ({ processed: true, status: 'configured', message: '' });
    const payload = envelope('configure', { messageId: 'msg_log' });
    await sender.ask(
      'my-id',
      JSON.stringify({ jsonrpc: '2.0', id: 'my-id', method: 'sendMessage', params: { topic: 'agent:log', payload } }),
    );
    const rows = router.activity.rows.filter((row) => row.messageId === 'msg_log');
    const delivery = String(peer.requests[0]?.id);
    expect(rows).toMatchObject([
      { event: 'send_start', rpcId: 'my-id', payloadJson: JSON.stringify(payload), topic: 'agent:log' },
      { event: 'process_start', rpcId: delivery, payloadJson: undefined },
      { event: 'process_finish', rpcId: delivery, status: 'configured' },
      { event: 'send_finish', rpcId: 'my-id', status: 'ok' },
    ]);
    for (const each of [sender, peer]) each.destroy();
  });

  it('numbers beyond 2^53, unicode and spacing go through as the text that came', async () => {
    const [sender, peer] = [await join('tg:text'), await join('agent:text', 'agent:text')];
    const payload =
      '{ "messageId":"msg_text","type":"tg_message","from":"x","timestamp":"2026-02-17T12:00:00Z", "content":{"n":9007199254740993,"f":1.0,"e":1e400,"s":"é😀\\u0000\\ud83d"}}';
    await sender.ask(
      1,
      `{"id":1,"method":"sendMessage","params":{"payload":{"a":1},"topic":"x","topic":"agent:text","payload":${payload}},"jsonrpc":"2.0"}`,
    );
    const [got] = await peer.until(1);
    expect(got?.text.endsWith(`"payload":${payload}}}`)).toBe(true);
    for (const each of [sender, peer]) each.destroy();
  });

  it('5.5: ping is answered with a timestamp', async () => {
    const peer = await join('agent:ping');
    expect(await peer.must('ping')).toEqual({ timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
    peer.destroy();
  });

  it('14: a stopPropagation of a v2 peer means nothing', async () => {
    const [sender, one, two] = [
      await join('tg:stop'),
      await join('agent:st1', 'agent:st'),
      await join('agent:st2', 'agent:st'),
    ];
    one.onRequest = () => ({ ...PROCESSED, stopPropagation: true });
    expect(await sender.publish('agent:st', envelope('tg_message'))).toMatchObject({ deliveredTo: 2 });
    for (const peer of [sender, one, two]) peer.destroy();
  });
});

describe('bub-v2 7, 9, 13: what is refused', () => {
  it.each([
    ['messageId', 5],
    ['messageId', ''],
    ['type', null],
    ['from', undefined],
    ['timestamp', 'yesterday'],
    ['timestamp', '2026-02-30T12:00:00Z'],
    ['timestamp', '2026-02-17T12:00:00'],
    ['content', 'text'],
    ['content', []],
  ])('7: an envelope whose %s is %j, by -32602 that names it, and logged as rejected', async (name, value) => {
    const sender = await join('tg:env');
    const payload = envelope('tg_message', { messageId: 'msg_env', [name]: value });
    const before = router.activity.rows.length;
    const error = await sender.fails('sendMessage', { topic: 'agent:x', payload });
    expect(error.code).toBe(-32602);
    expect(error.message).toContain(`payload.${name}`);
    expect(router.activity.rows.slice(before)).toMatchObject([
      { event: 'send_start', actor: 'tg:env', status: 'start' },
      { event: 'send_finish', status: 'rejected', error: error.message },
    ]);
    sender.destroy();
  });

  it('a member that stands twice in a payload is refused: who reads the first would read another message', async () => {
    const sender = await join('tg:twice');
    const payload = JSON.stringify(envelope('tg_message')).replace('{', '{"type":"spawn_result",');
    const answer = await sender.ask(
      1,
      `{"jsonrpc":"2.0","id":1,"method":"sendMessage","params":{"topic":"agent:x","payload":${payload}}}`,
    );
    expect(answer.error?.code).toBe(-32602);
    sender.destroy();
  });

  it.each([
    [{}],
    [{ topic: 'agent:x' }],
    [{ topic: 5, payload: {} }],
    [{ topic: 'a b', payload: envelope('tg_message') }],
    [{ topic: 'wamp.x', payload: envelope('tg_message') }],
    [{ topic: 'secret:x', payload: envelope('tg_message') }],
    [{ topic: 'agent:x', payload: [] }],
  ])('13: wrong params of sendMessage are -32602: %j', async (params) => {
    const sender = await join('tg:params');
    expect((await sender.fails('sendMessage', params)).code).toBe(-32602);
    sender.destroy();
  });

  it('9: the role is in the clientId of the connection, payload.from is data', async () => {
    const sender = await join('tg:role');
    const refused = await sender.fails('sendMessage', {
      topic: 'agent:x',
      payload: envelope('spawn_result', { from: 'agent:system' }),
    });
    expect(refused.code).toBe(-32602);
    await sender.publish('agent:x', envelope('spawn_request', { from: 'agent:unknown' }));
    sender.destroy();
  });
});

describe('bub-v2 10: the bootstrap of an empty channel', () => {
  /** The telegram side of it: asks, hears the route, configures, forwards, gets the reply. */
  async function bootstrap(url: string): Promise<void> {
    const heard: { type: string; content: Dict }[] = [];
    const tg = await BubClient.join(url, 'tg:42', 'tg:42');
    tg.onRequest = ({ params }) => {
      heard.push(params.payload as { type: string; content: Dict });
      return PROCESSED;
    };
    const of = (type: string): Dict | undefined => heard.find((message) => message.type === type)?.content;
    const once = { deliveredTo: 1 };
    expect(await tg.publish('system:spawn', envelope('spawn_request'))).toMatchObject(once);
    await expect.poll(() => of('route_assigned')).toBeDefined();
    const assigned = String(of('route_assigned')?.agent);
    const configure = envelope('configure', { content: { talkto: 'tg:42' } });
    expect(await tg.publish(assigned, configure)).toMatchObject(once);
    expect(await tg.publish(assigned, envelope('tg_message', { content: { text: 'hello' } }))).toMatchObject(once);
    await expect.poll(() => of('tg_reply')).toEqual({ text: 'you said hello' });
    tg.destroy();
  }

  async function spawn(url: string, id: string): Promise<BubClient> {
    const peer = await BubClient.join(url, id, id);
    let talkto = '';
    peer.onRequest = ({ params }) => {
      const { type, content } = params.payload as { type: string; content: Record<string, string> };
      if (type === 'configure') talkto = content.talkto ?? '';
      const reply = envelope('tg_reply', { content: { text: `you said ${content.text}` } });
      if (type === 'tg_message') void peer.publish(talkto, reply);
      return { processed: true, status: 'ok', message: type };
    };
    return peer;
  }

  it('with three Bub peers', async () => {
    const system = await join('agent:system', 'system:*');
    const spawned: BubClient[] = [];
    system.onRequest = () => {
      void spawn(router.v2, 'agent:worker-1').then((peer) => {
        spawned.push(peer);
        return system.publish('tg:42', envelope('route_assigned', { content: { agent: 'agent:worker-1' } }));
      });
      return PROCESSED;
    };
    await bootstrap(router.v2);
    for (const peer of [system, ...spawned]) peer.destroy();
  });

  it('with the system agent an autobahn client that registered system:spawn', async () => {
    const principal = 'spawner: { role: anybody, ticket: { env: PLANNER }, bub: ["agent:system"] }';
    const own = await startBubRouter(BUB_REALM.replace('roles:', `  ${principal}\nroles:`));
    const { session, leave } = await joinAgent({ url: own.wamp }, 'msgpack', {
      realm: 'realm1',
      authid: 'spawner',
      authmethods: ['ticket'],
      onchallenge: () => 'a-ticket-of-the-planner',
    });
    const spawned: BubClient[] = [];
    await session.register('system:spawn', (_args, kwargs) => {
      void spawn(own.v2, 'agent:worker-2').then((peer) => {
        spawned.push(peer);
        session.publish('tg:42', [], envelope('route_assigned', { content: { agent: 'agent:worker-2' } }));
      });
      return new autobahn.Result([], { processed: true, status: 'ok', message: `spawning for ${kwargs.type}` });
    });
    await bootstrap(own.v2);
    await leave();
    for (const peer of spawned) peer.destroy();
    await own.stop();
  });
});

describe('BRIDGES 1: Bub and WAMP on one topic', () => {
  it('what a Bub peer sends is an event with the payload as kwargs; subscribers are not counted', async () => {
    const [sender, monitor] = [await join('tg:w1'), await agent()];
    const inbox = new Inbox<unknown>();
    await monitor.session.subscribe(
      'agent:w',
      (args, kwargs, details) => inbox.put({ args, kwargs, details: { ...details } }),
      { match: 'prefix' },
    );
    const payload = envelope('tg_message');
    expect(await sender.publish('agent:w1', payload)).toMatchObject({ deliveredTo: 0 });
    expect(await inbox.until(1)).toMatchObject([
      { args: [], kwargs: payload, details: { topic: 'agent:w1', publisher_authid: 'tg:w1' } },
    ]);
    await monitor.leave();
    sender.destroy();
  });

  it('a WAMP publication comes wrapped, or whole where kwargs are an envelope of a type that its sender may send', async () => {
    const [peer, publisher] = [await join('agent:w2', 'agent:w2'), await agent()];
    await publisher.session.publish('agent:w2', [1, 'a'], { b: 2 }, { acknowledge: true });
    await publisher.session.publish('agent:w2', [], envelope('note', { messageId: 'mine' }), { acknowledge: true });
    await publisher.session.publish('agent:w2', [], envelope('tg_message', { messageId: 'forged' }), {
      acknowledge: true,
    });
    await publisher.session.publish('agent:w2', [], { last: true }, { acknowledge: true });
    const requests = await peer.until(3);
    expect(requests.map(({ params }) => params.payload)).toMatchObject([
      {
        messageId: expect.stringMatching(/^wamp-\d+$/),
        type: 'wamp_event',
        content: { args: [1, 'a'], kwargs: { b: 2 } },
      },
      { messageId: 'mine', type: 'note' },
      { type: 'wamp_event', content: { args: [], kwargs: { last: true } } },
    ]);
    expect(router.activity.of('forged').map((row) => row.split(' ').at(-1))).toEqual(['start', 'rejected', 'rejected']);
    await expect.poll(() => router.activity.of('mine').at(-1)).toMatch(/^send_finish .* ok$/);
    await publisher.leave();
    peer.destroy();
  });

  it('a message to a callee that is busy waits for it with its trace, and is answered once', async () => {
    const [sender, callee] = [await join('tg:busy'), await agent()];
    const release: (() => void)[] = [];
    const answered = () => new Promise<object>((resolve) => release.push(() => resolve({})));
    await callee.session.register('agent:busy', answered, { invoke: 'roundrobin', concurrency: 1 });
    const sent = ['b1', 'b2'].map((messageId) => sender.publish('agent:busy', envelope('tg_message', { messageId })));
    await expect.poll(() => release.length).toBe(1);
    release[0]?.();
    await expect.poll(() => release.length).toBe(2);
    release[1]?.();
    for (const answer of await Promise.all(sent)) expect(answer).toMatchObject({ accepted: true, deliveredTo: 1 });
    for (const id of ['b1', 'b2']) expect(router.activity.of(id)).toHaveLength(4);
    await callee.leave();
    sender.destroy();
  });

  it('a call goes to a Bub peer where nobody else registered it; its result is the kwargs of the RESULT', async () => {
    const [peer, caller] = [await join('agent:c1', 'agent:c1'), await agent()];
    peer.onRequest = ({ params }) => ({ ...PROCESSED, echo: (params.payload as { content: Dict }).content });
    const result = (await caller.session.call('agent:c1', [7], { x: 1 })) as { kwargs: Dict };
    expect(result.kwargs).toEqual({ ...PROCESSED, echo: { args: [7], kwargs: { x: 1 } } });
    expect(peer.requests[0]?.params.payload).toMatchObject({ type: 'wamp_call' });
    await caller.session.register('agent:c1', () => 'ordinary');
    expect(await caller.session.call('agent:c1')).toBe('ordinary');
    await caller.leave();
    peer.destroy();
  });

  it('its error is waggle.error.bub_peer, its silence wamp.error.timeout, its end wamp.error.canceled', async () => {
    const [peer, caller] = [await join('agent:c2', 'agent:c2'), await agent()];
    peer.onRequest = ({ id }) => {
      peer.send(JSON.stringify({ jsonrpc: '2.0', id, error: { code: 7, message: 'no', data: [1] } }));
      return undefined;
    };
    expect(await refusal(caller.session.call('agent:c2'))).toMatchObject({
      error: 'waggle.error.bub_peer',
      kwargs: { code: 7, message: 'no', data: [1] },
    });
    peer.onRequest = () => undefined;
    expect(await refusal(caller.session.call('agent:c2'))).toMatchObject({ error: 'wamp.error.timeout' });
    const pending = refusal(caller.session.call('agent:c2'));
    await peer.until(3);
    peer.destroy();
    expect(await pending).toMatchObject({ error: 'wamp.error.canceled' });
    await caller.leave();
  });

  it('a forged type in a call is wamp.error.not_authorized', async () => {
    const [peer, caller] = [await join('agent:c3', 'agent:c3'), await agent()];
    expect(await refusal(caller.session.call('agent:c3', [], envelope('tg_message')))).toMatchObject({
      error: 'wamp.error.not_authorized',
    });
    await caller.leave();
    peer.destroy();
  });

  it('D10: a payload in passthru mode does not go to a Bub peer: a call is refused, an event leaves it out', async () => {
    const peer = await join('agent:c4', 'agent:c4');
    const sender = await RawClient.connect(router.wamp);
    await sender.join('realm1', { roles: PASSTHRU_ROLES });
    const options = { ppt_scheme: 'wamp', ppt_serializer: 'cbor' };
    sender.call('agent:c4', options, [Buffer.from('sealed')]);
    expect(await sender.expect(MessageType.ERROR)).toMatchObject({ error: 'wamp.error.feature_not_supported' });
    sender.publish('agent:c4', options, [Buffer.from('sealed')]);
    sender.publish('agent:c4', {}, ['ordinary']);
    const [first] = await peer.until(1);
    expect(first?.params.payload).toMatchObject({ content: { args: ['ordinary'] } });
    sender.destroy();
    peer.destroy();
  });

  it('an ordinary registration makes its callee a target that is counted, and awaited', async () => {
    const [sender, callee] = [await join('tg:w3'), await agent()];
    await callee.session.register('system:w3', (_args, kwargs) => ({
      processed: true,
      status: 'made',
      message: String(kwargs.type),
    }));
    await sender
      .publish('system:w3', envelope('spawn_request', { messageId: 'msg_w3' }))
      .then((sent) => expect(sent.deliveredTo).toBe(1));
    expect(router.activity.of('msg_w3')).toHaveLength(4);
    await callee.leave();
    sender.destroy();
  });

  it('a Bub session is a session like any other, and ends with its socket', async () => {
    const before = [...router.server.router.realms][0]?.sessions.size ?? 0;
    const peer = await join('agent:member');
    const session = [...([...router.server.router.realms][0]?.sessions.values() ?? [])].find(
      (each) => each.identity.authid === 'agent:member',
    );
    expect(session?.identity).toMatchObject({ authrole: 'anybody', authmethod: 'none' });
    peer.destroy();
    await expect.poll(() => [...router.server.router.realms][0]?.sessions.size).toBe(before);
  });
});
