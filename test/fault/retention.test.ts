/** Retained events of a whole router: the realm file's rules, memory, reload, and clients that want it all. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { metric, metricsOf } from '../support/metrics-page.ts';
import { RawClient } from '../support/raw-client.ts';
import { OPEN_REALM, type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

async function router(options: RouterOptions = {}): Promise<RunningRouter> {
  const running = await startRouter(options);
  onTestFinished(() => running.stop());
  return running;
}

async function join(url: string): Promise<RawClient> {
  const client = await (await RawClient.connect(url)).join('realm1');
  onTestFinished(() => client.destroy());
  return client;
}

async function retain(client: RawClient, topics: readonly string[], value: unknown = 1): Promise<void> {
  for (const topic of topics) client.publish(topic, { retain: true }, [value]);
  client.publish('com.end', { acknowledge: true });
  await client.expect(17);
}

async function retained(url: string, topic: string, count: number): Promise<unknown[]> {
  const client = await join(url);
  await client.subscribe(topic, { match: 'prefix', get_retained: true });
  const topics: unknown[] = [];
  while (topics.length < count) topics.push((await client.expect(36)).details.topic);
  expect(await client.settle()).toEqual([]);
  return topics;
}

it('the realm file says where nothing is retained; a saved change forgets what it refuses', async () => {
  const rule = '{ uri: com.private., match: prefix, retain: refused }';
  const running = await router({ realms: { realm1: `${OPEN_REALM}events: [${rule}]\n` } });
  await retain(await join(running.url), ['com.private.a', 'com.public.a', 'com.public.b']);
  expect(await retained(running.url, 'com.', 2)).toEqual(['com.public.a', 'com.public.b']);
  expect(await metric(running.admin, 'waggle_events_unkept_total{cause="retain_refused"}')).toBe(1);
  running.writeRealm('realm1', `${OPEN_REALM}events: [${rule}, { uri: com.*.a, match: glob, retain: refused }]\n`);
  running.reload();
  expect(await retained(running.url, 'com.', 1)).toEqual(['com.public.b']);
  expect(await metric(running.admin, 'waggle_retained_events')).toBe(1);
});

it.each([
  ['of the router', { extra: 'limits: { maxRetainedBytes: 30000 }' }],
  ['of the realm', { realms: { realm1: `${OPEN_REALM}limits: { maxRetainedBytes: 30000 }\n` } }],
] as readonly [string, RouterOptions][])(
  'maxRetainedBytes %s holds; what is lost is counted and said',
  async (_name, options) => {
    const running = await router(options);
    const topics = Array.from({ length: 300 }, (_, n) => `com.t${n}`);
    await retain(await join(running.url), topics, 'x'.repeat(200));
    const figures = await metricsOf(running.admin);
    const events = figures.get('waggle_retained_events') ?? 0;
    expect(figures.get('waggle_retained_bytes')).toBeLessThanOrEqual(30_000);
    expect(figures.get('waggle_events_unkept_total{cause="retained_full"}')).toBe(300 - events);
    expect(running.log()).toContain('events that others may ask for are gone');
    expect((await retained(running.url, 'com.', events)).sort()).toEqual(topics.slice(-events).sort());
  },
);

it('a subscriber to 20,000 retained topics gets all of them, though its output takes a part of them only', async () => {
  const running = await router({ extra: 'limits: { outboxBytes: 65536 }' });
  const topics = Array.from({ length: 20_000 }, (_, n) => `com.t${String(n).padStart(5, '0')}`);
  await retain(await join(running.url), topics, 'x'.repeat(100));
  const [all, other] = [await join(running.url), await join(running.url)];
  await all.subscribe('', { match: 'prefix', get_retained: true });
  other.publish('com.t00007', { acknowledge: true });
  await other.expect(17);
  // Nobody else waits for it.
  expect(all.received.length).toBeLessThan(20_000);
  const count = () => all.received.filter((each) => Array.isArray(each) && each[3]?.retained === true).length;
  await vi.waitFor(() => expect(count()).toBe(20_000), { timeout: 20_000, interval: 50 });
  expect(await metric(running.admin, 'waggle_slow_peers_total')).toBe(0);
}, 30_000);
