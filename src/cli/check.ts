import { loadConfig } from '../config/load.ts';
import { displayPath, formatProblem } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import { startProblems } from '../server/start-problems.ts';
import { unbuilt } from '../server/unbuilt.ts';
import { TOKEN, wantsTicket } from './made-ticket.ts';

export interface CheckIo {
  readonly stdout: { write(text: string): unknown };
  readonly env: NodeJS.ProcessEnv;
}

/**
 * `waggle check`: prints on stdout, as that is what one asked for: every problem, then the warnings, each with its
 * place (CONTRACT §1), then what is not built yet.
 *
 * @returns the exit code: 0 good, 1 problems, with `strict` also for warnings.
 */
export function check(options: { readonly config: string; readonly strict: boolean }, io: CheckIo): number {
  const result = loadConfig(options.config, io.env);
  const problems = result.ok ? startProblems(result.config) : result.problems.map(formatProblem);
  const unwise = result.ok ? result.config.warnings : result.warnings;
  const warnings = [
    ...unwise.map((warning) => formatProblem({ ...warning, path: `warning: ${warning.path}` })),
    ...(result.ok ? notInForce(result.config) : []),
  ];
  const say = (line: string): void => void io.stdout.write(`${line}\n`);
  for (const line of [...problems, ...warnings]) say(line);
  if (!result.ok || problems.length > 0) return 1;
  const { config } = result;
  if (wantsTicket(config)) say(`\`waggle start\` makes a ticket for ${TOKEN} on loopback, for one run`);
  const missing = unbuilt(config).map(({ name }) => name);
  if (missing.length > 0) say(`not built yet: ${missing.join(', ')}`);
  const warned = count(warnings.length, 'warning');
  if (options.strict && warnings.length > 0) {
    say(`not good (--strict): ${warned}`);
    return 1;
  }
  const read = `${count(config.realms.size, 'realm')} in ${count(config.files.length, 'file')}`;
  say(`good: ${read}${warnings.length === 0 ? '' : `, ${warned}`}`);
  return 0;
}

/** What somebody wrote down and relies on, and what happens instead. */
function notInForce(config: Config): string[] {
  return unbuilt(config).flatMap(({ missed }) => {
    if (missed === undefined) return [];
    const { place, key, instead } = missed;
    return [`${displayPath(place, process.cwd())}: warning: ${key}: is not built yet: ${instead}`];
  });
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
