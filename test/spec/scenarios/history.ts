import { describe, expect, it } from 'vitest';
import type { Environment } from './environment.ts';

export function historyScenarios(env: Environment): void {
  describe('Event History', () => {
    it('PITFALLS 46: who comes late asks for what was before, and is given what it may see', async () => {
      const publisher = await env.named('alice');
      const topic = `com.past.${env.name.replace(/\W/g, '')}`;
      for (const n of [1, 2, 3]) {
        const limited = n === 2 ? { eligible_authrole: ['agent'] } : {};
        const options = { acknowledge: true, disclose_me: true, ...limited };
        await publisher.session.publish(topic, [n, 'ümläut ☃'], { n }, options);
      }
      const numbers = async (name: 'bob' | 'carol', kwargs = {}) => {
        const { session } = await env.named(name);
        const { id } = await session.subscribe(topic, () => {});
        const events = (await session.call('wamp.subscription.get_events', [id], kwargs)) as {
          kwargs: { n: number };
        }[];
        return events.map((event) => event.kwargs.n);
      };
      expect(await numbers('bob')).toEqual([1, 2, 3]);
      expect(await numbers('carol', { reverse: true })).toEqual([3, 1]);
      expect(await numbers('carol', { limit: 2, from_time: '2020-01-01T00:00:00Z' })).toEqual([1, 3]);
    });
  });
}
