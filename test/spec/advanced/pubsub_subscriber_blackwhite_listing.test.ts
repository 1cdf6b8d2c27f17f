import { describe, expect, it } from 'vitest';
import { type PublishParts, TestCore } from '../../support/core.ts';

/** Who of ann (agent), bob (agent) and cyd (guest) hears a publication with such lists. */
function hearers(parts: (ids: Readonly<Record<'ann' | 'bob' | 'cyd', number>>) => PublishParts): readonly string[] {
  const core = new TestCore();
  const publisher = core.join({ authid: 'pub' });
  const clients = [
    core.join({ authid: 'ann' }),
    core.join({ authid: 'bob' }),
    core.join({ authid: 'cyd', authrole: 'guest' }),
  ] as const;
  for (const client of clients) client.subscribed('a.', 'prefix');
  const [ann, bob, cyd] = clients;
  publisher.publish('a.b', parts({ ann: ann.id, bob: bob.id, cyd: cyd.id }));
  return clients.filter((client) => client.take().length > 0).map((client) => client.session.identity.authid);
}

describe('Advanced Profile: Subscriber Black- and Whitelisting', () => {
  it('without lists everybody hears it', () => {
    expect(hearers(() => ({}))).toEqual(['ann', 'bob', 'cyd']);
  });

  it.each<[string, (ids: Readonly<Record<'ann' | 'bob' | 'cyd', number>>) => PublishParts, readonly string[]]>([
    ['exclude', (ids) => ({ exclude: [ids.ann] }), ['bob', 'cyd']],
    ['exclude_authid', () => ({ excludeAuthid: ['bob', 'nobody'] }), ['ann', 'cyd']],
    ['exclude_authrole', () => ({ excludeAuthrole: ['agent'] }), ['cyd']],
    ['eligible', (ids) => ({ eligible: [ids.bob, ids.cyd] }), ['bob', 'cyd']],
    ['eligible_authid', () => ({ eligibleAuthid: ['ann', 'nobody'] }), ['ann']],
    ['eligible_authrole', () => ({ eligibleAuthrole: ['guest'] }), ['cyd']],
  ])('PITFALLS 37: %s', (_, parts, expected) => {
    expect(hearers(parts)).toEqual(expected);
  });

  it.each<[string, PublishParts]>([
    ['eligible', { eligible: [] }],
    ['eligible_authid', { eligibleAuthid: [] }],
    ['eligible_authrole', { eligibleAuthrole: [] }],
  ])('PITFALLS 37: an empty %s is nobody', (_, parts) => {
    expect(hearers(() => parts)).toEqual([]);
  });

  it('PITFALLS 37: empty exclude lists exclude nobody', () => {
    expect(hearers(() => ({ exclude: [], excludeAuthid: [], excludeAuthrole: [] }))).toEqual(['ann', 'bob', 'cyd']);
  });

  it('PITFALLS 37: conditions add up, and exclusion beats eligibility', () => {
    expect(hearers((ids) => ({ eligible: [ids.ann, ids.cyd], eligibleAuthrole: ['agent'] }))).toEqual(['ann']);
    expect(hearers((ids) => ({ eligible: [ids.ann, ids.bob], exclude: [ids.ann] }))).toEqual(['bob']);
    expect(hearers(() => ({ eligibleAuthid: ['ann'], eligibleAuthrole: ['guest'] }))).toEqual([]);
    expect(hearers(() => ({ eligibleAuthrole: ['agent'], excludeAuthid: ['ann'] }))).toEqual(['bob']);
  });

  it('PITFALLS 37: ids that are nobody are ignored', () => {
    expect(hearers((ids) => ({ eligible: [1, -5, ids.cyd], exclude: [0, 2] }))).toEqual(['cyd']);
  });
});
