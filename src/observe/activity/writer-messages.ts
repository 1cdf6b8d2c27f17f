/** What the router's thread and the writer's thread say to each other. */

import type { Retention } from './activity-database.ts';
import type { PackedBatch } from './batch.ts';

export interface WriterData {
  readonly file: string;
  readonly retention: Retention;
}

export type ToWriter =
  | { readonly kind: 'batch'; readonly batch: PackedBatch }
  /** Write what came before, close the file, say `closed`. */
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'opened' }
  /** The writer has ended: this log cannot be written, whatever time passes. */
  | { readonly kind: 'refused'; readonly missing: boolean; readonly text: string }
  /** The oldest so many batches are in the file, by one transaction. */
  | { readonly kind: 'written'; readonly batches: number }
  /** It could not be written, or the file not be opened; the writer goes on trying. Said once until it works again. */
  | { readonly kind: 'failing'; readonly text: string }
  /** Something to know that stops nothing. */
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'closed' };
