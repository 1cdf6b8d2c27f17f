import { dirname, join } from 'node:path/posix';

/** One import of a source file. */
export interface Import {
  /** As written: `./peer.ts`, `ws`, `node:fs`. */
  readonly specifier: string;
  /** Erased by the compiler. `import { type X }` is not: with verbatimModuleSyntax the import itself stays. */
  readonly typeOnly: boolean;
}

/** Path below src/ → text. */
export type Sources = ReadonlyMap<string, string>;

// What can be mistaken for code: comments, strings, templates, and regular expressions where a value may begin.
const TOKENS =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=(?:^|[=(,:[!&|?{};]|=>|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/gm;

/** The text without comments. */
export function withoutComments(text: string): string {
  return text.replace(TOKENS, (token) => (/^\/[/*]/.test(token) ? ' ' : token));
}

/** The text without comments and without what stands in quotes; templates stay, for the code inside of them. */
export function codeOnly(text: string): string {
  return text.replace(TOKENS, (token) => (token.startsWith('`') ? token : token.startsWith('/') ? ' ' : "''"));
}

/** All imports and re-exports of a file, static, dynamic, and in types. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  const statement = /^\s*(?:import|export)\s+(type\s+(?!from\b)|)[^'"`;=()]*?\bfrom\s*(['"])(.+?)\2/gm;
  for (const [, type, , specifier] of code.matchAll(statement)) {
    found.push({ specifier: specifier ?? '', typeOnly: type !== '' });
  }
  for (const [, , specifier] of code.matchAll(/^\s*import\s*(['"])(.+?)\1/gm)) {
    found.push({ specifier: specifier ?? '', typeOnly: false });
  }
  for (const [, type, , specifier] of code.matchAll(/(\btypeof\s+)?\bimport\s*\(\s*(['"`])(.+?)\2/g)) {
    found.push({ specifier: specifier ?? '', typeOnly: type !== undefined });
  }
  return found;
}

/** The file below src/ that `specifier` in `file` means; undefined for packages and Node's modules. */
export function target(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(file), specifier) : undefined;
}

/** Sets of files that import each other in a circle (strongly connected components), each sorted. */
export function cycles(sources: Sources, withTypes: boolean): string[][] {
  const graph = new Map(
    [...sources].map(([file, text]) => [
      file,
      importsOf(text)
        .filter((found) => withTypes || !found.typeOnly)
        .flatMap((found) => target(file, found.specifier) ?? []),
    ]),
  );
  const reach = new Map([...graph.keys()].map((file) => [file, reachable(graph, file)]));
  const together = (a: string, b: string) => reach.get(a)?.has(b) === true && reach.get(b)?.has(a) === true;
  const seen = new Set<string>();
  const result: string[][] = [];
  for (const file of [...graph.keys()].sort()) {
    if (seen.has(file) || !together(file, file)) continue;
    const circle = [...graph.keys()].filter((other) => together(file, other)).sort();
    for (const member of circle) seen.add(member);
    result.push(circle);
  }
  return result;
}

function reachable(graph: ReadonlyMap<string, readonly string[]>, from: string): Set<string> {
  const found = new Set<string>();
  const open = [...(graph.get(from) ?? [])];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    open.push(...(graph.get(file) ?? []));
  }
  return found;
}
