import { hmac } from './digests.ts';

/** Something unknown users may imitate; `name` is unique and stable. */
export interface Shape {
  readonly name: string;
}

/**
 * What is shown to users that do not exist: like a real user's, and the same each time the same name asks
 * (PITFALLS 15). All of it follows from one secret key, so that two nodes, or one before and after a restart,
 * show the same where they have the same key.
 */
export class Decoys {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** Bytes that look random and always are the same for (purpose, name). */
  bytes(purpose: string, name: string, length: number): Buffer {
    const seed = hmac(this.#key, `${purpose}\0${name}`);
    const blocks: Buffer[] = [];
    for (let made = 0; made < length; made += seed.length) blocks.push(hmac(seed, String(blocks.length)));
    return Buffer.concat(blocks).subarray(0, length);
  }

  /**
   * The shape that `name` imitates. The one with the highest draw wins, so that a shape that is added or removed
   * changes nothing for the names that imitate another.
   */
  pick<T extends Shape>(shapes: readonly T[], name: string): T | undefined {
    let best: T | undefined;
    let highest: Buffer | undefined;
    for (const shape of shapes) {
      const draw = hmac(this.#key, `shape\0${shape.name}\0${name}`);
      if (highest === undefined || draw.compare(highest) > 0) {
        best = shape;
        highest = draw;
      }
    }
    return best;
  }
}
