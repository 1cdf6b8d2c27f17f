import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string} root the project's folder
 * @throws {Error} naming both versions, where this Node is none of those in package.json's `engines`
 */
export function checkNode(root) {
  const range = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
  if (isSupported(process.versions.node, range)) return;
  throw new Error(`this is Node ${process.versions.node}, but Node ${range} is needed: see https://nodejs.org`);
}

/**
 * @param {string} version e.g. `20.19.0`
 * @param {string} range alternatives of `^a.b.c` and `>=a.b.c` between `||`, as package.json has it
 */
export function isSupported(version, range) {
  const have = numbers(version);
  return range.split('||').some((part) => {
    const want = numbers(part);
    if (part.trim().startsWith('^') && have[0] !== want[0]) return false;
    return compare(have, want) >= 0;
  });
}

function numbers(text) {
  return text.match(/\d+/g).slice(0, 3).map(Number);
}

function compare(a, b) {
  for (let i = 0; i < 3; i += 1) {
    const difference = (a[i] || 0) - (b[i] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
