/** The `events` of a realm file as one object that answers (CONTRACT §4); a reload makes another. */
import type { EventRules } from '../router/event-rules.ts';
import type { Series } from '../router/history.ts';
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
  readonly series: Series | undefined;
}

/**
 * Rules add up as permissions do: one `refused` refuses, wherever it stands. An event is kept once: by the first rule, in
 * file order, that keeps a history.
 * @param seriesOf where the events of a rule are kept; undefined: nowhere
 * @throws RuleError where a rule's URI has no meaning under its `match`
 */
export function compileEventRules<R extends EventRule>(
  rules: readonly R[],
  seriesOf: (rule: R) => Series | undefined = () => undefined,
): EventRules {
  const compiled = rules.map((rule) => ({ rule, scope: compileScope(rule), series: seriesOf(rule) }));
  // Clients choose the topics.
  const answers = new ResultCache<Answer>(() => 64);
  const judge = (topic: string): Answer => {
    const matching = compiled.filter(({ scope }) => scope.matches(topic));
    return {
      mayRetain: matching.every(({ rule }) => rule.retain === 'allowed'),
      series: matching.find(({ series }) => series !== undefined)?.series,
    };
  };
  const answer = (topic: string): Answer => {
    let known = answers.get(topic);
    if (known === undefined) {
      known = judge(topic);
      answers.set(topic, known);
    }
    return known;
  };
  return {
    mayRetain: (topic) => answer(topic).mayRetain,
    seriesFor: (topic) => answer(topic).series,
    series: compiled.flatMap(({ series }) => (series === undefined ? [] : [series])),
  };
}

function compileScope({ uri, match, at }: EventRule): Scope {
  try {
    return compilePattern(uri, match).scope('');
  } catch (error) {
    throw new RuleError(at, error instanceof Error ? error.message : String(error));
  }
}
