/**
 * The trace that bridges leave of every message (CONTRACT §3, `activityLog`), as adapters see it: rows go in, when and
 * how they are written is not theirs to know.
 */

export type ActivityEvent = 'send_start' | 'process_start' | 'process_finish' | 'send_finish';

export interface ActivityRow {
  readonly event: ActivityEvent;
  readonly messageId: string;
  /** Id of the request on the wire, as text; empty: there was none. */
  readonly rpcId: string;
  /** Who did it: the sender in `send_*`, the target in `process_*`. */
  readonly actor: string;
  readonly topic: string;
  readonly status: string;
  /** The payload as JSON text; in `send_start` only. */
  readonly payloadJson: string | undefined;
  /** Empty: none. */
  readonly error: string;
}

export interface ActivitySink {
  /** Adds a row, stamped with the time of this call. Never blocks, never throws. */
  record(row: ActivityRow): void;
  /**
   * Asks for room for `rows` rows before a new message is routed (`whenFull: block`).
   * @param ready called once, later, when the rows are reserved; only where the answer was false
   * @returns true: they are reserved now (always so with `whenFull: drop`)
   */
  reserve(rows: number, ready: () => void): boolean;
  /** Gives back what was reserved and not recorded. */
  release(rows: number): void;
}

/** Where no activity log is configured. */
export const NO_ACTIVITY: ActivitySink = {
  record() {},
  reserve: () => true,
  release() {},
};
