import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { startProblems } from '../server/start-problems.ts';

export interface CheckIo {
  readonly stdout: { write(text: string): unknown };
  readonly env: NodeJS.ProcessEnv;
}

/**
 * `waggle check`: prints on stdout, as that is what one asked for: every problem, then the lint's warnings, each with its place (CONTRACT §1).
 *
 * @returns the exit code: 0 good, 1 problems, with `strict` also for warnings.
 */
export function check(options: { readonly config: string; readonly strict: boolean }, io: CheckIo): number {
  const result = loadConfig(options.config, io.env);
  const problems = result.ok ? startProblems(result.config) : result.problems.map(formatProblem);
  const warnings = result.ok ? result.config.warnings : result.warnings;
  for (const problem of problems) io.stdout.write(`${problem}\n`);
  for (const warning of warnings)
    io.stdout.write(`${formatProblem({ ...warning, path: `warning: ${warning.path}` })}\n`);
  if (result.ok && problems.length === 0) {
    const { realms, files } = result.config;
    const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;
    const warned = warnings.length === 0 ? '' : `, ${count(warnings.length, 'warning')}`;
    io.stdout.write(`good: ${count(realms.size, 'realm')} in ${count(files.length, 'file')}${warned}\n`);
  }
  return problems.length > 0 || (options.strict && warnings.length > 0) ? 1 : 0;
}
