/** Files change → the whole set is read and checked → one change is handed over, or the problems are. Never throws. */

import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../router/clock.ts';
import { type Change, diffConfig, inForce } from './diff.ts';
import { loadConfig } from './load.ts';
import { displayPath, type Problem } from './problem.ts';
import { RememberingReader } from './remembering-reader.ts';
import type { Config } from './types.ts';

export interface ConfigChange {
  /** What is in force from now on: what only a restart can change is still as it was. */
  readonly config: Config;
  /** Never empty. Those that are not reloadable were left out of `config`. */
  readonly changes: readonly Change[];
}

export interface WatchOptions {
  readonly env: NodeJS.ProcessEnv;
  /** What is in force at the beginning. */
  readonly current: Config;
  readonly onChange: (change: ConfigChange) => void;
  /** Nothing changed, because of these. Called once per state of the files. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** After problems the files are good again and say what is in force anyway; else `onChange` says it. */
  readonly onRepaired?: () => void;
  /** Default: the platform's timers. */
  readonly clock?: Clock;
  /** Folder that paths in problems are relative to. Default: the working directory. */
  readonly cwd?: string;
  /** Default 500. The folder is looked at this often even where the system reports nothing (network file systems). */
  readonly pollMs?: number;
  /** Default 100. Files that changed within this time are still being written. */
  readonly settleMs?: number;
  /** Default 2000. A file that is missing for less time is being replaced. */
  readonly goneMs?: number;
  /** Default true; false leaves only polling. */
  readonly notify?: boolean;
}

/** An empty file is half a save, most likely: it gets this many times `settleMs`. */
const EMPTY_PATIENCE = 4;

const ABSENT = 'absent';
/** Missing, not yet gone, and never seen by a load: different from gone, so that becoming gone is a change. */
const MISSING = 'missing';

/** Path → what `stat` says of it, as one comparable text. */
type Snapshot = ReadonlyMap<string, string>;

/** Timers that do not keep the process alive. */
const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Watches `file`, the realm folder, TLS and secret files from now on. A saved change is in force within one second
 * (CONTRACT §4, "Reload").
 */
export function watchConfig(file: string, options: WatchOptions): { close(): void } {
  const watcher = new ConfigWatcher(file, options);
  watcher.start();
  return { close: () => watcher.close() };
}

class ConfigWatcher {
  readonly #file: string;
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #reader: RememberingReader;
  #current: Config;
  /** What the last load saw; undefined before the first look, so that a change since `current` is not missed. */
  #loaded: Snapshot | undefined;
  /** The last look, and since when it has been like that. */
  #seen: Snapshot = new Map();
  #since = 0;
  readonly #missingSince = new Map<string, number>();
  readonly #watchers = new Map<string, FSWatcher>();
  #cancel: () => void = () => undefined;
  #broken = false;
  #looking = false;
  #lookAgain = false;
  #closed = false;

  constructor(file: string, options: WatchOptions) {
    this.#file = options.current.router.file || file;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#settleMs = options.settleMs ?? 100;
    this.#current = options.current;
    this.#reader = new RememberingReader((path) => this.#inGrace(path));
  }

  start(): void {
    this.#reader.remember(this.#current.files);
    this.#reader.listed(this.#current.router.realms);
    this.#rewatch();
    this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #schedule(delayMs: number): void {
    this.#cancel();
    if (!this.#closed) this.#cancel = this.#clock.setTimer(delayMs, () => this.#look());
  }

  /** One look at the files at a time; whatever goes wrong in it, there is a next one. */
  #look(): void {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    void this.#safeStep().then((delayMs) => {
      this.#looking = false;
      const again = this.#lookAgain;
      this.#lookAgain = false;
      this.#schedule(again ? Math.min(this.#settleMs, delayMs) : delayMs);
    });
  }

  async #safeStep(): Promise<number> {
    try {
      return await this.#step();
    } catch (error) {
      this.#report(`cannot be reloaded (${String(error)}), expected readable files`);
      return this.#pollMs;
    }
  }

  get #pollMs(): number {
    return this.#options.pollMs ?? 500;
  }

  /** @returns after how many milliseconds to look again. */
  async #step(): Promise<number> {
    this.#rewatch();
    const snapshot = await this.#snapshot();
    if (this.#closed) return this.#pollMs;
    const now = this.#clock.now();
    if (!sameSnapshot(snapshot, this.#seen)) {
      this.#seen = snapshot;
      this.#since = now;
      // The first look compares with what `current` was made of; it needs no rest if nothing moved since.
      return this.#settleMs;
    }
    if (this.#loaded !== undefined && sameSnapshot(snapshot, this.#loaded)) return this.#pollMs;
    const patience = hasEmptyFile(snapshot) ? this.#settleMs * EMPTY_PATIENCE : this.#settleMs;
    const rest = this.#since + patience - now;
    if (rest > 0) return Math.min(rest, this.#pollMs);
    const result = this.#load();
    // Written to while it was read: what was read may be torn, so it is read again once it rests.
    const after = await this.#snapshot();
    if (!sameSnapshot(after, snapshot)) {
      this.#seen = after;
      this.#since = this.#clock.now();
      return this.#settleMs;
    }
    this.#loaded = snapshot;
    if (!this.#closed) this.#apply(result);
    for (const [path, stamp] of snapshot) if (stamp === ABSENT) this.#reader.forget(path);
    // The new configuration may name other files; they are part of the next look, and no change.
    this.#loaded = this.#seen = await this.#snapshot(snapshot);
    return this.#pollMs;
  }

  #load() {
    const { env, cwd } = this.#options;
    return loadConfig(this.#file, env, {
      reader: this.#reader,
      running: this.#current,
      ...(cwd !== undefined && { cwd }),
    });
  }

  #apply(result: ReturnType<typeof loadConfig>): void {
    const wasBroken = this.#broken;
    this.#broken = !result.ok;
    if (!result.ok) {
      this.#options.onProblems(result.problems);
      return;
    }
    const changes = diffConfig(this.#current, result.config);
    this.#current = inForce(this.#current, result.config);
    if (changes.length > 0) this.#options.onChange({ config: this.#current, changes });
    else if (wasBroken) this.#options.onRepaired?.();
  }

  #report(message: string): void {
    const file = displayPath(this.#file, this.#options.cwd ?? process.cwd());
    try {
      if (!this.#closed) this.#options.onProblems([{ file, line: 1, column: 1, path: 'file', message }]);
    } catch {
      // Whoever is told of problems has one himself; watching goes on.
    }
  }

  /**
   * All files as they are; a file that is missing for a short time is still taken for what it was.
   *
   * @param known where given, files in it are not looked at again.
   */
  async #snapshot(known?: Snapshot): Promise<Snapshot> {
    const paths = new Set([...this.#current.files, ...this.#reader.listed(this.#current.router.realms)]);
    const snapshot = new Map<string, string>();
    for (const path of paths) {
      snapshot.set(path, known?.get(path) ?? (await this.#stamp(path)));
    }
    return snapshot;
  }

  async #stamp(path: string): Promise<string> {
    let stamp: string;
    try {
      // Nanoseconds and the inode: a save within one millisecond, or a rename of an older file, is a change too.
      const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
      stamp = `${size}:${mtimeNs}:${ctimeNs}:${ino}`;
    } catch {
      stamp = ABSENT;
    }
    if (stamp !== ABSENT) this.#missingSince.delete(path);
    else if (!this.#missingSince.has(path)) this.#missingSince.set(path, this.#clock.now());
    return stamp === ABSENT && this.#inGrace(path) ? (this.#loaded?.get(path) ?? MISSING) : stamp;
  }

  /** Whether `path` is missing, but not yet for so long that it counts as gone. */
  #inGrace(path: string): boolean {
    const since = this.#missingSince.get(path);
    return since !== undefined && this.#clock.now() - since < (this.#options.goneMs ?? 2000);
  }

  /** Folders may come and go, and a system may have no more watches to give: polling carries on without. */
  #rewatch(): void {
    if (this.#options.notify === false) return;
    for (const folder of new Set([dirname(this.#file), this.#current.router.realms])) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#look());
        watcher.on('error', () => this.#unwatch(folder));
        this.#watchers.set(folder, watcher);
      } catch {
        // Tried again at the next look.
      }
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  if (a.size !== b.size) return false;
  for (const [path, stamp] of a) if (b.get(path) !== stamp) return false;
  return true;
}

function hasEmptyFile(snapshot: Snapshot): boolean {
  for (const stamp of snapshot.values()) if (stamp.startsWith('0:')) return true;
  return false;
}
