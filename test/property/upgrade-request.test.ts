import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readUpgradeHead } from '../../src/transports/upgrade-request.ts';

interface Read {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rest: string;
}

let upgraded: Read | undefined;
let port = 0;
const server = createServer((_request, response) => response.end());
server.on('upgrade', ({ method, url, headers }, socket, head) => {
  upgraded = { method, url, headers, rest: head.toString('latin1') };
  socket.destroy();
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => server.close());

/** The slow twin: Node's parser. @returns undefined: it sees no upgrade in it */
async function byNode(bytes: Buffer): Promise<Read | undefined> {
  upgraded = undefined;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.end(bytes);
  await once(socket, 'close');
  return upgraded;
}

const usual: readonly (readonly [string, string])[] = [
  ['Host', '127.0.0.1:8080'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ['Sec-WebSocket-Version', '13'],
];

const name = fc.oneof(
  fc.constantFrom(
    'Origin',
    'Cookie',
    'Set-Cookie',
    'X-Forwarded-For',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Extensions',
    'host',
  ),
  fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Expect', 'Connection', 'upgrade', 'TE', 'constructor'),
  fc.constantFrom('__proto__', 'a_b', 'a b', '', 'a:', 'é', 'a\t'),
  fc.string({ maxLength: 8 }),
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'a',
    'a ',
    ' a',
    'a, b',
    '0',
    '5',
    'chunked',
    'keep-alive, Upgrade',
    'close',
    'h2c',
    'é',
    'a\tb',
  ),
  fc.constantFrom('a\nb', 'a\rb', 'a\r\n b', 'a\0b', 'websocket', 'WebSocket, h2c'),
  fc.string({ maxLength: 12 }),
);

/** Heads as clients send them, more or less. */
const head = fc
  .record({
    line: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('GET /ws HTTP/1.1', 'GET /ws?a=b&c=%20 HTTP/1.1', 'GET / HTTP/1.1') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'GET /ws HTTP/1.0',
          'POST /ws HTTP/1.1',
          'GET  /ws HTTP/1.1',
          'GET http://a/ws HTTP/1.1',
          'GET * HTTP/1.1',
          'GET /a b HTTP/1.1',
          'GET /é HTTP/1.1',
          'GET /a#b HTTP/1.1',
          'get /ws HTTP/1.1',
          'GET /ws HTTP/1.1 ',
          '',
        ),
      },
    ),
    dropped: fc.option(fc.nat(usual.length - 1), { freq: 8 }),
    more: fc.array(fc.tuple(name, value, fc.constantFrom(': ', ':', ':  ', ' : ', ':\t', '')), { maxLength: 3 }),
    order: fc.boolean(),
    newline: fc.oneof(
      { weight: 12, arbitrary: fc.constant('\r\n') },
      { weight: 1, arbitrary: fc.constantFrom('\n', '\r') },
    ),
    rest: fc.constantFrom('', 'x', '\x81\x80abcd', 'GET / HTTP/1.1\r\n\r\n'),
  })
  .map(({ line, dropped, more, order, newline, rest }) => {
    const plain = usual.filter((_each, i) => i !== dropped).map(([key, text]) => `${key}: ${text}`);
    const others = more.map(([key, text, between]) => `${key}${between}${text}`);
    const lines = order ? [...plain, ...others] : [...others, ...plain];
    return Buffer.from(`${[line, ...lines].join(newline)}${newline}${newline}${rest}`, 'latin1');
  });

it('a head that is read past the parser of HTTP says what that parser says of it', { timeout: 60_000 }, async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(head, async (bytes) => {
      const plain = readUpgradeHead(bytes);
      if (plain === undefined) return;
      read += 1;
      const { length, ...rest } = plain;
      expect({ ...rest, rest: bytes.toString('latin1', length) }).toEqual(await byNode(bytes));
    }),
    { numRuns: 4000 },
  );
  // Not of nothing.
  expect(read).toBeGreaterThan(150);
});

it.each([
  ['of autobahn-js', 'Sec-WebSocket-Protocol: wamp.2.json\r\nSec-WebSocket-Extensions: permessage-deflate\r\n'],
  [
    'of browsers',
    'Origin: http://localhost:3000\r\nPragma: no-cache\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: a=b\r\n',
  ],
])('the usual request %s is read so', (_whose, more) => {
  const plain = `GET /ws HTTP/1.1\r\n${usual.map(([key, text]) => `${key}: ${text}\r\n`).join('')}${more}\r\n`;
  expect(readUpgradeHead(Buffer.from(plain))?.url).toBe('/ws');
  const ofFirefox = plain.replace('Connection: Upgrade', 'Connection: keep-alive, Upgrade');
  expect(readUpgradeHead(Buffer.from(ofFirefox))?.url).toBe('/ws');
});

it('what has not come whole is not read', () => {
  const whole = Buffer.from(`GET /ws HTTP/1.1\r\n${usual.map(([key, text]) => `${key}: ${text}\r\n`).join('')}\r\n`);
  for (let i = 0; i < whole.length; i += 1) expect(readUpgradeHead(whole.subarray(0, i))).toBeUndefined();
  expect(readUpgradeHead(whole)?.length).toBe(whole.length);
});
