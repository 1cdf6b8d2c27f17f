import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joinAgent, refusal } from '../support/autobahn-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { RelayClient } from '../support/relay-client.ts';
import { RELAY_REALM, type RelayRouter, startRelayRouter } from '../support/relay-router.ts';

let router: RelayRouter;
beforeEach(async () => {
  router = await startRelayRouter();
});
afterEach(() => router.stop());

const join = (name: string, ...topics: string[]) => RelayClient.join(router.relay, name, ...topics);
const sessions = () => [...router.server.router.realms][0]?.sessions.size;
const say = (to: string, payload: unknown) => ({ type: 'send', to, message_type: 'note', payload });

describe('relay agents that misbehave', () => {
  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a list', '[{"type":"ping"}]'],
    ['a scalar', '5'],
    ['no type', '{"to":"x"}'],
    ['a type that is no string', '{"type":5}'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['200,000 levels', `{"type":"send","to":"bad","message_type":"x","payload":${'['.repeat(2e5)}${']'.repeat(2e5)}}`],
    ['187 levels', `{"type":"call","to":"bad","method":"x","payload":${'['.repeat(186)}${']'.repeat(186)}}`],
  ])('%s is bad_message and does not close the connection', async (_what, text) => {
    const agent = await join('bad');
    expect(await agent.fails(text)).toMatchObject({ type: 'error', code: 'bad_message' });
    await agent.ping();
    agent.destroy();
  });

  it('JSON in a binary frame is a message like any other; members named like methods are none', async () => {
    const agent = await join('binary');
    agent.sendRaw(Buffer.from('{"type":"ping"}'));
    await agent.until('pong');
    expect((await agent.fails('{"type":"constructor"}')).code).toBe('unknown_type');
    expect(
      (await agent.fails('{"type":"send","__proto__":{"to":"binary"},"message_type":"x","payload":""}')).message,
    ).toMatch(/^to: /);
    agent.destroy();
  });

  it('186 levels and almost 1 MiB go through; more is payload_too_large', async () => {
    const [a, b] = [await join('big-a'), await join('big-b')];
    await a.ask(say('big-b', JSON.parse(`${'['.repeat(185)}${']'.repeat(185)}`)), 'sent');
    const limit = 1_048_576 - 4096;
    const overhead = JSON.stringify(say('big-b', '')).length;
    await a.ask(say('big-b', 'x'.repeat(limit - overhead)), 'sent');
    expect(await a.fails(say('big-b', 'x'.repeat(limit - overhead + 1)))).toMatchObject({
      code: 'payload_too_large',
      to: 'big-b',
    });
    await b.until('message', 2);
    for (const each of [a, b]) each.destroy();
  });

  it('PITFALLS 79: a realm’s own maxMessageBytes holds, and costs the message only', async () => {
    router.use(`${RELAY_REALM}limits: { maxMessageBytes: 2048 }\n`);
    const agent = await join('lower');
    expect((await agent.fails(say('lower', '\u00e9'.repeat(1024)))).code).toBe('payload_too_large');
    await agent.ask(say('lower', 'x'.repeat(1024)), 'sent');
    agent.destroy();
  });

  it('whoever does not register in time is told so and cut off by 1013', async () => {
    const own = await startRelayRouter(RELAY_REALM, 'limits: { handshakeTimeoutMs: 200 }');
    const agent = await RelayClient.connect(own.relay);
    await agent.until('error');
    expect(agent.messages).toMatchObject([{ type: 'error', code: 'timeout' }]);
    expect((await agent.ended).code).toBe(1013);
    await own.stop();
  });

  it('calls beyond maxPendingCallsPerSession fail at once; those before are answered', async () => {
    router.use(`${RELAY_REALM}limits: { maxPendingCallsPerSession: 3, maxSubscriptionsPerSession: 2 }\n`);
    const [a, b] = [await join('flood-a'), await join('flood-b')];
    b.onCall = () => undefined;
    const calls = [1, 2, 3, 4].map((n) => a.call('flood-b', 'm', n));
    expect(await calls[3]).toMatchObject({
      success: false,
      error: expect.stringMatching(/^waggle\.error\.limit_exceeded/),
    });
    for (const { correlation_id } of await b.until('inbound_call', 3)) {
      b.send({ type: 'call_response', correlation_id, success: true, payload: 'late' });
    }
    expect((await Promise.all(calls.slice(0, 3))).map(({ payload }) => payload)).toEqual(['late', 'late', 'late']);
    await a.ask({ type: 'subscribe', topic: 'one' }, 'subscribed');
    expect(await a.fails({ type: 'subscribe', topic: 'two' })).toMatchObject({ code: 'internal', topic: 'two' });
    for (const each of [a, b]) each.destroy();
  });

  it('1,000 pipelined messages come in order, all acknowledged', async () => {
    const [a, b] = [await join('pipe-a'), await join('pipe-b')];
    for (let n = 0; n < 1000; n += 1) a.send(say('pipe-b', n));
    await a.until('sent', 1000);
    await b.until('message', 1000);
    expect(b.of('message').map(({ payload }) => payload)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, b]) each.destroy();
  });

  it('nothing is routed while the activity log has no room; answers and pings go on', async () => {
    const [a, b] = [await join('full-a'), await join('full-b')];
    b.onCall = () => undefined;
    const call = a.call('full-b', 'm');
    const [asked] = await b.until('inbound_call');
    router.activity.full = true;
    for (const n of [1, 2]) a.send(say('full-b', n));
    a.send(say('nobody', 'x'));
    b.send({ type: 'broadcast', topic: 'x', message_type: 'x', payload: 'held' });
    b.send({ type: 'call_response', correlation_id: asked?.correlation_id, success: true, payload: 'through' });
    expect(await call).toMatchObject({ payload: 'through' });
    for (const each of [a, b]) await each.ping();
    expect([router.activity.held, b.of('message').length, a.of('sent').length]).toEqual([2, 0, 0]);
    router.activity.open();
    await a.until('error');
    expect(a.of('sent').map(({ to }) => to)).toEqual(['full-b.relay', 'full-b.relay']);
    expect(a.of('error')).toMatchObject([{ code: 'name_not_found', to: 'nobody' }]);
    await b.until('message', 2);
    expect(router.activity.reserved).toBe(0);
    for (const each of [a, b]) each.destroy();
  });

  it('who leaves while its message waits for the log leaves nothing reserved', async () => {
    const [a, b] = [await join('left-a'), await join('left-b')];
    router.activity.full = true;
    a.send(say('left-b', 'x'));
    await expect.poll(() => router.activity.held).toBe(1);
    a.destroy();
    await expect.poll(sessions).toBe(1);
    router.activity.open();
    expect(router.activity.reserved).toBe(0);
    b.destroy();
  });

  it('an agent that does not read is cut off by 1013 and its name is free', async () => {
    const own = await startRelayRouter(`${RELAY_REALM}limits: { outboxBytes: 65536 }\n`);
    const [a, slow] = [await RelayClient.join(own.relay, 'fast'), await RelayClient.join(own.relay, 'slow')];
    slow.pause();
    for (let round = 0; round < 400; round += 1) {
      for (let n = 0; n < 8; n += 1) a.send(say('slow', 'x'.repeat(65_536)));
      const from = a.messages.length;
      a.send({ type: 'ping' });
      await a.next(({ type }) => type === 'pong', from);
      if (a.of('error').length > 0) break;
    }
    expect(a.of('error')[0]).toMatchObject({ code: 'name_not_found', to: 'slow' });
    const again = await RelayClient.join(own.relay, 'slow');
    again.destroy();
    for (const each of [a, slow]) each.destroy();
    await own.stop();
  });
});

describe('names', () => {
  it('one that is taken stays with its holder; the asker may take another', async () => {
    const holder = await join('twin');
    const asker = await RelayClient.connect(router.relay);
    for (const name of ['twin', 'twin.relay']) {
      expect(await asker.fails({ type: 'register', name })).toMatchObject({ code: 'name_taken', name });
    }
    await asker.ask({ type: 'register', name: 'twin-2' }, 'registered');
    await asker.ask(say('twin', 'x'), 'sent');
    await holder.until('message');
    for (const each of [holder, asker]) each.destroy();
  });

  it('two that ask for one name at the same time: one has it', async () => {
    const askers = await Promise.all([1, 2, 3].map(() => RelayClient.connect(router.relay)));
    for (const each of askers) each.send({ type: 'register', name: 'race' });
    const answers = await Promise.all(askers.map((each) => each.next(() => true)));
    expect(answers.map(({ type, code }) => code ?? type).toSorted()).toEqual([
      'name_taken',
      'name_taken',
      'registered',
    ]);
    for (const each of askers) each.destroy();
  });

  it('the name of a living session of another protocol is taken, too', async () => {
    const realm = RELAY_REALM.replace(
      'principals:',
      'principals:\n  desk.relay: { role: anybody, ticket: { env: PLANNER }, relay: ["desk.relay"] }',
    );
    router.use(realm);
    const options = {
      realm: 'realm1',
      authid: 'desk.relay',
      authmethods: ['ticket'],
      onchallenge: () => 'a-ticket-of-the-planner',
    };
    const desk = await joinAgent({ url: router.wamp }, 'json', options);
    const headers = { authorization: 'Bearer a-ticket-of-the-planner', 'x-waggle-authid': 'desk.relay' };
    const agent = await RelayClient.connect(router.ticket, headers);
    expect((await agent.fails({ type: 'register', name: 'desk' })).code).toBe('name_taken');
    await desk.leave();
    await expect.poll(sessions).toBe(0);
    await agent.ask({ type: 'register', name: 'desk' }, 'registered');
    agent.destroy();
  });

  it.each(['close', 'destroy'] as const)('%s frees the name and everything held below it at once', async (how) => {
    const agent = await join('short-lived', 'updates.*', '*');
    const wamp = await joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });
    agent.onCall = () => undefined;
    const call = refusal(wamp.session.call('short-lived.relay.m'));
    await agent.until('inbound_call');
    agent[how]();
    expect((await call).error).toBe('wamp.error.canceled');
    const realm = [...router.server.router.realms][0];
    expect([realm?.sessions.size, realm?.broker.size]).toEqual([1, 0]);
    expect((await refusal(wamp.session.call('short-lived.relay.m'))).error).toBe('wamp.error.no_such_procedure');
    const again = await join('short-lived');
    expect(router.activity.reserved).toBe(0);
    await wamp.leave();
    again.destroy();
  });

  it('a socket that is torn without a closing handshake frees the name', async () => {
    const socket = await RawWebSocket.open({ port: router.port, path: '/relay' });
    socket.text('{"type":"register","name":"torn"}');
    expect(JSON.parse(await socket.nextText())).toMatchObject({ type: 'registered' });
    socket.destroy();
    await expect.poll(sessions).toBe(0);
    (await join('torn')).destroy();
  });

  it('a holder that answers no ping within 5 s loses its name to whoever asks again', { timeout: 15_000 }, async () => {
    const holder = await join('hung');
    holder.pause();
    const asker = await RelayClient.connect(router.relay);
    for (let n = 0; n < 3; n += 1)
      expect((await asker.fails({ type: 'register', name: 'hung' })).code).toBe('name_taken');
    await expect.poll(sessions, { timeout: 8000 }).toBe(0);
    await asker.ask({ type: 'register', name: 'hung' }, 'registered');
    for (const each of [holder, asker]) each.destroy();
  });

  it('a caller that leaves is not waited for, and its callee may go on', async () => {
    const [a, b] = [await join('leaves'), await join('stays')];
    b.onCall = () => undefined;
    a.send({ type: 'call', to: 'stays', method: 'm', correlation_id: 'left' });
    const [asked] = await b.until('inbound_call');
    a.destroy();
    await expect.poll(() => router.activity.of('left').at(-1)).toMatch(/^send_finish/);
    const late = { type: 'call_response', correlation_id: asked?.correlation_id, success: true };
    expect((await b.fails(late)).code).toBe('bad_message');
    expect(router.activity.of('left')).toEqual([
      'send_start leaves.relay start',
      'process_start stays.relay start',
      'process_finish stays.relay canceled',
      'send_finish leaves.relay error',
    ]);
    expect(router.activity.reserved).toBe(0);
    b.destroy();
  });
});

describe('relay sessions and the realm', () => {
  it('reload: what is no longer allowed is taken away and said, another role closes by 1012, a lost name by 1008', async () => {
    const [a, revoked, listener, lost] = [
      await join('peer-a.relay'),
      await join('peer-b.relay', 'topic.x', 'topic.*'),
      await join('listen-1'),
      await join('lost'),
    ];
    router.use(
      RELAY_REALM.replace(
        '  mute:',
        '    - { uri: "topic.", match: prefix, deny: [subscribe] }\n    - { uri: "peer-b.relay.", match: prefix, deny: [register] }\n  mute:',
      )
        .replace('"listen-*": listener', '"listen-*": mute')
        .replace('["planner.relay"]', '["planner.relay", "lost.relay"]'),
    );
    expect((await listener.ended).code).toBe(1012);
    expect((await lost.ended).code).toBe(1008);
    await revoked.until('error', 3);
    expect(
      revoked
        .of('error')
        .map(({ code, topic }) => [code, topic])
        .toSorted(),
    ).toEqual([
      ['not_authorized', 'peer-b.relay'],
      ['not_authorized', 'topic.*'],
      ['not_authorized', 'topic.x'],
    ]);
    a.send({ type: 'broadcast', topic: 'topic.x', message_type: 'x', payload: '' });
    expect((await a.call('peer-b', 'm')).error).toMatch(/^wamp\.error\.no_such_procedure/);
    await a.ask(say('peer-b', 'still'), 'sent');
    await revoked.until('message');
    expect(revoked.of('broadcast_message')).toEqual([]);
    for (const each of [a, revoked]) each.destroy();
  });

  it('a graceful stop closes by 1012, so that agents come back', async () => {
    const agent = await join('stopped');
    await router.stop();
    expect((await agent.ended).code).toBe(1012);
  });

  it('a session that an admin kills is closed by 1008', async () => {
    const agent = await join('killed');
    const wamp = await joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });
    await wamp.session.call('wamp.session.kill_by_authid', ['killed.relay']);
    expect((await agent.ended).code).toBe(1008);
    (await join('killed')).destroy();
    await wamp.leave();
  });

  it('a page of another origin is refused before it is a connection', async () => {
    const headers = { origin: 'https://evil.example' };
    await expect(RelayClient.connect(router.relay, headers)).rejects.toThrow(/403/);
    (await RelayClient.connect(router.relay, { origin: `http://localhost:3000` })).destroy();
  });

  it('a silent agent is noticed by the keep-alive of all links', async () => {
    const own = await startRelayRouter(RELAY_REALM, 'limits: { keepAlive: { pingMs: 20, timeoutMs: 20 } }');
    const agent = await RelayClient.join(own.relay, 'silent');
    const alive = await RelayClient.join(own.relay, 'alive');
    agent.pause();
    await expect.poll(() => [...own.server.router.realms][0]?.sessions.size, { timeout: 8000 }).toBe(1);
    await alive.ping();
    await own.stop();
    agent.destroy();
  });
});
