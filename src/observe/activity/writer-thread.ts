import { Worker } from 'node:worker_threads';
import { describe } from './sqlite.ts';
import type { FromWriter, ToWriter, WriterData } from './writer-messages.ts';

/** Beside this file, compiled or not. */
const PROGRAM = new URL(`./activity-writer${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** The thread behind an {@link ActivityLog}, as messages. Keeps the process alive until it is let go. */
export class WriterThread {
  readonly #worker: Worker;

  /** @param ended called once when the thread is gone, however that came; `why` is empty where nothing went wrong */
  constructor(data: WriterData, received: (message: FromWriter) => void, ended: (why: string) => void) {
    this.#worker = new Worker(PROGRAM, { workerData: data, name: 'activity-log' });
    let why = '';
    this.#worker.on('message', received);
    this.#worker.on('error', (error) => {
      why = describe(error);
    });
    this.#worker.on('exit', () => ended(why));
  }

  post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  /** Has the process wait for the thread. */
  hold(): void {
    this.#worker.ref();
  }

  /** Lets the process end without waiting for the thread. */
  letGo(): void {
    this.#worker.unref();
  }

  /** Ends the thread where it stands. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}
