/** Credentials that live outside the realm files: which of them exist, and a fingerprint of the files. */

import { createHash } from 'node:crypto';
import { type ConfigPath, formatPath, type Position, type Problem } from './problem.ts';
import type { Secrets } from './realm-config.ts';
import type { Source } from './source.ts';
import type { CraSpec, TicketSpec } from './types.ts';

/** Reads a whole file. @throws what `readFileSync` throws */
export type ReadFile = (file: string) => Uint8Array;

/** Where a variable that is not set is first used, and by whom. */
interface Unset {
  readonly variable: string;
  readonly source: Source;
  readonly position: Position;
  readonly path: Problem['path'];
  readonly users: Set<string>;
}

/** One load's view of variables and files. The values themselves are never kept. */
export class SecretSources implements Secrets {
  readonly #env: NodeJS.ProcessEnv;
  readonly #read: ReadFile;
  readonly #unset = new Map<string, Unset>();
  readonly #missing: Problem[] = [];
  /** SHA-256 by absolute path; empty where there is no file. */
  readonly fingerprints = new Map<string, string>();

  constructor(env: NodeJS.ProcessEnv, read: ReadFile) {
    this.#env = env;
    this.#read = read;
  }

  exists(spec: TicketSpec | CraSpec, source: Source, path: ConfigPath, authid: string): boolean {
    if ('env' in spec) {
      const value = this.#env[spec.env];
      if (value !== undefined && value !== '') return true;
      this.unset(spec.env, source, path, authid);
      return false;
    }
    if (!('file' in spec)) return true;
    const bytes = this.fingerprint(spec.file);
    // An empty ticket never authenticates (CONTRACT §4), and a final line break is the editor's.
    if (bytes !== undefined && Buffer.from(bytes).toString('utf8').trim() !== '') return true;
    const wrong = bytes === undefined ? 'names a file that cannot be read' : 'names an empty file';
    const problem = source.problem(
      [...path, 'file'],
      `${wrong}, so the credential does not exist, expected ${spec.file}`,
    );
    this.#missing.push(problem);
    return false;
  }

  /** Notes that a credential of `authid` does not exist because `variable` is unset or empty. */
  unset(variable: string, source: Source, path: ConfigPath, authid: string, at?: Position): void {
    const key = `${source.file}\0${variable}`;
    const first = this.#unset.get(key);
    if (first !== undefined) first.users.add(authid);
    else {
      // A credential left out already is where it was written; the tree has closed up behind it.
      const { path: shown } = at === undefined ? source.problem(path, '') : { path: formatPath(path) };
      const position = at ?? source.position(path);
      this.#unset.set(key, { variable, source, position, path: shown, users: new Set([authid]) });
    }
  }

  /** Remembers what `file` holds. @returns its bytes, or undefined where it cannot be read. */
  fingerprint(file: string): Uint8Array | undefined {
    let bytes: Uint8Array | undefined;
    try {
      bytes = this.#read(file);
    } catch {
      // Said by the caller, who knows where the file is named.
    }
    this.fingerprints.set(file, bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex'));
    return bytes;
  }

  /** Variables that are unset or empty, in order of first use. */
  get unsetEnv(): string[] {
    return [...new Set([...this.#unset.values()].map(({ variable }) => variable))];
  }

  /** One warning per variable and file, as a whole swarm may share one. */
  get warnings(): Problem[] {
    const unset = [...this.#unset.values()].map(({ variable, source, position, path, users }) => {
      const [first, second, third, ...others] = users;
      const names = [first, second, third].filter((name) => name !== undefined).join(', ');
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      const message = `${variable} is not set, so ${names}${more} cannot join with it`;
      return { file: source.file, ...position, path, message };
    });
    return [...unset, ...this.#missing];
  }
}
