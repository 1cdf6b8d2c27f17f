import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, Inbox, joinAgent } from '../support/autobahn-client.ts';
import { RelayClient } from '../support/relay-client.ts';
import {
  HASTY_REALM,
  PLANNER_KEY,
  PLANNER_TICKET,
  RELAY_REALM,
  type RelayRouter,
  startRelayRouter,
} from '../support/relay-router.ts';

let router: RelayRouter;
beforeAll(async () => {
  router = await startRelayRouter();
});
afterAll(() => router.stop());

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

const join = (name: string, ...topics: string[]) => RelayClient.join(router.relay, name, ...topics);
const agent = (): Promise<Agent> => joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });
const say = (to: string, payload: unknown, more: Dict = {}) => ({
  type: 'send',
  to,
  message_type: 'note',
  payload,
  ...more,
});
const tell = (topic: string, payload: unknown, more: Dict = {}) => ({
  type: 'broadcast',
  topic,
  message_type: 'news',
  payload,
  ...more,
});

describe('register', () => {
  it('is answered with the name and a PeerId; the session is seen like any other', async () => {
    const peer = await RelayClient.connect(router.relay);
    const registered = await peer.ask(
      { type: 'register', name: 'my-app.relay', relay: '/dns4/r.example' },
      'registered',
    );
    expect(registered).toEqual({
      type: 'registered',
      name: 'my-app.relay',
      peer_id: expect.stringMatching(PEER_ID),
    });
    const wamp = await agent();
    const ids = (await wamp.session.call('wamp.session.list')) as readonly number[];
    const sessions = await Promise.all(ids.map((id) => wamp.session.call('wamp.session.get', [id])));
    expect(sessions).toContainEqual(
      expect.objectContaining({
        authid: 'my-app.relay',
        authrole: 'anybody',
        authmethod: 'none',
        authprovider: 'relay',
        transport: { type: 'websocket', protocol: 'relay', secure: false, relay: '/dns4/r.example' },
      }),
    );
    await wamp.leave();
    peer.destroy();
  });

  it('a name without a dot gets .relay, also in send, call and resolve', async () => {
    const [a, b] = [await join('short-a'), await join('short-b.relay')];
    expect([a.name, b.name]).toEqual(['short-a.relay', 'short-b.relay']);
    expect(await a.ask(say('short-b', 'x'), 'sent')).toMatchObject({ to: 'short-b.relay' });
    expect(await a.ask({ type: 'resolve', name: 'short-b' }, 'resolved')).toEqual({
      type: 'resolved',
      name: 'short-b.relay',
      peer_id: b.peerId,
    });
    expect(await a.call('short-b', 'm', 'x')).toMatchObject({ success: true, payload: 'handled' });
    for (const each of [a, b]) each.destroy();
  });

  it('everything but ping before it is not_registered', async () => {
    const peer = await RelayClient.connect(router.relay);
    for (const type of [
      'send',
      'call',
      'call_response',
      'broadcast',
      'subscribe',
      'unsubscribe',
      'resolve',
      'nonsense',
    ]) {
      expect(await peer.fails({ type })).toMatchObject({ type: 'error', code: 'not_registered' });
    }
    await peer.ping();
    await peer.ask({ type: 'register', name: 'at-last' }, 'registered');
    peer.destroy();
  });

  it('a second one is already_registered', async () => {
    const peer = await join('once');
    expect(await peer.fails({ type: 'register', name: 'twice' })).toMatchObject({
      code: 'already_registered',
      name: 'twice',
    });
    await peer.ping();
    peer.destroy();
  });

  it.each([[{}], [{ name: '' }], [{ name: 5 }], [{ name: 'a b' }], [{ name: 'wamp.x' }], [{ name: 'a', relay: 5 }]])(
    'wrong fields are bad_message: %j',
    async (fields) => {
      const peer = await RelayClient.connect(router.relay);
      expect((await peer.fails({ type: 'register', ...fields })).code).toBe('bad_message');
      await peer.ask({ type: 'register', name: 'corrected' }, 'registered');
      peer.destroy();
      await peer.ended;
    },
  );

  it('a name without a role, and a principal’s, are not_authorized; one that may not hear itself, too', async () => {
    const peer = await RelayClient.connect(router.relay);
    for (const name of ['no.role', 'planner.relay', 'out-1.relay']) {
      expect(await peer.fails({ type: 'register', name })).toMatchObject({ code: 'not_authorized', name });
    }
    expect([...router.server.router.realms][0]?.sessions.size).toBe(0);
    // What was pipelined behind a refusal is answered as well.
    peer.send({ type: 'register', name: 'out-1.relay' });
    await peer.ask({ type: 'ping' }, 'pong').catch(() => {});
    await peer.ask({ type: 'register', name: 'listen-1.relay' }, 'registered');
    peer.destroy();
  });
});

describe('send and message', () => {
  it('the message comes with the name and PeerId of its sender, and the sender has its id', async () => {
    const [a, b] = [await join('send-a'), await join('send-b')];
    const before = Date.now();
    const sent = await a.ask(say('send-b.relay', 'hello', { metadata: { lang: 'en' } }), 'sent');
    expect(sent).toEqual({ type: 'sent', to: 'send-b.relay', message_id: expect.stringMatching(UUID) });
    const [message] = await b.until('message');
    expect(message).toEqual({
      type: 'message',
      from_name: 'send-a.relay',
      from_peer_id: a.peerId,
      message_type: 'note',
      payload: 'hello',
      metadata: { lang: 'en' },
      timestamp_ms: expect.any(Number),
    });
    expect(Number(message?.timestamp_ms)).toBeGreaterThanOrEqual(before);
    expect(router.activity.of(String(sent.message_id))).toEqual([
      'send_start send-a.relay start',
      'process_start send-b.relay start',
      'process_finish send-b.relay ok',
      'send_finish send-a.relay ok',
    ]);
    for (const each of [a, b]) each.destroy();
  });

  it('payloads go through as they came, with all digits, and any text', async () => {
    const [a, b] = [await join('raw-a'), await join('raw-b')];
    a.sendRaw('{"type":"send","to":"raw-b","message_type":"n","payload":{"n":9007199254740993},"metadata":null}');
    for (const text of ['', '\u0000\u2028"\\', '\ud83d\udc1d', '{"a":1}']) await a.ask(say('raw-b', text), 'sent');
    await b.until('message', 5);
    expect(b.frames.find((text) => text.includes('"message"'))).toContain('"payload":{"n":9007199254740993}');
    expect(
      b
        .of('message')
        .slice(1)
        .map((each) => each.payload),
    ).toEqual(['', '\u0000\u2028"\\', '\ud83d\udc1d', '{"a":1}']);
    for (const each of [a, b]) each.destroy();
  });

  it('nobody there is name_not_found, with the name as it was written', async () => {
    const a = await join('lonely');
    expect(await a.fails(say('nobody', 'x'))).toEqual({
      type: 'error',
      code: 'name_not_found',
      message: expect.any(String),
      to: 'nobody',
    });
    await a.ping();
    a.destroy();
  });

  it('one to oneself comes back; another’s is not heard by its sender, whatever it listens to', async () => {
    const [a, b] = [await join('self-a', '*'), await join('self-b')];
    await a.ask(say('self-a', 'to myself'), 'sent');
    await a.ask(say('self-b', 'to another'), 'sent');
    await b.until('message');
    await a.ping();
    expect([a.of('message').length, a.of('broadcast_message').length]).toEqual([1, 0]);
    for (const each of [a, b]) each.destroy();
  });

  it.each([
    [{ to: undefined }],
    [{ to: 'a b' }],
    [{ to: 'wamp.x' }],
    [{ message_type: undefined }],
    [{ message_type: '' }],
    [{ payload: undefined }],
    [{ metadata: 'x' }],
    [{ metadata: { a: 1 } }],
  ])('wrong fields are bad_message: %j', async (fields) => {
    const a = await join('wrong-send');
    expect(await a.fails({ ...say('wrong-send', 'x'), ...fields })).toMatchObject({
      type: 'error',
      code: 'bad_message',
    });
    await a.ping();
    a.destroy();
    await a.ended;
  });

  it('what the rules forbid is not_authorized, and leaves its trace', async () => {
    const a = await join('mute-a.relay');
    expect(await a.fails(say('secret.x', 'x'))).toMatchObject({ code: 'not_authorized', to: 'secret.x' });
    expect(await a.fails(tell('secret.x', 'x'))).toMatchObject({ code: 'not_authorized', topic: 'secret.x' });
    const rows = router.activity.rows.filter((row) => row.actor === 'mute-a.relay');
    expect(rows.map(({ event, status, topic }) => `${event} ${status} ${topic}`)).toEqual([
      'send_start start secret.x',
      'send_finish rejected secret.x',
      'send_start start secret.x',
      'send_finish rejected secret.x',
    ]);
    a.destroy();
  });
});

describe('subscribe, unsubscribe, broadcast and broadcast_message', () => {
  it('a broadcast comes to all who subscribed, with its topic, and never to its sender', async () => {
    const [a, b, c] = [
      await join('cast-a', 'updates.*'),
      await join('cast-b', 'updates.*'),
      await join('cast-c', 'updates.x'),
    ];
    a.send(tell('updates.x', 'new', { metadata: { k: 'v' } }));
    for (const each of [b, c]) {
      expect((await each.until('broadcast_message'))[0]).toEqual({
        type: 'broadcast_message',
        topic: 'updates.x',
        from_name: 'cast-a.relay',
        message_type: 'news',
        payload: 'new',
        metadata: { k: 'v' },
        timestamp_ms: expect.any(Number),
      });
    }
    await a.ping();
    expect(a.of('broadcast_message')).toEqual([]);
    for (const each of [a, b, c]) each.destroy();
  });

  it('wildcards span one level, a bare * everything but the router’s own topics', async () => {
    const [a, one, all] = [await join('wild-a'), await join('wild-one', 'metrics.*'), await join('wild-all', '*')];
    for (const topic of ['metrics.cpu', 'metrics.cpu.temp', 'metrics', 'other']) a.send(tell(topic, topic));
    const late = await join('wild-late');
    await a.ping();
    await all.until('broadcast_message', 4);
    await one.ping();
    expect(one.of('broadcast_message').map((each) => each.topic)).toEqual(['metrics.cpu']);
    expect(all.of('broadcast_message').map((each) => each.topic)).toEqual([
      'metrics.cpu',
      'metrics.cpu.temp',
      'metrics',
      'other',
    ]);
    const own = await join('wild-own', '*', 'wamp.session.on_join');
    const later = await join('wild-later');
    await own.until('broadcast_message');
    expect(own.of('broadcast_message').map((each) => each.topic)).toEqual(['wamp.session.on_join']);
    for (const each of [a, one, all, late, own, later]) each.destroy();
  });

  it('overlapping topics of one agent deliver once', async () => {
    const [a, b] = [await join('over-a'), await join('over-b', 'over.*', 'over.x', '*')];
    a.send(tell('over.x', '1'));
    a.send(tell('over.y', '2'));
    await b.until('broadcast_message', 2);
    await b.ping();
    expect(b.of('broadcast_message').map((each) => each.payload)).toEqual(['1', '2']);
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, b]) each.destroy();
  });

  it('subscribing twice is once; after unsubscribe nothing comes; what is not subscribed is bad_message', async () => {
    const [a, b] = [await join('unsub-a'), await join('unsub-b', 'un.x', 'un.x')];
    b.send({ type: 'unsubscribe', topic: 'un.x' });
    await b.ping();
    a.send(tell('un.x', 'x'));
    await a.ping();
    await b.ping();
    expect(b.of('broadcast_message')).toEqual([]);
    expect(await b.fails({ type: 'unsubscribe', topic: 'un.x' })).toMatchObject({ code: 'bad_message', topic: 'un.x' });
    for (const each of [a, b]) each.destroy();
  });

  it('the own name as a topic changes nothing: what is sent to it comes once, also after unsubscribe', async () => {
    const [a, b] = [await join('own-a'), await join('own-b', 'own-b.relay')];
    await a.ask(say('own-b', '1'), 'sent');
    b.send({ type: 'unsubscribe', topic: 'own-b.relay' });
    await b.ping();
    await a.ask(say('own-b', '2'), 'sent');
    await b.until('message', 2);
    expect(b.of('message').map((each) => each.payload)).toEqual(['1', '2']);
    for (const each of [a, b]) each.destroy();
  });

  it('wrong topics are bad_message, forbidden ones not_authorized, both with the topic', async () => {
    const a = await join('mute-topics.relay');
    for (const topic of ['', 5, 'a b', '.*', undefined]) {
      expect((await a.fails({ type: 'subscribe', topic })).code).toBe('bad_message');
    }
    for (const topic of ['secret.x', 'secret.*', '*']) {
      expect(await a.fails({ type: 'subscribe', topic })).toMatchObject({ code: 'not_authorized', topic });
    }
    expect((await a.fails(tell('a b', 'x'))).code).toBe('bad_message');
    await a.ping();
    a.destroy();
  });
});

describe('call, inbound_call, call_response and call_result', () => {
  it('a call goes to the agent and its answer back', async () => {
    const [a, b] = [await join('call-a'), await join('call-b')];
    b.onCall = ({ method, payload }) => ({ success: true, payload: `${String(method)}(${String(payload)})` });
    a.send({ type: 'call', to: 'call-b.relay', method: 'sum.up', payload: '1,2', correlation_id: 'id-1' });
    expect((await a.until('call_result'))[0]).toEqual({
      type: 'call_result',
      correlation_id: 'id-1',
      success: true,
      payload: 'sum.up(1,2)',
      error: '',
    });
    expect(b.of('inbound_call')[0]).toEqual({
      type: 'inbound_call',
      correlation_id: expect.stringMatching(UUID),
      from_name: 'call-a.relay',
      method: 'sum.up',
      payload: '1,2',
    });
    expect(router.activity.of('id-1')).toEqual([
      'send_start call-a.relay start',
      'process_start call-b.relay start',
      'process_finish call-b.relay ok',
      'send_finish call-a.relay ok',
    ]);
    for (const each of [a, b]) each.destroy();
  });

  it('without correlation_id one is made; integers are echoed; without payload there is none', async () => {
    const [a, b] = [await join('bare-a'), await join('bare-b')];
    a.send({ type: 'call', to: 'bare-b', method: 'm' });
    expect((await a.until('call_result'))[0]?.correlation_id).toMatch(UUID);
    a.send({ type: 'call', to: 'bare-b', method: 'm', correlation_id: 7, payload: null });
    expect((await a.until('call_result', 2))[1]?.correlation_id).toBe(7);
    expect(b.of('inbound_call').map((each) => each.payload)).toEqual(['', null]);
    for (const each of [a, b]) each.destroy();
  });

  it('an agent calls itself', async () => {
    const a = await join('call-self');
    expect(await a.call('call-self', 'm', 'x')).toMatchObject({ success: true, payload: 'handled' });
    a.destroy();
  });

  it('a failure comes back as the callee said it', async () => {
    const [a, b] = [await join('fail-a'), await join('fail-b')];
    b.onCall = () => ({ success: false, error: 'no such file', payload: 'details' });
    expect(await a.call('fail-b', 'm')).toMatchObject({ success: false, error: 'no such file', payload: 'details' });
    b.onCall = () => ({ success: false });
    expect(await a.call('fail-b', 'm')).toMatchObject({ success: false, error: '', payload: '' });
    b.onCall = () => ({ success: true });
    expect(await a.call('fail-b', 'm')).toMatchObject({ success: true, error: '', payload: '' });
    for (const each of [a, b]) each.destroy();
  });

  it('200 calls outstanding are answered in any order, each its own', async () => {
    const [a, b] = [await join('many-a'), await join('many-b')];
    b.onCall = () => undefined;
    const results = Array.from({ length: 200 }, (_, n) => a.call('many-b', 'm', `question ${n}`));
    const asked = [...(await b.until('inbound_call', 200))];
    // From both ends towards the middle.
    const order = asked.map((_, n) => (n % 2 === 0 ? n / 2 : 199 - (n - 1) / 2));
    for (const n of order) {
      const call = asked[n];
      const payload = `answer to ${String(call?.payload)}`;
      b.send({ type: 'call_response', correlation_id: call?.correlation_id, success: true, payload });
    }
    const answers = await Promise.all(results);
    expect(answers.map((each) => each.payload)).toEqual(answers.map((_, n) => `answer to question ${n}`));
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, b]) each.destroy();
  });

  it('a third party, or the same agent twice, answers nothing', async () => {
    const [a, b, thief] = [await join('third-a'), await join('third-b'), await join('third-c')];
    b.onCall = () => undefined;
    const result = a.call('third-b', 'm');
    const [asked] = await b.until('inbound_call');
    const answer = { type: 'call_response', correlation_id: asked?.correlation_id, success: true };
    expect(await thief.fails({ ...answer, payload: 'stolen' })).toMatchObject({
      code: 'bad_message',
      correlation_id: asked?.correlation_id,
    });
    expect((await a.fails({ ...answer, payload: 'by the caller' })).code).toBe('bad_message');
    b.send({ ...answer, payload: 'mine' });
    expect(await result).toMatchObject({ success: true, payload: 'mine' });
    expect((await b.fails({ ...answer, payload: 'again' })).code).toBe('bad_message');
    for (const each of [a, b, thief]) each.destroy();
  });

  it('a malformed answer is told its sender; the call goes on', async () => {
    const [a, b] = [await join('malformed-a'), await join('malformed-b')];
    b.onCall = () => undefined;
    const result = a.call('malformed-b', 'm');
    const [asked] = await b.until('inbound_call');
    const answer = { type: 'call_response', correlation_id: asked?.correlation_id };
    expect((await b.fails(answer)).message).toMatch(/^success: /);
    expect((await b.fails({ ...answer, success: false, error: 5 })).message).toMatch(/^error: /);
    expect((await b.fails({ type: 'call_response', success: true })).message).toMatch(/^correlation_id: /);
    b.send({ ...answer, success: true, payload: 'right' });
    expect(await result).toMatchObject({ success: true, payload: 'right' });
    for (const each of [a, b]) each.destroy();
  });

  it('silence is a timeout after relay.callTimeoutMs, and a late answer is told so', async () => {
    const [a, b] = [await join('silent-a'), await join('silent-b')];
    b.onCall = () => undefined;
    router.use(HASTY_REALM);
    a.send({ type: 'call', to: 'silent-b', method: 'm', correlation_id: 'silent-1' });
    expect((await a.until('call_result'))[0]).toMatchObject({
      correlation_id: 'silent-1',
      success: false,
      error: expect.stringMatching(/^wamp\.error\.timeout/),
    });
    const [asked] = b.of('inbound_call');
    const late = { type: 'call_response', correlation_id: asked?.correlation_id, success: true };
    expect((await b.fails(late)).code).toBe('bad_message');
    expect(router.activity.of('silent-1')).toEqual([
      'send_start silent-a.relay start',
      'process_start silent-b.relay start',
      'process_finish silent-b.relay timeout',
      'send_finish silent-a.relay error',
    ]);
    router.use(RELAY_REALM);
    for (const each of [a, b]) each.destroy();
  });

  it('nobody there is a result, as is what the rules forbid', async () => {
    const a = await join('mute-calls.relay');
    expect(await a.call('nobody', 'm')).toMatchObject({
      success: false,
      payload: '',
      error: expect.stringMatching(/^wamp\.error\.no_such_procedure/),
    });
    expect((await a.call('secret.x', 'm')).error).toMatch(/^wamp\.error\.not_authorized/);
    expect(router.activity.reserved).toBe(0);
    a.destroy();
  });

  it.each([[{ to: undefined }], [{ method: '' }], [{ method: 'a b' }], [{ method: '.x' }], [{ correlation_id: {} }]])(
    'wrong fields are bad_message: %j',
    async (fields) => {
      const a = await join('wrong-call');
      const call = { type: 'call', to: 'wrong-call', method: 'm', correlation_id: 'kept', ...fields };
      expect(await a.fails(call)).toMatchObject({ code: 'bad_message' });
      await a.ping();
      a.destroy();
      await a.ended;
    },
  );

  it('the caller is named also where the rules disclose nobody: agents know each other', async () => {
    const [a, b] = [await join('mute-caller.relay'), await join('mute-callee.relay')];
    await a.call('mute-callee', 'm');
    expect(b.of('inbound_call')[0]?.from_name).toBe('mute-caller.relay');
    for (const each of [a, b]) each.destroy();
  });
});

describe('resolve and ping', () => {
  it('a name that nobody has is name_not_found', async () => {
    const a = await join('resolver');
    expect(await a.fails({ type: 'resolve', name: 'nobody' })).toMatchObject({
      code: 'name_not_found',
      name: 'nobody',
    });
    expect((await a.fails({ type: 'resolve' })).code).toBe('bad_message');
    expect(await a.ask({ type: 'ping' }, 'pong')).toEqual({ type: 'pong' });
    a.destroy();
  });

  it('an unknown type is unknown_type', async () => {
    const a = await join('unknown');
    expect(await a.fails({ type: 'teleport', to: 'x' })).toMatchObject({ code: 'unknown_type', to: 'x' });
    expect((await a.fails({ to: 'x' })).code).toBe('bad_message');
    a.destroy();
  });
});

describe('auth: ticket', () => {
  const basic = { authorization: `Basic ${Buffer.from(`planner:${PLANNER_TICKET}`).toString('base64')}` };

  it.each([
    ['Basic', basic, ''],
    ['Bearer with a header', { authorization: `Bearer ${PLANNER_TICKET}`, 'x-waggle-authid': 'planner' }, ''],
    ['Bearer with a query', { authorization: `Bearer ${PLANNER_TICKET}` }, '?authid=planner'],
  ])(
    'a principal comes in by %s, under a name it may take and with the PeerId of its key',
    async (_how, headers, query) => {
      const peer = await RelayClient.connect(`${router.ticket}${query}`, headers);
      expect(await peer.fails({ type: 'register', name: 'other' })).toMatchObject({
        code: 'not_authorized',
        name: 'other',
      });
      // What is sent before the answer waits for it.
      peer.send({ type: 'register', name: 'planner' });
      peer.send({ type: 'subscribe', topic: 'updates.*' });
      await peer.until('subscribed');
      expect(peer.of('registered')).toEqual([
        { type: 'registered', name: 'planner.relay', peer_id: peerIdOfPlanner() },
      ]);
      peer.destroy();
      await peer.ended;
    },
  );

  it.each([
    {},
    { authorization: 'Bearer wrong', 'x-waggle-authid': 'planner' },
    { authorization: 'Basic !!' },
    { authorization: 'Bearer x', 'x-waggle-authid': 'nobody' },
  ])('refuses %j alike, and that is final: 1008', async (headers) => {
    const peer = await RelayClient.connect(router.ticket, headers as Record<string, string>);
    expect(await peer.fails({ type: 'register', name: 'planner' })).toEqual({
      type: 'error',
      code: 'not_authorized',
      message: 'authentication failed',
      name: 'planner',
    });
    expect((await peer.ended).code).toBe(1008);
  });
});

it('an autobahn session hears a relay agent join and leave', async () => {
  const wamp = await agent();
  const joined = new Inbox<unknown>();
  await wamp.session.subscribe('wamp.session.on_join', (args) => joined.put(args));
  const peer = await join('seen');
  expect(await joined.until(1)).toMatchObject([[{ authid: 'seen.relay' }]]);
  await wamp.leave();
  peer.destroy();
});

/** The key of the realm file in the form of libp2p, by another way than the router's. */
function peerIdOfPlanner(): string {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let value = BigInt(`0x002408011220${PLANNER_KEY}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = `${alphabet[Number(value % 58n)]}${text}`;
  return `1${text}`;
}
