/** The files of a configuration while editors replace them: what is missing for a moment is read from memory. */

import { diskReader, type FileReader } from './load.ts';

/** Reads from disk, and from memory what is being replaced at the moment. */
export class RememberingReader implements FileReader {
  readonly #inGrace: (file: string) => boolean;
  readonly #texts = new Map<string, Uint8Array>();
  /** Realm files of the folder as last listed. */
  readonly #known = new Map<string, Set<string>>();

  constructor(inGrace: (file: string) => boolean) {
    this.#inGrace = inGrace;
  }

  remember(files: readonly string[]): void {
    for (const file of files) {
      try {
        this.read(file);
      } catch {
        // Gone already; the first look will say so.
      }
    }
  }

  list(folder: string): string[] {
    const remembered = [...(this.#known.get(folder) ?? [])].filter((file) => this.lingers(file));
    let present: string[] = [];
    try {
      present = diskReader.list(folder);
    } catch (error) {
      if (remembered.length === 0) throw error;
    }
    return [...new Set([...present, ...remembered])].sort();
  }

  /** `file` is gone for good. */
  forget(file: string): void {
    this.#texts.delete(file);
    for (const files of this.#known.values()) files.delete(file);
  }

  /** Every file that stands in `folder`, or stood there and was not forgotten. */
  listed(folder: string): string[] {
    const known = this.#known.get(folder) ?? new Set<string>();
    this.#known.set(folder, known);
    let present: string[] = [];
    try {
      present = diskReader.list(folder);
    } catch {
      // No folder: all its files are missing.
    }
    for (const file of present) known.add(file);
    return [...known];
  }

  read(file: string): Uint8Array {
    try {
      const bytes = diskReader.read(file);
      this.#texts.set(file, bytes);
      return bytes;
    } catch (error) {
      const remembered = this.#texts.get(file);
      if (remembered !== undefined && this.#inGrace(file)) return remembered;
      throw error;
    }
  }

  lingers(file: string): boolean {
    if (!this.#inGrace(file)) return false;
    try {
      diskReader.read(file);
      return false;
    } catch {
      return this.#texts.has(file);
    }
  }
}
