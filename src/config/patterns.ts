/** Whether a URI, pattern or glob in a realm file is one that can be meant. Compiling them is not our affair. */

import { isValidUri } from '../wamp/uri.ts';
import type { RuleMatch } from './types.ts';

/** Longest pattern an admin may write, in bytes: no client's URI is longer by default. */
const MAX_PATTERN_BYTES = 1024;

/**
 * What is wrong with `uri` under `match`, as "wrong, expected …"; undefined where nothing is.
 *
 * @param placeholder whether `{authid}` may stand in it.
 */
export function uriProblem(uri: string, match: RuleMatch, strict: boolean, placeholder: boolean): string | undefined {
  const shown = `is ${JSON.stringify(uri.slice(0, 80))}`;
  if (Buffer.byteLength(uri) > MAX_PATTERN_BYTES) return `${shown}…, expected at most ${MAX_PATTERN_BYTES} bytes`;
  const filled = placeholder ? fillPlaceholders(uri) : { uri, wrong: undefined };
  if (filled.wrong !== undefined) return `${shown}, ${filled.wrong}`;
  if (match === 'glob') return componentGlobProblem(filled.uri, shown);
  // A `deny` that was meant as a pattern and matches nothing is a hole, so this is no mere warning.
  if (filled.uri.includes('*')) {
    return `${shown}: under match: ${match} a * is no wildcard, expected match: glob, or a prefix without the *`;
  }
  if (isValidUri(filled.uri, match, strict)) return undefined;
  if (strict && isValidUri(filled.uri, match, false)) {
    return `${shown}, expected a URI of the strict form (a–z, 0–9, _) as this realm has strictUris: true`;
  }
  return `${shown}, expected ${EXPECTED[match]}`;
}

const EXPECTED = {
  exact: 'a URI without spaces, # and empty components (match: wildcard allows empty ones)',
  prefix: 'the beginning of a URI, without spaces and #; only its end may be empty',
  wildcard: 'a URI without spaces and #; empty components match anything',
};

/** `{authid}` counts as a component of letters; anything else in braces was meant as a placeholder we do not know. */
function fillPlaceholders(uri: string): { uri: string; wrong: string | undefined } {
  const parts = uri.split('.');
  for (const part of parts) {
    if (part === '{authid}') continue;
    if (part.includes('{authid}')) return { uri, wrong: 'expected {authid} only as a whole component, between dots' };
    if (/\{\w*\}/.test(part)) return { uri, wrong: 'expected {authid}, the only placeholder there is' };
  }
  return { uri: parts.map((part) => (part === '{authid}' ? 'authid' : part)).join('.'), wrong: undefined };
}

function componentGlobProblem(glob: string, shown: string): string | undefined {
  if (glob === '' || /[\s#]/.test(glob)) return `${shown}, expected a glob without spaces and #`;
  for (const part of glob.split('.')) {
    if (part === '') return `${shown}, expected a glob without empty components; * stands for one, ** for any number`;
    const wrong = part === '**' ? undefined : globPartProblem(part, 'component');
    if (wrong !== undefined) return `${shown}, ${wrong}`;
  }
  return undefined;
}

/** What is wrong with a glob for clientIds and relay names, where `*` crosses dots; undefined where nothing is. */
export function nameGlobProblem(glob: string): string | undefined {
  const wrong = Buffer.byteLength(glob) > MAX_PATTERN_BYTES ? 'expected fewer bytes' : globPartProblem(glob, 'glob');
  return wrong && `is ${JSON.stringify(glob.slice(0, 80))}, ${wrong}`;
}

/**
 * One star at most: `a*a*a*b` backtracks for 200 ms on a URI of 45 characters that a client chooses (ARCHITECTURE §2).
 * The same goes for the constructs of regular expressions that glob matchers let through.
 */
function globPartProblem(part: string, where: string): string | undefined {
  if (part.split('*').length > 2) return `expected at most one * per ${where} (more take long to match)`;
  if (/[\\()|{}]/.test(part) || part.startsWith('!'))
    return 'expected no special characters other than * ? [abc] [!abc]';
  for (let i = part.indexOf('['); i >= 0; i = part.indexOf('[', i)) {
    const set = /^\[!?([^[\]!^][^[\]]*)\]/.exec(part.slice(i));
    if (set === null) return 'expected a character set such as [abc] or [!abc], closed in the same component';
    try {
      new RegExp(`[${set[1]}]`);
    } catch {
      return 'expected ranges in [ ] from the lower character to the higher';
    }
    i += set[0].length;
    if (part[i] === '+') return 'expected no + after ]';
  }
  return part.includes(']') && !part.includes('[') ? 'expected a [ before the ]' : undefined;
}
