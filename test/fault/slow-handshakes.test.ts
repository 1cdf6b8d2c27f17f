/** Slowloris: whoever is slow before he has joined, at whatever phase of whatever transport, is cut off in time. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateA } from '../support/certificates.ts';
import { clientFrame, OP } from '../support/raw-websocket.ts';
import { connectTo, FRAME, handshake, type Place, rawFrame } from '../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const REALM = `
realm: realm1
environment: test
principals: { slow: { role: anybody, ticket: { env: TICKET } } }
roles: { anybody: [] }
`;
const HELLO = JSON.stringify([1, 'realm1', { roles: { caller: {} }, authid: 'slow', authmethods: ['ticket'] }]);
const AUTHENTICATE = JSON.stringify([5, 'x'.repeat(200), {}]);

/** What a client says until it has joined. */
const PHASES = {
  WebSocket: {
    'the head of the request': Buffer.from(
      'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n',
    ),
    HELLO: clientFrame(OP.text, HELLO),
    AUTHENTICATE: clientFrame(OP.text, AUTHENTICATE),
  },
  RawSocket: {
    'the handshake': handshake(),
    HELLO: rawFrame(FRAME.message, HELLO),
    AUTHENTICATE: rawFrame(FRAME.message, AUTHENTICATE),
  },
};
/** In place of the phase: nothing, the half of it, or the half and then octet by octet without an end. */
const WAYS = ['says nothing', 'stops in the middle', 'drips'] as const;

let router: RunningRouter;
let places: Readonly<Record<string, Place>>;

beforeAll(async () => {
  const both = 'rawsocket: true, endpoints: [{ path: /ws, protocol: wamp }]';
  router = await startRouter({
    realms: { realm1: REALM },
    env: { TICKET: 'ticket-of-slow' },
    listeners: `listeners: [{ tcp: 127.0.0.1:0, ${both} }, { tcp: 127.0.0.1:0, tls: { cert: cert.pem, key: key.pem }, ${both} }, { unix: router.sock, ${both} }]`,
    // Not divisible by four, as the rounds are in which Node looks for late clients.
    extra: 'limits: { handshakeTimeoutMs: 50 }',
    files: { 'cert.pem': certificateA.cert, 'key.pem': certificateA.key },
  });
  const tls = router.server.endpoints().find(({ url }) => url.startsWith('wss:'))?.url ?? '';
  places = {
    TCP: { port: router.port },
    TLS: { port: Number(new URL(tls).port) },
    'a unix socket': { path: join(router.folder, 'router.sock') },
  };
});
afterAll(() => router.stop());

/** Says what was there before, and of the phase as much as `way` is. @returns when it was cut off */
function beSlow(place: Place, tls: boolean, before: Buffer, phase: Buffer, way: (typeof WAYS)[number]): Promise<void> {
  const socket = connectTo(place, tls);
  let at = way === 'says nothing' ? 0 : phase.length >> 1;
  socket.resume();
  socket.write(Buffer.concat([before, phase.subarray(0, at)]));
  const drip = setInterval(() => {
    if (way !== 'drips' || at >= phase.length - 1 || !socket.writable) return;
    socket.write(phase.subarray(at, at + 1));
    at += 1;
  }, 5);
  return new Promise((resolve) =>
    socket.once('close', () => {
      clearInterval(drip);
      resolve();
    }),
  );
}

it('PITFALLS 84: whoever is slow at a phase before WELCOME is cut off, over every transport, and holds nothing', async () => {
  const open = new Set<string>();
  for (const [transport, phases] of Object.entries(PHASES)) {
    for (const [over, place] of Object.entries(places)) {
      let before: Buffer = Buffer.alloc(0);
      for (const [name, phase] of Object.entries(phases)) {
        for (const way of WAYS) {
          const what = `${transport} over ${over}: ${name}: ${way}`;
          open.add(what);
          void beSlow(place, over === 'TLS', before, phase, way).then(() => open.delete(what));
        }
        before = Buffer.concat([before, phase]);
      }
    }
  }
  expect(open.size).toBe(54);
  // A WebSocket that does not answer its close frame gets three seconds to do so.
  await expect.poll(() => [...open], { timeout: 15_000 }).toEqual([]);
  await expect.poll(() => router.server.router.sessionCount).toBe(0);
});

it('a handshake of TLS that stops, or does not begin, is cut off', async () => {
  const { TLS } = places;
  if (TLS === undefined) throw new Error('unreachable');
  // The beginning of a ClientHello.
  const hello = Buffer.from('160301', 'hex');
  await Promise.all(WAYS.map((way) => beSlow(TLS, false, Buffer.alloc(0), hello, way)));
});
