/**
 * What senders say in Options and Details again and again, read once: `{"acknowledge":true}` stands in every
 * acknowledged publication of an agent, and reading it each time costs as much as routing the message.
 *
 * Fenced for speed (ARCHITECTURE §1.6).
 */
import { isDict } from '../wamp/features.ts';
import type { Dict } from '../wamp/payload.ts';

/** Longer ones differ from message to message: they name receivers, keys or tokens. */
const MAX_BYTES = 64;
/** Senders choose what is remembered: at the bound everything is forgotten, and what is in use comes back. */
const MAX_ENTRIES = 256;

/** Dictionaries of headers by the bytes they came as. Those in it are frozen, so {@link remembered} works on them. */
export class HeaderMemory {
  readonly #known = new Map<string, Dict>();

  /**
   * The dictionary that `read` makes of the bytes from `start` up to `end`.
   * @throws whatever `read` throws; nothing is remembered then
   */
  dict(bytes: Buffer, start: number, end: number, read: () => unknown): unknown {
    if (end - start > MAX_BYTES) return read();
    const key = bytes.toString('latin1', start, end);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = read();
    if (!isDict(made)) return made;
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    this.#known.set(key, deepFreeze(made));
    return made;
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)) deepFreeze(inner);
  }
  return Object.freeze(value);
}
