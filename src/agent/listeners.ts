/** Who wants to hear of what, by name; the same in Node and browsers. */
export class Listeners<Events extends { readonly [name: string]: unknown }> {
  readonly #failed: (error: unknown, name: keyof Events) => void;
  readonly #byName = new Map<keyof Events, Set<(event: never) => void>>();

  /** @param failed told of what listeners throw, which is nobody else's business */
  constructor(failed: (error: unknown, name: keyof Events) => void) {
    this.#failed = failed;
  }

  /** @returns what takes the listener away again */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    let all = this.#byName.get(name);
    if (all === undefined) {
      all = new Set();
      this.#byName.set(name, all);
    }
    all.add(listener);
    return () => {
      all.delete(listener);
    };
  }

  /** @returns whether anybody listened */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): boolean {
    const all = [...(this.#byName.get(name) ?? [])];
    for (const listener of all) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        this.#failed(error, name);
      }
    }
    return all.length > 0;
  }
}
