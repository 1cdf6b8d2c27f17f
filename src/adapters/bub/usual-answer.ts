import { members } from '../json-spans.ts';
import type { Response } from './jsonrpc.ts';

/** Longer ones are read anew each time, in characters. */
const MAX_LENGTH = 512;
/** Digits of an id that is exact in any case. */
const MAX_DIGITS = 15;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * What one peer's last answer looked like. Most peers answer every delivery with the same text but for the id; such an
 * answer needs no second parsing. Whatever differs by a character is read in full.
 */
export class UsualAnswer {
  /** Before and behind the digits of the id. */
  #head = '';
  #tail = '';
  #last: Response | undefined;

  /** @returns what {@link parse} would say; undefined: it is another text, to be parsed */
  read(text: string): Response | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const start = this.#head.length;
    const end = text.length - this.#tail.length;
    const id = integer(text, start, end);
    if (id === undefined || !text.startsWith(this.#head) || !text.endsWith(this.#tail)) return undefined;
    const { kind, result, error } = last;
    return { kind, id, result, error, text };
  }

  learn(answer: Response): void {
    const { text } = answer;
    if (text.length > MAX_LENGTH) return;
    // Of equal keys the last counts, so another id cannot stand behind it.
    const span = members(text, 0, ['id']).spans[0];
    if (span === undefined || integer(text, span.start, span.end) === undefined) return;
    this.#head = text.slice(0, span.start);
    this.#tail = text.slice(span.end);
    this.#last = answer;
  }
}

/** The JSON integer that fills this part of a text exactly; undefined: it is none, negative, or too long. */
function integer(text: string, start: number, end: number): number | undefined {
  const digits = end - start;
  if (digits < 1 || digits > MAX_DIGITS || (digits > 1 && text.charCodeAt(start) === ZERO)) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return undefined;
    value = value * 10 + code - ZERO;
  }
  return value;
}
