import { describe, expect, it } from 'vitest';
import { ErrorUri, WampError } from '../../../src/wamp/errors.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { LateCluster } from '../../support/clusters.ts';
import { type CoreOptions, errorWire, planNow, publishMessage, TestCore } from '../../support/core.ts';

function late(options: CoreOptions = {}) {
  const cluster = new LateCluster();
  return { cluster, core: new TestCore({ ...options, cluster }) };
}

describe('a cluster that answers a turn later (ARCHITECTURE 1.4)', () => {
  it('SUBSCRIBED, REGISTERED and PUBLISHED are sent in the completion, and nothing is matched before', () => {
    const { cluster, core } = late();
    const client = core.join();
    client.subscribe('a.b');
    client.register('p');
    client.publish('a.b', { acknowledge: true, excludeMe: false });
    client.call('p');
    expect(client.take()).toEqual([errorWire(48, 4, ErrorUri.NO_SUCH_PROCEDURE)]);
    cluster.complete();
    expect(client.takeTypes()).toEqual([MessageType.SUBSCRIBED, MessageType.REGISTERED, MessageType.PUBLISHED]);
    expect(cluster.said).toEqual(['announce subscription a.b exact', 'announce registration p exact', 'publish a.b']);
  });

  it('what exists here already is not announced again, and withdrawn when the last holder goes', () => {
    const { cluster, core } = late();
    const [one, two] = [core.join(), core.join()];
    one.subscribe('a.b');
    one.register('p', { invoke: 'first' });
    cluster.complete();
    two.subscribe('a.b');
    two.register('p', { invoke: 'first' });
    expect(two.takeTypes()).toEqual([MessageType.SUBSCRIBED, MessageType.REGISTERED]);
    expect(cluster.waiting).toBe(0);
    one.vanish();
    expect(cluster.said).toHaveLength(2);
    two.vanish();
    expect(cluster.said.slice(2)).toEqual(['withdraw registration p exact', 'withdraw subscription a.b exact']);
  });

  it('an asker who left before the completion holds nothing, and what he announced is withdrawn', () => {
    const { cluster, core } = late();
    const client = core.join();
    client.subscribe('a.b');
    client.register('p');
    client.publish('a.b', { acknowledge: true });
    client.vanish();
    cluster.complete();
    expect(client.take()).toEqual([]);
    expect([core.realm.broker.size, core.realm.dealer.registry.size, client.session.subscriptions.size]).toEqual([
      0, 0, 0,
    ]);
    expect(cluster.said.slice(3)).toEqual(['withdraw subscription a.b exact', 'withdraw registration p exact']);
  });

  it('of two who register the same meanwhile, the first to complete has it', () => {
    const { cluster, core } = late();
    const [one, two] = [core.join(), core.join()];
    one.register('p');
    two.register('p');
    one.subscribe('a.b');
    two.subscribe('a.b');
    cluster.complete();
    expect(one.take()).toEqual([
      [65, 1, 1],
      [33, 2, 2],
    ]);
    expect(two.take()).toEqual([errorWire(64, 1, ErrorUri.PROCEDURE_ALREADY_EXISTS), [33, 2, 2]]);
  });

  it('PITFALLS 40: one session that subscribes twice meanwhile holds one subscription', () => {
    const { cluster, core } = late();
    const client = core.join();
    client.subscribe('a.b');
    client.subscribe('a.b');
    cluster.complete();
    expect(client.take()).toEqual([
      [33, 1, 1],
      [33, 2, 1],
    ]);
    client.unsubscribe(1);
    expect(core.realm.broker.size).toBe(0);
  });

  it('bounds hold at the completion too, and what was announced in vain is withdrawn', () => {
    const { cluster, core } = late({ limits: { maxSubscriptionsPerSession: 1, maxRegistrationsPerSession: 1 } });
    const client = core.join();
    for (const uri of ['a', 'b']) {
      client.subscribe(uri);
      client.register(uri);
    }
    cluster.complete();
    expect(client.take()).toEqual([
      [33, 1, 1],
      [65, 2, 2],
      errorWire(32, 3, ErrorUri.LIMIT_EXCEEDED),
      errorWire(64, 4, ErrorUri.LIMIT_EXCEEDED),
    ]);
    expect(cluster.said.slice(4)).toEqual(['withdraw subscription b exact', 'withdraw registration b exact']);
  });
});

describe('a cluster that refuses', () => {
  it('SUBSCRIBE, REGISTER and acknowledged PUBLISH get its error; nothing is held, an unacknowledged PUBLISH is silent', () => {
    const { cluster, core } = late();
    const client = core.join();
    client.subscribe('a.b');
    client.register('p');
    client.publish('a.b', { acknowledge: true });
    client.publish('a.b');
    cluster.complete(ErrorUri.NETWORK_FAILURE);
    expect(client.take()).toEqual([
      errorWire(32, 1, ErrorUri.NETWORK_FAILURE),
      errorWire(64, 2, ErrorUri.NETWORK_FAILURE),
      errorWire(16, 3, ErrorUri.NETWORK_FAILURE),
    ]);
    expect([core.realm.broker.size, core.realm.dealer.registry.size]).toEqual([0, 0]);
    expect([client.session.subscriptions.size, client.session.registrations.size]).toEqual([0, 0]);
  });

  it('a planned publication reaches the other nodes once, however it is delivered here', () => {
    const { cluster, core } = late();
    const [publisher, one, two] = [core.join(), core.join(), core.join()];
    one.subscribe('a.b');
    cluster.complete();
    two.subscribe('a.b');
    const said = cluster.said.length;
    const plan = planNow(core.realm, publisher.session, publishMessage(1, 'a.b'));
    if (plan instanceof WampError) throw plan;
    expect(cluster.said).toHaveLength(said);
    for (const recipient of plan.recipients) plan.deliver(recipient);
    expect(cluster.said.slice(said)).toEqual(['publish a.b']);
  });

  it('a weak registration is announced as one, for on every node an ordinary one goes before it', () => {
    const { cluster, core } = late();
    const client = core.join();
    client.register('p', { weak: true });
    cluster.complete();
    client.vanish();
    expect(cluster.said).toEqual(['announce weakRegistration p exact', 'withdraw weakRegistration p exact']);
  });
});
