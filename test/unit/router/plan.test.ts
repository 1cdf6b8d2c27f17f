import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/router/plan.ts';
import { ErrorUri, WampError } from '../../../src/wamp/errors.ts';
import { Event, MessageType, type Receipt } from '../../../src/wamp/messages.ts';
import { type Client, type PublishParts, planNow, publishMessage, TestCore } from '../../support/core.ts';

function planned(core: TestCore, publisher: Client, topic: string, parts: PublishParts = {}): Plan {
  const plan = planNow(core.realm, publisher.session, publishMessage(1, topic, parts));
  if (plan instanceof WampError) throw plan;
  return plan;
}

/** Three subscribers of a.b in an order that is not the one of matching: prefix first, exact last. */
function scene() {
  const core = new TestCore();
  const [publisher, one, two, three] = [core.join(), core.join(), core.join(), core.join({ confirms: true })];
  two.subscribed('a.', 'prefix');
  three.subscribed('a.b');
  one.subscribed('.b', 'wildcard');
  one.subscribed('a.b');
  return { core, publisher, one, two, three };
}

describe('a planned publication (ARCHITECTURE 1.4)', () => {
  it('has no effect: nobody gets anything, nothing is counted, however often it is asked for', () => {
    const { core, publisher, one, two, three } = scene();
    for (let n = 0; n < 3; n += 1) expect(planned(core, publisher, 'a.b').recipients).toHaveLength(4);
    expect([one, two, three, publisher].map((client) => client.take())).toEqual([[], [], [], []]);
    const { subscriptions } = one.session;
    expect([...subscriptions.values()].map((subscription) => subscription.events)).toEqual([0, 0]);
    expect(core.observer.drops).toEqual([]);
  });

  it('names its recipients in order of subscription, one for each matching subscription', () => {
    const { core, publisher, one, two, three } = scene();
    const recipients = planned(core, publisher, 'a.b').recipients;
    expect(recipients.map(({ session, subscription, confirms }) => [session.id, subscription.match, confirms])).toEqual(
      [
        [two.id, 'prefix', false],
        [three.id, 'exact', true],
        [one.id, 'wildcard', false],
        [one.id, 'exact', false],
      ],
    );
  });

  it('obeys exclusion and lists as PUBLISH does', () => {
    const { core, publisher, two, three } = scene();
    publisher.subscribed('a.b');
    const ids = (parts: PublishParts): number[] =>
      planned(core, publisher, 'a.b', parts).recipients.map(({ session }) => session.id);
    expect(ids({})).not.toContain(publisher.id);
    expect(ids({ excludeMe: false }).at(-1)).toBe(publisher.id);
    expect(ids({ eligible: [two.id, three.id], exclude: [two.id] })).toEqual([three.id]);
  });

  it('is refused like a PUBLISH', () => {
    const core = new TestCore();
    core.authorizer.deny('publish', 'secret');
    const { session } = core.join();
    const refusal = (topic: string): unknown => {
      const plan = planNow(core.realm, session, publishMessage(1, topic));
      return plan instanceof WampError ? plan.uri : plan;
    };
    expect([refusal('secret'), refusal('a..b'), refusal('wamp.x')]).toEqual([
      ErrorUri.NOT_AUTHORIZED,
      ErrorUri.INVALID_URI,
      ErrorUri.INVALID_URI,
    ]);
  });

  it('delivers one by one, in whatever order and to whom its owner wants', () => {
    const { core, publisher, one, two, three } = scene();
    const plan = planned(core, publisher, 'a.b', { args: ['x'] });
    const [first, second, , last] = plan.recipients;
    if (first === undefined || second === undefined || last === undefined) throw new Error('four recipients expected');
    expect(plan.deliver(last)).toBe(true);
    expect([one.takeTypes(), two.take(), three.take()]).toEqual([[36], [], []]);
    expect(plan.deliver(first)).toBe(true);
    expect([one.take(), two.takeTypes(), three.take()]).toEqual([[], [36], []]);
  });

  it('does not deliver to who has left or unsubscribed meanwhile, nor count a refusal as delivered', () => {
    const { core, publisher, one, two, three } = scene();
    const plan = planned(core, publisher, 'a.b');
    two.vanish();
    for (const id of [...one.session.subscriptions.keys()]) one.unsubscribe(id);
    one.take();
    three.peer.refuse = () => ErrorUri.PAYLOAD_SIZE_EXCEEDED;
    expect(plan.recipients).toHaveLength(1);
    expect(plan.recipients.map((recipient) => plan.deliver(recipient))).toEqual([false]);
    const early = planned(core, publisher, 'a.b');
    const { recipients } = early;
    three.vanish();
    expect(recipients.map((recipient) => early.deliver(recipient))).toEqual([false]);
    expect([one.take(), two.take()]).toEqual([[], []]);
  });

  it('deliverAll hands out what a PUBLISH does, message for message', () => {
    const parts: PublishParts = { args: [1], kwargs: { k: 2 }, discloseMe: true, excludeMe: false };
    const [a, b] = [scene(), scene()];
    for (const { publisher } of [a, b]) publisher.subscribed('a', 'prefix');
    planned(a.core, a.publisher, 'a.b', parts).deliverAll();
    b.publisher.publish('a.b', parts);
    const inboxes = ({ publisher, one, two, three }: typeof a) =>
      [publisher, one, two, three].map((each) => each.take());
    expect(inboxes(a)).toEqual(inboxes(b));
  });

  it('deliver of every recipient gives each the same events as deliverAll, in order of subscription', () => {
    const [a, b] = [scene(), scene()];
    const plan = planned(a.core, a.publisher, 'a.b');
    for (const recipient of plan.recipients) plan.deliver(recipient);
    planned(b.core, b.publisher, 'a.b').deliverAll();
    const sorted = ({ one, two, three }: typeof a) =>
      [one, two, three].map((each) =>
        each
          .take()
          .map((event) => JSON.stringify(event))
          .sort(),
      );
    expect(sorted(a)).toEqual(sorted(b));
  });

  it('all receivers of one subscription get the same Event instance, whichever way it is delivered', () => {
    const core = new TestCore();
    const publisher = core.join();
    const clients = core.joinMany(3);
    for (const client of clients) client.subscribed('a.b');
    const plan = planned(core, publisher, 'a.b');
    for (const recipient of plan.recipients) plan.deliver(recipient);
    expect(new Set(clients.flatMap((client) => client.peer.takeMessages())).size).toBe(1);
    publisher.publish('a.b');
    const instances = new Set(clients.flatMap((client) => client.peer.takeMessages()));
    expect(instances.size).toBe(1);
    expect([...instances][0]).toBeInstanceOf(Event);
  });

  it('disclosure makes a second instance, shared by those who are told', () => {
    const core = new TestCore();
    const publisher = core.join();
    const told = core.joinMany(2);
    const silent = core.joinMany(2, { features: 0 });
    for (const client of [...told, ...silent]) client.subscribed('a.b');
    publisher.publish('a.b', { discloseMe: true });
    const of = (clients: readonly Client[]) => new Set(clients.flatMap((client) => client.peer.takeMessages()));
    expect([of(told).size, of(silent).size]).toEqual([1, 1]);
  });

  it('a confirming peer settles its receipt on the plan, at once or later; an ordinary PUBLISH awaits none', () => {
    const { core, publisher, three } = scene();
    const settled: Receipt[] = [];
    const plan = planned(core, publisher, 'a.b');
    plan.onReceipt((receipt) => settled.push(receipt));
    const events: Event[] = [];
    three.peer.react = (message) => {
      if (message.type !== MessageType.EVENT) return;
      events.push(message);
      message.receipts?.settle({ session: three.id, outcome: 'processed', detail: 'at once' });
    };
    plan.deliverAll();
    expect(settled).toEqual([{ session: three.id, outcome: 'processed', detail: 'at once' }]);
    events[0]?.receipts?.settle({ session: three.id, outcome: 'gone', detail: undefined });
    expect(settled.map((receipt) => receipt.outcome)).toEqual(['processed', 'gone']);
    publisher.publish('a.b');
    expect(events[1]?.receipts).toBeUndefined();
  });

  it('receipts of one publication do not reach the plan of another', () => {
    const { core, publisher, three } = scene();
    const plans = [planned(core, publisher, 'a.b'), planned(core, publisher, 'a.b')];
    const settled: number[] = [];
    for (const [n, plan] of plans.entries()) plan.onReceipt(() => settled.push(n));
    three.peer.react = (message) => {
      if (message.type === MessageType.EVENT) {
        message.receipts?.settle({ session: three.id, outcome: 'failed', detail: undefined });
      }
    };
    plans[1]?.deliverAll();
    plans[0]?.deliverAll();
    expect(settled).toEqual([1, 0]);
  });
});
