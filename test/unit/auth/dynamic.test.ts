/** How long, how often and about whom an authenticator is asked, on a clock that stands still (CONTRACT §4, "Failures"). */
import { describe, expect, it } from 'vitest';
import { AUTH_METHODS } from '../../../src/auth/registry.ts';
import { type Answer, type Inquiries, Inquiry } from '../../../src/router/inquiries.ts';
import type { Session } from '../../../src/router/session.ts';
import { Payload } from '../../../src/wamp/payload.ts';
import { bench, principal, realm, request, settled } from '../../support/auth-fixtures.ts';

const TIMEOUT_MS = 1500;

/** A realm with one principal, and an authenticator that answers whatever `answer` says; undefined: not at all. */
function scene(answer: (authid: unknown) => Answer | undefined) {
  const asked: unknown[] = [];
  const at = { isThere: true };
  const inquiries: Pick<Inquiries, 'ask' | 'holder'> = {
    holder: () => (at.isThere ? ({} as Session) : undefined),
    ask(procedure, args, timeoutMs, done) {
      asked.push(args[1]);
      const said = answer(args[1]);
      if (said !== undefined) done(said);
      return new Inquiry(procedure, Payload.of(args), timeoutMs, done);
    },
  };
  const known = principal('known', { ticket: [{ env: 'TOKEN' }] });
  const dynamic = { authenticator: 'auth.check', timeoutMs: TIMEOUT_MS, roles: new Set(['user']) };
  const on = bench({ ...realm([known]), dynamic }, { env: { TOKEN: 'right' }, inquiries });
  const begin = on.clock.now();
  const tried = async (authid: string, ticket = 'wrong') => {
    const since = on.clock.now();
    const step = await settled(on.authenticator.authenticateTicket(authid, ticket, '127.0.0.1'), on.clock);
    return { step, took: on.clock.now() - since };
  };
  return { ...on, begin, asked, tried, at };
}

const NO: Answer = { kind: 'result', payload: Payload.of([false]) };
const SILENCE: Answer = { kind: 'silence', reason: 'nobody has registered auth.check' };

describe('a stranger and a principal cannot be told apart by failing', () => {
  it('both are denied equally long after their answer, as long as the authenticator may take', async () => {
    const { tried } = scene(() => NO);
    const [stranger, known] = [await tried('stranger'), await tried('known')];
    expect(stranger.step).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
    expect(known.step).toMatchObject({ kind: 'deny', uri: 'wamp.error.authentication_denied' });
    expect([stranger.took, known.took]).toEqual([TIMEOUT_MS, TIMEOUT_MS]);
  });

  it('both are locked out after three failures that are free, and then nobody is asked', async () => {
    const { tried, asked } = scene(() => NO);
    for (const authid of ['stranger', 'known']) {
      for (let i = 0; i < 4; i++) await tried(authid);
      const before = asked.length;
      const { step } = await tried(authid, 'right');
      expect(step).toMatchObject({ kind: 'deny', reason: expect.stringContaining('locked out') });
      expect(asked.length).toBe(before);
    }
    expect(asked).toEqual(Array(4).fill('stranger'));
  });

  it('while nobody answers both are told to come back, in the same words and after the same time', async () => {
    const { tried, at } = scene(() => SILENCE);
    at.isThere = false;
    const [stranger, known] = [await tried('stranger'), await tried('known')];
    const heard = ({ step, took }: typeof known) => [step.kind, step.kind === 'tryLater' && step.reason, took];
    expect(heard(stranger)).toEqual(heard(known));
    expect(heard(known)).toEqual(['tryLater', 'authentication is not available', TIMEOUT_MS]);
    expect((await tried('known', 'right')).step.kind).toBe('welcome');
  });

  it('an authenticator that did not answer counts as silent until it answers somebody', async () => {
    let answer = SILENCE as Answer;
    const { tried } = scene(() => answer);
    await tried('stranger');
    expect((await tried('known')).step.kind).toBe('tryLater');
    answer = NO;
    await tried('stranger');
    expect((await tried('known')).step.kind).toBe('deny');
  });

  it('the method is chosen without a look at the authid', async () => {
    const { authenticator } = scene(() => NO);
    const challenged = async (authid: string) => {
      const started = authenticator.attempt({ authmethods: ['cryptosign', 'ticket'] }, request({ authid }));
      const step = 'kind' in started ? started : await started.begin();
      return step.kind === 'challenge' ? step.method : step.kind;
    };
    expect([await challenged('stranger'), await challenged('known')]).toEqual(['ticket', 'ticket']);
    const able = AUTH_METHODS.filter(({ name }) => ['ticket', 'cryptosign'].includes(name));
    expect(able).toHaveLength(2);
  });
});
