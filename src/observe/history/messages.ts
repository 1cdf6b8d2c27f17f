/** What the router's thread and the history's thread say to each other. */

import type { HistoryQuery } from '../../router/history.ts';

/** An event as a row of the table, and as it crosses between threads. */
export interface HistoryRow {
  readonly series: string;
  readonly ord: number;
  readonly time: number;
  readonly publication: number;
  readonly topic: string;
  /** Which serializer's bytes `payload` are, by index. */
  readonly codec: number;
  /** How many elements of a message they are. */
  readonly elements: number;
  readonly payload: Uint8Array;
  /** JSON of what else there is of it: {@link HistoryExtras}. */
  readonly extras: string | null;
  /** As `PastEvent.weight`. */
  readonly weight: number;
}

/** Bounds of one series. */
export interface SeriesBounds {
  readonly key: string;
  readonly limit: number;
  readonly maxBytes: number;
  /** null: none. */
  readonly maxAgeMs: number | null;
}

export type Ask =
  | { readonly what: 'find'; readonly series: readonly string[]; readonly publication: number }
  | { readonly what: 'read'; readonly series: readonly string[]; readonly query: HistoryQuery };

export type ToHistory =
  | { readonly kind: 'add'; readonly rows: readonly HistoryRow[] }
  /** The series of one realm from now on; rows of others there are deleted. */
  | { readonly kind: 'configure'; readonly realm: string; readonly series: readonly SeriesBounds[] }
  | { readonly kind: 'ask'; readonly id: number; readonly ask: Ask }
  /** Write what came before, close the file, say `closed`. */
  | { readonly kind: 'close' };

export type FromHistory =
  | { readonly kind: 'opened' }
  /** The thread has ended: this file cannot be used, whatever time passes. */
  | { readonly kind: 'refused'; readonly missing: boolean; readonly text: string }
  /** So many rows of the oldest `add` are dealt with; `lost` says why they could not be written. */
  | { readonly kind: 'added'; readonly rows: number; readonly lost?: string }
  | { readonly kind: 'found'; readonly id: number; readonly order: number | undefined }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: readonly HistoryRow[] }
  | { readonly kind: 'failed'; readonly id: number; readonly text: string }
  /** Something to know that stops nothing. */
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'closed' };
