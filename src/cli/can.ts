import { askedProcedures, compileAcl, type Effect, type Explanation, RuleError } from '../acl/compile.ts';
import type { Rule } from '../acl/rule.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { PrincipalConfig, RealmConfig } from '../config/types.ts';
import type { Action, Identity } from '../router/authorizer.ts';
import { isReserved, isValidUri } from '../wamp/uri.ts';
import type { CanOptions } from './commands.ts';
import { ExitCode, type Io, UsageError } from './io.ts';

const EFFECTS: Record<Effect, string> = {
  allows: 'allows it',
  denies: 'denies it',
  part: 'allows it on a part only; one rule must cover all that the pattern may match',
  inexact: 'allows it by a pattern only; a procedure that the realm has asked needs a rule with exactly its URI',
  other: 'speaks of other actions',
};

/** `publish to`, `call`: the action as it stands before a URI. */
const PHRASES: Record<Action, string> = {
  call: 'call',
  register: 'register',
  publish: 'publish to',
  subscribe: 'subscribe to',
};

/**
 * `waggle can`: says whether a principal or role may do something, and which rules say so.
 * @returns 0 allowed, 1 denied, up to the dynamic authorizer, or the config has problems (which are printed)
 * @throws UsageError where no such realm, principal or role is configured, or the URI is none
 */
export async function can(options: CanOptions, io: Pick<Io, 'stdout' | 'stderr' | 'env'>): Promise<number> {
  const loaded = await loadConfig(options.config, io.env);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return ExitCode.refused;
  }
  const realm = findRealm(loaded.config.realms, options.realm);
  try {
    const answer = askRealm(realm, options);
    io.stdout.write(answer.text);
    return answer.allowed ? ExitCode.good : ExitCode.refused;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    io.stderr.write(`${error.at}: ${error.message}\n`);
    return ExitCode.refused;
  }
}

/**
 * The question put to one realm.
 * @throws UsageError as `can` does, RuleError where a rule cannot be compiled
 */
export function askRealm(
  realm: Pick<RealmConfig, 'realm' | 'principals' | 'permissions' | 'roles' | 'dynamic' | 'strictUris'>,
  options: Pick<CanOptions, 'who' | 'action' | 'uri' | 'match'>,
): { readonly allowed: boolean; readonly text: string } {
  const { who, action, uri, match } = options;
  if (!isValidUri(uri, match, realm.strictUris && !isReserved(uri))) {
    throw new UsageError(`"${uri}" is no URI that may stand in a message with match: ${match}`);
  }
  const role = realm.principals.get(who)?.role ?? who;
  const isPrincipal = realm.principals.has(who);
  if (!isPrincipal && !realm.permissions.has(who)) {
    throw new UsageError(`realm ${realm.realm} has neither a principal nor a role "${who}"`);
  }
  // A role has no authid, so its answer leaves rules with {authid} out.
  const identity: Identity = {
    authid: isPrincipal ? who : '',
    authrole: role,
    authmethod: 'static',
    authprovider: 'static',
  };
  const acl = compileAcl(realm.permissions, realm.roles, askedProcedures(realm));
  const explanation = acl.explain(identity, action, uri, match);
  const reserved = isReserved(uri) && (action === 'register' || action === 'publish');
  const signing = signingLines(explanation, isPrincipal ? realm.principals.get(who) : undefined);
  const may = !reserved && signing.possible;
  const allowed = explanation.decision.kind === 'allow' && may;
  const asked = explanation.decision.kind === 'ask' && may ? realm.dynamic?.authorizer : undefined;
  const lines = [
    `${isPrincipal ? `${who} (role ${role})` : `role ${role}`} ${allowed || asked ? 'may' : 'may not'} ${PHRASES[action]} ` +
      `${JSON.stringify(uri)}${match === 'exact' ? '' : ` (${match})`} in realm ${realm.realm}${asked ? ` if ${asked} allows it` : ''}`,
    ...ruleLines(explanation),
    ...signing.lines,
  ];
  if (reserved) lines.push('  wamp. is the router’s own: nobody else registers or publishes there, whatever rules say');
  if (explanation.decision.kind === 'allow' && explanation.decision.disclose) {
    lines.push(`  the ${action === 'call' ? 'caller' : 'publisher'} is named to the receivers`);
  }
  if (!isPrincipal && realm.permissions.get(role)?.some((rule) => rule.uri.includes('{authid}'))) {
    lines.push('  rules with {authid} were left out: ask for a principal to have them judged');
  }
  return { allowed, text: `${lines.join('\n')}\n` };
}

function ruleLines({ decision, matched }: Explanation): string[] {
  const lines = matched.map(({ rule, effect }) => `  ${rule.at}: ${showRule(rule)} ${EFFECTS[effect]}`);
  if (decision.kind === 'ask') lines.push('  no rule decides it, and the role is dynamic');
  else if (decision.rules.length === 0) lines.push('  no rule allows it, so it is denied');
  return lines;
}

/** What rules want signed, where the action is allowed else. @param principal undefined: it was asked for a role */
function signingLines(
  { decision, matched }: Explanation,
  principal: PrincipalConfig | undefined,
): { readonly lines: readonly string[]; readonly possible: boolean } {
  if (decision.kind === 'deny' || decision.check === undefined) return { lines: [], possible: true };
  const lines = matched
    .filter(({ rule }) => rule.signature !== undefined)
    .map(({ rule }) => `  ${rule.at}: ${showRule(rule)} asks for a signature by a key of the principal`);
  if (principal === undefined || principal.cryptosign.length > 0) return { lines, possible: true };
  return { lines: [...lines, `  ${principal.authid} has no cryptosign key, so it can sign nothing`], possible: false };
}

function showRule(rule: Rule): string {
  return `${JSON.stringify(rule.uri)}${rule.match === 'exact' ? '' : ` (${rule.match})`}`;
}

function findRealm(realms: ReadonlyMap<string, RealmConfig>, name: string | undefined): RealmConfig {
  const known = [...realms.keys()].join(', ');
  if (name === undefined) {
    const [only, second] = realms.values();
    if (only === undefined) throw new UsageError('no realm is configured');
    if (second !== undefined) throw new UsageError(`there are several realms, say which with --realm: ${known}`);
    return only;
  }
  const realm = realms.get(name);
  if (realm === undefined) throw new UsageError(`there is no realm "${name}"; there is ${known || 'none'}`);
  return realm;
}
