import type { ActivityRow, ActivitySink } from '../../adapters/activity.ts';
import type { Clock } from '../../router/clock.ts';
import { Batch, countRows, type LoggedRow, type PackedBatch, sinceOf } from './batch.ts';
import { ROWS_MISSING } from './schema.ts';
import { WaitingLine } from './waiting.ts';
import type { FromWriter } from './writer-messages.ts';
import { WriterThread } from './writer-thread.ts';

export interface ActivityLogOptions {
  /** Path of the SQLite file; made with its folder where there is none. */
  readonly file: string;
  /** `block`: {@link ActivityLog.reserve} holds new messages back. `drop`: rows are left out and counted. */
  readonly whenFull: 'block' | 'drop';
  readonly clock: Clock;
  /** Rows older than this are deleted, ms; absent: never. */
  readonly maxAgeMs?: number;
  /** The oldest rows are deleted when more of the database is in use; absent: never. */
  readonly maxBytes?: number;
  /** Rows that may wait to be written; default 100,000. */
  readonly queueRows?: number;
  /** Text that may wait to be written, UTF-16 units; default 64 Mi. */
  readonly queueBytes?: number;
  /** How long `close` waits for a writer that makes no progress, ms; default 5000. */
  readonly closeTimeoutMs?: number;
  /** Told what an admin should read. Never a payload. */
  readonly onProblem: (problem: ActivityProblem) => void;
}

export interface ActivityProblem {
  readonly severity: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** The log cannot be opened at all. */
export class ActivityLogError extends Error {
  override readonly name = 'ActivityLogError';
  /** True: better-sqlite3 is missing, no file would do. */
  readonly sqliteMissing: boolean;

  constructor(message: string, sqliteMissing: boolean) {
    super(message);
    this.sqliteMissing = sqliteMissing;
  }
}

/**
 * A batch is sent when it holds this much, or after FLUSH_MS; the writer gathers for as long again. With the
 * transaction that is well below the second that may be lost.
 */
const BATCH_ROWS = 1024;
const BATCH_SIZE = 1024 * 1024;
const FLUSH_MS = 50;
/** Batches sent and not yet confirmed; as many as the writer puts into one transaction, twice: it never waits for us. */
const WINDOW = 32;
/** Without a confirmation for this long the writer has failed (BRIDGES §1, `whenFull`). */
const STALLED_MS = 5000;
/** `block` holds back while a row waits longer than this, so that a kill costs less than a second's rows under load too. */
const MAX_WAIT_MS = 500;
/** Time between the end of a writer that should not have ended and the start of the next, ms. */
const RESTART_MS = 1000;

/**
 * The activity log as the router's thread sees it. Rows are added to a batch; a thread of its own writes each batch in
 * one transaction. Nothing here waits for it: rows that find no room are held back before they arise (`reserve`), or
 * are left out, counted, and a row says later how many are missing.
 */
export class ActivityLog implements ActivitySink {
  /** Rows in the file. */
  written = 0;
  /** Rows left out. */
  dropped = 0;
  /** Transactions written; each holds a batch of rows. */
  batches = 0;
  /** Rows recorded and not yet in the file. */
  queued = 0;
  /** Their text, UTF-16 units. */
  queuedBytes = 0;
  /** False while the writer has failed for more than five seconds. */
  healthy = true;

  readonly #options: ActivityLogOptions;
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #line = new WaitingLine();
  #writer: WriterThread;
  /** What is being filled. */
  #open = new Batch();
  /** Filled and not yet sent. */
  #full: Batch[] = [];
  /** Sent and not yet confirmed, in order. */
  #sent: PackedBatch[] = [];
  #reserved = 0;
  /** Rows left out since the last row that said so. */
  #missing = 0;
  #leavingOut = false;
  #failure = '';
  #refused: Extract<FromWriter, { kind: 'refused' }> | undefined;
  #cancelFlush: (() => void) | undefined;
  #cancelStall: (() => void) | undefined;
  #closing = false;
  #ended = false;
  #closed: (() => void) | undefined;
  #settleOpen: ((error?: ActivityLogError) => void) | undefined;

  private constructor(options: ActivityLogOptions) {
    this.#options = options;
    this.#maxRows = options.queueRows ?? 100_000;
    this.#maxBytes = options.queueBytes ?? 64 * 1024 * 1024;
    this.#writer = this.#start();
  }

  /**
   * Starts the writer. A file that cannot be written for a reason that may pass (disk full, locked) opens with
   * `healthy: false`.
   * @throws ActivityLogError where better-sqlite3 is missing or the file can be no activity log
   */
  static async open(options: ActivityLogOptions): Promise<ActivityLog> {
    const log = new ActivityLog(options);
    await new Promise<void>((resolve, reject) => {
      log.#settleOpen = (error) => {
        log.#settleOpen = undefined;
        log.#writer.letGo();
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    return log;
  }

  /** Messages that are held back. */
  get waiting(): number {
    return this.#line.length;
  }

  record(row: ActivityRow): void {
    if (this.#reserved > 0) this.#reserved -= 1;
    if (this.#mustLeaveOut()) {
      this.dropped += 1;
      this.#missing += 1;
      return;
    }
    this.#add(row);
  }

  reserve(rows: number, ready: () => void): boolean {
    if (this.#options.whenFull === 'drop' || this.#closing) return true;
    if (this.#line.length === 0 && this.#take(rows)) return true;
    this.#line.push(rows, ready);
    return false;
  }

  release(rows: number): void {
    this.#reserved = Math.max(0, this.#reserved - rows);
    this.#line.serve((wanted) => this.#take(wanted));
  }

  /** Resolves when everything recorded is in the file and the file is closed, or can't be: then `onProblem` was told. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#line.serve(() => true);
    if (this.#missing > 0) this.#addMissing();
    this.#writer.hold();
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#flush();
    this.#writer.post({ kind: 'close' });
    this.#watchAnew();
    await closed;
    this.#cancelStall?.();
    await this.#writer.kill();
  }

  #take(rows: number): boolean {
    const wanted = this.queued + this.#reserved + rows;
    // More than there can ever be room for goes alone.
    const fits = wanted <= this.#maxRows || this.queued + this.#reserved === 0;
    if (this.healthy && !(fits && this.queuedBytes < this.#maxBytes && !this.#lagging())) return false;
    this.#reserved += rows;
    return true;
  }

  /** There is always a confirmation to come when this is true, so nobody is held back for ever. */
  #lagging(): boolean {
    const oldest = this.#sent[0];
    const since = oldest === undefined ? (this.#full[0] ?? this.#open).since : sinceOf(oldest);
    return since !== undefined && this.#options.clock.now() - since > MAX_WAIT_MS;
  }

  /**
   * `block` reserves room first, so it meets its bound only with rows that nobody held back (WAMP publications towards
   * bridges); they get as much again. Once rows are left out, a quarter must be free before they are taken again.
   */
  #mustLeaveOut(): boolean {
    if (this.#closing || this.#leavingOut) return true;
    const factor = this.#options.whenFull === 'block' && this.healthy ? 2 : 1;
    this.#leavingOut = this.queued >= this.#maxRows * factor || this.queuedBytes >= this.#maxBytes * factor;
    return this.#leavingOut;
  }

  #add(row: LoggedRow): void {
    const batch = this.#open;
    const before = batch.size;
    batch.add(row, this.#options.clock.now());
    this.queued += 1;
    this.queuedBytes += batch.size - before;
    if (batch.rows >= BATCH_ROWS || batch.size >= BATCH_SIZE) this.#flush();
    else this.#cancelFlush ??= this.#options.clock.setTimer(FLUSH_MS, () => this.#flush());
  }

  #addMissing(): void {
    const count = this.#missing;
    this.#missing = 0;
    this.#add({
      event: ROWS_MISSING,
      messageId: '',
      rpcId: '',
      actor: '',
      topic: '',
      status: String(count),
      payloadJson: undefined,
      error: `${count} rows are missing here: they came faster than they could be written`,
    });
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#seal();
    this.#send();
  }

  #seal(): void {
    if (this.#open.rows === 0) return;
    this.#full.push(this.#open);
    this.#open = new Batch();
  }

  /** As many as the window takes; at the end all, as nothing comes after them. */
  #send(): void {
    if (this.#full.length === 0) return;
    const count = this.#closing ? this.#full.length : Math.max(0, WINDOW - this.#sent.length);
    for (const batch of this.#full.splice(0, count)) {
      const packed = batch.pack();
      this.#sent.push(packed);
      this.#writer.post({ kind: 'batch', batch: packed });
    }
    if (this.#cancelStall === undefined) this.#watchAnew();
  }

  #start(): WriterThread {
    const { file, maxAgeMs, maxBytes } = this.#options;
    const retention = {
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    };
    return new WriterThread(
      { file, retention },
      (message) => this.#received(message),
      (why) => this.#writerEnded(why),
    );
  }

  #received(message: FromWriter): void {
    switch (message.kind) {
      case 'opened':
        this.#works();
        this.#settleOpen?.();
        break;
      case 'written':
        this.#confirmed(message.batches);
        break;
      case 'failing':
        this.#failure = message.text;
        this.#tell('warn', `the activity log cannot be written, trying again: ${message.text}`);
        if (this.#settleOpen === undefined) break;
        this.#fail();
        this.#settleOpen();
        break;
      case 'notice':
        this.#tell('warn', `activity log: ${message.text}`);
        break;
      case 'refused':
        this.#refused = message;
        break;
      case 'closed':
        this.#ended = true;
        this.#closed?.();
        break;
    }
  }

  #confirmed(count: number): void {
    for (const batch of this.#sent.splice(0, count)) {
      const rows = countRows(batch);
      this.written += rows;
      this.queued -= rows;
      this.queuedBytes -= batch.text.length;
    }
    this.batches += 1;
    this.#watchAnew();
    this.#works();
    this.#send();
    if (this.#leavingOut && this.queued <= this.#maxRows * 0.75 && this.queuedBytes <= this.#maxBytes * 0.75) {
      this.#leavingOut = false;
      this.#addMissing();
    }
    this.#line.serve((wanted) => this.#take(wanted));
  }

  /**
   * Counts anew until the writer has failed, where anything is expected of it. A process that was held up sees its
   * timers before the messages that came meanwhile, so those are let in first.
   */
  #watchAnew(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    if (this.#sent.length === 0 && !this.#closing) return;
    const { clock, closeTimeoutMs = STALLED_MS } = this.#options;
    let cancelled = false;
    const stalled = (): void => {
      if (cancelled) return;
      if (this.#closing) this.#giveUp();
      else this.#fail();
    };
    const cancel = clock.setTimer(this.#closing ? closeTimeoutMs : STALLED_MS, () => setImmediate(stalled));
    this.#cancelStall = () => {
      cancelled = true;
      cancel();
    };
  }

  /** From now on rows are left out where `block` would hold messages back: routing goes on without its log. */
  #fail(): void {
    if (!this.healthy) return;
    this.healthy = false;
    const why = this.#failure === '' ? 'the writer does not answer' : this.#failure;
    const waiting = this.#line.length === 0 ? '' : `; ${this.#line.length} messages that were held back go on`;
    this.#tell('error', `the activity log is not written (${why}): rows that find no room are left out${waiting}`);
    this.#line.serve((wanted) => this.#take(wanted));
  }

  #works(): void {
    this.#failure = '';
    if (this.healthy) return;
    this.healthy = true;
    const missing = this.#missing === 0 ? '' : `; ${this.#missing} rows are missing`;
    this.#tell('info', `the activity log is written again${missing}`);
  }

  #giveUp(): void {
    this.#ended = true;
    const why = this.#failure === '' ? 'the writer does not answer' : this.#failure;
    this.#tell('error', `the activity log could not be written to its end, ${this.queued} rows are lost: ${why}`);
    this.#closed?.();
  }

  /** A thread that ended by itself is replaced; what it had not confirmed is sent again. */
  #writerEnded(why: string): void {
    if (this.#ended) return;
    const text = this.#refused?.text ?? `its writer ended: ${why}`;
    if (this.#settleOpen !== undefined) {
      this.#ended = true;
      this.#settleOpen(new ActivityLogError(text, this.#refused?.missing === true));
      return;
    }
    if (this.#failure !== text) this.#tell('warn', `the activity log cannot be written, trying again: ${text}`);
    this.#failure = text;
    this.#refused = undefined;
    this.#options.clock.setTimer(this.#closing ? 0 : RESTART_MS, () => {
      if (this.#ended) return;
      this.#writer = this.#start();
      for (const batch of this.#sent) this.#writer.post({ kind: 'batch', batch });
      if (this.#closing) this.#writer.post({ kind: 'close' });
      else this.#writer.letGo();
      if (this.#cancelStall === undefined) this.#watchAnew();
    });
  }

  #tell(severity: ActivityProblem['severity'], text: string): void {
    this.#options.onProblem({ severity, text });
  }
}
