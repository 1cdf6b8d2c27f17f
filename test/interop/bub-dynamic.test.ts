/** Bub peers of a role that has an authorizer asked (CONTRACT §4, `dynamic`): by the same rules, in the same order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, joinAgent } from '../support/autobahn-client.ts';
import { BubClient, envelope } from '../support/bub-client.ts';
import { type BubRouter, startBubRouter } from '../support/bub-router.ts';

const REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
dynamic: { authorizer: auth.allow, timeoutMs: 5000 }
roles:
  anybody:
    - { uri: auth.allow, allow: [register] }
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
  asked: { dynamic: true, rules: [{ uri: "free:", match: prefix, allow: [publish, subscribe] }] }
bub: { roles: { "agent*": asked } }
`;

let router: BubRouter;
let authority: Agent;
const asked: string[] = [];
beforeAll(async () => {
  router = await startBubRouter(REALM);
  authority = await joinAgent({ url: router.wamp }, 'json', { realm: 'realm1' });
  await authority.session.register('auth.allow', async ([session, uri, action]) => {
    asked.push(`${(session as { authid: string }).authid} ${action} ${uri}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return !String(uri).startsWith('no:');
  });
});
afterAll(async () => {
  await authority.leave();
  await router.stop();
});

describe('a Bub peer of a dynamic role', () => {
  it('is asked about when it subscribes and sends; what is denied it is told', async () => {
    const [sender, receiver] = [
      await BubClient.join(router.v2, 'agent:sender'),
      await BubClient.join(router.v2, 'agent:receiver', 'yes:*'),
    ];
    const sent = sender.publish('yes:a', envelope('agent_event'));
    const [request] = await receiver.until(1);
    receiver.answer(request?.id, { status: 'done' });
    expect(await sent).toMatchObject({ accepted: true, deliveredTo: 1 });
    expect(asked).toContain('agent:receiver subscribe yes:');
    expect(asked).toContain('agent:sender publish yes:a');
    expect(await sender.fails('sendMessage', { topic: 'no:a', payload: envelope('agent_event') })).toMatchObject({
      code: -32602,
    });
    expect(await receiver.fails('subscribe', { topic: 'no:*' })).toMatchObject({ code: -32602 });
    sender.destroy();
    receiver.destroy();
  });

  it('calls the callee of its topic where the authorizer allows that, too, and is asked about once for it', async () => {
    await authority.session.register('yes:work', () => ({}));
    const sender = await BubClient.join(router.v2, 'agent:caller');
    expect(await sender.publish('yes:work', envelope('agent_event'))).toMatchObject({ accepted: true, deliveredTo: 1 });
    expect(asked.filter((each) => each === 'agent:caller call yes:work')).toHaveLength(1);
    sender.destroy();
  });

  it('its messages keep their order, whether or not somebody is asked about them', async () => {
    const heard: unknown[] = [];
    await authority.session.subscribe('yes:order', (_args, kwargs) => void heard.push(kwargs.content));
    await authority.session.subscribe('free:order', (_args, kwargs) => void heard.push(kwargs.content));
    const sender = await BubClient.join(router.v2, 'agent:orderly');
    const all = Array.from({ length: 30 }, (_, i) =>
      sender.publish(i % 2 === 0 ? 'yes:order' : 'free:order', envelope('agent_event', { content: { n: i } })),
    );
    await Promise.all(all);
    await authority.session.publish('free:order', [], { content: 'end' }, { exclude_me: false, acknowledge: true });
    expect(heard.filter((each) => each !== 'end')).toEqual(Array.from({ length: 30 }, (_, n) => ({ n })));
    sender.destroy();
  });
});
