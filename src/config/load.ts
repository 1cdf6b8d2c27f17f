/** Files → one frozen configuration, or every problem at once. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  checkAnonymous,
  checkAudit,
  checkDuplicateRealms,
  checkEndpointRealms,
  namedRealms,
  type RealmFileResult,
} from './cross.ts';
import { deepFreeze } from './freeze.ts';
import { lintEnvironments, lintRealm, lintRouter } from './lint.ts';
import { parseSource } from './parse.ts';
import { type ConfigPath, displayPath, type Problem, sortProblems } from './problem.ts';
import { buildRealm } from './realm-config.ts';
import { buildRouter } from './router-config.ts';
import { type RealmFile, type RouterFile, realmSchema, routerSchema } from './schema.ts';
import { SecretSources } from './secrets.ts';
import { readSource, Source } from './source.ts';
import type { Config, LimitsConfig, RouterConfig } from './types.ts';

export type LoadResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** The file system as the loader sees it; the watcher puts in what it remembers of a file that is just being saved. */
export interface FileReader {
  /** Absolute paths of the realm files in `folder`, sorted. @throws where the folder cannot be read */
  list(folder: string): string[];
  /** @throws where the file cannot be read */
  read(file: string): Uint8Array;
  /** Whether the file is gone and only remembered: another file for its realm then replaces it. */
  lingers(file: string): boolean;
}

export interface LoadOptions {
  readonly reader?: FileReader;
  /** At a reload: what is in force. Its endpoints may outlive a realm, and its listeners are those that stay open. */
  readonly running?: Config;
  /** Folder that paths in problems are relative to. Default: the working directory. */
  readonly cwd?: string;
}

/** Editors' own files begin with a dot or `#`, or end differently. */
const REALM_FILE = /^[^.#].*\.ya?ml$/;

export const diskReader: FileReader = {
  list: (folder) =>
    readdirSync(folder)
      .filter((name) => REALM_FILE.test(name))
      .sort()
      .map((name) => join(folder, name)),
  read: (file) => readFileSync(file),
  lingers: () => false,
};

/**
 * Reads `file` and every realm file, checks all of it and lints what is good. Never throws. Nothing of the result
 * holds a secret.
 *
 * @param env for `${env:NAME}` and to see which credentials exist.
 */
export function loadConfig(file: string, env: NodeJS.ProcessEnv, options: LoadOptions = {}): LoadResult {
  return new Loader(resolve(file), env, options).load();
}

class Loader {
  readonly #file: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #reader: FileReader;
  readonly #running: Config | undefined;
  readonly #cwd: string;
  readonly #secrets: SecretSources;
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];
  /** Names in the realm files, also of files with problems. */
  readonly #realmNames = new Set<string>();
  /** Whether a realm is there whose name could not be read. */
  #realmsUnknown = false;
  readonly #files: string[];

  constructor(file: string, env: NodeJS.ProcessEnv, options: LoadOptions) {
    this.#file = file;
    this.#env = env;
    this.#reader = options.reader ?? diskReader;
    this.#running = options.running;
    this.#cwd = options.cwd ?? process.cwd();
    this.#secrets = new SecretSources(env, (path) => this.#reader.read(path));
    this.#files = [file];
  }

  load(): LoadResult {
    const source = this.#source(this.#file, () => false);
    const parsed = parseSource<RouterFile>(routerSchema, source, (path) => path.at(-1) === 'token');
    this.#problems.push(...parsed.problems);
    const router = parsed.value && this.#router(parsed.value, source);
    // A broken router.yaml is no reason to be silent about the realms: they stand in the usual folder, most likely.
    const folder = router?.realms ?? resolve(dirname(this.#file), '../realms');
    const limits = router?.limits ?? routerSchema.shape.limits.parse(undefined);
    const realms = this.#realms(folder, source, limits, router !== undefined);
    if (parsed.value !== undefined && router !== undefined) this.#cross(parsed.value, router, source, realms);
    this.#warnings.push(...this.#secrets.warnings);
    const warnings = sortProblems(this.#warnings);
    if (this.#problems.length > 0 || router === undefined) {
      return { ok: false, problems: sortProblems(this.#problems), warnings };
    }
    const config: Config = {
      router,
      realms: new Map(realms.map(({ config }) => [config.realm, config])),
      warnings,
      files: [...this.#files, ...this.#secrets.fingerprints.keys()],
      fingerprints: this.#secrets.fingerprints,
      unsetEnv: this.#secrets.unsetEnv,
    };
    return { ok: true, config: deepFreeze(config) };
  }

  #source(file: string, droppable: (path: ConfigPath, kind: 'scalar' | 'map') => boolean): Source {
    const shown = displayPath(file, this.#cwd);
    let bytes: Uint8Array;
    try {
      bytes = this.#reader.read(file);
    } catch (error) {
      const message =
        code(error) === 'ENOENT'
          ? `no such file (looked in ${dirname(file)})`
          : `cannot be read (${code(error)}), expected a YAML file`;
      return new Source(shown, undefined, [{ file: shown, line: 0, column: 0, path: 'file', message }], []);
    }
    return readSource(bytes, { file: shown, env: this.#env, droppable });
  }

  #router(value: RouterFile, source: Source): RouterConfig {
    const { config, problems } = buildRouter(this.#file, value, source);
    this.#problems.push(...problems);
    value.listeners.forEach((listener, i) => {
      if (listener.tls !== undefined) this.#tlsFiles(listener.tls, ['listeners', i, 'tls'], source);
    });
    if (value.admin?.tls !== undefined) this.#tlsFiles(value.admin.tls, ['admin', 'tls'], source);
    if (problems.length === 0) this.#warnings.push(...lintRouter(config, source));
    return config;
  }

  #tlsFiles(tls: Readonly<Record<string, string | undefined>>, at: ConfigPath, source: Source): void {
    for (const [key, path] of Object.entries(tls)) {
      if (path === undefined) continue;
      const file = resolve(dirname(this.#file), path);
      if (this.#secrets.fingerprint(file) !== undefined) continue;
      this.#problems.push(source.problem([...at, key], `names a file that cannot be read, expected ${file}`));
    }
  }

  #realms(folder: string, source: Source, limits: LimitsConfig, complain: boolean): RealmFileResult[] {
    let files: string[] = [];
    let wrong = `is ${folder}, which has no realm files, expected at least one <realm>.yaml there`;
    try {
      files = this.#reader.list(folder);
    } catch (error) {
      wrong = `is ${folder}, which cannot be read (${code(error)}), expected the folder of the realm files`;
    }
    if (files.length === 0) this.#realmsUnknown = true;
    if (files.length === 0 && complain) this.#problems.push(source.problem(['realms'], wrong));
    // Remembered files last: a file that was renamed is not two files for one realm.
    const present = files.filter((file) => !this.#reader.lingers(file));
    const results = present.flatMap((file) => this.#realm(file, limits));
    for (const file of files.filter((file) => this.#reader.lingers(file))) {
      const problems = this.#problems.length;
      const before = new Set(results.map(({ config }) => config.realm));
      const remembered = this.#realm(file, limits).filter(({ config }) => !before.has(config.realm));
      results.push(...remembered);
      if (remembered.length === 0) this.#problems.length = problems;
    }
    this.#problems.push(...checkDuplicateRealms(results));
    this.#warnings.push(...lintEnvironments(results));
    return results;
  }

  #realm(file: string, limits: LimitsConfig): RealmFileResult[] {
    const source = this.#source(file, droppable);
    this.#files.push(file);
    const authidOf = (path: ConfigPath) => String(path[1]);
    for (const { path, at, variable } of source.dropped) {
      this.#secrets.unset(variable, source, path, authidOf(path), at);
    }
    const roleNames = new Set(source.keys(['roles']));
    const name = source.find(['realm']);
    if (name?.kind === 'scalar' && typeof name.value === 'string') this.#realmNames.add(name.value);
    else this.#realmsUnknown = true;
    const parsed = parseSource<RealmFile>(realmSchema, source, isSecret);
    this.#problems.push(...parsed.problems);
    if (parsed.value === undefined) return [];
    const { config, problems } = buildRealm(file, parsed.value, source, roleNames, limits, this.#secrets);
    this.#problems.push(...problems);
    if (parsed.problems.length + problems.length === 0) this.#warnings.push(...lintRealm(config, source));
    return [{ source, config }];
  }

  #cross(value: RouterFile, router: RouterConfig, source: Source, realms: readonly RealmFileResult[]): void {
    const tolerated = new Set(this.#running?.router.listeners.flatMap(namedRealms));
    // An endpoint's realm may be the one whose name cannot be read: the slip there is the thing to say.
    if (!this.#realmsUnknown) {
      const { problems, warnings } = checkEndpointRealms(value, source, this.#realmNames, tolerated);
      this.#problems.push(...problems);
      this.#warnings.push(...warnings);
    }
    // A listener closed in the file is open until the restart: the realms must be safe with both.
    const routers = this.#running === undefined ? [router] : [router, this.#running.router];
    for (const realm of realms) {
      const [first] = routers.flatMap((each) => checkAnonymous(each, realm));
      if (first !== undefined) this.#problems.push(first);
      this.#warnings.push(...checkAudit(router, realm));
    }
  }
}

/** Those that are no secret when they stand in the file as plain text. */
const PUBLIC = new Set<unknown>(['cryptosign', 'tls']);
const CREDENTIALS = new Set<unknown>(['ticket', 'cryptosign', 'wampcra', 'scram', 'tls']);

function isSecret(path: ConfigPath): boolean {
  return path[0] === 'principals' && CREDENTIALS.has(path[2]) && !PUBLIC.has(path[2]);
}

/** One credential: under its key, or an item of the list there. A plain text is an error, set or not. */
function droppable(path: ConfigPath, kind: 'scalar' | 'map'): boolean {
  const credential = path[0] === 'principals' && CREDENTIALS.has(path[2]) && path.length >= 3 && path.length <= 4;
  if (!credential || (path.length === 4 && typeof path[3] !== 'number')) return false;
  return kind === 'map' || PUBLIC.has(path[2]);
}

function code(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
