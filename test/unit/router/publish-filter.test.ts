import { describe, expect, it } from 'vitest';
import { PublishFilter } from '../../../src/router/publish-filter.ts';
import type { ReceiverLists } from '../../../src/wamp/options.ts';
import { TestCore } from '../../support/core.ts';

const NONE: ReceiverLists = {
  exclude: undefined,
  excludeAuthid: undefined,
  excludeAuthrole: undefined,
  eligible: undefined,
  eligibleAuthid: undefined,
  eligibleAuthrole: undefined,
};

describe('the filter of a publication', () => {
  it('is none where the publication names no receivers', () => {
    expect(PublishFilter.of(undefined)).toBeUndefined();
  });

  it('PITFALLS 37: admits who is in every list that is there and in none that excludes: all 729 combinations', () => {
    const { session } = new TestCore().join({ authid: 'ann', authrole: 'agent' });
    const lists = <T>(mine: T, other: T): readonly (readonly T[] | undefined)[] => [undefined, [other], [other, mine]];
    const ids = lists(session.id, 1);
    const authids = lists('ann', 'bob');
    const roles = lists('agent', 'guest');
    let combinations = 0;
    for (const exclude of ids)
      for (const eligible of ids)
        for (const excludeAuthid of authids)
          for (const eligibleAuthid of authids)
            for (const excludeAuthrole of roles)
              for (const eligibleAuthrole of roles) {
                combinations += 1;
                const all = { exclude, eligible, excludeAuthid, eligibleAuthid, excludeAuthrole, eligibleAuthrole };
                const out = [exclude, excludeAuthid, excludeAuthrole].some((list) => list?.length === 2);
                const kept = [eligible, eligibleAuthid, eligibleAuthrole].every((list) => list?.length !== 1);
                expect(new PublishFilter(all).admits(session)).toBe(kept && !out);
              }
    expect(combinations).toBe(729);
  });

  it.each(['eligible', 'eligibleAuthid', 'eligibleAuthrole'] as const)(
    'PITFALLS 37: an empty %s admits nobody',
    (key) => {
      const { session } = new TestCore().join();
      expect(new PublishFilter({ ...NONE, [key]: [] }).admits(session)).toBe(false);
    },
  );
});
