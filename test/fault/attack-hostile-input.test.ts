import { request } from 'node:http';
import * as lossless from 'lossless-json';
import { afterEach, expect, it, vi } from 'vitest';
import { UriMap } from '../../src/router/uri-map.ts';
import { cbor } from '../../src/serializers/cbor.ts';
import { json } from '../../src/serializers/json.ts';
import { msgpack } from '../../src/serializers/msgpack.ts';
import { MAX_ID } from '../../src/wamp/ids.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { startRouter } from '../support/start-router.ts';

vi.mock('lossless-json', { spy: true });

afterEach(() => {
  vi.clearAllMocks();
  vi.restoreAllMocks();
});

it('more long wildcards than the stack takes arguments are found all the same', () => {
  const components = 36;
  const map = new UriMap<number>();
  const count = 150_000;
  for (let n = 0; n < count; n++) {
    // They agree in the components that the index looks at, and differ behind them.
    const parts = Array.from({ length: components }, (_, i) => (i < 16 || (n >> (i - 16)) & 1 ? '' : 'a'));
    map.set(parts.join('.'), 'wildcard', n);
  }
  expect(map.matchAll(new Array(components).fill('a').join('.'))).toHaveLength(count);
});

it('PITFALLS 73: a CBOR string in more chunks than the stack takes arguments is converted', () => {
  const chunks = 200_000;
  const head = Buffer.from('85100 1a06161817f'.replaceAll(' ', ''), 'hex');
  const message = cbor.decode(Buffer.concat([head, Buffer.from('6161'.repeat(chunks), 'hex'), Buffer.from([0xff])]));
  if (message.type !== MessageType.PUBLISH) throw new Error('PUBLISH expected');
  expect(message.payload.tail(json).bytes.toString()).toBe(`["${'a'.repeat(chunks)}"]`);
});

it('PITFALLS 22: for a request id of 2^53 the header is read exactly, and not the whole payload', () => {
  const message = json.decode(Buffer.from(` [ 16 , ${MAX_ID} , {} , "a.b" , [ ${'1,'.repeat(1000)}1 ] ] `));
  expect(message).toMatchObject({ request: MAX_ID });
  expect(() => json.decode(Buffer.from(`[16,${MAX_ID + 1 - 1}1,{},"a"]`))).toThrow(/PUBLISH.Request/);
  expect(() => json.decode(Buffer.from('[34,1,9007199254740993]'))).toThrow(/UNSUBSCRIBE.Subscription/);
  expect(json.decode(Buffer.from('[34,1, 9007199254740992 ]'))).toMatchObject({ subscription: MAX_ID });
  expect(json.decode(Buffer.from('[34,1,9007199254740992.0]'))).toMatchObject({ subscription: MAX_ID });
  expect(lossless.parse).not.toHaveBeenCalled();
});

it.each(['json', 'msgpack', 'cbor'] as const)(
  '%s: before WELCOME a message of more than 64 KiB is refused unread, after it is not',
  async (name) => {
    const router = await startRouter();
    const stranger = await RawClient.connect(router.url, name);
    const decode = vi.spyOn({ json, msgpack, cbor }[name], 'decode');
    stranger.hello('realm1', { roles: ALL_ROLES, x: new Array(70_000).fill({}) });
    const abort = await stranger.expect(MessageType.ABORT);
    expect(abort.reason).toBe('wamp.error.payload_size_exceeded');
    expect(await stranger.ended).toMatchObject({ code: 1009 });
    expect(decode).not.toHaveBeenCalled();
    const member = await (await RawClient.connect(router.url, name)).join('realm1', {
      authextra: { x: 'a'.repeat(60_000) },
    });
    member.publish('a.b', { acknowledge: true }, ['a'.repeat(100_000)]);
    await member.expect(MessageType.PUBLISHED);
    member.close();
    await router.stop();
  },
);

it('a path of slashes is not looked up slash by slash', async () => {
  const router = await startRouter();
  const get = vi.spyOn(Map.prototype, 'get');
  const path = '/'.repeat(10_000);
  const status = await new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: router.port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
  const lookups = get.mock.calls.filter(([key]) => typeof key === 'string' && key.startsWith('//')).length;
  get.mockRestore();
  await router.stop();
  expect(status).toBe(404);
  expect(lookups).toBeLessThan(10);
});
