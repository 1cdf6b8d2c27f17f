/**
 * The names that peers of bridges come under: which are somebody's, which role a free one gets (CONTRACT §4,
 * "Identity"). Compiled when a realm file is read.
 */
import type { Identity } from '../router/authorizer.ts';
import { compileName, isSpecial } from './glob.ts';

export type BridgeKind = 'bub' | 'relay';

/** The part of a realm file that is about names. */
export interface NameRules {
  readonly principals: ReadonlyMap<string, { readonly bub: readonly string[]; readonly relay: readonly string[] }>;
  /** In file order. */
  readonly bub: { readonly roles: readonly { readonly glob: string; readonly role: string }[] };
  readonly relay: { readonly roles: readonly { readonly glob: string; readonly role: string }[] };
}

export interface BridgeNames {
  /** The role of a name where no token is asked for: that of the first glob that matches; undefined: none does. */
  role(kind: BridgeKind, name: string): string | undefined;
  /** Whether a principal is called so or may take the name: then nobody has it without a token. */
  isTaken(name: string): boolean;
  mayTake(principal: string, kind: BridgeKind, name: string): boolean;
  /** The one name without special characters in a principal's list; undefined: none or several. */
  literal(principal: string, kind: BridgeKind): string | undefined;
  /** What these rules say of a session that joined under earlier ones; its credential is judged elsewhere. */
  judge(identity: Identity): 'keep' | 'gone' | 'roleChanged';
}

/** `Identity.authmethod` of sessions that were asked for no token; `authprovider` is then the {@link BridgeKind}. */
export const WITHOUT_TOKEN = 'none';

type Test = (name: string) => boolean;

export function compileNames(rules: NameRules): BridgeNames {
  return new CompiledNames(rules);
}

class CompiledNames implements BridgeNames {
  readonly #rules: NameRules;
  readonly #roles: Readonly<Record<BridgeKind, readonly { readonly test: Test; readonly role: string }[]>>;
  readonly #lists = new Map<string, Readonly<Record<BridgeKind, readonly Test[]>>>();

  constructor(rules: NameRules) {
    this.#rules = rules;
    const roles = (kind: BridgeKind) => rules[kind].roles.map(({ glob, role }) => ({ test: compileName(glob), role }));
    this.#roles = { bub: roles('bub'), relay: roles('relay') };
    for (const [authid, { bub, relay }] of rules.principals) {
      this.#lists.set(authid, { bub: bub.map(compileName), relay: relay.map(compileName) });
    }
  }

  role(kind: BridgeKind, name: string): string | undefined {
    return this.#roles[kind].find(({ test }) => test(name))?.role;
  }

  isTaken(name: string): boolean {
    if (this.#lists.has(name)) return true;
    for (const { bub, relay } of this.#lists.values()) {
      if (bub.some((test) => test(name)) || relay.some((test) => test(name))) return true;
    }
    return false;
  }

  mayTake(principal: string, kind: BridgeKind, name: string): boolean {
    const lists = this.#lists.get(principal);
    return lists !== undefined && (name === principal || lists[kind].some((test) => test(name)));
  }

  literal(principal: string, kind: BridgeKind): string | undefined {
    const literals = this.#rules.principals.get(principal)?.[kind].filter((name) => !isSpecial(name)) ?? [];
    return literals.length === 1 ? literals[0] : undefined;
  }

  judge({ authid, authrole, authmethod, authprovider, principal }: Identity): 'keep' | 'gone' | 'roleChanged' {
    if (authmethod === WITHOUT_TOKEN) {
      // Not a bridge's: there is no list of names that says anything about it.
      if (authprovider !== 'bub' && authprovider !== 'relay') return 'keep';
      const role = this.isTaken(authid) ? undefined : this.role(authprovider, authid);
      if (role === undefined) return 'gone';
      return role === authrole ? 'keep' : 'roleChanged';
    }
    // Members of other protocols go by the principal's own name.
    if (principal === undefined || authid === principal) return 'keep';
    return this.mayTake(principal, 'bub', authid) || this.mayTake(principal, 'relay', authid) ? 'keep' : 'gone';
  }
}
