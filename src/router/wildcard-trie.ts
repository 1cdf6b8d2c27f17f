/** The wildcard part of the URI index: a trie of components for each number of components. */

interface Node<E> {
  // Made on demand: most nodes have one child.
  literal: Map<string, Node<E>> | undefined;
  any: Node<E> | undefined;
  /** What ends here, by pattern: one entry, or those that differ only after `DEPTH` components. */
  ends: Map<string, Ending<E>> | undefined;
}

interface Ending<E> {
  readonly entry: E;
  /** Orders long patterns that match one URI: a digit for each component, 0 literal, 1 empty. */
  readonly precedence: string;
}

/**
 * Further components are compared pattern by pattern: a node takes some 300 bytes, a component two, and a client
 * that fills its patterns with dots should not be able to take a hundred times their size.
 */
const DEPTH = 16;

const emptyNode = <E>(): Node<E> => ({ literal: undefined, any: undefined, ends: undefined });

export class WildcardTrie<E extends { readonly uri: string }> {
  /** Root by number of components, which a wildcard never changes. */
  readonly #roots = new Map<number, Node<E>>();

  get isEmpty(): boolean {
    return this.#roots.size === 0;
  }

  set(entry: E): void {
    const parts = entry.uri.split('.');
    let node = this.#roots.get(parts.length);
    if (node === undefined) {
      node = emptyNode();
      this.#roots.set(parts.length, node);
    }
    for (const part of parts.slice(0, DEPTH)) node = childFor(node, part);
    node.ends ??= new Map();
    const precedence = parts.length > DEPTH ? parts.map((part) => (part === '' ? '1' : '0')).join('') : '';
    node.ends.set(entry.uri, { entry, precedence });
  }

  /** Removes a pattern that is in the trie, and every node that leads to nothing any more. */
  delete(pattern: string): void {
    const parts = pattern.split('.');
    const root = this.#roots.get(parts.length);
    if (root !== undefined && prune(root, parts, 0, pattern)) this.#roots.delete(parts.length);
  }

  /**
   * All that match, in order of precedence: of two patterns, the one that is literal where they first differ.
   *
   * Level by level, the literal child before the wildcard child; a level never has more nodes than there are patterns
   * that agree with the URI so far.
   */
  match(uri: string): E[] {
    const found: E[] = [];
    const root = this.#roots.size === 0 ? undefined : this.#roots.get(countComponents(uri));
    if (root === undefined) return found;
    const parts = uri.split('.');
    let level: Node<E>[] = [root];
    for (let depth = 0; depth < parts.length && depth < DEPTH && level.length > 0; depth++) {
      const next: Node<E>[] = [];
      for (const node of level) {
        const literal = node.literal?.get(parts[depth] ?? '');
        if (literal !== undefined) next.push(literal);
        if (node.any !== undefined) next.push(node.any);
      }
      level = next;
    }
    for (const node of level) {
      // Not spread: there may be more than the stack takes arguments.
      for (const { entry } of parts.length > DEPTH ? matchEnds(node, uri) : (node.ends?.values() ?? []))
        found.push(entry);
    }
    return found;
  }
}

function countComponents(uri: string): number {
  let count = 1;
  for (let dot = uri.indexOf('.'); dot !== -1; dot = uri.indexOf('.', dot + 1)) count++;
  return count;
}

function childFor<E>(node: Node<E>, part: string): Node<E> {
  if (part === '') {
    node.any ??= emptyNode();
    return node.any;
  }
  node.literal ??= new Map();
  let child = node.literal.get(part);
  if (child === undefined) {
    child = emptyNode();
    node.literal.set(part, child);
  }
  return child;
}

function matchEnds<E extends { readonly uri: string }>(node: Node<E>, uri: string): readonly Ending<E>[] {
  const found = [...(node.ends?.values() ?? [])].filter(({ entry }) => matchesInPlace(entry.uri, uri));
  if (found.length < 2) return found;
  return found.sort((a, b) => (a.precedence < b.precedence ? -1 : a.precedence > b.precedence ? 1 : 0));
}

const DOT = 0x2e;

/**
 * `uriMatches` for a wildcard with as many components as the URI. Splits nothing: one session may hold ten thousand
 * patterns of five hundred components that agree in the first `DEPTH`, and each publication would split them all.
 */
export function matchesInPlace(pattern: string, uri: string): boolean {
  let at = 0;
  let componentBegins = true;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charCodeAt(i);
    if (char === DOT && componentBegins) at = endOfComponent(uri, at);
    if (char !== uri.charCodeAt(at)) return false;
    at++;
    componentBegins = char === DOT;
  }
  return (componentBegins ? endOfComponent(uri, at) : at) === uri.length;
}

function endOfComponent(uri: string, from: number): number {
  let at = from;
  while (at < uri.length && uri.charCodeAt(at) !== DOT) at++;
  return at;
}

/** @returns whether `node` leads to nothing any more. Never deeper than `DEPTH` calls. */
function prune<E>(node: Node<E>, parts: readonly string[], depth: number, pattern: string): boolean {
  const part = depth < DEPTH ? parts[depth] : undefined;
  if (part === undefined) {
    node.ends?.delete(pattern);
    if (node.ends?.size === 0) node.ends = undefined;
  } else if (part === '') {
    if (node.any !== undefined && prune(node.any, parts, depth + 1, pattern)) node.any = undefined;
  } else {
    const child = node.literal?.get(part);
    if (child !== undefined && prune(child, parts, depth + 1, pattern)) node.literal?.delete(part);
    if (node.literal?.size === 0) node.literal = undefined;
  }
  return node.ends === undefined && node.any === undefined && node.literal === undefined;
}
