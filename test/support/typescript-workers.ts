/**
 * Worker threads that src/ starts are TypeScript when tests run. Importing this file makes them start with a loader
 * for it, where Node needs one.
 */
import { syncBuiltinESMExports } from 'node:module';
import workers, { type WorkerOptions } from 'node:worker_threads';

/** For `execArgv` of a thread or process that imports TypeScript. */
export const TYPESCRIPT: readonly string[] = ['--import', new URL('./typescript-loader.mjs', import.meta.url).href];

/** Every thread started so far, for tests in which one ends by itself. */
export const STARTED: workers.Worker[] = [];

const { Worker } = workers;

class TypeScriptWorker extends Worker {
  constructor(file: string | URL, options: WorkerOptions = {}) {
    super(file, { ...options, execArgv: [...(options.execArgv ?? process.execArgv), ...TYPESCRIPT] });
    STARTED.push(this);
  }
}

workers.Worker = TypeScriptWorker;
syncBuiltinESMExports();
