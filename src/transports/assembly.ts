/** The first piece of a long message gets at least so much room; it grows as bytes come, not as they are promised. */
const FIRST_ROOM_BYTES = 65_536;
/** The same where nobody has said how long the message will be. */
const UNKNOWN_ROOM_BYTES = 1024;

const NOTHING = Buffer.alloc(0);

/** A message that comes in pieces. Bytes are copied: a few of a read may come with 64 KiB of their own. */
export class Assembly {
  #room: Buffer = NOTHING;
  #held = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#held;
  }

  /**
   * Appends `chunk` from `from` to `to`.
   * @param expected how long the message will be; undefined: that is not known
   * @returns where they are now, to be altered in place: in the room that is returned, from its former length on
   */
  add(chunk: Buffer, from: number, to: number, expected: number | undefined): Buffer {
    const held = this.#held;
    const needed = held + to - from;
    if (needed > this.#room.length) {
      const doubled = this.#room.length * 2;
      const wanted =
        expected === undefined
          ? Math.max(doubled, UNKNOWN_ROOM_BYTES)
          : Math.min(expected, Math.max(doubled, FIRST_ROOM_BYTES));
      const room = Buffer.allocUnsafeSlow(Math.max(wanted, needed));
      this.#room.copy(room, 0, 0, held);
      this.#room = room;
    }
    chunk.copy(this.#room, held, from, to);
    this.#held = needed;
    return this.#room;
  }

  /** The message, which is then no longer held here. */
  take(): Buffer {
    const whole = this.#held === this.#room.length ? this.#room : this.#room.subarray(0, this.#held);
    this.#room = NOTHING;
    this.#held = 0;
    return whole;
  }
}
