interface Waiter {
  readonly rows: number;
  readonly ready: () => void;
}

/** Who waits for room, first come first served. */
export class WaitingLine {
  #waiters: Waiter[] = [];
  /** Where the line begins; what is before it has been served. */
  #head = 0;

  get length(): number {
    return this.#waiters.length - this.#head;
  }

  push(rows: number, ready: () => void): void {
    this.#waiters.push({ rows, ready });
  }

  /**
   * Serves from the front as long as `take` accepts the rows asked for. Those served may push anew.
   * @param take has taken them into account when it answers true
   */
  serve(take: (rows: number) => boolean): void {
    for (let first = this.#waiters[this.#head]; first !== undefined; first = this.#waiters[this.#head]) {
      if (!take(first.rows)) break;
      this.#head += 1;
      first.ready();
    }
    if (this.#head === this.#waiters.length) {
      this.#waiters = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#waiters = this.#waiters.slice(this.#head);
      this.#head = 0;
    }
  }
}
