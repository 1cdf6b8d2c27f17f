import { afterEach, expect, it, vi } from 'vitest';
import { json } from '../../src/serializers/json.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

let router: RunningRouter | undefined;

afterEach(async () => {
  vi.restoreAllMocks();
  await router?.stop();
  router = undefined;
});

const COMPONENTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const SUBSCRIPTIONS = 200;

/** Different wildcards that all match the topic `a.b.c.d.e.f.g.h`. */
function* patterns(): Iterable<string> {
  for (let n = 0; n < SUBSCRIPTIONS; n++) yield COMPONENTS.map((part, bit) => ((n >> bit) & 1 ? '' : part)).join('.');
}

it.each(['disconnect', 'dropEvents'])(
  'PITFALLS 81: under `%s`, no event is encoded for a peer that takes no more, however many of its patterns match',
  async (slowPeer) => {
    router = await startRouter({ extra: `limits: { outboxBytes: 1048576, slowPeer: ${slowPeer} }` });
    const many = await (await RawClient.connect(router.url)).join('realm1');
    for (const pattern of patterns()) await many.subscribe(pattern, { match: 'wildcard' });
    const publisher = await (await RawClient.connect(router.url)).join('realm1');
    const encode = vi.spyOn(json, 'encode');
    publisher.publish(COMPONENTS.join('.'), { acknowledge: true }, ['x'.repeat(500_000)]);
    await publisher.expect(MessageType.PUBLISHED);
    const events = encode.mock.calls.filter(([message]) => message.type === MessageType.EVENT).length;
    expect(events).toBeGreaterThan(1);
    // What the system's buffers take at once, the bound, and one that passes when nothing waits.
    expect(events).toBeLessThan(SUBSCRIPTIONS / 2);
    many.destroy();
  },
);
