/** What every authentication method must do; see auth-method.test.ts for the methods. */
import { describe, expect, it } from 'vitest';
import type { AuthRequest, AuthStep } from '../../src/auth/auth-method.ts';
import type { PrincipalSpec } from '../../src/auth/principals.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { attempted, type Bench, bench, realm, request, settled } from '../support/auth-fixtures.ts';

export type Challenge = Extract<AuthStep, { kind: 'challenge' }>;

/** One way to use one method, and how clients answer it well and badly. */
export interface MethodFactory {
  readonly title: string;
  readonly method: string;
  /** Among them `planner`, whose credential `answer` knows; not `nobody`. */
  readonly principals: readonly PrincipalSpec[];
  readonly env?: Record<string, string>;
  /** HELLO of a client that claims to be that principal. */
  hello(authid: string): Partial<AuthRequest>;
  /** HELLO that names only a user that does not exist. */
  unknown(): Partial<AuthRequest>;
  answer(challenge: Challenge): string;
  /** AUTHENTICATE.Extra of either answer; absent: empty. */
  extra?(challenge: Challenge): Dict;
  /** WELCOME's authextra after `answer`; absent: none. */
  authextra?(challenge: Challenge): Dict;
  wrong(challenge: Challenge): string;
  readonly malformed: readonly string[];
  /** Whether an answer is good for one challenge only. */
  readonly freshAnswers: boolean;
}

/** @param calls counts the calls of node:crypto since it was last reset */
export function authMethodContract(factory: MethodFactory, calls: { reset(): void; list(): string[] }): void {
  const { method } = factory;
  const extra = (challenge: Challenge) => factory.extra?.(challenge) ?? {};
  const make = () => bench(realm(factory.principals), { env: factory.env ?? {} });
  const start = ({ authenticator }: Bench, hello: Partial<AuthRequest>) =>
    attempted(authenticator.attempt({ authmethods: [method] }, request(hello)));
  const challenged = async (on: Bench, hello: Partial<AuthRequest>) => {
    const attempt = start(on, hello);
    const challenge = await attempt.begin();
    if (challenge.kind !== 'challenge') throw new Error(`challenge expected, not ${challenge.kind}`);
    return { attempt, challenge };
  };
  const join = async (on: Bench, hello: Partial<AuthRequest>, answer: (challenge: Challenge) => string) => {
    const { attempt, challenge } = await challenged(on, hello);
    return settled(attempt.finish(answer(challenge), extra(challenge)), on.clock);
  };

  describe(factory.title, () => {
    it('the right answer is welcome, with a frozen identity of the principal', async () => {
      const on = make();
      const { attempt, challenge } = await challenged(on, factory.hello('planner'));
      const step = await settled(attempt.finish(factory.answer(challenge), extra(challenge)), on.clock);
      expect(step).toMatchObject({
        kind: 'welcome',
        authextra: factory.authextra?.(challenge),
        identity: {
          authid: 'planner',
          authrole: 'agent',
          authmethod: method,
          authprovider: 'static',
          principal: 'planner',
        },
      });
      if (step.kind === 'welcome') expect(Object.isFrozen(step.identity)).toBe(true);
    });

    it('the credential is named, so that a reload finds it again, and the name holds no secret', async () => {
      const on = make();
      const step = await join(on, factory.hello('planner'), factory.answer);
      if (step.kind !== 'welcome') throw new Error('welcome expected');
      expect(step.credential.startsWith(`${method}:`)).toBe(true);
      for (const secret of Object.values(factory.env ?? {})) expect(step.credential).not.toContain(secret);
      expect(on.authenticator.judge(step.identity, step.credential)).toBe('keep');
      const same = make();
      expect(same.authenticator.judge(step.identity, step.credential)).toBe('keep');
      const without = bench(realm(factory.principals.filter(({ authid }) => authid !== 'planner')));
      expect(without.authenticator.judge(step.identity, step.credential)).toBe('gone');
      const stripped = { ticket: [], cryptosign: [], wampcra: [], scram: [], tls: [] };
      const changed = bench(realm(factory.principals.map((each) => ({ ...each, ...stripped }))));
      expect(changed.authenticator.judge(step.identity, step.credential)).toBe('gone');
      const promoted = bench(realm(factory.principals.map((each) => ({ ...each, role: 'boss' }))), {
        env: factory.env ?? {},
      });
      expect(promoted.authenticator.judge(step.identity, step.credential)).toBe('roleChanged');
    });

    it('PITFALLS 16: a wrong answer is denied with wamp.error.authentication_denied', async () => {
      const step = await join(make(), factory.hello('planner'), factory.wrong);
      expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
    });

    it('PITFALLS 15: an unknown user gets a challenge of the same shape and the same denial as a wrong answer', async () => {
      const shape = ({ method, extra }: Challenge) => ({
        method,
        extra: Object.fromEntries(
          Object.entries(extra).map(([key, value]) => [key, typeof value === 'string' ? value.length : value]),
        ),
      });
      const on = make();
      const known = await challenged(on, factory.hello('planner'));
      const unknown = await challenged(on, factory.unknown());
      // The length of a WAMP-CRA challenge holds the authid's, so the two names are equally long.
      expect(shape(unknown.challenge)).toEqual(shape(known.challenge));
      const wrong = await settled(
        known.attempt.finish(factory.wrong(known.challenge), extra(known.challenge)),
        on.clock,
      );
      const nobody = await settled(
        unknown.attempt.finish(factory.wrong(unknown.challenge), extra(unknown.challenge)),
        on.clock,
      );
      expect(nobody).toEqual(wrong);
    });

    it('PITFALLS 15: a right answer for an unknown user is checked as a wrong one for a known user is', async () => {
      const cost = async (hello: Partial<AuthRequest>, answer: (challenge: Challenge) => string) => {
        const on = make();
        const { attempt, challenge } = await challenged(on, hello);
        const [text, sent] = [answer(challenge), extra(challenge)];
        calls.reset();
        await settled(attempt.finish(text, sent), on.clock);
        return calls.list();
      };
      const wrong = await cost(factory.hello('planner'), factory.wrong);
      expect(wrong.length).toBeGreaterThan(0);
      expect(await cost(factory.unknown(), factory.answer)).toEqual(wrong);
      expect(await cost(factory.unknown(), factory.wrong)).toEqual(wrong);
    });

    it('PITFALLS 15: beginning costs the same for known and unknown users', async () => {
      const cost = async (hello: Partial<AuthRequest>) => {
        const on = make();
        calls.reset();
        await challenged(on, hello);
        return calls.list();
      };
      expect(await cost(factory.unknown())).toEqual(await cost(factory.hello('planner')));
    });

    it('all denials are answered equally long after AUTHENTICATE', async () => {
      const delays = new Set<number>();
      const on = make();
      for (const [hello, answer] of [
        [factory.hello('planner'), factory.wrong],
        [factory.unknown(), factory.wrong],
        [factory.hello('planner'), () => ''],
        ...Array.from({ length: 4 }, () => [factory.hello('planner'), factory.wrong] as const),
      ] as const) {
        const { attempt, challenge } = await challenged(on, hello);
        const since = on.clock.now();
        await settled(attempt.finish(answer(challenge), extra(challenge)), on.clock);
        delays.add(on.clock.now() - since);
      }
      expect(delays.size).toBe(1);
    });

    it.each([...factory.malformed, '', '\u0000', 'ü'.repeat(96), 'a'.repeat(100_000)].map((text) => [text]))(
      'a malformed answer is denied like a wrong one (%#)',
      async (text) => {
        const step = await join(make(), factory.hello('planner'), () => text);
        expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
      },
    );

    it('PITFALLS 21: an attempt takes one answer; a second one is refused, even the right one', async () => {
      const on = make();
      const { attempt, challenge } = await challenged(on, factory.hello('planner'));
      await settled(attempt.finish(factory.wrong(challenge), extra(challenge)), on.clock);
      expect(await attempt.finish(factory.answer(challenge), extra(challenge))).toMatchObject({ kind: 'deny' });
      expect(await attempt.begin()).toMatchObject({ kind: 'deny' });
    });

    it('an answer before the challenge is refused', async () => {
      const attempt = start(make(), factory.hello('planner'));
      expect(await attempt.finish('', {})).toMatchObject({ kind: 'deny' });
    });

    it.runIf(factory.freshAnswers)('an answer to an earlier challenge is denied', async () => {
      const on = make();
      const first = await challenged(on, factory.hello('planner'));
      const answer = factory.answer(first.challenge);
      expect((await settled(first.attempt.finish(answer, extra(first.challenge)), on.clock)).kind).toBe('welcome');
      expect(await join(on, factory.hello('planner'), () => answer)).toMatchObject({ kind: 'deny' });
    });

    it('attempts at the same time do not disturb each other', async () => {
      const on = make();
      const open = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          challenged(on, at % 2 === 0 ? factory.hello('planner') : factory.unknown()),
        ),
      );
      const steps = await Promise.all(
        open.map(({ attempt, challenge }, at) =>
          settled(
            attempt.finish(at % 2 === 0 ? factory.answer(challenge) : factory.wrong(challenge), extra(challenge)),
            on.clock,
          ),
        ),
      );
      expect(steps.map((step) => step.kind)).toEqual(steps.map((_, at) => (at % 2 === 0 ? 'welcome' : 'deny')));
    });

    it('locked out looks like a wrong answer, even for the right one, and nothing is verified', async () => {
      const on = make();
      const shape = (challenge: Challenge) => Object.keys(challenge.extra);
      const before = await challenged(on, factory.hello('planner'));
      for (let failures = 0; failures < 4; failures++) await join(on, factory.hello('planner'), factory.wrong);
      const after = await challenged(on, factory.hello('planner'));
      expect(shape(after.challenge)).toEqual(shape(before.challenge));
      const [answer, sent] = [factory.answer(after.challenge), extra(after.challenge)];
      calls.reset();
      const step = await settled(after.attempt.finish(answer, sent), on.clock);
      expect(step).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
      expect(calls.list()).toEqual([]);
      on.clock.advance(30_000);
      expect((await join(on, factory.hello('planner'), factory.answer)).kind).toBe('welcome');
    });
  });
}
