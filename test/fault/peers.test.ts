/** A peer vanishes at every step of an RPC, over real sockets: the other side is told what the spec says, nothing leaks. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { type HealthySession, healthySession } from '../support/healthy-session.ts';
import { RawClient } from '../support/raw-client.ts';
import type { RawName } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const { CALL, CANCEL, ERROR, GOODBYE, INTERRUPT, INVOCATION, RESULT, YIELD } = MessageType;
const CANCELED = 'wamp.error.canceled';
const RAW_NAMES = ['json', 'msgpack', 'cbor'] as const;

/** How a peer leaves. */
const WAYS: [string, (client: RawClient) => void][] = [
  ['its socket is cut', (client) => client.destroy()],
  ['it closes in good order', (client) => client.close()],
  ['it says GOODBYE', (client) => client.send([GOODBYE, {}, 'wamp.close.normal'])],
  ['it aborts', (client) => client.send([MessageType.ABORT, {}, 'wamp.error.unknown'])],
  ['it breaks the protocol', (client) => client.send([MessageType.WELCOME, 1, {}])],
];

interface Scene {
  readonly router: RunningRouter;
  readonly healthy: HealthySession;
  readonly caller: RawClient;
  readonly callee: RawClient;
  /** Both have gone or are going: waits until the router remembers nothing of them. */
  clean(): Promise<void>;
}

/** A caller and a callee of `work`, and somebody beside them. */
async function scene(name: RawName = 'json'): Promise<Scene> {
  const router = await startRouter({ extra: 'shutdown: { drainMs: 0 }' });
  onTestFinished(() => router.stop());
  const healthy = await healthySession(router.url);
  const join = async () => (await RawClient.connect(router.url, name)).join('realm1');
  const [caller, callee] = [await join(), await join()];
  await callee.register('work');
  const clean = async (): Promise<void> => {
    caller.destroy();
    callee.destroy();
    const [realm] = [...router.server.router.realms];
    await vi.waitFor(() => expect([...(realm?.sessions.keys() ?? [])]).toEqual([healthy.client.session]));
    const [left] = [...(realm?.sessions.values() ?? [])];
    expect(left?.calls.size).toBe(0);
    expect(left?.invocations.size).toBe(0);
    expect(realm?.dealer.registry.size).toBe(1);
    expect(realm?.broker.size).toBe(1);
    await healthy.works();
    expect(router.server.metrics.faults).toBe(0);
  };
  return { router, healthy, caller, callee, clean };
}

/** A call that the callee has. @returns its id at the caller and at the callee */
async function called(at: Scene, options: Dict = {}) {
  const call = at.caller.call('work', options, [1]);
  const { request } = await at.callee.expect(INVOCATION);
  return { call, invocation: request };
}

describe.each(WAYS)('a callee vanishes (%s)', (_way, vanish) => {
  it.each(RAW_NAMES)('PITFALLS 52: having got INVOCATION: the caller gets ERROR canceled (%s)', async (name) => {
    const at = await scene(name);
    const { call } = await called(at);
    vanish(at.callee);
    expect(await at.caller.expect(ERROR)).toMatchObject({ requestType: CALL, request: call, error: CANCELED });
    await at.clean();
  });

  it('PITFALLS 52: in the midst of progressive results: those that came stay, then ERROR canceled', async () => {
    const at = await scene();
    const { call, invocation } = await called(at, { receive_progress: true });
    at.callee.send([YIELD, invocation, { progress: true }, ['first']]);
    at.callee.send([YIELD, invocation, { progress: true }, ['second']]);
    vanish(at.callee);
    expect(await at.caller.expect(RESULT)).toMatchObject({ request: call, details: { progress: true } });
    expect(await at.caller.expect(RESULT)).toMatchObject({ request: call, details: { progress: true } });
    expect(await at.caller.expect(ERROR)).toMatchObject({ requestType: CALL, request: call, error: CANCELED });
    await at.clean();
  });

  it('PITFALLS 55: having got INTERRUPT of a kill: the caller gets ERROR canceled, once', async () => {
    const at = await scene();
    const { call } = await called(at);
    at.caller.send([CANCEL, call, { mode: 'kill' }]);
    await at.callee.expect(INTERRUPT);
    vanish(at.callee);
    expect(await at.caller.expect(ERROR)).toMatchObject({ requestType: CALL, request: call, error: CANCELED });
    expect(await at.caller.settle()).toEqual([]);
    await at.clean();
  });

  it('PITFALLS 57: after a skip that was answered already: the caller hears nothing more', async () => {
    const at = await scene();
    const { call } = await called(at);
    at.caller.send([CANCEL, call, { mode: 'skip' }]);
    expect(await at.caller.expect(ERROR)).toMatchObject({ request: call, error: CANCELED });
    vanish(at.callee);
    await vi.waitFor(() => expect(at.router.server.router.sessionCount).toBe(2));
    expect(await at.caller.settle()).toEqual([]);
    await at.clean();
  });

  it('PITFALLS 8: while nothing is in flight: its procedure is free and is not found', async () => {
    const at = await scene();
    vanish(at.callee);
    await vi.waitFor(() => expect(at.router.server.router.sessionCount).toBe(2));
    at.caller.call('work');
    expect(await at.caller.expect(ERROR)).toMatchObject({ error: 'wamp.error.no_such_procedure' });
    await at.caller.register('work');
    await at.clean();
  });
});

// A cut may overtake what was written before it; all other ways come after it.
describe.each(WAYS.slice(1))('a callee vanishes (%s)', (_way, vanish) => {
  it('right behind its YIELD: the result arrives all the same', async () => {
    const at = await scene();
    const { call, invocation } = await called(at);
    at.callee.send([YIELD, invocation, {}, ['done']]);
    vanish(at.callee);
    expect(await at.caller.expect(RESULT)).toMatchObject({ request: call });
    await at.clean();
  });
});

describe.each(WAYS)('a caller vanishes (%s)', (_way, vanish) => {
  it('PITFALLS 53: having sent CALL: the callee is interrupted with killnowait, and its late answer goes nowhere', async () => {
    const at = await scene();
    const { invocation } = await called(at);
    vanish(at.caller);
    expect(await at.callee.expect(INTERRUPT)).toMatchObject({ request: invocation, details: { mode: 'killnowait' } });
    at.callee.send([YIELD, invocation, {}, ['too late']]);
    expect(await at.callee.settle()).toEqual([]);
    expect(at.callee.session).toBeGreaterThan(0);
    await at.clean();
  });

  it('PITFALLS 53: in the midst of progressive results: the callee is interrupted, what it still yields goes nowhere', async () => {
    const at = await scene();
    const { invocation } = await called(at, { receive_progress: true });
    at.callee.send([YIELD, invocation, { progress: true }, ['first']]);
    await at.caller.expect(RESULT);
    vanish(at.caller);
    expect(await at.callee.expect(INTERRUPT)).toMatchObject({ request: invocation });
    at.callee.send([YIELD, invocation, { progress: true }, ['second']]);
    at.callee.send([YIELD, invocation, {}, ['last']]);
    expect(await at.callee.settle()).toEqual([]);
    await at.clean();
  });

  it('right behind CANCEL of mode kill: the callee is interrupted once, its ERROR goes nowhere', async () => {
    const at = await scene();
    const { call, invocation } = await called(at);
    at.caller.send([CANCEL, call, { mode: 'kill' }]);
    expect(await at.callee.expect(INTERRUPT)).toMatchObject({ request: invocation, details: { mode: 'kill' } });
    vanish(at.caller);
    await vi.waitFor(() => expect(at.router.server.router.sessionCount).toBe(2));
    at.callee.send([ERROR, INVOCATION, invocation, {}, CANCELED]);
    const interrupts = (await at.callee.settle()) as unknown[][];
    expect(interrupts.every(([type]) => type === INTERRUPT)).toBe(true);
    await at.clean();
  });

  it('a callee that announced no call_canceling is not interrupted, and its late answer harms nobody', async () => {
    const at = await scene();
    const plain = await RawClient.connect(at.router.url);
    await plain.join('realm1', { roles: { callee: {} } });
    await plain.register('plain.work');
    at.caller.call('plain.work');
    const { request } = await plain.expect(INVOCATION);
    vanish(at.caller);
    await vi.waitFor(() => expect(at.router.server.router.sessionCount).toBe(3));
    plain.send([YIELD, request, {}]);
    expect(await plain.settle()).toEqual([]);
    plain.destroy();
    await at.clean();
  });
});

describe('both', () => {
  it('vanish at the same moment with many calls in flight: nothing is left', async () => {
    const at = await scene();
    for (let i = 0; i < 50; i += 1) at.caller.call('work', { receive_progress: i % 2 === 0 });
    for (let i = 0; i < 50; i += 1) await at.callee.expect(INVOCATION);
    at.caller.destroy();
    at.callee.destroy();
    await at.clean();
  });

  it('PITFALLS 52: a session that calls itself vanishes with its calls', async () => {
    const at = await scene();
    at.callee.call('work');
    await at.callee.expect(INVOCATION);
    at.callee.destroy();
    await at.clean();
  });

  it('PITFALLS 52: of a shared registration one callee vanishes: its calls are canceled, those of the other go on', async () => {
    const at = await scene();
    const join = async () => (await RawClient.connect(at.router.url)).join('realm1');
    const [one, two] = [await join(), await join()];
    for (const each of [one, two]) await each.register('shared.work', { invoke: 'roundrobin' });
    const calls = [at.caller.call('shared.work'), at.caller.call('shared.work')];
    await one.expect(INVOCATION);
    const { request } = await two.expect(INVOCATION);
    one.destroy();
    expect(await at.caller.expect(ERROR)).toMatchObject({ request: calls[0], error: CANCELED });
    two.send([YIELD, request, {}]);
    expect(await at.caller.expect(RESULT)).toMatchObject({ request: calls[1] });
    const third = at.caller.call('shared.work');
    const { request: again } = await two.expect(INVOCATION);
    two.send([YIELD, again, {}]);
    expect(await at.caller.expect(RESULT)).toMatchObject({ request: third });
    two.destroy();
    await at.clean();
  });

  it('a peer that vanishes during the handshake leaves no session', async () => {
    const at = await scene();
    for (const last of [undefined, [1, 'realm1', { roles: { caller: {} } }], [1, 'realm1']]) {
      const client = await RawClient.connect(at.router.url);
      if (last !== undefined) client.send(last);
      client.destroy();
    }
    await at.clean();
  });

  it('subscribers that vanish during a fan-out cost the others nothing', async () => {
    const at = await scene();
    const subscribers: RawClient[] = [];
    for (let i = 0; i < 10; i += 1) {
      const client = await (await RawClient.connect(at.router.url)).join('realm1');
      await client.subscribe('fan.out');
      subscribers.push(client);
    }
    for (let i = 0; i < 100; i += 1) {
      at.caller.publish('fan.out', {}, [i]);
      if (i % 20 === 10) subscribers[i / 10 - 1]?.destroy();
    }
    const staying = subscribers.filter((_, i) => i % 2 === 1);
    for (const client of staying) {
      for (let i = 0; i < 100; i += 1) expect(await client.expect(MessageType.EVENT)).toMatchObject({ args: [i] });
      client.destroy();
    }
    for (const client of subscribers) client.destroy();
    await at.clean();
  });
});
