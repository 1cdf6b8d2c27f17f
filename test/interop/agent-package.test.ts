/** What the package hands out as `waggle-router/agent`: a module for Node, one for browsers, and types. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startRouter } from '../support/start-router.ts';
import { build, folderOf, ROOT, spawnCommand } from '../support/waggle-process.ts';

const BUNDLE = join(ROOT, 'dist/agent/browser.js');

beforeAll(build, 120_000);

/** A folder in which the package is installed, as that of somebody who uses it. */
function users(files: Readonly<Record<string, string>>): string {
  const folder = folderOf({ 'package.json': '{"type":"module"}', 'node_modules/.keep': '', ...files });
  symlinkSync(ROOT, join(folder, 'node_modules/waggle-router'));
  return folder;
}

describe('the package export ./agent', () => {
  it('is there for every condition it names', () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const paths = Object.values<string>(exports['./agent']);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('is imported by its name', async () => {
    const router = await startRouter();
    onTestFinished(() => router.stop());
    const main = `
import { connectAgent } from 'waggle-router/agent';
const agent = await connectAgent({ url: '${router.url}', realm: 'realm1' });
await agent.register('a.b', ([name]) => 'hello ' + name);
console.log(await agent.call('a.b', ['swarm']));
await agent.close();
`;
    const run = spawnCommand(process.execPath, ['main.js'], { cwd: users({ 'main.js': main }) });
    expect((await run.ended).code).toBe(0);
    expect({ out: run.stdout, err: run.stderr }).toEqual({ out: 'hello swarm\n', err: '' });
  });

  it('has types that a strict compiler takes, and that know what is right and wrong', () => {
    const main = `
import { connectAgent, type Agent, type EventDetails, RefusedError } from 'waggle-router/agent';
const agent: Agent = await connectAgent({ url: 'ws://127.0.0.1/ws', realm: 'r', ticket: () => 't' });
const sum: number = await agent.call<number>('a.b', [1], { c: 2 }, { timeoutMs: 5, disclose_me: true });
await agent.subscribe('a', (args: readonly unknown[], _kwargs, details: EventDetails) => [args, details.topic, sum]);
agent.on('lost', ({ nextMs, code }) => nextMs + code);
agent.session?.publish('a');
if (new RefusedError('a', 'b').uri !== 'a') throw new Error();
// @ts-expect-error: no such event
agent.on('gone', () => {});
// @ts-expect-error: a realm is needed
await connectAgent({ url: 'ws://127.0.0.1/ws' });
`;
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const flags = '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2023 --types node';
    const folder = users({ 'main.ts': main });
    symlinkSync(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    const { stdout, status } = spawnSync(process.execPath, [tsc, ...flags.split(' '), 'main.ts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  it('for browsers is one module that imports nothing and needs nothing of Node', async () => {
    const text = readFileSync(BUNDLE, 'utf8');
    expect(text.match(/^import .*|\bimport\(|[`'"]node:|\beval\(/m)).toBe(null);
    const router = await startRouter();
    onTestFinished(() => router.stop());
    const script = join(ROOT, 'test/interop/fixtures/browser-like.mjs');
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    const run = spawnCommand(process.execPath, [...flags, script, BUNDLE, router.url]);
    await run.ended;
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout)).toEqual({ sum: 7, refused: 'wamp.error.no_such_procedure' });
  });
});
