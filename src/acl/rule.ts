import type { Action } from '../router/authorizer.ts';
import type { SignatureSpec } from '../signing/payload.ts';
import type { Match } from '../wamp/uri.ts';

/**
 * How a rule's URI is compared. A rule's `glob` is not that of a subscription: `*`, `?`, `[abc]` stand within a
 * component, `**` for any number of them (acl/glob.ts).
 */
export type RuleMatch = Match;

/** One permission of a role, as a realm file has it (CONTRACT §4, "Permissions"). */
export interface Rule {
  /** URI or pattern; a component `{authid}` stands for the authid of the session that asks. */
  readonly uri: string;
  readonly match: RuleMatch;
  readonly allow: readonly Action[];
  readonly deny: readonly Action[];
  /** Who is named to the receivers without being asked. */
  readonly disclose: readonly ('publisher' | 'caller')[];
  /** What publications and calls there must be signed by. */
  readonly signature?: SignatureSpec;
  /** Whether publications and calls there are written down, denied ones too; absent: no. */
  readonly audit?: boolean;
  /** `file:line`. */
  readonly at: string;
}
