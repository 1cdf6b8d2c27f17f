/**
 * What one publication to many subscribers costs in the core, encoding included and sockets excluded; prints a table and
 * fails nothing.
 *
 *     npx vitest bench test/bench/fanout.bench.ts --run
 */
import { bench, describe } from 'vitest';
import { ALONE } from '../../src/router/cluster.ts';
import { NO_OBSERVER } from '../../src/router/observer.ts';
import type { Peer, Sent } from '../../src/router/peer.ts';
import type { Realm } from '../../src/router/realm.ts';
import { Router } from '../../src/router/router.ts';
import type { Session } from '../../src/router/session.ts';
import { serializers } from '../../src/serializers/registry.ts';
import type { Serializer } from '../../src/serializers/serializer.ts';
import { ALL_FEATURES } from '../../src/wamp/features.ts';
import { RandomIds } from '../../src/wamp/ids.ts';
import { MessageType, type RouterMessage } from '../../src/wamp/messages.ts';
import { TEST_LIMITS } from '../support/core.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { encodeRaw, type RawName } from '../support/raw-codec.ts';
import { PAYLOAD_BYTES, payloadOf } from './payloads.ts';

const SUBSCRIBERS = 100;
const TOPIC = 'yamtam.task.progress';

/** Encodes what it gets, as a connection does, and keeps nothing but the count. */
class EncodingPeer implements Peer {
  bytes = 0;
  readonly #serializer: Serializer;

  constructor(serializer: Serializer) {
    this.#serializer = serializer;
  }

  send(message: RouterMessage): Sent {
    this.bytes += this.#serializer.encode(message).length;
    return true;
  }

  close(): void {}
}

function openRealm(): Realm {
  const router = new Router({ clock: new FakeClock(), ids: new RandomIds(), observer: NO_OBSERVER, cluster: ALONE });
  const authorizer = { authorize: () => ({ kind: 'allow', disclose: false, rules: [] }) as const };
  return router.create('bench', { authorizer, limits: TEST_LIMITS, strictRequestIds: false, strictUris: false });
}

function join(realm: Realm, serializer: Serializer): Session {
  const identity = { authid: 'agent', authrole: 'agent', authmethod: 'ticket', authprovider: 'static' };
  const session = realm.join(new EncodingPeer(serializer), { features: ALL_FEATURES, identity });
  if (session === undefined) throw new Error('the realm took no session');
  return session;
}

/** A publication that came in `from`, to subscribers that speak each of `to` in turn. */
function fanOut(from: Serializer, to: readonly Serializer[], bytes: number): () => void {
  const realm = openRealm();
  const publisher = join(realm, from);
  for (let i = 0; i < SUBSCRIBERS; i += 1) {
    const subscriber = join(realm, to[i % to.length] ?? from);
    realm.receive(subscriber, {
      type: MessageType.SUBSCRIBE,
      request: 1,
      options: { match: 'exact', getRetained: false },
      topic: TOPIC,
    });
  }
  const publish = encodeRaw(from.name as RawName, [16, 4711, {}, TOPIC, [], payloadOf(bytes)]);
  return () => {
    const message = from.decode(publish);
    if (message.type !== MessageType.PUBLISH) throw new Error('PUBLISH expected');
    realm.receive(publisher, message);
  };
}

for (const bytes of PAYLOAD_BYTES) {
  describe(`one publication of ${bytes} B to ${SUBSCRIBERS} subscribers`, () => {
    for (const serializer of serializers) {
      bench(`${serializer.name}, all`, fanOut(serializer, [serializer], bytes));
      bench(`${serializer.name}, subscribers of all three`, fanOut(serializer, serializers, bytes));
    }
  });
}
