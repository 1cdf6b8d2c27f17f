import { describe, expect, it } from 'vitest';
import type { Environment } from './environment.ts';
import { listen } from './pubsub.ts';

export function retentionScenarios(env: Environment): void {
  describe('Event Retention', () => {
    // One router for all of them, which forgets nothing between two: each has topics of its own.
    it('PITFALLS 44: who subscribes later with get_retained is given the last retained event, flagged', async () => {
      const publisher = await env.named('alice');
      await publisher.session.publish('com.kept.one', ['old'], {}, { retain: true, acknowledge: true });
      const options = { retain: true, acknowledge: true, disclose_me: true };
      const published = await publisher.session.publish('com.kept.one', [{ née: 'ümläut ☃' }], { n: 1.5 }, options);
      await publisher.session.publish('com.kept.one', ['passing'], {}, { acknowledge: true });
      const later = await env.agent();
      const inbox = await listen(later.session, 'com.kept.one', { get_retained: true });
      const [event] = await inbox.until(1);
      expect(event).toMatchObject({ args: [{ née: 'ümläut ☃' }], kwargs: { n: 1.5 } });
      expect(event?.details).toMatchObject({
        publication: published?.id,
        topic: 'com.kept.one',
        retained: true,
        publisher_authid: 'alice',
      });
      publisher.session.publish('com.kept.one', ['live']);
      const [, live] = await inbox.until(2);
      expect([live?.args, live?.details.retained]).toEqual([['live'], false]);
    });

    it('PITFALLS 44: pattern subscribers are given that of every matching topic they would have heard', async () => {
      const publisher = await env.agent();
      for (const name of ['a', 'b', 'c']) {
        const options = { retain: true, acknowledge: true, ...(name === 'b' ? { eligible_authrole: ['agent'] } : {}) };
        await publisher.session.publish(`com.many.${name}.status`, [name], {}, options);
      }
      const [auditor, agent] = await Promise.all([env.named('carol'), env.named('bob')]);
      const heard = async ({ session }: typeof agent, count: number) => {
        const options = { match: 'wildcard', get_retained: true };
        const events = await (await listen(session, 'com.many..status', options)).until(count);
        return events.map(({ args, details }) => [args[0], details.topic, details.retained]);
      };
      const all = ['a', 'b', 'c'].map((name) => [name, `com.many.${name}.status`, true]);
      expect(await heard(agent, 3)).toEqual(all);
      expect(await heard(auditor, 2)).toEqual(all.filter(([name]) => name !== 'b'));
    });

    it('PITFALLS 41: after SUBSCRIBED at once, and again for every SUBSCRIBE that asks', async () => {
      const [publisher, subscriber] = await Promise.all([env.raw(), env.raw()]);
      publisher.publish('com.kept.raw', { retain: true, acknowledge: true }, ['r']);
      await publisher.expect(17);
      for (let n = 0; n < 2; n += 1) {
        const subscription = await subscriber.subscribe('com.kept.raw', { get_retained: true });
        expect(await subscriber.expect(36)).toMatchObject({ subscription, details: { retained: true }, args: ['r'] });
      }
      await subscriber.subscribe('com.kept.raw');
      expect(await subscriber.settle()).toEqual([]);
    });
  });
}
