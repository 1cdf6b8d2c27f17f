import { describe, expect, it } from 'vitest';
import { TestCore } from '../../support/core.ts';

describe('Advanced Profile: whether disclose_me may be asked for', () => {
  it('PITFALLS 45: disclose_me is granted to everybody, so an acknowledged publication with it is delivered', () => {
    const core = new TestCore();
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.b');
    const request = publisher.publish('a.b', { discloseMe: true, acknowledge: true });
    expect(subscriber.take()).toEqual([[36, expect.any(Number), expect.any(Number), expect.anything()]]);
    expect(publisher.take()).toEqual([[17, request, expect.any(Number)]]);
  });

  it('PITFALLS 45: it cannot open a topic that the rules deny', () => {
    const core = new TestCore();
    core.authorizer.deny('publish', 'a.b');
    const [publisher, subscriber] = [core.join(), core.join()];
    subscriber.subscribed('a.b');
    publisher.publish('a.b', { discloseMe: true, acknowledge: true });
    expect(publisher.take()[0]?.[4]).toBe('wamp.error.not_authorized');
    expect(subscriber.take()).toEqual([]);
  });
});
