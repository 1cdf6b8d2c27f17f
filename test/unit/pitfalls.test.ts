import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/pitfalls.md'), 'utf8');
const entries = new Map(
  [...page.matchAll(/^(\d+)\. (.+)$/gm)].map(([, number, text]) => [Number(number), String(text)] as const),
);

/** `PITFALLS 5`, `PITFALLS 22, 73`, `PITFALLS 25–27`, `PITFALLS 26 and 31`. */
const CITATION = /PITFALLS (\d+(?:(?:, | and |[–-])\d+)*)/g;

function numbersIn(text: string): number[] {
  return [...text.matchAll(CITATION)].flatMap(([, list = '']) =>
    list.split(/, | and /).flatMap((part) => {
      const [from = 0, to = from] = part.split(/[–-]/).map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    }),
  );
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : /\.[cm]?[jt]s$/.test(path) ? [path] : [];
  });
}

/** Names of tests: what `it` and `describe` are called with, and literals (rows of `it.each`) that begin with a citation. */
function namesIn(source: string): string[] {
  const called = /\b(?:it|test|describe)\b[^\n'"`]*\(\s*(['"`])([^\n]*?)\1/g;
  const begins = /(['"`])(PITFALLS \d[^\n]*?)\1/g;
  return [...source.matchAll(called), ...source.matchAll(begins)].map(([, , name = '']) => name);
}

it('the list has the numbers 1 to 90, each once and in order', () => {
  expect([...page.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 90 }, (_, i) => i + 1),
  );
});

it('every pitfall of what is built is cited by the name of a test', () => {
  const cited = new Set(
    filesBelow('test').flatMap((path) => namesIn(readFileSync(join(root, path), 'utf8')).flatMap(numbersIn)),
  );
  const missing = [...entries]
    .filter(([number, text]) => !/^\*Not yet\b/.test(text) && !cited.has(number))
    .map(([number, text]) => `${number}. ${text}`);
  expect(missing).toEqual([]);
});

it('what a comment cites is in the list', () => {
  const unknown = ['src', 'test', 'scripts', 'examples'].flatMap((folder) =>
    filesBelow(folder).flatMap((path) =>
      numbersIn(readFileSync(join(root, path), 'utf8'))
        .filter((number) => !entries.has(number))
        .map((number) => `${path}: ${number}`),
    ),
  );
  expect(unknown).toEqual([]);
});
