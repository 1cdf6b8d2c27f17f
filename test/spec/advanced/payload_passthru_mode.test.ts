import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import type { Passthru } from '../../../src/wamp/options.ts';
import type { Dict } from '../../../src/wamp/payload.ts';
import { type Client, errorWire, type MemberOptions, planNow, publishMessage, TestCore } from '../../support/core.ts';
import { RawClient } from '../../support/raw-client.ts';
import { RAW_NAMES, type RawName } from '../../support/raw-codec.ts';
import { binaryOf, KeyHolder, PASSTHRU_ROLES } from '../../support/sealed.ts';
import { type RunningRouter, startRouter } from '../../support/start-router.ts';

const PPT: Passthru = { ppt_scheme: 'wamp', ppt_serializer: 'cbor', ppt_cipher: 'xsalsa20poly1305', ppt_keyid: 'k1' };
const OTHER: Passthru = { ppt_scheme: 'x_mine', ppt_keyid: 'k2' };
const SECRET = Buffer.from('0042ff', 'hex');
const [FEATURE_NOT_SUPPORTED, VIOLATION] = ['wamp.error.feature_not_supported', 'wamp.error.protocol_violation'];

function without(bit: number): MemberOptions {
  return { features: ALL_FEATURES & ~bit };
}

/** A caller and a callee of `p`. */
function pair(caller: MemberOptions = {}, callee: MemberOptions = {}) {
  const core = new TestCore();
  const [asking, answering] = [core.join(caller), core.join(callee)];
  answering.registered('p');
  return { core, caller: asking, callee: answering };
}

function causes(core: TestCore) {
  return core.observer.drops.map(({ session, cause }) => [session, cause]);
}

/** The reason with which the router ended a session; undefined: it did not. */
function abortOf({ peer }: Client) {
  return peer.closed.map(({ how, uri }) => [how, uri]);
}

describe('Advanced Profile: Payload Passthru Mode', () => {
  it('D10: CALL to INVOCATION and YIELD to RESULT carry the keys and the one binary, untouched', () => {
    const { caller, callee } = pair();
    const request = caller.call('p', { passthru: PPT, args: [SECRET] });
    expect(callee.take()).toEqual([[68, 1, expect.any(Number), PPT, [SECRET]]]);
    callee.yield(1, [SECRET], false, OTHER);
    expect(caller.take()).toEqual([[50, request, OTHER, [SECRET]]]);
  });

  it('D10: a callee’s ERROR carries them beside its other details', () => {
    const { caller, callee } = pair();
    const request = caller.call('p', { passthru: PPT, args: [SECRET] });
    callee.error(1, 'app.failed', [SECRET], { ...PPT, mine: 1 });
    expect(caller.take()).toEqual([[8, 48, request, { ...PPT, mine: 1 }, 'app.failed', [SECRET]]]);
  });

  it('D10: PUBLISH to EVENT carries them, beside topic, publisher and trust level', () => {
    const core = new TestCore();
    core.authorizer.trust('agent', 3);
    const [publisher, exact, pattern] = [core.join({ authid: 'ann' }), core.join(), core.join()];
    exact.subscribed('a.b');
    pattern.subscribed('a', 'prefix');
    publisher.publish('a.b', { passthru: PPT, args: [SECRET], discloseMe: true });
    const named = { publisher: publisher.id, publisher_authid: 'ann', publisher_authrole: 'agent', trustlevel: 3 };
    expect(exact.take().map((event) => event.slice(3))).toEqual([[{ ...named, ...PPT }, [SECRET]]]);
    expect(pattern.take().map((event) => event.slice(3))).toEqual([[{ topic: 'a.b', ...named, ...PPT }, [SECRET]]]);
  });

  it('D10: all receivers of a subscription share one EVENT, and a planned one says the same', () => {
    const core = new TestCore();
    const [publisher, ...subscribers] = core.joinMany(4);
    for (const subscriber of subscribers) subscriber.subscribed('t');
    publisher?.publish('t', { passthru: PPT, args: [SECRET] });
    expect(new Set(subscribers.map(({ peer }) => peer.received.at(-1))).size).toBe(1);
    if (publisher === undefined) throw new Error('nobody joined');
    const plan = planNow(core.realm, publisher.session, publishMessage(9, 't', { passthru: PPT, args: [SECRET] }));
    if (plan instanceof Error) throw plan;
    plan.deliverAll();
    expect(subscribers[0]?.peer.received.at(-1)).toMatchObject({ type: MessageType.EVENT, details: PPT });
  });

  it('D10: an ordinary payload is answered in the mode, or one in the mode with an ordinary one, as the ends like', () => {
    const { caller, callee } = pair();
    const first = caller.call('p', { args: [1] });
    callee.yield(1, [SECRET], false, PPT);
    const second = caller.call('p', { passthru: PPT, args: [SECRET] });
    callee.yield(2, [1, 2]);
    expect(caller.take()).toEqual([
      [50, first, PPT, [SECRET]],
      [50, second, {}, [1, 2]],
    ]);
  });

  describe('with other features', () => {
    it('progressive results say progress, and of each payload what it says itself', () => {
      const { caller, callee } = pair();
      const request = caller.call('p', { passthru: PPT, args: [SECRET], receiveProgress: true });
      expect(callee.take()[0]?.[3]).toEqual({ receive_progress: true, ...PPT });
      callee.yield(1, [SECRET], true, PPT);
      callee.yield(1, [1], true);
      callee.yield(1, [SECRET], false, OTHER);
      expect(caller.take()).toEqual([
        [50, request, { progress: true, ...PPT }, [SECRET]],
        [50, request, { progress: true }, [1]],
        [50, request, OTHER, [SECRET]],
      ]);
    });

    it('progressive invocations say progress, and each part what it says itself', () => {
      const { caller, callee } = pair();
      const request = caller.call('p', { passthru: PPT, args: [SECRET], progress: true });
      caller.call('p', { request, passthru: OTHER, args: [SECRET], progress: true });
      caller.call('p', { request, args: [1], progress: true });
      caller.call('p', { request, passthru: PPT, args: [SECRET] });
      expect(callee.take().map((each) => each.slice(3))).toEqual([
        [{ progress: true, ...PPT }, [SECRET]],
        [{ progress: true, ...OTHER }, [SECRET]],
        [{ progress: true }, [1]],
        [PPT, [SECRET]],
      ]);
    });

    it('a part in the mode for a callee that does not know it ends the call', () => {
      const { core, caller, callee } = pair({}, without(Feature.CALLEE_PASSTHRU));
      const request = caller.call('p', { args: [1], progress: true });
      caller.call('p', { request, passthru: PPT, args: [SECRET] });
      expect(caller.take()).toEqual([errorWire(48, request, FEATURE_NOT_SUPPORTED)]);
      expect(callee.takeTypes()).toEqual([MessageType.INVOCATION, MessageType.INTERRUPT]);
      expect(causes(core)).toEqual([[caller.id, 'passthru_unknown']]);
      callee.yield(1);
      expect(caller.take()).toEqual([]);
    });

    it('so it does while the call waits for a callee that is busy', () => {
      const core = new TestCore();
      const [caller, callee] = [core.join(), core.join(without(Feature.CALLEE_PASSTHRU))];
      callee.registered('p', { invoke: 'roundrobin', concurrency: 1 });
      caller.call('p');
      const waiting = caller.call('p', { progress: true });
      caller.call('p', { request: waiting, passthru: PPT, args: [SECRET] });
      expect(caller.take()).toEqual([errorWire(48, waiting, FEATURE_NOT_SUPPORTED)]);
      callee.yield(1);
      expect(callee.takeTypes()).toEqual([MessageType.INVOCATION]);
    });

    it('a testament keeps the keys', () => {
      const core = new TestCore({ meta: true });
      const [owner, subscriber] = [core.join(), core.join()];
      subscriber.subscribed('t');
      owner.call('wamp.session.add_testament', { args: ['t', [SECRET], {}], kwargs: { publish_options: PPT } });
      expect(owner.takeTypes()).toEqual([MessageType.RESULT]);
      owner.vanish();
      expect(subscriber.take().map((event) => event.slice(3, 5))).toEqual([[PPT, [SECRET]]]);
    });

    it('a testament that could not be published is refused', () => {
      const core = new TestCore({ meta: true });
      const options = { kwargs: { publish_options: PPT } };
      const [able, unable] = [core.join(), core.join(without(Feature.PUBLISHER_PASSTHRU))];
      const wrong = able.call('wamp.session.add_testament', { args: ['t', ['text'], {}], ...options });
      const silent = unable.call('wamp.session.add_testament', { args: ['t', [SECRET], {}], ...options });
      expect(able.take()).toEqual([errorWire(48, wrong, 'wamp.error.invalid_argument')]);
      expect(unable.take()).toEqual([errorWire(48, silent, 'wamp.error.invalid_argument')]);
    });

    it('the router’s own procedures do not know the mode', () => {
      const core = new TestCore({ meta: true });
      const caller = core.join();
      const request = caller.call('wamp.session.count', { passthru: PPT, args: [SECRET] });
      expect(caller.take()).toEqual([errorWire(48, request, FEATURE_NOT_SUPPORTED)]);
    });
  });

  describe('who did not announce it', () => {
    it('a caller that sends CALL is aborted with protocol_violation', () => {
      const { caller, callee } = pair(without(Feature.CALLER_PASSTHRU));
      caller.call('p', { passthru: PPT, args: [SECRET] });
      expect(abortOf(caller)).toEqual([['abort', VIOLATION]]);
      expect(callee.take()).toEqual([]);
    });

    it('a publisher that sends PUBLISH is aborted with protocol_violation', () => {
      const core = new TestCore();
      const [publisher, subscriber] = [core.join(without(Feature.PUBLISHER_PASSTHRU)), core.join()];
      subscriber.subscribed('t');
      publisher.publish('t', { passthru: PPT, args: [SECRET] });
      expect(abortOf(publisher)).toEqual([['abort', VIOLATION]]);
      expect(subscriber.take()).toEqual([]);
    });

    it('a callee that sends YIELD or ERROR is aborted with protocol_violation, and its caller gets canceled', () => {
      for (const answer of ['yield', 'error'] as const) {
        const { caller, callee } = pair({}, without(Feature.CALLEE_PASSTHRU));
        const request = caller.call('p');
        if (answer === 'yield') callee.yield(1, [SECRET], false, PPT);
        else callee.error(1, 'app.failed', [SECRET], PPT);
        expect(abortOf(callee)).toEqual([['abort', VIOLATION]]);
        expect(caller.take()).toEqual([errorWire(48, request, 'wamp.error.canceled')]);
      }
    });

    it('a callee is not asked: the caller gets feature_not_supported', () => {
      const { caller, callee } = pair({}, without(Feature.CALLEE_PASSTHRU));
      const request = caller.call('p', { passthru: PPT, args: [SECRET] });
      expect(caller.take()).toEqual([errorWire(48, request, FEATURE_NOT_SUPPORTED)]);
      expect(callee.take()).toEqual([]);
    });

    it.each(['first', 'last', 'roundrobin', 'random', 'least_loaded', 'hash'] as const)(
      'a callee of a shared registration is passed over (%s)',
      (invoke) => {
        const core = new TestCore();
        const caller = core.join();
        const unable = [core.join(without(Feature.CALLEE_PASSTHRU)), core.join(without(Feature.CALLEE_PASSTHRU))];
        const able = core.join();
        unable[0]?.registered('p', { invoke });
        able.registered('p', { invoke });
        unable[1]?.registered('p', { invoke });
        for (let i = 0; i < 3; i += 1) caller.call('p', { passthru: PPT, args: [SECRET] });
        expect(able.takeTypes()).toHaveLength(3);
        expect(unable.flatMap((each) => each.take())).toEqual([]);
      },
    );

    it('a caller gets feature_not_supported for its call, and so does the callee for its YIELD', () => {
      const { core, caller, callee } = pair(without(Feature.CALLER_PASSTHRU));
      const request = caller.call('p');
      callee.take();
      callee.yield(1, [SECRET], false, PPT);
      expect(caller.take()).toEqual([errorWire(48, request, FEATURE_NOT_SUPPORTED)]);
      expect(callee.take()).toEqual([errorWire(70, 1, FEATURE_NOT_SUPPORTED)]);
      expect(causes(core)).toEqual([[caller.id, 'passthru_unknown']]);
      expect([caller.session.calls.size, callee.session.invocations.size]).toEqual([0, 0]);
    });

    it('a progressive result that its caller cannot read ends the call, and the callee is interrupted', () => {
      const { caller, callee } = pair(without(Feature.CALLER_PASSTHRU));
      const request = caller.call('p', { receiveProgress: true });
      callee.take();
      callee.yield(1, [SECRET], true, PPT);
      expect(caller.take()).toEqual([errorWire(48, request, FEATURE_NOT_SUPPORTED)]);
      expect(callee.take()).toEqual([errorWire(70, 1, FEATURE_NOT_SUPPORTED), [69, 1, { mode: 'killnowait' }]]);
      callee.yield(1);
      expect(caller.take()).toEqual([]);
    });

    it('with concurrency the callee is free again after a result that nobody could read', () => {
      const core = new TestCore();
      const [caller, callee] = [core.join(without(Feature.CALLER_PASSTHRU)), core.join()];
      callee.registered('p', { concurrency: 1 });
      caller.call('p');
      caller.call('p');
      callee.yield(1, [SECRET], false, PPT);
      expect(callee.takeTypes()).toEqual([MessageType.INVOCATION, MessageType.ERROR, MessageType.INVOCATION]);
    });

    it('a caller is told of an ERROR in the mode, without the keys and the payload', () => {
      const { core, caller, callee } = pair(without(Feature.CALLER_PASSTHRU));
      const request = caller.call('p');
      callee.error(1, 'app.failed', [SECRET], { ...PPT, mine: 1 });
      expect(caller.take()).toEqual([[8, 48, request, { mine: 1 }, 'app.failed', [expect.any(String)]]]);
      expect(causes(core)).toEqual([[caller.id, 'passthru_unknown']]);
    });

    it('a subscriber does not get the event, which is counted; the others do', () => {
      const core = new TestCore();
      const [publisher, able] = [core.join(), core.join()];
      const unable = core.join(without(Feature.SUBSCRIBER_PASSTHRU));
      for (const each of [able, unable]) each.subscribed('t');
      publisher.publish('t', { passthru: PPT, args: [SECRET] });
      publisher.publish('t', { args: ['ordinary'] });
      expect(able.take()).toHaveLength(2);
      expect(unable.take().map((event) => event[4])).toEqual([['ordinary']]);
      expect(causes(core)).toEqual([[unable.id, 'passthru_unknown']]);
    });
  });

  describe('PITFALLS 27: the shape of the payload', () => {
    const CIPHER: Passthru = { ppt_scheme: 'x_mine', ppt_cipher: 'aes256gcm' };
    const wrong: [string, Passthru, { args?: readonly unknown[]; kwargs?: Dict }][] = [
      ['nothing', PPT, {}],
      ['nothing (native)', OTHER, {}],
      ['two arguments', PPT, { args: [SECRET, SECRET] }],
      ['two arguments (native)', OTHER, { args: [SECRET, 1] }],
      ['text', PPT, { args: ['secret'] }],
      ['text under a cipher', CIPHER, { args: ['secret'] }],
      ['a list', PPT, { args: [[SECRET]] }],
      ['kwargs', PPT, { kwargs: { secret: SECRET } }],
      ['kwargs beside it', PPT, { args: [SECRET], kwargs: { more: 1 } }],
      ['kwargs beside it (native)', OTHER, { args: [SECRET], kwargs: { more: 1 } }],
    ];

    it.each(wrong)('%s is a violation in CALL, PUBLISH and YIELD', (_name, passthru, payload) => {
      const { caller, callee } = pair();
      caller.call('p', { passthru, ...payload });
      expect(abortOf(caller)).toEqual([['abort', VIOLATION]]);
      expect(callee.take()).toEqual([]);
      const publisher = pair().caller;
      publisher.publish('t', { passthru, ...payload });
      expect(abortOf(publisher)).toEqual([['abort', VIOLATION]]);
      if (payload.kwargs !== undefined) return;
      const second = pair();
      second.caller.call('p');
      second.callee.yield(1, payload.args, false, passthru);
      expect(abortOf(second.callee)).toEqual([['abort', VIOLATION]]);
    });

    it('a native payload is any one value: it was not serialized before it came', () => {
      for (const passthru of [OTHER, { ...OTHER, ppt_serializer: 'native' }]) {
        const { caller, callee } = pair();
        caller.call('p', { passthru, args: [{ args: [1] }] });
        expect(callee.take().map((each) => each.slice(3))).toEqual([[passthru, [{ args: [1] }]]]);
      }
    });

    it('an ERROR may have any: what a callee could not decode must not bring it down', () => {
      const { caller, callee } = pair();
      const request = caller.call('p', { passthru: PPT, args: [SECRET] });
      callee.error(1, 'app.undecodable', ['cannot decode'], PPT);
      expect(caller.take()).toEqual([[8, 48, request, PPT, 'app.undecodable', ['cannot decode']]]);
    });
  });
});

describe('D11: what one agent has encrypted the other decrypts, and the router does not touch it', () => {
  let router: RunningRouter;
  const clients: RawClient[] = [];
  beforeAll(async () => {
    router = await startRouter();
  });
  afterAll(() => router.stop());
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });

  const joined = async (name: RawName): Promise<RawClient> => {
    const client = await (await RawClient.connect(router.url, name)).join('realm1', { roles: PASSTHRU_ROLES });
    clients.push(client);
    return client;
  };
  const [alice, bob] = [new KeyHolder(), new KeyHolder()];
  const matrix = RAW_NAMES.flatMap((from) => RAW_NAMES.map((to) => [from, to] as const));

  it.each(matrix)('a call and its result, %s to %s', async (from, to) => {
    const [caller, callee] = await Promise.all([joined(from), joined(to)]);
    await callee.register('com.secret');
    const request = caller.call('com.secret', PPT, [alice.seal('question ☃', bob)]);
    const invocation = await callee.expect(MessageType.INVOCATION);
    expect(invocation.details).toEqual(PPT);
    expect(bob.open(binaryOf(to, invocation.args[0]), alice)).toBe('question ☃');
    callee.send([MessageType.YIELD, invocation.request, OTHER, [bob.seal('answer', alice)]]);
    const result = await caller.expect(MessageType.RESULT);
    expect([result.request, result.details]).toEqual([request, OTHER]);
    expect(alice.open(binaryOf(from, result.args[0]), bob)).toBe('answer');
  });

  it.each(matrix)('a callee’s error, %s to %s', async (from, to) => {
    const [caller, callee] = await Promise.all([joined(from), joined(to)]);
    await callee.register('com.secret');
    caller.call('com.secret', PPT, [alice.seal('question', bob)]);
    const { request } = await callee.expect(MessageType.INVOCATION);
    callee.send([MessageType.ERROR, MessageType.INVOCATION, request, PPT, 'com.failed', [bob.seal('why', alice)]]);
    const error = await caller.expect(MessageType.ERROR);
    expect([error.error, error.details]).toEqual(['com.failed', PPT]);
    expect(alice.open(binaryOf(from, error.args[0]), bob)).toBe('why');
  });

  it.each(matrix)('an event, %s to %s', async (from, to) => {
    const [publisher, subscriber] = await Promise.all([joined(from), joined(to)]);
    await subscriber.subscribe('com.secret');
    const text = 'news '.repeat(20_000);
    publisher.publish('com.secret', PPT, [alice.seal(text, bob)]);
    const event = await subscriber.expect(MessageType.EVENT);
    expect(event.details).toEqual(PPT);
    expect(bob.open(binaryOf(to, event.args[0]), alice)).toBe(text);
  });

  it.each(RAW_NAMES)('a value of the wrong shape or type is ABORT (%s)', async (name) => {
    for (const [options, payload] of [
      [PPT, ['text']],
      [PPT, []],
      [{ ppt_scheme: 1 }, [SECRET]],
      [{ ppt_cipher: 'x' }, [SECRET]],
    ] as const) {
      const client = await joined(name);
      client.call('com.any', options, payload);
      expect(await client.expect(MessageType.ABORT)).toMatchObject({ reason: VIOLATION });
    }
  });

  it.each(RAW_NAMES)('WELCOME announces it for broker and dealer (%s)', async (name) => {
    const { welcome } = await joined(name);
    const announced = { features: { payload_passthru_mode: true } };
    expect(welcome.roles).toMatchObject({ broker: announced, dealer: announced });
  });
});
