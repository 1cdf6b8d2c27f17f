import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/wamp/messages.ts';
import { TestCore } from '../../support/core.ts';

describe('Advanced Profile: Publisher Exclusion', () => {
  it('PITFALLS 35: the publisher is excluded from all of its subscriptions, patterns too', () => {
    const core = new TestCore();
    const [publisher, other] = [core.join(), core.join()];
    for (const client of [publisher, other]) {
      client.subscribed('a.b');
      client.subscribed('a.', 'prefix');
      client.subscribed('.b', 'wildcard');
    }
    publisher.publish('a.b');
    expect(publisher.take()).toEqual([]);
    expect(other.takeTypes()).toEqual([36, 36, 36]);
  });

  it('PITFALLS 35: exclude_me false: the publisher hears it like any other', () => {
    const core = new TestCore();
    const publisher = core.join();
    const exact = publisher.subscribed('a.b');
    const prefix = publisher.subscribed('a.', 'prefix');
    publisher.publish('a.b', { excludeMe: false });
    expect(publisher.take().map((event) => event[1])).toEqual([exact, prefix]);
  });

  it('only the session is excluded: another session of the same authid hears it', () => {
    const core = new TestCore();
    const [publisher, twin] = [core.join({ authid: 'ann' }), core.join({ authid: 'ann' })];
    twin.subscribed('a.b');
    publisher.publish('a.b');
    expect(twin.takeTypes()).toEqual([MessageType.EVENT]);
  });

  it('PITFALLS 36: exclude_me false with exclude of the own id: excluded', () => {
    const core = new TestCore();
    const publisher = core.join();
    publisher.subscribed('a.b');
    publisher.publish('a.b', { excludeMe: false, exclude: [publisher.id] });
    expect(publisher.take()).toEqual([]);
  });

  it('PITFALLS 36: eligible of the own id without exclude_me false: still excluded', () => {
    const core = new TestCore();
    const publisher = core.join();
    publisher.subscribed('a.b');
    publisher.publish('a.b', { eligible: [publisher.id] });
    expect(publisher.take()).toEqual([]);
    publisher.publish('a.b', { eligible: [publisher.id], excludeMe: false });
    expect(publisher.takeTypes()).toEqual([MessageType.EVENT]);
  });
});
