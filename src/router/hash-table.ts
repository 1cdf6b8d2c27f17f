/**
 * Entries by a hash of what they stand for, found with two touches of memory, and with one where there is none: first
 * in a row of numbers, of which many fit the processor's caches where a `Map` and its keys do not.
 *
 * Fenced for speed (ARCHITECTURE §1.6). Several entries may have one hash: whoever asks compares the texts. Linear
 * probing, at most half full; what is deleted is filled with what was pushed behind it, so nothing is left in the way.
 */

const SMALLEST = 8;
/** Nobody gains by finding texts that collide. */
const MAX_SAME_HASH = 4;
/** Marks a free place; an entry whose hash is so counts as one with {@link OTHER}. */
const FREE = 0;
const OTHER = 1;

export class HashTable<E> {
  #hashes = new Int32Array(SMALLEST);
  #entries: (E | undefined)[] = places(SMALLEST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The first place of an entry with this hash, any 32 bits; -1: there is none. */
  first(hash: number): number {
    const wanted = hash | 0 || OTHER;
    return this.#from(wanted & (this.#hashes.length - 1), wanted);
  }

  /** The next place with the same hash; -1: that was the last. */
  next(place: number): number {
    return this.#from((place + 1) & (this.#hashes.length - 1), this.#hashes[place] ?? FREE);
  }

  #from(start: number, wanted: number): number {
    const hashes = this.#hashes;
    for (let place = start; ; place = (place + 1) & (hashes.length - 1)) {
      const there = hashes[place];
      if (there === wanted) return place;
      if (there === FREE) return -1;
    }
  }

  /** What stands at a place that `first` or `next` gave; places last until the next `add` or `delete`. */
  at(place: number): E | undefined {
    return this.#entries[place];
  }

  /** @returns false: as many as may be have this hash already */
  add(hash: number, entry: E): boolean {
    let same = 0;
    for (let place = this.first(hash); place !== -1; place = this.next(place)) same += 1;
    if (same >= MAX_SAME_HASH) return false;
    if ((this.#size + 1) * 2 > this.#hashes.length) this.#resize(this.#hashes.length * 2);
    this.#put(hash | 0 || OTHER, entry);
    this.#size += 1;
    return true;
  }

  /** Takes away what stands at a place. */
  delete(place: number): void {
    const hashes = this.#hashes;
    const last = hashes.length - 1;
    let free = place;
    for (let at = (free + 1) & last; hashes[at] !== FREE; at = (at + 1) & last) {
      // It stays where the free place is before the one it would like best.
      const wished = (hashes[at] ?? 0) & last;
      if (((at - wished) & last) < ((at - free) & last)) continue;
      hashes[free] = hashes[at] ?? FREE;
      this.#entries[free] = this.#entries[at];
      free = at;
    }
    hashes[free] = FREE;
    this.#entries[free] = undefined;
    this.#size -= 1;
    if (hashes.length > SMALLEST && this.#size * 8 < hashes.length) this.#resize(hashes.length / 2);
  }

  /** Every entry, in no order. Not to be continued after an `add` or `delete`. */
  *values(): Iterable<E> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  #put(hash: number, entry: E): void {
    const hashes = this.#hashes;
    let place = hash & (hashes.length - 1);
    while (hashes[place] !== FREE) place = (place + 1) & (hashes.length - 1);
    hashes[place] = hash;
    this.#entries[place] = entry;
  }

  #resize(length: number): void {
    const [hashes, entries] = [this.#hashes, this.#entries];
    this.#hashes = new Int32Array(length);
    this.#entries = places(length);
    for (let i = 0; i < hashes.length; i += 1) {
      const entry = entries[i];
      if (entry !== undefined) this.#put(hashes[i] ?? FREE, entry);
    }
  }
}

function places<E>(length: number): (E | undefined)[] {
  return new Array<E | undefined>(length).fill(undefined);
}
