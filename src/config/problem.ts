/** Problems of a configuration: data first, text only where somebody reads it. */

import { relative } from 'node:path';

/** Line and column as editors count them, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a value stands: keys and list indexes from the top of the file. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong, or unwise, and where. */
export interface Problem {
  /** As the user knows it, see `displayPath`. */
  readonly file: string;
  /** 0, and so the column: it is about the file as such, of which nothing could be read. */
  readonly line: number;
  readonly column: number;
  /** `listeners[0].tcp`; `file` for the file as a whole. */
  readonly path: string;
  /** "what is wrong, what is expected". Never a secret. */
  readonly message: string;
}

/** `file:line:col: path: what is wrong, what is expected` (CONTRACT §1); `file: what is wrong` where it has no lines. */
export function formatProblem(problem: Problem): string {
  if (problem.line === 0) return `${problem.file}: ${problem.message}`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.path}: ${problem.message}`;
}

/** By file, then by position. @returns a new list. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      a.column - b.column ||
      (a.message < b.message ? -1 : 1),
  );
}

/** Keys that need no brackets in a path. */
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** `['roles', 'agent', 0, 'uri']` → `roles.agent[0].uri`. */
export function formatPath(path: ConfigPath): string {
  if (path.length === 0) return 'file';
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!PLAIN_KEY.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** The shorter of the absolute path and the one relative to `cwd`. */
export function displayPath(file: string, cwd: string): string {
  const near = relative(cwd, file);
  return near !== '' && near.length < file.length ? near : file;
}
