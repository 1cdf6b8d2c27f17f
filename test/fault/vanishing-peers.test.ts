/** A peer that is gone at any step of an RPC: the other end hears it once, and nothing is kept (PITFALLS 8, 52, 53). */
import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { type Client, errorWire, TestCore } from '../support/core.ts';

interface Scene {
  readonly core: TestCore;
  readonly caller: Client;
  readonly callee: Client;
}

/** The life of a call with progress, a timeout and an end by kill, step by step. */
const STEPS: readonly (readonly [name: string, run: (scene: Scene) => void])[] = [
  ['REGISTER', ({ callee }) => void callee.register('p')],
  ['CALL', ({ caller }) => void caller.call('p', { timeout: 1000, receiveProgress: true })],
  ['progressive YIELD', ({ callee }) => callee.progress(1, ['part'])],
  ['CANCEL kill', ({ caller }) => caller.cancel(1, 'kill')],
  ['ERROR', ({ callee }) => callee.error(1, 'app.interrupted')],
];

function scene(): Scene {
  const core = new TestCore();
  return { core, caller: core.join(), callee: core.join() };
}

/** Answers to the call that the caller got: RESULTs without progress, and ERRORs. */
function answers(caller: Client): number {
  return caller.peer.received.filter((message) => {
    if (message.type === MessageType.RESULT) return message.details.progress !== true;
    return message.type === MessageType.ERROR && message.requestType === MessageType.CALL;
  }).length;
}

function expectNothingLeft({ core, caller, callee }: Scene): void {
  for (const { session } of [caller, callee]) {
    expect([session.calls.size, session.invocations.size]).toEqual([0, 0]);
    if (session.ended) expect([session.registrations.size, session.subscriptions.size]).toEqual([0, 0]);
  }
  core.clock.advance(10_000);
  expect([core.realm.dealer.timed, core.clock.pending]).toEqual([0, 0]);
}

/** Ends what may still be open, the way its two ends would. */
function finish({ caller, callee }: Scene): void {
  if (!callee.session.ended) for (const { invocation } of callee.session.invocations.values()) callee.yield(invocation);
  if (!caller.session.ended) caller.cancel(1, 'skip');
}

describe('a peer that vanishes', () => {
  for (const who of ['caller', 'callee'] as const) {
    for (let after = 0; after <= STEPS.length; after += 1) {
      const name = after === 0 ? 'before the first step' : `after ${STEPS[after - 1]?.[0]}`;
      it(`${who} ${name}: what follows harms nobody, and the caller is answered once`, () => {
        const all = scene();
        for (const [at, [, run]] of STEPS.entries()) {
          if (at === after) all[who].vanish();
          run(all);
        }
        all[who].vanish();
        finish(all);
        const called = who === 'callee' || after > 1;
        const heard = answers(all.caller);
        if (who === 'callee') expect(heard).toBe(called ? 1 : 0);
        else expect(heard).toBe(after === STEPS.length ? 1 : 0);
        expect([all.caller.peer.closed, all.callee.peer.closed]).toEqual(
          // An answer to an invocation that was never sent is the callee's fault: its caller was gone before CALL.
          who === 'caller' && after < 2
            ? [[], [expect.objectContaining({ uri: ErrorUri.PROTOCOL_VIOLATION })]]
            : [[], []],
        );
        expectNothingLeft(all);
      });
    }
  }

  const received = [
    ['caller', MessageType.RESULT],
    ['caller', MessageType.ERROR],
    ['callee', MessageType.REGISTERED],
    ['callee', MessageType.INVOCATION],
    ['callee', MessageType.INTERRUPT],
  ] as const;

  for (const [who, type] of received) {
    for (const gone of ['caller', 'callee'] as const) {
      for (const taken of [true, false]) {
        it(`${gone} within send() of message ${type} to the ${who}, which ${taken ? 'takes' : 'refuses'} it`, () => {
          const all = scene();
          const act = (message: { readonly type: number }): void => {
            if (message.type === type) all[gone].vanish();
          };
          if (taken) all[who].peer.react = act;
          else {
            all[who].peer.refuse = (message) => {
              act(message);
              return message.type === type ? ErrorUri.PAYLOAD_SIZE_EXCEEDED : undefined;
            };
          }
          for (const [, run] of STEPS) run(all);
          finish(all);
          expect(answers(all.caller)).toBeLessThanOrEqual(1);
          if (!all.caller.session.ended && !(who === 'caller' && type === MessageType.ERROR && !taken)) {
            expect(answers(all.caller)).toBe(1);
          }
          expectNothingLeft(all);
        });
      }
    }
  }

  it('all sessions of a realm at once: each ends once, with its reason, and nothing is sent to any of them', () => {
    const core = new TestCore();
    const clients = core.joinMany(5);
    for (const client of clients) {
      client.subscribed('a', 'prefix');
      client.registered('p', { invoke: 'roundrobin' });
    }
    for (const client of clients) client.call('p', { timeout: 100 });
    for (const client of clients) client.take();
    const reason = { how: 'restart', uri: 'wamp.close.system_shutdown', message: '' } as const;
    core.realm.close(reason);
    for (const client of clients) expect(client.peer.closed).toEqual([reason]);
    expect([core.realm.sessions.size, core.realm.broker.size, core.realm.dealer.registry.size]).toEqual([0, 0, 0]);
    expect(core.clock.pending).toBe(0);
  });

  it('PITFALLS 54: an answer that crosses a CANCEL: one of the two is heard, the other dropped', () => {
    for (const mode of ['skip', 'kill', 'killnowait'] as const) {
      for (const first of ['answer', 'cancel'] as const) {
        const all = scene();
        all.callee.registered('p');
        all.caller.call('p');
        if (first === 'answer') all.callee.yield(1);
        all.caller.cancel(1, mode);
        if (first === 'cancel') all.callee.yield(1);
        expect(answers(all.caller)).toBe(1);
        expectNothingLeft(all);
      }
    }
  });

  it('a callee that is lost before any answer, and its caller calling again, hears no_such_procedure', () => {
    const { caller, callee } = scene();
    callee.registered('p');
    callee.vanish();
    caller.call('p');
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.NO_SUCH_PROCEDURE)]);
  });
});
