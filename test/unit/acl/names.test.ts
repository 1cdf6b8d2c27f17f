import { describe, expect, it } from 'vitest';
import { compileNames, WITHOUT_TOKEN } from '../../../src/acl/names.ts';

const names = compileNames({
  principals: new Map([
    ['planner', { bub: ['agent:planner', 'agent:p-[!x]*'], relay: ['planner.relay'] }],
    ['other', { bub: [], relay: [] }],
  ]),
  bub: {
    roles: [
      { glob: 'tg:*', role: 'tg' },
      { glob: 'agent:[ab]?', role: 'short' },
      { glob: 'agent*', role: 'agent' },
    ],
  },
  relay: { roles: [{ glob: '*', role: 'relay' }] },
});

describe('names of bridge peers (CONTRACT 4, BRIDGES 1)', () => {
  it.each([
    ['tg:1', 'tg'],
    ['tg:', 'tg'],
    ['tg:a/b.c d\n', 'tg'],
    ['agent:a1', 'short'],
    ['agent:c1', 'agent'],
    ['agent-1', 'agent'],
    ['TG:1', undefined],
    ['x', undefined],
  ])('the first glob that matches gives %j the role %s; * crosses everything', (name, role) => {
    expect(names.role('bub', name)).toBe(role);
  });

  it('a principal’s authid, and whatever its lists match, is nobody’s without a token', () => {
    expect(
      ['planner', 'other', 'agent:planner', 'planner.relay', 'agent:p-y1'].every((name) => names.isTaken(name)),
    ).toBe(true);
    expect(['agent:p-x', 'planner2', 'agent:plan'].some((name) => names.isTaken(name))).toBe(false);
  });

  it('a principal may take its own name and what its list for that protocol matches', () => {
    const may = (name: string) => names.mayTake('planner', 'bub', name);
    expect(['planner', 'agent:planner', 'agent:p-/:.'].every(may)).toBe(true);
    expect(['planner.relay', 'other', 'agent:p-x'].some(may)).toBe(false);
    expect(names.mayTake('nobody', 'bub', 'nobody')).toBe(false);
  });

  it('the literal name of a principal is the only one without special characters', () => {
    expect([names.literal('planner', 'bub'), names.literal('other', 'bub'), names.literal('x', 'bub')]).toEqual([
      'agent:planner',
      undefined,
      undefined,
    ]);
  });

  it('reload judges free names by role and by who owns them now, others by their principal’s list', () => {
    const free = { authrole: 'tg', authmethod: WITHOUT_TOKEN, authprovider: 'bub' };
    expect(names.judge({ ...free, authid: 'tg:1' })).toBe('keep');
    expect(names.judge({ ...free, authid: 'agent:c1' })).toBe('roleChanged');
    expect(names.judge({ ...free, authid: 'agent:planner' })).toBe('gone');
    expect(names.judge({ ...free, authid: 'x' })).toBe('gone');
    const own = { authrole: 'a', authmethod: 'ticket', authprovider: 'static', principal: 'planner' };
    expect(['agent:planner', 'planner', 'planner.relay'].map((authid) => names.judge({ ...own, authid }))).toEqual([
      'keep',
      'keep',
      'keep',
    ]);
    expect(names.judge({ ...own, authid: 'agent:elsewhere' })).toBe('gone');
  });
});
