/** From the first byte to WELCOME and from GOODBYE to the end, over WebSocket in every encoding (PITFALLS 1–10, 16, 21). */
import { scryptSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { encodeRaw, RAW_NAMES, type RawName } from '../support/raw-codec.ts';
import { OP, RawWebSocket } from '../support/raw-websocket.ts';
import { OPEN_REALM, type RunningRouter, startRouter } from '../support/start-router.ts';

const VIOLATION = 'wamp.error.protocol_violation';
const SALT = Buffer.from('0123456789abcdef');
/** Takes long enough that a test can act while it is computed. */
const SLOW = `scrypt$15$8$1$${SALT.toString('base64')}$${scryptSync('slow-ticket', SALT, 32, {
  N: 2 ** 15,
  r: 8,
  p: 1,
  maxmem: 2 ** 26,
}).toString('base64')}`;

const TICKETS = `
realm: tickets
principals:
  alice: { role: agent, ticket: { env: ALICE } }
  slow: { role: agent, ticket: { hash: "${SLOW}" } }
  slower: { role: agent, ticket: { hash: "${SLOW}" } }
roles:
  agent:
    - { uri: com., match: prefix, allow: [call, register, publish, subscribe] }
`;

const HELLO_TICKET = { roles: ALL_ROLES, authmethods: ['ticket'], authid: 'alice' };

/** Every message a client may send, for states in which it must not. */
const CLIENT_MESSAGES: Readonly<Record<string, readonly unknown[]>> = {
  HELLO: [1, 'realm1', { roles: ALL_ROLES }],
  AUTHENTICATE: [5, 'ticket', {}],
  GOODBYE: [6, {}, 'wamp.close.normal'],
  ERROR: [8, 68, 1, {}, 'com.error'],
  PUBLISH: [16, 1, {}, 'com.topic'],
  SUBSCRIBE: [32, 1, {}, 'com.topic'],
  UNSUBSCRIBE: [34, 1, 1],
  CALL: [48, 1, {}, 'com.procedure'],
  CANCEL: [49, 1, {}],
  REGISTER: [64, 1, {}, 'com.procedure'],
  UNREGISTER: [66, 1, 1],
  YIELD: [70, 1, {}],
};
const ROUTER_MESSAGES: Readonly<Record<string, readonly unknown[]>> = {
  WELCOME: [2, 1, {}],
  CHALLENGE: [4, 'ticket', {}],
  PUBLISHED: [17, 1, 1],
  SUBSCRIBED: [33, 1, 1],
  UNSUBSCRIBED: [35, 1],
  EVENT: [36, 1, 1, {}],
  RESULT: [50, 1, {}],
  REGISTERED: [65, 1, 1],
  UNREGISTERED: [67, 1],
  INVOCATION: [68, 1, 1, {}],
  INTERRUPT: [69, 1, {}],
};

let router: RunningRouter;
/** One per encoding, for a slow ticket that was proven once is quick from then on. */
function routerForAll(): void {
  beforeAll(async () => {
    router = await startRouter({
      realms: { realm1: OPEN_REALM, tickets: TICKETS },
      env: { ALICE: 'secret-alice' },
      extra: 'limits: { maxMessageBytes: 4096 }',
    });
  });
  afterAll(() => router.stop());
}

/** Ended by ABORT and nothing after it. @returns the reason */
async function aborted(client: RawClient, code: number): Promise<string> {
  const { reason } = await client.expect(3);
  expect((await client.ended).code).toBe(code);
  await expect(client.take()).rejects.toThrow('ended');
  return reason;
}

/** Sessions of all realms, as the router counts them. */
const sessions = () => router.server.router.sessionCount;

function handshakeFaults(name: RawName): void {
  routerForAll();
  const connect = () => RawClient.connect(router.url, name);
  const joined = async () => (await connect()).join('realm1');
  const challenged = async (authid = 'alice') => {
    const client = await connect();
    client.hello('tickets', { ...HELLO_TICKET, authid });
    expect(await client.take()).toEqual([4, 'ticket', {}]);
    return client;
  };

  describe('before HELLO', () => {
    for (const [message, elements] of Object.entries({ ...CLIENT_MESSAGES, ...ROUTER_MESSAGES })) {
      if (message === 'HELLO') continue;
      it(`PITFALLS 1, 3, 4: ${message} as the first message is a protocol violation`, async () => {
        const client = await connect();
        client.send(elements);
        expect(await aborted(client, 1002)).toBe(VIOLATION);
      });
    }

    it('PITFALLS 7: ABORT is not answered', async () => {
      const client = await connect();
      client.send([3, { message: 'never mind' }, 'com.reason']);
      await client.ended;
      expect(client.received).toEqual([]);
    });
  });

  describe('HELLO', () => {
    it('PITFALLS 9: an unknown realm is no_such_realm', async () => {
      const client = await connect();
      client.hello('com.nowhere');
      expect(await aborted(client, 1000)).toBe('wamp.error.no_such_realm');
    });

    it('PITFALLS 9: an empty realm is no_such_realm', async () => {
      const client = await connect();
      client.hello('');
      expect(await aborted(client, 1000)).toBe('wamp.error.no_such_realm');
    });

    it('PITFALLS 9: a realm that is no URI or no string is invalid_uri', async () => {
      for (const realm of ['not a uri', 'com..x', '.', 1, null, true, [], {}]) {
        const client = await connect();
        client.hello(realm);
        const { reason } = await client.expect(3);
        expect({ realm, reason }).toEqual({ realm, reason: 'wamp.error.invalid_uri' });
        await client.ended;
      }
    });

    it('PITFALLS 10: roles that are missing, empty, unknown or no dictionary are a protocol violation', async () => {
      for (const details of [
        {},
        { roles: {} },
        { roles: null },
        { roles: [] },
        { roles: 'caller' },
        { roles: { broker: {}, dealer: {} } },
        { roles: { caller: true } },
        [],
        null,
        'roles',
      ]) {
        const client = await connect();
        client.hello('realm1', details);
        expect({ details, reason: await aborted(client, 1002) }).toEqual({ details, reason: VIOLATION });
      }
    });

    it('PITFALLS 10: a role may be {}, unknown roles and features are ignored', async () => {
      const roles = { caller: {}, juggler: {}, callee: { features: { flying: true } }, subscriber: { features: {} } };
      const client = await (await connect()).join('realm1', { roles });
      expect(client.session).toBeGreaterThan(0);
      client.close();
    });

    it('PITFALLS 27: known details of the wrong type are a protocol violation', async () => {
      const wrong = [
        { authmethods: 'ticket' },
        { authmethods: [1] },
        { authid: 1 },
        { authid: null },
        { authextra: [] },
        { authextra: 'x' },
        { agent: 1 },
      ];
      for (const details of wrong) {
        const client = await connect();
        client.hello('realm1', { roles: ALL_ROLES, ...details });
        expect({ details, reason: await aborted(client, 1002) }).toEqual({ details, reason: VIOLATION });
      }
    });

    it('PITFALLS 2: a second HELLO ends the session and frees what it held', async () => {
      const client = await joined();
      await client.register('com.held');
      client.hello('realm1');
      expect(await aborted(client, 1002)).toBe(VIOLATION);
      const other = await joined();
      await other.register('com.held');
      other.close();
    });
  });

  describe('CHALLENGE', () => {
    for (const [message, elements] of Object.entries({ ...CLIENT_MESSAGES, ...ROUTER_MESSAGES })) {
      if (message === 'AUTHENTICATE') continue;
      it(`PITFALLS 4, 21: ${message} instead of AUTHENTICATE is a protocol violation`, async () => {
        const client = await challenged();
        client.send(elements);
        expect(await aborted(client, 1002)).toBe(VIOLATION);
      });
    }

    it('PITFALLS 7: ABORT instead of AUTHENTICATE is not answered', async () => {
      const client = await challenged();
      client.send([3, {}, 'wamp.error.cannot_authenticate']);
      await client.ended;
      expect(client.received).toHaveLength(1);
    });

    it('PITFALLS 25: AUTHENTICATE with wrong types is a protocol violation', async () => {
      for (const message of [[5], [5, 1, {}], [5, 'x'], [5, 'x', []], [5, null, {}], [5, 'x', {}, 1]]) {
        const client = await challenged();
        client.send(message);
        expect({ message, reason: await aborted(client, 1002) }).toEqual({ message, reason: VIOLATION });
      }
    });

    it('PITFALLS 21: AUTHENTICATE after WELCOME is a protocol violation', async () => {
      const client = await challenged();
      client.send([5, 'secret-alice', {}]);
      await client.expect(2);
      client.send([5, 'secret-alice', {}]);
      expect(await aborted(client, 1002)).toBe(VIOLATION);
    });

    it('PITFALLS 21: a second AUTHENTICATE while the first is checked is a protocol violation, and nobody joins', async () => {
      const before = sessions();
      const client = await challenged('slow');
      client.send([5, 'slow-ticket', {}]);
      client.send([5, 'slow-ticket', {}]);
      expect(await aborted(client, 1002)).toBe(VIOLATION);
      // The check of the next one runs after that of the first.
      const next = await (await connect()).join('tickets', { ...HELLO_TICKET, authid: 'slow', ticket: 'slow-ticket' });
      expect(sessions()).toBe(before + 1);
      next.close();
      await next.ended;
    });

    it('PITFALLS 8: a client that vanishes while its ticket is checked does not join', async () => {
      const before = sessions();
      const client = await challenged('slower');
      client.send([5, 'slow-ticket', {}]);
      client.close();
      await client.ended;
      const next = await (await connect()).join('tickets', {
        ...HELLO_TICKET,
        authid: 'slower',
        ticket: 'slow-ticket',
      });
      expect(sessions()).toBe(before + 1);
      next.close();
      await next.ended;
    });

    it('PITFALLS 20: a ticket of 3 kB is a ticket like any other', async () => {
      const client = await challenged();
      client.send([5, 'x'.repeat(3000), {}]);
      expect(await aborted(client, 1000)).toBe('wamp.error.authentication_denied');
    });
  });

  describe('GOODBYE', () => {
    it('PITFALLS 5: is answered once; after it the session is over and only HELLO is taken', async () => {
      const client = await joined();
      client.send([6, {}, 'wamp.close.normal']);
      expect(await client.take()).toEqual([6, {}, 'wamp.close.goodbye_and_out']);
      client.send([16, 1, { acknowledge: true }, 'com.topic']);
      expect(await aborted(client, 1002)).toBe(VIOLATION);
    });

    it('PITFALLS 6: HELLO after GOODBYE starts a new session, many times over, in another realm too', async () => {
      const client = await connect();
      const ids = new Set<number>();
      for (const realm of ['realm1', 'tickets', 'realm1']) {
        const options = realm === 'tickets' ? { authid: 'alice', authmethods: ['ticket'], ticket: 'secret-alice' } : {};
        await client.join(realm, options);
        ids.add(client.session);
        client.send([6, {}, 'wamp.close.normal']);
        await client.expect(6);
      }
      expect(ids.size).toBe(3);
      client.close();
    });

    it('PITFALLS 7: ABORT of a joined client ends its session without an answer', async () => {
      const client = await joined();
      await client.register('com.aborted');
      client.send([3, {}, 'com.reason']);
      await client.ended;
      expect(client.received).toHaveLength(2);
      const other = await joined();
      await other.register('com.aborted');
      other.close();
    });
  });

  describe('fragments', () => {
    const opcode = name === 'json' ? OP.text : OP.binary;
    const open = (protocols = [`wamp.2.${name}`]) => RawWebSocket.open({ port: router.port, protocols });

    it('PITFALLS 79: a message in two fragments, cut anywhere, is one message', async () => {
      const hello = encodeRaw(name, [1, 'realm1', { roles: { subscriber: {} } }]);
      const subscribe = encodeRaw(name, [32, 9, {}, 'com.größe.😀']);
      const client = await open();
      const halves = (message: Buffer, at: number) => {
        client.send(opcode, message.subarray(0, at), { fin: false });
        client.send(OP.continuation, message.subarray(at));
      };
      halves(hello, 3);
      await client.next();
      let last = '';
      for (let at = 1; at < subscribe.length; at += 1) {
        halves(subscribe, at);
        const { opcode: kind, payload } = await client.next();
        expect(kind).toBe(opcode);
        if (at > 1) expect(payload.toString('hex')).toBe(last);
        last = payload.toString('hex');
      }
      client.destroy();
      for (let at = 1; at < hello.length; at += 1) {
        const other = await open();
        other.send(opcode, hello.subarray(0, at), { fin: false });
        other.send(OP.continuation, hello.subarray(at));
        expect((await other.next()).opcode).toBe(opcode);
        other.destroy();
      }
    });

    it('PITFALLS 79: a message byte by byte, with pings between, is one message', async () => {
      const client = await open();
      const hello = encodeRaw(name, [1, 'realm1', { roles: { subscriber: {} } }]);
      for (const [at, byte] of hello.entries()) {
        client.send(at === 0 ? opcode : OP.continuation, Buffer.of(byte), { fin: at === hello.length - 1 });
        if (at !== hello.length - 1) client.send(OP.ping, `${at}`);
      }
      for (let at = 0; at < hello.length - 1; at += 1) expect((await client.next()).payload.toString()).toBe(`${at}`);
      expect((await client.next()).opcode).toBe(opcode);
      client.destroy();
    });

    it('PITFALLS 76: a client without a subprotocol we have is refused with 400', async () => {
      for (const protocols of [[], ['wamp.2.xml'], ['wamp']]) expect((await open(protocols)).status).toBe(400);
    });

    it("PITFALLS 76: the first of the client's list that we have is taken", async () => {
      const others = RAW_NAMES.filter((other) => other !== name).map((other) => `wamp.2.${other}`);
      const client = await open(['wamp.2.xml', `wamp.2.${name}`, ...others]);
      expect(client.header('Sec-WebSocket-Protocol')).toBe(`wamp.2.${name}`);
      client.destroy();
    });
  });

  describe('size', () => {
    const publish = (bytes: number) =>
      encodeRaw(name, [16, 1, { acknowledge: true }, 'com.topic', ['x'.repeat(bytes)]]);

    it('PITFALLS 79: a message of the greatest size is taken, one byte more ends the session with 1009', async () => {
      const client = await joined();
      // Above 255 bytes the encodings spend a constant number of bytes around the text.
      const around = publish(1000).length - 1000;
      client.sendBytes(publish(4096 - around));
      await client.expect(17);
      client.sendBytes(publish(4097 - around));
      expect((await client.ended).code).toBe(1009);
    });

    it('PITFALLS 8: what the session held is free after it', async () => {
      const client = await joined();
      await client.register('com.big');
      client.sendBytes(publish(8192));
      await client.ended;
      const other = await joined();
      await other.register('com.big');
      other.close();
    });
  });
}

for (const name of RAW_NAMES) describe(name, () => handshakeFaults(name));

describe('text', () => {
  routerForAll();

  it('PITFALLS 74: invalid UTF-8 in a text frame closes with 1007', async () => {
    const client = await RawWebSocket.open({ port: router.port, protocols: ['wamp.2.json'] });
    client.send(OP.text, Buffer.from('5b312c22ff225d', 'hex'));
    expect((await client.closeFrame()).code).toBe(1007);
    client.destroy();
  });
});

describe('time', () => {
  let clock: FakeClock;
  let timed: RunningRouter;
  beforeEach(async () => {
    clock = new FakeClock();
    timed = await startRouter({ realms: { tickets: TICKETS }, env: { ALICE: 'secret-alice' }, clock });
  });
  afterEach(() => timed.stop());

  it('CONTRACT §6: no HELLO in time closes with 1013 and without ABORT', async () => {
    const client = await RawClient.connect(timed.url);
    clock.advance(9_999);
    clock.advance(1);
    expect((await client.ended).code).toBe(1013);
    expect(client.received).toEqual([]);
  });

  it('CONTRACT §6: no AUTHENTICATE in time closes with 1013 and without ABORT', async () => {
    const client = await RawClient.connect(timed.url);
    clock.advance(9_000);
    client.hello('tickets', HELLO_TICKET);
    await client.expect(4);
    clock.advance(1_000);
    expect((await client.ended).code).toBe(1013);
    expect(client.received).toHaveLength(1);
  });

  it('CONTRACT §6: an authenticator that takes too long closes with 1013 and without ABORT, and nobody joins', async () => {
    const client = await RawWebSocket.open({ port: timed.port, protocols: ['wamp.2.json'] });
    client.text(JSON.stringify([1, 'tickets', { ...HELLO_TICKET, authid: 'slow' }]));
    expect(await client.nextText()).toBe('[4,"ticket",{}]');
    client.text('[5,"slow-ticket",{}]');
    client.send(OP.ping, 'heard');
    // The pong says that AUTHENTICATE was read; the hash is still being computed.
    expect(await client.nextText()).toBe('heard');
    clock.advance(10_000);
    const end = await client.next();
    expect(end.opcode).toBe(OP.close);
    expect(end.payload.readUInt16BE(0)).toBe(1013);
    client.destroy();
    const next = await RawClient.connect(timed.url);
    // Joins when its own check is done, which is after the first one's.
    await next.join('tickets', { authmethods: ['ticket'], authid: 'slow', ticket: 'slow-ticket' });
    expect(timed.server.router.sessionCount).toBe(1);
    next.close();
  });

  it("a joined session is not bound by the handshake's time; after GOODBYE the time for HELLO runs again", async () => {
    const client = await RawClient.connect(timed.url);
    await client.join('tickets', { authmethods: ['ticket'], authid: 'alice', ticket: 'secret-alice' });
    clock.advance(60_000);
    await client.subscribe('com.topic');
    client.send([6, {}, 'wamp.close.normal']);
    await client.expect(6);
    clock.advance(10_000);
    expect((await client.ended).code).toBe(1013);
  });

  it('PITFALLS 5: while we wait for the answer to our GOODBYE all else is ignored; without one the transport is closed', async () => {
    const [silent, polite] = await Promise.all([RawClient.connect(timed.url), RawClient.connect(timed.url)]);
    for (const client of [silent, polite]) {
      await client.join('tickets', { authmethods: ['ticket'], authid: 'alice', ticket: 'secret-alice' });
    }
    timed.writeRealm('tickets', TICKETS.replace('  alice: { role: agent, ticket: { env: ALICE } }\n', ''));
    timed.reload();
    for (const client of [silent, polite]) {
      expect(await client.message()).toMatchObject({ type: 6, reason: 'wamp.close.killed' });
      client.send([32, 1, {}, 'com.topic']);
      client.send([]);
    }
    polite.send([6, {}, 'wamp.close.goodbye_and_out']);
    expect((await polite.ended).code).toBe(1000);
    clock.advance(1_000);
    expect((await silent.ended).code).toBe(1000);
    for (const client of [silent, polite]) expect(client.received).toHaveLength(2 + 1);
  });
});
