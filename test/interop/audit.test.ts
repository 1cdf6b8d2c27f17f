/** `audit: true` where WAMP agents and Bub peers meet: one trace for each message, whoever sends and whoever hears it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Agent, Inbox, joinAgent, refusal } from '../support/autobahn-client.ts';
import { BubClient, type BubRequest, envelope } from '../support/bub-client.ts';
import { BUB_REALM, type BubRouter, startBubRouter } from '../support/bub-router.ts';

const REALM = BUB_REALM.replace(
  '  listener:',
  '    - { uri: "audited:", match: prefix, audit: true }\n  listener:',
).replace(
  '{ uri: "secret:", match: prefix, deny: [publish, subscribe, call, register] }',
  '{ uri: "secret:", match: prefix, deny: [publish, subscribe, call, register], audit: true }',
);

let router: BubRouter;
beforeAll(async () => {
  router = await startBubRouter(REALM);
});
afterAll(() => router.stop());

const join = (name: string, ...topics: string[]) => BubClient.join(router.v2, name, ...topics);
const agent = (serializer: 'json' | 'msgpack' | 'cbor' = 'json'): Promise<Agent> =>
  joinAgent({ url: router.wamp }, serializer, { realm: 'realm1' });

/** The messageId that a Bub peer was shown. */
const seenId = (request: BubRequest | undefined) => String((request?.params.payload as Dict | undefined)?.messageId);

/** `event status` of each row of a message. */
const life = (id: string) =>
  router.activity.rows.filter((row) => row.messageId === id).map(({ event, status }) => `${event} ${status}`);
const settled = (id: string) => expect.poll(() => life(id).at(-1)).toMatch(/^send_finish/);

describe('an audited publication of a WAMP agent', () => {
  it('to WAMP subscribers and Bub peers has one trace, which ends when the last peer has answered', async () => {
    const [peer, publisher, listener] = [
      await join('agent:a1', 'audited:1', 'audited:*'),
      await agent(),
      await agent('cbor'),
    ];
    const inbox = new Inbox<unknown>();
    await listener.session.subscribe('audited:1', (_args, kwargs) => inbox.put(kwargs));
    peer.onRequest = () => undefined;
    const payload = envelope('note', { messageId: 'msg_a1' });
    await publisher.session.publish('audited:1', [], payload, { acknowledge: true });
    const [request] = await peer.until(1);
    await inbox.until(1);
    expect(life('msg_a1')).not.toContain('send_finish ok');
    peer.answer(request?.id, { processed: true, status: 'done', message: '' });
    await settled('msg_a1');
    expect(life('msg_a1').sort()).toEqual([
      'process_finish done',
      'process_finish ok',
      'process_start start',
      'process_start start',
      'send_finish ok',
      'send_start start',
    ]);
    expect(life('msg_a1').at(-1)).toBe('send_finish ok');
    const { id } = publisher.session;
    const realm = [...router.server.router.realms][0];
    expect(router.activity.rows.find((row) => row.messageId === 'msg_a1')).toMatchObject({
      actor: realm?.sessions.get(id)?.identity.authid,
      payloadJson: JSON.stringify(payload),
    });
    await Promise.all([publisher.leave(), listener.leave()]);
    peer.destroy();
  });

  it('that is no envelope goes by the messageId that the Bub peer sees', async () => {
    const [peer, publisher] = [await join('agent:a2', 'audited:2'), await agent('msgpack')];
    await publisher.session.publish('audited:2', [1], { b: 2 }, { acknowledge: true });
    const [request] = await peer.until(1);
    const messageId = seenId(request);
    await settled(messageId);
    expect(life(messageId)).toEqual(['send_start start', 'process_start start', 'process_finish ok', 'send_finish ok']);
    await publisher.leave();
    peer.destroy();
  });

  it('of a type that its sender may not send is rejected for the peer, within the same trace', async () => {
    const [peer, publisher] = [await join('agent:a3', 'audited:3'), await agent()];
    const payload = envelope('tg_message', { messageId: 'msg_a3' });
    await publisher.session.publish('audited:3', [], payload, { acknowledge: true });
    expect(life('msg_a3')).toEqual(['send_start start', 'process_finish rejected', 'send_finish error']);
    await publisher.leave();
    peer.destroy();
  });

  it('to a peer that drops ends with it', async () => {
    const [peer, publisher] = [await join('agent:a4', 'audited:4'), await agent()];
    peer.onRequest = () => undefined;
    const payload = envelope('note', { messageId: 'msg_a4' });
    await publisher.session.publish('audited:4', [], payload, { acknowledge: true });
    await peer.until(1);
    peer.destroy();
    await settled('msg_a4');
    expect(life('msg_a4')).toEqual([
      'send_start start',
      'process_start start',
      'process_finish error',
      'send_finish ok',
    ]);
    await publisher.leave();
  });
});

describe('an audited call', () => {
  it('to a Bub peer has one trace, under the id that the peer sees', async () => {
    const [peer, caller] = [await join('agent:c1', 'audited:call'), await agent()];
    await caller.session.call('audited:call', [7]);
    const messageId = seenId(peer.requests[0]);
    expect(life(messageId)).toEqual(['send_start start', 'process_start start', 'process_finish ok', 'send_finish ok']);
    peer.onRequest = () => undefined;
    const pending = refusal(caller.session.call('audited:call', [], envelope('note', { messageId: 'msg_c1' })));
    await peer.until(2);
    peer.destroy();
    expect(await pending).toMatchObject({ error: 'wamp.error.canceled' });
    expect(life('msg_c1').slice(1)).toEqual(['process_start start', 'process_finish canceled', 'send_finish error']);
    await caller.leave();
  });

  it('of a type that its caller may not send is an error in its one trace', async () => {
    const [peer, caller] = [await join('agent:c2', 'audited:call2'), await agent()];
    const payload = envelope('tg_message', { messageId: 'msg_c2' });
    await refusal(caller.session.call('audited:call2', [], payload));
    expect(life('msg_c2').slice(1)).toEqual(['process_start start', 'process_finish error', 'send_finish error']);
    await caller.leave();
    peer.destroy();
  });
});

describe('a Bub message on an audited topic', () => {
  it('has the trace it has anywhere, also where a WAMP agent works on it', async () => {
    const [sender, peer, callee] = [await join('tg:b1'), await join('agent:b1', 'audited:b'), await agent()];
    await callee.session.register('audited:b', () => ({}));
    await sender.publish('audited:b', envelope('tg_message', { messageId: 'msg_b1' }));
    expect(life('msg_b1').sort()).toEqual([
      'process_finish ok',
      'process_finish ok',
      'process_start start',
      'process_start start',
      'send_finish ok',
      'send_start start',
    ]);
    const denied = envelope('tg_message', { messageId: 'msg_b2' });
    expect((await sender.fails('sendMessage', { topic: 'secret:x', payload: denied })).code).toBe(-32602);
    expect(life('msg_b2')).toEqual(['send_start start', 'send_finish rejected']);
    await callee.leave();
    sender.destroy();
    peer.destroy();
  });
});

it('what a rule denies and audits is written down as rejected', async () => {
  const publisher = await agent();
  const payload = { messageId: 'msg_d1' };
  const error = { error: 'wamp.error.not_authorized' };
  const publish = publisher.session.publish('secret:x', [], payload, { acknowledge: true });
  expect(await refusal(publish ?? Promise.resolve())).toMatchObject(error);
  expect(await refusal(publisher.session.call('secret:x', [], { messageId: 'msg_d2' }))).toMatchObject(error);
  for (const id of ['msg_d1', 'msg_d2']) expect(life(id)).toEqual(['send_start start', 'send_finish rejected']);
  expect(router.activity.reserved).toBe(0);
  await publisher.leave();
});

it('whenFull: block: an audited publication waits for room, and what its publisher sends behind it', async () => {
  const [publisher, other, listener] = [await agent(), await agent(), await agent()];
  const inbox = new Inbox<unknown>();
  for (const topic of ['audited:full', 'plain'])
    await listener.session.subscribe(topic, (_args, { n }) => inbox.put(n));
  router.activity.full = true;
  const first = publisher.session.publish('audited:full', [], { n: 1 }, { acknowledge: true });
  const second = publisher.session.publish('plain', [], { n: 2 }, { acknowledge: true });
  await expect.poll(() => router.activity.held).toBe(1);
  await other.session.publish('plain', [], { n: 0 }, { acknowledge: true });
  router.activity.open();
  await Promise.all([first, second]);
  expect(await inbox.until(3)).toEqual([0, 1, 2]);
  await Promise.all([publisher.leave(), other.leave(), listener.leave()]);
});
