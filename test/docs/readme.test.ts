import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/program.ts';

const root = resolve(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const readme = text('README.md');
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** What `waggle ARGS --help` says. */
async function help(args: readonly string[]): Promise<{ code: number; said: string }> {
  let said = '';
  const write = (part: string): boolean => {
    said += part;
    return true;
  };
  const io = { stdin: process.stdin, stdout: { write }, stderr: { write }, env: {} } as unknown as Io;
  return { code: await run([...args, '--help'], io, COMMANDS), said };
}

const commands = [...readme.matchAll(/^\| `waggle ([^`]+)` \|/gm)].map(([, line = '']) => ({
  line,
  words: /^[a-z]+(?: [a-z]+)*/.exec(line)?.[0].split(' ') ?? [],
  options: line.match(/--[a-z]+/g) ?? [],
  values: line.replace(/\[.*/, '').match(/\b[A-Z]+\b/g) ?? [],
}));

it('the snippets of the README are the files they name', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/readme-snippets.mjs'), '--check']);
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  expect(readme.match(/<!-- snippet: /g)?.length).toBeGreaterThan(0);
});

it('the README has every program of examples', () => {
  const programs = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' });
  const named = (name: string): boolean =>
    readme.includes(`(examples/${name})`) || readme.includes(`examples/${name} `);
  expect(programs.filter((name) => /\.(?:js|html|sh)$/.test(name) && !named(name))).toEqual([]);
});

it('the README has every page of docs', () => {
  const written = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  expect(written.filter((name) => !readme.includes(`(docs/${name})`))).toEqual([]);
});

describe('commands', () => {
  it.each(commands)('waggle $line is a command with these options', async ({ words, options, values }) => {
    const { code, said } = await help(words);
    expect(code).toBe(0);
    const usage = said.split('\n')[0] ?? '';
    expect(usage).toContain(`waggle ${words.join(' ')} `);
    expect(usage.match(/<[a-z]+>/g) ?? []).toEqual(values.map((value) => `<${value.toLowerCase()}>`));
    for (const option of options) expect(said).toMatch(new RegExp(`^  ${option}\\b`, 'm'));
  });

  it('the table has every command', async () => {
    const { said } = await help([]);
    const listed = said.slice(said.indexOf('Commands:')).match(/^ {2}([a-z]+)\b/gm) ?? [];
    const known = new Set(commands.map(({ words }) => words[0]));
    expect(listed.map((name) => name.trim()).filter((name) => name !== 'help' && !known.has(name))).toEqual([]);
  });
});

it('every npm script that a page names is there', () => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
  const named = pages.flatMap((page) => [...text(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name = '']) => name));
  expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
});

it('every link to a file of the repository leads somewhere', () => {
  const broken = pages.flatMap((page) =>
    [...text(page).matchAll(/\]\(([^)\s#:]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

it('every heading that a link points at is there', () => {
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-');
  const broken = pages.flatMap((page) =>
    [...text(page).matchAll(/\]\(([^)\s#:]*)#([^)]+)\)/g)]
      .filter(([, target = '', anchor]) => {
        const path = target === '' ? page : join(dirname(page), target);
        const headings = [...text(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slug(heading));
        return !headings.includes(anchor ?? '');
      })
      .map(([link]) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

it('every path of the repository that a page names in backticks is there', () => {
  const gone = pages.flatMap((page) =>
    [...text(page).matchAll(/`((?:src|test|scripts|examples|docs|config)\/[\w./-]*\w)`/g)]
      .map(([, path = '']) => path)
      // A contract suite is named without its ending; it has two files.
      .filter((path) => !['', '.ts', '.test.ts'].some((ending) => existsSync(join(root, path + ending))))
      .map((path) => `${page}: ${path}`),
  );
  expect(gone).toEqual([]);
});
