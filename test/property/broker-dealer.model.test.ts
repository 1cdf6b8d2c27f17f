import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { ALL_FEATURES, Feature } from '../../src/wamp/features.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import { INVOKE_POLICIES, type RegisterOptions } from '../../src/wamp/options.ts';
import { MATCHES, type Match } from '../../src/wamp/uri.ts';
import { LateCluster } from '../support/clusters.ts';
import { type Client, TestCore } from '../support/core.ts';
import { NaiveRealm, type NaiveRules, type NaiveSession, REASON } from '../support/naive-realm.ts';
import type { Wire } from '../support/recording-peer.ts';

const ROLES = Feature.PUBLISHER | Feature.SUBSCRIBER | Feature.CALLER | Feature.CALLEE;
const KINDS = [
  { authid: 'ann', authrole: 'agent', features: ALL_FEATURES },
  { authid: 'bob', authrole: 'agent', features: ROLES },
  { authid: 'cyd', authrole: 'guest', features: ALL_FEATURES & ~Feature.CALLEE_CALL_CANCELING },
  { authid: 'ann', authrole: 'guest', features: ALL_FEATURES },
];
const CONCRETE = ['a', 'a.b', 'a.b.c', 'a.c', 'b.b', 'b.c', 'wamp.x'];
const PATTERNS: Readonly<Record<Exclude<Match, 'glob'>, readonly string[]>> = {
  exact: [...CONCRETE, 'a..b'],
  prefix: ['', 'a', 'a.', 'a.b', 'wam', 'wamp.', 'a..'],
  wildcard: ['a.', '.b', '..', 'a..c', 'a.b', '', ' .'],
};
const RULES: Omit<NaiveRules, 'callTimeoutMs'> = {
  maxSubscriptions: 4,
  maxRegistrations: 4,
  maxPendingCalls: 3,
  denied: ['publish b.c', 'subscribe b.c', 'call b.c', 'register b.c'],
  disclosed: ['publish a.b', 'call a.b'],
  trusted: { agent: 3 },
  refusal: ErrorUri.PAYLOAD_SIZE_EXCEEDED,
};

const nat = fc.nat(50);
/** Where most registrations go, each always with its policy, so that they are in fact shared. */
const HOT = [
  { uri: 'a.b', match: 'exact', invoke: 'roundrobin' },
  { uri: 'a', match: 'prefix', invoke: 'last' },
  { uri: '.b', match: 'wildcard', invoke: 'random' },
  { uri: 'a.c', match: 'exact', invoke: 'least_loaded' },
  { uri: 'b', match: 'prefix', invoke: 'hash' },
] as const;
const pattern = fc
  .constantFrom(...MATCHES)
  .chain((match) => fc.constantFrom(...PATTERNS[match]).map((uri) => ({ uri, match })));
const registering = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOT) },
  {
    weight: 1,
    arbitrary: fc.tuple(pattern, fc.constantFrom(...INVOKE_POLICIES)).map(([of, invoke]) => ({ ...of, invoke })),
  },
);
const topic = fc.constantFrom(...CONCRETE, 'a..b');
const procedure = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('a.b', 'a.c', 'b.b') },
  { weight: 1, arbitrary: topic },
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 3 });
const names = maybe(fc.subarray(['ann', 'bob', 'nobody']));
const roles = maybe(fc.subarray(['agent', 'guest', 'none']));
/** Session ids run from 1001. */
const ids = maybe(fc.subarray([1001, 1002, 1003, 7]));

const command = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join'), as: nat }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), who: nat }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('subscribe'), who: nat, pattern }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), who: nat, which: nat }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish'),
      who: nat,
      topic,
      acknowledge: fc.boolean(),
      excludeMe: fc.boolean(),
      discloseMe: fc.boolean(),
      lists: maybe(
        fc.record({
          exclude: ids,
          excludeAuthid: names,
          excludeAuthrole: roles,
          eligible: ids,
          eligibleAuthid: names,
          eligibleAuthrole: roles,
        }),
      ),
      value: nat,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('register'),
      who: nat,
      where: registering,
      discloseCaller: fc.boolean(),
      forwardTimeout: fc.boolean(),
      concurrency: fc.constantFrom(0, 1, 1, 2),
      queue: fc.constantFrom(100, 100, 2, 1, 0),
      forceReregister: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      weak: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unregister'), who: nat, which: nat }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('call'),
      who: nat,
      procedure,
      timeout: fc.constantFrom(0, 1000, 3000, 3000),
      receiveProgress: fc.constantFrom(true, true, false),
      discloseMe: fc.boolean(),
      rkey: maybe(fc.constantFrom('k', 'l', 'm')),
      progress: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
      reuse: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
      value: nat,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('continue'),
      which: nat,
      /** Of any call that was ever made, instead of a stream that goes on. */
      any: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      progress: fc.constantFrom(true, true, false),
      value: nat,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('yield'),
      which: nat,
      progress: fc.constantFrom(true, true, false),
      value: nat,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('error'),
      which: nat,
      value: nat,
      uri: fc.constantFrom('app.failed', ErrorUri.UNAVAILABLE, ErrorUri.UNAVAILABLE),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answerLate'),
      who: nat,
      // Beyond the last one issued by one in ten: that ends the session.
      id: fc.integer({ min: -9, max: 1 }),
      error: fc.constantFrom(undefined, 'app.failed', 'not a uri'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('cancel'),
      which: nat,
      /** Of any call that was ever made, instead of one that is pending. */
      any: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
      mode: fc.constantFrom('skip' as const, 'kill' as const, 'killnowait' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('refuse'),
      who: nat,
      types: fc.subarray([MessageType.EVENT, MessageType.INVOCATION, MessageType.RESULT, MessageType.INTERRUPT], {
        maxLength: 2,
      }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance'), seconds: fc.integer({ min: 1, max: 3 }) }) },
);

type Commands = typeof command extends fc.Arbitrary<infer T> ? T : never;
interface Pair {
  readonly real: Client;
  readonly naive: NaiveSession;
}

class Run {
  readonly core: TestCore;
  /** Answers after the command: a realm with other nodes must come to the same. Absent: a realm on one node. */
  readonly cluster: LateCluster | undefined;
  readonly naive: NaiveRealm;
  readonly pairs: Pair[] = [];
  /** `session request` of every call that was made. */
  readonly made: { readonly pair: Pair; readonly request: number; readonly procedure: string }[] = [];

  constructor(callTimeoutMs: number, cluster?: LateCluster) {
    this.cluster = cluster;
    this.naive = new NaiveRealm({ ...RULES, callTimeoutMs });
    this.core = new TestCore({
      ...(cluster === undefined ? {} : { cluster }),
      limits: {
        maxSubscriptionsPerSession: RULES.maxSubscriptions,
        maxRegistrationsPerSession: RULES.maxRegistrations,
        maxPendingCallsPerSession: RULES.maxPendingCalls,
        callTimeoutMs,
      },
    });
    for (const key of ['publish', 'subscribe', 'call', 'register'] as const) this.core.authorizer.deny(key, 'b.c');
    this.core.authorizer.disclose('publish', 'a.b').disclose('call', 'a.b').trust('agent', 3);
    for (const kind of KINDS.keys()) this.#join(kind);
  }

  step(command: Commands): void {
    this.#apply(command);
    this.cluster?.complete();
    // Every command has its own millisecond, so that no two deadlines tie.
    this.core.clock.advance(1);
    this.naive.advance(1);
    this.#compare();
  }

  /** Every call still open is answered; then each has had exactly one answer. */
  finish(): void {
    for (const { naive, real } of this.pairs) {
      naive.refuses = [];
      real.peer.refuse = undefined;
    }
    // Callees that answer what was given up are free for calls that wait.
    for (let slot = this.naive.slots[0]; slot !== undefined; slot = this.naive.slots[0]) {
      const { callee, invocation } = slot;
      this.#real(callee.session).yield(invocation, ['end']);
      this.naive.yield(callee.session, invocation, ['end'], false);
    }
    expect(this.naive.calls).toEqual([]);
    this.#compare();
    for (const { pair, request } of this.made) {
      const answers = pair.real.peer.received.filter((message) => {
        if (message.type === MessageType.RESULT)
          return message.request === request && message.details.progress !== true;
        return (
          message.type === MessageType.ERROR && message.requestType === MessageType.CALL && message.request === request
        );
      });
      if (pair.naive.alive) expect(answers).toHaveLength(1);
      else expect(answers.length).toBeLessThanOrEqual(1);
    }
    for (const { real } of this.pairs) real.vanish();
    const { sessions, broker, dealer } = this.core.realm;
    expect([sessions.size, broker.size, dealer.registry.size, dealer.timed]).toEqual([0, 0, 0, 0]);
  }

  #apply(command: Commands): void {
    const { naive } = this;
    if (command.kind === 'join') {
      if (this.pairs.length < 9) this.#join(command.as);
      return;
    }
    if (command.kind === 'advance') {
      this.core.clock.advance(1000 * command.seconds);
      naive.advance(1000 * command.seconds);
      return;
    }
    if (command.kind === 'yield' || command.kind === 'error') {
      this.#answer(command);
      return;
    }
    if (command.kind === 'cancel') {
      this.#cancel(command);
      return;
    }
    if (command.kind === 'continue') {
      this.#continue(command);
      return;
    }
    const alive = this.pairs.filter((pair) => pair.naive.alive);
    const pair = pick(alive, command.who);
    if (pair === undefined) return;
    const { real, naive: session } = pair;
    switch (command.kind) {
      case 'leave':
        real.vanish();
        naive.leave(session);
        return;
      case 'subscribe': {
        const { uri, match } = command.pattern;
        naive.subscribe(session, real.subscribe(uri, match), uri, match);
        return;
      }
      case 'unsubscribe': {
        // Whosever it is: that of another session must be refused (PITFALLS 42).
        const id = pick(naive.subscriptions, command.which)?.id ?? 999;
        naive.unsubscribe(session, real.unsubscribe(id), id);
        return;
      }
      case 'publish': {
        const { acknowledge, excludeMe, discloseMe, lists, value } = command;
        const parts = { acknowledge, excludeMe, discloseMe, args: [value], ...lists };
        naive.publish(session, real.publish(command.topic, parts), command.topic, parts);
        return;
      }
      case 'register': {
        const { where, kind: _kind, who: _who, ...others } = command;
        const { match, uri, invoke } = where;
        const options: RegisterOptions = { match, invoke, ...others };
        naive.register(session, real.register(uri, options), uri, options);
        return;
      }
      case 'unregister': {
        const id = pick(naive.registrations, command.which)?.id ?? 999;
        naive.unregister(session, real.unregister(id), id);
        return;
      }
      case 'call':
        this.#call(pair, command);
        return;
      case 'answerLate': {
        const id = session.lastInvocation + command.id;
        if (id < 1 || naive.calls.some((call) => call.callee === session && call.invocation === id)) return;
        if (command.error === undefined) {
          real.yield(id);
          naive.yield(session, id, [], false);
        } else {
          real.error(id, command.error);
          naive.error(session, id, command.error, []);
        }
        return;
      }
      case 'refuse': {
        const types: readonly number[] = command.types;
        session.refuses = types;
        real.peer.refuse = (message) => (types.includes(message.type) ? RULES.refusal : undefined);
      }
    }
  }

  #call(pair: Pair, command: Extract<Commands, { kind: 'call' }>): void {
    const { timeout, receiveProgress, discloseMe, rkey, value, reuse } = command;
    // One who did not announce it would end by it; that has its own test.
    const progress = command.progress && sendsParts(pair.naive.features);
    const pending = this.naive.calls.find((call) => call.caller === pair.naive)?.request;
    const request = reuse && pending !== undefined ? pending : pair.real.next();
    if (request !== pending) this.made.push({ pair, request, procedure: command.procedure });
    const parts = { timeout, receiveProgress, discloseMe, rkey, progress, args: [value], request };
    pair.real.call(command.procedure, parts);
    this.naive.call(pair.naive, request, command.procedure, parts);
  }

  #continue(command: Extract<Commands, { kind: 'continue' }>): void {
    const { naive } = this;
    const stream = pick(
      naive.calls.filter((call) => call.isStream && !call.hasEnded),
      command.which,
    );
    const made = pick(this.made, command.which);
    const caller = command.any ? made?.pair.naive : stream?.caller;
    const request = command.any ? made?.request : stream?.request;
    const procedure = command.any ? made?.procedure : stream?.procedure;
    if (caller?.alive !== true || request === undefined || procedure === undefined) return;
    // To the others it would be a new call, and to a whole call that is pending a violation.
    if (!sendsParts(caller.features)) return;
    const parts = { progress: command.progress, args: [command.value], request };
    this.#real(caller).call(procedure, parts);
    naive.call(caller, request, procedure, parts);
  }

  #cancel(command: Extract<Commands, { kind: 'cancel' }>): void {
    const made = pick(this.made, command.which);
    const pending = pick(this.naive.calls, command.which);
    const caller = command.any ? made?.pair.naive : pending?.caller;
    const request = command.any ? made?.request : pending?.request;
    if (caller === undefined || request === undefined) return;
    this.#real(caller).cancel(request, command.mode);
    if (caller.alive) this.naive.cancel(caller, request, command.mode);
  }

  #answer(command: Extract<Commands, { kind: 'yield' | 'error' }>): void {
    const call = pick(this.naive.calls, command.which);
    if (call === undefined) return;
    const { callee, invocation } = call;
    if (callee === undefined) return;
    const real = this.#real(callee);
    if (command.kind === 'yield') {
      real.yield(invocation, [command.value], command.progress);
      this.naive.yield(callee, invocation, [command.value], command.progress);
    } else {
      real.error(invocation, command.uri, [command.value]);
      this.naive.error(callee, invocation, command.uri, [command.value]);
    }
  }

  #join(index: number): void {
    const kind = KINDS[index % KINDS.length];
    if (kind === undefined) return;
    this.pairs.push({ real: this.core.join(kind), naive: this.naive.join(kind.authid, kind.authrole, kind.features) });
  }

  #real(session: NaiveSession): Client {
    const pair = this.pairs.find((each) => each.naive === session);
    if (pair === undefined) throw new Error('no such session');
    return pair.real;
  }

  #compare(): void {
    const { naive, core } = this;
    for (const { real, naive: session } of this.pairs) {
      expect(real.take().map(forComparison)).toEqual(session.inbox.splice(0));
      expect(real.peer.closed.map((reason) => reason.uri)).toEqual(
        session.closed === undefined ? [] : [session.closed],
      );
      const { subscriptions, registrations, calls, invocations } = real.session;
      expect([real.session.ended, subscriptions.size, registrations.size, calls.size, invocations.size]).toEqual([
        !session.alive,
        naive.subscriptions.filter((each) => each.members.includes(session)).length,
        naive.registrations.filter((each) => each.callees.some((callee) => callee.session === session)).length,
        naive.calls.filter((call) => call.caller === session).length,
        naive.calls.filter((call) => call.callee === session).length,
      ]);
    }
    const { sessions, broker, dealer } = core.realm;
    expect([sessions.size, broker.size, dealer.registry.size, dealer.timed]).toEqual([
      naive.sessions.length,
      naive.subscriptions.length,
      naive.registrations.filter((registration) => !registration.weak).length,
      naive.calls.filter((call) => call.expires !== undefined).length,
    ]);
  }
}

/** Whether the session announced that it sends calls in parts. */
function sendsParts(features: number): boolean {
  return (features & Feature.CALLER_PROGRESSIVE_INVOCATIONS) !== 0;
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % list.length];
}

/** Sentences for people are not compared; what an application wrote is. */
function forComparison(message: Wire): Wire {
  if (message[0] === MessageType.ERROR && !String(message[4]).startsWith('app.')) return message.slice(0, 5);
  if (message[0] === MessageType.UNREGISTERED && message[1] === 0) {
    return [...message.slice(0, 2), { ...Object(message[2]), reason: REASON }];
  }
  return message;
}

describe('broker and dealer against a naive model', () => {
  beforeEach(() => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function holds(numRuns: number, cluster: () => LateCluster | undefined): void {
    const commands = fc.array(command, { maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(commands, fc.constantFrom(0, 5000), (sequence, callTimeoutMs) => {
        const run = new Run(callTimeoutMs, cluster());
        for (const each of sequence) run.step(each);
        run.finish();
      }),
      { numRuns },
    );
  }

  it('every peer gets the messages the model says, in that order, and nothing is kept longer than needed', () => {
    holds(200, () => undefined);
  });

  it('ARCHITECTURE 1.4: so it is where the cluster answers a turn later', () => {
    holds(100, () => new LateCluster());
  });
});
