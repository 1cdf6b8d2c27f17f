/** A YAML file as a tree that knows where each value stands, with `${env:NAME}` already replaced. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { type ConfigPath, formatPath, type Position, type Problem } from './problem.ts';

/** Larger files are refused: a realm of 10,000 principals has about 2 MiB. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** Aliases can make a small file large; no honest file has that many values. */
const MAX_NODES = 500_000;

const ENV = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

interface Place {
  /** Of the value. */
  readonly at: Position;
  /** Of the key it stands under; equal to `at` in lists. */
  readonly keyAt: Position;
  /** In lists: which one it is in the file, whatever was taken out in front of it. */
  readonly index?: number;
}

export type ConfigNode =
  | (Place & { readonly kind: 'scalar'; value: unknown; readonly substituted: boolean })
  | (Place & { readonly kind: 'list'; readonly items: ConfigNode[] })
  | (Place & { readonly kind: 'map'; readonly entries: Map<string, ConfigNode> });

/** A credential left out because the variable it is written with is unset or empty (CONTRACT §4, "Secrets"). */
export interface Dropped {
  readonly path: ConfigPath;
  readonly at: Position;
  readonly variable: string;
}

export interface SourceOptions {
  /** Name of the file in problems. */
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether the value at this path ceases to exist, instead of being a problem, where a variable in it is unset. */
  readonly droppable?: (path: ConfigPath, kind: 'scalar' | 'map') => boolean;
}

/** One parsed file. `root` is undefined where the text is no YAML at all. */
export class Source {
  readonly file: string;
  readonly root: ConfigNode | undefined;
  readonly problems: readonly Problem[];
  readonly dropped: readonly Dropped[];
  readonly #taken: Set<string>;
  readonly #thinned = new Set<ConfigNode>();

  constructor(file: string, root: ConfigNode | undefined, problems: readonly Problem[], dropped: readonly Dropped[]) {
    this.file = file;
    this.root = root;
    this.problems = problems;
    this.dropped = dropped;
    // What could not even be read is not there, but it was.
    this.#taken = new Set(problems.map((problem) => problem.path));
  }

  /** The node at `path`, or undefined. */
  find(path: ConfigPath): ConfigNode | undefined {
    let node = this.root;
    for (const part of path) node = node === undefined ? undefined : child(node, part);
    return node;
  }

  /** Where `path` stands; for what is not there, where the nearest thing around it stands. */
  position(path: ConfigPath, of: 'value' | 'key' = 'value'): Position {
    for (let length = path.length; length >= 0; length--) {
      const node = this.find(path.slice(0, length));
      // Something absent is reported at the key it should stand under, which is where one looks.
      if (node !== undefined) return length === path.length && of === 'value' ? node.at : node.keyAt;
    }
    return { line: 1, column: 1 };
  }

  /** A problem at `path`, which is said as it is in the file. */
  problem(path: ConfigPath, message: string, of: 'value' | 'key' = 'value'): Problem {
    return { file: this.file, ...this.position(path, of), path: formatPath(this.#written(path)), message };
  }

  /** `path` with list indexes as in the file. */
  #written(path: ConfigPath): ConfigPath {
    return path.map((part, i) => (typeof part === 'number' ? (this.find(path.slice(0, i + 1))?.index ?? part) : part));
  }

  /** `file:line` of `path`. */
  place(path: ConfigPath): string {
    return `${this.file}:${this.position(path).line}`;
  }

  /** Keys of the map at `path` in file order: objects would put `"12"` before `"a"`. Empty where it is no map. */
  keys(path: ConfigPath): string[] {
    const node = this.find(path);
    return node?.kind === 'map' ? [...node.entries.keys()] : [];
  }

  /** Takes the value at `path` out of the tree. */
  remove(path: ConfigPath): void {
    const parent = this.find(path.slice(0, -1));
    const last = path.at(-1);
    this.#taken.add(formatPath(this.#written(path)));
    if (parent?.kind === 'map' && typeof last === 'string') parent.entries.delete(last);
    if (parent?.kind !== 'list' || typeof last !== 'number') return;
    parent.items.splice(last, 1);
    this.#thinned.add(parent);
  }

  /** Whether something stood at `path` and was taken out, for a problem in it. */
  wasTaken(path: ConfigPath): boolean {
    return this.#taken.has(formatPath(this.#written(path)));
  }

  /** Whether the list at `path` had more items. */
  isThinned(path: ConfigPath): boolean {
    const node = this.find(path);
    return node !== undefined && this.#thinned.has(node);
  }

  /** The plain values. */
  data(): unknown {
    return this.root === undefined ? undefined : toData(this.root);
  }
}

function child(node: ConfigNode, part: string | number): ConfigNode | undefined {
  if (node.kind === 'map') return node.entries.get(String(part));
  if (node.kind === 'list' && typeof part === 'number') return node.items[part];
  return undefined;
}

function toData(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toData);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, value]) => [key, toData(value)]));
  }
}

/** Reads `bytes`. Never throws: what is wrong stands in `problems`, all of it. */
export function readSource(bytes: Uint8Array, options: SourceOptions): Source {
  const refuse = (message: string): Source =>
    new Source(options.file, undefined, [{ file: options.file, line: 1, column: 1, path: 'file', message }], []);
  if (bytes.length > MAX_FILE_BYTES) return refuse(`has ${bytes.length} bytes, expected at most ${MAX_FILE_BYTES}`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not valid UTF-8, expected a YAML text in UTF-8');
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, version: '1.2' });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      const message = `is not valid YAML: ${error.message}`;
      return { file: options.file, line: Math.max(line, 1), column: Math.max(col, 1), path: 'file', message };
    });
    return new Source(options.file, undefined, problems, []);
  }
  const contents = document.contents;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return refuse('is empty, expected a YAML map of keys');
  }
  const builder = new TreeBuilder(lines, options, (node) => (isAlias(node) ? node.resolve(document) : undefined));
  const root = builder.build(contents, [], undefined);
  return new Source(options.file, root, builder.problems, builder.dropped);
}

/** Walks the YAML nodes once; keeps what was wrong on the way. */
class TreeBuilder {
  readonly problems: Problem[] = [];
  readonly dropped: Dropped[] = [];
  readonly #lines: LineCounter;
  readonly #options: SourceOptions;
  readonly #resolve: (node: unknown) => unknown;
  readonly #open = new Set<unknown>();
  #nodes = 0;
  /** First unset variable met inside the droppable value being built. */
  #unset: string | undefined;
  #droppable = false;

  constructor(lines: LineCounter, options: SourceOptions, resolve: (node: unknown) => unknown) {
    this.#lines = lines;
    this.#options = options;
    this.#resolve = resolve;
  }

  /** @returns undefined where the value is left out: dropped, or a problem was noted. */
  build(yaml: unknown, path: ConfigPath, keyAt: Position | undefined): ConfigNode | undefined {
    const droppable = !isSeq(yaml) && this.#options.droppable?.(path, isMap(yaml) ? 'map' : 'scalar') === true;
    if (this.#droppable || !droppable) return this.#node(yaml, path, keyAt);
    this.#droppable = true;
    this.#unset = undefined;
    const node = this.#node(yaml, path, keyAt);
    this.#droppable = false;
    if (this.#unset === undefined || node === undefined) return node;
    this.dropped.push({ path, at: node.at, variable: this.#unset });
    return undefined;
  }

  #node(yaml: unknown, path: ConfigPath, keyAt: Position | undefined): ConfigNode | undefined {
    const at = this.#position(yaml) ?? keyAt ?? { line: 1, column: 1 };
    const place = { at, keyAt: keyAt ?? at };
    if (++this.#nodes > MAX_NODES) {
      if (this.#nodes === MAX_NODES + 1) this.#note(path, at, `has more than ${MAX_NODES} values, expected fewer`);
      return undefined;
    }
    if (this.#open.has(yaml)) {
      this.#note(path, at, 'is an alias to something it stands in, expected an alias to an earlier value');
      return undefined;
    }
    const target = this.#resolve(yaml);
    if (target !== undefined) return this.#node(target, path, place.keyAt);
    this.#open.add(yaml);
    const node = this.#plain(yaml, path, place);
    this.#open.delete(yaml);
    return node;
  }

  #plain(yaml: unknown, path: ConfigPath, place: Place): ConfigNode {
    if (isMap(yaml)) return { ...place, kind: 'map', entries: this.#entries(yaml.items, path) };
    if (isSeq(yaml)) {
      const items: ConfigNode[] = [];
      for (const [index, item] of yaml.items.entries()) {
        const node = this.build(item, [...path, index], undefined);
        if (node !== undefined) items.push({ ...node, index });
      }
      return { ...place, kind: 'list', items };
    }
    const value = isScalar(yaml) ? yaml.value : null;
    if (typeof value !== 'string' || !value.includes('${env:')) {
      return { ...place, kind: 'scalar', value, substituted: false };
    }
    return { ...place, kind: 'scalar', value: this.#substitute(value, path, place.at), substituted: true };
  }

  #entries(items: readonly { key: unknown; value: unknown }[], path: ConfigPath): Map<string, ConfigNode> {
    const entries = new Map<string, ConfigNode>();
    for (const { key, value } of items) {
      const at = this.#position(key) ?? { line: 1, column: 1 };
      const name = isScalar(key) && key.value !== null ? (key.source ?? String(key.value)) : undefined;
      if (name === undefined || name === '__proto__') {
        this.#note(path, at, 'has a key that is no name, expected text');
        continue;
      }
      if (entries.has(name)) {
        this.#note([...path, name], at, 'is written twice, expected once');
        continue;
      }
      const node = this.build(value, [...path, name], at);
      if (node !== undefined) entries.set(name, node);
    }
    return entries;
  }

  /** Replaces each `${env:NAME}`; like a shell, `:-` covers unset and empty. */
  #substitute(text: string, path: ConfigPath, at: Position): string {
    const result = text.replace(ENV, (_all, name: string, fallback: string | undefined) => {
      const value = this.#options.env[name];
      if (value !== undefined && (value !== '' || fallback === undefined)) {
        if (value === '') this.#unset ??= name;
        return value;
      }
      if (fallback === '') this.#unset ??= name;
      if (fallback !== undefined) return fallback;
      if (this.#droppable) this.#unset ??= name;
      else {
        const fix = `expected the variable to be set, or a default as in \${env:${name}:-value}`;
        this.#note(path, at, `the environment variable ${name} is not set, ${fix}`);
      }
      return '';
    });
    // Only what is left of the author's own text can be malformed; a value may contain anything.
    if (text.replace(ENV, '').includes('${env:')) {
      this.#note(path, at, `has a malformed substitution, expected \${env:NAME} or \${env:NAME:-default}`);
    }
    return result;
  }

  #note(path: ConfigPath, at: Position, message: string): void {
    this.problems.push({ file: this.#options.file, ...at, path: formatPath(path), message });
  }

  #position(yaml: unknown): Position | undefined {
    const range = (yaml as ParsedNode | null)?.range;
    if (range === undefined || range === null) return undefined;
    const { line, col } = this.#lines.linePos(range[0]);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}
