import { Worker } from 'node:worker_threads';
import type { Clock } from '../../router/clock.ts';
import type { HistoryQuery, HistoryStore, PastEvent, Series } from '../../router/history.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import type { PayloadCodec } from '../../wamp/payload.ts';
import { describe } from '../activity/sqlite.ts';
import type { Ask, FromHistory, HistoryRow, SeriesBounds, ToHistory } from './messages.ts';
import { fromRow, toRow } from './rows.ts';

/** Beside this file, compiled or not. */
const PROGRAM = new URL(`./history-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Rows are handed to the thread when there are so many of them, or after FLUSH_MS: one transaction each. */
const BATCH_ROWS = 512;
const FLUSH_MS = 50;
/** Between the end of a thread that should not have ended and the start of the next, ms. */
const RESTART_MS = 1000;
/** How long `close` waits for what is not written yet, ms. */
const CLOSE_MS = 5000;
/** What may wait to be written. */
const MAX_ROWS = 100_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Questions that may wait for an answer: more come only from clients that ask faster than the disk answers. */
const MAX_ASKED = 256;

export interface SqliteHistoryOptions {
  /** Path of the SQLite file; made with its folder where there is none. */
  readonly file: string;
  /** By index, to read and write payloads; the last one for those that were made in memory. */
  readonly codecs: readonly PayloadCodec[];
  readonly clock: Clock;
  /** An event that is not kept; told once for each. */
  readonly onLost: (topic: string, cause: 'history_full' | 'history_failed') => void;
  /** Told what an admin should read. Never a payload. */
  readonly onProblem: (text: string) => void;
}

/** The history cannot be opened at all. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
  /** True: better-sqlite3 is missing, no file would do. */
  readonly sqliteMissing: boolean;

  constructor(message: string, sqliteMissing: boolean) {
    super(message);
    this.sqliteMissing = sqliteMissing;
  }
}

interface Pending {
  resolve(answer: FromHistory): void;
  reject(error: WampError): void;
}

/**
 * Event history in a SQLite file that only a thread of its own touches. Nothing here waits for it but who asks; what
 * finds no room on its way is lost and counted.
 */
export class SqliteHistory implements HistoryStore {
  readonly #options: SqliteHistoryOptions;
  #worker: Worker;
  #alive = true;
  /** Not handed over yet. */
  #open: HistoryRow[] = [];
  /** Handed over and not confirmed, in order. */
  #sent: (readonly HistoryRow[])[] = [];
  #waitingRows = 0;
  #waitingBytes = 0;
  readonly #asked = new Map<number, Pending>();
  readonly #bounds = new Map<string, readonly SeriesBounds[]>();
  #lastId = 0;
  #cancelFlush: (() => void) | undefined;
  #refused: HistoryError | undefined;
  #failure = '';
  #settleOpen: ((error?: HistoryError) => void) | undefined;
  #closed: (() => void) | undefined;
  #closing = false;

  private constructor(options: SqliteHistoryOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  /** @throws HistoryError where better-sqlite3 is missing or the file can be no event history */
  static async open(options: SqliteHistoryOptions): Promise<SqliteHistory> {
    const history = new SqliteHistory(options);
    await new Promise<void>((resolve, reject) => {
      history.#settleOpen = (error) => {
        history.#settleOpen = undefined;
        history.#worker.unref();
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    return history;
  }

  /** The series that there are in one realm; what was kept of others there is deleted. */
  configure(realm: string, series: readonly Series[]): void {
    const bounds = series.map(({ key, limit, maxBytes, maxAgeMs = null }) => ({ key, limit, maxBytes, maxAgeMs }));
    this.#bounds.set(realm, bounds);
    // What was published under the old rules is theirs.
    this.#flush();
    this.#post({ kind: 'configure', realm, series: bounds });
  }

  add(series: Series, event: PastEvent): void {
    const { onLost } = this.#options;
    const { weight, topic } = event;
    if (this.#closing || this.#waitingRows >= MAX_ROWS || this.#waitingBytes + weight > MAX_BYTES) {
      onLost(topic, 'history_full');
      return;
    }
    let row: HistoryRow;
    try {
      row = toRow(series.key, event, this.#options.codecs);
    } catch {
      // Made in memory of what no serializer can say.
      onLost(topic, 'history_failed');
      return;
    }
    this.#open.push(row);
    this.#waitingRows += 1;
    this.#waitingBytes += weight;
    if (this.#open.length >= BATCH_ROWS) this.#flush();
    else this.#cancelFlush ??= this.#options.clock.setTimer(FLUSH_MS, () => this.#flush());
  }

  async find(series: readonly Series[], publication: number): Promise<number | undefined> {
    const answer = await this.#ask({ what: 'find', series: series.map(({ key }) => key), publication });
    return answer.kind === 'found' ? answer.order : undefined;
  }

  async read(series: readonly Series[], query: HistoryQuery): Promise<readonly PastEvent[]> {
    const answer = await this.#ask({ what: 'read', series: series.map(({ key }) => key), query });
    return answer.kind === 'rows' ? answer.rows.map((row) => fromRow(row, this.#options.codecs)) : [];
  }

  /** Resolves when everything is written and the file is closed, or it takes too long: then `onProblem` was told. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#flush();
    this.#closing = true;
    this.#worker.ref();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(CLOSE_MS, () => {
        this.#options.onProblem(
          `the event history could not be written to its end, ${this.#waitingRows} events are lost`,
        );
        resolve();
      });
      this.#closed = () => {
        cancel();
        resolve();
      };
      this.#post({ kind: 'close' });
    });
    await this.#worker.terminate();
  }

  #ask(ask: Ask): Promise<FromHistory> {
    if (this.#closing || !this.#alive) return Promise.reject(unavailable('the history does not answer'));
    if (this.#asked.size >= MAX_ASKED) return Promise.reject(unavailable('too many ask the history'));
    // What was published before is to be seen.
    this.#flush();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post({ kind: 'ask', id, ask });
    });
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#open.length === 0) return;
    const rows = this.#open;
    this.#open = [];
    this.#sent.push(rows);
    this.#post({ kind: 'add', rows });
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { workerData: { file: this.#options.file }, name: 'event-history' });
    let why = '';
    worker.on('message', (message: FromHistory) => this.#received(message));
    worker.on('error', (error) => {
      why = describe(error);
    });
    worker.on('exit', () => this.#ended(why));
    return worker;
  }

  #received(message: FromHistory): void {
    switch (message.kind) {
      case 'opened':
        this.#settleOpen?.();
        break;
      case 'refused':
        this.#refused = new HistoryError(message.text, message.missing);
        break;
      case 'added':
        this.#confirmed(message.lost);
        break;
      case 'found':
      case 'rows':
        this.#take(message.id)?.resolve(message);
        break;
      case 'failed':
        this.#options.onProblem(`the event history cannot be read: ${message.text}`);
        this.#take(message.id)?.reject(unavailable('the history cannot be read'));
        break;
      case 'notice':
        this.#options.onProblem(`event history: ${message.text}`);
        break;
      case 'closed':
        this.#closed?.();
        break;
    }
  }

  #confirmed(lost: string | undefined): void {
    const rows = this.#sent.shift() ?? [];
    this.#waitingRows -= rows.length;
    for (const { weight } of rows) this.#waitingBytes -= weight;
    if (lost === undefined) {
      this.#failure = '';
      return;
    }
    for (const { topic } of rows) this.#options.onLost(topic, 'history_failed');
    if (this.#failure !== lost)
      this.#options.onProblem(`the event history cannot be written, events are lost: ${lost}`);
    this.#failure = lost;
  }

  #take(id: number): Pending | undefined {
    const pending = this.#asked.get(id);
    this.#asked.delete(id);
    return pending;
  }

  /** A thread that ended by itself is replaced; what it had not confirmed is handed to the next, once more. */
  #ended(why: string): void {
    const error = this.#refused ?? new HistoryError(`its thread ended: ${why}`, false);
    if (this.#settleOpen !== undefined) {
      this.#closing = true;
      this.#settleOpen(error);
      return;
    }
    this.#alive = false;
    for (const { reject } of this.#asked.values()) reject(unavailable('the history does not answer'));
    this.#asked.clear();
    if (this.#closing) {
      this.#closed?.();
      return;
    }
    this.#options.onProblem(`event history: ${error.message}; trying again`);
    this.#options.clock.setTimer(RESTART_MS, () => {
      if (this.#closing) return;
      this.#refused = undefined;
      this.#worker = this.#start();
      this.#alive = true;
      this.#worker.unref();
      for (const [realm, series] of this.#bounds) this.#post({ kind: 'configure', realm, series });
      for (const rows of this.#sent) this.#post({ kind: 'add', rows });
    });
  }

  #post(message: ToHistory): void {
    this.#worker.postMessage(message);
  }
}

function unavailable(text: string): WampError {
  return new WampError(ErrorUri.HISTORY_UNAVAILABLE, text);
}
