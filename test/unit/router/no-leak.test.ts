import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ALONE } from '../../../src/router/cluster.ts';
import { installMeta } from '../../../src/router/meta/install.ts';
import { NO_OBSERVER } from '../../../src/router/observer.ts';
import type { Peer } from '../../../src/router/peer.ts';
import { LOST, type Realm } from '../../../src/router/realm.ts';
import { Router } from '../../../src/router/router.ts';
import type { Session } from '../../../src/router/session.ts';
import { ALL_FEATURES } from '../../../src/wamp/features.ts';
import { RandomIds } from '../../../src/wamp/ids.ts';
import { MessageType, type RouterMessage } from '../../../src/wamp/messages.ts';
import { CALL_DEFAULTS, PUBLISH_DEFAULTS, REGISTER_DEFAULTS, SUBSCRIBE_DEFAULTS } from '../../../src/wamp/options.ts';
import { Payload } from '../../../src/wamp/payload.ts';
import type { Match } from '../../../src/wamp/uri.ts';
import { TEST_LIMITS } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CYCLES = 10_000;
const MATCHES: readonly Match[] = ['exact', 'prefix', 'wildcard'];
const IDENTITY = { authid: 'somebody', authrole: 'agent', authmethod: 'ticket', authprovider: 'static' };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes on the heap that something still holds. */
function heldBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function makeRealm(): { realm: Realm; clock: FakeClock } {
  const clock = new FakeClock();
  const router = new Router({ clock, ids: new RandomIds(), observer: NO_OBSERVER, cluster: ALONE });
  const realm = router.create('test', {
    authorizer: { authorize: () => ({ kind: 'allow', disclose: false, rules: [] }) },
    limits: TEST_LIMITS,
    strictRequestIds: false,
    strictUris: false,
  });
  installMeta(realm);
  return { realm, clock };
}

/** Takes everything, and remembers the last message only. */
class ForgetfulPeer implements Peer {
  last: RouterMessage | undefined;

  send(message: RouterMessage): true {
    this.last = message;
    return true;
  }

  close(): void {}
}

function join(realm: Realm): { session: Session; peer: ForgetfulPeer } {
  const peer = new ForgetfulPeer();
  const session = realm.join(peer, { features: ALL_FEATURES, identity: IDENTITY });
  if (session === undefined) throw new Error('the realm took no session');
  return { session, peer };
}

/**
 * One session's whole life, under names that were never used before: it subscribes and registers, publishes and calls
 * itself under a timeout, leaves testaments, and goes with a call unanswered, now and then by its own UNSUBSCRIBE and UNREGISTER.
 */
function live(realm: Realm, cycle: number): void {
  const { session, peer } = join(realm);
  const match = MATCHES[cycle % MATCHES.length] ?? 'exact';
  const uri = `com.cycle${cycle}.name`;
  let request = 0;
  const next = () => {
    request += 1;
    return request;
  };
  const call = (procedure: string, payload: Payload) =>
    realm.receive(session, {
      type: MessageType.CALL,
      request: next(),
      options: { ...CALL_DEFAULTS, timeout: 60_000 },
      procedure,
      payload,
    });
  realm.receive(session, {
    type: MessageType.SUBSCRIBE,
    request: next(),
    options: { ...SUBSCRIBE_DEFAULTS, match },
    topic: uri,
  });
  const subscription = peer.last?.type === MessageType.SUBSCRIBED ? peer.last.subscription : 0;
  const options = { ...REGISTER_DEFAULTS, match, invoke: 'roundrobin', concurrency: 1 } as const;
  realm.receive(session, { type: MessageType.REGISTER, request: next(), options, procedure: uri });
  const registration = peer.last?.type === MessageType.REGISTERED ? peer.last.registration : 0;
  expect(subscription * registration).toBeGreaterThan(0);
  const payload = Payload.of([cycle]);
  realm.receive(session, {
    type: MessageType.PUBLISH,
    request: next(),
    options: PUBLISH_DEFAULTS,
    topic: uri,
    payload,
  });
  call('wamp.session.add_testament', Payload.of([uri, [cycle], {}]));
  // The second one waits, for the callee takes one at a time.
  call(uri, payload);
  call(uri, payload);
  if (cycle % 2 === 0) {
    realm.receive(session, { type: MessageType.UNREGISTER, request: next(), registration });
    realm.receive(session, { type: MessageType.UNSUBSCRIBE, request: next(), subscription });
  }
  realm.leave(session, LOST);
}

describe('sessions that come and go', () => {
  it(`no leak: after ${CYCLES} cycles of join, subscribe, register and leave heap and indexes are back where they were`, () => {
    const { realm, clock } = makeRealm();
    const { session: witness } = join(realm);
    const topics = ['wamp.session.on_join', 'wamp.session.on_leave', 'wamp.registration.on_delete', 'com.'];
    for (const [i, topic] of topics.entries()) {
      const match = topic.endsWith('.') ? 'prefix' : 'exact';
      realm.receive(witness, {
        type: MessageType.SUBSCRIBE,
        request: i + 1,
        options: { ...SUBSCRIBE_DEFAULTS, match },
        topic,
      });
    }
    const sizes = () => ({
      sessions: realm.sessions.size,
      subscriptions: realm.broker.size,
      matching: realm.broker.matching('com.cycle1.name').length,
      registrations: realm.dealer.registry.size,
      timed: realm.dealer.timed,
      timers: clock.pending,
      calls: witness.calls.size + witness.invocations.size,
    });
    const before = sizes();
    // The memory of recent look-ups fills once, and functions are compiled.
    for (let cycle = 0; cycle < CYCLES; cycle += 1) live(realm, cycle);
    const held = heldBytes();
    for (let cycle = CYCLES; cycle < 2 * CYCLES; cycle += 1) live(realm, cycle);
    // The one timer that serves all timeouts runs out once, finds nothing and is not set again.
    clock.advance(60_000);
    expect(sizes()).toEqual(before);
    // A leak of 50 bytes for each cycle would be half a megabyte.
    expect(heldBytes() - held).toBeLessThan(50 * CYCLES);
  });
});
