/** The RawSocket transport of the real autobahn package. It speaks JSON only and asks for 16 MiB (PITFALLS 89). */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentOptions, Inbox, joinAgent } from '../support/autobahn-client.ts';
import { FRAME } from '../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

let router: RunningRouter;
beforeEach(async () => {
  router = await startRouter({
    listeners: 'listeners: [{ tcp: 127.0.0.1:0, rawsocket: true, endpoints: [{ path: /ws, protocol: wamp }] }]',
    extra: 'limits: { keepAlive: { pingMs: 30, timeoutMs: 5000 } }',
  });
});
afterEach(() => router.stop());

const overRawSocket = (options?: AgentOptions) =>
  joinAgent({ rawsocket: { host: '127.0.0.1', port: router.port } }, 'json', options);

describe('autobahn-js over RawSocket', () => {
  it('PITFALLS 89: calls, is called, publishes and hears, on the port where others speak WebSocket', async () => {
    const [raw, other] = await Promise.all([overRawSocket(), joinAgent({ url: router.url }, 'msgpack')]);
    expect(raw.details).toMatchObject({ realm: 'realm1', authrole: 'anybody' });
    await raw.session.register('com.add', ([a, b]) => Number(a) + Number(b));
    expect(await other.session.call('com.add', [2, 3])).toBe(5);
    expect(await raw.session.call('com.add', [4, 5])).toBe(9);
    const heard = new Inbox<readonly unknown[]>();
    await raw.session.subscribe('com.topic', (args) => heard.put(args));
    await other.session.publish('com.topic', ['é 😀', { deep: [1] }], {}, { acknowledge: true });
    expect(await heard.until(1)).toEqual([['é 😀', { deep: [1] }]]);
    await expect(raw.session.call('com.nothing')).rejects.toMatchObject({ error: 'wamp.error.no_such_procedure' });
    await Promise.all([raw.leave(), other.leave()]);
  });

  it('a long message crosses', async () => {
    const raw = await overRawSocket();
    await raw.session.register('com.echo', ([text]) => text);
    const text = 'é'.repeat(200_000);
    expect(await raw.session.call('com.echo', [text])).toBe(text);
    await raw.leave();
  });

  it('PITFALLS 80: answers our pings, one after the other', async () => {
    const pongs = new Inbox<Buffer>();
    const relay = createServer((client) => {
      const toRouter = connect(router.port, '127.0.0.1');
      client.pipe(toRouter).pipe(client);
      client.on('data', (chunk) => chunk[0] === FRAME.pong && pongs.put(chunk));
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const { port } = relay.address() as AddressInfo;
    const raw = await joinAgent({ rawsocket: { host: '127.0.0.1', port } });
    await pongs.until(3);
    expect(raw.session.isOpen).toBe(true);
    await raw.leave();
    relay.close();
  });

  it('CONTRACT §6: comes back after a restart', async () => {
    const raw = await overRawSocket({ max_retries: 10, initial_retry_delay: 0.05 });
    const again = new Promise((resolve) => {
      raw.connection.onopen = resolve;
    });
    raw.connection.onclose = () => false;
    const { port } = router;
    await router.stop();
    router = await startRouter({ listeners: `listeners: [{ tcp: 127.0.0.1:${port}, rawsocket: true }]` });
    await again;
    raw.connection.onclose = undefined;
    raw.connection.close();
  });

  it('a refused HELLO is told as the reason', async () => {
    await expect(overRawSocket({ realm: 'nowhere' })).rejects.toMatchObject({ reason: 'wamp.error.no_such_realm' });
  });
});
