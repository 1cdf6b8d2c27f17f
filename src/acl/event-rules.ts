/** The `events` of a realm file as one object that answers (CONTRACT §4); a reload makes another. */
import type { EventRules } from '../router/event-rules.ts';
import { ResultCache } from '../router/result-cache.ts';
import { RuleError } from './compile.ts';
import { compilePattern, type Scope } from './patterns.ts';
import type { RuleMatch } from './rule.ts';

/** One item of `events`. */
export interface EventRule {
  readonly uri: string;
  readonly match: RuleMatch;
  readonly retain: 'allowed' | 'refused';
  /** `file:line` */
  readonly at: string;
}

interface Answer {
  readonly mayRetain: boolean;
}

/**
 * Rules add up as permissions do: one `refused` refuses, wherever it stands.
 * @throws RuleError where a rule's URI has no meaning under its `match`
 */
export function compileEventRules(rules: readonly EventRule[]): EventRules {
  const compiled = rules.map((rule) => ({ rule, scope: compileScope(rule) }));
  // Clients choose the topics.
  const answers = new ResultCache<Answer>(() => 64);
  const judge = (topic: string): Answer => {
    const matching = compiled.filter(({ scope }) => scope.matches(topic));
    return { mayRetain: matching.every(({ rule }) => rule.retain === 'allowed') };
  };
  return {
    mayRetain(topic) {
      let answer = answers.get(topic);
      if (answer === undefined) {
        answer = judge(topic);
        answers.set(topic, answer);
      }
      return answer.mayRetain;
    },
  };
}

function compileScope({ uri, match, at }: EventRule): Scope {
  try {
    return compilePattern(uri, match).scope('');
  } catch (error) {
    throw new RuleError(at, error instanceof Error ? error.message : String(error));
  }
}
