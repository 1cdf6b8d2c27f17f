/** Time as the core sees it; faked in tests. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `delayMs` (0 … 2^31-1). @returns a function that cancels it; idempotent. */
  setTimer(delayMs: number, run: () => void): () => void;
}
