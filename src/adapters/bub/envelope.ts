/** The message envelope of Bub v2 (bub-v2 7): what every payload must be, and what is made of payloads that are none. */

import { isDict } from '../../wamp/features.ts';
import type { Dict } from '../../wamp/payload.ts';

export interface Envelope {
  readonly messageId: string;
  readonly type: string;
  readonly from: string;
  readonly timestamp: string;
  readonly content: Dict;
}

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/;

/** Whether `text` is a date-time of RFC 3339 §5.6; a leap second is one. */
export function isTimestamp(text: string): boolean {
  const found = DATE_TIME.exec(text);
  if (found === null) return false;
  const number = (group: number): number => Number(found[group] ?? 0);
  const [year, month, day] = [number(1), number(2), number(3)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  return number(4) <= 23 && number(5) <= 59 && number(6) <= 60 && number(7) <= 23 && number(8) <= 59;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** What keeps `payload` from being an envelope, naming the field; undefined: it is one. Further members are its own. */
export function envelopeProblem(payload: Dict): string | undefined {
  for (const name of ['messageId', 'type', 'from'] as const) {
    const value = own(payload, name);
    if (typeof value !== 'string' || value === '') return `payload.${name}: a string that is not empty expected`;
  }
  const timestamp = own(payload, 'timestamp');
  if (typeof timestamp !== 'string' || !isTimestamp(timestamp)) {
    return 'payload.timestamp: a date-time of RFC 3339 expected, such as 2026-02-17T12:00:00Z';
  }
  return isDict(own(payload, 'content')) ? undefined : 'payload.content: an object expected';
}

function own(payload: Dict, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

/** The envelope for what comes from elsewhere (BRIDGES §1). */
export function wrap(
  type: 'wamp_event' | 'wamp_call',
  id: number,
  from: string | undefined,
  nowMs: number,
  content: { readonly args: readonly unknown[]; readonly kwargs: Dict | undefined },
): Envelope {
  return {
    messageId: `wamp-${id}`,
    type,
    from: from ?? 'wamp',
    timestamp: new Date(nowMs).toISOString(),
    content: { args: content.args, kwargs: content.kwargs ?? {} },
  };
}
