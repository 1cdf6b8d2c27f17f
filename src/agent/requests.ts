import { ErrorUri } from '../wamp/errors.ts';
import type { AutobahnSession } from './autobahn.ts';
import { type AgentError, ConnectionLostError, TimeoutError, typed } from './errors.ts';

/** How long somebody waits. */
export interface Patience {
  /** Milliseconds; absent or 0: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Aborted: the promise is rejected at once, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A request on its way. */
export interface Sent<T> {
  readonly answer: PromiseLike<T>;
  /** Tells the router that nobody waits for the answer any more. */
  cancel?(): void;
}

/** What autobahn leaves open: whoever waits for an answer when the connection ends, or does not want to wait for ever. */
export class Requests {
  #session: AutobahnSession | undefined;
  #end: AgentError | undefined;
  /** Those with a request on its way in this session. */
  readonly #outstanding = new Set<(error: AgentError) => void>();
  /** Those who wait for the next session. */
  readonly #arrivals = new Set<{ arrive(session: AutobahnSession): void; fail(error: AgentError): void }>();

  get session(): AutobahnSession | undefined {
    return this.#session;
  }

  /** Why there will be no more sessions; undefined: there will. */
  get end(): AgentError | undefined {
    return this.#end;
  }

  /** How many requests wait for their answers. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  joined(session: AutobahnSession): void {
    this.#session = session;
    for (const { arrive } of [...this.#arrivals]) arrive(session);
  }

  lost(why: string): void {
    this.#session = undefined;
    const error = new ConnectionLostError(`the connection ended before the answer came: ${why}`, true);
    for (const fail of [...this.#outstanding]) fail(error);
  }

  ended(error: AgentError): void {
    this.#session = undefined;
    this.#end = error;
    for (const fail of [...this.#outstanding]) fail(error);
    for (const { fail } of [...this.#arrivals]) fail(error);
  }

  /**
   * The session in force, or the next one.
   * @throws ConnectionLostError where there is none in time; the agent's own end; the signal's reason
   */
  arrival({ timeoutMs, signal }: Patience = {}): Promise<AutobahnSession> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    if (timeoutMs !== undefined && timeoutMs <= 0) return Promise.reject(noConnection());
    return this.#wait({ timeoutMs, signal }, noConnection, (resolve, reject) => {
      const waiting = { arrive: resolve, fail: reject };
      this.#arrivals.add(waiting);
      return { leave: () => this.#arrivals.delete(waiting) };
    });
  }

  /**
   * Sends one request in the session in force and waits for its answer.
   * @throws ConnectionLostError, TimeoutError, PeerError, InvalidPayloadError; the agent's own end; the signal's reason
   */
  request<T>(send: (session: AutobahnSession) => Sent<T>, patience: Patience = {}): Promise<T> {
    const session = this.#session;
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (session === undefined) return Promise.reject(noConnection());
    const tooLate = () => new TimeoutError(ErrorUri.TIMEOUT, [`no answer within ${patience.timeoutMs} ms`]);
    return this.#wait(patience, tooLate, (resolve, reject) => {
      let sent: Sent<T>;
      try {
        sent = send(session);
      } catch (error) {
        reject(typed(error));
        return { leave() {} };
      }
      this.#outstanding.add(reject);
      sent.answer.then(resolve, (error: unknown) => reject(typed(error)));
      return { leave: () => this.#outstanding.delete(reject), cancel: () => sent.cancel?.() };
    });
  }

  /** A promise that is also rejected when `patience` ends, and what it left behind is tidied up however it ends. */
  #wait<T>(
    { timeoutMs = 0, signal }: Patience,
    tooLate: () => AgentError,
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => { leave(): void; cancel?(): void },
  ): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let started: { leave(): void; cancel?(): void } | undefined;
      let over = false;
      const end = (): boolean => {
        if (over) return false;
        over = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        started?.leave();
        return true;
      };
      const giveUp = (reason: unknown): void => {
        if (!end()) return;
        started?.cancel?.();
        reject(reason);
      };
      const abort = (): void => giveUp(signal?.reason);
      signal?.addEventListener('abort', abort);
      if (timeoutMs > 0) timer = setTimeout(() => giveUp(tooLate()), timeoutMs);
      started = begin(
        (value) => {
          if (end()) resolve(value);
        },
        (error) => {
          if (end()) reject(error);
        },
      );
    });
  }
}

function noConnection(): ConnectionLostError {
  return new ConnectionLostError('there is no connection to the router at the moment', false);
}

/** The promise, or sooner the end of patience. @throws TimeoutError, the signal's reason */
export function bounded<T>(promise: Promise<T>, { timeoutMs = 0, signal }: Patience): Promise<T> {
  if (timeoutMs === 0 && signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal?.reason);
    };
    const tooLate = (): void => {
      end();
      reject(new TimeoutError(ErrorUri.TIMEOUT, [`not granted within ${timeoutMs} ms`]));
    };
    const timer = timeoutMs > 0 ? setTimeout(tooLate, timeoutMs) : undefined;
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort);
    promise.finally(end).then(resolve, reject);
  });
}
