import type { CloseReason } from '../wamp/errors.ts';
import type { IdSource } from '../wamp/ids.ts';
import { Realm, type RealmDeps, type RealmSettings } from './realm.ts';

/** The realms of one router. Holds no state outside itself, so several routers run in one process. */
export class Router {
  readonly #deps: RealmDeps;
  readonly #realms = new Map<string, Realm>();

  constructor(deps: RealmDeps) {
    this.#deps = deps;
  }

  get ids(): IdSource {
    return this.#deps.ids;
  }

  get realms(): Iterable<Realm> {
    return this.#realms.values();
  }

  realm(name: string): Realm | undefined {
    return this.#realms.get(name);
  }

  /** @throws Error where a realm of that name exists: the caller's mistake, not a peer's */
  create(name: string, settings: RealmSettings): Realm {
    if (this.#realms.has(name)) throw new Error(`realm ${name} exists already`);
    const realm = new Realm(name, settings, this.#deps);
    this.#realms.set(name, realm);
    return realm;
  }

  /** Forgets a realm, then ends its sessions for `reason`. */
  remove(name: string, reason: CloseReason): void {
    const realm = this.#realms.get(name);
    this.#realms.delete(name);
    realm?.close(reason);
  }

  /** A session id that no session of any realm has (PITFALLS 11). */
  newSessionId(): number {
    for (;;) {
      const id = this.ids.random();
      if (![...this.#realms.values()].some((realm) => realm.sessions.has(id))) return id;
    }
  }

  /** Number of sessions over all realms. */
  get sessionCount(): number {
    let count = 0;
    for (const realm of this.#realms.values()) count += realm.sessions.size;
    return count;
  }
}
