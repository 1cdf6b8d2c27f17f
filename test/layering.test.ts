import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codeOnly, cycles, importsOf, type Sources, target, withoutComments } from './support/imports.ts';

/** Who may import whom: part of src/ → the other parts it may import. What is not listed is forbidden. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wamp: [],
  signing: [],
  serializers: ['wamp'],
  router: ['wamp'],
  transports: ['wamp'],
  auth: ['wamp', 'router', 'signing'],
  acl: ['wamp', 'router', 'signing'],
  config: ['wamp', 'router', 'signing'],
  // What all adapters share (adapter.ts) and their list (registry.ts); a single adapter is a part of its own.
  adapters: ['wamp', 'serializers', 'router', 'transports', 'auth', 'acl', 'config', 'adapters/*'],
  'adapters/*': ['wamp', 'serializers', 'router', 'transports', 'auth', 'acl', 'config', 'adapters'],
  cluster: ['wamp', 'serializers', 'router', 'transports', 'auth', 'acl', 'config'],
  observe: ['wamp', 'serializers', 'router', 'transports', 'auth', 'acl', 'config', 'adapters', 'cluster'],
  admin: ['wamp', 'serializers', 'router', 'transports', 'auth', 'acl', 'config', 'adapters', 'cluster'],
  server: [
    ...['wamp', 'signing', 'serializers', 'router', 'transports', 'auth', 'acl', 'config'],
    ...['adapters', 'adapters/*', 'cluster', 'observe', 'admin'],
  ],
  cli: [
    ...['wamp', 'signing', 'serializers', 'router', 'transports', 'auth', 'acl', 'config'],
    ...['adapters', 'adapters/*', 'cluster', 'observe', 'admin', 'server', 'agent'],
  ],
  'main.ts': ['cli'],
  // A client, for others' programs and pages: nothing of the router.
  agent: ['wamp', 'signing'],
};

/** The core is pure: these parts import no package and, beside this list, nothing of Node. */
const PURE = ['wamp', 'router'];
const PURE_EXCEPT: Readonly<Record<string, readonly string[]>> = { 'wamp/ids.ts': ['node:crypto'] };

/** Also runs in browsers, which have the web's interfaces and nothing of Node. */
const PORTABLE = ['signing', 'agent'];
/** Asks where it runs, and takes what is there. */
const PORTABLE_EXCEPT: Readonly<Record<string, readonly string[]>> = { 'agent/websocket.ts': ['process'] };
const OF_NODE = /\b(?:Buffer|process|require|global|__dirname|setImmediate)\b/g;

/** Time, sockets and output reach the core through its interfaces only (`Clock`, `Peer`, `RouterObserver`). */
const IMPURE =
  /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|fetch|WebSocket)\b|\bprocess\.|\bconsole\.|\bDate\.now\b|\bnew Date\b(?!\(\s*[^\s)])|\bperformance\./g;

/** The core knows peers, not what they speak. `JSON.stringify` is the language's way to quote a string for people. */
const OUTSIDE =
  /\b(?!JSON\.stringify\b)(?:bub|relay|mcp|websocket|rawsocket|jsonrpc|json|msgpack|cbor|micromatch|autobahn|wampy|nats)\b/gi;

function part(file: string): string {
  const [first = '', second, third] = file.split('/');
  return first === 'adapters' && second !== undefined && third !== undefined ? `${first}/${second}` : first;
}

/** The line of the table that is about `name`: all single adapters share one. */
function line(name: string): string {
  return name.startsWith('adapters/') ? 'adapters/*' : name;
}

function wrongImports(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    const from = part(file);
    const allowed = MAY_IMPORT[line(from)];
    if (allowed === undefined) wrong.push(`${file} belongs to no part of src/`);
    for (const { specifier } of importsOf(text)) {
      const imported = target(file, specifier);
      if (imported === undefined) continue;
      const to = part(imported);
      if (!sources.has(imported)) wrong.push(`${file} → ${specifier}: no such file`);
      else if (to !== from && allowed?.includes(line(to)) !== true) wrong.push(`${file} → ${imported}`);
    }
  }
  return wrong;
}

function impurities(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    if (!PURE.includes(part(file))) continue;
    for (const { specifier } of importsOf(text)) {
      if (specifier.startsWith('.') || PURE_EXCEPT[file]?.includes(specifier) === true) continue;
      wrong.push(`${file} → ${specifier}`);
    }
    for (const [word] of codeOnly(text).matchAll(IMPURE)) wrong.push(`${file}: ${word}`);
  }
  return wrong;
}

function partsOfNode(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    if (!PORTABLE.includes(part(file))) continue;
    for (const { specifier } of importsOf(text))
      if (specifier.startsWith('node:')) wrong.push(`${file} → ${specifier}`);
    for (const [word] of codeOnly(text).matchAll(OF_NODE))
      if (PORTABLE_EXCEPT[file]?.includes(word) !== true) wrong.push(`${file}: ${word}`);
  }
  return wrong;
}

function foreignNames(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    if (part(file) !== 'router') continue;
    for (const [word] of withoutComments(text).matchAll(OUTSIDE)) wrong.push(`${file}: ${word}`);
  }
  return wrong;
}

function typeCyclesAcrossFolders(sources: Sources): string[][] {
  return cycles(sources, true).filter((circle) => new Set(circle.map((file) => dirname(file))).size > 1);
}

function sourcesOnDisk(): Sources {
  const root = fileURLToPath(new URL('../src/', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  return new Map(
    files.filter((path) => path.endsWith('.ts')).map((path) => [path, readFileSync(`${root}${path}`, 'utf8')]),
  );
}

describe('src/', () => {
  const sources = sourcesOnDisk();

  it('imports go one way only, by the table', () => {
    expect(wrongImports(sources)).toEqual([]);
  });

  it('no files import each other in a circle when they run', () => {
    expect(cycles(sources, false)).toEqual([]);
  });

  it('types refer to each other in a circle only inside one folder', () => {
    expect(typeCyclesAcrossFolders(sources)).toEqual([]);
  });

  it('wamp/ and router/ know no socket, no file, no timer and no package', () => {
    expect(impurities(sources)).toEqual([]);
  });

  it('signing/ and agent/ have nothing of Node, so that agents in browsers run the same code', () => {
    expect(partsOfNode(sources)).toEqual([]);
  });

  it('router/ names no adapter, serializer or transport', () => {
    expect(foreignNames(sources)).toEqual([]);
  });
});

describe('the scanner that checks src/', () => {
  const of = (files: Record<string, string>): Sources => new Map(Object.entries(files));

  it('finds every form of import, and which of them are erased', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import {\n  c,\n  type D,\n} from './c.ts';",
      "import { type E } from './e.ts';",
      "import './f.ts';",
      "export * from './g.ts';",
      "export type { H } from './h.ts';",
      "const i = await import('./i.ts');",
      "let j: typeof import('./j.ts');",
      "import type from './k.ts';",
      "// import x from './no.ts';",
      "/* export * from './no.ts'; */",
    ].join('\n');
    const found = importsOf(text).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? ' type' : ''}`);
    const all = ['a', 'b type', 'c', 'e', 'f', 'g', 'h type', 'i', 'j type', 'k'];
    expect(found.sort()).toEqual(all.map((name) => `./${name.replace(/^./, '$&.ts')}`));
  });

  it.each([
    ['wamp/a.ts', 'router/b.ts'],
    ['router/a.ts', 'serializers/b.ts'],
    ['transports/a.ts', 'router/b.ts'],
    ['acl/a.ts', 'auth/b.ts'],
    ['signing/a.ts', 'wamp/b.ts'],
    ['router/a.ts', 'signing/b.ts'],
    ['auth/a.ts', 'config/b.ts'],
    ['config/a.ts', 'acl/b.ts'],
    ['adapters/x/a.ts', 'adapters/y/b.ts'],
    ['router/a.ts', 'adapters/x/b.ts'],
    ['observe/a.ts', 'admin/b.ts'],
    ['server/a.ts', 'cli/b.ts'],
    ['main.ts', 'server/b.ts'],
    ['other.ts', 'wamp/b.ts'],
    ['agent/a.ts', 'router/b.ts'],
    ['server/a.ts', 'agent/b.ts'],
  ])('%s must not import %s, not even its types', (from, to) => {
    const up = '../'.repeat(from.split('/').length - 1) || './';
    expect(wrongImports(of({ [from]: `import type { X } from '${up}${to}';`, [to]: '' }))).not.toEqual([]);
  });

  it('allows what the table allows, and asks for files that exist', () => {
    const fine = { 'adapters/x/a.ts': "import { B } from '../adapter.ts';", 'adapters/adapter.ts': '' };
    expect(wrongImports(of(fine))).toEqual([]);
    expect(wrongImports(of({ 'wamp/a.ts': "import { B } from './gone.ts';" }))).not.toEqual([]);
  });

  it('tells circles that run from circles of types', () => {
    const running = of({ 'a/a.ts': "import { b } from './b.ts';", 'a/b.ts': "export { a } from './a.ts';" });
    expect(cycles(running, false)).toEqual([['a/a.ts', 'a/b.ts']]);
    const types = of({ 'a/a.ts': "import { b } from './b.ts';", 'a/b.ts': "import type { A } from './a.ts';" });
    expect(cycles(types, false)).toEqual([]);
    expect(typeCyclesAcrossFolders(types)).toEqual([]);
    const far = of({ 'a/a.ts': "import { b } from '../b/b.ts';", 'b/b.ts': "import type { A } from '../a/a.ts';" });
    expect(typeCyclesAcrossFolders(far)).toEqual([['a/a.ts', 'b/b.ts']]);
  });

  it.each([
    "import net from 'node:net';",
    "import { Server } from 'ws';",
    "import { randomBytes } from 'node:crypto';",
    'const t = Date.now();',
    'const t = new Date().getTime();',
    'const t = new Date;',
    'setTimeout(run, 1);',
    'const a = /[/"]/; setImmediate(run);',
    'process.nextTick(run);',
  ])('router/ is not pure with: %s', (text) => {
    expect(impurities(of({ 'router/a.ts': text }))).toHaveLength(1);
  });

  it('signing/ would be bound to Node by its modules and by its globals', () => {
    const text = "import { verify } from 'node:crypto';\nconst a = Buffer.from(process.title); // Buffer";
    expect(partsOfNode(of({ 'signing/a.ts': text, 'auth/a.ts': text }))).toHaveLength(3);
  });

  it('comments and quotes do not make the core impure, ids may draw randomness, and a given time may be written', () => {
    expect(impurities(of({ 'router/a.ts': 'const text = new Date(created).toISOString();' }))).toEqual([]);
    expect(impurities(of({ 'router/a.ts': "// setTimeout\nconst s = 'Date.now';" }))).toEqual([]);
    expect(impurities(of({ 'wamp/ids.ts': "import { randomFillSync } from 'node:crypto';" }))).toEqual([]);
  });

  it('finds a foreign name in the core as a word, whatever its case, but not in comments', () => {
    expect(foreignNames(of({ 'router/a.ts': "if (kind === 'Bub') relay();" }))).toHaveLength(2);
    expect(foreignNames(of({ 'router/a.ts': '// unlike CBOR\nconst bubble = 1;' }))).toEqual([]);
  });
});
