/** better-sqlite3, which is native and optional: where it cannot be built, everything else of the router works. */

import type Database from 'better-sqlite3';

export type Sqlite = typeof Database;

/** What to tell people where it is missing; a clause without a full stop. */
export const SQLITE_MISSING =
  'the package better-sqlite3 is not installed or does not load (npm install; where no built one is on offer it needs a C++ compiler)';

/** @returns undefined where it is not installed or was built for another Node */
export async function loadSqlite(): Promise<Sqlite | undefined> {
  try {
    const { default: sqlite } = await import('better-sqlite3');
    // The native part is loaded with the first database only.
    new sqlite(':memory:').close();
    return sqlite;
  } catch {
    return undefined;
  }
}

/** SQLite's code, such as `SQLITE_FULL`, or the system's, such as `EACCES`; empty: none. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** `database or disk is full (SQLITE_FULL)` */
export function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  return code === '' || text.includes(code) ? text : `${text} (${code})`;
}
