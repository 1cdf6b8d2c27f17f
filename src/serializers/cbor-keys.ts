import { argument, behindHead, chunks, INDEFINITE } from './cbor-head.ts';

/** Up to this many keys are compared pair by pair, which needs no string for each. */
const FEW = 8;
const TEXT = 3;

/** The keys of one map as offsets into the message: tells whether a key came before (PITFALLS 73). */
export class KeySet {
  readonly #bytes: Buffer;
  readonly #bounds: number[] = [];
  #names: Set<string> | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Adds the well-formed key from `start` up to `end`; false where it was there already. */
  add(start: number, end: number): boolean {
    const bytes = this.#bytes;
    if (this.#names === undefined) {
      const first = bytes[start] ?? 0;
      // A text of less than 24 bytes, as nearly every key is: the head is one byte.
      if (first >= 0x60 && first < 0x78 && this.#bounds.length < FEW * 2) return this.#addPair(start + 1, end);
      const isPlainText = first >> 5 === TEXT && argument(bytes, start) !== INDEFINITE;
      if (isPlainText && this.#bounds.length < FEW * 2) return this.#addPair(behindHead(bytes, start), end);
      this.#names = new Set();
      for (let i = 0; i < this.#bounds.length; i += 2) {
        this.#names.add(`text ${bytes.toString('latin1', this.#bounds[i], this.#bounds[i + 1])}`);
      }
    }
    const before = this.#names.size;
    return this.#names.add(this.#name(start, end)).size > before;
  }

  #addPair(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const bounds = this.#bounds;
    const length = end - start;
    for (let i = 0; i < bounds.length; i += 2) {
      const other = bounds[i] ?? 0;
      if ((bounds[i + 1] ?? 0) - other !== length) continue;
      // From the end: keys of equal length mostly differ there.
      let at = length - 1;
      while (at >= 0 && bytes[start + at] === bytes[other + at]) at--;
      if (at < 0) return false;
    }
    bounds.push(start, end);
    return true;
  }

  /** What makes two keys the same: the text, in one piece or in chunks, else the bytes. */
  #name(start: number, end: number): string {
    const bytes = this.#bytes;
    if ((bytes[start] ?? 0) >> 5 !== TEXT) return `other ${bytes.toString('latin1', start, end)}`;
    if (argument(bytes, start) !== INDEFINITE) return `text ${bytes.toString('latin1', behindHead(bytes, start), end)}`;
    let name = 'text ';
    for (const chunk of chunks(bytes, start)) name += bytes.toString('latin1', chunk.start, chunk.end);
    return name;
  }
}
