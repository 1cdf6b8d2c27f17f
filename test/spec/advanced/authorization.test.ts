/** The spec's "Authorization", dynamic (FEATURES D9): CONTRACT §4 `dynamic`, ARCHITECTURE §1.5, PITFALLS 64. */
import { describe, expect, it } from 'vitest';
import { LOST } from '../../../src/router/realm.ts';
import { json } from '../../../src/serializers/json.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { MessageType, type Publish } from '../../../src/wamp/messages.ts';
import { type Client, errorWire } from '../../support/core.ts';
import { AUTHENTICATOR, AUTHORIZER, DynamicCore, questionsOf, TIMEOUT_MS } from '../../support/dynamic.ts';

/** A realm where the authorizer is asked about everything `dynamic` sessions do at x, y and z. */
function scene() {
  const core = new DynamicCore().askAbout('x', 'y', 'z');
  const [asker, other] = [core.asker(), core.join()];
  return { core, asker, other, authority: core.authority };
}

function answer(core: DynamicCore, ...said: readonly unknown[]): void {
  for (const [i, { invocation }] of core.questions().entries()) core.authority.yield(invocation, [said[i]]);
}

describe('Authorization: asking', () => {
  it('where no rule decides the authorizer is asked (session, uri, action, options), and its yes is enough', () => {
    const { core, asker, other } = scene();
    other.subscribed('x');
    asker.publish('x', { acknowledge: true, args: [1] });
    expect([asker.take(), other.take()]).toEqual([[], []]);
    const [question, ...more] = core.questions();
    expect([question?.uri, question?.action, question?.options, more]).toEqual([
      'x',
      'publish',
      { match: 'exact' },
      [],
    ]);
    expect(question?.session).toEqual({
      session: asker.id,
      realm: 'test',
      authid: 'somebody',
      authrole: 'dynamic',
      authmethod: 'ticket',
      authprovider: 'static',
    });
    core.authority.yield(question?.invocation ?? 0, [true]);
    expect([asker.take(), other.takeTypes()]).toEqual([[[17, 1, expect.any(Number)]], [MessageType.EVENT]]);
  });

  it('each of the four actions is asked about, patterns with their match', () => {
    const { core, asker } = scene();
    core.askAbout('p.');
    asker.subscribe('x');
    asker.register('x');
    asker.publish('x');
    asker.call('x');
    asker.subscribe('p.', 'prefix');
    const asked = [...core.questions()];
    expect(asked.map(({ uri, action, options }) => [uri, action, options])).toEqual([
      ['x', 'subscribe', { match: 'exact' }],
      ['x', 'register', { match: 'exact' }],
      ['x', 'publish', { match: 'exact' }],
      ['x', 'call', { match: 'exact' }],
      ['p.', 'subscribe', { match: 'prefix' }],
    ]);
  });

  it('static rules decide first: what they allow or deny nobody is asked about', () => {
    const { core, asker } = scene();
    core.authorizer.deny('publish', 'denied');
    asker.publish('allowed', { acknowledge: true });
    asker.publish('denied', { acknowledge: true });
    expect([core.questions(), asker.takeTypes()]).toEqual([[], [MessageType.PUBLISHED, MessageType.ERROR]]);
  });

  it.each([
    ['false', false, ErrorUri.NOT_AUTHORIZED],
    ['{ allow: false }', { allow: false }, ErrorUri.NOT_AUTHORIZED],
    ['nothing', undefined, ErrorUri.AUTHORIZATION_FAILED],
    ['"yes"', 'yes', ErrorUri.AUTHORIZATION_FAILED],
    ['1', 1, ErrorUri.AUTHORIZATION_FAILED],
    ['{}', {}, ErrorUri.AUTHORIZATION_FAILED],
    ['{ allow: "true" }', { allow: 'true' }, ErrorUri.AUTHORIZATION_FAILED],
    ['{ allow: true, cacheMs: "1" }', { allow: true, cacheMs: '1' }, ErrorUri.AUTHORIZATION_FAILED],
    ['{ allow: true, disclose: 1 }', { allow: true, disclose: 1 }, ErrorUri.AUTHORIZATION_FAILED],
    ['{ allow: true, cacheMs: -1 }', { allow: true, cacheMs: -1 }, ErrorUri.AUTHORIZATION_FAILED],
  ])('the answer %s denies', (_name, said, uri) => {
    const { core, asker } = scene();
    asker.call('x');
    answer(core, said);
    expect(asker.take()).toEqual([errorWire(48, 1, uri)]);
    expect(core.observer.refusals).toEqual([{ session: asker.id, action: 'call', uri: 'x' }]);
  });

  it('{ allow: true } allows; disclose names the publisher, as the rules would, and what the rules disclose stays', () => {
    const { core, asker, other } = scene();
    core.authorizer.disclose('publish', 'y');
    other.subscribed('x');
    other.subscribed('y');
    for (const topic of ['x', 'x', 'y']) asker.publish(topic);
    answer(core, { allow: true, disclose: true }, { allow: true }, { allow: true, disclose: false });
    const details = other.take().map((event) => event[3]);
    const named = { publisher: asker.id, publisher_authid: 'somebody', publisher_authrole: 'dynamic' };
    expect(details).toEqual([named, {}, named]);
  });

  it('an unacknowledged publication that is denied is silent, and counted as a refusal (PITFALLS 33)', () => {
    const { core, asker } = scene();
    asker.publish('x');
    answer(core, false);
    expect([asker.take(), core.observer.refusals.length]).toEqual([[], 1]);
  });

  it("nobody is told who the router asks for: its call is the router's own, and no rule is asked about it", () => {
    const { core, asker } = scene();
    core.authority.peer.takeMessages();
    asker.publish('x');
    const invocation = core.authority.peer.received.at(-1);
    expect(invocation).toMatchObject({ type: MessageType.INVOCATION, details: {} });
    expect(core.realm.sessions.size).toBe(3);
    expect(core.authorizer.asked.filter(({ uri }) => uri === AUTHORIZER)).toHaveLength(1);
  });
});

describe('Authorization: absent, erring or slow is denied', () => {
  it('absent', () => {
    const { core, asker, authority } = scene();
    authority.vanish();
    asker.call('x');
    expect(asker.take()).toEqual([errorWire(48, 1, ErrorUri.AUTHORIZATION_FAILED)]);
    expect(asker.session.held).toBeUndefined();
    expect(core.observer.refusals).toHaveLength(1);
  });

  it('erring', () => {
    const { core, asker, authority } = scene();
    asker.call('x');
    authority.error(core.questions()[0]?.invocation ?? 0, 'app.broken');
    expect(asker.take()).toEqual([errorWire(48, 1, ErrorUri.AUTHORIZATION_FAILED)]);
  });

  it('slower than timeoutMs; its answer after that changes nothing', () => {
    const { core, asker, authority } = scene();
    asker.call('x');
    const [question] = core.questions();
    core.clock.advance(TIMEOUT_MS - 1);
    expect(asker.take()).toEqual([]);
    core.clock.advance(1);
    expect(asker.take()).toEqual([errorWire(48, 1, ErrorUri.AUTHORIZATION_FAILED)]);
    authority.yield(question?.invocation ?? 0, [true]);
    expect(asker.take()).toEqual([]);
  });

  it('gone while it was asked', () => {
    const { asker, authority } = scene();
    asker.call('x');
    asker.publish('nobody.asks', { acknowledge: true });
    authority.vanish();
    expect(asker.take()).toEqual([errorWire(48, 1, ErrorUri.AUTHORIZATION_FAILED), [17, 2, expect.any(Number)]]);
  });

  it('a pattern or a weak registration that would match its URI is not asked: the URI itself must be registered', () => {
    const { core, asker, other, authority } = scene();
    authority.vanish();
    other.registered('auth.', { match: 'prefix' });
    other.registered(AUTHORIZER, { weak: true });
    asker.call('x');
    expect([questionsOf(other), asker.take()]).toEqual([[], [errorWire(48, 1, ErrorUri.AUTHORIZATION_FAILED)]]);
    expect(core.observer.refusals).toHaveLength(1);
  });
});

describe('Authorization: order (PITFALLS 64)', () => {
  it('all requests of the asking session wait behind the one in question, also those nobody has to be asked about', () => {
    const { core, asker, other } = scene();
    other.subscribed('x');
    other.subscribed('free');
    asker.publish('x', { args: [1] });
    asker.publish('free', { args: [2] });
    const subscribing = asker.subscribe('free');
    const unsubscribing = asker.unsubscribe(7);
    asker.publish('x', { args: [3] });
    expect([other.take(), asker.take()]).toEqual([[], []]);
    const [first, second] = core.questions();
    core.authority.yield(second?.invocation ?? 0, [true]);
    expect(other.take()).toEqual([]);
    core.authority.yield(first?.invocation ?? 0, [true]);
    expect(other.take().map((event) => event[4])).toEqual([[1], [2], [3]]);
    expect(asker.take()).toEqual([
      [33, subscribing, expect.any(Number)],
      errorWire(34, unsubscribing, ErrorUri.NO_SUCH_SUBSCRIPTION),
    ]);
    expect(asker.session.held).toBeUndefined();
  });

  it('only the asking session waits', () => {
    const { asker, other } = scene();
    asker.publish('x');
    other.publish('x', { acknowledge: true });
    expect(other.takeTypes()).toEqual([MessageType.PUBLISHED]);
  });

  it('a burst is asked about at once, not one after the other: 32 that wait, and further ones as their turn comes nearer', () => {
    const { core, asker } = scene();
    for (let i = 0; i < 40; i++) asker.publish('x');
    const asked = core.questions();
    expect(asked).toHaveLength(33);
    for (const { invocation } of asked.slice(0, 4)) core.authority.yield(invocation, [true]);
    expect(core.questions()).toHaveLength(4);
  });

  it('YIELD and ERROR pass, so that an authorizer may call the asker and wait for its answer', () => {
    const { core, asker, authority } = scene();
    asker.registered('ask.me');
    asker.publish('x', { acknowledge: true });
    const [question] = core.questions();
    authority.call('ask.me');
    asker.yield(asker.invoked().request, ['yes']);
    expect(authority.take().at(-1)).toEqual([50, 2, {}, ['yes']]);
    authority.call('ask.me');
    asker.error(asker.invoked().request, 'app.no');
    expect(authority.takeTypes()).toEqual([MessageType.ERROR]);
    authority.yield(question?.invocation ?? 0, [true]);
    expect(asker.takeTypes()).toEqual([MessageType.PUBLISHED]);
  });

  it('request ids are judged when their turn comes, so that a progressive caller sees no violation (PITFALLS 60)', () => {
    const { core, asker, other } = scene();
    other.registered('x');
    const request = asker.call('x', { progress: true, args: [1] });
    asker.call('x', { request, progress: true, args: [2] });
    asker.call('x', { request, args: [3] });
    asker.publish('free');
    answer(core, true);
    expect(other.take().map((invocation) => invocation[4])).toEqual([[1], [2], [3]]);
    expect(asker.session.ended).toBe(false);
  });

  it('a callee that acts while it is handed the released request changes no order', () => {
    const { core, asker, other } = scene();
    other.subscribed('x');
    other.subscribed('free');
    other.peer.react = (message) => {
      if (message.type === MessageType.EVENT && message.topic === 'x') asker.publish('free', { args: [3] });
    };
    asker.publish('x', { args: [1] });
    asker.publish('free', { args: [2] });
    answer(core, true);
    expect(other.take().map((event) => event[4])).toEqual([[1], [2], [3]]);
    expect(asker.session.held).toBeUndefined();
  });
});

describe('Authorization: CANCEL of a call that is held', () => {
  it.each(['skip', 'kill', 'killnowait'] as const)(
    '%s cancels it while it is asked about: ERROR at once, and no callee hears of it',
    (mode) => {
      const { core, asker, other } = scene();
      other.registered('x');
      const request = asker.call('x');
      asker.publish('free', { acknowledge: true });
      asker.cancel(request, mode);
      expect(asker.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED), [17, 2, expect.any(Number)]]);
      answer(core, true);
      expect([other.take(), asker.take()]).toEqual([[], []]);
      asker.cancel(request, mode);
      expect(asker.take()).toEqual([]);
    },
  );

  it('cancels it while it waits behind another', () => {
    const { core, asker, other } = scene();
    other.registered('free');
    asker.publish('x', { acknowledge: true });
    const request = asker.call('free');
    const last = asker.call('free');
    asker.cancel(request, 'killnowait');
    asker.cancel(request, 'killnowait');
    expect(asker.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
    answer(core, true);
    expect(other.takeTypes()).toEqual([MessageType.INVOCATION]);
    expect(asker.takeTypes()).toEqual([MessageType.PUBLISHED]);
    expect(asker.session.calls.values().map(({ request }) => request)).toEqual([last]);
  });

  it('of a call in parts that waits it is all of them, so that a second CANCEL finds none (PITFALLS 54)', () => {
    const { core, asker, other } = scene();
    other.registered('free');
    asker.publish('x', { acknowledge: true });
    const request = asker.call('free', { progress: true });
    asker.publish('x', { acknowledge: true });
    asker.call('free', { request });
    asker.cancel(request, 'killnowait');
    asker.cancel(request, 'killnowait');
    expect(asker.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
    answer(core, true, false);
    asker.cancel(request, 'killnowait');
    expect([asker.takeTypes(), other.take()]).toEqual([[MessageType.PUBLISHED, MessageType.ERROR], []]);
  });

  it('a call that had begun is canceled as ever, at once', () => {
    const { asker, other } = scene();
    other.registered('free');
    const request = asker.call('free');
    asker.publish('x');
    asker.cancel(request, 'killnowait');
    expect(asker.take()).toEqual([errorWire(48, request, ErrorUri.CANCELED)]);
    expect(other.takeTypes()).toEqual([MessageType.INVOCATION, MessageType.INTERRUPT]);
  });

  it('the question itself is withdrawn', () => {
    const { asker, authority } = scene();
    authority.take();
    asker.cancel(asker.call('x'), 'killnowait');
    expect(authority.takeTypes()).toEqual([MessageType.INVOCATION, MessageType.INTERRUPT]);
  });
});

describe('Authorization: the end of the asker', () => {
  it('what waits is not carried out and counted as dropped, the questions are withdrawn', () => {
    const { core, asker, other, authority } = scene();
    other.subscribed('x');
    asker.publish('x');
    asker.publish('x');
    asker.subscribe('free');
    const questions = core.questions();
    asker.vanish();
    expect(authority.takeTypes()).toEqual([MessageType.INTERRUPT, MessageType.INTERRUPT]);
    for (const { invocation } of questions) authority.yield(invocation, [true]);
    expect(other.take()).toEqual([]);
    const dropped = core.observer.drops.filter(({ cause }) => cause === 'sender_gone');
    expect(dropped.map(({ type }) => type)).toEqual([MessageType.PUBLISH, MessageType.PUBLISH, MessageType.SUBSCRIBE]);
    expect([core.realm.holding.bytes, core.realm.inquiries.size]).toEqual([0, 0]);
  });

  it('an authorizer may end the asker while it is asked about it', () => {
    const { core, asker, authority } = scene();
    asker.call('x');
    const [question] = core.questions();
    core.realm.end(asker.session, { how: 'goodbye', uri: 'wamp.close.killed', message: '' });
    authority.yield(question?.invocation ?? 0, [true]);
    expect([asker.take(), asker.peer.closed.length]).toEqual([[], 1]);
  });

  it('beyond what the router keeps, reading stops; beyond what may come then, the session ends and comes back later', () => {
    const { core, asker } = scene();
    let paused = 0;
    Object.assign(asker.peer, { pause: () => paused++, resume: () => paused-- });
    asker.publish('x');
    for (let i = 0; i < 256; i++) asker.publish('free');
    expect(paused).toBe(1);
    answer(core, true);
    expect([paused, asker.session.held]).toEqual([0, undefined]);
    asker.publish('x');
    for (let i = 0; i < 20_000 && !asker.session.ended; i++) asker.publish('free');
    expect(asker.peer.closed).toMatchObject([{ how: 'tryLater' }]);
    expect(core.realm.holding.bytes).toBe(0);
  });
});

describe('Authorization: questions', () => {
  it('those about strangers at the door, however many, keep none about requests waiting', () => {
    const { core, asker, authority } = scene();
    authority.registered(AUTHENTICATOR);
    authority.take();
    const { inquiries } = core.realm;
    const answers: string[] = [];
    const ask = () => inquiries.ask(AUTHENTICATOR, ['x'], TIMEOUT_MS, ({ kind }) => answers.push(kind), 1000);
    for (let i = 0; i < 2500; i++) ask();
    // 1000 are with the authenticator and as many wait; the rest is not kept.
    expect([inquiries.size, answers.length]).toEqual([2000, 500]);
    authority.take();
    asker.publish('x', { acknowledge: true });
    answer(core, true);
    expect(asker.takeTypes()).toEqual([MessageType.PUBLISHED]);
    core.clock.advance(TIMEOUT_MS);
    core.clock.advance(TIMEOUT_MS);
    expect([inquiries.size, answers.length]).toEqual([0, 2500]);
  });

  it('what nobody waits for any more is not kept until its turn comes', () => {
    const { core, asker, authority } = scene();
    const askers = Array.from({ length: 40 }, () => core.asker());
    for (const each of askers) for (let i = 0; i < 33; i++) each.publish('x');
    expect(core.realm.inquiries.size).toBe(40 * 33);
    for (const each of askers.slice(35)) each.vanish();
    expect(core.realm.inquiries.size).toBe(35 * 33);
    for (const each of askers) each.vanish();
    expect(core.realm.inquiries.size).toBe(0);
    authority.take();
    asker.publish('x', { acknowledge: true });
    answer(core, true);
    expect(asker.takeTypes()).toEqual([MessageType.PUBLISHED]);
  });
});

describe('Authorization: memory', () => {
  const large = (bytes: number) => json.decode(Buffer.from(`[16,1,{},"x",["${'x'.repeat(bytes)}"]]`)) as Publish;

  it('the requests in question count as what waits behind them: nobody has the router hold more by many sessions', () => {
    const { core, asker } = scene();
    const hoarders = Array.from({ length: 100 }, () => core.asker());
    for (const { session } of hoarders) core.realm.receive(session, large(1_000_000));
    expect(core.realm.holding.bytes).toBeLessThan(70_000_000);
    expect(hoarders.filter(({ session }) => session.ended).length).toBeGreaterThan(30);
    // Who has next to nothing held does not pay for them.
    asker.publish('x', { acknowledge: true });
    expect(asker.session.ended).toBe(false);
    for (const { session } of hoarders) core.realm.leave(session, LOST);
    answer(core, ...Array(core.questions().length).fill(false));
    expect(core.realm.holding.bytes).toBeLessThan(1000);
  });

  it('a message finds room behind another, however long messages may be', () => {
    const { core, asker } = scene();
    const limits = { ...core.settings.limits, maxMessageBytes: 64 * 1024 * 1024 };
    core.realm.configure({ ...core.settings, limits });
    asker.publish('x');
    core.realm.receive(asker.session, large(20_000_000));
    expect(asker.session.ended).toBe(false);
  });
});

describe('Authorization: who is asked', () => {
  it('its holder is never asked about: what no rule allows it, it may not', () => {
    const { core, authority } = scene();
    core.authorizer.ask('publish', 'x').ask('call', 'x');
    authority.publish('x', { acknowledge: true });
    expect(authority.take().at(-1)).toEqual(errorWire(16, 2, ErrorUri.NOT_AUTHORIZED));
  });

  it('nor is the holder of the authenticator', () => {
    const { core, asker } = scene();
    asker.registered(AUTHENTICATOR);
    asker.publish('x', { acknowledge: true });
    expect(core.questions()).toEqual([]);
    expect(asker.take().at(-1)).toEqual(errorWire(16, 2, ErrorUri.NOT_AUTHORIZED));
  });

  it.each([AUTHORIZER, AUTHENTICATOR])('%s: only single, and nobody takes it over by force_reregister', (procedure) => {
    const { core } = scene();
    const refused = (client: Client, options: object) => {
      client.register(procedure, options);
      return client.take().at(-1);
    };
    const [one, two] = [core.join(), core.join()];
    expect(refused(one, { forceReregister: true })?.[4]).toBe(ErrorUri.OPTION_NOT_ALLOWED);
    for (const invoke of ['roundrobin', 'first', 'last', 'random', 'least_loaded', 'hash']) {
      expect(refused(one, { invoke })?.[4]).toBe(ErrorUri.OPTION_NOT_ALLOWED);
    }
    core.authority.vanish();
    expect(refused(one, {})?.[0]).toBe(MessageType.REGISTERED);
    expect(refused(two, {})?.[4]).toBe(ErrorUri.PROCEDURE_ALREADY_EXISTS);
  });
});

describe('Authorization: cacheMs', () => {
  it('an answer is remembered as long as it says, for that session, action, URI and match; without it not at all', () => {
    const { core, asker, other } = scene();
    other.registered('x');
    const asked = (): number => core.questions().length;
    asker.call('x');
    answer(core, { allow: true, cacheMs: 1000 });
    asker.call('x');
    expect([asked(), other.takeTypes().length]).toEqual([0, 2]);
    asker.publish('x');
    expect(asked()).toBe(1);
    core.asker().call('x');
    expect(asked()).toBe(1);
    core.clock.advance(1000);
    expect(asked()).toBe(0);
  });

  it('it is over when the time is over, at the longest after an hour, and when the clock was set back', () => {
    const { core, asker } = scene();
    const isAsked = (): boolean => {
      asker.publish('x');
      const questions = core.questions();
      for (const { invocation } of questions) core.authority.yield(invocation, [{ allow: true, cacheMs: 1e12 }]);
      return questions.length > 0;
    };
    expect([isAsked(), isAsked()]).toEqual([true, false]);
    core.clock.advance(3_599_999);
    expect(isAsked()).toBe(false);
    core.clock.advance(1);
    expect([isAsked(), isAsked()]).toEqual([true, false]);
    core.clock.jump(-1);
    expect(isAsked()).toBe(true);
  });

  it('a no is remembered, too', () => {
    const { core, asker } = scene();
    asker.call('x');
    answer(core, { allow: false, cacheMs: 1000 });
    asker.call('x');
    expect(core.questions()).toEqual([]);
    expect(asker.take().map((error) => error[4])).toEqual([ErrorUri.NOT_AUTHORIZED, ErrorUri.NOT_AUTHORIZED]);
  });

  it('another authorizer is asked anew, and while there is none what was remembered counts for nothing', () => {
    const { core, asker, authority } = scene();
    asker.call('x');
    answer(core, { allow: true, cacheMs: 100_000 });
    authority.vanish();
    asker.call('x');
    expect(asker.take().at(-1)?.[4]).toBe(ErrorUri.AUTHORIZATION_FAILED);
    const next = core.join();
    next.registered(AUTHORIZER);
    asker.call('x');
    expect(questionsOf(next)).toHaveLength(1);
  });

  it('a reload forgets it', () => {
    const { core, asker } = scene();
    asker.call('x');
    answer(core, { allow: true, cacheMs: 100_000 });
    core.realm.configure({ ...core.settings });
    asker.call('x');
    expect(core.questions()).toHaveLength(1);
  });
});

describe('Authorization: a reload', () => {
  it('while a request is asked about: the new rules decide, and the old answer counts for nothing', () => {
    const { core, asker, other } = scene();
    other.subscribed('x');
    asker.publish('x', { acknowledge: true });
    const [question] = core.questions();
    core.authorizer.deny('publish', 'x');
    core.realm.configure({ ...core.settings });
    core.authority.yield(question?.invocation ?? 0, [true]);
    expect([asker.take(), other.take()]).toEqual([[errorWire(16, 1, ErrorUri.NOT_AUTHORIZED)], []]);
  });

  it('while a request waits behind one: what was asked ahead of time under the old rules counts for nothing, too', () => {
    const { core, asker, other } = scene();
    other.subscribed('y');
    core.askAbout('y');
    asker.publish('x');
    asker.publish('y', { acknowledge: true });
    const [x, y] = core.questions();
    core.authority.yield(y?.invocation ?? 0, [true]);
    core.realm.configure({ ...core.settings });
    core.authority.yield(x?.invocation ?? 0, [true]);
    answer(core, false);
    answer(core, false);
    expect([asker.take(), other.take()]).toEqual([[errorWire(16, 2, ErrorUri.NOT_AUTHORIZED)], []]);
  });

  it('the authorizer is asked again about what there is, and what it denies is revoked', () => {
    const { core, asker } = scene();
    const subscription = asker.session;
    asker.subscribe('x');
    asker.subscribe('y');
    asker.register('x');
    answer(core, true, true, true);
    const [, y] = [...subscription.subscriptions.keys()];
    const [registration] = [...subscription.registrations.keys()];
    asker.take();
    core.realm.configure({ ...core.settings });
    expect([subscription.subscriptions.size, subscription.registrations.size]).toEqual([2, 1]);
    answer(core, true, false, false);
    expect([subscription.subscriptions.size, subscription.registrations.size]).toEqual([1, 0]);
    const reason = 'the rules of the realm no longer allow it';
    expect(asker.take()).toEqual([
      [35, 0, { subscription: y, reason }],
      [67, 0, { registration, reason }],
    ]);
  });

  it('which names another procedure: who holds that as one of several, or by a rule for a pattern, loses it', () => {
    const { core, asker } = scene();
    asker.registered('decides', { invoke: 'roundrobin' });
    core.realm.configure({ ...core.settings, dynamic: { authorizer: 'decides', timeoutMs: 1 } });
    expect(asker.session.registrations.size).toBe(0);
  });
});

describe('Authorization: on behalf of others', () => {
  it('a testament is asked about when it is left, and when it is published', () => {
    const core = new DynamicCore({ meta: true }).askAbout('x');
    const [asker, other] = [core.asker(), core.join()];
    other.subscribed('x');
    asker.call('wamp.session.add_testament', { args: ['x', [1], {}] });
    expect(asker.take()).toEqual([]);
    answer(core, true);
    // The meta procedure answers in a promise then.
    return Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => {
        expect(asker.takeTypes()).toEqual([MessageType.RESULT]);
        asker.vanish();
        expect(other.take()).toEqual([]);
        answer(core, true);
        expect(other.take().map((event) => event[4])).toEqual([[1]]);
      });
  });

  it('a plan of a bridge waits its turn, and its session ends it', () => {
    const { core, asker, other } = scene();
    other.subscribed('x');
    const said: string[] = [];
    const ask = (uri: string) =>
      core.realm.ask(asker.session, 'publish', uri, 'exact', (verdict) => {
        said.push(`${uri} ${verdict instanceof Error ? verdict.uri : verdict.kind}`);
      });
    ask('x');
    ask('free');
    asker.publish('free');
    ask('y');
    expect(said).toEqual([]);
    const [first] = core.questions();
    core.authority.yield(first?.invocation ?? 0, [true]);
    expect(said).toEqual(['x allow', 'free allow']);
    asker.vanish();
    expect(said).toEqual(['x allow', 'free allow', `y ${ErrorUri.CANCELED}`]);
  });
});
