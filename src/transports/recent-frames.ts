/** One for each encoding among the receivers of an event. */
const KEPT = 3;

interface Framed {
  readonly payload: Buffer;
  readonly binary: boolean;
  readonly frame: Buffer;
}

/**
 * Remembers the frames built last: in a fan-out the same message is written to one connection after the other, in as
 * many encodings as there are among them and in the order they subscribed, and all of one encoding get the same frame
 * instance.
 */
export class RecentFrames {
  readonly #build: (payload: Buffer, binary: boolean) => Buffer;
  readonly #built: (Framed | undefined)[] = new Array(KEPT).fill(undefined);
  /** Where the oldest is. */
  #next = 0;

  constructor(build: (payload: Buffer, binary: boolean) => Buffer) {
    this.#build = build;
  }

  /** @param payload must not be altered afterwards */
  frame(payload: Buffer, binary = false): Buffer {
    for (const built of this.#built) {
      if (built !== undefined && built.payload === payload && built.binary === binary) return built.frame;
    }
    const frame = this.#build(payload, binary);
    this.#built[this.#next] = { payload, binary, frame };
    this.#next = (this.#next + 1) % KEPT;
    return frame;
  }

  /** Lets go of the last messages. */
  forget(): void {
    this.#built.fill(undefined);
    this.#next = 0;
  }
}
