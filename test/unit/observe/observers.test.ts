import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../../../src/observe/log.ts';
import { loggingObserver } from '../../../src/observe/observers.ts';
import { Session } from '../../../src/router/session.ts';
import { CloseUri } from '../../../src/wamp/errors.ts';
import { MessageType, type RouterMessage } from '../../../src/wamp/messages.ts';

const session = new Session(
  5,
  {
    identity: {
      authid: 'planner',
      authrole: 'agent',
      authmethod: 'ticket',
      authprovider: 'static',
      principal: 'planner',
    },
    features: 0,
  },
  { send: () => true, close() {} },
  0,
);
const lost: RouterMessage = { type: MessageType.REGISTERED, request: 1, registration: 2 };

function observed() {
  const lines: { msg: string; [key: string]: unknown }[] = [];
  const log = createLog('trace', { write: (line: string) => lines.push(JSON.parse(line)) });
  return { observer: loggingObserver(log), lines };
}

describe('the log of a realm’s life', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('says who came, who went and why, and what was refused to whom', () => {
    const { observer, lines } = observed();
    observer.joined(session);
    observer.denied(session, 'publish', 'some.topic', 'no rule of role agent allows it');
    observer.left(session, { how: 'goodbye', uri: CloseUri.KILLED, message: 'the credential was removed' });
    expect(lines).toMatchObject([
      { msg: 'joined', session: 5, authid: 'planner', authrole: 'agent', authmethod: 'ticket' },
      {
        msg: 'denied',
        authid: 'planner',
        action: 'publish',
        uri: 'some.topic',
        reason: 'no rule of role agent allows it',
      },
      { msg: 'left', authid: 'planner', reason: 'wamp.close.killed', text: 'the credential was removed' },
    ]);
  });

  it('says refusals one by one up to a bound, then how many it left out, so that a loop does not fill the disk', () => {
    const { observer, lines } = observed();
    for (let i = 0; i < 1000; i += 1) observer.denied(session, 'call', 'a.b', 'no');
    expect(lines).toHaveLength(50);
    vi.advanceTimersByTime(5000);
    observer.denied(session, 'call', 'a.b', 'no');
    expect(lines.slice(50)).toMatchObject([{ unsaid: 950 }, { msg: 'denied' }]);
  });

  it('says a loss at once, then every five seconds with how many there were', () => {
    const { observer, lines } = observed();
    for (let i = 0; i < 100; i += 1) observer.dropped(session, lost, 'peer_refused');
    expect(lines).toMatchObject([{ lost: 1, authid: 'planner' }]);
    vi.advanceTimersByTime(5000);
    observer.dropped(session, lost, 'peer_refused');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({ lost: 100 });
  });

  it('does not speak of races that the protocol expects, nor of single messages', () => {
    const { observer, lines } = observed();
    for (const cause of ['receiver_gone', 'late_answer', 'unwanted_progress'] as const) {
      observer.dropped(session, lost, cause);
    }
    observer.sent(session, lost);
    observer.received(session, { type: MessageType.CANCEL, request: 1, mode: 'kill' });
    expect(lines).toEqual([]);
  });
});
