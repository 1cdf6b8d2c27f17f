import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Series } from '../../src/router/history.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import type { Match } from '../../src/wamp/uri.ts';
import type { PublishParts } from '../support/core.ts';
import { historyCore, memoryStore, pastValues, rulesOf, sqliteStore, type TestStore } from '../support/histories.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

const KINDS = [
  { authid: 'ann', authrole: 'agent' },
  { authid: 'bob', authrole: 'guest' },
];
const TOPICS = ['a.b', 'a.c', 'b.b', 'b.c.d', 'c.x'];
const SUBSCRIPTIONS: readonly { readonly uri: string; readonly match: Match }[] = [
  { uri: 'a.b', match: 'exact' },
  { uri: 'a', match: 'prefix' },
  { uri: 'b.', match: 'prefix' },
  { uri: '.b', match: 'wildcard' },
  { uri: 'b..d', match: 'wildcard' },
];
/** Of each series. */
const LIMIT = 12;

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const who = fc.nat(1);
const names = maybe(fc.subarray(['ann', 'bob']));
const roles = maybe(fc.subarray(['agent', 'guest']));
const publishing = fc.record({
  kind: fc.constant('publish' as const),
  who,
  topic: fc.constantFrom(...TOPICS),
  lists: maybe(
    fc.record({
      excludeAuthid: names,
      excludeAuthrole: roles,
      eligibleAuthid: names,
      eligibleAuthrole: roles,
      exclude: fc.option(fc.constant([7]), { nil: undefined, freq: 1 }),
    }),
  ),
});
/** Times and publications are places among all that were published. */
const place = maybe(fc.nat(60));
const asking = fc.record({
  kind: fc.constant('ask' as const),
  who,
  subscription: fc.constantFrom(...SUBSCRIPTIONS),
  reverse: maybe(fc.boolean()),
  limit: maybe(fc.integer({ min: 1, max: 6 })),
  topic: maybe(fc.constantFrom(...TOPICS)),
  from_time: place,
  after_time: place,
  before_time: place,
  until_time: place,
  from_publication: place,
  after_publication: place,
  before_publication: place,
  until_publication: place,
});
const commands = fc.array(fc.oneof({ weight: 5, arbitrary: publishing }, { weight: 2, arbitrary: asking }), {
  maxLength: 60,
  size: 'max',
});
type Command = typeof commands extends fc.Arbitrary<(infer T)[]> ? T : never;

/** Everything that was published, in order; what is asked for is found by going through it. */
interface Published {
  readonly id: number;
  readonly time: number;
  readonly topic: string;
  readonly parts: PublishParts;
  readonly value: number;
}

/** PITFALLS 46: what a store may have at all; of each series the newest. */
function keptOf(all: readonly Published[]): Published[] {
  const storable = all.filter(({ parts }) => parts.exclude === undefined);
  const series = ['a.', 'b.'].flatMap((head) => storable.filter(({ topic }) => topic.startsWith(head)).slice(-LIMIT));
  return series.sort((a, b) => a.value - b.value);
}

function expected(all: readonly Published[], command: Extract<Command, { kind: 'ask' }>): unknown {
  const { uri, match } = command.subscription;
  const map = new LinearUriMap<true>();
  map.set(uri, match, true);
  const { authid = '', authrole = '' } = KINDS[command.who] ?? {};
  const kept = keptOf(all);
  const at = (of: number | undefined) => (of === undefined ? undefined : (all[of % all.length] as Published));
  const places = [command.from_publication, command.after_publication, command.before_publication];
  if (
    [...places, command.until_publication].some((each) => each !== undefined && !kept.includes(at(each) as Published))
  ) {
    return 'wamp.error.invalid_argument';
  }
  const holds = (of: number | undefined, test: (other: Published) => boolean) => {
    const other = at(of);
    return other === undefined || test(other);
  };
  const found = kept.filter(
    (each) =>
      map.matchAll(each.topic).length > 0 &&
      (command.topic === undefined || each.topic === command.topic) &&
      holds(command.from_time, ({ time }) => each.time >= time) &&
      holds(command.after_time, ({ time }) => each.time > time) &&
      holds(command.before_time, ({ time }) => each.time < time) &&
      holds(command.until_time, ({ time }) => each.time <= time) &&
      holds(command.from_publication, ({ value }) => each.value >= value) &&
      holds(command.after_publication, ({ value }) => each.value > value) &&
      holds(command.before_publication, ({ value }) => each.value < value) &&
      holds(command.until_publication, ({ value }) => each.value <= value) &&
      each.parts.eligibleAuthid?.includes(authid) !== false &&
      each.parts.eligibleAuthrole?.includes(authrole) !== false &&
      each.parts.excludeAuthid?.includes(authid) !== true &&
      each.parts.excludeAuthrole?.includes(authrole) !== true,
  );
  if (command.reverse === true) found.reverse();
  return found.slice(0, command.limit).map(({ value }) => value);
}

function options(all: readonly Published[], command: Extract<Command, { kind: 'ask' }>): Dict {
  const { kind: _kind, who: _who, subscription: _subscription, ...given } = command;
  const entries = Object.entries(given).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined) return [];
    const other = all[Number(value) % all.length];
    if (key.endsWith('_time')) return [[key, new Date(other?.time ?? 0).toISOString()]];
    return [[key, key.endsWith('_publication') ? other?.id : value]];
  });
  return Object.fromEntries(entries);
}

async function run(tested: TestStore, sequence: readonly Command[]): Promise<void> {
  const { store } = tested;
  const core = historyCore(store, { bounds: { limit: LIMIT } });
  // What the run before left is gone.
  store.configure('test', []);
  store.configure('test', rulesOf(store, { limit: LIMIT }).series as Series[]);
  const clients = KINDS.map((kind) => core.join(kind));
  const all: Published[] = [];
  for (const [value, command] of sequence.entries()) {
    const client = clients[command.who] ?? expect.fail();
    if (command.kind === 'publish') {
      // Two of three share a millisecond with the one before.
      if (value % 3 === 0) core.clock.advance(1);
      client.take();
      const parts = { ...command.lists, acknowledge: true };
      client.publish(command.topic, { ...parts, args: [value] });
      const id = Number(client.take().find((each) => each[0] === 17)?.[2]);
      all.push({ id, time: core.clock.now(), topic: command.topic, parts, value });
    } else if (all.length > 0) {
      const { uri, match } = command.subscription;
      const id = client.subscribed(uri, match);
      const answer = await pastValues(client, [id], options(all, command));
      expect(answer).toEqual(expected(all, command));
    }
  }
  expect(tested.lost).toEqual([]);
}

describe.each([
  ['memory', memoryStore, 200],
  ['sqlite', sqliteStore, 25],
] as const)('event history in %s', (_name, open, numRuns) => {
  let tested: TestStore;
  beforeAll(async () => {
    tested = await open();
  });
  afterAll(() => tested.close());

  it('PITFALLS 46: what is answered is what one finds by going through everything that was published', async () => {
    await fc.assert(
      fc.asyncProperty(commands, (sequence) => run(tested, sequence)),
      { numRuns },
    );
  }, 60_000);
});
