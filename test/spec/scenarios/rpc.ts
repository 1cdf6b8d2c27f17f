import { describe, expect, it } from 'vitest';
import { autobahn, refusal } from '../../support/autobahn-client.ts';
import type { Environment } from './environment.ts';

const { Result } = autobahn;

export function rpcScenarios(env: Environment): void {
  describe('Calling and Invocations', () => {
    it('args and kwargs reach the callee, and its args and kwargs the caller', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      await callee.session.register(
        'com.echo',
        (args, kwargs) => new Result([...args, 'and more'], { ...kwargs, ok: 1 }),
      );
      const result = await caller.session.call('com.echo', [1, null, { two: [2] }], { three: 'drei' });
      expect(result).toMatchObject({ args: [1, null, { two: [2] }, 'and more'], kwargs: { three: 'drei', ok: 1 } });
    });

    it('a call without any payload has a result without any', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.raw()]);
      const registration = await callee.register('com.empty');
      const request = caller.call('com.empty');
      expect(await callee.take()).toEqual([68, 1, registration, {}]);
      callee.send([70, 1, {}]);
      expect(await caller.take()).toEqual([50, request, {}]);
    });

    it('an application error crosses whole: URI, args and kwargs', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      await callee.session.register('com.fail', () => {
        throw new autobahn.Error('com.myapp.error.teapot', ['short', 'and stout'], { handle: 'here', spout: [1] });
      });
      const error = await refusal(caller.session.call('com.fail'));
      expect(error.error).toBe('com.myapp.error.teapot');
      expect(error.args).toEqual(['short', 'and stout']);
      expect(error.kwargs).toEqual({ handle: 'here', spout: [1] });
    });

    it('Details of an ERROR reach the caller', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.raw()]);
      await callee.register('com.fail');
      const request = caller.call('com.fail');
      const { request: invocation } = await callee.expect(68);
      callee.send([8, 68, invocation, { _why: 'because' }, 'com.error', ['text'], { k: 1 }]);
      expect(await caller.take()).toEqual([8, 48, request, { _why: 'because' }, 'com.error', ['text'], { k: 1 }]);
    });

    it('a procedure that nobody registered is no_such_procedure', async () => {
      const { session } = await env.agent();
      expect((await refusal(session.call('com.nothing'))).error).toBe('wamp.error.no_such_procedure');
    });

    it('a call that is not allowed is not_authorized', async () => {
      const { session } = await env.named('carol');
      expect((await refusal(session.call('com.forbidden'))).error).toBe('wamp.error.not_authorized');
    });

    it('PITFALLS 28: a procedure that is no URI is invalid_uri', async () => {
      const { session } = await env.agent();
      for (const uri of ['com..x', 'com.x.', '.com', 'com x', 'com.#']) {
        expect((await refusal(session.call(uri))).error).toBe('wamp.error.invalid_uri');
      }
    });

    it('PITFALLS 63: a session may call itself', async () => {
      const { session } = await env.agent();
      await session.register('com.self', ([n]) => Number(n) + 1);
      expect(await session.call('com.self', [41])).toBe(42);
    });

    it("PITFALLS 23: invocation ids are the callee session's own, from 1", async () => {
      const [one, other, caller] = await Promise.all([env.raw(), env.raw(), env.raw()]);
      await one.register('com.one');
      await other.register('com.other');
      for (const procedure of ['com.one', 'com.one', 'com.other']) caller.call(procedure);
      expect([(await one.expect(68)).request, (await one.expect(68)).request]).toEqual([1, 2]);
      expect((await other.expect(68)).request).toBe(1);
    });

    it('calls run side by side and may be answered in any order', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      const waiting: (() => void)[] = [];
      await callee.session.register('com.wait', ([n]) => {
        const answer = new Promise((resolve) => waiting.push(() => resolve(`answer ${n}`)));
        if (waiting.length === 3) for (const release of waiting.reverse()) release();
        return answer;
      });
      const order: unknown[] = [];
      const calls = [0, 1, 2].map((n) => caller.session.call('com.wait', [n]).then((value) => order.push(value)));
      await Promise.all(calls);
      expect([...order].sort()).toEqual(['answer 0', 'answer 1', 'answer 2']);
    });

    it('PITFALLS 64: 1,000 calls of one caller reach the callee in order', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.raw()]);
      await callee.register('com.count');
      for (let n = 0; n < 1000; n += 1) caller.call('com.count', {}, [n]);
      for (let n = 0; n < 1000; n += 1) {
        const invocation = await callee.expect(68);
        expect(invocation.args).toEqual([n]);
        callee.send([70, invocation.request, {}, [n]]);
      }
      for (let n = 0; n < 1000; n += 1) expect((await caller.expect(50)).args).toEqual([n]);
    });

    it('autobahn has 1,000 calls in flight and each gets its own answer', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      await callee.session.register('com.double', ([n]) => Number(n) * 2);
      const numbers = Array.from({ length: 1000 }, (_, n) => n);
      const answers = await Promise.all(numbers.map((n) => caller.session.call('com.double', [n])));
      expect(answers).toEqual(numbers.map((n) => n * 2));
    });

    it("PITFALLS 52: the callee's session ends and its calls in flight are canceled", async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.agent()]);
      await callee.register('com.never');
      const call = refusal(caller.session.call('com.never'));
      await callee.expect(68);
      callee.destroy();
      const { error, args } = await call;
      expect(error).toBe('wamp.error.canceled');
      expect(args).toEqual([expect.any(String)]);
    });

    it('PITFALLS 52: a callee that unregisters still answers what it was asked', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.agent()]);
      const registration = await callee.register('com.last');
      const call = caller.session.call('com.last', ['before']);
      const invocation = await callee.expect(68);
      callee.send([66, callee.next(), registration]);
      await callee.expect(67);
      expect((await refusal(caller.session.call('com.last'))).error).toBe('wamp.error.no_such_procedure');
      callee.send([70, invocation.request, {}, ['after']]);
      expect(await call).toBe('after');
    });

    it('PITFALLS 53: the caller vanishes, the callee is interrupted and its late answer is dropped', async () => {
      const [callee, caller] = await Promise.all([env.raw(), env.raw()]);
      await callee.register('com.slow');
      caller.call('com.slow');
      const { request } = await callee.expect(68);
      caller.destroy();
      expect(await callee.message()).toEqual({ type: 69, request, details: { mode: 'killnowait' } });
      callee.send([70, request, {}, ['too late']]);
      expect(await callee.settle()).toEqual([]);
    });
  });

  describe('Registering and Unregistering', () => {
    it('PITFALLS 47: a procedure that is registered already is procedure_already_exists', async () => {
      const [first, second] = await Promise.all([env.agent(), env.agent()]);
      await first.session.register('com.taken', () => 1);
      const refused = [
        await refusal(second.session.register('com.taken', () => 2)),
        await refusal(first.session.register('com.taken', () => 3)),
        await refusal(second.session.register('com.taken', () => 4, { invoke: 'roundrobin' })),
      ];
      expect(refused.map(({ error }) => error)).toEqual(Array(3).fill('wamp.error.procedure_already_exists'));
      expect(await second.session.call('com.taken')).toBe(1);
    });

    it('an unregistered procedure is free for others', async () => {
      const [first, second] = await Promise.all([env.agent(), env.agent()]);
      const registration = await first.session.register('com.free', () => 1);
      await registration.unregister();
      await second.session.register('com.free', () => 2);
      expect(await first.session.call('com.free')).toBe(2);
    });

    it("somebody else's registration cannot be taken away", async () => {
      const [owner, thief] = await Promise.all([env.raw(), env.raw()]);
      const registration = await owner.register('com.mine');
      thief.send([66, 1, registration]);
      expect(await thief.message()).toMatchObject({
        type: 8,
        requestType: 66,
        error: 'wamp.error.no_such_registration',
      });
    });

    it('PITFALLS 30: wamp. is not for clients to register or publish', async () => {
      const { session } = await env.agent();
      const refused = [
        await refusal(session.register('wamp.session.count', () => 1)),
        await refusal(session.publish('wamp.session.on_join', [], {}, { acknowledge: true }) ?? expect.fail()),
      ];
      expect(refused.map(({ error }) => error)).toEqual(Array(2).fill('wamp.error.invalid_uri'));
    });

    it('PITFALLS 30: a pattern registration does not capture calls to wamp.', async () => {
      const { session } = await env.agent();
      await session.register('', () => 'captured', { match: 'prefix' });
      await session.register('wam', () => 'captured', { match: 'prefix' });
      expect(await session.call('wampx.foo')).toBe('captured');
      expect((await refusal(session.call('wamp.none.such'))).error).toBe('wamp.error.no_such_procedure');
    });
  });

  describe('Caller Identification', () => {
    it('disclose_me names session, authid and authrole of the caller', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.named('carol')]);
      await callee.session.register('com.who', (_args, _kwargs, facts) => [
        facts.caller,
        facts.caller_authid,
        facts.caller_authrole,
      ]);
      const answer = await caller.session.call('com.who', [], {}, { disclose_me: true });
      expect(answer).toEqual([caller.session.id, 'carol', 'auditor']);
    });

    it('a callee that registered with disclose_caller is told', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.named('bob')]);
      await callee.session.register('com.who', (_a, _k, { caller_authid }) => caller_authid, { disclose_caller: true });
      expect(await caller.session.call('com.who')).toBe('bob');
    });

    it('a rule of the realm file discloses without being asked', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.named('alice')]);
      await callee.session.register('com.named.who', (_a, _k, { caller_authid }) => caller_authid);
      expect(await caller.session.call('com.named.who')).toBe('alice');
    });

    it('nobody is named otherwise, and nobody to a callee that did not announce it', async () => {
      const [callee, untold, caller] = await Promise.all([
        env.raw(),
        env.raw({ roles: { callee: {} } }),
        env.named('alice'),
      ]);
      await callee.register('com.who');
      await untold.register('com.untold');
      caller.session.call('com.who').catch(() => {});
      caller.session.call('com.untold', [], {}, { disclose_me: true }).catch(() => {});
      expect((await callee.expect(68)).details).toEqual({});
      expect((await untold.expect(68)).details).toEqual({});
    });
  });

  describe('Pattern-based Registrations', () => {
    it('exact is preferred to the longest prefix, and prefix to wildcard; the callee hears what was called', async () => {
      const [callee, caller] = await Promise.all([env.agent(), env.agent()]);
      const register = (uri: string, match: string) =>
        callee.session.register(uri, (_a, _k, { procedure }) => `${match} ${uri}: ${procedure}`, { match });
      await register('a1.b2.c3.d4.e55', 'exact');
      await register('a1.b2.c3', 'prefix');
      await register('a1.b2.c3.d4', 'prefix');
      await register('a1.b2..d4.e5', 'wildcard');
      await register('a1.b2.c33..e5', 'wildcard');
      await register('a1.b2..d4.e5..g7', 'wildcard');
      await register('a1.b2..d4..f6.g7', 'wildcard');
      const expected = {
        'a1.b2.c3.d4.e55': 'exact a1.b2.c3.d4.e55',
        'a1.b2.c3.d98.e74': 'prefix a1.b2.c3',
        'a1.b2.c3.d4.e325': 'prefix a1.b2.c3.d4',
        'a1.b2.c55.d4.e5': 'wildcard a1.b2..d4.e5',
        // PITFALLS 49: a1.b2.c3 is a prefix of it, so the string rule wins over the spec's example.
        'a1.b2.c33.d4.e5': 'prefix a1.b2.c3',
        'a1.b2.c88.d4.e5.f6.g7': 'wildcard a1.b2..d4.e5..g7',
      };
      for (const [uri, answer] of Object.entries(expected)) {
        expect(await caller.session.call(uri)).toBe(`${answer}: ${uri}`);
      }
      expect((await refusal(caller.session.call('a2.b2.c2.d2.e2'))).error).toBe('wamp.error.no_such_procedure');
    });

    it('PITFALLS 48: the same string is another registration under another match', async () => {
      const { session } = await env.agent();
      const ids = await Promise.all(
        ['exact', 'prefix', 'wildcard'].map(
          async (match) => (await session.register('com.x', () => match, { match })).id,
        ),
      );
      expect(new Set(ids).size).toBe(3);
      expect(await session.call('com.x')).toBe('exact');
      expect(await session.call('com.x.y')).toBe('prefix');
    });
  });

  describe('Shared Registrations', () => {
    const share = async (invoke: string, count = 3) => {
      const callees = await Promise.all(Array.from({ length: count }, () => env.agent()));
      const registrations = [];
      for (const [at, { session }] of callees.entries()) {
        registrations.push(await session.register('com.shared', () => at, { invoke }));
      }
      const { session: caller } = await env.agent();
      const ask = async (times: number) => {
        const answers: unknown[] = [];
        for (let n = 0; n < times; n += 1) answers.push(await caller.call('com.shared'));
        return answers;
      };
      return { callees, registrations, ask };
    };

    it('all callees share one registration id', async () => {
      const { registrations } = await share('roundrobin');
      expect(new Set(registrations.map(({ id }) => id)).size).toBe(1);
    });

    it('roundrobin asks one after the other', async () => {
      const { ask } = await share('roundrobin');
      expect(await ask(6)).toEqual([0, 1, 2, 0, 1, 2]);
    });

    it('PITFALLS 51: roundrobin goes on without a hole when a callee leaves', async () => {
      const { ask, callees } = await share('roundrobin');
      expect(await ask(1)).toEqual([0]);
      await callees[1]?.leave();
      expect(await ask(4)).toEqual([2, 0, 2, 0]);
    });

    it('first asks the first that is there, last the last', async () => {
      const first = await share('first');
      expect(await first.ask(2)).toEqual([0, 0]);
      await first.callees[0]?.leave();
      expect(await first.ask(2)).toEqual([1, 1]);
      await Promise.all(first.callees.map((callee) => callee.leave()));
      const last = await share('last');
      expect(await last.ask(2)).toEqual([2, 2]);
      await last.callees[2]?.leave();
      expect(await last.ask(2)).toEqual([1, 1]);
    });

    it('random asks all of them sooner or later', async () => {
      const { ask } = await share('random', 2);
      const asked = new Set<unknown>();
      while (asked.size < 2) for (const answer of await ask(10)) asked.add(answer);
      expect(asked).toEqual(new Set([0, 1]));
    });

    it('PITFALLS 47: another policy is refused', async () => {
      await share('roundrobin', 1);
      const { session } = await env.agent();
      const refused = await refusal(session.register('com.shared', () => 9, { invoke: 'random' }));
      expect(refused.error).toBe('wamp.error.procedure_already_exists');
    });
  });

  describe('force_reregister', () => {
    it('takes the procedure over; the former callee is told that its registration was revoked', async () => {
      const [former, next, caller] = await Promise.all([env.agent(), env.agent(), env.agent()]);
      const registration = await former.session.register('com.mine', () => 'former');
      await next.session.register('com.mine', () => 'next', { force_reregister: true });
      expect(await registration.on_unregister).toEqual(expect.any(String));
      expect(registration.active).toBe(false);
      expect(await caller.session.call('com.mine')).toBe('next');
    });

    it('a former callee that did not announce revocation is told nothing', async () => {
      const [former, next] = await Promise.all([env.raw({ roles: { callee: {} } }), env.agent()]);
      await former.register('com.mine');
      await next.session.register('com.mine', () => 'next', { force_reregister: true });
      expect(await former.settle()).toEqual([]);
    });
  });
}
