import type { HistoryStore, Series } from '../../router/history.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';

/** Where a history was asked for and none is possible: what is to be kept is counted as lost, and asking is refused. */
export class NoHistory implements HistoryStore {
  readonly #onLost: (topic: string, cause: 'history_failed') => void;

  constructor(onLost: (topic: string, cause: 'history_failed') => void) {
    this.#onLost = onLost;
  }

  add(_series: Series, { topic }: { readonly topic: string }): void {
    this.#onLost(topic, 'history_failed');
  }

  find(): Promise<never> {
    return Promise.reject(new WampError(ErrorUri.HISTORY_UNAVAILABLE, 'this router has no persistent event history'));
  }

  read(): Promise<never> {
    return this.find();
  }
}
