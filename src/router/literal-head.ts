import type { Match } from '../wamp/uri.ts';
import { literalHeadLength } from './glob.ts';

/** The text that everything matched by the pattern begins with (CONTRACT §4). */
export function literalHead(pattern: string, match: Match): string {
  if (match === 'glob') return pattern.slice(0, literalHeadLength(pattern));
  if (match !== 'wildcard') return pattern;
  const parts = pattern.split('.');
  const firstEmpty = parts.indexOf('');
  return firstEmpty === -1
    ? pattern
    : parts
        .slice(0, firstEmpty)
        .map((part) => `${part}.`)
        .join('');
}
