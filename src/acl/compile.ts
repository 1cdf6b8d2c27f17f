/**
 * The permissions of a realm as one object that answers (CONTRACT §4, "Permissions"). Nothing in it changes but its
 * memory of answers, so a reload is one assignment, and the old answers go with the old object (ARCHITECTURE §2).
 */
import type { Action, Authorizer, Decision, Identity } from '../router/authorizer.ts';
import { ResultCache } from '../router/result-cache.ts';
import type { SignatureSpec } from '../signing/payload.ts';
import type { Match } from '../wamp/uri.ts';
import { type CompiledPattern, compilePattern, type Scope } from './patterns.ts';
import type { Rule } from './rule.ts';
import { checkOf } from './signature-check.ts';
import { Signers } from './signers.ts';

/**
 * What a rule means for one question. `part`: it allows the action on some of what the pattern may match, not on all;
 * `inexact`: it would allow it, but whoever is asked by the realm needs a rule with exactly that URI; `other`: it speaks
 * of the URI, not of the action.
 */
export type Effect = 'allows' | 'denies' | 'part' | 'inexact' | 'other';

export interface MatchedRule {
  readonly rule: Rule;
  readonly effect: Effect;
}

export interface Explanation {
  readonly decision: Decision;
  /** In file order. */
  readonly matched: readonly MatchedRule[];
}

/** A rule that cannot be compiled; `at` is its `file:line`. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
  readonly at: string;

  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

export interface CompiledAcl extends Authorizer {
  /** The decision with every rule that has to do with it; for people, so neither fast nor remembered. */
  explain(who: Identity, action: Action, uri: string, match: Match): Explanation;
}

/**
 * @param roles the rules of each role of one realm. A role that is not in it may do nothing.
 * @param traits what the realm says of each role beside its rules; the decisions carry it, so that no message costs a
 *   look-up and a reload swaps it with the rules
 * @param asked procedures that the realm has asked about others: a pattern in a rule does not allow to register them
 * @param signers who may sign what rules want signed; without them nobody can
 * @throws RuleError where a rule's URI has no meaning under its `match`
 */
export function compileAcl(
  roles: ReadonlyMap<string, readonly Rule[]>,
  traits: Traits = NO_TRAITS,
  asked: readonly string[] = [],
  signers: Signers = new Signers(),
): CompiledAcl {
  const compiled = new Map<string, RoleAcl>();
  for (const [name, rules] of roles)
    compiled.set(name, new RoleAcl(name, rules, traits.get(name) ?? {}, asked, signers));
  return {
    authorize(who, action, uri, match) {
      return compiled.get(who.authrole)?.decide(who.authid, action, uri, match) ?? UNKNOWN_ROLE;
    },
    explain(who, action, uri, match) {
      const role = compiled.get(who.authrole);
      return role?.explain(who.authid, action, uri, match) ?? { decision: UNKNOWN_ROLE, matched: [] };
    },
  };
}

interface RoleTraits {
  /** Absent: the role is not rated. */
  readonly trustlevel?: number;
  /** Whether the authorizer is asked where no rule decides. */
  readonly dynamic?: boolean;
}

export type Traits = ReadonlyMap<string, RoleTraits>;

const NO_TRAITS: Traits = new Map();

/** The procedures that a realm has asked about others. */
export function askedProcedures(realm: {
  readonly dynamic?: { readonly authenticator?: string; readonly authorizer?: string };
}): string[] {
  const { authenticator, authorizer } = realm.dynamic ?? {};
  return [authenticator, authorizer].filter((uri) => uri !== undefined);
}

const UNKNOWN_ROLE: Decision = Object.freeze({ kind: 'deny', reason: 'the role has no permissions', rules: [] });

interface CompiledRule {
  readonly rule: Rule;
  readonly pattern: CompiledPattern;
}

/** All answers about one URI. */
interface Answers {
  /** For everybody whose authid is no component of the URI. */
  readonly common: Decision;
  /**
   * By component, since `{authid}` is one whole component: no more answers than the URI has components, however many
   * authids ask. Undefined answers are made when asked for. Undefined as a whole where no rule has `{authid}`.
   */
  readonly byAuthid: Map<string, Decision | undefined> | undefined;
}

class RoleAcl {
  readonly #rules: readonly CompiledRule[];
  readonly #actions: Readonly<Record<Action, ActionAcl>>;

  constructor(name: string, rules: readonly Rule[], traits: RoleTraits, asked: readonly string[], signers: Signers) {
    this.#rules = rules.map((rule) => ({ rule, pattern: compileRule(rule) }));
    const of = (action: Action) =>
      new ActionAcl(name, action, this.#rules, traits, action === 'register' ? asked : [], signers);
    this.#actions = { call: of('call'), register: of('register'), publish: of('publish'), subscribe: of('subscribe') };
  }

  decide(authid: string, action: Action, uri: string, match: Match): Decision {
    const acl = this.#actions[action];
    // Patterns are asked about when a session subscribes or registers, not per message: judged anew each time.
    return match === 'exact' ? acl.remember(authid, uri) : acl.judge(authid, uri, match);
  }

  explain(authid: string, action: Action, uri: string, match: Match): Explanation {
    const matched: MatchedRule[] = [];
    for (const { rule, pattern } of this.#rules) {
      const { touches, covers } = relate(pattern, authid, uri, match);
      if (!touches) continue;
      const allows = rule.allow.includes(action);
      const isExact = this.#actions[action].isExact(rule, uri);
      const allowing = !covers ? 'part' : isExact ? 'allows' : 'inexact';
      const effect = rule.deny.includes(action) ? 'denies' : allows ? allowing : 'other';
      matched.push({ rule, effect });
    }
    return { decision: this.#actions[action].judge(authid, uri, match), matched };
  }
}

/** Up to so many rules are asked anew for each URI: that costs what remembering costs, and URIs need not come again. */
const FEW_RULES = 8;

/** The rules of a role that have a say in one action. */
class ActionAcl {
  readonly #role: string;
  readonly #action: Action;
  readonly #discloses: 'publisher' | 'caller' | undefined;
  readonly #rules: readonly CompiledRule[];
  readonly #usesAuthid: boolean;
  readonly #traits: RoleTraits;
  readonly #asked: readonly string[];
  readonly #signers: Signers;
  readonly #answers = new ResultCache<Answers>(weigh, 4096, 2 * 1024 * 1024);
  /** Of few rules that look at nothing but the URI: what each of them covers. */
  readonly #scopes: readonly Scope[] | undefined;
  /** The decision for each set of those that a URI has met, a bit for each. */
  readonly #bySet = new Map<number, Decision>();

  constructor(
    role: string,
    action: Action,
    rules: readonly CompiledRule[],
    traits: RoleTraits,
    asked: readonly string[],
    signers: Signers,
  ) {
    this.#role = role;
    this.#action = action;
    this.#traits = traits;
    this.#asked = asked;
    this.#signers = signers;
    this.#discloses = action === 'publish' ? 'publisher' : action === 'call' ? 'caller' : undefined;
    this.#rules = rules.filter(
      ({ rule }) =>
        rule.allow.includes(action) ||
        rule.deny.includes(action) ||
        this.#isDisclosedBy(rule) ||
        this.#isSignedBy(rule) ||
        this.#isAuditedBy(rule),
    );
    this.#usesAuthid = this.#rules.some(({ pattern }) => pattern.usesAuthid);
    const isPlain = !this.#usesAuthid && asked.length === 0 && this.#rules.length <= FEW_RULES;
    this.#scopes = isPlain ? this.#rules.map(({ pattern }) => pattern.scope(NOBODY)) : undefined;
  }

  /** `judge` for a URI, out of memory where it was judged before. */
  remember(authid: string, uri: string): Decision {
    if (this.#scopes !== undefined) return this.#bySetOf(this.#scopes, uri);
    const answers = this.#answers.get(uri) ?? this.#newAnswers(uri);
    if (answers.byAuthid?.has(authid) !== true) return answers.common;
    let own = answers.byAuthid.get(authid);
    if (own === undefined) {
      own = this.judge(authid, uri, 'exact');
      answers.byAuthid.set(authid, own);
    }
    return own;
  }

  /** Which rules match is all that the decision depends on. */
  #bySetOf(scopes: readonly Scope[], uri: string): Decision {
    let set = 0;
    for (let i = 0; i < scopes.length; i += 1) if (scopes[i]?.matches(uri) === true) set |= 1 << i;
    let decision = this.#bySet.get(set);
    if (decision === undefined) {
      decision = this.judge(NOBODY, uri, 'exact');
      this.#bySet.set(set, decision);
    }
    return decision;
  }

  /** Every rule is asked: order and specificity never matter, and one `deny` ends it. */
  judge(authid: string, uri: string, match: Match): Decision {
    const allowing: string[] = [];
    const denying: string[] = [];
    const signing: SignatureSpec[] = [];
    let disclose = false;
    let audit = false;
    for (const { rule, pattern } of this.#rules) {
      const { touches, covers } = relate(pattern, authid, uri, match);
      if (covers && rule.allow.includes(this.#action) && this.isExact(rule, uri)) allowing.push(rule.at);
      if (touches && rule.deny.includes(this.#action)) denying.push(rule.at);
      if (touches && this.#isDisclosedBy(rule)) disclose = true;
      if (touches && rule.signature !== undefined && this.#isSignedBy(rule)) signing.push(rule.signature);
      if (touches && this.#isAuditedBy(rule)) audit = true;
    }
    if (denying.length > 0) {
      return { kind: 'deny', reason: `role ${this.#role} is denied to ${this.#action} there`, audit, rules: denying };
    }
    const { trustlevel, dynamic } = this.#traits;
    const asks = allowing.length === 0 && dynamic === true && !this.#asked.includes(uri);
    if (allowing.length === 0 && !asks) {
      const reason = `role ${this.#role} is not allowed to ${this.#action} there`;
      return { kind: 'deny', reason, audit, rules: allowing };
    }
    const check = checkOf(signing, this.#signers);
    return { kind: asks ? 'ask' : 'allow', disclose, trustlevel, check, audit, rules: allowing };
  }

  /** Whether a rule is exact enough for this action: whoever decides for others must be named (CONTRACT §4, `dynamic`). */
  isExact(rule: Rule, uri: string): boolean {
    return !this.#asked.includes(uri) || (rule.match === 'exact' && rule.uri === uri);
  }

  #newAnswers(uri: string): Answers {
    const byAuthid = this.#usesAuthid
      ? new Map<string, Decision | undefined>(uri.split('.').map((part) => [part, undefined]))
      : undefined;
    const answers: Answers = { common: this.judge(NOBODY, uri, 'exact'), byAuthid };
    this.#answers.set(uri, answers);
    return answers;
  }

  #isDisclosedBy(rule: Rule): boolean {
    return this.#discloses !== undefined && rule.disclose.includes(this.#discloses);
  }

  /** `signature` adds up like `disclose`: it binds publications and calls, whichever rule allows them (CONTRACT §4). */
  #isSignedBy(rule: Rule): boolean {
    return rule.signature !== undefined && (this.#action === 'publish' || this.#action === 'call');
  }

  /** `audit` adds up likewise, and needs no rule that allows: what is denied is written down as well. */
  #isAuditedBy(rule: Rule): boolean {
    return rule.audit === true && (this.#action === 'publish' || this.#action === 'call');
  }
}

/** No component of a URI, so no rule with `{authid}` matches. */
const NOBODY = '';

/** Bytes that answers about a URI keep alive, about, when all of them have been made. */
function weigh(answers: Answers): number {
  return 384 + 64 * (answers.byAuthid?.size ?? 0);
}

/** Whether a rule speaks of any, and of all, that is asked about. For a URI the two are one. */
function relate(pattern: CompiledPattern, authid: string, uri: string, match: Match) {
  const scope = pattern.scope(authid);
  if (match === 'exact') {
    const matches = scope.matches(uri);
    return { touches: matches, covers: matches };
  }
  return { touches: scope.intersects(uri, match), covers: scope.covers(uri, match) };
}

function compileRule(rule: Rule): CompiledPattern {
  try {
    return compilePattern(rule.uri, rule.match);
  } catch (error) {
    throw new RuleError(rule.at, error instanceof Error ? error.message : String(error));
  }
}
