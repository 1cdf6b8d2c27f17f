import { describe, expect, it } from 'vitest';
import { Inbox, refusal } from '../../support/autobahn-client.ts';
import type { Environment } from './environment.ts';

/** A callee that waits with its answer, a caller, and one call between them. */
async function pending(env: Environment, calleeRoles?: object, options: object = {}) {
  const [callee, caller] = await Promise.all([
    env.raw(calleeRoles === undefined ? {} : { roles: { callee: calleeRoles } }),
    env.raw(),
  ]);
  await callee.register('com.slow');
  const request = caller.call('com.slow', { ...options });
  const invocation = (await callee.expect(68)).request;
  return { callee, caller, request, invocation };
}

export function callsInFlightScenarios(env: Environment): void {
  describe('Progressive Call Results', () => {
    it('PITFALLS 13: an autobahn callee, which announces no call_canceling, yields progress to an autobahn caller', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      await callee.session.register('com.steps', ([count], _kwargs, { progress }) => {
        for (let n = 0; n < Number(count); n += 1) progress?.([n], n === 1 ? { note: 'the second' } : undefined);
        return 'done';
      });
      const steps = new Inbox<unknown>();
      const result = await caller.session
        .call('com.steps', [3], {}, { receive_progress: true })
        .then((value) => value, undefined, steps.put);
      expect(result).toBe('done');
      const heard = await steps.until(3);
      expect(heard).toHaveLength(3);
      expect(heard[0]).toBe(0);
      expect(heard[1]).toMatchObject({ args: [1], kwargs: { note: 'the second' } });
    });

    it('PITFALLS 59: progress nobody asked for does not reach the caller', async () => {
      const { callee, caller, request, invocation } = await pending(env);
      callee.send([70, invocation, { progress: true }, ['unwanted']]);
      callee.send([70, invocation, {}, ['final']]);
      expect(await caller.take()).toEqual([50, request, {}, ['final']]);
    });

    it('a progressive call may end with an error; what comes after the end is dropped', async () => {
      const { callee, caller, request, invocation } = await pending(env, undefined, { receive_progress: true });
      callee.send([70, invocation, { progress: true }]);
      callee.send([70, invocation, { progress: true }, [1]]);
      callee.send([8, 68, invocation, {}, 'com.error.enough']);
      callee.send([70, invocation, { progress: true }, [2]]);
      callee.send([70, invocation, {}, [3]]);
      expect(await caller.take()).toEqual([50, request, { progress: true }]);
      expect(await caller.take()).toEqual([50, request, { progress: true }, [1]]);
      expect(await caller.take()).toEqual([8, 48, request, {}, 'com.error.enough']);
      expect(await callee.settle()).toEqual([]);
      expect(await caller.settle()).toEqual([]);
    });

    it('a callee that announced no progressive results is not asked for any', async () => {
      const [callee, caller] = await Promise.all([env.raw({ roles: { callee: {} } }), env.raw()]);
      await callee.register('com.plain');
      caller.call('com.plain', { receive_progress: true });
      expect((await callee.expect(68)).details).toEqual({});
    });
  });

  describe('Call Canceling', () => {
    it('PITFALLS 54: skip answers the caller at once, and the callee hears nothing', async () => {
      const { callee, caller, request, invocation } = await pending(env);
      caller.send([49, request, { mode: 'skip' }]);
      expect(await caller.message()).toMatchObject({ type: 8, requestType: 48, request, error: 'wamp.error.canceled' });
      callee.send([70, invocation, {}, ['late']]);
      expect(await callee.settle()).toEqual([]);
      expect(await caller.settle()).toEqual([]);
    });

    it('PITFALLS 55: kill interrupts the callee, whose error is passed on as it is', async () => {
      const { callee, caller, request, invocation } = await pending(env);
      caller.send([49, request, { mode: 'kill' }]);
      expect(await callee.take()).toEqual([69, invocation, { mode: 'kill' }]);
      expect(await caller.settle()).toEqual([]);
      callee.send([8, 68, invocation, {}, 'com.error.stopped', ['half way']]);
      expect(await caller.take()).toEqual([8, 48, request, {}, 'com.error.stopped', ['half way']]);
    });

    it('A5: an ERROR for the INTERRUPT is one for its INVOCATION', async () => {
      const { callee, caller, request, invocation } = await pending(env);
      caller.send([49, request, { mode: 'kill' }]);
      expect(await callee.take()).toEqual([69, invocation, { mode: 'kill' }]);
      callee.send([8, 69, invocation, {}, 'com.error.stopped']);
      expect(await caller.take()).toEqual([8, 48, request, {}, 'com.error.stopped']);
    });

    it('PITFALLS 55: kill, and the result that was on its way is delivered', async () => {
      const { callee, caller, request, invocation } = await pending(env);
      caller.send([49, request, { mode: 'kill' }]);
      await callee.expect(69);
      callee.send([70, invocation, {}, ['made it']]);
      expect(await caller.take()).toEqual([50, request, {}, ['made it']]);
    });

    it('PITFALLS 55: kill, and the callee vanishes: canceled', async () => {
      const { callee, caller, request } = await pending(env);
      caller.send([49, request, { mode: 'kill' }]);
      await callee.expect(69);
      callee.destroy();
      expect(await caller.message()).toMatchObject({ type: 8, requestType: 48, request, error: 'wamp.error.canceled' });
    });

    for (const options of [{ mode: 'killnowait' }, {}]) {
      it(`PITFALLS 54: ${options.mode ?? 'no mode, as killnowait,'} interrupts the callee and answers at once`, async () => {
        const { callee, caller, request, invocation } = await pending(env);
        caller.send([49, request, options]);
        expect(await caller.message()).toMatchObject({
          type: 8,
          requestType: 48,
          request,
          error: 'wamp.error.canceled',
        });
        expect(await callee.take()).toEqual([69, invocation, { mode: 'killnowait' }]);
        callee.send([8, 68, invocation, {}, 'com.error.stopped']);
        expect(await caller.settle()).toEqual([]);
        expect(await callee.settle()).toEqual([]);
      });
    }

    it('PITFALLS 55: a callee that announced no canceling makes kill a skip, as for autobahn', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      const asked = new Inbox<unknown>();
      let answer: (value: unknown) => void = () => {};
      await callee.session.register('com.slow', () => {
        asked.put(1);
        return new Promise((resolve) => {
          answer = resolve;
        });
      });
      const call = caller.session.call('com.slow');
      await asked.until(1);
      call.cancel({ mode: 'kill' });
      expect((await refusal(call)).error).toBe('wamp.error.canceled');
      answer('late');
      await callee.session.register('com.after', () => 'alive');
      expect(await caller.session.call('com.after')).toBe('alive');
    });

    it("PITFALLS 54: canceling what is over, was canceled, or is another's is ignored", async () => {
      const { callee, caller, request, invocation } = await pending(env);
      const other = await env.raw();
      other.send([49, request, { mode: 'kill' }]);
      expect(await other.settle()).toEqual([]);
      caller.send([49, request, { mode: 'kill' }]);
      caller.send([49, request, { mode: 'kill' }]);
      caller.send([49, request, { mode: 'skip' }]);
      expect(await caller.settle()).toEqual([]);
      expect(await callee.settle()).toEqual([[69, invocation, { mode: 'kill' }]]);
      callee.send([70, invocation, {}]);
      expect((await caller.expect(50)).request).toBe(request);
      caller.send([49, request, {}]);
      expect(await caller.settle()).toEqual([]);
    });
  });

  describe('Call Timeout', () => {
    it('PITFALLS 58: the dealer ends the call after so many milliseconds, and interrupts the callee', async () => {
      const { callee, caller, request, invocation } = await pending(env, undefined, { timeout: 30 });
      expect(await caller.message()).toMatchObject({ type: 8, requestType: 48, request, error: 'wamp.error.timeout' });
      expect(await callee.take()).toEqual([69, invocation, { mode: 'killnowait' }]);
      callee.send([70, invocation, {}, ['late']]);
      expect(await callee.settle()).toEqual([]);
      expect(await caller.settle()).toEqual([]);
    });

    it('autobahn hears wamp.error.timeout', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      await callee.session.register('com.slow', () => new Promise(() => {}));
      const error = await refusal(caller.session.call('com.slow', [], {}, { timeout: 20 }));
      expect(error.error).toBe('wamp.error.timeout');
    });

    it('forward_timeout hands the timeout to a callee that announced it', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.raw()]);
      await callee.register('com.slow', { forward_timeout: true });
      const request = caller.call('com.slow', { timeout: 5000 });
      const invocation = await callee.expect(68);
      expect(invocation.details).toEqual({ timeout: 5000 });
      callee.send([8, 68, invocation.request, {}, 'wamp.error.timeout']);
      expect(await caller.take()).toEqual([8, 48, request, {}, 'wamp.error.timeout']);
    });

    it('a callee that answers in time leaves nothing behind', async () => {
      const { callee, caller, request, invocation } = await pending(env, undefined, { timeout: 60_000 });
      callee.send([70, invocation, {}, ['in time']]);
      expect(await caller.take()).toEqual([50, request, {}, ['in time']]);
    });
  });
}
