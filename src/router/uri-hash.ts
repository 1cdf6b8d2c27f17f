/**
 * Hashes of parts of a URI, taken from its characters in one pass and without making a text of each part.
 *
 * Fenced for speed (ARCHITECTURE §1.6). The secrets are of this process, so that peers cannot look for texts that
 * collide; whoever uses the hashes compares the texts all the same, and bounds how many may share one.
 */

const DOT = 0x2e;

function secret(): number {
  return Math.floor(Math.random() * 0x1_0000_0000) | 0;
}

/** The hash of the empty text. */
export const TEXT_BEGINS = secret();
// Odd, so that no bit is lost.
const STEP = secret() | 1;
const JOIN = secret() | 1;

/** The hash of a text and one more character behind it. */
export function withChar(hash: number, char: number): number {
  const next = Math.imul(hash ^ char, STEP);
  return next ^ (next >>> 15);
}

/** The components of a URI with at most `max` of them; reused, so that a look-up makes no object. */
export class Components {
  /** How many there are; more than `max`: too many, and the rest says nothing. */
  count = 0;
  /** A bit for each component, the first one highest, 1: empty. */
  emptyMask = 0;
  readonly #max: number;
  readonly #hashes: Int32Array;

  /** @param max up to 30 */
  constructor(max: number) {
    this.#max = max;
    this.#hashes = new Int32Array(max);
  }

  read(uri: string): void {
    const hashes = this.#hashes;
    let count = 0;
    let mask = 0;
    let hash = TEXT_BEGINS;
    let begin = 0;
    for (let i = 0; i <= uri.length; i++) {
      const char = i < uri.length ? uri.charCodeAt(i) : DOT;
      if (char !== DOT) {
        hash = withChar(hash, char);
        continue;
      }
      if (count === this.#max) {
        this.count = count + 1;
        return;
      }
      hashes[count] = hash;
      count += 1;
      mask = (mask << 1) | (i === begin ? 1 : 0);
      hash = TEXT_BEGINS;
      begin = i + 1;
    }
    this.count = count;
    this.emptyMask = mask;
  }

  /** The hash of the components at `places`, taken together: 32 bits. */
  key(places: readonly number[]): number {
    const hashes = this.#hashes;
    let hash = TEXT_BEGINS;
    for (let i = 0; i < places.length; i++) {
      hash = Math.imul(hash ^ (hashes[places[i] ?? 0] ?? 0), JOIN);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}
