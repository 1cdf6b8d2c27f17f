import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import { type HistoryQuery, upTo } from '../../router/history.ts';
import { historyFilter } from '../../router/history-filter.ts';
import { literalHead } from '../../router/literal-head.ts';
import type { Sqlite } from '../activity/sqlite.ts';
import type { HistoryRow, SeriesBounds } from './messages.ts';
import { receiversOf } from './rows.ts';

/** How long a statement waits for another process' lock, ms. */
const BUSY_MS = 250;
/** Rows deleted at a time, so that what comes in meanwhile does not wait. */
const PRUNE_ROWS = 1000;

/** Payloads last: what is looked at to find and to delete rows stands before them, on the row's first page. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS event_history (
  id INTEGER PRIMARY KEY,
  series TEXT NOT NULL,
  ord INTEGER NOT NULL,
  time INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  publication INTEGER NOT NULL,
  topic TEXT NOT NULL,
  codec INTEGER NOT NULL,
  elements INTEGER NOT NULL,
  extras TEXT,
  payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_event_history_order ON event_history(series, ord);
CREATE INDEX IF NOT EXISTS idx_event_history_publication ON event_history(publication);
CREATE INDEX IF NOT EXISTS idx_event_history_topic ON event_history(series, topic, ord);
`;
const COLUMNS = 'series, ord, time, weight, publication, topic, codec, elements, extras, payload';

type Values = [string, number, number, number, number, string, number, number, string | null, Uint8Array];

/** How much of a series there is. */
interface Size {
  count: number;
  bytes: number;
}

/** The file of the event history as its only user sees it. Synchronous: it lives in a thread of its own. */
export class HistoryDatabase {
  readonly #db: Database;
  readonly #insert: Statement<Values>;
  readonly #write: (rows: readonly HistoryRow[]) => void;
  readonly #bounds = new Map<string, SeriesBounds>();
  readonly #sizes = new Map<string, Size>();

  /**
   * Opens the file, making it and its folder where there are none, readable by their owner only (CONTRACT §5).
   * @throws Error of SQLite or of the file system
   */
  constructor(sqlite: Sqlite, file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    if ((statSync(file).mode & 0o777) !== 0o600) chmodSync(file, 0o600);
    this.#db = new sqlite(file, { timeout: BUSY_MS });
    try {
      this.#db.pragma('journal_mode = WAL');
      this.#db.pragma('synchronous = NORMAL');
      this.#db.exec(SCHEMA);
      const marks = COLUMNS.split(', ').map(() => '?');
      this.#insert = this.#db.prepare<Values>(`INSERT INTO event_history (${COLUMNS}) VALUES (${marks})`);
      this.#write = this.#db.transaction((rows: readonly HistoryRow[]) => {
        for (const row of rows) this.#insert.run(...valuesOf(row));
      }).immediate;
      this.#measure();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Writes all rows or none, in one transaction. @throws SqliteError */
  write(rows: readonly HistoryRow[]): void {
    this.#write(rows);
    for (const { series, weight } of rows) {
      const size = this.#sizes.get(series) ?? { count: 0, bytes: 0 };
      size.count += 1;
      size.bytes += weight;
      this.#sizes.set(series, size);
    }
  }

  /** The series of one realm from now on: rows of others there are deleted. @throws SqliteError */
  configure(realm: string, series: readonly SeriesBounds[]): void {
    const known = new Set(series.map(({ key }) => key));
    for (const key of [...this.#bounds.keys(), ...this.#sizes.keys()]) {
      if (!key.startsWith(`${realm} `) || known.has(key)) continue;
      this.#db.prepare<[string]>('DELETE FROM event_history WHERE series = ?').run(key);
      this.#bounds.delete(key);
      this.#sizes.delete(key);
    }
    for (const each of series) this.#bounds.set(each.key, each);
  }

  /**
   * Deletes rows beyond the bounds of their series, the oldest first.
   * @param now milliseconds since the epoch
   * @returns whether there may be more to delete
   * @throws SqliteError
   */
  prune(now: number): boolean {
    let more = false;
    for (const bounds of this.#bounds.values()) if (this.#pruneSeries(bounds, now)) more = true;
    return more;
  }

  /** As a store's `find`: rows beyond the bounds are none any more, deleted or not. */
  find(series: readonly string[], publication: number, now: number): number | undefined {
    const rows = this.#db
      .prepare<[number], { series: string; ord: number; time: number }>(
        'SELECT series, ord, time FROM event_history WHERE publication = ?',
      )
      .all(publication);
    const found = rows.find(
      ({ series: key, ord, time }) =>
        series.includes(key) && ord >= this.#firstOf(key, 0) && time >= this.#oldestOf(key, now),
    );
    return found?.ord;
  }

  /** As a store's `read`. @param now milliseconds since the epoch */
  read(series: readonly string[], query: HistoryQuery, now: number): HistoryRow[] {
    const direction = query.reverse ? -1 : 1;
    const parts = series.map((key) => upTo(this.#rowsOf(key, query, now), query));
    return upTo(
      parts.flat().sort((a, b) => direction * (a.ord - b.ord)),
      query,
    );
  }

  close(): void {
    this.#db.close();
  }

  *#rowsOf(key: string, query: HistoryQuery, now: number): Iterable<HistoryRow> {
    const topic = query.topic ?? (query.match === 'exact' ? query.uri : undefined);
    const head = literalHead(query.uri, query.match);
    const conditions = ['series = @key', 'ord >= @from', 'ord <= @until', 'time >= @since', 'time <= @to'];
    if (topic !== undefined) conditions.push('topic = @topic');
    else if (head !== '') conditions.push('substr(topic, 1, @length) = @head');
    const sql = `SELECT ${COLUMNS} FROM event_history WHERE ${conditions.join(' AND ')} ORDER BY ord ${query.reverse ? 'DESC' : 'ASC'}`;
    const wanted = historyFilter(query);
    const values = {
      key,
      from: this.#firstOf(key, query.order[0]),
      until: query.order[1],
      since: clamp(Math.max(query.time[0], this.#oldestOf(key, now))),
      to: clamp(query.time[1]),
      ...(topic === undefined ? { head, length: [...head].length } : { topic }),
    };
    for (const row of this.#db.prepare<[Record<string, unknown>], HistoryRow>(sql).iterate(values)) {
      if (wanted({ order: row.ord, time: row.time, topic: row.topic, receivers: receiversOf(row) })) yield row;
    }
  }

  /** Milliseconds since the epoch before which rows are too old. */
  #oldestOf(key: string, now: number): number {
    const maxAgeMs = this.#bounds.get(key)?.maxAgeMs ?? Number.POSITIVE_INFINITY;
    return now - maxAgeMs;
  }

  /** Where the newest `limit` rows begin, or `from` where that is later. */
  #firstOf(key: string, from: number): number {
    const bounds = this.#bounds.get(key);
    const size = this.#sizes.get(key);
    if (bounds === undefined || size === undefined || size.count <= bounds.limit) return from;
    const row = this.#db
      .prepare<[string, number], { ord: number }>(
        'SELECT ord FROM event_history WHERE series = ? ORDER BY ord DESC LIMIT 1 OFFSET ?',
      )
      .get(key, bounds.limit - 1);
    return Math.max(from, row?.ord ?? from);
  }

  #pruneSeries({ key, limit, maxBytes }: SeriesBounds, now: number): boolean {
    const size = this.#sizes.get(key);
    if (size === undefined) return false;
    const oldest = this.#oldestOf(key, now);
    const rows = this.#db
      .prepare<[string, number], { ord: number; time: number; weight: number }>(
        'SELECT ord, time, weight FROM event_history WHERE series = ? ORDER BY ord LIMIT ?',
      )
      .all(key, PRUNE_ROWS);
    let [count, bytes, last] = [size.count, size.bytes, -1];
    for (const { ord, time, weight } of rows) {
      if (count <= limit && bytes <= maxBytes && time >= oldest) break;
      count -= 1;
      bytes -= weight;
      last = ord;
    }
    if (last === -1) return false;
    this.#db.prepare<[string, number]>('DELETE FROM event_history WHERE series = ? AND ord <= ?').run(key, last);
    this.#sizes.set(key, { count, bytes });
    return count > limit || bytes > maxBytes || last === rows.at(-1)?.ord;
  }

  #measure(): void {
    const sql = 'SELECT series, COUNT(*) AS count, SUM(weight) AS bytes FROM event_history GROUP BY series';
    for (const { series, count, bytes } of this.#db.prepare<[], Size & { series: string }>(sql).all()) {
      this.#sizes.set(series, { count, bytes });
    }
  }
}

function valuesOf({
  series,
  ord,
  time,
  publication,
  topic,
  codec,
  elements,
  payload,
  extras,
  weight,
}: HistoryRow): Values {
  return [series, ord, time, weight, publication, topic, codec, elements, extras, payload];
}

/** SQLite has no infinite integers. */
function clamp(value: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}
