/** Every bound of CONTRACT §3 is passed once: that costs whoever passed it, and nobody beside. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { type HealthySession, healthySession } from '../support/healthy-session.ts';
import { metric } from '../support/metrics-page.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { OPEN_REALM, type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

const { ABORT, CALL, ERROR, EVENT, HELLO, INVOCATION, REGISTER, SUBSCRIBE, WELCOME } = MessageType;
const LIMIT = 'waggle.error.limit_exceeded';

async function router(options: RouterOptions = {}): Promise<RunningRouter> {
  const running = await startRouter(options);
  onTestFinished(() => running.stop());
  return running;
}

/** The router with a bound of its own, and with the same bound in the realm only: both must hold. */
function placed(key: string, value: number | string): [string, RouterOptions][] {
  return [
    ['of the router', { extra: `limits: { ${key}: ${value} }` }],
    ['of the realm, lower than the router’s', { realms: { realm1: `${OPEN_REALM}limits: { ${key}: ${value} }\n` } }],
  ];
}

function join(url: string): Promise<RawClient> {
  return RawClient.connect(url).then((client) => client.join('realm1'));
}

/** A joined client that can freeze, subscribed to `flood`. */
async function freezable(port: number): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'] });
  onTestFinished(() => socket.destroy());
  socket.text(JSON.stringify([HELLO, 'realm1', { roles: { subscriber: {}, caller: {} } }]));
  expect(JSON.parse(await socket.nextText())[0]).toBe(WELCOME);
  socket.text(JSON.stringify([SUBSCRIBE, 1, {}, 'flood']));
  await socket.next();
  return socket;
}

/** Publishes to `flood` until `done`; each publication is acknowledged, so the publisher never runs ahead. */
async function floodUntil(publisher: RawClient, done: () => Promise<boolean>, bytes = 65_536): Promise<void> {
  const payload = 'x'.repeat(bytes);
  for (let round = 0; round < 400; round += 1) {
    for (let i = 0; i < 8; i += 1) {
      publisher.publish('flood', { acknowledge: true }, [payload]);
      await publisher.expect(MessageType.PUBLISHED);
    }
    if (await done()) return;
  }
  throw new Error('the bound was never met');
}

describe('maxMessageBytes', () => {
  it('PITFALLS 79: of the router: a longer message closes its connection with 1009', async () => {
    const { url } = await router({ extra: 'limits: { maxMessageBytes: 2048 }' });
    const healthy = await healthySession(url);
    const client = await join(url);
    client.publish('a.topic', {}, ['x'.repeat(3000)]);
    expect(await client.ended).toMatchObject({ code: 1009 });
    await healthy.works();
  });

  it('of the realm: a longer message is answered ABORT payload_size_exceeded, then 1009', async () => {
    const realm1 = `${OPEN_REALM}limits: { maxMessageBytes: 2048 }\n`;
    const { url } = await router({ realms: { realm1, realm2: OPEN_REALM.replace('realm1', 'realm2') } });
    const healthy = await healthySession(url);
    const elsewhere = await (await RawClient.connect(url)).join('realm2');
    const client = await join(url);
    client.publish('a.topic', {}, ['x'.repeat(3000)]);
    expect(await client.expect(ABORT)).toMatchObject({ reason: 'wamp.error.payload_size_exceeded' });
    expect(await client.ended).toMatchObject({ code: 1009 });
    elsewhere.publish('a.topic', { acknowledge: true }, ['x'.repeat(3000)]);
    await elsewhere.expect(MessageType.PUBLISHED);
    await healthy.works();
  });

  it('a message of exactly that length is taken', async () => {
    const { url } = await router({ extra: 'limits: { maxMessageBytes: 2048 }' });
    const client = await join(url);
    const empty = JSON.stringify([MessageType.PUBLISH, 1, { acknowledge: true }, 'a.topic', ['']]).length;
    client.publish('a.topic', { acknowledge: true }, ['x'.repeat(2048 - empty)]);
    await client.expect(MessageType.PUBLISHED);
  });
});

describe('maxSessions', () => {
  it('of the router: one more connection is answered 503 at the upgrade, until somebody leaves', async () => {
    const { url, port, server } = await router({ extra: 'limits: { maxSessions: 2 }' });
    const healthy = await healthySession(url);
    const second = await join(url);
    const refused = await RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'] });
    expect(refused.status).toBe(503);
    expect(refused.response).toContain('as many sessions as it may');
    await healthy.works();
    second.destroy();
    await vi.waitFor(() => expect(server.router.sessionCount).toBe(1));
    await (await join(url)).settle();
  });

  it('of the realm: one more is closed with 1013 and without ABORT, so that it tries again', async () => {
    const { url } = await router({ realms: { realm1: `${OPEN_REALM}limits: { maxSessions: 1 }\n` } });
    const healthy = await healthySession(url);
    const client = await RawClient.connect(url);
    client.hello('realm1');
    expect(await client.ended).toMatchObject({ code: 1013 });
    expect(client.received).toEqual([]);
    await healthy.works();
  });
});

describe('handshakeTimeoutMs', () => {
  const short = 'limits: { handshakeTimeoutMs: 100 }';

  it('whoever says nothing is closed with 1013, counted; who joined in time stays', async () => {
    const { url, admin } = await router({ extra: short });
    const healthy = await healthySession(url);
    const silent = await RawClient.connect(url);
    expect(await silent.ended).toMatchObject({ code: 1013 });
    expect(silent.received).toEqual([]);
    expect(await metric(admin, 'waggle_handshakes_total{outcome="timeout"}')).toBe(1);
    await healthy.works();
  });

  it('whoever does not answer the challenge is closed with 1013', async () => {
    const realm1 = `
realm: realm1
environment: test
principals: { slow: { role: anybody, ticket: { env: TICKET } } }
roles: { anybody: [] }
`;
    const { url } = await router({ extra: short, realms: { realm1 }, env: { TICKET: 'ticket-of-slow' } });
    const client = await RawClient.connect(url);
    client.hello('realm1', { roles: { caller: {} }, authid: 'slow', authmethods: ['ticket'] });
    await client.expect(MessageType.CHALLENGE);
    expect(await client.ended).toMatchObject({ code: 1013 });
    expect(client.received).toHaveLength(1);
  });

  it('whoever opens a socket and sends half a request is cut', async () => {
    const { url, port } = await router({ extra: short });
    const healthy = await healthySession(url);
    const { connect } = await import('node:net');
    const socket = connect({ host: '127.0.0.1', port });
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {}).resume();
    socket.write('GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    await gone;
    await healthy.works();
  });
});

describe('outboxBytes', () => {
  it.each(placed('outboxBytes', 65_536))(
    'PITFALLS 81: %s: with slowPeer disconnect a frozen peer is cut, counted and logged',
    async (_where, options) => {
      const { url, port, admin, log } = await router(options);
      const healthy = await healthySession(url);
      const frozen = await freezable(port);
      frozen.freeze();
      const publisher = await join(url);
      const slowPeers = () => metric(admin, 'waggle_slow_peers_total');
      expect(await slowPeers()).toBe(0);
      await floodUntil(publisher, async () => (await slowPeers()) > 0, 8192);
      await healthy.works();
      await vi.waitFor(async () => expect(await metric(admin, 'waggle_sessions')).toBe(2), 5000);
      expect(await metric(admin, 'waggle_outbox_pending_bytes')).toBeLessThan(65_536);
      expect(log()).toContain('a peer that does not read was disconnected');
      expect(log()).toContain('"cause":"outboxBytes"');
    },
  );

  it('PITFALLS 81: with slowPeer dropEvents it loses events, counted and logged, and stays', async () => {
    const { url, port, admin, log } = await router({ extra: 'limits: { outboxBytes: 65536, slowPeer: dropEvents }' });
    const healthy = await healthySession(url);
    const frozen = await freezable(port);
    frozen.freeze();
    const publisher = await join(url);
    const dropped = () => metric(admin, 'waggle_slow_peer_events_dropped_total');
    await floodUntil(publisher, async () => (await dropped()) > 0, 8192);
    await healthy.works();
    expect(await metric(admin, 'waggle_slow_peers_total')).toBe(0);
    expect(await metric(admin, 'waggle_messages_dropped_total{cause="peer_refused"}')).toBe(await dropped());
    expect(log()).toContain('messages were not taken by their receivers');
    frozen.thaw();
    await vi.waitFor(async () => expect(await metric(admin, 'waggle_outbox_pending_bytes')).toBe(0), 5000);
    publisher.publish('flood', {}, ['the last']);
    for (;;) {
      const message = JSON.parse(await frozen.nextText());
      expect(message[0]).toBe(EVENT);
      if (message[4][0] === 'the last') break;
    }
  });

  it('PITFALLS 81: with dropEvents an answer that does not fit is not dropped: its peer is disconnected', async () => {
    const { url, port, admin } = await router({ extra: 'limits: { outboxBytes: 65536, slowPeer: dropEvents }' });
    const healthy = await healthySession(url);
    const callee = await join(url);
    await callee.register('big.answer');
    const frozen = await freezable(port);
    const calls = 2000;
    frozen.freeze();
    for (let i = 2; i < calls; i += 1) frozen.text(JSON.stringify([CALL, i, {}, 'big.answer']));
    const answers = (async () => {
      for (;;) {
        const { request } = await callee.expect(INVOCATION);
        callee.send([MessageType.YIELD, request, {}, ['x'.repeat(65_000)]]);
      }
    })();
    answers.catch(() => {});
    // It is no longer read from while its backlog waits, so an answer to an earlier call is what passes the bound.
    await vi.waitFor(async () => expect(await metric(admin, 'waggle_sessions')).toBe(2), 15_000);
    expect(await metric(admin, 'waggle_slow_peers_total')).toBe(1);
    await healthy.works();
  });
});

describe('outboxTotalBytes', () => {
  it('the fattest connections are cut until the rest fits, counted and logged; who reads stays', async () => {
    const { url, port, admin, log } = await router({ extra: 'limits: { outboxTotalBytes: 131072 }' });
    const healthy = await healthySession(url);
    const frozen = [await freezable(port), await freezable(port)];
    for (const each of frozen) each.freeze();
    const publisher = await join(url);
    await floodUntil(publisher, async () => (await metric(admin, 'waggle_slow_peers_total')) > 0, 32_768);
    await healthy.works();
    expect(await metric(admin, 'waggle_outbox_pending_bytes')).toBeLessThanOrEqual(131_072);
    expect(log()).toContain('"cause":"outboxTotalBytes"');
  });
});

describe('maxUriBytes', () => {
  it.each(placed('maxUriBytes', 20))(
    '%s: a longer URI is refused with invalid_uri, whatever it is for',
    async (_where, options) => {
      const { url } = await router(options);
      const client = await join(url);
      // 20 bytes, 18 characters.
      const fits = `a.${'b'.repeat(14)}éé`;
      const tooLong = `${fits}c`;
      await client.subscribe(fits);
      const refused = { error: 'wamp.error.invalid_uri' };
      client.send([SUBSCRIBE, client.next(), {}, tooLong]);
      expect(await client.expect(ERROR)).toMatchObject(refused);
      client.send([REGISTER, client.next(), {}, tooLong]);
      expect(await client.expect(ERROR)).toMatchObject(refused);
      client.call(tooLong);
      expect(await client.expect(ERROR)).toMatchObject(refused);
      client.publish(tooLong, { acknowledge: true });
      expect(await client.expect(ERROR)).toMatchObject(refused);
      client.publish(fits, { acknowledge: true });
      await client.expect(MessageType.PUBLISHED);
    },
  );
});

describe('what one session may hold', () => {
  /** The bound is 2: two are taken, the third is refused, one given back makes room. */
  it.each(placed('maxSubscriptionsPerSession', 2))('maxSubscriptionsPerSession %s', async (_where, options) => {
    const { url } = await router(options);
    const healthy = await healthySession(url);
    const client = await join(url);
    const first = await client.subscribe('topic.1');
    await client.subscribe('topic.2');
    client.send([SUBSCRIBE, client.next(), {}, 'topic.3']);
    expect(await client.expect(ERROR)).toMatchObject({ error: LIMIT });
    // Held already: nothing more to hold.
    expect(await client.subscribe('topic.1')).toBe(first);
    client.send([MessageType.UNSUBSCRIBE, client.next(), first]);
    await client.expect(MessageType.UNSUBSCRIBED);
    await client.subscribe('topic.3');
    await healthy.works();
  });

  it.each(placed('maxRegistrationsPerSession', 2))('maxRegistrationsPerSession %s', async (_where, options) => {
    const { url } = await router(options);
    const healthy = await healthySession(url);
    const client = await join(url);
    const first = await client.register('procedure.1');
    await client.register('procedure.2');
    client.send([REGISTER, client.next(), {}, 'procedure.3']);
    expect(await client.expect(ERROR)).toMatchObject({ error: LIMIT });
    client.send([MessageType.UNREGISTER, client.next(), first]);
    await client.expect(MessageType.UNREGISTERED);
    await client.register('procedure.3');
    await healthy.works();
  });

  it.each(placed('maxPendingCallsPerSession', 2))('maxPendingCallsPerSession %s', async (_where, options) => {
    const { url } = await router(options);
    const healthy: HealthySession = await healthySession(url);
    const callee = await join(url);
    await callee.register('slow.work');
    const client = await join(url);
    const first = client.call('slow.work');
    client.call('slow.work');
    const third = client.call('slow.work');
    expect(await client.expect(ERROR)).toMatchObject({ requestType: CALL, request: third, error: LIMIT });
    const { request } = await callee.expect(INVOCATION);
    callee.send([MessageType.YIELD, request, {}]);
    expect(await client.expect(MessageType.RESULT)).toMatchObject({ request: first });
    client.call('slow.work');
    await callee.expect(INVOCATION);
    await callee.expect(INVOCATION);
    await healthy.works();
  });
});

describe('keepAlive', () => {
  it('PITFALLS 80: a dead peer is removed in that time: its registration is free, its caller is told, it is counted', async () => {
    const { url, port, admin, log, server } = await router({
      extra: 'limits: { keepAlive: { pingMs: 100, timeoutMs: 100 } }',
    });
    const healthy = await healthySession(url);
    const dead = await RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'] });
    onTestFinished(() => dead.destroy());
    dead.text(JSON.stringify([HELLO, 'realm1', { roles: { callee: {} } }]));
    await dead.next();
    dead.text(JSON.stringify([REGISTER, 1, {}, 'only.one']));
    await dead.next();
    const caller = await join(url);
    caller.call('only.one');
    // From here on it says nothing more, not even a pong; autobahn and `ws` answer pings by themselves.
    expect(await caller.expect(ERROR)).toMatchObject({ requestType: CALL, error: 'wamp.error.canceled' });
    expect(await metric(admin, 'waggle_dead_peers_total')).toBe(1);
    expect(log()).toContain('a dead peer was removed');
    await caller.register('only.one');
    expect(server.router.sessionCount).toBe(2);
    await healthy.works();
  });
});

describe('callTimeoutMs', () => {
  it.each(placed('callTimeoutMs', 80))('%s: a call that asks for no timeout ends after it', async (_where, options) => {
    const { url } = await router(options);
    const healthy = await healthySession(url);
    const callee = await join(url);
    await callee.register('slow.work');
    const client = await join(url);
    const request = client.call('slow.work');
    expect(await client.expect(ERROR)).toMatchObject({ requestType: CALL, request, error: 'wamp.error.timeout' });
    await healthy.works();
  });
});
