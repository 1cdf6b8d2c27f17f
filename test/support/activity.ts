import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { afterEach } from 'vitest';
import type { ActivityRow } from '../../src/adapters/activity.ts';
import { ActivityLog, type ActivityLogOptions, type ActivityProblem } from '../../src/observe/activity/activity-log.ts';
import type { LogRow } from '../../src/observe/activity/schema.ts';
import { loadSqlite, type Sqlite } from '../../src/observe/activity/sqlite.ts';
import type { Clock } from '../../src/router/clock.ts';
import './typescript-workers.ts';

const sqlite = await loadSqlite();

/** Why tests of the activity log cannot run here; undefined: they can. */
export const NO_SQLITE = sqlite === undefined ? 'better-sqlite3 is not installed or does not load' : undefined;

if (NO_SQLITE !== undefined) console.warn(`Tests of the activity log are skipped: ${NO_SQLITE}.`);

/** @throws Error where it is missing; see NO_SQLITE */
export function theSqlite(): Sqlite {
  if (sqlite === undefined) throw new Error(NO_SQLITE);
  return sqlite;
}

/** Real time; its timers do not keep the test process alive. */
export const REAL_TIME: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

const folders: string[] = [];
const logs: ActivityLog[] = [];
const databases: Database.Database[] = [];

afterEach(async () => {
  for (const database of databases.splice(0)) database.close();
  for (const log of logs.splice(0)) await log.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-activity-'));
  folders.push(folder);
  return folder;
}

export interface OpenedLog {
  readonly log: ActivityLog;
  readonly file: string;
  readonly problems: ActivityProblem[];
  /** Resolves with the first problem of that severity, also one that came before. */
  problem(severity: ActivityProblem['severity']): Promise<string>;
}

/** A log with a thread of its own, closed after the test. */
export async function openLog(options: Partial<ActivityLogOptions> = {}): Promise<OpenedLog> {
  const file = options.file ?? join(temporaryFolder(), 'activity.sqlite3');
  const problems: ActivityProblem[] = [];
  const wake = new Set<() => void>();
  const log = await ActivityLog.open({
    whenFull: 'block',
    clock: REAL_TIME,
    closeTimeoutMs: 2000,
    ...options,
    file,
    onProblem(problem) {
      problems.push(problem);
      for (const each of wake) each();
    },
  });
  logs.push(log);
  return {
    log,
    file,
    problems,
    problem: (severity) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = problems.find((problem) => problem.severity === severity);
          if (found === undefined) return;
          wake.delete(look);
          resolve(found.text);
        };
        wake.add(look);
        look();
      }),
  };
}

/** A second process' view of the file; closed after the test. */
export function database(file: string, options: Database.Options = {}): Database.Database {
  const opened = new (theSqlite())(file, options);
  databases.push(opened);
  return opened;
}

export function rowsOf(file: string): LogRow[] {
  const db = new (theSqlite())(file, { readonly: true });
  try {
    return db.prepare<[], LogRow>('SELECT * FROM activity_log ORDER BY id').all();
  } finally {
    db.close();
  }
}

export function row(messageId: string, fields: Partial<ActivityRow> = {}): ActivityRow {
  return {
    event: 'send_start',
    messageId,
    rpcId: '',
    actor: 'tg:1',
    topic: 'system:spawn',
    status: 'start',
    payloadJson: undefined,
    error: '',
    ...fields,
  };
}

/** Resolves when `condition` holds, looked at every few milliseconds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
