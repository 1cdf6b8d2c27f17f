/** Behind a balancer: whose word is taken for an address, and what the address is then used for (CONTRACT §3, §4). */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { proxyV1, proxyV2 } from '../support/proxy-header.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { connectTo, handshake, RawSocketClient, rawFrame } from '../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const REALM = `
realm: realm1
principals: { alice: { role: agent, ticket: { env: ALICE } } }
roles: { agent: [{ uri: com., match: prefix, allow: [call] }] }
`;
const FORWARDED = 'forwardedFor: { from: [127.0.0.1] }';
const PROXIED = 'proxyProtocol: { from: [127.0.0.1] }';
const WS = 'endpoints: [{ path: /ws, protocol: wamp }]';

let router: RunningRouter;
afterEach(() => router.stop());

async function start(keys: string): Promise<void> {
  router = await startRouter({
    realms: { realm1: REALM },
    env: { ALICE: 'secret-alice' },
    listeners: `listeners: [{ tcp: 127.0.0.1:0, ${keys} }]`,
    files: { 'cert.pem': certificateA.cert, 'key.pem': certificateA.key },
  });
}

const HELLO = JSON.stringify([1, 'realm1', { roles: { caller: {} }, authmethods: ['ticket'], authid: 'alice' }]);
const authenticate = (ticket: string) => JSON.stringify([5, ticket, {}]);

/** Joins with a ticket over RawSocket behind `header`. @returns type of the last message: 2 is WELCOME, 3 ABORT */
async function join(header: Buffer | undefined, ticket: string): Promise<number> {
  const client = await RawSocketClient.connect({ port: router.port });
  if (header !== undefined) client.write(header);
  client.write(Buffer.concat([handshake(), rawFrame(0, HELLO)]));
  await client.answered();
  await client.next();
  client.text(authenticate(ticket));
  const [type] = JSON.parse(await client.nextText());
  client.destroy();
  return type;
}

/** The addresses that the log has for refused authentications. */
const denied = () =>
  router
    .log()
    .split('\n')
    .filter((line) => line.includes('authentication denied'))
    .map((line) => JSON.parse(line).address);

describe('the PROXY protocol', () => {
  it('of version 1 and 2 says whom a RawSocket connection came from', async () => {
    await start(`${PROXIED}, rawsocket: true`);
    expect(await join(proxyV1('192.0.2.1'), 'wrong')).toBe(3);
    expect(await join(proxyV2('192.0.2.2'), 'wrong')).toBe(3);
    expect(await join(proxyV2('2001:db8::3'), 'wrong')).toBe(3);
    expect(await join(proxyV2('192.0.2.9', { command: 0x20 }), 'wrong')).toBe(3);
    expect(denied()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::3', '127.0.0.1']);
    expect(await join(proxyV1('192.0.2.1'), 'secret-alice')).toBe(2);
  });

  it('keeps the delay after failures with the address that failed', async () => {
    await start(`${PROXIED}, rawsocket: true`);
    for (let i = 0; i < 4; i += 1) await join(proxyV1('192.0.2.1'), 'wrong');
    expect(await join(proxyV1('192.0.2.1'), 'secret-alice')).toBe(3);
    expect(await join(proxyV1('192.0.2.2'), 'secret-alice')).toBe(2);
  });

  it('comes before the request of a WebSocket, and before TLS', async () => {
    for (const tls of [false, true]) {
      await start(`${PROXIED}, ${tls ? 'tls: { cert: cert.pem, key: key.pem }, ' : ''}rawsocket: true, ${WS}`);
      const options = { port: router.port, protocols: ['wamp.2.json'], tls, before: proxyV2('192.0.2.7') };
      const client = await RawWebSocket.open(options);
      client.text(HELLO);
      await client.nextText();
      client.text(authenticate('wrong'));
      await client.nextText();
      expect(denied()).toEqual(['192.0.2.7']);
      client.destroy();
      if (!tls) await router.stop();
    }
  });

  it('may come byte by byte', async () => {
    await start(`${PROXIED}, rawsocket: true`);
    const client = await RawSocketClient.connect({ port: router.port });
    await client.writeByteByByte(Buffer.concat([proxyV1('192.0.2.1'), handshake()]));
    expect((await client.answered())[1]).toBe(0xb1);
    client.destroy();
  });

  it.each([
    ['no header', handshake()],
    ['a request instead', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a malformed one', Buffer.from('PROXY TCP4 nowhere 127.0.0.1 1 2\r\n')],
  ])('is demanded of the balancer: %s is cut off', async (_name, bytes) => {
    await start(`${PROXIED}, rawsocket: true, ${WS}`);
    const client = await RawSocketClient.connect({ port: router.port });
    client.write(bytes);
    await client.gone();
    expect(client.reply).toHaveLength(0);
  });

  it('is cut off where it does not come in time', async () => {
    router = await startRouter({
      listeners: `listeners: [{ tcp: 127.0.0.1:0, ${PROXIED}, rawsocket: true }]`,
      extra: 'limits: { handshakeTimeoutMs: 50 }',
    });
    for (const bytes of [Buffer.alloc(0), proxyV1('192.0.2.1').subarray(0, 20), proxyV1('192.0.2.1')]) {
      const client = await RawSocketClient.connect({ port: router.port });
      client.write(bytes);
      await client.gone();
    }
  });

  it('is not believed of anybody else', async () => {
    await start(`proxyProtocol: { from: [192.0.2.0/24] }, rawsocket: true, ${WS}`);
    expect(await join(undefined, 'wrong')).toBe(3);
    expect(denied()).toEqual(['127.0.0.1']);
    const socket = connectTo({ port: router.port });
    socket.write(proxyV1('192.0.2.1'));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
  });

  it('CONTRACT §3: an endpoint without authentication is not published by it', async () => {
    await start(`${PROXIED}, endpoints: [{ path: /bub, protocol: bub-v2, realm: realm1, auth: none }]`);
    const client = await RawWebSocket.open({ port: router.port, path: '/bub', before: proxyV1('192.0.2.1') });
    expect(client.status).toBe(403);
    expect(client.response).toContain('auth: none');
  });
});

describe('X-Forwarded-For', () => {
  const attempt = async (headers: Record<string, string>): Promise<void> => {
    const client = await RawWebSocket.open({ port: router.port, protocols: ['wamp.2.json'], headers });
    client.text(HELLO);
    await client.nextText();
    client.text(authenticate('wrong'));
    await client.nextText();
    client.destroy();
  };

  it('of a proxy that is named is believed', async () => {
    await start(`${FORWARDED}, ${WS}`);
    await attempt({ 'X-Forwarded-For': '6.6.6.6, 192.0.2.1' });
    expect(denied()).toEqual(['192.0.2.1']);
  });

  it('is not believed without the key, or of anybody else', async () => {
    await start(WS);
    await attempt({ 'X-Forwarded-For': '192.0.2.1' });
    expect(denied()).toEqual(['127.0.0.1']);
    await router.stop();
    await start(`forwardedFor: { from: [192.0.2.1] }, ${WS}`);
    await attempt({ 'X-Forwarded-For': '192.0.2.1' });
    expect(denied()).toEqual(['127.0.0.1']);
  });
});
