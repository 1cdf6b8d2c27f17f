/** How `waggle log` shows rows to people. */

import type { LogRow } from '../observe/activity/schema.ts';
import { harmless } from './terminal.ts';

const EVENT_WIDTH = 'process_finish'.length;
/** Characters of a payload that are shown. */
const PAYLOAD_WIDTH = 120;

/** One row as a line: time, event, message, who, where, what became of it. */
export function rowLine(row: LogRow): string {
  const parts = [row.ts, row.event.padEnd(EVENT_WIDTH), row.message_id, row.actor, row.topic, row.status, row.error];
  return `${shown(parts)}\n`;
}

/** The life of one message, line by line, with times since its first row. */
export class Timeline {
  #start: number | undefined;
  #topic: string | null = null;
  /** Actor → when it was handed the message, ms. */
  readonly #started = new Map<string | null, number>();
  #open = 0;

  /** The line for the next row, with a heading before the first one. */
  add(row: LogRow): string {
    const at = Date.parse(row.ts);
    let heading = '';
    if (this.#start === undefined) {
      this.#start = at;
      this.#topic = row.topic;
      heading = `${shown([`message ${row.message_id} on ${row.topic ?? ''}, ${row.ts}`])}\n`;
    }
    const since = `+${at - this.#start} ms`.padStart(12);
    const elsewhere = row.topic === this.#topic ? '' : `on ${row.topic ?? ''}`;
    const parts = [row.event.padEnd(EVENT_WIDTH), row.actor, elsewhere, row.status, row.error, this.#took(row, at)];
    const payload = row.payload_json === null ? '' : `\n${' '.repeat(14)}${shown([shorten(row.payload_json)])}`;
    return `${heading}${since}  ${shown(parts)}${payload}\n`;
  }

  /** What is to be said at the end; empty where nothing is missing. */
  end(): string {
    if (this.#start === undefined || this.#open === 0) return '';
    return '              no send_finish: it is still under way, or the router was ended meanwhile\n';
  }

  #took(row: LogRow, at: number): string {
    if (row.event === 'send_start') this.#open += 1;
    if (row.event === 'send_finish') this.#open = Math.max(0, this.#open - 1);
    if (row.event === 'process_start') this.#started.set(row.actor, at);
    const started = row.event === 'process_finish' ? this.#started.get(row.actor) : undefined;
    return started === undefined ? '' : `(${at - started} ms)`;
  }
}

function shown(parts: readonly (string | null)[]): string {
  return harmless(parts.filter((part) => part !== null && part !== '').join('  ')).trimEnd();
}

function shorten(text: string): string {
  return text.length <= PAYLOAD_WIDTH ? text : `${text.slice(0, PAYLOAD_WIDTH - 1)}…`;
}
