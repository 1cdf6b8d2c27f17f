import { compileAcl, RuleError } from '../acl/compile.ts';
import { compileEventRules } from '../acl/event-rules.ts';
import type { Config } from '../config/types.ts';

/**
 * Rules that the schema accepts and that cannot be compiled: to be asked before a configuration is put in force, so
 * that a swap either happens whole or not at all (CONTRACT §4, "Reload").
 * @returns lines in the form of `waggle check`; empty: all can be
 */
export function aclProblems(config: Config): string[] {
  const lines: string[] = [];
  for (const realm of config.realms.values()) {
    try {
      compileAcl(realm.permissions);
      compileEventRules(realm.events);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      lines.push(`${error.at}:1: realm ${realm.realm}: ${error.message}`);
    }
  }
  return lines;
}
