import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const sources = ['src', 'test', 'scripts', 'examples'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[cm]?[jt]s$/.test(name))
    .map((name) => `${folder}/${name}`),
);

/** Numbers of the headings of a page, e.g. `1.4`. */
function sectionsOf(page: string): Set<string> {
  const text = readFileSync(join(root, page), 'utf8');
  return new Set([...text.matchAll(/^#+ §(\d+(?:\.\d+)?) /gm)].map(([, number = '']) => number));
}

it.each([
  ['CONTRACT', 'docs/contract.md'],
  ['ARCHITECTURE', 'docs/architecture.md'],
])('every section cited as %s §n is in %s', (name, page) => {
  const sections = sectionsOf(page);
  expect(sections.size).toBeGreaterThan(1);
  const citation = new RegExp(`${name} §?(\\d+(?:\\.\\d+)?)`, 'g');
  const unknown = sources.flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(citation)]
      .filter(([, number = '']) => !sections.has(number))
      .map(([text]) => `${path}: ${text}`),
  );
  expect(unknown).toEqual([]);
});

it('every row cited as FEATURES A5 is in docs/wamp.md', () => {
  const page = readFileSync(join(root, 'docs/wamp.md'), 'utf8');
  const unknown = sources.flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/FEATURES ([A-E]\d+)/g)]
      .filter(([, id]) => !page.includes(`| ${id} |`))
      .map(([text]) => `${path}: ${text}`),
  );
  expect(unknown).toEqual([]);
});
