import { type BigIntStats, readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../router/clock.ts';

/** A ticket is some dozens of bytes, a JWT a few thousand; more is not what the admin meant. */
const MAX_BYTES = 65_536n;
/** How long a file must have been empty or gone until that is believed: editors truncate, then write. */
const GONE_MS = 2_000;

interface Known {
  content: string | undefined;
  problem: string | undefined;
  /** State of the file that `content` was read from. */
  taken: string;
  /** State seen by the last look, and when it was first seen. */
  seen: string;
  since: number;
}

/**
 * Secrets in files (`{ file: … }`). Read when the realm is compiled, then looked at by `refresh`, which takes a
 * change over when two looks saw the file in the same state, so that no half-written secret is believed.
 */
export class SecretFiles {
  readonly #clock: Clock;
  readonly #files = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The secret without its trailing line break; undefined where the file is missing, unreadable or empty.
   * The first call for a path reads it, blocking: to be called while compiling only (ARCHITECTURE §1.5).
   */
  get(path: string): string | undefined {
    return this.#known(path).content;
  }

  /** Why `get` has nothing to give. */
  problem(path: string): string {
    return this.#known(path).problem ?? 'is empty';
  }

  /** @returns whether any secret is another one now. Never rejects. */
  async refresh(): Promise<boolean> {
    const changes = await Promise.all([...this.#files].map(([path, known]) => this.#look(path, known)));
    return changes.includes(true);
  }

  #known(path: string): Known {
    const before = this.#files.get(path);
    if (before !== undefined) return before;
    const now = this.#clock.now();
    const known: Known = { content: undefined, problem: undefined, taken: '', seen: '', since: now };
    try {
      const stats = statSync(path, { bigint: true });
      known.taken = stateOf(stats);
      known.problem = unfit(stats);
      if (known.problem === undefined) known.content = strip(readFileSync(path, 'utf8'));
    } catch (error) {
      known.taken = known.problem = unreadable(error);
    }
    known.seen = known.taken;
    this.#files.set(path, known);
    return known;
  }

  async #look(path: string, known: Known): Promise<boolean> {
    let state: string;
    let problem: string | undefined;
    let content: string | undefined;
    try {
      const stats = await stat(path, { bigint: true });
      state = stateOf(stats);
      if (state === known.taken) {
        known.seen = state;
        return false;
      }
      problem = unfit(stats);
      if (problem === undefined) content = strip(await readFile(path, 'utf8'));
    } catch (error) {
      state = problem = unreadable(error);
    }
    const now = this.#clock.now();
    if (state !== known.seen) {
      known.seen = state;
      known.since = now;
      return false;
    }
    if (state === known.taken || (content === undefined && now - known.since < GONE_MS)) return false;
    const changed = content !== known.content;
    known.taken = state;
    known.content = content;
    known.problem = problem;
    return changed;
  }
}

function stateOf(stats: BigIntStats): string {
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}

function unfit(stats: BigIntStats): string | undefined {
  // A pipe or a device would make the reader wait for ever.
  if (!stats.isFile()) return 'is not a regular file';
  return stats.size > MAX_BYTES ? `is larger than ${MAX_BYTES} bytes` : undefined;
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
}

function strip(text: string): string | undefined {
  const secret = text.replace(/\r?\n$/, '');
  return secret.trim() === '' ? undefined : secret;
}
