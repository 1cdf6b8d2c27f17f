import { describe, expect, it } from 'vitest';
import { type Gauges, Metrics } from '../../../src/observe/metrics.ts';
import { combineObservers } from '../../../src/observe/observers.ts';
import { NO_OBSERVER, type RouterObserver } from '../../../src/router/observer.ts';
import { Session } from '../../../src/router/session.ts';
import { CloseUri } from '../../../src/wamp/errors.ts';
import { MessageType, type RoutedMessage, type RouterMessage } from '../../../src/wamp/messages.ts';

const ZERO: Gauges = {
  sessions: () => 0,
  connections: () => 0,
  pendingBytes: () => 0,
  subscriptions: () => 0,
  registrations: () => 0,
  retained: () => ({ events: 0, bytes: 0 }),
  slowPeers: () => 0,
  droppedEvents: () => 0,
  deadPeers: () => 0,
  signatures: () => ({ verified: 0, refused: 0 }),
  activity: () => undefined,
};

const session = new Session(
  1234567,
  {
    identity: {
      authid: 'marker-authid',
      authrole: 'marker-role',
      authmethod: 'ticket',
      authprovider: 'static',
      principal: 'p',
    },
    features: 0,
  },
  { send: () => true, close() {} },
  0,
);
const left = { how: 'goodbye', uri: CloseUri.NORMAL, message: '' } as const;
const cancel: RoutedMessage = { type: MessageType.CANCEL, request: 1, mode: 'kill' };
const registered: RouterMessage = { type: MessageType.REGISTERED, request: 1, registration: 2 };

const page = (metrics: Metrics, gauges: Gauges = ZERO): Promise<string> => metrics.page(gauges).text();

describe('the metrics page', () => {
  it('tells what was counted, in the text format of Prometheus', async () => {
    const metrics = new Metrics();
    metrics.joined(session);
    metrics.left(session, left);
    metrics.received(session, cancel);
    metrics.received(session, cancel);
    metrics.sent(session, registered);
    metrics.dropped(session, registered, 'receiver_gone');
    metrics.denied(session, 'publish', 'marker.uri', 'marker reason');
    metrics.handshake('welcomed');
    metrics.reload('rejected');
    metrics.faults += 1;
    const text = await page(metrics, { ...ZERO, sessions: () => 3, pendingBytes: () => 77, slowPeers: () => 2 });
    for (const line of [
      'waggle_sessions 3',
      'waggle_outbox_pending_bytes 77',
      'waggle_slow_peers_total 2',
      'waggle_sessions_joined_total 1',
      'waggle_sessions_left_total 1',
      'waggle_faults_total 1',
      'waggle_messages_received_total{type="CANCEL"} 2',
      'waggle_messages_sent_total{type="REGISTERED"} 1',
      'waggle_messages_dropped_total{cause="receiver_gone"} 1',
      'waggle_denied_total{action="publish"} 1',
      'waggle_handshakes_total{outcome="welcomed"} 1',
      'waggle_reloads_total{outcome="rejected"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(metrics.droppedFor('receiver_gone')).toBe(1);
    expect(metrics.droppedFor('late_answer')).toBe(0);
    expect(text).not.toMatch(/marker|1234567/);
  });

  it('is the same when asked twice, and two routers of a process do not share it', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.joined(session);
    expect(await page(one)).toContain('waggle_sessions_joined_total 1');
    expect(await page(one)).toContain('waggle_sessions_joined_total 1');
    expect(await page(other)).toContain('waggle_sessions_joined_total 0');
  });

  it('has a help text and a type for every figure of the router', async () => {
    const text = await page(new Metrics());
    const names = [...text.matchAll(/^# TYPE (waggle_\S+) /gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
  });
});

describe('several observers as one', () => {
  it('are each told everything, in order', () => {
    const said: string[] = [];
    const observer = (name: string): RouterObserver => ({
      ...NO_OBSERVER,
      joined: () => said.push(`${name} joined`),
      left: () => said.push(`${name} left`),
      received: () => said.push(`${name} received`),
      sent: () => said.push(`${name} sent`),
      dropped: () => said.push(`${name} dropped`),
      denied: () => said.push(`${name} denied`),
    });
    const both = combineObservers([observer('a'), observer('b')]);
    both.joined(session);
    both.received(session, cancel);
    both.sent(session, registered);
    both.dropped(session, registered, 'late_answer');
    both.denied(session, 'call', 'some.uri', 'why');
    both.left(session, left);
    const events = ['joined', 'received', 'sent', 'dropped', 'denied', 'left'];
    expect(said).toEqual(events.flatMap((event) => [`a ${event}`, `b ${event}`]));
  });
});
