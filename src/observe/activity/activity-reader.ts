import { statSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';
import { COLUMNS, type LogRow } from './schema.ts';
import type { Sqlite } from './sqlite.ts';

/** Which rows are wanted; all that is given must hold. */
export interface LogFilter {
  readonly messageId?: string;
  /** `*` for any text, `?` for one character; nothing else is special. */
  readonly topic?: string;
  readonly actor?: string;
  /** RFC 3339 in UTC with milliseconds, as the rows have it. */
  readonly since?: string;
}

/** Rows read at a time. No reading lasts longer: a long one would keep the writer's log from being taken over. */
const PAGE_ROWS = 1000;

/** Reads an activity log, also while a router writes it; the writer never waits for a reader. */
export class ActivityReader {
  readonly #file: string;
  readonly #db: Database;
  readonly #page: Statement<[Record<string, unknown>], LogRow>;
  readonly #newest: Statement<[Record<string, unknown>], { id: number }>;
  readonly #values: Readonly<Record<string, string>>;
  readonly #inode: bigint | undefined;

  /** @throws Error of SQLite where the file cannot be read or is no activity log */
  constructor(sqlite: Sqlite, file: string, filter: LogFilter) {
    this.#file = file;
    this.#inode = inodeOf(file);
    this.#db = new sqlite(file, { readonly: true, fileMustExist: true });
    const { messageId, topic, actor, since } = filter;
    const conditions: string[] = [];
    const values: Record<string, string> = {};
    const add = (name: string, value: string | undefined, condition: string): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values[name] = value;
    };
    add('message', messageId, 'message_id = @message');
    add('topic', topic?.replaceAll('[', '[[]'), 'topic GLOB @topic');
    add('actor', actor, 'actor = @actor');
    add('since', since, 'ts >= @since');
    const where = conditions.map((condition) => ` AND ${condition}`).join('');
    this.#values = values;
    try {
      this.#page = this.#db.prepare(
        `SELECT ${COLUMNS} FROM activity_log WHERE id > @after${where} ORDER BY id LIMIT ${PAGE_ROWS}`,
      );
      this.#newest = this.#db.prepare(
        `SELECT id FROM activity_log WHERE 1${where} ORDER BY id DESC LIMIT 1 OFFSET @skip`,
      );
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Whether the name stands for another file by now, or for none. */
  get isGone(): boolean {
    return inodeOf(this.#file) !== this.#inode;
  }

  /** Rows with an id above `after`, the oldest first. */
  *rows(after: number): Iterable<LogRow> {
    for (let last = after; ; ) {
      const page = this.#page.all({ ...this.#values, after: last });
      yield* page;
      const end = page.at(-1);
      if (end === undefined || page.length < PAGE_ROWS) return;
      last = end.id;
    }
  }

  /** The id after which the newest `count` rows begin. */
  beforeNewest(count: number): number {
    const row = this.#newest.get({ ...this.#values, skip: count });
    return row?.id ?? 0;
  }

  close(): void {
    this.#db.close();
  }
}

function inodeOf(file: string): bigint | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
}
