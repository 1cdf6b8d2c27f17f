import type { OutboxTarget } from '../../src/transports/outbox.ts';

/** A socket that takes bytes at once, or only when told. */
export class Target implements OutboxTarget {
  readonly taken: Buffer[] = [];
  writableLength = 0;
  writable = true;
  stuck = false;
  corked = 0;
  readonly #held: { bytes: number; done: () => void }[] = [];

  write(chunk: Buffer, done: () => void): boolean {
    this.taken.push(chunk);
    this.writableLength += chunk.length;
    this.#held.push({ bytes: chunk.length, done });
    if (!this.stuck) this.drain();
    return true;
  }

  /** The system takes everything held, as Node tells it: the length at once, callbacks in the next tick. */
  drain(): void {
    for (const { bytes, done } of this.#held.splice(0)) {
      this.writableLength -= bytes;
      process.nextTick(done);
    }
  }

  /** The system takes the oldest chunk held, which is forgotten here as well. */
  takeOne(): void {
    const oldest = this.#held.shift();
    if (oldest === undefined) return;
    this.taken.shift();
    this.writableLength -= oldest.bytes;
    oldest.done();
  }

  cork(): void {
    this.corked += 1;
  }

  uncork(): void {}
}
