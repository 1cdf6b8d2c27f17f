/**
 * Keys that are accepted and do nothing yet (CONTRACT, preamble), as the options table and the JSON Schemas mark them.
 * What of them a configuration uses, `server/unbuilt.ts` says at the start and in `waggle check`.
 */

/** Marked itself and with all that stands below it, by file. */
const KEYS: Readonly<Record<'router' | 'realm', readonly string[]>> = {
  router: ['admin.token', 'cluster'],
  realm: [],
};

/** What is said instead where only a part is missing, or more than nothing happens. */
const NOTES: Readonly<Record<string, string>> = {
  'listeners[].endpoints[].protocol': 'not built yet: mcp',
};

/** @returns what stands in parentheses behind the key's description; undefined: it is built */
export function unbuiltNote(kind: 'router' | 'realm', key: string): string | undefined {
  const below = (name: string) => key === name || key.startsWith(`${name}.`) || key.startsWith(`${name}[]`);
  return NOTES[key] ?? (KEYS[kind].some(below) ? 'not built yet' : undefined);
}
