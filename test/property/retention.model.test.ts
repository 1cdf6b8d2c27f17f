import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SortedTexts } from '../../src/router/sorted-texts.ts';
import type { Match } from '../../src/wamp/uri.ts';
import { type Client, type PublishParts, TestCore } from '../support/core.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';

const KINDS = [
  { authid: 'ann', authrole: 'agent' },
  { authid: 'bob', authrole: 'agent' },
  { authid: 'cyd', authrole: 'guest' },
];
const TOPICS = ['a', 'a.b', 'a.b.c', 'a-b', 'b.b', 'b.c'];
const who = fc.nat(2);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 3 });
/** Session ids run from 1001. */
const ids = maybe(fc.subarray([1001, 1002, 1003, 7]));
const names = maybe(fc.subarray(['ann', 'bob', 'nobody']));
const roles = maybe(fc.subarray(['agent', 'guest', 'none']));
const lists = fc.record({
  exclude: ids,
  excludeAuthid: names,
  excludeAuthrole: roles,
  eligible: ids,
  eligibleAuthid: names,
  eligibleAuthrole: roles,
});
const pattern: fc.Arbitrary<{ uri: string; match: Match }> = fc.oneof(
  fc.record({ uri: fc.constantFrom(...TOPICS), match: fc.constant('exact' as const) }),
  fc.record({ uri: fc.constantFrom('', 'a', 'a.', 'a.b', 'b'), match: fc.constant('prefix' as const) }),
  fc.record({ uri: fc.constantFrom('.b', 'a.', '..', '', 'a..c', 'b.c'), match: fc.constant('wildcard' as const) }),
);
const commands = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      who,
      topic: fc.constantFrom(...TOPICS),
      retain: fc.constantFrom(true, true, false),
      excludeMe: fc.boolean(),
      lists: maybe(lists),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), who, pattern }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
);
type Command = typeof commands extends fc.Arbitrary<infer T> ? T : never;

/** Everything that was ever retained, the oldest first: what somebody gets is found by reading it backwards. */
interface Kept {
  readonly topic: string;
  readonly parts: PublishParts;
  readonly publisher: number;
  readonly value: number;
}

function wouldGet({ parts, publisher }: Kept, { session }: Client): boolean {
  const { authid, authrole } = session.identity;
  if (parts.excludeMe === true && session.id === publisher) return false;
  if (parts.eligible?.includes(session.id) === false) return false;
  if (parts.eligibleAuthid?.includes(authid) === false) return false;
  if (parts.eligibleAuthrole?.includes(authrole) === false) return false;
  const { exclude = [], excludeAuthid = [], excludeAuthrole = [] } = parts;
  return !exclude.includes(session.id) && !excludeAuthid.includes(authid) && !excludeAuthrole.includes(authrole);
}

function expected(kept: readonly Kept[], client: Client, uri: string, match: Match): unknown[] {
  const map = new LinearUriMap<true>();
  map.set(uri, match, true);
  return [...TOPICS].sort().flatMap((topic) => {
    if (map.matchAll(topic).length === 0) return [];
    const latest = kept.findLast((each) => each.topic === topic && wouldGet(each, client));
    const details = match === 'exact' ? { retained: true } : { topic, retained: true };
    return latest === undefined ? [] : [[details, [latest.value]]];
  });
}

function run(sequence: readonly Command[]): void {
  const core = new TestCore({ limits: { maxRetainedBytes: 10_000_000 } });
  const clients = KINDS.map((kind) => core.join(kind));
  const kept: Kept[] = [];
  for (const [value, command] of sequence.entries()) {
    const client = clients[command.who] ?? expect.fail();
    for (const each of clients) each.take();
    if (command.kind === 'publish') {
      const { topic, retain, excludeMe } = command;
      const parts = { ...command.lists, excludeMe };
      client.publish(topic, { ...parts, retain, args: [value] });
      if (retain) kept.push({ topic, parts, publisher: client.id, value });
    } else if (command.kind === 'subscribe') {
      const { uri, match } = command.pattern;
      client.subscribe(uri, match, true);
      const [subscribed, ...events] = client.take();
      expect(subscribed?.[0]).toBe(33);
      expect(events.map((event) => [event[3], event[4]])).toEqual(expected(kept, client, uri, match));
      for (const other of clients) expect(other.take()).toEqual([]);
    } else if (command.kind === 'unsubscribe') {
      const [first] = client.session.subscriptions.keys();
      if (first !== undefined) client.unsubscribe(first);
    } else {
      client.vanish();
      clients[command.who] = core.join(KINDS[command.who] ?? {});
    }
  }
  expect(core.observer.losses).toEqual([]);
  core.realm.broker.retained.review(() => false);
  const { size, bytes } = core.realm.broker.retained;
  expect([size, bytes, [...core.realm.broker.retained.topicsFrom('')]]).toEqual([0, 0, []]);
}

it('PITFALLS 44: a subscriber gets what one finds by reading everything ever retained backwards', () => {
  fc.assert(
    // Below the bound of different lists per topic, which has tests of its own.
    fc.property(fc.array(commands, { maxLength: 60 }), run),
    { numRuns: 300 },
  );
});

it('texts in order: after any sequence of add and delete they are those of a sorted list', () => {
  // Long runs of digits, so that blocks are cut and run empty.
  const step = fc.record({ add: fc.constantFrom(true, true, true, false), text: fc.nat(4000).map((n) => `t${n}`) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000, size: 'max' }), fc.nat(4000), (steps, first) => {
      const texts = new SortedTexts();
      const naive = new Set<string>();
      for (const { add, text } of steps) {
        if (!add) texts.delete(text);
        else if (!naive.has(text)) texts.add(text);
        if (add) naive.add(text);
        else naive.delete(text);
      }
      const sorted = [...naive].sort();
      expect([...texts.from('')]).toEqual(sorted);
      expect([...texts.from(`t${first}`)]).toEqual(sorted.filter((text) => text >= `t${first}`));
    }),
    { numRuns: 60 },
  );
});
