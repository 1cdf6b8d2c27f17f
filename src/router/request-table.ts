/**
 * What waits for an answer, by request id: a `Map` for ids that are counted up one by one, of which few are open at a
 * time (spec: ids of the session scope). A `Map` keeps a place for each key that was deleted and is made anew when they
 * have filled it, here after every few calls: a twelfth of what a small call costs. Worse, in V8 the table before, with
 * all it held, then points to the one after it, for iterators: once one of them has grown old, nothing that was ever
 * asked is collected young any more, until the next full collection.
 *
 * Each id has one place, by its low bits; open ids that follow each other never meet. Those that meet all the same, which
 * clients may bring about, stand in a `Map` beside it. The twin is a `Map` (test/property/request-table.test.ts).
 */

const LEAST_PLACES = 8;
/** Beyond that calls are so many that the `Map` costs little of each. */
const MOST_PLACES = 1024;
/** No request has it. */
const NOBODY = 0;

export class RequestTable<T> {
  #ids: number[] = [];
  #values: (T | undefined)[] = [];
  #mask = -1;
  /** Those whose place is taken. */
  #others: Map<number, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const place = id & this.#mask;
    if (this.#ids[place] === id) return this.#values[place];
    return this.#others?.get(id);
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** @param id a positive integer */
  set(id: number, value: T): void {
    if (!this.has(id)) this.#size += 1;
    if (this.#others?.has(id)) {
      this.#others.set(id, value);
      return;
    }
    if (this.#mask === -1) this.#resize(LEAST_PLACES);
    // Only one that is filled may grow: two ids that meet are no reason to.
    while (!this.#put(id, value)) {
      const places = this.#mask + 1;
      if (places < MOST_PLACES && this.#size > places / 2) {
        this.#resize(places * 2);
      } else {
        this.#others ??= new Map();
        this.#others.set(id, value);
        return;
      }
    }
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    const place = id & this.#mask;
    if (this.#ids[place] === id) {
      this.#ids[place] = NOBODY;
      this.#values[place] = undefined;
    } else if (this.#others?.delete(id) !== true) {
      return false;
    } else if (this.#others.size === 0) {
      this.#others = undefined;
    }
    this.#size -= 1;
    return true;
  }

  /** All of them, by id. What is set or deleted afterwards changes nothing in them. */
  values(): T[] {
    const found: (readonly [number, T])[] = [...(this.#others ?? [])];
    for (const [place, value] of this.#values.entries()) {
      if (value !== undefined) found.push([this.#ids[place] ?? NOBODY, value]);
    }
    return found.sort(([a], [b]) => a - b).map(([, value]) => value);
  }

  /** @returns false: another has the place */
  #put(id: number, value: T): boolean {
    const place = id & this.#mask;
    const known = this.#ids[place];
    if (known !== NOBODY && known !== id) return false;
    this.#ids[place] = id;
    this.#values[place] = value;
    return true;
  }

  /** Who had a place of his own has one among more. */
  #resize(places: number): void {
    const [ids, values] = [this.#ids, this.#values];
    this.#mask = places - 1;
    this.#ids = new Array<number>(places).fill(NOBODY);
    this.#values = new Array<T | undefined>(places).fill(undefined);
    for (const [place, value] of values.entries()) {
      if (value !== undefined) this.#put(ids[place] ?? NOBODY, value);
    }
  }
}
