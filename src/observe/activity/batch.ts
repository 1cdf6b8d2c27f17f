/**
 * Rows on their way to the writer's thread. What is handed to a thread is copied value by value, so a batch is one text
 * with numbers beside it. Most texts of a batch stand in many of its rows (topics, actors, the message id in all rows of
 * its message): each is carried once, and rows name it by its place.
 */

import type { ActivityEvent, ActivityRow } from '../../adapters/activity.ts';
import { ROWS_MISSING } from './schema.ts';

type LoggedEvent = ActivityEvent | typeof ROWS_MISSING;

/** What may stand in the log's column `event`; a batch carries the index. */
const EVENTS: readonly LoggedEvent[] = ['send_start', 'process_start', 'process_finish', 'send_finish', ROWS_MISSING];

/** Time, event, and the places of seven texts. */
const NUMBERS_PER_ROW = 9;
/** Place of a text that is not there. */
const ABSENT = -1;
/** Rows that a batch has room for at first. */
const FEW_ROWS = 64;

/** A batch as it is copied to another thread. */
export interface PackedBatch {
  /** The texts one behind the other. */
  readonly text: string;
  /** How long each is, in UTF-16 units. */
  readonly lengths: Uint32Array;
  readonly numbers: Float64Array;
}

export type LoggedRow = Omit<ActivityRow, 'event'> & { readonly event: LoggedEvent };

/** The values of a row as INSERT takes them. */
export type InsertValues = [
  ts: string,
  event: string,
  messageId: string,
  rpcId: string,
  actor: string,
  topic: string,
  status: string,
  payloadJson: string | null,
  error: string,
];

export class Batch {
  #rows = 0;
  #size = 0;
  readonly #texts: string[] = [];
  readonly #places = new Map<string, number>();
  /** Grows by doubling: a plain list of numbers this long is copied more often, and each copy is the collector's to clear. */
  #numbers = new Float64Array(FEW_ROWS * NUMBERS_PER_ROW);

  get rows(): number {
    return this.#rows;
  }

  /** When its first row was recorded, milliseconds since the epoch; undefined: it has none. */
  get since(): number | undefined {
    return this.#rows === 0 ? undefined : this.#numbers[0];
  }

  /** Length of all texts in UTF-16 units; close enough to bytes for a bound. */
  get size(): number {
    return this.#size;
  }

  /** @param now milliseconds since the epoch */
  add(row: LoggedRow, now: number): void {
    const { payloadJson } = row;
    const numbers = this.#room();
    const at = this.#rows * NUMBERS_PER_ROW;
    this.#rows += 1;
    numbers[at] = now;
    numbers[at + 1] = EVENTS.indexOf(row.event);
    numbers[at + 2] = this.#place(row.messageId);
    numbers[at + 3] = this.#place(row.rpcId);
    numbers[at + 4] = this.#place(row.actor);
    numbers[at + 5] = this.#place(row.topic);
    numbers[at + 6] = this.#place(row.status);
    numbers[at + 7] = payloadJson === undefined ? ABSENT : this.#append(payloadJson);
    numbers[at + 8] = this.#place(row.error);
  }

  pack(): PackedBatch {
    return {
      text: this.#texts.join(''),
      lengths: lengthsOf(this.#texts),
      numbers: this.#numbers.slice(0, this.#rows * NUMBERS_PER_ROW),
    };
  }

  /** The numbers, with room for one more row. */
  #room(): Float64Array {
    if (this.#rows * NUMBERS_PER_ROW < this.#numbers.length) return this.#numbers;
    const wider = new Float64Array(this.#numbers.length * 2);
    wider.set(this.#numbers);
    this.#numbers = wider;
    return wider;
  }

  #place(text: string): number {
    let place = this.#places.get(text);
    if (place === undefined) {
      place = this.#append(text);
      this.#places.set(text, place);
    }
    return place;
  }

  /** Payloads come here at once: no two are equal. */
  #append(text: string): number {
    this.#size += text.length;
    return this.#texts.push(text) - 1;
  }
}

function lengthsOf(texts: readonly string[]): Uint32Array {
  const lengths = new Uint32Array(texts.length);
  for (const [i, text] of texts.entries()) lengths[i] = text.length;
  return lengths;
}

/** When the first row of a batch was recorded. */
export function sinceOf(batch: PackedBatch): number | undefined {
  return batch.numbers[0];
}

/** How many rows are in it. */
export function countRows(batch: PackedBatch): number {
  return batch.numbers.length / NUMBERS_PER_ROW;
}

/** The rows of a batch in the order they were added. */
export function* unpack({ text, lengths, numbers }: PackedBatch): Iterable<InsertValues> {
  const texts = split(text, lengths);
  let now = Number.NaN;
  let ts = '';
  for (let i = 0; i < numbers.length; i += NUMBERS_PER_ROW) {
    const number = numbers[i] ?? 0;
    // Hundreds of rows may share a millisecond.
    if (number !== now) {
      now = number;
      ts = new Date(now).toISOString();
    }
    const at = (offset: number): string => texts[numbers[i + offset] ?? 0] ?? '';
    const payloadJson = numbers[i + 7] === ABSENT ? null : at(7);
    yield [ts, EVENTS[numbers[i + 1] ?? 0] ?? '', at(2), at(3), at(4), at(5), at(6), payloadJson, at(8)];
  }
}

function split(text: string, lengths: Uint32Array): string[] {
  const texts: string[] = [];
  let start = 0;
  for (const length of lengths) {
    texts.push(text.slice(start, start + length));
    start += length;
  }
  return texts;
}
