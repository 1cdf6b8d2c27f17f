/** Peers that do not take what they are handed: the caller hears why, the broker counts the loss (ARCHITECTURE §1.4). */
import { describe, expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { type Client, errorWire, TestCore } from '../support/core.ts';

const TOO_LARGE = ErrorUri.PAYLOAD_SIZE_EXCEEDED;

function refuse(client: Client, type: number): void {
  client.peer.refuse = (message) => (message.type === type ? TOO_LARGE : undefined);
}

function pair() {
  const core = new TestCore();
  const [caller, callee] = [core.join(), core.join()];
  callee.registered('p');
  return { core, caller, callee };
}

describe('a peer that refuses', () => {
  it('PITFALLS 86: an INVOCATION that the only callee does not take is an ERROR with the reason to the caller', () => {
    const { core, caller, callee } = pair();
    refuse(callee, MessageType.INVOCATION);
    const request = caller.call('p', { timeout: 50 });
    expect(caller.take()).toEqual([errorWire(48, request, TOO_LARGE)]);
    expect([caller.session.calls.size, callee.session.invocations.size, core.realm.dealer.timed]).toEqual([0, 0, 0]);
    expect(core.observer.drops).toEqual([{ session: callee.id, type: 68, cause: 'peer_refused' }]);
  });

  it('PITFALLS 23: an INVOCATION that was not taken uses up no id', () => {
    const { caller, callee } = pair();
    refuse(callee, MessageType.INVOCATION);
    caller.call('p');
    callee.peer.refuse = undefined;
    caller.call('p');
    expect(callee.invoked().request).toBe(1);
  });

  it('PITFALLS 86: a RESULT that the caller does not take becomes an ERROR with the reason', () => {
    const { caller, callee } = pair();
    refuse(caller, MessageType.RESULT);
    const request = caller.call('p');
    callee.yield(callee.invoked().request, ['long']);
    expect(caller.take()).toEqual([errorWire(48, request, TOO_LARGE)]);
    expect(caller.session.calls.size).toBe(0);
  });

  it('PITFALLS 86: a progressive RESULT that the caller does not take ends the call: no gap in a stream goes unsaid', () => {
    const { core, caller, callee } = pair();
    refuse(caller, MessageType.RESULT);
    const request = caller.call('p', { receiveProgress: true, timeout: 100 });
    const { request: invocation } = callee.invoked();
    callee.progress(invocation, ['long']);
    expect(caller.take()).toEqual([errorWire(48, request, TOO_LARGE)]);
    expect(callee.take()).toEqual([[69, invocation, { mode: 'killnowait' }]]);
    callee.yield(invocation);
    expect(caller.take()).toEqual([]);
    expect(core.realm.dealer.timed).toBe(0);
  });

  it('PITFALLS 86: an ERROR that the caller does not take is said again without its payload', () => {
    const { caller, callee } = pair();
    caller.peer.refuse = (message) => {
      const large = message.type === MessageType.ERROR && message.payload.value().args[0] === 'long';
      return large ? TOO_LARGE : undefined;
    };
    const request = caller.call('p');
    callee.error(callee.invoked().request, 'a.failed', ['long']);
    expect(caller.take()).toEqual([errorWire(48, request, 'a.failed')]);
  });

  it('a caller that takes nothing at all: the call is over, each loss is counted, nobody else is harmed', () => {
    const { core, caller, callee } = pair();
    caller.call('p');
    caller.peer.refuse = () => TOO_LARGE;
    callee.yield(callee.invoked().request);
    expect(core.observer.drops.map((drop) => [drop.session, drop.type])).toEqual([
      [caller.id, MessageType.RESULT],
      [caller.id, MessageType.ERROR],
    ]);
    expect([caller.session.calls.size, callee.session.invocations.size]).toEqual([0, 0]);
    expect(core.realm.sessions.size).toBe(2);
  });

  it('PITFALLS 55: mode kill with a callee that does not take the INTERRUPT behaves as skip', () => {
    const { caller, callee } = pair();
    refuse(callee, MessageType.INTERRUPT);
    const request = caller.call('p');
    caller.cancel(request, 'kill');
    expect(caller.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
    expect(callee.session.invocations.size).toBe(0);
  });

  it('an EVENT that one subscriber does not take reaches all others and is counted', () => {
    const core = new TestCore();
    const [publisher, refusing, other] = [core.join(), core.join(), core.join()];
    refusing.subscribed('a.b');
    other.subscribed('a.b');
    refuse(refusing, MessageType.EVENT);
    const request = publisher.publish('a.b', { acknowledge: true });
    expect(other.takeTypes()).toEqual([MessageType.EVENT]);
    expect(publisher.take()).toEqual([[17, request, expect.any(Number)]]);
    expect(core.observer.drops).toEqual([{ session: refusing.id, type: 36, cause: 'peer_refused' }]);
    expect([...refusing.session.subscriptions.values()][0]?.events).toBe(1);
  });
});
