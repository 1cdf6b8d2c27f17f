import type { Deferred } from './autobahn.ts';

type Then = Promise<unknown>['then'];

/**
 * What autobahn makes its promises with: native ones, in Node and browsers alike. As with the promises that autobahn has
 * by itself, `then` takes a third function for progressive results.
 */
export function deferred(): Deferred {
  let resolve: (value: unknown) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const listeners: ((value: unknown) => void)[] = [];
  const promise = new Promise<unknown>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  const { then } = promise;
  const withProgress = (
    done: Parameters<Then>[0],
    failed: Parameters<Then>[1],
    progress?: (value: unknown) => void,
  ): Promise<unknown> => {
    if (progress !== undefined) listeners.push(progress);
    return then.call(promise, done, failed);
  };
  Object.defineProperty(promise, 'then', { value: withProgress });
  return {
    promise,
    resolve,
    reject,
    notify(value) {
      for (const listener of listeners) listener(value);
    },
  };
}
