/**
 * Answers remembered by URI, bounded in number and in memory, since clients choose the URIs.
 *
 * Two generations: when the young one is full it becomes the old one, and what is still asked for moves over. A flood
 * of new URIs so costs a bounded sweep now and then, and does not push out the busy ones.
 */
export class ResultCache<R extends object> {
  readonly #maxEntries: number;
  readonly #maxWeight: number;
  readonly #weigh: (result: R) => number;
  #young = new Map<string, R>();
  #old = new Map<string, R>();
  #weight = 0;

  /**
   * @param weigh how many bytes an answer keeps alive, about; two per UTF-16 unit of its URI are added.
   * @param maxEntries bound of each generation.
   * @param maxWeight bound of each generation, in bytes.
   */
  constructor(weigh: (result: R) => number, maxEntries = 2048, maxWeight = 1_048_576) {
    this.#weigh = weigh;
    this.#maxEntries = maxEntries;
    this.#maxWeight = maxWeight;
  }

  get(uri: string): R | undefined {
    const young = this.#young.get(uri);
    if (young !== undefined) return young;
    const old = this.#old.get(uri);
    if (old !== undefined) this.set(uri, old);
    return old;
  }

  set(uri: string, result: R): void {
    const weight = 2 * uri.length + this.#weigh(result);
    if (this.#young.size >= this.#maxEntries || this.#weight + weight > this.#maxWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(uri, result);
    this.#weight += weight;
  }

  delete(uri: string): void {
    this.#young.delete(uri);
    this.#old.delete(uri);
  }

  /** Free where nothing is remembered, so that loading many patterns does not pay for it each time. */
  clear(): void {
    if (this.#young.size > 0) this.#young = new Map();
    if (this.#old.size > 0) this.#old = new Map();
    this.#weight = 0;
  }

  /** Answers held at the moment, of both generations. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
