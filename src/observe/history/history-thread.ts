/** The thread that writes and reads the event history: the only one that waits for its file. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { describe, loadSqlite, SQLITE_MISSING } from '../activity/sqlite.ts';
import { HistoryDatabase } from './history-database.ts';
import type { FromHistory, ToHistory } from './messages.ts';

/** Between two looks for rows beyond their bounds, ms. */
const PRUNE_MS = 1000;

class HistoryThread {
  readonly #port: MessagePort;
  readonly #database: HistoryDatabase;
  #pruneFailed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, database: HistoryDatabase) {
    this.#port = port;
    this.#database = database;
  }

  start(): void {
    this.#say({ kind: 'opened' });
    this.#port.on('message', (message: ToHistory) => this.#received(message));
    this.#pruneLater(PRUNE_MS);
  }

  #received(message: ToHistory): void {
    switch (message.kind) {
      case 'add': {
        const rows = message.rows.length;
        const lost = this.#attempt(() => this.#database.write(message.rows));
        this.#say(lost === undefined ? { kind: 'added', rows } : { kind: 'added', rows, lost });
        break;
      }
      case 'configure': {
        const failed = this.#attempt(() => this.#database.configure(message.realm, message.series));
        if (failed !== undefined)
          this.#say({ kind: 'notice', text: `series that are gone could not be deleted: ${failed}` });
        break;
      }
      case 'ask': {
        const failed = this.#attempt(() => this.#answer(message));
        if (failed !== undefined) this.#say({ kind: 'failed', id: message.id, text: failed });
        break;
      }
      case 'close':
        this.#end();
    }
  }

  #answer({ id, ask }: Extract<ToHistory, { kind: 'ask' }>): void {
    if (ask.what === 'find') {
      this.#say({ kind: 'found', id, order: this.#database.find(ask.series, ask.publication, Date.now()) });
    } else {
      this.#say({ kind: 'rows', id, rows: this.#database.read(ask.series, ask.query, Date.now()) });
    }
  }

  /** @returns what went wrong; undefined: nothing */
  #attempt(run: () => void): string | undefined {
    try {
      run();
      return undefined;
    } catch (error) {
      return describe(error);
    }
  }

  #pruneLater(delayMs: number): void {
    this.#timer = setTimeout(() => this.#prune(), delayMs);
  }

  /** One piece at a time, with what came in between going first. */
  #prune(): void {
    let more = false;
    const failed = this.#attempt(() => {
      more = this.#database.prune(Date.now());
    });
    if (failed !== undefined && !this.#pruneFailed) {
      this.#say({ kind: 'notice', text: `old events could not be deleted: ${failed}` });
    }
    this.#pruneFailed = failed !== undefined;
    this.#pruneLater(more ? 0 : PRUNE_MS);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#attempt(() => this.#database.close());
    this.#say({ kind: 'closed' });
    this.#port.close();
  }

  #say(message: FromHistory): void {
    this.#port.postMessage(message);
  }
}

function refuse(port: MessagePort, missing: boolean, text: string): void {
  const refused: FromHistory = { kind: 'refused', missing, text };
  port.postMessage(refused);
  port.close();
}

if (parentPort !== null) {
  const sqlite = await loadSqlite();
  if (sqlite === undefined) {
    refuse(parentPort, true, SQLITE_MISSING);
  } else {
    let database: HistoryDatabase | undefined;
    try {
      database = new HistoryDatabase(sqlite, (workerData as { file: string }).file);
    } catch (error) {
      refuse(parentPort, false, describe(error));
    }
    if (database !== undefined) new HistoryThread(parentPort, database).start();
  }
}
