/** The thread that writes the activity log: the only one that waits for the disk. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ActivityDatabase } from './activity-database.ts';
import { codeOf, describe, loadSqlite, SQLITE_MISSING, type Sqlite } from './sqlite.ts';
import type { FromWriter, ToWriter, WriterData } from './writer-messages.ts';

/** How long batches are gathered for one transaction, ms; several cost much less together. */
const GATHER_MS = 50;
/** Batches that are enough for one transaction. */
const GATHER_BATCHES = 16;
/** Time between two attempts to write what could not be written, ms. */
const RETRY_MS = 250;
/** How often rows that are too old or too many are looked for, ms. */
const PRUNE_MS = 1000;

/** Failures that time may cure; every other one at the start means that the file is none for this log. */
const PASSING = /^(?:SQLITE_(?:BUSY|LOCKED|FULL|IOERR|NOMEM)|ENOSPC|EDQUOT|EIO|EMFILE|ENFILE|EROFS)/;
/** Failures after which the file as it was opened is still good. */
const HARMLESS = /^SQLITE_(?:BUSY|LOCKED|FULL)/;

class Writer {
  readonly #port: MessagePort;
  readonly #sqlite: Sqlite;
  readonly #data: WriterData;
  /** In order. */
  readonly #inbox: ToWriter[] = [];
  #database: ActivityDatabase | undefined;
  #failing = false;
  #pruneFailed = false;
  #gathering: NodeJS.Timeout | undefined;
  #pruneTimer: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, sqlite: Sqlite, data: WriterData) {
    this.#port = port;
    this.#sqlite = sqlite;
    this.#data = data;
  }

  start(): void {
    try {
      this.#open();
      this.#say({ kind: 'opened' });
    } catch (error) {
      if (!PASSING.test(codeOf(error))) {
        this.#say({ kind: 'refused', missing: false, text: describe(error) });
        this.#port.close();
        return;
      }
      this.#failed(error);
    }
    this.#port.on('message', (message: ToWriter) => {
      this.#inbox.push(message);
      if (this.#failing) return;
      if (message.kind === 'close' || this.#inbox.length >= GATHER_BATCHES) this.#work();
      else this.#gathering ??= setTimeout(() => this.#work(), GATHER_MS);
    });
    const { maxAgeMs, maxBytes } = this.#data.retention;
    if (maxAgeMs !== undefined || maxBytes !== undefined) this.#pruneLater(PRUNE_MS);
  }

  #open(): ActivityDatabase {
    this.#database = new ActivityDatabase(this.#sqlite, this.#data.file);
    return this.#database;
  }

  /** Does what is in the inbox, unless something fails. */
  #work(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    try {
      const batches = this.#inbox.flatMap((message) => (message.kind === 'batch' ? [message.batch] : []));
      if (batches.length > 0) {
        this.#current().write(batches);
        this.#inbox.splice(0, batches.length);
        this.#failing = false;
        this.#say({ kind: 'written', batches: batches.length });
      }
      // Nothing comes after `close`.
      if (this.#inbox.length > 0) this.#end();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The open database; opened anew where the file was moved away, as log rotation does, or removed. */
  #current(): ActivityDatabase {
    if (this.#database?.isGone === true) {
      this.#closeDatabase();
      const fresh = this.#open();
      this.#say({ kind: 'notice', text: `${this.#data.file} was moved, removed or replaced; a new file was begun` });
      return fresh;
    }
    return this.#database ?? this.#open();
  }

  #failed(error: unknown): void {
    if (!HARMLESS.test(codeOf(error))) this.#closeDatabase();
    if (!this.#failing) this.#say({ kind: 'failing', text: describe(error) });
    this.#failing = true;
    setTimeout(() => this.#retry(), RETRY_MS);
  }

  #retry(): void {
    if (this.#inbox.length > 0) {
      this.#work();
      return;
    }
    try {
      this.#current();
      this.#failing = false;
      this.#say({ kind: 'opened' });
      this.#work();
    } catch (error) {
      this.#failed(error);
    }
  }

  #pruneLater(delayMs: number): void {
    this.#pruneTimer = setTimeout(() => this.#prune(), delayMs);
  }

  /** One piece at a time, with what came in between going first. */
  #prune(): void {
    let more = false;
    try {
      more = !this.#failing && this.#database?.prune(this.#data.retention, Date.now()) === true;
      this.#pruneFailed = false;
    } catch (error) {
      if (!this.#pruneFailed) this.#say({ kind: 'notice', text: `old rows could not be deleted: ${describe(error)}` });
      this.#pruneFailed = true;
    }
    this.#pruneLater(more ? 0 : PRUNE_MS);
  }

  #end(): void {
    clearTimeout(this.#pruneTimer);
    this.#closeDatabase();
    this.#say({ kind: 'closed' });
    this.#port.close();
  }

  #closeDatabase(): void {
    try {
      this.#database?.close();
    } catch (error) {
      // What was committed is in the write-ahead log beside the file and is taken over when it is opened next.
      this.#say({ kind: 'notice', text: `the file could not be closed cleanly: ${describe(error)}` });
    }
    this.#database = undefined;
  }

  #say(message: FromWriter): void {
    this.#port.postMessage(message);
  }
}

if (parentPort !== null) {
  const sqlite = await loadSqlite();
  if (sqlite !== undefined) {
    new Writer(parentPort, sqlite, workerData as WriterData).start();
  } else {
    const refused: FromWriter = { kind: 'refused', missing: true, text: SQLITE_MISSING };
    parentPort.postMessage(refused);
    parentPort.close();
  }
}
