import type { Dict } from './autobahn.ts';
import { ConnectionLostError } from './errors.ts';
import type { Listeners } from './listeners.ts';
import type { AgentEvents, RetryOptions } from './options.ts';
import { randomId } from './random-id.ts';
import type { Requests } from './requests.ts';

/** The kwarg that is the same in all repetitions of one publication or call, and in the first of them. */
export const RETRY_KEY = '_retry';

const ATTEMPTS = 5;
const WITHIN_MS = 60_000;

/** What is to be sent, and how often. */
export interface Retried {
  readonly kind: 'publish' | 'call';
  readonly uri: string;
  readonly retry: true | RetryOptions;
  readonly signal: AbortSignal | undefined;
}

/** Repeats across reconnects what asked for it, within bounds, and says so. */
export class Retrier {
  readonly #requests: Requests;
  readonly #listeners: Listeners<AgentEvents>;
  readonly #counters: { retries: number; retriesFailed: number };
  readonly #max: number;
  #waiting = 0;

  constructor(
    requests: Requests,
    listeners: Listeners<AgentEvents>,
    counters: { retries: number; retriesFailed: number },
    max: number,
  ) {
    this.#requests = requests;
    this.#listeners = listeners;
    this.#counters = counters;
    this.#max = max;
  }

  /**
   * Sends until there is an answer, each time in the session that is then in force. Only what a lost connection left
   * open is sent again; an answer is an answer, also where it is an error.
   *
   * @param kwargs goes out with `_retry`, which a caller who brings his own may have set
   * @throws ConnectionLostError where the bounds are reached, with `maybeDone` over all attempts; what `send` throws
   */
  async run<T>(what: Retried, kwargs: Dict, send: (kwargs: Dict) => Promise<T>): Promise<T> {
    const { attempts = ATTEMPTS, withinMs = WITHIN_MS } = what.retry === true ? {} : what.retry;
    const deadline = Date.now() + withinMs;
    const own = kwargs[RETRY_KEY];
    const id = typeof own === 'string' ? own : randomId();
    let last: ConnectionLostError | undefined;
    let maybeDone = false;
    for (let attempt = 1; attempt <= attempts && (attempt === 1 || Date.now() < deadline); attempt += 1) {
      try {
        await this.#arrival(deadline - Date.now(), what.signal);
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error;
        last = error;
        break;
      }
      if (attempt > 1) {
        this.#counters.retries += 1;
        this.#listeners.emit('retry', { kind: what.kind, uri: what.uri, id, attempt });
      }
      try {
        return await send({ ...kwargs, [RETRY_KEY]: id });
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error;
        maybeDone ||= error.maybeDone;
        last = error;
      }
    }
    this.#counters.retriesFailed += 1;
    const words = `${what.kind} ${what.uri} is given up: ${last?.message ?? `${attempts} attempts are none`}`;
    throw new ConnectionLostError(words, maybeDone, { cause: last });
  }

  /** A connection to send in. @throws ConnectionLostError where there is none in time, or too many wait for one */
  async #arrival(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#requests.session !== undefined) return;
    if (this.#waiting >= this.#max) {
      throw new ConnectionLostError(`${this.#max} publications and calls already wait for a connection`, false);
    }
    this.#waiting += 1;
    try {
      await this.#requests.arrival({ timeoutMs, signal });
    } finally {
      this.#waiting -= 1;
    }
  }
}
