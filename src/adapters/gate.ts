/**
 * Lets so many requests of one connection run at a time; the rest wait in order. Reading never stops for it: among
 * what comes next may be the answer that a running request waits for (BRIDGES §1, self-delivery).
 */
export class Gate<T extends { readonly text: string }> {
  readonly #run: (request: T) => void;
  readonly #limit: () => number;
  readonly #waiting: T[] = [];
  #first = 0;
  #characters = 0;
  #running = 0;
  #held = 0;

  /** @param run must lead to one call of {@link done} per request */
  constructor(limit: () => number, run: (request: T) => void) {
    this.#limit = limit;
    this.#run = run;
  }

  /** @returns false: too much waits already, the request is to be refused */
  enter(request: T): boolean {
    if (this.#isFree() && this.#first === this.#waiting.length) {
      this.#running += 1;
      this.#run(request);
      return true;
    }
    if (this.#waiting.length - this.#first >= MAX_WAITING || this.#characters > MAX_WAITING_CHARACTERS) return false;
    this.#waiting.push(request);
    this.#characters += request.text.length;
    return true;
  }

  /** A request that ran is answered. */
  done(): void {
    this.#running -= 1;
    this.#next();
  }

  /** Nothing further starts until {@link unhold}, as often as it was held. */
  hold(): void {
    this.#held += 1;
  }

  unhold(): void {
    this.#held -= 1;
    this.#next();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting.length = 0;
    this.#first = 0;
    this.#characters = 0;
  }

  #isFree(): boolean {
    return this.#held === 0 && this.#running < this.#limit();
  }

  #isStarting = false;

  /** A loop, not a chain of calls: requests that are done at once would nest as deep as there are many. */
  #next(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#first < this.#waiting.length && this.#isFree()) {
      const request = this.#waiting[this.#first];
      this.#first += 1;
      if (this.#first === this.#waiting.length) {
        this.#waiting.length = 0;
        this.#first = 0;
      }
      if (request === undefined) continue;
      this.#characters -= request.text.length;
      this.#running += 1;
      this.#run(request);
    }
    this.#isStarting = false;
  }
}

/** What may wait behind the requests that run. */
const MAX_WAITING = 10_000;
const MAX_WAITING_CHARACTERS = 8_388_608;
