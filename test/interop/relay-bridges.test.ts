/** Relay agents, autobahn sessions and Bub peers call, message and hear each other by name, in every direction. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, autobahn, Inbox, joinAgent, refusal } from '../support/autobahn-client.ts';
import { BubClient, envelope, PROCESSED } from '../support/bub-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { RelayClient } from '../support/relay-client.ts';
import { HASTY_REALM, RELAY_REALM, type RelayRouter, startRelayRouter } from '../support/relay-router.ts';

let router: RelayRouter;
let wamp: Agent;
beforeAll(async () => {
  router = await startRelayRouter();
  wamp = await joinAgent({ url: router.wamp }, 'msgpack', { realm: 'realm1' });
});
afterAll(async () => {
  await wamp.leave();
  await router.stop();
});

const join = (name: string, ...topics: string[]) => RelayClient.join(router.relay, name, ...topics);
const bub = (name: string, ...topics: string[]) => BubClient.join(router.bub, name, ...topics);

/** Everything that a WAMP session hears on a topic. */
async function hear(topic: string, match: 'exact' | 'prefix' = 'exact') {
  const heard = new Inbox<{ readonly args: readonly unknown[]; readonly kwargs: Dict; readonly publisher: unknown }>();
  await wamp.session.subscribe(
    topic,
    (args, kwargs, details) => heard.put({ args, kwargs, publisher: details.publisher_authid }),
    { match },
  );
  return heard;
}

describe('relay → wamp', () => {
  it('send and broadcast are events with the kwargs of the table', async () => {
    const [direct, news] = [await hear('planner.agent'), await hear('updates.', 'prefix')];
    const a = await join('to-wamp');
    await a.ask(
      { type: 'send', to: 'planner.agent', message_type: 'note', payload: 'hello', metadata: { k: 'v' } },
      'sent',
    );
    a.send({ type: 'broadcast', topic: 'updates.x', message_type: 'news', payload: '1' });
    const kwargs = {
      message_type: 'note',
      payload: 'hello',
      metadata: { k: 'v' },
      from_name: 'to-wamp.relay',
      from_peer_id: a.peerId,
      timestamp_ms: expect.any(Number),
    };
    expect(await direct.until(1)).toEqual([{ args: [], kwargs, publisher: 'to-wamp.relay' }]);
    expect(await news.until(1)).toEqual([
      { args: [], kwargs: { ...kwargs, message_type: 'news', payload: '1', metadata: {} }, publisher: 'to-wamp.relay' },
    ]);
    a.destroy();
  });

  it('a call has the payload as its argument; the first argument of the result is the payload', async () => {
    const calls: unknown[] = [];
    await wamp.session.register('tools.agent.run', (args, kwargs, { caller_authid }) => {
      calls.push([args, kwargs, caller_authid]);
      return args[0] === 'json' ? { done: true } : `ran ${String(args[0])}`;
    });
    await wamp.session.register('tools.agent.nothing', () => null);
    await wamp.session.register('tools.agent.named', () => new autobahn.Result([], { a: 1 }));
    const a = await join('caller');
    expect(await a.call('tools.agent', 'run', 'ls')).toMatchObject({ success: true, payload: 'ran ls', error: '' });
    expect(await a.call('tools.agent', 'run', 'json')).toMatchObject({ success: true, payload: '{"done":true}' });
    expect(await a.call('tools.agent', 'nothing')).toMatchObject({ success: true, payload: 'null' });
    expect(await a.call('tools.agent', 'named')).toMatchObject({ success: true, payload: '{"a":1}' });
    expect(calls).toEqual([
      [['ls'], {}, 'caller.relay'],
      [['json'], {}, 'caller.relay'],
    ]);
    expect(await a.call('wamp.session', 'count')).toMatchObject({
      success: true,
      payload: expect.stringMatching(/^\d+$/),
    });
    a.destroy();
  });

  it('an error of the callee, and one that never answers, are success: false with the URI', async () => {
    await wamp.session.register('tools.agent.fail', () => {
      throw new autobahn.Error('tools.error.broken', ['no such tool']);
    });
    await wamp.session.register('tools.agent.hang', () => new Promise(() => {}));
    const a = await join('failing');
    expect(await a.call('tools.agent', 'fail')).toMatchObject({
      success: false,
      payload: '',
      error: 'tools.error.broken: no such tool',
    });
    router.use(HASTY_REALM);
    expect((await a.call('tools.agent', 'hang')).error).toMatch(/^wamp\.error\.timeout/);
    router.use(RELAY_REALM);
    expect(router.activity.reserved).toBe(0);
    a.destroy();
  });
});

describe('wamp → relay', () => {
  it('an event in our form on the agent’s name is a message, from whom the router knows it to be from', async () => {
    const a = await join('from-wamp');
    const kwargs = {
      message_type: 'note',
      payload: 'hi',
      from_name: 'boss.relay',
      from_peer_id: 'x',
      metadata: { k: 'v' },
    };
    await wamp.session.publish('from-wamp.relay', [], kwargs, { acknowledge: true });
    await wamp.session.publish('from-wamp.relay', [], { message_type: 'data', payload: [1] }, { acknowledge: true });
    const [first, second] = await a.until('message', 2);
    expect(first).toEqual({
      type: 'message',
      from_name: expect.not.stringContaining('boss'),
      from_peer_id: '',
      message_type: 'note',
      payload: 'hi',
      metadata: { k: 'v' },
      timestamp_ms: expect.any(Number),
    });
    expect(second).toMatchObject({ message_type: 'data', payload: '[1]', metadata: {} });
    a.destroy();
  });

  it('any other event is a broadcast_message of type wamp with all it carried, also on the own name', async () => {
    const a = await join('hears-wamp', 'updates.*');
    await wamp.session.publish('updates.y', [1, 'two'], { three: 3 }, { acknowledge: true });
    await wamp.session.publish('hears-wamp.relay', ['x'], {}, { acknowledge: true });
    await wamp.session.publish('updates.y', [], {}, { acknowledge: true });
    const heard = await a.until('broadcast_message', 3);
    expect(heard[0]).toEqual({
      type: 'broadcast_message',
      topic: 'updates.y',
      from_name: expect.any(String),
      message_type: 'wamp',
      payload: '{"args":[1,"two"],"kwargs":{"three":3}}',
      metadata: {},
      timestamp_ms: expect.any(Number),
    });
    expect(heard.slice(1).map(({ topic, payload }) => [topic, JSON.parse(String(payload))])).toEqual([
      ['hears-wamp.relay', { args: ['x'], kwargs: {} }],
      ['updates.y', { args: [], kwargs: {} }],
    ]);
    const rows = router.activity.rows.filter(({ topic }) => topic === 'hears-wamp.relay').map(({ event }) => event);
    expect(rows).toEqual(['send_start', 'process_start', 'process_finish', 'send_finish']);
    a.destroy();
  });

  it('a call below its name reaches the agent, and its answer is the first argument', async () => {
    const a = await join('callee');
    a.onCall = ({ method, payload }) => ({ success: true, payload: { method, payload } });
    expect(await wamp.session.call('callee.relay.deep.down', ['x'])).toEqual({ method: 'deep.down', payload: 'x' });
    expect(await wamp.session.call('callee.relay.m', [1, 2], { k: 'v' })).toMatchObject({
      payload: '{"args":[1,2],"kwargs":{"k":"v"}}',
    });
    expect(await wamp.session.call('callee.relay.m')).toMatchObject({ payload: '' });
    a.onCall = () => ({ success: false, error: 'cannot', payload: 'why' });
    expect(await refusal(wamp.session.call('callee.relay.m'))).toMatchObject({
      error: 'waggle.error.relay_agent',
      args: ['cannot'],
      kwargs: { payload: 'why' },
    });
    a.onCall = () => undefined;
    router.use(HASTY_REALM);
    expect((await refusal(wamp.session.call('callee.relay.m'))).error).toBe('wamp.error.timeout');
    router.use(RELAY_REALM);
    const call = wamp.session.call('callee.relay.m');
    await a.until('inbound_call', 6);
    a.destroy();
    expect((await refusal(call)).error).toBe('wamp.error.canceled');
    expect(router.activity.reserved).toBe(0);
  });

  it('an ordinary registration comes before the agent, and the agent is listed nowhere', async () => {
    const a = await join('shadowed');
    const registration = await wamp.session.register('shadowed.relay.m', () => 'the ordinary one');
    expect(await wamp.session.call('shadowed.relay.m')).toBe('the ordinary one');
    expect(await wamp.session.call('wamp.registration.match', ['shadowed.relay.other'])).toBeNull();
    await registration.unregister();
    expect(await wamp.session.call('shadowed.relay.m')).toBe('handled');
    a.destroy();
  });

  it('a canceled call is taken from the agent', async () => {
    const a = await join('canceled');
    a.onCall = () => undefined;
    // autobahn-js ends its session over the answer to a call that it has canceled.
    const raw = await RawClient.connect(router.wamp);
    await raw.join('realm1');
    for (const mode of ['killnowait', 'kill', 'skip'] as const) {
      const request = raw.call(`canceled.relay.${mode}`);
      const asked = await a.next(({ type, method }) => type === 'inbound_call' && method === mode);
      raw.send([49, request, { mode }]);
      expect(await raw.message()).toMatchObject({ type: 8, request, error: 'wamp.error.canceled' });
      const late = { type: 'call_response', correlation_id: asked.correlation_id, success: true };
      if (mode === 'skip') a.send(late);
      else expect((await a.fails(late)).code).toBe('bad_message');
    }
    await a.ping();
    const rows = router.activity.rows.filter(({ event, actor }) => event === 'process_finish' && actor === a.name);
    raw.destroy();
    expect(rows.map(({ topic, status }) => `${topic} ${status}`)).toEqual([
      'canceled.relay.killnowait canceled',
      'canceled.relay.kill canceled',
      'canceled.relay.skip ok',
    ]);
    a.destroy();
  });
});

describe('relay → bub', () => {
  it('a message comes to a Bub peer as wamp_event, and its four rows stand once in the log', async () => {
    const [a, peer] = [await join('to-bub'), await bub('agent:7', 'agent:7', 'updates.*')];
    // A name without a dot gets one, so a Bub name is a topic to broadcast on.
    a.send({ type: 'broadcast', topic: 'agent:7', message_type: 'note', payload: 'hello' });
    const sent = await a.ask({ type: 'send', to: 'updates.z', message_type: 'note', payload: 'hi' }, 'sent');
    const [first, second] = await peer.until(2);
    expect(first?.params).toEqual({
      topic: 'agent:7',
      payload: {
        messageId: expect.stringMatching(/^wamp-\d+$/),
        type: 'wamp_event',
        from: 'to-bub.relay',
        timestamp: expect.any(String),
        content: {
          args: [],
          kwargs: expect.objectContaining({ message_type: 'note', payload: 'hello', from_name: 'to-bub.relay' }),
        },
      },
    });
    expect(second?.params.topic).toBe('updates.z');
    const id = String(sent.message_id);
    await expect
      .poll(() => router.activity.of(id).toSorted())
      .toEqual([
        'process_finish agent:7 ok',
        'process_start agent:7 start',
        'send_finish to-bub.relay ok',
        'send_start to-bub.relay start',
      ]);
    for (const each of [a, peer]) each.destroy();
  });

  it('a call of a Bub peer below its name gives its result as JSON text, and its trace stands once', async () => {
    const [a, peer] = [await join('bub-caller'), await bub('agent:8', 'agent.eight.*')];
    peer.onRequest = () => ({ ...PROCESSED, status: 'done' });
    a.send({ type: 'call', to: 'agent.eight', method: 'work', payload: 'x', correlation_id: 'relay-to-bub' });
    const [result] = await a.until('call_result');
    expect(result).toMatchObject({ success: true });
    expect(JSON.parse(String(result?.payload))).toEqual({ ...PROCESSED, status: 'done' });
    expect(peer.requests[0]?.params.payload).toMatchObject({
      type: 'wamp_call',
      from: 'bub-caller.relay',
      content: { args: ['x'] },
    });
    expect(router.activity.of('relay-to-bub')).toEqual([
      'send_start bub-caller.relay start',
      'process_start agent:8 start',
      'process_finish agent:8 done',
      'send_finish bub-caller.relay ok',
    ]);
    peer.onRequest = () => undefined;
    router.use(HASTY_REALM);
    expect((await a.call('agent.eight', 'work')).error).toMatch(/^wamp\.error\.timeout/);
    router.use(RELAY_REALM);
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, peer]) each.destroy();
  });
});

describe('bub → relay', () => {
  it('an envelope comes as broadcast_message with all its digits; the relay agent is not counted as working on it', async () => {
    const [a, peer] = [await join('from-bub', 'news.*'), await bub('tg:9')];
    const message = envelope('tg_message', { messageId: 'bub-to-relay', content: { n: 1 } });
    const text = JSON.stringify(message).replace('"n":1', '"n":9007199254740993');
    const answer = await peer.ask(
      'big',
      `{"jsonrpc":"2.0","id":"big","method":"sendMessage","params":{"topic":"news.bub","payload":${text}}}`,
    );
    expect(answer.result).toMatchObject({ accepted: true, deliveredTo: 0 });
    const [heard] = await a.until('broadcast_message');
    expect(heard).toMatchObject({ topic: 'news.bub', from_name: 'tg:9', message_type: 'wamp' });
    expect(String(heard?.payload)).toBe(`{"args":[],"kwargs":${text}}`);
    expect(router.activity.of('bub-to-relay')).toEqual([
      'send_start tg:9 start',
      'process_start from-bub.relay start',
      'process_finish from-bub.relay ok',
      'send_finish tg:9 ok',
    ]);
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, peer]) each.destroy();
  });

  it('a v1 payload in our form on the agent’s name is a message', async () => {
    const [a, peer] = [await join('from-v1'), await BubClient.join(router.v1, 'old-peer')];
    expect(await peer.publish('from-v1.relay', { message_type: 'note', payload: 'hi' })).toMatchObject({
      success: true,
    });
    expect((await a.until('message'))[0]).toMatchObject({ from_name: 'old-peer', message_type: 'note', payload: 'hi' });
    for (const each of [a, peer]) each.destroy();
  });

  it('a topic below an agent’s name is no call for a Bub sender: only ordinary callees are', async () => {
    const [a, peer] = [await join('not-called'), await bub('tg:10')];
    expect(await peer.publish('not-called.relay.m', envelope('tg_message'))).toMatchObject({ deliveredTo: 0 });
    await a.ping();
    expect(a.of('inbound_call')).toEqual([]);
    for (const each of [a, peer]) each.destroy();
  });
});

it('one publication reaches all three, and its trace begins once', async () => {
  const [a, peer, heard] = [
    await join('all-three', 'joint.*'),
    await bub('agent:11', 'joint.*'),
    await hear('joint.x'),
  ];
  await wamp.session.publish('joint.x', ['to all'], {}, { acknowledge: true, exclude_me: false });
  await Promise.all([a.until('broadcast_message'), peer.until(1), heard.until(1)]);
  const rows = () => router.activity.rows.filter(({ topic }) => topic === 'joint.x').map(({ event }) => event);
  await expect
    .poll(() => rows().toSorted())
    .toEqual(['process_finish', 'process_finish', 'process_start', 'process_start', 'send_finish', 'send_start']);
  for (const each of [a, peer]) each.destroy();
});

describe('rules that do more than allow', () => {
  const withRule = (rule: string) =>
    RELAY_REALM.replace(
      '  mute:',
      `    - ${rule}
  mute:`,
    );

  it('audit: what a WAMP agent sends to and asks of relay agents stands once in the log', async () => {
    router.use(withRule('{ uri: "audited.", match: prefix, allow: [publish, call], audit: true }'));
    const [a, b] = [await join('audited.agent', 'audited.*'), await join('audit-other', 'audited.x')];
    await wamp.session.publish('audited.x', ['seen'], {}, { acknowledge: true });
    await Promise.all([a, b].map((each) => each.until('broadcast_message')));
    expect(await wamp.session.call('audited.agent.m', ['x'])).toBe('handled');
    const rows = (topic: string) => router.activity.rows.filter((row) => row.topic === topic).map(({ event }) => event);
    await expect
      .poll(() => rows('audited.x'))
      .toEqual(['send_start', 'process_start', 'process_finish', 'process_start', 'process_finish', 'send_finish']);
    expect(rows('audited.agent.m')).toEqual(['send_start', 'process_start', 'process_finish', 'send_finish']);
    expect(router.activity.reserved).toBe(0);
    router.use(RELAY_REALM);
    for (const each of [a, b]) each.destroy();
  });

  it('a signature that is required is required of relay agents, too', async () => {
    router.use(withRule('{ uri: "signed.", match: prefix, allow: [publish, call], signature: required }'));
    const [a, b] = [await join('signer'), await join('signed.agent', 'signed.*')];
    expect(await a.fails({ type: 'send', to: 'signed.agent', message_type: 'x', payload: '' })).toMatchObject({
      code: 'not_authorized',
    });
    expect(await a.fails({ type: 'broadcast', topic: 'signed.x', message_type: 'x', payload: '' })).toMatchObject({
      code: 'not_authorized',
    });
    expect(await a.call('signed.agent', 'm', 'x')).toMatchObject({
      success: false,
      error: expect.stringMatching(/^yamtam\.error\.unauthorized/),
    });
    await b.ping();
    expect(['message', 'broadcast_message', 'inbound_call'].flatMap((type) => b.of(type))).toEqual([]);
    expect(router.activity.reserved).toBe(0);
    router.use(RELAY_REALM);
    for (const each of [a, b]) each.destroy();
  });

  it('where the realm asks a procedure, an agent’s messages wait for it in order', async () => {
    const asks = withRule('{ uri: auth.allow, allow: [register] }')
      .replace('  outsider:\n', '  outsider:\n    dynamic: true\n    rules:\n')
      .replace(
        '    - { uri: "updates.", match: prefix, allow: [subscribe] }',
        '      - { uri: "updates.", match: prefix, allow: [subscribe] }',
      );
    const answers: ((allowed: boolean) => void)[] = [];
    router.use(`${asks}dynamic: { authorizer: auth.allow, timeoutMs: 20000 }\n`);
    const authorizer = await wamp.session.register(
      'auth.allow',
      (args) => /^(subscribe|register)$/.test(String(args[2])) || new Promise((resolve) => answers.push(resolve)),
    );
    const [a, b] = [await join('out-asks.relay'), await join('out-asked.relay')];
    a.send({ type: 'send', to: b.name, message_type: 'x', payload: 'first' });
    a.send({ type: 'call', to: b.name, method: 'm', payload: 'second', correlation_id: 'asked' });
    a.send({ type: 'broadcast', topic: 'no.one', message_type: 'x', payload: 'third' });
    await expect.poll(() => answers.length).toBe(1);
    await a.ping();
    expect(a.messages.filter(({ type }) => type !== 'pong' && type !== 'registered')).toEqual([]);
    answers[0]?.(true);
    await expect.poll(() => answers.length).toBe(2);
    answers[1]?.(true);
    await expect.poll(() => answers.length).toBe(3);
    answers[2]?.(false);
    expect((await a.until('error'))[0]).toMatchObject({ code: 'not_authorized', topic: 'no.one' });
    expect((await a.until('call_result'))[0]).toMatchObject({ success: true, payload: 'handled' });
    expect([a.of('sent').length, b.of('message').length]).toEqual([1, 1]);
    expect(router.activity.reserved).toBe(0);
    await authorizer.unregister();
    router.use(RELAY_REALM);
    for (const each of [a, b]) each.destroy();
  });
});
