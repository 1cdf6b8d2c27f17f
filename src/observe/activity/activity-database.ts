import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import { type InsertValues, type PackedBatch, unpack } from './batch.ts';
import { insertRows, SCHEMA, VALUES_PER_ROW } from './schema.ts';
import type { Sqlite } from './sqlite.ts';

/** How old and how large the log may become; absent: without bound. */
export interface Retention {
  readonly maxAgeMs?: number;
  /** Bytes of the database that are in use; pages that are free are used again. */
  readonly maxBytes?: number;
}

/** How long a statement waits for another process' lock, ms. */
const BUSY_MS = 250;
/** Rows deleted at a time: some ms, so that rows that come in meanwhile do not wait. */
const PRUNE_ROWS = 500;
/** Free space given back to the file system at a time, bytes. */
const VACUUM_BYTES = 1024 * 1024;
/** The write-ahead log is cut down to this when readers let it grow, bytes. */
const WAL_BYTES = 64 * 1024 * 1024;
/**
 * Of files that are made new, bytes. Twice SQLite's own, as each page that a transaction has touched is written by a call of
 * its own; with larger ones a trickle of rows would write too much.
 */
const PAGE_SIZE = 8192;
/** The write-ahead log before it is taken over, bytes: pages of the index on message ids are written many times. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** For the pages of that index, where random ids land anywhere. KiB. */
const CACHE_KIB = 32 * 1024;
/** Rows of one INSERT: a fifth less work for each than one by one. */
const ROWS_AT_ONCE = 128;

type Value = InsertValues[number];

/** The log's file as its only writer sees it. Synchronous: it lives in a thread of its own. */
export class ActivityDatabase {
  readonly #file: string;
  readonly #db: Database;
  readonly #insert: Statement<Value[]>;
  readonly #insertMany: Statement<[readonly Value[]]>;
  readonly #write: (batches: readonly PackedBatch[]) => void;
  /** Which file was opened, to notice when the name stands for another one. */
  readonly #identity: string | undefined;

  /**
   * Opens the log, making folder and file where there are none, readable by their owner only (CONTRACT §5).
   * @throws Error of SQLite or of the file system
   */
  constructor(sqlite: Sqlite, file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    // Before SQLite opens it, as the files beside it get the same mode.
    if ((statSync(file).mode & 0o777) !== 0o600) chmodSync(file, 0o600);
    this.#db = new sqlite(file, { timeout: BUSY_MS });
    try {
      // Both only in force where the file is new; the second lets it shrink when old rows are deleted.
      this.#db.pragma(`page_size = ${PAGE_SIZE}`);
      this.#db.pragma('auto_vacuum = INCREMENTAL');
      this.#db.pragma('journal_mode = WAL');
      this.#db.pragma('synchronous = NORMAL');
      this.#db.pragma(`journal_size_limit = ${WAL_BYTES}`);
      this.#db.pragma(`wal_autocheckpoint = ${this.#pages(CHECKPOINT_BYTES)}`);
      this.#db.pragma(`cache_size = -${CACHE_KIB}`);
      this.#db.exec(SCHEMA);
      this.#insert = this.#db.prepare<Value[]>(insertRows(1));
      this.#insertMany = this.#db.prepare<[readonly Value[]]>(insertRows(ROWS_AT_ONCE));
      this.#write = this.#db.transaction((batches: readonly PackedBatch[]) => this.#insertAll(batches)).immediate;
      this.#identity = identityOf(file);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Whether the file was moved, removed or replaced since it was opened; SQLite itself would write on into nothing. */
  get isGone(): boolean {
    return identityOf(this.#file) !== this.#identity;
  }

  /** Writes all rows or none, in one transaction. @throws SqliteError */
  write(batches: readonly PackedBatch[]): void {
    this.#write(batches);
  }

  #insertAll(batches: readonly PackedBatch[]): void {
    const values: Value[] = [];
    for (const batch of batches) {
      for (const row of unpack(batch)) {
        for (const value of row) values.push(value);
        if (values.length < ROWS_AT_ONCE * VALUES_PER_ROW) continue;
        this.#insertMany.run(values);
        values.length = 0;
      }
    }
    for (let at = 0; at < values.length; at += VALUES_PER_ROW) {
      this.#insert.run(...values.slice(at, at + VALUES_PER_ROW));
    }
  }

  /**
   * Deletes some of the rows that `retention` does not want, the oldest first.
   * @param now milliseconds since the epoch
   * @returns whether there is more to delete
   * @throws SqliteError
   */
  prune(retention: Retention, now: number): boolean {
    const { maxAgeMs, maxBytes } = retention;
    let deleted = 0;
    if (maxAgeMs !== undefined) deleted = this.#deleteOlder(new Date(now - maxAgeMs).toISOString());
    if (deleted === 0 && maxBytes !== undefined && this.#usedBytes() > maxBytes) deleted = this.#deleteOldest();
    if (deleted > 0) return true;
    return this.#shrink();
  }

  close(): void {
    // SQLite leaves the write-ahead log of a file that was moved as it is, under the name of the next file.
    if (this.isGone) this.#db.pragma('wal_checkpoint(TRUNCATE)');
    this.#db.close();
  }

  #deleteOlder(ts: string): number {
    const sql = 'DELETE FROM activity_log WHERE id IN (SELECT id FROM activity_log WHERE ts < ? ORDER BY ts LIMIT ?)';
    return this.#db.prepare<[string, number]>(sql).run(ts, PRUNE_ROWS).changes;
  }

  #deleteOldest(): number {
    const sql = 'DELETE FROM activity_log WHERE id IN (SELECT id FROM activity_log ORDER BY id LIMIT ?)';
    return this.#db.prepare<[number]>(sql).run(PRUNE_ROWS).changes;
  }

  /** Gives free pages back where so many are free that writing would not use them up soon. */
  #shrink(): boolean {
    const free = this.#number('freelist_count');
    const atOnce = this.#pages(VACUUM_BYTES);
    if (free < atOnce * 2 || this.#number('auto_vacuum') === 0) return false;
    this.#db.pragma(`incremental_vacuum(${atOnce})`);
    return this.#number('freelist_count') < free;
  }

  #usedBytes(): number {
    return (this.#number('page_count') - this.#number('freelist_count')) * this.#number('page_size');
  }

  #pages(bytes: number): number {
    return Math.floor(bytes / this.#number('page_size'));
  }

  #number(pragma: string): number {
    return Number(this.#db.pragma(pragma, { simple: true }));
  }
}

/** Device and inode; undefined: there is no such file. */
function identityOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
