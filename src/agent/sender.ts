import type { Dict } from './autobahn.ts';
import type { CallOptions, PublishOptions, RetryOptions } from './options.ts';
import type { Requests } from './requests.ts';
import type { Retrier } from './retry.ts';

/** What is sent of the kwargs, made each time that they are sent. */
export type Seal = (kwargs: Dict) => Dict;

/** Makes the agent's calls and publications, once or as often as they ask for. */
export class Sender {
  readonly #requests: Requests;
  readonly #retrier: Retrier;
  readonly #safely: (run: () => unknown, where: string) => void;

  /** @param safely runs a callback of the program's, whose exceptions are no business of the request */
  constructor(requests: Requests, retrier: Retrier, safely: (run: () => unknown, where: string) => void) {
    this.#requests = requests;
    this.#retrier = retrier;
    this.#safely = safely;
  }

  /** @param seal makes what is sent of the kwargs, each time it is sent */
  async call(
    uri: string,
    args: readonly unknown[],
    kwargs: Dict,
    { retry, ...options }: CallOptions,
    seal: Seal = asTheyAre,
  ): Promise<unknown> {
    const send = (sent: Dict): Promise<unknown> => this.#callOnce(uri, args, seal(sent), options);
    if (!isWanted(retry)) return await send(kwargs);
    return await this.#retrier.run({ kind: 'call', uri, retry, signal: options.signal }, kwargs, send);
  }

  async publish(
    uri: string,
    args: readonly unknown[],
    kwargs: Dict,
    { retry, ...options }: PublishOptions,
    seal: Seal = asTheyAre,
  ): Promise<{ readonly id: number } | undefined> {
    const send = (sent: Dict): Promise<{ readonly id: number } | undefined> =>
      this.#publishOnce(uri, args, seal(sent), options);
    if (!isWanted(retry)) return await send(kwargs);
    if (options.acknowledge === false) throw new TypeError('what is not acknowledged cannot be repeated');
    return await this.#retrier.run({ kind: 'publish', uri, retry, signal: options.signal }, kwargs, send);
  }

  #callOnce(
    procedure: string,
    args: readonly unknown[],
    kwargs: Dict,
    { timeoutMs, signal, onProgress, ...rest }: CallOptions,
  ): Promise<unknown> {
    const options = {
      ...rest,
      ...(onProgress === undefined ? {} : { receive_progress: true }),
      ...(timeoutMs === undefined || timeoutMs === 0 ? {} : { timeout: Math.ceil(timeoutMs) }),
    };
    return this.#requests.request(
      (session) => {
        const call = session.call(procedure, args, kwargs, options);
        if (onProgress !== undefined) watch(call, (value) => this.#safely(() => onProgress(value), 'in onProgress'));
        // Mode `kill` alone is safe: after the others autobahn takes the router's answer for a protocol violation.
        return { answer: call, cancel: () => call.cancel({ mode: 'kill' }) };
      },
      { timeoutMs, signal },
    );
  }

  #publishOnce(
    topic: string,
    args: readonly unknown[],
    kwargs: Dict,
    { timeoutMs, signal, acknowledge = true, ...rest }: PublishOptions,
  ): Promise<{ readonly id: number } | undefined> {
    return this.#requests.request(
      (session) => {
        const published = session.publish(topic, args, kwargs, { ...rest, acknowledge });
        return { answer: published ?? Promise.resolve(undefined) };
      },
      { timeoutMs, signal },
    );
  }
}

function asTheyAre(kwargs: Dict): Dict {
  return kwargs;
}

function isWanted(retry: boolean | RetryOptions | undefined): retry is true | RetryOptions {
  return retry !== undefined && retry !== false;
}

function watch(call: PromiseLike<unknown>, progress: (value: unknown) => void): void {
  const then = call.then as (done: () => void, failed: () => void, progress: (value: unknown) => void) => unknown;
  then.call(
    call,
    () => {},
    () => {},
    progress,
  );
}
