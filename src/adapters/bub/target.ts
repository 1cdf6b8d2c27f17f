import type { Dict } from '../../wamp/payload.ts';
import type { Response } from './jsonrpc.ts';

/** 1 and 2: the two documents. */
export type Version = 1 | 2;

/** Something a peer was asked and is to answer. */
export interface Awaited {
  answered(target: Target, answer: Response): void;
  /** Its connection is gone. */
  gone(target: Target): void;
}

/** A Bub peer as deliveries see it. */
export interface Target {
  readonly version: Version;
  /** Its clientId. */
  readonly name: string;
  readonly sessionId: number;
  /** It let a delivery time out and has answered nothing since: it is sent to and not awaited (BRIDGES §1). */
  silent: boolean;
  /** So much is unanswered that further deliveries are not awaited either. */
  readonly isSwamped: boolean;
  /** @returns whether the connection took it */
  post(frame: Buffer, droppable: boolean): boolean;
  expect(id: number, awaited: Awaited): void;
  forget(id: number): void;
  challenge(timeoutMs: number): void;
}

/** What a confirming peer's receipt carries for senders of either version. */
export interface ReceiptDetail {
  readonly result: Dict | undefined;
}

/** The answer as the activity log shows it: the peer's own status, else `ok` or `error`. */
export function outcomeOf({ result, error }: Response): { readonly status: string; readonly error: string } {
  if (result !== undefined) {
    return { status: typeof result.status === 'string' && result.status !== '' ? result.status : 'ok', error: '' };
  }
  if (error === undefined) return { status: 'error', error: 'the answer has neither result nor error' };
  return { status: 'error', error: `${String(error.code)} ${String(error.message)}` };
}
