import { describe, expect, it } from 'vitest';
import { compileAcl, RuleError } from '../../../src/acl/compile.ts';
import type { Rule } from '../../../src/acl/rule.ts';
import type { Action, Decision, Identity } from '../../../src/router/authorizer.ts';
import { REQUIRED } from '../../../src/signing/payload.ts';
import type { Match } from '../../../src/wamp/uri.ts';

let line = 0;

/** A rule that allows nothing, changed by `changes`. */
function rule(uri: string, changes: Partial<Rule>): Rule {
  return { uri, match: 'exact', allow: [], deny: [], disclose: [], at: `r.yaml:${++line}`, ...changes };
}

const identity = (authid: string, authrole = 'agent'): Identity =>
  Object.freeze({ authid, authrole, authmethod: 'ticket', authprovider: 'static', principal: authid });

const planner = identity('planner');

function acl(...rules: Rule[]) {
  return compileAcl(new Map([['agent', rules]]));
}

function allowed(rules: Rule[], action: Action, uri: string, match: Match = 'exact', who = planner): boolean {
  return acl(...rules).authorize(who, action, uri, match).kind === 'allow';
}

describe('CONTRACT §4, permissions of a URI', () => {
  it('deny by default: no rule, no permission', () => {
    expect(acl().authorize(planner, 'call', 'a.b', 'exact')).toMatchObject({ kind: 'deny', rules: [] });
  });

  it('an unknown role may nothing', () => {
    const everything = acl(rule('', { match: 'prefix', allow: ['call', 'register', 'publish', 'subscribe'] }));
    const stranger = identity('x', '__proto__');
    expect(everything.authorize(stranger, 'call', 'a', 'exact')).toMatchObject({ kind: 'deny', rules: [] });
    expect(everything.explain(stranger, 'call', 'a', 'exact')).toMatchObject({
      decision: { kind: 'deny' },
      matched: [],
    });
  });

  it('an action is allowed where a rule that covers the URI lists it, and only that action', () => {
    const rules = [rule('a.b', { allow: ['call', 'publish'] })];
    expect(
      (['call', 'publish', 'register', 'subscribe'] as const).map((action) => allowed(rules, action, 'a.b')),
    ).toEqual([true, true, false, false]);
    expect(allowed(rules, 'call', 'a.c')).toBe(false);
  });

  it('a rule that denies wins, however unspecific it is and wherever it stands', () => {
    const specific = rule('a.b.c', { allow: ['call'] });
    const general = rule('a.', { match: 'prefix', deny: ['call'] });
    expect(allowed([specific, general], 'call', 'a.b.c')).toBe(false);
    expect(allowed([general, specific], 'call', 'a.b.c')).toBe(false);
  });

  it('a rule that denies another action, or another URI, denies nothing here', () => {
    const rules = [
      rule('a.b', { allow: ['call'] }),
      rule('a.b', { deny: ['publish'] }),
      rule('a.c', { match: 'prefix', deny: ['call'] }),
    ];
    expect(allowed(rules, 'call', 'a.b')).toBe(true);
  });

  it('one rule may allow one action and deny another', () => {
    const rules = [rule('a.', { match: 'prefix', allow: ['publish'], deny: ['subscribe'] })];
    expect([allowed(rules, 'publish', 'a.b'), allowed(rules, 'subscribe', 'a.b')]).toEqual([true, false]);
  });

  it('rules add up: each action may come from another rule', () => {
    const rules = [rule('a.', { match: 'prefix', allow: ['publish'] }), rule('a.b', { allow: ['subscribe'] })];
    expect([allowed(rules, 'publish', 'a.b'), allowed(rules, 'subscribe', 'a.b')]).toEqual([true, true]);
  });

  it('"" with prefix covers everything, wamp. too; without it wamp. is as closed as all else', () => {
    const everything = [rule('', { match: 'prefix', allow: ['call'] })];
    expect([allowed(everything, 'call', 'wamp.session.kill'), allowed(everything, 'call', 'x')]).toEqual([true, true]);
    expect(allowed([rule('a.', { match: 'prefix', allow: ['call'] })], 'call', 'wamp.session.count')).toBe(false);
    expect(allowed([rule('wamp.session.count', { allow: ['call'] })], 'call', 'wamp.session.count')).toBe(true);
  });

  it('roles do not share rules', () => {
    const both = compileAcl(
      new Map([
        ['agent', [rule('a', { allow: ['call'] })]],
        ['guest', [rule('b', { allow: ['call'] })]],
      ]),
    );
    const may = (role: string, uri: string) => both.authorize(identity('x', role), 'call', uri, 'exact').kind;
    expect([may('agent', 'a'), may('agent', 'b'), may('guest', 'a'), may('guest', 'b')]).toEqual([
      'allow',
      'deny',
      'deny',
      'allow',
    ]);
  });

  it('{authid} lets each act in its own name only, whoever asked before', () => {
    const one = acl(rule('agent.{authid}.status', { allow: ['publish'] }));
    const kinds = () =>
      ['planner', 'worker', 'status', 'agent.planner', ''].map(
        (authid) => one.authorize(identity(authid), 'publish', 'agent.planner.status', 'exact').kind,
      );
    const right = ['allow', 'deny', 'deny', 'deny', 'deny'];
    expect([kinds(), kinds()]).toEqual([right, right]);
  });

  it('{authid} in a rule that denies keeps only its owner out', () => {
    const one = acl(
      rule('box.', { match: 'prefix', allow: ['call'] }),
      rule('box.{authid}', { match: 'prefix', deny: ['call'] }),
    );
    const kind = (authid: string, uri: string) => one.authorize(identity(authid), 'call', uri, 'exact').kind;
    expect([kind('a', 'box.a'), kind('a', 'box.a.x'), kind('a', 'box.ab'), kind('b', 'box.a')]).toEqual([
      'deny',
      'deny',
      'allow',
      'allow',
    ]);
  });
});

describe('CONTRACT §4, disclosure', () => {
  const disclosing = (decision: Decision) => decision.kind === 'allow' && decision.disclose;

  it('a publisher is disclosed if any matching rule says so, whatever rule allowed it', () => {
    const one = acl(
      rule('a.', { match: 'prefix', allow: ['publish', 'call'] }),
      rule('a.b', { disclose: ['publisher'] }),
    );
    expect(disclosing(one.authorize(planner, 'publish', 'a.b', 'exact'))).toBe(true);
    expect(disclosing(one.authorize(planner, 'publish', 'a.c', 'exact'))).toBe(false);
    expect(disclosing(one.authorize(planner, 'call', 'a.b', 'exact'))).toBe(false);
  });

  it('a caller likewise; to register or subscribe discloses nobody', () => {
    const one = acl(
      rule('a', { allow: ['publish', 'call', 'register', 'subscribe'], disclose: ['caller'] }),
      rule('a', { disclose: ['publisher'] }),
    );
    const of = (action: Action) => disclosing(one.authorize(planner, action, 'a', 'exact'));
    expect([of('call'), of('publish'), of('register'), of('subscribe')]).toEqual([true, true, false, false]);
  });

  it('audit adds up over all rules that cover the URI, and counts where it is denied as well', () => {
    const one = acl(rule('a.', { match: 'prefix', allow: ['publish', 'register'] }), rule('a.b', { audit: true }));
    const of = (action: Action, uri: string) => one.authorize(planner, action, uri, 'exact');
    expect(of('publish', 'a.b')).toMatchObject({ kind: 'allow', audit: true });
    expect(of('publish', 'a.c')).toMatchObject({ kind: 'allow', audit: false });
    expect(of('call', 'a.b')).toMatchObject({ kind: 'deny', audit: true });
    expect(of('register', 'a.b')).toMatchObject({ kind: 'allow', audit: false });
  });

  it('disclose alone allows nothing', () => {
    expect(allowed([rule('a', { disclose: ['publisher'] })], 'publish', 'a')).toBe(false);
  });
});

describe('CONTRACT §4, permissions of a pattern', () => {
  const subscribe = (rules: Rule[], uri: string, match: Match) => allowed(rules, 'subscribe', uri, match);

  it('one single rule must cover it: two halves do not add up', () => {
    const halves = ['a.b', 'a.'].map((uri) => rule(uri, { match: 'prefix', allow: ['subscribe'] }));
    expect(subscribe(halves, 'a', 'prefix')).toBe(false);
    expect(
      subscribe([rule('a.x', { allow: ['subscribe'] }), rule('a.y', { allow: ['subscribe'] })], 'a.', 'wildcard'),
    ).toBe(false);
  });

  it('a prefix rule covers a pattern whose literal head begins with it', () => {
    const rules = [rule('yamtam.task.', { match: 'prefix', allow: ['subscribe'] })];
    expect(subscribe(rules, 'yamtam.task.', 'prefix')).toBe(true);
    expect(subscribe(rules, 'yamtam.task.x', 'prefix')).toBe(true);
    expect(subscribe(rules, 'yamtam.task..done', 'wildcard')).toBe(true);
    expect(subscribe(rules, 'yamtam.task', 'prefix')).toBe(false);
    expect(subscribe(rules, 'yamtam..done', 'wildcard')).toBe(false);
    expect(subscribe(rules, '', 'prefix')).toBe(false);
  });

  it('a wildcard rule covers wildcards of equal length that are as narrow or narrower', () => {
    const rules = [rule('yamtam.agent..status', { match: 'wildcard', allow: ['subscribe'] })];
    expect(subscribe(rules, 'yamtam.agent..status', 'wildcard')).toBe(true);
    expect(subscribe(rules, 'yamtam.agent.a.status', 'wildcard')).toBe(true);
    expect(subscribe(rules, 'yamtam.agent.a.status', 'exact')).toBe(true);
    expect(subscribe(rules, 'yamtam.agent..', 'wildcard')).toBe(false);
    expect(subscribe(rules, 'yamtam.agent.a.status', 'prefix')).toBe(false);
  });

  it('an exact rule never covers a pattern', () => {
    const rules = [rule('a.b', { allow: ['subscribe'] })];
    expect([subscribe(rules, 'a.b', 'prefix'), subscribe(rules, 'a.b', 'wildcard')]).toEqual([false, false]);
  });

  it('a deny that meets the pattern refuses it, also where it denies only a part', () => {
    const rules = [
      rule('yamtam.', { match: 'prefix', allow: ['subscribe'] }),
      rule('yamtam.secret.', { match: 'prefix', deny: ['subscribe'] }),
    ];
    expect(subscribe(rules, 'yamtam.', 'prefix')).toBe(false);
    expect(subscribe(rules, 'yamtam.sec', 'prefix')).toBe(false);
    expect(subscribe(rules, 'yamtam.secret.x', 'prefix')).toBe(false);
    expect(subscribe(rules, 'yamtam..x', 'wildcard')).toBe(false);
    expect(subscribe(rules, 'yamtam.task.', 'prefix')).toBe(true);
    expect(subscribe(rules, 'yamtam..', 'wildcard')).toBe(false);
    expect(subscribe(rules, 'yamtam.', 'wildcard')).toBe(true);
  });

  it('a glob that denies refuses every pattern it may meet', () => {
    const rules = [
      rule('a.', { match: 'prefix', allow: ['subscribe'] }),
      rule('a.b.*.secret', { match: 'glob', deny: ['subscribe'] }),
    ];
    expect([subscribe(rules, 'a.', 'prefix'), subscribe(rules, 'a.c.', 'prefix')]).toEqual([false, true]);
  });

  it('the same holds for registrations', () => {
    const rules = [rule('a.', { match: 'prefix', allow: ['register'] })];
    expect([allowed(rules, 'register', 'a.b', 'prefix'), allowed(rules, 'register', 'a', 'prefix')]).toEqual([
      true,
      false,
    ]);
  });

  it('an answer for a URI is not taken for a pattern of the same text, nor the other way round', () => {
    const one = acl(rule('a.b', { allow: ['subscribe'] }));
    const ask = () =>
      (['exact', 'prefix', 'wildcard'] as const).map((m) => one.authorize(planner, 'subscribe', 'a.b', m).kind);
    expect([ask(), ask()]).toEqual([
      ['allow', 'deny', 'deny'],
      ['allow', 'deny', 'deny'],
    ]);
  });
});

describe('decisions and explanations', () => {
  const rules = [
    rule('a.', { match: 'prefix', allow: ['subscribe'], at: 'r.yaml:10' }),
    rule('a.b', { match: 'wildcard', allow: ['subscribe'], at: 'r.yaml:11' }),
    rule('a.b', { allow: ['publish'], at: 'r.yaml:12' }),
    rule('a.c', { deny: ['subscribe'], at: 'r.yaml:13' }),
  ];
  const one = acl(...rules);

  it('a decision names the rules that made it: those that allow, or those that deny', () => {
    expect(one.authorize(planner, 'subscribe', 'a.b', 'exact').rules).toEqual(['r.yaml:10', 'r.yaml:11']);
    expect(one.authorize(planner, 'subscribe', 'a.c', 'exact')).toMatchObject({ kind: 'deny', rules: ['r.yaml:13'] });
  });

  it('a reason names the role and the action, not the files of the admin', () => {
    for (const uri of ['a.c', 'x']) {
      const decision = one.authorize(planner, 'subscribe', uri, 'exact');
      expect(decision.kind === 'deny' && decision.reason).toMatch(
        /^role agent is (denied|not allowed) to subscribe there$/,
      );
    }
  });

  it('a decision is remembered: the same object for the same question', () => {
    const ask = () => one.authorize(planner, 'subscribe', 'a.b', 'exact');
    expect(ask()).toBe(ask());
  });

  it('explain names every rule that has to do with it, and what it does', () => {
    const effects = (action: Action, uri: string, match: Match) =>
      one.explain(planner, action, uri, match).matched.map(({ rule, effect }) => `${rule.at} ${effect}`);
    expect(effects('subscribe', 'a.b', 'exact')).toEqual(['r.yaml:10 allows', 'r.yaml:11 allows', 'r.yaml:12 other']);
    expect(effects('subscribe', 'a.c', 'exact')).toEqual(['r.yaml:10 allows', 'r.yaml:13 denies']);
    expect(effects('subscribe', 'a', 'prefix')).toEqual([
      'r.yaml:10 part',
      'r.yaml:11 part',
      'r.yaml:12 other',
      'r.yaml:13 denies',
    ]);
    expect(effects('publish', 'x', 'exact')).toEqual([]);
  });

  it('a rule that cannot be compiled is named by file and line', () => {
    const compile = () => acl(rule('a', {}), rule('a.{b,c}', { match: 'glob', at: 'r.yaml:99' }));
    expect(compile).toThrow(RuleError);
    expect(compile).toThrow(expect.objectContaining({ at: 'r.yaml:99' }));
  });

  it('where a rule asks for a signature publications and calls are checked, whichever rule allows them', () => {
    const signed = acl(
      rule('cmd.', { match: 'prefix', allow: ['publish', 'call', 'register', 'subscribe'] }),
      rule('cmd.halt', { signature: REQUIRED }),
      rule('cmd.halt', { signature: { ...REQUIRED, field: 'sig' } }),
      rule('cmd.stop', { signature: REQUIRED, deny: ['call'] }),
    );
    const check = (action: Action, uri: string) => {
      const decision = signed.authorize(planner, action, uri, 'exact');
      return decision.kind === 'allow' ? decision.check !== undefined : decision.kind;
    };
    const actions = ['publish', 'call', 'register', 'subscribe'] as const;
    expect(actions.map((action) => check(action, 'cmd.halt'))).toEqual([true, true, false, false]);
    expect(actions.map((action) => check(action, 'cmd.go'))).toEqual([false, false, false, false]);
    expect(actions.map((action) => check(action, 'cmd.stop'))).toEqual([true, 'deny', false, false]);
    expect(signed.authorize(planner, 'call', 'cmd.halt', 'exact')).toBe(
      signed.authorize(planner, 'call', 'cmd.halt', 'exact'),
    );
  });
});

describe('CONTRACT §4, dynamic', () => {
  const dynamic = new Map([['agent', { dynamic: true, trustlevel: 3 }]]);
  const judge = (rules: Rule[], action: Action, uri: string, match: Match = 'exact'): Decision =>
    compileAcl(new Map([['agent', rules]]), dynamic, ['auth.allow']).authorize(planner, action, uri, match);

  it('a role with dynamic: true asks where no rule decides; an allow and a deny are final', () => {
    const rules = [
      rule('a.b', { allow: ['call'] }),
      rule('a.c', { deny: ['call'] }),
      rule('a.', { match: 'prefix', disclose: ['caller'] }),
    ];
    expect(['a.b', 'a.c', 'a.d', 'b'].map((uri) => judge(rules, 'call', uri).kind)).toEqual([
      'allow',
      'deny',
      'ask',
      'ask',
    ]);
    expect(judge(rules, 'call', 'a.d')).toEqual({
      kind: 'ask',
      audit: false,
      disclose: true,
      trustlevel: 3,
      rules: [],
    });
    expect(acl(...rules).authorize(planner, 'call', 'a.d', 'exact').kind).toBe('deny');
  });

  it('a pattern is asked about where no single rule covers it, unless one denies a part of it', () => {
    const rules = [rule('a.b.', { match: 'prefix', allow: ['subscribe'] }), rule('c.d', { deny: ['subscribe'] })];
    expect(['a.b.', 'a.', 'c.'].map((uri) => judge(rules, 'subscribe', uri, 'prefix').kind)).toEqual([
      'allow',
      'ask',
      'deny',
    ]);
  });

  it('what a rule wants signed has to be signed whoever allows it', () => {
    const decision = judge([rule('a', { signature: REQUIRED })], 'publish', 'a');
    expect(decision).toMatchObject({ kind: 'ask', check: expect.anything() });
  });

  it('to register a procedure that the realm has asked, a rule must name exactly it, and nobody is asked', () => {
    const patterns = [
      rule('', { match: 'prefix', allow: ['register'] }),
      rule('auth.', { match: 'wildcard', allow: ['register'] }),
      rule('auth.*', { match: 'glob', allow: ['register'] }),
      rule('auth.{authid}', { allow: ['register'] }),
    ];
    const allow = identity('allow');
    const asked = compileAcl(new Map([['agent', patterns]]), dynamic, ['auth.allow']);
    expect(asked.authorize(allow, 'register', 'auth.allow', 'exact').kind).toBe('deny');
    expect(asked.explain(allow, 'register', 'auth.allow', 'exact').matched.map(({ effect }) => effect)).toEqual(
      Array(4).fill('inexact'),
    );
    expect(asked.authorize(allow, 'register', 'auth.other', 'exact').kind).toBe('allow');
    expect(judge(patterns, 'call', 'auth.allow').kind).toBe('ask');
    expect(judge([...patterns, rule('auth.allow', { allow: ['register'] })], 'register', 'auth.allow').kind).toBe(
      'allow',
    );
  });
});
