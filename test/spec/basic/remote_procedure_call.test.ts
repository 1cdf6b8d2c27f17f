import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../../src/wamp/features.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { errorWire, TestCore } from '../../support/core.ts';

function pair() {
  const core = new TestCore();
  const [caller, callee] = [core.join(), core.join()];
  const registration = callee.registered('p');
  return { core, caller, callee, registration };
}

describe('Basic Profile: Remote Procedure Calls', () => {
  it('A12: CALL → INVOCATION → YIELD → RESULT carries the payload both ways as it was', () => {
    const { caller, callee, registration } = pair();
    const request = caller.call('p', { args: [1], kwargs: { a: 'b' } });
    expect(callee.take()).toEqual([[68, 1, registration, {}, [1], { a: 'b' }]]);
    callee.yield(1, ['r']);
    expect(caller.take()).toEqual([[50, request, {}, ['r']]]);
  });

  it('A5: an ERROR of the callee reaches the caller with its uri, details and payload', () => {
    const { caller, callee } = pair();
    const request = caller.call('p');
    callee.error(callee.invoked().request, 'app.Failed', ['why'], { hint: 1 });
    expect(caller.take()).toEqual([[8, 48, request, { hint: 1 }, 'app.Failed', ['why']]]);
  });

  it('A12: a call that nobody registered is no_such_procedure', () => {
    const core = new TestCore();
    const caller = core.join();
    expect([caller.call('p'), caller.take()]).toEqual([1, [errorWire(48, 1, ErrorUri.NO_SUCH_PROCEDURE)]]);
  });

  it('a call that is not allowed, or of no legal URI, is an ERROR of type CALL', () => {
    const { core, caller, callee } = pair();
    core.authorizer.deny('call', 'p');
    caller.call('p');
    caller.call('a..b');
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.NOT_AUTHORIZED), errorWire(48, 2, ErrorUri.INVALID_URI)]);
    expect(callee.take()).toEqual([]);
  });

  it('PITFALLS 23: INVOCATION.Request counts per callee session, from 1, by one', () => {
    const { core, caller, callee } = pair();
    const other = core.join();
    other.registered('q');
    for (const procedure of ['p', 'q', 'p', 'q', 'p']) caller.call(procedure);
    const ids = (client: typeof callee) =>
      client.peer.takeMessages().map((message) => (message.type === MessageType.INVOCATION ? message.request : 0));
    expect([ids(callee), ids(other)]).toEqual([
      [1, 2, 3],
      [1, 2],
    ]);
  });

  it('PITFALLS 23: INVOCATION.Request wraps to 1 after 2^53', () => {
    const { caller, callee } = pair();
    callee.session.lastInvocation = 2 ** 53;
    caller.call('p');
    expect(callee.invoked().request).toBe(1);
  });

  it('PITFALLS 24: a CALL with the id of a call still pending is a violation, and the pending call is not overwritten', () => {
    const { core, caller, callee } = pair();
    const request = caller.call('p');
    caller.call('p', { request });
    expect(caller.peer.closed).toEqual([
      { how: 'abort', uri: ErrorUri.PROTOCOL_VIOLATION, message: expect.stringContaining('still pending') },
    ]);
    expect(callee.takeTypes()).toEqual([MessageType.INVOCATION, MessageType.INTERRUPT]);
    expect(core.realm.sessions.has(caller.id)).toBe(false);
  });

  it.each([
    ['forbidden', 'q'],
    ['illegal', 'a..b'],
  ])('PITFALLS 24: so it is where the second call is %s: its refusal would be taken for the answer', (_, procedure) => {
    const { core, caller } = pair();
    core.authorizer.deny('call', 'q');
    const request = caller.call('p');
    caller.call(procedure, { request });
    expect(caller.take()).toEqual([]);
    expect(caller.peer.closed).toHaveLength(1);
  });

  it('PITFALLS 24: the id of an answered call may be used again unless the realm is strict', () => {
    const { core, callee } = pair();
    // Who announced progressive invocations would continue the first call (FEATURES B2).
    const caller = core.join({ features: Feature.CALLER });
    const request = caller.call('p');
    callee.yield(callee.invoked().request);
    caller.call('p', { request });
    callee.yield(callee.invoked().request);
    expect(caller.takeTypes()).toEqual([MessageType.RESULT, MessageType.RESULT]);
  });

  it('A10, PITFALLS 47: a second REGISTER of the procedure is procedure_already_exists, by anybody', () => {
    const { core, callee } = pair();
    const other = core.join();
    const own = callee.register('p');
    const foreign = other.register('p');
    expect(callee.take()).toEqual([errorWire(64, own, ErrorUri.PROCEDURE_ALREADY_EXISTS)]);
    expect(other.take()).toEqual([errorWire(64, foreign, ErrorUri.PROCEDURE_ALREADY_EXISTS)]);
  });

  it('A11: UNREGISTER of an unknown id, or of one that another session holds, is no_such_registration', () => {
    const { core, callee, registration } = pair();
    const other = core.join();
    other.unregister(registration);
    other.unregister(4711);
    expect(other.take()).toEqual([
      errorWire(66, 1, ErrorUri.NO_SUCH_REGISTRATION),
      errorWire(66, 2, ErrorUri.NO_SUCH_REGISTRATION),
    ]);
    const request = callee.unregister(registration);
    expect(callee.take()).toEqual([[67, request]]);
  });

  it('PITFALLS 52: a callee that unregisters may still answer what it was asked before', () => {
    const { caller, callee, registration } = pair();
    const request = caller.call('p');
    const invocation = callee.invoked().request;
    callee.unregister(registration);
    callee.yield(invocation, ['late']);
    expect(caller.take()).toEqual([[50, request, {}, ['late']]]);
  });

  it('PITFALLS 52: a callee session that ends: each of its calls is wamp.error.canceled, the timer stops', () => {
    const { core, caller, callee } = pair();
    caller.call('p', { timeout: 1000 });
    caller.call('p', { receiveProgress: true, timeout: 1000 });
    callee.progress(2, ['part']);
    caller.take();
    callee.vanish();
    core.clock.advance(5000);
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.CANCELED), errorWire(48, 2, ErrorUri.CANCELED)]);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('PITFALLS 53: a caller session that ends: the callee is interrupted, its late answers are dropped silently', () => {
    const { core, caller, callee } = pair();
    caller.call('p');
    caller.call('p');
    callee.take();
    caller.vanish();
    expect(callee.take()).toEqual([
      [69, 1, { mode: 'killnowait' }],
      [69, 2, { mode: 'killnowait' }],
    ]);
    callee.yield(1);
    callee.error(2, 'app.failed');
    expect(callee.peer.closed).toEqual([]);
    expect(caller.take()).toEqual([]);
    expect(core.observer.drops.map((drop) => drop.cause)).toEqual(['late_answer', 'late_answer']);
  });

  it('PITFALLS 13, 53: a callee that did not announce call_canceling is not interrupted when its caller ends', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join({ features: ALL_FEATURES & ~Feature.CALLEE_CALL_CANCELING })];
    callee.registered('p');
    caller.call('p');
    callee.take();
    caller.vanish();
    callee.yield(1);
    expect(callee.take()).toEqual([]);
    expect(callee.peer.closed).toEqual([]);
  });

  it.each(['yield', 'error'] as const)('PITFALLS 53, 62: %s for an id that was never issued is a violation', (what) => {
    const { caller, callee } = pair();
    const request = caller.call('p');
    callee.take();
    if (what === 'yield') callee.yield(2);
    else callee.error(2, 'app.failed');
    expect(callee.peer.closed.map((reason) => [reason.how, reason.uri])).toEqual([
      ['abort', ErrorUri.PROTOCOL_VIOLATION],
    ]);
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
  });

  it('PITFALLS 62: ids are per callee, so nobody answers the call of another', () => {
    const { core, caller, callee } = pair();
    const intruder = core.join();
    caller.call('p');
    intruder.yield(1, ['forged']);
    expect(caller.take()).toEqual([]);
    expect(intruder.peer.closed).toHaveLength(1);
    callee.yield(1, ['true']);
    expect(caller.take()).toEqual([[50, 1, {}, ['true']]]);
  });

  it('PITFALLS 59: a second YIELD or ERROR for an answered call is dropped', () => {
    const { caller, callee } = pair();
    caller.call('p');
    callee.yield(1);
    callee.yield(1);
    callee.error(1, 'app.failed');
    expect(caller.takeTypes()).toEqual([MessageType.RESULT]);
    expect(callee.peer.closed).toEqual([]);
  });

  it('PITFALLS 28: an ERROR of the callee whose uri is none is a violation; the caller is not left waiting', () => {
    const { caller, callee } = pair();
    caller.call('p');
    callee.error(1, 'not a uri');
    expect(callee.peer.closed).toHaveLength(1);
    expect(caller.take()).toEqual([errorWire(48, 1, ErrorUri.CANCELED)]);
  });

  it('PITFALLS 63: a session may call itself; when it ends both of its roles are cleaned', () => {
    const { core, callee } = pair();
    const request = callee.call('p');
    callee.yield(callee.invoked().request, ['self']);
    expect(callee.take()).toEqual([[50, request, {}, ['self']]]);
    callee.call('p', { timeout: 100 });
    callee.take();
    callee.vanish();
    expect(callee.take()).toEqual([]);
    const { session } = callee;
    expect([session.calls.size, session.invocations.size, session.registrations.size]).toEqual([0, 0, 0]);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('PITFALLS 64: calls of one caller reach one callee in the order of CALL, across procedures', () => {
    const { caller, callee } = pair();
    callee.registered('q.', { match: 'prefix' });
    for (let n = 0; n < 10; n += 1) caller.call(n % 2 === 0 ? 'p' : `q.${n}`, { args: [n] });
    expect(callee.take().map((message) => message[4])).toEqual(Array.from({ length: 10 }, (_, n) => [n]));
  });

  it('A17: REGISTERED comes before the first INVOCATION, and answers may come in any order', () => {
    const core = new TestCore();
    const [caller, callee] = [core.join(), core.join()];
    callee.register('p');
    caller.call('p');
    caller.call('p');
    expect(callee.takeTypes()).toEqual([65, 68, 68]);
    callee.yield(2, ['second']);
    callee.yield(1, ['first']);
    expect(caller.take()).toEqual([
      [50, 2, {}, ['second']],
      [50, 1, {}, ['first']],
    ]);
  });
});
