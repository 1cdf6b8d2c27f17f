/** A tree and a schema → typed values and every problem with its position. */

import type { z } from 'zod';
import type { ConfigPath, Problem } from './problem.ts';
import { formatPath } from './problem.ts';
import type { ConfigNode, Source } from './source.ts';

/** Longest value that a message repeats, in characters. */
const MAX_SHOWN = 60;

/** Removing one problem can lay open the next; a file with more of them than this is not read further. */
const MAX_ROUNDS = 200;

export interface Parsed<T> {
  /** The file without the parts that have problems, so that the checks after it see the rest; undefined: no rest. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

type Issue = z.core.$ZodIssue;

/**
 * Checks `source` against `schema`. The schema's messages are by convention the second half of a message, "what is
 * expected"; the first half is made here from what was found.
 *
 * Changes the tree of `source`: texts that came from the environment get the type the schema wants ("substituted in
 * parsed scalars, then typed", CONTRACT §3), and what has a problem is taken out.
 *
 * @param secret whether the value at a path must not be repeated in a message.
 */
export function parseSource<T>(schema: z.ZodType<T>, source: Source, secret: (path: ConfigPath) => boolean): Parsed<T> {
  const problems: Problem[] = [...source.problems];
  const reported = new Set(source.problems.map(spot));
  if (source.root === undefined) return { value: undefined, problems };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = schema.safeParse(source.data());
    if (result.success) return { value: result.data, problems };
    const issues = result.error.issues.flatMap(narrow);
    if (retypeAll(issues, source)) continue;
    const doomed: ConfigPath[] = [];
    for (const issue of issues) {
      for (const { path, message, of } of explain(issue, source, secret)) {
        const problem = source.problem(path, message, of);
        if (!reported.has(spot(problem)) && !isConsequence(source, path)) problems.push(problem);
        reported.add(spot(problem));
        doomed.push(target(issue, path));
      }
    }
    if (!prune(source, doomed)) break;
  }
  return { value: undefined, problems };
}

/** Issues that refuse a value as a whole. */
const REFUSALS = new Set<Issue['code']>(['invalid_type', 'invalid_value', 'invalid_union', 'invalid_format']);

/** Whether it is missing, or an empty list, only because what was there had a problem itself. */
function isConsequence(source: Source, path: ConfigPath): boolean {
  const node = source.find(path);
  return node === undefined ? source.wasTaken(path) : node.kind === 'list' && source.isThinned(path);
}

/** Of a union's branches, the one that was meant: the only one with the fewest issues. Else the union as a whole. */
function narrow(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const branches = issue.errors.map((branch) =>
    branch.flatMap((inner) => narrow({ ...inner, path: [...issue.path, ...inner.path] } as Issue)),
  );
  const depth = issue.path.length;
  // A branch that refuses the value's very kind (text where a map is wanted) was not meant.
  const fitting = branches.filter(
    (branch) => !branch.some((inner) => inner.path.length === depth && REFUSALS.has(inner.code)),
  );
  const fewest = Math.min(...fitting.map((branch) => branch.length));
  const [meant, ...others] = fitting.filter((branch) => branch.length === fewest);
  return meant !== undefined && others.length === 0 ? meant : (unknownEverywhere(issue, fitting) ?? [issue]);
}

/** Keys that no branch of a union knows: whichever branch was meant, these are the slip. Undefined: there are none. */
function unknownEverywhere(issue: Issue, branches: readonly Issue[][]): Issue[] | undefined {
  const refused = branches.map((branch) =>
    branch.flatMap((inner) =>
      inner.code === 'unrecognized_keys' && inner.path.length === issue.path.length ? [inner] : [],
    ),
  );
  const keysOf = (found: (typeof refused)[number]) => found.flatMap(({ keys }) => keys);
  const keys = keysOf(refused[0] ?? []).filter((key) => refused.every((found) => keysOf(found).includes(key)));
  const [first] = refused.flat();
  if (first === undefined || keys.length === 0) return undefined;
  const known = new Set(refused.flat().flatMap(({ message }) => message.split(', ')));
  return [{ ...first, keys, path: issue.path, message: [...known].join(', ') }];
}

/** Types texts from the environment where the schema wants a number or a boolean. @returns whether any changed. */
function retypeAll(issues: readonly Issue[], source: Source): boolean {
  let changed = false;
  for (const issue of issues) {
    const node = source.find(toPath(issue.path));
    if (node?.kind !== 'scalar' || !node.substituted || typeof node.value !== 'string') continue;
    const typed = retype(node.value, wantedTypes(issue));
    if (typed === undefined) continue;
    node.value = typed;
    changed = true;
  }
  return changed;
}

function wantedTypes(issue: Issue): Set<string> {
  if (issue.code === 'invalid_type') return new Set([issue.expected]);
  if (issue.code !== 'invalid_union') return new Set();
  return new Set(issue.errors.flat().flatMap((inner) => (inner.path.length === 0 ? [...wantedTypes(inner)] : [])));
}

function retype(text: string, wanted: ReadonlySet<string>): unknown {
  if (wanted.has('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if ((wanted.has('number') || wanted.has('int')) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return undefined;
}

/** One value in the file, also after list indexes moved. */
function spot(problem: Problem): string {
  return `${problem.line}:${problem.column}:${/[^.[\]]*\]?$/.exec(problem.path)?.[0]}`;
}

interface Explained {
  readonly path: ConfigPath;
  readonly message: string;
  readonly of: 'value' | 'key';
}

function explain(issue: Issue, source: Source, secret: (path: ConfigPath) => boolean): Explained[] {
  const path = toPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(', ');
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known), of: 'key' as const }));
  }
  const of = issue.code === 'invalid_key' ? 'key' : 'value';
  return [{ path, message: `${found(source.find(path), secret(path))}, expected ${issue.message}`, of }];
}

/** "is unknown, expected one of …", with the nearest known key where there is one. */
function unknownKey(key: string, known: readonly string[]): string {
  const [best] = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const near = best !== undefined && best.distance <= Math.max(1, Math.floor(key.length / 3));
  return `is an unknown key, expected ${near ? `${best.name} or another ` : 'one '}of ${known.join(', ')}`;
}

/** Describes what stands there without repeating secrets, which substituted values may be. */
function found(node: ConfigNode | undefined, secret: boolean): string {
  if (node === undefined) return 'is missing';
  if (node.kind === 'list') return node.items.length === 0 ? 'is an empty list' : 'is a list';
  if (node.kind === 'map') return 'is a map';
  if (node.value === null) return 'is empty';
  if (node.substituted) return 'has an unfit value from the environment';
  if (secret) return `is a ${typeof node.value === 'string' ? 'plain text' : typeof node.value}`;
  const text = typeof node.value === 'string' ? JSON.stringify(node.value) : String(node.value);
  return `is ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}`;
}

/**
 * What to take out for a problem at `path`: the nearest list item around it, as half of a rule would be another rule,
 * else the key itself. An unknown key goes alone, except in rules, where it may have been meant as `match` or `deny`.
 */
function target(issue: Issue, path: ConfigPath): ConfigPath {
  if (issue.code === 'unrecognized_keys' && path[0] !== 'roles') return path;
  const index = path.findLastIndex((part) => typeof part === 'number');
  return index < 0 ? path : path.slice(0, index + 1);
}

/** Takes out each path, or the nearest thing around it that is there. @returns false where nothing is left. */
function prune(source: Source, paths: readonly ConfigPath[]): boolean {
  const targets = new Map<string, ConfigPath>();
  for (const path of paths) {
    let there = path;
    while (there.length > 0 && source.find(there) === undefined) there = there.slice(0, -1);
    if (there.length === 0) return false;
    targets.set(formatPath(there), there);
  }
  // From the back, so that indexes in front stay true.
  for (const path of [...targets.values()].sort(fromTheBack)) {
    source.remove(path);
    // What held nothing else, as the map of a credential, would be wrong without it.
    const parent = path.slice(0, -1);
    if (parent.length > 0 && isEmptyMap(source.find(parent))) source.remove(parent);
  }
  return targets.size > 0;
}

function isEmptyMap(node: ConfigNode | undefined): boolean {
  return node?.kind === 'map' && node.entries.size === 0;
}

function fromTheBack(a: ConfigPath, b: ConfigPath): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    if (typeof x === 'number' && typeof y === 'number') return y - x;
    return String(x) < String(y) ? -1 : 1;
  }
  return b.length - a.length;
}

function toPath(path: readonly PropertyKey[]): ConfigPath {
  return path.map((part) => (typeof part === 'number' ? part : String(part)));
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
