/** Texts of a block before it is cut in two: what is moved when one comes in between. */
const BLOCK = 512;

/**
 * Different texts in order of their UTF-16 units, so that all that begin alike stand together. Blocks instead of one
 * list: a text that comes or goes moves a block's worth, however many there are.
 */
export class SortedTexts {
  /** In order, none empty. */
  readonly #blocks: string[][] = [];

  /** @param text one that is not there */
  add(text: string): void {
    const at = Math.min(this.#blockOf(text), Math.max(0, this.#blocks.length - 1));
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([text]);
      return;
    }
    block.splice(placeIn(block, text), 0, text);
    if (block.length > BLOCK) this.#blocks.splice(at + 1, 0, block.splice(BLOCK / 2));
  }

  delete(text: string): void {
    const at = this.#blockOf(text);
    const block = this.#blocks[at];
    const place = block === undefined ? -1 : placeIn(block, text);
    if (block?.[place] !== text) return;
    block.splice(place, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** `first`, if it is there, and all behind it. Not to be continued after an `add` or `delete`. */
  *from(first: string): Iterable<string> {
    let at = this.#blockOf(first);
    let place = placeIn(this.#blocks[at] ?? [], first);
    for (let block = this.#blocks[at]; block !== undefined; block = this.#blocks[at]) {
      for (; place < block.length; place += 1) yield block[place] ?? '';
      at += 1;
      place = 0;
    }
  }

  /** The first block that does not end before `text`; beyond the last: all do. */
  #blockOf(text: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.at(-1) ?? '') < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where `text` stands or would stand. */
function placeIn(block: readonly string[], text: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
