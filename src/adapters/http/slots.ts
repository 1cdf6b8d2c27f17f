/** How much of something each party has at the same time; nothing is remembered of those who have none. */
export class Slots {
  readonly #limit: () => number;
  readonly #taken = new Map<string, number>();

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** @returns what gives it back, to be called once; undefined: the party has as many as it may */
  take(party: string): (() => void) | undefined {
    const taken = this.#taken.get(party) ?? 0;
    if (taken >= this.#limit()) return undefined;
    this.#taken.set(party, taken + 1);
    return () => {
      const left = (this.#taken.get(party) ?? 1) - 1;
      if (left === 0) this.#taken.delete(party);
      else this.#taken.set(party, left);
    };
  }
}
