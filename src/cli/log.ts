import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { ActivityReader, type LogFilter } from '../observe/activity/activity-reader.ts';
import type { LogRow } from '../observe/activity/schema.ts';
import { describe, loadSqlite, SQLITE_MISSING, type Sqlite } from '../observe/activity/sqlite.ts';
import type { LogOptions } from './commands.ts';
import { ExitCode, type Io, UsageError } from './io.ts';
import { rowLine, Timeline } from './log-text.ts';

/** How often a followed log is looked at, ms. */
const POLL_MS = 200;
/** Rows shown where nothing says which are wanted. */
const DEFAULT_ROWS = 100;

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

type LogIo = Pick<Io, 'stdout' | 'stderr' | 'env'>;

/**
 * `waggle log`: shows what the activity log holds, and with `follow` what comes in.
 * @param stop ends following; absent: SIGINT and SIGTERM do
 * @returns 0; 1 where there is no log, it cannot be read, or the config has problems
 * @throws UsageError where `since` or `limit` cannot be understood
 */
export async function log(options: LogOptions, io: LogIo, stop?: AbortSignal): Promise<number> {
  const filter = filterOf(options, Date.now());
  const limit = limitOf(options);
  const file = fileOf(options, io);
  if (file === undefined) return ExitCode.refused;
  const sqlite = await loadSqlite();
  if (sqlite === undefined) return refuse(io, `the activity log cannot be read: ${SQLITE_MISSING}`);
  if (!existsSync(file)) {
    return refuse(io, `there is no activity log at ${file} yet; the router makes it when it starts`);
  }
  const print = printer(options, io);
  const followed: Followed = { sqlite, file, filter, print, reader: undefined };
  try {
    followed.reader = new ActivityReader(sqlite, file, filter);
    let last = limit === undefined ? 0 : followed.reader.beforeNewest(limit);
    for (const row of followed.reader.rows(last)) last = print.row(row);
    if (options.follow) await follow(followed, last, stop ?? signals());
    else print.end();
    return ExitCode.good;
  } catch (error) {
    return refuse(io, `the activity log ${file} cannot be read: ${describe(error)}`);
  } finally {
    followed.reader?.close();
  }
}

interface Followed {
  readonly sqlite: Sqlite;
  readonly file: string;
  readonly filter: LogFilter;
  readonly print: Printer;
  /** Undefined: there is no file at the moment. */
  reader: ActivityReader | undefined;
}

/** Prints what comes after the row with id `after`, also in a new file when the log is rotated, until `stop`. */
async function follow(followed: Followed, after: number, stop: AbortSignal): Promise<void> {
  const { sqlite, file, filter, print } = followed;
  let last = after;
  while (!stop.aborted) {
    const gone = followed.reader?.isGone === true;
    for (const row of followed.reader?.rows(last) ?? []) last = print.row(row);
    if (gone) {
      followed.reader?.close();
      followed.reader = undefined;
      last = 0;
    }
    if (followed.reader === undefined && existsSync(file)) {
      followed.reader = new ActivityReader(sqlite, file, filter);
      continue;
    }
    await pause(POLL_MS, stop);
  }
}

interface Printer {
  /** @returns the row's id */
  row(row: LogRow): number;
  end(): void;
}

function printer(options: LogOptions, io: LogIo): Printer {
  const timeline = options.message === undefined ? undefined : new Timeline();
  const text = (row: LogRow): string => {
    if (options.json) return `${JSON.stringify(row)}\n`;
    return timeline === undefined ? rowLine(row) : timeline.add(row);
  };
  let any = false;
  return {
    row(row) {
      any = true;
      io.stdout.write(text(row));
      return row.id;
    },
    end() {
      if (!options.json && timeline !== undefined) io.stdout.write(timeline.end());
      if (!any) io.stderr.write('no such rows\n');
    },
  };
}

function filterOf(options: LogOptions, now: number): LogFilter {
  const { message, topic, actor, since } = options;
  return {
    ...(message === undefined ? {} : { messageId: message }),
    ...(topic === undefined ? {} : { topic }),
    ...(actor === undefined ? {} : { actor }),
    ...(since === undefined ? {} : { since: startOf(since, now) }),
  };
}

/** Where `since` begins, as rows have their time. @throws UsageError */
export function startOf(since: string, now: number): string {
  const [, count = '', unit = ''] = /^(\d+)(ms|[smhdw])$/.exec(since) ?? [];
  const at = unit !== '' ? now - Number(count) * (UNITS_MS[unit] ?? 0) : RFC3339.test(since) ? Date.parse(since) : NaN;
  const date = new Date(at);
  if (!Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9999) {
    return date.toISOString();
  }
  throw new UsageError(
    `--since ${JSON.stringify(since)} is neither a duration such as 90s, 10m, 2h, 1d nor a time such as 2026-02-17T12:00:00Z`,
  );
}

/** Rows at most; undefined: all. Whoever says which rows he wants gets them all. */
function limitOf(options: LogOptions): number | undefined {
  if (options.limit !== undefined) {
    if (/^\d{1,15}$/.test(options.limit)) return Number(options.limit);
    throw new UsageError(`--limit ${JSON.stringify(options.limit)} is not a number of rows`);
  }
  return options.message === undefined && options.since === undefined ? DEFAULT_ROWS : undefined;
}

function fileOf(options: LogOptions, io: LogIo): string | undefined {
  if (options.file !== undefined) return resolve(options.file);
  const loaded = loadConfig(options.config, io.env);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    io.stderr.write('the log can also be named with --file\n');
    return undefined;
  }
  const file = loaded.config.router.activityLog?.file;
  if (file === undefined) io.stderr.write(`${options.config} has no activityLog, so there is none to read\n`);
  return file;
}

function refuse(io: LogIo, text: string): number {
  io.stderr.write(`${text}\n`);
  return ExitCode.refused;
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener('abort', end, { once: true });
  });
}

function signals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
